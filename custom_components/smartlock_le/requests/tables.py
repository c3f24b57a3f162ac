"""What is kept of requests, in the log's store."""

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Index,
    Integer,
    String,
    Table,
    Text,
)

from ..log import metadata

_TEXT = String(500)


def holding(column: Column[str], search: str) -> list[ColumnElement[bool]]:
    """Return what is true of rows whose words hold each word of a search."""
    words = search.casefold().split()[:10]
    return [column.contains(word, autoescape=True) for word in words]


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

requests = Table(
    "requests",
    metadata,
    Column("id", String(255), primary_key=True),
    Column("said", Text, nullable=False, comment="What it says, as JSON"),
    Column("salt", String(64), nullable=False),
    Column("agency", String(255), nullable=False, comment="In the directory, or empty"),
    Column("agency_type", String(64), nullable=False),
    Column("state", String(64), nullable=False),
    Column("open", Integer, nullable=False, comment="It waits for the owner"),
    Column("received", BigInteger, nullable=False, comment="Unix seconds"),
    Column("changed", BigInteger, nullable=False, comment="Unix seconds"),
    Column("deadline", BigInteger, nullable=False, comment="Unix seconds, or -1"),
    Column("gag", Integer, nullable=False),
    Column("broken", Text, nullable=False, comment="Which rules it breaks"),
    Column("hold", String(255), nullable=False),
    Column("reason", Text, nullable=False, comment="The owner's note of the last step"),
    Column("reminded", Integer, nullable=False),
    Column("case_key", String(64), nullable=False, comment="Same: of the same case"),
    Column("reference_key", String(64), nullable=False, comment="Of a signed one"),
    Column("payload", String(64), nullable=False, comment="SHA-256 of what was signed"),
    Column("words", Text, nullable=False, comment="What a search looks through"),
    Index("requests_by_time", "open", "received"),
    Index("requests_by_deadline", "open", "deadline"),
    Index("requests_by_case", "case_key"),
    Index("requests_by_reference", "reference_key"),
    comment="What was asked of this home",
)

removed = Table(
    "requests_removed",
    metadata,
    Column("reference_key", String(64), primary_key=True),
    Column("time", BigInteger, nullable=False, comment="Unix seconds"),
    comment="Signed ones that are gone, as long as they could be sent again",
)

intake = Table(
    "intake",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("token", String(64), nullable=False, comment="The last part of its address"),
    comment="Where signed requests come in; one row or none",
)

documents = Table(
    "request_documents",
    metadata,
    Column("request", String(255), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("name", _TEXT, nullable=False, comment="As it was called; no path"),
    Column("bytes", BigInteger, nullable=False),
    Column("added", BigInteger, nullable=False, comment="Unix seconds"),
    comment="The papers of a request; each is a file by its hash",
)
