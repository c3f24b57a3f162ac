"""The lock's own log (commands 0x0031 to 0x0033)."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from .wire import LogType

MAX_ENTRIES = 1000
"""The document gives no limit; the oldest entries fall out, indexes go on."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry of the log."""

    index: int
    moment: datetime
    auth_id: int
    name: str
    type: LogType
    data: bytes


@dataclass(slots=True)
class Log:
    """The log, oldest entry first."""

    entries: deque[LogEntry] = field(default_factory=lambda: deque(maxlen=MAX_ENTRIES))
    next_index: int = 1

    def add(
        self, moment: datetime, auth_id: int, name: str, kind: LogType, data: bytes
    ) -> LogEntry:
        """Append an entry."""
        entry = LogEntry(self.next_index, moment, auth_id, name, kind, data)
        self.next_index += 1
        self.entries.append(entry)
        return entry

    def after(self, start: int, *, descending: bool) -> list[LogEntry]:
        """Select as Request Log Entries (0x0031) says; `start` itself is left out."""
        if descending:
            return [
                entry
                for entry in reversed(self.entries)
                if not start or entry.index < start
            ]
        return [entry for entry in self.entries if entry.index > start]
