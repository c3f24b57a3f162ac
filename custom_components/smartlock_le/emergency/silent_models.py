"""What a silent incident is, and how it is kept."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
import math
import secrets
from typing import Any, Self

from ..models import Actor, ActorKind, new_id, utc_now
from .channels import cap
from .models import Kind, Signal, Source, Stage, Way, What, level_of


def _now() -> datetime:
    return utc_now().replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class Step:
    """One entry that is held back."""

    event: str
    stage: Stage
    actor: Actor
    when: datetime = field(default_factory=_now)
    detail: str = field(default="", kw_only=True)
    contact: str = field(default="", kw_only=True)

    def as_json(self) -> dict[str, Any]:
        """Return what is kept."""
        return {
            **asdict(self),
            "when": self.when.isoformat(),
            "stage": self.stage.value,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return what was kept. Raises TypeError, ValueError, KeyError."""
        actor = data["actor"]
        return cls(
            data["event"],
            Stage(data["stage"]),
            Actor(ActorKind(actor["kind"]), actor["ref"], actor["name"]),
            datetime.fromisoformat(data["when"]),
            detail=data["detail"],
            contact=data["contact"],
        )


@dataclass(slots=True, eq=False, kw_only=True)
class Telling:
    """Something that one of those is to hear."""

    what: What
    number: int
    """By what a centre knows one that comes again."""
    id: str = field(default_factory=new_id)
    """The same for a server."""
    made: datetime = field(default_factory=_now)
    tried: bool = False
    """It may have arrived, whatever is known of it."""
    source: Source | None = None
    """What raised it; None: nobody ended it, and that is said again."""
    to: str = ""
    """The centre or the server that it is for: another one is not told."""

    def signal(
        self, silent: Silent, way: Way, sender: str, *, exercise: bool = False
    ) -> Signal:
        """Return it as it goes to a centre or a server, from this sender."""
        before = silent.heard.get(way, []) if way is Way.WEBHOOK else []
        return Signal(
            id=self.id,
            incident=silent.id,
            kind=silent.kind,
            what=self.what,
            number=self.number,
            made=self.made,
            way=way,
            raised=silent.raised,
            refers=" ".join(cap.reference(one, sender) for one in before),
            exercise=exercise,
        )

    def as_json(self) -> dict[str, Any]:
        """Return what is kept."""
        return {**asdict(self), "made": self.made.isoformat()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return what was kept. Raises TypeError, ValueError, KeyError."""
        made, source = datetime.fromisoformat(data["made"]), data["source"]
        return cls(
            **{
                **data,
                "what": What(data["what"]),
                "made": made,
                "source": None if source is None else Source(source),
            }
        )


@dataclass(slots=True, eq=False, kw_only=True)
class Silent:
    """One cause that is handled in silence."""

    id: str = field(default_factory=new_id)
    kind: Kind
    source: Source
    raised: datetime = field(default_factory=_now)
    over: bool = False
    nonces: dict[str, str] = field(default_factory=dict, repr=False)
    """By contact, with what they say that it is over."""
    steps: list[Step] = field(default_factory=list, repr=False)
    """What is not entered yet."""
    waiting: dict[str, list[Telling]] = field(default_factory=dict)
    """What each is still to hear: a contact by their id, or a `Way`."""
    heard: dict[str, list[Telling]] = field(default_factory=dict)
    """What each has heard, or may have."""
    asked: float = -math.inf
    """When they were told last because somebody asked, by that clock."""
    wiped: dict[str, float] = field(default_factory=dict)
    """When each contact last wiped a message away, by that clock."""
    entering: bool = False
    """What was held back is being entered."""

    @property
    def stage(self) -> Stage:
        """How far it is: nothing waits for anybody's word."""
        if self.over:
            return Stage.CLOSED
        return Stage.SIGNALLED if self.heard.get(Way.CENTRE) else Stage.CONFIRMED

    @property
    def done(self) -> bool:
        """Tell whether it is over, all know it, and all is entered."""
        return self.over and not self.steps and not any(self.waiting.values())

    def drop(self, which: Callable[[Telling], bool]) -> list[str]:
        """Let some of what waits be heard by nobody; return who would have heard it."""
        dropped = []
        for target, waiting in list(self.waiting.items()):
            left = [one for one in waiting if not which(one)]
            dropped += [target] * (len(waiting) - len(left))
            self.waiting[target] = left
            if not left:
                del self.waiting[target]
        return dropped

    def let_end(self, contact: str) -> None:
        """Let a contact say that it is over."""
        self.nonces.setdefault(contact, secrets.token_hex(16))

    def whose(self, nonce: str) -> str | None:
        """Return the contact who can say so by this."""
        found = (one for one, known in self.nonces.items() if known == nonce)
        return next(found, None)

    def fields(self, step: Step) -> dict[str, str | int]:
        """Return what an entry says of a step."""
        return {
            "incident": self.id,
            "event": step.event,
            "cause": self.kind.value,
            "stage": step.stage.value,
            "source": self.source.value,
            "level": int(level_of(self.kind, frozenset({self.source}))),
            "contact": step.contact,
            "detail": step.detail,
        }

    def as_json(self) -> dict[str, Any]:
        """Return what is kept."""

        def told(by_target: Mapping[str, list[Telling]]) -> dict[str, Any]:
            return {
                target: [one.as_json() for one in found]
                for target, found in by_target.items()
                if found
            }

        return {
            "id": self.id,
            "kind": self.kind.value,
            "source": self.source.value,
            "raised": int(self.raised.timestamp()),
            "over": self.over,
            "nonces": dict(self.nonces),
            "steps": [step.as_json() for step in self.steps],
            "waiting": told(self.waiting),
            "heard": told(self.heard),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return what was kept. Raises TypeError, ValueError, KeyError."""

        def told(by_target: Mapping[str, Any]) -> dict[str, list[Telling]]:
            return {
                target: [Telling.from_json(one) for one in found]
                for target, found in by_target.items()
            }

        return cls(
            id=data["id"],
            kind=Kind(data["kind"]),
            source=Source(data["source"]),
            raised=datetime.fromtimestamp(data["raised"], UTC),
            over=bool(data["over"]),
            nonces=dict(data["nonces"]),
            steps=[Step.from_json(one) for one in data["steps"]],
            waiting=told(data["waiting"]),
            heard=told(data["heard"]),
        )
