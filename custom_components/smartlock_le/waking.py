"""A timer that goes by the clock which nobody sets."""

import asyncio
from collections.abc import Callable
import time

from homeassistant.core import HomeAssistant, callback


class Waking:
    """Rings once, at a time of `time.monotonic`."""

    def __init__(self, hass: HomeAssistant, ring: Callable[[], object]) -> None:
        """Take what is called."""
        self._hass = hass
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = False

    @callback
    def set(self, when: float | None) -> None:
        """Ring at that time, and at no other; None: not at all."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if when is not None and not self._stopped:
            delay = max(0.0, when - time.monotonic())
            self._timer = self._hass.loop.call_later(delay, self._due)

    @callback
    def _due(self) -> None:
        self._timer = None
        self._ring()

    @callback
    def stop(self) -> None:
        """Ring no more."""
        self._stopped = True
        self.set(None)
