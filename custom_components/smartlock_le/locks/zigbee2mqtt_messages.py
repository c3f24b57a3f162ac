"""What Zigbee2MQTT says, taken apart. All of it may be anything: it came from a broker."""

from collections.abc import Mapping
from dataclasses import dataclass, field
import re
from typing import Any

from homeassistant.util.json import JSON_DECODE_EXCEPTIONS, json_loads

from ..models import AccessKind, Method
from .driver import Bolt
from .numbered import CodeStatus

_REPORT_MOST = 256 * 1024
_DEVICES_MOST = 16 * 1024 * 1024
"""Bytes; what is longer is not looked at."""
_NOBODY = 0xFFFF
"""As a user: nobody's code; also what is above."""

_UNIQUE_ID = re.compile(r"mqtt:(0x[0-9a-f]{16})_lock_(.+)", re.DOTALL)
_BOLTS = {
    "locked": Bolt.LOCKED,
    "unlocked": Bolt.UNLOCKED,
    "not_fully_locked": Bolt.JAMMED,
}
_STATES = {"LOCK": Bolt.LOCKED, "UNLOCK": Bolt.UNLOCKED}
_STATUSES = {
    "available": CodeStatus.EMPTY,
    "enabled": CodeStatus.ENABLED,
    "disabled": CodeStatus.DISABLED,
}
_MOVES = {
    "lock": (AccessKind.LOCKED, Method.UNKNOWN),
    "unlock": (AccessKind.UNLOCKED, Method.UNKNOWN),
    "one_touch_lock": (AccessKind.LOCKED, Method.BUTTON),
    "key_lock": (AccessKind.LOCKED, Method.MANUAL),
    "key_unlock": (AccessKind.UNLOCKED, Method.MANUAL),
    "auto_lock": (AccessKind.LOCKED, Method.AUTOMATIC),
    "schedule_lock": (AccessKind.LOCKED, Method.AUTOMATIC),
    "schedule_unlock": (AccessKind.UNLOCKED, Method.AUTOMATIC),
    "manual_lock": (AccessKind.LOCKED, Method.MANUAL),
    "manual_unlock": (AccessKind.UNLOCKED, Method.MANUAL),
    "lock_failure_invalid_pin_or_id": (AccessKind.DENIED, Method.UNKNOWN),
    "lock_failure_invalid_schedule": (AccessKind.DENIED, Method.UNKNOWN),
    "unlock_failure_invalid_pin_or_id": (AccessKind.DENIED, Method.UNKNOWN),
    "unlock_failure_invalid_schedule": (AccessKind.DENIED, Method.UNKNOWN),
    "non_access_user_operational_event": (AccessKind.DENIED, Method.UNKNOWN),
}
_PROGRAMS = {
    "pin_code_added": AccessKind.CODE_ADDED,
    "pin_code_changed": AccessKind.CODE_ADDED,
    "pin_code_deleted": AccessKind.CODE_REMOVED,
}
_METHODS = {"keypad": Method.KEYPAD, "manual": Method.MANUAL}
_TOKENS = ("rfid", "fingerprint")
_REMOTE = "rf"
# What an answer to a question may change, and what changes with each message.
_MOVING = {
    "state",
    "lock_state",
    "users",
    "linkquality",
    "last_seen",
    "action",
    "action_user",
    "action_source",
    "action_source_name",
}


@dataclass(frozen=True, slots=True)
class Action:
    """Something that the lock says was done."""

    kind: AccessKind
    method: Method
    user: int | None = None
    """As it goes over the air; None: nobody, or it does not say."""
    token: str = ""
    """It was no code but this, and `user` is of its own count."""
    remote: bool = False
    programming: bool = False
    """It was a code that came or went, not a move."""


@dataclass(frozen=True, slots=True)
class Report:
    """One message of a lock, cached values included. It never holds digits."""

    bolt: Bolt | None = None
    action: Action | None = None
    users: Mapping[int, CodeStatus] = field(default_factory=dict)
    tells_users: bool = False
    shows_pins: bool = False
    rest: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """All else but what an answer changes: the same in two messages, nothing happened."""


