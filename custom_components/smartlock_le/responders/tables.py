"""State of the open links, in the log's store."""

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from ..log import metadata

links = Table(
    "responder_links",
    metadata,
    Column("id", String(255), primary_key=True),
    Column("digest", String(255), nullable=False, comment="SHA-256 of the token"),
    Column("agency", String(500), nullable=False),
    Column("reason", String(500), nullable=False),
    Column("incident", String(500), nullable=False),
    Column("start", BigInteger, nullable=False, comment="Unix seconds"),
    Column("end", BigInteger, nullable=False, comment="Unix seconds"),
    Column("asks_code", Integer, nullable=False),
    Column("doors", Text, nullable=False, comment="The grant of each lock, as JSON"),
    Column("codes", Text, nullable=False, comment="Grants of shown codes, as JSON"),
    Column("passes", Text, nullable=False, comment="Who said the code, as JSON"),
    comment="Links for responders that are not over; what is over is in the log",
)
