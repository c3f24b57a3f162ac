"""Whose code was typed: by the name that it has on its lock."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace

from ..models import AccessEvent, AccessKind, Actor
from .code_models import Code, Placement

PROGRAMMED = (AccessKind.CODE_ADDED, AccessKind.CODE_REMOVED)
"""The events that tell of a change of a code, and not of its use."""
_RECENT = 50


class Typed:
    """Knows the codes that are on a lock, and those that were there lately."""

    def __init__(
        self, on_lock: Callable[[str], Iterable[tuple[Code, Placement]]]
    ) -> None:
        """Take what gives the codes of a lock."""
        self._on_lock = on_lock
        self._recent: deque[tuple[str, str, Actor]] = deque(maxlen=_RECENT)

    def gone(self, code: Code, place: Placement) -> None:
        """Remember one that is off: word of its last use may still be on its way."""
        self._recent.append((place.lock, place.marker, code.actor))

    def holder(self, event: AccessEvent) -> Code | None:
        """Return the code that an event tells of."""
        if not event.code_name:
            return None
        for code, place in self._on_lock(event.lock):
            if place.marker == event.code_name:
                return code
        return None

    def identify(self, event: AccessEvent) -> AccessEvent:
        """Put who holds the code that was typed in the place of its name."""
        if event.code_id is None or not event.code_name or event.event in PROGRAMMED:
            # Who changes a code at the lock is not who holds it.
            return event
        if code := self.holder(event):
            return replace(event, actor=code.actor)
        for lock, marker, actor in self._recent:
            if (lock, marker) == (event.lock, event.code_name):
                return replace(event, actor=actor)
        return event
