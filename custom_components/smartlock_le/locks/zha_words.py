"""The Door Lock cluster's numbers in the words of the house.

Zigbee Cluster Library, section 7.3.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..models import (
    UNKNOWN_ACTOR,
    AccessEvent,
    AccessKind,
    Actor,
    ActorKind,
    Method,
    Refusal,
    utc_now,
)
from .driver import Bolt
from .numbered import CodeStatus
from .zha_cluster import Limits, user_of

BOLTS = {0: Bolt.JAMMED, 1: Bolt.LOCKED, 2: Bolt.UNLOCKED}
SHOWS = {AccessKind.LOCKED: Bolt.LOCKED, AccessKind.UNLOCKED: Bolt.UNLOCKED}
"""Where the bolt is after what happened."""
ALARMS = {0x00: AccessKind.JAMMED, 0x04: AccessKind.DENIED}
STATUSES = {0: CodeStatus.EMPTY, 1: CodeStatus.ENABLED, 3: CodeStatus.DISABLED}
ENABLED, UNRESTRICTED = 1, 0

_KEYPAD, _RF, _MANUAL, _RFID = range(4)
_SOURCES = {"Keypad": _KEYPAD, "RF": _RF, "Manual": _MANUAL, "RFID": _RFID}
_METHODS = {_KEYPAD: Method.KEYPAD, _MANUAL: Method.MANUAL}
_OPERATIONS: tuple[tuple[str, AccessKind, Method | None], ...] = (
    ("UnknownOrMfgSpecific", AccessKind.UNKNOWN, None),
    ("Lock", AccessKind.LOCKED, None),
    ("Unlock", AccessKind.UNLOCKED, None),
    ("LockFailureInvalidPINorID", AccessKind.DENIED, None),
    ("LockFailureInvalidSchedule", AccessKind.DENIED, None),
    ("UnlockFailureInvalidPINorID", AccessKind.DENIED, None),
    ("UnlockFailureInvalidSchedule", AccessKind.DENIED, None),
    ("OnTouchLock", AccessKind.LOCKED, Method.BUTTON),
    ("KeyLock", AccessKind.LOCKED, Method.MANUAL),
    ("KeyUnlock", AccessKind.UNLOCKED, Method.MANUAL),
    ("AutoLock", AccessKind.LOCKED, Method.AUTOMATIC),
    ("ScheduleLock", AccessKind.LOCKED, Method.AUTOMATIC),
    ("ScheduleUnlock", AccessKind.UNLOCKED, Method.AUTOMATIC),
    ("Manual_Lock", AccessKind.LOCKED, Method.MANUAL),
    ("Manual_Unlock", AccessKind.UNLOCKED, Method.MANUAL),
    ("Non_Access_User_Operational_Event", AccessKind.DENIED, None),
)
"""What ZHA's event calls it, and what it is; the place is the number."""
_NAMES = {name: code for code, (name, _, _) in enumerate(_OPERATIONS)}
# A code that was changed is another code under the same number.
_PROGRAMMING = {
    2: AccessKind.CODE_ADDED,
    3: AccessKind.CODE_REMOVED,
    4: AccessKind.CODE_ADDED,
}
_UNSUPPORTED = (0x81, 0x82, 0x83, 0x84, 0xC3)
_CODE_REFUSALS = {
    2: Refusal.CODES_FULL,
    3: Refusal.CODE_EXISTS,
    0x85: Refusal.CODE_INVALID,
    0x87: Refusal.CODE_INVALID,
    0x89: Refusal.CODES_FULL,
}
_SHORTEST, _LONGEST = 4, 8
"""Digits of a code where the lock does not say, or says what cannot be."""
_MOST_DIGITS = 32


def operation(
    lock: str, source: int, code: int, user: int | None, name: str
) -> AccessEvent:
    """Return what an operation event tells; `name`: of our code of that user."""
    kind, how = AccessKind.UNKNOWN, None
    if code < len(_OPERATIONS):
        _, kind, how = _OPERATIONS[code]
    method = how or _METHODS.get(source, Method.UNKNOWN)
    return _event(lock, kind, method, source, user, name)


def programming(
    lock: str, source: int, code: int, user: int | None, name: str
) -> AccessEvent:
    """Return what a programming event tells."""
    kind = _PROGRAMMING.get(code, AccessKind.UNKNOWN)
    method = _METHODS.get(source, Method.UNKNOWN)
    event = _event(lock, kind, method, source, user, name)
    # It says whose code was changed, and not by whom.
    return replace(event, actor=UNKNOWN_ACTOR)


def _event(
    lock: str,
    kind: AccessKind,
    method: Method,
    source: int,
    user: int | None,
    name: str,
) -> AccessEvent:
    who, code_id = UNKNOWN_ACTOR, user
    if method is Method.AUTOMATIC:
        who = Actor(ActorKind.LOCK)
    elif user is not None:
        who = Actor(ActorKind.CODE, str(user), name)
        if source == _RFID:
            # The number is that of a fob: no code was typed.
            who, code_id = Actor(ActorKind.CREDENTIAL, str(user)), None
    return AccessEvent(
        lock=lock,
        event=kind,
        method=method,
        actor=who,
        time=utc_now(),
        code_id=code_id,
        code_name=name if code_id is not None else "",
        source="lock_event",
        remote=source == _RF,
    )


def by(event: AccessEvent, actor: Actor) -> AccessEvent:
    """Say who of the home asked for what came over the air."""
    if event.actor is not UNKNOWN_ACTOR:
        return event
    return replace(event, actor=actor, method=Method.HOME_ASSISTANT)


def named(data: Mapping[str, Any]) -> tuple[int, int, int | None] | None:
    """Return source, operation and user of ZHA's own event; None: it is another."""
    args = data.get("args")
    if data.get("command") != "operation_event_notification" or not isinstance(
        args, Mapping
    ):
        return None
    slot = args.get("code_slot")
    # Its slots begin at 1, and 65536 is nobody.
    user = user_of(slot - 1) if isinstance(slot, int) and slot > 0 else None
    source = _SOURCES.get(str(args.get("source")), -1)
    return source, _NAMES.get(str(args.get("operation")), 0), user


def refusal(status: int) -> Refusal:
    """Return why a door command was refused."""
    return Refusal.NOT_SUPPORTED if status in _UNSUPPORTED else Refusal.OTHER


def code_refusal(status: int) -> Refusal:
    """Return why a code was refused."""
    return _CODE_REFUSALS.get(status) or refusal(status)


def lengths(limits: Mapping[Limits, int]) -> range:
    """Return how many digits a code may have, of what the lock says."""
    shortest = limits.get(Limits.min_pin_len, _SHORTEST)
    longest = limits.get(Limits.max_pin_len, _LONGEST)
    if not 0 < shortest <= longest:
        shortest, longest = _SHORTEST, _LONGEST
    return range(shortest, min(longest, _MOST_DIGITS) + 1)
