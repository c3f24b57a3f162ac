"""Grants: opened, used, extended, ended; each step an entry before and after.

No code that we made outlives its grant: its name is remembered before it is set, and
is looked for on the lock until it is known to be gone.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
import logging
from typing import Any

from ..inputs import MAX_MINUTES
from ..models import (
    HOME_ACTOR,
    AccessEvent,
    AccessKind,
    Actor,
    ActorKind,
    Capability,
    DoorCommand,
    LockError,
    LockRefused,
    Method,
    OutcomeUnknown,
    new_id,
    utc_now,
)
from .grant_codes import GrantCodes, new_marker
from .ledger import OPENINGS, Ledger
from .models import (
    Grant,
    GrantError,
    GrantMethod,
    GrantRequest,
    GrantState,
    Lock,
    Markers,
    Opened,
)

_LOGGER = logging.getLogger(__name__)

RETRY, RETRY_MAX = timedelta(seconds=30), timedelta(minutes=10)
"""Until a code that could not be taken off is tried again; doubles each time."""
_RECENT = 20

type Spawn = Callable[[Coroutine[Any, Any, Any], str], asyncio.Task[Any]]
"""Starts a task that belongs to the config entry."""
type Schedule = Callable[[datetime | None], None]
"""Asks to be woken by `due` at that time, and no other."""
type Tell = Callable[[Grant, str], None]
"""Tells people and entities: a grant and what became of it."""


class Grants:
    """Every grant that has not ended."""

    def __init__(
        self,
        ledger: Ledger,
        find_lock: Callable[[str], Lock | None],
        markers: Markers,
        *,
        others: Callable[[str], set[str]] = lambda lock: set(),
        spawn: Spawn,
        schedule: Schedule,
        tell: Tell,
    ) -> None:
        """Take what grants stand on; call `load` before anything else."""
        self._ledger = ledger
        self._find_lock = find_lock
        self._codes = GrantCodes(ledger, markers)
        self._others = others
        """Names on a lock of codes of ours that are no grant's."""
        self._spawn = spawn
        self._schedule = schedule
        self._tell = tell
        self._grants: dict[str, Grant] = {}
        self._recent: deque[Grant] = deque(maxlen=_RECENT)
        """Ended lately: their last use may still be on its way from the lock."""
        self._under_way: set[asyncio.Task[Any]] = set()

    # Life

    async def load(self) -> None:
        """Take up what was not ended when we stopped. Raises LogUnavailable."""
        for grant in await self._ledger.load():
            self._grants[grant.id] = grant
        for grant in self.open_grants():
            if not grant.has_code and grant.state is not GrantState.OPEN:
                await self._close(grant, "interrupted", HOME_ACTOR)
            elif grant.state is GrantState.OPENING:
                # Its code was shown to nobody: we stopped in between.
                await self._begin_end(grant, "interrupted", HOME_ACTOR)
            elif grant.first_use and grant.uses:
                await self._begin_end(grant, "first_use", HOME_ACTOR)
        self._reschedule()

    async def stop(self) -> None:
        """Let what is under way come to its outcome."""
        if self._under_way:
            await asyncio.wait(self._under_way)

    def _start[T](self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start something that goes on to its outcome where its caller is gone."""
        task: asyncio.Task[T] = self._spawn(work, "grant")
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            # Entered already: retrieved, whether or not somebody waits for it.
            task.exception()

    async def _whole[T](self, work: Coroutine[Any, Any, T]) -> T:
        task = self._start(work)
        await asyncio.wait({task})
        return task.result()

    def open_grants(self) -> list[Grant]:
        """Return the grants that may still let someone in, oldest first."""
        return sorted(
            (g for g in self._grants.values() if g.state is not GrantState.ENDED),
            key=lambda g: g.start,
        )

    def _get(self, grant_id: str, *states: GrantState) -> Grant:
        grant = self._grants.get(grant_id)
        if grant is None or grant.state not in states:
            raise GrantError("grant_not_open")
        return grant

    def _lock(self, lock_id: str) -> Lock:
        lock = self._find_lock(lock_id)
        if lock is None:
            raise GrantError("lock_not_found")
        return lock

    async def _code_event(self, grant: Grant, kind: AccessKind, actor: Actor) -> None:
        if lock := self._find_lock(grant.lock):
            event = AccessEvent(
                lock=grant.lock,
                event=kind,
                method=Method.HOME_ASSISTANT,
                actor=actor,
                time=utc_now(),
                grant=grant.id,
                source="command",
            )
            await lock.tell(event)

    # Open

    async def open(self, request: GrantRequest, actor: Actor) -> Opened:
        """Open a grant.

        Raises GrantError where it cannot be had, or the lock's error; then no code of
        it stays on the lock. A caller who leaves before the answer was told no code:
        then it is taken back.
        """
        task = self._start(self._open(request, actor))
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            self._start(self._withdraw(task))
            raise
        return task.result()

    async def _withdraw(self, opening: asyncio.Task[Opened]) -> None:
        await asyncio.wait({opening})
        if not opening.cancelled() and opening.exception() is None:
            await self._end(opening.result().grant, "told to nobody", HOME_ACTOR)

    async def _open(self, request: GrantRequest, actor: Actor) -> Opened:
        lock = self._lock(request.lock)
        takes_codes = Capability.CODES in lock.capabilities
        if request.method is GrantMethod.CODE and not takes_codes:
            raise GrantError("lock_takes_no_codes")
        with_code = request.method.gives_code and takes_codes
        now = utc_now().replace(microsecond=0)
        grant = Grant(
            id=new_id(),
            lock=request.lock,
            agency=request.agency,
            incident=request.incident,
            reason=request.reason,
            method=request.method,
            first_use=request.first_use,
            notify=request.notify,
            start=now,
            end=now + timedelta(minutes=request.minutes),
            marker=new_marker() if with_code else "",
        )
        self._grants[grant.id] = grant
        code, unlocked = "", False
        async with grant.changing:
            durable = await self._ledger.enter(grant, "opening", actor)
            # The door first: somebody stands before it.
            if request.method.unlocks:
                unlocked = await self._unlock(grant, lock, actor)
            if with_code:
                try:
                    code = await self._codes.put(grant, lock, actor, durable=durable)
                except (LockError, GrantError) as err:
                    await self._no_code(grant, err, actor, unlocked=unlocked)
            if grant.state is GrantState.OPENING:
                if code:
                    await self._code_event(grant, AccessKind.CODE_ADDED, actor)
                grant.state = GrantState.OPEN
                await self._ledger.enter(grant, "opened", actor)
        self._reschedule()
        if grant.state is GrantState.OPEN:
            self._tell(grant, "opened")
        return Opened(grant, code, unlocked)

    async def _unlock(self, grant: Grant, lock: Lock, actor: Actor) -> bool:
        try:
            await lock.command(
                DoorCommand.UNLOCK, actor, grant=grant.id, suffix=grant.agency
            )
        except LockError as err:
            if not grant.has_code:
                await self._close(grant, f"unlock failed: {err}", actor)
                raise
            # The code must still reach the person who asked.
            return False
        return True

    async def _no_code(
        self, grant: Grant, err: LockError | GrantError, actor: Actor, *, unlocked: bool
    ) -> None:
        """End a grant that got no code, unless its door was unlocked; then raise."""
        if isinstance(err, OutcomeUnknown):
            # It may be on the lock, told to nobody: it comes off when the lock answers.
            await self._begin_end(grant, "outcome unknown", actor)
            self._tell(grant, "code_left")
            self._reschedule()
        elif grant.state is GrantState.OPENING and unlocked:
            await self._codes.forget(grant)
            grant.marker = ""
        else:
            refused = isinstance(err, LockRefused)
            event = "refused" if refused else "ended"
            await self._close(grant, str(err), actor, event=event)
        if not unlocked:
            raise err

    # Extend

    async def extend(self, grant_id: str, minutes: int, actor: Actor) -> Grant:
        """Let an open grant end `minutes` from now; at most MAX_MINUTES.

        Raises GrantError or the lock's error; then the grant ends as before.
        """
        return await self._whole(self._extend(grant_id, minutes, actor))

    async def _extend(self, grant_id: str, minutes: int, actor: Actor) -> Grant:
        grant = self._get(grant_id, GrantState.OPEN)
        lock = self._lock(grant.lock)
        now = utc_now().replace(microsecond=0)
        end = now + timedelta(minutes=min(minutes, MAX_MINUTES))
        async with grant.changing:
            if grant.state is not GrantState.OPEN:
                raise GrantError("grant_not_open")
            await self._ledger.enter(grant, "extending", actor, end=end)
            if grant.has_code:
                await self._codes.move_end(grant, lock, end, actor)
            grant.end = end
            await self._ledger.enter(grant, "extended", actor)
        self._reschedule()
        self._tell(grant, "extended")
        return grant

    # Use

    def identify(self, event: AccessEvent) -> AccessEvent:
        """Add the grant whose code was typed: number and name must be its own."""
        for grant in (*self._grants.values(), *self._recent):
            if (
                event.code_id is not None
                and grant.lock == event.lock
                and grant.code_id == event.code_id
                and grant.marker == event.code_name
            ):
                actor = Actor(ActorKind.GRANT, grant.id, grant.agency)
                return replace(event, grant=grant.id, actor=actor)
        return event

    async def used(self, event: AccessEvent) -> None:
        """Enter a use of a grant; end it where the first use was to be the last."""
        known = (*self._grants.values(), *self._recent)
        grant = next((g for g in known if g.id == event.grant), None)
        # A door unlocked from here was unlocked by who opened the grant.
        if grant is None or event.code_id is None or event.event not in OPENINGS:
            return
        grant.uses += 1
        await self._ledger.enter(grant, "used", event.actor, event.method.value)
        self._tell(grant, "used")
        if grant.first_use:
            await self._end(grant, "first_use", HOME_ACTOR)

    async def press(self, grant_id: str) -> None:
        """Open the door for who presses on the responders' page.

        Raises GrantError or the lock's error.
        """
        await self._whole(self._press(grant_id))

    async def _press(self, grant_id: str) -> None:
        grant = self._get(grant_id, GrantState.OPEN)
        if utc_now() >= grant.end:
            raise GrantError("grant_not_open")
        lock = self._lock(grant.lock)
        actor = Actor(ActorKind.GRANT, grant.id, grant.agency)
        # Who has no key stands before the latch when the bolt is back.
        opens = Capability.OPEN in lock.capabilities
        command = DoorCommand.OPEN if opens else DoorCommand.UNLOCK
        await lock.command(command, actor, grant=grant.id, suffix=grant.agency)
        grant.uses += 1
        await self._ledger.enter(grant, "used", actor, grant.method.value)
        self._tell(grant, "used")

    # End

    async def revoke(self, grant_id: str, actor: Actor) -> bool:
        """End a grant now; tell whether its code is known to be off the lock."""
        grant = self._get(grant_id, GrantState.OPEN, GrantState.ENDING)
        return await self._whole(self._end(grant, "revoked", actor))

    async def due(self) -> None:
        """End what has reached its time; try again what could not be ended."""
        now = utc_now()
        over = [
            grant
            for grant in self.open_grants()
            if grant.state is not GrantState.OPENING and grant.next_step <= now
        ]
        # One lock that does not answer must not hold up the others.
        await asyncio.gather(*(self._end(g, "expired", HOME_ACTOR) for g in over))
        self._reschedule()

    async def lock_removed(self, lock_id: str) -> None:
        """End every grant on a lock that leaves the home; its clean-up takes codes."""
        for grant in self.open_grants():
            if grant.lock != lock_id:
                continue
            async with grant.changing:
                if grant.state is not GrantState.ENDED:
                    await self._close(grant, "lock_removed", HOME_ACTOR, on_lock=True)
                    self._tell(grant, "ended")
        self._reschedule()

    async def _begin_end(self, grant: Grant, reason: str, actor: Actor) -> None:
        if grant.state is not GrantState.ENDING:
            grant.state = GrantState.ENDING
            grant.retry_at, grant.retry_after = utc_now(), RETRY
            grant.why = reason
            await self._ledger.enter(grant, "ending", actor, reason)

    async def _end(self, grant: Grant, reason: str, actor: Actor) -> bool:
        async with grant.changing:
            if grant.state is GrantState.ENDED:
                return True
            await self._begin_end(grant, reason, actor)
            gone = not grant.has_code or await self._codes.take_off(
                grant, self._find_lock(grant.lock)
            )
            if gone:
                if grant.has_code:
                    await self._code_event(grant, AccessKind.CODE_REMOVED, actor)
                await self._close(grant, grant.why or reason, actor)
                self._tell(grant, "ended")
            else:
                grant.retry_at = utc_now() + grant.retry_after
                grant.retry_after = min(2 * grant.retry_after, RETRY_MAX)
                self._tell(grant, "code_left")
        self._reschedule()
        return gone

    async def _close(
        self,
        grant: Grant,
        detail: str,
        actor: Actor,
        *,
        event: str = "ended",
        on_lock: bool = False,
    ) -> None:
        """Let a grant be over; unless `on_lock`, nothing of it is on the lock."""
        grant.state = GrantState.ENDED
        await self._ledger.enter(grant, event, actor, detail)
        if self._grants.pop(grant.id, None):
            self._recent.append(grant)
        if not on_lock:
            await self._codes.forget(grant)

    # Reconcile

    async def reconcile(self, lock_id: str) -> None:
        """Make the lock hold what the grants say, after a loss or a restart.

        Raises the lock's error.
        """
        lock = self._find_lock(lock_id)
        if lock is None or Capability.CODES not in lock.capabilities:
            return
        mine = [g for g in self.open_grants() if g.lock == lock_id]
        for grant in mine:
            if grant.state is GrantState.ENDING:
                await self._end(grant, "lock is back", HOME_ACTOR)
            elif grant.state is GrantState.OPEN and not grant.checked:
                async with grant.changing:
                    there = await self._codes.check(grant, lock)
                if not there:
                    await self._end(grant, "code gone from the lock", HOME_ACTOR)
        known = {g.marker for g in mine} | self._others(lock_id)
        await self._codes.clear_strays(lock, known)

    def _reschedule(self) -> None:
        steps = [
            grant.next_step
            for grant in self._grants.values()
            if grant.state is not GrantState.OPENING
        ]
        self._schedule(min(steps, default=None))
