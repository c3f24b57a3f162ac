"""A Zigbee door lock: bolt, keypad, thumb turn, key hole and door."""

from enum import StrEnum
import time
from typing import TYPE_CHECKING, Any

from zigpy.profiles import zha
from zigpy.zcl.clusters import closures
from zigpy.zcl.clusters.closures import (
    OperationEvent,
    OperationEventSource as Source,
    ProgrammingEvent,
    UserStatus,
    UserType,
)
from zigpy.zcl.clusters.general import Alarms, Ota, Time

from .device import ENDPOINT, Device
from .doorlock import JAMMED, NOBODY, WRONG_CODES, DoorLockServer
from .options import LockOptions
from .users import Outcome, Users

if TYPE_CHECKING:
    import asyncio

    from .radio import Radio

_REPORT_S = 900


class Typed(StrEnum):
    """What became of a code on the keypad."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    DEAD = "dead"
    """The keypad took no notice: too many wrong codes before."""


class Lock(Device):
    """A door lock."""

    options: LockOptions

    def __init__(self, radio: Radio, options: LockOptions) -> None:
        """Be locked, behind a closed door."""
        super().__init__(radio, options, int(zha.DeviceType.DOOR_LOCK))
        self.options = options
        self.users = Users(options)
        self.motor_s = options.motor_s
        self.jammed = False
        self._wrong = 0
        self._dead_until = 0.0
        self._moving: asyncio.TimerHandle | None = None
        self._relocking: asyncio.TimerHandle | None = None
        self.endpoint.serve(Alarms, alarm_count=0)
        self.endpoint.serve(Time, time=0, time_status=0)
        self.server = self.endpoint.add(DoorLockServer(self.endpoint, self))
        self.endpoint.clients = (int(Time.cluster_id), int(Ota.cluster_id))
        if options.joined:
            self.server.configure("lock_state", _REPORT_S)
            self.bind(ENDPOINT, self.server.cluster_id, 1)

    @property
    def state(self) -> Any:
        """The LockState."""
        return closures.LockState(self.server.get("lock_state"))

    @property
    def door(self) -> Any:
        """The DoorState."""
        return closures.DoorState(self.server.get("door_state"))

    # The bolt.

    def drive(self, source: Any, event: Any, user: int, *, lock: bool) -> None:
        """Let the motor move the bolt; what it did before is broken off."""
        if self._moving is not None:
            self._moving.cancel()

        def done() -> None:
            self._moving = None
            if self.jammed:
                self.server.set("lock_state", closures.LockState.Not_fully_locked)
                self.server.alarm(JAMMED)
            else:
                self._moved(source, event, user, lock=lock)

        self._moving = self.timers.later(self.motor_s, done)

    def _moved(self, source: Any, event: Any, user: int, *, lock: bool) -> None:
        states = closures.LockState
        self.server.set("lock_state", states.Locked if lock else states.Unlocked)
        self.server.operated(source, event, user)
        if lock and self._relocking is not None:
            self._relocking.cancel()
            self._relocking = None
        if not lock and self._relocking is None:
            if seconds := int(self.server.get("auto_relock_time")):
                self.relock_in(seconds)

    def relock_in(self, seconds: int) -> None:
        """Lock by itself after some seconds."""
        if self._relocking is not None:
            self._relocking.cancel()

        def relock() -> None:
            self._relocking = None
            self.drive(Source.Manual, OperationEvent.AutoLock, NOBODY, lock=True)

        self._relocking = self.timers.later(seconds, relock)

    # What people do.

    def turn(self, *, lock: bool) -> None:
        """Turn the thumb turn."""
        events = OperationEvent
        event = events.Manual_Lock if lock else events.Manual_Unlock
        self._moved(Source.Manual, event, NOBODY, lock=lock)

    def key(self, *, lock: bool) -> None:
        """Turn the key."""
        events = OperationEvent
        event = events.KeyLock if lock else events.KeyUnlock
        self._moved(Source.Manual, event, NOBODY, lock=lock)

    def press(self, pin: str, *, lock: bool = False) -> tuple[Typed, int | None]:
        """Type a code; gives what became of it and whose it is."""
        if time.monotonic() < self._dead_until:
            return Typed.DEAD, None
        user = self.users.admitted(pin)
        if user is None:
            self._mistyped(lock=lock)
            return Typed.REFUSED, None
        self._wrong = 0
        event = OperationEvent.Lock if lock else OperationEvent.Unlock
        self.drive(Source.Keypad, event, user, lock=lock)
        return Typed.ACCEPTED, user

    def _mistyped(self, *, lock: bool) -> None:
        events = OperationEvent
        self.server.operated(
            Source.Keypad,
            events.LockFailureInvalidPINorID
            if lock
            else events.UnlockFailureInvalidPINorID,
        )
        self._wrong += 1
        limit = int(self.server.get("wrong_code_entry_limit"))
        if limit and self._wrong >= limit:
            self._wrong = 0
            disabled = int(self.server.get("user_code_temporary_disable_time"))
            self._dead_until = time.monotonic() + disabled
            self.server.alarm(WRONG_CODES)

    def program(self, user: int, pin: str | None) -> None:
        """Set or take away a code at the keypad. Raises ValueError: it is refused."""
        known = self.users.get(user) is not None
        if pin is None:
            if not self.users.clear(user):
                raise ValueError("there is no code of that user")
            event = ProgrammingEvent.PINCodeDeleted
        else:
            kind = UserType.Unrestricted
            outcome = self.users.set(user, UserStatus.Enabled, kind, pin)
            if outcome is not Outcome.SUCCESS:
                raise ValueError(f"the lock refuses: {outcome.name.lower()}")
            event = ProgrammingEvent.PINCodeAdded
            if known:
                event = ProgrammingEvent.PINCodeChanges
        self.changed()
        self.server.programmed(Source.Keypad, event, user)

    def move_door(self, *, is_open: bool) -> None:
        """Open or close the door."""
        states = closures.DoorState
        counter = "door_open_events" if is_open else "door_closed_events"
        if is_open != (self.door == states.Open):
            self.server.set(counter, int(self.server.get(counter)) + 1)
        self.server.set("door_state", states.Open if is_open else states.Closed)

    def forget_codes(self) -> None:
        """Lose all codes without a word, as after a factory reset at the lock."""
        self.users.clear_all()
        self.changed()

    def forget_reporting(self) -> None:
        """Lose what it was told to report."""
        self.server.reporting.clear()
        self.changed()
