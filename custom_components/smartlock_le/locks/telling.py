"""A lock through its entity, whose integration also tells who moved it and how."""

import asyncio
from typing import override

from homeassistant.core import Context, HomeAssistant, State, callback

from ..models import (
    UNKNOWN_ACTOR,
    AccessEvent,
    AccessKind,
    Actor,
    ActorKind,
    Capability,
    DoorCommand,
    LockRef,
    Method,
    utc_now,
)
from .any_lock import DONE, EntityDriver
from .driver import Bolt
from .moves import Moves
from .numbered import NumberedCodes, Numbers

_SHOWS = {AccessKind.LOCKED: Bolt.LOCKED, AccessKind.UNLOCKED: Bolt.UNLOCKED}
"""Where the bolt is after what happened."""
_SAID = {
    DoorCommand.LOCK: {AccessKind.LOCKED},
    DoorCommand.UNLOCK: {AccessKind.UNLOCKED},
    DoorCommand.OPEN: {AccessKind.UNLOCKED, AccessKind.OPENED},
}
"""What a lock says once it has done what it was told."""
MOTOR = 4.0
"""Seconds from the lock's yes to its word that it has moved."""
_OURS = 30.0
"""Seconds in which a lock still tells of a code that we changed."""
_GOING = {
    DoorCommand.LOCK: Bolt.LOCKING,
    DoorCommand.UNLOCK: Bolt.UNLOCKING,
    DoorCommand.OPEN: Bolt.OPENING,
}


class TellingDriver(NumberedCodes, EntityDriver):
    """An entity that shows the bolt, codes by number, and a second source for the rest.

    What the entity shows waits a moment for the word of who it was. A jam comes by that
    road, too, where the entity cannot show it.
    """

    def __init__(
        self, hass: HomeAssistant, ref: LockRef, numbers: Numbers, usable: range
    ) -> None:
        """Take the lock's id, and which numbers are for us; nothing is followed yet.

        These families count from 1.
        """
        super().__init__(hass, ref)
        self.capabilities |= Capability.CODES | Capability.CODE_STATUS
        self.keep_numbers(numbers, range(max(1, usable.start), usable.stop))
        self._moves = Moves(lambda event: self.on_events([event]))
        self._jammed = False
        self._changed_until = 0, 0.0
        """The number of the code that we changed last, and until when it may say so."""

    @override
    async def stop(self) -> None:
        self._moves.stop()
        await super().stop()

    def takes_no_codes(self) -> None:
        """Offer none: the lock keeps none."""
        self.capabilities &= ~(Capability.CODES | Capability.CODE_STATUS)
        self.changed()

    # What it is told

    @override
    async def _run(self, command: DoorCommand) -> None:
        try:
            await super()._run(command)
        finally:
            if self.state.bolt is _GOING[command]:
                self._show_again()

    @override
    async def _call(self, command: DoorCommand, context: Context) -> None:
        # It may come free: what held the bolt before is not what this ends with.
        self._jammed = False
        if self.state.bolt not in DONE[command]:
            self._set_state(_GOING[command])
        await super()._call(command, context)

    # What the entity shows

    def _show_again(self) -> None:
        """Take once more what the entity shows."""
        if self.entity_id:
            self._take(self._hass.states.get(self.entity_id), None)

    @override
    @callback
    def _shown(self, bolt: Bolt, state: State, context: Context | None) -> None:
        super()._shown(Bolt.JAMMED if self._jammed else bolt, state, context)

    @override
    async def _tell_move(
        self, bolt: Bolt, state: State, context: Context | None
    ) -> None:
        self._moves.shown(await self._move(bolt, state, context))

    # What the integration tells beside it

    @callback
    def jammed(self, *, jammed: bool) -> None:
        """Hear that the bolt is stuck, or no longer."""
        if jammed is self._jammed:
            return
        self._jammed = jammed
        self._show_again()

    def expect(self, number: int) -> None:
        """Expect to hear that a code was changed: it is we."""
        self._changed_until = number, self._hass.loop.time() + _OURS

    @callback
    def code_changed(
        self, kind: AccessKind, method: Method, number: int | None
    ) -> None:
        """Hear that a code was added or removed."""
        ours, until = self._changed_until
        if number != ours or self._hass.loop.time() >= until:
            self.happened(kind, method, number)

    @callback
    def came_true(self, kind: AccessKind) -> None:
        """Hear that what the entity shows, or soon will, is so; who it was is not said."""
        self._jammed = False
        self._moves.came_true(kind)

    @callback
    def happened(
        self,
        kind: AccessKind,
        method: Method,
        number: int | None = None,
        *,
        typed: bool = True,
        lock_time: str = "",
    ) -> None:
        """Hear what happened; `number`: of a code, or where not `typed` of another key.

        A code that was changed was changed by nobody in particular.
        """
        who, name = UNKNOWN_ACTOR, ""
        if not typed:
            who = Actor(ActorKind.CREDENTIAL, "" if number is None else str(number))
            number = None
        elif number is not None:
            name = self.name_of(number)
            who = Actor(ActorKind.CODE, str(number), name)
        elif method is Method.AUTOMATIC:
            who = Actor(ActorKind.LOCK)
        if kind in (AccessKind.CODE_ADDED, AccessKind.CODE_REMOVED):
            who = UNKNOWN_ACTOR
        event = AccessEvent(
            lock=self.ref.id,
            event=kind,
            method=method,
            actor=who,
            time=utc_now(),
            code_id=number,
            code_name=name,
            source="lock_event",
            lock_time=lock_time,
        )
        bolt = _SHOWS.get(kind)
        if bolt is not None and self._jammed:
            self._jammed = False
            self._told = bolt
            self._set_state(bolt)
        self._moves.named(event, shows=bolt is not None and bolt is not self._told)


