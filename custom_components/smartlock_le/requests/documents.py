"""The documents of requests: private files by their hash, whatever they were called."""

import asyncio
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
import hashlib
import os
from pathlib import Path
import re
import secrets
import unicodedata

from sqlalchemy import select

from ..log import Log, LogUnavailable
from ..log.files import make_folder, written
from ..models import Actor, utc_now
from .models import RequestError
from .request import Request
from .tables import documents as table

MAX_BYTES = 25 * 1024 * 1024
MOST = 20
"""Documents of one request."""
_PIECE = 1 << 20
_INCOMING = "incoming-"
_LOST = "lost-"
_ORPHAN = timedelta(days=90)
_LONGEST = 100


@dataclass(frozen=True, slots=True)
class Document:
    """One document."""

    sha256: str
    name: str = field(repr=False)
    bytes: int
    added: datetime


class Documents:
    """All of them: a folder, and rows of the log's store."""

    def __init__(self, log: Log, folder: Path) -> None:
        """Take the log, and the folder, which need not be there."""
        self._log = log
        self._folder = folder

    async def of(self, request_id: str) -> list[Document]:
        """Return the documents of a request, the oldest first. Raises LogUnavailable."""
        query = select(table).where(table.c.request == request_id)
        rows = await self._log.read(query.order_by(table.c.added))
        return [
            Document(
                row["sha256"],
                row["name"],
                row["bytes"],
                datetime.fromtimestamp(row["added"], UTC),
            )
            for row in rows
        ]

    async def add(
        self, request: Request, source: AbstractContextManager[Path], actor: Actor
    ) -> Document:
        """Keep a copy of a file, which is there while `source` is open.

        Raises RequestError, LogUnavailable, what `source` raises: nothing is kept then.
        """
        kept = await self.of(request.id)
        if len(kept) >= MOST:
            raise RequestError("document_too_many")
        try:
            made = await asyncio.to_thread(self._take, source)
        except OSError:
            raise RequestError("document_not_kept") from None
        if made.sha256 in {one.sha256 for one in kept}:
            return made
        row = table.insert().values(
            request=request.id,
            sha256=made.sha256,
            name=made.name,
            bytes=made.bytes,
            added=int(made.added.timestamp()),
        )
        entry = request.entry("document", actor, document=made.sha256)
        try:
            await self._log.append("request", entry, also=lambda _: [row])
        except LogUnavailable:
            await self.forget([made])
            raise
        return made

    async def find(self, request_id: str, sha256: str) -> tuple[Path, Document]:
        """Return where a document is. Raises RequestError, LogUnavailable."""
        kept = {one.sha256: one for one in await self.of(request_id)}
        if (found := kept.get(sha256)) is None:
            raise RequestError("request_not_found")
        path = self._folder / sha256
        if not await asyncio.to_thread(_is, path, sha256):
            raise RequestError("document_damaged")
        return path, found

    async def forget(self, documents: list[Document]) -> None:
        """Take away those that no request has any more. Raises LogUnavailable."""
        for one in documents:
            query = select(table.c.request).where(table.c.sha256 == one.sha256)
            if not await self._log.read(query):
                path = self._folder / one.sha256
                # What stays now goes at the next start.
                with suppress(OSError):
                    await asyncio.to_thread(path.unlink)

    async def sweep(self) -> None:
        """Take away copies that were interrupted, and files that no request has.

        The latter after three months: should the log be lost, there is time to put it
        back. Raises LogUnavailable.
        """
        if self._log.volatile:
            return
        rows = await self._log.read(select(table.c.sha256))
        known = {row["sha256"] for row in rows}
        now = utc_now()
        old = (now - _ORPHAN).timestamp()

        def sweep() -> None:
            for path in sorted(self._folder.iterdir()):
                name = path.name.removeprefix(_LOST)
                if path.name.lstrip(".").startswith(_INCOMING):
                    path.unlink(missing_ok=True)
                elif name in known:
                    path.replace(self._folder / name)
                elif not path.name.startswith(_LOST):
                    # From now on: it may have been attached long ago.
                    os.utime(path, (now.timestamp(), now.timestamp()))
                    path.replace(self._folder / f"{_LOST}{name}")
                elif path.stat().st_mtime < old:
                    path.unlink(missing_ok=True)

        # No folder: no document yet.
        with suppress(OSError):
            await asyncio.to_thread(sweep)

    def _take(self, source: AbstractContextManager[Path]) -> Document:
        make_folder(self._folder)
        digest, size = hashlib.sha256(), 0
        # Under its hash, which is known at the end.
        first = self._folder / f"{_INCOMING}{secrets.token_hex(8)}"
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
            first.replace(self._folder / digest.hexdigest())
        finally:
            first.unlink(missing_ok=True)
        now = utc_now().replace(microsecond=0)
        return Document(digest.hexdigest(), plain_name(name), size, now)


def _is(path: Path, sha256: str) -> bool:
    """Tell whether a file is still what it was."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
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
