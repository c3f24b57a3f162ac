"""The simulated lock in a process of its own: it outlives the homes that are killed.

Run as `python -m tests.faults.lock_server SOCKET`. One JSON object a line, both ways.
A link begins with `{"link": true}` and carries writes and indications; anything else is
asked of the lock and answered.
"""

import asyncio
from contextlib import suppress
from datetime import timedelta
import json
import logging
from pathlib import Path
import sys
from typing import Any

from bleak import BleakClient
from bleak.exc import BleakError

from tests.locks.support import new_client
from virtual_home.home import HomeOptions, VirtualHome
from virtual_home.nuki import LockOptions, NukiLock
from virtual_home.scanner import backend
from virtual_home.store import dump, restore

OPTIONS = LockOptions(motor_s=0.02, unlatch_s=0.02, advertising_ms=20)


class Server:
    """Serves one lock."""

    def __init__(self, home: VirtualHome) -> None:
        """Take the home."""
        self._home = home
        self._nuki: NukiLock = home.locks[0]
        self._fresh: dict[str, Any] = {}

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve one connection until it ends."""
        with suppress(ConnectionError):
            while line := await reader.readline():
                asked = json.loads(line)
                if asked.get("link"):
                    await self._link(reader, writer)
                    break
                answer = await getattr(self, f"_{asked.pop('do')}")(**asked)
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        writer.close()

    async def _link(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Carry what a client in another process writes; hang up when that is killed."""

        def tell(**what: Any) -> None:
            if not writer.is_closing():
                writer.write(json.dumps(what).encode() + b"\n")

        client = BleakClient(
            self._nuki.address,
            disconnected_callback=lambda _: tell(lost=True),
            backend=backend(self._home.central),
        )
        try:
            await client.connect()
        except BleakError, TimeoutError:
            tell(ok=False)
            return
        tell(ok=True)
        try:
            while line := await reader.readline():
                asked = json.loads(line)
                if "listen" in asked:
                    uuid = asked["listen"]
                    await client.start_notify(
                        uuid,
                        lambda _, data, uuid=uuid: tell(uuid=uuid, data=data.hex()),
                    )
                else:
                    data = bytes.fromhex(asked["data"])
                    await client.write_gatt_char(asked["write"], data, response=True)
                tell(ok=True)
        except BleakError:
            tell(ok=False)
        finally:
            with suppress(BleakError):
                await client.disconnect()

    # What can be asked of the lock

    async def _pair(self) -> dict[str, Any]:
        """Pair, and remember the lock as it is then."""
        self._nuki.device.set_pairing(True)
        client = new_client(self._home, self._nuki)
        credentials = await client.pair("SmartLock LE")
        await client.close()
        self._nuki.device.set_pairing(False)
        self._fresh = dump(self._nuki.device)
        return {"address": self._nuki.address, **credentials.as_dict()}

    async def _renew(self) -> dict[str, Any]:
        """Make the lock as it was when it was paired."""
        device = self._nuki.device
        while device.bolt.busy:
            await asyncio.sleep(0.01)
        restore(device, self._fresh)
        device.codes.add(345678, "Neighbour", None, device.now)
        device.clock_offset = timedelta(0)
        device.accepted.clear()
        return {}

    async def _press(self, code: int) -> dict[str, Any]:
        """Type a code."""
        return {"opened": self._nuki.device.press(code).opened}

    async def _tell(self) -> dict[str, Any]:
        """Tell what the lock holds and did, once it stands still."""
        device = self._nuki.device
        while device.bolt.busy:
            await asyncio.sleep(0.01)
        kept = dump(device)
        return {
            "codes": kept["codes"],
            "log": kept["log"],
            "accepted": device.accepted.total(),
            "bolt": device.bolt.state.name.lower(),
        }


async def main(path: Path) -> None:
    """Serve until the process that started us is gone."""
    logging.getLogger("bumble").setLevel(logging.ERROR)
    async with VirtualHome(HomeOptions(locks=(OPTIONS,))) as home:
        server = await asyncio.start_unix_server(Server(home).serve, path)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, sys.stdin.read)
        server.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
