"""A code of a person or a guest, and what is known of it on each lock."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
import json
from typing import Any, Self

from ..models import Actor, ActorKind, Capability, CodeWindow
from .models import CLOCK_MARGIN

FIRST = datetime(2000, 1, 1, tzinfo=UTC)
FOREVER = datetime(2099, 12, 31, tzinfo=UTC)
"""End of a code that has none, on a lock that wants one; no time is later."""
NEVER = datetime.max.replace(tzinfo=UTC)
NOW = datetime.min.replace(tzinfo=UTC)
MAX_USES = 1000
MISSING = "missing"
"""Reason: it was on the lock, and was not when we looked again. Put back when asked only."""
OTHER = "?"
"""In place of a hash: something is under our name, but not what we put there."""


class CodeError(Exception):
    """A code cannot be had. `key` is a key of `exceptions` in the translations."""

    def __init__(self, key: str, lock: str = "") -> None:
        """Keep the key, and the name of the lock that is in the way, if one is."""
        super().__init__(key)
        self.key = key
        self.lock = lock


class Holder(StrEnum):
    """Whose code it is."""

    PERSON = "person"
    GUEST = "guest"


class PlacementState(StrEnum):
    """How a code stands on a lock."""

    WAITING = "waiting"
    """It is not its time: not on the lock, as is wanted."""
    PENDING = "pending"
    ACTIVE = "active"
    FAILED = "failed"
    UNVERIFIED = "unverified"
    """The lock's answer was lost: it may be there."""
    REMOVING = "removing"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """When a code opens; all of it must hold."""

    start: datetime | None = None
    end: datetime | None = None
    schedule: str = ""
    """Entity of a Home Assistant schedule or calendar: only while it is on."""
    uses: int = 0
    """How often it opens at all; 0: without limit."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What a schedule says now: open or not, and until when. None: it does not say."""

    on: bool | None
    until: datetime | None = None


ALWAYS = Opening(on=True)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be on a lock: which digits (by their hash), and in which window."""

    digest: str = field(repr=False)
    window: CodeWindow


@dataclass(slots=True, kw_only=True)
class Placement:
    """A code on one lock."""

    lock: str
    marker: str
    """Its name there; kept for life, and with it the number."""
    number: int = -1
    """The lock's own number of it."""
    state: PlacementState = PlacementState.PENDING
    reason: str = ""
    """Why it failed: a `Refusal`, or `unreachable`."""
    digest: str = field(default="", repr=False)
    """Hash of the digits that the lock was told last; empty: nothing of it is there."""
    until: datetime | None = None
    """End of the window that the lock was told last."""
    since: datetime | None = None
    """Start of that window."""
    waiting_since: datetime | None = field(default=None, compare=False)
    """Since when it is not as it should be."""
    tried: Wanted | None = field(default=None, compare=False)
    """What the lock refused last: it is not told the same again."""
    retry_at: datetime = field(default=NOW, compare=False)
    """Not to be touched before, where the lock refused to let go of it."""
    restored: datetime = field(default=NOW, compare=False)
    """When it was last put right after somebody had changed it at the lock."""

    def asked(self) -> None:
        """Try again what failed: somebody changed something, or asks for it."""
        self.tried, self.retry_at = None, NOW
        if self.reason == MISSING:
            self.state, self.reason = PlacementState.PENDING, ""

    @property
    def window(self) -> CodeWindow | None:
        """The window that the lock was told last."""
        if self.since is None or self.until is None:
            return None
        return CodeWindow(start=self.since, end=self.until)

    def told(self, wanted: Wanted) -> None:
        """Note what the lock took."""
        self.digest = wanted.digest
        self.since, self.until = wanted.window.start, wanted.window.end


