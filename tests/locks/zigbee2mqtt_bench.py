"""A driver of a lock that the real Zigbee2MQTT brought, and the hand on that lock."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
import json
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.smartlock_le.locks import (
    numbered as numbered_module,
    zigbee2mqtt as driver_module,
)
from custom_components.smartlock_le.locks.driver import Bolt
from custom_components.smartlock_le.locks.zigbee2mqtt import Zigbee2MqttDriver
from custom_components.smartlock_le.models import (
    AccessKind,
    Actor,
    LockRef,
    LockUnreachable,
    Method,
    OutcomeUnknown,
)
from tests.conftest import until
from tests.zigbee2mqtt import BASE, Zigbee2Mqtt, brought, mqtt_home
from virtual_home.zigbee.trouble import Sent

from .contract import AirBench, EventsBench
from .numbered_contract import Book, NumberedBench

_BOLTS = {0: Bolt.JAMMED, 1: Bolt.LOCKED, 2: Bolt.UNLOCKED}

type Told = tuple[AccessKind, Method, int | None]


class Zigbee2MqttBench(AirBench, EventsBench, NumberedBench):
    """A started driver, its Zigbee2MQTT and its lock."""

    driver: Zigbee2MqttDriver
    away = (LockUnreachable, OutcomeUnknown)

    def __init__(
        self,
        hass: HomeAssistant,
        z2m: Zigbee2Mqtt,
        kind: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Take a lock, and count what it is told from now on."""
        self.hass, self.z2m, self.kind = hass, z2m, kind
        self.lock = z2m.locks[kind]
        self.book = Book()
        self.heard: list[str] = []
        """The commands that reached the lock, by their names in zigpy."""
        self._monkeypatch = monkeypatch
        self._deaf_once: set[str] = set()
        for name, handler in list(self.lock.server.commands.items()):
            monkeypatch.setitem(
                self.lock.server.commands, name, self._counted(name, handler)
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

    async def follow(self, usable: range = range(1, 6)) -> None:
        """Start a driver."""
        ref = LockRef(self.z2m.lock_id(self.kind), "Front door")
        self.start(Zigbee2MqttDriver(self.hass, ref, self.book, usable))
        await self.driver.start()
        await until(self.driver._topics.named.is_set)

    def hurry(self) -> None:
        """Shorten the wait for what will not come."""
        for name, seconds in (("ANSWER", 1.0), ("MOTOR", 1.0), ("QUIET", 0.0)):
            self._monkeypatch.setattr(driver_module, name, seconds)

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
        self.z2m.do(lambda: self.lock.turn(lock=lock))

    def press(self, digits: str, *, lock: bool = False) -> None:
        """Type a code."""
        self.z2m.do(lambda: self.lock.press(digits, lock=lock))

    def jam(self) -> None:
        """Block it."""
        self._monkeypatch.setattr(driver_module, "SOON", 0.3)
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

    def say(self, report: dict[str, Any] | bytes, *, retain: bool = False) -> None:
        """Say something in the place of Zigbee2MQTT."""
        payload = report if isinstance(report, bytes) else json.dumps(report)
        self.z2m.publish(f"{BASE}/{self.kind}", payload, retain=retain)

    # Its codes

    @property
    def codes(self) -> dict[int, str]:
        """Give its codes."""
        return {number: user.pin for number, user in self.lock.users.table.items()}

    def add_code(self, number: int, digits: str) -> None:
        """Add one at the keypad."""
        self.z2m.do(lambda: self.lock.program(number, digits))

    def _options(self, **changes: Any) -> None:
        self.lock.users._options = replace(self.lock.users._options, **changes)

    def forget(self) -> None:
        """Keep none."""
        self._options(forgets=True)

    def refuse(self) -> None:
        """Say no."""
        self.hurry()
        self.lock.trouble.refuse = 1


@asynccontextmanager
async def zigbee2mqtt_bench(
    hass: HomeAssistant,
    z2m: Zigbee2Mqtt,
    monkeypatch: pytest.MonkeyPatch,
    kind: str = "plain",
) -> AsyncGenerator[Zigbee2MqttBench]:
    """Run Home Assistant's MQTT with a lock that a driver follows."""
    monkeypatch.setattr(numbered_module, "PAUSE", 0.0)
    async with mqtt_home(hass, z2m):
        await brought(hass, z2m, kind)
        bench = Zigbee2MqttBench(hass, z2m, kind, monkeypatch)
        await bench.follow()
        yield bench
        await bench.driver.stop()
