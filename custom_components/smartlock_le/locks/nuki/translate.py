"""Nuki's numbers in the words of the house."""

from datetime import datetime, timedelta

from ...models import (
    UNKNOWN_ACTOR,
    AccessEvent,
    AccessKind,
    Actor,
    ActorKind,
    CodeWindow,
    LockCode,
    Method,
)
from ..driver import Bolt, DoorSensor, LockState
from .messages import (
    Action,
    BoltState,
    DoorState,
    KeypadCode,
    KeyturnerStates,
    LogEntry,
    LogType,
)

_BOLTS: dict[int, Bolt] = {
    BoltState.LOCKED: Bolt.LOCKED,
    BoltState.UNLOCKING: Bolt.UNLOCKING,
    BoltState.UNLOCKED: Bolt.UNLOCKED,
    BoltState.LOCKING: Bolt.LOCKING,
    BoltState.UNLATCHED: Bolt.OPEN,
    BoltState.UNLOCKED_LOCK_N_GO: Bolt.UNLOCKED,
    BoltState.UNLATCHING: Bolt.OPENING,
    BoltState.MOTOR_BLOCKED: Bolt.JAMMED,
}
_DOORS: dict[int, DoorSensor] = {
    DoorState.UNAVAILABLE: DoorSensor.NONE,
    DoorState.DEACTIVATED: DoorSensor.OFF,
    DoorState.CLOSED: DoorSensor.CLOSED,
    DoorState.OPENED: DoorSensor.OPEN,
    DoorState.UNKNOWN: DoorSensor.UNKNOWN,
    DoorState.CALIBRATING: DoorSensor.CALIBRATING,
    DoorState.UNCALIBRATED: DoorSensor.UNCALIBRATED,
    DoorState.TAMPERED: DoorSensor.TAMPERED,
    DoorState.LOST: DoorSensor.UNKNOWN,
}
_EVENTS: dict[int, AccessKind] = {
    Action.UNLOCK: AccessKind.UNLOCKED,
    Action.LOCK: AccessKind.LOCKED,
    Action.UNLATCH: AccessKind.OPENED,
    4: AccessKind.UNLOCKED,
    5: AccessKind.OPENED,
    6: AccessKind.LOCKED,
}
_METHODS = {
    0: Method.APP,
    1: Method.MANUAL,
    2: Method.BUTTON,
    3: Method.AUTOMATIC,
    6: Method.AUTOMATIC,
}
_SUCCESS, _MOTOR_BLOCKED, _CLUTCH_FAILURE = 0x00, 0x01, 0x06
_JAMS = (_MOTOR_BLOCKED, 0x05, _CLUTCH_FAILURE, 0x07, 0x08)
_INVALID_CODE = 0xE0


def state(states: KeyturnerStates) -> LockState:
    """Return how the lock stands."""
    return LockState(
        bolt=_BOLTS.get(states.bolt, Bolt.UNKNOWN),
        moved_by=method(states.trigger),
        door=_DOORS.get(states.door, DoorSensor.UNKNOWN),
        battery=states.battery,
        battery_critical=states.battery_critical,
        clock=states.time,
    )


def code(entry: KeypadCode) -> LockCode:
    """Return the code without its digits."""
    window = None
    if entry.start and entry.end:
        window = CodeWindow(start=entry.start, end=entry.end)
    return LockCode(
        id=entry.id,
        name=entry.name,
        enabled=entry.enabled,
        window=window,
        schedule=entry.schedule,
    )


def method(trigger: int) -> Method:
    """Return how, of a trigger number."""
    return _METHODS.get(trigger, Method.UNKNOWN)


def access_event(
    entry: LogEntry, lock: str, *, now: datetime, drift: timedelta, our_auth_id: int
) -> AccessEvent:
    """Return what an entry of the lock's own log tells.

    `drift` is how far the lock's clock is ahead of ours.

    What we cannot read is an event of kind `unknown`, never left out.
    """
    event, how, who, code_id = AccessKind.UNKNOWN, Method.UNKNOWN, UNKNOWN_ACTOR, None
    ours, code_name = False, ""
    data = entry.data
    if entry.type == LogType.LOCK_ACTION:
        event, how = _EVENTS.get(data[0], AccessKind.UNKNOWN), method(data[1])
        if how is Method.APP:
            who = Actor(ActorKind.CREDENTIAL, str(entry.auth_id), entry.name)
            ours = entry.auth_id == our_auth_id
        elif how is Method.AUTOMATIC:
            who = Actor(ActorKind.LOCK)
        event = _result(event, data[3])
    elif entry.type == LogType.KEYPAD_ACTION:
        event, how = _EVENTS.get(data[0], AccessKind.UNLOCKED), Method.KEYPAD
        code_id, code_name = int.from_bytes(data[3:5], "little") or None, entry.name
        if code_id is not None:
            who = Actor(ActorKind.CODE, str(code_id), entry.name)
        event = AccessKind.DENIED if data[2] == _INVALID_CODE else event
        event = _result(event, data[2])
    elif entry.type == LogType.DOOR_SENSOR:
        how = Method.DOOR
        doors = {0: AccessKind.OPENED, 1: AccessKind.DOOR_CLOSED}
        event = doors.get(data[0], AccessKind.UNKNOWN)
    return AccessEvent(
        lock=lock,
        event=event,
        method=how,
        actor=who,
        time=_our_time(entry.time, drift, now),
        code_id=code_id,
        code_name=code_name,
        ours=ours,
        lock_index=entry.index,
        lock_time=entry.time.isoformat() if entry.time else "",
    )


def _our_time(lock_time: datetime | None, drift: timedelta, now: datetime) -> datetime:
    try:
        return min(lock_time - drift, now) if lock_time else now
    except OverflowError:
        return now


def _result(event: AccessKind, completion: int) -> AccessKind:
    if event is AccessKind.DENIED or completion == _SUCCESS:
        return event
    return AccessKind.JAMMED if completion in _JAMS else AccessKind.DENIED
