"""Erasure when something goes wrong: clocks, disks, keys, kills, and entries meanwhile."""

import asyncio
from datetime import timedelta
import os
from pathlib import Path
import resource
import shutil
from typing import Any

import pytest
from sqlalchemy import select

from custom_components.smartlock_le.log import (
    Log,
    LogUnavailable,
    care,
    engine,
    entries,
)
from custom_components.smartlock_le.log.erasure import Eraser, Plan
from custom_components.smartlock_le.log.keys import Keys
from custom_components.smartlock_le.log.model import Draft
from custom_components.smartlock_le.log.store import Store

from .support import START, Clock, locked, open_log, sample

OWNER = {"actor_kind": "owner", "actor": "1a2b3c4d", "actor_name": "Owner"}
ANNA = {"actor_name": "Anna Example"}
DAY = timedelta(days=1)


async def visited(log: Log, clock: Clock, *days: int) -> None:
    """Enter one visit on each of these days."""
    for day in days:
        clock.now = START + day * DAY
        await log.append("access", sample("access", **ANNA))


async def erased(log: Log) -> list[int]:
    """Return the numbers of the entries that have no body."""
    rows = await log.read(select(entries.c.seq).where(entries.c.body.is_(None)))
    return [row["seq"] for row in rows]


def keys(folder: Path) -> set[str]:
    """Return the epochs that have a key."""
    return {path.stem.removeprefix("epoch-") for path in folder.glob("keys/epoch-*")}


async def check(log: Log) -> None:
    """Check that the log is whole, and close it."""
    report = await log.verify()
    assert (report.ok, report.bad) == (True, [])
    await log.close()


def test_key_is_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Zeros are on the disk before the name is gone."""
    made = Keys.load(tmp_path, make=True)
    made.begin(1)
    seen: list[bytes] = []
    path = tmp_path / "epoch-1.key"

    def fsync(_: int) -> None:
        seen.append(path.read_bytes() if path.exists() else b"")

    monkeypatch.setattr(os, "fsync", fsync)
    assert made.destroy(1)
    assert seen == [bytes(32), b""]
    assert not made.destroy(1)


async def test_clock_was_wrong_for_a_day(tmp_path: Path) -> None:
    """A day that the clock got wrong goes with its neighbours, not before nor after."""
    clock = Clock()
    log = await open_log(tmp_path, clock=clock)
    await visited(log, clock, 1, -9000, -8999, 2, 9000, 3)
    assert (await log.care.retain(3)).gone == []
    clock.now = START + 4 * DAY
    assert (await log.care.retain(2)).gone == [0, 1, 2, 3]
    clock.now = START + 6 * DAY
    assert (await log.care.retain(2)).gone == [4, 5, 6]
    await check(log)


async def test_first_day_is_to_come(tmp_path: Path) -> None:
    """Where only days to come are known, nothing is due."""
    clock = Clock(START + 9000 * DAY)
    log = await open_log(tmp_path, clock=clock)
    clock.now = START
    assert (await log.care.retain(1)).gone == []
    await check(log)


async def test_clock_leaps_while_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that leaps by years erases nothing until it has run on for a day."""
    clock = Clock()
    log = await open_log(tmp_path, clock=clock)
    clock.now += 4000 * DAY
    await log.append("found", sample("found"))
    assert (await log.care.retain()).gone == []
    clock.now += timedelta(hours=20)
    assert (await log.care.retain()).gone == []
    monkeypatch.setattr(care, "_TRUST_SECONDS", 0.0)
    assert (await log.care.retain()).gone == [0]
    await check(log)


async def test_clock_back_after_planning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What says so never goes into the epoch whose key goes."""
    clock = Clock()
    log = await open_log(tmp_path, clock=clock)
    clock.now = START + 9 * DAY
    old = Eraser.old

    def plan(*arguments: Any) -> Plan:
        clock.now = START
        asyncio.run_coroutine_threadsafe(
            log.append("found", sample("found")), loop
        ).result()
        return old(*arguments)

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(Eraser, "old", plan)
    done = await log.care.retain(2)
    assert (done.gone, done.epochs, keys(tmp_path)) == ([0], [1], {"2"})
    await log.append("found", sample("found"))
    await check(log)


async def test_entry_while_planning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a person does while they are erased is of a new epoch, and stays."""
    clock = Clock()
    log = await open_log(tmp_path, clock=clock)
    await visited(log, clock, 0)
    rows = Eraser._rows
    loop = asyncio.get_running_loop()
    more = [0, 0]

    def slow(eraser: Eraser, epoch: int | None = None) -> Any:
        if more:
            day = more.pop()
            asyncio.run_coroutine_threadsafe(visited(log, clock, day), loop).result()
        return rows(eraser, epoch)

    monkeypatch.setattr(Eraser, "_rows", slow)
    assert (await log.care.erase_person(ANNA["actor_name"], OWNER)).gone == [1]
    assert await log.care.of_person(ANNA["actor_name"]) == [2, 3]
    await check(log)


async def test_person_in_a_commit_that_seemed_to_fail(tmp_path: Path) -> None:
    """What became durable though its commit seemed to fail is erased as well."""
    clock = Clock()
    log = await open_log(tmp_path, clock=clock)
    other = Store.open(tmp_path, "ignored", Clock(START + DAY))
    fields = sample("access", **ANNA)
    other.commit([Draft("access", START, fields, None)])
    other.close()
    clock.now = START + DAY
    assert (await log.care.erase_person(ANNA["actor_name"], OWNER)).gone == [1]
    await log.append("found", sample("found"))
    assert await log.care.of_person(ANNA["actor_name"]) == []
    await check(log)


