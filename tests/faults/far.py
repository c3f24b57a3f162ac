"""A Bluetooth client whose radio is in another process: what it asks goes to a socket."""

import asyncio
from collections.abc import Awaitable, Callable
import json
from pathlib import Path
import socket
from typing import Any, Self

from bleak.exc import BleakError


class Far:
    """As much of a bleak client as a session uses."""

    def __init__(self, lost: Callable[[Any], None]) -> None:
        """Call `lost` when the link ends."""
        self._lost = lost
        self._heard: dict[str, Callable[[Any, bytearray], None]] = {}
        self._answers: asyncio.Queue[bool] = asyncio.Queue()
        self._writer: asyncio.StreamWriter
        self._reading: asyncio.Task[None]
        self.is_connected = False

    @classmethod
    async def connect(cls, path: Path, lost: Callable[[Any], None]) -> Self:
        """Connect to the lock behind the socket. Raises BleakError."""
        client = cls(lost)
        reader, client._writer = await asyncio.open_unix_connection(path)
        client._reading = asyncio.create_task(client._read(reader))
        await client._ask(link=True)
        client.is_connected = True
        return client

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            told = json.loads(line)
            if "ok" in told:
                self._answers.put_nowait(told["ok"])
            elif "uuid" in told:
                data = bytearray.fromhex(told["data"])
                self._heard[told["uuid"]](None, data)
            else:
                break
        self._answers.put_nowait(False)
        if self.is_connected:
            self.is_connected = False
            self._lost(self)

    async def _ask(self, **what: Any) -> None:
        self._writer.write(json.dumps(what).encode() + b"\n")
        if not await self._answers.get():
            raise BleakError("lost")

    async def start_notify(
        self, uuid: str, heard: Callable[[Any, bytearray], None]
    ) -> None:
        """Listen."""
        self._heard[uuid] = heard
        await self._ask(listen=uuid)

    async def write_gatt_char(self, uuid: str, data: bytes, response: bool) -> None:
        """Write."""
        await self._ask(write=uuid, data=bytes(data).hex())

    async def disconnect(self) -> None:
        """Hang up."""
        self.is_connected = False
        self._reading.cancel()
        self._writer.close()


def connector(path: Path) -> Callable[[Callable[[Any], None]], Awaitable[Any]]:
    """Return what connects a driver."""

    async def connect(lost: Callable[[Any], None]) -> Far:
        return await Far.connect(path, lost)

    return connect


def ask(path: Path, do: str, **what: Any) -> dict[str, Any]:
    """Ask something of the lock, without asyncio."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(20)
        line.connect(str(path))
        line.sendall(json.dumps({"do": do, **what}).encode() + b"\n")
        with line.makefile("rb") as answers:
            answer: dict[str, Any] = json.loads(answers.readline())
            return answer
