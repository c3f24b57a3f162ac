"""Plates as they are read: compared, kept for hours, told where they are listed."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
import logging
from pathlib import Path
import sqlite3
from typing import Any

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later, async_track_time_interval

from ..log import Log
from ..log.canonical import microseconds, moment
from ..models import HOME_ACTOR, Actor, utc_now
from .plate_file import PlatesLocked, load, save
from .plate_store import STORE, PlateStore, Row, erase_store
from .plates import PlateBook, PlateList, PlateRead, Sightings

_LOGGER = logging.getLogger(__name__)

FLUSH = 1.0
"""Seconds until a read is on the disk."""
_AT_ONCE = 200
"""Reads that are not kept waiting for that."""
_MOST_WAITING = 5000
"""Reads that wait while the disk takes none; the oldest are given up."""
_ERASE = timedelta(minutes=10)
AHEAD = timedelta(hours=1)
"""A read of later than that was made by a clock that was wrong."""


@dataclass(frozen=True, slots=True)
class PlateSettings:
    """What the owner decided."""

    on: bool = False
    floor: float = 0.8
    """How sure a reader must be: 0.0 to 1.0."""
    hours: int = 24
    """How long a read is kept whose plate is not listed."""
    days: int = 30
    """How long one is kept whose plate is."""
    topic: str = "frigate"
    """Under which Frigate speaks on MQTT."""

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> PlateSettings:
        """Read them from the entry's options."""
        names = cls.__dataclass_fields__
        return cls(**{name: options[name] for name in names if name in options})


