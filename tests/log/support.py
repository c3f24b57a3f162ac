"""What the tests of the log share."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
import sqlite3
from typing import Any

from hypothesis import HealthCheck, settings
from sqlalchemy import QueuePool

from custom_components.smartlock_le.log import KINDS, Log, Value
from custom_components.smartlock_le.log.kinds import check
from custom_components.smartlock_le.log.model import Draft
from custom_components.smartlock_le.log.store import Store

ORIGIN = "smartlock-le.local/test"
START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

# How fast a busy machine draws examples says nothing about the log.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


OF_OTHERS = {"erased", "media_erased", "restored"}
"""Kinds that speak of other entries, which must be there."""


class Clock:
    """A clock that moves on by a second each time it is read."""

    def __init__(self, start: datetime = START) -> None:
        """Start at `start`."""
        self.now = start

    def __call__(self) -> datetime:
        """Return the next second."""
        self.now += timedelta(seconds=1)
        return self.now


def sample(kind: str, **fields: Value) -> dict[str, Value]:
    """Return fields that fit a kind: `fields`, and something for each other one.

    None names a file: there is none.
    """
    fields = {"file": "", **fields}
    return {
        name: fields.get(name, f"{name} é" if wanted is str else 7)
        for name, wanted in KINDS[kind].fields.items()
    }


async def open_log(folder: Path, **options: Any) -> Log:
    """Open a log that retries seldom."""
    options = {"clock": Clock(), "retry_interval": 3600.0, **options}
    return await Log.open(folder, origin=ORIGIN, version="1.0", **options)


def draft(kind: str, clock: Callable[[], datetime], **fields: Value) -> Draft:
    """Return a checked draft."""
    return Draft(kind, clock(), check(kind, sample(kind, **fields)), None)


def fill(folder: Path, *batches: int) -> None:
    """Make a store with one commit a batch, of so many entries of all kinds."""
    clock = Clock()
    store = Store.open(folder, ORIGIN, clock)
    kinds = sorted(KINDS.keys() - OF_OTHERS)
    for number, size in enumerate(batches):
        store.commit(
            [draft(kinds[(number + i) % len(kinds)], clock) for i in range(size)]
        )
    store.close()


def edit(folder: Path, statement: str, *values: object) -> None:
    """Change a store as somebody with an editor would."""
    with closing(sqlite3.connect(folder / "log.db")) as store, store:
        store.execute(statement, values)


def spoil_page(folder: Path, table: str) -> None:
    """Write over the first page of a table."""
    with closing(sqlite3.connect(folder / "log.db")) as store:
        (size,) = store.execute("PRAGMA page_size").fetchone()
        (page,) = store.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)
        ).fetchone()
    with (folder / "log.db").open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)


async def pragma(log: Log, text: str) -> Any:
    """Run a PRAGMA on every connection there is; it keeps for what they do next."""

    def run() -> Any:
        store = log._store
        if store._connection is None:
            store._connection = store.database.engine.connect()
        pool = store.database.engine.pool
        assert isinstance(pool, QueuePool)
        idle = [pool.connect() for _ in range(pool.checkedin())]
        for connection in (*idle, store._connection.connection):
            answer = connection.cursor().execute(f"PRAGMA {text}").fetchone()
        for connection in idle:
            connection.close()
        return answer

    return await asyncio.get_running_loop().run_in_executor(log._thread, run)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the store as another process would."""
    with closing(sqlite3.connect(folder / "log.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
