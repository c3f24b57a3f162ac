"""The monitoring centre, as Home Assistant needs it: looked at, tested, its troubles told."""

from collections.abc import Callable
from datetime import timedelta
import logging

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_track_time_interval

from . import issues
from .emergency.channels.channel import ChannelError, Health
from .emergency.channels.dc09 import Dc09
from .emergency.models import Signal, What
from .emergency.settings import CentreSettings
from .log import Log
from .whole import Spawn

_LOGGER = logging.getLogger(__name__)
_FAILED_LOOKS = 2
"""After so many looks in vain the owner is told."""


class CentreKeeping:
    """The way to the centre, if there is one, and how it is."""

    def __init__(
        self, hass: HomeAssistant, log: Log, spawn: Spawn, tell: Callable[[], None]
    ) -> None:
        """Have none yet."""
        self._hass = hass
        self._log = log
        self._spawn = spawn
        self._tell = tell
        self.channel: Dc09 | None = None
        self._said = Health(True)
        self._looks = 0
        self._undo: CALLBACK_TYPE | None = None

    @callback
    def use(self, settings: CentreSettings | None) -> None:
        """Go to this one from now on, or to none."""
        self.stop()
        self.channel = Dc09(settings.build()) if settings else None
        self._looks, self._said = 0, Health(True)
        issues.centre_problem(self._hass, None)
        if settings:
            every = timedelta(minutes=settings.every)
            self._undo = async_track_time_interval(self._hass, self._due, every)
            self._due()

    @callback
    def stop(self) -> None:
        """Look at it no more."""
        if self._undo:
            self._undo()
            self._undo = None

    @property
    def problem(self) -> bool | None:
        """Tell whether it cannot be reached; None: there is none, or not known."""
        health = self.channel.health if self.channel else None
        return None if health is None else not health.ok

    @callback
    def _due(self, *_: object) -> None:
        self._spawn(self.look(), "look at the centre")

    async def look(self) -> Health | None:
        """Look whether it is there."""
        if (channel := self.channel) is None:
            return None
        health = await channel.look()
        if channel is self.channel:
            self._judge(health)
        return health

    async def test(self) -> Health | None:
        """Send it a test."""
        if (channel := self.channel) is None:
            return None
        try:
            await channel.send(Signal(what=What.TEST))
        except ChannelError as err:
            _LOGGER.debug("The centre did not take the test: %s", err)
        if channel is self.channel and channel.health:
            self._judge(channel.health)
        return channel.health

    @callback
    def failed(self, reason: str) -> None:
        """Tell the owner at once: this time it matters; empty: it is well again."""
        issues.centre_problem(self._hass, reason or None)
        self._tell()

    def _judge(self, health: Health) -> None:
        """Tell the owner, not at the first time: a receiver may be restarting."""
        self._looks = self._looks + 1 if health.reason else 0
        bad = self._looks >= _FAILED_LOOKS
        issues.centre_problem(self._hass, health.reason if bad else None)
        if (health.ok, health.reason) != (self._said.ok, self._said.reason):
            self._said = health
            self._spawn(self._enter(health), "health of the centre")
        self._tell()

    async def _enter(self, health: Health) -> None:
        event = "ok" if health.ok else "failed"
        said = {"channel": "centre", "event": event, "detail": health.reason}
        await self._log.append_or_keep("channel", said)
