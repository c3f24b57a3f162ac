"""The encrypted commands of the keyturner service (section 5).

Checks come in this order: length, nonce, security PIN, parameters. A nonce is taken away
by its first use, right or wrong, and by the end of the link.
"""

from collections.abc import Callable
from dataclasses import dataclass
import os
import struct
import time

from . import messages
from .device import Device, Watcher
from .keypad import Window
from .messages import Reply
from .users import Authorization
from .wire import (
    NONCE_SIZE,
    Command,
    Completion,
    ErrorCode,
    LockAction,
    NukiError,
    Status,
    pack_time,
    same,
    unpack_text,
    unpack_time,
)

_PIN_SIZE = 2
_SUFFIX_SIZE = 20
_COMPLETE = messages.status(Status.COMPLETE)


@dataclass(frozen=True, slots=True)
class _Rule:
    """How a command is checked before it is carried out."""

    handler: Callable[[Authorization, bytes], list[Reply]]
    sizes: tuple[int, ...]
    nonce: bool = True
    pin: bool = True


class Commands:
    """Carries out what a paired client asks."""

    def __init__(
        self, device: Device, send: Callable[[Authorization, Reply], None]
    ) -> None:
        """Serve this device; `send` carries what comes after the answer."""
        self._device = device
        self._send = send
        self._rules: dict[int, _Rule] = {
            Command.REQUEST_DATA: _Rule(self._request_data, (2,), False, False),
            Command.REQUEST_CONFIG: _Rule(self._request_config, (0,), pin=False),
            Command.LOCK_ACTION: _Rule(
                self._lock_action, (6, 6 + _SUFFIX_SIZE), pin=False
            ),
            Command.SIMPLE_LOCK_ACTION: _Rule(
                self._simple_lock_action, (1,), pin=False
            ),
            Command.VERIFY_SECURITY_PIN: _Rule(self._verify_pin, (0,)),
            Command.UPDATE_TIME: _Rule(self._update_time, (7,)),
            Command.REQUEST_AUTHORIZATIONS: _Rule(self._authorizations, (4,)),
            Command.REMOVE_AUTHORIZATION: _Rule(self._remove_authorization, (4,)),
            Command.REQUEST_LOG_ENTRIES: _Rule(self._log_entries, (8,)),
            Command.ADD_KEYPAD_CODE: _Rule(self._add_code, (44,)),
            Command.REQUEST_KEYPAD_CODES: _Rule(self._keypad_codes, (4,)),
            Command.UPDATE_KEYPAD_CODE: _Rule(self._update_code, (47,)),
            Command.REMOVE_KEYPAD_CODE: _Rule(self._remove_code, (2,)),
        }

    def handle(self, user: Authorization, command: int, payload: bytes) -> list[Reply]:
        """Answer one message; raises NukiError."""
        rule = self._rules.get(command)
        if rule is None:
            raise NukiError(ErrorCode.UNKNOWN)
        tail = NONCE_SIZE * rule.nonce + _PIN_SIZE * rule.pin
        size = len(payload) - tail
        if size not in rule.sizes:
            raise NukiError(ErrorCode.BAD_LENGTH)
        if rule.nonce:
            challenge, user.challenge = user.challenge, None
            nonce = payload[size : size + NONCE_SIZE]
            if challenge is None or not same(challenge, nonce):
                raise NukiError(ErrorCode.K_ERROR_BAD_NONCE)
        if rule.pin:
            pin = int.from_bytes(payload[-_PIN_SIZE:], "little")
            self._device.pin.check(pin, time.monotonic())
        user.last_active = self._device.now
        return rule.handler(user, payload[:size])

    def _request_data(self, user: Authorization, payload: bytes) -> list[Reply]:
        """Request Data (0x0001)."""
        match int.from_bytes(payload, "little"):
            case Command.CHALLENGE:
                user.challenge = os.urandom(NONCE_SIZE)
                return [(Command.CHALLENGE, user.challenge)]
            case Command.KEYTURNER_STATES:
                reply = messages.states(self._device)
                self._device.state_was_read()
                return [reply]
            case Command.BATTERY_REPORT:
                return [messages.battery_report(self._device)]
            case _:
                raise NukiError(ErrorCode.K_ERROR_BAD_PARAMETER)

    def _request_config(self, _user: Authorization, _payload: bytes) -> list[Reply]:
        """Request Config (0x0014)."""
        return [messages.config(self._device)]

    # Lock actions, as the example "Perform unlock" in section 9.
    def _lock_action(self, user: Authorization, payload: bytes) -> list[Reply]:
        """Lock Action (0x000D). The App-ID is not compared with the paired one."""
        action, _app_id, flags = struct.unpack_from("<BIB", payload)
        return self._act(user, action, flags, unpack_text(payload[6:]))

    def _simple_lock_action(self, user: Authorization, payload: bytes) -> list[Reply]:
        """Carry out Simple Lock Action (0x0100)."""
        if payload[0] not in (LockAction.UNLOCK, LockAction.LOCK):
            raise NukiError(ErrorCode.K_ERROR_BAD_PARAMETER)
        return self._act(user, payload[0], 0, "")

    def _act(
        self, user: Authorization, action: int, flags: int, suffix: str
    ) -> list[Reply]:
        """Accept, then tell the states as the motor goes, then how it ended.

        Only whoever asked is told. A blocked motor is told as section 6 has it: an
        Error Report K_ERROR_MOTOR_BLOCKED in place of Status COMPLETE.
        """

        def moved() -> None:
            self._send(user, messages.states(self._device))

        def finished(completion: Completion) -> None:
            moved()
            if completion is Completion.MOTOR_BLOCKED:
                code = ErrorCode.K_ERROR_MOTOR_BLOCKED
                self._send(user, messages.error(code, Command.LOCK_ACTION))
            else:
                self._send(user, _COMPLETE)

        watcher = Watcher(moved, finished)
        self._device.lock_action(action, flags, user, suffix, watcher)
        return [messages.status(Status.ACCEPTED)]

    # With the security PIN.
    def _verify_pin(self, _user: Authorization, _payload: bytes) -> list[Reply]:
        """Verify Security PIN (0x0020)."""
        return [_COMPLETE]

    def _update_time(self, _user: Authorization, payload: bytes) -> list[Reply]:
        """Update Time (0x0021)."""
        if (moment := unpack_time(payload)) is None:
            raise NukiError(ErrorCode.K_ERROR_BAD_PARAMETER)
        self._device.set_clock(moment)
        return [_COMPLETE]

    def _authorizations(self, user: Authorization, payload: bytes) -> list[Reply]:
        """Request Authorization Entries (0x0009): count, entries, COMPLETE."""
        offset, count = struct.unpack("<HH", payload)
        users = self._device.users.listed_for(user)
        return [
            (Command.AUTHORIZATION_COUNT, struct.pack("<H", len(users))),
            *map(messages.authorization_entry, users[offset : offset + count]),
            _COMPLETE,
        ]

    def _remove_authorization(
        self, _user: Authorization, payload: bytes
    ) -> list[Reply]:
        """Remove Authorization Entry (0x0008), the client's own as any other."""
        self._device.users.remove(int.from_bytes(payload, "little"))
        self._device.changed()
        return [_COMPLETE]

    def _log_entries(self, _user: Authorization, payload: bytes) -> list[Reply]:
        """Request Log Entries (0x0031): count if asked for, entries, COMPLETE."""
        start, count, order, total = struct.unpack("<IHBB", payload)
        if order > 1 or total > 1:
            raise NukiError(ErrorCode.K_ERROR_BAD_PARAMETER)
        found = self._device.log.after(start, descending=order == 1)
        padded = self._device.options.padded
        return [
            *([messages.log_entry_count(len(found))] if total else []),
            *(messages.log_entry(entry, padded=padded) for entry in found[:count]),
            _COMPLETE,
        ]

    def _need_keypad(self) -> None:
        """Refuse without a keypad: the document has no error for this."""
        if not self._device.has_keypad:
            raise NukiError(ErrorCode.UNKNOWN)

    def _add_code(self, _user: Authorization, payload: bytes) -> list[Reply]:
        """Add Keypad Code (0x0041)."""
        self._need_keypad()
        digits = int.from_bytes(payload[:4], "little")
        window = Window.unpack(payload[25:]) if payload[24] else None
        name = unpack_text(payload[4:24])
        code = self._device.codes.add(digits, name, window, self._device.now)
        self._device.changed()
        data = struct.pack("<H", code.code_id) + pack_time(code.created)
        return [(Command.KEYPAD_CODE_ID, data)]

    def _keypad_codes(self, _user: Authorization, payload: bytes) -> list[Reply]:
        """Request Keypad Codes (0x0043): count, codes, COMPLETE."""
        self._need_keypad()
        offset, count = struct.unpack("<HH", payload)
        codes = list(self._device.codes)
        padded = self._device.options.padded
        return [
            (Command.KEYPAD_CODE_COUNT, struct.pack("<H", len(codes))),
            *(
                messages.keypad_code(code, padded=padded)
                for code in codes[offset : offset + count]
            ),
            _COMPLETE,
        ]

    def _update_code(self, _user: Authorization, payload: bytes) -> list[Reply]:
        """Update Keypad Code (0x0046)."""
        self._need_keypad()
        code_id, digits = struct.unpack_from("<HI", payload)
        enabled, limited = payload[26:28]
        self._device.codes.update(
            code_id,
            digits,
            unpack_text(payload[6:26]),
            bool(enabled),
            Window.unpack(payload[28:]) if limited else None,
        )
        self._device.changed()
        return [_COMPLETE]

    def _remove_code(self, _user: Authorization, payload: bytes) -> list[Reply]:
        """Remove Keypad Code (0x0047)."""
        self._need_keypad()
        self._device.codes.remove(int.from_bytes(payload, "little"))
        self._device.changed()
        return [_COMPLETE]
