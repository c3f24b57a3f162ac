"""Locks that know a code only by its number: which number is whose, one at a time."""

from abc import abstractmethod
import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from enum import StrEnum
import secrets
from typing import Protocol, override

from homeassistant.util.file import WriteError

from ..models import Capability, CodeWindow, LockCode, LockRefused, Refusal, Schedule
from .driver import LockDriver, Turn

PAUSE = 2.0
"""Seconds between two codes: locks on batteries lose what comes faster."""
_LOOKS = 30
"""Most numbers that are looked at for a free one: a lock is never read number by number."""


class CodeStatus(StrEnum):
    """What a lock says of one of its numbers."""

    EMPTY = "empty"
    ENABLED = "enabled"
    DISABLED = "disabled"
    UNKNOWN = "unknown"
    """It does not say: neither empty nor taken may be concluded."""


class Numbers(Protocol):
    """Where it is kept, apart from the log, which numbers of a lock are ours."""

    def taken(self) -> Mapping[str, int]:
        """Return the numbers by the names of our codes."""

    def resting(self) -> Collection[str]:
        """Return the names under whose numbers there is nothing of ours."""

    async def take(self, name: str, number: int) -> None:
        """Give a number to a name that is kept already; it rests no more.

        Raises WriteError.
        """

    async def rest(self, name: str) -> None:
        """Keep a name's number with nothing of ours under it. Raises WriteError."""


