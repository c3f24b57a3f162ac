"""What can be done to a Zigbee lock from outside: one function a command."""

from collections.abc import Callable
from typing import Any

from zigpy.zcl.clusters.general import PowerConfiguration

from .lock import Lock, Typed
from .trouble import Sent

type Result = dict[str, Any]


def state(lock: Lock) -> Result:
    """Tell what the lock is doing."""
    power = lock.endpoint.servers[int(PowerConfiguration.cluster_id)]
    return {
        "name": f"{lock.options.manufacturer} {lock.options.model}",
        "address": str(lock.ieee),
        "bolt": lock.state.name.lower(),
        "door": lock.door.name.lower(),
        "battery": int(power.get("battery_percentage_remaining")) // 2,
        "in_range": lock.trouble.online,
        "jammed": lock.jammed,
        "connected": lock.radio.hosted,
        "codes": len(lock.users),
        "faults": lock.trouble.pending(),
    }


def press(lock: Lock, code: int | str) -> Result:
    """Type a code on the keypad."""
    typed, user = lock.press(str(code))
    return {
        "opened": typed is Typed.ACCEPTED,
        "error": None if typed is Typed.ACCEPTED else typed.value,
        "code_id": user,
        "name": None if user is None else f"user {user}",
    }


def turn(lock: Lock, to: str) -> None:
    """Turn the thumb turn: lock or unlock."""
    lock.turn(lock=_choice(to, "unlock", "lock"))


def door(lock: Lock, to: str) -> None:
    """Open or close the door: open or closed."""
    lock.move_door(is_open=_choice(to, "closed", "open"))


def jam(lock: Lock, on: bool) -> None:
    """Block the motor, or free it."""
    lock.jammed = on


def move(lock: Lock, in_range: bool) -> None:
    """Carry the lock out of range, or back."""
    lock.trouble.online = in_range


def battery(lock: Lock, percent: int) -> None:
    """Charge or drain the battery."""
    if not 0 <= percent <= 100:
        raise ValueError("a charge is from 0 to 100")
    power = lock.endpoint.servers[int(PowerConfiguration.cluster_id)]
    power.set("battery_percentage_remaining", 2 * percent)


def motor(lock: Lock, seconds: float) -> None:
    """Set how long an action takes."""
    if seconds < 0:
        raise ValueError("the motor cannot be that fast")
    lock.motor_s = float(seconds)


def lose(lock: Lock, direction: str, n: int = 1) -> None:
    """Lose the next n of a sort that the lock sends: reply, report or event."""
    lock.trouble.lose(Sent(direction), n)


def clear(lock: Lock) -> None:
    """Forget the troubles that are still to come."""
    lock.trouble.clear()


def codes(lock: Lock) -> Result:
    """List the codes with their digits."""
    return {
        "codes": [
            {"id": user, "code": one.pin, "status": one.status}
            for user, one in sorted(lock.users.table.items())
        ]
    }


def foreign_code(lock: Lock, code: int | str, name: str) -> Result:
    """Set a code at the keypad, for the user of that number."""
    lock.program(int(name), str(code))
    return {"code_id": int(name)}


def reset(lock: Lock) -> None:
    """Forget all codes."""
    lock.forget_codes()


def _choice(word: str, no: str, yes: str) -> bool:
    if word not in (no, yes):
        raise ValueError(f"{word}: say {yes} or {no}")
    return word == yes


ACTIONS: dict[str, Callable[..., Any]] = {
    "state": state,
    "press": press,
    "turn": turn,
    "door": door,
    "jam": jam,
    "range": move,
    "battery": battery,
    "motor": motor,
    "lose": lose,
    "clear": clear,
    "codes": codes,
    "foreign-code": foreign_code,
    "reset": reset,
}
