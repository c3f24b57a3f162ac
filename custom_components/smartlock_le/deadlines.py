"""Reminds the owner of what is asked of them: a day before, when it is over, when it came."""

from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
import logging
from typing import Any

from homeassistant.core import HomeAssistant, callback

from . import issues, notices
from .alarm import Alarm
from .log import LogUnavailable
from .models import utc_now
from .requests.inbox import Inbox

_AGAIN = timedelta(minutes=5)
_LOGGER = logging.getLogger(__name__)


class Deadlines:
    """Looks after the deadlines of requests."""

    def __init__(
        self,
        hass: HomeAssistant,
        inbox: Inbox,
        target: Callable[[], str],
        spawn: Callable[[Coroutine[Any, Any, Any], str], object],
        load: Callable[[], Awaitable[None]],
    ) -> None:
        """Take the inbox, what tells whom to notify (nobody: empty), what starts tasks.

        `load` reads what is kept of requests.
        """
        self._load = load
        self._loaded = False
        self._hass = hass
        self._inbox = inbox
        self._target = target
        self._spawn = spawn
        self._alarm = Alarm(hass, self.run, spawn, "request deadlines")

    @callback
    def changed(self) -> None:
        """Follow the requests. What must be hidden from residents is in no repair."""
        self._alarm.set(self._inbox.due)
        issues.requests_overdue(self._hass, self._inbox.summary.overdue)

    @callback
    def arrived(self) -> None:
        """Say that one came by itself."""
        self._tell("arrived")

    async def start(self) -> None:
        """Read what is kept; where that fails now, a little later."""
        try:
            await self._load()
            self._loaded = True
        except LogUnavailable as err:
            _LOGGER.error("The requests cannot be read: %s", err)
            self._alarm.set(utc_now() + _AGAIN)

    async def run(self) -> None:
        """Remind of what is due now."""

        def tell(over: bool) -> None:
            self._tell("overdue" if over else "soon")

        try:
            if not self._loaded:
                await self._load()
                self._loaded = True
            await self._inbox.remind(utc_now(), tell)
        except LogUnavailable as err:
            _LOGGER.warning("Deadlines of requests were not looked at: %s", err)
            self._alarm.set(utc_now() + _AGAIN)

    @callback
    def _tell(self, what: str) -> None:
        if target := self._target():
            self._spawn(
                notices.of_request(self._hass, target, what), "notice of a request"
            )

    @callback
    def stop(self) -> None:
        """End the timer."""
        self._alarm.stop()
