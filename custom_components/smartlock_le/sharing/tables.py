"""State of sharing, in the log's store."""

from sqlalchemy import BigInteger, Column, Index, String, Table, Text

from ..log import metadata

settings = Table(
    "settings",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("value", String(500), nullable=False),
    comment="Settings as they were last entered; each name bears its home",
)

feeds = Table(
    "feeds",
    metadata,
    Column("id", String(255), primary_key=True),
    Column("said", Text, nullable=False, comment="All that is known of it, as JSON"),
    comment="What agencies are told of incidents that are open",
)

releases = Table(
    "releases",
    metadata,
    Column("id", String(255), primary_key=True),
    Column("request", String(255), nullable=False),
    Column("stage", String(64), nullable=False),
    Column("said", Text, nullable=False, comment="All that is known of it, as JSON"),
    Column("link", String(64), nullable=False, comment="SHA-256 of the secret in it"),
    Column("created", BigInteger, nullable=False, comment="Unix seconds"),
    Index("releases_by_request", "request"),
    Index("releases_by_link", "link"),
    comment="What was prepared for agencies, and what went",
)
