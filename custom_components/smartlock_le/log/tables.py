"""The tables of the store. Rooms put their own state tables on `metadata` as well."""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

SCHEMA = 2
"""Version of the store's layout. A store with a greater one is left alone."""

metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
)

logs = Table(
    "logs",
    metadata,
    Column("first", Integer, primary_key=True, autoincrement=False),
    Column("origin", String, nullable=False),
    Column("vkey", String, nullable=False),
    comment="One row a log, by the number of its first entry; the last one grows",
)

entries = Table(
    "entries",
    metadata,
    # We number the entries ourselves, from 0 on through all logs.
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("epoch", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("time", BigInteger, nullable=False),  # microseconds since 1970, UTC
    Column("lock", String),
    Column("body", LargeBinary),  # NULL: erased
    Column("leaf", LargeBinary, nullable=False),
    Index("entries_by_kind", "kind", "seq"),
    Index("entries_by_time", "time", "seq"),
    Index("entries_by_lock", "lock", "seq"),
)

nodes = Table(
    "nodes",
    metadata,
    Column("log", Integer, primary_key=True, autoincrement=False),
    Column("height", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
    comment="Perfect subtrees of 256 ** n leaves: a proof reads few leaves",
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("upto", Integer, primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),
    comment="Signed when the entries before `upto` were all there were",
)

stamps = Table(
    "stamps",
    metadata,
    Column("upto", Integer, primary_key=True, autoincrement=False),
    Column("time", BigInteger, nullable=False),  # microseconds since 1970, UTC
    Column("token", LargeBinary, nullable=False),
    comment="Time stamps (RFC 3161) over the note of the checkpoint with that `upto`",
)

epochs = Table(
    "epochs",
    metadata,
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("day", Integer, nullable=False),  # days since 0001-01-01, UTC
    Column("erased", Integer, nullable=False),
    comment="Days of entries; `erased`: its key is destroyed, or is to be",
)

holds = Table(
    "holds",
    metadata,
    Column("id", String, primary_key=True),
    Column("seq", Integer, nullable=False, comment="The entry that says so"),
    Column("lock", String, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    comment="What must not be erased: entries whose time is in the window",
)

erasures = Table(
    "erasures",
    metadata,
    Column("by", Integer, primary_key=True, autoincrement=False),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    comment="Which entries lost fields, by the entry that says so",
)
