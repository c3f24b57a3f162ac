"""A process of ours: started, watched and ended, and nobody else's."""

import asyncio
from asyncio.subprocess import PIPE, Process
import ctypes
import os
from pathlib import Path
import signal
import time

from . import ROOT, HarnessError
from .ports import whose

_POLL = 0.05
_SET_PARENT_DEATH_SIGNAL = 1
_LIBC = ctypes.CDLL(None)


def _die_with_parent() -> None:
    """End the child, in which this runs, when we are killed."""
    _LIBC.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)


def _environment() -> dict[str, str]:
    # Without byte code Home Assistant takes three times as long to import.
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    # All that it needs is installed: a requirement that is not must be seen, not fetched.
    return {**kept, "UV_OFFLINE": "1"}


class Child:
    """A process whose errors go to a file."""

    def __init__(self, name: str, process: Process, log: Path) -> None:
        """Take a running process; use `start` instead."""
        self.name = name
        self.log = log
        self._process = process

    @classmethod
    async def start(
        cls,
        name: str,
        *command: str | Path,
        cwd: Path = ROOT,
        log: Path,
        answers: bool = False,
    ) -> Child:
        """Start a process. It leaves the terminal's group: its end is up to us.

        Its output goes to `log`, too, unless it `answers` with a line of it.
        """
        with log.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                *command,
                cwd=cwd,
                env=_environment(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=PIPE if answers else errors,
                stderr=errors,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        return cls(name, process, log)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Tell whether it has not ended."""
        return self._process.returncode is None

    def ended(self) -> HarnessError:
        """Return the error for an end that nobody asked for."""
        lines = self.log.read_text(errors="replace").splitlines()[-20:]
        said = "\n".join(["", *lines]) if lines else ""
        return HarnessError(
            f"{self.name} ended with {self._process.returncode}; see {self.log}{said}"
        )

    async def first_line(self, timeout: float) -> bytes:
        """Return the first line that the process prints."""
        assert self._process.stdout
        try:
            async with asyncio.timeout(timeout):
                line = await self._process.stdout.readline()
        except TimeoutError:
            raise HarnessError(f"{self.name} said nothing in {timeout:g} s") from None
        if not line:
            await self._process.wait()
            raise self.ended()
        return line

    async def listens(self, port: int, timeout: float) -> None:
        """Wait until the process listens on the port. Raises HarnessError."""
        end = time.monotonic() + timeout
        while (ours := whose(port, self.pid)) is None:
            if not self.running:
                raise self.ended()
            if time.monotonic() > end:
                raise HarnessError(f"{self.name} does not listen; see {self.log}")
            await asyncio.sleep(_POLL)
        if not ours:
            raise HarnessError(f"port {port} is somebody else's")

    async def wait(self) -> int:
        """Wait for the end; return its code."""
        return await self._process.wait()

    async def stop(self, timeout: float = 30.0) -> int:
        """Ask the process to end; kill it when it does not. Returns its code."""
        if self.running:
            self._process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(timeout):
                    return await self.wait()
            except TimeoutError:
                await self.kill()
        return await self.wait()

    async def kill(self) -> None:
        """Kill the process, as a power cut would."""
        if self.running:
            self._process.kill()
        await self.wait()
