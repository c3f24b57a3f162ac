"""What the owner can ask of the log, and what it does for itself each day."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
import shutil
import tarfile
from typing import Any

from homeassistant.components.backup.const import DATA_MANAGER
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest

from custom_components.smartlock_le import backup, upkeep
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.log import Log, restart, verify
from custom_components.smartlock_le.opening import home_folder

from .conftest import LOCK, log_of, until
from .log.support import edit
from .support import GRANT, act, as_admin, issues


async def test_hold(hass: HomeAssistant, home: Home) -> None:
    """Placed, listed, lifted; each is an entry, with a reason."""
    window = {
        "since": dt_util.utcnow() - timedelta(days=1),
        "until": dt_util.utcnow() + timedelta(days=1),
    }
    held = await act(hass, "hold_log", {**window, "reason": "case 12", "lock": LOCK})
    assert (await act(hass, "list_holds"))["holds"] == [held]
    assert held["lock"] == next(iter(home.roster.locks.values())).ref.id
    await act(hass, "lift_hold", {"hold": held["hold"], "reason": "closed"})
    assert (await act(hass, "list_holds"))["holds"] == []
    entered = await log_of(home, "hold")
    assert [(e["event"], e["reason"]) for e in entered] == [
        ("placed", "case 12"),
        ("lifted", "closed"),
    ]


@pytest.mark.parametrize(
    ("action", "data", "key"),
    [
        ("lift_hold", {"hold": "x", "reason": "closed"}, "hold_not_found"),
        (
            "hold_log",
            {
                "since": "2026-01-02T00:00:00+00:00",
                "until": "2026-01-01T00:00:00+00:00",
                "reason": "x",
            },
            "window_empty",
        ),
        ("export_proofs", {"first": 9999}, "entry_not_found"),
        ("export_proofs", {"first": 1, "last": 0}, "entry_not_found"),
        ("export_person", {"name": "Nobody"}, "person_not_found"),
        ("get_consistency_proof", {"checkpoint": "x"}, "checkpoint_not_ours"),
        (
            "get_consistency_proof",
            {"checkpoint": "other\n1\nAAAA\n"},
            "checkpoint_not_ours",
        ),
    ],
)
async def test_what_cannot_be(
    hass: HomeAssistant, home: Home, action: str, data: dict[str, Any], key: str
) -> None:
    """It is said plainly, and nothing is entered."""
    end = home.log.end
    with pytest.raises(ServiceValidationError) as caught:
        await act(hass, action, data)
    assert caught.value.translation_key == key
    assert home.log.end == end


async def test_proofs(hass: HomeAssistant, home: Home) -> None:
    """Some entries, one field withheld, and the proof that the log only grew."""
    kept = home.log.checkpoint
    await act(hass, "grant_emergency_access", GRANT)
    done = await act(
        hass,
        "export_proofs",
        {"first": 1, "last": home.log.end - 1, "withhold": ["actor_name", "reason"]},
    )
    assert Path(done["path"]).parent == home_folder(hass) / "exports"
    report = verify.verify_proofs(done["path"], home.log.vkey)
    assert (report.ok, report.size) == (True, done["entries"])
    entered = (await log_of(home, "export"))[-1]
    assert (entered["purpose"], entered["sha256"]) == ("proofs", done["sha256"])
    grown = await act(hass, "get_consistency_proof", {"checkpoint": kept})
    assert grown["proof"]
    assert grown["checkpoint"].startswith(home.log.origin)


async def test_a_person(hass: HomeAssistant, home: Home) -> None:
    """Exported first, erased then; the log still verifies and names nobody."""
    await act(hass, "grant_emergency_access", GRANT)
    context = await as_admin(hass)
    assert context.user_id
    user = await hass.auth.async_get_user(context.user_id)
    assert user
    done = await act(hass, "export_person", {"name": user.name})
    assert done["entries"] >= 1
    assert verify.verify_proofs(done["path"], home.log.vkey).ok
    erased = await act(hass, "erase_person", {"name": user.name})
    # The export itself was entered under that name as well.
    assert erased == {"entries": done["entries"] + 1, "kept": 0}
    assert (await act(hass, "verify_log"))["ok"]
    assert all("agency" in entry for entry in await log_of(home, "grant"))


async def test_upkeep(
    hass: HomeAssistant, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old days go, and the whole log is checked."""
    before = home.log.end

    def later() -> datetime:
        return dt_util.utcnow() + timedelta(days=100)

    monkeypatch.setattr(home.log.care, "_clock", later)
    monkeypatch.setattr(home.log._store, "_clock", later)
    # The days have passed one by one: the clock did not leap.
    monkeypatch.setattr(home.log.care, "_wall", later())
    home.upkeep._due(dt_util.utcnow())
    await until(lambda: home.log.last_verified)
    assert home.log.last_verified
    assert home.log.last_verified.ok
    assert home.log.last_verified.erased == before


