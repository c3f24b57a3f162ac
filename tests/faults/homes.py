"""A whole home of ours, less Home Assistant's Bluetooth and entities.

`Home` and all its rooms are the real ones; the driver connects as it is told to, and is
woken by hand where an advertisement would wake it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import ConfigEntryState, ConfigSubentryData
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_test_home_assistant,
)

from custom_components.smartlock_le.access.models import GrantMethod, GrantRequest
from custom_components.smartlock_le.const import DOMAIN, SUBENTRY_LOCK
from custom_components.smartlock_le.home import Home
from custom_components.smartlock_le.locks import managed
from custom_components.smartlock_le.locks.keybook import LockKeys
from custom_components.smartlock_le.locks.managed import ManagedLock
from custom_components.smartlock_le.locks.nuki import (
    client as nuki_client,
    driver as nuki_driver,
)
from custom_components.smartlock_le.locks.nuki.client import Connect, Credentials
from custom_components.smartlock_le.locks.nuki.driver import NukiDriver
from custom_components.smartlock_le.models import Actor, ActorKind

OWNER = Actor(ActorKind.OWNER, "0a1b2c3d", "Olive Owner")
PIN = 1234
_ENTRY = "01JDFAULTS0000000000000000"
_OPTIONS = nuki_client.NukiClient.__init__.__kwdefaults__ or {}


async def _start(driver: NukiDriver) -> None:
    """Start without advertisements."""
    driver.on_news()


def impatient(connect: Connect, deadline: float) -> Any:
    """Have every driver connect by `connect`, and wait no longer than so many seconds."""
    options = {"deadline": deadline, "motor_deadline": deadline, "idle": 0.3}
    return (
        patch.object(nuki_driver, "bluetooth_connect", lambda *_: connect),
        patch.object(NukiDriver, "start", _start),
        patch.object(
            nuki_client.NukiClient.__init__, "__kwdefaults__", {**_OPTIONS, **options}
        ),
        patch.object(managed, "RETRY", 0.05),
        patch.object(managed, "RETRY_MAX", 0.1),
    )


@asynccontextmanager
async def running(
    folder: Path, address: str, credentials: Credentials | None = None
) -> AsyncIterator[Home]:
    """Run the home in a folder; with `credentials` it has just paired with its lock."""
    async with async_test_home_assistant(config_dir=str(folder)) as hass:
        lock = ConfigSubentryData(
            data={}, subentry_type=SUBENTRY_LOCK, title="Front", unique_id=address
        )
        entry = MockConfigEntry(
            domain=DOMAIN,
            entry_id=_ENTRY,
            state=ConfigEntryState.LOADED,
            data={"sharing": False},
            subentries_data=[lock],
        )
        entry.add_to_hass(hass)
        home = Home(hass, entry)
        if credentials:
            keys = LockKeys("Front", credentials.as_dict(), PIN, True, "3.9.5")
            await home.book.put(address, keys)
        await home.start()
        try:
            yield home
        finally:
            await home.stop()
            await hass.async_stop(force=True)


def only_lock(home: Home) -> ManagedLock:
    """Return the lock of the home."""
    (lock,) = home.roster.locks.values()
    return lock


def request(
    home: Home, method: GrantMethod, *, first_use: bool = False
) -> GrantRequest:
    """Ask for a grant."""
    return GrantRequest(
        lock=only_lock(home).ref.id,
        agency="Engine 7",
        incident="F-1",
        reason="smoke",
        method=method,
        first_use=first_use,
    )


def busy(home: Home) -> bool:
    """Tell whether something is still under way, or waits to be written."""
    lock = only_lock(home)
    tasks = {task.get_name() for task in home.entry._background_tasks}
    return bool(
        lock._running
        or lock._news.is_set()
        or lock._reading.locked()
        or home.grants._under_way
        or home.log.backlog
        or any("follow" not in name for name in tasks)
    )


def settled(home: Home, codes: set[str]) -> bool:
    """Tell whether `codes`, ours on the lock, are those of the open grants."""
    return not busy(home) and codes == {
        grant.marker for grant in home.grants.open_grants() if grant.has_code
    }
