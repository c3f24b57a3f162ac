"""The Door Lock server: Zigbee Cluster Library, section 7.3."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, override

from zigpy import types as t
from zigpy.zcl import foundation as zcl
from zigpy.zcl.clusters import closures
from zigpy.zcl.clusters.closures import (
    DoorLock,
    OperationEvent,
    OperationEventSource as Source,
    ProgrammingEvent,
    UserStatus,
    UserType,
)
from zigpy.zcl.clusters.general import Alarms

from .cluster import Call, Server
from .options import LockOptions, Readback
from .users import Outcome, User

if TYPE_CHECKING:
    from .lock import Lock
    from .node import Endpoint

NOBODY = 0xFFFF
"""The user id of what nobody's code did."""
JAMMED, WRONG_CODES = 0x00, 0x04
"""Alarm codes, 7.3.2.20."""
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_OWN = DoorLock.ClientCommandDefs
_FAILURE = zcl.Status(Outcome.FAILURE)
# 7.3.2.14: which event has which bit of the mask of its source, where it is not its code.
_MANUAL_BITS = {
    OperationEvent.OnTouchLock: 3,
    OperationEvent.KeyLock: 4,
    OperationEvent.KeyUnlock: 5,
    OperationEvent.AutoLock: 6,
    OperationEvent.ScheduleLock: 7,
    OperationEvent.ScheduleUnlock: 8,
    OperationEvent.Manual_Lock: 9,
    OperationEvent.Manual_Unlock: 10,
}
_OPERATION_MASKS = {
    Source.Keypad: "keypad_operation_event_mask",
    Source.RF: "rf_operation_event_mask",
    Source.Manual: "manual_operation_event_mask",
}
_PROGRAMMING_MASKS = {
    Source.Keypad: "keypad_programming_event_mask",
    Source.RF: "rf_programming_event_mask",
}


class _MaskedPin(t.CharacterString):
    """A PIN that may not be sent: its length, and 0xFF for each digit (7.3.2.12.3.3)."""

    __slots__ = ()

    @override
    def serialize(self) -> bytes:
        return bytes((len(self),)) + b"\xff" * len(self)


def _attributes(options: LockOptions) -> dict[str, Any]:
    everything = 0xFFFF if options.events else 0
    return {
        "lock_state": closures.LockState.Locked,
        "lock_type": closures.LockType.Dead_bolt,
        "actuator_enabled": True,
        "door_state": closures.DoorState.Closed,
        "door_open_events": 0,
        "door_closed_events": 0,
        "open_period": 0,
        "num_of_lock_records_supported": 0,
        "num_of_total_users_supported": options.pin_users,
        "num_of_pin_users_supported": options.pin_users,
        "num_of_rfid_users_supported": 0,
        "num_of_week_day_schedules_supported_per_user": 0,
        "num_of_year_day_schedules_supported_per_user": 0,
        "num_of_holiday_scheduleds_supported": 0,
        "max_pin_len": options.max_pin,
        "min_pin_len": options.min_pin,
        "enable_logging": False,
        "language": "en",
        "auto_relock_time": 0,
        "sound_volume": 1,
        "operating_mode": closures.OperatingMode.Normal,
        "supported_operating_modes": 0x0001,
        "default_configuration_register": 0x0023,
        "enable_local_programming": True,
        "enable_one_touch_locking": True,
        "wrong_code_entry_limit": options.wrong_codes,
        "user_code_temporary_disable_time": options.disable_s,
        "send_pin_ota": options.readback is Readback.PLAIN,
        "require_pin_for_rf_operation": False,
        "zigbee_security_level": 0,
        "alarm_mask": 0x007F,
        "keypad_operation_event_mask": everything & 0x00FF,
        "rf_operation_event_mask": everything & 0x007F,
        "manual_operation_event_mask": everything & 0x07FF,
        "rfid_operation_event_mask": 0,
        "keypad_programming_event_mask": everything & 0x001F,
        "rf_programming_event_mask": everything & 0x007D,
        "rfid_programming_event_mask": 0,
    }


