"""Logs that do not open, and what is left untouched then."""

from contextlib import closing
from pathlib import Path
import shutil
import sqlite3

import pytest
from sqlalchemy import Column, Integer, Table, select

from custom_components.smartlock_le.log import (
    LogUnavailable,
    LogUnreadable,
    entries,
    files,
    metadata,
)
from custom_components.smartlock_le.log.note import Signer

from .support import Clock, edit, fill, locked, open_log


def content(folder: Path) -> dict[str, bytes]:
    """Return what is in the files of a log."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        # A reader makes these and leaves them; they say nothing.
        if path.is_file() and not path.name.endswith(("-shm", "-wal"))
    }


async def refuse(folder: Path, reason: str) -> None:
    """Check that a log does not open, for this reason, and stays as it is."""
    before = content(folder)
    with pytest.raises(LogUnreadable) as caught:
        await open_log(folder)
    assert caught.value.reason == reason
    assert content(folder) == before


async def test_newer_schema(tmp_path: Path) -> None:
    """A log that a newer version wrote is left alone, whatever else it holds."""
    fill(tmp_path, 3)
    edit(tmp_path, "UPDATE meta SET value = '9' WHERE key = 'schema'")
    edit(tmp_path, "ALTER TABLE entries RENAME TO items")
    await refuse(tmp_path, "newer_schema")


@pytest.mark.parametrize("name", ["log.key", "epoch-1.key"])
async def test_key_missing(tmp_path: Path, name: str) -> None:
    """A lost key is said, never replaced."""
    fill(tmp_path, 3)
    path = tmp_path / "keys" / name
    key = path.read_bytes()
    path.unlink()
    await refuse(tmp_path, "key_missing")
    path.write_bytes(key[:-1])
    await refuse(tmp_path, "key_missing")
    path.write_bytes(key)
    await (await open_log(tmp_path)).close()


async def test_key_of_another_log(tmp_path: Path) -> None:
    """A key that did not sign this log is not its key."""
    fill(tmp_path / "a", 3)
    fill(tmp_path / "b", 3)
    shutil.copy(
        tmp_path / "a" / "keys" / "log.key", tmp_path / "b" / "keys" / "log.key"
    )
    await refuse(tmp_path / "b", "key_missing")


async def test_keys_without_a_log(tmp_path: Path) -> None:
    """After a power cut between keys and store, the keys are used."""
    fill(tmp_path, 3)
    keys = content(tmp_path / "keys")
    (tmp_path / "log.db").write_bytes(b"")
    (tmp_path / "head").unlink()
    log = await open_log(tmp_path)
    await log.close()
    assert content(tmp_path / "keys") == keys
    assert log.size == 2
    (tmp_path / "log.db").unlink()
    (tmp_path / "head").unlink()
    with closing(sqlite3.connect(tmp_path / "log.db")) as store:
        store.execute("PRAGMA user_version = 1")  # a database with nothing in it
    log = await open_log(tmp_path)
    assert log.size == 1
    await log.close()


DAMAGE = [
    "DELETE FROM entries WHERE seq = 4",
    "DELETE FROM entries WHERE seq = 0",
    "DELETE FROM entries WHERE seq > 4",
    "UPDATE entries SET leaf = x'00' WHERE seq = 2",
    "UPDATE entries SET leaf = zeroblob(32) WHERE seq = 2",
    "UPDATE entries SET leaf = 'text' WHERE seq = 2",
    "UPDATE entries SET leaf = 7 WHERE seq = 2",
    "UPDATE checkpoints SET note = note || ' '",
    "DELETE FROM logs",
    "UPDATE meta SET value = 'x' WHERE key = 'schema'",
    "DELETE FROM meta",
    "DROP TABLE meta",
    "DROP TABLE checkpoints",
    "ALTER TABLE entries RENAME COLUMN leaf TO other",
]


@pytest.mark.parametrize("statement", DAMAGE)
async def test_damaged_rows(tmp_path: Path, statement: str) -> None:
    """A log that is not what was last signed is not gone on with."""
    fill(tmp_path, 4, 4)
    edit(tmp_path, statement)
    await refuse(tmp_path, "damaged")


async def test_damaged_file(tmp_path: Path) -> None:
    """Neither is a file that is not a database, or half of one."""
    fill(tmp_path, *[20] * 10)
    path = tmp_path / "log.db"
    good = path.read_bytes()
    path.write_bytes(b"This is not a database. " * 400)
    await refuse(tmp_path, "damaged")
    path.write_bytes(good[:-8192])
    await refuse(tmp_path, "damaged")
    path.write_bytes(good[:4096] + b"\xa5" * (len(good) - 4096))
    await refuse(tmp_path, "damaged")
    path.write_bytes(good)
    log = await open_log(tmp_path)
    assert log.size == 201
    await log.close()


async def test_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What may be better in a minute is not damage."""
    (tmp_path / "file").write_text("")
    with pytest.raises(LogUnavailable, match="the log's files failed"):
        await open_log(tmp_path / "file" / "log")
    (tmp_path / "a" / "log.db").mkdir(parents=True)
    with pytest.raises(LogUnavailable, match="the store failed"):
        await open_log(tmp_path / "a")
    monkeypatch.setattr("custom_components.smartlock_le.log.engine.BUSY_SECONDS", 0.01)
    fill(tmp_path / "b", 1)
    with closing(sqlite3.connect(tmp_path / "b" / "log.db")) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("CREATE TABLE x (y)")
        with pytest.raises(LogUnavailable, match="SQLITE_BUSY"):
            await open_log(tmp_path / "b")
    table = Table("log_test_open", metadata, Column("id", Integer, primary_key=True))
    try:
        with locked(tmp_path / "b"), pytest.raises(LogUnavailable, match="SQLITE_BUSY"):
            await open_log(tmp_path / "b")
    finally:
        metadata.remove(table)
    with locked(tmp_path / "b"):
        log = await open_log(tmp_path / "b")  # nothing to create: reading is enough
        await log.close()
    assert log.lost == 1


