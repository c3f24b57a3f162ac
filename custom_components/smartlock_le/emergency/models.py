"""What an incident is, and what is told of it."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
import json
import time
from typing import Any, Self

from ..models import new_id, utc_now


class Kind(StrEnum):
    """What is wrong."""

    POLICE = "police"
    FIRE = "fire"
    MEDICAL = "medical"
    GAS = "gas"
    BURGLARY = "burglary"
    DURESS = "duress"
    """Somebody was forced; nobody in the house sees that it is known."""
    SILENT = "silent"
    """Somebody asked for help and for quiet; the same."""

    @property
    def hidden(self) -> bool:
        """Tell whether only those hear of it whom the owner chose for that."""
        return self in (Kind.DURESS, Kind.SILENT)

    @property
    def needs_pin(self) -> bool:
        """Tell whether only a resident's PIN says that it is over.

        Whoever frightens people could say as well that all is fine.
        """
        return self in (Kind.POLICE, Kind.BURGLARY)


class Source(StrEnum):
    """From where it is known."""

    VOICE = "voice"
    BUTTON = "button"
    PANEL = "panel"
    ACTION = "action"
    ALARM_SYSTEM = "alarm_system"
    SENSOR = "sensor"
    DOOR = "door"
    """It opened although its lock is locked."""
    DRILL = "drill"
    """Nothing is wrong: it is rehearsed."""
    CODE = "code"
    """The code of a door, one that means duress."""

    @property
    def by_a_person(self) -> bool:
        """Tell whether somebody asked for help, and no device on its own."""
        return self not in (Source.ALARM_SYSTEM, Source.SENSOR, Source.DOOR)


class Level(IntEnum):
    """How bad it looks, as TMA-AVS-01 counts; the centre decides, not we."""

    UNKNOWN = 1
    """An alarm, and nothing that says more."""
    SOMEBODY = 2
    PROPERTY = 3
    LIFE = 4


def level_of(kind: Kind, sources: frozenset[Source]) -> Level:
    """Return how bad it looks by what tells of it."""
    if kind is not Kind.BURGLARY or any(one.by_a_person for one in sources):
        return Level.LIFE
    # Two that do not know of each other.
    return Level.SOMEBODY if len(sources) > 1 else Level.UNKNOWN


class Stage(StrEnum):
    """How far it is."""

    RAISED = "raised"
    CONFIRMED = "confirmed"
    SIGNALLED = "signalled"
    ACKNOWLEDGED = "acknowledged"
    ON_SCENE = "on_scene"
    CLOSED = "closed"
    CANCELLED = "cancelled"

    @property
    def over(self) -> bool:
        """Tell whether nothing comes after it."""
        return self in (Stage.CLOSED, Stage.CANCELLED)


_ORDER = list(Stage)
LONGEST_PAUSE = 120.0
"""Seconds after which a contact is told again at most."""


class What(StrEnum):
    """What a signal says of an incident."""

    ALARM = "alarm"
    CANCEL = "cancel"
    """Somebody at home says that it was none, or is over."""
    RESTORE = "restore"
    """It was dealt with."""
    TEST = "test"


TOO_OLD = timedelta(hours=12)
"""What was not told for so long is not news: a copy may have been restored."""


CLOCK = timedelta(minutes=5)
"""So far behind a lock's clock may be: one that is missed is worse than one too many."""


def too_old(moment: datetime) -> bool:
    """Tell whether it is too late to hear first of what was then."""
    return utc_now() - moment > TOO_OLD


class Way(StrEnum):
    """By what a signal goes out."""

    CENTRE = "centre"
    WEBHOOK = "webhook"
    NOONLIGHT = "noonlight"


class EmergencyError(Exception):
    """It cannot be done; `key` is a key of `exceptions` in the translations."""

    def __init__(self, key: str) -> None:
        """Keep the key."""
        super().__init__(key)
        self.key = key


class Reply(StrEnum):
    """What a contact can answer from their telephone."""

    COMING = "coming"
    THERE = "there"
    OVER = "over"
    FALSE = "false"
    """A false alarm."""


