"""State of the open grants, in the log's store."""

from sqlalchemy import BigInteger, Column, Integer, String, Table

from ..log import metadata

grants = Table(
    "grants",
    metadata,
    Column("id", String(255), primary_key=True),
    Column("lock", String(500), nullable=False),
    Column("agency", String(500), nullable=False),
    Column("incident", String(500), nullable=False),
    Column("reason", String(500), nullable=False),
    Column("method", String(500), nullable=False),
    Column("first_use", Integer, nullable=False),
    Column("notify", String(500), nullable=False),
    Column("start", BigInteger, nullable=False, comment="Unix seconds"),
    Column("end", BigInteger, nullable=False, comment="Unix seconds"),
    Column("state", String(500), nullable=False),
    Column(
        "marker", String(500), nullable=False, comment="Name of its code on the lock"
    ),
    Column("code_id", Integer, nullable=False, comment="Number of its code, or -1"),
    Column("uses", Integer, nullable=False),
    comment="Grants that have not ended; what ended is in the log",
)
