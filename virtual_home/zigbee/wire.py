"""The serial protocol of a ConBee II: SLIP frames, commands and their fields.

dresden elektronik, "deCONZ Serial Protocol", sections Frame Format and Commands. All
numbers are little endian. Our side is the device's: requests are read, responses written.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, IntFlag
import struct

_END, _ESC, _ESC_END, _ESC_ESC = 0xC0, 0xDB, 0xDC, 0xDD
_LONGEST = 1024
"""No frame is that long: what is has no end, or is no frame."""


class WireError(Exception):
    """Bytes that are no request of the protocol."""


class Command(IntEnum):
    """Command ids."""

    APS_DATA_CONFIRM = 0x04
    DEVICE_STATE = 0x07
    CHANGE_NETWORK_STATE = 0x08
    READ_PARAMETER = 0x0A
    WRITE_PARAMETER = 0x0B
    VERSION = 0x0D
    DEVICE_STATE_CHANGED = 0x0E
    APS_DATA_REQUEST = 0x12
    APS_DATA_INDICATION = 0x17
    UPDATE_NEIGHBOR = 0x1D


class Status(IntEnum):
    """Status of a response."""

    SUCCESS = 0
    FAILURE = 1
    BUSY = 2
    TIMEOUT = 3
    UNSUPPORTED = 4
    ERROR = 5
    NO_NETWORK = 6
    INVALID_VALUE = 7


class Network(IntEnum):
    """State of the network."""

    OFFLINE = 0
    JOINING = 1
    CONNECTED = 2
    LEAVING = 3


class Flags(IntFlag):
    """What is beside the network's state in a device state."""

    CONFIRM = 0x04
    INDICATION = 0x08
    CONFIGURATION_CHANGED = 0x10
    FREE_SLOTS = 0x20


class Delivery(IntEnum):
    """Confirm status of a request for the air."""

    SUCCESS = 0x00
    NO_ACK = 0xE9
    EXPIRED = 0xF0
    """The device that sleeps did not fetch it."""


class Mode(IntEnum):
    """Address modes."""

    GROUP = 1
    NWK = 2
    IEEE = 3
    NWK_AND_IEEE = 4


@dataclass(frozen=True, slots=True)
class Frame:
    """One command, unescaped and checked; `body` follows the frame length."""

    command: int
    seq: int
    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Address:
    """Whom a request is for; the raw bytes go back in its confirm."""

    mode: Mode
    nwk: int | None
    ieee: bytes | None
    endpoint: int | None
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An APS data request: a payload for somebody on the air."""

    request_id: int
    to: Address
    profile: int
    cluster: int
    source_endpoint: int
    asdu: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Indication:
    """An APS data indication: a payload that came from the air."""

    source: int
    source_endpoint: int
    destination: int
    destination_endpoint: int
    profile: int
    cluster: int
    asdu: bytes
    lqi: int = 200
    rssi: int = -45


def checksum(data: bytes) -> bytes:
    """Return the two's complement of the sum, 16 bits."""
    return struct.pack("<H", -sum(data) & 0xFFFF)


def encode(command: int, seq: int, status: int, body: bytes = b"") -> bytes:
    """Return a frame as it goes over the line."""
    data = struct.pack("<BBBH", command, seq, status, 5 + len(body)) + body
    escaped = bytearray((_END,))
    for byte in data + checksum(data):
        if byte == _END:
            escaped += bytes((_ESC, _ESC_END))
        elif byte == _ESC:
            escaped += bytes((_ESC, _ESC_ESC))
        else:
            escaped.append(byte)
    escaped.append(_END)
    return bytes(escaped)


def _unescape(data: bytes) -> bytes:
    plain = bytearray()
    escaped = False
    for byte in data:
        if escaped:
            if byte not in (_ESC_END, _ESC_ESC):
                raise WireError("an escape of nothing")
            plain.append(_END if byte == _ESC_END else _ESC)
        elif byte != _ESC:
            plain.append(byte)
        escaped = not escaped and byte == _ESC
    if escaped:
        raise WireError("it ends in an escape")
    return bytes(plain)


def decode(data: bytes) -> Frame:
    """Read what stands between two ends. Raises WireError."""
    plain = _unescape(data)
    if len(plain) < 7:
        raise WireError("too short")
    content, found = plain[:-2], plain[-2:]
    if checksum(content) != found:
        raise WireError("wrong checksum")
    command, seq, status, length = struct.unpack_from("<BBBH", content)
    if length != len(content):
        raise WireError("wrong length")
    return Frame(command, seq, status, content[5:])


class Splitter:
    """Cuts what comes over the line into frames; what is none is dropped."""

    def __init__(self) -> None:
        """Begin with an empty line."""
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take bytes; give the frames that are whole now."""
        self._buffer += data
        while (end := self._buffer.find(_END)) >= 0:
            piece = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            if piece:
                try:
                    yield decode(piece)
                except WireError:
                    continue
        if len(self._buffer) > _LONGEST:
            self._buffer.clear()


def payload(frame: Frame) -> bytes:
    """Return what follows the payload length. Raises WireError."""
    if len(frame.body) < 2:
        raise WireError("no payload length")
    (length,) = struct.unpack_from("<H", frame.body)
    if length != len(frame.body) - 2:
        raise WireError("wrong payload length")
    return frame.body[2:]


def sized(content: bytes) -> bytes:
    """Put the payload length before a payload."""
    return struct.pack("<H", len(content)) + content


def _address(data: bytes) -> tuple[Address, bytes]:
    mode = Mode(data[0])
    at = 1
    nwk: int | None = None
    ieee: bytes | None = None
    endpoint: int | None = None
    if mode is not Mode.IEEE:
        (nwk,) = struct.unpack_from("<H", data, at)
        at += 2
    if mode in (Mode.IEEE, Mode.NWK_AND_IEEE):
        ieee = data[at : at + 8]
        at += 8
    if mode is not Mode.GROUP:
        endpoint = data[at]
        at += 1
    return Address(mode, nwk, ieee, endpoint, data[:at]), data[at:]


def request(content: bytes) -> Request:
    """Read an APS data request. Raises WireError."""
    try:
        request_id, _flags = struct.unpack_from("<BB", content)
        to, rest = _address(content[2:])
        profile, cluster, endpoint, length = struct.unpack_from("<HHBH", rest)
    except (struct.error, IndexError, ValueError) as err:
        raise WireError("no APS data request") from err
    asdu = rest[7 : 7 + length]
    if len(asdu) != length:
        raise WireError("the ASDU is cut off")
    return Request(
        request_id=request_id,
        to=to,
        profile=profile,
        cluster=cluster,
        source_endpoint=endpoint,
        asdu=asdu,
    )


def confirm(state: int, to: Request, delivery: Delivery) -> bytes:
    """Write the body of an APS data confirm."""
    return sized(
        bytes((state, to.request_id))
        + to.to.raw
        + bytes((to.source_endpoint, delivery))
        + bytes(4)
    )


def indication(state: int, of: Indication) -> bytes:
    """Write the body of an APS data indication."""
    return sized(
        struct.pack(
            "<BBHBBHBHHH",
            state,
            Mode.NWK,
            of.destination,
            of.destination_endpoint,
            Mode.NWK,
            of.source,
            of.source_endpoint,
            of.profile,
            of.cluster,
            len(of.asdu),
        )
        + of.asdu
        + struct.pack("<2xB4xb", of.lqi, of.rssi)
    )
