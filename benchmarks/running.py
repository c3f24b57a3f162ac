"""A Home Assistant in this process whose clock can be put forward, and what it costs."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
import ctypes
from functools import cache
import gc
import logging
import os
from pathlib import Path
import time
from unittest.mock import patch

from homeassistant import block_async_io, bootstrap
from homeassistant.config_entries import ConfigEntries
from homeassistant.core import HomeAssistant
from homeassistant.helpers import event
from homeassistant.runner import RuntimeConfig

from harness import HarnessError, seed
from harness.ports import free_port

_FORWARD = 1.0
"""Seconds that the clock is put forward at once."""

_watch_the_loop = cache(block_async_io.enable)
"""Home Assistant does so at each start, and only once in a process."""


class Clock:
    """The clock of the timers: runs as always, and can be put forward."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Begin at the time that it is."""
        self._hass = hass
        self._ahead = 0.0

    def loop_time(self) -> float:
        """Return what the event loop takes for its time."""
        return time.monotonic() + self._ahead

    def timestamp(self) -> float:
        """Return what Home Assistant's timers take for the time of day."""
        return time.time() + self._ahead

    async def forward(self, seconds: float) -> None:
        """Put it forward, second by second: what repeats does so as often as it would."""
        while seconds > 0:
            self._ahead += min(seconds, _FORWARD)
            seconds -= _FORWARD
            # Once for the loop to see what is due, once for what that set off.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await self._hass.async_block_till_done()


@asynccontextmanager
async def running(
    config: Path, *, apart: str, links: Iterable[Path] = ()
) -> AsyncIterator[tuple[HomeAssistant, Clock]]:
    """Run one without a recorder in a folder, with integrations linked into it.

    The integration `apart` is left for the caller to set up, with all its entries. The
    event loop is configured once, whoever runs in it.
    """
    loop = asyncio.get_running_loop()
    # That this integration is not one of its own, and that nothing is fetched.
    logging.getLogger("homeassistant").setLevel(logging.ERROR)
    seed.prepare(
        config,
        seed.Seed(port=free_port(), proxy_port=None, recorder=False, level="error"),
    )
    for link in links:
        linked = config / "custom_components" / link.name
        if not linked.is_symlink():
            linked.symlink_to(link, target_is_directory=True)
    domains = ConfigEntries.async_domains

    def others(entries: ConfigEntries, *args: bool) -> list[str]:
        return [domain for domain in domains(entries, *args) if domain != apart]

    with (
        patch.object(ConfigEntries, "async_domains", others),
        patch.object(block_async_io, "enable", _watch_the_loop),
    ):
        # Nothing is fetched: what an integration names as its neighbours stays away.
        options = RuntimeConfig(config_dir=str(config), skip_pip=True)
        hass = await bootstrap.async_setup_hass(options)
    if hass is None:
        raise HarnessError("Home Assistant did not start")
    clock = Clock(hass)
    try:
        await hass.async_start()
        with (
            patch.object(loop, "time", clock.loop_time),
            patch.object(event, "time_tracker_timestamp", clock.timestamp),
        ):
            # What waits for the end of the start, or to write down what it made.
            await clock.forward(200)
            yield hass, clock
    finally:
        await hass.async_stop()


def steady() -> None:
    """Before a measurement: what was there before is no work for the collector in it."""
    gc.collect()
    gc.freeze()


def resident_mb() -> float:
    """Return the memory that this process holds, when it holds no rubbish."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
