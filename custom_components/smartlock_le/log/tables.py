"""The tables of the store. Rooms put their own state tables on `metadata` as well."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Executable,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects.mysql import MEDIUMBLOB

# An SQLite file counts its rows by a column of just this type.
_NUMBER = Integer().with_variant(BigInteger, "postgresql", "mysql")
_NAME = String(255)
_BODY = LargeBinary().with_variant(MEDIUMBLOB(), "mysql")

SCHEMA = 2
"""Version of the store's layout. A store with a greater one is left alone."""

metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("key", _NAME, primary_key=True),
    Column("value", _NAME, nullable=False),
)

logs = Table(
    "logs",
    metadata,
    Column("first", _NUMBER, primary_key=True, autoincrement=False),
    Column("origin", _NAME, nullable=False),
    Column("vkey", _NAME, nullable=False),
    comment="One row a log, by the number of its first entry; the last one grows",
)

entries = Table(
    "entries",
    metadata,
    # We number the entries ourselves, from 0 on through all logs.
    Column("seq", _NUMBER, primary_key=True, autoincrement=False),
    Column("epoch", _NUMBER, nullable=False),
    Column("kind", _NAME, nullable=False),
    Column("time", BigInteger, nullable=False),  # microseconds since 1970, UTC
    Column("lock", _NAME),
    Column("body", _BODY),  # NULL: erased
    Column("leaf", LargeBinary, nullable=False),
    Index("entries_by_kind", "kind", "seq"),
    Index("entries_by_time", "time", "seq"),
    Index("entries_by_lock", "lock", "seq"),
)

nodes = Table(
    "nodes",
    metadata,
    Column("log", _NUMBER, primary_key=True, autoincrement=False),
    Column("height", _NUMBER, primary_key=True, autoincrement=False),
    Column("number", _NUMBER, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
    comment="Perfect subtrees of 256 ** n leaves: a proof reads few leaves",
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("upto", _NUMBER, primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),
    comment="Signed when the entries before `upto` were all there were",
)

stamps = Table(
    "stamps",
    metadata,
    Column("upto", _NUMBER, primary_key=True, autoincrement=False),
    Column("time", BigInteger, nullable=False),  # microseconds since 1970, UTC
    Column("token", LargeBinary, nullable=False),
    comment="Time stamps (RFC 3161) over the note of the checkpoint with that `upto`",
)

epochs = Table(
    "epochs",
    metadata,
    Column("epoch", _NUMBER, primary_key=True, autoincrement=False),
    Column("day", _NUMBER, nullable=False),  # days since 0001-01-01, UTC
    Column("erased", _NUMBER, nullable=False),
    comment="Days of entries; `erased`: its key is destroyed, or is to be",
)

holds = Table(
    "holds",
    metadata,
    Column("id", _NAME, primary_key=True),
    Column("seq", _NUMBER, nullable=False, comment="The entry that says so"),
    Column("lock", _NAME, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    comment="What must not be erased: entries whose time is in the window",
)

erasures = Table(
    "erasures",
    metadata,
    Column("by", _NUMBER, primary_key=True, autoincrement=False),
    Column("seq", _NUMBER, primary_key=True, autoincrement=False),
    comment="Which entries lost fields, by the entry that says so",
)


def put(table: Table, **row: Any) -> list[Executable]:
    """Return what makes a row be there as it is given, whether it was there or not.

    Each kind of database has its own word for that; these two all of them know.
    """
    same = [column == row[column.name] for column in table.primary_key]
    return [table.delete().where(*same), table.insert().values(**row)]
