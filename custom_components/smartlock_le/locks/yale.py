"""A Yale or August lock that Home Assistant's Yale Access Bluetooth brought.

That integration holds the only link and the key; when the key has changed it asks for the
new one. We use its object of the lock: the keypad, and the lock's short log. Older releases
of the library (yalexs-ble before 4.1) have neither, and then there are no codes.

Reading that log takes out what is read: each entry is handed on as it comes, and what is
lost between the lock and our log is lost. What was in it before we came is thrown away.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
import sys
from typing import Any, override

from bleak.exc import BleakError
from homeassistant.components.lock import LockState
from homeassistant.const import STATE_UNKNOWN
from homeassistant.core import (
    Context,
    Event,
    EventStateChangedData,
    HomeAssistant,
    State,
    callback,
)

from ..models import (
    AccessKind,
    DoorCommand,
    LockRef,
    LockRefused,
    LockUnreachable,
    Method,
    OutcomeUnknown,
    Refusal,
)
from . import entities
from .answers import answered, changing
from .companions import nothing
from .driver import Bolt
from .numbered import CodeStatus, Numbers
from .telling import ConfirmedDriver

_LIBRARY = "yalexs_ble"
_METHODS = {
    "MANUAL": Method.MANUAL,
    "AUTO_LOCK": Method.AUTOMATIC,
    "PIN": Method.KEYPAD,
}
_KINDS = {
    "LOCKED": AccessKind.LOCKED,
    "SECUREMODE": AccessKind.LOCKED,
    "UNLOCKED": AccessKind.UNLOCKED,
}
_REFUSALS = {
    "KEYCODE_EXISTING_KEY": Refusal.CODE_EXISTS,
    "KEYCODE_NOSPACE": Refusal.CODES_FULL,
    "BUSY": Refusal.BUSY,
}
_REMOTE = "REMOTE"
_RESTING = {LockState.LOCKED, LockState.UNLOCKED, LockState.JAMMED}


class YaleDriver(ConfirmedDriver):
    """A lock through what Yale Access Bluetooth makes of it."""

    # Its log is read after a change, and perhaps after a new connection.
    patience = 4

    def __init__(
        self, hass: HomeAssistant, ref: LockRef, numbers: Numbers, usable: range
    ) -> None:
        """Take the lock's id, and which numbers are for us; nothing is followed yet."""
        super().__init__(hass, ref, numbers, usable)
        self._object: Any = None
        self._unsubscribe: Callable[[], None] = nothing
        self._deaf = False
        """It did not answer when it was told something, and has not been heard since."""

    @override
    async def stop(self) -> None:
        self._unsubscribe()
        self._unsubscribe = nothing
        await super().stop()

    # What it tells

    @override
    def _heard(self, state: State | None) -> bool:
        return super()._heard(state) and not self._deaf

    @override
    @callback
    def _state_changed(self, event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        if state is not None and state.state in _RESTING:
            self._deaf = False
        elif state is not None and state.state == STATE_UNKNOWN:
            # It knows nothing of the bolt once the lock did not answer.
            self._deaf = True
        super()._state_changed(event)

    @override
    def _takes_commands(self) -> bool:
        # The lock may answer the next time: the door is tried.
        state = self._hass.states.get(self.entity_id) if self.entity_id else None
        return super()._heard(state)

    @override
    @callback
    def _take(self, state: State | None, context: Context | None) -> None:
        self._bind()
        super()._take(state, context)

    def _bind(self) -> None:
        """Take the object of the lock that there is now, and hear its log."""
        running = entities.runtime_of(self._hass, self.ref.id)
        found = getattr(running, "lock", None)
        if found is self._object:
            return
        self._unsubscribe()
        self._object, self._unsubscribe = found, nothing
        if found is None:
            return
        if not hasattr(found, "set_keycode"):
            self.takes_no_codes()
        if hasattr(found, "register_activity_callback"):
            self._unsubscribe = found.register_activity_callback(self._logged)
            self._read_log_soon()

    def _read_log_soon(self) -> None:
        if self._object is not None:
            self._hass.async_create_background_task(
                self._object.update(), f"log of {self.ref.id}"
            )

    @override
    async def _tell_move(
        self, bolt: Bolt, state: State, context: Context | None
    ) -> None:
        await super()._tell_move(bolt, state, context)
        self._read_log_soon()

    @callback
    def _logged(self, entry: Any) -> None:
        """Hear an entry of the lock's log; those of its door have no source."""
        source = getattr(entry, "source", None)
        kind = _KINDS.get(entry.status.name)
        if source is None or kind is None:
            return
        if source.name == _REMOTE:
            self.came_true(kind)
            return
        method = _METHODS.get(source.name, Method.UNKNOWN)
        when = entry.timestamp.astimezone().isoformat()
        self.happened(kind, method, entry.slot, lock_time=when)

    # What it is told

    @override
    async def command(self, command: DoorCommand, suffix: str = "") -> None:
        try:
            await super().command(command, suffix)
        except LockUnreachable, OutcomeUnknown:
            self._deaf = True
            self._show_again()
            raise

    # Its codes

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[Any]:
        """Give the lock's object. Raises LockUnreachable, LockRefused; no text goes on."""
        self._bind()
        if self._object is None:
            raise LockUnreachable("Yale Access Bluetooth does not have it now")
        if not hasattr(self._object, "set_keycode"):
            raise LockRefused(Refusal.NOT_SUPPORTED, "this release")
        session: Any = sys.modules[f"{_LIBRARY}.session"]
        try:
            async with answered(_LIBRARY, "bleak", "bleak_"):
                yield self._object
        except session.KeycodeError as err:
            name = getattr(err.error, "name", str(err.error))
            raise LockRefused(_REFUSALS.get(name, Refusal.OTHER), name) from None
        except (session.YaleXSBLEError, BleakError, RuntimeError) as err:
            # RuntimeError: its object was stopped.
            raise LockUnreachable(type(err).__name__) from None

    @override
    async def put_number(self, number: int, digits: str) -> None:
        async with changing(), self._asking() as lock:
            await lock.set_keycode(number, digits)

    @override
    async def drop_number(self, number: int) -> None:
        async with changing(), self._asking() as lock:
            await lock.clear_keycode(number)

    @override
    async def read_number(self, number: int) -> CodeStatus:
        try:
            async with self._asking() as lock:
                # The digits come along: they are not kept.
                there = await lock.get_keycode(number) is not None
        except ValueError:
            return CodeStatus.UNKNOWN
        return CodeStatus.ENABLED if there else CodeStatus.EMPTY
