"""What is kept of requests, in the log's store."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

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
    Column("stale", Integer, nullable=False, comment="It changed since"),
    Column("known_by", String(64), nullable=False, comment="Of whom there is one"),
    Column("words", Text, nullable=False, comment="What a search looks through"),
    Index("agencies_by_known", "known_by"),
    comment="The agencies that the owner knows of",
)

contact = Table(
    "contact",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", _TEXT, nullable=False),
    Column("reach", _TEXT, nullable=False),
    Column("remind", Integer, nullable=False),
    Column("saved", BigInteger, nullable=False, comment="Unix seconds"),
    comment="The owner's own contact at the police; one row or none",
)

contact_notes = Table(
    "contact_notes",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("time", BigInteger, nullable=False, comment="Unix seconds"),
    Column("text", _TEXT, nullable=False),
    comment="What the owner wrote down of talks",
)
