"""What is open is read at the start; a little later, where the log cannot be read then."""

from collections.abc import Callable, Coroutine
from datetime import datetime
import logging
from typing import Any

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later

from .log import LogUnavailable
from .whole import Spawn

_LOGGER = logging.getLogger(__name__)

AGAIN = 60.0
"""Seconds until it is tried again."""


class Loading:
    """Does it until it is done."""

    def __init__(
        self,
        hass: HomeAssistant,
        spawn: Spawn,
        load: Callable[[], Coroutine[Any, Any, None]],
        what: str,
    ) -> None:
        """`load` raises LogUnavailable; `what` is what it reads, for who reads our lines."""
        self._hass = hass
        self._spawn = spawn
        self._load = load
        self._what = what
        self._undo: CALLBACK_TYPE | None = None
        self._stopped = False
        self.done = False
        """What is open is known; until then there may be more than is seen."""

    async def run(self) -> None:
        """Try now, and again until it is done."""
        self._undo = None
        try:
            await self._load()
        except LogUnavailable as err:
            _LOGGER.error("%s cannot be read: %s", self._what, err)
            if not self._stopped:
                self._undo = async_call_later(self._hass, AGAIN, self._again)
        else:
            self.done = True

    @callback
    def _again(self, _: datetime) -> None:
        self._spawn(self.run(), f"load {self._what}")

    def stop(self) -> None:
        """Try no more."""
        self._stopped = True
        if self._undo:
            self._undo()