class DoorLockServer(Server):
    """What a lock says and takes over the air; the lock itself is its node."""

    def __init__(self, endpoint: Endpoint, lock: Lock) -> None:
        """Speak for a lock."""
        self._lock = lock
        self._options = lock.options
        super().__init__(endpoint, DoorLock, _attributes(lock.options))
        self.commands = {
            "lock_door": self._lock_door,
            "unlock_door": self._unlock_door,
            "toggle_door": self._toggle_door,
            "unlock_with_timeout": self._unlock_with_timeout,
            "set_pin_code": self._set_pin_code,
            "get_pin_code": self._get_pin_code,
            "clear_pin_code": self._clear_pin_code,
            "clear_all_pin_codes": self._clear_all_pin_codes,
            "set_user_status": self._set_user_status,
            "get_user_status": self._get_user_status,
            "set_user_type": self._set_user_type,
            "get_user_type": self._get_user_type,
        }

    @override
    def reports(self, attribute: int) -> bool:
        by_itself = self._options.reports_door and attribute == self.attribute(
            "door_state"
        )
        return self.bound and (by_itself or attribute in self.reporting)

    # What it tells.

    def _ending(self) -> dict[str, Any]:
        return {"data": ""} if self._options.data_field else {}

    def operated(self, source: Any, event: Any, user: int = NOBODY) -> None:
        """Tell of an operation: command 0x20, 7.3.2.18.32."""
        bit = _MANUAL_BITS.get(event, int(event))
        if bit == OperationEvent.Non_Access_User_Operational_Event:
            bit = 7
        if self.bound and int(self.get(_OPERATION_MASKS[source])) & 1 << bit:
            self.event(
                _OWN.operation_event_notification,
                operation_event_source=source,
                operation_event_code=event,
                user_id=user if self._options.user_ids else NOBODY,
                pin="",
                local_time=_local_time(),
                **self._ending(),
            )

    def programmed(self, source: Any, event: Any, user: int) -> None:
        """Tell of a code that came, changed or went: command 0x21, 7.3.2.18.33."""
        one = self._lock.users.get(user) or User()
        if self.bound and int(self.get(_PROGRAMMING_MASKS[source])) & 1 << int(event):
            self.event(
                _OWN.programming_event_notification,
                program_event_source=source,
                program_event_code=event,
                user_id=user,
                pin="",
                user_type=one.kind,
                user_status=one.status,
                local_time=_local_time(),
                **self._ending(),
            )

    def alarm(self, code: int) -> None:
        """Raise an alarm, if it is not masked."""
        alarms = self.endpoint.servers[int(Alarms.cluster_id)]
        heard = self.bound or alarms.bound
        if heard and int(self.get("alarm_mask")) & 1 << code:
            alarms.event(
                Alarms.ClientCommandDefs.alarm,
                alarm_code=code,
                cluster_id=self.cluster_id,
            )

    # What it does when told: 7.3.2.17.

    def _refused(self, call: Call, response: Any) -> bool:
        status = self.node.trouble.refusal()
        if status is not None:
            self.reply(call, response, status=zcl.Status(status))
        return status is not None

    def _actuate(
        self, call: Call, pin: str | None, response: Any, *, lock: bool
    ) -> bool:
        if self._refused(call, response):
            return False
        user = self._lock.users.admitted(pin) if pin else None
        if self.get("require_pin_for_rf_operation") and user is None:
            self.reply(call, response, status=_FAILURE)
            event = OperationEvent.UnlockFailureInvalidPINorID
            if lock:
                event = OperationEvent.LockFailureInvalidPINorID
            self.operated(Source.RF, event)
            return False
        self.reply(call, response, status=zcl.Status.SUCCESS)
        event = OperationEvent.Lock if lock else OperationEvent.Unlock
        self._lock.drive(Source.RF, event, NOBODY if user is None else user, lock=lock)
        return True

    def _lock_door(self, call: Call, arguments: Any) -> None:
        self._actuate(call, arguments.pin_code, _OWN.lock_door_response, lock=True)

    def _unlock_door(self, call: Call, arguments: Any) -> None:
        self._actuate(call, arguments.pin_code, _OWN.unlock_door_response, lock=False)

    def _toggle_door(self, call: Call, arguments: Any) -> None:
        lock = self.get("lock_state") != closures.LockState.Locked
        self._actuate(call, arguments.pin_code, _OWN.toggle_door_response, lock=lock)

    def _unlock_with_timeout(self, call: Call, arguments: Any) -> None:
        response = _OWN.unlock_with_timeout_response
        if self._actuate(call, arguments.pin_code, response, lock=False):
            self._lock.relock_in(int(arguments.timeout))

    def _set_pin_code(self, call: Call, arguments: Any) -> None:
        if self._refused(call, _OWN.set_pin_code_response):
            return
        users, user = self._lock.users, int(arguments.user_id)
        known = users.get(user) is not None
        outcome = users.set(
            user,
            arguments.user_status,
            arguments.user_type,
            str(arguments.pin_code),
        )
        self.reply(call, _OWN.set_pin_code_response, status=zcl.Status(outcome))
        if outcome is Outcome.SUCCESS:
            event = ProgrammingEvent.PINCodeChanges
            self._changed(user, event if known else ProgrammingEvent.PINCodeAdded)

    def _changed(self, user: int, event: Any) -> None:
        self.changed()
        self.programmed(Source.RF, event, user)

    def _get_pin_code(self, call: Call, arguments: Any) -> None:
        if self._options.readback is Readback.SILENT:
            return
        user = int(arguments.user_id)
        one = self._lock.users.get(user)
        pin = one.pin if one else ""
        shown: Any = pin if self.get("send_pin_ota") else _MaskedPin(pin)
        self.reply(
            call,
            _OWN.get_pin_code_response,
            user_id=user,
            user_status=self._status(user),
            user_type=one.kind if one else UserType.Not_Supported,
            code=shown,
        )

    def _status(self, user: int) -> int:
        if not self._lock.users.exists(user):
            return int(UserStatus.Not_Supported)
        one = self._lock.users.get(user)
        return one.status if one else int(UserStatus.Available)

    def _clear_pin_code(self, call: Call, arguments: Any) -> None:
        if self._refused(call, _OWN.clear_pin_code_response):
            return
        user = int(arguments.user_id)
        there = self._lock.users.exists(user)
        status = zcl.Status.SUCCESS if there else _FAILURE
        self.reply(call, _OWN.clear_pin_code_response, status=status)
        if there and self._lock.users.clear(user):
            self._changed(user, ProgrammingEvent.PINCodeDeleted)

    def _clear_all_pin_codes(self, call: Call, _arguments: Any) -> None:
        if self._refused(call, _OWN.clear_all_pin_codes_response):
            return
        self._lock.users.clear_all()
        self.reply(call, _OWN.clear_all_pin_codes_response, status=zcl.Status.SUCCESS)
        self._changed(NOBODY, ProgrammingEvent.PINCodeDeleted)

    def _set_user_status(self, call: Call, arguments: Any) -> None:
        one = self._lock.users.get(int(arguments.user_id))
        # A code is not made free this way: 7.3.2.17.9.3.
        allowed = arguments.user_status in (UserStatus.Enabled, UserStatus.Disabled)
        self._set_user(call, _OWN.set_user_status_response, one if allowed else None)
        if one and allowed:
            one.status = arguments.user_status
            self.changed()

    def _set_user_type(self, call: Call, arguments: Any) -> None:
        one = self._lock.users.get(int(arguments.user_id))
        allowed = arguments.user_type in list(UserType)[:-1]
        self._set_user(call, _OWN.set_user_type_response, one if allowed else None)
        if one and allowed:
            one.kind = arguments.user_type
            self.changed()

    def _set_user(self, call: Call, response: Any, one: User | None) -> None:
        self.reply(
            call, response, status=_FAILURE if one is None else zcl.Status.SUCCESS
        )

    def _get_user_status(self, call: Call, arguments: Any) -> None:
        user = int(arguments.user_id)
        self.reply(
            call,
            _OWN.get_user_status_response,
            user_id=user,
            user_status=self._status(user),
        )

    def _get_user_type(self, call: Call, arguments: Any) -> None:
        one = self._lock.users.get(int(arguments.user_id))
        self.reply(
            call,
            _OWN.get_user_type_response,
            user_id=arguments.user_id,
            user_type=one.kind if one else UserType.Not_Supported,
        )


def _local_time() -> int:
    """Return seconds since 2000 of a lock whose clock was set to UTC."""
    return int((datetime.now(UTC) - _EPOCH).total_seconds())
