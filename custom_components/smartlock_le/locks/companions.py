"""What the device of a lock has beside it: a door sensor, a battery."""

from collections.abc import Callable

from homeassistant.components.binary_sensor import (
    DOMAIN as BINARY_SENSOR_DOMAIN,
    BinarySensorDeviceClass,
)
from homeassistant.components.sensor import DOMAIN as SENSOR_DOMAIN, SensorDeviceClass
from homeassistant.const import STATE_OFF, STATE_ON
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import async_track_state_change_event

from ..const import DOMAIN
from .driver import DoorSensor

_DOORS = {BinarySensorDeviceClass.DOOR, BinarySensorDeviceClass.OPENING}
_STATES = {STATE_ON: DoorSensor.OPEN, STATE_OFF: DoorSensor.CLOSED}
LOW = 15
"""Percent at which a battery is called low where nothing else says so."""


class Companions:
    """The other entities of a lock's device, as far as they concern the door."""

    def __init__(self, hass: HomeAssistant, changed: Callable[[], None]) -> None:
        """Follow nothing yet; `changed` is called when one of them shows something else."""
        self._hass = hass
        self._changed = changed
        self._device: str | None = None
        self._undo: Callable[[], None] = nothing
        self._door: str | None = None
        self.battery_entity: str | None = None
        """The sensor of its charge."""
        self._low: str | None = None

    @callback
    def follow(self, entity_id: str) -> None:
        """Follow what the device of this lock has now."""
        self.stop()
        registry = er.async_get(self._hass)
        self._door = self.battery_entity = self._low = None
        lock = registry.async_get(entity_id)
        self._device = lock.device_id if lock else None
        if self._device is None:
            return
        for entry in er.async_entries_for_device(registry, self._device):
            if entry.platform == DOMAIN:
                continue
            kind = entry.device_class or entry.original_device_class
            if entry.domain == BINARY_SENSOR_DOMAIN and kind in _DOORS:
                self._door = entry.entity_id
            elif entry.domain == SENSOR_DOMAIN and kind == SensorDeviceClass.BATTERY:
                self.battery_entity = entry.entity_id
            elif (
                entry.domain == BINARY_SENSOR_DOMAIN
                and kind == BinarySensorDeviceClass.BATTERY
            ):
                self._low = entry.entity_id
        followed = [
            name for name in (self._door, self.battery_entity, self._low) if name
        ]
        if followed:
            self._undo = async_track_state_change_event(
                self._hass, followed, self._one_changed
            )

    @callback
    def concerns(self, entity_id: str) -> bool:
        """Tell whether an entity that changed in the registry is one of them now."""
        entry = er.async_get(self._hass).async_get(entity_id)
        if entry is None:
            return entity_id in (self._door, self.battery_entity, self._low)
        return entry.platform != DOMAIN and (
            entry.device_id is not None and entry.device_id == self._device
        )

    @callback
    def stop(self) -> None:
        """Follow nothing any more."""
        self._undo()
        self._undo = nothing

    @callback
    def _one_changed(self, event: Event[EventStateChangedData]) -> None:
        self._changed()

    def _value(self, entity_id: str | None) -> str:
        state = self._hass.states.get(entity_id) if entity_id else None
        return state.state if state else ""

    @property
    def door(self) -> DoorSensor:
        """What the door sensor says."""
        if self._door is None:
            return DoorSensor.NONE
        return _STATES.get(self._value(self._door), DoorSensor.UNKNOWN)

    @property
    def battery(self) -> int | None:
        """Percent, if it is known."""
        try:
            return min(100, max(0, round(float(self._value(self.battery_entity)))))
        except ValueError, OverflowError:
            return None

    @property
    def battery_critical(self) -> bool:
        """Tell whether the battery is low."""
        if self._low is not None:
            return self._value(self._low) == STATE_ON
        return self.battery is not None and self.battery < LOW


def nothing() -> None:
    """Undo nothing."""
