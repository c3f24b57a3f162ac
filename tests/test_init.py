"""The life of a home: how it starts, fails to, is reloaded and ends."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
import sqlite3
import threading
from unittest.mock import patch

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.translation import async_get_exception_message
from homeassistant.util.file import WriteError
import pytest

from custom_components.smartlock_le import blueprint
from custom_components.smartlock_le.const import DOMAIN
from custom_components.smartlock_le.diagnostics import (
    async_get_config_entry_diagnostics,
)
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.opening import home_folder
from virtual_home.home import VirtualHome
from virtual_home.nuki import NukiLock

from .conftest import LOCK, log_of, until
from .log.support import edit, spoil_page
from .support import GRANT, act, fail_writes, idle, issues, keys_file, unwritable

# What keeps a home from starting


def newer(folder: Path) -> None:
    """Have the log written by a version to come."""
    edit(folder, "UPDATE meta SET value = '99' WHERE key = 'schema'")


def key_missing(folder: Path) -> None:
    """Lose the key that signs."""
    (folder / "keys" / "log.key").unlink()


def damaged(folder: Path) -> None:
    """Write over the log."""
    (folder / "log.db").write_bytes(b"not a database" * 1000)


def keys_garbled(folder: Path) -> None:
    """Write over the keys of the locks."""
    (folder / "keys" / "locks.json").write_text("{}")


def content(folder: Path) -> dict[str, bytes]:
    """Return what is in our files."""
    return {
        str(path): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(("-shm", "-wal"))
    }


async def test_without_the_keys_of_the_locks_there_is_no_home(
    hass: HomeAssistant, entry: HomeEntry
) -> None:
    """It does not start, says why, and none of its files is touched."""
    await hass.config_entries.async_unload(entry.entry_id)
    folder = home_folder(hass)
    keys_garbled(folder)
    before = content(folder)
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert entry.error_reason_translation_key == "keys_unreadable"
    assert entry.reason == async_get_exception_message(DOMAIN, "keys_unreadable")
    assert entry.reason != "keys_unreadable"
    assert content(folder) == before
    assert log_threads() == 0


# A log that does not open


def unopened(folder: Path) -> None:
    """Put something in the place of the log that is not a file."""
    (folder / "log.db").unlink()
    (folder / "log.db").mkdir()


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (newer, "newer_schema"),
        (key_missing, "key_missing"),
        (damaged, "unreadable"),
        (unopened, "unopened"),
    ],
)
async def test_the_door_works_with_a_log_that_does_not_open(
    hass: HomeAssistant,
    entry: HomeEntry,
    nuki: NukiLock,
    spoil: Callable[[Path], None],
    problem: str,
) -> None:
    """It is said, what happens is in memory, and no file of the log is touched."""
    await hass.config_entries.async_unload(entry.entry_id)
    folder = home_folder(hass)
    spoil(folder)
    before = content(folder)
    keys = str(keys_file(hass))
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED
    assert issues(hass) == {f"log_{problem}"}
    assert hass.states.get("binary_sensor.test_home_log_problem").state == "on"
    found = await async_get_config_entry_diagnostics(hass, entry)
    assert found["log"]["problem"] == problem

    await until(lambda: (s := hass.states.get(LOCK)) and s.state == "locked")
    answer = await act(hass, "grant_emergency_access", {**GRANT, "method": "both"})
    assert answer["unlocked"] is True
    assert nuki.device.press(int(answer["code"])).opened
    await act(hass, "revoke_grant", {"grant": answer["grant"]})
    assert len(nuki.device.codes) == 0
    whole = await act(hass, "get_log")
    assert {"started", "command", "outcome", "grant"} <= {
        entry["kind"] for entry in whole["entries"]
    }
    for action in ("verify_log", "export_log"):
        with pytest.raises(HomeAssistantError) as caught:
            await act(hass, action)
        assert caught.value.translation_key == "log_unavailable"
    assert issues(hass) == {f"log_{problem}"}

    await hass.config_entries.async_unload(entry.entry_id)
    assert log_threads() == 0
    after = content(folder)
    before.pop(keys)
    after.pop(keys)
    assert after == before


async def test_a_log_that_opens_again_goes_on(
    hass: HomeAssistant, entry: HomeEntry
) -> None:
    """What was said of it is withdrawn."""
    await hass.config_entries.async_unload(entry.entry_id)
    log = home_folder(hass) / "log.db"
    kept = log.with_name("kept.db")
    log.rename(kept)
    log.mkdir()
    await hass.config_entries.async_setup(entry.entry_id)
    assert issues(hass) == {"log_unopened"}
    log.rmdir()
    kept.rename(log)
    await hass.config_entries.async_reload(entry.entry_id)
    assert issues(hass) == set()
    started = await log_of(entry.runtime_data, "started")
    assert [e["clean"] for e in started] == ["first", "yes"]


def log_threads() -> int:
    """Count the threads of the log."""
    return sum("smartlock-log" in thread.name for thread in threading.enumerate())


async def test_a_code_whose_grant_cannot_be_read_stays(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """The lock itself ends it; its grant goes on when the log is back."""
    answer = await act(hass, "grant_emergency_access", GRANT)
    await hass.config_entries.async_unload(entry.entry_id)
    log = home_folder(hass) / "log.db"
    kept = log.with_name("kept.db")
    log.rename(kept)
    log.write_bytes(b"not a database" * 1000)
    await hass.config_entries.async_setup(entry.entry_id)
    await until(lambda: (s := hass.states.get(LOCK)) and s.state == "locked")
    assert nuki.device.press(int(answer["code"])).opened
    await hass.config_entries.async_unload(entry.entry_id)
    kept.rename(log)
    await hass.config_entries.async_setup(entry.entry_id)
    await until(lambda: entry.runtime_data.grants.open_grants()[0].checked)
    await act(hass, "revoke_grant", {"grant": answer["grant"]})
    assert len(nuki.device.codes) == 0


async def test_grants_that_cannot_be_read_keep_no_home_from_starting(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """The door works, and it is said."""
    await hass.config_entries.async_unload(entry.entry_id)
    spoil_page(home_folder(hass), "grants")
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED
    assert await act(hass, "list_grants") == {"grants": []}
    await until(lambda: issues(hass) == {"log_damaged"})
    await until(lambda: (s := hass.states.get(LOCK)) and s.state == "locked")
    answer = await act(hass, "grant_emergency_access", {**GRANT, "method": "unlock"})
    assert answer["unlocked"] is True


async def test_locks_do_not_wait_for_a_log_that_cannot_be_read(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """Who came and went is entered later; the door works."""
    await hass.config_entries.async_unload(entry.entry_id)
    spoil_page(home_folder(hass), "members")
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED
    await until(lambda: (s := hass.states.get(LOCK)) and s.state == "locked")


async def test_an_unreachable_lock_delays_nothing(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """The home is there at once, the lock when it is."""
    await nuki.set_in_range(False)
    async with asyncio.timeout(1):
        await hass.config_entries.async_reload(entry.entry_id)
    assert entry.state is ConfigEntryState.LOADED
    assert hass.states.get(LOCK).state == "unavailable"
    assert (await act(hass, "list_grants")) == {"grants": []}
    await nuki.set_in_range(True)
    await until(lambda: hass.states.get(LOCK).state == "locked")


# Reload


async def test_ten_reloads_leave_nothing_behind(
    hass: HomeAssistant, entry: HomeEntry, air: VirtualHome, nuki: NukiLock
) -> None:
    """No task, no listener, no thread, no link, no slot."""

    async def left() -> tuple[object, ...]:
        lock = await until(
            lambda: next(iter(entry.runtime_data.roster.locks.values()), None)
        )
        await until(lambda: lock.driver.available and not lock._reading.locked())
        await idle(nuki)
        await until(lambda: hass.states.get("binary_sensor.front_door_door"))
        await hass.async_block_till_done()
        ours = [
            task.get_name()
            for task in asyncio.all_tasks()
            if DOMAIN in task.get_name() or DOMAIN in repr(task.get_coro())
        ]
        return (
            sorted(ours),
            # The last is of Home Assistant's own files that wait to be written.
            hass.bus.async_listeners() | {"homeassistant_final_write": 0},
            log_threads(),
            air.central.free,
            len(hass.states.async_all()),
        )

    await hass.config_entries.async_reload(entry.entry_id)
    before, home = await left(), entry.runtime_data
    for _ in range(10):
        await hass.config_entries.async_reload(entry.entry_id)
    assert await left() == before
    assert entry.runtime_data is not home
    report = await entry.runtime_data.log.verify()
    assert report.ok
    started = await log_of(entry.runtime_data, "started")
    assert [e["clean"] for e in started] == ["first"] + ["yes"] * 11


async def test_an_open_grant_outlives_a_reload(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """Its code works on, and it can still be ended."""
    answer = await act(hass, "grant_emergency_access", GRANT)
    await hass.config_entries.async_reload(entry.entry_id)
    assert nuki.device.press(int(answer["code"])).opened
    grants = entry.runtime_data.grants
    await until(lambda: grants.open_grants()[0].uses == 1)
    assert await act(hass, "revoke_grant", {"grant": answer["grant"]}) == {
        "code_removed": True
    }


# The end


async def test_home_assistant_stops(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """The log says that it was closed in order, and the lock is let go."""
    home = entry.runtime_data
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await until(lambda: log_threads() == 0)
    with closing(sqlite3.connect(home_folder(hass) / "log.db")) as store:
        (last,) = store.execute(
            "SELECT kind FROM entries ORDER BY seq DESC LIMIT 1"
        ).fetchone()
    assert last == "stopped"
    await until(lambda: nuki.connection is None)
    # Twice does no harm, nor does what still comes in.
    await home.stop()
    hass.config_entries.async_remove_subentry(entry, next(iter(entry.subentries)))
    await home.changed()
    assert home.roster.locks


async def test_a_command_under_way_gets_its_outcome(
    hass: HomeAssistant, entry: HomeEntry, home: Home, nuki: NukiLock
) -> None:
    """The home waits for the door before it stops."""
    nuki.device.bolt.motor_s = 0.3
    door = hass.async_create_task(
        hass.services.async_call("lock", "unlock", {"entity_id": LOCK}, blocking=True)
    )
    await until(lambda: nuki.device.bolt.busy)
    await hass.config_entries.async_reload(entry.entry_id)
    await door
    (outcome,) = await log_of(entry.runtime_data, "outcome")
    assert outcome["result"] == "done"


async def test_a_grant_comes_to_its_end_when_the_caller_goes(
    hass: HomeAssistant, entry: HomeEntry, home: Home, nuki: NukiLock
) -> None:
    """A closed browser leaves no half-made grant."""
    caller = hass.async_create_task(act(hass, "grant_emergency_access", GRANT))
    await until(home.grants.open_grants)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    # Made to its end, then taken back: its code was told to nobody.
    await until(lambda: not home.grants._grants)
    assert not len(nuki.device.codes)
    events = [entry["event"] for entry in await log_of(home, "grant")]
    assert events == ["opening", "opened", "ending", "ended"]


async def test_a_lock_that_cannot_be_reconciled_now(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """Full disk: what cannot be noted is tried again the next time."""
    await act(hass, "grant_emergency_access", GRANT)
    home = entry.runtime_data
    await home.book.add_marker(nuki.address, "LE stray")
    await fail_writes(home)
    keys = keys_file(hass)
    text = keys.read_text()
    keys.unlink()
    keys.mkdir()
    try:
        nuki.device.turn(lock=True)
        await reconciled(home, nuki)
        assert "LE stray" in home.book.markers(nuki.address)
    finally:
        keys.rmdir()
        keys.write_text(text)
        await fail_writes(home, fail=False)
    nuki.device.turn(lock=False)
    await until(lambda: "LE stray" not in home.book.markers(nuki.address))


async def reconciled(home: Home, nuki: NukiLock) -> None:
    """Wait until the lock was read and its codes were looked at."""
    lock = home.roster.find(nuki.address)
    assert lock
    done = asyncio.Event()
    undo = lock.on_ready(done.set)
    await until(done.is_set)
    undo()
    name = f"{DOMAIN} reconcile {nuki.address}"
    await until(lambda: name not in {task.get_name() for task in asyncio.all_tasks()})


# Blueprints


def blueprints(hass: HomeAssistant) -> Path:
    """Return where Home Assistant looks for ours."""
    return Path(hass.config.path("blueprints", "automation", DOMAIN))


async def test_blueprints_are_put_where_they_are_looked_for_once(
    hass: HomeAssistant,
) -> None:
    """What a person made of them stays, and what was deleted stays away."""
    folder = blueprints(hass)
    # From before there was a list, and before the others were there.
    folder.mkdir(parents=True)
    mine = folder / "tell_my_phone.yaml"
    mine.write_text("mine")
    await blueprint.install(hass)
    ours = {path.name for path in blueprint._SOURCE.iterdir()}
    assert len(ours) == 7
    assert {path.name for path in folder.glob("*.yaml")} == ours
    (folder / "auto_lock.yaml").unlink()
    await blueprint.install(hass)
    assert {path.name for path in folder.glob("*.yaml")} == ours - {"auto_lock.yaml"}
    assert mine.read_text() == "mine"


async def test_a_full_disk_keeps_no_home_from_starting(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    """The blueprints wait for the next start."""
    folder = blueprints(hass)
    with unwritable(folder.parent):
        await blueprint.install(hass)
    assert "Blueprints not installed" in caplog.text
    assert not folder.exists()
    # Nor does one that takes no more after the first of them.
    write = blueprint.write_utf8_file

    def full(path: str, text: str) -> None:
        if "guest" in path:
            raise WriteError("No space left on device")
        write(path, text)

    with patch.object(blueprint, "write_utf8_file", full):
        await blueprint.install(hass)
    assert (folder / "auto_lock.yaml").exists()
    assert not (folder / "tell_my_phone.yaml").exists()
    await blueprint.install(hass)
    assert len(list(folder.glob("*.yaml"))) == 7
