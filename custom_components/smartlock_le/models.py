"""The few types that pass between rooms.

Imports nothing of ours and nothing of Home Assistant.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from enum import Flag, StrEnum, auto
import secrets
from typing import Any


def utc_now() -> datetime:
    """Return the time now, aware, in UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """Return a random id: eight hexadecimal digits, the first one a letter.

    Home Assistant's templates make a number of what looks like one.
    """
    return secrets.choice("abcdef") + secrets.token_hex(4)[1:]


class ActorKind(StrEnum):
    """Who did it, as far as we can tell."""

    OWNER = "owner"
    RESIDENT = "resident"
    HOME = "home"
    GRANT = "grant"
    GUEST = "guest"
    CODE = "code"
    CREDENTIAL = "credential"
    CONTACT = "contact"
    RESPONDER = "responder"
    LOCK = "lock"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Actor:
    """Someone or something that acts.

    `ref` is a pseudonym (a user id, a code's number) and may be shown; `name` goes
    into the log and nowhere else.
    """

    kind: ActorKind
    ref: str = ""
    name: str = field(default="", repr=False)

    @property
    def label(self) -> str:
        """What a state may show: never a name."""
        return f"{self.kind} {self.ref}".strip()

    def fields(self) -> dict[str, str]:
        """Return the three fields of an entry that name an actor."""
        return {
            "actor_kind": str(self.kind),
            "actor": self.ref,
            "actor_name": self.name,
        }


UNKNOWN_ACTOR = Actor(ActorKind.UNKNOWN)
HOME_ACTOR = Actor(ActorKind.HOME)


@dataclass(frozen=True, slots=True)
class LockRef:
    """A lock: `id` is what it is known by wherever it goes.

    A Bluetooth address; of a lock that another integration brought, the name of that
    integration, a colon and the unique id that its lock entity has there.
    """

    id: str
    name: str


class AccessKind(StrEnum):
    """What happened at a lock."""

    UNLOCKED = "unlocked"
    LOCKED = "locked"
    OPENED = "opened"
    DENIED = "denied"
    JAMMED = "jammed"
    CODE_ADDED = "code_added"
    CODE_REMOVED = "code_removed"
    DOOR_CLOSED = "door_closed"
    UNKNOWN = "unknown"


class Method(StrEnum):
    """How it was done."""

    HOME_ASSISTANT = "home_assistant"
    KEYPAD = "keypad"
    APP = "app"
    MANUAL = "manual"
    BUTTON = "button"
    AUTOMATIC = "automatic"
    DOOR = "door"
    UNKNOWN = "unknown"


