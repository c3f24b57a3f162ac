"""The simulated Yale on the air: GATT, advertisement, bolt, keypad, and its short log.

What it does is what a public client expects of it. Reading the log takes the oldest entry
out of it, as with the real one.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from enum import IntEnum
import time
from typing import override

from bumble.att import ATT_UNLIKELY_ERROR_ERROR, ATT_Error, AttributeValue
from bumble.device import Connection
from bumble.gatt import Characteristic, Service

from ..air import Air
from ..peripheral import Peripheral
from .frames import ACKNOWLEDGED, ANSWERED, BadFrame, Session, packed, unpacked

_SERVICE = "0000FE24-0000-1000-8000-00805F9B34FB"
_UUID = "BD4AC61{}-0B45-11E3-8FFD-0800200C9A66"
_INFORMATION = "0000180A-0000-1000-8000-00805F9B34FB"
_YALE = 465
_FLAGS, _NAME, _MANUFACTURER, _SERVICES = 0x01, 0x09, 0xFF, 0x03


class Opcode(IntEnum):
    """What it is told."""

    STATUS = 0x02
    WRITE_SETTING = 0x03
    READ_SETTING = 0x04
    UNLOCK = 0x0A
    LOCK = 0x0B
    CODE_SET = 0x27
    CODE_CLEAR = 0x28
    CODE_ACCESS = 0x2B
    CODE_COMMIT = 0x2C
    LOG = 0x2D
    CODE_GET = 0x39


class Bolt(IntEnum):
    """Where its bolt is."""

    UNLOCKING = 0x02
    UNLOCKED = 0x03
    LOCKING = 0x04
    LOCKED = 0x05


class Source(IntEnum):
    """Who moved it, in its log."""

    REMOTE = 0x00
    MANUAL = 0x01
    AUTO = 0x05


_BOLT, _DOOR, _BATTERY = 0x02, 0x2E, 0x0F
_CLOSED = 0x01
_MOVED, _KEYPAD, _NO_MORE = 0x00, 0x07, 0x80
_DONE, _TWICE, _FULL, _STUCK = 0x00, 0x06, 0x07, 0x1E
_RESULT = 0x0F
_LOG_SIZE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class YaleOptions:
    """How the lock is made."""

    address: str = "C8:CF:D3:00:00:01"
    name: str = "YL12345"
    serial: str = "YLABC12345"
    model: str = "MD-04I"
    firmware: str = "1.2.3"
    key: str = "0123456789abcdef0123456789abcdef"
    slot: int = 1
    motor_s: float = 0.05
    memory: int = 20
    advertising_ms: float = 20.0


class YaleLock(Peripheral):
    """A lock of which a client has the key."""

    def __init__(self, air: Air, options: YaleOptions | None = None) -> None:
        """Put a lock on the air, locked and without a code."""
        options = options or YaleOptions()
        super().__init__(
            air,
            address=options.address,
            name=options.name,
            advertising_ms=options.advertising_ms,
        )
        self.options = options
        self.key = options.key
        self.bolt = Bolt.LOCKED
        self.codes: dict[int, str] = {}
        self.log: deque[dict[int, bytes]] = deque(maxlen=_LOG_SIZE)
        self.moves = 0
        self.jammed = self.forgets = self.refuses = False
        self.deaf_to: set[Opcode] = set()
        """What it does not answer, though it may do it."""
        self._toggle = 0
        self._written = ""
        self._session: Session | None = None
        self._write = self._made(1, self._commanded)
        self._read = self._made(2)
        self._secure_write = self._made(3, self._secured)
        self._secure_read = self._made(4)

    def _made(
        self, number: int, taken: object = lambda _connection, _value: None
    ) -> Characteristic[bytes]:
        return Characteristic(
            _UUID.format(number),
            Characteristic.Properties.WRITE | Characteristic.Properties.INDICATE,
            Characteristic.WRITEABLE,
            AttributeValue(write=taken),  # type: ignore[arg-type]
        )

    @override
    def services(self) -> list[Service]:
        told = (
            ("2A24", self.options.model),
            ("2A25", self.options.serial),
            ("2A26", self.options.firmware),
        )
        information = [
            Characteristic[bytes](
                f"0000{short}-0000-1000-8000-00805F9B34FB",
                Characteristic.Properties.READ,
                Characteristic.READABLE,
                text.encode(),
            )
            for short, text in told
        ]
        channels = [self._write, self._read, self._secure_write, self._secure_read]
        return [Service(_SERVICE, channels), Service(_INFORMATION, information)]

    @override
    def advertisement(self) -> bytes:
        """Say who it is; the last byte changes each time that something happens."""
        return b"".join(
            bytes([len(data) + 1, kind]) + data
            for kind, data in (
                (_FLAGS, b"\x06"),
                (_SERVICES, b"\x24\xfe"),
                (_NAME, self.name.encode()),
                (_MANUFACTURER, _YALE.to_bytes(2, "little") + bytes([self._toggle])),
            )
        )

    @override
    def on_link_lost(self) -> None:
        self._session = None

    # What happens at the door

    def turn(self, *, lock: bool, source: Source = Source.MANUAL) -> None:
        """Move the bolt by hand, or by itself."""
        self._moved(Bolt.LOCKED if lock else Bolt.UNLOCKED)
        self.log.append(
            {
                4: bytes([_MOVED, source, self.bolt, 0]),
                8: int(time.time()).to_bytes(4, "little"),
            }
        )

    def press(self, digits: str) -> int | None:
        """Type a code; return whose it is."""
        for number, known in self.codes.items():
            if known == digits:
                self._moved(Bolt.UNLOCKED)
                when = int(time.time()).to_bytes(4, "little")
                self.log.append(
                    {
                        4: bytes([_KEYPAD]) + when,
                        14: number.to_bytes(2, "little"),
                    }
                )
                return number
        return None

    def _moved(self, bolt: Bolt) -> None:
        self.bolt = bolt
        self._toggle ^= 1
        self.refresh_advertisement()
        self._push()

    def _push(self) -> None:
        """Tell a client that is there."""
        if self._session is not None and self._session.open:
            self._answer(Opcode.STATUS, {4: bytes([_BOLT]), 8: bytes([self.bolt])})

    # What it is told

    def _secured(self, _connection: Connection, value: bytes) -> None:
        if self._session is None:
            key = bytes.fromhex(self.key)
            self._session = Session(key, self.options.slot)
        try:
            answer = self._session.secure(bytes(value))
        except BadFrame:
            self._session = None
            raise ATT_Error(ATT_UNLIKELY_ERROR_ERROR) from None
        self.indicate(self._secure_read, answer)

    def _commanded(self, _connection: Connection, value: bytes) -> None:
        if self._session is None:
            self.cut_link()
            return
        try:
            command = self._session.command(bytes(value))
            opcode = Opcode(command[1])
        except BadFrame, ValueError:
            self.cut_link()
            return
        if opcode in (Opcode.LOCK, Opcode.UNLOCK):
            self.spawn(self._move(opcode))
        elif opcode is Opcode.STATUS:
            self._status(command[4])
        elif opcode in (Opcode.READ_SETTING, Opcode.WRITE_SETTING):
            for kind in (ACKNOWLEDGED, ANSWERED):
                self._answer(opcode, {4: command[4:5]}, kind)
        elif opcode is Opcode.LOG:
            self._answer(opcode, self.log.popleft() if self.log else {4: b"\x80"})
        else:
            self._code(opcode, command)

    def _answer(
        self, opcode: Opcode, fields: dict[int, bytes], kind: int = ANSWERED
    ) -> None:
        if self._session is not None and opcode not in self.deaf_to:
            self.indicate(self._read, self._session.answer(kind, opcode, fields))

    def _status(self, kind: int) -> None:
        value = {
            _BOLT: bytes([self.bolt]),
            _DOOR: bytes([_CLOSED]),
            _BATTERY: (6000).to_bytes(2, "little"),
        }.get(kind, b"\0")
        self._answer(Opcode.STATUS, {4: bytes([kind]), 8: value})

    async def _move(self, opcode: Opcode) -> None:
        self.moves += 1
        lock = opcode is Opcode.LOCK
        self._answer(opcode, {}, ACKNOWLEDGED)
        before, self.bolt = self.bolt, Bolt.LOCKING if lock else Bolt.UNLOCKING
        self._push()
        await asyncio.sleep(self.options.motor_s)
        if self.jammed:
            self.bolt = before
            self._answer(opcode, {_RESULT: bytes([_STUCK])})
            return
        self.turn(lock=lock, source=Source.REMOTE)
        self._answer(opcode, {_RESULT: bytes([_DONE])})

    def _code(self, opcode: Opcode, command: bytes) -> None:
        number = command[11] | command[13] << 8
        result, more = _DONE, {}
        if opcode is Opcode.CODE_GET:
            number = int.from_bytes(command[4:6], "little")
            more = {4: command[4:6], 6: packed(self.codes.get(number, ""))}
        elif opcode is Opcode.CODE_CLEAR:
            self.codes.pop(number, None)
        elif opcode is Opcode.CODE_SET:
            self._written = unpacked(command[4:11])
        elif opcode is Opcode.CODE_COMMIT:
            result = self._commit(number)
        self._answer(opcode, {**more, _RESULT: bytes([result])})

    def _commit(self, number: int) -> int:
        if self.refuses:
            self.refuses = False
            return 0x05
        if self._written in self.codes.values():
            return _TWICE
        if len(self.codes) >= self.options.memory:
            return _FULL
        if not self.forgets:
            self.codes[number] = self._written
        return _DONE
