"""What was asked of the home, and what the owner said to it.

Nothing here answers anybody: no answer is a no, and nobody outside can tell it from one
that nobody read.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Executable, case, delete

from ..log import Log, LogRefused, put
from ..models import HOME_ACTOR, Actor, Asked, utc_now
from ..whole import Spawn, whole
from . import reading
from .agencies import Agencies
from .documents import Document, Documents
from .ledger import DATED, NEWEST, OVER, STAGES, new, stage_of
from .models import Agency, BadField, RequestError, Standing
from .request import NEXT, Request, State, Via
from .rules import Limits
from .signed import Signed
from .tables import documents, holding, removed, requests as table

_RESENT = 2 * 86_400
"""Seconds after which nobody can send a removed one again: it is dated by then."""
_PRESSING = (
    case((table.c.deadline < 0, 1), else_=0),
    table.c.deadline,
    table.c.received,
)


class Inbox(Signed):
    """All requests, in the log's store."""

    def __init__(
        self,
        log: Log,
        agencies: Agencies,
        folder: Path,
        limits: Callable[[], Limits],
        changed: Callable[[], None],
        arrived: Callable[[], None],
        spawn: Spawn,
    ) -> None:
        """Take the directory, the folder of documents, and what those that came need."""
        super().__init__(log, limits, changed, arrived, spawn)
        self._agencies = agencies
        self.documents = Documents(log, folder)

    async def load(self) -> None:
        """Take up what was left undone. Raises LogUnavailable."""
        async with self._changing:
            await self.documents.sweep()
            await self._settle_all()
            await self._summarize()
        await self._place_all()

    # What is known

    async def find(
        self, search: str = "", *, only_open: bool = False, limit: int = 50
    ) -> list[Request]:
        """Return those in whose id, agency, case or officer every word is, newest first.

        Of the open ones those with a deadline come first, then the oldest. Raises
        LogUnavailable.
        """
        found = holding(table.c.words, search)
        if only_open:
            found.append(table.c.open == 1)
        order = _PRESSING if only_open else NEWEST
        return await self._read(*found, limit=limit, order=order)

    async def count_open(self) -> int:
        """Return how many wait for the owner. Raises LogUnavailable."""
        return await self._count(table.c.open == 1)

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

    @whole
    async def record(
        self,
        said: Mapping[str, Any],
        actor: Actor,
        *,
        agency_id: str = "",
        hold: bool = False,
    ) -> Request:
        """Enter what came on paper or by telephone.

        It is from one of the directory, or from whom it says it is. With `hold` what it is
        about is kept from erasure. Raises RequestError, LogUnavailable.
        """
        agency = await self._agencies.get(agency_id) if agency_id else None
        if agency:
            said = {**said, "agency_name": agency.facts.name}
        ask = reading.ask(said)
        if ask.via is Via.SIGNED:
            raise BadField("via", "request_choice")
        async with self._changing:
            request = await self._ruled(new(ask, agency))
            request = await self._take(request, actor, hold=hold)
        return await self._place(request.id, actor) if hold else request

    # What the owner does

    @whole
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
            request = await self._settle(request)
            await self._summarize()
            return request

    @whole
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

    @whole
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

    @whole
    async def _ended(
        self, request_id: str, state: State, reason: Any, actor: Actor
    ) -> Request:
        noted = reading.described("reason", reason)
        async with self._changing:
            request = replace(await self.get(request_id), reason=noted)
            return await self._step(request, state, actor)

    async def viewed(self, request: Request, actor: Actor, document: str = "") -> None:
        """Enter that somebody looked at one, or at a document of it. Raises LogUnavailable."""
        entry = request.entry("viewed", actor, document=document)
        await self._log.append("request", entry)

    @whole
    async def hold(self, request_id: str, actor: Actor) -> Request:
        """Keep what it is about from erasure. Raises RequestError, LogUnavailable."""
        async with self._changing:
            request = await self.get(request_id)
            if not request.state.open or await self.is_held(request):
                raise RequestError("request_not_now")
        return await self._place(request_id, actor)

    @whole
    async def lift(self, request_id: str, actor: Actor) -> Request:
        """Keep it no longer than all else. Raises RequestError, LogUnavailable."""
        request = await self.get(request_id)
        if not (gone := request.hold):
            raise RequestError("request_not_now")
        # It may have been lifted by the action for holds.
        with suppress(LogRefused):
            await self._log.care.lift(gone, f"request {request_id}", actor.fields())
        async with self._changing:
            request = replace(await self.get(request_id), hold="")
            await self._enter(request, "lifted", actor, detail=gone)
            return request

    @whole
    async def attach(
        self, request_id: str, source: AbstractContextManager[Path], actor: Actor
    ) -> Document:
        """Keep a document of it, as it is. Raises as `Documents.add` does."""
        async with self._changing:
            return await self.documents.add(await self.get(request_id), source, actor)

    async def document(
        self, request_id: str, sha256: str, actor: Actor
    ) -> tuple[Path, Document]:
        """Return where a document is, once it is entered that somebody looks at it.

        Raises RequestError (`document_damaged`, `request_not_found`), LogUnavailable.
        """
        request = await self.get(request_id)
        path, found = await self.documents.find(request_id, sha256)
        await self.viewed(request, actor, sha256)
        return path, found

    # What it is answered with

    async def asked(self, request_id: str) -> Asked:
        """Return a request as it is answered. Raises RequestError, LogUnavailable."""
        request = await self.get(request_id)
        ask = request.ask
        agency: Agency | None = None
        with suppress(RequestError):
            agency = await self._agencies.get(request.agency)
        confirmed = agency is not None and agency.standing is Standing.VERIFIED
        return Asked(
            request=request.id,
            instrument=ask.instrument.value,
            compelled=ask.instrument.compels,
            answerable=request.answerable and confirmed,
            documents=len(await self.documents.of(request.id)),
            agency=agency.facts.name if agency else ask.agency_name,
            agency_type=request.agency_type,
            recipient=agency.facts.age_recipient if agency and confirmed else "",
            since=ask.since,
            until=ask.until,
            kinds=frozenset(ask.kinds),
            received=request.received,
            gag=ask.gag,
            record={
                "request": request.id,
                "said": ask.as_dict(),
                "salt": request.salt,
                "digest": request.digest,
            },
        )

    @whole
    async def answer(
        self,
        request_id: str,
        state: str,
        enter: Callable[[Sequence[Executable]], Awaitable[None]],
        *,
        must: bool,
    ) -> bool:
        """Bring a request to a state, in the transaction of the entry that `enter` appends.

        Where it cannot come to it, or is gone, the entry is appended alone; with `must`
        it is not, and this returns False. Raises LogUnavailable.
        """
        async with self._changing:
            rows: Sequence[Executable] = ()
            with suppress(RequestError):
                request = await self.get(request_id)
                if State(state) in NEXT[request.state]:
                    now = utc_now().replace(microsecond=0)
                    request = replace(request, state=State(state), changed=now)
                    rows = put(table, **request.as_row())
            if must and not rows:
                return False
            await enter(rows)
            await self._summarize()
            return True

    @whole
    async def remove(self, request_id: str, actor: Actor) -> None:
        """Forget one that is over, and its documents; its entries stay.

        Raises RequestError, LogUnavailable.
        """
        async with self._changing:
            request = await self.get(request_id)
            if request.state.open or await self.is_held(request):
                raise RequestError("request_not_now")
            kept = await self.documents.of(request_id)
            gone: list[Executable] = [
                delete(documents).where(documents.c.request == request_id),
                delete(table).where(table.c.id == request_id),
            ]
            now = int(utc_now().timestamp())
            gone.append(delete(removed).where(removed.c.time < now - _RESENT))
            if request.reference_key:
                row = {"reference_key": request.reference_key, "time": now}
                gone += put(removed, **row)
            await self._log.append(
                "request",
                request.entry("removed", actor),
                also=lambda _: gone,
            )
            await self.documents.forget(kept)
            await self._summarize()

    @whole
    async def remind(self, now: datetime, tell: Callable[[bool], None]) -> None:
        """Enter of which the owner is to be reminded now; tell of each whether it is over.

        Raises LogUnavailable.
        """
        async with self._changing:
            await self._settle_all()
            for request in await self._read(*DATED):
                stage = stage_of(request, now)
                if stage == request.reminded:
                    continue
                ahead = stage < request.reminded
                request = replace(request, reminded=stage)
                # Back again: a clock was set.
                detail = "clock" if ahead else STAGES[stage]
                await self._enter(request, "reminded", HOME_ACTOR, detail=detail)
                if not ahead:
                    tell(stage == OVER)
            await self._summarize()
        await self._place_all()
