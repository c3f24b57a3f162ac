"""What every entity of ours shares."""

from abc import abstractmethod
from typing import override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import CONNECTION_BLUETOOTH, DeviceInfo
from homeassistant.helpers.entity import Entity

from .cameras.camera import Camera
from .const import DOMAIN
from .home import Home
from .locks.entities import device_of
from .locks.managed import ManagedLock


def home_identifier(entry: ConfigEntry) -> tuple[str, str]:
    """Return the identifier of the home's device."""
    return (DOMAIN, entry.entry_id)


class HomeEntity(Entity):
    """Something of the home as a whole."""

    _attr_has_entity_name = True
    _attr_should_poll = False
    _shown: object = None

    def __init__(self, home: Home, key: str) -> None:
        """Take the home and the entity's own key."""
        self.home = home
        self._attr_translation_key = key
        self._attr_unique_id = f"{home.entry.entry_id}_{key}"
        self._attr_device_info = DeviceInfo(identifiers={home_identifier(home.entry)})

    @override
    async def async_added_to_hass(self) -> None:
        self.async_on_remove(self.home.listen(self._home_changed))

    @abstractmethod
    def shown(self) -> object:
        """Return all that the entity shows; written again only when it changed."""

    @callback
    def _home_changed(self) -> None:
        # Every entry of the log is a change of the home, and few change what we show.
        if (shown := self.shown()) != self._shown:
            self._shown = shown
            self.async_write_ha_state()


class CameraEntity(Entity):
    """Something of one camera. It stands beside the camera's own entities."""

    _attr_has_entity_name = True
    _attr_should_poll = False

    def __init__(
        self, hass: HomeAssistant, home: Home, camera: Camera, key: str
    ) -> None:
        """Take the camera and the entity's own key."""
        self.home = home
        self.camera = camera
        self._attr_translation_key = key
        self._attr_unique_id = f"{camera.settings.id}_{key}"
        if camera.device_id and (
            device := dr.async_get(hass).async_get(camera.device_id)
        ):
            self.device_entry = device
            return
        self._attr_device_info = DeviceInfo(
            identifiers={(DOMAIN, camera.settings.id)}, name=camera.settings.name
        )

    @override
    async def async_added_to_hass(self) -> None:
        self.async_on_remove(self.camera.on_change(self._camera_changed))

    @callback
    def _camera_changed(self) -> None:
        self.async_write_ha_state()


class LockBaseEntity(Entity):
    """Something of one lock."""

    _attr_has_entity_name = True
    _attr_should_poll = False

    def __init__(self, hass: HomeAssistant, lock: ManagedLock, key: str) -> None:
        """Take the lock and the entity's own key."""
        self.managed = lock
        self._attr_translation_key = key
        self._attr_unique_id = f"{lock.ref.id}_{key}"
        device = (
            device_of(hass, lock.driver.entity_id) if lock.driver.attached else None
        )
        if device:
            # Its device is another integration's: we only stand beside its entities.
            self.device_entry = device
            return
        info = DeviceInfo(
            identifiers={(DOMAIN, lock.ref.id)},
            name=lock.ref.name,
            manufacturer=lock.driver.manufacturer or None,
            model=lock.driver.model,
            sw_version=lock.driver.firmware or None,
        )
        if not lock.driver.attached:
            info["connections"] = {(CONNECTION_BLUETOOTH, lock.ref.id)}
        self._attr_device_info = info

    @override
    async def async_added_to_hass(self) -> None:
        self.async_on_remove(self.managed.driver.on_change(self.async_write_ha_state))

    @property
    @override
    def available(self) -> bool:
        """Only as reachable as the lock."""
        return self.managed.driver.available
