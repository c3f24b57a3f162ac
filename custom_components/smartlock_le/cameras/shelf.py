"""The folder of pictures: private files, whole or not there. All of it is for a thread."""

from collections.abc import Collection, Iterable
from pathlib import Path
from stat import S_ISREG
import time

from ..log.files import make_folder, sync_folder, written

_UNFINISHED = 3600.0
"""Seconds after which nobody writes a file any more."""


class Shelf:
    """Files by name in one folder. Each call raises OSError."""

    def __init__(self, folder: Path) -> None:
        """Take the folder; it is made with its first file."""
        self._folder = folder

    def put(self, name: str, data: bytes) -> None:
        """Keep a file, durable."""
        make_folder(self._folder)
        with written(self._folder / name) as file:
            file.write(data)

    def path(self, name: str) -> Path:
        """Return where a file is."""
        return self._folder / name

    def get(self, name: str) -> bytes:
        """Return a file."""
        return (self._folder / name).read_bytes()

    def remove(self, names: Iterable[str]) -> int:
        """Remove files, those that are there; return how many could not be."""
        left = 0
        for name in names:
            try:
                (self._folder / name).unlink(missing_ok=True)
            except OSError:
                left += 1
        if self._folder.is_dir():
            sync_folder(self._folder)
        return left

    def tidy(self, kept: Collection[str], erased: Collection[str], end: float) -> int:
        """Remove what was erased, what was not finished, and strangers older than `end`.

        `end` is in seconds since 1970. Returns how many could not be removed.
        """
        if not self._folder.is_dir():
            return 0
        unfinished = time.time() - _UNFINISHED
        gone = []
        for path in self._folder.iterdir():
            found = path.lstat()
            if path.name in kept or not S_ISREG(found.st_mode):
                continue
            until = unfinished if path.name.startswith(".") else end
            if path.name in erased or found.st_mtime < until:
                gone.append(path.name)
        return self.remove(gone)
