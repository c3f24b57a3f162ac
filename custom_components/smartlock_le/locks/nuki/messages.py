"""Commands of the Nuki Bluetooth API v2.1, section 5: builders and parsers."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from enum import IntEnum
import struct
from typing import Self

from ...models import Schedule
from .product import Product, of_type
from .wire import WireError


class Command(IntEnum):
    """Command identifiers that we send or understand."""

    REQUEST_DATA = 0x0001
    PUBLIC_KEY = 0x0003
    CHALLENGE = 0x0004
    AUTHORIZATION_AUTHENTICATOR = 0x0005
    AUTHORIZATION_DATA = 0x0006
    AUTHORIZATION_ID = 0x0007
    REMOVE_AUTHORIZATION = 0x0008
    REQUEST_AUTHORIZATIONS = 0x0009
    AUTHORIZATION_ENTRY = 0x000A
    KEYTURNER_STATES = 0x000C
    LOCK_ACTION = 0x000D
    STATUS = 0x000E
    BATTERY_REPORT = 0x0011
    ERROR_REPORT = 0x0012
    REQUEST_CONFIG = 0x0014
    CONFIG = 0x0015
    AUTHORIZATION_ID_CONFIRMATION = 0x001E
    VERIFY_PIN = 0x0020
    UPDATE_TIME = 0x0021
    AUTHORIZATION_COUNT = 0x0027
    REQUEST_LOG_ENTRIES = 0x0031
    LOG_ENTRY = 0x0032
    LOG_ENTRY_COUNT = 0x0033
    ADD_KEYPAD_CODE = 0x0041
    KEYPAD_CODE_ID = 0x0042
    REQUEST_KEYPAD_CODES = 0x0043
    KEYPAD_CODE_COUNT = 0x0044
    KEYPAD_CODE = 0x0045
    UPDATE_KEYPAD_CODE = 0x0046
    REMOVE_KEYPAD_CODE = 0x0047


PLAIN_SIZES: dict[int, int] = {
    Command.PUBLIC_KEY: 32,
    Command.CHALLENGE: 32,
    Command.AUTHORIZATION_ID: 84,
    Command.STATUS: 1,
    Command.ERROR_REPORT: 3,
}
"""Payload bytes of what a lock sends unencrypted."""


class Status(IntEnum):
    """Section 7."""

    COMPLETE = 0x00
    ACCEPTED = 0x01


class Action(IntEnum):
    """Lock actions (0x000D)."""

    UNLOCK = 1
    LOCK = 2
    UNLATCH = 3


class BoltState(IntEnum):
    """Lock states (0x000C)."""

    UNCALIBRATED = 0x00
    LOCKED = 0x01
    UNLOCKING = 0x02
    UNLOCKED = 0x03
    LOCKING = 0x04
    UNLATCHED = 0x05
    UNLOCKED_LOCK_N_GO = 0x06
    UNLATCHING = 0x07
    CALIBRATION = 0xFC
    BOOT_RUN = 0xFD
    MOTOR_BLOCKED = 0xFE
    UNDEFINED = 0xFF


class DoorState(IntEnum):
    """Door sensor states (0x000C); up to 5 of locks to 2.0, without 1, 4, 5 since 3.0."""

    UNAVAILABLE = 0x00
    DEACTIVATED = 0x01
    CLOSED = 0x02
    OPENED = 0x03
    UNKNOWN = 0x04
    CALIBRATING = 0x05
    UNCALIBRATED = 0x10
    TAMPERED = 0xF0
    LOST = 0xFF
    """Called "unknown", too."""


class Trigger(IntEnum):
    """What caused a change (0x000C)."""

    SYSTEM = 0
    MANUAL = 1
    BUTTON = 2
    AUTOMATIC = 3
    AUTO_LOCK = 6


def _unpack(layout: str, data: bytes, offset: int = 0) -> tuple[int, ...]:
    try:
        return struct.unpack_from(layout, data, offset)
    except struct.error as err:
        raise WireError("too short") from err


def pack_time(time: datetime) -> bytes:
    """Return the 7 bytes of a time; the lock counts in UTC."""
    utc = time.astimezone(UTC)
    return struct.pack(
        "<HBBBBB",
        *(utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second),
    )


def parse_time(data: bytes, offset: int = 0) -> datetime | None:
    """Return the time of 7 bytes, UTC; None where the lock has none (all zero).

    None, too, where they are no time: one such date must not hide all that is with it.
    """
    year, month, day, hour, minute, second = _unpack("<HBBBBB", data, offset)
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def pack_text(text: str, size: int) -> bytes:
    """Return `text` in UTF-8, cut at a whole character, filled with zeros to `size`."""
    raw = text.encode()[:size].decode(errors="ignore").encode()
    return raw.ljust(size, b"\0")


def _text(data: bytes) -> str:
    return data.split(b"\0", 1)[0].decode(errors="replace")


@dataclass(frozen=True, slots=True)
class KeyturnerStates:
    """How the lock stands (0x000C)."""

    bolt: int
    trigger: int
    time: datetime | None
    battery_critical: bool
    battery: int | None
    door: int
    """One of `DoorState`; unavailable where older firmware ends before it."""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read 13 bytes or more; later firmware appends fields."""
        bolt, trigger = _unpack("<BB", data, 1)
        (battery,) = _unpack("<B", data, 12)
        return cls(
            bolt=bolt,
            trigger=trigger,
            time=parse_time(data, 3),
            battery_critical=bool(battery & 1),
            # Firmware since 2.x puts percent/2 into bits 2-7; zero means not told.
            battery=(battery & 0xFC) >> 1 or None,
            door=data[18] if len(data) > 18 else 0,
        )


