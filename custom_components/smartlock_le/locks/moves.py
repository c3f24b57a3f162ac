"""One move of a bolt is told once, although a lock tells it twice.

Once as a change of its state, which names nobody, and once with who did it and how: in
either order, and some locks never send the second.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from ..models import UNKNOWN_ACTOR, AccessEvent, AccessKind, Actor

TOGETHER = 2.0
"""Seconds in which a change of state and the lock's own word of it belong together."""
_MOVES = (AccessKind.LOCKED, AccessKind.UNLOCKED, AccessKind.OPENED)
LATE = 30.0
"""Seconds in which what was asked for may still show."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked for a move that has not shown yet; actor None: we."""

    kind: AccessKind
    until: float
    actor: Actor | None = None


class Askers:
    """Who asked for what has not shown yet, oldest first."""

    def __init__(self) -> None:
        """Start with nobody."""
        self._asked: list[Asked] = []

    def add(self, kind: AccessKind, actor: Actor | None = None) -> None:
        """Remember who asks now."""
        self._asked = [*self._still(), Asked(kind, _now() + LATE, actor)]

    def _still(self) -> list[Asked]:
        now = _now()
        return [asked for asked in self._asked if asked.until > now]

    def of(self, kind: AccessKind) -> Asked | None:
        """Return who asked for what shows now; it shows once."""
        for asked in self._still():
            if kind in (asked.kind, AccessKind.JAMMED):
                self._asked.remove(asked)
                return asked
        return None

    def forget_us(self) -> None:
        """Expect nothing any more of what we asked for."""
        self._asked = [asked for asked in self._asked if asked.actor]


@dataclass(slots=True, eq=False)
class _Shown:
    """A change of state that waits for the lock to say who it was."""

    event: AccessEvent
    timer: asyncio.TimerHandle | None = None

    def drop(self) -> None:
        """Let it wait no more."""
        if self.timer is not None:
            self.timer.cancel()


class Moves:
    """What a lock tells, each thing once."""

    def __init__(self, tell: Callable[[AccessEvent], None]) -> None:
        """`tell` is called once for each thing that happened."""
        self._tell = tell
        self._waiting: list[_Shown] = []
        self._named: list[tuple[AccessKind, float]] = []
        """What was told with a name, and has not shown as a change yet; when it was."""
        self._jammed_at: float | None = None

    def named(self, event: AccessEvent, *, shows: bool) -> None:
        """Tell what the lock itself tells; `shows`: a change of state belongs to it.

        It tells in order: what shows from before will have no word any more.
        """
        if event.event in _MOVES:
            while self._waiting and self._waiting[0].event.event is not event.event:
                self._waiting[0].drop()
                self._alone(self._waiting[0])
        for shown in self._waiting:
            if shown.event.event is event.event:
                shown.drop()
                self._waiting.remove(shown)
                event = _merged(event, shown.event)
                break
        else:
            if shows:
                self._named.append((event.event, _now()))
        self._tell(event)

    def shown(self, event: AccessEvent, patience: float | None = None) -> None:
        """Take a change of state: it is told by itself where the lock tells nothing.

        `patience`: seconds to wait for that, TOGETHER where it shows as it happens.
        """
        kind = event.event
        if kind is AccessKind.DENIED:
            self.settle()
        kinds = [named for named, _ in self._named]
        if kind in kinds:
            # What came before it, and never showed, never will.
            del self._named[: kinds.index(kind) + 1]
            return
        self.settle()
        if kind is AccessKind.JAMMED:
            # No lock says who it was that could not.
            self._jammed_at = _now()
            self._tell(event)
            return
        waiting = _Shown(event)
        waiting.timer = asyncio.get_running_loop().call_later(
            TOGETHER if patience is None else patience, self._alone, waiting
        )
        self._waiting.append(waiting)

    def came_true(self, kind: AccessKind) -> None:
        """Tell at once of a change that waits: the lock says so too, and names nobody."""
        for shown in list(self._waiting):
            if shown.event.event is kind:
                shown.drop()
                self._alone(shown)
                return

    def came_to_nothing(self) -> None:
        """Tell nothing of the changes that wait: they were asked for, and not done."""
        for shown in self._waiting:
            shown.drop()
        self._waiting.clear()

    def alarm(self, event: AccessEvent, *, shows: bool) -> None:
        """Tell of a jam that an alarm tells of, unless a change of state just did."""
        if self._jammed_at is None or _now() - self._jammed_at > TOGETHER:
            self.named(event, shows=shows)

    def _alone(self, shown: _Shown) -> None:
        self._waiting.remove(shown)
        self._tell(shown.event)

    def settle(self) -> None:
        """Expect no change any more for what was told a while ago."""
        oldest = _now() - TOGETHER
        self._named = [(kind, at) for kind, at in self._named if at > oldest]

    def stop(self) -> None:
        """Tell at once of what waits."""
        for shown in list(self._waiting):
            shown.drop()
            self._alone(shown)


def _merged(named: AccessEvent, shown: AccessEvent) -> AccessEvent:
    """Add to what came over the air who is known to have asked for it."""
    if not named.remote or named.actor is not UNKNOWN_ACTOR:
        return named
    return replace(named, actor=shown.actor, method=shown.method, ours=shown.ours)


def _now() -> float:
    return asyncio.get_running_loop().time()
