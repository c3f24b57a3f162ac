"""What two at once, and a lock that has just gone, do to a grant."""

import asyncio

from homeassistant.core import HomeAssistant
import pytest

from custom_components.smartlock_le.access import ledger
from custom_components.smartlock_le.access.models import (
    GrantError,
    GrantMethod,
    GrantState,
)
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.models import AccessKind
from tests.conftest import log_of, until
from virtual_home.nuki import NukiLock

from .test_grants import OWNER, grant_events, open_grant, pressed


async def test_ended_while_it_was_to_be_extended(home: Home) -> None:
    """Who waited for the end of it does not bring it back."""
    grant = (await open_grant(home)).grant
    async with grant.changing:
        extending = asyncio.create_task(home.grants.extend(grant.id, 60, OWNER))
        await until(lambda: home.grants._under_way)
        await asyncio.sleep(0)
        grant.state = GrantState.ENDED
    with pytest.raises(GrantError, match="grant_not_open"):
        await extending
    assert "extending" not in await grant_events(home)


async def test_ended_while_its_lock_leaves(home: Home, nuki: NukiLock) -> None:
    """It ends once, whoever is first."""
    grant = (await open_grant(home)).grant
    async with grant.changing:
        leaving = asyncio.create_task(home.grants.lock_removed(nuki.address))
        await asyncio.sleep(0)
        grant.state = GrantState.ENDED
        await home.grants._close(grant, "revoked", OWNER)
        # Once more: what is over is not put among the last ones twice.
        recent = len(home.grants._recent)
        await home.grants._close(grant, "revoked", OWNER)
        assert len(home.grants._recent) == recent
    await leaving
    ended = [entry["detail"] for entry in await log_of(home, "grant")]
    assert "lock_removed" not in ended


async def test_a_lock_that_has_gone(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is told of it, and its code is not said to be gone."""
    grant = (await open_grant(home)).grant
    assert not await home.grants._codes.take_off(grant, None)
    monkeypatch.setattr(home.grants, "_find_lock", lambda _: None)
    told = len(await log_of(home, "access"))
    await home.grants._code_event(grant, AccessKind.CODE_REMOVED, OWNER)
    assert len(await log_of(home, "access")) == told


async def test_without_a_code_there_is_nothing_to_look_for(
    home: Home, nuki: NukiLock
) -> None:
    """A grant that only unlocked asks nothing of the keypad."""
    grant = (await open_grant(home, method=GrantMethod.UNLOCK)).grant
    (lock,) = home.roster.locks.values()
    await nuki.set_in_range(False)
    assert await home.grants._codes.check(grant, lock)


async def test_stopped_in_the_middle(home: Home, nuki: NukiLock) -> None:
    """Work that is called off is nobody's error."""
    await nuki.set_in_range(False)
    opening = asyncio.create_task(open_grant(home))
    (work,) = await until(lambda: home.grants._under_way)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert not home.grants._under_way
    await nuki.set_in_range(True)


async def test_uses_on_many_pages(
    hass: HomeAssistant,
    entry: HomeEntry,
    nuki: NukiLock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However long the log, every use of an open grant is counted at the start."""
    home = entry.runtime_data
    opened = await open_grant(home)
    for _ in range(3):
        await pressed(home, nuki, opened.code, "unlocked")
    monkeypatch.setattr(ledger, "_PAGE", 1)
    assert await hass.config_entries.async_reload(entry.entry_id)
    (grant,) = entry.runtime_data.grants.open_grants()
    assert grant.uses == 3
