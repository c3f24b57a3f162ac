"""The log when its store fails: nothing is half written, nothing that matters is lost."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
import json
from pathlib import Path
import subprocess
import sys

import pytest
from sqlalchemy import Executable, text

from custom_components.smartlock_le.log import Log, LogUnavailable, engine, writer
from custom_components.smartlock_le.log.model import Draft, Entry
from custom_components.smartlock_le.log.store import Store

from .support import START, Clock, edit, fill, locked, open_log, pragma, sample


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[Log]:
    """Return an open log that does not wait long for a lock."""
    log = await open_log(tmp_path)
    await pragma(log, "busy_timeout=20")
    yield log
    await log.close()


async def find(log: Log, intent: int, **options: object) -> Entry | None:
    """Enter something that must not be lost."""
    fields = sample("found", intent=intent)
    return await log.append_or_keep("found", fields, **options)  # type: ignore[arg-type]


async def intents(log: Log) -> list[int]:
    """Return the numbers of what was found, in the order of the log."""
    page = await log.entries(kinds=["found"], limit=5000)
    return [int(entry.fields["intent"]) for entry in page.entries]


async def check_recovery(log: Log) -> None:
    """Check a log whose store fails now, up to where it has recovered."""
    told: list[tuple[int, str | None, int]] = []
    log.listen(lambda: told.append((log.size, log.problem, log.backlog)))
    head = (log.size, log.root, log.checkpoint)
    with pytest.raises(LogUnavailable) as caught:
        await log.append("setting", sample("setting", value="secret"))
    assert "secret" not in repr(caught.value)
    for i in range(3):
        assert await find(log, i, time=START + timedelta(days=i)) is None
    with pytest.raises(LogUnavailable):
        await log.append("setting", sample("setting"))
    assert (log.size, log.root, log.checkpoint) == head
    assert (log.problem, log.backlog, log.lost) == ("unavailable", 3, 0)
    assert told[-3:] == [(head[0], "unavailable", i) for i in (1, 2, 3)]


async def check_recovered(log: Log, size: int) -> None:
    """Check a log whose store has just come back, with three entries kept."""
    entry = await log.append("found", sample("found", intent=3))
    assert (entry.seq, log.backlog, log.problem) == (size + 3, 0, None)
    found = (await log.entries(after=size - 1)).entries
    assert [entry.fields["intent"] for entry in found] == [0, 1, 2, 3]
    for i, kept in enumerate(found[:3]):
        assert kept.time == START + timedelta(days=i)
        assert kept.fields["entered"] == entry.fields["entered"]
    assert await log.entries(kinds=["setting"]) == await log.entries(kinds=[])
    assert (await log.verify()).ok


async def test_disk_full(log: Log) -> None:
    """A full disk."""
    (pages,) = await pragma(log, "page_count")
    await pragma(log, f"max_page_count={pages}")
    size = log.size
    with pytest.raises(LogUnavailable, match="SQLITE_FULL"):  # noqa: PT012
        while True:
            await log.append("grant", sample("grant", reason="x" * 500))
            size = log.size
    await check_recovery(log)
    await pragma(log, "max_page_count=100000")
    await check_recovered(log, size)


async def test_locked(log: Log, tmp_path: Path) -> None:
    """Another process holds the database."""
    size = log.size
    with locked(tmp_path):
        await check_recovery(log)
        assert len((await log.entries()).entries) == size
    await check_recovered(log, size)


async def test_read_only(log: Log) -> None:
    """The disk has become read-only."""
    size = log.size
    await pragma(log, "query_only=ON")
    await check_recovery(log)
    await pragma(log, "query_only=OFF")
    await check_recovered(log, size)


async def test_life_entries_bring_the_backlog_along(log: Log) -> None:
    """An entry of either sort that succeeds takes what was kept before it along."""
    await pragma(log, "query_only=ON")
    assert [await find(log, i) for i in range(2)] == [None, None]
    await pragma(log, "query_only=OFF")
    entry = await find(log, 2)
    assert entry is not None
    assert entry.seq == 3
    assert await intents(log) == [0, 1, 2]


async def test_retry(tmp_path: Path) -> None:
    """Without a new entry, the backlog is tried again now and then."""
    log = await open_log(tmp_path, retry_interval=0.05)
    recovered = asyncio.Event()
    await pragma(log, "query_only=ON")
    assert [await find(log, i) for i in range(2)] == [None, None]
    await asyncio.sleep(0.2)
    assert log.backlog == 2
    log.listen(lambda: None if log.backlog else recovered.set())
    await pragma(log, "query_only=OFF")
    await asyncio.wait_for(recovered.wait(), 5)
    assert await intents(log) == [0, 1]
    assert log.problem is None
    # A timer that finds nothing to do, or somebody at it, does nothing.
    log._writer._try_again()
    await pragma(log, "query_only=ON")
    assert await find(log, 2) is None
    await pragma(log, "query_only=OFF")
    entry = asyncio.create_task(log.append("stopped", {}))
    await asyncio.sleep(0)
    assert log._writer._retry
    log._writer._retry.cancel()
    log._writer._try_again()
    assert (await entry).seq == 4
    await log.close()


async def test_statements_of_the_backlog(
    log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    """What was kept is written with its statements, or without those that fail."""
    await log.append(
        "stopped", {}, also=lambda _seq: [text("CREATE TABLE kept (seq PRIMARY KEY)")]
    )

    def keep(seq: int) -> Sequence[Executable]:
        return [text(f"INSERT INTO kept VALUES ({seq % 3})")]  # noqa: S608

    await pragma(log, "query_only=ON")
    for i in range(4):
        assert await find(log, i, also=keep) is None
    await pragma(log, "query_only=OFF")
    assert (await log.append("stopped", {})).seq == 6
    assert await intents(log) == [0, 1, 2, 3]
    kept = await log.read(text("SELECT seq FROM kept ORDER BY seq"))  # type: ignore[arg-type]
    assert [row["seq"] for row in kept] == [0, 1, 2]
    assert "without its state: IntegrityError" in caplog.text
    assert (await log.verify()).ok


async def test_backlog_is_bounded(
    log: Log, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is not; what is lost is the newest, and it is counted."""
    monkeypatch.setattr(writer, "MAX_BACKLOG", 5)
    await pragma(log, "query_only=ON")
    assert [await find(log, i) for i in range(4)] == [None] * 4
    together = await asyncio.gather(*(find(log, i) for i in range(4, 7)))
    assert together == [None] * 3
    assert (log.backlog, log.lost) == (5, 2)
    assert "2 in all" in caplog.text
    await pragma(log, "query_only=OFF")
    await log.append("stopped", {})
    assert await intents(log) == [0, 1, 2, 3, 4]
    # Of those that were on their way together, some may find no room when they fail.
    await pragma(log, "query_only=ON")
    assert await find(log, 5) is None
    tasks = [asyncio.create_task(find(log, i)) for i in range(6, 8)]
    await asyncio.sleep(0)
    monkeypatch.setattr(writer, "MAX_BACKLOG", 2)
    assert [await task for task in tasks] == [None, None]
    assert (log.backlog, log.lost) == (2, 3)
    await pragma(log, "query_only=OFF")


