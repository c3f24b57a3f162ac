"""A lock of the home: every command with intent and outcome, every event in the log."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime
import logging
import secrets
from typing import Any

from sqlalchemy import Executable, select

from ..listeners import Listeners
from ..log import Log, LogUnavailable, put, sealed
from ..models import (
    HOME_ACTOR,
    UNKNOWN_ACTOR,
    AccessEvent,
    AccessKind,
    Actor,
    Capability,
    CodeWindow,
    DoorCommand,
    LockCode,
    LockError,
    LockRefused,
    LockUnreachable,
    Method,
    OutcomeUnknown,
    Refusal,
    Schedule,
    lets_in,
    utc_now,
)
from .commanded import Commanded, CommandedList
from .driver import Bolt, ClockChange, LockDriver
from .intents import Intents
from .tables import reading

_LOGGER = logging.getLogger(__name__)

INTENT_WAIT = 1.0
"""Seconds a door waits for the log before it moves without it (life first)."""
RETRY, RETRY_MAX = 5.0, 60.0
"""Seconds until a lock that did not answer is tried again; doubles each time."""
TOLD_LATE = 30.0
"""Seconds in which a lock that tells what happens still tells of a command of ours."""
HEALTH = 12 * 3600.0
"""Seconds after which a silent lock is read anyway, for its battery."""

_FINAL = (
    Refusal.PAIRING_LOST,
    Refusal.WRONG_PIN,
    Refusal.PIN_BLOCKED,
    Refusal.NO_PIN,
)
"""What a lock will answer again: it is not asked again before it has news."""

# An unlocked bolt is no proof of an opened latch: it may have been unlocked before.
_DONE = {
    DoorCommand.LOCK: (Bolt.LOCKED,),
    DoorCommand.UNLOCK: (Bolt.UNLOCKED, Bolt.OPEN),
    DoorCommand.OPEN: (Bolt.OPEN, Bolt.OPENING),
}
_RESTING = {
    Bolt.LOCKED: AccessKind.LOCKED,
    Bolt.UNLOCKED: AccessKind.UNLOCKED,
    Bolt.OPEN: AccessKind.OPENED,
    Bolt.JAMMED: AccessKind.JAMMED,
}

type Spawn = Callable[[Coroutine[Any, Any, Any], str], asyncio.Task[Any]]
"""Starts a task that belongs to the config entry."""
type Identify = Callable[[AccessEvent], AccessEvent]
"""Adds the grant that an event happened under, and the like."""


class ManagedLock:
    """One lock: driver below, log beside, listeners above."""

    def __init__(
        self, driver: LockDriver, log: Log, *, spawn: Spawn, identify: Identify
    ) -> None:
        """Take the parts; nothing is sent before `start`."""
        self.driver = driver
        self.ref = driver.ref
        self._log = log
        self._spawn = spawn
        self._identify = identify
        self._news = asyncio.Event()
        self._follower: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[Any]] = set()
        self._reading = asyncio.Lock()
        self._commanded = CommandedList()
        self._intents = Intents(log, self.ref.id)
        self._last_index: int | None = None
        self._told_bolt = Bolt.UNKNOWN
        self._on_event = Listeners[AccessEvent]()
        self._on_ready = Listeners[()]()
        self.changed_by: Actor = UNKNOWN_ACTOR
        self.changed_method = Method.UNKNOWN
        self.last_access: AccessEvent | None = None
        """The last time that somebody got access, since we follow the lock."""

    # Life

    async def start(self) -> None:
        """Follow the lock; returns before the lock was reached."""
        self.driver.on_news = self._news.set
        self.driver.on_clock_set = self._clock_set
        self.driver.on_events = self._told
        self._follower = self._spawn(self._follow(), f"follow {self.ref.id}")
        await self.driver.start()

    async def stop(self) -> None:
        """End everything of this lock; a command under way gets its outcome first."""
        if self._follower:
            self._follower.cancel()
            await asyncio.gather(self._follower, return_exceptions=True)
        if self._running:
            await asyncio.gather(*self._running, return_exceptions=True)
        await self.driver.stop()

    def on_event(self, listener: Callable[[AccessEvent], None]) -> Callable[[], None]:
        """Call `listener` with every access event once it is in the log."""
        return self._on_event.add(listener)

    def on_ready(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` each time the lock was read: unfinished work can go on."""
        return self._on_ready.add(listener)

    # In: what the lock tells

    async def _follow(self) -> None:
        wait = RETRY
        while True:
            try:
                async with asyncio.timeout(HEALTH):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            if await self._read():
                wait = RETRY
                continue
            await asyncio.sleep(wait)
            wait = min(2 * wait, RETRY_MAX)
            self._news.set()

    async def _read(self) -> bool:
        """Refresh; tell whether that is all until there is news."""
        try:
            await self.refresh()
        except LockRefused as err:
            _LOGGER.debug("Lock %s refused: %s", self.ref.id, err)
            return err.reason in _FINAL
        except (LockError, LogUnavailable) as err:
            _LOGGER.debug("Lock %s not read: %s", self.ref.id, err)
            return False
        except Exception:
            # A mistake of ours is said loudly, and must not leave the door alone for good.
            _LOGGER.exception("Lock %s could not be read", self.ref.id)
            return False
        return True

    async def refresh(self) -> None:
        """Read the lock's state and what is new in its own log; enter it.

        Raises the lock's error, or LogUnavailable where we cannot tell what is new.
        """
        async with self._reading:
            unsure = [c for c in self._commanded if c.unsure]
            state = await self.driver.read_state()
            await self._intents.close(state.bolt, running=bool(self._running))
            has_log = Capability.LOCK_LOG in self.driver.capabilities
            after = await self._find_place(state.bolt) if has_log else 0
            # What is not told now never was: the next to ask is someone else.
            ended = [c for c in self._commanded if c.ended and not c.unsure]
            if has_log:
                async for page in self.driver.read_log(after):
                    await self.enter(*self._commanded.whose(page))
            elif Capability.EVENTS in self.driver.capabilities:
                # It may still tell of the others, whatever its bolt shows by now.
                ended, unsure = self._commanded.older(TOLD_LATE), []
            else:
                await self._enter_moves(state.bolt, state.moved_by)
            if state.bolt in _RESTING:
                ended += unsure
            for commanded in ended:
                self._commanded.forget(commanded)
            # Only now: what the log tells is timed by the clock as it was.
            await self.driver.tend()
        self._on_ready.tell()

    async def _find_place(self, bolt: Bolt) -> int:
        """Return how far the lock's own log has been read.

        The first time, compare with the lock, and enter how we found it.
        """
        if self._last_index is not None:
            return self._last_index
        rows = await self._log.read(
            select(reading.c.last_index).where(reading.c.lock == self.ref.id)
        )
        newest = await self.driver.last_log_index()
        if rows and rows[0]["last_index"] <= newest:
            self._last_index = rows[0]["last_index"]
        else:
            # What happened before we came is not ours to tell; a lock that was reset
            # counts from the beginning again.
            self._last_index = 0 if rows else newest
            await self._intents.found("", -1, bolt, self._place())
        return self._last_index

    def _place(self) -> list[Executable]:
        """Remember how far the lock's own log has been read."""
        return put(reading, lock=self.ref.id, last_index=self._last_index or 0)

    async def _enter_moves(self, bolt: Bolt, method: Method) -> None:
        """Without the lock's own log a move shows only as a change of state."""
        before = self._told_bolt
        if bolt not in _RESTING or bolt is before:
            return
        self._told_bolt = bolt
        if before is Bolt.UNKNOWN and not self._commanded:
            return
        event = AccessEvent(
            lock=self.ref.id,
            event=_RESTING[bolt],
            method=method,
            time=utc_now(),
            ours=method is Method.APP and bool(self._commanded),
            source="lock_state",
        )
        await self.enter(*self._commanded.whose([event]))

    def _told(self, events: list[AccessEvent]) -> None:
        """Enter what a lock tells as it happens."""
        self._spawn(
            self.enter(*self._commanded.whose(self._commanded.claim(events))),
            f"events of {self.ref.id}",
        )

    async def tell(self, event: AccessEvent) -> None:
        """Enter an event that we caused ourselves (a code added or removed)."""
        await self.enter(event)

    async def enter(self, *events: AccessEvent) -> None:
        """Enter events in their order, together, and tell of each."""
        fresh, place = [], False
        for event in map(self._identify, events):
            index = event.lock_index
            if index >= 0:
                if self._last_index is not None and index <= self._last_index:
                    continue
                self._last_index = index
                place = True
            fresh.append(event)
        # They go in one commit: the place after the last is that of all.
        last = self._place() if place else []
        numbers = await asyncio.gather(
            *(
                self._append(event, last if event is fresh[-1] else [])
                for event in fresh
            )
        )
        for event, number in zip(fresh, numbers, strict=True):
            # A door that opens is not who turned the lock.
            if event.method is not Method.DOOR and event.event in _RESTING.values():
                self.changed_by, self.changed_method = event.actor, event.method
            if lets_in(event.event, event.method):
                self.last_access = event
            self._on_event.tell(replace(event, entry=number))

    async def _append(self, event: AccessEvent, place: list[Executable]) -> int:
        entry = await self._log.append_or_keep(
            "access",
            {
                "lock": event.lock,
                "event": event.event.value,
                "method": event.method.value,
                **event.actor.fields(),
                "grant": event.grant,
                "source": event.source,
                "lock_index": event.lock_index,
                "lock_time": event.lock_time,
                "sealed": event.sealed or sealed.blank(),
                "alarm": event.alarm,
            },
            time=event.time,
            also=lambda _: place,
        )
        return entry.seq if entry else -1

    def _clock_set(
        self,
        before: datetime | None,
        after: datetime,
        change: ClockChange = ClockChange.SET,
    ) -> None:
        """Enter that the lock's clock was set: it outlives the call."""
        was = before.isoformat() if before else "unset"
        known = "" if change is ClockChange.SET else f" {change}"
        self._spawn(
            self._log.append_or_keep(
                "setting",
                {
                    "setting": "lock_clock",
                    "value": f"{self.ref.id} {was} -> {after.isoformat()}{known}",
                    **HOME_ACTOR.fields(),
                },
            ),
            f"clock of {self.ref.id}",
        )

    # Codes: whoever asks keeps intent and outcome

    @property
    def capabilities(self) -> Capability:
        """What the lock can do."""
        return self.driver.capabilities

    @property
    def available(self) -> bool:
        """Whether the lock answers."""
        return self.driver.available

    def new_code(self) -> str:
        """Return random digits that the lock takes as a code."""
        return self.driver.new_code()

    def check_code(self, digits: str) -> bool:
        """Tell whether the lock would take these digits as a code."""
        return self.driver.check_code(digits)

    async def read_codes(self) -> list[LockCode]:
        """Return every code on the lock."""
        return await self.driver.read_codes()

    async def find_code(self, name: str) -> LockCode | None:
        """Return the code of that name, if it is on the lock."""
        return await self.driver.find_code(name)

    async def set_code(
        self,
        digits: str,
        name: str,
        window: CodeWindow,
        schedule: Schedule | None = None,
    ) -> int:
        """Add a code; return the lock's number of it."""
        return await self.driver.set_code(digits, name, window, schedule)

    async def change_window(
        self,
        code_id: int,
        name: str,
        window: CodeWindow,
        schedule: Schedule | None = None,
    ) -> None:
        """Give our code another window; without a schedule it keeps its own."""
        await self.driver.change_window(code_id, name, window, schedule)

    async def clear_marked(self, markers: set[str]) -> None:
        """Remove our codes."""
        await self.driver.clear_marked(markers)

    # Out: what people ask

    async def command(
        self, command: DoorCommand, actor: Actor, *, grant: str = "", suffix: str = ""
    ) -> None:
        """Move the door; returns when it is known to have moved.

        Raises `LockUnreachable`, `LockRefused` or `OutcomeUnknown`, each entered first.
        Goes on to its outcome even where the caller is cancelled.
        """
        task = self._spawn(
            self._run(command, actor, grant, suffix), f"{command} {self.ref.id}"
        )
        self._running.add(task)
        task.add_done_callback(self._ended)
        # A shield would report the lock's no to a caller who has left as a fault.
        await asyncio.wait({task})
        task.result()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            # Entered already: retrieved, whether or not somebody waits for it.
            task.exception()

    async def _run(
        self, command: DoorCommand, actor: Actor, grant: str, suffix: str
    ) -> None:
        token = secrets.token_hex(8)
        writing = self._spawn(
            self._intents.enter(token, command, actor, grant), f"intent {self.ref.id}"
        )
        # Life first: a slow or full disk does not hold the door.
        await asyncio.wait({writing}, timeout=INTENT_WAIT)
        commanded = self._commanded.begin(command, actor, grant)
        try:
            try:
                await self.driver.command(command, suffix)
            finally:
                commanded.end()
        except LockUnreachable as err:
            self._commanded.forget(commanded)
            await self._intents.outcome(token, await writing, "unreachable", str(err))
            raise
        except LockRefused as err:
            if err.reason is not Refusal.JAMMED:
                self._commanded.forget(commanded)
            await self._intents.outcome(token, await writing, "refused", str(err))
            self._news.set()
            raise
        except OutcomeUnknown:
            commanded.unsure = True
            await self._intents.outcome(token, await writing, "unknown")
            await self._find_out(command, commanded)
        else:
            # Without a log of its own the lock may tell nothing: it stood there before.
            commanded.unsure = Capability.LOCK_LOG not in self.driver.capabilities
            await self._intents.outcome(token, await writing, "done", self.driver.word)
            self._news.set()

    async def _find_out(self, command: DoorCommand, commanded: Commanded) -> None:
        """After a lost answer look at the lock and its log; raise unless it moved."""
        try:
            await self.refresh()
        except (LockError, LogUnavailable) as err:
            self._news.set()
            raise OutcomeUnknown(str(err)) from err
        bolt = self.driver.state.bolt
        if not commanded.told and bolt not in _DONE[command]:
            raise OutcomeUnknown(f"found {bolt}")
