"""A lock that Home Assistant's Matter brought: its entity, its events, its credentials.

A code is the PIN credential of that number. Its user is the lock's own affair: one is made
for a new credential, and goes with the last of it (Matter Application Cluster
Specification, 5.2, Door Lock, SetCredential and ClearCredential).
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
import logging
import sys
from typing import Any, override

from homeassistant.core import Context, HomeAssistant, State, callback

from ..models import (
    UNKNOWN_ACTOR,
    AccessKind,
    Actor,
    LockError,
    LockRef,
    LockRefused,
    LockUnreachable,
    Method,
    Refusal,
)
from . import entities
from .answers import LockEntityMethods, changing
from .companions import nothing
from .driver import Turn
from .numbered import CodeStatus, Numbers
from .telling import TellingDriver

_LOGGER = logging.getLogger(__name__)

_LIBRARY = "matter_server"
_DOOR_LOCK = 0x0101
_ALARM, _OPERATION, _ERROR, _USER_CHANGE = 0, 2, 3, 4
"""Events of the Door Lock cluster."""
_JAM, _SHUT_OUT = 0, 4
_PIN = "pin"
_PIN_CREDENTIAL, _PIN_DATA = 1, 6
_OPERATIONS = {
    0: AccessKind.LOCKED,
    1: AccessKind.UNLOCKED,
    2: AccessKind.DENIED,
    4: AccessKind.OPENED,
}
_CHANGES = {
    0: AccessKind.CODE_ADDED,
    1: AccessKind.CODE_REMOVED,
    2: AccessKind.CODE_ADDED,
}
_METHODS = {
    1: Method.MANUAL,
    2: Method.APP,
    3: Method.KEYPAD,
    4: Method.AUTOMATIC,
    5: Method.BUTTON,
    6: Method.AUTOMATIC,
}
_REMOTE = 7
_OTHER_KEYS = (8, 9, 10)
"""A fob, a finger, a phone: sources that name a key which is no code."""
_REFUSALS = {
    "duplicate": Refusal.CODE_EXISTS,
    "unknown(137)": Refusal.CODES_FULL,
    "set_credential_failed": Refusal.OTHER,
    "invalid_credential_data": Refusal.CODE_INVALID,
    "credential_type_not_supported": Refusal.NOT_SUPPORTED,
}
_MOST_DIGITS = 32


class MatterDriver(TellingDriver):
    """A lock through what Matter makes of it."""

    def __init__(
        self, hass: HomeAssistant, ref: LockRef, numbers: Numbers, usable: range
    ) -> None:
        """Take the lock's id, and which numbers are for us; nothing is followed yet."""
        super().__init__(hass, ref, numbers, usable)
        self._methods = LockEntityMethods(hass, _LIBRARY, _REFUSALS)
        self._limits_known = False
        self._client: Any = None
        self._unsubscribe: Callable[[], None] = nothing

    @override
    async def stop(self) -> None:
        self._unsubscribe()
        self._unsubscribe = nothing
        await super().stop()

    # What it tells

    @override
    @callback
    def _take(self, state: State | None, context: Context | None) -> None:
        self._subscribe()
        super()._take(state, context)

    def _subscribe(self) -> None:
        """Hear the lock's events from the client that Matter has now."""
        running = entities.runtime_of(self._hass, self.ref.id)
        adapter = getattr(running, "adapter", None)
        client = getattr(adapter, "matter_client", None)
        if client is self._client:
            return
        self._unsubscribe()
        self._client, self._unsubscribe = client, nothing
        if client is not None:
            models = sys.modules[f"{_LIBRARY}.common.models"]
            self._unsubscribe = client.subscribe_events(
                callback=self._event,
                event_filter=models.EventType.NODE_EVENT,
                node_filter=_place_of(self.ref.id)[0],
            )

    @override
    def _changed_by(self, name: str) -> Actor:
        # It names the way, and perhaps that of the move before.
        return UNKNOWN_ACTOR

    @callback
    def _event(self, _: Any, event: Any) -> None:
        data = event.data
        if (
            event.endpoint_id != _place_of(self.ref.id)[1]
            or event.cluster_id != _DOOR_LOCK
            or not isinstance(data, Mapping)
        ):
            return
        if event.event_id == _ALARM:
            self._alarmed(data.get("alarmCode"))
        elif event.event_id == _OPERATION:
            self._operated(data, _of(_OPERATIONS, data.get("lockOperationType")))
        elif event.event_id == _ERROR:
            self._operated(data, AccessKind.DENIED)
        elif event.event_id == _USER_CHANGE and data.get("lockDataType") == _PIN_DATA:
            self._changed(data)

    def _alarmed(self, code: Any) -> None:
        if code == _JAM:
            self.jammed(jammed=True)
        elif code == _SHUT_OUT:
            self.happened(AccessKind.DENIED, Method.KEYPAD)

    def _changed(self, data: Mapping[str, Any]) -> None:
        kind = _of(_CHANGES, data.get("dataOperationType"))
        method = _of(_METHODS, data.get("operationSource")) or Method.UNKNOWN
        if kind is not None:
            self.code_changed(kind, method, _number(data.get("dataIndex")))

    def _operated(self, data: Mapping[str, Any], kind: AccessKind | None) -> None:
        if kind is None:
            return
        source = data.get("operationSource")
        if source == _REMOTE and kind is not AccessKind.DENIED:
            self.came_true(kind)
            return
        method = _of(_METHODS, source) or Method.UNKNOWN
        if source in _OTHER_KEYS:
            self.happened(kind, method, _number(data.get("userIndex")), typed=False)
        else:
            self.happened(kind, method, _pin_in(data.get("credentials")))

    # Its codes

    @override
    async def tend(self) -> None:
        """Learn its limits, once."""
        if self._limits_known:
            return
        try:
            async with self.queue.turn(Turn.CODES):
                info = await self._ask("async_get_lock_info")
        except LockUnreachable as err:
            _LOGGER.debug("Lock %s does not tell its limits: %s", self.ref.id, err)
            return
        except LockRefused:
            info = {}
        self._limits_known = True
        numbers = _numbers_in(info)
        if not numbers:
            self.takes_no_codes()
            return
        shortest, longest = info.get("min_pin_length"), info.get("max_pin_length")
        if shortest and longest and shortest <= longest:
            self.lengths = range(shortest, min(longest, _MOST_DIGITS) + 1)
        last = min(self._usable.stop, numbers.stop)
        self._usable = range(self._usable.start, last)

    async def _ask(self, method: str, **fields: Any) -> Any:
        return await self._methods.call(self.entity_id, method, **fields)

    async def _credential(self, number: int) -> Mapping[str, Any]:
        found: Mapping[str, Any] = await self._ask(
            "async_get_lock_credential_status",
            credential_type=_PIN,
            credential_index=number,
        )
        return found

    @override
    async def put_number(self, number: int, digits: str) -> None:
        found = await self._credential(number)
        # A new one makes its user; one that is there keeps it.
        user = found["user_index"] if found["credential_exists"] else None
        self.expect(number)
        async with changing():
            await self._ask(
                "async_set_lock_credential",
                credential_type=_PIN,
                credential_data=digits,
                credential_index=number,
                user_index=user,
            )

    @override
    async def drop_number(self, number: int) -> None:
        self.expect(number)
        async with changing():
            await self._ask(
                "async_clear_lock_credential",
                credential_type=_PIN,
                credential_index=number,
            )

    @override
    async def read_number(self, number: int) -> CodeStatus:
        found = await self._credential(number)
        there = found["credential_exists"]
        return CodeStatus.ENABLED if there else CodeStatus.EMPTY


