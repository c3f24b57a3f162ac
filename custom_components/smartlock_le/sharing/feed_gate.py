"""The gate of feeds: what may go to an agency now, and the entry that is there before it.

Sharing is on and was ever since, the agency is the one that was called back, and what would
go is what was approved by its hash.
"""

from dataclasses import replace

from ..log import Log, put
from ..models import Actor
from .feed_models import SAID, Feed, Hearer, House, Preview
from .models import ReleaseError
from .tables import feeds as table


class Gate:
    """One for all feeds of a home."""

    def __init__(self, log: Log, house: House) -> None:
        """Take the log, and what the home gives."""
        self._log = log
        self._house = house
        self._off_at = -1
        """Sharing was off when the log was so long: what is older needs a new approval."""
        self.closed = False
        """The home ends."""

    def shut(self) -> None:
        """Let nothing go that was looked at until now: sharing is off."""
        self._off_at = self._log.end

    def lets(self, feed: Feed) -> bool:
        """Tell whether sharing is on, and was ever since it was made."""
        on = self._house.sharing() and feed.end >= self._off_at
        return on and not self.closed

    def check(self, feed: Feed) -> None:
        """Raise ReleaseError where it is not so."""
        if not self.lets(feed):
            raise ReleaseError("release_sharing_off")

    async def hearer(self, feed: Feed) -> Hearer:
        """Return who may be told just what was approved. Raises ReleaseError, LogUnavailable."""
        hearer = await self._house.hearer(feed.agency)
        if self.preview(feed, hearer).sha256 != feed.preview:
            raise ReleaseError("feed_changed")
        # Last: from here to who sends nothing is waited for.
        self.check(feed)
        return hearer

    def preview(self, feed: Feed, hearer: Hearer) -> Preview:
        """Return all that may go of it: each message as it is before it is one."""
        bare = replace(feed, message="", said=None, refers="")
        messages = {step: self._house.message(bare, step) for step in SAID}
        return Preview(feed, hearer, messages)

    async def enter(self, feed: Feed, event: str, actor: Actor) -> None:
        """Enter a step, with its row. Raises LogUnavailable."""
        rows = put(table, **feed.as_row())
        entry = feed.entry(event, actor)
        await self._log.append("feed", entry, also=lambda _: rows)

    async def enter_outcome(
        self, feed: Feed, event: str, actor: Actor, detail: str, kept: Feed
    ) -> None:
        """Enter what came of something, now or later; its row is as in `kept`."""
        rows = put(table, **kept.as_row())
        entry = feed.entry(event, actor, detail)
        await self._log.append_or_keep("feed", entry, also=lambda _: rows)
