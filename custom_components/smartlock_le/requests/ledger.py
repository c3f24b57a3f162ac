"""How far each request is: kept with its entry, one step at a time."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
import secrets
from typing import Any

from sqlalchemy import Executable, func, select

from ..log import Log, put
from ..models import HOME_ACTOR, Actor, new_id, utc_now
from ..whole import Spawn
from . import rules
from .models import Agency, RequestError
from .request import NEXT, Ask, Instrument, Request, State, case_key
from .rules import Limits
from .tables import requests as table

BEFORE = timedelta(days=1)
"""How long before its deadline the owner is reminded of one."""
WANTED = "wanted"
"""In place of a hold: it is to be placed."""
NEWEST = (table.c.received.desc(),)
DATED = (table.c.open == 1, table.c.deadline >= 0)
OVER = 2
STAGES = ("", "a day before", "overdue")


@dataclass(frozen=True, slots=True)
class Summary:
    """What whoever lives here may see: none that must be kept from them."""

    open: int = 0
    next: str = ""
    """The one with the next deadline."""
    deadline: datetime | None = None
    overdue: int = 0


class Ledger:
    """All requests, in the log's store."""

    def __init__(
        self,
        log: Log,
        limits: Callable[[], Limits],
        changed: Callable[[], None],
        spawn: Spawn,
    ) -> None:
        """Take the log, and what the owner excludes.

        `changed` is called when the summary is another; `spawn` starts a task that ends
        with the home.
        """
        self._log = log
        self._limits = limits
        self._changed = changed
        self.spawn = spawn
        self._changing = asyncio.Lock()
        self.summary = Summary()
        self.due: datetime | None = None
        """When the owner is to be reminded of something."""

    async def get(self, request_id: str) -> Request:
        """Return one. Raises RequestError, LogUnavailable."""
        found = await self._read(table.c.id == request_id)
        if not found:
            raise RequestError("request_not_found")
        return found[0]

    async def is_held(self, request: Request) -> bool:
        """Tell whether its hold is there still: an action lifts them, too."""
        return request.hold in {held.id for held in await self._log.care.holds()}

    # What one that comes in needs

    async def _take(self, request: Request, actor: Actor, *, hold: bool) -> Request:
        """Enter one. A hold that is wanted is placed next, or at the next start."""
        if hold:
            request = replace(request, hold=WANTED)
        await self._enter(request, "received", actor, detail=" ".join(request.broken))
        request = await self._settle(request)
        await self._summarize()
        return request

    async def _settle_all(self) -> None:
        """Go on with those that were not taken in to the end."""
        waits = table.c.state == State.RECEIVED.value
        for request in await self._read(waits, table.c.broken != ""):
            await self._settle(request)

    async def _settle(self, request: Request) -> Request:
        """Decline one that breaks a rule; an emergency is for the owner to look at."""
        declines = request.broken and request.state is State.RECEIVED
        if declines and request.ask.instrument is not Instrument.EXIGENT:
            return await self._go(
                request, State.DECLINED, HOME_ACTOR, " ".join(request.broken)
            )
        return request

    async def _place_all(self) -> None:
        """Place the holds that are wanted. Not while `_changing` is held."""
        for request in await self._read(table.c.hold == WANTED):
            await self._place(request.id, HOME_ACTOR)

    async def _place(self, request_id: str, actor: Actor) -> Request:
        """Place the hold of a request.

        It waits for whoever reads the log, so not while `_changing` is held.
        """
        ask = (await self.get(request_id)).ask
        held = await self._log.care.hold(
            ask.since, ask.until, f"request {request_id}", actor.fields()
        )
        async with self._changing:
            request = replace(await self.get(request_id), hold=held.id)
            await self._enter(request, "held", actor, detail=held.id)
            return request

    async def _ruled(self, request: Request) -> Request:
        """Return it with the rules that it breaks."""
        ask, earlier = request.ask, 0
        if key := case_key(request.agency or ask.agency_name, ask.case_number):
            earlier = await self._count(
                table.c.case_key == key,
                table.c.id != request.id,
                # Who was told no may ask better.
                table.c.state != State.DECLINED.value,
            )
        found = rules.broken(
            ask, request.agency_type, earlier, self._limits(), request.received
        )
        return replace(request, broken=found)

    # A step

    async def _step(
        self, request: Request, state: State, actor: Actor, detail: str = ""
    ) -> Request:
        request = await self._go(request, state, actor, detail)
        await self._summarize()
        return request

    async def _go(
        self, request: Request, state: State, actor: Actor, detail: str = ""
    ) -> Request:
        if state not in NEXT[request.state]:
            raise RequestError("request_not_now")
        now = utc_now().replace(microsecond=0)
        request = replace(request, state=state, changed=now)
        await self._enter(request, state.value, actor, detail=detail)
        return request

    async def _enter(
        self, request: Request, event: str, actor: Actor, *, detail: str = ""
    ) -> None:
        rows: Iterable[Executable] = put(table, **request.as_row())
        await self._log.append(
            "request",
            request.entry(event, actor, detail),
            also=lambda _: rows,
        )

    async def _read(
        self, *conditions: Any, limit: int | None = None, order: Any = NEWEST
    ) -> list[Request]:
        query = select(table).where(*conditions)
        query = query.order_by(*order, table.c.id).limit(limit)
        return [Request.from_row(dict(row)) for row in await self._log.read(query)]

    async def _count(self, *conditions: Any) -> int:
        query = select(func.count().label("n")).where(*conditions)
        return int((await self._log.read(query.select_from(table)))[0]["n"])

    async def _summarize(self) -> None:
        """Count anew what may be shown, and when the next reminder is."""
        now = utc_now()
        shown = await self._count(table.c.open == 1, table.c.gag == 0)
        dated = await self._read(*DATED, order=(table.c.deadline,))
        known = [one for one in dated if not one.hidden]
        ahead = [one for one in known if stage_of(one, now) < OVER]
        rings = [
            deadline if far else deadline - BEFORE
            for one in dated
            if (deadline := one.ask.deadline) and (far := stage_of(one, now)) < OVER
        ]
        due = any(stage_of(one, now) != one.reminded for one in dated)
        self.due = now if due else min(rings, default=None)
        self.summary = Summary(
            shown,
            ahead[0].id if ahead else "",
            ahead[0].ask.deadline if ahead else None,
            len(known) - len(ahead),
        )
        self._changed()


def stage_of(request: Request, now: datetime) -> int:
    """Return how far a deadline is: ahead, within a day, over."""
    deadline = request.ask.deadline
    if deadline is None or deadline - BEFORE > now:
        return 0
    return 1 if deadline > now else OVER


def new(ask: Ask, agency: Agency | None) -> Request:
    """Return one that came now."""
    now = utc_now().replace(microsecond=0)
    return Request(
        id=new_id(),
        ask=ask,
        salt=secrets.token_hex(16),
        received=now,
        changed=now,
        agency=agency.id if agency else "",
        agency_type=agency.facts.type.value if agency else "",
    )