class NumberedCodes(LockDriver):
    """Codes under numbers of ours; a name keeps its number until it is forgotten.

    It stands before the class of the lock itself, and has no `__init__` of its own:
    whoever builds the lock calls `keep_numbers`.
    """

    lengths = range(4, 9)
    """How many digits a code may have."""
    usual_length = 6
    """Digits of a new code, where the lock takes as many."""
    _numbers: Numbers
    _usable: range
    _others: set[int]
    _rested_at = 0.0

    def keep_numbers(self, numbers: Numbers, usable: range) -> None:
        """Take where numbers are kept, and which of them the owner lets us use.

        They are canonical: as they go over the air.
        """
        self._numbers, self._usable = numbers, usable
        self._others = set()

    # What a family brings

    @abstractmethod
    async def put_number(self, number: int, digits: str) -> None:
        """Let digits open under a number. Raises the lock's error."""

    @abstractmethod
    async def drop_number(self, number: int) -> None:
        """Let nothing open under a number. Raises the lock's error."""

    @abstractmethod
    async def read_number(self, number: int) -> CodeStatus:
        """Ask what is under a number, and never for its digits. Raises the lock's error."""

    # The contract

    @asynccontextmanager
    async def _code_turn(self) -> AsyncIterator[None]:
        """Wait until the lock has rested from the last code, then for the turn."""
        now = asyncio.get_running_loop().time
        while (wait := self._rested_at - now()) > 0:
            await asyncio.sleep(wait)
        async with self.queue.turn(Turn.CODES):
            try:
                yield
            finally:
                self._rested_at = now() + PAUSE

    async def _look(self, number: int) -> CodeStatus:
        if Capability.CODE_STATUS not in self.capabilities:
            # A lock that never answers is not asked: each question costs its battery.
            return CodeStatus.UNKNOWN
        return await self.read_number(number)

    def name_of(self, number: int | None) -> str:
        """Return the name of our code under a number, or nothing."""
        for name, taken in self._numbers.taken().items():
            if taken == number:
                return name
        return ""

    async def _number(self, name: str) -> int:
        """Return the number of a name; the first time, one that nobody has.

        While its number rested somebody else may have come to use it.
        """
        taken = self._numbers.taken()
        if name in taken:
            number = taken[name]
            if name not in self._numbers.resting():
                return number
            if await self._look(number) in (CodeStatus.EMPTY, CodeStatus.UNKNOWN):
                await self._take_number(name, number)
                return number
            self._others.add(number)
        looked = 0
        for number in self._usable:
            if number in taken.values() or number in self._others:
                continue
            if looked == _LOOKS:
                break
            looked += 1
            # Where the lock does not say, the owner said that the number is free.
            if await self._look(number) in (CodeStatus.EMPTY, CodeStatus.UNKNOWN):
                await self._take_number(name, number)
                return number
            self._others.add(number)
        # Somebody may have cleared one of them by the next time.
        self._others.clear()
        raise LockRefused(Refusal.CODES_FULL)

    async def _take_number(self, name: str, number: int) -> None:
        """Keep whose number it is before anything is under it."""
        try:
            await self._numbers.take(name, number)
        except WriteError:
            raise LockRefused(Refusal.NOT_KEPT) from None
        kept = self._numbers.taken().get(name) == number
        if not kept or name in self._numbers.resting():
            raise LockRefused(Refusal.NOT_KEPT)

    @override
    async def set_code(
        self,
        digits: str,
        name: str,
        window: CodeWindow,
        schedule: Schedule | None = None,
    ) -> int:
        self._no_schedule(schedule)
        if not self.check_code(digits):
            raise LockRefused(Refusal.CODE_INVALID)
        async with self._code_turn():
            number = await self._number(name)
            await self.put_number(number, digits)
            # Locks are known that acknowledge and forget.
            found = await self._look(number)
        if found in (CodeStatus.EMPTY, CodeStatus.DISABLED):
            raise LockRefused(Refusal.CODE_FORGOTTEN)
        return number

    @override
    async def change_window(
        self,
        code_id: int,
        name: str,
        window: CodeWindow,
        schedule: Schedule | None = None,
    ) -> None:
        # The lock knows no window: whoever asks clears the code when it is over.
        self._no_schedule(schedule)
        self._ours(code_id, name)

    @staticmethod
    def _no_schedule(schedule: Schedule | None) -> None:
        if schedule is not None and schedule.bounds:
            raise LockRefused(Refusal.NOT_SUPPORTED, "schedule")

    def _ours(self, code_id: int, name: str) -> None:
        there = self._numbers.taken().get(name) == code_id
        if not there or name in self._numbers.resting():
            raise LockRefused(Refusal.CODE_GONE)

    @override
    async def clear_code(self, code_id: int, name: str) -> None:
        self._ours(code_id, name)
        async with self._code_turn():
            await self.drop_number(code_id)
            found = await self._look(code_id)
        if found is CodeStatus.ENABLED:
            raise LockRefused(Refusal.OTHER, "still there")
        try:
            await self._numbers.rest(name)
        except WriteError:
            raise LockRefused(Refusal.NOT_KEPT) from None

    @override
    async def clear_marked(self, markers: set[str]) -> None:
        for name, number in list(self._numbers.taken().items()):
            if name in markers and name not in self._numbers.resting():
                await self.clear_code(number, name)

    @override
    async def read_codes(self) -> list[LockCode]:
        found = [await self.find_code(name) for name in list(self._numbers.taken())]
        return [code for code in found if code is not None]

    @override
    async def find_code(self, name: str) -> LockCode | None:
        """Ask for the number of that name alone: each question costs the lock's battery."""
        number = self._numbers.taken().get(name)
        if number is None or name in self._numbers.resting():
            return None
        async with self.queue.turn(Turn.CODES):
            status = await self._look(number)
        if status is CodeStatus.EMPTY:
            return None
        return LockCode(
            id=number,
            name=name,
            enabled=status is not CodeStatus.DISABLED,
            window=None,
            certain=status is not CodeStatus.UNKNOWN,
        )

    @override
    def check_code(self, digits: str) -> bool:
        return digits.isascii() and digits.isdigit() and len(digits) in self.lengths

    @override
    def new_code(self) -> str:
        length = min(max(self.usual_length, self.lengths.start), self.lengths[-1])
        return "".join(secrets.choice("0123456789") for _ in range(length))
