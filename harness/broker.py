"""A broker as a process: Mosquitto, for this machine only, without a password."""

import os
from pathlib import Path

from . import ROOT
from .child import Child
from .ports import HOST, free_port

PROGRAM = ROOT / ".cache" / "broker" / "bin" / "mosquitto"
"""What script/bootstrap broker installs."""
_START = 30.0


class BrokerProcess:
    """A running broker."""

    def __init__(self, child: Child, port: int) -> None:
        """Take a process; use `start` instead."""
        self.child, self.port = child, port

    @classmethod
    async def start(cls, folder: Path, port: int = 0) -> BrokerProcess:
        """Start it, its files in `folder`; port 0 is any free one."""
        port = port or free_port()
        config = folder / "broker.conf"
        config.write_text(configuration(port))
        child = await Child.start(
            "broker", PROGRAM, "-c", config, log=folder / "broker.log"
        )
        try:
            await child.listens(port, _START)
        except BaseException:
            await child.stop()
            raise
        return cls(child, port)

    async def stop(self) -> None:
        """End it."""
        await self.child.stop()


def configuration(port: int) -> str:
    """Return Mosquitto's configuration."""
    # As root it would become a user that need not be there.
    user = "user root\n" if os.geteuid() == 0 else ""
    return f"listener {port} {HOST}\nallow_anonymous true\n{user}"
