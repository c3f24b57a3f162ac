"""One connection of a central: discovery, reads, writes and indications."""

import asyncio
from collections.abc import Callable, Coroutine
import contextlib
from typing import Any

from bumble import att
from bumble.core import UUID, BaseBumbleError
from bumble.device import Connection, Peer
from bumble.gatt import GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR
from bumble.gatt_client import CharacteristicProxy, ServiceProxy

_DISCONNECT_TIMEOUT = 2.0


class LinkLostError(Exception):
    """There is no connection, or it went away during the operation."""


class GattError(Exception):
    """The other side refused an ATT request."""

    def __init__(self, code: int) -> None:
        """Keep the ATT error code."""
        super().__init__(f"ATT error 0x{code:02X}")
        self.code = code


def uuid_text(uuid: UUID) -> str:
    """Write a UUID in full and in lower case."""
    text = uuid.to_hex_str("-").lower()
    if len(text) < 36:
        return f"{text:0>8}-0000-1000-8000-00805f9b34fb"
    return text


class Link:
    """A connection. Every operation fails at once when the link goes."""

    def __init__(self, address: str, connection: Connection, peer: Peer) -> None:
        """Watch a fresh connection."""
        self.address = address
        self._connection = connection
        self._peer = peer
        self._lost: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._callbacks: list[Callable[[int], object]] = []
        self._requests: set[asyncio.Task[Any]] = set()
        connection.on(Connection.EVENT_DISCONNECTION, self._on_disconnection)

    @property
    def connected(self) -> bool:
        """Say whether the link is up."""
        return not self._lost.done()

    @property
    def mtu(self) -> int:
        """The ATT MTU that both sides agreed on."""
        return int(self._connection.att_mtu)

    @property
    def services(self) -> list[ServiceProxy]:
        """The services that were discovered."""
        return self._peer.services

    def on_lost(self, callback: Callable[[int], object]) -> None:
        """Call back once, with the reason, when the link goes."""
        self._callbacks.append(callback)

    def _on_disconnection(self, reason: int) -> None:
        if self._lost.done():
            return
        self._lost.set_result(reason)
        for request in self._requests:
            request.cancel()
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(reason)

    async def discover(self, mtu: int) -> None:
        """Agree on an MTU and read the whole GATT table."""
        await self._run(self._peer.request_mtu(mtu))
        await self._run(self._peer.discover_services())
        for service in self._peer.services:
            await self._run(service.discover_characteristics())
            for characteristic in service.characteristics:
                await self._run(characteristic.discover_descriptors())

    async def read(self, handle: int) -> bytes:
        """Read a characteristic or a descriptor."""
        return bytes(await self._run(self._peer.gatt_client.read_value(handle)))

    async def write(self, handle: int, data: bytes, *, response: bool = True) -> None:
        """Write a characteristic or a descriptor, long if it has to be."""
        await self._run(
            self._peer.gatt_client.write_value(handle, data, with_response=response)
        )

    def listen(self, handle: int, callback: Callable[[bytes], None] | None) -> None:
        """Hand what is notified or indicated to `callback`, or to nobody."""
        client = self._peer.gatt_client
        for table in (client.notification_subscribers, client.indication_subscribers):
            if callback is None:
                table.pop(handle, None)
            else:
                table[handle] = {callback}

    async def subscribe(
        self, characteristic: CharacteristicProxy[bytes], *, enable: bool
    ) -> None:
        """Write the client configuration of a characteristic."""
        cccd = characteristic.get_descriptor(
            GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR
        )
        if cccd is None:
            raise GattError(att.ATT_ATTRIBUTE_NOT_FOUND_ERROR)
        notify = characteristic.properties & characteristic.properties.NOTIFY
        bits = (1 if notify else 2) if enable else 0
        await self.write(cccd.handle, bits.to_bytes(2, "little"))

    async def close(self) -> None:
        """Hang up."""
        if not self.connected:
            return
        with contextlib.suppress(TimeoutError, BaseBumbleError):
            async with asyncio.timeout(_DISCONNECT_TIMEOUT):
                await self._connection.disconnect()
        # Also when the controller knew nothing of this link any more.
        self._on_disconnection(0)

    async def _run[T](self, work: Coroutine[Any, Any, T]) -> T:
        if not self.connected:
            work.close()
            raise LinkLostError("not connected")
        task = asyncio.create_task(work)
        self._requests.add(task)
        task.add_done_callback(self._answered)
        either: set[asyncio.Future[Any]] = {task, self._lost}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            # Bumble cancels a request whose link goes away.
            if not task.done() or task.cancelled():
                raise LinkLostError("the link went away")
            return task.result()
        except att.ATT_Error as err:
            raise GattError(err.error_code) from err
        except BaseBumbleError as err:
            raise LinkLostError(str(err)) from err

    def _answered(self, request: asyncio.Task[Any]) -> None:
        """Let go of a request.

        Bumble cannot cope with the answer to a cancelled one, so one that nobody waits
        for any more runs on, until its link ends at the latest.
        """
        self._requests.discard(request)
        if not request.cancelled():
            request.exception()
