"""State of the locks, in the log's store."""

from sqlalchemy import Column, Integer, String, Table

from ..log import metadata

intents = Table(
    "intents",
    metadata,
    Column("id", String, primary_key=True),
    Column("seq", Integer, nullable=False, comment="The command's entry"),
    Column("lock", String, nullable=False),
    Column("command", String, nullable=False),
    Column("answered", Integer, nullable=False),
    comment="Door commands whose end is not known",
)

members = Table(
    "members",
    metadata,
    Column("lock", String, primary_key=True),
    Column("name", String, nullable=False),
    comment="Locks whose coming is in the log and whose going is not yet",
)

reading = Table(
    "reading",
    metadata,
    Column("lock", String, primary_key=True),
    Column("last_index", Integer, nullable=False),
    comment="How far each lock's own log has been read",
)