def modes(folder: Path) -> list[int]:
    """Return the permissions of a folder and of all that is in it, sorted."""
    return sorted(path.stat().st_mode & 0o777 for path in (folder, *folder.rglob("*")))


async def test_loose_modes_are_tightened(tmp_path: Path) -> None:
    """What a restored backup left readable for all is closed again."""
    fill(tmp_path, 1)
    for path in (tmp_path, tmp_path / "keys"):
        path.chmod(0o755)
    for path in (tmp_path / "log.db", *(tmp_path / "keys").iterdir()):
        path.chmod(0o644)
    await (await open_log(tmp_path, clock=Clock())).close()
    assert modes(tmp_path) == [0o600] * 4 + [0o700] * 2


async def test_origin_stays(tmp_path: Path) -> None:
    """A log keeps the name that it was made with."""
    fill(tmp_path, 1)
    log = await open_log(tmp_path)
    origin = log.origin
    assert Signer(origin, (tmp_path / "keys" / "log.key").read_bytes()).vkey == log.vkey
    await log.close()


def test_written_is_all_or_nothing(tmp_path: Path) -> None:
    """A file that could not be written to its end is not there, and the old one is."""
    path = tmp_path / "file"
    with files.written(path) as file:
        file.write(b"old")

    def fail() -> None:
        with files.written(path) as file:
            file.write(b"new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o600


async def test_key_that_cannot_be_read(tmp_path: Path) -> None:
    """A disk that fails is no lost key."""
    fill(tmp_path, 3)
    path = tmp_path / "keys" / "epoch-1.key"
    path.unlink()
    path.mkdir()
    with pytest.raises(LogUnavailable, match="Is a directory"):
        await open_log(tmp_path)


async def test_name_that_is_none(tmp_path: Path) -> None:
    """A log by a name that cannot sign is damaged."""
    fill(tmp_path, 3)
    edit(tmp_path, "UPDATE logs SET origin = 'two words'")
    await refuse(tmp_path, "damaged")


@pytest.mark.parametrize(
    "statement", ["DELETE FROM nodes", "UPDATE nodes SET hash = 7"]
)
async def test_tiles_missing(tmp_path: Path, statement: str) -> None:
    """A tree without its tiles is damaged."""
    fill(tmp_path, 257)
    edit(tmp_path, statement)
    await refuse(tmp_path, "damaged")


async def test_entry_that_is_not_text(tmp_path: Path) -> None:
    """Text that is none, where the log says what it is, is damage as well."""
    fill(tmp_path, 3)
    edit(tmp_path, "UPDATE meta SET value = CAST(x'ff' AS TEXT) WHERE key = 'schema'")
    await refuse(tmp_path, "damaged")
    edit(tmp_path, "UPDATE meta SET value = '2' WHERE key = 'schema'")
    log = await open_log(tmp_path)
    edit(tmp_path, "UPDATE entries SET kind = CAST(x'ff' AS TEXT) WHERE seq = 1")
    with pytest.raises(LogUnavailable, match="SQLITE_CORRUPT") as caught:
        await log.read(select(entries))
    assert caught.value.damaged
    await log.close()


async def test_rows_that_are_gone(tmp_path: Path) -> None:
    """A log that does not say what it is, in any table, is damaged."""
    fill(tmp_path, 3)
    edit(tmp_path, "DELETE FROM logs")
    await refuse(tmp_path, "damaged")


async def test_last_body_is_another(tmp_path: Path) -> None:
    """An end that cannot be read is damaged."""
    fill(tmp_path, 3)
    edit(tmp_path, "UPDATE entries SET body = x'7b7d' WHERE seq = 2")
    await refuse(tmp_path, "damaged")
