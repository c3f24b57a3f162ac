"""keymaster as one side of a comparison."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, override
from unittest.mock import patch

from homeassistant.helpers import entity_registry as er

from .peer import Peer
from .sides import FAKE_LOCKS, KEYMASTER, Doors

_AT = f"custom_components.{KEYMASTER}"
_CONST = import_module(f"{_AT}.const")
_BASE = import_module(f"{_AT}.providers._base")
_CLASSES = f"{_AT}.providers.PROVIDER_MAP"
_VERSION = 4
"""Of its config entry."""
_LOCK, _UNLOCK = (0, "Keypad Lock", 5), (1, "Keypad Unlock", 6)

type Tell = Callable[[int, str, int], Awaitable[None]]


def _provider(doors: Doors, slots: int) -> type[Any]:
    """Return what it speaks to a lock through."""

    class Door(_BASE.BaseLockProvider):  # type: ignore[misc, name-defined]
        """A lock that does what it is told at once."""

        domain = FAKE_LOCKS.name
        supports_push_updates = True
        supports_connection_status = True
        tell: Tell

        @property
        def codes(self) -> dict[int, str]:
            entry = er.async_get(self.hass).async_get(self.lock_entity_id)
            assert entry is not None
            return doors.codes[int(entry.unique_id.removeprefix("door_"))]

        async def async_connect(self) -> bool:
            self._connected = True
            return True

        async def async_is_connected(self) -> bool:
            return True

        async def async_get_usercodes(self) -> list[Any]:
            return [
                _BASE.CodeSlot(slot, self.codes.get(slot), slot in self.codes)
                for slot in range(1, slots + 1)
            ]

        async def async_set_usercode(
            self, slot_num: int, code: str, name: str | None = None
        ) -> bool:
            self.codes[slot_num] = code
            return True

        async def async_clear_usercode(self, slot_num: int) -> bool:
            self.codes.pop(slot_num, None)
            return True

        def subscribe_lock_events(
            self, kmlock: Any, callback: Tell
        ) -> Callable[[], None]:
            self.tell = callback
            return lambda: None

    return Door


class Keymaster(Peer):
    """An entry a lock, each with a place for every code; the places are empty."""

    domain = KEYMASTER
    event = _CONST.EVENT_KEYMASTER_LOCK_STATE_CHANGED

    @override
    @contextmanager
    def patched(self) -> Iterator[None]:
        provider = _provider(self.doors, self.size.codes)
        with patch.dict(_CLASSES, {FAKE_LOCKS.name: provider}):
            yield

    @override
    async def make(self) -> None:
        for number, lock in enumerate(await self.lock_entities()):
            data: dict[str, Any] = {
                "lockname": f"Door {number}",
                "lock_entity_id": lock,
                "slots": self.size.codes,
                "start_from": 1,
                "sensorname": None,
                "hide_pins": False,
                "notify_script": None,
                "parent": None,
                "parent_entry_id": None,
                "alarm_level_or_user_code_entity_id": None,
                "alarm_type_or_access_control_entity_id": None,
                "advanced_date_range": True,
                "advanced_day_of_week": True,
            }
            await self.add_entry(KEYMASTER, f"Door {number}", data, _VERSION)

    @override
    async def start(self) -> None:
        await super().start()
        # What comes within five seconds of the last would not be told at all.
        self._coordinator._throttle.is_allowed = _always  # noqa: SLF001

    @override
    def in_step(self) -> bool:
        locks = self._coordinator.kmlocks.values()
        places = sum(len(lock.code_slots) for lock in locks)
        return bool(places == self.size.locks * self.size.codes)

    @property
    def _coordinator(self) -> Any:
        return self.hass.data[KEYMASTER][_CONST.COORDINATOR]

    @override
    async def tell(self, turn: int) -> None:
        slot = 1 + turn // 2 % self.size.codes
        for lock in self._coordinator.kmlocks.values():
            if turn % 2:
                await lock.provider.tell(*_LOCK)
            else:
                await lock.provider.tell(slot, *_UNLOCK[1:])
        await self.settled()


def _always(*args: Any, **kwargs: Any) -> bool:
    return True


SIDE = Keymaster
