"""The log: one append-only Merkle log of everything that happens, and its store."""

from . import place, sealed
from .canonical import Value
from .care import RETENTION_DAYS
from .errors import BadEntry, LogError, LogRefused, LogUnavailable, LogUnreadable
from .kinds import COMMON, KINDS, MAX_TEXT, Kind
from .log import Log
from .model import Also, Entry, Exported, Page
from .tables import checkpoints, entries, metadata, put
from .verify import Report

__all__ = [
    "COMMON",
    "KINDS",
    "MAX_TEXT",
    "RETENTION_DAYS",
    "Also",
    "BadEntry",
    "Entry",
    "Exported",
    "Kind",
    "Log",
    "LogError",
    "LogRefused",
    "LogUnavailable",
    "LogUnreadable",
    "Page",
    "Report",
    "Value",
    "checkpoints",
    "entries",
    "metadata",
    "place",
    "put",
    "sealed",
]
