"""The database below the store: how it is opened, and what its errors are called."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
import sqlite3
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from .errors import LogUnavailable

BUSY_SECONDS = 5.0
"""How long to wait for somebody else's transaction."""

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_UNAVAILABLE = _DAMAGED | {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOLFS,
    sqlite3.SQLITE_AUTH,
}


@contextmanager
def named() -> Iterator[None]:
    """Raise LogUnavailable for what the disk or another process did.

    A mistake in a statement is its author's and propagates as it is.
    """
    try:
        yield
    except (DBAPIError, sqlite3.Error) as err:
        cause = err.orig if isinstance(err, DBAPIError) else err
        # Text that is none has no code: that is Python's word for it, not SQLite's.
        none = isinstance(cause, sqlite3.OperationalError)
        code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT if none else 0)
        code &= 0xFF
        if code not in _UNAVAILABLE:
            raise
        name = getattr(cause, "sqlite_errorname", "SQLITE_CORRUPT")
        raise LogUnavailable(
            f"the store failed: {name}", damaged=code in _DAMAGED
        ) from err


def damage(why: str) -> LogUnavailable:
    """Return the error for a store that is not what we wrote."""
    return LogUnavailable(why, damaged=True)


def make_engine(path: Path) -> Engine:
    """Return the engine for a database file. Values never get into its messages."""
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        hide_parameters=True,
        connect_args={"timeout": BUSY_SECONDS},
    )
    event.listen(engine, "connect", _connected)
    event.listen(engine, "begin", _begun)
    return engine


def settle(engine: Engine) -> bool:
    """Write the write-ahead log into the database and empty it: old pages are in both.

    Returns whether it was done: somebody who reads may be in the way. Raises
    LogUnavailable.
    """
    with named(), engine.connect() as connection:
        # Not by way of the engine, which would begin a transaction first.
        cursor = connection.connection.cursor()
        try:
            (busy, *_) = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            cursor.close()
    return not busy


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


class Prepared:
    """An INSERT that is compiled once, and run without what SQLAlchemy does for each.

    A commit is one or two rows most of the time: that would take longer than the rows.
    """

    def __init__(self, engine: Engine, table: Table) -> None:
        """Compile the INSERT of a whole row."""
        self._sql = str(table.insert().compile(engine))

    def run(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows, with their values in the order of the table's columns."""
        connection.connection.cursor().executemany(self._sql, rows)
