"""What the tests of the Home Assistant side share."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from habluetooth import get_manager
from homeassistant.auth.const import GROUP_ID_ADMIN
from homeassistant.components import bluetooth
from homeassistant.config_entries import SOURCE_BLUETOOTH, SOURCE_RECONFIGURE
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import event, issue_registry as ir
from homeassistant.util.async_ import get_scheduled_timer_handles
import pytest
from pytest_homeassistant_custom_component.common import MockUser

from custom_components.smartlock_le import alarm
from custom_components.smartlock_le.access import change, codes, grants, reconcile
from custom_components.smartlock_le.const import DOMAIN
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.opening import home_folder
from virtual_home.nuki import NukiLock
from virtual_home.nuki.wire import IdType

from .conftest import LOCK, card, until
from .log.support import pragma

GRANT: dict[str, Any] = {
    "lock": LOCK,
    "agency": "Engine 7",
    "incident": "F-1",
    "reason": "smoke",
}


async def as_admin(hass: HomeAssistant) -> Context:
    """Return the context of what an admin does, who is the same each time."""
    users = await hass.auth.async_get_users()
    user = next((user for user in users if user.is_admin), None)
    if user is None:
        group = await hass.auth.async_get_group(GROUP_ID_ADMIN)
        assert group
        user = MockUser(name="Admin", groups=[group]).add_to_hass(hass)
    return Context(user_id=user.id)


async def act(
    hass: HomeAssistant,
    action: str,
    data: dict[str, Any] | None = None,
    *,
    context: Context | None = None,
) -> dict[str, Any]:
    """Call one of our actions for its answer, as an admin."""
    answer = await hass.services.async_call(
        DOMAIN,
        action,
        data or {},
        blocking=True,
        context=context or await as_admin(hass),
        return_response=True,
    )
    return dict(answer or {})


def pairings(nuki: NukiLock) -> int:
    """Count who is paired with the lock, its keypad left out."""
    users = nuki.device.users.entries.values()
    return sum(user.id_type is not IdType.KEYPAD for user in users)


def issues(hass: HomeAssistant) -> set[str]:
    """Return what the repairs say of us: the part of each id before the object's."""
    return {
        str(issue.translation_key)
        for issue in ir.async_get(hass).issues.values()
        if issue.domain == DOMAIN and issue.active
    }


def keys_file(hass: HomeAssistant) -> Path:
    """Return where the keys of the locks are kept."""
    return home_folder(hass) / "keys" / "locks.json"


@contextmanager
def unwritable(folder: Path) -> Iterator[None]:
    """Let nothing be written into a folder, not even by root."""
    aside = folder.with_name("aside")
    if there := folder.exists():
        folder.rename(aside)
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.symlink_to(folder.parent / "nowhere" / "at all")
    try:
        yield
    finally:
        folder.unlink()
        while there:
            with suppress(OSError):
                aside.rename(folder)
                break
            # Somebody was waiting to write, and made it anew.
            for file in folder.iterdir():
                file.replace(aside / file.name)


async def fail_writes(home: Home, *, fail: bool = True) -> None:
    """Let the log's database take nothing, as on a full disk; or let it again."""
    await pragma(home.log, f"query_only={int(fail)}")


def pass_to(home: Home, moment: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it be that moment for grants and codes; the clocks of lock and radio go on.

    Firing every timer of the loop, as the harness does, breaks a radio at work.
    """
    for module in (alarm, change, codes, grants, reconcile):
        monkeypatch.setattr(module, "utc_now", lambda: moment)
    for handle in get_scheduled_timer_handles(home.hass.loop):
        job = getattr(handle._callback, "job", None)
        due = job is not None and job.target in [
            home.granting.alarm.ring,
            home.keeping.alarm.ring,
        ]
        if due and not handle.cancelled():
            monkeypatch.setattr(event, "time_tracker_timestamp", moment.timestamp)
            handle._run()
            handle.cancel()


async def idle(nuki: NukiLock) -> None:
    """Wait until the home let go of its link: a lock takes one at a time."""
    await until(lambda: nuki.connection is None)


def unheard(hass: HomeAssistant, nuki: NukiLock) -> None:
    """Let Home Assistant notice that a lock has not been heard for minutes."""
    for scanner in bluetooth.async_current_scanners(hass):
        scanner._previous_service_info.pop(nuki.address, None)
    manager = get_manager()
    manager._cancel_unavailable_tracking.cancel()
    manager._async_check_unavailable()


def cards(hass: HomeAssistant) -> set[str | None]:
    """Return the addresses of the locks whose cards are shown."""
    flows = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    return {
        flow["context"].get("unique_id")
        for flow in flows
        if flow["context"]["source"] == SOURCE_BLUETOOTH
    }


async def new_card(hass: HomeAssistant, nuki: NukiLock) -> str:
    """Take the card of a lock away and have it found once more; return the flow."""
    hass.config_entries.flow.async_abort(await card(hass, nuki))
    bluetooth.async_rediscover_address(hass, nuki.address)
    return await card(hass, nuki)


async def reconfigure(hass: HomeAssistant, entry: HomeEntry) -> Any:
    """Begin as a person does who opens the home's settings."""
    return await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_RECONFIGURE, "entry_id": entry.entry_id}
    )
