"""What of a Zigbee lock survives a change of its batteries, as JSON."""

from typing import Any

from zigpy.zcl.clusters import closures

from .lock import Lock
from .users import User


def dump(lock: Lock) -> dict[str, Any]:
    """Write it down."""
    return {
        "ieee": str(lock.ieee),
        "bolt": int(lock.state),
        "door": int(lock.door),
        "users": [
            {"user": number, "status": one.status, "kind": one.kind, "pin": one.pin}
            for number, one in lock.users.table.items()
        ],
    }


def restore(lock: Lock, data: dict[str, Any]) -> None:
    """Take over what was written down; it is told to nobody."""
    values = lock.server.values
    values[lock.server.attribute("lock_state")] = closures.LockState(data["bolt"])
    values[lock.server.attribute("door_state")] = closures.DoorState(data["door"])
    lock.users.table = {
        one["user"]: User(one["status"], one["kind"], one["pin"])
        for one in data["users"]
    }
