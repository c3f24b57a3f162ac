"""The log: one append-only Merkle log of everything that happens, and its store."""

from . import place, sealed
from .canonical import Value
from .care import RETENTION_DAYS
from .errors import (
    BadEntry,
    LogError,
    LogRefused,
    LogUnavailable,
    LogUnreadable,
    StampError,
    StampNotBelievable,
    StampNotInstalled,
    StampRefused,
    StampUnreachable,
)
from .export_proofs import VERIFIER, Gone, Redact
from .kinds import COMMON, KINDS, MAX_TEXT, Kind
from .log import MEDIA, Log
from .model import Also, Entry, Exported, Many, Page
from .stamps import MAX_ANSWER, root_certificate
from .tables import checkpoints, entries, erasures, metadata, put
from .verify import Report

__all__ = [
    "COMMON",
    "KINDS",
    "MAX_ANSWER",
    "MAX_TEXT",
    "MEDIA",
    "RETENTION_DAYS",
    "VERIFIER",
    "Also",
    "BadEntry",
    "Entry",
    "Exported",
    "Gone",
    "Kind",
    "Log",
    "LogError",
    "LogRefused",
    "LogUnavailable",
    "LogUnreadable",
    "Many",
    "Page",
    "Redact",
    "Report",
    "StampError",
    "StampNotBelievable",
    "StampNotInstalled",
    "StampRefused",
    "StampUnreachable",
    "Value",
    "checkpoints",
    "entries",
    "erasures",
    "metadata",
    "place",
    "put",
    "root_certificate",
    "sealed",
]