class ConfirmedDriver(TellingDriver):
    """One whose entity shows a command as done as soon as the lock has taken it.

    What the bolt did is the lock's own word, of whoever it was, or a jam in its place.
    """

    patience = 2
    """How many times MOTOR a change waits for the word of who it was: longer than it takes
    to hear that it came to nothing."""

    def __init__(
        self, hass: HomeAssistant, ref: LockRef, numbers: Numbers, usable: range
    ) -> None:
        """Take the lock's id, and which numbers are for us; nothing is followed yet."""
        super().__init__(hass, ref, numbers, usable)
        self._said: set[AccessKind] = set()
        """What the lock has said of its bolt since the command that runs."""
        self._shows = Bolt.UNKNOWN
        """Where the entity shows the bolt."""

    async def _check(self, command: DoorCommand) -> None:
        """Be content, or ask a lock that said nothing. Raises OutcomeUnknown."""

    @override
    @callback
    def _shown(self, bolt: Bolt, state: State, context: Context | None) -> None:
        if self._jammed or bolt is Bolt.JAMMED:
            # What was shown before it stuck was asked for, and not done.
            self._moves.came_to_nothing()
        super()._shown(bolt, state, context)

    @override
    @callback
    def came_true(self, kind: AccessKind) -> None:
        self._hear(kind)
        super().came_true(kind)

    @override
    @callback
    def happened(
        self,
        kind: AccessKind,
        method: Method,
        number: int | None = None,
        *,
        typed: bool = True,
        lock_time: str = "",
    ) -> None:
        self._hear(kind)
        super().happened(kind, method, number, typed=typed, lock_time=lock_time)

    def _hear(self, kind: AccessKind) -> None:
        self._said.add(kind)
        self._set_state(self._shows)
        self._bolt_moved.set()

    @override
    def _set_state(self, bolt: Bolt) -> None:
        """Let what was asked for be on its way until the lock itself says that it is so."""
        self._shows = bolt
        if self._asked is not None:
            command = self._asked[0]
            if bolt in DONE[command] and not self._said & _SAID[command]:
                bolt = _GOING[command]
        super()._set_state(bolt)

    @override
    @callback
    def _companion_changed(self) -> None:
        self._set_state(self._shows)

    @override
    async def _tell_move(
        self, bolt: Bolt, state: State, context: Context | None
    ) -> None:
        event = await self._move(bolt, state, context)
        self._moves.shown(event, self.patience * MOTOR)

    @override
    async def _call(self, command: DoorCommand, context: Context) -> None:
        self._said.clear()
        await super()._call(command, context)

    @override
    async def _arrive(self, command: DoorCommand) -> None:
        """Wait until the lock itself says that the bolt is there."""
        # It may show what was asked before, and so no change.
        self._show_again()
        await self._wait(lambda: self._shows in DONE[command])
        try:
            async with asyncio.timeout(MOTOR):
                await self._wait(lambda: bool(self._said & _SAID[command]))
        except TimeoutError:
            await self._check(command)
            self._said |= _SAID[command]
            self._set_state(self._shows)
        await super()._arrive(command)
