"""The locks."""

from homeassistant.components.lock import LockEntity
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback


class FakeLock(LockEntity):
    """A lock that is locked."""

    _attr_should_poll = False
    _attr_is_locked = True

    def __init__(self, number: int) -> None:
        """Give it its number."""
        self._attr_name = f"Door {number}"
        self._attr_unique_id = f"door_{number}"
        self._attr_device_info = DeviceInfo(
            identifiers={("fake_locks", self._attr_unique_id)}, name=self._attr_name
        )


async def async_setup_entry(
    hass: HomeAssistant,
    entry: ConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add as many as the entry says."""
    async_add_entities(FakeLock(number) for number in range(entry.data["locks"]))
