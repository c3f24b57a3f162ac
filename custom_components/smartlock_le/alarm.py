"""One timer, set anew each time: nothing has one of its own."""

from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_track_point_in_utc_time

from .models import utc_now

_NAP = timedelta(minutes=5)


class Alarm:
    """Starts a piece of work when its time has come."""

    def __init__(
        self,
        hass: HomeAssistant,
        work: Callable[[], Coroutine[Any, Any, None]],
        spawn: Callable[[Coroutine[Any, Any, Any], str], object],
        name: str,
    ) -> None:
        """Take the work, and what starts it as a task of that name."""
        self._hass = hass
        self._work = work
        self._spawn = spawn
        self._name = name
        self._off: CALLBACK_TYPE | None = None
        self._when: datetime | None = None
        self._stopped = False

    @callback
    def set(self, when: datetime | None) -> None:
        """Ring then, and at no other time."""
        if self._stopped or (when == self._when and self._off):
            return
        if self._off:
            self._off()
            self._off = None
        self._when = when
        self._sleep()

    @callback
    def _sleep(self) -> None:
        """Sleep until then, in short naps: the clock may be set meanwhile."""
        if self._when is not None:
            nap = min(self._when, utc_now() + _NAP)
            self._off = async_track_point_in_utc_time(self._hass, self.ring, nap)

    @callback
    def stop(self) -> None:
        """Ring no more."""
        self.set(None)
        self._stopped = True

    @callback
    def ring(self, _: datetime) -> None:
        """Start the work, if it is time."""
        self._off = None
        if self._when is not None and utc_now() < self._when:
            self._sleep()
            return
        self._spawn(self._work(), self._name)
