"""The privacy switch of a camera."""

from typing import Any, override

from homeassistant.components.switch import SwitchEntity
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from . import actors
from .cameras.camera import Camera
from .entity import CameraEntity
from .errors import translated
from .home import Home, HomeEntry

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: HomeEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add one for each camera."""
    home = entry.runtime_data

    @callback
    def add(subentry_id: str, camera: Camera) -> None:
        async_add_entities(
            [Privacy(hass, home, camera)], config_subentry_id=subentry_id
        )

    home.cameras.on_new(add)


class Privacy(CameraEntity, SwitchEntity):
    """On: nothing of this camera is taken, whatever happens."""

    _attr_entity_category = EntityCategory.CONFIG

    def __init__(self, hass: HomeAssistant, home: Home, camera: Camera) -> None:
        """Take the camera."""
        super().__init__(hass, home, camera, "privacy")

    @property
    @override
    def is_on(self) -> bool:
        return self.camera.settings.private

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        await self._set(private=True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        await self._set(private=False)

    async def _set(self, *, private: bool) -> None:
        actor = await actors.from_context(self.hass, self._context)
        with translated():
            await self.home.cameras.set_private(self.camera, private, actor)