async def test_failure_among_the_singles(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store fails while a batch with a bad statement is written one by one."""
    calls: list[int] = []
    commit = Store.commit

    def failing(store: Store, drafts: Sequence[Draft]) -> list[Entry]:
        calls.append(len(drafts))
        if len(calls) == 3:
            raise LogUnavailable("test")
        return commit(store, drafts)

    def broken(_seq: int) -> Sequence[Executable]:
        raise ZeroDivisionError

    monkeypatch.setattr(Store, "commit", failing)
    results = await asyncio.gather(
        find(log, 0),
        find(log, 1),
        log.append("found", sample("found", intent=2)),
        log.append("found", sample("found", intent=3), also=broken),
        return_exceptions=True,
    )
    assert calls == [4, 1, 1]
    assert isinstance(results[0], Entry)
    assert results[1] is None
    assert [type(result) for result in results[2:]] == [LogUnavailable] * 2
    assert log.backlog == 1
    await log.append("stopped", {})
    assert await intents(log) == [0, 1]


@pytest.mark.parametrize("fails", [False, True])
async def test_hanging_disk(
    log: Log, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    """Life does not wait for a disk that hangs; what was on its way is not lost."""
    released = asyncio.Event()
    loop = asyncio.get_running_loop()
    commit = Store.commit
    monkeypatch.setattr(writer, "PATIENCE_SECONDS", 0.02)

    def hang(store: Store, drafts: Sequence[Draft]) -> list[Entry]:
        asyncio.run_coroutine_threadsafe(released.wait(), loop).result()
        if fails:
            raise LogUnavailable("test")
        return commit(store, drafts)

    monkeypatch.setattr(Store, "commit", hang)
    assert [await find(log, i) for i in range(3)] == [None] * 3
    assert log.backlog == 0
    monkeypatch.setattr(writer, "MAX_BACKLOG", 2)  # those in the queue count as well
    assert await find(log, 3) is None
    assert log.lost == 1
    monkeypatch.setattr(writer, "MAX_BACKLOG", 1000)
    released.set()
    await asyncio.sleep(0.1)
    assert log.backlog == (3 if fails else 0)
    monkeypatch.setattr(Store, "commit", commit)
    await log.append("stopped", {})
    assert await intents(log) == [0, 1, 2]


async def test_start_and_end_without_a_store(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log that can be read but not written opens, and says at its end what it lost."""
    fill(tmp_path, 3)
    with locked(tmp_path), monkeypatch.context() as patch:
        patch.setattr(writer, "PATIENCE_SECONDS", 0.02)
        patch.setattr(engine, "BUSY_SECONDS", 0.3)
        log = await open_log(tmp_path)
        assert (log.size, log.problem) == (3, None)
        assert len((await log.entries()).entries) == 3  # and now the lock has timed out
        assert (log.problem, log.backlog) == ("unavailable", 1)
        await pragma(log, "busy_timeout=20")
        await log.close()
    assert "could not be closed in order" in caplog.text
    assert log.lost == 1
    log = await open_log(tmp_path)
    (started,) = (await log.entries(after=2)).entries
    assert started.fields["clean"] == "no"
    await log.close()


async def test_entries_disappear(log: Log, tmp_path: Path) -> None:
    """Nothing is added to a log whose end was taken away under us."""
    for _ in range(3):
        await log.append("found", sample("found"))
    edit(tmp_path, "DELETE FROM entries WHERE seq > 1")
    edit(tmp_path, "DELETE FROM checkpoints WHERE upto > 2")
    with pytest.raises(LogUnavailable, match="disappeared") as caught:
        await log.append("found", sample("found"))
    assert caught.value.damaged
    assert log.problem == "damaged"


async def test_commit_that_succeeded_after_all(log: Log, tmp_path: Path) -> None:
    """What became durable though its commit seemed to fail is found and built upon."""
    await log.append("found", sample("found"))
    other = Store.open(tmp_path, "ignored", Clock())
    (entry,) = other.commit([Draft("stopped", START, {}, None)])
    other.close()
    assert (await log.append("found", sample("found"))).seq == entry.seq + 1
    assert (await log.verify()).ok
    edit(
        tmp_path,
        "INSERT INTO entries SELECT 4, epoch, kind, time, lock, body, leaf FROM entries WHERE seq = 3",
    )
    with pytest.raises(LogUnavailable, match="not those of the last checkpoint"):
        await log.append("found", sample("found"))


PROGRAM = """
import asyncio, json, pathlib, resource, sys
from tests.log.support import sample
from tests.log.bare import Log, LogUnavailable

async def main(folder):
    log = await Log.open(folder, origin="smartlock-le.local/x", version="1")
    limit = max(path.stat().st_size for path in folder.iterdir()) + 20_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    written, why = 0, ""
    while not why:
        try:
            await log.append("found", sample("found", intent=written))
            written += 1
        except LogUnavailable as err:
            why = str(err)
    kept = [await log.append_or_keep("found", sample("found", intent=written + i)) for i in range(3)]
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await log.append("found", sample("found", intent=written + 3))
    report = await log.verify()
    found = [entry.fields["intent"] for entry in (await log.entries(kinds=["found"], limit=9999)).entries]
    await log.close()
    print(json.dumps([why, kept, found == list(range(written + 4)), report.ok]))

asyncio.run(main(pathlib.Path(sys.argv[1])))
"""


def test_file_cannot_grow(tmp_path: Path) -> None:
    """The system refuses to make the file larger, in the middle of a commit."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    why, kept, in_order, ok = json.loads(done.stdout)
    assert why.startswith(
        ("the store failed: SQLITE_IOERR", "the store failed: SQLITE_FULL")
    )
    assert (kept, in_order, ok) == ([None, None, None], True, True)
