"""Grants on a real home with a simulated lock: opened, used, extended, ended."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.util.file import WriteError
import pytest
from sqlalchemy import select

from custom_components.smartlock_le.access import grants as grants_module
from custom_components.smartlock_le.access.models import (
    GrantError,
    GrantMethod,
    GrantRequest,
    GrantState,
    Opened,
)
from custom_components.smartlock_le.access.tables import grants as table
from custom_components.smartlock_le.const import DOMAIN
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.locks.keybook import KeyBook
from custom_components.smartlock_le.locks.nuki.driver import NukiDriver
from custom_components.smartlock_le.log import LogUnavailable
from custom_components.smartlock_le.models import (
    Actor,
    ActorKind,
    Capability,
    LockError,
    LockRefused,
    LockUnreachable,
    OutcomeUnknown,
)
from tests.conftest import FAST, PIN, card, log_of, until
from tests.support import pass_to
from virtual_home.faults import Direction
from virtual_home.home import VirtualHome, several_locks
from virtual_home.nuki import LockOptions, NukiLock

OWNER = Actor(ActorKind.OWNER, "0a1b2c3d", "Olive Owner")


def request(home: Home, **changes: Any) -> GrantRequest:
    """Ask for a code for half an hour."""
    (lock,) = home.roster.locks.values()
    return replace(_ask(lock.ref.id), **changes)


def _ask(lock: str) -> GrantRequest:
    return GrantRequest(lock=lock, agency="Engine 7", incident="F-1", reason="Smoke")


async def open_grant(home: Home, **changes: Any) -> Opened:
    """Open a grant as the owner does."""
    return await home.grants.open(request(home, **changes), OWNER)


async def grant_events(home: Home) -> list[str]:
    """Return what became of grants, in order."""
    return [entry["event"] for entry in await log_of(home, "grant")]


async def rows(home: Home) -> list[Any]:
    """Return the table of open grants."""
    return list(await home.log.read(select(table)))


async def pressed(home: Home, nuki: NukiLock, code: str, event: str) -> dict[str, Any]:
    """Type a code, wait for its access entry, return it."""
    before = len(await log_of(home, "access"))
    nuki.device.press(int(code))
    while True:
        new = (await log_of(home, "access"))[before:]
        if found := [entry for entry in new if entry["event"] == event]:
            return found[0]
        await asyncio.sleep(0.02)


async def test_code_opens_within_its_window_and_ends_by_itself(
    hass: HomeAssistant, home: Home, nuki: NukiLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = await open_grant(home)
    (code,) = nuki.device.codes
    assert f"{code.digits}" == opened.code
    assert code.window is not None
    assert home.book.markers(nuki.address) == (opened.grant.marker,)
    entry = await pressed(home, nuki, opened.code, "unlocked")
    assert entry["grant"] == opened.grant.id
    assert (entry["actor_kind"], entry["actor_name"]) == ("grant", "Engine 7")
    await until(lambda: opened.grant.uses == 1)

    pass_to(home, opened.grant.end + timedelta(seconds=1), monkeypatch)
    await until(lambda: not home.grants.open_grants())
    await until(lambda: not len(nuki.device.codes))
    await _told(home, ["opening", "opened", "used", "ending", "ended"])
    assert await rows(home) == []
    await until(lambda: home.book.markers(nuki.address) == ())


async def test_lock_itself_ends_the_code(home: Home, nuki: NukiLock) -> None:
    opened = await open_grant(home, minutes=1)
    nuki.device.clock_offset = timedelta(minutes=2)
    entry = await pressed(home, nuki, opened.code, "denied")
    assert entry["grant"] == opened.grant.id
    assert opened.grant.uses == 0


async def test_a_drifted_lock_clock_is_set_before_a_code(
    home: Home, nuki: NukiLock
) -> None:
    nuki.device.clock_offset = timedelta(hours=-20)
    opened = await open_grant(home)
    assert abs(nuki.device.now - datetime.now(UTC)) < timedelta(seconds=5)
    await pressed(home, nuki, opened.code, "unlocked")


async def test_first_use_ends_it(home: Home, nuki: NukiLock) -> None:
    opened = await open_grant(home, first_use=True)
    await pressed(home, nuki, opened.code, "unlocked")
    await until(lambda: not home.grants.open_grants())
    assert not len(nuki.device.codes)
    ended = await _ended(home)
    assert (ended["event"], ended["detail"]) == ("ended", "first_use")


@pytest.mark.parametrize("method", [GrantMethod.UNLOCK, GrantMethod.BOTH])
async def test_unlock_now(home: Home, nuki: NukiLock, method: GrantMethod) -> None:
    opened = await open_grant(home, method=method)
    assert opened.unlocked
    assert bool(opened.code) is (method is GrantMethod.BOTH)
    assert not nuki.device.bolt.locked
    await _entered(home, "unlocked")
    assert opened.grant.uses == 0
    (access,) = [e for e in await log_of(home, "access") if e["event"] == "unlocked"]
    assert access["grant"] == opened.grant.id
    assert access["actor_name"] == OWNER.name
    # The lock's own log names the unit.
    assert any("Engine 7" in str(entry) for entry in nuki.device.log.entries)
    assert await home.grants.revoke(opened.grant.id, OWNER)
    assert not len(nuki.device.codes)


async def test_both_gives_the_code_although_the_door_is_jammed(
    home: Home, nuki: NukiLock
) -> None:
    nuki.device.bolt.jammed = True
    opened = await open_grant(home, method=GrantMethod.BOTH)
    assert opened.code
    assert not opened.unlocked
    assert opened.grant.state is GrantState.OPEN


async def test_unlock_only_fails_with_its_door(home: Home, nuki: NukiLock) -> None:
    nuki.device.bolt.jammed = True
    with pytest.raises(LockRefused):
        await open_grant(home, method=GrantMethod.UNLOCK)
    assert home.grants.open_grants() == []
    await _told(home, ["opening", "ended"])


async def test_extend(home: Home, nuki: NukiLock) -> None:
    opened = await open_grant(home, minutes=1)
    await home.grants.extend(opened.grant.id, 60, OWNER)
    nuki.device.clock_offset = timedelta(minutes=30)
    await pressed(home, nuki, opened.code, "unlocked")
    assert (await grant_events(home))[:4] == [
        "opening",
        "opened",
        "extending",
        "extended",
    ]
    (row,) = await rows(home)
    assert row["end"] == int(opened.grant.end.timestamp())


async def test_extend_that_fails_changes_nothing(home: Home, nuki: NukiLock) -> None:
    opened = await open_grant(home, minutes=5)
    end = opened.grant.end
    await nuki.set_in_range(False)
    with pytest.raises(LockUnreachable):
        await home.grants.extend(opened.grant.id, 60, OWNER)
    assert opened.grant.end == end
    (row,) = await rows(home)
    assert row["end"] == int(end.timestamp())


async def test_extend_whose_answer_is_lost_is_looked_for(
    home: Home, nuki: NukiLock
) -> None:
    opened = await open_grant(home, minutes=5)
    await _lose_answer_of(nuki, 0x46)
    await home.grants.extend(opened.grant.id, 60, OWNER)
    assert (await grant_events(home))[-3:] == ["extending", "unknown", "extended"]
    nuki.device.clock_offset = timedelta(minutes=30)
    await pressed(home, nuki, opened.code, "unlocked")


async def test_extend_that_never_arrived_keeps_the_old_end(
    home: Home, nuki: NukiLock
) -> None:
    opened = await open_grant(home, minutes=5)
    end = opened.grant.end
    await _lose(nuki, Direction.TO_LOCK, 0x46)
    with pytest.raises(OutcomeUnknown):
        await home.grants.extend(opened.grant.id, 60, OWNER)
    assert (opened.grant.end, opened.grant.checked) == (end, True)


async def test_extend_whose_answer_is_lost_with_the_lock_gone(
    home: Home, nuki: NukiLock
) -> None:
    """The lock took the longer window; when it is back, it is told the old end."""
    opened = await open_grant(home, minutes=5)
    end = opened.grant.end
    await _lose_answer_of(nuki, 0x46, then_gone=True)
    with pytest.raises(LockError):
        await home.grants.extend(opened.grant.id, 60, OWNER)
    assert opened.grant.end == end
    (code,) = nuki.device.codes
    assert nuki.device._works_now(code)
    await nuki.set_in_range(True)
    await until(lambda: opened.grant.checked)
    nuki.device.clock_offset = timedelta(minutes=30)
    assert not nuki.device._works_now(next(iter(nuki.device.codes)))


async def test_extend_that_fails_over_the_end_ends_the_grant(
    home: Home, nuki: NukiLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = await open_grant(home, minutes=1)
    await nuki.set_in_range(False)
    asked = asyncio.create_task(home.grants.extend(opened.grant.id, 100, OWNER))
    await until(opened.grant.changing.locked)
    over = opened.grant.end + timedelta(seconds=1)
    monkeypatch.setattr(grants_module, "utc_now", lambda: over)
    due = asyncio.create_task(home.grants.due())
    with pytest.raises(LockUnreachable):
        await asked
    await due
    assert opened.grant.state is GrantState.ENDING
    await nuki.set_in_range(True)
    await until(lambda: not len(nuki.device.codes))


async def test_what_is_over_cannot_be_extended_or_revoked(home: Home) -> None:
    opened = await open_grant(home)
    assert await home.grants.revoke(opened.grant.id, OWNER)
    with pytest.raises(GrantError, match="grant_not_open"):
        await home.grants.revoke(opened.grant.id, OWNER)
    with pytest.raises(GrantError, match="grant_not_open"):
        await home.grants.extend(opened.grant.id, 5, OWNER)
    with pytest.raises(GrantError, match="grant_not_open"):
        await home.grants.revoke("ffffffff", OWNER)
    with pytest.raises(GrantError, match="lock_not_found"):
        await open_grant(home, lock="00:00:00:00:00:00")


async def test_codes_of_others_are_never_touched(home: Home, nuki: NukiLock) -> None:
    now = datetime.now(UTC)
    foreign = nuki.device.codes.add(478392, "Anna", None, now)
    alike = nuki.device.codes.add(478393, "LE 0123456789ab", None, now)
    opened = await open_grant(home)
    assert await home.grants.revoke(opened.grant.id, OWNER)
    await home.grants.reconcile(nuki.address)
    assert {code.code_id for code in nuki.device.codes} == {
        foreign.code_id,
        alike.code_id,
    }


async def test_a_code_that_the_lock_has_already_is_replaced(
    home: Home, nuki: NukiLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    nuki.device.codes.add(478392, "Anna", None, datetime.now(UTC))
    digits = iter(["478392", "583749"])
    monkeypatch.setattr(NukiDriver, "new_code", lambda self: next(digits))
    opened = await open_grant(home)
    assert opened.code == "583749"


@pytest.mark.parametrize("digits", ["120456", "123456", "12345", "999990", "1a3456"])
async def test_a_code_that_the_lock_refuses(
    home: Home, nuki: NukiLock, monkeypatch: pytest.MonkeyPatch, digits: str
) -> None:
    monkeypatch.setattr(NukiDriver, "new_code", lambda self: digits)
    with pytest.raises(LockRefused, match="code_invalid"):
        await open_grant(home)
    assert not len(nuki.device.codes)
    await _told(home, ["opening", "refused"])
    assert home.book.markers(nuki.address) == ()


async def test_new_codes_keep_the_rules_of_the_keypad(home: Home) -> None:
    (lock,) = home.roster.locks.values()
    codes = {lock.new_code() for _ in range(500)}
    assert len(codes) > 490
    assert all(lock.driver.check_code(code) for code in codes)


class TestLost:
    """The radio loses something."""

    async def test_out_of_range(self, home: Home, nuki: NukiLock) -> None:
        await nuki.set_in_range(False)
        with pytest.raises(LockUnreachable):
            await open_grant(home)
        await _told(home, ["opening", "ended"])
        assert await rows(home) == []

    async def test_answer_lost_code_found(self, home: Home, nuki: NukiLock) -> None:
        await _lose_answer_of(nuki, 0x41)
        opened = await open_grant(home)
        await _told(home, ["opening", "unknown", "opened"])
        await pressed(home, nuki, opened.code, "unlocked")

    async def test_command_lost(self, home: Home, nuki: NukiLock) -> None:
        await _lose(nuki, Direction.TO_LOCK, 0x41)
        with pytest.raises(LockUnreachable):
            await open_grant(home)
        await _told(home, ["opening", "unknown", "ended"])
        assert not len(nuki.device.codes)

    async def test_answer_lost_and_lock_gone_then_back(
        self, hass: HomeAssistant, home: Home, nuki: NukiLock
    ) -> None:
        await _lose_answer_of(nuki, 0x41, then_gone=True)
        with pytest.raises(OutcomeUnknown):
            await open_grant(home)
        assert len(nuki.device.codes) == 1, "the lock did take it"
        assert [g.state for g in home.grants.open_grants()] == [GrantState.ENDING]
        issues = ir.async_get(hass).issues
        assert any(key[1].startswith("code_left") for key in issues)
        await nuki.set_in_range(True)
        await until(lambda: not home.grants.open_grants())
        assert not len(nuki.device.codes)
        await _told(home, ["opening", "unknown", "ending", "ended"])
        await until(lambda: not any(key[1].startswith("code_left") for key in issues))

    @pytest.mark.parametrize("number", range(1, 5))
    @pytest.mark.parametrize("direction", list(Direction))
    async def test_every_message(
        self, home: Home, nuki: NukiLock, direction: Direction, number: int
    ) -> None:
        """Whatever is lost: a code that a person has, or no code that stays."""
        await _quiet(home, nuki)
        nuki.faults.lose(direction, number)
        try:
            opened = await open_grant(home)
        except LockUnreachable, OutcomeUnknown:
            nuki.faults.clear()
            await until(lambda: not home.grants.open_grants())
            assert not len(nuki.device.codes)
        else:
            nuki.faults.clear()
            await pressed(home, nuki, opened.code, "unlocked")

    async def test_revoke_with_the_lock_away(
        self, hass: HomeAssistant, home: Home, nuki: NukiLock
    ) -> None:
        opened = await open_grant(home)
        await nuki.set_in_range(False)
        assert not await home.grants.revoke(opened.grant.id, OWNER)
        assert (DOMAIN, f"code_left_{opened.grant.id}") in ir.async_get(hass).issues
        await nuki.set_in_range(True)
        await until(lambda: not home.grants.open_grants())
        assert not len(nuki.device.codes)
        ended = await _ended(home)
        assert (ended["event"], ended["detail"]) == ("ended", "revoked")

    async def test_code_removed_in_the_makers_app(
        self, home: Home, nuki: NukiLock
    ) -> None:
        opened = await open_grant(home)
        nuki.device.codes.remove(opened.grant.code_id)
        assert await home.grants.revoke(opened.grant.id, OWNER)


class TestRestart:
    """Home Assistant stopped in between."""

    async def test_open_grant_lives_on(
        self, hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
    ) -> None:
        opened = await open_grant(entry.runtime_data)
        await hass.config_entries.async_reload(entry.entry_id)
        home = entry.runtime_data
        (grant,) = home.grants.open_grants()
        assert grant.id == opened.grant.id
        await until(lambda: grant.checked)
        await pressed(home, nuki, opened.code, "unlocked")
        assert await home.grants.revoke(grant.id, OWNER)
        assert not len(nuki.device.codes)

    async def test_what_nobody_was_told_is_taken_back(
        self, hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
    ) -> None:
        home = entry.runtime_data
        opened = await open_grant(home)
        # As after a kill between the lock's answer and our entry of it.
        opened.grant.state = GrantState.OPENING
        await home.grants._ledger.enter(opened.grant, "opening", OWNER)
        await hass.config_entries.async_reload(entry.entry_id)
        await until(lambda: not len(nuki.device.codes))
        home = entry.runtime_data
        await until(lambda: not home.grants.open_grants())
        assert (await _ended(home))["detail"] == "interrupted"

    async def test_expired_meanwhile(
        self, hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
    ) -> None:
        """Its end passed while we were stopped."""
        home = entry.runtime_data
        opened = await open_grant(home)
        opened.grant.end = datetime.now(UTC) - timedelta(hours=1)
        await home.grants._ledger.enter(opened.grant, "opened", OWNER)
        await hass.config_entries.async_reload(entry.entry_id)
        await until(lambda: not len(nuki.device.codes))
        assert (await _ended(entry.runtime_data))["detail"] == "expired"

    async def test_first_use_that_was_entered_but_not_ended(
        self, hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
    ) -> None:
        """As after a kill between the access entry and the end of the grant."""
        home = entry.runtime_data
        opened = await open_grant(home, first_use=True)
        opened.grant.first_use = False
        await pressed(home, nuki, opened.code, "unlocked")
        await until(lambda: opened.grant.uses == 1)
        opened.grant.first_use, opened.grant.uses = True, 0
        await home.grants._ledger.enter(opened.grant, "opened", OWNER)
        await hass.config_entries.async_reload(entry.entry_id)
        await until(lambda: not len(nuki.device.codes))
        home = entry.runtime_data
        await until(lambda: not home.grants.open_grants())

    async def test_unlock_that_was_interrupted(
        self, hass: HomeAssistant, entry: HomeEntry
    ) -> None:
        home = entry.runtime_data
        opened = await open_grant(home, method=GrantMethod.UNLOCK)
        opened.grant.state = GrantState.OPENING
        await home.grants._ledger.enter(opened.grant, "opening", OWNER)
        await hass.config_entries.async_reload(entry.entry_id)
        assert entry.runtime_data.grants.open_grants() == []

    async def test_keys_lost_and_paired_again(
        self, hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
    ) -> None:
        """Without keys the grant waits; nothing says that the lock was removed."""
        opened = await open_grant(entry.runtime_data)
        await hass.config_entries.async_unload(entry.entry_id)
        file = Path(hass.config.path("smartlock_le", "keys", "locks.json"))
        keys = file.read_text()
        file.unlink()
        await hass.config_entries.async_setup(entry.entry_id)
        home = entry.runtime_data
        assert [g.id for g in home.grants.open_grants()] == [opened.grant.id]
        assert "lock_removed" not in str(await log_of(home, "grant"))
        await hass.config_entries.async_unload(entry.entry_id)
        file.write_text(keys)
        await hass.config_entries.async_setup(entry.entry_id)
        home = entry.runtime_data
        await until(lambda: home.grants.open_grants()[0].checked)
        assert await home.grants.revoke(opened.grant.id, OWNER)
        assert not len(nuki.device.codes)

    async def test_window_left_longer_is_put_right(
        self, hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
    ) -> None:
        home = entry.runtime_data
        opened = await open_grant(home, minutes=5)
        (lock,) = home.roster.locks.values()
        longer = replace(
            opened.grant.window, end=opened.grant.end + timedelta(minutes=60)
        )
        await lock.change_window(opened.grant.code_id, opened.grant.marker, longer)
        await hass.config_entries.async_reload(entry.entry_id)
        (grant,) = entry.runtime_data.grants.open_grants()
        await until(lambda: grant.checked)
        (code,) = nuki.device.codes
        nuki.device.clock_offset = timedelta(minutes=30)
        assert not nuki.device.press(code.digits).opened

    async def test_code_gone_meanwhile(
        self, hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
    ) -> None:
        opened = await open_grant(entry.runtime_data)
        await hass.config_entries.async_unload(entry.entry_id)
        nuki.device.codes.remove(opened.grant.code_id)
        await hass.config_entries.async_setup(entry.entry_id)
        home = entry.runtime_data
        await until(lambda: not home.grants.open_grants())
        details = [e["detail"] for e in await log_of(home, "grant")]
        assert details[-1] == "code gone from the lock"

    async def test_code_whose_grant_was_lost_with_the_log(
        self, hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
    ) -> None:
        home = entry.runtime_data
        opened = await open_grant(home)
        await home.log.append(
            "setting",
            {"setting": "x", "value": "", **OWNER.fields()},
            also=lambda _: [table.delete()],
        )
        await hass.config_entries.async_reload(entry.entry_id)
        await until(lambda: not len(nuki.device.codes))
        book = entry.runtime_data.book
        await until(lambda: opened.grant.marker not in book.markers(nuki.address))


class TestLifeFirst:
    """The log or the disk fails."""

    async def test_code_is_set_and_entered_later(
        self, home: Home, nuki: NukiLock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with _log_down(home, monkeypatch):
            opened = await open_grant(home)
            assert nuki.device.press(int(opened.code)).opened
            assert await rows(home) == []
        await home.log.append(
            "setting", {"setting": "x", "value": "", **OWNER.fields()}
        )
        assert (await grant_events(home))[:2] == ["opening", "opened"]
        (row,) = await rows(home)
        assert row["id"] == opened.grant.id

    async def test_marker_cannot_be_dropped(
        self, home: Home, nuki: NukiLock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opened = await open_grant(home)
        _full_disk(monkeypatch)
        assert await home.grants.revoke(opened.grant.id, OWNER)
        assert home.book.markers(nuki.address) == (opened.grant.marker,)
        monkeypatch.undo()
        await home.grants.reconcile(nuki.address)
        assert home.book.markers(nuki.address) == ()

    async def test_marker_not_durable(
        self, home: Home, nuki: NukiLock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _full_disk(monkeypatch)
        opened = await open_grant(home)
        assert nuki.device.press(int(opened.code)).opened
        assert await home.grants.revoke(opened.grant.id, OWNER)
        assert not len(nuki.device.codes)

    async def test_refused_where_only_we_could_end_the_code(
        self, home: Home, nuki: NukiLock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (lock,) = home.roster.locks.values()
        lock.driver.capabilities &= ~Capability.CODE_WINDOWS
        with (
            _log_down(home, monkeypatch),
            pytest.raises(GrantError, match="log_unavailable"),
        ):
            await open_grant(home)
        assert not len(nuki.device.codes)
        assert home.grants.open_grants() == []


class TestWithoutPin:
    """A lock that takes no codes from us."""

    @pytest.fixture
    def lock_options(self) -> LockOptions:
        return replace(FAST, keypad=False)

    async def test_refused_before_anything(self, home: Home) -> None:
        size = home.log.size
        with pytest.raises(GrantError, match="lock_takes_no_codes"):
            await open_grant(home)
        assert home.log.size == size
        both = await open_grant(home, method=GrantMethod.BOTH)
        assert (both.unlocked, both.code) == (True, "")
        await home.grants.reconcile((next(iter(home.roster.locks.values()))).ref.id)
        opened = await open_grant(home, method=GrantMethod.UNLOCK)
        assert opened.unlocked


async def test_lock_removed_under_a_grant(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    home = entry.runtime_data
    opened = await open_grant(home)
    (subentry_id,) = entry.subentries
    hass.config_entries.async_remove_subentry(entry, subentry_id)
    await until(lambda: not len(nuki.device.codes))
    await until(lambda: nuki.address not in home.book)
    assert home.grants.open_grants() == []
    assert (await _ended(home))["detail"] == "lock_removed"
    assert opened.grant.state is GrantState.ENDED


async def test_two_ends_at_once(home: Home, nuki: NukiLock) -> None:
    opened = await open_grant(home)
    first, second, extended = await asyncio.gather(
        home.grants.revoke(opened.grant.id, OWNER),
        home.grants.revoke(opened.grant.id, OWNER),
        home.grants.extend(opened.grant.id, 60, OWNER),
        return_exceptions=True,
    )
    assert (first, second) == (True, True)
    assert isinstance(extended, GrantError)
    assert await home.grants._end(opened.grant, "revoked", OWNER)
    assert (await grant_events(home)).count("ended") == 1
    assert not len(nuki.device.codes)


async def test_a_code_of_someone_else_is_no_use_of_a_grant(
    home: Home, nuki: NukiLock
) -> None:
    nuki.device.codes.add(478392, "Anna", None, datetime.now(UTC))
    opened = await open_grant(home)
    entry = await pressed(home, nuki, "478392", "unlocked")
    assert (entry["grant"], entry["actor_kind"]) == ("", "code")
    entry = await pressed(home, nuki, "999999", "denied")
    assert (entry["grant"], entry["actor_kind"]) == ("", "unknown")
    assert opened.grant.uses == 0


async def test_unlock_grant_is_extended_without_a_code(home: Home) -> None:
    opened = await open_grant(home, method=GrantMethod.UNLOCK, minutes=1)
    end = opened.grant.end
    extended = await home.grants.extend(opened.grant.id, 60, OWNER)
    assert extended.end > end
    assert await home.grants.revoke(opened.grant.id, OWNER)


class TestTwoLocks:
    """Each grant is of one lock."""

    @pytest.fixture
    def locks(self) -> tuple[LockOptions, ...]:
        return several_locks(2, FAST)

    async def test_the_other_lock_leaves(
        self, hass: HomeAssistant, entry: HomeEntry, air: VirtualHome
    ) -> None:
        home = entry.runtime_data
        flow = await card(hass, air.locks[1])
        air.locks[1].device.set_pairing(True)
        # This card was there before the home; its lock joins it.
        await hass.config_entries.flow.async_configure(flow, {})
        result = await hass.config_entries.flow.async_configure(flow, {})
        assert result["step_id"] == "pin", result
        await hass.config_entries.flow.async_configure(flow, {"pin": PIN})
        await until(lambda: len(home.roster.locks) == 2)
        other = home.roster.find(air.locks[1].address)
        assert other is not None
        await until(lambda: other.driver.available)
        mine = await home.grants.open(
            replace(_ask(air.locks[0].address), first_use=True), OWNER
        )
        theirs = await home.grants.open(_ask(air.locks[1].address), OWNER)
        (gone,) = (
            s.subentry_id
            for s in entry.subentries.values()
            if s.unique_id == air.locks[1].address
        )
        hass.config_entries.async_remove_subentry(entry, gone)
        await until(lambda: not len(air.locks[1].device.codes))
        assert [g.id for g in home.grants.open_grants()] == [mine.grant.id]
        assert theirs.grant.state is GrantState.ENDED
        assert len(air.locks[0].device.codes) == 1


async def test_a_code_whose_caller_is_gone_is_taken_back(
    home: Home, nuki: NukiLock
) -> None:
    task = asyncio.create_task(open_grant(home))
    await until(home.grants.open_grants)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: not home.grants.open_grants())
    assert not len(nuki.device.codes)
    assert (await _ended(home))["detail"] == "told to nobody"


async def test_a_refused_grant_whose_caller_is_gone(home: Home, nuki: NukiLock) -> None:
    await nuki.set_in_range(False)
    task = asyncio.create_task(open_grant(home))
    await until(home.grants.open_grants)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: not home.grants.open_grants())


async def test_revoke_goes_on_when_its_caller_is_gone(
    home: Home, nuki: NukiLock
) -> None:
    opened = await open_grant(home)
    task = asyncio.create_task(home.grants.revoke(opened.grant.id, OWNER))
    await until(lambda: opened.grant.state is GrantState.ENDING)
    task.cancel()
    await until(lambda: not home.grants.open_grants())
    assert not len(nuki.device.codes)


async def test_a_lost_removal_is_tried_again(
    home: Home, nuki: NukiLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = await open_grant(home)
    monkeypatch.setattr(grants_module, "RETRY", timedelta(seconds=0.2))
    await _lose(nuki, Direction.TO_LOCK, 0x47)
    assert not await home.grants.revoke(opened.grant.id, OWNER)
    assert len(nuki.device.codes) == 1
    await until(lambda: not home.grants.open_grants())
    assert not len(nuki.device.codes)


async def test_a_grant_that_is_ending_can_be_revoked_again(
    home: Home, nuki: NukiLock
) -> None:
    opened = await open_grant(home)
    await _lose(nuki, Direction.TO_LOCK, 0x47)
    assert not await home.grants.revoke(opened.grant.id, OWNER)
    assert await home.grants.revoke(opened.grant.id, OWNER)
    assert not len(nuki.device.codes)


async def test_both_unlocks_although_the_keypad_is_full(
    home: Home, nuki: NukiLock
) -> None:
    digits = (n for n in range(345111, 999999) if "0" not in str(n))
    for number in islice(digits, 100):
        nuki.device.codes.add(number, "x", None, datetime.now(UTC))
    opened = await open_grant(home, method=GrantMethod.BOTH)
    assert (opened.unlocked, opened.code) == (True, "")
    assert not nuki.device.bolt.locked
    assert home.book.markers(nuki.address) == ()
    assert await home.grants.revoke(opened.grant.id, OWNER)
    assert len(nuki.device.codes) == 100


async def test_both_unlocks_although_the_code_is_lost(
    home: Home, nuki: NukiLock
) -> None:
    await _lose_answer_of(nuki, 0x41, then_gone=True)
    opened = await open_grant(home, method=GrantMethod.BOTH)
    assert (opened.unlocked, opened.code) == (True, "")
    await nuki.set_in_range(True)
    await until(lambda: not home.grants.open_grants())
    assert not len(nuki.device.codes)


async def test_the_last_use_of_a_grant_that_just_ended(
    home: Home, nuki: NukiLock
) -> None:
    opened = await open_grant(home)
    nuki.device.press(int(opened.code))
    assert await home.grants.revoke(opened.grant.id, OWNER)

    async def used() -> bool:
        return "used" in await grant_events(home)

    while not await used():
        await asyncio.sleep(0.02)
    (entry,) = [e for e in await log_of(home, "access") if e["event"] == "unlocked"]
    assert entry["grant"] == opened.grant.id
    assert await rows(home) == []


async def test_a_code_works_at_once_on_a_lock_whose_clock_is_behind(
    home: Home, nuki: NukiLock
) -> None:
    nuki.device.clock_offset = timedelta(seconds=-25)
    opened = await open_grant(home)
    assert nuki.device.press(int(opened.code)).opened


# Help


async def _told(home: Home, events: list[str]) -> None:
    """Wait until the log tells this of grants, and nothing else."""
    async with asyncio.timeout(5):
        while await grant_events(home) != events:
            await asyncio.sleep(0.02)


async def _ended(home: Home) -> dict[str, Any]:
    """Wait until the last that the log tells of grants is an end; return it."""
    async with asyncio.timeout(5):
        while (last := (await log_of(home, "grant"))[-1])["event"] != "ended":
            await asyncio.sleep(0.02)
    return last


async def _entered(home: Home, event: str) -> None:
    """Wait for an access entry."""
    while event not in [e["event"] for e in await log_of(home, "access")]:
        await asyncio.sleep(0.02)


def _log_down(home: Home, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let the store of the log fail, for the block."""

    def fail(*_: Any, **__: Any) -> Any:
        raise LogUnavailable("no space left")

    context = monkeypatch.context()
    patch = context.__enter__()
    patch.setattr(home.log._store, "commit", fail)

    class Down:
        def __enter__(self) -> None: ...

        def __exit__(self, *error: object) -> None:
            context.__exit__(None, None, None)

    return Down()


