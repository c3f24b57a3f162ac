"""What the log takes and what it gives back."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Executable

from .canonical import Value
from .note import root_of

type Many = tuple[Executable, list[dict[str, Any]]]
"""One statement for many rows: it is compiled once."""
type Also = Callable[[int], Iterable[Executable | Many]]
"""Gives the statements that belong to an entry, for its sequence number.

Called in the database thread, once for each attempt: it must have no other effect.
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: `fields` has all of them, `kind`, `time` and `entered` included."""

    seq: int
    kind: str
    time: datetime
    fields: Mapping[str, Value]


@dataclass
class Page:
    """Some entries, and what to pass as `after` to get those that follow, if any."""

    entries: list[Entry]
    next_after: int | None


@dataclass(frozen=True, slots=True)
class Exported:
    """A copy of the log: where it is, how many entries it has, its SHA-256 in hex."""

    path: Path
    entries: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A checked entry on its way to the store; `fields` are its own, in order."""

    kind: str
    time: datetime
    fields: Mapping[str, Value]
    also: Also | None


@dataclass(frozen=True, slots=True)
class Head:
    """What is durable of the log that grows: number of its first entry, size, root."""

    first: int
    size: int
    root: bytes
    checkpoint: str

    @property
    def end(self) -> int:
        """The number that the next entry gets."""
        return self.first + self.size


@dataclass(frozen=True, slots=True)
class LogRow:
    """One log of the store: numbers of its entries, who signs, its newest checkpoint."""

    first: int
    origin: str
    vkey: str
    size: int
    checkpoint: str

    @property
    def root(self) -> bytes:
        """The root that the checkpoint names (32 bytes)."""
        return bytes.fromhex(root_of(self.checkpoint))

    @property
    def header(self) -> dict[str, Value]:
        """What a copy says of it."""
        return {
            "first": self.first,
            "origin": self.origin,
            "vkey": self.vkey,
            "size": self.size,
            "checkpoint": self.checkpoint,
        }