@dataclass(frozen=True, slots=True)
class Device:
    """What Zigbee2MQTT knows of a lock."""

    name: str
    takes_codes: bool
    most_codes: int | None
    """How many numbers there are, from 0; None: it does not say."""


def address(lock_id: str) -> tuple[str, str] | None:
    """Return a lock's Zigbee address and Zigbee2MQTT's base topic; None: it has neither."""
    found = _UNIQUE_ID.fullmatch(lock_id)
    if found is None or not valid_topic(found[2]):
        return None
    return found[1], found[2]


def valid_topic(topic: object) -> bool:
    """Tell whether this is one topic and not a pattern of several."""
    return (
        isinstance(topic, str)
        and 0 < len(topic) <= 1024
        and topic.isprintable()
        and not set(topic) & {"+", "#"}
    )


def _loaded(payload: object, most: int) -> Any:
    # Decoded already where somebody else of Home Assistant follows the same topic.
    if not isinstance(payload, bytes | bytearray | str) or not 0 < len(payload) <= most:
        return None
    try:
        return json_loads(payload)
    except JSON_DECODE_EXCEPTIONS:
        return None


def _number(value: object) -> int | None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and 0 <= value < _NOBODY else None  # type: ignore[operator, return-value]


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) else ""


def report_of(payload: object) -> Report | None:
    """Take a lock's message apart; None: it is no such message."""
    data = _loaded(payload, _REPORT_MOST)
    if not isinstance(data, dict):
        return None
    bolt = _BOLTS.get(_text(data, "lock_state")) or _STATES.get(_text(data, "state"))
    users = data.get("users")
    tells_users = isinstance(users, dict)
    statuses: dict[int, CodeStatus] = {}
    shows_pins = _shows_digits(data.get("pin_code"))
    for key, value in users.items() if isinstance(users, dict) else ():
        if not isinstance(value, dict):
            continue
        shows_pins |= _shows_digits(value.get("pin_code"))
        if key.isascii() and key.isdigit() and len(key) <= 5:
            status = _STATUSES.get(_text(value, "status"), CodeStatus.UNKNOWN)
            statuses[int(key)] = status
    return Report(
        bolt=bolt,
        action=_action_of(data),
        users=statuses,
        tells_users=tells_users,
        shows_pins=shows_pins,
        rest={key: data[key] for key in data if key not in _MOVING | {"pin_code"}},
    )


def _shows_digits(value: object) -> bool:
    if isinstance(value, dict):
        value = value.get("pin_code")
    # A lock that may not send a code sends its length in other characters.
    return (isinstance(value, str) and value.isdigit()) or (
        isinstance(value, int) and not isinstance(value, bool)
    )


def _action_of(data: Mapping[str, Any]) -> Action | None:
    name, source = _text(data, "action"), _text(data, "action_source_name")
    user = _number(data.get("action_user"))
    remote = source == _REMOTE
    if name in _PROGRAMS:
        method = _METHODS.get(source, Method.UNKNOWN)
        return Action(_PROGRAMS[name], method, user, remote=remote, programming=True)
    if name not in _MOVES:
        return None
    kind, method = _MOVES[name]
    if method is Method.UNKNOWN:
        method = _METHODS.get(source, Method.UNKNOWN)
    token = source if source in _TOKENS else ""
    return Action(kind, method, user, token=token, remote=remote)


def device_of(payload: object, ieee: str) -> Device | str | None:
    """Find a device in the list of all; "" where it is not in it, None: no such list."""
    data = _loaded(payload, _DEVICES_MOST)
    if not isinstance(data, list):
        return None
    for entry in data:
        if not isinstance(entry, dict) or entry.get("ieee_address") != ieee:
            continue
        name = entry.get("friendly_name")
        if not valid_topic(name):
            return None
        definition = entry.get("definition")
        exposes = definition.get("exposes") if isinstance(definition, dict) else None
        code = _exposed(exposes, "pin_code")
        user = _exposed(code.get("features"), "user") if code else None
        most = _number(user.get("value_max")) if user else None
        return Device(str(name), code is not None, None if most is None else most + 1)
    return ""


def _exposed(exposes: object, name: str) -> Mapping[str, Any] | None:
    for one in exposes if isinstance(exposes, list) else ():
        if isinstance(one, dict) and one.get("property") == name:
            return one
    return None
