"""One press for help. It opens no door, and needs no PIN: that is for the end of it."""

from typing import override

from homeassistant.components.button import ButtonEntity
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from . import actors
from .emergency.models import Kind, Source
from .entity import HomeEntity
from .home import Home, HomeEntry

PARALLEL_UPDATES = 0

KINDS = (Kind.POLICE, Kind.FIRE, Kind.MEDICAL)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: HomeEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add one for each kind that a person can ask for."""
    async_add_entities(Help(entry.runtime_data, kind) for kind in KINDS)


class Help(HomeEntity, ButtonEntity):
    """Raises distress of one kind."""

    def __init__(self, home: Home, kind: Kind) -> None:
        """Take the home and the kind."""
        super().__init__(home, f"help_{kind}")
        self._kind = kind

    @override
    def shown(self) -> object:
        return None

    @override
    async def async_press(self) -> None:
        actor = await actors.from_context(self.hass, self._context)
        await self.home.emergency.raise_(self._kind, Source.BUTTON, actor)
