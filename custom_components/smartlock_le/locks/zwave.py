"""A lock that Home Assistant's Z-Wave JS brought: its entity, its notifications, its users.

Z-Wave JS shows a command as done once the lock has taken it: what the bolt did is a
notification, or the answer of a lock that is asked. Who came over the air is known from
Home Assistant alone, and a jam only as a binary sensor of its own.
"""

from collections.abc import Callable, Mapping
import logging
from typing import Any, override

from homeassistant.const import ATTR_DEVICE_ID, STATE_OFF, STATE_ON
from homeassistant.core import (
    Event,
    EventStateChangedData,
    HomeAssistant,
    State,
    callback,
)
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import async_track_state_change_event

from ..models import (
    AccessKind,
    DoorCommand,
    LockRef,
    LockUnreachable,
    Method,
    OutcomeUnknown,
)
from .any_lock import DONE
from .companions import nothing
from .driver import Bolt, Turn
from .numbered import CodeStatus, Numbers
from .telling import ConfirmedDriver
from .zwave_node import LockNode, find

_LOGGER = logging.getLogger(__name__)

_EVENT = "zwave_js_notification"
_NOTIFICATION, _ACCESS_CONTROL = 0x71, 0x06
_JAM = "-Access Control-Lock state.11"
_SHUT_OUT = "-Access Control-Keypad state.16"
_STATUS = ".node_status"
"""How the unique ids end of what Z-Wave JS makes of what the lock's entity does not show:
a jam, a keypad that is shut, and a lock that does not answer any more."""
_DEAD = "dead"

_KINDS: Mapping[int, tuple[AccessKind, Method]] = {
    0x01: (AccessKind.LOCKED, Method.MANUAL),
    0x02: (AccessKind.UNLOCKED, Method.MANUAL),
    0x05: (AccessKind.LOCKED, Method.KEYPAD),
    0x06: (AccessKind.UNLOCKED, Method.KEYPAD),
    0x09: (AccessKind.LOCKED, Method.AUTOMATIC),
    0x0C: (AccessKind.CODE_REMOVED, Method.UNKNOWN),
    0x0D: (AccessKind.CODE_REMOVED, Method.UNKNOWN),
    0x0E: (AccessKind.CODE_ADDED, Method.UNKNOWN),
    0x13: (AccessKind.DENIED, Method.KEYPAD),
    0x14: (AccessKind.DENIED, Method.UNKNOWN),
    0x15: (AccessKind.DENIED, Method.UNKNOWN),
    0x21: (AccessKind.LOCKED, Method.KEYPAD),
    0x22: (AccessKind.UNLOCKED, Method.KEYPAD),
    0x23: (AccessKind.LOCKED, Method.UNKNOWN),
    0x24: (AccessKind.UNLOCKED, Method.UNKNOWN),
    0x2F: (AccessKind.DENIED, Method.UNKNOWN),
    0x30: (AccessKind.DENIED, Method.UNKNOWN),
    0x31: (AccessKind.DENIED, Method.UNKNOWN),
    0x32: (AccessKind.DENIED, Method.UNKNOWN),
}
"""Events of the notification type Access Control; Z-Wave Notification Command Class."""
_OVER_THE_AIR = {0x03: AccessKind.LOCKED, 0x04: AccessKind.UNLOCKED}
"""Those that name nobody, and confirm what was asked for over the air."""
_ANY_CREDENTIAL = range(0x23, 0x33)
"""Those that come with whatever credential it was, not with a code alone."""


