"""The log in good days: entries, their statements, pages, listeners, the end."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import (
    Column,
    Executable,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    func,
    select,
    text,
)
from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.schema import CreateTable

from custom_components.smartlock_le.log import (
    BadEntry,
    LogUnavailable,
    checkpoints,
    entries,
    metadata,
)
from custom_components.smartlock_le.log.tree import Tree

from .support import ORIGIN, START, Clock, edit, open_log, sample
from .test_entry import WRONG

# A room's state table; kept off the shared metadata, which is the house's.
state = Table(
    "doors",
    MetaData(),
    Column("name", String, primary_key=True),
    Column("seq", ForeignKey(entries.c.seq), nullable=False),
)


def door(name: str, seq: int) -> Executable:
    """Return a statement that keeps a door."""
    return state.insert().values(name=name, seq=seq)


async def test_first_run(tmp_path: Path) -> None:
    """A new log has its files to itself and says that it is new."""
    folder = tmp_path / "a" / "log"
    log = await open_log(folder)
    (entry,) = (await log.entries()).entries
    assert (entry.seq, entry.kind, log.size, log.backlog, log.lost) == (
        0,
        "started",
        1,
        0,
        0,
    )
    assert entry.fields["clean"] == "first"
    assert entry.fields["version"] == "1.0"
    assert log.origin == ORIGIN
    assert log.checkpoint.startswith(f"{ORIGIN}\n1\n")
    assert log.vkey.startswith(f"{ORIGIN}+")
    assert log.problem is None
    assert log.last_verified is None
    modes = {
        str(path.relative_to(folder)): path.stat().st_mode & 0o777
        for path in [folder, *folder.rglob("*")]
    }
    assert modes == {
        ".": 0o700,
        "keys": 0o700,
        "keys/log.key": 0o600,
        "keys/epoch-1.key": 0o600,
        "head": 0o600,
        "log.db": 0o600,
        "log.db-wal": 0o600,
        "log.db-shm": 0o600,
    }
    assert {path.stat().st_size for path in (folder / "keys").iterdir()} == {32}
    await log.close()
    assert not list(folder.glob("log.db-*"))


async def test_second_run(tmp_path: Path) -> None:
    """A log that was closed goes on where it was, under its own name and key."""
    log = await open_log(tmp_path)
    vkey = log.vkey
    await log.close()
    log = await open_log(tmp_path)
    assert [entry.kind for entry in (await log.entries()).entries] == [
        "started",
        "stopped",
        "started",
    ]
    assert (await log.entries(after=1)).entries[0].fields["clean"] == "yes"
    assert (log.vkey, log.size) == (vkey, 3)
    await log.close()


async def test_append(tmp_path: Path) -> None:
    """An entry comes back as it was given, and is stored as it came back."""
    log = await open_log(tmp_path)
    fields = sample("access")
    entry = await log.append("access", fields, time=START)
    assert (entry.seq, entry.kind, entry.time) == (1, "access", START)
    assert list(entry.fields.items())[3:] == list(fields.items())
    assert entry.fields["time"] == "2026-11-22T12:00:00.000000Z"
    assert str(entry.fields["entered"]) > str(entry.fields["time"])
    (stored,) = (await log.entries(after=0)).entries
    assert stored == entry
    assert list(stored.fields) == list(entry.fields)
    rows = await log.read(select(entries).where(entries.c.seq == 1))
    assert rows[0]["lock"] == fields["lock"]
    assert rows[0]["time"] == int(START.timestamp()) * 10**6
    kept = await log.append_or_keep("lock_cleaned", sample("lock_cleaned", lock=""))
    assert kept is not None
    rows = await log.read(select(entries.c.lock).where(entries.c.seq == kept.seq))
    assert rows[0]["lock"] is None
    await log.close()


async def test_head_follows(tmp_path: Path) -> None:
    """Size, root and checkpoint are those of what is stored."""
    log = await open_log(tmp_path)
    for _ in range(5):
        await log.append("found", sample("found"))
    tree = Tree()
    for row in await log.read(select(entries.c.leaf).order_by(entries.c.seq)):
        tree.add(row["leaf"])
    assert (log.size, log.root) == (6, tree.root())
    notes = await log.read(select(checkpoints).order_by(checkpoints.c.upto))
    assert [row["upto"] for row in notes] == [1, 2, 3, 4, 5, 6]
    assert notes[-1]["note"] == log.checkpoint
    await log.close()


async def test_group_commit(tmp_path: Path) -> None:
    """What comes together is committed together, in the order of the calls."""
    log = await open_log(tmp_path)
    found = await asyncio.gather(
        *(log.append("found", sample("found", intent=i)) for i in range(100))
    )
    assert [entry.seq for entry in found] == list(range(1, 101))
    assert [entry.fields["intent"] for entry in found] == list(range(100))
    assert len({entry.fields["entered"] for entry in found}) == 1
    assert (await log.read(select(func.count()).select_from(checkpoints)))[0][
        "count_1"
    ] == 2
    # And what comes while a commit runs goes into the next one.
    tasks = [
        asyncio.create_task(log.append("found", sample("found"))) for _ in range(3)
    ]
    await asyncio.sleep(0.001)
    more = [asyncio.create_task(log.append("found", sample("found"))) for _ in range(3)]
    done = [await task for task in (*tasks, *more)]
    assert [entry.seq for entry in done] == list(range(101, 107))
    await log.close()


@pytest.mark.parametrize(("kind", "fields", "why"), WRONG)
async def test_bad_entry_changes_nothing(
    tmp_path: Path, kind: str, fields: dict[str, str | int], why: str
) -> None:
    """What does not fit never comes near the store."""
    log = await open_log(tmp_path)
    head = (log.size, log.root, log.checkpoint)
    for append in (log.append, log.append_or_keep):
        with pytest.raises(BadEntry, match=why):
            await append(kind, fields)
        with pytest.raises(BadEntry):
            await append("stopped", {}, time=START.replace(tzinfo=None))
    assert (log.size, log.root, log.checkpoint) == head
    assert (await log.entries(after=0)).entries == []
    await log.close()


async def test_also(tmp_path: Path) -> None:
    """An entry and its statements are stored both or neither."""
    log = await open_log(tmp_path)

    def both(seq: int) -> Sequence[Executable]:
        return [CreateTable(state), door("front", seq)]

    entry = await log.append("found", sample("found"), also=both)
    assert [dict(row) for row in await log.read(select(state))] == [
        {"name": "front", "seq": entry.seq}
    ]
    # The second statement fails, so the first and the entry are not there either.
    with pytest.raises(IntegrityError) as caught:
        await log.append(
            "found",
            sample("found", state="secret"),
            also=lambda seq: [door("back", seq), door("front", seq)],
        )
    assert "secret" not in str(caught.value)
    assert "front" not in str(caught.value)
    with pytest.raises(IntegrityError):  # foreign keys are on
        await log.append("found", sample("found"), also=lambda _seq: [door("x", 4711)])
    with pytest.raises(OperationalError, match="no such table"):
        await log.append_or_keep(
            "found", sample("found"), also=lambda _seq: [text("DROP TABLE x")]
        )
    assert len(await log.read(select(state))) == 1
    assert log.size == entry.seq + 1
    assert log.problem is None
    assert (await log.verify()).ok
    await log.close()


async def test_one_bad_apple(tmp_path: Path) -> None:
    """A statement that fails takes nothing of the batch with it."""
    log = await open_log(tmp_path)
    await log.append("stopped", {}, also=lambda _seq: [CreateTable(state)])

    def broken(_seq: int) -> Sequence[Executable]:
        raise ZeroDivisionError

    results = await asyncio.gather(
        log.append(
            "found", sample("found", intent=0), also=lambda seq: [door("a", seq)]
        ),
        log.append(
            "found", sample("found", intent=1), also=lambda seq: [door("a", seq)]
        ),
        log.append("found", sample("found", intent=2), also=broken),
        log.append_or_keep("found", sample("found", intent=3)),
        log.append_or_keep("found", sample("found", intent=4), also=broken),
        return_exceptions=True,
    )
    kinds = [type(result).__name__ for result in results]
    assert kinds == [
        "Entry",
        "IntegrityError",
        "ZeroDivisionError",
        "Entry",
        "ZeroDivisionError",
    ]
    found = (await log.entries(kinds=["found"])).entries
    assert [entry.fields["intent"] for entry in found] == [0, 3]
    assert [entry.seq for entry in found] == [2, 3]
    assert (await log.read(select(state)))[0]["seq"] == 2
    assert (log.backlog, log.problem) == (0, None)
    await log.close()


async def test_cancelled_callers(tmp_path: Path) -> None:
    """An entry is written even if its caller goes away; it happened all the same."""
    log = await open_log(tmp_path)

    def broken(_seq: int) -> Sequence[Executable]:
        raise ZeroDivisionError

    tasks = [
        asyncio.create_task(log.append("found", sample("found"))),
        asyncio.create_task(log.append("found", sample("found"), also=broken)),
        asyncio.create_task(log.append_or_keep("found", sample("found"))),
        asyncio.create_task(log.append_or_keep("found", sample("found"), also=broken)),
    ]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    assert all(
        isinstance(result, asyncio.CancelledError)
        for result in await asyncio.gather(*tasks, return_exceptions=True)
    )
    last = await log.append("found", sample("found"))
    # Of the two that fail, the one that is kept is written without its statements.
    assert last.seq == 4
    await log.close()


async def test_pages(tmp_path: Path) -> None:
    """Entries can be had in pages, both ways, and by kind, lock and time."""
    clock = Clock()
    log = await open_log(tmp_path, clock=clock)
    for i in range(9):
        await log.append(
            "found", sample("found", lock=f"L{i % 3}"), time=START + timedelta(hours=i)
        )
    await log.append("setting", sample("setting"))

    async def pages(**wanted: object) -> list[list[int]]:
        result = []
        after: int | None = -1
        while after is not None:
            page = await log.entries(after=after, limit=4, **wanted)  # type: ignore[arg-type]
            result.append([entry.seq for entry in page.entries])
            after = page.next_after
        return result

    assert await pages() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10]]
    assert await pages(newest_first=True) == [[10, 9, 8, 7], [6, 5, 4, 3], [2, 1, 0]]
    assert await pages(kinds=["setting", "started"]) == [[0, 10]]
    assert await pages(kinds=[]) == [[]]
    assert await pages(lock="L1") == [[2, 5, 8]]
    assert await pages(lock="L1", newest_first=True, kinds={"found"}) == [[8, 5, 2]]
    hours = [START + timedelta(hours=i) for i in range(9)]
    assert await pages(since=hours[7], kinds=["found"]) == [[8, 9]]
    assert await pages(since=hours[3], until=hours[5], lock="L0") == [[4]]
    assert [entry.seq for entry in (await log.entries(limit=11)).entries] == list(
        range(11)
    )
    await log.close()


async def test_listeners(tmp_path: Path) -> None:
    """Listeners hear of each commit until they have had enough."""
    log = await open_log(tmp_path)
    sizes: list[int] = []
    errors: list[object] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _loop, context: errors.append(context["exception"])
    )

    def fail() -> None:
        raise ZeroDivisionError

    log.listen(fail)
    stop = log.listen(lambda: sizes.append(log.size))
    await log.append("found", sample("found"))
    await asyncio.gather(*(log.append("found", sample("found")) for _ in range(3)))
    await asyncio.sleep(0)
    assert sizes == [2, 5]
    assert [type(error) for error in errors] == [ZeroDivisionError] * 2
    await log.verify()
    stop()
    stop()
    await log.append("found", sample("found"))
    await asyncio.sleep(0)
    assert sizes == [2, 5]
    await log.close()


async def test_close(tmp_path: Path) -> None:
    """The end is an entry; after it, nothing is taken, and closing again does nothing."""
    log = await open_log(tmp_path)
    pending = asyncio.create_task(log.append("found", sample("found")))
    await asyncio.sleep(0)
    await asyncio.gather(log.close(), log.close())
    await log.close()
    assert (await pending).seq == 1
    assert log.size == 3
    for refused in (
        log.append("found", sample("found")),
        log.read(select(entries)),
        log.entries(),
        log.verify(),
        log.export(tmp_path / "copy"),
    ):
        with pytest.raises(LogUnavailable, match="closed"):
            await refused
    assert await log.append_or_keep("found", sample("found")) is None
    assert log.lost == 1
    assert not (tmp_path / "copy").exists()


async def test_verify_beside_appends(tmp_path: Path) -> None:
    """A verification sees one moment of the log while entries go on coming."""
    log = await open_log(tmp_path)
    for _ in range(5):
        await asyncio.gather(
            *(log.append("found", sample("found")) for _ in range(500))
        )
    seen: list[tuple[int, int]] = []
    check = asyncio.create_task(
        log.verify(lambda done, total: seen.append((done, total)))
    )
    while not check.done():
        await log.append("found", sample("found"))
    report = await check
    assert report.ok
    assert report.bodies_checked
    assert 2501 <= report.size <= log.size
    assert report.checkpoints == report.signatures == report.size - 2501 + 6
    assert [done for done, _ in seen] == list(range(1000, report.size, 1000))
    assert {total for _, total in seen} == {report.size}
    assert log.last_verified is report
    assert log.problem is None
    assert (await log.verify()).ok
    await log.close()


async def test_closing_ends_a_verification(tmp_path: Path) -> None:
    """Nobody waits for a long verification at the end."""
    log = await open_log(tmp_path)
    for _ in range(4):
        await asyncio.gather(
            *(log.append("found", sample("found")) for _ in range(500))
        )
    check = asyncio.create_task(log.verify())
    copy = asyncio.create_task(log.export(tmp_path / "copy"))
    await asyncio.sleep(0)
    await log.close()
    for task in (check, copy):
        with pytest.raises(LogUnavailable, match=r"closing|closed"):
            await task
    assert not (tmp_path / "copy").exists()


async def test_damage_is_a_problem(tmp_path: Path) -> None:
    """What a verification finds stays a problem until one finds nothing."""
    log = await open_log(tmp_path)
    entry = await log.append("found", sample("found", state="open"))
    edit(
        tmp_path,
        "UPDATE entries SET body = CAST(replace(body, 'open', 'shut') AS BLOB) WHERE seq = 1",
    )
    report = await log.verify()
    assert not report.ok
    assert report.bad == [(1, "entry 1: its body is not what was committed to")]
    assert log.problem == "damaged"
    await log.append("found", sample("found"))
    assert log.problem == "damaged"
    edit(
        tmp_path,
        "UPDATE entries SET body = CAST(replace(body, 'shut', 'open') AS BLOB) WHERE seq = 1",
    )
    assert (await log.verify()).ok
    assert not {log.problem} & {"damaged", "unavailable"}
    assert (await log.entries(after=0, limit=1)).entries == [entry]
    edit(tmp_path, "UPDATE entries SET body = '[]' WHERE seq = 1")
    with pytest.raises(LogUnavailable, match="entry 1 is damaged") as caught:
        await log.entries()
    assert caught.value.damaged
    edit(tmp_path, "UPDATE meta SET value = '9' WHERE key = 'schema'")
    with pytest.raises(LogUnavailable, match="could not be verified"):
        await log.verify()
    await log.close()


async def test_tables_of_rooms(tmp_path: Path) -> None:
    """A table that a room declares is there when the log is open, old log or new."""
    log = await open_log(tmp_path)
    await log.close()
    table = Table("log_test_room", metadata, Column("id", Integer, primary_key=True))
    try:
        log = await open_log(tmp_path)
        assert await log.read(select(table)) == []
        await log.append(
            "stopped", {}, also=lambda seq: [table.insert().values(id=seq)]
        )
        assert [row["id"] for row in await log.read(select(table))] == [3]
        await log.close()
    finally:
        metadata.remove(table)
    with pytest.raises(LogUnavailable):
        await log.read(select(table))


async def test_read_raises_what_is_wrong_with_it(tmp_path: Path) -> None:
    """A statement that makes no sense is not an unavailable store."""
    log = await open_log(tmp_path)
    with pytest.raises(SQLAlchemyError, match="no such table"):
        await log.read(select(state))
    await log.close()
