"""The control server: one JSON request a line, one JSON response a line.

`{"cmd": "press", "lock": 0, "code": 345678}` is answered with `{"ok": true, ...}` or with
`{"ok": false, "error": "..."}`. The commands are those of `actions`.
"""

import asyncio
import json
from typing import Any

from .actions import ActionError, run
from .client import DEFAULT_PORT, LINE_LIMIT, ControlClient, ControlError, command
from .home import VirtualHome

__all__ = [
    "DEFAULT_PORT",
    "ControlClient",
    "ControlError",
    "ControlServer",
    "command",
]


async def _answer(home: VirtualHome, line: bytes) -> dict[str, Any]:
    try:
        request = json.loads(line)
    except ValueError:
        return {"ok": False, "error": "that is not JSON"}
    if not isinstance(request, dict):
        return {"ok": False, "error": "a request is a JSON object"}
    try:
        return {"ok": True, **await run(home, request)}
    except ActionError as err:
        return {"ok": False, "error": str(err)}


class ControlServer:
    """Takes commands for a virtual home, from this machine only."""

    def __init__(self, home: VirtualHome) -> None:
        """Command this home."""
        self._home = home
        self._server: asyncio.Server | None = None
        self._sessions: set[asyncio.Task[None]] = set()

    async def start(self, port: int = 0) -> int:
        """Listen; gives the port."""
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", port, limit=LINE_LIMIT
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """End all sessions."""
        if self._server is None:
            return
        self._server.close()
        sessions = list(self._sessions)
        for session in sessions:
            session.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        session = asyncio.create_task(self._session(reader, writer))
        self._sessions.add(session)
        session.add_done_callback(self._sessions.discard)

    async def _session(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while line := await reader.readline():
                writer.write(
                    json.dumps(await _answer(self._home, line)).encode() + b"\n"
                )
                await writer.drain()
        except ConnectionError, ValueError:
            # Gone, or a line without end.
            return
        finally:
            writer.close()
