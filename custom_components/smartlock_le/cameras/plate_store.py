"""The reads of plates, in a file of their own: not in the log, for they are forgotten soon.

What is deleted is overwritten. All of it is for one thread. Raises sqlite3.Error, OSError.
"""

from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
import sqlite3
from typing import Self

from ..log.files import make_empty, make_folder
from .plates import PlateList

_MADE = """
CREATE TABLE IF NOT EXISTS reads (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL,
    camera TEXT NOT NULL,
    time INTEGER NOT NULL,
    score REAL NOT NULL,
    list TEXT NOT NULL
)
"""
_BY_TIME = "CREATE INDEX IF NOT EXISTS reads_by_time ON reads (time)"
_PUT = "INSERT OR REPLACE INTO reads VALUES (?, ?, ?, ?, ?, ?)"


STORE = "plates.db"
"""The file, in our folder."""


def erase_store(path: Path) -> int:
    """Write over what is in the file, and remove it; return how many reads were there."""
    reads = 0
    if path.exists():
        # One that is damaged cannot be written over.
        with suppress(sqlite3.Error), closing(PlateStore(path)) as store:
            reads = store.erase_all()
    _remove(path)
    return reads


def _remove(path: Path) -> None:
    """Remove the file and what SQLite has beside it."""
    for one in (path, path.with_name(path.name + "-journal")):
        one.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Row:
    """A read as it is kept."""

    id: int
    digest: bytes
    camera: str
    time: int
    """Microseconds since 1970."""
    score: float
    list: str
    """Of a PlateList, or empty."""


class PlateStore:
    """The file."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open it, or make it; one that is damaged makes room for another."""
        try:
            return cls(path)
        except sqlite3.OperationalError:
            # It is locked, or the disk is full: what is in it is whole.
            raise
        except sqlite3.DatabaseError:
            _remove(path)
            return cls(path)

    def __init__(self, path: Path) -> None:
        """Open it, or make it; use `open` instead."""
        self._path = path
        self._open()

    def _open(self) -> None:
        make_folder(self._path.parent)
        make_empty(self._path)
        self._file = sqlite3.connect(self._path, check_same_thread=False)
        # Whoever wrote it before may not have come to it.
        self._renewed = -1
        try:
            self._make()
        except sqlite3.Error:
            self._file.close()
            raise

    def _make(self) -> None:
        self._file.execute("PRAGMA secure_delete=ON")
        # What was there before must not stay beside the file.
        self._file.execute("PRAGMA journal_mode=TRUNCATE")
        self._file.execute("PRAGMA temp_store=MEMORY")
        # What is damaged would take reads, and forget none.
        if self._file.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError
        self._file.execute(_MADE)
        self._file.execute(_BY_TIME)
        self._file.commit()

    def last(self) -> int:
        """Return the highest number there is."""
        return int(
            self._file.execute("SELECT ifnull(max(id), 0) FROM reads").fetchone()[0]
        )

    def put(self, rows: Sequence[Row]) -> None:
        """Keep rows; one with the number of another takes its place."""
        with self._file:
            self._file.executemany(
                _PUT,
                [(r.id, r.digest, r.camera, r.time, r.score, r.list) for r in rows],
            )

    def remove(self, numbers: Sequence[int]) -> None:
        """Erase rows by their numbers."""
        with self._file:
            self._file.executemany(
                "DELETE FROM reads WHERE id = ?", [(number,) for number in numbers]
            )

    def erase(self, others_before: int, listed_before: int, now: int) -> int:
        """Erase what is older, listed and not, or of later than now; return how many.

        Nothing is left after that of what was removed, replaced or erased before. A file
        that is damaged would forget nothing any more: it makes room for another.
        """
        try:
            return self._erase(others_before, listed_before, now)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            self._file.close()
            _remove(self._path)
            self._open()
            return 0

    def _erase(self, others_before: int, listed_before: int, now: int) -> int:
        with self._file:
            done = self._file.execute(
                "DELETE FROM reads WHERE time > ?"
                " OR time < CASE list WHEN '' THEN ? ELSE ? END",
                (now, others_before, listed_before),
            )
        self._renew()
        return done.rowcount

    def erase_all(self) -> int:
        """Erase everything; return how many."""
        with self._file:
            done = self._file.execute("DELETE FROM reads").rowcount
        self._renew()
        return done

    def _renew(self) -> None:
        # secure_delete leaves what SQLite moved within a page before it was deleted.
        if self._file.total_changes != self._renewed:
            self._file.execute("VACUUM")
            self._renewed = self._file.total_changes

    def find(
        self, since: int, until: int, digest: bytes | None, limit: int
    ) -> list[Row]:
        """Return reads of a time, of one plate or of all, the newest first."""
        found: Iterable[tuple[int, bytes, str, int, float, str]] = self._file.execute(
            "SELECT * FROM reads WHERE time >= ? AND time < ?"
            " AND (? IS NULL OR digest = ?) ORDER BY time DESC, id DESC LIMIT ?",
            (since, until, digest, digest, limit),
        )
        return [Row(*row) for row in found]

    def relist(self, lists: dict[bytes, PlateList]) -> None:
        """Let rows say which list their plate is in now; those to be ignored are erased."""
        with self._file:
            self._file.execute("UPDATE reads SET list = ''")
            for digest, which in lists.items():
                if which is PlateList.IGNORE:
                    self._file.execute("DELETE FROM reads WHERE digest = ?", (digest,))
                else:
                    self._file.execute(
                        "UPDATE reads SET list = ? WHERE digest = ?", (which, digest)
                    )
        self._renew()

    def close(self) -> None:
        """Close it."""
        self._file.close()
