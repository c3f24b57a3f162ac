"""A file that is sealed goes: once by an address, or with the owner."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
import hashlib
import secrets

from ..log import LogUnavailable
from ..models import HOME_ACTOR, Actor, utc_now
from ..whole import whole
from .models import Release, ReleaseError, Stage
from .records import Records, Sending
from .tables import releases as table

MOST_HOURS = 168


class Giving(Records):
    """Hands over what is approved and sealed."""

    @whole
    async def make_link(
        self, release_id: str, hours: int, actor: Actor
    ) -> tuple[Release, str]:
        """Return the secret of an address that gives the file once, in so many hours.

        An earlier address is good no more. Raises ReleaseError, what the room of the
        requests raises, LogUnavailable.
        """
        if not 1 <= hours <= MOST_HOURS:
            raise ReleaseError("release_hours", "hours")
        async with self._changing:
            release = await self._ready(await self.get(release_id))
            secret = secrets.token_urlsafe(32)
            until = utc_now() + timedelta(hours=hours)
            release = replace(
                release, link=_hash(secret), link_until=min(until, release.expires)
            )
            await self._enter(release, "link", actor)
            return release, secret

    @whole
    async def carry(self, release_id: str, actor: Actor) -> Sending:
        """Give the file to the owner, who takes it to the agency.

        It counts as delivered from here on. Raises as `make_link` does.
        """
        async with self._changing:
            release = await self._ready(await self.get(release_id))
            release = replace(release, stage=Stage.DELIVERED, delivered=utc_now())
            await self._answer(release, "delivered", actor, "delivered", "carried")
            return self._sending(release)

    @whole
    async def begin(self, secret: str) -> Sending:
        """Give the file for the secret of an address: this once.

        Raises as `make_link` does, and nothing goes then.
        """
        # Who guesses keeps nobody waiting.
        if _hash(secret) not in self._links:
            raise ReleaseError("release_not_found")
        async with self._changing:
            found = await self._read(table.c.link == _hash(secret))
            if not found or not (until := found[0].link_until) or until <= utc_now():
                raise ReleaseError("release_not_found")
            release = await self._ready(found[0])
            release = replace(release, stage=Stage.SENDING, link="", link_until=None)
            await self._enter(release, "sending", HOME_ACTOR)
            return self._sending(release)

    @whole
    async def end(self, sending: Sending) -> None:
        """Enter that the last byte is out, or that it did not come to that.

        What is out in part is out. Where it cannot be entered now, it is the next day, or
        at the next start.
        """
        self.sent(sending)
        async with self._changing:
            with suppress(LogUnavailable):
                release = await self.get(sending.release.id)
                if release.stage is Stage.SENDING:
                    event = "delivered" if sending.done else "interrupted"
                    await self._out(release, event, out=sending.sent > 0)

    def sent(self, sending: Sending) -> None:
        """Take note that nothing more of it goes."""
        self._going.discard(sending)

    async def _out(self, release: Release, event: str, *, out: bool) -> Release:
        """Enter how a transfer ended; `out`: something of it left the house, or may have."""
        delivered = utc_now() if out else release.delivered
        stage = Stage.DELIVERED if delivered else Stage.SEALED
        release = replace(release, stage=stage, delivered=delivered)
        state, how = ("delivered", "out") if out else ("", "")
        await self._answer(release, event, HOME_ACTOR, state, how, keep=True)
        return release

    async def _ready(self, release: Release) -> Release:
        """Return one of which there is a file to give now. Raises ReleaseError and others."""
        sealed = release.stage in (Stage.SEALED, Stage.DELIVERED)
        if not sealed or release.id in self._stopped:
            raise ReleaseError("release_not_now")
        if not release.is_current(utc_now()):
            raise ReleaseError("release_old")
        if not self._allowed(release):
            raise ReleaseError("release_sharing_off")
        if not await asyncio.to_thread(self._file(release).is_file):
            raise ReleaseError("release_damaged")
        # What the owner said to the request since then holds, and who it is from.
        await self._asked(release.request)
        if await self._forgets(release):
            raise ReleaseError("release_stale")
        return release

    def _sending(self, release: Release) -> Sending:
        def may_go() -> bool:
            return release.id not in self._stopped and self._allowed(release)

        sending = Sending(release, self._file(release), may_go)
        self._going.add(sending)
        return sending


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