def _full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise WriteError("no space left")

    monkeypatch.setattr(KeyBook, "_write", fail)


async def _quiet(home: Home, nuki: NukiLock) -> None:
    """Wait until nothing but the test speaks to the lock."""
    await until(lambda: not nuki.device.unread and nuki.connection is None)
    nuki.faults.messages()


async def _lose(nuki: NukiLock, direction: Direction, command: int) -> None:
    """Lose the next message of this command."""
    decide = nuki.faults.decide

    def fate(way: Direction, number: int | None) -> Any:
        if way is direction and number == command:
            nuki.faults.decide = decide  # type: ignore[method-assign]
            nuki.faults.lose(way, 1)
        return decide(way, number)

    nuki.faults.decide = fate  # type: ignore[method-assign]


async def _lose_answer_of(
    nuki: NukiLock, command: int, *, then_gone: bool = False
) -> None:
    """Let the lock take a command and lose its answer; then, if asked, the lock."""
    decide = nuki.faults.decide
    state = {"armed": False}
    gone: list[asyncio.Task[None]] = []

    def fate(way: Direction, number: int | None) -> Any:
        if way is Direction.TO_LOCK and number == command:
            state["armed"] = True
        elif way is Direction.FROM_LOCK and state["armed"]:
            state["armed"] = False
            nuki.faults.decide = decide  # type: ignore[method-assign]
            nuki.faults.lose(way, 1)
            if then_gone:
                gone.append(asyncio.ensure_future(nuki.set_in_range(False)))
        return decide(way, number)

    nuki.faults.decide = fate  # type: ignore[method-assign]
