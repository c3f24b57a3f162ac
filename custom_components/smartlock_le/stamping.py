"""Time stamps as the home has them taken: where from, when, and again after a failure."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
import logging
from typing import Any

import aiohttp
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.event import async_call_later
from homeassistant.requirements import RequirementsNotFound, async_process_requirements

from .const import DOMAIN
from .log import (
    MAX_ANSWER,
    Log,
    LogError,
    LogUnavailable,
    StampError,
    StampNotBelievable,
    StampNotInstalled,
    StampRefused,
    StampUnreachable,
)

_LOGGER = logging.getLogger(__name__)

REQUIREMENT = "rfc3161-client>=1.0.9"
"""Not in the manifest: installed only where time stamps are on."""
_RETRY = timedelta(hours=1)
_TIMEOUT = 30.0
_HEADERS = {
    "Accept": "application/timestamp-reply",
    "Accept-Encoding": "identity",
    "Content-Type": "application/timestamp-query",
}


@dataclass(frozen=True, slots=True)
class StampSettings:
    """Which authority stamps, by whose root certificate (PEM) it is known, since when."""

    url: str
    root: str
    since: datetime


class Stamping:
    """Has the log stamped; where that fails, again each hour."""

    def __init__(
        self,
        hass: HomeAssistant,
        log: Log,
        settings: Callable[[], StampSettings | None],
        spawn: Callable[[Coroutine[Any, Any, Any], str], object],
    ) -> None:
        """Take the log, what gives the settings (None: off), and what starts tasks."""
        self._hass = hass
        self._log = log
        self._settings = settings
        self._spawn = spawn
        self._retry: CALLBACK_TYPE | None = None
        self._stopped = False
        self._failing = False

    def stop(self) -> None:
        """End the timer, for good."""
        self._stopped = True
        self._cancel()

    def _cancel(self) -> None:
        if self._retry:
            self._retry()
            self._retry = None

    async def install(self) -> None:
        """Install what checks stamps, unless it is there. Raises StampNotInstalled."""
        try:
            await async_process_requirements(
                self._hass, DOMAIN, [REQUIREMENT], is_built_in=False
            )
        except RequirementsNotFound as err:
            raise StampNotInstalled("rfc3161-client cannot be installed") from err

    async def run(self) -> LogError | None:
        """Have stamped what the log has grown by; return why not, if it failed."""
        self._cancel()
        settings = self._settings()
        if settings is None or self._log.volatile:
            self._failing = self._log.stamps.overdue = False
            return None
        failure: LogError | None = None
        try:
            await self.install()
            await self._log.stamps.take(
                partial(self._post, settings.url), settings.root
            )
        except (StampError, LogUnavailable) as err:
            failure = err
        # Changed meanwhile: whoever did that has begun again.
        if not self._stopped and self._settings() == settings:
            await self._done(settings, failure)
        return failure

    async def _done(self, settings: StampSettings, failure: LogError | None) -> None:
        """Say how it went, and try again where it did not."""
        if failure is None:
            self._failing = self._log.stamps.overdue = False
            return
        level = logging.DEBUG if self._failing else logging.WARNING
        _LOGGER.log(level, "No time stamp, tried again each hour: %s", failure)
        self._failing = True
        self._cancel()
        self._retry = async_call_later(self._hass, _RETRY, self._due)
        try:
            late = await self._log.stamps.too_old(settings.since)
        except LogUnavailable as err:
            _LOGGER.debug("The newest time stamp cannot be read: %s", err)
            return
        if self._settings() == settings:
            self._log.stamps.overdue = late

    @callback
    def _due(self, _: datetime) -> None:
        self._retry = None
        self._spawn(self.run(), "time stamp")

    async def _post(self, url: str, query: bytes) -> bytes:
        """Return what the authority answers; a redirect is none. No error says where."""
        session = async_get_clientsession(self._hass)
        answer = bytearray()
        try:
            async with (
                asyncio.timeout(_TIMEOUT),
                session.post(
                    url, data=query, headers=_HEADERS, allow_redirects=False
                ) as response,
            ):
                if response.status != 200:
                    raise StampRefused(f"the authority answered {response.status}")
                async for part in response.content.iter_any():
                    answer += part
                    if len(answer) > MAX_ANSWER:
                        raise StampNotBelievable("the answer is too long")
        except (TimeoutError, aiohttp.ClientError) as err:
            raise StampUnreachable("the authority did not answer") from err
        return bytes(answer)
