"""Pictures and their entries: kept together, found again, erased when it is time."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
import hashlib
from itertools import batched
import logging
from pathlib import Path
import secrets
from typing import Any

from homeassistant.core import HomeAssistant
from sqlalchemy import RowMapping, Select, insert, select, update

from ..log import Log
from ..log.canonical import dumps, microseconds, moment
from ..models import HOME_ACTOR, Actor, utc_now
from .models import Media
from .shelf import Shelf
from .still import Still
from .tables import media

_LOGGER = logging.getLogger(__name__)

STILL = ".jpg"
_CHUNK = 500
_KEPT = -1
"""In the column `erased`: it is there."""


class Album:
    """The folder and its table.

    A file is there before its row, and goes after it: what has no row is no picture.
    """

    def __init__(self, hass: HomeAssistant, log: Log, folder: Path) -> None:
        """Take the log and where the files go."""
        self._hass = hass
        self._log = log
        self._shelf = Shelf(folder)

    async def start(self) -> None:
        """Remove what has no row: we were stopped between the two. Raises LogUnavailable."""
        if self._log.volatile:
            return
        rows = await self._log.read(select(media.c.file).where(media.c.erased == _KEPT))
        names = {row["file"] for row in rows}
        try:
            gone = await self._hass.async_add_executor_job(self._shelf.keep_only, names)
        except OSError as err:
            _LOGGER.warning("The folder of pictures: %s", err.strerror)
            return
        if gone:
            _LOGGER.info("Removed %s files that are no pictures of the log", gone)

    async def keep(
        self,
        still: Still | None,
        result: str,
        *,
        camera: str,
        lock: str,
        of: int,
        masks: int,
    ) -> Media | None:
        """Enter a picture, or why there is none; return it if it is kept."""
        name = ""
        if still is not None:
            name = secrets.token_hex(16) + STILL
            try:
                await self._hass.async_add_executor_job(
                    self._shelf.put, name, still.data
                )
            except OSError as err:
                _LOGGER.warning("A picture was not kept: %s", err.strerror)
                still, result, name = None, "not_kept", ""
        time = utc_now()

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
                    time=microseconds(time),
                    erased=_KEPT,
                )
            ]

        await self._log.append_or_keep(
            "media",
            {
                "camera": camera,
                "lock": lock,
                "of": of,
                "what": "still",
                "result": result,
                "file": name,
                "sha256": hashlib.sha256(still.data).hexdigest() if still else "",
                "bytes": len(still.data) if still else 0,
                "width": still.width if still else 0,
                "height": still.height if still else 0,
                "masks": masks,
            },
            time=time,
            also=remember,
        )
        return Media(name, camera, lock, time, of) if name else None

    async def of_camera(
        self, camera: str, *, limit: int, before: datetime | None = None
    ) -> list[Media]:
        """Return its pictures, the newest first. Raises LogUnavailable."""
        found = self._there().where(media.c.camera == camera)
        if before is not None:
            found = found.where(media.c.time < microseconds(before))
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

    async def read(self, found: Media) -> bytes | None:
        """Return a picture's JPEG; None: it cannot be read."""
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

    async def erase_of(self, entries: Collection[int]) -> list[Media]:
        """Erase the pictures of these accesses: a person's wish. Raises LogUnavailable."""
        numbers = set(entries)
        return await self._erase(
            lambda row: row["access_entry"] in numbers, "person", HOME_ACTOR
        )

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
            await self._unlink([row["file"] for row in gone])
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

    async def _unlink(self, files: list[str]) -> None:
        try:
            await self._hass.async_add_executor_job(self._shelf.remove, files)
        except OSError as err:
            # They have no row: the next start removes them.
            _LOGGER.warning("Erased pictures are still there: %s", err.strerror)


def _media(row: RowMapping) -> Media:
    return Media(
        row["file"],
        row["camera"],
        row["lock"],
        moment(row["time"]),
        row["access_entry"],
    )
