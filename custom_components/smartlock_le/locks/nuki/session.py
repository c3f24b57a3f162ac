"""One Bluetooth connection to a Nuki: frames out, whole messages in."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
import logging

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.exc import BleakCharacteristicNotFoundError, BleakError

from . import wire
from .messages import PLAIN_SIZES, Command, ErrorReport
from .product import Product, of_services

_LOGGER = logging.getLogger(__name__)

_PAIRING = "a92ee101-5501-11e4-916c-0800200c9a66"
_GENERAL = "a92ee201-5501-11e4-916c-0800200c9a66"
_USER = "a92ee202-5501-11e4-916c-0800200c9a66"


class ConnectionLost(Exception):
    """The link ended while an answer was due."""


class Answered(Exception):
    """The lock answered with an error report."""

    def __init__(self, report: ErrorReport) -> None:
        """Keep the report."""
        super().__init__(f"error 0x{report.code:02X}")
        self.report = report


class Unsupported(Exception):
    """No lock that pairs as we do; `product` is what it is, if that is known."""

    def __init__(self, product: Product | None) -> None:
        """Keep the product."""
        super().__init__(str(product or "unknown"))
        self.product = product


@contextmanager
def radio() -> Iterator[None]:
    """Give every failure of the radio stack within the block the name `BleakError`.

    Where a link dies under it, bleak lets through what broke: bleak-retry-connector
    counts AttributeError, EOFError and BrokenPipeError among the usual failures, and
    bleak itself asserts what only a living link has.
    """
    try:
        yield
    except (AssertionError, AttributeError, EOFError, OSError) as err:
        raise BleakError(type(err).__name__) from err


type Message = tuple[int, bytes]


class Session:
    """Speaks over a connected client: plain while pairing, sealed after."""

    def __init__(
        self,
        client: BleakClient,
        *,
        key: tuple[int, bytes] | None,
        on_unasked: Callable[[int, bytes], None],
    ) -> None:
        """Take a connected client; `key` is (authorization id, shared key)."""
        self._client = client
        self._key = key
        self._on_unasked = on_unasked
        self._inbox: asyncio.Queue[Message | Exception] = asyncio.Queue()
        self._sealed = wire.SealedAssembler()
        self._plain = wire.PlainAssembler(PLAIN_SIZES)

    @property
    def is_connected(self) -> bool:
        """Tell whether the link stands."""
        return self._client.is_connected

    def link_lost(self) -> None:
        """Wake whoever waits for an answer."""
        self._inbox.put_nowait(ConnectionLost())

    async def open(self) -> None:
        """Ask for indications; the lock forgets this with each connection (2.2.1).

        Raises Unsupported where it has no pairing service of ours.
        """
        with radio():
            if self._key is None:
                try:
                    await self._client.start_notify(_PAIRING, self._plain_chunk)
                except BleakCharacteristicNotFoundError:
                    services = [service.uuid for service in self._client.services]
                    raise Unsupported(of_services(services)) from None
            else:
                await self._client.start_notify(_GENERAL, self._plain_chunk)
                await self._client.start_notify(_USER, self._sealed_chunk)

    async def close(self) -> None:
        """End the link."""
        with radio():
            await self._client.disconnect()

    def _plain_chunk(self, _: BleakGATTCharacteristic, chunk: bytearray) -> None:
        try:
            for frame in self._plain.feed(bytes(chunk)):
                self._deliver(*wire.parse_plain(frame))
        except wire.WireError as err:
            self._inbox.put_nowait(err)

    def _sealed_chunk(self, _: BleakGATTCharacteristic, chunk: bytearray) -> None:
        assert self._key is not None
        auth_id, key = self._key
        try:
            for frame in self._sealed.feed(bytes(chunk)):
                self._deliver(*wire.open_sealed(key, auth_id, frame))
        except wire.WireError as err:
            self._inbox.put_nowait(err)

    def _deliver(self, command: int, payload: bytes) -> None:
        if command == Command.ERROR_REPORT:
            try:
                self._inbox.put_nowait(Answered(ErrorReport.parse(payload)))
            except wire.WireError as err:
                self._inbox.put_nowait(err)
        else:
            self._inbox.put_nowait((command, payload))

    async def send(self, command: Command, payload: bytes = b"") -> None:
        """Write one message; what was left unread before it is not its answer."""
        while not self._inbox.empty():
            stale = self._inbox.get_nowait()
            if isinstance(stale, ConnectionLost):
                raise stale
            if isinstance(stale, tuple):
                self._on_unasked(*stale)
        if self._key is None:
            target, frame = _PAIRING, wire.plain_frame(command, payload)
        else:
            auth_id, key = self._key
            target, frame = _USER, wire.sealed_frame(key, auth_id, command, payload)
        with radio():
            await self._client.write_gatt_char(target, frame, response=True)

    async def receive(self, *expected: Command) -> Message:
        """Return the next message that is one of `expected`.

        Raises Answered, ConnectionLost or WireError.
        """
        while True:
            item = await self._inbox.get()
            if isinstance(item, Exception):
                raise item
            if item[0] in expected:
                return item
            self._on_unasked(*item)

    async def ask(self, command: Command, payload: bytes, answer: Command) -> bytes:
        """Send, and return the payload of the one answer."""
        await self.send(command, payload)
        return (await self.receive(answer))[1]

    async def challenge(self) -> bytes:
        """Return a fresh nonce of the lock, 32 bytes; good for one command."""
        asked = Command.CHALLENGE.to_bytes(2, "little")
        nonce = await self.ask(Command.REQUEST_DATA, asked, Command.CHALLENGE)
        if len(nonce) != 32:
            raise wire.WireError("nonce")
        return nonce
