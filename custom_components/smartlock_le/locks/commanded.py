"""Commands of ours that the lock's own log will tell of: whose is which entry."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ..models import (
    HOME_ACTOR,
    UNKNOWN_ACTOR,
    AccessEvent,
    AccessKind,
    Actor,
    DoorCommand,
    Method,
    utc_now,
)

_KINDS = {
    DoorCommand.LOCK: AccessKind.LOCKED,
    DoorCommand.UNLOCK: AccessKind.UNLOCKED,
    DoorCommand.OPEN: AccessKind.OPENED,
}
_MOST = 8


@dataclass(slots=True, eq=False)
class Commanded:
    """A command of ours that the lock's own log will tell of."""

    kind: AccessKind
    actor: Actor
    grant: str
    begun: datetime
    ended: datetime | None = None
    """It is over: a reading that begins now tells of it, or nothing ever will."""
    unsure: bool = False
    """It is over for us, and the lock may still be at it."""
    told: bool = False
    """It did, and the door moved."""

    def end(self) -> None:
        """Let it be over."""
        self.ended = utc_now()

    @property
    def certain(self) -> bool:
        """Tell whether the lock is known to have carried it out."""
        return self.ended is not None and not self.unsure

    def apart(self, moment: datetime) -> timedelta:
        """Return how far `moment` is from the time that it took; none within it."""
        over = max(self.ended or moment, self.begun)
        return max(self.begun - moment, moment - over, timedelta(0))


class CommandedList:
    """The last of them, oldest first."""

    def __init__(self) -> None:
        """Start with none."""
        self._items: deque[Commanded] = deque(maxlen=_MOST)

    def __len__(self) -> int:
        """Count those that were not told of yet."""
        return len(self._items)

    def __iter__(self) -> Iterator[Commanded]:
        """Give them in the order of their beginning."""
        return iter(tuple(self._items))

    def begin(self, command: DoorCommand, actor: Actor, grant: str) -> Commanded:
        """Remember a command that is given now."""
        item = Commanded(_KINDS[command], actor, grant, utc_now())
        self._items.append(item)
        return item

    def forget(self, item: Commanded) -> None:
        """Expect no word of it any more."""
        if item in self._items:
            self._items.remove(item)

    def older(self, seconds: float) -> list[Commanded]:
        """Return those that were over so long ago that nobody tells of them any more."""
        over = utc_now() - timedelta(seconds=seconds)
        return [item for item in self if item.ended and item.ended < over]

    def claim(self, events: list[AccessEvent]) -> list[AccessEvent]:
        """Mark as ours what was done over the air, by nobody who is known, as we asked.

        Only a lock without a log of its own needs that: it does not say who sent it.
        """
        asked = {item.kind for item in self}
        return [
            replace(event, ours=True)
            if event.remote and event.actor is UNKNOWN_ACTOR and event.event in asked
            else event
            for event in events
        ]

    def whose(self, events: list[AccessEvent]) -> list[AccessEvent]:
        """Put the people who asked in the place of our own pairing.

        A command that was lost leaves no entry: where there are fewer entries than
        commands, those that may be lost and are farthest from any of them got none.
        """
        lost = {item for kind in _KINDS.values() for item in self._lost(kind, events)}
        return [self._whose(event, lost) for event in events]

    def _lost(self, kind: AccessKind, events: list[AccessEvent]) -> list[Commanded]:
        """Return the commands of this kind that none of the events tells of."""
        told = [event for event in events if event.ours and event.event is kind]
        # A lock without a log shows only the last of several moves, and no time of it.
        if not told or not all(event.lock_time for event in told):
            return []
        asked = [item for item in self._items if item.kind is kind]
        doubtful = sorted(
            (item for item in asked if not item.certain),
            key=lambda item: min(item.apart(event.time) for event in told),
        )
        return doubtful[::-1][: max(0, len(asked) - len(told))]

    def _whose(self, event: AccessEvent, lost: set[Commanded]) -> AccessEvent:
        if not event.ours:
            return event
        for item in self:
            if event.event is AccessKind.JAMMED or (
                item.kind is event.event and item not in lost
            ):
                self._items.remove(item)
                item.told = item.kind is event.event
                return replace(
                    event,
                    actor=item.actor,
                    grant=item.grant,
                    method=Method.HOME_ASSISTANT,
                )
        return replace(event, actor=HOME_ACTOR, method=Method.HOME_ASSISTANT)
