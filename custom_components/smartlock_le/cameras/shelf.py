"""The folder of pictures: private files, whole or not there. All of it is for a thread."""

from collections.abc import Iterable
from pathlib import Path

from ..log.files import make_folder, sync_folder, written


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

    def get(self, name: str) -> bytes:
        """Return a file."""
        return (self._folder / name).read_bytes()

    def remove(self, names: Iterable[str]) -> None:
        """Remove files, those that are there."""
        for name in names:
            (self._folder / name).unlink(missing_ok=True)
        if self._folder.is_dir():
            sync_folder(self._folder)

    def keep_only(self, names: set[str]) -> int:
        """Remove all others, unfinished ones too; return how many."""
        if not self._folder.is_dir():
            return 0
        others = [path.name for path in self._folder.iterdir()]
        gone = [name for name in others if name not in names]
        self.remove(gone)
        return len(gone)