@dataclass(frozen=True, slots=True)
class Config:
    """What the lock is (0x0015)."""

    nuki_id: int
    name: str
    has_keypad: bool
    firmware: str
    product: Product = Product.SMART_LOCK

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read 69 bytes or more; later firmware appends fields."""
        (nuki_id,) = _unpack("<I", data)
        keypad, *firmware = _unpack("<BBBB", data, 65)
        return cls(
            nuki_id=nuki_id,
            name=_text(data[4:36]),
            # 0xFF: firmware too old to know of keypads. Keypad 2 has a flag of its own.
            has_keypad=keypad == 1 or (len(data) > 76 and data[76] == 1),
            firmware=".".join(map(str, firmware)),
            product=of_type(data[74] if len(data) > 74 else None),
        )


class IdType(IntEnum):
    """What is paired (0x000A)."""

    APP = 0
    BRIDGE = 1
    FOB = 2
    KEYPAD = 3
    DOOR_SENSOR = 4
    KEYPAD_2 = 5


@dataclass(frozen=True, slots=True)
class Authorization:
    """Who is paired with the lock (0x000A). Times are UTC by the lock's clock."""

    id: int
    type: int
    """One of `IdType`, or one that is not known yet."""
    name: str = field(repr=False)
    enabled: bool
    remote_allowed: bool
    """The Bridge may pass on what it asks."""
    created: datetime | None
    last_active: datetime | None
    uses: int
    start: datetime | None
    end: datetime | None
    schedule: Schedule | None

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read 56 bytes, and the 19 of its limits where it has them."""
        auth_id, kind = _unpack("<IB", data)
        enabled, remote = _unpack("<BB", data, 37)
        uses, limited = _unpack("<HB", data, 53)
        return cls(
            id=auth_id,
            type=kind,
            name=_text(data[5:37]),
            enabled=bool(enabled),
            remote_allowed=bool(remote),
            created=parse_time(data, 39),
            last_active=parse_time(data, 46),
            uses=uses,
            start=parse_time(data, 56) if limited else None,
            end=parse_time(data, 63) if limited else None,
            schedule=_schedule(data, 70) if limited else None,
        )


@dataclass(frozen=True, slots=True)
class BatteryReport:
    """What the last action took from the batteries (0x0011).

    The charge in percent is not in it but in the states (0x000C).
    """

    drain: int
    """Milliwatt seconds."""
    voltage: int
    """Now; this and the next two in millivolts."""
    critical: bool
    action: int
    """The last lock action, 0 for none."""
    start_voltage: int
    lowest_voltage: int
    distance: int
    """Degrees that the motor turned."""
    temperature: int
    """Degrees Celsius at the beginning."""
    max_current: int
    """Milliamperes."""
    resistance: int
    """Of the batteries, milliohms."""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read 17 bytes or more."""
        drain, voltage, critical, *rest = _unpack("<HHBBHHHbHH", data)
        return cls(drain, voltage, bool(critical), *rest)


