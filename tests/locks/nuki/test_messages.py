"""Payloads: examples of the document, what firmware appends, round trips, junk."""

from collections.abc import Callable
import contextlib
from datetime import UTC, datetime, time, timedelta
import struct
from typing import Any

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.smartlock_le.locks.driver import Bolt
from custom_components.smartlock_le.locks.nuki import translate
from custom_components.smartlock_le.locks.nuki.messages import (
    Authorization,
    BatteryReport,
    Config,
    ErrorReport,
    KeypadCode,
    KeyturnerStates,
    LogEntry,
    pack_text,
    pack_time,
    parse_time,
    window_fields,
)
from custom_components.smartlock_le.locks.nuki.product import Product
from custom_components.smartlock_le.locks.nuki.wire import WireError
from custom_components.smartlock_le.models import (
    AccessKind,
    ActorKind,
    Method,
    Schedule,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WEEKEND = Schedule(weekdays=frozenset({5, 6}))
LOCK = "54:D2:72:1A:2B:3C"
PARSERS: list[Callable[[bytes], Any]] = [
    KeyturnerStates.parse,
    Config.parse,
    LogEntry.parse,
    KeypadCode.parse,
    Authorization.parse,
    BatteryReport.parse,
    ErrorReport.parse,
    parse_time,
]
times = st.datetimes(
    min_value=datetime(1, 1, 2),
    max_value=datetime(9999, 12, 30),
    timezones=st.just(UTC),
).map(lambda time: time.replace(microsecond=0))

relaxed = settings(deadline=None)


@pytest.mark.parametrize("parse", PARSERS)
@given(data=st.binary(max_size=120))
@relaxed
def test_junk_is_only_ever_refused(parse: Callable[[bytes], Any], data: bytes) -> None:
    """Arbitrary bytes raise nothing but WireError."""
    with contextlib.suppress(WireError):
        parse(data)


@given(time=times, hours=st.integers(-12, 12))
@relaxed
def test_times_round_trip(time: datetime, hours: int) -> None:
    """A time of any zone comes back in UTC."""
    try:
        local = (time + timedelta(hours=hours)).replace(tzinfo=UTC)
    except OverflowError:
        local = time
    assert parse_time(pack_time(local)) == local


@given(text=st.text(max_size=40), size=st.integers(0, 40))
@relaxed
def test_texts_are_cut_at_a_character(text: str, size: int) -> None:
    """A field has its size, and holds whole characters from the start of the text."""
    field = pack_text(text, size)
    assert len(field) == size
    assert text.encode().startswith(field.rstrip(b"\0").decode().encode())


def test_state_of_the_document() -> None:
    """The example of section 9, "Read lock state": locked, 2016-03-07 08:15:30."""
    states = KeyturnerStates.parse(bytes.fromhex("020100E0070307080F1E3C0000200A"))
    assert (states.bolt, states.trigger, states.battery_critical) == (1, 0, False)
    assert states.time == datetime(2016, 3, 7, 8, 15, 30, tzinfo=UTC)
    state = translate.state(states)
    assert (state.bolt, state.moved_by) == (Bolt.LOCKED, Method.APP)
    assert (state.battery, state.has_door_sensor, state.door_open) == (
        None,
        False,
        None,
    )


@pytest.mark.parametrize(
    ("bolt", "battery", "door", "expected"),
    [
        (3, 86 // 2 << 2, 2, (Bolt.UNLOCKED, 86, True, False)),
        (0xFE, 11, 3, (Bolt.JAMMED, 4, True, True)),
        (0, 0, 1, (Bolt.UNKNOWN, None, False, None)),
        (6, 0, 4, (Bolt.UNLOCKED, None, True, None)),
        (1, 0, 0x77, (Bolt.LOCKED, None, True, None)),
    ],
)
def test_state_of_newer_firmware(
    bolt: int, battery: int, door: int, expected: tuple[Any, ...]
) -> None:
    """Charge and door sensor, which later firmware appends."""
    data = bytes([2, bolt, 0]) + bytes(7) + bytes([60, 0, battery]) + bytes(5)
    states = KeyturnerStates.parse(data + bytes([door]))
    state = translate.state(states)
    found = (state.bolt, state.battery, state.has_door_sensor, state.door_open)
    assert found == expected
    assert state.clock is None
    assert states.battery_critical is bool(battery & 1)


@pytest.mark.parametrize(
    ("number", "door", "is_open", "has_sensor"),
    [
        (0x00, "none", None, False),
        (0x01, "off", None, False),
        (0x02, "closed", False, True),
        (0x03, "open", True, True),
        (0x04, "unknown", None, True),
        (0x05, "calibrating", None, True),
        (0x10, "uncalibrated", None, True),
        (0xF0, "tampered", None, True),
        (0xFF, "unknown", None, True),
    ],
)
def test_door_sensor(
    number: int, door: str, is_open: bool | None, has_sensor: bool
) -> None:
    """A door is open or closed only where the sensor says so."""
    state = translate.state(KeyturnerStates(1, 0, None, False, None, number))
    assert (state.door, state.door_open, state.has_door_sensor) == (
        door,
        is_open,
        has_sensor,
    )


@pytest.mark.parametrize(
    ("keypad", "tail", "has_keypad", "product"),
    [
        (1, b"", True, Product.SMART_LOCK),
        (0, b"", False, Product.SMART_LOCK),
        (0xFF, b"", False, Product.SMART_LOCK),
        (0, bytes(7) + b"\1", True, Product.SMART_LOCK),
        (1, bytes(5) + b"\4", True, Product.SMART_LOCK),
        (1, bytes(5) + b"\5\0\0", True, Product.ULTRA),
    ],
)
def test_config(keypad: int, tail: bytes, has_keypad: bool, product: Product) -> None:
    """Name, firmware, product, and a keypad of either generation."""
    data = struct.pack("<I", 7) + pack_text("Haustür", 32) + bytes(29)
    config = Config.parse(data + bytes([keypad, 3, 9, 5]) + tail)
    assert (config.nuki_id, config.name) == (7, "Haustür")
    assert (config.has_keypad, config.firmware) == (has_keypad, "3.9.5")
    assert config.product is product


def keypad_code(limited: int, tail: bytes = b"") -> bytes:
    """Write a keypad code."""
    return (
        struct.pack("<HI", 3, 345678)
        + pack_text("Guest", 20)
        + b"\1"
        + bytes(16)
        + bytes([limited])
        + tail
    )


@given(start=times, end=times)
@relaxed
def test_windows_round_trip(start: datetime, end: datetime) -> None:
    """The window that we write is the window that we read."""
    fields = window_fields(start, end)
    assert len(fields) == 20
    code = KeypadCode.parse(keypad_code(fields[0], fields[1:]))
    assert (code.start, code.end) == (start, end)
    found = translate.code(code)
    assert found.window
    assert (found.window.start, found.window.end) == (start, end)


clocks = st.times().map(lambda moment: moment.replace(second=0, microsecond=0))


@given(
    weekdays=st.frozensets(st.integers(0, 6)), start=clocks, end=clocks, moment=times
)
@relaxed
def test_schedules_round_trip(
    weekdays: frozenset[int], start: time, end: time, moment: datetime
) -> None:
    """The schedule that we write is the one that we read; one without bounds is none."""
    schedule = Schedule(weekdays=weekdays, start=start, end=end)
    fields = window_fields(moment, moment, schedule)
    assert len(fields) == 20
    found = translate.code(KeypadCode.parse(keypad_code(fields[0], fields[1:])))
    assert found.schedule == (schedule if schedule.bounds else None)
    assert schedule.bounds is (start != end or 0 < len(weekdays) < 7)


@pytest.mark.parametrize(
    ("fields", "schedule"),
    [
        ("4000000000", Schedule(weekdays=frozenset({0}))),
        ("0300000000", Schedule(weekdays=frozenset({5, 6}))),
        ("00081e110f", Schedule(start=time(8, 30), end=time(17, 15))),
        ("7f00000000", None),
        ("8018000900", None),
        ("01183c0900", Schedule(weekdays=frozenset({6}))),
    ],
)
def test_schedule(fields: str, schedule: Schedule | None) -> None:
    """Bits 6 to 0 are Monday to Sunday; a time of day that is none is all day."""
    limits = bytes(14) + bytes.fromhex(fields)
    assert KeypadCode.parse(keypad_code(1, limits)).schedule == schedule
    assert KeypadCode.parse(keypad_code(0, limits)).schedule is None


@pytest.mark.parametrize(
    "wrong",
    [{"weekdays": frozenset({7})}, {"start": time(8, 0, 1)}, {"end": time(8, 0, 0, 1)}],
)
def test_no_schedule(wrong: dict[str, Any]) -> None:
    """What a lock cannot hold is refused where it is made."""
    with pytest.raises(ValueError, match="are"):
        Schedule(**wrong)


def test_code_without_window() -> None:
    """A code without a limit has no window; its digits never show."""
    code = KeypadCode.parse(keypad_code(0, bytes(19)))
    found = translate.code(code)
    assert (found.id, found.name, found.enabled, found.window) == (
        3,
        "Guest",
        True,
        None,
    )
    assert "345678" not in repr(code) + repr(found)


def test_limited_authorization() -> None:
    """Whom the owner lets in on weekends only, with the limits of a code."""
    limits = window_fields(NOW, NOW + timedelta(days=1), WEEKEND)
    data = struct.pack("<IB", 7, 0) + pack_text("Maria", 32) + b"\0\1"
    data += pack_time(NOW) + bytes(7) + struct.pack("<H", 3)
    found = Authorization.parse(data + limits)
    assert (found.id, found.type, found.name, found.uses) == (7, 0, "Maria", 3)
    assert (found.enabled, found.remote_allowed) == (False, True)
    assert (found.created, found.last_active) == (NOW, None)
    assert (found.start, found.end) == (NOW, NOW + timedelta(days=1))
    assert found.schedule == WEEKEND


def log_entry(
    kind: int, data: str, auth_id: int = 9, time: bytes = pack_time(NOW)
) -> bytes:
    """Write an entry of a lock's log."""
    return (
        struct.pack("<I", 41)
        + time
        + struct.pack("<I", auth_id)
        + pack_text("Maria", 32)
        + bytes([kind])
        + bytes.fromhex(data)
    )


@pytest.mark.parametrize(
    ("kind", "data", "event", "method", "actor", "code_id", "ours"),
    [
        (2, "01000000", "unlocked", "app", ActorKind.CREDENTIAL, None, True),
        (2, "02000000", "locked", "app", ActorKind.CREDENTIAL, None, True),
        (2, "03000000", "opened", "app", ActorKind.CREDENTIAL, None, True),
        (2, "02010000", "locked", "manual", ActorKind.UNKNOWN, None, False),
        (2, "01020000", "unlocked", "button", ActorKind.UNKNOWN, None, False),
        (2, "02060000", "locked", "automatic", ActorKind.LOCK, None, False),
        (2, "01000001", "jammed", "app", ActorKind.CREDENTIAL, None, True),
        (2, "01000002", "denied", "app", ActorKind.CREDENTIAL, None, True),
        (2, "63630000", "unknown", "unknown", ActorKind.UNKNOWN, None, False),
        (5, "0101000300", "unlocked", "keypad", ActorKind.CODE, 3, False),
        (5, "0101e00000", "denied", "keypad", ActorKind.UNKNOWN, None, False),
        (5, "0101e00300", "denied", "keypad", ActorKind.CODE, 3, False),
        (5, "0101040300", "denied", "keypad", ActorKind.CODE, 3, False),
        (5, "0101010300", "jammed", "keypad", ActorKind.CODE, 3, False),
        (6, "00", "opened", "door", ActorKind.UNKNOWN, None, False),
        (6, "01", "door_closed", "door", ActorKind.UNKNOWN, None, False),
        (6, "02", "unknown", "door", ActorKind.UNKNOWN, None, False),
        (1, "01", "unknown", "unknown", ActorKind.UNKNOWN, None, False),
        (0x7F, "", "unknown", "unknown", ActorKind.UNKNOWN, None, False),
    ],
)
def test_log_entry(
    kind: int,
    data: str,
    event: str,
    method: str,
    actor: ActorKind,
    code_id: int | None,
    ours: bool,
) -> None:
    """Each kind of entry in the words of the house; none is left out."""
    entry = LogEntry.parse(log_entry(kind, data))
    found = translate.access_event(
        entry, LOCK, now=NOW, drift=timedelta(hours=1), our_auth_id=9
    )
    assert found.event is AccessKind(event)
    assert found.method is Method(method)
    assert found.actor.kind is actor
    assert (found.code_id, found.ours, found.lock_index) == (code_id, ours, 41)
    assert found.time == NOW - timedelta(hours=1)
    assert found.lock_time == NOW.isoformat()
    assert found.code_name == ("Maria" if kind == 5 else "")
    assert "Maria" not in repr(entry) + repr(found) + found.actor.label


def test_log_entry_of_somebody_else() -> None:
    """Another pairing is not us; without a time it is now; the future is now."""
    entry = LogEntry.parse(log_entry(2, "01000000", auth_id=8, time=bytes(7)))
    found = translate.access_event(
        entry, LOCK, now=NOW, drift=timedelta(0), our_auth_id=9
    )
    assert (found.ours, found.time, found.lock_time) == (False, NOW, "")
    assert found.actor.ref == "8"
    entry = LogEntry.parse(log_entry(2, "01000000"))
    found = translate.access_event(
        entry, LOCK, now=NOW, drift=timedelta(hours=-1), our_auth_id=9
    )
    assert found.time == NOW


@given(
    kind=st.integers(0, 255),
    data=st.binary(max_size=8),
    time=times,
    clock=times,
)
@relaxed
def test_every_log_entry_is_told(
    kind: int, data: bytes, time: datetime, clock: datetime
) -> None:
    """Whatever a lock writes and whatever its clock says, it becomes an event."""
    try:
        entry = LogEntry.parse(log_entry(kind, data.hex(), time=pack_time(time)))
    except WireError:
        return
    event = translate.access_event(
        entry, LOCK, now=NOW, drift=clock - NOW, our_auth_id=9
    )
    assert event.time <= NOW


def test_no_time() -> None:
    """A date that is none hides nothing that is with it; one that breaks off is junk."""
    never = pack_time(NOW)[:2] + bytes([13, 40, 25, 61, 61])
    assert parse_time(never) is None
    with pytest.raises(WireError):
        parse_time(never[:-1])
    entry = LogEntry.parse(log_entry(2, "01000000", time=never))
    assert (entry.index, entry.time) == (41, None)
    code = KeypadCode.parse(keypad_code(1, never + pack_time(NOW) + bytes(5)))
    assert (code.name, code.start, code.end) == ("Guest", None, NOW)
    states = KeyturnerStates.parse(bytes([2, 1, 0]) + never + bytes(3))
    assert (states.bolt, states.time) == (1, None)


@pytest.mark.parametrize(("kind", "data"), [(2, "010000"), (5, "01010000"), (6, "")])
def test_short_log_entry(kind: int, data: str) -> None:
    """An entry that breaks off is refused."""
    with pytest.raises(WireError):
        LogEntry.parse(log_entry(kind, data))
