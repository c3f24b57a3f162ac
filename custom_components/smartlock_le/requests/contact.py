"""The owner's own contact: somebody at the local police whom one talks to before it matters.

It is for the owner alone: nothing is sent to anybody, and nothing is asked of them from here.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Executable, delete, select

from ..log import Log, put
from ..models import Actor, utc_now
from . import checks
from .models import BadField, RequestError
from .tables import contact as table, contact_notes as notes_table

REMIND = timedelta(days=182)
MOST_NOTES = 200
_ONLY = 1
"""There is one contact: whom somebody calls should not need a search."""


@dataclass(frozen=True, slots=True)
class Note:
    """What the owner wrote down of a talk."""

    time: datetime
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Contact:
    """Who it is, and what was said."""

    name: str = field(repr=False)
    reach: str = field(default="", repr=False)
    """Telephone, e-mail, a desk: as the owner wrote it."""
    remind: bool = False
    saved: datetime | None = None
    notes: tuple[Note, ...] = ()
    """The newest first."""

    def due(self, now: datetime) -> bool:
        """Tell whether the owner wants to be told that it is time for a talk."""
        last = self.notes[0].time if self.notes else self.saved
        return self.remind and last is not None and now - last >= REMIND


class LocalContact:
    """The contact, in the log's store."""

    def __init__(self, log: Log) -> None:
        """Take the log."""
        self._log = log
        self._changing = asyncio.Lock()

    async def get(self) -> Contact | None:
        """Return it, if there is one. Raises LogUnavailable."""
        rows = await self._log.read(select(table))
        if not rows:
            return None
        row = rows[0]
        newest = notes_table.c.time.desc(), notes_table.c.number.desc()
        notes = await self._log.read(select(notes_table).order_by(*newest))
        return Contact(
            row["name"],
            row["reach"],
            bool(row["remind"]),
            _moment(row["saved"]),
            tuple(Note(_moment(note["time"]), note["text"]) for note in notes),
        )

    async def save(self, said: Mapping[str, Any], actor: Actor) -> None:
        """Say who it is. Raises RequestError, LogUnavailable: nothing is kept then."""
        name = checks.text("name", said.get("name", ""))
        if not name:
            raise BadField("name", "agency_text")
        row = {
            "id": _ONLY,
            "name": name,
            "reach": checks.text("reach", said.get("reach", "")),
            "remind": int(bool(said.get("remind"))),
            "saved": int(utc_now().timestamp()),
        }
        async with self._changing:
            await self._enter("saved", actor, put(table, **row))

    async def note(self, text: Any, actor: Actor) -> None:
        """Write something down, with the date of today. Raises as `save` does."""
        plain = checks.text("text", text, longest=500)
        if not plain:
            raise BadField("text", "agency_text")
        async with self._changing:
            before = await self.get()
            if before is None:
                raise RequestError("contact_none")
            if len(before.notes) >= MOST_NOTES:
                raise RequestError("contact_full")
            rows = await self._log.read(select(notes_table.c.number))
            number = max((row["number"] for row in rows), default=0) + 1
            now = int(utc_now().timestamp())
            made = notes_table.insert().values(number=number, time=now, text=plain)
            await self._enter("note", actor, [made])

    async def remove(self, actor: Actor) -> None:
        """Forget it and what was written down. Raises LogUnavailable."""
        async with self._changing:
            await self._enter("removed", actor, [delete(table), delete(notes_table)])

    async def _enter(
        self, event: str, actor: Actor, statements: list[Executable]
    ) -> None:
        await self._log.append(
            "contact", {"event": event, **actor.fields()}, also=lambda _: statements
        )


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
