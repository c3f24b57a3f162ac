"""Pictures and their entries: kept together, found again, erased when it is time."""

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
import hashlib
from itertools import batched
import logging
from pathlib import Path
import secrets
from typing import Any

from homeassistant.core import HomeAssistant
from sqlalchemy import RowMapping, Select, insert, select, update

from ..log import Log, entries, erasures
from ..log.canonical import dumps, microseconds, moment
from ..models import HOME_ACTOR, Actor, Picture, utc_now
from .models import Media, Taken, What
from .shelf import Shelf
from .tables import media

_LOGGER = logging.getLogger(__name__)

TAKEN = "taken"
"""The result of a picture that is kept."""
_VISIT = 120_000_000
"""Microseconds before and after an access in which it is the same visit."""
_CHUNK = 500
_KEPT = -1
"""In the column `erased`: it is there."""


class Album:
    """The folder and its table.

    A file is there before its row, and goes after it: what has no row is not shown.
    """

    def __init__(self, hass: HomeAssistant, log: Log, folder: Path) -> None:
        """Take the log and where the files go."""
        self._hass = hass
        self._log = log
        self._shelf = Shelf(folder)

    async def tidy(self, days: int) -> None:
        """Remove what could not be when it was erased, and files that no row names.

        The latter go when a picture of that age would: should the log be lost, there is
        time to put it back. Raises LogUnavailable.
        """
        if self._log.volatile or not self._log.care.trusts_clock():
            return
        async with self._log.care.undisturbed() as now:
            if not now:
                return
            rows = await self._log.read(select(media.c.file, media.c.erased))
            kept = {row["file"] for row in rows if row["erased"] == _KEPT}
            erased = {row["file"] for row in rows if row["erased"] != _KEPT}
            end = (utc_now() - timedelta(days=days)).timestamp()
            await self._remove(partial(self._shelf.tidy, kept, erased, end))

    async def keep(
        self,
        what: What,
        taken: Taken | None,
        result: str,
        *,
        camera: str,
        lock: str,
        of: int,
        began: datetime,
        wanted: Callable[[], bool],
    ) -> Media | None:
        """Enter a picture or clip, or why there is none; return it if it is kept.

        `began` is when it was asked for: a clip shows that time, and is whole much later.
        `wanted` tells whether the owner still wants it, as it is.
        """
        name = secrets.token_hex(16) + what.suffix if taken else ""
        if taken is not None:
            result = await self._put(name, taken.data, wanted) or result
            if result != TAKEN:
                taken, name = None, ""

        def remember(seq: int) -> list[Any]:
            if not name:
                return []
            return [
                insert(media).values(
                    file=name,
                    seq=seq,
                    access_entry=of,
                    camera=camera,
                    lock=lock,
                    time=microseconds(began),
                    erased=_KEPT,
                )
            ]

        await self._log.append_or_keep(
            "media",
            {
                "camera": camera,
                "lock": lock,
                "of": of,
                "what": what.value,
                "result": result,
                "file": name,
                "sha256": hashlib.sha256(taken.data).hexdigest() if taken else "",
                "bytes": len(taken.data) if taken else 0,
                "width": taken.width if taken else 0,
                "height": taken.height if taken else 0,
                "masks": taken.masks if taken else 0,
            },
            also=remember,
        )
        return Media(name, camera, lock, began, of) if name else None

    async def _put(
        self, name: str, data: bytes, wanted: Callable[[], bool]
    ) -> str | None:
        """Write a file; return why not, if so."""
        if not wanted():
            return "withdrawn"
        putting = self._hass.async_add_executor_job(self._shelf.put, name, data)
        try:
            await asyncio.shield(putting)
        except OSError as err:
            _LOGGER.warning("A picture was not kept: %s", err.strerror)
            return "not_kept"
        except asyncio.CancelledError:
            # The thread goes on, and nobody will know of what it writes.
            await asyncio.wait([putting])
            await self._remove(partial(self._shelf.remove, [name]))
            raise
        if wanted():
            return None
        await self._remove(partial(self._shelf.remove, [name]))
        return "withdrawn"

    async def of_camera(
        self, camera: str, *, limit: int, what: What | None = None
    ) -> list[Media]:
        """Return what is kept of it, the newest first. Raises LogUnavailable."""
        found = self._there().where(media.c.camera == camera)
        if what is not None:
            found = found.where(media.c.file.endswith(what.suffix))
        rows = await self._log.read(found.order_by(media.c.time.desc()).limit(limit))
        return [_media(row) for row in rows]

    async def cameras(self) -> list[str]:
        """Return the ids of the cameras that have pictures. Raises LogUnavailable."""
        found = select(media.c.camera).where(media.c.erased == _KEPT).distinct()
        return [row["camera"] for row in await self._log.read(found)]

    async def find(self, file: str) -> Media | None:
        """Return the picture with that name. Raises LogUnavailable."""
        rows = await self._log.read(self._there().where(media.c.file == file))
        return _media(rows[0]) if rows else None

    async def within(self, since: datetime, until: datetime) -> list[Picture]:
        """Return what is kept of a window, with its entry. Raises LogUnavailable."""
        rows = await self._log.read(
            self._there().where(
                media.c.time >= microseconds(since), media.c.time < microseconds(until)
            )
        )
        return [
            Picture(
                row["seq"],
                str(self._shelf.path(row["file"])),
                row["camera"],
                moment(row["time"]),
            )
            for row in rows
        ]

    def path(self, found: Media) -> Path:
        """Return where its file is."""
        return self._shelf.path(found.file)

    async def read(self, found: Media) -> bytes | None:
        """Return its bytes; None: it cannot be read."""
        try:
            return await self._hass.async_add_executor_job(self._shelf.get, found.file)
        except OSError as err:
            _LOGGER.warning("A picture cannot be read: %s", err.strerror)
            return None

    def _there(self) -> Select[Any]:
        return select(media).where(media.c.erased == _KEPT)

    async def erase_old(self, days: int) -> list[Media]:
        """Erase the pictures older than so many days, but what is held; return them.

        Raises LogUnavailable; nothing is erased then.
        """
        if self._log.volatile or not self._log.care.trusts_clock():
            return []
        end = microseconds(utc_now() - timedelta(days=days))
        return await self._erase(lambda row: row["time"] < end, "retention", HOME_ACTOR)

    async def erase_persons(self) -> list[Media]:
        """Erase the pictures of persons whose name was erased; return them.

        All of their accesses, and others of that door just before and after: they are in
        those, too. Safe to do again. Raises LogUnavailable.
        """
        if self._log.volatile:
            return []
        columns = (entries.c.seq, entries.c.time, entries.c.lock, entries.c.kind)
        named = select(*columns).join(erasures, erasures.c.seq == entries.c.seq)
        rows = await self._log.read(named)
        numbers = {row["seq"] for row in rows}
        visits = [(row["time"], row["lock"]) for row in rows if row["kind"] == "access"]
        visits.sort()

        def theirs(row: RowMapping) -> bool:
            if row["access_entry"] in numbers:
                return True
            first = bisect_left(visits, (row["time"] - _VISIT,))
            last = bisect_left(visits, (row["time"] + _VISIT,))
            return any(row["lock"] in ("", lock) for _, lock in visits[first:last])

        return await self._erase(theirs, "person", HOME_ACTOR)

    async def _erase(
        self, due: Callable[[RowMapping], bool], reason: str, actor: Actor
    ) -> list[Media]:
        """Enter an erasure and do it: after its entry, the files can only go."""
        async with self._log.care.undisturbed() as now:
            if not now:
                return []
            rows = [row for row in await self._log.read(self._there()) if due(row)]
            holds = await self._log.care.holds()
            gone = [
                row
                for row in rows
                if not any(h.covers(moment(row["time"]), row["lock"]) for h in holds)
            ]
            if not gone:
                return []
            await self._enter(gone, len(rows) - len(gone), reason, actor)
            files = [row["file"] for row in gone]
            await self._remove(partial(self._shelf.remove, files))
        return [_media(row) for row in gone]

    async def _enter(
        self, gone: Sequence[RowMapping], kept: int, reason: str, actor: Actor
    ) -> None:
        numbers = sorted(row["seq"] for row in gone)
        files = [row["file"] for row in gone]
        # Where and when it was goes with it; the entry says that until its own time.
        blank = {"access_entry": -1, "camera": "", "lock": "", "time": 0}
        await self._log.append(
            "media_erased",
            {
                "reason": reason,
                "files": len(gone),
                "kept": kept,
                "sha256": hashlib.sha256(dumps(numbers)).hexdigest(),
                **actor.fields(),
            },
            also=lambda seq: [
                update(media).where(media.c.file.in_(some)).values(erased=seq, **blank)
                for some in batched(files, _CHUNK)
            ],
        )

    async def _remove(self, work: Callable[[], int]) -> None:
        try:
            left = await self._hass.async_add_executor_job(work)
        except OSError as err:
            _LOGGER.warning("The folder of pictures: %s", err.strerror)
            return
        if left:
            # They are tried again each day.
            _LOGGER.warning("%s erased pictures could not be removed yet", left)


def _media(row: RowMapping) -> Media:
    return Media(
        row["file"],
        row["camera"],
        row["lock"],
        moment(row["time"]),
        row["access_entry"],
    )
