"""A monitoring centre by SIA DC-09: two receivers, and a clock that follows theirs."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
import secrets
from typing import override

from ...models import utc_now
from ..models import Signal
from . import dc09_frame as frames
from .channel import Channel, ChannelError, Health, NotReached, NotTaken
from .dc09_frame import Account, Answer, Word
from .dc09_link import Receiver, exchange

_LAST_NUMBER = 9999
_FURTHEST = timedelta(days=1)
"""No clock is further off; what says so may be written by anybody."""
TIMEOUT = 5.0
"""Seconds that a receiver has for its answer."""
TRIES = 2
"""How often each receiver is asked."""


@dataclass(frozen=True, slots=True)
class Centre:
    """What the owner's contract with a monitoring centre says."""

    account: Account
    receivers: tuple[Receiver, ...]
    """In the order in which they are asked: one, or two."""


class Dc09(Channel[Signal]):
    """The way to a monitoring centre."""

    def __init__(
        self,
        centre: Centre,
        *,
        clock: Callable[[], datetime] = utc_now,
        timeout: float = TIMEOUT,
    ) -> None:
        """Take the contract; nothing is sent yet."""
        self._centre = centre
        self._clock = clock
        self._timeout = timeout
        self._ahead = timedelta()
        """By how much the receivers' clock is ahead of ours."""
        self._number = secrets.randbelow(_LAST_NUMBER)
        self._first = 0
        """The receiver that answered last: who does not costs seconds."""

    @override
    async def send(self, message: Signal) -> str:
        # The same each time: by it a receiver knows one that comes again.
        number = message.number % _LAST_NUMBER + 1 if message.number else 0
        number = number or self._next_number()
        build = partial(frames.message, self._centre.account, number, message)
        order, failed = self._order(), ChannelError("not_reached")
        # Each once, then each once more: one that is silent costs its time.
        for index in order * TRIES:
            if index not in order:
                continue
            try:
                await self._ask(index, build, number)
            except NotTaken as err:
                failed = err
                order.remove(index)
            except NotReached as err:
                failed = failed if isinstance(failed, NotTaken) else err
            else:
                self._first = index
                self.health = Health(True, "second" if index else "")
                return f"receiver {index + 1}"
        self.health = Health(False, failed.reason)
        raise failed

    @override
    async def look(self) -> Health:
        wrong: dict[int, str] = {}
        build = partial(frames.supervision, self._centre.account)
        for index in range(len(self._centre.receivers)):
            try:
                await self._ask(index, build, 0)
            except ChannelError as err:
                wrong[index] = err.reason
        if 0 not in wrong:
            self._first = 0
        # One of two is enough for today; that the other is away must be known.
        ok = len(wrong) < len(self._centre.receivers)
        reason = next(iter(wrong.values()), "") if not ok else ""
        if wrong and ok:
            reason = "second" if 0 in wrong else "only_first"
        self.health = Health(ok, reason)
        return self.health

    def _order(self) -> list[int]:
        others = [i for i in range(len(self._centre.receivers)) if i != self._first]
        return [self._first, *others]

    def _next_number(self) -> int:
        self._number = self._number % _LAST_NUMBER + 1
        return self._number

    async def _ask(
        self, index: int, build: Callable[[datetime], bytes], number: int
    ) -> None:
        """Have one receiver acknowledge it. Raises ChannelError."""
        answer = await self._exchange(index, build, number)
        if answer.word is Word.NAK and answer.time is not None:
            # Section 5.5.2.3: it tells its time, and expects the message again.
            ahead = answer.time - self._clock()
            if abs(ahead) > _FURTHEST:
                raise NotTaken("refused")
            self._ahead = ahead
            answer = await self._exchange(index, build, number)
        if answer.word is Word.DUH:
            raise NotTaken("not_understood")
        if answer.word is Word.NAK:
            raise NotTaken("refused")

    async def _exchange(
        self, index: int, build: Callable[[datetime], bytes], number: int
    ) -> Answer:
        frame = build(self._clock() + self._ahead)
        read = partial(frames.answer, account=self._centre.account, number=number)
        return await exchange(self._centre.receivers[index], frame, read, self._timeout)
