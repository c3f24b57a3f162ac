"""A driver of a lock that the real Z-Wave JS brought, and the hand on that lock."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.smartlock_le.locks import answers, any_lock, telling
from custom_components.smartlock_le.locks.driver import Bolt
from custom_components.smartlock_le.locks.zwave import ZwaveDriver
from custom_components.smartlock_le.models import LockRef, OutcomeUnknown, Refusal
from tests.conftest import until
from tests.zwave_js import NODES, SECURED, UNSECURED, ZwaveRadio, zwave_home

from .contract import EventsBench
from .numbered_contract import Book, NumberedBench

MANUAL_LOCK, MANUAL_UNLOCK = 1, 2
"""Events of the notification type Access Control."""


class ZwaveBench(NumberedBench, EventsBench):
    """A started driver and the lock behind it."""

    driver: ZwaveDriver
    asks_again = False
    away = OutcomeUnknown
    # Z-Wave JS looks itself, and then says no.
    forgotten = Refusal.OTHER

    def __init__(self, hass: HomeAssistant, radio: ZwaveRadio, kind: str) -> None:
        """Take a lock."""
        self.hass = hass
        self.radio = radio
        self.kind = kind
        self.book = Book()

    @property
    def lock_id(self) -> str:
        """The id of the lock."""
        return f"zwave_js:2119630849.{NODES[self.kind]}-98-0-currentMode"

    def do(self, what: str, **fields: Any) -> Any:
        """Do something with the lock."""
        return self.radio.do(what, self.kind, **fields)

    async def follow(self, usable: range = range(1, 6)) -> None:
        """Start a driver."""
        ref = LockRef(self.lock_id, "Front door")
        self.start(ZwaveDriver(self.hass, ref, self.book, usable))
        await self.driver.start()

    @property
    def bolt(self) -> Bolt:
        """Where the bolt is."""
        known = {SECURED: Bolt.LOCKED, UNSECURED: Bolt.UNLOCKED}
        return known[self.do("state")["mode"]]

    @property
    def moves(self) -> int:
        """How many commands it took."""
        count: int = self.do("state")["moves"]
        return count

    async def reach(self, *, there: bool) -> None:
        """Take its batteries out, or put them back."""
        self.do("reach", there=there)
        await until(lambda: self.driver.available is there)

    def turn(self, *, lock: bool) -> None:
        """Turn the thumb turn."""
        self.do("notify", event=MANUAL_LOCK if lock else MANUAL_UNLOCK)
        self.do("report", mode=SECURED if lock else UNSECURED)

    def jam(self) -> None:
        """Block it."""
        self.do("set", flaw="jammed", value=True)

    def slow(self) -> None:
        """Nothing to do: its motor takes a moment."""

    async def settle(self) -> None:
        """Wait until all is told."""
        await until(lambda: not self.driver._moves._waiting)

    # Its codes

    @property
    def codes(self) -> dict[int, str]:
        """The codes on it."""
        return self.radio.codes(self.kind)

    def add_code(self, number: int, digits: str) -> None:
        """Add one at the keypad."""
        self.do("code", slot=number, digits=digits)

    def forget(self) -> None:
        """Forget the next."""
        self.do("set", flaw="forgets", value=True)

    def refuse(self) -> None:
        """Say no to the next."""
        self.do("set", flaw="refuses", value=True)


@asynccontextmanager
async def zwave_bench(
    hass: HomeAssistant,
    radio: ZwaveRadio,
    monkeypatch: pytest.MonkeyPatch,
    kind: str = "codes",
) -> AsyncGenerator[ZwaveBench]:
    """Run Home Assistant's Z-Wave JS with a lock that a driver follows."""
    monkeypatch.setattr(any_lock, "DEADLINE", 4.0)
    monkeypatch.setattr(telling, "MOTOR", 0.5)
    monkeypatch.setattr(answers, "ANSWER", 5.0)
    async with zwave_home(hass, radio):
        bench = ZwaveBench(hass, radio, kind)
        await bench.follow()
        yield bench
        await bench.driver.stop()