@dataclass(slots=True, kw_only=True)
class Code:
    """Digits that a person or a guest types; the same on each of its locks."""

    id: str
    """Pseudonym of whoever holds it, too."""
    holder: Holder
    person: str = ""
    """Home Assistant's id of the person; empty: a guest."""
    name: str = field(default="", repr=False)
    """The guest's name; of a person, the last one known."""
    made: datetime
    when: When = When()
    used: int = 0
    digest: str = field(default="", repr=False)
    """Keyed hash of the digits; empty: there are none yet."""
    secret: str = field(default="", repr=False)
    """The digits, encrypted: a lock that is replaced, or whose window begins, is taught again."""
    holder_seq: int = -1
    """The entry that says whose it is."""
    ended: bool = False
    """Its time or its uses were over once; a clock that goes back does not bring it back."""
    removing: bool = False
    """It was taken away; it stays here until no lock has it."""
    places: dict[str, Placement] = field(default_factory=dict)
    """By lock, those that it leaves included."""
    locks: frozenset[str] = frozenset()
    """Where it is to open."""

    @property
    def actor(self) -> Actor:
        """Who types it."""
        kind = ActorKind.RESIDENT
        if self.holder is Holder.GUEST:
            kind = ActorKind.GUEST
        return Actor(kind, self.id, self.name)

    def over(self, now: datetime) -> bool:
        """Tell whether it opens never again, unless it is changed."""
        when = self.when
        return (
            self.removing
            or self.ended
            or (when.end is not None and when.end <= now)
            or (when.uses > 0 and self.used >= when.uses)
        )

    def wanted(
        self, lock: str, capabilities: Capability, opening: Opening, now: datetime
    ) -> Wanted | None:
        """Return what is to be on a lock now; None: nothing.

        A lock that keeps windows itself gets them ahead of time, with a margin for its
        clock; one that does not has the code just as long as it may open.
        """
        when = self.when
        if lock not in self.locks or not self.digest or not opening.on:
            return None
        if self.over(now):
            return None
        # By a clock that was ahead then it may not be made yet.
        start = when.start or min(self.made, now)
        end = min(when.end or FOREVER, opening.until or FOREVER)
        if Capability.CODE_WINDOWS not in capabilities and now < start:
            return None
        if end <= now:
            return None
        return Wanted(self.digest, CodeWindow(start=start - CLOCK_MARGIN, end=end))

    def next_edge(self, now: datetime) -> datetime:
        """Return when its time begins or ends next; NEVER: not by itself."""
        edges = (self.when.start, self.when.end)
        return min((e for e in edges if e is not None and e > now), default=NEVER)

    # Rows

    def as_row(self) -> dict[str, Any]:
        """Return its row of the table."""
        return {
            "id": self.id,
            "holder": self.holder.value,
            "person": self.person,
            "name": self.name,
            "made": _seconds(self.made),
            "start": _seconds(self.when.start),
            "end": _seconds(self.when.end),
            "schedule": self.when.schedule,
            "uses": self.when.uses,
            "used": self.used,
            "digest": self.digest,
            "secret": self.secret,
            "locks": json.dumps(sorted(self.locks)),
            "holder_seq": self.holder_seq,
            "ended": int(self.ended),
            "removing": int(self.removing),
        }

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Self:
        """Read what `as_row` wrote; the places come apart."""
        return cls(
            id=row["id"],
            holder=Holder(row["holder"]),
            person=row["person"],
            name=row["name"],
            made=_moment(row["made"]) or FOREVER,
            when=When(
                start=_moment(row["start"]),
                end=_moment(row["end"]),
                schedule=row["schedule"],
                uses=row["uses"],
            ),
            used=row["used"],
            digest=row["digest"],
            secret=row["secret"],
            locks=frozenset(json.loads(row["locks"])),
            holder_seq=row["holder_seq"],
            ended=bool(row["ended"]),
            removing=bool(row["removing"]),
        )

    def place_row(self, place: Placement) -> dict[str, Any]:
        """Return the row of one of its places."""
        return {
            "code": self.id,
            "lock": place.lock,
            "marker": place.marker,
            "number": place.number,
            "state": place.state.value,
            "reason": place.reason,
            "digest": place.digest,
            "since": _seconds(place.since),
            "until": _seconds(place.until),
        }

    def take_place(self, row: dict[str, Any]) -> None:
        """Read what `place_row` wrote."""
        state = PlacementState(row["state"])
        if state is PlacementState.PENDING and row["digest"]:
            # We stopped between telling the lock and its answer.
            state = PlacementState.UNVERIFIED
        self.places[row["lock"]] = Placement(
            lock=row["lock"],
            marker=row["marker"],
            number=row["number"],
            state=state,
            reason=row["reason"],
            digest=row["digest"],
            since=_moment(row["since"]),
            until=_moment(row["until"]),
        )


def _seconds(moment: datetime | None) -> int:
    """Return Unix seconds, -1 for none."""
    return -1 if moment is None else int(moment.timestamp())


def _moment(seconds: int) -> datetime | None:
    return None if seconds < 0 else datetime.fromtimestamp(seconds, UTC)
