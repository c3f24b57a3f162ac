"""What every kind of database below the store does, and what its errors are called."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
import sqlite3
from typing import Any, Final

from sqlalchemy import Connection, Engine, Table, event
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError

from .errors import LogUnavailable
from .probe import Found
from .tables import metadata

BUSY_SECONDS = 5.0
"""How long to wait for somebody else's transaction."""

# Made once: building a statement costs as much as running it.
_LAST = "SELECT max(seq) FROM entries"

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
# PostgreSQL's codes (its manual, appendix A) and MariaDB's numbers of the same.
_GONE_TABLES: Final = {"42P01", "42703", 1054, 1146}
_DAMAGED_THERE: Final = {"XX001", "XX002", 1034, 1194, 1195} | _GONE_TABLES
_FORBIDDEN: Final = {"42501"}


@contextmanager
def named() -> Iterator[None]:
    """Raise LogUnavailable for what the disk, the server or another process did.

    A mistake in a statement is its author's and propagates as it is.
    """
    try:
        yield
    except (DBAPIError, sqlite3.Error) as err:
        cause = err.orig if isinstance(err, DBAPIError) else err
        if isinstance(cause, sqlite3.Error):
            found = _of_sqlite(cause)
        else:
            found = _of_server(err, cause)
        if found is None:
            raise
        raise found from err


def _of_sqlite(cause: sqlite3.Error) -> LogUnavailable | None:
    # Text that is none has no code: that is Python's word for it, not SQLite's.
    none = isinstance(cause, sqlite3.OperationalError)
    code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT if none else 0)
    code &= 0xFF
    if code not in _UNAVAILABLE:
        return None
    name = getattr(cause, "sqlite_errorname", "SQLITE_CORRUPT")
    return LogUnavailable(f"the store failed: {name}", damaged=code in _DAMAGED)


def _of_server(err: Exception, cause: BaseException | None) -> LogUnavailable | None:
    """Name what a server said; its own words may name who and where, and stay out."""
    # PyMySQL has the server's number, which says more than its state; psycopg has only that.
    number = next(iter(getattr(cause, "args", ())), None)
    state = getattr(cause, "sqlstate", None)
    code = number if isinstance(number, int) else state or "no connection"
    lost = isinstance(err, (OperationalError, InterfaceError, InternalError))
    if not lost and code not in _DAMAGED_THERE | _FORBIDDEN:
        return None
    return LogUnavailable(
        f"the database failed: {code}", damaged=code in _DAMAGED_THERE
    )


def damage(why: str) -> LogUnavailable:
    """Return the error for a store that is not what we wrote."""
    return LogUnavailable(why, damaged=True)


class Database(ABC):
    """A database that a store can be in."""

    engine: Engine
    reading: Engine
    """The same, for transactions that see one moment and never wait for a writer."""
    backend: str
    """Which: `sqlite`, `postgresql` or `mariadb`."""
    direct = False
    """Whether statements may go past SQLAlchemy: its driver's errors are known here."""

    @abstractmethod
    def probe(self) -> Found | None:
        """Return what is there, or None if a store may be made.

        Raises LogUnreadable (`newer_schema`, `damaged`), LogUnavailable, OSError.
        """

    def make(self, connection: Connection) -> None:
        """Make the tables that are missing."""
        metadata.create_all(connection)

    @abstractmethod
    def take_turn(self, connection: Connection) -> None:
        """Wait, in a transaction, until nobody else writes; keep them out until its end."""

    @abstractmethod
    def forget(self) -> bool:
        """Have the database drop what it still has of erased rows; return whether it did.

        Raises LogUnavailable, OSError.
        """

    @abstractmethod
    def as_file(self, stopping: Callable[[], bool]) -> AbstractContextManager[Path]:
        """Give an SQLite file that says what the store says, for who reads such files.

        Raises LogUnavailable, also when `stopping` says so meanwhile.
        """

    @abstractmethod
    def drop(self) -> None:
        """Remove the store from here. Raises LogUnavailable, OSError."""

    def last(self, connection: Connection) -> int | None:
        """Return the number of the last entry."""
        if self.direct:
            (found,) = connection.connection.cursor().execute(_LAST).fetchone()
        else:
            found = connection.exec_driver_sql(_LAST).scalar()
        return None if found is None else int(found)


class Prepared:
    """An INSERT that is compiled once, and run without what SQLAlchemy does for each.

    A commit is one or two rows most of the time: that would take longer than the rows.
    """

    def __init__(self, database: Database, table: Table) -> None:
        """Compile the INSERT of a whole row."""
        self._direct = database.direct
        self._sql = str(table.insert().compile(database.engine))

    def run(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows, with their values in the order of the table's columns."""
        if self._direct:
            connection.connection.cursor().executemany(self._sql, rows)
        else:
            connection.exec_driver_sql(self._sql, list(rows))


def on_connect(engine: Engine, statements: Sequence[str]) -> None:
    """Have each new connection begin with these statements."""

    def connected(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        cursor.close()
        connection.commit()

    event.listen(engine, "connect", connected)
