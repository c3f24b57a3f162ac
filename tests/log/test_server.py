"""A log on a database server: PostgreSQL and MariaDB, both real."""

import asyncio
from contextlib import closing
from datetime import timedelta
from pathlib import Path
import signal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from custom_components.smartlock_le.log import (
    Log,
    LogRefused,
    LogUnavailable,
    LogUnreadable,
    moving,
    place,
    server as server_module,
    verify,
)
from custom_components.smartlock_le.log.engine import named

from .servers import Running
from .support import ORIGIN, START, Clock, fill, open_log, sample

LATER = START + timedelta(hours=1)
OWNER = {"actor_kind": "user", "actor": "o", "actor_name": "Owner"}


async def visit(log: Log, name: str = "Anna") -> None:
    """Enter that somebody came in."""
    await log.append("access", sample("access", actor_name=name, lock="l"))


async def check(log: Log) -> None:
    """Expect the log to be whole."""
    report = await log.verify()
    assert report.bad == []
    assert report.ok
    assert report.size == log.size


async def moved(folder: Path, url: str, clock: Clock | None = None) -> Log:
    """Return a log with entries of all kinds that was moved to a server."""
    fill(folder, 3, 200, 20)
    log = await open_log(folder, clock=clock or Clock(LATER))
    await log.move(url)
    return log


async def test_there_and_back(tmp_path: Path, server: Running, database: str) -> None:
    """All of the log moves, goes on, and is erased from; nothing stays where it was."""
    clock = Clock(LATER)
    url = server.url(database)
    log = await moved(tmp_path, url, clock)
    before = log.root
    assert log.backend == server.kind
    assert {path.name for path in tmp_path.iterdir()} == {"database", "head", "keys"}
    assert (tmp_path / "database").stat().st_mode & 0o777 == 0o600
    await check(log)
    assert {path.name for path in tmp_path.iterdir()} == {"database", "head", "keys"}

    await visit(log)
    checkpoint = log.checkpoint
    hold = await log.care.hold(clock(), clock.now.replace(year=2027), "case", OWNER)
    assert await log.care.holds() == [hold]
    await log.close()
    log = await open_log(tmp_path, clock=clock)
    assert (log.backend, log.problem) == (server.kind, None)
    await asyncio.gather(*(visit(log, f"Guest {i} é 🚒") for i in range(50)))
    page = await log.entries(lock="l", limit=5, newest_first=True)
    assert len(page.entries) == 5
    assert page.next_after is not None
    await log.prove_growth(checkpoint)
    await log.export_proofs(tmp_path / "proofs.zip", range(log.end))
    assert verify.verify_proofs(str(tmp_path / "proofs.zip"), vkey=log.vkey).ok
    await log.export(tmp_path / "copy.jsonl")
    assert verify.verify_export(str(tmp_path / "copy.jsonl"), vkey=log.vkey).ok

    assert len((await log.care.erase_person("Anna", OWNER)).gone) == 1
    await log.care.lift(hold.id, "closed", OWNER)
    clock.now += timedelta(days=20)
    assert len((await log.care.retain(10)).gone) > 200
    await check(log)
    with pytest.raises(LogRefused, match="database_same"):
        await log.move(url)

    size, root = log.size, log.root
    await log.move("")
    assert log.backend == "sqlite"
    assert (log.size, log.root) == (size, root) != (size, before)
    assert not (tmp_path / "database").exists()
    await check(log)
    await log.close()
    log = await open_log(tmp_path, clock=clock)
    await check(log)
    # It is empty again, and can be used again.
    await log.move(url)
    await check(log)
    await log.close()


