"""Feeds: an agency is told how an incident goes on, by the owner's word for just that.

Nothing begins by itself, and all of it ends with the incident: `feed_gate.py` is what each
message passes, `feed_teller.py` what tells it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
import logging

from sqlalchemy import Executable, RowMapping, delete, select

from ..log import Log, LogUnavailable
from ..models import HOME_ACTOR, Actor, utc_now
from ..whole import whole
from .feed_gate import Gate
from .feed_models import MAX_PLACE, PREVIEW_LIFE, Feed, House, Preview
from .feed_teller import Teller
from .models import ReleaseError
from .tables import feeds as table

_LOGGER = logging.getLogger(__name__)


class Feeds:
    """All of them."""

    def __init__(self, log: Log, house: House) -> None:
        """Take the log, and what the home gives."""
        self._log = log
        self._house = house
        self.spawn = house.spawn
        self._changing = asyncio.Lock()
        self._looked_at: dict[str, Preview] = {}
        """In memory alone: after a restart the owner looks again."""
        self._running: dict[str, Teller] = {}
        self._gate = Gate(log, house)
        self._loaded = False
        self._over: set[str] = set()
        """Ids of those that ended in this run, whatever the log says so far."""

    async def load(self) -> None:
        """Go on with what was approved. Raises LogUnavailable."""
        for feed in _readable(await self._log.read(select(table))):
            why = await self._since(feed)
            if feed.id in self._running or feed.id in self._over:
                continue
            if why:
                await self._end(feed, "ended", why, HOME_ACTOR)
            else:
                self._start(feed)
        self._loaded = True

    async def _since(self, feed: Feed) -> str:
        """Return what happened since it was made that ends it, if anything did."""
        if feed.home != self._house.home:
            return "other_home"
        if self._house.is_over(feed.id):
            return "stopped"
        if not self._house.sharing():
            return "release_sharing_off"
        kinds = ("setting", "restored")
        page = await self._log.entries(after=feed.end - 1, limit=1000, kinds=kinds)
        for entry in page.entries:
            if entry.kind == "restored":
                # An older log does not know that it was stopped.
                return "restored"
            if (entry.fields["setting"], entry.fields["value"]) == ("sharing", "off"):
                return "release_sharing_off"
        return "" if page.next_after is None else "unknown"

    def stop(self) -> None:
        """Let nothing go any more: the home ends. What was approved is taken up again."""
        self._gate.closed = True
        self._cut()

    def _cut(self) -> None:
        for teller in self._running.values():
            teller.cut()

    def cut_off(self) -> None:
        """Let nothing go any more, and take back what is on its way: sharing is off."""
        self._gate.shut()
        self._looked_at.clear()
        self._cut()

    def look(self) -> None:
        """See whether there is more to say."""
        for teller in self._running.values():
            teller.look()

    # What there is

    @property
    def waiting(self) -> list[Preview]:
        """Those that one person approved, and that wait for a second one."""
        now, seen = utc_now(), self._looked_at.values()
        fresh = [one for one in seen if one.feed.is_current(now, PREVIEW_LIFE)]
        return [one for one in fresh if one.feed.approved_by]

    @property
    def open(self) -> dict[str, tuple[Feed, str]]:
        """Those that run, by id; and why they do not have the last message, if so."""
        return {key: (one.feed, one.trouble) for key, one in self._running.items()}

    # The owner's word

    @whole
    async def preview(
        self, incident: str, agency: str, place: str, actor: Actor
    ) -> Preview:
        """Return what would go, for the owner to look at. Raises ReleaseError, LogUnavailable."""
        async with self._changing:
            if not self._house.sharing():
                raise ReleaseError("release_sharing_off")
            self._must_be_loaded()
            if not (0 < len(place) <= MAX_PLACE and place.isprintable()):
                raise ReleaseError("webhook_area", "place")
            cause, raised = self._house.begun(incident)
            hearer = await self._house.hearer(agency)
            self._must_be_new(incident, agency)
            feed = Feed(
                home=self._house.home,
                incident=incident,
                cause=cause,
                raised=raised,
                agency=agency,
                agency_type=hearer.type,
                name=hearer.name,
                to=hearer.host,
                place=place,
                end=self._log.end,
            )
            preview = self._gate.preview(feed, hearer)
            preview = replace(preview, feed=replace(feed, preview=preview.sha256))
            await self._log.append("feed", preview.feed.entry("previewed", actor))
            if self._gate.lets(preview.feed):
                others = self._looked_at.items()
                self._looked_at = {
                    key: one
                    for key, one in others
                    if (one.feed.incident, one.feed.agency) != (incident, agency)
                }
                self._looked_at[feed.id] = preview
            return preview

    def _must_be_loaded(self) -> None:
        if not self._loaded:
            # What runs already is not known.
            raise LogUnavailable("the feeds are not read yet")

    def _must_be_new(self, incident: str, agency: str) -> None:
        for one in self._running.values():
            if (one.feed.incident, one.feed.agency) == (incident, agency):
                raise ReleaseError("feed_runs")

    @whole
    async def approve(self, feed_id: str, preview: str, actor: Actor) -> Feed:
        """Let just that go which has this hash, or wait for a second person.

        Raises ReleaseError, LogUnavailable: nothing goes then.
        """
        async with self._changing:
            if (seen := self._looked_at.get(feed_id)) is None:
                raise ReleaseError("feed_gone")
            feed = seen.feed
            if feed.preview != preview:
                raise ReleaseError("release_other")
            if not feed.is_current(utc_now(), PREVIEW_LIFE):
                self._looked_at.pop(feed_id)
                raise ReleaseError("release_old")
            self._house.begun(feed.incident)
            self._must_be_new(feed.incident, feed.agency)
            await self._gate.hearer(feed)
            event, detail = "approved", ""
            if feed.approved_by:
                if not actor.ref or actor.ref == feed.approved_by:
                    raise ReleaseError("release_same_person")
                event = "seconded"
            elif self._house.second():
                if not actor.ref:
                    raise ReleaseError("release_same_person")
                feed, detail = replace(feed, approved_by=actor.ref), "first"
                await self._log.append("feed", feed.entry(event, actor, detail))
                if self._gate.lets(feed):
                    self._looked_at[feed_id] = replace(seen, feed=feed)
                return feed
            feed = replace(feed, made=utc_now().replace(microsecond=0))
            await self._gate.enter(feed, event, actor)
            self._looked_at.pop(feed_id, None)
            if self._gate.closed:
                # The next start takes it up.
                return feed
            # Whoever switched sharing off meanwhile has the last word.
            if not self._gate.lets(feed):
                await self._end(feed, "ended", "release_sharing_off", HOME_ACTOR)
                raise ReleaseError("release_sharing_off")
            self._start(feed)
            return feed

    @whole
    async def halt(self, feed_id: str, actor: Actor) -> None:
        """Let nothing more of one go: that works at once. Raises ReleaseError."""
        if (teller := self._running.get(feed_id)) is None:
            raise ReleaseError("feed_gone")
        teller.cut()
        if not await self._end(teller.feed, "stopped", teller.sent, actor):
            raise ReleaseError("feed_stop_not_kept")

    async def sharing_off(self, actor: Actor) -> None:
        """End all of them; nothing goes already, since `cut_off`."""
        for teller in list(self._running.values()):
            if teller.feed.id in self._running:
                why = f"release_sharing_off {teller.sent}".strip()
                await self._end(teller.feed, "ended", why, actor)

    def _start(self, feed: Feed) -> None:
        async def end(feed: Feed, event: str, detail: str) -> None:
            await self._end(feed, event, detail, HOME_ACTOR)

        teller = Teller(feed, self._gate, self._house, end)
        self._running[feed.id] = teller
        teller.start()
        self._house.changed()

    async def _end(self, feed: Feed, event: str, detail: str, actor: Actor) -> bool:
        """End one; tell whether that is durable."""
        self._over.add(feed.id)
        self._running.pop(feed.id, None)
        gone: list[Executable] = [delete(table).where(table.c.id == feed.id)]
        entry = await self._log.append_or_keep(
            "feed", feed.entry(event, actor, detail), also=lambda _: gone
        )
        kept = entry is not None or await self._house.over(feed.id)
        self._house.changed()
        return kept


def _readable(rows: Sequence[RowMapping]) -> list[Feed]:
    """Return what can be read: the rest was written by another version."""
    found = []
    for row in rows:
        try:
            found.append(Feed.from_row(dict(row)))
        except (KeyError, TypeError, ValueError) as err:
            _LOGGER.error("A feed cannot be read: %s", type(err).__name__)
    return found
