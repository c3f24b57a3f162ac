"""Codes of persons and guests: made, changed, used, ended, taken off every lock.

Whatever is asked is an entry, with its rows, before a lock hears of it; each lock is then
brought in step by its own reconciler.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
import logging
from typing import Any

from homeassistant.util.file import WriteError

from ..log import LogUnavailable
from ..models import AccessEvent, AccessKind, Actor, Capability, Method, new_id, utc_now
from .change import Change, Given, changed, give_digits, take_over
from .code_ledger import CodeLedger
from .code_models import (
    ALWAYS,
    NEVER,
    OTHER,
    Code,
    CodeError,
    Holder,
    Opening,
    Placement,
    PlacementState,
)
from .digits import Digits
from .leaving import Leaving
from .ledger import OPENINGS
from .models import Lock, Markers
from .reconcile import Reconciler, Spawn
from .typed import Typed
from .vault import Vault

_LOGGER = logging.getLogger(__name__)

ANSWER_WAIT = 10.0
"""Seconds that whoever asks waits to hear what the locks said."""
RESTORE_EVERY = timedelta(minutes=10)
"""How often a code that somebody changes at the lock is put right at most."""

type Schedule = Callable[[datetime | None], None]
"""Asks to be woken by `due` at that time, and no other."""
type Settled = Callable[[Code, Placement, str], None]
"""Says how a code stands on a lock: `code_failed`, `code_stays`, or nothing is wrong."""


class Codes:
    """Every code that is not gone from every lock."""

    def __init__(
        self,
        ledger: CodeLedger,
        open_vault: Callable[[], Awaitable[Vault]],
        find_lock: Callable[[str], Lock | None],
        markers: Markers,
        *,
        opening: Callable[[str], Opening],
        spawn: Spawn,
        schedule: Schedule,
        settled: Settled,
        changed: Callable[[], None],
    ) -> None:
        """Take what codes stand on; call `load` before anything else."""
        self._ledger = ledger
        self._codes: dict[str, Code] = {}
        self._digits = Digits(open_vault, self._codes.values)
        self._find_lock = find_lock
        self._markers = markers
        self._opening = opening
        self._spawn = spawn
        self._schedule = schedule
        self._settled = settled
        self._changed = changed
        self._reconcilers: dict[str, Reconciler] = {}
        self._typed = Typed(self.on_lock)
        self._changing = asyncio.Lock()
        self._leaving = Leaving()
        self._loaded = False

    # Life

    async def load(self) -> None:
        """Take up what there was. Raises LogUnavailable."""
        for code in await self._ledger.load():
            self._codes[code.id] = code
            if code.removing and not code.places:
                # We stopped before it was forgotten.
                self._forget(code)
        if self._codes:
            try:
                await self._digits.open()
            except CodeError:
                # Codes stay as they are on their locks; no new one is taught.
                _LOGGER.error("The file with the key of the codes cannot be read")
        self._loaded = True
        self._reschedule()

    async def stop(self) -> None:
        """Let what locks are being told come to its outcome."""
        await asyncio.gather(*(r.stop() for r in self._reconcilers.values()))

    # What reconcilers ask

    def on_lock(self, lock: str) -> Iterator[tuple[Code, Placement]]:
        """Return the codes that are or are to be on a lock."""
        for code in list(self._codes.values()):
            if place := code.places.get(lock):
                yield code, place

    def opening(self, code: Code) -> Opening:
        """Return what the schedule of a code says now."""
        return self._opening(code.when.schedule) if code.when.schedule else ALWAYS

    def digits(self, code: Code) -> str:
        """Return the digits, to teach them to a lock. Raises VaultLocked."""
        return self._digits.of(code)

    def rested(self) -> None:
        """Take note that a lock needs nothing more now."""
        self._reschedule()
        self._changed()

    def settled(self, code: Code, place: Placement) -> None:
        """Take note that something changed on a lock."""
        problem = "code_failed" if place.reason else ""
        if problem and place.state is PlacementState.REMOVING:
            problem = "code_stays"
        self._settled(code, place, problem)
        if place.state is PlacementState.REMOVED:
            self._typed.gone(code, place)
            if code.removing and not code.places and code.id in self._codes:
                self._forget(code)

    def _forget(self, code: Code) -> None:
        del self._codes[code.id]
        self._spawn(self._ledger.gone(code), f"code {code.id} gone")

    def markers(self, lock: str) -> set[str]:
        """Return the names of codes that may be on a lock."""
        return {place.marker for _, place in self.on_lock(lock)}

    # Ask

    def all(self) -> list[Code]:
        """Return the codes there are, those of persons first, then the oldest."""
        return sorted(
            (code for code in self._codes.values() if not code.removing),
            key=lambda code: (code.holder is Holder.GUEST, code.made, code.id),
        )

    def get(self, code_id: str) -> Code:
        """Return a code. Raises CodeError."""
        code = self._codes.get(code_id)
        if code is None or code.removing:
            raise CodeError("code_not_found")
        return code

    def guest(self, code_id: str) -> Code:
        """Return the code of a guest. Raises CodeError."""
        code = self.get(code_id)
        if code.holder is not Holder.GUEST:
            raise CodeError("code_not_found")
        return code

    def lock_name(self, lock_id: str) -> str:
        """Return how a lock is called; its id, where it is not in the home."""
        lock = self._find_lock(lock_id)
        return lock.ref.name if lock else lock_id

    def of_person(self, person: str) -> Code | None:
        """Return the code of a person, if there is one."""
        return next((code for code in self.all() if code.person == person), None)

    async def _whole[T](self, work: Coroutine[Any, Any, T], name: str) -> T:
        """Go on to the end where the caller is gone: a script may be stopped."""
        task: asyncio.Task[T] = self._spawn(work, name)
        task.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.wait({task})
        return task.result()

    async def add_guest(self, change: Change, actor: Actor) -> Given:
        """Make a guest; without digits, and without `new_code`, one that has no code yet.

        Raises CodeError, LogUnavailable: then there is no guest.
        """
        return await self._whole(self._add_guest(change, actor), "add guest")

    async def _add_guest(self, change: Change, actor: Actor) -> Given:
        async with self._changing:
            code = _new(Holder.GUEST, "")
            drawn = await self._enter(code, change, actor, "added")
        return await self._given(code, drawn)

    async def set_person(self, person: str, change: Change, actor: Actor) -> Given:
        """Make or change the code of a person. Raises CodeError, LogUnavailable."""
        return await self._whole(self._set_person(person, change, actor), "set code")

    async def _set_person(self, person: str, change: Change, actor: Actor) -> Given:
        async with self._changing:
            code, event = self.of_person(person), "changed"
            if code is None:
                code, event = _new(Holder.PERSON, person), "added"
            drawn = await self._enter(code, change, actor, event)
        return await self._given(code, drawn)

    async def change(self, code_id: str, change: Change, actor: Actor) -> Given:
        """Change a code: its locks hear of it now. Raises CodeError, LogUnavailable."""
        return await self._whole(self._change(code_id, change, actor), "change code")

    async def _change(self, code_id: str, change: Change, actor: Actor) -> Given:
        async with self._changing:
            code = self.get(code_id)
            drawn = await self._enter(code, change, actor, "changed")
        return await self._given(code, drawn)

    async def _given(self, code: Code, drawn: str) -> Given:
        await self._answers(code.places)
        self._changed()
        return Given(code, drawn)

    async def _enter(self, code: Code, change: Change, actor: Actor, event: str) -> str:
        """Enter what is asked, and take it over; return digits that were drawn.

        Nothing is changed before it is durable. Raises CodeError, LogUnavailable.
        """
        if not self._loaded:
            raise LogUnavailable("the codes could not be read at the start")
        if change.digits is not None or change.new_code or code.digest:
            await self._digits.open()
        if change.times.get("uses"):
            code.used = max(code.used, (await self._ledger.uses([code]))[code.id])
        new = changed(code, change)
        locks = [self._takes_codes(lock) for lock in change.locks or ()]
        if change.locks is None:
            found = (self._find_lock(lock) for lock in code.locks)
            locks = [lock for lock in found if lock is not None]
        drawn = give_digits(new, change, self._digits, locks)
        await self._ledger.change(new, event, actor)
        if event == "added" or new.name != code.name:
            await self._ledger.name(new)
        await self._keep_numbers(new, change.found or {})
        take_over(code, new)
        self._codes[code.id] = code
        return drawn

    async def _keep_numbers(self, code: Code, found: Mapping[str, int]) -> None:
        """Let a code that comes over stay under the numbers that it has.

        Where that cannot be kept it gets others: the lock may then say that it has it.
        """
        for lock, number in found.items():
            marker = code.places[lock].marker
            try:
                await self._markers.add_marker(lock, marker)
                await self._markers.take_number(lock, marker, number)
            except WriteError:
                _LOGGER.warning("The numbers of code %s could not be kept", code.id)
                return

    def _takes_codes(self, lock_id: str) -> Lock:
        lock = self._find_lock(lock_id)
        if lock is None:
            raise CodeError("lock_not_found")
        if Capability.CODES not in lock.capabilities:
            raise CodeError("lock_takes_no_codes", lock.ref.name)
        return lock

    # End

    async def remove(self, code_id: str, actor: Actor) -> list[str]:
        """Take a code away; return the locks that may still have it.

        Its digits are destroyed; it stays known until no lock has it. Raises CodeError.
        """
        return await self._whole(self._remove(code_id, actor), "remove code")

    async def _remove(self, code_id: str, actor: Actor) -> list[str]:
        async with self._changing:
            code = self.get(code_id)
            code.removing = True
            code.digest = code.secret = ""
            await self._ledger.note(code, "removing", actor)
        if not code.places:
            self._forget(code)
        await self._answers(code.places)
        self._changed()
        return sorted(code.places)

    async def used(self, event: AccessEvent) -> None:
        """Count a use; a code that was used up comes off."""
        code = self._typed.holder(event)
        if (
            code is None
            or not code.when.uses
            or event.event not in OPENINGS
            or event.method is not Method.KEYPAD
        ):
            return
        # Not while a change of it is written: the later row must be the newer one.
        async with self._changing:
            code.used += 1
            await self._ledger.note(code, "used", code.actor)
            await self._end_if_over(code)

    async def _end_if_over(self, code: Code) -> None:
        if code.over(utc_now()) and not code.ended and not code.removing:
            code.ended = True
            await self._ledger.note(code, "ended")
            self._wake(code.places)
            self._changed()

    async def due(self) -> None:
        """Do what is due by the clock."""
        try:
            async with self._changing:
                for code in list(self._codes.values()):
                    await self._end_if_over(code)
                    if self._leaving.is_over(code, utc_now()):
                        code.removing, code.digest, code.secret = True, "", ""
                        await self._ledger.note(code, "removing")
                        if not code.places:
                            self._forget(code)
            locks = {lock for code in self._codes.values() for lock in code.places}
            # Not afresh: one that does not answer is tried less and less often.
            self._wake(locks, afresh=False)
        finally:
            self._reschedule()

    # In step

    def _wake(self, locks: Iterable[str], *, afresh: bool = True) -> None:
        for lock in list(locks):
            self._reconciler(lock).wake(afresh=afresh)

    def _reconciler(self, lock: str) -> Reconciler:
        if lock not in self._reconcilers:
            self._reconcilers[lock] = Reconciler(
                lock, self, self._ledger, self._markers, self._find_lock, self._spawn
            )
        return self._reconcilers[lock]

    async def _answers(self, locks: Iterable[str]) -> None:
        """Have locks brought in step; wait a while for what they say."""
        tasks = [self._reconciler(lock).wake(afresh=True) for lock in list(locks)]
        if tasks:
            await asyncio.wait(tasks, timeout=ANSWER_WAIT)

    def lock_ready(self, lock: str) -> None:
        """Take up what a lock that is there again is to be told."""
        if self._loaded and any(True for _ in self.on_lock(lock)):
            self._wake([lock])

    def schedule_changed(self, schedule: str) -> None:
        """Bring in step what opens by a schedule that says something else now."""
        self._wake(
            {
                lock
                for code in self._codes.values()
                if code.when.schedule == schedule
                for lock in code.places
            }
        )

    @property
    def schedules(self) -> set[str]:
        """The entities by which codes open."""
        return {code.when.schedule for code in self._codes.values()} - {""}

    async def resync(self, lock_id: str) -> None:
        """Look at everything of ours that is to be on a lock, and put it right.

        Raises CodeError.
        """
        self._takes_codes(lock_id)
        self._reconciler(lock_id).ask_all()
        await self._answers([lock_id])

    async def lock_removed(self, lock_id: str) -> None:
        """Forget a lock that leaves the home; its clean-up takes codes off."""
        if reconciler := self._reconcilers.pop(lock_id, None):
            await reconciler.stop()
        async with self._changing:
            for code, place in list(self.on_lock(lock_id)):
                del code.places[lock_id]
                code.locks -= {lock_id}
                place.state, place.reason = PlacementState.REMOVED, ""
                await self._ledger.left(code, place)
                self.settled(code, place)

    async def only(self, locks: set[str]) -> None:
        """Forget each lock that is not among these: it left while we did not run."""
        places = {lock for code in self._codes.values() for lock in code.places}
        for lock in places - locks:
            await self.lock_removed(lock)

    def lock_event(self, event: AccessEvent) -> None:
        """Hear that somebody changed a code of ours at the lock: it is put right.

        Where that happens again soon it is said, and not fought over.
        """
        now = utc_now()
        for code, place in self.on_lock(event.lock):
            if place.marker == event.code_name and place.digest:
                if event.event is AccessKind.CODE_ADDED:
                    place.digest = OTHER
                place.state = PlacementState.UNVERIFIED
                if now - place.restored < RESTORE_EVERY:
                    place.reason = "changed_at_lock"
                    place.retry_at = place.restored + RESTORE_EVERY
                    self.settled(code, place)
                else:
                    place.restored = now
                self._wake([event.lock])

    def identify(self, event: AccessEvent) -> AccessEvent:
        """Put who holds the code that was typed in the place of its name."""
        return self._typed.identify(event)

    # Time

    def _reschedule(self) -> None:
        now = utc_now()
        steps = [r.next_step for r in self._reconcilers.values()]
        for code in self._codes.values():
            steps += [code.next_edge(now), self._leaving.next_look(code, now)]
        first = min(steps, default=NEVER)
        self._schedule(None if first == NEVER else first)


def _new(holder: Holder, person: str) -> Code:
    return Code(
        id=new_id(),
        holder=holder,
        person=person,
        made=utc_now().replace(microsecond=0),
    )
