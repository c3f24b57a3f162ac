"""State of sharing, in the log's store."""

from sqlalchemy import Column, String, Table

from ..log import metadata

settings = Table(
    "settings",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("value", String(500), nullable=False),
    comment="Settings as they were last entered; each name bears its home",
)
