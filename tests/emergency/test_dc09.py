"""The way to a monitoring centre, against a real receiver and against bad ones."""

from datetime import UTC, datetime, timedelta
import re
from typing import Any

from hypothesis import given, strategies as st
from pysiaalarm import SIAAccount
import pytest

from custom_components.smartlock_le.emergency.channels import (
    dc09,
    dc09_frame,
    dc09_link,
)
from custom_components.smartlock_le.emergency.channels.channel import (
    NotReached,
    NotTaken,
)
from custom_components.smartlock_le.emergency.channels.dc09 import Centre, Dc09
from custom_components.smartlock_le.emergency.channels.dc09_frame import (
    Account,
    Protocol,
    Word,
    answer,
    crc,
    read_key,
)
from custom_components.smartlock_le.emergency.channels.dc09_link import Transport
from custom_components.smartlock_le.emergency.models import Kind, Signal, What

from .receivers import PLAIN, centre, dead, deaf, real, scripted

pytestmark = pytest.mark.usefixtures("socket_enabled")

ALARM = Signal(kind=Kind.POLICE, what=What.ALARM)
KEY16, KEY24, KEY32 = (
    "0123456789ABCDEF",
    "0123456789ABCDEF01234567",
    "00112233445566778899AABBCCDDEEFF",
)
MOMENT = datetime(2026, 11, 22, 5, 21, 44, tzinfo=UTC)
CODES = {
    Kind.POLICE: ("PA", "PH"),
    Kind.FIRE: ("FA", "FH"),
    Kind.MEDICAL: ("MA", "MH"),
    Kind.GAS: ("GA", "GH"),
    Kind.BURGLARY: ("BA", "BH"),
    Kind.DURESS: ("HA", "HH"),
    Kind.SILENT: ("HA", "HH"),
}


def frame(body: str) -> bytes:
    """Return a frame around a body, as a receiver would write it."""
    data = body.encode()
    return b"\n%04X%04X%b\r" % (crc(data), len(data), data)


def test_frame_is_the_one_that_the_standard_shows() -> None:
    """The bytes of a frame that a receiver acknowledged, of another sender."""
    told = frame('"SIA-DCS"0001L0#AAA1[#AAA1|Nri1/HA01]_05:21:44,11-22-2026')
    assert told.startswith(b"\nC73F0039")
    ours = dc09_frame.message(Account(PLAIN, Protocol.SIA_DCS), 1, ALARM, MOMENT)
    assert ours[9:] == (
        b'"SIA-DCS"0001R0L0#AAA1[#AAA1|Nri1/PA001]_05:21:44,11-22-2026\r'
    )


@pytest.mark.parametrize("transport", list(Transport))
@pytest.mark.parametrize("protocol", list(Protocol))
@pytest.mark.parametrize("key", ["", KEY16, KEY24, KEY32])
async def test_every_signal_arrives(
    transport: Transport, protocol: Protocol, key: str
) -> None:
    accounts = SIAAccount(PLAIN, key or None)
    async with real(accounts, transport=transport) as receiver:
        ours = centre(receiver.receiver(transport), protocol=protocol, key=key.encode())
        for kind in Kind:
            for what in (What.ALARM, What.RESTORE, What.CANCEL):
                said = await ours.send(Signal(kind=kind, what=what))
                assert said == "receiver 1"
        await ours.send(Signal(what=What.TEST))
        assert (await ours.look()).ok
        wanted = [c for kind in Kind for c in (*CODES[kind], "OC")] + ["RP"]
        assert receiver.codes[: len(wanted)] == wanted
        assert all(event.encrypted == bool(key) for event in receiver.events)
        if protocol is Protocol.ADM_CID:
            zones = [event.ri for event in receiver.events[:15]]
            assert zones == [f"{n:03d}" for n in range(1, 6) for _ in range(3)]


async def test_both_readings_of_a_key() -> None:
    text = read_key(KEY32, hexadecimal=False)
    assert len(text) == 32
    assert read_key(KEY32, hexadecimal=True) == bytes.fromhex(KEY32)
    async with real(SIAAccount(PLAIN, KEY32)) as receiver:
        await centre(receiver.receiver(), key=text).send(ALARM)
        assert receiver.codes == ["PA"]
        # The other reading is another key, and that is said.
        wrong = centre(receiver.receiver(), key=read_key(KEY32, hexadecimal=True))
        with pytest.raises((NotTaken, NotReached)):
            await wrong.send(ALARM)
        assert receiver.codes == ["PA"]


