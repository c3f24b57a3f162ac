"""The simulated Nuki Smart Lock on the air: GATT (section 2), advertisement, messages."""

import asyncio
from collections.abc import Callable
from typing import override
from uuid import UUID

from bumble.att import ATT_READ_NOT_PERMITTED_ERROR, ATT_Error, AttributeValue
from bumble.device import Connection
from bumble.gatt import Characteristic, Service

from ..air import Air
from ..faults import Direction, Fate, Faults
from ..peripheral import Peripheral
from . import messages
from .commands import Commands
from .device import Device, LockOptions
from .messages import Reply
from .pairing import Pairing
from .users import Authorization
from .wire import (
    ErrorCode,
    NukiError,
    decrypt,
    frame,
    parse,
    parse_pdata,
    seal,
    sealed_for,
)

_APPLE = b"\x4c\x00"
_IBEACON = b"\x02\x15"
_TX_POWER = 0xC4
_FLAGS, _NAME, _SERVICE_DATA, _MANUFACTURER = 0x01, 0x09, 0x21, 0xFF


def _field(kind: int, data: bytes) -> bytes:
    return bytes([len(data) + 1, kind]) + data


class NukiLock(Peripheral):
    """A lock: the model `device`, made reachable over Bluetooth.

    Its iBeacon says in bit 0 of the transmit power that the state or the log changed
    since a client last read the state; this is not in the document but in public
    clients. It does not advertise while a client is connected.
    """

    def __init__(self, air: Air, options: LockOptions | None = None) -> None:
        """Put a lock on the air."""
        options = options or LockOptions()
        super().__init__(
            air,
            address=options.address,
            name=options.name,
            chunk=options.chunk,
            advertising_ms=options.advertising_ms,
        )
        self.options = options
        self.device = Device(options)
        self.device.listeners.append(self.refresh_advertisement)
        self.faults = Faults()
        self._pairing = Pairing(self.device)
        self._commands = Commands(self.device, self._send_sealed)
        product = options.product
        self._pairing_gdio = _characteristic(
            product.pairing_gdio, self._on_pairing_write
        )
        # Nobody writes here: it carries what cannot be encrypted.
        self._gdio = _characteristic(product.gdio, lambda _connection, _value: None)
        self._usdio = _characteristic(product.usdio, self._on_user_write)

    @override
    def services(self) -> list[Service]:
        product = self.options.product
        return [
            Service(product.pairing_service, [self._pairing_gdio]),
            Service(product.own_service, [self._gdio, self._usdio]),
        ]

    @override
    def advertisement(self) -> bytes:
        nuki_id = self.options.nuki_id.to_bytes(4, "big")
        beacon = (
            _APPLE
            + _IBEACON
            + UUID(self.options.product.own_service).bytes
            + nuki_id
            + bytes([_TX_POWER | self.device.unread])
        )
        data = (
            _field(_FLAGS, b"\x06")
            + _field(_MANUFACTURER, beacon)
            + _field(_NAME, self.name.encode())
        )
        if self.device.pairing:
            service = UUID(self.options.product.pairing_service).bytes[::-1]
            data += _field(_SERVICE_DATA, service + nuki_id)
        return data

    @override
    def on_link_lost(self) -> None:
        self._pairing.end_link()
        self.device.users.end_link()

    @override
    async def stop(self) -> None:
        await self.device.stop()
        await super().stop()

    # Messages in.
    def _on_pairing_write(self, _connection: Connection, data: bytes) -> None:
        command = int.from_bytes(data[:2], "little") if len(data) > 1 else None
        self._arrive(command, bytes(data), self._pair)

    def _on_user_write(self, _connection: Connection, data: bytes) -> None:
        message = bytes(data)
        command = None
        user, plain, _ = self._open(message)
        if user is not None and len(plain) > 5:
            command = int.from_bytes(plain[4:6], "little")
        self._arrive(command, message, lambda data: self._obey(*self._open(data)))

    def _open(self, message: bytes) -> tuple[Authorization | None, bytes, ErrorCode]:
        try:
            user = self.device.users.get(sealed_for(message))
            return user, decrypt(user.key, message), ErrorCode.UNKNOWN
        except NukiError as err:
            return None, b"", err.code

    def _pair(self, message: bytes) -> None:
        command = int.from_bytes(message[:2], "little")
        try:
            reply = self._pairing.handle(*parse(message))
        except NukiError as err:
            reply = messages.error(err.code, command)
        self._send_plain(self._pairing_gdio, reply)

    def _obey(
        self, user: Authorization | None, plain: bytes, problem: ErrorCode
    ) -> None:
        if user is None:
            # It cannot be encrypted for somebody unknown.
            self._send_plain(self._gdio, messages.error(problem, 0))
            return
        command = 0
        try:
            command, payload = parse_pdata(user.auth_id, plain)
            replies = self._commands.handle(user, command, payload)
        except NukiError as err:
            replies = [messages.error(err.code, command)]
        for reply in replies:
            self._send_sealed(user, reply)

    # Messages out.
    def _send_plain(self, characteristic: Characteristic[bytes], reply: Reply) -> None:
        self._leave(characteristic, reply[0], frame(*reply))

    def _send_sealed(self, user: Authorization, reply: Reply) -> None:
        self._leave(self._usdio, reply[0], seal(user.key, user.auth_id, *reply))

    # What the radio does to them.
    def _arrive(
        self, command: int | None, message: bytes, take: Callable[[bytes], None]
    ) -> None:
        fate = self.faults.decide(Direction.TO_LOCK, command)
        message = self.faults.carried(fate, message)
        self._pass(fate, lambda: take(message))

    def _leave(
        self, characteristic: Characteristic[bytes], command: int, data: bytes
    ) -> None:
        if self.connection is None:
            return
        fate = self.faults.decide(Direction.FROM_LOCK, command)
        data = self.faults.carried(fate, data)
        self._pass(fate, lambda: self.indicate(characteristic, data, fate.chunk))

    def _pass(self, fate: Fate, deliver: Callable[[], None]) -> None:
        if fate.delay:
            self.spawn(self._pass_later(fate, deliver, self.connection))
            return
        for _ in range(fate.copies):
            deliver()
        if fate.cut_link:
            self.cut_link()

    async def _pass_later(
        self, fate: Fate, deliver: Callable[[], None], connection: Connection | None
    ) -> None:
        await asyncio.sleep(fate.delay)
        if connection is not None and self.connection is connection:
            self._pass(Fate(fate.copies, 0.0, fate.cut_link), deliver)


def _characteristic(
    uuid: str, on_write: Callable[[Connection, bytes], None]
) -> Characteristic[bytes]:
    """Make a characteristic "write (long), indicate" (section 2)."""
    return Characteristic(
        uuid,
        Characteristic.Properties.WRITE | Characteristic.Properties.INDICATE,
        Characteristic.WRITEABLE,
        AttributeValue(read=_refuse, write=on_write),
    )


def _refuse(_connection: Connection) -> bytes:
    # Bumble leaves a read unanswered if it is only not permitted.
    raise ATT_Error(ATT_READ_NOT_PERMITTED_ERROR)
