"""A driver of a lock that the real Zigbee2MQTT brought, and the hand on that lock."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
import json
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.smartlock_le.locks import (
    numbered as numbered_module,
    zigbee2mqtt as driver_module,
)
from custom_components.smartlock_le.locks.zigbee2mqtt import Zigbee2MqttDriver
from custom_components.smartlock_le.models import LockRef
from tests.conftest import until
from tests.zigbee2mqtt import BASE, Zigbee2Mqtt, brought, mqtt_home

from .zigbee_bench import ZigbeeBench


class Zigbee2MqttBench(ZigbeeBench):
    """A started driver, its Zigbee2MQTT and its lock."""

    driver: Zigbee2MqttDriver

    def __init__(
        self,
        hass: HomeAssistant,
        z2m: Zigbee2Mqtt,
        kind: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Take a lock, and count what it is told from now on."""
        super().__init__(z2m.locks[kind], monkeypatch)
        self.hass, self.z2m, self.kind = hass, z2m, kind

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

    def say(self, report: dict[str, Any] | bytes, *, retain: bool = False) -> None:
        """Say something in the place of Zigbee2MQTT."""
        payload = report if isinstance(report, bytes) else json.dumps(report)
        self.z2m.publish(f"{BASE}/{self.kind}", payload, retain=retain)

    # Its codes

    def add_code(self, number: int, digits: str) -> None:
        """Add one at the keypad."""
        self.z2m.do(lambda: self.lock.program(number, digits))

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
