"""The contract of every channel: a message goes in, and what the other side said comes out."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime


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


@dataclass(frozen=True, slots=True)
class Health:
    """How a channel was, the last time that it was used or looked at."""

    ok: bool
    reason: str = ""
    """Why not, as in ChannelError; of one that is well, what is not as it should be."""
    since: datetime | None = None


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
