"""What can be done to the virtual home from outside: one function a command."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
import inspect
from typing import Any

from .faults import Direction
from .home import VirtualHome
from .nuki import NukiLock
from .nuki.keypad import Window
from .nuki.log import LogEntry
from .nuki.wire import Command, Completion, DoorState, LockAction, LogType, NukiError

type Result = dict[str, Any]
_DOOR_SENSORS = [state.name.lower() for state in DoorState]


class ActionError(Exception):
    """A command that makes no sense or cannot be carried out now."""


@dataclass(frozen=True, slots=True)
class Action:
    """A command and its parameters."""

    run: Callable[..., Any]
    parameters: frozenset[str]


async def run(home: VirtualHome, request: dict[str, Any]) -> Result:
    """Carry out a request `{"cmd": ..., "lock": 0, ...}`; raises ActionError."""
    arguments = dict(request)
    name, number = arguments.pop("cmd", None), arguments.pop("lock", 0)
    if name == "camera":
        return camera(home, **arguments)
    if name == "frigate":
        return frigate(home, **arguments)
    zigbee = home.radio.locks if home.radio else []
    locks = [*home.locks, *zigbee]
    if not isinstance(number, int) or not 0 <= number < len(locks):
        raise ActionError(f"no such lock: {number}")
    actions = ACTIONS if number < len(home.locks) else _zigbee_actions()
    action = actions.get(name) if isinstance(name, str) else None
    if action is None:
        raise ActionError(f"no such command: {name}")
    if unknown := set(arguments) - action.parameters:
        raise ActionError(f"{name} does not take {', '.join(sorted(unknown))}")
    try:
        result = action.run(locks[number], **arguments)
        if inspect.isawaitable(result):
            result = await result
    except NukiError as err:
        raise ActionError(f"the lock refuses: {err}") from err
    except (TypeError, ValueError) as err:
        raise ActionError(f"{name}: {err}") from err
    return result or {}


def camera(home: VirtualHome, trouble: str = "none") -> Result:
    """Set what is wrong with the camera at the door."""
    if home.camera is None:
        raise ActionError("there is no camera")
    try:
        home.camera.trouble = type(home.camera.trouble)(trouble)
    except ValueError as err:
        raise ActionError(str(err)) from err
    return {}


def frigate(home: VirtualHome, label: str = "person", plate: str = "") -> Result:
    """Let Frigate see something, and read its plate if there is one."""
    if home.frigate is None:
        raise ActionError("there is no Frigate")
    home.frigate.sees(label, plate)
    return {}


def state(lock: NukiLock) -> Result:
    """Tell what the lock is doing."""
    device = lock.device
    return {
        "name": lock.name,
        "address": lock.address,
        "label": lock.options.label,
        "bolt": device.bolt.state.name.lower(),
        "door": device.door.name.lower(),
        "battery": device.battery,
        "battery_critical": bool(device.battery_byte & 1),
        "pairing": device.pairing,
        "in_range": lock.in_range,
        "jammed": device.bolt.jammed,
        "connected": lock.connection is not None,
        "keypad": device.has_keypad,
        "paired": [user.name for user in device.users.entries.values()],
        "codes": len(device.codes),
        "log_entries": len(device.log.entries),
        "unread": device.unread,
        "clock": device.now.isoformat(timespec="seconds"),
        "lock_actions_received": dict(device.received),
        "lock_actions_accepted": dict(device.accepted),
        "faults": lock.faults.pending(),
    }


def press(lock: NukiLock, code: int | str) -> Result:
    """Type a code on the keypad."""
    result = lock.device.press(int(code))
    return {
        "opened": result.opened,
        "error": result.error.name if result.error else None,
        "code_id": result.code_id,
        "name": result.name,
    }


def turn(lock: NukiLock, to: str) -> None:
    """Turn the bolt by hand: lock or unlock."""
    lock.device.turn(lock=_choice(to, "unlock", "lock"))


def door(lock: NukiLock, to: str) -> None:
    """Open or close the door: open or closed."""
    lock.device.move_door(is_open=_choice(to, "closed", "open"))


def door_sensor(lock: NukiLock, state: str) -> None:
    """Set what the door sensor says: the name of a DoorState."""
    if state.upper() not in DoorState.__members__:
        raise ActionError(f"{state}: say one of {', '.join(_DOOR_SENSORS)}")
    lock.device.set_door_sensor(DoorState[state.upper()])


def jam(lock: NukiLock, on: bool) -> None:
    """Block the motor, or free it."""
    lock.device.bolt.jammed = on


def pairing(lock: NukiLock, on: bool) -> None:
    """Switch pairing mode, to stay."""
    lock.device.set_pairing(on)


def button(lock: NukiLock) -> None:
    """Hold the lock's button for five seconds: pairing mode for 30 s."""
    lock.device.press_button()


async def move(lock: NukiLock, in_range: bool) -> None:
    """Carry the lock out of range, or back."""
    await lock.set_in_range(in_range)


def keypad(lock: NukiLock, on: bool) -> None:
    """Attach the keypad, or take it away."""
    lock.device.set_keypad(on)


