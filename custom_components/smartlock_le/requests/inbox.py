"""What was asked of the home, and what the owner said to it.

Nothing here answers anybody: no answer is a no, and nobody outside can tell it from one
that nobody read.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
import hashlib
from pathlib import Path
import secrets
from typing import Any

from sqlalchemy import Executable, and_, delete, func, select

from ..log import Log, LogRefused, put
from ..models import HOME_ACTOR, Actor, new_id, utc_now
from . import reading, rules
from .agencies import Agencies
from .checks import text
from .documents import Document, Papers
from .models import Agency, BadField, RequestError, Standing
from .request import NEXT, Ask, Instrument, Request, State, Via, case_key
from .rules import Limits
from .tables import documents as papers, requests as table

MOST_AN_HOUR, MOST_OPEN = 20, 50
"""Signed requests of one agency."""
_LONGEST_HOLD = timedelta(days=92)
BEFORE = timedelta(days=1)
"""How long before its deadline the owner is reminded of one."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What whoever lives here may see: none that must be kept from them."""

    open: int = 0
    next: str = ""
    """The one with the next deadline."""
    deadline: datetime | None = None
    overdue: int = 0


class Inbox:
    """All requests, in the log's store."""

    def __init__(
        self,
        log: Log,
        agencies: Agencies,
        folder: Path,
        limits: Callable[[], Limits],
        changed: Callable[[], None],
    ) -> None:
        """Take the log, the directory, the folder of papers, what the owner excludes.

        `changed` is called when the summary is another.
        """
        self._log = log
        self._agencies = agencies
        self.papers = Papers(log, folder)
        self._limits = limits
        self._changed = changed
        self._changing = asyncio.Lock()
        self.summary = Summary()
        self.due: datetime | None = None
        """When the owner is to be reminded of something."""

    async def load(self) -> None:
        """Take up what was left undone. Raises LogUnavailable."""
        async with self._changing:
            await self.papers.sweep()
            undone = await self._read(
                table.c.state == State.RECEIVED.value, table.c.broken != ""
            )
            for request in undone:
                await self._decline_by_rule(request)
            await self._summarize()

    # What is known

    async def get(self, request_id: str) -> Request:
        """Return one. Raises RequestError, LogUnavailable."""
        found = await self._read(table.c.id == request_id)
        if not found:
            raise RequestError("request_not_found")
        return found[0]

    async def find(
        self, search: str = "", *, only_open: bool = False, limit: int = 50
    ) -> list[Request]:
        """Return those in whose id, agency, case or officer every word is, newest first.

        Raises LogUnavailable.
        """
        words = search.casefold().split()[:10]
        found = [table.c.words.contains(word, autoescape=True) for word in words]
        if only_open:
            found.append(table.c.open == 1)
        return await self._read(*found, limit=limit)

    async def with_deadline(self, since: datetime, until: datetime) -> list[Request]:
        """Return the open ones due in a window that residents may know of.

        Raises LogUnavailable.
        """
        return await self._read(
            table.c.open == 1,
            table.c.gag == 0,
            table.c.deadline >= int(since.timestamp()),
            table.c.deadline < int(until.timestamp()),
        )

    # What comes in

    async def record(
        self,
        said: Mapping[str, Any],
        actor: Actor,
        *,
        agency_id: str = "",
        hold: bool = False,
    ) -> Request:
        """Enter what came on paper or by telephone.

        It is from one of the directory, or from whom it says it is. With `hold` what it is about is kept from erasure. Raises RequestError,
        LogUnavailable: nothing is kept then.
        """
        agency = await self._agencies.get(agency_id) if agency_id else None
        if agency:
            said = {**said, "agency_name": agency.facts.name}
        ask = reading.ask(said)
        if ask.via is Via.SIGNED:
            raise BadField("via", "request_choice")
        async with self._changing:
            return await self._take(_new(ask, agency), actor, hold=hold)

    async def take_signed(
        self, ask: Ask, agency: Agency, payload: str
    ) -> Request | None:
        """Enter what an agency signed with its key; None: it is here already.

        `payload` is the SHA-256 of what was signed. Raises RequestError
        (`request_reference_used`, `request_too_many`), LogUnavailable.
        """
        key = hashlib.sha256(f"{agency.id}\n{ask.reference}".encode()).hexdigest()
        async with self._changing:
            for known in await self._read(table.c.reference_key == key):
                if known.payload == payload:
                    return None
                raise RequestError("request_reference_used")
            await self._must_not_flood(agency)
            verified = agency.standing is Standing.VERIFIED
            request = replace(_new(ask, agency), reference_key=key, payload=payload)
            # Of one who may be somebody else, or for years: if the owner wants it.
            short = ask.until - ask.since <= _LONGEST_HOLD
            hold = verified and short and ask.instrument.holds
            request = await self._take(request, HOME_ACTOR, hold=hold)
            if verified and request.state is State.RECEIVED:
                request = await self._step(
                    request, State.VERIFIED, HOME_ACTOR, detail="signed"
                )
            return request

    async def _must_not_flood(self, agency: Agency) -> None:
        """Raise RequestError where an agency asks too much."""
        hour = int(utc_now().timestamp()) - 3600
        for most, condition in (
            (MOST_AN_HOUR, table.c.received > hour),
            (MOST_OPEN, table.c.open == 1),
        ):
            query = select(func.count().label("n")).where(
                table.c.agency == agency.id, table.c.payload != "", condition
            )
            if (await self._log.read(query))[0]["n"] >= most:
                raise RequestError("request_too_many")

    async def _take(self, request: Request, actor: Actor, *, hold: bool) -> Request:
        """Enter one, the hold first: what is asked for must not go meanwhile."""
        request = await self._ruled(request)
        if hold:
            request = await self._held(request, actor)
        await self._enter(request, "received", actor, detail=" ".join(request.broken))
        request = await self._decline_by_rule(request)
        await self._summarize()
        return request

    async def _ruled(self, request: Request) -> Request:
        """Return it with the rules that it breaks."""
        ask, earlier = request.ask, 0
        if key := case_key(request.agency or ask.agency_name, ask.case_number):
            query = select(func.count().label("n")).where(
                table.c.case_key == key, table.c.id != request.id
            )
            earlier = int((await self._log.read(query))[0]["n"])
        found = rules.broken(
            ask, request.agency_type, earlier, self._limits(), request.received
        )
        return replace(request, broken=found)

    async def _decline_by_rule(self, request: Request) -> Request:
        """Decline one that breaks a rule; an emergency is for the owner to look at."""
        if not request.broken or request.ask.instrument is Instrument.EXIGENT:
            return request
        return await self._go(
            request, State.DECLINED, HOME_ACTOR, " ".join(request.broken)
        )

    # What the owner does

    async def set_agency(
        self, request_id: str, agency_id: str, actor: Actor
    ) -> Request:
        """Say which of the directory it is from. Raises RequestError, LogUnavailable."""
        agency = await self._agencies.get(agency_id)
        async with self._changing:
            request = await self.get(request_id)
            if request.state is not State.RECEIVED:
                raise RequestError("request_not_now")
            request = await self._ruled(
                replace(request, agency=agency.id, agency_type=agency.facts.type.value)
            )
            await self._enter(request, "agency", actor, detail=" ".join(request.broken))
            request = await self._decline_by_rule(request)
            await self._summarize()
            return request

    async def confirm(self, request_id: str, called: bool, actor: Actor) -> Request:
        """Enter that the agency, called by its own number, says that it is its request.

        Raises RequestError, LogUnavailable.
        """
        if not called:
            raise RequestError("request_not_confirmed")
        async with self._changing:
            request = await self.get(request_id)
            if not request.agency:
                raise RequestError("request_no_agency")
            agency = await self._agencies.get(request.agency)
            if agency.standing is not Standing.VERIFIED:
                raise RequestError("request_agency_unverified")
            return await self._step(request, State.VERIFIED, actor, detail="called")

    async def review(self, request_id: str, actor: Actor) -> Request:
        """Enter that the owner looks at it now, or again. Raises as `confirm` does."""
        async with self._changing:
            request = await self.get(request_id)
            return await self._step(request, State.OWNER_REVIEW, actor)

    async def decline(self, request_id: str, reason: Any, actor: Actor) -> Request:
        """Say no; nobody is told. Raises as `confirm` does."""
        return await self._ended(request_id, State.DECLINED, reason, actor)

    async def challenge(self, request_id: str, reason: Any, actor: Actor) -> Request:
        """Enter that it is disputed, before a court or whoever made it.

        Raises as `confirm` does.
        """
        return await self._ended(request_id, State.CHALLENGED, reason, actor)

    async def close(self, request_id: str, reason: Any, actor: Actor) -> Request:
        """Be done with it. Its hold stays until it is lifted. Raises as `confirm` does."""
        return await self._ended(request_id, State.CLOSED, reason, actor)

    async def _ended(
        self, request_id: str, state: State, reason: Any, actor: Actor
    ) -> Request:
        noted = text("reason", reason, reading.LONG)
        async with self._changing:
            request = replace(await self.get(request_id), reason=noted)
            return await self._step(request, state, actor)

    async def viewed(self, request: Request, actor: Actor, document: str = "") -> None:
        """Enter that somebody looked at one, or at a paper of it. Raises LogUnavailable."""
        entry = request.entry("viewed", document=document)
        await self._log.append("request", entry | actor.fields())

    async def hold(self, request_id: str, actor: Actor) -> Request:
        """Keep what it is about from erasure. Raises RequestError, LogUnavailable."""
        async with self._changing:
            request = await self.get(request_id)
            if request.hold or not request.state.open:
                raise RequestError("request_not_now")
            request = await self._held(request, actor)
            await self._enter(request, "held", actor, detail=request.hold)
            return request

    async def lift(self, request_id: str, actor: Actor) -> Request:
        """Keep it no longer than all else. Raises RequestError, LogUnavailable."""
        async with self._changing:
            request = await self.get(request_id)
            if not request.hold:
                raise RequestError("request_not_now")
            # It may have been lifted by the action for holds.
            with suppress(LogRefused):
                await self._log.care.lift(
                    request.hold, f"request {request.id}", actor.fields()
                )
            gone = request.hold
            request = replace(request, hold="")
            await self._enter(request, "lifted", actor, detail=gone)
            return request

    async def _held(self, request: Request, actor: Actor) -> Request:
        held = await self._log.care.hold(
            request.ask.since,
            request.ask.until,
            f"request {request.id}",
            actor.fields(),
        )
        return replace(request, hold=held.id)

    async def attach(
        self, request_id: str, source: AbstractContextManager[Path], actor: Actor
    ) -> Document:
        """Keep a paper of it, as it is. Raises as `Papers.add` does."""
        async with self._changing:
            return await self.papers.add(await self.get(request_id), source, actor)

    async def paper(
        self, request_id: str, sha256: str, actor: Actor
    ) -> tuple[Path, Document]:
        """Return where a paper is, once it is entered that somebody looks at it.

        Raises RequestError (`document_damaged`, `request_not_found`), LogUnavailable.
        """
        request = await self.get(request_id)
        path, found = await self.papers.find(request_id, sha256)
        await self.viewed(request, actor, sha256)
        return path, found

    async def remove(self, request_id: str, actor: Actor) -> None:
        """Forget one that is over, and its papers; its entries stay.

        Raises RequestError, LogUnavailable.
        """
        async with self._changing:
            request = await self.get(request_id)
            if request.state.open or request.hold:
                raise RequestError("request_not_now")
            kept = await self.papers.of(request_id)
            gone = [
                delete(papers).where(papers.c.request == request_id),
                delete(table).where(table.c.id == request_id),
            ]
            await self._log.append(
                "request",
                request.entry("removed") | actor.fields(),
                also=lambda _: gone,
            )
            await self.papers.forget(kept)
            await self._summarize()

    async def remind(self, now: datetime) -> list[tuple[Request, bool]]:
        """Enter of which the owner is to be reminded now; return them, and if it is over.

        Raises LogUnavailable.
        """
        async with self._changing:
            due = []
            for request in await self._read(
                table.c.open == 1,
                table.c.deadline >= 0,
                table.c.deadline <= int((now + BEFORE).timestamp()),
                table.c.reminded < 2,
            ):
                over = (request.ask.deadline or now) <= now
                if request.reminded == int(over) + 1:
                    continue
                request = replace(request, reminded=int(over) + 1)
                await self._enter(
                    request,
                    "reminded",
                    HOME_ACTOR,
                    detail="overdue" if over else "a day before",
                )
                due.append((request, over))
            await self._summarize()
            return due

    # Inside

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
            request.entry(event, detail) | actor.fields(),
            also=lambda _: rows,
        )

    async def _read(self, *conditions: Any, limit: int | None = None) -> list[Request]:
        query = select(table).where(and_(True, *conditions))
        query = query.order_by(table.c.received.desc(), table.c.id).limit(limit)
        return [Request.from_row(dict(row)) for row in await self._log.read(query)]

    async def _summarize(self) -> None:
        """Count anew what may be shown, and when the next reminder is."""
        shown = table.c.open == 1, table.c.gag == 0
        dated = table.c.open == 1, table.c.deadline >= 0
        query = select(func.count().label("n")).where(*shown)
        count = int((await self._log.read(query))[0]["n"])
        query = select(table).where(*dated).order_by(table.c.deadline)
        now, ahead, overdue = utc_now(), [], 0
        rings: list[datetime] = []
        for row in await self._log.read(query):
            request = Request.from_row(dict(row))
            deadline = request.ask.deadline or now
            if request.reminded < 2:
                rings.append(deadline if request.reminded else deadline - BEFORE)
            if not request.ask.gag:
                overdue += deadline <= now
                if deadline > now:
                    ahead.append(request)
        self.due = min(rings, default=None)
        self.summary = Summary(
            count,
            ahead[0].id if ahead else "",
            ahead[0].ask.deadline if ahead else None,
            overdue,
        )
        self._changed()


def _new(ask: Ask, agency: Agency | None) -> Request:
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