async def test_server_that_goes_and_comes(
    tmp_path: Path, server: Running, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be written is kept; nothing says where the server is."""
    log = await moved(tmp_path, server.url(database))
    await visit(log)
    server.stop()
    try:
        with pytest.raises(LogUnavailable, match=r"the database failed: \w+"):
            await visit(log)
        with pytest.raises(LogUnavailable):
            await log.entries()
        with pytest.raises(LogUnavailable):
            await log.verify()
        assert not await log.append_or_keep("access", sample("access", lock="kept"))
        assert log.problem == "unavailable"
        assert log.backlog == 1
        assert not await Log.opens(tmp_path, ORIGIN)
        with pytest.raises(LogUnavailable):
            await open_log(tmp_path)
    finally:
        server.start()
    await visit(log)
    assert log.problem is None
    assert len((await log.entries(lock="kept")).entries) == 1
    await check(log)
    # Restarted while nothing happened: the next entry does not notice.
    server.stop()
    server.start()
    await visit(log)
    await log.close()
    for secret in ("secret", "127.0.0.1", database):
        assert secret not in caplog.text


async def test_server_killed_while_writing(
    tmp_path: Path, server: Running, database: str
) -> None:
    """What was acknowledged is there, and the log goes on."""
    log = await moved(tmp_path, server.url(database))
    told = []

    async def write() -> None:
        while True:
            told.append(await log.append("stopped", {}))

    for _ in range(3):
        writing = asyncio.create_task(write())
        before = len(told)
        while len(told) < before + 20:
            await asyncio.sleep(0)
        server.stop(signal.SIGKILL)
        try:
            with pytest.raises(LogUnavailable):
                await writing
        finally:
            server.start()
    await log.append("stopped", {})
    await check(log)
    found = {entry.seq for entry in (await log.entries(limit=10_000)).entries}
    assert {entry.seq for entry in told} <= found
    await log.close()


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "sqlite:///other.db",
        "postgresql://log:secret@127.0.0.1",
        "oracle://log:secret@127.0.0.1/x",
        "postgresql://log:secret@127.0.0.1:port/x",
    ],
)
async def test_url_that_is_none(tmp_path: Path, url: str) -> None:
    """It is refused, and nothing has moved."""
    fill(tmp_path, 3)
    log = await open_log(tmp_path)
    with pytest.raises(LogRefused, match="database_url") as caught:
        await log.move(url)
    assert "secret" not in str(caught.value)
    await check(log)
    await log.close()
    (tmp_path / "database").write_text(url)
    with pytest.raises(LogUnavailable, match="no such database"):
        await open_log(tmp_path)
    assert not await Log.opens(tmp_path, ORIGIN)


async def test_refused(tmp_path: Path, server: Running, database: str) -> None:
    """A server that lets us not in, or has something else there, gets no log."""
    fill(tmp_path, 3)
    log = await open_log(tmp_path)
    root = log.root
    with pytest.raises(LogRefused, match="database_unreachable"):
        await log.move(server.url(database, "wrong"))
    with pytest.raises(LogRefused, match="database_unreachable"):
        await log.move(server.url("absent"))
    server.run("CREATE TABLE theirs (id INTEGER)", database)
    with pytest.raises(LogRefused, match="database_not_empty"):
        await log.move(server.url(database))
    await log.care.begin_backup()
    with pytest.raises(LogRefused, match="backup_running"):
        await log.move(server.url(database))
    await log.care.end_backup()
    server.run("DROP TABLE theirs", database)
    other = await moved(tmp_path / "other", server.url(database))
    with pytest.raises(LogRefused, match="database_not_empty"):
        await log.move(server.url(database))
    await check(other)
    await other.close()
    assert (log.backend, log.root) == ("sqlite", root)
    await check(log)
    await log.close()


async def test_moves_that_fail(
    tmp_path: Path,
    server: Running,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """At each step: the log is where it was, the other place is empty, and it can move."""
    fill(tmp_path, 3, 30)
    log = await open_log(tmp_path)
    url = server.url(database)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for target, back in ((url, ""), ("", url)):
        for name in ("copy", "note"):
            with monkeypatch.context() as patch:
                patch.setattr(*((moving if name == "copy" else place), name, full))
                with pytest.raises(LogUnavailable, match="No space left"):
                    await log.move(target)
        assert (log.backend == "sqlite") == bool(target)
        assert (tmp_path / "log.db").exists() == bool(target)
        await visit(log)
        await check(log)
        await log.move(target)
        assert back != target

    # Where the old place cannot be emptied, that is said.
    await log.move(url)
    with monkeypatch.context() as patch:
        patch.setattr(server_module.Server, "drop", full)
        await log.move("")
    assert "A copy of the log stays" in caplog.text
    await check(log)
    await log.close()


async def test_a_copy_that_is_not_the_same(
    tmp_path: Path, server: Running, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What arrives is compared with what left."""
    fill(tmp_path, 3, 30)
    log = await open_log(tmp_path)
    copy = moving.copy

    end = log.end - 1
    for lost, why in (
        (f"entries WHERE seq = {end}", "last checkpoint"),
        (f"checkpoints WHERE upto > {end}", "another root"),
    ):

        def lossy(*given: Any, lost: str = lost) -> None:
            copy(*given)
            server.run(f"DELETE FROM entries WHERE seq = {end}", database)  # noqa: S608
            server.run(f"DELETE FROM {lost}", database)  # noqa: S608 - ours

        with monkeypatch.context() as patch:
            patch.setattr(moving, "copy", lossy)
            with pytest.raises(LogUnavailable, match=why):
                await log.move(server.url(database))
    await check(log)
    log._stop.set()
    with pytest.raises(LogUnavailable, match="is closing"):
        await log.move(server.url(database))
    await log.close()


async def test_what_others_do_to_it(
    tmp_path: Path, server: Running, database: str
) -> None:
    """A changed entry is named; a store that is none does not open."""
    log = await moved(tmp_path, server.url(database))
    server.run("UPDATE entries SET kind = 'stopped' WHERE seq = 7", database)
    report = await log.verify()
    assert [seq for seq, _ in report.bad] == [7]
    assert log.problem == "damaged"
    await log.close()
    for statement, why in (
        ("UPDATE meta SET value = '3'", "a newer version"),
        ("UPDATE meta SET value = '1'", "lost its tables"),
        ("UPDATE meta SET value = 'x'", "does not say"),
        ("UPDATE meta SET value = '2'", ""),
        ("ALTER TABLE entries RENAME COLUMN body TO text", r"failed: (42703|1054)"),
        ("ALTER TABLE entries RENAME COLUMN text TO body", ""),
        ("DELETE FROM entries WHERE seq = 50", "an entry is missing"),
        ("DELETE FROM logs", "does not say"),
        ("DROP TABLE logs", "lost its tables"),
        ("DROP TABLE meta", "not a log of ours"),
    ):
        server.run(statement, database)
        if why:
            with pytest.raises(LogUnreadable, match=why):
                await open_log(tmp_path)
            assert await Log.opens(tmp_path, ORIGIN)


async def test_tables_go_while_it_runs(
    tmp_path: Path, server: Running, database: str
) -> None:
    """That is damage, and entries of the door are kept."""
    log = await moved(tmp_path, server.url(database))
    server.run("DROP TABLE checkpoints", database)
    with pytest.raises(LogUnavailable):
        await visit(log)
    assert log.problem == "damaged"
    assert not await log.append_or_keep("stopped", {})
    await log.close()


async def test_somebody_else_writes(
    tmp_path: Path, server: Running, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who holds the store keeps entries out for a while, not for ever."""
    wait = {
        "postgresql": "SET lock_timeout = 300",
        "mariadb": "SET SESSION innodb_lock_wait_timeout = 1",
    }
    monkeypatch.setitem(server_module._FIRST, server.kind, (wait[server.kind],))
    log = await moved(tmp_path, server.url(database))
    other = server_module.Server(server.url(database), tmp_path)
    with other.engine.begin() as connection:
        other.take_turn(connection)
        with pytest.raises(LogUnavailable, match=r"failed: (55P03|1205)"):
            await visit(log)
    other.engine.dispose()
    await visit(log)
    await check(log)
    await log.close()


async def test_two_homes_on_one_store(
    tmp_path: Path, server: Running, database: str
) -> None:
    """Neither goes on with what the other wrote as if it were its own."""
    log = await moved(tmp_path / "one", server.url(database))
    fill(tmp_path / "two", 2)
    (tmp_path / "two" / "log.db").unlink()
    (tmp_path / "two" / "head").unlink(missing_ok=True)
    (tmp_path / "two" / "database").write_text(server.url(database))
    with pytest.raises(LogUnreadable) as caught:
        await open_log(tmp_path / "two")
    assert caught.value.reason == "key_missing"
    await visit(log)
    await check(log)
    await log.close()


async def test_another_database_behind_the_url(
    tmp_path: Path, server: Running, database: str
) -> None:
    """A store that was put back from the server's backup begins a new log."""
    log = await moved(tmp_path, server.url(database))
    await visit(log)
    (before, *_) = server.run("SELECT max(upto) FROM checkpoints", database)
    await visit(log)
    await log.close()
    size = int(str(before[0]))
    for rows in (f"checkpoints WHERE upto > {size}", f"entries WHERE seq >= {size}"):
        server.run(f"DELETE FROM {rows}", database)  # noqa: S608 - ours
    origin = log.origin
    log = await open_log(tmp_path)
    assert log.origin != origin
    (restored,) = (await log.entries(kinds=["restored"])).entries
    assert restored.fields["reason"] == "rolled_back"
    await check(log)
    await log.close()


async def test_server_that_is_gone_for_good(
    tmp_path: Path, server: Running, database: str
) -> None:
    """Without the file that names it a new log begins, and says which it follows."""
    log = await moved(tmp_path, server.url(database))
    origin = log.origin
    await log.close()
    (tmp_path / "database").unlink()
    assert await Log.opens(tmp_path, ORIGIN)
    log = await open_log(tmp_path, clock=Clock(LATER + timedelta(hours=1)))
    assert log.backend == "sqlite"
    (restored,) = (await log.entries(kinds=["restored"])).entries
    assert (restored.fields["reason"], restored.fields["origin"]) == ("lost", origin)
    await check(log)
    await log.close()


async def test_made_by_half(
    tmp_path: Path, mariadb: Running, socket_enabled: None
) -> None:
    """MariaDB keeps tables that were made before we were killed: they are filled then."""
    mariadb.run("CREATE DATABASE half")
    try:
        for seq in range(2):
            log = await moved(tmp_path / str(seq), mariadb.url("half"))
            await check(log)
            await log.close()
            for table in ("erasures", "nodes", "epochs", "logs", "meta", "checkpoints"):
                mariadb.run(f"DELETE FROM {table}", "half")  # noqa: S608 - ours
            if seq:
                with pytest.raises(LogUnreadable, match="does not say"):
                    await open_log(tmp_path / "1")
            mariadb.run("DELETE FROM entries", "half")
    finally:
        mariadb.run("DROP DATABASE half")


async def test_driver_that_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said, and nothing has moved."""
    fill(tmp_path, 1)
    log = await open_log(tmp_path)

    def missing(*_: object, **__: object) -> None:
        raise ModuleNotFoundError

    monkeypatch.setattr(server_module, "create_engine", missing)
    with pytest.raises(LogRefused, match="database_driver"):
        await log.move("mariadb://u:p@127.0.0.1/x")
    await check(log)
    await log.close()


async def test_what_a_killed_check_left(tmp_path: Path) -> None:
    """It holds all that was entered: the next start removes it."""
    fill(tmp_path, 1)
    left = tmp_path / f"{server_module.CHECKED}0.db"
    left.write_bytes(b"Anna")
    log = await open_log(tmp_path)
    assert not left.exists()
    await log.close()


async def test_no_room_to_check(
    tmp_path: Path, server: Running, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is not a damaged log."""
    log = await moved(tmp_path, server.url(database))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(server_module, "make_empty", full)
    with pytest.raises(LogUnavailable, match="No space left"):
        await log.verify()
    assert log.problem is None
    monkeypatch.undo()
    await check(log)
    await log.close()


async def test_backup_of_a_server(
    tmp_path: Path, server: Running, database: str
) -> None:
    """Its own backups hold it: none of it goes into ours, and nothing is erased meanwhile."""
    log = await moved(tmp_path, server.url(database))
    await log.care.begin_backup()
    assert not (tmp_path / "snapshot.db").exists()
    with pytest.raises(LogRefused, match="backup_running"):
        await log.care.erase_person("Anna", OWNER)
    await log.care.end_backup()
    await log.close()


async def test_mistakes_stay_mistakes(
    tmp_path: Path, server: Running, database: str
) -> None:
    """A statement that is wrong is not a failure of the server."""
    found = server_module.Server(server.url(database), tmp_path)
    log = await moved(tmp_path, server.url(database))
    with (
        found.engine.connect() as connection,
        pytest.raises(ProgrammingError),
        named(),
    ):
        connection.execute(text("SELECT FROM WHERE"))
    found.engine.dispose()
    await log.close()


def test_durable_and_strict(tmp_path: Path, server: Running, database: str) -> None:
    """What is told of is on the disk, and what is too long is refused."""
    there = server_module.Server(server.url(database), tmp_path)
    with closing(there.engine.raw_connection()) as connection:
        cursor = connection.cursor()
        if server.kind == "postgresql":
            cursor.execute("SHOW synchronous_commit")
            assert cursor.fetchone() == ("on",)
        else:
            cursor.execute("SELECT @@sql_mode")
            assert "STRICT_ALL_TABLES" in cursor.fetchone()[0]
    there.engine.dispose()
