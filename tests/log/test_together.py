"""What is asked of the log while it erases, exports or is backed up."""

import asyncio
from datetime import timedelta
from pathlib import Path
import shutil

import pytest

from custom_components.smartlock_le.log import LogRefused, LogUnavailable, verify

from .support import START, Clock, open_log, sample

OWNER = {"actor_kind": "owner", "actor": "1a2b3c4d", "actor_name": "Owner"}


@pytest.mark.parametrize("what", ["retain", "person"])
async def test_export_while_erasing(tmp_path: Path, what: str) -> None:
    """A copy that waits for an erasure has the entry that says so."""
    clock = Clock()
    log = await open_log(tmp_path, clock=clock)
    await log.append("access", sample("access", actor_name="Anna"))
    clock.now = START + timedelta(days=9)
    if what == "retain":
        erasing = asyncio.create_task(log.care.retain(1))
    else:
        erasing = asyncio.create_task(log.care.erase_person("Anna", OWNER))
    await asyncio.sleep(0)
    await asyncio.gather(
        log.export(tmp_path / "copy"), log.export_proofs(tmp_path / "zip", [0, 1])
    )
    assert (await erasing).gone
    report = verify.verify_export(str(tmp_path / "copy"), log.vkey)
    assert (report.ok, report.bad, report.size) == (True, [], 3)
    assert verify.verify_proofs(str(tmp_path / "zip"), log.vkey).ok
    await log.close()


async def test_erasure_that_waits_for_a_backup(tmp_path: Path) -> None:
    """What waited while a backup began does not erase under it."""
    clock = Clock()
    log = await open_log(tmp_path, clock=clock)
    await log.append("access", sample("access", actor_name="Anna"))
    clock.now = START + timedelta(days=9)
    backup = asyncio.create_task(log.care.begin_backup())
    await asyncio.sleep(0)
    retain = asyncio.create_task(log.care.retain(1))
    with pytest.raises(LogRefused, match="backup_running"):
        await log.care.erase_person("Anna", OWNER)
    assert (await retain).gone == []
    await backup
    await log.care.end_backup()
    assert (await log.care.retain(1)).gone
    await log.close()


async def test_key_lost_under_us(tmp_path: Path) -> None:
    """Without the key of an entry it cannot be given away, and that is said."""
    log = await open_log(tmp_path / "log")
    await log.close()
    clock = Clock(START + timedelta(days=1))
    for _ in range(2):
        log = await open_log(tmp_path / "log", clock=clock)
        await log.close()
    log = await open_log(tmp_path / "log", clock=clock)
    (tmp_path / "log" / "keys" / "epoch-1.key").unlink()
    with pytest.raises(LogUnavailable, match=r"epoch-1.key is missing"):
        await log.export(tmp_path / "copy")
    with pytest.raises(LogUnavailable, match=r"epoch-1.key is missing"):
        await log.export_proofs(tmp_path / "zip", [0])
    assert log.problem == "damaged"
    (tmp_path / "log" / "keys" / "epoch-1.key").mkdir()
    with pytest.raises(LogUnavailable, match="Is a directory"):
        await log.export(tmp_path / "copy")
    await log.close()


@pytest.mark.parametrize("bad", ["folder", "short"])
async def test_next_key_cannot_be(tmp_path: Path, bad: str) -> None:
    """A door is not kept shut by a key that cannot be made: what happens is kept."""
    clock = Clock()
    log = await open_log(tmp_path, clock=clock)
    path = tmp_path / "keys" / "epoch-2.key"
    if bad == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"short")
    clock.now = START + timedelta(days=1)
    assert await log.append_or_keep("found", sample("found")) is None
    with pytest.raises(LogUnavailable):
        await log.append("found", sample("found"))
    assert (log.backlog, log.size) == (1, 1)
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    await log.append("found", sample("found"))
    assert (log.backlog, log.size) == (0, 3)
    assert (await log.verify()).ok
    await log.close()