@dataclass(slots=True, eq=False, kw_only=True)
class Incident:
    """One cause that is being handled, from the first word to its close."""

    id: str = field(default_factory=new_id)
    kind: Kind
    sources: tuple[Source, ...]
    """In the order in which they told."""
    stage: Stage = Stage.RAISED
    raised: datetime = field(default_factory=lambda: utc_now().replace(microsecond=0))
    window: timedelta = timedelta()
    """How long it waits before the centre is told."""
    confirmed: bool = False
    """The window is over, or somebody said that it is real."""
    signalled: bool = False
    """The centre said that it received the alarm."""
    confirm_by: float = field(default_factory=time.monotonic)
    """When the window is over, by a clock that nobody sets."""
    call_by: float | None = None
    """When the next contact is told, by that clock; None: no more."""
    calls: dict[str, int] = field(default_factory=dict)
    """By contact, how often they were told since somebody asked last."""
    arrived: set[str] = field(default_factory=set)
    """Contacts whose telephone says that it has the message."""
    told: dict[str, str] = field(default_factory=dict)
    """By contact, how it stands: `sent`, `unsure`, `failed`, or what they answered."""
    news: list[str] = field(default_factory=list)
    """Contacts who have not heard yet that it is over, and heard of it before."""
    ending: bool = False
    """Somebody said that it is over: who asks for help now means something new."""
    called: float = 0.0
    """When contacts were told last because somebody asked, by that clock."""
    alarmed: float = 0.0
    """When the centre was to hear of it last, by that clock."""
    nonces: dict[str, str] = field(default_factory=dict, repr=False)
    """Each is good for one answer: contact and what it says."""
    changing: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    @property
    def until(self) -> datetime:
        """When the centre is told."""
        return self.raised + self.window

    @property
    def next_step(self) -> float | None:
        """When something is due, by `time.monotonic`; None: it waits for somebody."""
        steps = [] if self.confirmed else [self.confirm_by]
        if self.call_by is not None:
            steps.append(self.call_by)
        return min(steps, default=None)

    @property
    def level(self) -> Level:
        """How bad it looks."""
        return level_of(self.kind, frozenset(self.sources))

    def reached(self, stage: Stage) -> bool:
        """Tell whether it is at a stage, or past it."""
        return _ORDER.index(self.stage) >= _ORDER.index(stage)

    def come_to(self, stage: Stage) -> None:
        """Bring it to a stage, unless it is past that."""
        if not self.reached(stage):
            self.stage = stage

    def as_row(self) -> dict[str, Any]:
        """Return its row."""
        call_at = -1
        if self.call_by is not None:
            call_at = int(utc_now().timestamp() + self.call_by - time.monotonic())
        return {
            "id": self.id,
            "kind": self.kind.value,
            "sources": " ".join(self.sources),
            "stage": self.stage.value,
            "raised": int(self.raised.timestamp()),
            "window": int(self.window.total_seconds()),
            "confirmed": int(self.confirmed),
            "signalled": int(self.signalled),
            "call_at": call_at,
            "calls": json.dumps(self.calls),
            "told": json.dumps(self.told),
            "news": " ".join(self.news),
            "nonces": json.dumps(self.nonces),
        }

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Self:
        """Return the incident of a row; who raised it is in the log. Raises ValueError."""
        now, clock = utc_now().timestamp(), time.monotonic()

        def by(moment: int, most: float) -> float:
            """Return when that is; never later than it could be, whatever was set."""
            return clock + min(max(moment - now, 0.0), most)

        call_at, window = row["call_at"], row["window"]
        return cls(
            id=row["id"],
            kind=Kind(row["kind"]),
            sources=tuple(map(Source, row["sources"].split())),
            stage=Stage(row["stage"]),
            raised=datetime.fromtimestamp(row["raised"], UTC),
            window=timedelta(seconds=row["window"]),
            confirmed=bool(row["confirmed"]),
            signalled=bool(row["signalled"]),
            confirm_by=by(row["raised"] + window, window),
            call_by=None if call_at < 0 else by(call_at, LONGEST_PAUSE),
            calls=json.loads(row["calls"]),
            told=json.loads(row["told"]),
            news=row["news"].split(),
            nonces=json.loads(row["nonces"]),
        )


_NEVER = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """What is to be told to a monitoring centre."""

    id: str = field(default_factory=new_id)
    incident: str = ""
    """Empty: of none, a test."""
    kind: Kind = Kind.POLICE
    what: What
    number: int = 0
    """Their order, and by what the receiver knows one that comes again; 0: none."""
    made: datetime = field(default_factory=lambda: utc_now().replace(microsecond=0))
    way: Way = Way.CENTRE
    raised: datetime = _NEVER
    """When its incident was; a monitoring centre has no word for that."""
    refers: str = ""
    """What was told before of it: as CAP refers to that, or the id that Noonlight gave."""

    exercise: bool = False
    """Of a drill: it never goes out as anything else; a drill does not outlive a restart."""

    def by_its_way(self, reason: str) -> str:
        """Return why it is not heard, for the log: of the centre alone the reason."""
        return reason if self.way is Way.CENTRE else f"{self.way} {reason}"

    def as_row(self) -> dict[str, Any]:
        """Return its row, in the table of its way."""
        row: dict[str, Any] = {
            "id": self.id,
            "incident": self.incident,
            "kind": self.kind.value,
            "what": self.what.value,
            "number": self.number,
            "made": int(self.made.timestamp()),
        }
        if self.way is not Way.CENTRE:
            row["raised"] = int(self.raised.timestamp())
            row["refers"] = self.refers
        return row

    @classmethod
    def from_row(cls, row: dict[str, Any], way: Way = Way.CENTRE) -> Self:
        """Return the signal of a row."""
        return cls(
            id=row["id"],
            incident=row["incident"],
            kind=Kind(row["kind"]),
            what=What(row["what"]),
            number=row["number"],
            made=datetime.fromtimestamp(row["made"], UTC),
            way=way,
            raised=datetime.fromtimestamp(row.get("raised", 0), UTC),
            refers=row.get("refers", ""),
        )
