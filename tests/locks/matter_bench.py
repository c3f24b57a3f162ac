"""A driver of a lock that Matter brought, and the hand on that lock."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from homeassistant.core import HomeAssistant
import pytest

from custom_components.smartlock_le.locks import answers, any_lock
from custom_components.smartlock_le.locks.driver import Bolt
from custom_components.smartlock_le.locks.matter import MatterDriver
from custom_components.smartlock_le.models import LockRef
from tests.conftest import until
from tests.matter import LOCK_ID, WITH_CODES, LockState, MatterHome, matter_home

from .contract import EventsBench
from .numbered_contract import Book, NumberedBench

_BOLTS = {
    LockState.kLocked: Bolt.LOCKED,
    LockState.kUnlocked: Bolt.UNLOCKED,
    LockState.kUnlatched: Bolt.OPEN,
}


class MatterBench(NumberedBench, EventsBench):
    """A started driver and the lock behind it."""

    driver: MatterDriver
    asks_again = False

    def __init__(self, hass: HomeAssistant, home: MatterHome) -> None:
        """Take the lock."""
        self.hass = hass
        self.home = home
        self.lock = home.lock
        self.book = Book()

    async def follow(self, usable: range = range(1, 6)) -> None:
        """Start a driver."""
        ref = LockRef(LOCK_ID, "Back door")
        self.start(MatterDriver(self.hass, ref, self.book, usable))
        await self.driver.start()

    @property
    def bolt(self) -> Bolt:
        """Where the bolt is."""
        return _BOLTS[self.lock.state]

    @property
    def moves(self) -> int:
        """How many commands it took."""
        return self.lock.moves

    async def reach(self, *, there: bool) -> None:
        """Bring it out of reach, or back."""
        self.lock.reach(there=there)
        await until(lambda: self.driver.available is there)

    def turn(self, *, lock: bool) -> None:
        """Turn the thumb turn."""
        self.lock.operated(lock=lock)

    def jam(self) -> None:
        """Block it."""
        self.lock.jammed = True

    def slow(self) -> None:
        """Nothing to do: its motor takes a moment."""

    async def settle(self) -> None:
        """Wait until all is told."""
        await until(lambda: not self.driver._moves._waiting)

    # Its codes

    @property
    def codes(self) -> dict[int, str]:
        """The codes on it."""
        return self.lock.codes

    def add_code(self, number: int, digits: str) -> None:
        """Add one at the keypad."""
        self.lock.program(number, digits)

    def forget(self) -> None:
        """Forget each."""
        self.lock.forgets = True

    def refuse(self) -> None:
        """Say no to the next."""
        self.lock.refuses = True


@asynccontextmanager
async def matter_bench(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, features: int = WITH_CODES
) -> AsyncGenerator[MatterBench]:
    """Run Home Assistant's Matter with a lock that a driver follows."""
    monkeypatch.setattr(any_lock, "DEADLINE", 4.0)
    monkeypatch.setattr(answers, "ANSWER", 5.0)
    async with matter_home(hass, features) as home:
        bench = MatterBench(hass, home)
        await bench.follow()
        yield bench
        await bench.driver.stop()
