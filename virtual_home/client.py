"""Clients of the control server: one for asyncio, one for the rest of the world."""

import asyncio
import json
import socket
from types import TracebackType
from typing import Any, Self

DEFAULT_PORT = 18124
LINE_LIMIT = 1 << 20


class ControlError(Exception):
    """The virtual home refused a command, or cannot be reached."""


def _result(line: bytes) -> dict[str, Any]:
    if not line:
        raise ControlError("the virtual home hung up")
    response: dict[str, Any] = json.loads(line)
    if not response.pop("ok"):
        raise ControlError(response["error"])
    return response


def _request(cmd: str, lock: int, arguments: dict[str, Any]) -> bytes:
    return json.dumps({"cmd": cmd, "lock": lock, **arguments}).encode() + b"\n"


class ControlClient:
    """Sends commands; an async context manager."""

    def __init__(self, port: int = DEFAULT_PORT) -> None:
        """Talk to the home with this control port."""
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        """Connect."""
        self._streams = await asyncio.open_connection(
            "127.0.0.1", self._port, limit=LINE_LIMIT
        )
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Disconnect."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def __call__(
        self, cmd: str, *, lock: int = 0, **arguments: Any
    ) -> dict[str, Any]:
        """Carry out a command; raises ControlError."""
        if self._streams is None:
            raise ControlError("not connected")
        reader, writer = self._streams
        writer.write(_request(cmd, lock, arguments))
        await writer.drain()
        return _result(await reader.readline())


def command(
    cmd: str,
    *,
    lock: int = 0,
    port: int = DEFAULT_PORT,
    timeout: float = 10.0,
    **arguments: Any,
) -> dict[str, Any]:
    """Carry out one command, without asyncio; raises ControlError."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout) as connection:
            connection.sendall(_request(cmd, lock, arguments))
            with connection.makefile("rb") as lines:
                return _result(lines.readline())
    except OSError as err:
        raise ControlError(f"no virtual home on port {port}: {err}") from err
