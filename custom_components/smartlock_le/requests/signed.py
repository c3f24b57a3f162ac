"""Requests that came by themselves, signed by an agency: what of them is taken, and how far."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
import hashlib
import logging

from sqlalchemy import select

from ..log import Log, LogUnavailable
from ..models import HOME_ACTOR, utc_now
from ..whole import Spawn, whole
from .ledger import BEFORE, Ledger, new
from .models import Agency, Standing
from .request import Ask, Request, State
from .rules import Limits
from .tables import removed, requests as table

_LOGGER = logging.getLogger(__name__)
MOST_AN_HOUR, MOST_OPEN = 20, 50
"""Signed requests of one agency."""
_LONGEST_HOLD = timedelta(days=92)


class Signed(Ledger):
    """Takes them in. Nobody outside can tell what became of one."""

    def __init__(
        self,
        log: Log,
        limits: Callable[[], Limits],
        changed: Callable[[], None],
        arrived: Callable[[], None],
        spawn: Spawn,
    ) -> None:
        """Take what the ledger takes; `arrived` is called when one came."""
        super().__init__(log, limits, changed, spawn)
        self._arrived = arrived
        self.dropped = 0
        """How many were too many, or others of a reference that is known."""

    @whole
    async def take_signed(self, ask: Ask, agency: Agency, payload: str) -> None:
        """Enter what an agency signed with its key, or go on where that broke off.

        `payload` is the SHA-256 of what was signed. Another one of the same reference, and
        one too many, are dropped: whoever sends it must not learn what is here. Raises
        LogUnavailable.
        """
        said = f"{agency.facts.signing_key}\n{ask.reference}"
        key = hashlib.sha256(said.encode()).hexdigest()
        async with self._changing:
            known = await self._read(table.c.reference_key == key)
            if known and known[0].payload == payload:
                await self._confirm_signed(known[0], agency)
                return
            if known or await self._seen(key) or await self._floods(agency):
                self.dropped += 1
                return
            # As the directory names it: a key can sign any name.
            ask = replace(ask, agency_name=agency.facts.name)
            request = replace(new(ask, agency), reference_key=key, payload=payload)
            request = await self._ruled(request)
            # Of one who may be somebody else, or for years: if the owner wants it.
            believed = agency.standing is Standing.VERIFIED and not request.broken
            hold = believed and ask.instrument.holds
            hold = hold and await self._holds_little(request)
            request = await self._take(request, HOME_ACTOR, hold=hold)
            await self._confirm_signed(request, agency)
            self._arrived()
        if hold:
            # Whoever waits outside must not see how long that takes.
            self.spawn(self._hold_signed(), "hold of a request")

    async def _hold_signed(self) -> None:
        try:
            await self._place_all()
        except LogUnavailable as err:
            _LOGGER.warning("A hold is to be placed later: %s", err)

    async def _confirm_signed(self, request: Request, agency: Agency) -> None:
        """Enter that the key of an agency that was called back signed it."""
        request = await self._settle(request)
        if agency.standing is Standing.VERIFIED and request.state is State.RECEIVED:
            await self._step(request, State.VERIFIED, HOME_ACTOR, detail="signed")

    async def _seen(self, key: str) -> bool:
        """Tell whether it was here and was removed, as long as it could be sent again."""
        rows = await self._log.read(
            select(removed).where(removed.c.reference_key == key)
        )
        return bool(rows)

    async def _holds_little(self, request: Request) -> bool:
        """Tell whether all that is held for an agency by itself is little, and past."""
        ask = request.ask
        spans = [ask.until - ask.since] + [
            one.ask.until - one.ask.since
            for one in await self._read(
                table.c.agency == request.agency,
                table.c.payload != "",
                table.c.hold != "",
            )
        ]
        soon = ask.until <= utc_now() + BEFORE
        return soon and sum(spans, timedelta()) <= _LONGEST_HOLD

    async def _floods(self, agency: Agency) -> bool:
        """Tell whether an agency asks too much."""
        hour = int(utc_now().timestamp()) - 3600
        for most, condition in (
            (MOST_AN_HOUR, table.c.received > hour),
            (MOST_OPEN, table.c.open == 1),
        ):
            signed = table.c.agency == agency.id, table.c.payload != ""
            if await self._count(*signed, condition) >= most:
                return True
        return False
