"""Trouble on demand: what gets lost on its way from a device, and what it refuses."""

from collections import Counter
from enum import StrEnum


class Sent(StrEnum):
    """What a device sends, as far as it can be lost."""

    REPLY = "reply"
    REPORT = "report"
    EVENT = "event"


class Trouble:
    """The trouble that is to come to one device."""

    def __init__(self) -> None:
        """Have none."""
        self.online = True
        self.refuse: int | None = None
        """The ZCL status with which the next command is refused."""
        self._to_lose: Counter[Sent] = Counter()

    def lose(self, what: Sent, count: int = 1) -> None:
        """Lose the next ones of a kind."""
        if count < 1:
            raise ValueError("the count begins at 1")
        self._to_lose[what] += count

    def loses(self, what: Sent) -> bool:
        """Tell whether this one is lost."""
        if not self._to_lose[what]:
            return False
        self._to_lose[what] -= 1
        return True

    def refusal(self) -> int | None:
        """Return the status to refuse with, once."""
        refuse, self.refuse = self.refuse, None
        return refuse

    def clear(self) -> None:
        """Have no more trouble."""
        self.online = True
        self.refuse = None
        self._to_lose.clear()

    def pending(self) -> dict[str, int]:
        """Count what is still to be lost."""
        return {kind.value: count for kind, count in self._to_lose.items() if count}
