"""A way out of the house, as Home Assistant needs it: looked at, tested, its troubles told."""

from collections.abc import Callable
from datetime import timedelta
import logging

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_track_time_interval

from .emergency.channels.channel import Channel, ChannelError, Health
from .emergency.channels.dc09 import Dc09
from .emergency.channels.noonlight import Noonlight
from .emergency.channels.webhook import Webhook
from .emergency.models import Signal, Way, What
from .emergency.settings import Settings, WebhookSettings
from .log import Log
from .whole import Spawn

_SERVER_EVERY = 60
"""Minutes between two looks at a server."""
_LOGGER = logging.getLogger(__name__)
_FAILED_LOOKS = 2
"""After so many looks in vain the owner is told."""


class WayKeeping:
    """A way to a monitoring centre or a server, if there is one, and how it is."""

    def __init__(
        self,
        way: Way,
        hass: HomeAssistant,
        log: Log,
        spawn: Spawn,
        tell: Callable[[], None],
        problem: Callable[[str | None], None],
    ) -> None:
        """Have none yet; `problem` tells the owner why it is not as it should be."""
        self._way = way
        self._problem = problem
        self._hass = hass
        self._log = log
        self._spawn = spawn
        self._tell = tell
        self.channel: Channel[Signal] | None = None
        self._said = Health(True)
        self._looks = 0
        self._undo: CALLBACK_TYPE | None = None

    @callback
    def use(self, channel: Channel[Signal] | None, minutes: int = 0) -> None:
        """Go this way from now on, or not at all; look at it every so many minutes."""
        self.stop()
        self.channel = channel
        self._looks, self._said = 0, Health(True)
        self._problem(None)
        if channel:
            every = timedelta(minutes=minutes)
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
        self._spawn(self.look(), f"look at the {self._way}")

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
            await channel.send(Signal(what=What.TEST, way=self._way))
        except ChannelError as err:
            _LOGGER.debug("The %s did not take the test: %s", self._way, err)
        if channel is self.channel and channel.health:
            self._judge(channel.health)
        return channel.health

    @callback
    def failed(self, reason: str) -> None:
        """Tell the owner at once: this time it matters; empty: it is well again."""
        self._problem(reason or None)
        self._tell()

    def _judge(self, health: Health) -> None:
        """Tell the owner, not at the first time: a receiver may be restarting."""
        self._looks = self._looks + 1 if health.reason else 0
        # What is said of a message that was not taken stays while nothing is better.
        if self._looks >= _FAILED_LOOKS or not health.reason:
            self._problem(health.reason or None)
        if (health.ok, health.reason) != (self._said.ok, self._said.reason):
            self._said = health
            self._spawn(self._enter(health), f"health of the {self._way}")
        self._tell()

    async def _enter(self, health: Health) -> None:
        event = "ok" if health.ok else "failed"
        said = {"channel": self._way.value, "event": event, "detail": health.reason}
        await self._log.append_or_keep("channel", said)


class WaysOut:
    """All of them, as the owner decided."""

    def __init__(
        self, hass: HomeAssistant, sender: str, keep: Callable[[Way], WayKeeping]
    ) -> None:
        """Take what this house is called, and what looks after a way."""
        self._hass = hass
        self._sender = sender
        self.all = {way: keep(way) for way in Way}
        self._used: dict[Way, tuple[object, Channel[Signal] | None, int]] = {}
        """What was decided of each way, and what is gone by since."""

    def hook(self, settings: WebhookSettings) -> Webhook:
        """Return the way to a server. Raises ValueError."""
        return Webhook(self._hass, settings.build(self._sender))

    def build(self, way: Way, settings: Settings) -> tuple[Channel[Signal] | None, int]:
        """Return a way as it was decided, and after how many minutes it is looked at."""
        if way is Way.CENTRE and settings.centre:
            return Dc09(settings.centre.build()), settings.centre.every
        if way is Way.WEBHOOK and settings.webhook:
            return self.hook(settings.webhook), _SERVER_EVERY
        if way is Way.NOONLIGHT and settings.noonlight:
            return Noonlight(self._hass, settings.noonlight.build()), _SERVER_EVERY
        return None, 0

    @callback
    def use(self, way: Way, settings: Settings) -> Channel[Signal] | None:
        """Go a way; it stays the same as long as nothing else is decided."""
        decided = settings.of(way)
        if way not in self._used or self._used[way][0] != decided:
            self._used[way] = (decided, *self.build(way, settings))
        _, channel, every = self._used[way]
        self.all[way].use(channel, every)
        return channel
