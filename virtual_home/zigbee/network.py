"""The stick's memory: network parameters and endpoint slots."""

from enum import IntEnum
import struct
from typing import Any

from zigpy import types as t
from zigpy.zdo import types as zdo

from .options import RadioOptions

_LINK_KEY = b"ZigBeeAlliance09"
_PROTOCOL = 0x010E
_CHANNELS = range(11, 27)


class Parameter(IntEnum):
    """Parameter ids of the serial protocol that the stick itself looks into."""

    MAC_ADDRESS = 0x01
    NWK_PANID = 0x05
    NWK_ADDRESS = 0x07
    NWK_EXTENDED_PANID = 0x08
    COORDINATOR = 0x09
    CHANNEL_MASK = 0x0A
    APS_EXTENDED_PANID = 0x0B
    TRUST_CENTER = 0x0E
    SECURITY_MODE = 0x10
    ENDPOINT = 0x13
    PREDEFINED_PANID = 0x15
    NETWORK_KEY = 0x18
    LINK_KEY = 0x19
    CHANNEL = 0x1C
    PERMIT_JOIN = 0x21
    PROTOCOL_VERSION = 0x22
    UPDATE_ID = 0x24
    WATCHDOG = 0x26
    FRAME_COUNTER = 0x27


def _endpoint(
    index: int, number: int, profile: int, device: int, *clusters: list[int]
) -> bytes:
    descriptor: Any = zdo.SimpleDescriptor(
        endpoint=number,
        profile=profile,
        device_type=device,
        device_version=1,
        input_clusters=clusters[0],
        output_clusters=clusters[1],
    )
    return bytes((index,)) + bytes(descriptor.serialize())


class Network:
    """What the stick keeps of its network."""

    def __init__(self, options: RadioOptions) -> None:
        """Have a network already, or be as from the factory."""
        ieee = t.EUI64.convert(options.ieee).serialize()
        nowhere = b"\xff" * 8
        self.parameters: dict[int, bytes] = {
            Parameter.MAC_ADDRESS: ieee,
            Parameter.NWK_PANID: b"\xff\xff",
            Parameter.NWK_ADDRESS: b"\xff\xff",
            Parameter.NWK_EXTENDED_PANID: nowhere,
            Parameter.COORDINATOR: b"\x01",
            Parameter.CHANNEL_MASK: _mask(*_CHANNELS),
            Parameter.APS_EXTENDED_PANID: nowhere,
            Parameter.TRUST_CENTER: ieee,
            Parameter.SECURITY_MODE: b"\x03",
            Parameter.PREDEFINED_PANID: b"\x00",
            Parameter.NETWORK_KEY: b"\x00" + b"\xff" * 16,
            Parameter.LINK_KEY: ieee + _LINK_KEY,
            Parameter.CHANNEL: b"\x00",
            Parameter.PROTOCOL_VERSION: struct.pack("<H", _PROTOCOL),
            Parameter.UPDATE_ID: b"\x00",
            Parameter.WATCHDOG: bytes(4),
            Parameter.FRAME_COUNTER: struct.pack("<I", 1),
        }
        self.endpoints: dict[int, bytes] = {
            0: _endpoint(
                0, 1, 0x0104, 0x0005, [0x00, 0x06, 0x0A, 0x19, 0x0501], [0x01]
            ),
            1: _endpoint(1, 242, 0xA1E0, 0x0064, [], [0x0021]),
            2: _endpoint(2, 2, 0x0104, 0x0005, [], []),
        }
        if options.formed:
            extended = t.EUI64.convert(options.extended_pan_id).serialize()
            self.parameters |= {
                Parameter.NWK_PANID: struct.pack("<H", options.pan_id),
                Parameter.APS_EXTENDED_PANID: extended,
                Parameter.CHANNEL_MASK: _mask(options.channel),
                Parameter.PREDEFINED_PANID: b"\x01",
                Parameter.NETWORK_KEY: b"\x00"
                + bytes.fromhex(options.network_key.replace(":", "")),
            }
            self.connect()

    def connect(self) -> bool:
        """Form the network of the parameters; False: they name none."""
        if self.parameters[Parameter.NWK_PANID] == b"\xff\xff":
            return False
        (mask,) = struct.unpack("<I", self.parameters[Parameter.CHANNEL_MASK])
        channel = next((one for one in _CHANNELS if mask & 1 << one), None)
        if channel is None:
            return False
        extended = self.parameters[Parameter.APS_EXTENDED_PANID]
        self.parameters[Parameter.CHANNEL] = bytes((channel,))
        self.parameters[Parameter.NWK_ADDRESS] = b"\x00\x00"
        self.parameters[Parameter.NWK_EXTENDED_PANID] = extended
        return True

    @property
    def ieee(self) -> Any:
        """The address of the stick."""
        return t.EUI64.deserialize(self.parameters[Parameter.MAC_ADDRESS])[0]

    @property
    def extended_pan_id(self) -> Any:
        """The address of the network."""
        extended = self.parameters[Parameter.NWK_EXTENDED_PANID]
        return t.ExtendedPanId.deserialize(extended)[0]

    def read(self, parameter: int, argument: bytes) -> bytes | None:
        """Return a parameter; None: there is no such."""
        if parameter == Parameter.ENDPOINT:
            return self.endpoints.get(argument[0]) if argument else None
        if parameter == Parameter.LINK_KEY:
            kept = self.parameters[parameter]
            if argument and not kept.startswith(argument):
                return argument[:8] + _LINK_KEY
        return self.parameters.get(parameter)

    def write(self, parameter: int, value: bytes) -> None:
        """Take a parameter."""
        if parameter == Parameter.ENDPOINT:
            self.endpoints[value[0]] = value
        else:
            self.parameters[parameter] = value

    def descriptors(self) -> dict[int, Any]:
        """Return the simple descriptors of the endpoints, by their numbers."""
        found = (
            zdo.SimpleDescriptor.deserialize(one[1:])[0]
            for one in self.endpoints.values()
        )
        return {int(one.endpoint): one for one in found}


def _mask(*channels: int) -> bytes:
    return struct.pack("<I", sum(1 << channel for channel in channels))