def battery(lock: NukiLock, percent: int) -> None:
    """Charge or drain the battery."""
    lock.device.set_battery(percent)


def lose(
    lock: NukiLock,
    direction: str,
    n: int = 1,
    drop_link: bool = False,
    delay: float = 0.0,
) -> None:
    """Lose the n-th message from now; see `Faults.lose`."""
    lock.faults.lose(Direction(direction), n, drop_link=drop_link, delay=delay)


def double(lock: NukiLock, direction: str, n: int = 1) -> None:
    """Deliver the n-th message from now twice."""
    lock.faults.double(Direction(direction), n)


def clear(lock: NukiLock) -> None:
    """Forget the troubles that are still to come."""
    lock.faults.clear()


def motor(lock: NukiLock, seconds: float) -> None:
    """Set how long an action takes."""
    if seconds < 0:
        raise ActionError("the motor cannot be that fast")
    lock.device.bolt.motor_s = float(seconds)


def codes(lock: NukiLock) -> Result:
    """List the keypad codes with their digits."""
    return {
        "codes": [
            {
                "id": code.code_id,
                "code": code.digits,
                "name": code.name,
                "enabled": code.enabled,
                "uses": code.uses,
                "window": _window(code.window),
            }
            for code in lock.device.codes
        ]
    }


def _window(window: Window | None) -> Result | None:
    if window is None:
        return None
    return {
        "from": window.start.isoformat() if window.start else None,
        "until": window.end.isoformat() if window.end else None,
        "weekdays": window.weekdays,
        "from_time": window.from_time.isoformat("minutes"),
        "until_time": window.until_time.isoformat("minutes"),
    }


def log(lock: NukiLock) -> Result:
    """Show the lock's log, oldest first."""
    return {"log": [_entry(entry) for entry in lock.device.log.entries]}


def _entry(entry: LogEntry) -> Result:
    row: Result = {
        "index": entry.index,
        "time": entry.moment.isoformat(timespec="seconds"),
        "auth_id": entry.auth_id,
        "name": entry.name,
        "type": entry.type.name.lower(),
    }
    match entry.type:
        case LogType.LOCK_ACTION:
            action, trigger, _flags, completion = entry.data
            row |= {"action": _name(LockAction, action), "trigger": trigger}
            row["completion"] = _name(Completion, completion)
        case LogType.KEYPAD_ACTION:
            row["action"] = _name(LockAction, entry.data[0])
            row["completion"] = _name(Completion, entry.data[2])
            row["code_id"] = int.from_bytes(entry.data[3:5], "little")
        case LogType.DOOR_SENSOR:
            row["door"] = DoorState.CLOSED if entry.data[0] else DoorState.OPENED
            row["door"] = row["door"].name.lower()
    return row


def _name(kind: Any, value: int) -> str:
    return str(kind(value).name.lower()) if value in kind else f"0x{value:02x}"


def reset(lock: NukiLock) -> None:
    """Reset to factory settings: forget pairings, keys and codes."""
    lock.device.factory_reset()


def clock(lock: NukiLock, offset: float) -> None:
    """Put the lock's clock this many seconds ahead of ours."""
    lock.device.clock_offset = timedelta(seconds=offset)


def foreign_code(lock: NukiLock, code: int | str, name: str) -> Result:
    """Add a code without a limit, as the maker's app would."""
    device = lock.device
    added = device.codes.add(int(code), name, None, device.now)
    device.changed()
    return {"code_id": added.code_id}


def messages(lock: NukiLock) -> Result:
    """Tell which messages went by since the last call."""
    return {
        "messages": [
            {
                "direction": seen.direction,
                "command": seen.command,
                "name": None if seen.command is None else _name(Command, seen.command),
                "fate": seen.fate,
            }
            for seen in lock.faults.messages()
        ]
    }


def _choice(word: str, no: str, yes: str) -> bool:
    if word not in (no, yes):
        raise ActionError(f"{word}: say {yes} or {no}")
    return word == yes


def _action(run: Callable[..., Any]) -> Action:
    return Action(run, frozenset(list(inspect.signature(run).parameters)[1:]))


def _zigbee_actions() -> dict[str, Action]:
    """Return the commands of a Zigbee lock; zigpy is there only where a radio is."""
    from .zigbee.actions import ACTIONS as OF_ZIGBEE  # noqa: PLC0415

    return {name: _action(run) for name, run in OF_ZIGBEE.items()}


ACTIONS: dict[str, Action] = {
    "state": _action(state),
    "press": _action(press),
    "turn": _action(turn),
    "door": _action(door),
    "door-sensor": _action(door_sensor),
    "jam": _action(jam),
    "pairing": _action(pairing),
    "button": _action(button),
    "range": _action(move),
    "keypad": _action(keypad),
    "battery": _action(battery),
    "lose": _action(lose),
    "double": _action(double),
    "clear": _action(clear),
    "motor": _action(motor),
    "codes": _action(codes),
    "log": _action(log),
    "reset": _action(reset),
    "clock": _action(clock),
    "foreign-code": _action(foreign_code),
    "messages": _action(messages),
}
