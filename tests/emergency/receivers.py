"""Receivers of a monitoring centre: a real one, and ones that misbehave."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import override

from pysiaalarm import SIAAccount
from pysiaalarm.aio import CommunicationsProtocol, SIAClient, SIAEvent
from pysiaalarm.utils import MessageTypes

from custom_components.smartlock_le.emergency.channels.dc09 import Centre, Dc09
from custom_components.smartlock_le.emergency.channels.dc09_frame import (
    Account,
    Protocol,
)
from custom_components.smartlock_le.emergency.channels.dc09_link import (
    Receiver,
    Transport,
)
from harness.ports import HOST, free_port

PLAIN = "AAA1"


@dataclass
class Real:
    """The receiver of the library `pysiaalarm`."""

    port: int
    client: SIAClient
    events: list[SIAEvent] = field(default_factory=list)

    def receiver(self, transport: Transport = Transport.TCP) -> Receiver:
        """Return where it listens."""
        return Receiver(HOST, self.port, transport)

    @property
    def codes(self) -> list[str]:
        """What was received, in the words of SIA; looks whether it is there left out."""
        return [
            str(event.code)
            for event in self.events
            if event.message_type is not MessageTypes.NULL
        ]


@asynccontextmanager
async def real(
    *accounts: SIAAccount, transport: Transport = Transport.TCP, port: int = 0
) -> AsyncGenerator[Real]:
    """Run one that knows these accounts."""
    port = port or free_port()

    async def received(event: SIAEvent) -> None:
        found.events.append(event)

    client = SIAClient(
        HOST,
        port,
        list(accounts or (SIAAccount(PLAIN),)),
        function=received,
        protocol=CommunicationsProtocol(transport.value.upper()),
    )
    found = Real(port, client)
    # Unlike `async with` of its own, which lets each test wait for its sockets.
    await client.async_start()
    try:
        yield found
    finally:
        async with asyncio.timeout(5):
            await client.async_stop()


@asynccontextmanager
async def scripted(
    answer: Callable[[bytes], bytes | None], *, pieces: int = 1
) -> AsyncGenerator[tuple[Receiver, list[bytes]]]:
    """Run one that answers each frame so; None: never. Gives what it got, too.

    An answer goes out in so many pieces.
    """
    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            got.append(data)
            said = answer(data)
            if said is None:
                continue
            size = -(-len(said) // pieces)
            for start in range(0, len(said), size):
                writer.write(said[start : start + size])
                await writer.drain()
                await asyncio.sleep(0.01 * (pieces > 1))
        writer.close()

    server = await asyncio.start_server(serve, HOST)
    port = server.sockets[0].getsockname()[1]
    try:
        yield Receiver(HOST, port), got
    finally:
        server.close()
        async with asyncio.timeout(5):
            await server.wait_closed()


class _Deaf(asyncio.DatagramProtocol):
    """Hears the second of two datagrams."""

    def __init__(self, answer: Callable[[bytes], bytes], got: list[bytes]) -> None:
        self._answer, self._got = answer, got

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.DatagramTransport)
        self._transport = transport

    @override
    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._got.append(data)
        if len(self._got) > 1:
            self._transport.sendto(self._answer(data), addr)


@asynccontextmanager
async def deaf(
    answer: Callable[[bytes], bytes],
) -> AsyncGenerator[tuple[Receiver, list[bytes]]]:
    """Run one over UDP, to which the first datagram does not come."""
    got: list[bytes] = []
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Deaf(answer, got), (HOST, 0)
    )
    try:
        port = transport.get_extra_info("sockname")[1]
        yield Receiver(HOST, port, Transport.UDP), got
    finally:
        transport.close()


def dead() -> Receiver:
    """Return an address at which nobody listens."""
    return Receiver(HOST, free_port())


def centre(
    *receivers: Receiver,
    account: str = PLAIN,
    protocol: Protocol = Protocol.ADM_CID,
    key: bytes = b"",
    timeout: float = 2.0,
) -> Dc09:
    """Return the way to these."""
    return Dc09(Centre(Account(account, protocol, key), receivers), timeout=timeout)
