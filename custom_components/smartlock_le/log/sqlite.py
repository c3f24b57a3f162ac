"""SQLite: a store in one file of our own folder."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
import sqlite3
from typing import Any, override

from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry

from . import engine as databases
from .engine import Database, named
from .errors import LogUnavailable
from .files import make_empty, sync_folder
from .probe import Found, probe

_COMPANIONS = ("-wal", "-shm")


class Sqlite(Database):
    """A store in one file."""

    backend = "sqlite"
    direct = True

    def __init__(self, path: Path) -> None:
        """Prepare for the file at `path`; values never get into messages."""
        self.path = path
        self.engine = create_engine(
            URL.create("sqlite", database=str(path)),
            hide_parameters=True,
            connect_args={"timeout": databases.BUSY_SECONDS},
        )
        event.listen(self.engine, "connect", _connected)
        event.listen(self.engine, "begin", _begun)
        self.reading = self.engine.execution_options(reading=True)

    @override
    def probe(self) -> Found | None:
        return probe(self.path, databases.BUSY_SECONDS)

    @override
    def take_turn(self, connection: Connection) -> None:
        """Nothing: BEGIN IMMEDIATE has done it."""

    @override
    def forget(self) -> bool:
        """Write the write-ahead log into the file and empty it: old pages are in both.

        Somebody who reads may be in the way.
        """
        wal = self.path.with_name(f"{self.path.name}-wal")
        if not wal.exists() or not wal.stat().st_size:
            return True
        with named(), self.engine.connect() as connection:
            # Not by way of the engine, which would begin a transaction first.
            cursor = connection.connection.cursor()
            try:
                (busy, *_) = cursor.execute(
                    "PRAGMA wal_checkpoint(TRUNCATE)"
                ).fetchone()
            finally:
                cursor.close()
        return not busy

    @override
    @contextmanager
    def as_file(self, stopping: Callable[[], bool]) -> Iterator[Path]:
        yield self.path

    @override
    def drop(self) -> None:
        remove(self.path)

    def snapshot(self, path: Path) -> None:
        """Write a copy of the whole store to `path`, of one moment, beside new entries.

        Raises LogUnavailable.
        """
        part = path.with_name(f".{path.name}.part")
        try:
            make_empty(part)
            with named(), self.reading.connect() as connection:
                source: Any = connection.connection.driver_connection
                with closing(sqlite3.connect(part)) as target:
                    source.backup(target)
            part.replace(path)
            sync_folder(path.parent)
        except sqlite3.Error as err:
            raise LogUnavailable(
                f"the snapshot failed: {err.sqlite_errorname}"
            ) from err
        except OSError as err:
            raise LogUnavailable(f"the snapshot failed: {err.strerror}") from err
        finally:
            with suppress(OSError):
                part.unlink()


def remove(path: Path) -> None:
    """Delete a database file and its companions. Raises OSError."""
    for suffix in (*_COMPANIONS, ""):
        path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)


def _connected(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
    """Set up a new connection: durable commits, erased means erased, BEGIN left to us."""
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
        # Else bodies that a long statement erases lie in a file elsewhere for a while.
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begun(connection: Connection) -> None:
    """Begin a transaction; one that writes takes the lock at once and keeps it.

    Were it taken at the first write, what had been read before could be stale.
    """
    reading = connection.get_execution_options().get("reading", False)
    begin = "BEGIN" if reading else "BEGIN IMMEDIATE"
    connection.connection.cursor().execute(begin)
