"""A driver of a lock that the real ZHA brought, and the hand on that lock."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from homeassistant.core import HomeAssistant
import pytest

from custom_components.smartlock_le.locks import zha as driver_module, zha_cluster
from custom_components.smartlock_le.locks.zha import ZhaDriver
from custom_components.smartlock_le.models import LockRef
from tests.zigbee import FAST, Zha, zha_home
from virtual_home.zigbee.options import LockOptions

from .zigbee_bench import ZigbeeBench


class ZhaBench(ZigbeeBench):
    """A started driver, its ZHA and its lock."""

    driver: ZhaDriver

    def __init__(self, zha: Zha, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take the first lock, and count what it is told from now on."""
        super().__init__(zha.lock, monkeypatch)
        self.zha = zha

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

    def turn(self, *, lock: bool) -> None:
        """Turn the thumb turn."""
        self.lock.turn(lock=lock)

    def jam(self) -> None:
        """Block it."""
        self.lock.jammed = True

    # Its codes

    def add_code(self, number: int, digits: str) -> None:
        """Add one at the keypad."""
        self.lock.program(number, digits)

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
