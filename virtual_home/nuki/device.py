"""What the lock is and does, without its radio: the model behind the commands."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
import os
import struct
import time

from .keypad import Code, CodeBook
from .log import Log
from .motor import Bolt
from .product import SMART_LOCK_2, Product
from .users import Authorization, PinGuard, Users
from .wire import (
    Completion,
    DoorState,
    ErrorCode,
    IdType,
    LockAction,
    LogType,
    NukiError,
    Trigger,
)

FIRMWARE = (3, 9, 5)
BUTTON_PAIRING_S = 30.0
BATTERY_CRITICAL_PERCENT = 20

_LABELS = ("Front door", "Back door", "Garage", "Cellar")
_SOURCE_CODE = 0x01
_WRONG_CODES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LockOptions:
    """How one lock is made."""

    nuki_id: int = 0x1A2B3C4D
    address: str = "54:D2:72:1A:2B:3C"
    label: str = _LABELS[0]
    """The name in Config (0x0015); it advertises as Nuki_<id>."""
    product: Product = SMART_LOCK_2
    pin: int = 1234
    motor_s: float = 1.5
    unlatch_s: float = 3.0
    keypad: bool = True
    pairing: bool = False
    chunk: int | None = None
    """Split indications: section 2 says 20 bytes, newer locks send whole messages."""
    padded: bool = False
    """Append unused fields as real firmware 3.x does, where the document leaves them
    out: 5 bytes of log data, window fields of codes without a limit."""
    timezone_offset_min: int = 60
    pin_attempts: int = 5
    pin_block_s: float = 60.0
    keypad_block_s: float = 0.0
    """Deaf keypad after three wrong codes (error 0x2C); 0 is never."""
    advertising_ms: float = 100.0

    @property
    def name(self) -> str:
        """The advertised name."""
        return f"Nuki_{self.nuki_id:08X}"


def numbered(options: LockOptions, number: int) -> LockOptions:
    """Give the lock with this number an id, an address and a label of its own."""
    nuki_id = options.nuki_id + number
    prefix, tail = options.address[:9], int(options.address[9:].replace(":", ""), 16)
    label = _LABELS[number] if number < len(_LABELS) else f"Door {number + 1}"
    address = prefix + (tail + number).to_bytes(3, "big").hex(":").upper()
    return replace(options, nuki_id=nuki_id, address=address, label=label)


@dataclass(frozen=True, slots=True)
class Press:
    """What the keypad makes of a code."""

    opened: bool
    error: ErrorCode | None = None
    code_id: int = 0
    name: str = ""


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who wants to know how an action goes."""

    moved: Callable[[], None]
    finished: Callable[[Completion], None]


