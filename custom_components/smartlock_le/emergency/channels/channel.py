"""The contract of every channel: a message goes in, and what the other side said comes out."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
import re

_EMERGENCY_NUMBERS = frozenset(
    {
        *("000", "100", "101", "102", "103", "108", "110", "111", "112", "113", "115"),
        *("117", "118", "119", "122", "128", "131", "133", "144", "150", "155", "158"),
        *("190", "191", "192", "193", "194", "197", "199", "911", "995", "997", "998"),
        *("999", "1122", "10111"),
    }
)
_NUMBER = re.compile(r"(?<!\d)\d+(?![^\W_])")


def is_emergency_number(target: str) -> bool:
    """Tell whether a word in the name of a target ends with an emergency number.

    What a target of another integration dials cannot be known; its name can.
    """
    return any(number in _EMERGENCY_NUMBERS for number in _NUMBER.findall(target))


class ChannelError(Exception):
    """The message is not with the other side. The text never holds a secret."""

    def __init__(self, reason: str) -> None:
        """`reason` is a key of `channel_…` in `common` of the translations."""
        super().__init__(reason)
        self.reason = reason


class NotReached(ChannelError):
    """Nobody answered in time: it may be tried again."""


class NotTaken(ChannelError):
    """Somebody answered, and the answer is no."""


class NeverTaken(NotTaken):
    """Whatever is tried, it is never taken."""


@dataclass(frozen=True, slots=True)
class Health:
    """How a channel was, the last time that it was used or looked at."""

    ok: bool
    reason: str = ""
    """Why not, as in ChannelError; of one that is well, what is not as it should be."""


class Channel[Message](ABC):
    """One way out, for one form of message."""

    health: Health | None = None
    """None: not known yet."""

    @abstractmethod
    async def send(self, message: Message) -> str:
        """Give a message to the other side; return who received it, for the log.

        That it was received is all that this says: nobody is on the way for it. Raises
        ChannelError, within a minute.
        """

    @abstractmethod
    async def look(self) -> Health:
        """Look whether the other side is there; nobody is told anything."""
