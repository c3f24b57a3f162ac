"""A device that runs on batteries: one endpoint, and what each such device has."""

from typing import TYPE_CHECKING

from zigpy.zcl.clusters.general import Basic, Identify, PowerConfiguration

from .node import Endpoint, Node
from .options import NodeOptions

if TYPE_CHECKING:
    from .radio import Radio

ENDPOINT = 1
_ON_BATTERY = 3
_AA = 3
_BATTERY_S = 10800


class Device(Node):
    """A device with Basic, Power Configuration and Identify."""

    def __init__(self, radio: Radio, options: NodeOptions, device_type: int) -> None:
        """Have one endpoint."""
        super().__init__(radio, options)
        self.endpoint = Endpoint(self, ENDPOINT, device_type)
        self.endpoints[ENDPOINT] = self.endpoint
        self.endpoint.serve(
            Basic,
            zcl_version=3,
            app_version=3,
            stack_version=2,
            hw_version=1,
            manufacturer=options.manufacturer,
            model=options.model,
            date_code="20261101",
            power_source=_ON_BATTERY,
            sw_build_id="1.0",
        )
        self.power = self.endpoint.serve(
            PowerConfiguration,
            battery_voltage=58,
            battery_percentage_remaining=options.battery * 2,
            battery_size=_AA,
            battery_quantity=4,
            battery_rated_voltage=15,
            battery_alarm_state=0,
        )
        self.endpoint.serve(Identify, identify_time=0)
        if options.joined:
            self.bind(ENDPOINT, self.power.cluster_id, 1)
            self.power.configure("battery_percentage_remaining", _BATTERY_S)

    @property
    def battery(self) -> int:
        """The charge in percent."""
        return int(self.power.get("battery_percentage_remaining")) // 2

    def set_battery(self, percent: int) -> None:
        """Charge or drain the battery. Raises ValueError."""
        if not 0 <= percent <= 100:
            raise ValueError("a battery has 0 to 100 percent")
        self.power.set("battery_percentage_remaining", percent * 2)
