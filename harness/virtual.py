"""The virtual home as a process: locks on an air, and the proxy that hears them."""

import json
from pathlib import Path
import sys
from typing import Any

from virtual_home.client import ControlClient

from .child import Child
from .ports import HOST

_START = 30.0


class VirtualHomeProcess:
    """A running virtual home; calling it carries out a command."""

    def __init__(self, child: Child, ready: dict[str, Any]) -> None:
        """Take a process and what it said; use `start` instead."""
        self.child = child
        self.proxy_port: int = ready["proxy_port"]
        self.control_port: int = ready["control_port"]
        self.locks: list[dict[str, str]] = ready["locks"]
        self.camera: str | None = ready["camera"]
        """Where its camera is, if it has one: an address without a path."""
        self.frigate: str | None = ready["frigate"]
        """Where its Frigate is, if it has one."""
        self.zigbee: dict[str, Any] | None = ready["zigbee"]
        """Where its Zigbee stick is, if it has one: `url`, and `locks` by address."""

    @classmethod
    async def start(
        cls,
        log: Path,
        *options: str,
        state: Path | None = None,
        proxy_port: int = 0,
        control_port: int = 0,
    ) -> VirtualHomeProcess:
        """Start a virtual home; port 0 is any free one."""
        child = await Child.start(
            "virtual home",
            *(sys.executable, "-m", "virtual_home", "serve", "--host", HOST),
            *("--proxy-port", str(proxy_port), "--control-port", str(control_port)),
            *(("--state", state) if state else ()),
            *options,
            log=log,
            answers=True,
        )
        try:
            home = cls(child, json.loads(await child.first_line(_START)))
            for port in (home.proxy_port, home.control_port):
                await child.listens(port, _START)
        except BaseException:
            await child.stop()
            raise
        return home

    async def __call__(self, cmd: str, *, lock: int = 0, **arguments: Any) -> Any:
        """Carry out a command of the virtual home. Raises ControlError."""
        async with ControlClient(self.control_port) as control:
            return await control(cmd, lock=lock, **arguments)

    async def stop(self) -> None:
        """End it."""
        await self.child.stop()
