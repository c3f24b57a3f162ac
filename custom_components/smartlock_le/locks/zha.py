"""A lock that Home Assistant's ZHA brought: its own word, who did it, and its codes.

ZHA's entity shows what was asked as soon as the lock says that it will. What the bolt did
is a report of the lock, or its answer when it is asked.
"""

import asyncio
from typing import Any, override

from homeassistant.core import Context, Event, HomeAssistant, State, callback

from .. import actors
from ..models import (
    UNKNOWN_ACTOR,
    AccessEvent,
    AccessKind,
    Capability,
    DoorCommand,
    LockRef,
    LockRefused,
    LockUnreachable,
    Method,
    OutcomeUnknown,
    Refusal,
    utc_now,
)
from . import entities, zha_words as words
from .any_lock import DEADLINE, RESTING, EntityDriver
from .driver import Bolt, LockState, Turn
from .moves import TOGETHER, Askers, Moves
from .numbered import Numbers
from .zha_cluster import Command, DoorCluster, NoCluster, address, find
from .zha_codes import ZhaCodes, end

MOTOR = 10.0
"""Seconds from the lock's yes to the report that it has moved."""
SOON = 2.0
"""Seconds to wait for that where none is due: it stood there, or did not answer."""
HINT = 0.5
"""Seconds from the lock's own word of a move to its report; then it is asked."""
FRESH = 1.0
"""Seconds in which the end of a command needs no further look."""

_COMMANDS = {DoorCommand.LOCK: Command.LOCK, DoorCommand.UNLOCK: Command.UNLOCK}
_TARGETS = {DoorCommand.LOCK: Bolt.LOCKED, DoorCommand.UNLOCK: Bolt.UNLOCKED}
_GOING = {DoorCommand.LOCK: Bolt.LOCKING, DoorCommand.UNLOCK: Bolt.UNLOCKING}
_EVENT = "zha_event"


