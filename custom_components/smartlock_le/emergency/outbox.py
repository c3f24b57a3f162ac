"""What the monitoring centre is to hear: kept until it says that it received it."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from ..whole import Spawn
from .channels.channel import Channel, ChannelError, NeverTaken, NotTaken
from .models import Signal

RETRY = 5.0
"""Seconds until it is tried again; twice as long each time."""
RETRY_MAX = 60.0


class Outbox:
    """Gives signals to the centre, one after the other, as long as it takes."""

    def __init__(
        self,
        spawn: Spawn,
        received: Callable[[Signal, str], object],
        failed: Callable[[Signal, str], object],
        dropped: Callable[[Signal, str], object],
        *,
        once: bool = False,
    ) -> None:
        """Take whom to tell that a signal was received, and by whom; or not (ever), and why.

        `once`: what was received is so, whatever way is gone by now.
        """
        self._spawn = spawn
        self._received = received
        self._failed = failed
        self._dropped = dropped
        self._once = once
        self._channel: Channel[Signal] | None = None
        self._waiting: list[Signal] = []
        self._tried: set[str] = set()
        """Ids of those that may be with the centre, whatever is known of it."""
        self._now = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> tuple[Signal, ...]:
        """Those that were not acknowledged, in their order."""
        return tuple(self._waiting)

    def use(self, channel: Channel[Signal] | None) -> list[Signal]:
        """Send by this channel from now on; None: there is no centre.

        Returns what is not sent any more.
        """
        self._channel = channel
        dropped = []
        if channel is None:
            dropped, self._waiting = self._waiting, []
        self._go()
        return dropped

    def stop(self) -> None:
        """Send nothing any more; what waits is taken up at the next start."""
        self._channel = None
        if self._worker:
            self._worker.cancel()

    def load(self, signal: Signal) -> None:
        """Take up one of before: what came of it is not known."""
        known = any(one.id == signal.id for one in self._waiting)
        if not known and signal.id not in self._tried:
            self._waiting.append(signal)
            self._tried.add(signal.id)
            self._go()

    def put(self, signal: Signal) -> None:
        """Have a signal sent, as soon as there is a way."""
        self._waiting.append(signal)
        self._go()

    def drop(self, signals: Sequence[Signal]) -> None:
        """Send these no more."""
        for signal in signals:
            self._waiting.remove(signal)

    def take_back(self, incident: str) -> tuple[list[Signal], list[Signal]]:
        """Send the alarm of an incident no more.

        Returns what is not sent any more, and what of that may have arrived.
        """
        mine = [one for one in self._waiting if one.incident == incident]
        self.drop(mine)
        return mine, [signal for signal in mine if signal.id in self._tried]

    def _go(self) -> None:
        self._now.set()
        if (self._worker is None or self._worker.done()) and self._waiting:
            self._worker = self._spawn(self._run(), "signals to the centre")

    async def _run(self) -> None:
        pause = RETRY
        while self._waiting and self._channel is not None:
            self._now.clear()
            if await self._round(self._channel):
                pause = RETRY
                continue
            # A new one is tried at once: what it meets is not what the last one met.
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._now.wait()
            pause = min(2 * pause, RETRY_MAX)

    async def _round(self, channel: Channel[Signal]) -> bool:
        """Try each once; tell whether none is left that was there at the start."""
        for signal in list(self._waiting):
            if signal not in self._waiting:
                # Taken back meanwhile.
                continue
            self._tried.add(signal.id)
            try:
                by = await channel.send(signal)
            except ChannelError as err:
                if channel is self._channel:
                    self._failed(signal, err.reason)
                if isinstance(err, NeverTaken) and signal in self._waiting:
                    self._waiting.remove(signal)
                    self._dropped(signal, err.reason)
                if isinstance(err, NotTaken):
                    # The next one may be another matter.
                    continue
                return False
            if channel is not self._channel and not self._once:
                # There is another centre by now, and that one does not know of it.
                return False
            if signal in self._waiting:
                self._waiting.remove(signal)
            self._received(signal, by)
        return not self._waiting
