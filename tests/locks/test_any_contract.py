"""A lock that another integration brought keeps the contract of every lock."""

from collections.abc import AsyncGenerator
from typing import override

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest

from custom_components.smartlock_le.locks.any_lock import EntityDriver
from custom_components.smartlock_le.locks.driver import Bolt
from custom_components.smartlock_le.models import LockRef
from tests.maker import MAKER_ID, Maker, MakerLock

from .contract import DriverContract, EventsBench, EventsContract


class SlowLock(MakerLock):
    """It shows that its motor runs."""

    @override
    async def async_unlock(self) -> None:
        self.show(is_unlocking=True)
        self.motor_s = 0.1
        await self._move(is_unlocking=False)


class EntityBench(EventsBench):
    """A driver of a lock of the maker."""

    asks_again = False

    def __init__(self, hass: HomeAssistant, maker: Maker) -> None:
        """Follow it."""
        self.hass = hass
        self.maker = maker
        self.start(EntityDriver(hass, LockRef(MAKER_ID, "Back door")))

    @property
    def bolt(self) -> Bolt:
        """Where the bolt is."""
        lock = self.maker.lock
        if lock.is_jammed:
            return Bolt.JAMMED
        if lock.is_open:
            return Bolt.OPEN
        return Bolt.LOCKED if lock.is_locked else Bolt.UNLOCKED

    @property
    def moves(self) -> int:
        """How many commands it took."""
        return self.maker.lock.taken

    async def reach(self, *, there: bool) -> None:
        """Let its integration lose it, or find it."""
        self.maker.show(self.maker.lock, available=there)

    def turn(self, *, lock: bool) -> None:
        """Turn it."""
        self.maker.lock.show(is_locked=lock)

    def jam(self) -> None:
        """Block it."""
        self.maker.lock.jammed = True

    def slow(self) -> None:
        """Let it show that it moves."""
        self.maker.lock.__class__ = SlowLock

    async def settle(self) -> None:
        """Wait until all is told."""
        await self.hass.async_block_till_done(wait_background_tasks=True)


@pytest.fixture
async def bench(
    hass: HomeAssistant, enable_custom_integrations: None
) -> AsyncGenerator[EntityBench]:
    """Give a started driver."""
    assert await async_setup_component(hass, "homeassistant", {})
    maker = Maker()
    await maker.start(hass)
    bench = EntityBench(hass, maker)
    await bench.driver.start()
    yield bench
    await bench.driver.stop()
    await maker.stop(hass)


class TestContract(DriverContract, EventsContract):
    """What its entity shows is all that it has."""
