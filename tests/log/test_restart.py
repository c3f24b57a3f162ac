"""A log that was put back from a copy goes on as a new one, which says so."""

from pathlib import Path
import shutil
import time
from typing import Any

import pytest

from custom_components.smartlock_le.log import (
    Log,
    LogRefused,
    LogUnavailable,
    LogUnreadable,
    marker,
    verify,
)
from custom_components.smartlock_le.log.keys import Keys
from custom_components.smartlock_le.log.marker import Marker
from custom_components.smartlock_le.log.store import Store

from .support import ORIGIN, Clock, edit, open_log, sample


async def filled(folder: Path, count: int) -> tuple[str, str]:
    """Make a log, or go on with it; return its key and last checkpoint."""
    log = await open_log(folder)
    for number in range(count):
        await log.append("found", sample("found", intent=number))
    await log.close()
    return log.vkey, log.checkpoint


def copied(source: Path, target: Path) -> Path:
    """Copy a folder as a backup does: other files, later."""
    time.sleep(1.2)
    shutil.copytree(source, target)
    return target


async def restored(log: Log) -> dict[str, Any]:
    """Return the newest entry that says that a log was put back."""
    page = await log.entries(kinds=["restored"], newest_first=True, limit=1)
    return dict(page.entries[0].fields)


async def test_copied_folder(tmp_path: Path) -> None:
    """Two that go on from one head never sign two histories under one name."""
    vkey, note = await filled(tmp_path / "a", 3)
    copy = copied(tmp_path / "a", tmp_path / "b")
    log = await open_log(copy)
    said = await restored(log)
    assert (said["reason"], said["key"], said["size"], said["held"]) == (
        "copied",
        vkey,
        5,
        5,
    )
    assert log.vkey != vkey
    assert log.origin.startswith(f"{ORIGIN}/")
    # Numbers go on, the tree begins anew, and what was before is there.
    assert (log.size, log.end) == (2, 7)
    page = await log.entries()
    assert [entry.seq for entry in page.entries] == [*range(7)]
    assert page.entries[-1].fields["clean"] == "no"
    report = await log.verify()
    assert (report.ok, report.bad) == (True, [])
    assert any("entry 5: copied" in line for line in report.notes)
    with pytest.raises(LogRefused, match="checkpoint_not_ours"):
        await log.prove_growth(note)
    await log.export(tmp_path / "copy")
    assert verify.verify_export(str(tmp_path / "copy"), log.vkey).ok
    await log.export_proofs(tmp_path / "p.zip", [0, 4, 5, 6])
    assert verify.verify_proofs(str(tmp_path / "p.zip"), log.vkey).ok
    await log.close()
    # The original knows nothing of it, and the copy is a home of its own now.
    for folder, key in ((tmp_path / "a", vkey), (copy, log.vkey)):
        log = await open_log(folder)
        assert log.vkey == key
        assert (await log.verify()).ok
        await log.close()


async def test_database_rolled_back(tmp_path: Path) -> None:
    """An old database under a newer head marker is one that was restored."""
    await filled(tmp_path, 3)
    old = (tmp_path / "log.db").read_bytes()
    vkey, _ = await filled(tmp_path, 4)
    (tmp_path / "log.db").write_bytes(old)
    log = await open_log(tmp_path)
    said = await restored(log)
    assert (said["reason"], said["key"], said["size"], said["held"]) == (
        "rolled_back",
        vkey,
        11,
        5,
    )
    assert (log.size, log.end) == (2, 13)
    report = await log.verify()
    assert (report.ok, report.bad) == (True, [])
    assert any("had 11 entries, of which 5 are here" in line for line in report.notes)
    await log.close()
    # Once more, into the log before the last.
    (tmp_path / "log.db").write_bytes(old)
    log = await open_log(tmp_path)
    assert (await restored(log))["reason"] == "rolled_back"
    assert (await log.verify()).ok
    await log.close()


async def test_database_gone(tmp_path: Path) -> None:
    """A deleted database does not come back as if nothing had been."""
    vkey, _ = await filled(tmp_path, 3)
    (tmp_path / "log.db").unlink()
    log = await open_log(tmp_path)
    said = await restored(log)
    assert (said["reason"], said["key"], said["held"]) == ("lost", vkey, 0)
    assert (log.size, log.end) == (2, 7)
    assert (await log.verify()).ok
    await log.close()


async def test_newest_entries_taken_back(tmp_path: Path) -> None:
    """Entries that go together with their checkpoints are missed by the marker."""
    await filled(tmp_path, 3)

    edit(tmp_path, "DELETE FROM entries WHERE seq > 2")
    edit(tmp_path, "DELETE FROM checkpoints WHERE upto > 3")
    log = await open_log(tmp_path)
    assert (await restored(log))["held"] == 3
    await log.close()