@pytest.mark.parametrize("text", ["", "short", "x" * 17, "ü" * 16])
@pytest.mark.parametrize("hexadecimal", [True, False])
def test_what_is_no_key(text: str, hexadecimal: bool) -> None:
    with pytest.raises(ValueError) as caught:
        read_key(text, hexadecimal=hexadecimal)
    assert not text or text not in str(caught.value)


@pytest.mark.parametrize("minutes", [-10, 10])
async def test_clock_that_is_wrong_is_corrected(minutes: int) -> None:
    """A receiver refuses what is minutes old: it says what time it is."""
    ahead = timedelta(minutes=minutes)
    async with real() as receiver:
        ours = Dc09(
            Centre(Account(PLAIN), (receiver.receiver(),)),
            clock=lambda: datetime.now(UTC) + ahead,
        )
        assert await ours.send(ALARM) == "receiver 1"
        assert receiver.codes == ["PA"]
        await ours.send(ALARM)
        # The second needs no correction.
        assert receiver.client.counts.error_timestamp == 1


async def test_account_that_the_centre_does_not_know() -> None:
    async with real() as receiver:
        ours = centre(receiver.receiver(), account="FFF9")
        with pytest.raises(NotTaken) as caught:
            await ours.send(ALARM)
        assert caught.value.reason == "refused"
        assert not ours.health.ok


async def test_second_receiver_where_the_first_is_away() -> None:
    async with real() as receiver:
        ours = centre(dead(), receiver.receiver())
        assert await ours.send(ALARM) == "receiver 2"
        assert ours.health.ok and ours.health.reason == "second"
        assert (await ours.look()).reason == "second"


async def test_second_receiver_where_the_first_is_silent() -> None:
    async with real() as receiver, scripted(lambda _: None) as (silent, got):
        ours = centre(silent, receiver.receiver())
        assert await ours.send(ALARM) == "receiver 2"
        assert len(got) == 1
        # From now on the other one is asked first.
        assert await ours.send(ALARM) == "receiver 2"
        assert len(got) == 1
        assert receiver.codes == ["PA", "PA"]


async def test_second_receiver_where_the_first_refuses() -> None:
    async with real() as receiver, real(SIAAccount("BBB2")) as other:
        ours = centre(other.receiver(), receiver.receiver())
        assert await ours.send(ALARM) == "receiver 2"
        assert other.codes == []


async def test_first_receiver_is_used_again_once_it_is_back() -> None:
    away = dead()
    async with real() as second:
        ours = centre(away, second.receiver())
        await ours.send(ALARM)
        async with real(port=away.port) as first:
            # Not before it was looked at: to ask who may be silent costs time.
            assert await ours.send(ALARM) == "receiver 2"
            assert (await ours.look()).reason == ""
            assert await ours.send(ALARM) == "receiver 1"
            assert first.codes[-1:] == ["PA"]


async def test_all_are_away() -> None:
    ours = centre(dead(), dead())
    with pytest.raises(NotReached) as caught:
        await ours.send(ALARM)
    assert caught.value.reason == "not_reached"
    assert not (await ours.look()).ok
    assert ours.health.reason == "not_reached"


async def test_only_the_first_answers() -> None:
    async with real() as receiver:
        health = await centre(receiver.receiver(), dead()).look()
    assert health.ok and health.reason == "only_first"


def _acknowledges(data: bytes) -> bytes:
    number = re.search(rb'"(\d{4})', data)
    assert number
    echoed = number[1].decode()
    return frame(f'"ACK"{echoed}R0L0#AAA1[]')


def _other_number(data: bytes) -> bytes:
    number = re.search(rb'"(\d{4})', data)
    assert number
    return frame(f'"ACK"{(int(number[1]) + 1) % 10000:04d}R0L0#AAA1[]')


BAD: dict[str, Any] = {
    "never": lambda _: None,
    "checksum": lambda data: b"\n0000" + _acknowledges(data)[5:],
    "length": lambda data: _acknowledges(data)[:5] + b"0FFF" + _acknowledges(data)[9:],
    "another message's": _other_number,
    "nothing": lambda _: b"\n\r",
    "no frame": lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "endless": lambda _: b"A" * 2000,
    "not ascii": lambda data: b"\n0000000A\xff\xfe\r",
}


