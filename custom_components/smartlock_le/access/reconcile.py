"""One lock kept in step with the codes that are to be on it.

It is asked and told one thing at a time, what comes off goes first. What is right is not
written again; what a lock refused is not told it again before something changes.
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
import logging
from typing import Any

from homeassistant.util.file import WriteError

from ..log import LogUnavailable
from ..models import (
    AccessEvent,
    AccessKind,
    Capability,
    LockCode,
    LockError,
    LockRefused,
    LockUnreachable,
    Method,
    OutcomeUnknown,
    Refusal,
    utc_now,
)
from .code_ledger import CodeLedger
from .code_models import (
    MISSING,
    NEVER,
    NOW,
    OTHER,
    Code,
    Placement,
    PlacementState,
    Wanted,
)
from .desk import Desk
from .judge import is_due, leaves, opens_too_much, wanted_on
from .models import Lock, Markers
from .patience import next_look, review
from .vault import VaultLocked

_LOGGER = logging.getLogger(__name__)

RETRY, RETRY_MAX = timedelta(seconds=30), timedelta(minutes=10)
"""Until a lock that did not answer is tried again; doubles each time."""
_AGAIN = (
    Refusal.BUSY,
    Refusal.NOT_KEPT,
    Refusal.NOT_ALLOWED_NOW,
    Refusal.PIN_BLOCKED,
    Refusal.LOW_BATTERY,
)
"""A no of the moment: tried again by itself."""

State = PlacementState
type Spawn = Callable[[Coroutine[Any, Any, Any], str], asyncio.Task[Any]]
"""Starts a task that belongs to the config entry."""


class Reconciler:
    """Keeps one lock in step."""

    def __init__(
        self,
        lock_id: str,
        desk: Desk,
        ledger: CodeLedger,
        markers: Markers,
        find_lock: Callable[[str], Lock | None],
        spawn: Spawn,
    ) -> None:
        """Take what it stands on; nothing runs before `wake`."""
        self._lock_id = lock_id
        self._desk = desk
        self._ledger = ledger
        self._markers = markers
        self._find_lock = find_lock
        self._spawn = spawn
        self._task: asyncio.Task[None] | None = None
        self._again = False
        self._check = True
        """After a start, a lock that tells all its codes at once is looked at."""
        self._ask_all = False
        self._asks = 0
        """How often it was asked for all: who asks during a look gets another."""
        self._away = False
        self._working = False
        self._stopping = False
        self._retry_after = RETRY
        self.retry_at = NEVER
        """When to be woken, after a lock that did not answer."""

    # Life

    def wake(self, *, afresh: bool = False) -> asyncio.Task[None]:
        """Set to work; `afresh`: the lock is there, or somebody changed something."""
        if afresh:
            self._retry_after, self.retry_at = RETRY, NEVER
        if self._task is None or self._task.done():
            self._working, self.retry_at = True, NEVER
            self._task = self._spawn(self._run(), f"codes of {self._lock_id}")
        else:
            self._again = True
        return self._task

    def ask_all(self) -> None:
        """Look at everything of ours that may be on the lock, and try all again."""
        self._check = self._ask_all = True
        self._asks += 1
        for _, place in self._desk.on_lock(self._lock_id):
            place.asked()

    async def stop(self) -> None:
        """Let what the lock is being told come to its outcome; tell it nothing more."""
        self._stopping = True
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        again, lock = True, None
        while again:
            self._again = False
            lock = self._find_lock(self._lock_id)
            # One that is away says when it is back; asking it is of no use.
            if lock is None or not lock.available:
                self._away = True
                break
            if self._away:
                # What it refused before may be another matter now.
                self._away = False
                for _, place in self._desk.on_lock(self._lock_id):
                    place.tried = None
            try:
                while not self._stopping and await self._step(lock):
                    pass
            except (LockError, LogUnavailable, WriteError) as err:
                _LOGGER.debug("Codes of %s not in step: %s", self._lock_id, err)
                self._retry_later()
                break
            except Exception:
                # A mistake of ours is said loudly, and must not leave the door alone for good.
                _LOGGER.exception("Codes of %s could not be told", self._lock_id)
                self._retry_later()
                break
            else:
                self._retry_after, self.retry_at = RETRY, NEVER
            again = self._again
        self._working = False
        if lock is not None:
            review(self._desk, lock, utc_now())
        self._desk.rested()

    def _retry_later(self) -> None:
        self.retry_at = utc_now() + self._retry_after
        self._retry_after = min(2 * self._retry_after, RETRY_MAX)

    @property
    def next_step(self) -> datetime:
        """When to be woken, at the latest; not while it is at work."""
        lock = self._find_lock(self._lock_id)
        if self._working or lock is None:
            return NEVER
        return min(self.retry_at, next_look(self._desk, lock, utc_now()))

    # One thing at a time

    def _wanted(
        self, code: Code, place: Placement, lock: Lock, now: datetime
    ) -> Wanted | None:
        return wanted_on(code, place, lock, self._desk.opening(code), now)

    async def _step(self, lock: Lock) -> bool:
        """Do the next thing; tell whether there was one.

        Raises the lock's error, LogUnavailable or WriteError: then it is tried later.
        """
        if Capability.CODES not in lock.capabilities:
            return False
        if self._check:
            asks = self._asks
            await self._look(lock)
            if self._asks == asks:
                self._check = self._ask_all = False
        now = utc_now()
        due = [
            (code, place, wanted)
            for code, place in self._desk.on_lock(self._lock_id)
            for wanted in (self._wanted(code, place, lock, now),)
            if is_due(code, place, lock, wanted, now)
        ]
        # What must not open comes first.
        for code, place, wanted in due:
            if wanted is None:
                await self._take_off(code, place, lock)
                return True
        for code, place, wanted in due:
            assert wanted is not None
            if place.digest and place.state in (State.UNVERIFIED, State.REMOVING):
                await self._verify(code, place, lock)
            elif place.digest == wanted.digest:
                await self._move(code, place, lock, wanted)
            elif place.digest:
                await self._take_off(code, place, lock)
            else:
                await self._put(code, place, lock, wanted)
            return True
        return False

    async def _put(
        self, code: Code, place: Placement, lock: Lock, wanted: Wanted
    ) -> None:
        try:
            digits = self._desk.digits(code)
        except VaultLocked:
            await self._refused(code, place, wanted, "digits_lost")
            return
        await self._markers.add_marker(self._lock_id, place.marker)
        place.told(wanted)
        place.state, place.reason = State.PENDING, ""
        try:
            await self._ledger.intend(code, place, "setting")
        except LogUnavailable:
            place.digest = ""
            raise
        try:
            place.number = await lock.set_code(digits, place.marker, wanted.window)
        except LockUnreachable as err:
            place.digest = ""
            await self._ledger.outcome(code, place, "unreachable", str(err))
            raise
        except LockRefused as err:
            place.digest = ""
            if err.reason in _AGAIN:
                await self._ledger.outcome(code, place, "refused", str(err))
                raise
            await self._refused(code, place, wanted, err.reason)
        except OutcomeUnknown as err:
            place.state = State.UNVERIFIED
            await self._ledger.outcome(code, place, "unknown", str(err))
            self._desk.settled(code, place)
            raise
        else:
            place.state = State.ACTIVE
            await self._ledger.outcome(code, place, "set")
            await self._tell(lock, code, AccessKind.CODE_ADDED)
            self._desk.settled(code, place)

    async def _refused(
        self, code: Code, place: Placement, wanted: Wanted, reason: str
    ) -> None:
        place.state, place.reason, place.tried = State.FAILED, str(reason), wanted
        await self._ledger.outcome(code, place, "refused", place.reason)
        self._desk.settled(code, place)

    async def _move(
        self, code: Code, place: Placement, lock: Lock, wanted: Wanted
    ) -> None:
        """Give a code that is there another window."""
        await self._ledger.intend(code, place, "moving")
        try:
            await lock.change_window(place.number, place.marker, wanted.window)
        except OutcomeUnknown as err:
            place.state = State.UNVERIFIED
            await self._ledger.outcome(code, place, "unknown", str(err))
            raise
        except LockUnreachable as err:
            await self._ledger.outcome(code, place, "unreachable", str(err))
            raise
        except LockRefused as err:
            if err.reason is Refusal.CODE_GONE:
                # Somebody took it off: it is put on again.
                place.digest, place.state = "", State.PENDING
                await self._ledger.outcome(code, place, "missing")
                return
            if err.reason in _AGAIN:
                await self._ledger.outcome(code, place, "refused", str(err))
                raise
            await self._refused(code, place, wanted, err.reason)
            if opens_too_much(place, wanted, utc_now()):
                # Rather none than one that opens too long; it is then set anew.
                await self._take_off(code, place, lock)
        else:
            place.told(wanted)
            place.state, place.reason, place.retry_at = State.ACTIVE, "", NOW
            await self._ledger.outcome(code, place, "moved")
            self._desk.settled(code, place)

    async def _take_off(self, code: Code, place: Placement, lock: Lock) -> None:
        if place.digest:
            await self._know(place, lock)
            place.state, place.reason = State.REMOVING, ""
            await self._ledger.outcome(code, place, "clearing")
            try:
                await lock.clear_marked({place.marker})
            except LockError as err:
                event, place.reason = "unknown", "unreachable"
                if isinstance(err, LockRefused):
                    event, place.reason = "refused", str(err.reason)
                    place.retry_at = utc_now() + RETRY_MAX
                elif isinstance(err, LockUnreachable):
                    event = "unreachable"
                await self._ledger.outcome(code, place, event, str(err))
                self._desk.settled(code, place)
                if isinstance(err, LockRefused):
                    # The lock is there: what else there is to do goes on.
                    return
                raise
            place.digest = ""
            place.since = place.until = None
            self._room()
            await self._tell(lock, code, AccessKind.CODE_REMOVED)
        place.tried, place.retry_at, place.reason = None, NOW, ""
        if leaves(code, place):
            # Its name, and with it its number, is free for somebody else.
            await self._markers.drop_marker(self._lock_id, place.marker)
            place.state = State.REMOVED
            del code.places[self._lock_id]
        else:
            place.state = State.WAITING
        await self._ledger.outcome(code, place, "cleared")
        self._desk.settled(code, place)

    async def _know(self, place: Placement, lock: Lock) -> None:
        """See that its name, and its number, are known: the book may have been lost."""
        if place.marker in self._markers.markers(self._lock_id):
            return
        await self._markers.add_marker(self._lock_id, place.marker)
        if place.number >= 0 and Capability.CODE_WINDOWS not in lock.capabilities:
            await self._markers.take_number(self._lock_id, place.marker, place.number)

    def _room(self) -> None:
        """Try again what there was no room for."""
        for _, place in self._desk.on_lock(self._lock_id):
            if place.reason == Refusal.CODES_FULL:
                place.tried = None

    # Look

    async def _verify(self, code: Code, place: Placement, lock: Lock) -> None:
        """After a lost answer: see whether the code is there."""
        found = await lock.find_code(place.marker)
        if found is not None and not found.certain:
            # Nobody can tell: it is taken off and told once more, which changes nothing.
            await self._take_off(code, place, lock)
            return
        await self._found(code, place, found)

    async def _found(
        self, code: Code, place: Placement, found: LockCode | None
    ) -> None:
        if found is None or not found.enabled:
            place.digest = "" if found is None else OTHER
            place.state = State.PENDING
            await self._ledger.outcome(code, place, "missing")
        else:
            place.state, place.number = State.ACTIVE, found.id
            place.reason, place.retry_at = "", NOW
            if found.window is not None:
                place.since, place.until = found.window.start, found.window.end
            await self._ledger.outcome(code, place, "found")
        self._desk.settled(code, place)

    async def _look(self, lock: Lock) -> None:
        """See what is on a lock: after a start where one question will do, or as asked."""
        if not self._ask_all and Capability.CODE_WINDOWS not in lock.capabilities:
            return
        mine = [
            (code, place)
            for code, place in self._desk.on_lock(self._lock_id)
            if place.digest
        ]
        if not mine:
            return
        there = {found.name: found for found in await lock.read_codes()}
        for code, place in mine:
            found = there.get(place.marker)
            if found is not None and not found.certain:
                continue
            gone = found is None or not found.enabled
            if gone and place.reason == MISSING:
                continue
            if gone and place.state is State.ACTIVE and not self._ask_all:
                # Somebody took or switched it off meanwhile: not ours to undo unasked.
                await self._missing(code, place, found)
            elif gone or place.state is not State.ACTIVE:
                await self._found(code, place, found)
            elif found is not None and found.window is not None:
                place.since, place.until = found.window.start, found.window.end
                place.number = found.id

    async def _missing(
        self, code: Code, place: Placement, found: LockCode | None
    ) -> None:
        # One that is switched off still has to come off in the end.
        place.digest, place.number = ("", -1) if found is None else (OTHER, found.id)
        place.state, place.reason = State.FAILED, MISSING
        await self._ledger.outcome(code, place, "missing")
        self._desk.settled(code, place)

    async def _tell(self, lock: Lock, code: Code, kind: AccessKind) -> None:
        await lock.tell(
            AccessEvent(
                lock=self._lock_id,
                event=kind,
                method=Method.HOME_ASSISTANT,
                actor=code.actor,
                time=utc_now(),
                source="command",
            )
        )
