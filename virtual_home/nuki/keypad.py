"""The codes of the keypad and when they work (commands 0x0041 to 0x0048).

Time base. The document gives a Timezone offset beside the lock's Current Time but does
not say in which zone a date is. Decided here: the lock's clock and the two *dates* of a
window are UTC; *weekdays* and the two *times of day* are local to the lock, that is UTC
plus its Timezone offset. Nuki says so of the same fields of its Web API ("Dates are always
UTC ... Times are always relative to the local time of the lock", developer.nuki.io topic
39789), and public logs of Bluetooth clients show Current Time in UTC.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
import struct
from typing import Self

from .wire import ErrorCode, NukiError, pack_time, unpack_time

MAX_CODES = 100


@dataclass(frozen=True, slots=True)
class Window:
    """When a time limited code works."""

    start: datetime | None = None
    end: datetime | None = None
    weekdays: int = 0
    """Bits 6 to 0 are Monday to Sunday; no bit is every day."""
    from_time: time = time()
    until_time: time = time()
    """Equal: all day. From after until: over midnight."""

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """Read the window fields of Add and Update Keypad Code."""
        weekdays, from_h, from_m, until_h, until_m = struct.unpack_from("5B", data, 14)
        start, end = unpack_time(data[:7]), unpack_time(data[7:14])
        if weekdays > 0x7F or (start and end and start > end):
            raise NukiError(ErrorCode.K_ERROR_BAD_PARAMETER)
        try:
            times = time(from_h, from_m), time(until_h, until_m)
        except ValueError as err:
            raise NukiError(ErrorCode.K_ERROR_BAD_PARAMETER) from err
        return cls(start, end, weekdays, *times)

    def pack(self) -> bytes:
        """Write the window fields of Keypad Code."""
        return (
            pack_time(self.start)
            + pack_time(self.end)
            + struct.pack(
                "5B",
                self.weekdays,
                self.from_time.hour,
                self.from_time.minute,
                self.until_time.hour,
                self.until_time.minute,
            )
        )

    def allows(self, now: datetime, timezone_offset: timedelta) -> bool:
        """Say whether the code works at `now`, a time of the lock's UTC clock."""
        if (self.start and now < self.start) or (self.end and now > self.end):
            return False
        local = now + timezone_offset
        if self.weekdays and not self.weekdays & 0x40 >> local.weekday():
            return False
        if self.from_time == self.until_time:
            return True
        if self.from_time < self.until_time:
            return self.from_time <= local.time() < self.until_time
        return local.time() >= self.from_time or local.time() < self.until_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A keypad code."""

    code_id: int
    digits: int
    name: str
    created: datetime
    enabled: bool = True
    last_active: datetime | None = None
    uses: int = 0
    window: Window | None = None


def check_digits(digits: int) -> None:
    """Refuse what the keypad cannot take: six digits, no 0, not starting with 12."""
    text = str(digits)
    if len(text) != 6 or "0" in text or text.startswith("12"):
        raise NukiError(ErrorCode.K_ERROR_BAD_PARAMETER)


@dataclass(slots=True)
class CodeBook:
    """All codes of a lock. An id is never given twice."""

    codes: dict[int, Code] = field(default_factory=dict)
    next_id: int = 1

    def __iter__(self) -> Iterator[Code]:
        """Give the codes in the order of their ids."""
        return iter([self.codes[key] for key in sorted(self.codes)])

    def __len__(self) -> int:
        """Count the codes."""
        return len(self.codes)

    def find(self, digits: int) -> Code | None:
        """Find a code by its digits."""
        return next((code for code in self if code.digits == digits), None)

    def add(self, digits: int, name: str, window: Window | None, now: datetime) -> Code:
        """Add a code: errors 0x23, 0x29 and 0x2A of section 6."""
        check_digits(digits)
        if self.find(digits) is not None:
            raise NukiError(ErrorCode.K_ERROR_CODE_ALREADY_EXISTS)
        if len(self) >= MAX_CODES or self.next_id > 0xFFFF:
            raise NukiError(ErrorCode.K_ERROR_TOO_MANY_ENTRIES)
        code = Code(
            code_id=self.next_id, digits=digits, name=name, created=now, window=window
        )
        self.next_id += 1
        self.codes[code.code_id] = code
        return code

    def update(
        self, code_id: int, digits: int, name: str, enabled: bool, window: Window | None
    ) -> None:
        """Change a code; it stays the same entry."""
        old = self.get(code_id)
        check_digits(digits)
        if (other := self.find(digits)) is not None and other is not old:
            raise NukiError(ErrorCode.K_ERROR_CODE_ALREADY_EXISTS)
        self.codes[code_id] = replace(
            old, digits=digits, name=name, enabled=enabled, window=window
        )

    def remove(self, code_id: int) -> None:
        """Remove a code."""
        self.get(code_id)
        del self.codes[code_id]

    def get(self, code_id: int) -> Code:
        """Give a code, or "bad parameter": section 6 has no better code for this."""
        if code_id not in self.codes:
            raise NukiError(ErrorCode.K_ERROR_BAD_PARAMETER)
        return self.codes[code_id]

    def used(self, code: Code, now: datetime) -> None:
        """Count a use."""
        self.codes[code.code_id] = replace(
            code, last_active=now, uses=min(code.uses + 1, 0xFFFF)
        )
