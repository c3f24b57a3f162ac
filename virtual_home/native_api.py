"""ESPHome's native API: frames, addresses and UUIDs as aioesphomeapi has them."""

import asyncio
from typing import Any

from aioesphomeapi import api_pb2
from aioesphomeapi.core import MESSAGE_TYPE_TO_PROTO
from bumble.gatt_client import ServiceProxy
from google.protobuf.message import DecodeError, Message

from .link import uuid_text

# The classes in there are made at run time: type checkers see none of them.
pb: Any = api_pb2

_TYPES = {proto.__name__: number for number, proto in MESSAGE_TYPE_TO_PROTO.items()}
_MAX_FRAME = 65_536


class FrameError(Exception):
    """What arrived is not the plain text API."""


def number(address: str) -> int:
    """Write a Bluetooth address as a number."""
    return int(address.replace(":", ""), 16)


def text(address: int) -> str:
    """Write a Bluetooth address as text."""
    return address.to_bytes(6, "big").hex(":").upper()


def _uuid(uuid: str) -> list[int]:
    value = int(uuid.replace("-", ""), 16)
    return [value >> 64, value & (1 << 64) - 1]


def _varint(value: int) -> bytes:
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    data.append(value)
    return bytes(data)


class Stream:
    """Messages over a TCP connection, in plain text."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Use this connection."""
        self._reader = reader
        self._writer = writer

    @property
    def backlog(self) -> int:
        """Bytes that the other side did not take yet."""
        return self._writer.transport.get_write_buffer_size()

    async def receive(self) -> Message:
        """Read a message; raises FrameError, IncompleteReadError, ConnectionError."""
        if await self._reader.readexactly(1) != b"\0":
            raise FrameError("only plain text is spoken here")
        length, kind = await self._read_varint(), await self._read_varint()
        if length > _MAX_FRAME or kind not in MESSAGE_TYPE_TO_PROTO:
            raise FrameError(f"message {kind} of {length} bytes")
        data = await self._reader.readexactly(length)
        try:
            return MESSAGE_TYPE_TO_PROTO[kind].FromString(data)
        except DecodeError as err:
            raise FrameError(f"message {kind} cannot be read") from err

    async def _read_varint(self) -> int:
        value = 0
        for shift in range(0, 35, 7):
            byte = (await self._reader.readexactly(1))[0]
            value |= (byte & 0x7F) << shift
            if not byte & 0x80:
                return value
        raise FrameError("a number without end")

    def send(self, message: Message) -> None:
        """Write a message, unless the connection is gone."""
        if self._writer.is_closing():
            return
        data = message.SerializeToString()
        kind = _TYPES[type(message).__name__]
        self._writer.write(b"\0" + _varint(len(data)) + _varint(kind) + data)

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()


def describe(address: int, service: ServiceProxy) -> Message:
    """Write one GATT service with all that is in it."""
    message = pb.BluetoothGATTGetServicesResponse(address=address)
    described = message.services.add(
        uuid=_uuid(uuid_text(service.uuid)), handle=service.handle
    )
    for characteristic in service.characteristics:
        entry = described.characteristics.add(
            uuid=_uuid(uuid_text(characteristic.uuid)),
            handle=characteristic.handle,
            properties=int(characteristic.properties),
        )
        for descriptor in characteristic.descriptors:
            entry.descriptors.add(
                uuid=_uuid(uuid_text(descriptor.type)), handle=descriptor.handle
            )
    result: Message = message
    return result
