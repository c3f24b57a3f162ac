"""The hand on a lock of the virtual radio, whoever brought it to Home Assistant."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from custom_components.smartlock_le.locks.driver import Bolt
from custom_components.smartlock_le.locks.zha import ZhaDriver
from custom_components.smartlock_le.locks.zigbee2mqtt import Zigbee2MqttDriver
from custom_components.smartlock_le.models import (
    AccessKind,
    Actor,
    LockUnreachable,
    Method,
    OutcomeUnknown,
)
from tests.conftest import until
from virtual_home.zigbee.lock import Lock
from virtual_home.zigbee.trouble import Sent

from .contract import AirBench, EventsBench
from .numbered_contract import Book, NumberedBench

_BOLTS = {0: Bolt.JAMMED, 1: Bolt.LOCKED, 2: Bolt.UNLOCKED}

type Told = tuple[AccessKind, Method, int | None]


class ZigbeeBench(AirBench, EventsBench, NumberedBench):
    """A lock of the radio, and what it was told."""

    driver: ZhaDriver | Zigbee2MqttDriver
    away = (LockUnreachable, OutcomeUnknown)

    def __init__(self, lock: Lock, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take a lock, and count what it is told from now on."""
        self.lock = lock
        self.book = Book()
        self.heard: list[str] = []
        """The commands that reached the lock, by their names in zigpy."""
        self._monkeypatch = monkeypatch
        self._deaf_once: set[str] = set()
        for name, handler in list(lock.server.commands.items()):
            # The lock may be that of other tests, too.
            monkeypatch.setitem(
                lock.server.commands, name, self._counted(name, handler)
            )

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

    @abstractmethod
    def hurry(self) -> None:
        """Shorten the wait for what will not come."""

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

    def _options(self, **changes: Any) -> None:
        self.lock.users._options = replace(self.lock.users._options, **changes)

    def forget(self) -> None:
        """Keep none."""
        self._options(forgets=True)