@pytest.mark.parametrize("bad", BAD)
async def test_answer_that_is_none(bad: str) -> None:
    async with scripted(BAD[bad]) as (receiver, got):
        with pytest.raises(NotReached) as caught:
            await centre(receiver, timeout=0.2).send(ALARM)
    assert caught.value.reason == "no_answer"
    assert len(got) == dc09.TRIES


async def test_duh_is_said() -> None:
    def duh(data: bytes) -> bytes:
        return _acknowledges(data).replace(b"ACK", b"DUH")

    def right(data: bytes) -> bytes:
        return frame(duh(data)[9:-1].decode())

    async with scripted(right) as (receiver, got):
        with pytest.raises(NotTaken) as caught:
            await centre(receiver).send(ALARM)
    assert caught.value.reason == "not_understood"
    assert len(got) == 1


async def test_nak_without_end_is_no_loop() -> None:
    """It says the time, and refuses what has that time, too."""
    now = f"_{datetime.now(UTC):%H:%M:%S,%m-%d-%Y}"
    async with scripted(lambda _: frame(f'"NAK"0000R0L0A0[]{now}')) as (receiver, got):
        with pytest.raises(NotTaken):
            await centre(receiver).send(ALARM)
    assert len(got) == 2


@pytest.mark.parametrize("end", [b"\r", b""])
@pytest.mark.parametrize("pieces", [1, 2, 5])
async def test_answer_in_pieces(end: bytes, pieces: int) -> None:
    """A stream has no borders; and a few receivers do not end their answer."""
    answers = scripted(lambda data: _acknowledges(data)[:-1] + end, pieces=pieces)
    async with answers as (receiver, _):
        assert await centre(receiver).send(ALARM) == "receiver 1"


async def test_plain_ack_to_an_encrypted_message_is_not_believed() -> None:
    """Whoever sits between could write it."""
    async with scripted(_acknowledges) as (receiver, _):
        with pytest.raises(NotReached):
            await centre(receiver, key=KEY16.encode(), timeout=0.2).send(ALARM)


async def test_datagram_that_was_lost_is_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dc09_link, "UDP_REPEAT", 0.1)
    async with deaf(_acknowledges) as (receiver, got):
        assert await centre(receiver, timeout=2).send(ALARM) == "receiver 1"
    # The same message: the receiver knows it by its number.
    assert len(got) == 2 and got[0] == got[1]


def test_numbers_go_round() -> None:
    ours = centre(dead())
    ours._number = 9998
    assert [ours._next_number() for _ in range(3)] == [9999, 1, 2]


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_an_answer_or_none(data: bytes, coded: bool) -> None:
    account = Account(PLAIN, key=KEY16.encode() if coded else b"")
    found = answer(data, account, 1)
    assert found is None or found.word is Word.NAK


@given(st.text(max_size=80), st.sampled_from(["ACK", "*ACK", "NAK", "DUH", "*NAK"]))
def test_any_body_is_an_answer_or_none(text: str, word: str) -> None:
    """With a checksum and a length that fit."""
    data = frame(f'"{word}"0001{text}')[1:-1]
    found = answer(data, Account(PLAIN, key=KEY16.encode()), 1)
    # Only who has the key says ACK.
    assert found is None or found.word is not Word.ACK


async def test_a_signal_that_comes_again_has_the_same_number() -> None:
    """An acknowledgement may have been lost: the receiver is to know it again."""
    signal = Signal(kind=Kind.FIRE, what=What.ALARM, number=1_790_000_123)
    async with scripted(lambda _: None) as (silent, got):
        ours = centre(silent, timeout=0.1)
        for _ in range(2):
            with pytest.raises(NotReached):
                await ours.send(signal)
    numbers = {re.search(rb'"ADM-CID"(\d{4})', one)[1] for one in got}
    assert len(got) == 4 and len(numbers) == 1


async def test_time_that_nobody_has() -> None:
    """Anybody can write a refusal: what it says of the time is not believed blindly."""
    async with scripted(lambda _: frame('"NAK"0000R0L0A0[]_23:59:59,12-31-9999')) as (
        receiver,
        _,
    ):
        ours = centre(receiver)
        for _ in range(2):
            with pytest.raises(NotTaken):
                await ours.send(ALARM)
    async with real() as receiver:
        ours._centre = Centre(Account(PLAIN), (receiver.receiver(),))
        await ours.send(ALARM)
