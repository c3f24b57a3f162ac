"""A contact on a door: IAS Zone, Zigbee Cluster Library, section 8.2."""

from typing import TYPE_CHECKING, Any, override

from zigpy import types as t
from zigpy.profiles import zha
from zigpy.zcl.clusters import security
from zigpy.zcl.clusters.general import Ota
from zigpy.zcl.clusters.security import IasZone

from .cluster import Call, Server
from .device import Device
from .node import Endpoint
from .options import ContactOptions

if TYPE_CHECKING:
    from .radio import Radio

_ALARM = 0x0001
_NO_ZONE = 0xFF
_OWN = IasZone.ClientCommandDefs


class ZoneServer(Server):
    """The zone: enrolled first, then it tells what it sees."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Be closed, and enrolled with nobody."""
        super().__init__(
            endpoint,
            IasZone,
            {
                "zone_state": security.ZoneState.Not_enrolled,
                "zone_type": security.ZoneType.Contact_Switch,
                "zone_status": 0,
                "cie_addr": t.EUI64.convert("00:00:00:00:00:00:00:00"),
                "zone_id": _NO_ZONE,
            },
        )
        self.commands = {"enroll_response": self._enrolled}

    @property
    def enrolled(self) -> bool:
        """Tell whether somebody took it on."""
        return bool(self.get("zone_state") == security.ZoneState.Enrolled)

    def enroll(self, zone: int) -> None:
        """Be taken on."""
        self.set("zone_id", zone)
        self.set("zone_state", security.ZoneState.Enrolled)

    @override
    def written(self, attribute: int) -> None:
        if attribute == self.attribute("cie_addr"):
            self.event(
                _OWN.enroll,
                zone_type=security.ZoneType.Contact_Switch,
                manufacturer_code=self.node.options.manufacturer_code,
            )

    def _enrolled(self, call: Call, arguments: Any) -> None:
        if arguments.enroll_response_code == security.EnrollResponse.Success:
            self.enroll(int(arguments.zone_id))
        self.default(call)

    def tell(self, status: int) -> None:
        """Change the status of the zone, and tell who took it on."""
        self.set("zone_status", status)
        if self.enrolled:
            self.event(
                _OWN.status_change_notification,
                zone_status=status,
                extended_status=0,
                zone_id=self.get("zone_id"),
                delay=0,
            )


class Contact(Device):
    """A door contact."""

    def __init__(self, radio: Radio, options: ContactOptions) -> None:
        """Be on a closed door."""
        super().__init__(radio, options, int(zha.DeviceType.IAS_ZONE))
        self.zone = self.endpoint.add(ZoneServer(self.endpoint))
        self.endpoint.clients = (int(Ota.cluster_id),)
        if options.joined:
            self.zone.values[self.zone.attribute("cie_addr")] = radio.network.ieee
            self.zone.enroll(0)

    @property
    def is_open(self) -> bool:
        """Tell whether the door is open."""
        return bool(int(self.zone.get("zone_status")) & _ALARM)

    def move_door(self, *, is_open: bool) -> None:
        """Open or close the door."""
        self.zone.tell(_ALARM if is_open else 0)
