"""The head marker: how far the log had come, kept outside the database.

A database that is behind it was put back from a copy; a marker that is not the file it
says it is was copied with its folder. Either way the log that goes on is a new one.
"""

from dataclasses import dataclass
import hashlib
import os
from pathlib import Path
import time
from typing import Any

import orjson

from .files import make_empty

_SLOT = 1024
"""Bytes a slot; two, written in turn, so that a torn write spoils only one."""
_SLOW = 1_000_000
"""Microseconds that may pass between our noting the time and the write."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The head of a log: number of its first entry, size, root in hex, who signs."""

    first: int
    size: int
    root: str
    origin: str
    vkey: str


_FIELDS = set(Mark.__slots__)


class Marker:
    """A file of two slots, written in place after each commit: never ahead of it."""

    def __init__(self, path: Path) -> None:
        """Read the file, if there is one. Raises OSError."""
        self._path = path
        self._file = -1
        self._count = 0
        self._inode = 0
        self.mark: Mark | None = None
        self.copied = False
        """The file was copied or restored since it was last written."""
        if path.exists():
            self._read()

    def _read(self) -> None:
        with self._path.open("rb") as file:
            found = [slot for _ in range(2) if (slot := _parse(file.read(_SLOT)))]
            state = os.fstat(file.fileno())
        if found:
            newest = max(found, key=lambda slot: slot["count"])
            self._count = newest["count"]
            self.mark = Mark(**newest["mark"])
            # Both: some file systems number their files anew each time they are mounted.
            self.copied = (
                newest["inode"] != state.st_ino
                and state.st_ctime_ns // 1000 > newest["written"] + _SLOW
            )

    def write(self, mark: Mark) -> None:
        """Note how far the log has come. Raises OSError."""
        if self._file < 0:
            make_empty(self._path)
            self._file = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
            self._inode = os.fstat(self._file).st_ino
        self._count += 1
        body = orjson.dumps(
            {
                "count": self._count,
                "inode": self._inode,
                "mark": mark,
                "written": time.time_ns() // 1000,
            }
        )
        # Not synced: a power cut may lose the last marks, and they are only behind then.
        os.pwrite(
            self._file,
            (hashlib.sha256(body).hexdigest().encode() + body).ljust(_SLOT),
            self._count % 2 * _SLOT,
        )
        self.mark = mark

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _parse(slot: bytes) -> dict[str, Any] | None:
    """Return what a slot says, or None if it was never written, or torn."""
    digest, body = slot[:64], slot[64:].rstrip(b" ")
    if hashlib.sha256(body).hexdigest().encode() != digest:
        return None
    found: dict[str, Any] = orjson.loads(body)
    # Of another version, it is no mark of ours.
    return found if found.get("mark", {}).keys() == _FIELDS else None