class LogType(IntEnum):
    """Kinds of entries in the lock's own log (0x0032)."""

    LOCK_ACTION = 2
    KEYPAD_ACTION = 5
    DOOR_SENSOR = 6


# What we read of them; one of another kind is taken as it comes, or it would hide all
# that come after it.
_LOG_SIZES: dict[int, int] = {
    LogType.LOCK_ACTION: 4,
    LogType.KEYPAD_ACTION: 5,
    LogType.DOOR_SENSOR: 1,
}


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry of the lock's own log (0x0032)."""

    index: int
    time: datetime | None
    auth_id: int
    name: str = field(repr=False)
    type: int
    data: bytes

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read 48 bytes and what the type appends."""
        (index,) = _unpack("<I", data)
        (auth_id,) = _unpack("<I", data, 11)
        (kind,) = _unpack("<B", data, 47)
        rest = data[48:]
        if len(rest) < _LOG_SIZES.get(kind, 0):
            raise WireError("too short")
        return cls(
            index=index,
            time=parse_time(data, 4),
            auth_id=auth_id,
            name=_text(data[15:47]),
            type=kind,
            data=rest,
        )


_MONDAY = 0x40
"""Of "allowed weekdays"; the other days follow in the bits below it."""


@dataclass(frozen=True, slots=True)
class KeypadCode:
    """One code on the keypad (0x0045).

    `start` and `end` are UTC; the schedule is by the lock's local time (None: the code
    is bound to no weekday and no time of day).
    """

    id: int
    digits: int = field(repr=False)
    name: str
    enabled: bool
    start: datetime | None
    end: datetime | None
    schedule: Schedule | None = None

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read 44 bytes, and the 19 of its limits where the code has them."""
        code_id, digits = _unpack("<HI", data)
        (enabled,) = _unpack("<B", data, 26)
        (limited,) = _unpack("<B", data, 43)
        return cls(
            id=code_id,
            digits=digits,
            name=_text(data[6:26]),
            enabled=bool(enabled),
            start=parse_time(data, 44) if limited else None,
            end=parse_time(data, 51) if limited else None,
            schedule=_schedule(data, 58) if limited else None,
        )


def _schedule(data: bytes, offset: int) -> Schedule | None:
    """Return what "allowed weekdays" to "allowed until time" say: 5 bytes (0x0045).

    Times of day that are none are taken as the whole day, as `parse_time` has it.
    """
    mask, from_h, from_m, until_h, until_m = _unpack("<5B", data, offset)
    weekdays = frozenset(day for day in range(7) if mask & _MONDAY >> day)
    try:
        start, end = time(from_h, from_m), time(until_h, until_m)
    except ValueError:
        start = end = time()
    schedule = Schedule(weekdays=weekdays, start=start, end=end)
    return schedule if schedule.bounds else None


def window_fields(
    start: datetime, end: datetime, schedule: Schedule | None = None
) -> bytes:
    """Return the fields "time limited" to "allowed until time" of 0x0041 and 0x0046.

    20 bytes. Without a schedule the two dates alone bound the code.
    """
    daily = schedule or Schedule()
    return (
        b"\x01"
        + pack_time(start)
        + pack_time(end)
        + struct.pack(
            "<5B",
            sum(_MONDAY >> day for day in daily.weekdays),
            *(daily.start.hour, daily.start.minute),
            *(daily.end.hour, daily.end.minute),
        )
    )


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """The lock's no (0x0012); codes in section 6."""

    code: int
    command: int

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read 3 bytes."""
        code, command = _unpack("<BH", data)
        return cls(code, command)
