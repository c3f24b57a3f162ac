"""Drills, as Home Assistant needs them: a room of their own, its timers, its ways out."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_track_time_interval

from .decisions import Decisions
from .emergency.channels.channel import Channel
from .emergency.drills import DrillMeans, Drills
from .emergency.incidents import Incidents
from .emergency.ledger import Ledger
from .emergency.models import Signal, Way
from .emergency.people import People
from .emergency.settings import Settings
from .emergency.signals import Means
from .emergency.silent import SilentIncidents, SilentMeans
from .emergency_words import Words
from .models import utc_now
from .silent_keeping import SilentKeeping
from .waking import Waking

_EVERY = timedelta(minutes=1)
_PAGE = 500
_AFTERWARDS = timedelta(minutes=10)
"""So long after the end those who took part may hear of it."""


class DrillKeeping:
    """Builds what a drill runs on, and ends it in time."""

    def __init__(
        self,
        home: Decisions,
        settings: Callable[[], Settings],
        ledger: Ledger,
        real: Callable[[], bool],
        quiet: Callable[[], bool],
        build: Callable[[Way], Channel[Signal] | None],
        silent: SilentKeeping,
        has_code: Callable[[str], bool],
    ) -> None:
        """Take the home, what was decided, the real ledger, and whether something real is.

        `build` makes a way of its own: a drill says nothing of how the real one is.
        `silent` knows whom a silent alarm could be told; `has_code`, whether there is a
        code of a door of this id.
        """
        self._ledger = ledger
        self._silent = silent
        self._real = real
        self._home = home
        self._hass: HomeAssistant = home.hass
        self._build_way = build
        self._waking = Waking(home.hass, self._ring)
        self._room: Incidents | None = None
        self._quiet: SilentIncidents | None = None
        self._ways: dict[Way, Channel[Signal] | None] = {}
        """By which the silent part goes: one each, for as long as the drill is there."""
        self._mine: object = None
        """Of the room that may set the timer."""
        self._undo: CALLBACK_TYPE | None = None
        self.drills = Drills(
            DrillMeans(
                settings=settings,
                spawn=home.spawn,
                real=real,
                quiet=quiet,
                build=self._build,
                has_code=has_code,
                can_tell=silent.can_tell,
                forces=silent.means_duress,
                entries=self._entries,
                changed=home.tell,
            )
        )

    @callback
    def start(self) -> None:
        """Look now and then whether one has run for too long."""
        self._undo = async_track_time_interval(self._hass, self._due, _EVERY)

    @callback
    def _due(self, _: datetime) -> None:
        self.drills.due()
        last = self.drills.last
        if last and last.ended and utc_now() - last.ended > _AFTERWARDS:
            self._leave()

    async def changed(self, way: Way) -> None:
        """Go a way no more that was decided anew: what waits is not for another one."""
        self._ways.pop(way, None)
        if self._room:
            await self._room.signals.use(way, None)

    @callback
    def stop(self) -> None:
        """End all timers and sending; a drill ends with the home."""
        self._waking.stop()
        if self._undo:
            self._undo()
        self._leave()

    def _leave(self) -> None:
        self._waking.set(None)
        if self._room:
            self._room.signals.stop()
            self._room = None
        if self._quiet:
            self._quiet.forget()
            self._quiet = None

    async def _build(
        self, settings: Callable[[], Settings]
    ) -> tuple[Incidents, SilentIncidents]:
        self._leave()
        words = Words(self._home, settings, exercise=self._real)
        mine = self._mine = object()

        def schedule(when: float | None) -> None:
            # One that is over may still have something to say.
            if mine is self._mine:
                self._waking.set(when)

        ledger = Ledger(self._home.log, self._ledger)
        room = Incidents(
            ledger,
            lambda ledger: People(
                self._hass, ledger, settings, words.notice, words.replies
            ),
            Means(
                sender=self._home.entry.entry_id,
                settings=settings,
                spawn=self._home.spawn,
                schedule=schedule,
                changed=self._home.tell,
                # No picture of a house that only rehearses.
                raised=lambda _: None,
                failed=lambda _way, _reason: None,
                exercise=True,
            ),
        )
        for way in Way:
            if settings().of(way):
                await room.signals.use(way, self._build_way(way))
        self._room = room
        self._quiet = quiet = self._build_quiet(settings, ledger, words)
        return room, quiet

    def _build_quiet(
        self, settings: Callable[[], Settings], ledger: Ledger, words: Words
    ) -> SilentIncidents:
        decided = settings()
        self._ways = {way: self._build_way(way) for way in Way if decided.of(way)}
        return SilentIncidents(
            ledger,
            SilentMeans(
                sender=self._home.entry.entry_id,
                settings=settings,
                spawn=self._home.spawn,
                keep=_not_kept,
                person=self._silent.person,
                way=self._ways.get,
                where=str,
                notice=words.silent,
                exercise=True,
            ),
        )

    @callback
    def _ring(self) -> None:
        if self._room:
            self._home.spawn(self._room.due(), "drill")

    async def _entries(
        self, since: datetime
    ) -> Sequence[tuple[datetime, Mapping[str, Any]]]:
        found: list[tuple[datetime, Mapping[str, Any]]] = []
        after: int | None = -1
        while after is not None:
            page = await self._home.log.entries(
                after=after, limit=_PAGE, kinds={"incident"}, since=since
            )
            found += [(entry.time, entry.fields) for entry in page.entries]
            after = page.next_after
        return found


async def _not_kept(_: list[dict[str, Any]]) -> bool:
    """Keep nothing: a drill does not outlive a restart."""
    return True
