"""What is kept of requests, in the log's store."""

from sqlalchemy import BigInteger, Column, Index, String, Table, Text

from ..log import metadata

_TEXT = String(500)

agencies = Table(
    "agencies",
    metadata,
    Column("id", String(255), primary_key=True),
    Column("name", _TEXT, nullable=False),
    Column("national_id", _TEXT, nullable=False),
    Column("country", _TEXT, nullable=False),
    Column("type", _TEXT, nullable=False),
    Column("jurisdiction", _TEXT, nullable=False),
    Column("records_contact", _TEXT, nullable=False),
    Column("emergency_contact", _TEXT, nullable=False),
    Column("email_domain", _TEXT, nullable=False),
    Column("age_recipient", _TEXT, nullable=False),
    Column("signing_key", _TEXT, nullable=False),
    Column("called", BigInteger, nullable=False, comment="Unix seconds, or -1"),
    Column("number", _TEXT, nullable=False, comment="That was called"),
    Column("source", _TEXT, nullable=False, comment="Where that number is from"),
    Column("confirmed", Text, nullable=False, comment="What was then, as JSON"),
    Column("known_by", String(64), nullable=False, comment="Of whom there is one"),
    Column("words", Text, nullable=False, comment="What a search looks through"),
    Index("agencies_by_known", "known_by"),
    comment="The agencies that the owner knows of",
)
