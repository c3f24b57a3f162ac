"""State of the locks, in the log's store."""

from sqlalchemy import BigInteger, Column, Integer, String, Table

from ..log import metadata

intents = Table(
    "intents",
    metadata,
    Column("id", String(255), primary_key=True),
    Column("seq", BigInteger, nullable=False, comment="The command's entry"),
    Column("lock", String(500), nullable=False),
    Column("command", String(500), nullable=False),
    Column("answered", Integer, nullable=False),
    comment="Door commands whose end is not known",
)

members = Table(
    "members",
    metadata,
    Column("lock", String(255), primary_key=True),
    Column("name", String(500), nullable=False),
    comment="Locks whose coming is in the log and whose going is not yet",
)

reading = Table(
    "reading",
    metadata,
    Column("lock", String(255), primary_key=True),
    Column("last_index", BigInteger, nullable=False),
    comment="How far each lock's own log has been read",
)
