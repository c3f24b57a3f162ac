"""A look at a store before it is opened, which changes nothing in it."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
import sqlite3
from typing import Any

from .errors import LogUnavailable, LogUnreadable
from .tables import SCHEMA

_TABLES = {
    1: {"entries", "checkpoints"},
    2: {"entries", "checkpoints", "logs", "nodes", "epochs"},
}


@dataclass(frozen=True, slots=True)
class Found:
    """What an existing store says: version of its layout, and the log that grows in it."""

    schema: int
    first: int
    origin: str
    vkey: str


def probe(path: Path, timeout: float) -> Found | None:
    """Return what is at `path`, or None if a store may be made there.

    `timeout` is how many seconds to wait for a lock.
    Raises LogUnreadable (`newer_schema`, `damaged`), LogUnavailable, OSError.
    """
    try:
        # Empty is what a power cut leaves between our making the file and filling it.
        if path.stat().st_size == 0:
            return None
    except FileNotFoundError:
        return None
    try:
        with closing(
            sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=timeout
            )
        ) as store:
            return _look(store)
    except sqlite3.OperationalError as err:
        # Text that is none has no code: that is Python's word for it, not SQLite's.
        code = getattr(err, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        if code == sqlite3.SQLITE_ERROR:
            raise LogUnreadable("damaged", "the log's tables are not ours") from err
        raise LogUnavailable(f"the store failed: {err.sqlite_errorname}") from err
    except UnicodeDecodeError as err:
        # What SQLite says of a damaged schema may be no text.
        raise LogUnreadable("damaged", "the log's tables are not ours") from err
    except sqlite3.DatabaseError as err:
        raise LogUnreadable(
            "damaged", f"the store is damaged: {err.sqlite_errorname}"
        ) from err


def _look(store: sqlite3.Connection) -> Found | None:
    """Return what an open database says."""
    tables = {
        name
        for (name,) in store.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        )
    }
    if not tables:
        return None
    said = {}
    if "meta" in tables:
        said = dict(store.execute("SELECT key, value FROM meta"))

    def last_log() -> tuple[Any, ...] | None:
        newest = "SELECT first, origin, vkey FROM logs ORDER BY first DESC LIMIT 1"
        found: tuple[Any, ...] | None = store.execute(newest).fetchone()
        return found

    return judge(tables, said, last_log)


def judge(
    tables: set[str],
    said: Mapping[str, str],
    last_log: Callable[[], tuple[Any, ...] | None],
    oldest: int = 1,
) -> Found:
    """Return what a store is, by its tables and by what `meta` says in it.

    Raises LogUnreadable.
    """
    if "meta" not in tables:
        raise LogUnreadable("damaged", "this is not a log of ours")
    if not str(said.get("schema")).isdecimal():
        raise LogUnreadable("damaged", "the log does not say what it is")
    if (schema := int(said["schema"])) > SCHEMA:
        raise LogUnreadable("newer_schema", "a newer version wrote this log")
    if schema < oldest or not _TABLES.get(schema, {""}) <= tables:
        raise LogUnreadable("damaged", "the log has lost its tables")
    row = (0, said.get("origin"), said.get("vkey")) if schema == 1 else last_log()
    if row is None or None in row:
        raise LogUnreadable("damaged", "the log does not say what it is")
    return Found(schema, int(row[0]), str(row[1]), str(row[2]))
