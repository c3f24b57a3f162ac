"""Disks that fail and clocks that lie, under the log: each as often as there are points.

Run as `python -m tests.faults.stores SEED FIRST LAST`. After each the log goes on, has
everything that was acknowledged or kept, and verifies. A lock whose clock is a day off
is a case of the radio, a torn head marker a part of the kills.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
import logging
from pathlib import Path
import resource
import signal
import sqlite3
import sys
import tempfile
from typing import Any

from tests.log.bare import Log, LogUnavailable  # first: it keeps Home Assistant out

# isort: split
from custom_components.smartlock_le.log import entries as table
from tests.log.support import pragma

from .log_works import ADA, BOB, OWNER, SOURCE, Worker, fill
from .result import Result

type Finding = tuple[str, str]

LOST, UNVERIFIED, WRONG = "lost_entries", "failed_verifications", "wrong_outcomes"
ROUNDS = 6


@asynccontextmanager
async def full(log: Log, folder: Path) -> AsyncIterator[None]:
    """Let no file grow any more: a quota that is reached in the middle of a commit."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = max(path.stat().st_size for path in folder.iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 9000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@asynccontextmanager
async def no_pages(log: Log, folder: Path) -> AsyncIterator[None]:
    """Let the database have no page more: a full disk, as SQLite says it."""
    (count,) = await pragma(log, "page_count")
    await pragma(log, f"max_page_count={count}")
    yield
    await pragma(log, "max_page_count=1000000")


@asynccontextmanager
async def read_only(log: Log, folder: Path) -> AsyncIterator[None]:
    """Let nothing be written."""
    await pragma(log, "query_only=ON")
    yield
    await pragma(log, "query_only=OFF")


@asynccontextmanager
async def locked(log: Log, folder: Path) -> AsyncIterator[None]:
    """Let another process hold the database."""
    await pragma(log, "busy_timeout=20")
    with closing(sqlite3.connect(folder / "log.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


DISKS = (full, no_pages, read_only, locked)


async def disk(folder: Path, trouble: Any) -> AsyncIterator[Finding]:
    """Enter while the disk fails, and after."""
    worker = Worker(folder)
    log = await worker.open()
    told: dict[int, int] = {}
    kept: set[int] = set()
    refused: set[int] = set()

    async def enter(number: int) -> None:
        try:
            entry = await log.append("found", _fields(number))
        except LogUnavailable:
            refused.add(number)
        else:
            told[entry.seq] = number
        if entry := await log.append_or_keep("found", _fields(1000 + number)):
            told[entry.seq] = 1000 + number
        else:
            kept.add(1000 + number)

    async with trouble(log, folder):
        number = 0
        while len(refused) < ROUNDS and number < 2000:
            number += 1
            await enter(number)
    if not (refused and kept):
        yield WRONG, "the disk did not fail"
    await log.append("found", _fields(9999))
    report = await log.verify()
    rows = await log.entries(kinds=["found"], limit=9999)
    stored = {entry.seq: entry.fields["intent"] for entry in rows.entries}
    if not report.ok:
        yield UNVERIFIED, f"{report.bad[:3]}"
    if not told.items() <= stored.items():
        yield LOST, f"acknowledged: {sorted(told.items() - stored.items())[:5]}"
    if missing := kept - set(stored.values()):
        yield LOST, f"kept in memory: {sorted(missing)[:5]}"
    if refused & set(stored.values()):
        yield WRONG, "an entry is there of which was said that it is not"
    if log.problem or log.lost or log.backlog:
        yield WRONG, f"afterwards: {log.problem}, {log.lost}, {log.backlog}"
    await log.close()


def _fields(number: int) -> dict[str, Any]:
    return {"lock": "x", "intent": number, "state": "x"}


async def clock(folder: Path, leap: timedelta) -> AsyncIterator[Finding]:
    """Let the host's clock leap, while the log is open and while it is not."""
    worker = Worker(folder)
    log = await worker.open()
    worker.clock.now += leap
    await worker.enter_some(log, 3)
    await log.care.erase_person(ADA, OWNER)
    await log.close()
    worker.clock.now += leap
    log = await worker.open()
    long = leap > timedelta(days=30)
    plan = await log.care.retain()
    if long and plan.gone:
        yield WRONG, "a clock that leapt by weeks had entries erased"
    await worker.enter_some(log, 3)
    if not (report := await log.verify()).ok:
        yield UNVERIFIED, f"{report.bad[:3]}"
    if leap < -timedelta(minutes=1) and log.problem != "clock_back":
        yield WRONG, f"the clock went back, and the problem is {log.problem}"
    rows = (await log.entries(kinds=["access"], limit=999)).entries
    if sum(e.fields.get("source") == SOURCE for e in rows) < 8 and not plan.gone:
        yield LOST, "entries are gone"
    if any(e.fields.get("actor_name") not in (BOB, None) for e in rows):
        yield WRONG, "an erased person is there"
    numbers = [row["seq"] for row in await log.read(table.select())]
    if numbers != list(range(len(numbers))):
        yield LOST, "the numbers do not go on"
    await log.close()


LEAPS = (timedelta(days=-400), timedelta(hours=-3), timedelta(days=400))


async def campaign(first: int, last: int) -> Result:
    """Run each so many times."""
    result = Result()
    for number in range(first, last):
        for trouble in DISKS:
            with tempfile.TemporaryDirectory(prefix="smartlock-") as name:
                await fill(Worker(Path(name)))
                found = [f async for f in disk(Path(name), trouble)]
            result.wrong(f"stores point {number} ({trouble.__name__})", found)
            result.done("disk_faults")
        for leap in LEAPS:
            with tempfile.TemporaryDirectory(prefix="smartlock-") as name:
                await fill(Worker(Path(name)))
                found = [f async for f in clock(Path(name), leap)]
            result.wrong(f"stores point {number} (clock {leap})", found)
            result.done("clock_faults")
    return result


def main() -> None:
    """Run the points of the command line."""
    _seed, first, last = map(int, sys.argv[1:4])
    logging.disable(logging.ERROR)
    # A file that may not grow is an error then, not the end.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    asyncio.run(campaign(first, last)).tell()


if __name__ == "__main__":
    main()
