"""Any lock that Home Assistant has: its own actions below, `LockDriver` above.

What such an entity shows is the word of the integration that brought it, and may be what
was asked rather than what the bolt did.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
import logging
from typing import override

from homeassistant.components.lock import (
    DOMAIN as LOCK_DOMAIN,
    LockEntityFeature,
    LockState as EntityState,
)
from homeassistant.const import (
    ATTR_ENTITY_ID,
    ATTR_SUPPORTED_FEATURES,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
)
from homeassistant.core import (
    Context,
    Event,
    EventStateChangedData,
    HomeAssistant,
    State,
    callback,
)
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import async_track_state_change_event
import voluptuous as vol

from .. import actors
from ..models import (
    UNKNOWN_ACTOR,
    AccessEvent,
    AccessKind,
    Actor,
    ActorKind,
    Capability,
    CodeWindow,
    DoorCommand,
    LockCode,
    LockRef,
    LockRefused,
    LockUnreachable,
    Method,
    OutcomeUnknown,
    Refusal,
    Schedule,
    utc_now,
)
from . import entities
from .companions import Companions, nothing
from .driver import Bolt, LockDriver, LockState, Turn

_LOGGER = logging.getLogger(__name__)

DEADLINE = 30.0
"""Seconds that a door command may take, the way to the lock and its motor together."""

_BOLTS = {
    EntityState.LOCKED: Bolt.LOCKED,
    EntityState.LOCKING: Bolt.LOCKING,
    EntityState.UNLOCKED: Bolt.UNLOCKED,
    EntityState.UNLOCKING: Bolt.UNLOCKING,
    EntityState.OPEN: Bolt.OPEN,
    EntityState.OPENING: Bolt.OPENING,
    EntityState.JAMMED: Bolt.JAMMED,
}
RESTING = {
    Bolt.LOCKED: AccessKind.LOCKED,
    Bolt.UNLOCKED: AccessKind.UNLOCKED,
    Bolt.OPEN: AccessKind.OPENED,
    Bolt.JAMMED: AccessKind.JAMMED,
}
DONE = {
    DoorCommand.LOCK: {Bolt.LOCKED},
    DoorCommand.UNLOCK: {Bolt.UNLOCKED, Bolt.OPEN},
    DoorCommand.OPEN: {Bolt.OPEN, Bolt.UNLOCKED},
}


class EntityDriver(LockDriver):
    """A lock through the entity that another integration made of it."""

    attached = True
    paired = False
    word = "as its entity shows"

    def __init__(self, hass: HomeAssistant, ref: LockRef) -> None:
        """Take the lock's id; nothing is followed yet."""
        super().__init__()
        self.ref = ref
        self.model = ""
        self._hass = hass
        self._undo: list[Callable[[], None]] = []
        self._companions = Companions(hass, self._companion_changed)
        self._told = Bolt.UNKNOWN
        self._asked: tuple[DoorCommand, str] | None = None
        """Our own command that runs, and the id of its context."""
        self._unfollow: Callable[[], None] = nothing
        self._bolt_moved = asyncio.Event()
        self.capabilities = Capability.EVENTS
        self._find()

    # Which entity it is

    def _find(self) -> None:
        """Look up the entity, its device, and what the device has beside it."""
        entry = entities.find(self._hass, self.ref.id)
        self.entity_id = entry.entity_id if entry else None
        if device := entities.device_of(self._hass, self.entity_id):
            self.manufacturer = device.manufacturer or ""
            self.model = device.model or device.model_id or ""
            self.firmware = device.sw_version or ""
        if not self.model and entry:
            self.model = entry.platform

    @override
    async def start(self) -> None:
        self._follow()
        self._undo.append(
            self._hass.bus.async_listen(
                er.EVENT_ENTITY_REGISTRY_UPDATED, self._registry_changed
            )
        )

    @callback
    def _registry_changed(
        self, event: Event[er.EventEntityRegistryUpdatedData]
    ) -> None:
        """Follow the entity where it was renamed, removed, or came back."""
        found = entities.find(self._hass, self.ref.id)
        if (found.entity_id if found else None) != self.entity_id:
            self._follow()
            self.changed()
        elif found and self._companions.concerns(event.data["entity_id"]):
            self._follow_companions(found.entity_id)
            self._companion_changed()

    @callback
    def _follow(self) -> None:
        """Follow the entity that the lock has now."""
        self._unfollow()
        self._unfollow = nothing
        self._find()
        if self.entity_id is None:
            self._set_available(None)
            return
        self._unfollow = async_track_state_change_event(
            self._hass, self.entity_id, self._state_changed
        )
        self._follow_companions(self.entity_id)
        self._take(self._hass.states.get(self.entity_id), None)

    def _follow_companions(self, entity_id: str) -> None:
        self._companions.follow(entity_id)
        self.battery_entity = self._companions.battery_entity

    @override
    async def stop(self) -> None:
        self._unfollow()
        self._unfollow = nothing
        self._companions.stop()
        while self._undo:
            self._undo.pop()()

    @override
    def lent(self) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    @override
    async def forget_us(self) -> None:
        """Nothing to do: the lock knows nothing of us but our codes."""

    # What it shows

    @callback
    def _companion_changed(self) -> None:
        self._set_state(self.state.bolt)

    @callback
    def _state_changed(self, event: Event[EventStateChangedData]) -> None:
        self._take(event.data["new_state"], event.context)

    def _heard(self, state: State | None) -> bool:
        """Tell whether an entity that shows this can be used."""
        return state is not None and state.state != STATE_UNAVAILABLE

    def _set_available(self, state: State | None) -> bool:
        available = self._heard(state)
        if available != self.available:
            self.available = available
            self.changed()
            if available:
                self.on_news()
        return available

    @callback
    def _take(self, state: State | None, context: Context | None) -> None:
        """Take what the entity shows now; `context`: of who made it so."""
        if not self._set_available(state) or state is None:
            self._bolt_moved.set()
            return
        features = state.attributes.get(ATTR_SUPPORTED_FEATURES, 0)
        if features & LockEntityFeature.OPEN:
            self.capabilities |= Capability.OPEN
        self._shown(_bolt_of(state), state, context)

    @callback
    def _shown(self, bolt: Bolt, state: State, context: Context | None) -> None:
        """Believe what the entity shows of the bolt."""
        self._set_state(bolt)
        self._bolt_moved.set()
        if bolt not in RESTING or bolt is self._told:
            return
        before, self._told = self._told, bolt
        if before is not Bolt.UNKNOWN:
            self._hass.async_create_background_task(
                self._tell_move(bolt, state, context), f"move of {self.ref.id}"
            )

    def _set_state(self, bolt: Bolt) -> None:
        state = LockState(
            bolt=bolt,
            door=self._companions.door,
            battery=self._companions.battery,
            battery_critical=self._companions.battery_critical,
        )
        if state != self.state:
            self.state = state
            self.changed()

    async def _tell_move(
        self, bolt: Bolt, state: State, context: Context | None
    ) -> None:
        """Tell of a move that only a change of state shows."""
        self.on_events([await self._move(bolt, state, context)])

    async def _move(
        self, bolt: Bolt, state: State, context: Context | None
    ) -> AccessEvent:
        ours = self._is_ours(bolt, context)
        actor, method = UNKNOWN_ACTOR, Method.UNKNOWN
        if context is not None and context.user_id is not None and not ours:
            actor = await actors.from_context(self._hass, context)
            method = Method.HOME_ASSISTANT
        elif changed_by := state.attributes.get("changed_by"):
            actor = self._changed_by(str(changed_by))
        return AccessEvent(
            lock=self.ref.id,
            event=RESTING[bolt],
            method=method,
            actor=actor,
            time=utc_now(),
            ours=ours,
            source="lock_state",
        )

    def _changed_by(self, name: str) -> Actor:
        """Return whom the integration names."""
        return Actor(ActorKind.CREDENTIAL, name=name[:100])

    def _is_ours(self, bolt: Bolt, context: Context | None) -> bool:
        """Tell whether our own command made it so.

        Home Assistant forgets who asked while a slow bolt is still on its way.
        """
        if self._asked is None:
            return False
        command, context_id = self._asked
        known = context is not None and context.id == context_id
        nobody = context is None or context.user_id is None
        return known or (nobody and bolt in DONE[command])

    @override
    async def read_state(self) -> LockState:
        if not self.available:
            raise LockUnreachable("entity not available")
        return self.state

    # What is asked of it

    @override
    async def command(self, command: DoorCommand, suffix: str = "") -> None:
        try:
            async with asyncio.timeout(DEADLINE), self.queue.turn(Turn.DOOR):
                await self._run(command)
        except TimeoutError as err:
            raise OutcomeUnknown("no change in time") from err

    def _takes_commands(self) -> bool:
        """Tell whether Home Assistant would pass a command on, and not skip it."""
        return self.available and self.entity_id is not None

    async def _run(self, command: DoorCommand) -> None:
        if not self._takes_commands():
            raise LockUnreachable("entity not available")
        if command is DoorCommand.OPEN and Capability.OPEN not in self.capabilities:
            raise LockRefused(Refusal.NOT_SUPPORTED, "open")
        context = Context()
        self._asked = command, context.id
        try:
            await self._call(command, context)
            await self._arrive(command)
        finally:
            self._asked = None

    async def _call(self, command: DoorCommand, context: Context) -> None:
        try:
            await self._hass.services.async_call(
                LOCK_DOMAIN,
                command.value,
                {ATTR_ENTITY_ID: self.entity_id},
                blocking=True,
                context=context,
            )
        except ServiceValidationError as err:
            reason = Refusal.OTHER
            if err.translation_key == "add_default_code":
                reason = Refusal.NEEDS_CODE
            raise LockRefused(reason, type(err).__name__) from None
        except vol.Invalid:
            raise LockRefused(Refusal.NOT_SUPPORTED) from None
        except HomeAssistantError as err:
            # How far it came is not ours to know; its text may hold anything.
            raise OutcomeUnknown(type(err).__name__) from None

    async def _arrive(self, command: DoorCommand) -> None:
        """Wait until the bolt is shown where it was asked to go."""
        await self._wait(lambda: self.state.bolt in DONE[command])

    async def _wait(self, condition: Callable[[], bool]) -> None:
        """Wait until it is so, unless the bolt sticks or its entity goes away."""
        while not condition():
            if self.state.bolt is Bolt.JAMMED:
                raise LockRefused(Refusal.JAMMED)
            if not self._takes_commands():
                raise OutcomeUnknown("went away")
            self._bolt_moved.clear()
            await self._bolt_moved.wait()

    # What it has not

    @override
    def read_log(self, after: int) -> AsyncIterator[list[AccessEvent]]:
        raise LockRefused(Refusal.NOT_SUPPORTED, "log")

    @override
    async def last_log_index(self) -> int:
        raise LockRefused(Refusal.NOT_SUPPORTED, "log")

    @override
    async def read_codes(self) -> list[LockCode]:
        return []

    @override
    async def set_code(
        self,
        digits: str,
        name: str,
        window: CodeWindow,
        schedule: Schedule | None = None,
    ) -> int:
        raise LockRefused(Refusal.NOT_SUPPORTED, "codes")

    @override
    async def change_window(
        self,
        code_id: int,
        name: str,
        window: CodeWindow,
        schedule: Schedule | None = None,
    ) -> None:
        raise LockRefused(Refusal.NOT_SUPPORTED, "codes")

    @override
    async def clear_code(self, code_id: int, name: str) -> None:
        raise LockRefused(Refusal.NOT_SUPPORTED, "codes")

    @override
    def check_code(self, digits: str) -> bool:
        return False

    @override
    def new_code(self) -> str:
        raise LockRefused(Refusal.NOT_SUPPORTED, "codes")


def _bolt_of(state: State) -> Bolt:
    if state.state == STATE_UNKNOWN:
        return Bolt.UNKNOWN
    try:
        return _BOLTS[EntityState(state.state)]
    except ValueError:
        return Bolt.UNKNOWN
