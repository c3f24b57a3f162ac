"""A driver of a lock that the real ZHA brought, and the hand on that lock."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.smartlock_le.locks import zha as driver_module, zha_cluster
from custom_components.smartlock_le.locks.driver import Bolt
from custom_components.smartlock_le.locks.zha import ZhaDriver
from custom_components.smartlock_le.models import (
    AccessKind,
    Actor,
    LockRef,
    LockUnreachable,
    Method,
    OutcomeUnknown,
)
from tests.conftest import until
from tests.zigbee import FAST, Zha, zha_home
from virtual_home.zigbee.options import LockOptions
from virtual_home.zigbee.trouble import Sent

from .contract import AirBench, EventsBench
from .numbered_contract import Book, NumberedBench

_BOLTS = {0: Bolt.JAMMED, 1: Bolt.LOCKED, 2: Bolt.UNLOCKED}

type Told = tuple[AccessKind, Method, int | None]


class ZhaBench(AirBench, EventsBench, NumberedBench):
    """A started driver, its ZHA and its lock."""

    driver: ZhaDriver
    away = (LockUnreachable, OutcomeUnknown)

    def __init__(self, zha: Zha, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take the first lock, and count what it is told from now on."""
        self.zha = zha
        self.lock = zha.lock
        self.book = Book()
        self.heard: list[str] = []
        """The commands that reached the lock, by their names in zigpy."""
        self._monkeypatch = monkeypatch
        self._deaf_once: set[str] = set()
        for name, handler in self.lock.server.commands.items():
            self.lock.server.commands[name] = self._counted(name, handler)

    def _counted(
        self, name: str, handler: Callable[[Any, Any], None]
    ) -> Callable[[Any, Any], None]:
        def handle(call: Any, arguments: Any) -> None:
            if name in self._deaf_once:
                self._deaf_once.remove(name)
                return
            self.heard.append(name)
            handler(call, arguments)

        return handle

    @property
    def lock_id(self) -> str:
        """The id of the lock."""
        return f"zha:{self.lock.ieee}-1-257"

    async def follow(self, usable: range = range(1, 6)) -> None:
        """Start a driver."""
        ref = LockRef(self.lock_id, "Front door")
        self.start(ZhaDriver(self.zha.hass, ref, self.book, usable))
        await self.driver.start()

    def hurry(self) -> None:
        """Shorten the wait for what will not come."""
        self._monkeypatch.setattr(zha_cluster, "ANSWER", 0.5)
        self._monkeypatch.setattr(zha_cluster, "ASK", 0.5)
        self._monkeypatch.setattr(driver_module, "SOON", 0.3)
        self._monkeypatch.setattr(driver_module, "HINT", 0.1)

    @property
    def bolt(self) -> Bolt:
        """Where the bolt is."""
        return _BOLTS[int(self.lock.state)]

    @property
    def moves(self) -> int:
        """How many door commands it took."""
        return sum(name in ("lock_door", "unlock_door") for name in self.heard)

    async def reach(self, *, there: bool) -> None:
        """Take its batteries out, or put them in."""
        self.hurry()
        self.lock.trouble.online = there

    def turn(self, *, lock: bool) -> None:
        """Turn the thumb turn."""
        self.lock.turn(lock=lock)

    def jam(self) -> None:
        """Block it."""
        self.lock.jammed = True

    def slow(self) -> None:
        """Slow it."""
        self.lock.motor_s = 0.3

    def lose(self, *, answer: bool) -> None:
        """Lose all that it says of the next command, or that command."""
        self.hurry()
        if answer:
            self.lock.trouble.lose(Sent.REPLY, 2)
            self.lock.trouble.lose(Sent.REPORT)
            self.lock.trouble.lose(Sent.EVENT)
        else:
            self._deaf_once.add("unlock_door")

    async def settle(self) -> None:
        """Wait until nothing waits for a second word of the lock."""
        await until(lambda: not self.driver._moves._waiting)

    async def told(self, count: int = 1) -> list[Told]:
        """Wait for events; return what they say."""
        await until(lambda: len(self.events) >= count)
        await self.settle()
        return [(one.event, one.method, one.code_id) for one in self.events]

    @property
    def actor(self) -> Actor:
        """Who did the last thing that was told."""
        return self.events[-1].actor

    # Its codes

    @property
    def codes(self) -> dict[int, str]:
        """Give its codes."""
        return {number: user.pin for number, user in self.lock.users.table.items()}

    def add_code(self, number: int, digits: str) -> None:
        """Add one at the keypad."""
        self.lock.program(number, digits)

    def _options(self, **changes: Any) -> None:
        self.lock.users._options = replace(self.lock.users._options, **changes)

    def forget(self) -> None:
        """Keep none."""
        self._options(forgets=True)

    def full(self) -> None:
        """Have no room for another."""
        self._options(memory=len(self.lock.users))

    def refuse(self) -> None:
        """Say no."""
        self.lock.trouble.refuse = 1


@asynccontextmanager
async def zha_bench(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    options: LockOptions = FAST,
    *,
    follow: bool = True,
) -> AsyncGenerator[ZhaBench]:
    """Run ZHA with a lock that a driver follows."""
    async with zha_home(hass, options) as zha:
        bench = ZhaBench(zha, monkeypatch)
        if follow:
            await bench.follow()
        yield bench
        if follow:
            await bench.driver.stop()
