"""State of the open grants, in the log's store."""

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

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

codes = Table(
    "codes",
    metadata,
    Column("id", String(255), primary_key=True),
    Column("holder", String(500), nullable=False),
    Column("person", String(500), nullable=False),
    Column("name", String(500), nullable=False),
    Column("made", BigInteger, nullable=False, comment="Unix seconds"),
    Column("start", BigInteger, nullable=False, comment="Unix seconds, or -1"),
    Column("end", BigInteger, nullable=False, comment="Unix seconds, or -1"),
    Column("schedule", String(500), nullable=False),
    Column("uses", Integer, nullable=False, comment="How often it opens; 0: no limit"),
    Column("used", Integer, nullable=False),
    Column("digest", String(500), nullable=False, comment="Keyed hash of its digits"),
    Column("secret", String(500), nullable=False, comment="Its digits, encrypted"),
    Column("locks", Text, nullable=False, comment="Where it is to open, as JSON"),
    Column("holder_seq", BigInteger, nullable=False, comment="Says whose it is"),
    Column("ended", Integer, nullable=False),
    Column("removing", Integer, nullable=False),
    comment="Codes of persons and guests that are not gone from every lock",
)

placements = Table(
    "placements",
    metadata,
    Column("code", String(255), primary_key=True),
    Column("lock", String(255), primary_key=True),
    Column("marker", String(500), nullable=False, comment="Its name on the lock"),
    Column("number", Integer, nullable=False, comment="Its number there, or -1"),
    Column("state", String(500), nullable=False),
    Column("reason", String(500), nullable=False),
    Column("digest", String(500), nullable=False, comment="Of what the lock took"),
    Column("since", BigInteger, nullable=False, comment="Unix seconds, or -1"),
    Column("until", BigInteger, nullable=False, comment="Unix seconds, or -1"),
    comment="How each code stands on each lock",
)
