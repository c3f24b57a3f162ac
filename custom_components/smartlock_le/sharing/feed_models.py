"""A feed: what one agency is told of one incident, as it goes on, until it is over."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
import hashlib
from typing import Any, Protocol, Self

import orjson

from ..models import Actor, new_id, utc_now
from ..whole import Spawn

PREVIEW_LIFE = timedelta(minutes=15)
"""After that the owner looks again."""
LIFE = timedelta(hours=12)
"""How long an agency is told at most by one approval."""
MAX_PLACE = 200
"""Characters of where the house is."""


class Step(StrEnum):
    """What is said of an incident."""

    ALARM = "alarm"
    RECEIVED = "received"
    """A monitoring centre has it."""
    COMING = "coming"
    """Somebody whom the house called is on the way."""
    THERE = "there"
    CANCELLED = "cancelled"
    CLOSED = "closed"
    QUIET = "quiet"
    """It is over, and that must not be said: somebody was forced to end it, or may have been."""

    @property
    def over(self) -> bool:
        """Tell whether nothing comes after it."""
        return self in (Step.CANCELLED, Step.CLOSED)


SAID: tuple[Step, ...] = tuple(step for step in Step if step is not Step.QUIET)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One of them."""

    id: str = field(default_factory=new_id)
    incident: str
    cause: str
    raised: datetime
    home: str
    """Whose it is: a home that is made anew keeps the log, and no approval."""
    agency: str
    agency_type: str
    name: str = field(default="", repr=False)
    """What the agency is called, for who looks."""
    to: str
    """What their server is called in the network."""
    place: str = field(repr=False)
    """Where the house is, in the owner's words."""
    preview: str = ""
    """SHA-256 of all that an approval lets go."""
    made: datetime = field(default_factory=lambda: utc_now().replace(microsecond=0))
    """When the owner looked at it; of one that was approved, when that was."""
    end: int
    """The number that the next entry of the log had when it was made."""
    approved_by: str = field(default="", repr=False)
    """Who approved first; of one that waits for a second person."""
    step: Step | None = None
    """What was said last."""
    taken: bool = False
    """They have it."""
    message: str = ""
    """By what they know it again if it comes twice."""
    said: datetime | None = None
    refers: str = ""
    """What was said before, as CAP refers to it."""

    def is_current(self, now: datetime, life: timedelta) -> bool:
        """Tell whether its time is not over; by a clock that went back nobody knows."""
        return timedelta(0) <= now - self.made < life

    def saying(self, step: Step, before: str) -> Self:
        """Return it with something new to say, which refers to what was said before."""
        return replace(
            self,
            step=step,
            taken=False,
            message=new_id(),
            said=utc_now().replace(microsecond=0),
            refers=f"{self.refers} {before}".strip(),
        )

    def entry(self, event: str, actor: Actor, detail: str = "") -> dict[str, str | int]:
        """Return the fields of an entry about it: no name."""
        return {
            "feed": self.id,
            "event": event,
            "incident": self.incident,
            "agency": self.agency,
            "agency_type": self.agency_type,
            "step": self.step or "",
            "preview": self.preview,
            "detail": detail,
            **actor.fields(),
            "actor_name": "",
        }

    def as_row(self) -> dict[str, Any]:
        """Return it as the store keeps it."""
        return {"id": self.id, "said": orjson.dumps(asdict(self)).decode()}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Read what the store keeps."""
        kept = orjson.loads(row["said"])
        times = {
            name: datetime.fromisoformat(kept[name]).astimezone(UTC)
            for name in ("raised", "made", "said")
            if kept[name]
        }
        step = Step(kept["step"]) if kept["step"] else None
        return cls(**{**kept, **times, "step": step})


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearer:
    """An agency that the owner called back, and the server of which it told then."""

    agency: str
    name: str
    type: str
    facts: str
    """Digest of all that was confirmed of it."""
    url: str = field(repr=False)
    host: str
    """What its server is called in the network."""
    send: Callable[[str, bytes], Awaitable[str]] = field(repr=False)
    """Gives it a message with an id; returns why it is not taken, or nothing."""


@dataclass(frozen=True, slots=True)
class Preview:
    """All that an approval lets go, byte for byte but for number, time and reference."""

    feed: Feed
    hearer: Hearer
    messages: Mapping[Step, bytes] = field(repr=False)

    @property
    def sha256(self) -> str:
        """What an approval names."""
        feed, hearer = self.feed, self.hearer
        said = {
            "feed": feed.id,
            "home": feed.home,
            "incident": feed.incident,
            "agency": hearer.agency,
            "name": hearer.name,
            "facts": hearer.facts,
            "server": hashlib.sha256(hearer.url.encode()).hexdigest(),
            "place": feed.place,
            "messages": {
                step.value: body.decode() for step, body in self.messages.items()
            },
        }
        option = orjson.OPT_SORT_KEYS
        return hashlib.sha256(orjson.dumps(said, option=option)).hexdigest()


class House(Protocol):
    """What a feed needs of the home."""

    spawn: Spawn
    home: str
    """What this home is known by."""

    def sharing(self) -> bool:
        """Tell whether sharing is on."""

    def second(self) -> bool:
        """Tell whether the owner wants a second person to approve."""

    async def hearer(self, agency: str) -> Hearer:
        """Return an agency that may hear. Raises ReleaseError, LogUnavailable."""

    def begun(self, incident: str) -> tuple[str, datetime]:
        """Return what an incident that is open is, and since when. Raises ReleaseError."""

    def step(self, incident: str) -> Step | None:
        """Return how far an incident is; None: that is not known yet."""

    def message(self, feed: Feed, step: Step) -> bytes:
        """Return what is said of a step, as CAP; as it is looked at where there is no id."""

    def reference(self, feed: Feed) -> str:
        """Return by what a later message refers to the last one, if there is one."""

    async def over(self, feed: str) -> bool:
        """Keep elsewhere that one is over, if it can: the log does not take it now."""

    def is_over(self, feed: str) -> bool:
        """Tell whether that was kept elsewhere."""

    def changed(self) -> None:
        """Hear that there is one more, or one less, or more is said."""
