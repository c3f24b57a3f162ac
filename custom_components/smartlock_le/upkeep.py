"""What the log needs once a day: what is due is erased, the rest is checked and stamped.

One that did not open is tried again each minute.
"""

from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime, timedelta
import logging
from typing import Any

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later, async_track_time_interval

from .log import Log, LogUnavailable

_LOGGER = logging.getLogger(__name__)
_DAY = timedelta(days=1)
_FIRST = timedelta(minutes=10)
"""A house that just started has better to do."""
_AGAIN = timedelta(minutes=1)


class Upkeep:
    """Looks after the log, once soon after the start and then daily."""

    def __init__(
        self,
        hass: HomeAssistant,
        log: Log,
        erase: Callable[[], Awaitable[object]],
        stamp: Callable[[], Awaitable[object]],
        reopen: Callable[[], Coroutine[Any, Any, None]],
        spawn: Callable[[Coroutine[Any, Any, Any], str], object],
    ) -> None:
        """Take the log, what erases what is due, what stamps, what starts tasks.

        `reopen` starts the home anew if the log, which is in memory, can be opened now.
        """
        self._log = log
        self._erase = erase
        self._stamp = stamp
        self._spawn = spawn
        self._reopen = reopen
        self._undo: list[CALLBACK_TYPE] = [
            async_call_later(hass, _FIRST, self._due),
            async_track_time_interval(hass, self._due, _DAY),
        ]
        if log.problem == "unopened":
            self._undo.append(async_track_time_interval(hass, self._again, _AGAIN))

    def stop(self) -> None:
        """End the timers."""
        for undo in self._undo:
            undo()
        self._undo.clear()

    @callback
    def _due(self, _: datetime) -> None:
        self._spawn(self.run(), "log upkeep")

    @callback
    def _again(self, _: datetime) -> None:
        self._spawn(self._reopen(), "log reopen")

    async def run(self) -> None:
        """Erase what is due, then check the whole log and have it stamped."""
        if self._log.volatile:
            return
        try:
            await self._erase()
            await self._log.verify()
        except LogUnavailable as err:
            _LOGGER.warning("The log was not looked after today: %s", err)
        await self._stamp()