async def test_upkeep_comes_by_itself(
    hass: HomeAssistant, entry: HomeEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Soon after the start, again each day, and no more when the home has stopped."""
    runs: list[float] = []

    async def run(self: upkeep.Upkeep) -> None:
        runs.append(hass.loop.time())

    monkeypatch.setattr(upkeep.Upkeep, "run", run)
    monkeypatch.setattr(upkeep, "_FIRST", timedelta(seconds=0.05))
    monkeypatch.setattr(upkeep, "_DAY", timedelta(seconds=0.2))
    assert await hass.config_entries.async_reload(entry.entry_id)
    await until(lambda: len(runs) >= 3)
    await hass.config_entries.async_unload(entry.entry_id)
    count = len(runs)
    await asyncio.sleep(0.5)
    assert len(runs) == count


async def test_upkeep_without_a_log(
    hass: HomeAssistant, home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    """A log that fails is looked after another day."""
    edit(home_folder(hass), "UPDATE meta SET value = '9' WHERE key = 'schema'")
    await home.upkeep.run()
    assert "not looked after today" in caplog.text
    edit(home_folder(hass), "UPDATE meta SET value = '2' WHERE key = 'schema'")


async def test_a_broken_entry_is_named(hass: HomeAssistant, home: Home) -> None:
    """The repair says which."""
    edit(home_folder(hass), "UPDATE entries SET body = NULL WHERE seq = 1")
    await home.upkeep.run()
    await until(lambda: "log_damaged" in issues(hass))
    assert home.log.problem == "damaged"
    state = hass.states.get("binary_sensor.test_home_log_problem")
    assert state
    assert state.state == "on"
    assert home.log.damage == "entry 1: its body is gone and no entry says why"


# Backups


async def test_backup(
    hass: HomeAssistant, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Home Assistant's own backup has the log whole; what comes out of it is a new one."""
    assert await async_setup_component(hass, "backup", {})
    await hass.async_block_till_done()
    manager = hass.data[DATA_MANAGER]
    seen: list[bool] = []
    real = home.log.care.end_backup

    async def end() -> None:
        seen.append((home_folder(hass) / restart.SNAPSHOT).exists())
        await real()

    monkeypatch.setattr(home.log.care, "end_backup", end)
    await manager.async_create_backup(
        agent_ids=["backup.local"],
        include_addons=None,
        include_all_addons=False,
        include_database=False,
        include_folders=None,
        include_homeassistant=True,
        name="Test",
        password=None,
    )
    assert seen == [True]
    assert not (home_folder(hass) / restart.SNAPSHOT).exists()
    (archive,) = Path(hass.config.path("backups")).glob("*.tar")
    with tarfile.open(archive) as outer:
        inner = outer.extractfile("homeassistant.tar.gz")
        assert inner
        with tarfile.open(fileobj=inner) as config:
            config.extractall(tmp_path, filter="tar")
    await hass.async_block_till_done()
    (snapshot,) = tmp_path.rglob("data/smartlock_le/snapshot.db")
    await asyncio.sleep(1.2)
    # A restore puts other files in the place of those that were.
    folder = Path(shutil.copytree(snapshot.parent, tmp_path / "restored"))
    log = await Log.open(folder, origin="smartlock-le.local/x", version="1")
    (said,) = (await log.entries(kinds=["restored"])).entries
    assert (said.fields["reason"], said.fields["key"]) == ("restored", home.log.vkey)
    report = await log.verify()
    assert (report.ok, report.bad) == (True, [])
    await log.close()


async def test_backup_without_a_log(hass: HomeAssistant, home: Home) -> None:
    """A backup that would not have the log is not taken for one that has."""

    folder = home_folder(hass)
    (folder / f".{restart.SNAPSHOT}.part").mkdir()
    with pytest.raises(HomeAssistantError) as caught:
        await backup.async_pre_backup(hass)
    assert caught.value.translation_key == "log_unavailable"
    (folder / f".{restart.SNAPSHOT}.part").rmdir()
    await backup.async_post_backup(hass)


async def test_backup_of_a_log_in_memory(
    hass: HomeAssistant, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is nothing to copy."""
    with monkeypatch.context() as patch:
        patch.setattr(Log, "volatile", True)
        patch.setattr(home.log.care, "begin_backup", None)
        patch.setattr(home.log.care, "end_backup", None)
        await backup.async_pre_backup(hass)
        await backup.async_post_backup(hass)


async def test_backup_without_a_home(hass: HomeAssistant, entry: HomeEntry) -> None:
    """Nothing to do."""

    await hass.config_entries.async_unload(entry.entry_id)
    await backup.async_pre_backup(hass)
    await backup.async_post_backup(hass)
