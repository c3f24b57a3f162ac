"""The papers of requests: private files by their hash, whatever they were called."""

from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import datetime
import hashlib
from pathlib import Path
import re
import unicodedata

from ..log.files import make_folder, written
from ..models import utc_now
from .models import RequestError

MAX_BYTES = 25 * 1024 * 1024
MOST = 20
"""Papers of one request."""
_PIECE = 1 << 20
_LONGEST = 100


@dataclass(frozen=True, slots=True)
class Document:
    """One paper."""

    sha256: str
    name: str = field(repr=False)
    bytes: int
    added: datetime


class Documents:
    """The folder of them. All of it blocks."""

    def __init__(self, folder: Path) -> None:
        """Take the folder, which need not be there."""
        self._folder = folder

    def path(self, sha256: str) -> Path:
        """Return where one is, or would be."""
        return self._folder / sha256

    def take(self, source: AbstractContextManager[Path]) -> Document:
        """Copy a file, which is there while `source` is open.

        Raises RequestError, OSError, what `source` raises: nothing is there then.
        """
        make_folder(self._folder)
        digest, size = hashlib.sha256(), 0
        # Under its hash, which is known at the end.
        first = self._folder / "incoming"
        try:
            with (
                source as path,
                path.open("rb") as file,
                written(first) as copy,
            ):
                name = path.name
                while piece := file.read(_PIECE):
                    size += len(piece)
                    if size > MAX_BYTES:
                        raise RequestError("document_too_long")
                    digest.update(piece)
                    copy.write(piece)
            if not size:
                raise RequestError("document_empty")
            first.replace(self.path(digest.hexdigest()))
        finally:
            first.unlink(missing_ok=True)
        now = utc_now().replace(microsecond=0)
        return Document(digest.hexdigest(), plain_name(name), size, now)

    def sweep(self, known: set[str]) -> None:
        """Take away what no request has: a copy that was interrupted."""
        # No folder: no paper yet.
        with suppress(FileNotFoundError):
            for path in self._folder.iterdir():
                if path.name not in known:
                    path.unlink(missing_ok=True)

    def intact(self, document: Document) -> bool:
        """Tell whether a paper is still what it was."""
        try:
            with self.path(document.sha256).open("rb") as file:
                return (
                    hashlib.file_digest(file, "sha256").hexdigest() == document.sha256
                )
        except OSError:
            return False


def plain_name(name: str) -> str:
    """Return a file name without a path, and nothing in it that a system could act on."""
    last = re.split(r"[/\\:]", unicodedata.normalize("NFKC", name))[-1]
    plain = "".join(
        letter if unicodedata.category(letter)[0] in "LN" or letter in " -_.()" else "_"
        for letter in last
    )
    stem, dot, suffix = plain.strip(" .").rpartition(".")
    if not dot:
        stem, suffix = suffix, ""
    stem = stem.strip(" .")[: _LONGEST - 12] or "document"
    return f"{stem}.{suffix[:10]}" if suffix else stem
