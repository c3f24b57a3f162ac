"""Distress, as a keypad that Home Assistant's own screens know: raise it, end it by PIN."""

from typing import override

from homeassistant.components.alarm_control_panel import (
    AlarmControlPanelEntity,
    AlarmControlPanelEntityFeature,
    AlarmControlPanelState,
    CodeFormat,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from . import actors
from .emergency.models import Kind, Source
from .entity import HomeEntity
from .errors import translated
from .home import Home, HomeEntry

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: HomeEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the one of the home."""
    async_add_entities([Distress(entry.runtime_data)])


class Distress(HomeEntity, AlarmControlPanelEntity):
    """What is open, seen from inside the house."""

    _attr_code_arm_required = False
    _attr_code_format = CodeFormat.NUMBER
    _attr_supported_features = AlarmControlPanelEntityFeature.TRIGGER

    def __init__(self, home: Home) -> None:
        """Take the home."""
        super().__init__(home, "distress")

    @override
    def shown(self) -> object:
        return self.alarm_state

    @property
    @override
    def alarm_state(self) -> AlarmControlPanelState:
        """Pending as long as only contacts know of it."""
        found = self.home.emergency.incidents.open()
        if not found:
            return AlarmControlPanelState.DISARMED
        if all(not incident.confirmed for incident in found):
            return AlarmControlPanelState.PENDING
        return AlarmControlPanelState.TRIGGERED

    @override
    async def async_alarm_trigger(self, code: str | None = None) -> None:
        actor = await actors.from_context(self.hass, self._context)
        await self.home.emergency.raise_(Kind.POLICE, Source.PANEL, actor)

    @override
    async def async_alarm_disarm(self, code: str | None = None) -> None:
        actor = await actors.from_context(self.hass, self._context)
        with translated():
            await self.home.emergency.disarm(code or "", actor)