class ZwaveDriver(ConfirmedDriver):
    """A lock through what Z-Wave JS makes of it."""

    def __init__(
        self, hass: HomeAssistant, ref: LockRef, numbers: Numbers, usable: range
    ) -> None:
        """Take the lock's id, and which numbers are for us; nothing is followed yet."""
        super().__init__(hass, ref, numbers, usable)
        self._limits_known = False
        self._signals: Mapping[str, str] = {}
        """These entities: which of the three, by its name."""
        self._dead = False
        self._unfollow_signals: Callable[[], None] = nothing
        self.word = ""

    @override
    async def start(self) -> None:
        await super().start()
        self._undo.append(self._hass.bus.async_listen(_EVENT, self._notified))

    @override
    async def stop(self) -> None:
        self._unfollow_signals()
        self._unfollow_signals = nothing
        await super().stop()

    # What it tells

    @override
    @callback
    def _follow(self) -> None:
        super()._follow()
        self._follow_signals()

    @callback
    @override
    def _companion_changed(self) -> None:
        super()._companion_changed()
        self._follow_signals()

    @override
    def _heard(self, state: State | None) -> bool:
        return super()._heard(state) and not self._dead

    @override
    def _takes_commands(self) -> bool:
        # Z-Wave JS may have given up a lock that would answer: the door is tried.
        return self.available or self._dead

    @callback
    def _follow_signals(self) -> None:
        """Follow what beside the lock itself its device has now."""
        registry = er.async_get(self._hass)
        entry = registry.async_get(self.entity_id) if self.entity_id else None
        beside = (
            er.async_entries_for_device(registry, entry.device_id)
            if entry and entry.device_id
            else []
        )
        signals = {
            one.entity_id: end
            for one in beside
            for end in (_JAM, _SHUT_OUT, _STATUS)
            if one.unique_id.endswith(end)
        }
        if signals == self._signals:
            return
        self._signals = signals
        self._unfollow_signals()
        self._unfollow_signals = async_track_state_change_event(
            self._hass, list(signals), self._signal_changed
        )
        self._signals_again()

    def _signals_again(self) -> None:
        """Take what they show now."""
        for entity_id in self._signals:
            self._signal(entity_id, self._hass.states.get(entity_id), None)

    @callback
    def _signal_changed(self, event: Event[EventStateChangedData]) -> None:
        data = event.data
        self._signal(data["entity_id"], data["new_state"], data["old_state"])

    def _signal(
        self, entity_id: str, state: State | None, before: State | None
    ) -> None:
        """Take what one of them shows."""
        value, end = state.state if state else "", self._signals[entity_id]
        if end == _JAM:
            self.jammed(jammed=value == STATE_ON)
        elif end == _STATUS:
            self._dead = value == _DEAD
            self._show_again()
        elif value == STATE_ON and before is not None and before.state == STATE_OFF:
            self.happened(AccessKind.DENIED, Method.KEYPAD)

    @callback
    def _notified(self, event: Event[dict[str, Any]]) -> None:
        data = event.data
        entry = er.async_get(self._hass).async_get(self.entity_id or "")
        if (
            entry is None
            or data.get(ATTR_DEVICE_ID) != entry.device_id
            or data.get("command_class") != _NOTIFICATION
            or data.get("type") != _ACCESS_CONTROL
            or not isinstance(code := data.get("event"), int)
        ):
            return
        if (asked := _OVER_THE_AIR.get(code)) is not None:
            self.came_true(asked)
        if code not in _KINDS:
            return
        kind, method = _KINDS[code]
        number = _user_in(data.get("parameters"))
        if kind in (AccessKind.CODE_ADDED, AccessKind.CODE_REMOVED):
            self.code_changed(kind, method, number)
        else:
            self.happened(kind, method, number, typed=code not in _ANY_CREDENTIAL)

    # What it is told

    @override
    async def _check(self, command: DoorCommand) -> None:
        try:
            locked = await self._need().locked()
        except LockUnreachable as err:
            raise OutcomeUnknown(str(err)) from None
        if (Bolt.LOCKED if locked else Bolt.UNLOCKED) in DONE[command]:
            return
        await self._wait(lambda: self._shows not in DONE[command])
        # A jam that was shown before the command is not shown again.
        self._signals_again()

    # Its codes

    def _need(self) -> LockNode:
        node = find(self._hass, self.ref.id)
        if node is None:
            raise LockUnreachable("Z-Wave JS does not have it now")
        return node

    @override
    async def tend(self) -> None:
        """Learn its limits, once."""
        if self._limits_known or (node := find(self._hass, self.ref.id)) is None:
            return
        try:
            async with self.queue.turn(Turn.CODES):
                limits = await node.limits()
        except LockUnreachable as err:
            _LOGGER.debug("Lock %s does not tell its limits: %s", self.ref.id, err)
            return
        self._limits_known = True
        if limits is None:
            self.takes_no_codes()
            return
        self.lengths = limits.lengths
        first, last = self._usable.start, min(self._usable.stop, limits.count + 1)
        self._usable = range(first, last)

    @override
    async def put_number(self, number: int, digits: str) -> None:
        self.expect(number)
        await self._need().put(number, digits)

    @override
    async def drop_number(self, number: int) -> None:
        self.expect(number)
        await self._need().drop(number)

    @override
    async def read_number(self, number: int) -> CodeStatus:
        return await self._need().status(number)


def _user_in(parameters: Any) -> int | None:
    """Return the user that a notification names, if it does."""
    number = parameters.get("userId") if isinstance(parameters, Mapping) else None
    known = isinstance(number, int) and 0 < number < 0xFFFF
    return number if known else None


async def zwave_numbers(hass: HomeAssistant, lock_id: str) -> range | None:
    """Return which numbers a code can have on a lock; None: it is not known."""
    if (node := find(hass, lock_id)) is None:
        return None
    try:
        limits = await node.limits()
    except LockUnreachable:
        return None
    return range(1, limits.count + 1) if limits else range(0)
