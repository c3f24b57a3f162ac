"""State of the open incidents and of what the centre was not told yet, in the log's store."""

from typing import Any

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from ..log import metadata
from .models import Way

incidents = Table(
    "incidents",
    metadata,
    Column("id", String(255), primary_key=True),
    Column("kind", String(500), nullable=False),
    Column("sources", String(500), nullable=False),
    Column("stage", String(500), nullable=False),
    Column("raised", BigInteger, nullable=False, comment="Unix seconds"),
    Column("window", Integer, nullable=False, comment="Seconds"),
    Column("confirmed", Integer, nullable=False),
    Column("signalled", Integer, nullable=False),
    Column("call_at", BigInteger, nullable=False, comment="Unix seconds, or -1"),
    Column("calls", Text, nullable=False, comment="How often each was told, as JSON"),
    Column("told", Text, nullable=False, comment="How each contact stands, as JSON"),
    Column("news", Text, nullable=False, comment="Who has not heard that it is over"),
    Column("nonces", Text, nullable=False, comment="What they may answer, as JSON"),
    comment="Incidents that are not over, or not all know it; the rest is in the log",
)


def _signals() -> list[Column[Any]]:
    return [
        Column("id", String(255), primary_key=True),
        Column("number", BigInteger, nullable=False, comment="Their order"),
        Column("incident", String(500), nullable=False),
        Column("kind", String(500), nullable=False),
        Column("what", String(500), nullable=False),
        Column("made", BigInteger, nullable=False, comment="Unix seconds"),
    ]


def _with_refers() -> list[Column[Any]]:
    return [
        *_signals(),
        Column("raised", BigInteger, nullable=False, comment="Unix seconds"),
        Column("refers", Text, nullable=False, comment="What was told before of it"),
    ]


signals = {
    Way.CENTRE: Table(
        "signals",
        metadata,
        *_signals(),
        comment="What the monitoring centre has not acknowledged",
    ),
    Way.WEBHOOK: Table(
        "webhook_signals",
        metadata,
        *_with_refers(),
        comment="What the server of the webhook has not acknowledged",
    ),
    Way.NOONLIGHT: Table(
        "noonlight_signals",
        metadata,
        *_with_refers(),
        comment="What Noonlight has not acknowledged",
    ),
}


def _told(name: str, refers: str, comment: str) -> Table:
    return Table(
        name,
        metadata,
        Column("incident", String(255), primary_key=True),
        Column("refers", Text, nullable=False, comment=refers),
        comment=comment,
    )


told = {
    Way.WEBHOOK: _told(
        "webhook_told",
        "As CAP refers to it",
        "What the server of the webhook was told of incidents that are open",
    ),
    Way.NOONLIGHT: _told(
        "noonlight_told",
        "The contract, and the id that it gave",
        "What Noonlight was told of incidents that are open",
    ),
}
"""Of the ways where what comes later must say what it is about."""
