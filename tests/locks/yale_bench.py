"""A driver of a lock that Yale Access Bluetooth brought, and the hand on that lock."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from homeassistant.core import HomeAssistant
import pytest

from custom_components.smartlock_le.locks import answers, any_lock, telling
from custom_components.smartlock_le.locks.driver import Bolt
from custom_components.smartlock_le.locks.yale import YaleDriver
from custom_components.smartlock_le.models import (
    LockRef,
    LockUnreachable,
    OutcomeUnknown,
)
from tests.conftest import until
from tests.yale import LOCK_ID, YaleHome, yale_home
from virtual_home.yale.lock import Bolt as YaleBolt

from .contract import EventsBench
from .numbered_contract import Book, NumberedBench

_BOLTS = {YaleBolt.LOCKED: Bolt.LOCKED, YaleBolt.UNLOCKED: Bolt.UNLOCKED}


class YaleBench(NumberedBench, EventsBench):
    """A started driver and the lock behind it."""

    driver: YaleDriver
    asks_again = False
    away = (LockUnreachable, OutcomeUnknown)

    def __init__(self, hass: HomeAssistant, home: YaleHome) -> None:
        """Take the lock."""
        self.hass = hass
        self.home = home
        self.lock = home.lock
        self.book = Book()

    async def follow(self, usable: range = range(1, 6)) -> None:
        """Start a driver, and wait until it hears the lock's log."""
        ref = LockRef(LOCK_ID, "Porch")
        self.start(YaleDriver(self.hass, ref, self.book, usable))
        await self.driver.start()
        await until(lambda: self.home.entry.runtime_data.lock._activity_primed)

    @property
    def bolt(self) -> Bolt:
        """Where the bolt is."""
        return _BOLTS[self.lock.bolt]

    @property
    def moves(self) -> int:
        """How many commands it took."""
        return self.lock.moves

    async def reach(self, *, there: bool) -> None:
        """Bring it out of reach, or back."""
        await self.lock.set_in_range(there)

    def turn(self, *, lock: bool) -> None:
        """Turn the thumb turn."""
        self.lock.turn(lock=lock)

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
        self.lock.codes[number] = digits

    def forget(self) -> None:
        """Forget each."""
        self.lock.forgets = True

    def refuse(self) -> None:
        """Say no to the next."""
        self.lock.refuses = True


@asynccontextmanager
async def yale_bench(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[YaleBench]:
    """Run Yale Access Bluetooth with a lock that a driver follows."""
    monkeypatch.setattr(any_lock, "DEADLINE", 4.0)
    monkeypatch.setattr(answers, "ANSWER", 4.0)
    monkeypatch.setattr(telling, "MOTOR", 1.0)
    async with yale_home(hass) as home:
        bench = YaleBench(hass, home)
        await bench.follow()
        yield bench
        await bench.driver.stop()
