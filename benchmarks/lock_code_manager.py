"""Lock Code Manager as one side of a comparison."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, override
from unittest.mock import patch

from homeassistant.const import EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import CoreState

from .peer import Peer
from .sides import FAKE_LOCKS, LCM, Doors

_AT = f"custom_components.{LCM}"
_CONST = import_module(f"{_AT}.const")
_PROVIDERS = import_module(f"{_AT}.providers")
_WRITTEN = import_module(f"{_AT}.domain.credentials").WriteResult.CONFIRMED
_CODE = import_module(f"{_AT}.domain.models").SlotCredential
_CLASSES = f"{_AT}.domain.locks.INTEGRATIONS_CLASS_MAP"
_TICK = 2.1
"""Seconds after which it has looked at each code again."""
_TICKS = 60


def _provider(doors: Doors) -> type[Any]:
    """Return what it speaks to a lock through."""

    class Door(_PROVIDERS.BaseLock):  # type: ignore[misc, name-defined]
        """A lock that does what it is told at once."""

        domain = FAKE_LOCKS.name
        supports_code_slot_events = True

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.codes = doors.codes[int(self.lock.unique_id.removeprefix("door_"))]
            # It rests, too, between two commands.
            self._min_operation_delay = 0.0

        async def async_is_integration_connected(self) -> bool:
            return True

        async def async_is_device_available(self) -> bool:
            return True

        async def async_hard_refresh_codes(self) -> Any:
            return await self.async_get_usercodes()

        async def async_set_usercode(
            self, code_slot: int, usercode: str, *args: Any, **kwargs: Any
        ) -> Any:
            self.codes[code_slot] = usercode
            return _WRITTEN

        async def async_clear_usercode(self, code_slot: int) -> bool:
            return self.codes.pop(code_slot, None) is not None

        async def async_get_usercodes(self, slots: Any = None) -> Any:
            wanted = self.managed_slots if slots is None else slots
            codes = {slot: _CODE.known(pin) for slot, pin in self.codes.items()}
            return dict.fromkeys(wanted, _CODE.empty()) | codes

    return Door


class LockCodeManager(Peer):
    """One entry with every code, on every lock."""

    domain = LCM
    event = _CONST.EVENT_LOCK_STATE_CHANGED

    @override
    @contextmanager
    def patched(self) -> Iterator[None]:
        with patch.dict(_CLASSES, {FAKE_LOCKS.name: _provider(self.doors)}):
            yield

    @override
    async def make(self) -> None:
        locks = await self.lock_entities()
        slots = {
            slot: {"name": f"Guest {slot}", "pin": f"{4000 + slot}", "enabled": True}
            for slot in range(1, self.size.codes + 1)
        }
        with self._starting():
            await self.add_entry(LCM, "Codes", {"locks": locks, "slots": slots})
        await self.settled()
        for _ in range(_TICKS):
            if self.doors.held == self.size.locks * self.size.codes:
                return
            await self.clock.forward(_TICK)
        raise AssertionError("it does not put its codes on the locks")

    @contextmanager
    def _starting(self) -> Iterator[None]:
        """Let it find Home Assistant at its start: it does the rest at the end of that."""
        self.hass.set_state(CoreState.starting)
        yield
        self.hass.set_state(CoreState.running)
        self.hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)

    @override
    async def start(self) -> None:
        with self._starting():
            await super().start()
        await self.settled()

    @override
    async def tell(self, turn: int) -> None:
        (entry,) = self.entries()
        slot = 1 + turn // 2 % self.size.codes
        for lock in entry.runtime_data.locks.values():
            lock.async_fire_code_slot_event(
                code_slot=slot, to_locked=bool(turn % 2), action_text="keypad"
            )
        await self.settled()


SIDE = LockCodeManager
