"""Home Assistant as a process."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
import sys
import time

import aiohttp

from . import NEXT, HarnessError
from .api import Api, ApiError
from .child import Child
from .ports import HOST, is_taken

_START = 120.0
_STOP = 60.0
_POLL = 0.1
# 2026.11.0 asks for an aioesphomeapi two releases newer than script/next could get.
_OPTIONS = ("--skip-pip-packages", "aioesphomeapi") if NEXT else ()


async def eventually[T](
    look: Callable[[], Awaitable[T | None]], what: str, timeout: float
) -> T:
    """Wait until `look` returns something, and return it. Raises HarnessError."""
    end = time.monotonic() + timeout
    while not (found := await look()):
        if time.monotonic() > end:
            raise HarnessError(f"not in {timeout:g} s: {what}")
        await asyncio.sleep(_POLL)
    return found


class HassProcess:
    """A Home Assistant that runs in a configuration folder."""

    def __init__(self, config: Path, port: int) -> None:
        """Take a prepared folder; nothing runs yet."""
        self.config = config
        self.port = port
        self.base = f"http://{HOST}:{port}"
        self.api = Api(self.base)
        self.log = config / "hass.log"
        self._child: Child | None = None

    @property
    def child(self) -> Child:
        """The process."""
        assert self._child, "not started"
        return self._child

    async def start(self) -> None:
        """Start; returns when it answers. Raises HarnessError."""
        if is_taken(self.port):
            raise HarnessError(f"port {self.port} is taken by another program")
        self._child = await Child.start(
            "Home Assistant",
            *(Path(sys.executable).with_name("hass"), "--config", self.config),
            *_OPTIONS,
            cwd=self.config,
            log=self.log,
        )
        await self.child.listens(self.port, _START)
        await eventually(self._answers, "Home Assistant answers", _START)

    async def _answers(self) -> bool:
        try:
            await self.api.get("/manifest.json")
        except aiohttp.ClientError, ApiError:
            if not self.child.running:
                raise self.child.ended() from None
            return False
        return True

    async def is_new(self) -> bool:
        """Tell whether it has no user yet."""
        try:
            steps = await self.api.get("/api/onboarding")
        except ApiError as err:
            if err.code != 404:
                raise
            return False
        return not all(step["done"] for step in steps if step["step"] == "user")

    async def wait_until_running(self) -> None:
        """Wait until everything is set up; needs a login."""

        async def running() -> bool:
            return bool((await self.api.get("/api/config"))["state"] == "RUNNING")

        await eventually(running, "Home Assistant is running", _START)

    async def stop(self) -> int:
        """Stop in order; return the process's code."""
        await self.api.close()
        return await self._child.stop(_STOP) if self._child else 0

    async def kill(self) -> None:
        """Kill the process, as a power cut would."""
        await self.child.kill()
