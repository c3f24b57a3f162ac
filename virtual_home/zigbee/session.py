"""One program that uses the stick: its commands and our responses."""

import asyncio
from typing import TYPE_CHECKING, cast, override

from . import wire
from .wire import Command, Frame, Network, Status

if TYPE_CHECKING:
    from .radio import Radio

_VERSION = b"\x00\x07\x78\x26"
"""Firmware 0x26780700 of a ConBee II."""
_STATE_CHANGE_S = 0.02


class Session(asyncio.Protocol):
    """A connection to the stick."""

    def __init__(self, radio: Radio) -> None:
        """Use this stick."""
        self._radio = radio
        self._splitter = wire.Splitter()
        self._transport: asyncio.Transport | None = None
        self._commands = {
            Command.VERSION: self._version,
            Command.DEVICE_STATE: self._device_state,
            Command.CHANGE_NETWORK_STATE: self._change_network_state,
            Command.READ_PARAMETER: self._read_parameter,
            Command.WRITE_PARAMETER: self._write_parameter,
            Command.UPDATE_NEIGHBOR: self._update_neighbor,
            Command.APS_DATA_REQUEST: self._request,
            Command.APS_DATA_CONFIRM: self._confirm,
            Command.APS_DATA_INDICATION: self._indication,
        }

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._radio.connected(self)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._radio.disconnected(self)

    @override
    def data_received(self, data: bytes) -> None:
        for frame in self._splitter.feed(data):
            handler = self._commands.get(cast("Command", frame.command))
            if handler is None:
                self._send(frame, Status.UNSUPPORTED)
                continue
            try:
                handler(frame)
            except wire.WireError, IndexError:
                self._send(frame, Status.INVALID_VALUE)

    def close(self) -> None:
        """Drop the connection at once."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
        self._radio.disconnected(self)

    def send_state(self) -> None:
        """Say on our own that the device state changed."""
        body = bytes((self._radio.device_state(), 0))
        self._write(wire.encode(Command.DEVICE_STATE_CHANGED, 0, Status.SUCCESS, body))

    def _send(
        self, to: Frame, status: Status = Status.SUCCESS, body: bytes = b""
    ) -> None:
        self._write(wire.encode(to.command, to.seq, status, body))

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    @property
    def _state(self) -> bytes:
        return bytes((self._radio.device_state(),))

    def _version(self, frame: Frame) -> None:
        self._send(frame, body=_VERSION)

    def _device_state(self, frame: Frame) -> None:
        self._send(frame, body=self._state + bytes(2))

    def _change_network_state(self, frame: Frame) -> None:
        wanted = frame.body[0]
        self._send(frame, body=bytes((wanted,)))
        if wanted != self._radio.state:
            self._radio.timers.later(
                _STATE_CHANGE_S, lambda: self._radio.change_state(wanted)
            )

    def _read_parameter(self, frame: Frame) -> None:
        content = wire.payload(frame)
        value = self._radio.read(content[0], content[1:])
        status = Status.UNSUPPORTED if value is None else Status.SUCCESS
        self._send(frame, status, wire.sized(content[:1] + (value or b"")))

    def _write_parameter(self, frame: Frame) -> None:
        content = wire.payload(frame)
        if len(content) < 2:
            raise wire.WireError("no value")
        self._radio.write(content[0], content[1:])
        self._send(frame, body=wire.sized(content[:1]))

    def _update_neighbor(self, frame: Frame) -> None:
        self._send(frame, body=wire.sized(wire.payload(frame)))

    def _request(self, frame: Frame) -> None:
        request = wire.request(wire.payload(frame))
        there = self._radio.state is Network.CONNECTED
        status = Status.SUCCESS if there else Status.NO_NETWORK
        number = bytes((request.request_id,))
        self._send(frame, status, wire.sized(self._state + number))
        if there:
            self._radio.transmit(request)

    def _confirm(self, frame: Frame) -> None:
        if not self._radio.confirms:
            self._send(frame, Status.FAILURE, wire.sized(self._state))
            return
        request, delivery = self._radio.confirms.popleft()
        body = wire.confirm(self._radio.device_state(), request, delivery)
        self._send(frame, body=body)

    def _indication(self, frame: Frame) -> None:
        if not self._radio.indications:
            self._send(frame, Status.FAILURE, wire.sized(self._state))
            return
        indication = self._radio.indications.popleft()
        body = wire.indication(self._radio.device_state(), indication)
        self._send(frame, body=body)