class ZhaDriver(ZhaCodes, EntityDriver):
    """A lock through the Door Lock cluster that ZHA keeps for it.

    Where that is not to be had it is any other lock: its entity, and ZHA's events.
    """

    def __init__(
        self, hass: HomeAssistant, ref: LockRef, numbers: Numbers, usable: range
    ) -> None:
        """Take the lock's id, and which numbers are for us; nothing is followed yet."""
        super().__init__(hass, ref)
        self.capabilities |= Capability.CODES | Capability.CODE_STATUS
        self.keep_numbers(numbers, usable)
        self.keep_own()
        self.word = ""
        self._link: DoorCluster | None = None
        self._stopped = False
        self._deaf = False
        """It did not answer when it was asked last, and has not been heard since."""
        self._moves = Moves(lambda event: self.on_events([event]))
        self._sure = Bolt.UNKNOWN
        """Where the bolt is by the lock's own word."""
        self._since = Bolt.UNKNOWN
        """The same, since the command that runs; UNKNOWN: no word yet."""
        self._hinted = False
        self._fresh_until = 0.0
        self._askers = Askers()
        self._sending: asyncio.Timeout | None = None
        self._look_at: asyncio.TimerHandle | None = None

    # Which objects of ZHA it is

    @callback
    def _bind(self) -> DoorCluster | None:
        """Return the lock's cluster as ZHA has it now; a radio that restarts makes another."""
        found = None
        try:
            if not self._stopped:
                found = find(self._hass, self.ref.id)
            self._plain = False
            if found is None or not found.same(self._link):
                self._unbind()
                if found is not None:
                    found.listen(self)
                    self._link = found
                    self.on_news()
        except NoCluster:
            self._unbind()
            self._plain = True
        self.word = EntityDriver.word if self._plain else ""
        return self._link

    def _unbind(self) -> None:
        if self._link is not None:
            self._link.forget()
            self._link = None

    @override
    async def start(self) -> None:
        await super().start()
        self._bind()
        self._undo.append(self._hass.bus.async_listen(_EVENT, self._event))

    @override
    async def stop(self) -> None:
        self._stopped = True
        self._unbind()
        self._moves.stop()
        if self._look_at:
            self._look_at.cancel()
        await super().stop()

    @callback
    def replaced(self) -> None:
        """Look whether ZHA has other objects now."""
        self._bind()

    # Whether it is heard

    @override
    def _heard(self, state: State | None) -> bool:
        if self._deaf or state is None:
            return False
        return super()._heard(state) or self._merely_silent()

    def _merely_silent(self) -> bool:
        """Tell whether ZHA gave it up for its silence: it is asked, and heard until then."""
        found = entities.find(self._hass, self.ref.id)
        known = self._hass.config_entries.async_loaded_entries("zha")
        ids = {entry.entry_id for entry in known}
        if found is None or found.config_entry_id not in ids or self._bind() is None:
            return False
        self._look_later()
        return True

    def _set_deaf(self, deaf: bool) -> None:
        if deaf is not self._deaf:
            self._deaf = deaf
            self._set_available(
                self._hass.states.get(self.entity_id) if self.entity_id else None
            )

    # What it tells

    @callback
    def bolt_reported(self, value: int) -> None:
        """Believe what the lock says of its bolt."""
        self._set_deaf(False)
        self._drop_look()
        self._fresh_until = 0.0
        bolt = words.BOLTS.get(value, Bolt.UNKNOWN)
        self._sure = self._since = bolt
        self._set_state(bolt)
        self._bolt_moved.set()
        if self._asked and bolt is _TARGETS.get(self._asked[0]):
            end(self._sending)
        if bolt not in RESTING or bolt is self._told:
            self._moves.settle()
            return
        before, self._told = self._told, bolt
        if before is not Bolt.UNKNOWN:
            self._moves.shown(self._nameless(RESTING[bolt]))

    def _nameless(
        self, kind: AccessKind, method: Method = Method.UNKNOWN
    ) -> AccessEvent:
        """Make the event of something that the lock does not say who did."""
        asked = self._askers.of(kind)
        actor = asked.actor if asked else None
        return AccessEvent(
            lock=self.ref.id,
            event=kind,
            method=Method.HOME_ASSISTANT if actor else method,
            actor=actor or UNKNOWN_ACTOR,
            time=utc_now(),
            ours=asked is not None and actor is None,
            source="lock_state",
        )

    @callback
    def operated(self, source: int, code: int, user: int | None) -> None:
        """Tell who moved it."""
        self._set_deaf(False)
        event = words.operation(self.ref.id, source, code, user, self.name_of(user))
        if event.remote and (asked := self._askers.of(event.event)) and asked.actor:
            event = words.by(event, asked.actor)
        bolt = words.SHOWS.get(event.event)
        shows = bolt is not None and bolt is not self._sure
        denied = event.event is AccessKind.DENIED
        self._moves.named(event, shows=shows or denied)
        if shows or (self._asked and bolt is _TARGETS.get(self._asked[0])):
            self._hint()

    @callback
    def programmed(self, source: int, code: int, user: int | None) -> None:
        """Tell that a code was changed, unless it was we."""
        self._set_deaf(False)
        event = words.programming(self.ref.id, source, code, user, self.name_of(user))
        if user is None or not self.was_ours(event.event, user):
            self._moves.named(event, shows=False)

    @callback
    def alarmed(self, code: int) -> None:
        """Tell of an alarm; of a jam and of wrong codes it may tell in another way, too."""
        self._set_deaf(False)
        kind = words.ALARMS.get(code, AccessKind.UNKNOWN)
        if kind is AccessKind.DENIED:
            # It told of the last of them before.
            self._moves.shown(self._nameless(kind, Method.KEYPAD))
        elif kind is AccessKind.JAMMED:
            shows = self._sure is not Bolt.JAMMED
            self._moves.alarm(self._nameless(kind), shows=shows)
            if shows:
                self._hint()
        else:
            self._moves.named(self._nameless(kind), shows=False)

    def _hint(self) -> None:
        """Have the lock asked soon for what it told of, and did not report."""
        if self._asked is None:
            self._look_later()
            return
        self._hinted = True
        self._bolt_moved.set()

    @callback
    def _event(self, event: Event[dict[str, Any]]) -> None:
        """Hear ZHA's own event where there is nothing better."""
        data = event.data
        ieee, endpoint = address(self.ref.id)
        if (
            self._plain
            and data.get("device_ieee") == ieee
            and data.get("endpoint_id") == endpoint
            and (said := words.named(data)) is not None
        ):
            self.operated(*said)

    # Who asked for it elsewhere

    @override
    @callback
    def _shown(self, bolt: Bolt, state: State, context: Context | None) -> None:
        """Take what ZHA's entity shows: what somebody asked of it, or an old report."""
        self._bind()
        if self._plain:
            self._sure = bolt
            super()._shown(bolt, state, context)
        elif bolt in RESTING and bolt is not self._sure:
            self._look_later()
            if context is not None and context.user_id is not None:
                self._hass.async_create_background_task(
                    self._remember(RESTING[bolt], context), f"asked of {self.ref.id}"
                )

    async def _remember(self, kind: AccessKind, context: Context) -> None:
        self._askers.add(kind, await actors.from_context(self._hass, context))

    @override
    async def _tell_move(
        self, bolt: Bolt, state: State, context: Context | None
    ) -> None:
        # It may show before the bolt has moved.
        self._moves.shown(await self._move(bolt, state, context), MOTOR)

    def _look_later(self) -> None:
        """Have the lock asked, unless it reports by itself."""
        self._fresh_until = 0.0
        if self._look_at is None and not self._stopped:
            self._look_at = self._hass.loop.call_later(TOGETHER, self._look_now)

    def _drop_look(self) -> None:
        if self._look_at:
            self._look_at.cancel()
            self._look_at = None

    def _look_now(self) -> None:
        self._look_at = None
        self.on_news()

    # What it is asked

    @override
    async def read_state(self) -> LockState:
        if self._hass.loop.time() < self._fresh_until:
            return self.state
        async with self.queue.turn(Turn.READ):
            self._bind()
            if self._plain:
                return await super().read_state()
            await self._ask(self._need())
        return self.state

    async def _ask(self, link: DoorCluster) -> None:
        """Ask where the bolt is. Raises LockUnreachable."""
        try:
            value = await link.read_bolt()
        except LockUnreachable:
            self._set_deaf(True)
            raise
        self.bolt_reported(value)

    # What it is told

    @override
    async def command(self, command: DoorCommand, suffix: str = "") -> None:
        self._bind()
        if self._plain:
            await super().command(command, suffix)
            return
        if command not in _COMMANDS:
            raise LockRefused(Refusal.NOT_SUPPORTED, "open")
        begun = False
        try:
            async with asyncio.timeout(DEADLINE), self.queue.turn(Turn.DOOR):
                link = self._need()
                begun = True
                await self._drive(link, command)
        except TimeoutError as err:
            self.on_news()
            if begun:
                raise OutcomeUnknown("no word in time") from err
            raise LockUnreachable("it is busy") from err
        except LockUnreachable, OutcomeUnknown:
            self.on_news()
            raise

    async def _drive(self, link: DoorCluster, command: DoorCommand) -> None:
        """Tell it once, and wait until it has moved by its own word."""
        target, before = _TARGETS[command], self._sure
        self._since, self._hinted = Bolt.UNKNOWN, False
        self._asked = command, ""
        self._askers.add(RESTING[target])
        try:
            said = await self._tell(link, command)
            due = said and before is not target
            if due and self._since is not target:
                self._set_state(_GOING[command])
            if not await self._arrives(target, MOTOR if due else SOON):
                await self._check(link)
            if self._since is not target and said and not due:
                # It was not where we thought: its motor may be running.
                await self._arrives(target, MOTOR)
            if self._since is not target:
                raise OutcomeUnknown(f"found {self._since}")
        except LockRefused, LockUnreachable:
            self._askers.forget_us()
            raise
        finally:
            self._asked = None
            if self.state.bolt is _GOING[command]:
                self._set_state(Bolt.UNKNOWN)
        self._fresh_until = self._hass.loop.time() + FRESH

    async def _tell(self, link: DoorCluster, command: DoorCommand) -> bool:
        """Tell it; tell whether it said yes, False: nothing. Raises LockRefused."""
        try:
            async with asyncio.timeout(None) as self._sending:
                status = await link.tell(_COMMANDS[command])
        except TimeoutError, OutcomeUnknown:
            return False
        finally:
            self._sending = None
        if status:
            raise LockRefused(words.refusal(status), f"status {status}")
        return True

    async def _arrives(self, target: Bolt, patience: float) -> bool:
        """Tell whether the lock says in time that it is there. Raises LockRefused."""
        try:
            async with asyncio.timeout(patience) as limit:
                while self._since is not target:
                    if self._since is Bolt.JAMMED:
                        raise LockRefused(Refusal.JAMMED)
                    if self._hinted:
                        self._hinted = False
                        limit.reschedule(self._hass.loop.time() + HINT)
                    self._bolt_moved.clear()
                    await self._bolt_moved.wait()
        except TimeoutError:
            return False
        return True

    async def _check(self, link: DoorCluster) -> None:
        try:
            await self._ask(link)
        except LockUnreachable as err:
            raise OutcomeUnknown(str(err)) from err
        if self._since is Bolt.JAMMED:
            raise LockRefused(Refusal.JAMMED)
