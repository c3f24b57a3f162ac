"""What is kept of the cameras, in the log's store."""

from sqlalchemy import BigInteger, Column, Index, String, Table

from ..log import metadata

media = Table(
    "media",
    metadata,
    Column("file", String(64), primary_key=True),
    Column("seq", BigInteger, nullable=False, comment="The entry that says so"),
    Column("access_entry", BigInteger, nullable=False, comment="What it is of, or -1"),
    Column("camera", String(255), nullable=False),
    Column("lock", String(255), nullable=False),
    Column("time", BigInteger, nullable=False),  # microseconds since 1970, UTC
    Column("erased", BigInteger, nullable=False, comment="By which entry, or -1"),
    Index("media_by_camera", "camera", "time"),
    comment="Pictures that are kept, and those that were erased",
)
