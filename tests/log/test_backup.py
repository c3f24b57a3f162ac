"""A backup holds the log whole, and what is restored from it says so."""

import asyncio
import hashlib
from pathlib import Path
import shutil
import tarfile

import pytest

from custom_components.smartlock_le.log import LogRefused, restart
from custom_components.smartlock_le.log.marker import Marker

from .support import open_log, sample
from .test_care import OWNER
from .test_restart import restored


def pack(folder: Path, path: Path) -> None:
    """Write an archive as Home Assistant does."""
    with tarfile.open(path, "w") as archive:
        archive.add(folder, arcname=".")


def unpack(path: Path, folder: Path) -> None:
    """Put everything back in its place, as Home Assistant does."""
    shutil.rmtree(folder, ignore_errors=True)
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="tar")


async def test_backup_while_entries_come(tmp_path: Path) -> None:
    """The database in the archive may be torn: the snapshot beside it is not."""
    folder = tmp_path / "log"
    log = await open_log(folder)
    await log.append("found", sample("found"))
    await log.care.begin_backup()
    for _ in range(20):
        await log.append("found", sample("found"))
    assert (await log.care.retain(0)).gone == []
    with pytest.raises(LogRefused, match="backup_running"):
        await log.care.erase_person("x", OWNER)
    pack(folder, tmp_path / "backup.tar")
    await log.care.end_backup()
    assert not (folder / restart.SNAPSHOT).exists()
    await log.append("found", sample("found"))
    await log.close()
    before = log.end
    await asyncio.sleep(1.2)
    unpack(tmp_path / "backup.tar", folder)
    with (folder / "log.db").open("r+b") as torn:
        torn.truncate(5000)
    log = await open_log(folder)
    said = await restored(log)
    # The marker in the archive was ahead of the snapshot.
    assert (said["reason"], said["size"], said["held"]) == ("restored", 22, 2)
    assert log.end == 24 < before + 2
    report = await log.verify()
    assert (report.ok, report.bad) == (True, [])
    assert not (folder / restart.SNAPSHOT).exists()
    await log.close()


async def test_killed_while_a_backup_was_written(tmp_path: Path) -> None:
    """A snapshot that was left behind is not taken for the log."""
    log = await open_log(tmp_path)
    await log.care.begin_backup()
    await log.append("found", sample("found"))
    await log.close()
    for name in (".snapshot.db.part", ".snapshot.db.part-journal"):
        (tmp_path / name).write_bytes(b"half a copy")
    log = await open_log(tmp_path)
    assert log.size == 4
    assert not list(tmp_path.glob("*snapshot*"))
    await log.close()
    await log.care.end_backup()


async def test_restored_in_place(tmp_path: Path) -> None:
    """A database that lacks what was marked gives way to the snapshot beside it."""
    log = await open_log(tmp_path)
    await log.care.begin_backup()
    await log.append("found", sample("found"))
    await log.close()
    (tmp_path / "log.db").write_bytes(b"torn")
    log = await open_log(tmp_path)
    assert (await restored(log))["held"] == 1
    assert (await log.verify()).ok
    await log.close()


async def test_changed_owner_while_killed(tmp_path: Path) -> None:
    """A folder that was only given new permissions keeps the newest entries."""
    log = await open_log(tmp_path)
    await log.care.begin_backup()
    await log.append("found", sample("found"))
    await log.close()
    await asyncio.sleep(1.2)
    (tmp_path / "head").chmod(0o644)
    log = await open_log(tmp_path)
    assert log.size == 4
    await log.close()


async def test_marker_of_another_version(tmp_path: Path) -> None:
    """A mark that is not of this shape is none."""
    log = await open_log(tmp_path)
    await log.close()
    slots = []
    for slot in (
        (tmp_path / "head").read_bytes()[:1024],
        (tmp_path / "head").read_bytes()[1024:],
    ):
        body = slot[64:].rstrip().replace(b'"first"', b'"other"')
        slots.append((hashlib.sha256(body).hexdigest().encode() + body).ljust(1024))
    (tmp_path / "head").write_bytes(b"".join(slots))
    assert Marker(tmp_path / "head").mark is None
    log = await open_log(tmp_path)
    assert log.size == 3
    await log.close()


async def test_snapshot_without_a_marker(tmp_path: Path) -> None:
    """Where nothing says how far the log had come, what is whole is taken."""
    log = await open_log(tmp_path)
    await log.care.begin_backup()
    await log.close()
    (tmp_path / "head").unlink()
    log = await open_log(tmp_path)
    assert (await restored(log))["size"] == 1
    assert (await log.verify()).ok
    await log.close()
