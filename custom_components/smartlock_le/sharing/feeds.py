"""Feeds: an agency is told how an incident goes on, by the owner's word for just that.

Each message passes one gate, `_gate`: sharing is on and was ever since, the agency is the one
that was called back, and what would go is what was approved by its hash. Nothing begins by
itself, and all of it ends with the incident.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
import logging
import time
from typing import Protocol

from sqlalchemy import Executable, RowMapping, delete, select

from ..log import Log, LogUnavailable, put
from ..models import HOME_ACTOR, Actor, utc_now
from ..whole import Spawn, whole
from .feed_models import (
    LIFE,
    MAX_PLACE,
    PREVIEW_LIFE,
    SAID,
    Feed,
    Hearer,
    Preview,
    Step,
)
from .models import ReleaseError
from .tables import feeds as table

_LOGGER = logging.getLogger(__name__)

RETRY = 5.0
"""Seconds until it is tried again; twice as long each time."""
RETRY_MAX = 60.0
GIVE_UP = 3600.0
"""Seconds for which it is tried to say that it is over."""


class House(Protocol):
    """What a feed needs of the home."""

    spawn: Spawn
    home: str
    """What this home is known by."""

    def sharing(self) -> bool:
        """Tell whether sharing is on."""

    def second(self) -> bool:
        """Tell whether the owner wants a second person to approve."""

    async def hearer(self, agency: str) -> Hearer:
        """Return an agency that may hear. Raises ReleaseError, LogUnavailable."""

    def begun(self, incident: str) -> Feed:
        """Return a feed of an incident that is open, of no agency. Raises ReleaseError."""

    def step(self, incident: str) -> Step | None:
        """Return how far an incident is; None: that is not known yet."""

    def message(self, feed: Feed, step: Step) -> bytes:
        """Return what is said of a step, as CAP; as it is looked at where there is no id."""

    def reference(self, feed: Feed) -> str:
        """Return by what a later message refers to the last one."""

    async def over(self, feed: str) -> bool:
        """Keep elsewhere that one is over, if it can: the log does not take it now."""

    def is_over(self, feed: str) -> bool:
        """Tell whether that was kept elsewhere."""

    def changed(self) -> None:
        """Hear that there is one more, or one less, or more is said."""


@dataclass(slots=True)
class _Running:
    """A feed that was approved, and what tells it."""

    feed: Feed
    wake: asyncio.Event
    task: asyncio.Task[None] | None = None
    trouble: str = ""
    """Why they do not have the last message."""
    sending: bool = False
    """Something is out, and nobody knows yet whether they have it."""


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
        self._running: dict[str, _Running] = {}
        self._off_at = -1
        """Sharing was off when the log was so long: what is older needs a new approval."""
        self._closed = False
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
        self._closed = True
        self._cut()

    def _cut(self) -> None:
        for running in self._running.values():
            if running.task:
                running.task.cancel()

    def cut_off(self) -> None:
        """Let nothing go any more, and take back what is on its way: sharing is off."""
        self._off_at = self._log.end
        self._looked_at.clear()
        self._cut()

    def look(self) -> None:
        """See whether there is more to say."""
        for running in self._running.values():
            running.wake.set()

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
            begun = self._house.begun(incident)
            hearer = await self._house.hearer(agency)
            self._must_be_new(incident, agency)
            feed = replace(
                begun,
                agency=agency,
                agency_type=hearer.type,
                name=hearer.name,
                home=self._house.home,
                place=place,
                end=self._log.end,
            )
            preview = self._preview(feed, hearer)
            preview = replace(preview, feed=replace(feed, preview=preview.sha256))
            await self._log.append("feed", preview.feed.entry("previewed", actor))
            if self._allowed(preview.feed):
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

    def _preview(self, feed: Feed, hearer: Hearer) -> Preview:
        """Return all that may go of it: each message as it is before it is one."""
        bare = replace(feed, message="", said=None, refers="")
        messages = {step: self._house.message(bare, step) for step in SAID}
        return Preview(feed, hearer, messages)

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
            await self._gate(feed)
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
                if self._allowed(feed):
                    self._looked_at[feed_id] = replace(seen, feed=feed)
                return feed
            feed = replace(feed, made=utc_now().replace(microsecond=0))
            await self._enter(feed, event, actor)
            self._looked_at.pop(feed_id, None)
            if self._closed:
                # The next start takes it up.
                return feed
            # Whoever switched sharing off meanwhile has the last word.
            if not self._allowed(feed):
                await self._end(feed, "ended", "release_sharing_off", HOME_ACTOR)
                raise ReleaseError("release_sharing_off")
            self._start(feed)
            return feed

    @whole
    async def halt(self, feed_id: str, actor: Actor) -> None:
        """Let nothing more of one go: that works at once. Raises ReleaseError."""
        if (running := self._running.get(feed_id)) is None:
            raise ReleaseError("feed_gone")
        if running.task:
            running.task.cancel()
        if not await self._end(running.feed, "stopped", _sent(running), actor):
            raise ReleaseError("feed_stop_not_kept")

    async def sharing_off(self, actor: Actor) -> None:
        """End all of them: nothing of them goes already."""
        self.cut_off()
        for running in list(self._running.values()):
            if running.feed.id in self._running:
                why = f"release_sharing_off {_sent(running)}".strip()
                await self._end(running.feed, "ended", why, actor)

    # The gate

    def _allowed(self, feed: Feed) -> bool:
        """Tell whether sharing is on, and was ever since it was made."""
        on = self._house.sharing() and feed.end >= self._off_at
        return on and not self._closed

    async def _gate(self, feed: Feed) -> Hearer:
        """Return who may be told just what was approved. Raises ReleaseError, LogUnavailable."""
        hearer = await self._house.hearer(feed.agency)
        if self._preview(feed, hearer).sha256 != feed.preview:
            raise ReleaseError("feed_changed")
        # Last: from here to who sends nothing is waited for.
        self._must_be_allowed(feed)
        return hearer

    def _must_be_allowed(self, feed: Feed) -> None:
        if not self._allowed(feed):
            raise ReleaseError("release_sharing_off")

    # Told

    def _start(self, feed: Feed) -> None:
        running = _Running(feed, asyncio.Event())
        self._running[feed.id] = running
        running.task = self.spawn(self._run(running), f"feed {feed.id}")
        self._house.changed()

    async def _run(self, running: _Running) -> None:
        """Tell one agency, until it is over."""
        tried, pause, due = None, RETRY, 0.0
        try:
            while (step := self._next(running.feed)) is not Step.QUIET:
                left = due - time.monotonic()
                if step is None or (step is running.feed.step and running.feed.taken):
                    await _woken(running, LIFE.total_seconds())
                elif step is tried and left > 0:
                    await _woken(running, left)
                else:
                    pause = min(2 * pause, RETRY_MAX) if step is tried else RETRY
                    tried = step
                    await self._tell(running, step)
                    due = time.monotonic() + pause
            await self._end(running.feed, "over", running.trouble, HOME_ACTOR)
        except ReleaseError as err:
            await self._end(running.feed, "ended", err.key, HOME_ACTOR)
        except Exception as err:  # noqa: BLE001
            # Whatever it is: one that is told no more must not look as if it were.
            _LOGGER.error("A feed ended: %s", type(err).__name__)
            await self._end(running.feed, "ended", "failed", HOME_ACTOR)

    def _next(self, feed: Feed) -> Step | None:
        """Return what is to be said; QUIET: there is no more. Raises ReleaseError."""
        self._must_be_allowed(feed)
        if not feed.is_current(utc_now(), LIFE):
            raise ReleaseError("release_old")
        if feed.step and feed.step.over:
            late = feed.said and (utc_now() - feed.said).total_seconds() > GIVE_UP
            return Step.QUIET if feed.taken or late else feed.step
        step = self._house.step(feed.incident)
        if step and step.over and not feed.step:
            # Who never heard of the begin does not hear of the end either.
            return Step.QUIET
        return step

    async def _tell(self, running: _Running, step: Step) -> None:
        """Say something new, or the last once more. Raises ReleaseError."""
        before = running.feed
        try:
            if step is not before.step:
                await self._gate(before)
                refers = self._house.reference(before) if before.step else ""
                feed = before.saying(step, refers)
                await self._enter(feed, "sending", HOME_ACTOR)
                running.feed, running.trouble = feed, ""
            feed = running.feed
            hearer = await self._gate(feed)
        except LogUnavailable:
            # Nothing goes of which there is no entry.
            running.trouble = "log"
            return
        if self._next(feed) is not step:
            # It went on while the log was slow: that is said instead.
            running.feed = before
            await self._enter(
                feed, "not_delivered", HOME_ACTOR, "outdated", keep=True, as_is=before
            )
            return
        running.sending = True
        reason = await hearer.send(feed.message, self._house.message(feed, step))
        running.sending = False
        again = reason and reason == running.trouble
        running.trouble = reason
        running.feed = replace(feed, taken=not reason)
        if not again:
            event = "not_delivered" if reason else "delivered"
            await self._enter(running.feed, event, HOME_ACTOR, reason, keep=True)
            self._house.changed()

    # Entered

    async def _enter(
        self,
        feed: Feed,
        event: str,
        actor: Actor,
        detail: str = "",
        *,
        keep: bool = False,
        as_is: Feed | None = None,
    ) -> None:
        rows = put(table, **(as_is or feed).as_row())
        append = self._log.append_or_keep if keep else self._log.append
        await append("feed", feed.entry(event, actor, detail), also=lambda _: rows)

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


def _sent(running: _Running) -> str:
    return "interrupted" if running.sending else ""


def _readable(rows: Sequence[RowMapping]) -> list[Feed]:
    """Return what can be read: the rest was written by another version."""
    found = []
    for row in rows:
        try:
            found.append(Feed.from_row(dict(row)))
        except (KeyError, TypeError, ValueError) as err:
            _LOGGER.error("A feed cannot be read: %s", type(err).__name__)
    return found


async def _woken(running: _Running, seconds: float) -> None:
    """Wait until there may be more to say, or so long."""
    try:
        async with asyncio.timeout(seconds):
            await running.wake.wait()
    except TimeoutError:
        return
    running.wake.clear()
