"""A link for responders, and what it needs of the house."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
import hashlib
import json
import math
import secrets
import time
from typing import Any, Protocol, Self

from ..models import Actor, ActorKind, new_id, utc_now

DEFAULT_MINUTES = 60
CODE_SECONDS = 600.0
"""How long a code may be said."""
MOST_TRIES = 5
MOST_VISITS = 100
"""So many telephones may have a link open; who has said the code is not counted."""
MOST_VIEWS = 20
"""So many new views in a minute are entered one by one; of more only that there are."""
MOST_CODES = 3
"""So many codes of one link for one keypad: they take the places of others."""
_DIGITS = 6


def digest(secret: str) -> str:
    """Return what is kept of a secret that nobody can guess."""
    return hashlib.sha256(secret.encode()).hexdigest()


class LinkError(Exception):
    """It cannot be done; `key` is a key of `exceptions` in the translations."""

    def __init__(self, key: str) -> None:
        """Keep the key."""
        super().__init__(key)
        self.key = key


class Event(StrEnum):
    """What becomes of a link."""

    MADE = "made"
    CODE_MADE = "code_made"
    VIEWED = "viewed"
    CONFIRMED = "confirmed"
    WRONG_CODE = "wrong_code"
    CODE_BURNED = "code_burned"
    PRESSED = "pressed"
    CROWDED = "crowded"
    OPENED = "opened"
    NOT_OPENED = "not_opened"
    CODE_SHOWN = "code_shown"
    PICTURED = "pictured"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    INCIDENT_OVER = "incident_over"

    @property
    def last(self) -> bool:
        """Tell whether nothing comes after it."""
        return self in (Event.WITHDRAWN, Event.EXPIRED, Event.INCIDENT_OVER)


@dataclass(slots=True)
class Spoken:
    """A code that is said at the door. In memory alone: it lives for minutes."""

    digits: str = field(repr=False)
    until: float
    """By `time.monotonic`."""
    tries: int = 0

    @classmethod
    def new(cls) -> Self:
        """Return one that nobody knows."""
        number = secrets.randbelow(10**_DIGITS)
        return cls(f"{number:0{_DIGITS}}", time.monotonic() + CODE_SECONDS)

    @property
    def good(self) -> bool:
        """Tell whether it may still be said."""
        return self.tries < MOST_TRIES and time.monotonic() < self.until


@dataclass(slots=True, eq=False, kw_only=True)
class Link:
    """An address that one crew is given."""

    id: str = field(default_factory=new_id)
    digest: str = field(repr=False)
    """Of its token, which is kept nowhere."""
    agency: str
    reason: str
    incident: str
    """With which it ends; empty: with none."""
    start: datetime = field(default_factory=lambda: utc_now().replace(microsecond=0))
    end: datetime
    asks_code: bool
    doors: dict[str, str] = field(default_factory=dict)
    """By lock, the grant by which it is opened."""
    codes: dict[str, str] = field(default_factory=dict)
    """By the grants of codes that were shown, their locks."""
    passes: list[str] = field(default_factory=list, repr=False)
    """Digests of the visits that said the code."""
    visits: dict[str, None] = field(default_factory=dict, repr=False)
    """Digests of the visits since the start of Home Assistant, the oldest first."""
    views: deque[float] = field(
        default_factory=lambda: deque(maxlen=MOST_VIEWS), repr=False
    )
    """When it was opened last, by `time.monotonic`."""
    crowded: float = -math.inf
    """When it was entered last that too many open it, by that clock."""
    deadline: float = 0.0
    """When it ends at the latest, by that clock: nobody sets it."""
    over: bool = False
    """Nothing is shown or opened by it any more."""
    spoken: Spoken | None = field(default=None, repr=False)
    busy: set[str] = field(default_factory=set, repr=False)
    """What is being done: a second press at the same time is the same press."""

    def __post_init__(self) -> None:
        """Find the end by the clock that nobody sets."""
        left = min(self.end - utc_now(), self.end - self.start).total_seconds()
        self.deadline = time.monotonic() + left

    @property
    def left(self) -> float:
        """Seconds until it is over; of the two clocks the one that is ahead says so."""
        by_wall = (self.end - utc_now()).total_seconds()
        return min(by_wall, self.deadline - time.monotonic())

    @property
    def good(self) -> bool:
        """Tell whether it is not over; while something is awaited it may end."""
        return not self.over and self.left > 0

    def knows(self, visit: str) -> bool:
        """Tell whether a visit has looked before."""
        known = digest(visit)
        return known in self.visits or known in self.passes

    def visited(self, visit: str) -> None:
        """Remember a visit; the oldest is forgotten where there are too many."""
        self.visits[digest(visit)] = None
        if len(self.visits) > MOST_VISITS:
            del self.visits[next(iter(self.visits))]

    @property
    def actor(self) -> Actor:
        """Whoever has the link."""
        return Actor(ActorKind.RESPONDER, self.id, self.agency)

    def trusts(self, visit: str) -> bool:
        """Tell whether a visit is shown all."""
        known = digest(visit)
        if self.asks_code:
            return known in self.passes
        return known in self.visits

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Do something that is not done twice at once. Raises LinkError."""
        if what in self.busy:
            raise LinkError("busy")
        self.busy.add(what)
        try:
            yield
        finally:
            self.busy.discard(what)

    def door(self, grant: str) -> str | None:
        """Return the lock that a grant opens, or None."""
        return next((lock for lock, one in self.doors.items() if one == grant), None)

    def as_row(self) -> dict[str, Any]:
        """Return its row."""
        return {
            "id": self.id,
            "digest": self.digest,
            "agency": self.agency,
            "reason": self.reason,
            "incident": self.incident,
            "start": int(self.start.timestamp()),
            "end": int(self.end.timestamp()),
            "asks_code": int(self.asks_code),
            "doors": json.dumps(self.doors),
            "codes": json.dumps(self.codes),
            "passes": json.dumps(self.passes),
        }

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Self:
        """Read what `as_row` wrote. Raises ValueError, TypeError."""
        lists = {name: json.loads(row[name]) for name in ("doors", "codes", "passes")}
        if [type(one) for one in lists.values()] != [dict, dict, list]:
            raise ValueError("not as we write it")
        return cls(
            **{
                **row,
                **lists,
                "start": datetime.fromtimestamp(row["start"], UTC),
                "end": datetime.fromtimestamp(row["end"], UTC),
                "asks_code": bool(row["asks_code"]),
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRequest:
    """What the owner asks for."""

    agency: str
    reason: str
    locks: tuple[str, ...]
    asks_code: bool = True
    minutes: int = DEFAULT_MINUTES


@dataclass(frozen=True, slots=True)
class Made:
    """A new link. Token and code are shown once and kept nowhere."""

    link: Link
    token: str = field(repr=False)
    code: str = field(repr=False)
    """Empty: none is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A door, as it is now."""

    name: str
    bolt: str
    door_open: bool | None
    """None: nothing tells."""
    reachable: bool
    takes_codes: bool


class House(Protocol):
    """What links need of the house; its errors are those of locks and grants."""

    def door(self, lock: str) -> Door | None:
        """Return a door, if its lock is in the home."""

    async def let_in(self, link: Link, lock: str) -> str:
        """Open a grant by which a door can be opened; return its id."""

    async def press(self, grant: str) -> None:
        """Open the door of a grant."""

    async def keypad_code(self, link: Link, lock: str) -> tuple[str, str]:
        """Put a code on a lock; return its grant and its digits."""

    async def end(self, grant: str) -> None:
        """End a grant, if it is open. Raises nothing: the others are to end, too."""

    async def picture(self, camera: str) -> bytes | None:
        """Return a picture of now as JPEG, or None."""

    def cameras(self) -> dict[str, str]:
        """Return the cameras that may be looked through now: their names, by id."""

    def incident(self) -> str:
        """Return the id of the newest open incident, or nothing."""

    async def over(self, digest: str) -> None:
        """Remember, apart from the log, that a link is over."""

    def is_over(self, digest: str) -> bool:
        """Tell whether that was remembered."""


type Tell = Callable[[Link, Event, str], None]
"""Tells the owner: of a link, what, and at which door or camera."""