class Device:
    """The model of a lock."""

    def __init__(self, options: LockOptions) -> None:
        """Make a lock as it comes from the factory."""
        self.options = options
        self.bolt = Bolt(options.motor_s, options.unlatch_s)
        self.door = DoorState.CLOSED
        self.battery = 86
        self.clock_offset = timedelta()
        self.firmware = FIRMWARE
        self.pin = PinGuard(options.pin, options.pin_attempts, options.pin_block_s)
        self.codes = CodeBook()
        self.log = Log()
        self.last_action = (0, 0, 0)
        self.config_updates = 0
        self.received: Counter[str] = Counter()
        self.accepted: Counter[str] = Counter()
        self.unread = False
        """Something changed since a client last read the state."""
        self.listeners: list[Callable[[], None]] = []
        self.pairing = options.pairing
        self._pairing_end: asyncio.TimerHandle | None = None
        self._wrong_codes = 0
        self._keypad_deaf_until = 0.0
        self._factory_keys()
        if options.keypad:
            self._add_keypad()

    def _factory_keys(self) -> None:
        self.private_key = os.urandom(32)
        self.uuid = os.urandom(16)
        self.users = Users()

    @property
    def now(self) -> datetime:
        """The lock's own clock, in UTC."""
        return datetime.now(UTC) + self.clock_offset

    def set_clock(self, moment: datetime) -> None:
        """Set the lock's clock (Update Time, 0x0021)."""
        self.clock_offset = moment - datetime.now(UTC)
        self.changed()

    @property
    def timezone_offset(self) -> timedelta:
        """What the lock adds to UTC for local time."""
        return timedelta(minutes=self.options.timezone_offset_min)

    @property
    def battery_byte(self) -> int:
        """Critical Battery state (0x000C).

        Bit 0 is the document's. Firmware 3.x has the charge in bits 2 to 7, in steps
        of two percent.
        """
        critical = self.battery <= BATTERY_CRITICAL_PERCENT
        return self.battery // 2 << 2 | critical

    def changed(self) -> None:
        """Tell the radio and the store."""
        for listener in list(self.listeners):
            listener()

    def news(self) -> None:
        """Mark that there is something to read, which the beacon shows."""
        self.unread = True
        self.changed()

    def state_was_read(self) -> None:
        """Take the mark away."""
        if self.unread:
            self.unread = False
            self.changed()

    # Pairing mode.
    def set_pairing(self, on: bool) -> None:
        """Switch pairing mode; this way it lasts."""
        if self._pairing_end is not None:
            self._pairing_end.cancel()
            self._pairing_end = None
        self.pairing = on
        self.changed()

    def press_button(self) -> None:
        """Hold the button for five seconds: pairing mode until paired, 30 s at most."""
        self.set_pairing(True)
        loop = asyncio.get_running_loop()
        self._pairing_end = loop.call_later(BUTTON_PAIRING_S, self.set_pairing, False)

    def paired(self, user: Authorization) -> None:
        """Keep a new authorization."""
        self.users.entries[user.auth_id] = user
        if self._pairing_end is not None:
            self.set_pairing(False)
        self.changed()

    # The door and what opens it.
    def act(
        self, action: int, record: Callable[[Completion], None], watcher: Watcher
    ) -> None:
        """Run the motor; `record` writes the log entry when it stands."""

        def moved() -> None:
            self.news()
            watcher.moved()

        def finished(completion: Completion) -> None:
            self.last_action = (action, Trigger.SYSTEM, completion)
            record(completion)
            watcher.finished(completion)

        self.bolt.move(action, moved, finished)

    def lock_action(
        self,
        action: int,
        flags: int,
        user: Authorization,
        suffix: str,
        watcher: Watcher,
    ) -> None:
        """Run an action that came over Bluetooth (Lock Action, 0x000D).

        The suffix "should be appended to the log entry": to the name, after a space.
        """
        name = LockAction(action).name.lower() if action in LockAction else str(action)
        self.received[name] += 1

        def record(completion: Completion) -> None:
            self.write_log(
                user.auth_id,
                f"{user.name} {suffix}" if suffix else user.name,
                LogType.LOCK_ACTION,
                bytes([action, Trigger.SYSTEM, flags, completion]),
            )

        self.act(action, record, watcher)
        self.accepted[name] += 1
        user.uses = min(user.uses + 1, 0xFFFF)

    def press(self, digits: int) -> Press:
        """Type a code on the keypad. The lock's clock decides whether it works.

        A known code out of its time is an invalid code to the log: the document has no
        other completion status for it.
        """
        if not self.has_keypad:
            raise NukiError(ErrorCode.UNKNOWN)
        if time.monotonic() < self._keypad_deaf_until:
            return Press(False, ErrorCode.K_ERROR_CODE_INVALID_TIMEOUT_1)
        code = self.codes.find(digits)
        if code is None or not self._works_now(code):
            self._wrong_codes += 1
            if self._wrong_codes >= _WRONG_CODES and self.options.keypad_block_s:
                self._wrong_codes = 0
                self._keypad_deaf_until = time.monotonic() + self.options.keypad_block_s
            return self._refuse(code, Completion.INVALID_CODE)
        self._wrong_codes = 0
        nobody = Watcher(lambda: None, lambda _completion: None)
        try:
            self.act(
                LockAction.UNLOCK,
                lambda completion: self._log_press(code, completion),
                nobody,
            )
        except NukiError:
            return self._refuse(code, Completion.BUSY)
        self.codes.used(code, self.now)
        self.changed()
        return Press(True, None, code.code_id, code.name)

    def _works_now(self, code: Code) -> bool:
        if not code.enabled:
            return False
        return code.window is None or code.window.allows(self.now, self.timezone_offset)

    def _refuse(self, code: Code | None, completion: Completion) -> Press:
        self._log_press(code, completion)
        error = (
            ErrorCode.K_ERROR_BUSY
            if completion is Completion.BUSY
            else ErrorCode.K_ERROR_CODE_INVALID
        )
        if code is None:
            return Press(False, error)
        return Press(False, error, code.code_id, code.name)

    def _log_press(self, code: Code | None, completion: Completion) -> None:
        self.write_log(
            self.keypad_id,
            code.name if code else "",
            LogType.KEYPAD_ACTION,
            struct.pack(
                "<BBBH",
                LockAction.UNLOCK,
                _SOURCE_CODE,
                completion,
                code.code_id if code else 0,
            ),
        )

    def turn(self, *, lock: bool) -> None:
        """Turn the bolt by hand."""
        self.bolt.turn(lock=lock)
        action = LockAction.LOCK if lock else LockAction.UNLOCK
        self.last_action = (action, Trigger.MANUAL, Completion.SUCCESS)
        data = bytes([action, Trigger.MANUAL, 0, Completion.SUCCESS])
        self.write_log(0, "", LogType.LOCK_ACTION, data)

    def move_door(self, *, is_open: bool) -> None:
        """Open or close the door."""
        door = DoorState.OPENED if is_open else DoorState.CLOSED
        if door is self.door:
            return
        self.door = door
        self.write_log(0, "", LogType.DOOR_SENSOR, bytes([0 if is_open else 1]))

    def set_door_sensor(self, door: DoorState) -> None:
        """Pair, remove, spoil or mend the door sensor; it writes no log entry."""
        self.door = door
        self.news()

    def write_log(self, auth_id: int, name: str, kind: LogType, data: bytes) -> None:
        """Write a log entry, by the lock's clock."""
        self.log.add(self.now, auth_id, name, kind, data)
        self.news()

    # The keypad is an authorization like the others.
    @property
    def keypad_id(self) -> int:
        """The authorization of the keypad, or 0."""
        for user in self.users.entries.values():
            if user.id_type is IdType.KEYPAD:
                return user.auth_id
        return 0

    @property
    def has_keypad(self) -> bool:
        """Say whether a keypad is paired."""
        return self.keypad_id != 0

    def set_keypad(self, on: bool) -> None:
        """Pair or remove the keypad; its codes stay in the lock."""
        if on == self.has_keypad:
            return
        if on:
            self._add_keypad()
        else:
            self.users.remove(self.keypad_id)
        self.config_updates = (self.config_updates + 1) % 256
        self.news()

    def _add_keypad(self) -> None:
        keypad = Authorization(
            auth_id=self.users.reserve(),
            id_type=IdType.KEYPAD,
            app_id=0,
            name="Nuki Keypad",
            key=os.urandom(32),
            created=self.now,
        )
        self.users.entries[keypad.auth_id] = keypad

    def set_battery(self, percent: int) -> None:
        """Charge or drain the battery."""
        if not 0 <= percent <= 100:
            raise NukiError(ErrorCode.K_ERROR_BAD_PARAMETER)
        self.battery = percent
        self.news()

    def factory_reset(self) -> None:
        """Forget keys, pairings and codes; the log stays, to compare with."""
        had_keypad = self.has_keypad
        self._factory_keys()
        self.codes = CodeBook()
        if had_keypad:
            self._add_keypad()
        self.news()

    async def stop(self) -> None:
        """End what runs."""
        self.listeners.clear()
        self.set_pairing(False)
        await self.bolt.stop()
