"""What is asked of the home, as Home Assistant needs it: kept, and the owner reminded.

A day before a deadline, when it is over, and when a request came by itself.
"""

from datetime import timedelta
from functools import partial
import logging
from pathlib import Path

from homeassistant.core import callback

from . import issues, notices
from .alarm import Alarm
from .decisions import Decisions
from .log import LogUnavailable
from .models import utc_now
from .requests.agencies import Agencies
from .requests.inbox import Inbox
from .requests.intake import Intake

_AGAIN = timedelta(minutes=5)
_LOGGER = logging.getLogger(__name__)


class RequestKeeping:
    """Builds what is kept of requests, and looks after their deadlines."""

    def __init__(self, home: Decisions, agencies: Agencies, folder: Path) -> None:
        """Take the home, the directory, and the folder of documents."""
        self._home = home
        self._hass = home.hass
        self._loaded = False
        self._alarm = Alarm(home.hass, self.run, home.spawn, "request deadlines")
        self.inbox = Inbox(
            home.log,
            agencies,
            folder,
            lambda: home.request_limits,
            self._changed,
            partial(self._tell, "arrived"),
            home.spawn,
        )
        self.intake = Intake(
            home.log,
            agencies,
            self.inbox,
            read=lambda: home.takes_signed,
            save=home.take_signed,
        )

    @callback
    def _changed(self) -> None:
        """Follow the requests. What must be hidden from residents is in no repair."""
        self._alarm.set(self.inbox.due)
        issues.requests_overdue(self._hass, self.inbox.summary.overdue)
        self._home.tell()

    async def _load(self) -> None:
        await self.intake.load()
        await self.inbox.load()
        self._loaded = True

    async def start(self) -> None:
        """Read what is kept; where that fails now, a little later."""
        try:
            await self._load()
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
            await self.inbox.remind(utc_now(), tell)
        except LogUnavailable as err:
            _LOGGER.warning("Deadlines of requests were not looked at: %s", err)
            self._alarm.set(utc_now() + _AGAIN)

    @callback
    def _tell(self, what: str) -> None:
        if target := self._home.request_target:
            self._home.spawn(
                notices.of_request(self._hass, target, what), "notice of a request"
            )

    @callback
    def stop(self) -> None:
        """End the timer."""
        self._alarm.stop()