def lets_in(event: str, method: str) -> bool:
    """Tell whether it gave somebody access.

    Not by a door that moved, nor by a lock that did it by itself.
    """
    return event in (AccessKind.UNLOCKED, AccessKind.OPENED) and method not in (
        Method.DOOR,
        Method.AUTOMATIC,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessEvent:
    """One thing that happened at a lock, as the lock or its state told it."""

    lock: str
    event: AccessKind
    method: Method
    actor: Actor = UNKNOWN_ACTOR
    time: datetime
    """When it happened by our clock, UTC."""
    grant: str = ""
    """Id of the grant it happened under, or empty."""
    code_id: int | None = None
    """The lock's own number of the code that was typed."""
    code_name: str = field(default="", repr=False)
    """The lock's name of that code."""
    ours: bool = False
    """The lock says that our own authorization did it."""
    source: str = "lock_log"
    """`lock_log`, `lock_event`, `lock_state` or `command`."""
    lock_index: int = -1
    """Number in the lock's own log, or -1."""
    lock_time: str = ""
    """When it happened by the lock's clock, RFC 3339, or empty."""
    remote: bool = False
    """Somebody asked for it over the air, from here or by another way."""
    alarm: str = ""
    """What the alarm system showed then; empty where there is none, or it is not known."""
    sealed: str = field(default="", repr=False)
    """What only chosen contacts can read in its entry; empty: nothing is said to them."""
    entry: int = -1
    """Number of its entry in the log; -1: it has none yet, or is not durable."""


FRESH = timedelta(seconds=20)
"""A lock may tell of an access hours later: what is so now was not so then."""


class LockError(Exception):
    """A lock did not do what it was asked. The text never holds a secret."""


class LockUnreachable(LockError):
    """Nothing was told to the lock: it was not reached in time."""


class OutcomeUnknown(LockError):
    """The lock may have done it: its answer was lost."""


class Refusal(StrEnum):
    """Why a lock said no. Each is a key of `exceptions` in the translations."""

    PAIRING_LOST = "pairing_lost"
    NOT_PAIRING = "not_pairing"
    TOO_MANY_PAIRED = "too_many_paired"
    WRONG_PIN = "wrong_pin"
    PIN_BLOCKED = "pin_blocked"
    NO_PIN = "no_pin"
    NO_KEYPAD = "no_keypad"
    CODE_EXISTS = "code_exists"
    CODE_INVALID = "code_invalid"
    CODES_FULL = "codes_full"
    CODE_GONE = "code_gone"
    CODE_FORGOTTEN = "code_forgotten"
    """It said yes, and then it was not there."""
    NOT_KEPT = "not_kept"
    """What must be known of it later could not be kept on our disk."""
    NOT_ALLOWED_NOW = "not_allowed_now"
    BUSY = "busy"
    JAMMED = "jammed"
    CANCELED = "canceled"
    NOT_CALIBRATED = "not_calibrated"
    LOW_BATTERY = "low_battery"
    NOT_SUPPORTED = "not_supported"
    NEEDS_CODE = "needs_code"
    OTHER = "other"


class LockRefused(LockError):
    """The lock answered, and the answer is no."""

    def __init__(self, reason: Refusal, detail: str = "") -> None:
        """Keep the reason; `detail` is the maker's own error name, for the log."""
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail


class Capability(Flag):
    """What a lock can do."""

    NONE = 0
    OPEN = auto()
    CODES = auto()
    CODE_WINDOWS = auto()
    """The lock itself ends a code, and begins it."""
    CODE_STATUS = auto()
    """The lock can be asked whether a code is on it."""
    LOCK_LOG = auto()
    """It has a log of its own, which can be read later."""
    EVENTS = auto()
    """It tells what happens as it happens, and cannot be asked later."""


class DoorCommand(StrEnum):
    """What moves a door."""

    LOCK = "lock"
    UNLOCK = "unlock"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeWindow:
    """From when to when a code opens; both UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """On which weekdays and at which times of day a code opens, by the lock's own clock.

    Local time of the lock, whatever the time zone of Home Assistant. Times are whole
    minutes. Raises ValueError for what is no weekday or no whole minute.
    """

    weekdays: frozenset[int] = frozenset()
    """0 to 6 are Monday to Sunday; none: every day."""
    start: time = time()
    end: time = time()
    """No longer at this minute. Equal to `start`: all day; before it: over midnight, where
    the weekday is that of the moment."""

    def __post_init__(self) -> None:
        """Refuse what a lock cannot hold."""
        if not self.weekdays <= frozenset(range(7)):
            raise ValueError("weekdays are 0 to 6")
        if any(
            moment.second or moment.microsecond for moment in (self.start, self.end)
        ):
            raise ValueError("times of day are whole minutes")

    @property
    def bounds(self) -> bool:
        """Tell whether there is any moment of the week at which it does not open."""
        return len(self.weekdays) in range(1, 7) or self.start != self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class LockCode:
    """A code on a lock. Its digits are not part of it."""

    id: int
    name: str
    enabled: bool
    window: CodeWindow | None
    schedule: Schedule | None = None
    """None: at every moment of the window."""
    certain: bool = True
    """False: the lock took it once, and cannot be asked whether it is still there."""


@dataclass(frozen=True, slots=True)
class Action[Room]:
    """An action that a room offers: its fields, and the one call that it is.

    A field called `lock` takes a lock entity and arrives as the lock's id.
    """

    name: str
    fields: Mapping[Any, Any]
    """A voluptuous mapping."""
    run: Callable[[Room, dict[str, Any], Actor], Awaitable[dict[str, Any] | None]]
    responds: bool = True
    """It answers, and is called for its answer."""
    person: bool = False
    """Only a person may ask for it: no automation, no script, no webhook."""


class Wanted(StrEnum):
    """Kinds of what is asked for, and of what goes."""

    ACCESS = "access"
    PICTURES = "pictures"
    CLIPS = "clips"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture or clip that is kept, for who gives it on."""

    seq: int
    """Number of the entry that names it."""
    path: str
    camera: str
    time: datetime
    """When it was taken, UTC."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it is answered: what may go is never more than what it asks for."""

    request: str
    instrument: str
    compelled: bool
    """A court or an office orders it."""
    answerable: bool
    """The owner looks at it, knows from whom it is, and it breaks no rule."""
    documents: int
    """How many of its documents are on record."""
    agency: str = field(repr=False)
    """Its name."""
    agency_type: str
    recipient: str = field(repr=False)
    """For whom what goes is sealed (age); empty: nobody is known."""
    since: datetime
    until: datetime
    kinds: frozenset[Wanted]
    received: datetime
    gag: bool
    record: Mapping[str, Any] = field(repr=False)
    """What it says, as it is given back to who asked, with what proves it in the log."""
