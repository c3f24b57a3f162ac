"""PostgreSQL and MariaDB: a store in a database of its own on a server."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
import secrets
from typing import Any, Final, override

from sqlalchemy import URL, Connection, create_engine, inspect, make_url, select, text
from sqlalchemy.exc import ArgumentError

from .copying import copy
from .engine import BUSY_SECONDS, Database, named, on_connect
from .errors import LogRefused, LogUnavailable
from .files import make_empty
from .probe import Found, judge
from .sqlite import Sqlite, remove
from .tables import entries, logs, meta, metadata

CHECKED = ".checked-"
"""How the files begin that a server's store is copied to while it is verified."""

_MILLISECONDS = int(BUSY_SECONDS * 1000)

DRIVERS: Final = {
    "postgresql": ("postgresql+psycopg", "psycopg[binary]>=3.2.12"),
    "mariadb": ("mysql+pymysql", "PyMySQL>=1.1.2"),
}
"""For each kind of server: the name that SQLAlchemy has for it, and the package."""

_ARGUMENTS: Final[dict[str, dict[str, Any]]] = {
    "postgresql": {
        "connect_timeout": 5,
        "keepalives_idle": 30,
        "tcp_user_timeout": 30_000,
    },
    "mariadb": {
        "connect_timeout": 5,
        "read_timeout": 60,
        "write_timeout": 60,
        "charset": "utf8mb4",
    },
}
_FIRST: Final = {
    "postgresql": (
        # Whatever the server does otherwise: an entry that is told of is durable.
        "SET synchronous_commit = on",
        f"SET lock_timeout = {_MILLISECONDS}",
    ),
    "mariadb": (
        # Too long is an error, never cut.
        "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
        f"SET SESSION innodb_lock_wait_timeout = {_MILLISECONDS // 1000}",
    ),
}


def parse(address: str) -> tuple[str, URL]:
    """Return which kind of server a URL means, and the URL as SQLAlchemy needs it.

    As the URL of Home Assistant's recorder: `postgresql://user:password@host/database`,
    `mysql://` or `mariadb://`. Raises LogRefused (`database_url`).
    """
    try:
        url = make_url(address)
    except ArgumentError, ValueError:
        # From None: that error carries the text, and with it the password.
        raise LogRefused("database_url") from None
    kind = {"postgres": "postgresql", "mysql": "mariadb"}.get(
        name := url.drivername.partition("+")[0], name
    )
    if kind not in DRIVERS or not url.database:
        raise LogRefused("database_url")
    return kind, url.set(drivername=DRIVERS[kind][0])


class Server(Database):
    """A store on a server."""

    def __init__(self, address: str, folder: Path) -> None:
        """Prepare for the database at a URL; nothing is connected yet.

        `folder` is for files that live shortly. Raises LogRefused (`database_url`, or
        `database_driver` where that is not installed).
        """
        self.backend, url = parse(address)
        self._folder = folder
        arguments = {
            name: value
            for name, value in _ARGUMENTS[self.backend].items()
            if name not in url.query
        }
        try:
            self.engine = create_engine(
                url,
                hide_parameters=True,
                paramstyle="format",
                # A server that was restarted since is no reason to refuse an entry.
                pool_pre_ping=True,
                connect_args=arguments,
            )
        except ImportError as err:
            raise LogRefused("database_driver") from err
        on_connect(self.engine, _FIRST[self.backend])
        self.reading = self.engine.execution_options(isolation_level="REPEATABLE READ")

    @override
    def probe(self) -> Found | None:
        with named(), self.reading.begin() as connection:
            tables = set(inspect(connection).get_table_names())
            if not tables or _never_filled(connection, tables):
                return None
            said = (
                {row.key: row.value for row in connection.execute(select(meta))}
                if (meta.name in tables)
                else {}
            )
            newest = select(logs.c.first, logs.c.origin, logs.c.vkey)
            newest = newest.order_by(logs.c.first.desc()).limit(1)

            def last_log() -> tuple[Any, ...] | None:
                row = connection.execute(newest).first()
                return None if row is None else tuple(row)

            return judge(tables, said, last_log, oldest=2)

    @override
    def make(self, connection: Connection) -> None:
        if self.backend == "mariadb":
            for table in metadata.tables.values():
                # Names differ by case, and a row is there or not.
                table.dialect_kwargs.update(
                    mysql_engine="InnoDB",
                    mysql_charset="utf8mb4",
                    mysql_collate="utf8mb4_bin",
                )
        super().make(connection)

    @override
    def take_turn(self, connection: Connection) -> None:
        first = select(meta.c.value).where(meta.c.key == "schema").with_for_update()
        connection.execute(first)

    @override
    def forget(self) -> bool:
        """Have PostgreSQL free what erased rows took; MariaDB does that by itself."""
        if self.backend == "postgresql":
            with (
                named(),
                self.engine.connect().execution_options(
                    isolation_level="AUTOCOMMIT"
                ) as connection,
            ):
                connection.execute(text("VACUUM entries"))
        return True

    @override
    @contextmanager
    def as_file(self, stopping: Callable[[], bool]) -> Iterator[Path]:
        path = self._folder / f"{CHECKED}{secrets.token_hex(4)}.db"
        try:
            make_empty(path)
            try:
                target = Sqlite(path)
                try:
                    copy(self, target, stopping)
                finally:
                    target.engine.dispose()
                yield path
            finally:
                remove(path)
        except OSError as err:
            raise LogUnavailable(f"the log's files failed: {err.strerror}") from err

    @override
    def drop(self) -> None:
        with named(), self.engine.begin() as connection:
            metadata.drop_all(connection)


def _never_filled(connection: Connection, tables: set[str]) -> bool:
    """Tell whether only empty tables of ours are there.

    MariaDB keeps them where we were killed while making a store.
    """
    if not tables <= metadata.tables.keys() or meta.name not in tables:
        return False
    ours = [table for table in (meta, entries) if table.name in tables]
    return not any(connection.execute(select(table).limit(1)).first() for table in ours)
