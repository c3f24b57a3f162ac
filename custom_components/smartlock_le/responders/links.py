"""Links for responders: made, looked at, used, over; each step entered before its answer."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
import hmac
import secrets
import time

from ..models import HOME_ACTOR, Actor, utc_now
from ..whole import Spawn, whole
from .ledger import Ledger
from .models import (
    MOST_CODES,
    Event,
    House,
    Link,
    LinkError,
    LinkRequest,
    Made,
    Spoken,
    Tell,
    digest,
)

type Schedule = Callable[[float | None], None]
"""Asks to be woken by `due` in so many seconds, and at no other time."""

_MINUTE = 60.0


class Links:
    """Every link that is not over."""

    def __init__(
        self,
        ledger: Ledger,
        house: House,
        *,
        spawn: Spawn,
        schedule: Schedule,
        tell: Tell,
    ) -> None:
        """Take what links stand on; call `load` before anything else."""
        self._ledger = ledger
        self._house = house
        self.spawn = spawn
        self._schedule = schedule
        self._tell = tell
        self._links: dict[str, Link] = {}
        """By the digest of their token."""

    async def load(self) -> None:
        """Take up what was not over. Raises LogUnavailable."""
        for link in await self._ledger.load():
            if self._house.is_over(link.digest):
                # The log could not be told so.
                link.over = True
                await self._ledger.enter(link, Event.WITHDRAWN, HOME_ACTOR)
            else:
                self._links.setdefault(link.digest, link)
        await self.due()

    def open(self) -> list[Link]:
        """Return those that are not over, the oldest first."""
        return sorted(self._links.values(), key=lambda link: link.start)

    def _get(self, link_id: str) -> Link:
        for link in self._links.values():
            if link.id == link_id:
                return link
        raise LinkError("link_not_found")

    # What the owner does

    @whole
    async def make(self, request: LinkRequest, actor: Actor) -> Made:
        """Make a link. Raises the errors of grants; then there is none."""
        token = secrets.token_urlsafe(32)
        link = Link(
            digest=digest(token),
            agency=request.agency,
            reason=request.reason,
            incident=self._house.incident(),
            end=utc_now().replace(microsecond=0) + timedelta(minutes=request.minutes),
            asks_code=request.asks_code,
        )
        made = False
        try:
            for lock in request.locks:
                link.doors[lock] = await self._house.let_in(link, lock)
            made = True
        finally:
            if not made:
                await self._end_grants(link)
        link.spoken = Spoken.new() if link.asks_code else None
        await self._ledger.enter(link, Event.MADE, actor)
        self._links[link.digest] = link
        self._reschedule()
        return Made(link, token, link.spoken.digits if link.spoken else "")

    async def new_code(self, link_id: str, actor: Actor) -> str:
        """Return another code for the door; the one before is good no more.

        Raises LinkError.
        """
        link = self._get(link_id)
        link.asks_code, link.spoken = True, Spoken.new()
        digits = link.spoken.digits
        await self._ledger.enter(link, Event.CODE_MADE, actor)
        return digits

    async def withdraw(self, link_id: str, actor: Actor) -> None:
        """Let a link be over, at once. Raises LinkError."""
        await self._over(self._get(link_id), Event.WITHDRAWN, actor)

    # As time goes

    async def due(self) -> None:
        """End what has reached its time."""
        for link in [link for link in self.open() if link.left <= 0]:
            await self._over(link, Event.EXPIRED, HOME_ACTOR)
        self._reschedule()

    async def incidents_over(self) -> None:
        """Hear that nothing is open any more: links that were for it are over."""
        for link in [link for link in self.open() if link.incident]:
            await self._over(link, Event.INCIDENT_OVER, HOME_ACTOR)

    @whole
    async def _over(self, link: Link, event: Event, actor: Actor) -> None:
        if link.over:
            return
        # From here on nobody finds it, and what is under way sees it.
        link.over = True
        self._links.pop(link.digest, None)
        self._reschedule()
        try:
            if not await self._ledger.enter(link, event, actor):
                await self._house.over(link.digest)
        finally:
            self._tell(link, event, "")
            await self._end_grants(link)

    async def _end_grants(self, link: Link) -> None:
        # One lock that does not answer must not hold up the others.
        grants = (*link.doors.values(), *link.codes)
        await asyncio.gather(*map(self._house.end, grants))

    def _reschedule(self) -> None:
        self._schedule(min((link.left for link in self._links.values()), default=None))

    # What who has a link does. `via` is from where, for the log.

    def find(self, token: str) -> Link | None:
        """Return the link of a token; None for every other."""
        link = self._links.get(digest(token))
        # The clock may have gone on before the timer.
        return link if link and link.good else None

    @whole
    async def look(self, link: Link, visit: str, via: str) -> str:
        """Return the secret of this visit: the one that is given, if it is known.

        A new one is entered, and the owner is told.
        """
        if link.knows(visit):
            return visit
        visit = secrets.token_urlsafe(32)
        link.visited(visit)
        now = time.monotonic()
        many = len(link.views) == link.views.maxlen and now - link.views[0] < _MINUTE
        link.views.append(now)
        if not many:
            await self._ledger.enter(link, Event.VIEWED, link.actor, via)
            self._tell(link, Event.VIEWED, "")
        elif now - link.crowded >= _MINUTE:
            # No crew; who is one of it gets in all the same.
            link.crowded = now
            await self._ledger.enter(link, Event.CROWDED, link.actor, via)
            self._tell(link, Event.CROWDED, "")
        return visit

    @whole
    async def confirm(self, link: Link, visit: str, code: str, via: str) -> str:
        """Take the code that was said at the door; return the secret of the visit.

        Raises LinkError.
        """
        spoken = link.spoken
        if spoken is None or not spoken.good:
            raise LinkError("over")
        if not hmac.compare_digest(digest(code.strip()), digest(spoken.digits)):
            # Before anything is awaited: many may try at once.
            spoken.tries += 1
            burned = not spoken.good
            event = Event.CODE_BURNED if burned else Event.WRONG_CODE
            await self._ledger.enter(link, event, link.actor, via)
            if burned:
                self._tell(link, event, "")
            raise LinkError("over" if burned else "wrong")
        if not link.knows(visit):
            # Of before a restart; who knows the code needs no other proof.
            visit = secrets.token_urlsafe(32)
            link.visited(visit)
        link.passes.append(digest(visit))
        await self._ledger.enter(link, Event.CONFIRMED, link.actor, via)
        self._tell(link, Event.CONFIRMED, "")
        return visit

    def _lock(self, link: Link, visit: str, door: str) -> str:
        if not link.trusts(visit):
            raise LinkError("needs_code")
        lock = link.door(door)
        if lock is None or not link.good:
            raise LinkError("over")
        return lock

    @whole
    async def press(self, link: Link, visit: str, door: str, via: str) -> None:
        """Open a door. Raises LinkError, or the errors of locks and grants."""
        lock = self._lock(link, visit, door)
        result = Event.NOT_OPENED
        with link.doing(door):
            try:
                await self._ledger.enter(
                    link, Event.PRESSED, link.actor, via, lock=lock
                )
                # Withdrawn, or another code asked for, while that was entered.
                self._lock(link, visit, door)
                await self._house.press(door)
                result = Event.OPENED
            finally:
                self._tell(link, result, lock)

    @whole
    async def keypad_code(self, link: Link, visit: str, door: str, via: str) -> str:
        """Return a code for the keypad of a door. Raises as `press` does."""
        lock = self._lock(link, visit, door)
        if [*link.codes.values()].count(lock) >= MOST_CODES:
            raise LinkError("enough")
        # Not as a press: who holds the button must not wait for this.
        with link.doing(f"code {door}"):
            grant, digits = await self._house.keypad_code(link, lock)
            if not link.good:
                await self._house.end(grant)
                raise LinkError("over")
            link.codes[grant] = lock
            await self._ledger.enter(link, Event.CODE_SHOWN, link.actor, via, lock=lock)
        if not link.good:
            raise LinkError("over")
        self._tell(link, Event.CODE_SHOWN, lock)
        return digits

    @whole
    async def picture(self, link: Link, visit: str, camera: str, via: str) -> bytes:
        """Return a picture of now. Raises LinkError."""
        self._may_see(link, visit, camera)
        with link.doing(camera):
            await self._ledger.enter(
                link, Event.PICTURED, link.actor, via, camera=camera
            )
            self._tell(link, Event.PICTURED, camera)
            picture = await self._house.picture(camera)
        # The owner may have unticked it, or withdrawn the link, meanwhile.
        self._may_see(link, visit, camera)
        if picture is None:
            raise LinkError("no_picture")
        return picture

    def _may_see(self, link: Link, visit: str, camera: str) -> None:
        if not link.trusts(visit):
            raise LinkError("needs_code")
        if not link.incident or camera not in self._house.cameras():
            raise LinkError("no_picture")
        if not link.good:
            raise LinkError("over")
