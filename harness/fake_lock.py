"""A lock that is not there: for what must be asked of thousands of locks, or at once.

It keeps codes by number, or by name and with windows, and fails as it is told. What the
tests and the benchmarks share.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from typing import override

from custom_components.smartlock_le.locks.driver import Bolt, LockDriver, LockState
from custom_components.smartlock_le.locks.numbered import (
    CodeStatus,
    NumberedCodes,
    Numbers,
)
from custom_components.smartlock_le.models import (
    AccessEvent,
    AccessKind,
    Capability,
    CodeWindow,
    DoorCommand,
    LockCode,
    LockRef,
    LockRefused,
    LockUnreachable,
    Method,
    OutcomeUnknown,
    Refusal,
    Schedule,
    utc_now,
)


@dataclass(slots=True)
class Hardware:
    """What is at the door: it outlives every driver."""

    codes: dict[int, str] = field(default_factory=dict)
    """Digits by number."""
    there: bool = True
    latency: float = 0.0
    refuses: Refusal | None = None
    """Why it says no to the next code."""
    loses: str = ""
    """What of the next code is lost: `command` or `answer`."""
    forgets: bool = False
    full: bool = False
    calls: list[tuple[str, int]] = field(default_factory=list)
    """What it was told: `put`, `drop` or `read`, and the number."""
    on_call: Callable[[str, int], None] = lambda what, number: None

    async def told(self, what: str, number: int) -> None:
        """Take a command, or fail. Raises the lock's error."""
        if self.latency:
            await asyncio.sleep(self.latency)
        if not self.there:
            raise LockUnreachable("fake")
        self.calls.append((what, number))
        self.on_call(what, number)
        if what == "read":
            return
        if self.loses == "command":
            self.loses = ""
            raise OutcomeUnknown("fake")
        if (refused := self.refuses) is not None:
            self.refuses = None
            raise LockRefused(refused)

    def answered(self) -> None:
        """Lose the answer, if so told."""
        if self.loses == "answer":
            self.loses = ""
            raise OutcomeUnknown("fake")

    def put(self, number: int, digits: str) -> None:
        """Keep a code. Raises LockRefused."""
        if any(n != number and d == digits for n, d in self.codes.items()):
            raise LockRefused(Refusal.CODE_EXISTS)
        if self.full and number not in self.codes:
            raise LockRefused(Refusal.CODES_FULL)
        if not self.forgets:
            self.codes[number] = digits


class FakeDriver(NumberedCodes):
    """A lock with codes by number."""

    model = "Fake"
    manufacturer = "Nobody"

    def __init__(
        self, ref: LockRef, hardware: Hardware, numbers: Numbers, usable: range
    ) -> None:
        """Take the hardware."""
        super().__init__()
        self.ref = ref
        self.hardware = hardware
        self.keep_numbers(numbers, usable)
        self.capabilities = (
            Capability.CODES | Capability.CODE_STATUS | Capability.EVENTS
        )
        self.paired = False
        self.state = LockState(bolt=Bolt.LOCKED)

    @override
    def lent(self) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    @override
    async def start(self) -> None:
        self.reach(there=self.hardware.there)

    def reach(self, *, there: bool) -> None:
        """Come into reach, or go."""
        self.hardware.there = self.available = there
        self.changed()
        if there:
            self.on_news()

    @override
    async def stop(self) -> None:
        """Nothing to end."""

    @override
    async def command(self, command: DoorCommand, suffix: str = "") -> None:
        if not self.hardware.there:
            raise LockUnreachable("fake")

    @override
    async def read_state(self) -> LockState:
        if not self.hardware.there:
            raise LockUnreachable("fake")
        return self.state

    @override
    def read_log(self, after: int) -> AsyncIterator[list[AccessEvent]]:
        raise LockRefused(Refusal.NOT_SUPPORTED)

    @override
    async def last_log_index(self) -> int:
        raise LockRefused(Refusal.NOT_SUPPORTED)

    @override
    async def forget_us(self) -> None:
        """There is no pairing."""

    @override
    async def put_number(self, number: int, digits: str) -> None:
        await self.hardware.told("put", number)
        self.hardware.put(number, digits)
        self.hardware.answered()

    @override
    async def drop_number(self, number: int) -> None:
        await self.hardware.told("drop", number)
        self.hardware.codes.pop(number, None)
        self.hardware.answered()

    @override
    async def read_number(self, number: int) -> CodeStatus:
        await self.hardware.told("read", number)
        taken = number in self.hardware.codes
        return CodeStatus.ENABLED if taken else CodeStatus.EMPTY

    def press(self, digits: str) -> bool:
        """Type a code; tell whether it opens."""
        for number, known in self.hardware.codes.items():
            if known == digits:
                self.tell(AccessKind.UNLOCKED, number)
                return True
        self.tell(AccessKind.DENIED, None)
        return False

    def tell(self, kind: AccessKind, number: int | None) -> None:
        """Tell what happened at the keypad."""
        self.on_events(
            [
                AccessEvent(
                    lock=self.ref.id,
                    event=kind,
                    method=Method.KEYPAD,
                    time=utc_now(),
                    code_id=number,
                    code_name=self.name_of(number),
                    source="lock_event",
                )
            ]
        )


class WindowedDriver(FakeDriver):
    """A lock whose codes have names, and windows that it keeps by itself."""

    def __init__(
        self, ref: LockRef, hardware: Hardware, numbers: Numbers, usable: range
    ) -> None:
        """Have no window yet."""
        super().__init__(ref, hardware, numbers, usable)
        self.capabilities |= Capability.CODE_WINDOWS
        self.named: dict[int, tuple[str, CodeWindow]] = {}

    @override
    def name_of(self, number: int | None) -> str:
        return self.named[number][0] if number in self.named else ""

    @override
    async def set_code(
        self,
        digits: str,
        name: str,
        window: CodeWindow,
        schedule: Schedule | None = None,
    ) -> int:
        number = max(self.named, default=0) + 1
        await self.hardware.told("put", number)
        self.hardware.put(number, digits)
        self.named[number] = name, window
        self.hardware.answered()
        return number

    @override
    async def change_window(
        self,
        code_id: int,
        name: str,
        window: CodeWindow,
        schedule: Schedule | None = None,
    ) -> None:
        await self.hardware.told("change", code_id)
        if code_id not in self.named or self.named[code_id][0] != name:
            raise LockRefused(Refusal.CODE_GONE)
        self.named[code_id] = name, window
        self.hardware.answered()

    @override
    async def clear_code(self, code_id: int, name: str) -> None:
        await self.hardware.told("drop", code_id)
        self.hardware.codes.pop(code_id, None)
        self.named.pop(code_id, None)
        self.hardware.answered()

    @override
    async def clear_marked(self, markers: set[str]) -> None:
        await LockDriver.clear_marked(self, markers)

    @override
    async def find_code(self, name: str) -> LockCode | None:
        return await LockDriver.find_code(self, name)

    @override
    async def read_codes(self) -> list[LockCode]:
        await self.hardware.told("read", 0)
        return [
            LockCode(id=number, name=name, enabled=True, window=window)
            for number, (name, window) in self.named.items()
        ]
