"""The serial protocol, byte by byte."""

import pytest

from virtual_home.zigbee import wire
from virtual_home.zigbee.wire import Command, Delivery, Frame, Indication, Mode, Status

# Version request with sequence 1, as zigpy-deconz sends it.
VERSION = bytes.fromhex("c00d0100090000000000e9ffc0")


def test_checksum() -> None:
    assert wire.checksum(b"") == b"\x00\x00"
    assert wire.checksum(bytes.fromhex("0d0100090000000000")) == b"\xe9\xff"


def test_read_a_request() -> None:
    assert list(wire.Splitter().feed(VERSION)) == [
        Frame(Command.VERSION, 1, Status.SUCCESS, bytes(4))
    ]


def test_write_a_response() -> None:
    sent = wire.encode(Command.VERSION, 1, Status.SUCCESS, b"\x00\x07\x78\x26")
    assert sent == bytes.fromhex("c00d0100090000077826" + "44ffc0")


def test_escapes() -> None:
    body = b"\xc0\xdb\x01"
    sent = wire.encode(Command.DEVICE_STATE, 2, Status.SUCCESS, body)
    assert b"\xdb\xdc\xdb\xdd\x01" in sent
    assert sent.count(b"\xc0") == 2
    assert next(wire.Splitter().feed(sent)).body == body


def test_in_pieces() -> None:
    splitter = wire.Splitter()
    frames = [frame for byte in VERSION * 3 for frame in splitter.feed(bytes((byte,)))]
    assert [frame.command for frame in frames] == [Command.VERSION] * 3


@pytest.mark.parametrize(
    "spoilt",
    [
        pytest.param("0d0100090000000000e8ff", id="checksum"),
        pytest.param("0d01000a0000000000e8ff", id="length"),
        pytest.param("0d0100", id="short"),
        pytest.param("0d0100090000000000e9db", id="ends in an escape"),
        pytest.param("0d010009db00000000e9ff", id="escape of nothing"),
    ],
)
def test_spoilt(spoilt: str) -> None:
    with pytest.raises(wire.WireError):
        wire.decode(bytes.fromhex(spoilt))
    frames = wire.Splitter().feed(bytes.fromhex(f"c0{spoilt}c0") + VERSION)
    assert len(list(frames)) == 1


def test_no_end() -> None:
    splitter = wire.Splitter()
    assert not list(splitter.feed(b"\x01" * 5000))
    assert len(list(splitter.feed(VERSION))) == 1


def test_payload_length() -> None:
    frame = Frame(Command.READ_PARAMETER, 1, 0, b"\x01\x00\x22")
    assert wire.payload(frame) == b"\x22"
    for body in (b"\x01", b"\x02\x00\x22"):
        with pytest.raises(wire.WireError):
            wire.payload(Frame(Command.READ_PARAMETER, 1, 0, body))


@pytest.mark.parametrize(
    ("address", "mode", "nwk", "ieee", "endpoint"),
    [
        ("02011a01", Mode.NWK, 0x1A01, None, 1),
        ("01feca", Mode.GROUP, 0xCAFE, None, None),
        ("03010203040506070809", Mode.IEEE, None, "0102030405060708", 9),
        ("04011a010203040506070809", Mode.NWK_AND_IEEE, 0x1A01, "0102030405060708", 9),
    ],
)
def test_request(
    address: str, mode: Mode, nwk: int | None, ieee: str | None, endpoint: int | None
) -> None:
    request = wire.request(bytes.fromhex(f"0500{address}04010101010300011e000400"))
    assert request.request_id == 5
    assert request.to.mode is mode
    assert request.to.nwk == nwk
    assert request.to.ieee == (bytes.fromhex(ieee) if ieee else None)
    assert request.to.endpoint == endpoint
    assert request.to.raw == bytes.fromhex(address)
    assert (request.profile, request.cluster) == (0x0104, 0x0101)
    assert (request.source_endpoint, request.asdu) == (1, b"\x01\x1e\x00")


@pytest.mark.parametrize(
    "content", ["", "05", "050009", "0500020a", "050002011a0104010101010900"]
)
def test_no_request(content: str) -> None:
    with pytest.raises(wire.WireError):
        wire.request(bytes.fromhex(content))


def test_confirm() -> None:
    request = wire.request(bytes.fromhex("050002011a0104010101010300011e0004"))
    assert wire.confirm(0x22, request, Delivery.NO_ACK) == bytes.fromhex(
        "0c00" + "22" + "05" + "02011a01" + "01" + "e9" + "00000000"
    )


def test_indication() -> None:
    heard = Indication(
        source=0x1A01,
        source_endpoint=1,
        destination=0,
        destination_endpoint=1,
        profile=0x0104,
        cluster=0x0101,
        asdu=b"\x18\x01\x0a",
        lqi=180,
        rssi=-45,
    )
    assert wire.indication(0x2A, heard) == bytes.fromhex(
        "1a00" + "2a" + "020000" + "01" + "02011a" + "01" + "0401" + "0101"
        "0300" + "18010a" + "0000" + "b4" + "00000000" + "d3"
    )
