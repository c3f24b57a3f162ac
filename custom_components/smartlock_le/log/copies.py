"""Copies that leave the log for the owner's private folder; each is an entry, none a release."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..models import Actor, utc_now
from .canonical import Value
from .errors import LogRefused, LogUnavailable
from .files import make_folder
from .model import Exported

if TYPE_CHECKING:
    from .log import Log

# Two copies within a second are two files.
_STAMP = "%Y%m%dT%H%M%S.%fZ"


class Copies:
    """Writes copies of the log into one folder."""

    def __init__(self, log: Log, folder: Path) -> None:
        """Take the log and the folder, which need not be there."""
        self._log = log
        self._folder = folder

    async def whole(self, actor: Actor) -> dict[str, Any]:
        """Write the owner's copy of the log; return where, how many, and its hash.

        Raises LogUnavailable.
        """
        return await self._write("owner_copy", "log", "jsonl", self._log.export, actor)

    async def proofs(
        self, first: int, last: int, withhold: Collection[str], actor: Actor
    ) -> dict[str, Any]:
        """Write entries `first` to `last` with their proofs; return as `whole` does.

        Raises LogRefused, LogUnavailable.
        """
        if not 0 <= first <= last < self._log.end:
            raise LogRefused("entry_not_found")

        def export(path: Path) -> Awaitable[Exported]:
            numbers = range(first, last + 1)
            return self._log.export_proofs(path, numbers, withhold)

        return await self._write("proofs", "proofs", "zip", export, actor)

    async def of_person(self, name: str, actor: Actor) -> dict[str, Any]:
        """Write what the log has of one person, with proofs; return as `whole` does.

        Raises LogRefused, LogUnavailable.
        """
        if not (numbers := await self._log.care.of_person(name)):
            raise LogRefused("person_not_found")

        def export(path: Path) -> Awaitable[Exported]:
            return self._log.export_proofs(path, numbers)

        return await self._write("person", "person", "zip", export, actor)

    async def _write(
        self,
        purpose: str,
        name: str,
        suffix: str,
        export: Callable[[Path], Awaitable[Exported]],
        actor: Actor,
    ) -> dict[str, Any]:
        path = self._folder / f"{name}-{utc_now():{_STAMP}}.{suffix}"
        try:
            await asyncio.to_thread(make_folder, path.parent)
        except OSError as err:
            raise LogUnavailable(f"no place for the copy: {err.strerror}") from err
        done = await export(path)
        said: dict[str, Value] = {"entries": done.entries, "sha256": done.sha256}
        try:
            await self._log.append(
                "export", {"purpose": purpose, **said, **actor.fields()}
            )
        except LogUnavailable:
            # No copy without its entry.
            await asyncio.to_thread(path.unlink)
            raise
        return {"path": str(done.path), **said, "release": False}
