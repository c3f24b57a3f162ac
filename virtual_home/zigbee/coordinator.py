"""The stick as a device of its own network: its firmware answers ZDO for 0x0000."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, override

from zigpy.zdo import types as zdo

from .node import Node
from .options import NodeOptions
from .wire import Request

if TYPE_CHECKING:
    from .radio import Radio

_OPTIONS = NodeOptions(
    profile="coordinator",
    nwk=0,
    manufacturer="dresden elektronik",
    model="ConBee II",
    manufacturer_code=0x1135,
    joined=True,
    latency_s=0.0,
)
_SERVED = (1, 242)
_QUIET = 10


class Coordinator(Node):
    """The coordinator."""

    logical_type = zdo.LogicalType.Coordinator

    def __init__(self, radio: Radio) -> None:
        """Be the stick of this radio."""
        super().__init__(radio, replace(_OPTIONS, ieee=str(radio.network.ieee)))

    @property
    @override
    def capability(self) -> Any:
        flags = zdo.MACCapabilityFlags
        return (
            super().capability
            | flags.AlternatePanCoordinator
            | flags.FullFunctionDevice
            | flags.MainsPowered
        )

    @override
    def active_endpoints(self) -> list[int]:
        return [one for one in self.radio.network.descriptors() if one in _SERVED]

    @override
    def simple_descriptor(self, endpoint: int) -> Any:
        found = self.radio.network.descriptors().get(endpoint)
        return found and zdo.SizePrefixedSimpleDescriptor(**found.as_dict())

    @override
    def neighbors(self) -> list[Any]:
        nodes = [one for one in self.radio.nodes.values() if one.joined and one.nwk]
        return [
            zdo.Neighbor(
                extended_pan_id=self.radio.network.extended_pan_id,
                ieee=one.ieee,
                nwk=one.nwk,
                device_type=zdo.DeviceType.EndDevice,
                rx_on_when_idle=zdo.RxOnWhenIdle.Off
                if one.poll_s
                else zdo.RxOnWhenIdle.On,
                relationship=zdo.Relationship.Child,
                reserved1=0,
                permit_joining=zdo.PermitJoins.NotAccepting,
                reserved2=0,
                depth=1,
                lqi=200,
            )
            for one in nodes
        ]

    @override
    def scan(self, channels: Any) -> list[int]:
        return [_QUIET for one in range(11, 27) if int(channels) & 1 << one]

    @override
    def permit(self, seconds: int) -> None:
        self.radio.permit(seconds)

    @override
    def leave_soon(self) -> None:
        """Stay: it is the network."""

    @override
    def hear(self, request: Request, *, unicast: bool) -> None:
        if request.to.endpoint == 0:
            super().hear(request, unicast=unicast)