class PlateReads:
    """All reads of all cameras."""

    def __init__(
        self,
        hass: HomeAssistant,
        log: Log,
        folder: Path,
        spawn: Callable[[Coroutine[Any, Any, Any], str], object],
        hit: Callable[[str, PlateList], None],
    ) -> None:
        """Keep files in our private folder; `hit` is told of listed plates, by camera."""
        self._hass = hass
        self._log = log
        self._keys = folder / "keys" / "plates.json"
        self._path = folder / STORE
        self._spawn = spawn
        self._hit = hit
        self.settings = PlateSettings()
        self._book: PlateBook | None = None
        self._store: PlateStore | None = None
        self._thread = ThreadPoolExecutor(1, "smartlock-plates")
        self._sightings = Sightings()
        self._waiting: dict[int, Row | None] = {}
        """By number; None: it is to go."""
        self._next = 1
        self._erased = 0
        """Since the last entry that says so."""
        self._writing = asyncio.Lock()
        self._flush_at: CALLBACK_TYPE | None = None
        self._undo: CALLBACK_TYPE | None = None

    async def start(self, settings: PlateSettings) -> None:
        """Read plates if the owner wants it. Raises PlatesLocked."""
        if not settings.on:
            # We may have been stopped in the middle of switching off.
            await self._remove()
            return
        self.settings = replace(settings, on=False)
        try:
            self._store = await self._run(lambda: PlateStore.open(self._path))
            self._next = await self._run(self._store.last) + 1
        except (sqlite3.Error, OSError) as err:
            raise PlatesLocked(type(err).__name__) from None
        # What is there is forgotten on time, also where no more can be read.
        self._undo = async_track_time_interval(self._hass, self._due, _ERASE)
        self._book = await self._run(lambda: load(self._keys))
        self.settings = settings

    def change(self, settings: PlateSettings) -> bool:
        """Take other settings, what is in sight stays known; False: it must be started."""
        if not (self.settings.on and settings.on):
            return False
        self.settings = settings
        return True

    async def stop(self) -> None:
        """Write what waits, and end."""
        self.settings = replace(self.settings, on=False)
        if self._undo:
            self._undo()
            self._undo = None
        if self._flush_at:
            self._flush_at()
            self._flush_at = None
        if self._store:
            await self.flush()
            await self._run(self._store.close)
            self._store = None
        self._book = None
        self._sightings.forget()

    def end(self) -> None:
        """End the thread; nothing can be started any more."""
        self._thread.shutdown(wait=False)

    async def _run[T](self, work: Callable[[], T]) -> T:
        return await self._hass.loop.run_in_executor(self._thread, work)

    # What is read

    @callback
    def read(self, read: PlateRead) -> None:
        """Take what a reader says."""
        book, settings = self._book, self.settings
        if not settings.on or book is None or read.score < settings.floor:
            return
        which = book.lists.get(read.plate)
        digest = book.digest(read.plate)
        seen = self._sightings.of(read, digest)
        if seen.private:
            return
        came = which is not None and self._sightings.came(read, digest, which)
        if not seen.better(read.score, listed=which is not None):
            return
        if which is PlateList.IGNORE:
            if seen.row:
                # It was read wrongly at first.
                self._wait(seen.row, None)
                seen.row = 0
            return
        if not seen.row:
            seen.row, self._next = self._next, self._next + 1
        kept = Row(
            seen.row,
            digest,
            read.camera,
            microseconds(read.time),
            read.score,
            which.value if which else "",
        )
        self._wait(seen.row, kept)
        if which and came and which not in seen.told:
            seen.told.add(which)
            self._hit(read.camera, which)

    @callback
    def pass_over(self, read: PlateRead) -> None:
        """Take nothing of what bears this, now or when its reader says it again later."""
        if read.object_id and self._book:
            self._sightings.of(read, b"").private = True

    def _wait(self, number: int, row: Row | None) -> None:
        self._waiting[number] = row
        while len(self._waiting) > _MOST_WAITING:
            self._waiting.pop(next(iter(self._waiting)))
        if len(self._waiting) == _AT_ONCE:
            self._spawn(self.flush(), "plate reads")
        elif self._flush_at is None:
            self._flush_at = async_call_later(self._hass, FLUSH, self._flush_due)

    @callback
    def _flush_due(self, _: datetime) -> None:
        self._flush_at = None
        self._spawn(self.flush(), "plate reads")

    async def flush(self) -> None:
        """Write what waits; one at a time, so that no more than that is held."""
        async with self._writing:
            store, waiting = self._store, self._waiting
            if store is None or not waiting:
                return
            self._waiting = {}

            def write() -> None:
                store.put([row for row in waiting.values() if row])
                store.remove([n for n, row in waiting.items() if row is None])

            try:
                await self._run(write)
            except (sqlite3.Error, OSError) as err:
                _LOGGER.warning("Plate reads were not kept: %s", type(err).__name__)
                # What is to go must go, once the disk takes it.
                for number in (n for n, row in waiting.items() if row is None):
                    self._waiting.setdefault(number, None)

    async def find(
        self,
        since: datetime,
        until: datetime,
        *,
        plate: str | None = None,
        limit: int = 100,
    ) -> list[dict[str, Any]]:
        """Return reads, the newest first; a plate is named where it is listed.

        Of one `plate`, as `normal` has it, or of all. Raises PlatesLocked.
        """
        store, book = self._store, self._book
        if store is None or book is None:
            return []
        await self.flush()
        digest = book.digest(plate) if plate else None
        try:
            rows = await self._run(
                lambda: store.find(
                    microseconds(since), microseconds(until), digest, limit
                )
            )
        except sqlite3.Error as err:
            raise PlatesLocked(type(err).__name__) from None
        known = book.known_by()
        return [
            {
                "camera": row.camera,
                "time": moment(row.time),
                "score": row.score,
                "list": row.list,
                "plate": known.get(row.digest, ""),
            }
            for row in rows
        ]

    # What is forgotten

    @callback
    def _due(self, _: datetime) -> None:
        self._spawn(self.erase_old(), "old plate reads")

    async def erase_old(self) -> None:
        """Erase what is older than the owner wants."""
        store, settings = self._store, self.settings
        if store is None or not self._log.care.trusts_clock():
            return
        await self.flush()
        now = utc_now()
        others = microseconds(now - timedelta(hours=settings.hours))
        listed = microseconds(now - timedelta(days=settings.days))
        # A clock that was ahead would have them kept for longer.
        ahead = microseconds(now + AHEAD)
        try:
            self._erased += await self._run(lambda: store.erase(others, listed, ahead))
        except (sqlite3.Error, OSError) as err:
            _LOGGER.warning("Old plate reads are still there: %s", type(err).__name__)

    async def enter_erased(self) -> None:
        """Enter how many reads were erased since the last time. Raises LogUnavailable."""
        await self.erase_old()
        if self._erased:
            reads, self._erased = self._erased, 0
            await self._enter("retention", reads, HOME_ACTOR)

    async def _enter(self, reason: str, reads: int, actor: Actor) -> None:
        await self._log.append_or_keep(
            "plates_erased", {"reason": reason, "reads": reads, **actor.fields()}
        )

    async def forget(self) -> int:
        """Read none any more, and forget those there are; return how many.

        What comes while it is at it is not read. Raises PlatesLocked.
        """
        self.settings = replace(self.settings, on=False)
        self._waiting.clear()
        await self.stop()
        return await self._remove()

    async def _remove(self) -> int:
        try:
            return await self._run(lambda: erase_store(self._path))
        except OSError as err:
            raise PlatesLocked(type(err).__name__) from None

    async def enter_forgotten(self, reads: int, actor: Actor) -> None:
        """Enter that reads were forgotten: the owner wants none any more."""
        await self._enter("off", reads, actor)

    # What is listed

    async def lists(self) -> PlateBook:
        """Return the listed plates, for the owner alone. Raises PlatesLocked."""
        if self._book is not None:
            return self._book
        return await self._run(lambda: load(self._keys))

    async def set_lists(self, lists: Mapping[str, PlateList]) -> None:
        """List other plates; what is kept of them says so at once. Raises PlatesLocked."""
        book = PlateBook((await self.lists()).key, dict(lists))
        await self._run(lambda: save(self._keys, book))
        if self._book is None:
            return
        self._book, store = book, self._store
        self._sightings.relist()
        if store is None:
            return
        # What was read until now is in the old lists.
        await self.flush()
        changed = {book.digest(plate): one for plate, one in lists.items()}
        try:
            await self._run(lambda: store.relist(changed))
        except (sqlite3.Error, OSError) as err:
            raise PlatesLocked(type(err).__name__) from None
