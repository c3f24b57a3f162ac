"""One exchange with one receiver: a frame there, an answer back, over TCP or UDP."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import override

from .channel import NotReached
from .dc09_frame import MAX_FRAME, Answer

UDP_REPEAT = 2.0
"""Seconds after which a datagram that was not answered is sent again."""

type Read = Callable[[bytes], Answer | None]
"""What a piece of bytes answers; None: nothing that counts."""


class Transport(StrEnum):
    """How frames travel."""

    TCP = "tcp"
    UDP = "udp"


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where a receiver listens."""

    host: str
    port: int
    transport: Transport = Transport.TCP


async def exchange(
    receiver: Receiver, frame: bytes, read: Read, timeout: float
) -> Answer:
    """Send a frame and return what is answered within so many seconds. Raises NotReached."""
    talk = _over_tcp if receiver.transport is Transport.TCP else _over_udp
    try:
        async with asyncio.timeout(timeout):
            return await talk(receiver, frame, read)
    except TimeoutError:
        raise NotReached("no_answer") from None
    except OSError, UnicodeError:
        # UnicodeError: a name that no name server could know.
        raise NotReached("not_reached") from None


async def _over_tcp(receiver: Receiver, frame: bytes, read: Read) -> Answer:
    reader, writer = await asyncio.open_connection(receiver.host, receiver.port)
    try:
        writer.write(frame)
        await writer.drain()
        got = b""
        # An answer ends with a carriage return; a few do not send that.
        while len(got) < MAX_FRAME and (piece := await reader.read(MAX_FRAME)):
            got += piece
            for one in got.split(b"\r"):
                if answer := read(one.strip(b"\n")):
                    return answer
        raise NotReached("no_answer")
    finally:
        writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    """Waits for the datagram that answers."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    @override
    def datagram_received(self, data: bytes, addr: object) -> None:
        found = self._read(data[:MAX_FRAME].strip(b"\r\n"))
        if found and not self.answer.done():
            self.answer.set_result(found)

    @override
    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)


async def _over_udp(receiver: Receiver, frame: bytes, read: Read) -> Answer:
    loop = asyncio.get_running_loop()
    transport, waiting = await loop.create_datagram_endpoint(
        lambda: _Datagrams(read), remote_addr=(receiver.host, receiver.port)
    )
    try:
        while True:
            transport.sendto(frame)
            done, _ = await asyncio.wait({waiting.answer}, timeout=UDP_REPEAT)
            if done:
                return waiting.answer.result()
    finally:
        waiting.answer.cancel()
        transport.close()
