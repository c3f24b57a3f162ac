"""Tells one agency how one incident goes on, until it is over."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
import logging
import time

from ..log import LogUnavailable
from ..models import HOME_ACTOR, utc_now
from .feed_gate import Gate
from .feed_models import LIFE, Feed, House, Step
from .models import ReleaseError

_LOGGER = logging.getLogger(__name__)

RETRY = 5.0
"""Seconds until it is tried again; twice as long each time."""
RETRY_MAX = 60.0
GIVE_UP = 3600.0
"""Seconds for which it is tried to say that it is over."""


class Teller:
    """One feed that was approved."""

    def __init__(
        self,
        feed: Feed,
        gate: Gate,
        house: House,
        end: Callable[[Feed, str, str], Awaitable[object]],
    ) -> None:
        """Take what ends it: it is given what happened, and why."""
        self.feed = feed
        self.trouble = ""
        """Why they do not have the last message."""
        self._gate = gate
        self._house = house
        self._end = end
        self._sending = False
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin. It may be over before this returns."""
        self._task = self._house.spawn(self._run(), f"feed {self.feed.id}")

    def look(self) -> None:
        """See whether there is more to say."""
        self._wake.set()

    def cut(self) -> None:
        """Let nothing more go, and take back what is on its way."""
        if self._task:
            self._task.cancel()

    @property
    def sent(self) -> str:
        """Say that something is out of which nobody knows whether they have it, if so."""
        return "interrupted" if self._sending else ""

    async def _run(self) -> None:
        tried, pause, due = None, RETRY, 0.0
        try:
            while (step := self._next(self.feed)) is not Step.QUIET:
                left = due - time.monotonic()
                if step is None or (step is self.feed.step and self.feed.taken):
                    await self._woken(LIFE.total_seconds())
                elif step is tried and left > 0:
                    await self._woken(left)
                else:
                    pause = min(2 * pause, RETRY_MAX) if step is tried else RETRY
                    tried = step
                    await self._tell(step)
                    due = time.monotonic() + pause
            await self._end(self.feed, "over", self.trouble)
        except ReleaseError as err:
            await self._end(self.feed, "ended", err.key)
        except Exception as err:  # noqa: BLE001
            # Whatever it is: one that is told no more must not look as if it were.
            _LOGGER.error("A feed ended: %s", type(err).__name__)
            await self._end(self.feed, "ended", "failed")

    async def _woken(self, seconds: float) -> None:
        """Wait until there may be more to say, or so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    def _next(self, feed: Feed) -> Step | None:
        """Return what is to be said; QUIET: there is no more. Raises ReleaseError."""
        self._gate.check(feed)
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

    async def _tell(self, step: Step) -> None:
        """Say something new, or the last once more. Raises ReleaseError."""
        before = self.feed
        try:
            if step is not before.step:
                await self._gate.hearer(before)
                feed = before.saying(step, self._house.reference(before))
                await self._gate.enter(feed, "sending", HOME_ACTOR)
                self.feed, self.trouble = feed, ""
            feed = self.feed
            hearer = await self._gate.hearer(feed)
        except LogUnavailable:
            # Nothing goes of which there is no entry.
            self.trouble = "log"
            return
        if self._next(feed) is not step:
            # It went on while the log was slow: that is said instead.
            self.feed = before
            await self._outcome(feed, "outdated", before)
            return
        self._sending = True
        reason = await hearer.send(feed.message, self._house.message(feed, step))
        self._sending = False
        again = reason and reason == self.trouble
        self.trouble = reason
        self.feed = replace(feed, taken=not reason)
        if not again:
            await self._outcome(self.feed, reason, self.feed)

    async def _outcome(self, feed: Feed, reason: str, kept: Feed) -> None:
        event = "not_delivered" if reason else "delivered"
        await self._gate.enter_outcome(feed, event, HOME_ACTOR, reason, kept)
        self._house.changed()
