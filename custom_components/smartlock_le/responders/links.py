"""Links for responders: made, looked at, used, over; each step entered before its answer."""

from collections.abc import Callable
from datetime import datetime, timedelta
import hmac
import secrets

from ..models import HOME_ACTOR, Actor, utc_now
from ..whole import Spawn, whole
from .ledger import Ledger
from .models import (
    MOST_VISITS,
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

type Schedule = Callable[[datetime | None], None]
"""Asks to be woken by `due` at that time, and no other."""


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
            self._links[link.digest] = link
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
        await self._ledger.enter(link, Event.CODE_MADE, actor)
        return link.spoken.digits

    async def withdraw(self, link_id: str, actor: Actor) -> None:
        """Let a link be over, at once. Raises LinkError."""
        await self._over(self._get(link_id), Event.WITHDRAWN, actor)

    # As time goes

    async def due(self) -> None:
        """End what has reached its time."""
        now = utc_now()
        for link in [link for link in self.open() if link.end <= now]:
            await self._over(link, Event.EXPIRED, HOME_ACTOR)
        self._reschedule()

    async def incidents_over(self) -> None:
        """Hear that nothing is open any more: links that were for it are over."""
        for link in [link for link in self.open() if link.incident]:
            await self._over(link, Event.INCIDENT_OVER, HOME_ACTOR)

    @whole
    async def _over(self, link: Link, event: Event, actor: Actor) -> None:
        # From here on nobody finds it.
        if self._links.pop(link.digest, None) is None:
            return
        await self._ledger.enter(link, event, actor, over=True)
        self._reschedule()
        self._tell(link, event, "")
        await self._end_grants(link)

    async def _end_grants(self, link: Link) -> None:
        for grant in (*link.doors.values(), *link.codes):
            await self._house.end(grant)

    def _reschedule(self) -> None:
        ends = [link.end for link in self._links.values()]
        self._schedule(min(ends, default=None))

    # What who has a link does. `via` is from where, for the log.

    def find(self, token: str) -> Link | None:
        """Return the link of a token; None for every other."""
        link = self._links.get(digest(token))
        # The clock may have gone on before the timer.
        return link if link and utc_now() < link.end else None

    async def look(self, link: Link, visit: str, via: str) -> str:
        """Return the secret of this visit: the one that is given, if it is known.

        A new one is entered, and the owner is told. Raises LinkError.
        """
        if digest(visit) in {*link.visits, *link.passes}:
            return visit
        if len(link.visits) >= MOST_VISITS:
            raise LinkError("busy")
        visit = secrets.token_urlsafe(32)
        link.visits.add(digest(visit))
        await self._ledger.enter(link, Event.VIEWED, link.actor, via)
        self._tell(link, Event.VIEWED, "")
        return visit

    async def confirm(self, link: Link, visit: str, code: str, via: str) -> None:
        """Take the code that was said at the door. Raises LinkError."""
        if digest(visit) not in link.visits:
            raise LinkError("visit_unknown")
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
        link.passes.append(digest(visit))
        await self._ledger.enter(link, Event.CONFIRMED, link.actor, via)
        self._tell(link, Event.CONFIRMED, "")

    def _lock(self, link: Link, visit: str, door: str) -> str:
        if not link.trusts(visit):
            raise LinkError("needs_code")
        lock = link.door(door)
        if lock is None or self._links.get(link.digest) is not link:
            raise LinkError("over")
        if door in link.busy:
            raise LinkError("busy")
        return lock

    @whole
    async def press(self, link: Link, visit: str, door: str, via: str) -> None:
        """Open a door. Raises LinkError, or the errors of locks and grants."""
        lock = self._lock(link, visit, door)
        link.busy.add(door)
        result = Event.NOT_OPENED
        try:
            await self._ledger.enter(link, Event.PRESSED, link.actor, via, lock=lock)
            await self._house.press(door)
            result = Event.OPENED
        finally:
            link.busy.discard(door)
            self._tell(link, result, lock)

    @whole
    async def keypad_code(self, link: Link, visit: str, door: str, via: str) -> str:
        """Return a code for the keypad of a door. Raises as `press` does."""
        lock = self._lock(link, visit, door)
        link.busy.add(door)
        try:
            grant, digits = await self._house.keypad_code(link, lock)
            if self._links.get(link.digest) is not link:
                # Withdrawn while the lock took it.
                await self._house.end(grant)
                raise LinkError("over")
            link.codes.append(grant)
            await self._ledger.enter(link, Event.CODE_SHOWN, link.actor, via, lock=lock)
        finally:
            link.busy.discard(door)
        self._tell(link, Event.CODE_SHOWN, lock)
        return digits

    async def picture(self, link: Link, visit: str, camera: str, via: str) -> bytes:
        """Return a picture of now. Raises LinkError."""
        if not link.trusts(visit):
            raise LinkError("needs_code")
        if not link.incident or camera not in self._house.cameras():
            raise LinkError("no_picture")
        if camera in link.busy:
            raise LinkError("busy")
        link.busy.add(camera)
        try:
            await self._ledger.enter(
                link, Event.PICTURED, link.actor, via, camera=camera
            )
            picture = await self._house.picture(camera)
        finally:
            link.busy.discard(camera)
        self._tell(link, Event.PICTURED, camera)
        # The owner may have unticked it, or withdrawn the link, meanwhile.
        there = self._links.get(link.digest) is link
        if picture is None or not there or camera not in self._house.cameras():
            raise LinkError("no_picture")
        return picture
