"""Radio trouble on demand: application messages that get lost, late, doubled or spoilt."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

MAX_MESSAGES = 1000
_MAX_FAULTS = 100


class Direction(StrEnum):
    """Which way a message goes."""

    TO_LOCK = "to_lock"
    FROM_LOCK = "from_lock"


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one message."""

    copies: int = 1
    delay: float = 0.0
    cut_link: bool = False
    spoilt: bool = False
    """One byte of it is another."""
    chunk: int = 0
    """It is sent in pieces of so many bytes; 0: as the lock always does."""

    @property
    def word(self) -> str:
        """Say it in a word."""
        if self.spoilt or self.chunk:
            return "spoilt" if self.spoilt else "split"
        if self.copies != 1:
            return "doubled" if self.copies else "lost"
        return "delayed" if self.delay else "passed"


@dataclass(slots=True)
class _Fault:
    direction: Direction
    left: int
    fate: Fate


@dataclass(frozen=True, slots=True)
class Seen:
    """A message that went by."""

    direction: Direction
    command: int | None
    fate: str


class Faults:
    """Decides the fate of each message and remembers the last ones."""

    def __init__(self) -> None:
        """Let everything pass."""
        self._faults: list[_Fault] = []
        self._seen: deque[Seen] = deque(maxlen=MAX_MESSAGES)
        self.loses: Callable[[], bool] = lambda: False
        """Asked for each message that nothing else is decided of: is it lost?"""

    def lose(
        self,
        direction: Direction,
        number: int,
        *,
        drop_link: bool = False,
        delay: float = 0.0,
    ) -> None:
        """Lose the message with this number, counted from now; 1 is the next.

        With `drop_link` the link is cut as well, `delay` seconds later. With a delay
        alone the message is not lost but late.
        """
        copies = 0 if drop_link or not delay else 1
        self._add(direction, number, Fate(copies, delay, drop_link))

    def double(self, direction: Direction, number: int) -> None:
        """Deliver the message with this number twice."""
        self._add(direction, number, Fate(copies=2))

    def spoil(self, direction: Direction, number: int) -> None:
        """Change a byte in the middle of the message with this number."""
        self._add(direction, number, Fate(spoilt=True))

    def split(self, number: int, chunk: int) -> None:
        """Have the lock send the message with this number in pieces of `chunk` bytes."""
        self._add(Direction.FROM_LOCK, number, Fate(chunk=chunk))

    def clear(self) -> None:
        """Let everything pass again."""
        self._faults.clear()
        self.loses = lambda: False

    def _add(self, direction: Direction, number: int, fate: Fate) -> None:
        if number < 1 or len(self._faults) >= _MAX_FAULTS:
            raise ValueError("the number counts from 1; no more than 100 faults")
        self._faults.append(_Fault(direction, number, fate))

    @staticmethod
    def carried(fate: Fate, message: bytes) -> bytes:
        """Return what arrives of a message."""
        if not fate.spoilt:
            return message
        spoilt = bytearray(message)
        spoilt[len(spoilt) // 2] ^= 0x55
        return bytes(spoilt)

    def decide(self, direction: Direction, command: int | None) -> Fate:
        """Decide about one message."""
        fate = Fate()
        for fault in list(self._faults):
            if fault.direction is direction:
                fault.left -= 1
                if not fault.left:
                    self._faults.remove(fault)
                    fate = fault.fate
        if fate == Fate() and self.loses():
            fate = Fate(copies=0)
        self._seen.append(Seen(direction, command, fate.word))
        return fate

    def messages(self) -> list[Seen]:
        """Give the messages since the last call, at most the last thousand."""
        seen = list(self._seen)
        self._seen.clear()
        return seen

    def pending(self) -> list[dict[str, Any]]:
        """List the faults that are still to come."""
        return [
            {"direction": fault.direction, "in": fault.left, "fate": fault.fate.word}
            for fault in self._faults
        ]