def _place_of(lock_id: str) -> tuple[int, int]:
    """Return node and endpoint: `matter:<fabric>-<node>-<device>-<endpoint>-MatterLock-...`."""
    _, node, _, endpoint, *_ = lock_id.split("-")
    return int(node, 16), int(endpoint)


def _of[Kind](kinds: Mapping[int, Kind], number: Any) -> Kind | None:
    return kinds.get(number) if isinstance(number, int) else None


def _number(number: Any) -> int | None:
    known = isinstance(number, int) and 0 < number < 0xFFFE
    return number if known else None


def _pin_in(credentials: Any) -> int | None:
    """Return the number of the code among the credentials that were used."""
    for one in credentials if isinstance(credentials, list) else ():
        if isinstance(one, Mapping) and one.get("credentialType") == _PIN_CREDENTIAL:
            return _number(one.get("credentialIndex"))
    return None


def _numbers_in(info: Mapping[str, Any]) -> range:
    """Return which numbers a code can have, by what the lock says of itself."""
    if not info.get("supports_user_management"):
        return range(0)
    if _PIN not in info.get("supported_credential_types", ()):
        return range(0)
    return range(1, int(info.get("max_pin_users") or 0) + 1)


async def matter_numbers(hass: HomeAssistant, lock_id: str) -> range | None:
    """Return which numbers a code can have on a lock; None: it is not known."""
    entry = entities.find(hass, lock_id)
    methods = LockEntityMethods(hass, _LIBRARY, _REFUSALS)
    with suppress(LockError):
        found = await methods.call(
            entry.entity_id if entry else None, "async_get_lock_info"
        )
        return _numbers_in(found)
    return None