@pytest.mark.parametrize("slot", [0, 1])
async def test_torn_marker(tmp_path: Path, slot: int) -> None:
    """A slot that was written by half leaves the other, which is one commit behind."""
    vkey, _ = await filled(tmp_path, 3)
    with (tmp_path / "head").open("r+b") as file:
        file.seek(slot * marker._SLOT + 70)
        file.write(b"torn")
    assert Marker(tmp_path / "head").mark
    log = await open_log(tmp_path)
    assert (log.vkey, log.size) == (vkey, 6)
    await log.close()


async def test_marker_gone(tmp_path: Path) -> None:
    """Without a marker the log goes on: nothing says that it should not."""
    vkey, _ = await filled(tmp_path, 3)
    (tmp_path / "head").unlink()
    log = await open_log(tmp_path)
    assert (log.vkey, log.size) == (vkey, 6)
    await log.close()
    assert Marker(tmp_path / "head").mark


@pytest.mark.parametrize("step", ["append", "take"])
async def test_killed_while_it_began(
    tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed at any step between the old log and the new, there is one of them."""

    await filled(tmp_path / "a", 3)
    copy = copied(tmp_path / "a", tmp_path / "b")

    def killed(*_: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if step == "append":
            patch.setattr(Store, "_append", killed)
        else:
            patch.setattr(Keys, "take_seed", killed)
        with pytest.raises(KeyboardInterrupt):
            Store.open(copy, ORIGIN, Clock())
    log = await open_log(copy)
    assert (await restored(log))["reason"] == "copied"
    page = await log.entries(kinds=["restored"])
    # Where the marker was not written yet, once more: never one log too few.
    assert len(page.entries) == (1 if step == "append" else 2)
    assert (await log.verify()).ok
    await log.close()


async def test_key_gone(tmp_path: Path) -> None:
    """A key that is missing is no restore: it is said, and nothing is made up."""
    await filled(tmp_path, 3)
    (tmp_path / "keys" / "log.key").unlink()
    with pytest.raises(LogUnreadable) as caught:
        await open_log(tmp_path)
    assert caught.value.reason == "key_missing"


async def test_marker_behind(tmp_path: Path) -> None:
    """A new log names the newest head that is here, though the marker is older."""
    await filled(tmp_path / "a", 3)
    old = (tmp_path / "a" / "head").read_bytes()
    vkey, _ = await filled(tmp_path / "a", 3)
    (tmp_path / "a" / "head").write_bytes(old)
    log = await open_log(copied(tmp_path / "a", tmp_path / "b"))
    said = await restored(log)
    assert (said["key"], said["size"], said["held"]) == (vkey, 10, 10)
    report = await log.verify()
    assert (report.ok, report.strangers) == (True, [])
    await log.close()


async def test_offered_seed_that_is_none(tmp_path: Path) -> None:
    """Half a seed is passed over."""
    vkey, _ = await filled(tmp_path, 1)
    (tmp_path / "keys" / "log.new.key").write_bytes(b"half")
    log = await open_log(tmp_path)
    assert log.vkey == vkey
    await log.close()


@pytest.mark.parametrize("method", ["offer_seed", "take_seed"])
async def test_disk_fails_while_it_begins(
    tmp_path: Path, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that cannot be written is unavailable, and the next start goes on from there."""
    await filled(tmp_path, 3)
    edit(tmp_path, "DELETE FROM entries WHERE seq > 2")
    edit(tmp_path, "DELETE FROM checkpoints WHERE upto > 3")

    def fail(*_: Any) -> Any:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Keys, method, fail)
        with pytest.raises(LogUnavailable, match="No space left"):
            await open_log(tmp_path)
    log = await open_log(tmp_path)
    assert (await restored(log))["reason"] == "rolled_back"
    report = await log.verify()
    assert (report.ok, report.bad, report.size) == (True, [], 2)
    await log.close()


async def test_marker_cannot_be_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A marker that cannot be written keeps nothing from being entered."""
    (tmp_path / "head").mkdir()
    with pytest.raises(LogUnavailable, match="Is a directory"):
        await open_log(tmp_path)
    (tmp_path / "head").rmdir()
    log = await open_log(tmp_path)
    log._store._marker.close()  # type: ignore[union-attr]
    (tmp_path / "head").unlink()
    (tmp_path / "head").mkdir()
    await log.append("found", sample("found"))
    assert "The head marker cannot be written: Is a directory" in caplog.text
    await log.close()
