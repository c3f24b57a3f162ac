"""A store from one database into another: all tables, as they are at one moment."""

from collections.abc import Callable

from sqlalchemy import select

from .engine import Database, named
from .errors import LogUnavailable
from .tables import metadata

_ROWS = 1000
"""How many go at a time: memory stays flat."""


def copy(source: Database, target: Database, stopping: Callable[[], bool]) -> None:
    """Copy every row of every table into a database that has none, in one transaction.

    Raises LogUnavailable, and nothing is there then.
    """
    with (
        named(),
        source.reading.begin() as reading,
        target.engine.begin() as writing,
    ):
        target.make(writing)
        for table in metadata.sorted_tables:
            streamed = reading.execution_options(yield_per=_ROWS)
            for part in streamed.execute(select(table)).mappings().partitions():
                if stopping():
                    raise LogUnavailable("the log is closing")
                writing.execute(table.insert(), [dict(row) for row in part])