async def test_nobody(tmp_path: Path) -> None:
    """Who is not named at all is nobody, and not everybody."""
    clock = Clock()
    log = await open_log(tmp_path, clock=clock)
    await log.append("access", sample("access", actor="", actor_name=""))
    assert await log.care.of_person("") == []
    assert (await log.care.erase_person("", OWNER)).gone == []
    assert log.size == 2
    await check(log)


async def test_key_that_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A key that cannot be destroyed is said, and is destroyed the next time."""
    clock = Clock()
    log = await open_log(tmp_path, clock=clock)
    await visited(log, clock, 9)

    def refuse(*_: Any) -> bool:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Keys, "destroy", refuse)
        with pytest.raises(LogUnavailable, match="a key stays: Permission denied"):
            await log.care.retain(2)
        assert keys(tmp_path) == {"1", "2"}
        await log.close()
        # That is no reason not to open.
        log = await open_log(tmp_path, clock=clock)
        assert "not quite gone: a key stays" in caplog.text
    assert (await log.care.retain(2)).gone == []
    assert keys(tmp_path) == {"2"}
    await check(log)


async def test_killed_before_it_was_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the next start nothing of what was erased is in any file."""
    clock = Clock()
    log = await open_log(tmp_path / "log", clock=clock)
    await visited(log, clock, 0, 9)
    await log._loop.run_in_executor(log._thread, log._store.database.forget)
    copy = tmp_path / "killed"
    forget = Store.forget

    def killed(store: Store) -> None:
        shutil.copytree(tmp_path / "log", copy)
        forget(store)

    monkeypatch.setattr(Store, "forget", killed)
    await log.care.erase_person(ANNA["actor_name"], OWNER)
    monkeypatch.undo()
    await check(log)
    name = ANNA["actor_name"].encode()
    files = [path for path in copy.rglob("*") if path.is_file()]
    assert any(name in path.read_bytes() for path in files)
    (copy / "head").unlink()  # it would say that this is a copy
    for again in (copy, copy):
        log = await open_log(again, clock=clock)
        for path in again.rglob("*"):
            assert not path.is_file() or name not in path.read_bytes(), path
        await check(log)


async def test_disk_that_does_not_settle(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who reads, or a full disk, keeps old pages for longer: that is said."""
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.02)
    clock = Clock()
    log = await open_log(tmp_path, clock=clock)
    for _ in range(20):
        await visited(log, clock, 9)
    with locked(tmp_path):
        await log._loop.run_in_executor(log._thread, log._store.forget)
    assert "in the write-ahead log for longer" in caplog.text
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for _ in range(40):
        await visited(log, clock, 9)
    size = (tmp_path / "log.db").stat().st_size
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        with pytest.raises(LogUnavailable, match=r"SQLITE_(IOERR|FULL)"):
            await log._loop.run_in_executor(log._thread, log._store.forget)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    await check(log)


async def test_retention_without_a_key(tmp_path: Path) -> None:
    """A key that was lost does not keep everything else for ever."""
    clock = Clock()
    log = await open_log(tmp_path, clock=clock)
    await visited(log, clock, 0)
    held = await log.care.hold(START, START + DAY, "case", OWNER)
    await visited(log, clock, 5)
    await log.close()
    (tmp_path / "keys" / "epoch-1.key").unlink()
    log = await open_log(tmp_path, clock=clock)
    await log.care.lift(held.id, "closed", OWNER)
    clock.now = START + 9 * DAY
    assert (await log.care.retain(2)).gone == [0, 1, 3, 4, 5]
    assert keys(tmp_path) == {"3"}
    report = await log.verify()
    assert report.bad == [(2, "entry 2: there is no key of epoch 1")]
    await log.close()


async def test_key_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails while an erasure is planned erases nothing."""
    clock = Clock()
    log = await open_log(tmp_path, clock=clock)
    await log.care.hold(START, START + DAY, "case", OWNER)
    clock.now = START + 9 * DAY

    def fail(*_: Any) -> bytes:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(Keys, "epoch", fail)
        with pytest.raises(LogUnavailable, match="Input/output error"):
            await log.care.retain(2)
    assert await erased(log) == []
    await check(log)


async def test_long_days(tmp_path: Path) -> None:
    """A day of thousands of entries goes in few statements, and in parts."""
    clock = Clock()
    log = await open_log(tmp_path, clock=clock)
    await asyncio.gather(
        *(log.append("found", sample("found", lock=f"l{i}")) for i in range(4500))
    )
    await log.care.hold(START, START + DAY, "case", OWNER, lock="l4000")
    clock.now = START + 9 * DAY
    plan = await log.care.retain(2)
    assert (len(plan.gone), plan.kept) == (4500, 1)
    # Two bodies stay, in one epoch.
    assert len(list(plan.statements(9))) == 2 + 4 + 1
    await check(log)


async def test_one_after_another(tmp_path: Path) -> None:
    """Of a day whose key is gone, only what names the next person changes."""
    clock = Clock()
    log = await open_log(tmp_path, clock=clock)
    await visited(log, clock, 0)
    await log.append("access", sample("access", actor_name="Bob"))
    await log.care.erase_person(ANNA["actor_name"], OWNER)
    rows = await log.read(select(entries.c.seq, entries.c.body))
    bodies = {row["seq"]: row["body"] for row in rows}
    plan = await log.care.erase_person("Bob", OWNER)
    assert (plan.gone, plan.epochs) == ([2], [])
    assert list(plan.bodies) == [2]
    rows = await log.read(select(entries.c.seq, entries.c.body))
    changed = [row["seq"] for row in rows if bodies.get(row["seq"]) != row["body"]]
    assert changed == [2, 4]
    await check(log)
