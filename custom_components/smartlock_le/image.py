"""The last picture that a camera took of an access."""

from datetime import datetime
from typing import override

from homeassistant.components.image import ImageEntity
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .cameras.camera import Camera
from .entity import CameraEntity
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
            [LastPicture(hass, home, camera)], config_subentry_id=subentry_id
        )

    home.cameras.on_new(add)


class LastPicture(CameraEntity, ImageEntity):
    """The last picture that is kept; nothing once it was erased."""

    def __init__(self, hass: HomeAssistant, home: Home, camera: Camera) -> None:
        """Take the camera."""
        ImageEntity.__init__(self, hass)
        CameraEntity.__init__(self, hass, home, camera, "last_picture")

    @property
    @override
    def image_last_updated(self) -> datetime | None:
        return self.camera.last.time if self.camera.last else None

    @override
    async def async_image(self) -> bytes | None:
        if (last := self.camera.last) is None:
            return None
        return await self.home.cameras.album.read(last)
