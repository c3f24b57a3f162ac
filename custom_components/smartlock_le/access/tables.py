"""State of the open grants, in the log's store."""

from sqlalchemy import Column, Integer, String, Table

from ..log import metadata

grants = Table(
    "grants",
    metadata,
    Column("id", String, primary_key=True),
    Column("lock", String, nullable=False),
    Column("agency", String, nullable=False),
    Column("incident", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("method", String, nullable=False),
    Column("first_use", Integer, nullable=False),
    Column("notify", String, nullable=False),
    Column("start", Integer, nullable=False, comment="Unix seconds"),
    Column("end", Integer, nullable=False, comment="Unix seconds"),
    Column("state", String, nullable=False),
    Column("marker", String, nullable=False, comment="Name of its code on the lock"),
    Column("code_id", Integer, nullable=False, comment="Number of its code, or -1"),
    Column("uses", Integer, nullable=False),
    comment="Grants that have not ended; what ended is in the log",
)
