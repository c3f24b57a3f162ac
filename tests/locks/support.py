"""What the tests of the hardware share."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
import sqlite3
from typing import Any

from bleak import BleakClient
from homeassistant.core import HomeAssistant

from custom_components.smartlock_le.locks.driver import LockDriver
from custom_components.smartlock_le.locks.families import build_driver
from custom_components.smartlock_le.locks.keybook import KeyBook, LockKeys
from custom_components.smartlock_le.locks.nuki.client import NukiClient
from custom_components.smartlock_le.log import Log
from custom_components.smartlock_le.models import AccessEvent, CodeWindow
from tests.log.support import pragma
from virtual_home.home import VirtualHome
from virtual_home.nuki import NukiLock
from virtual_home.scanner import backend

PIN = 1234


def built(hass: HomeAssistant, lock_id: str, keys: LockKeys) -> LockDriver:
    """Return the driver of a lock that knows its codes by name."""
    book = KeyBook(hass, Path(hass.config.config_dir) / "no-book")
    return build_driver(hass, lock_id, keys, book)


def window(hours: float = 1) -> CodeWindow:
    """Return a window around now, in whole seconds."""
    now = datetime.now(UTC).replace(microsecond=0)
    return CodeWindow(start=now - timedelta(hours=1), end=now + timedelta(hours=hours))


class Dialer:
    """Connects as Home Assistant would; `dial` does it before it is asked for."""

    def __init__(self, home: VirtualHome, address: str) -> None:
        """Dial this address."""
        self._home = home
        self._address = address
        self._ready: BleakClient | None = None
        self._lost: Callable[[Any], None] = lambda _: None

    async def dial(self) -> None:
        """Connect now: the next command finds the link up."""

        def lost(client: BleakClient) -> None:
            self._lost(client)

        client = BleakClient(
            self._address,
            disconnected_callback=lost,
            backend=backend(self._home.central),
        )
        await client.connect()
        self._ready = client

    async def __call__(self, lost: Callable[[Any], None]) -> BleakClient:
        """Give a connected client."""
        if self._ready is None:
            await self.dial()
        client, self._ready = self._ready, None
        assert client
        self._lost = lost
        return client


def new_client(home: VirtualHome, nuki: NukiLock, **options: Any) -> NukiClient:
    """Return a client of the lock, not paired yet."""
    options = {"pin": PIN, "deadline": 5.0, "motor_deadline": 5.0, **options}
    return NukiClient(Dialer(home, nuki.address), **options)


async def read_log(driver: LockDriver, after: int) -> list[AccessEvent]:
    """Return all of the lock's own log after an index."""
    return [event async for page in driver.read_log(after) for event in page]


def spawner(hass: HomeAssistant) -> Callable[..., asyncio.Task[Any]]:
    """Return what starts the tasks of a lock."""

    def spawn(coro: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        return hass.async_create_background_task(coro, name)

    return spawn


def same(event: AccessEvent) -> AccessEvent:
    """Identify nothing."""
    return event


async def entries(log: Log, *kinds: str) -> list[dict[str, Any]]:
    """Return the fields of the entries of these kinds, oldest first."""
    page = await log.entries(kinds=kinds or None, limit=500)
    return [{"seq": entry.seq, **entry.fields} for entry in page.entries]


async def eventually(condition: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Wait until something that must be asked for is so; return it."""
    async with asyncio.timeout(5):
        while not (found := await condition()):
            await asyncio.sleep(0.01)
    return found


async def impatient(log: Log) -> None:
    """Let the log give up at once when somebody else holds its store."""
    await pragma(log, "busy_timeout=1")


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the log's store as another process would."""
    with closing(sqlite3.connect(folder / "log.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
