"""Sensors that the owner chose: what they tell is distress."""

from collections.abc import Callable, Collection

from homeassistant.components.binary_sensor import BinarySensorDeviceClass
from homeassistant.const import (
    ATTR_DEVICE_CLASS,
    STATE_OFF,
    STATE_ON,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
)
from homeassistant.core import (
    CALLBACK_TYPE,
    Event,
    EventStateChangedData,
    HomeAssistant,
    callback,
)
from homeassistant.helpers import entity_registry as er

from .emergency.models import Kind
from .followed import follow

_KINDS: dict[str, Kind] = {
    BinarySensorDeviceClass.SMOKE: Kind.FIRE,
    BinarySensorDeviceClass.HEAT: Kind.FIRE,
    BinarySensorDeviceClass.GAS: Kind.GAS,
    BinarySensorDeviceClass.CO: Kind.GAS,
    **dict.fromkeys(
        (
            BinarySensorDeviceClass.DOOR,
            BinarySensorDeviceClass.GARAGE_DOOR,
            BinarySensorDeviceClass.MOTION,
            BinarySensorDeviceClass.OCCUPANCY,
            BinarySensorDeviceClass.OPENING,
            BinarySensorDeviceClass.PRESENCE,
            BinarySensorDeviceClass.SOUND,
            BinarySensorDeviceClass.TAMPER,
            BinarySensorDeviceClass.VIBRATION,
            BinarySensorDeviceClass.WINDOW,
        ),
        Kind.BURGLARY,
    ),
}
"""What a sensor of each class tells; any other is a panic button."""

_AWAY = (STATE_UNAVAILABLE, STATE_UNKNOWN)


class DistressSensors:
    """Follows the chosen sensors."""

    def __init__(self, hass: HomeAssistant, tells: Callable[[Kind], object]) -> None:
        """Take what is called with what is wrong."""
        self._hass = hass
        self._tells = tells
        self._undo: CALLBACK_TYPE | None = None

    @callback
    def follow(self, chosen: Collection[str]) -> None:
        """Follow these and no others: ids of the registry, or entity ids."""
        self.stop()
        if not chosen:
            return
        registry = er.async_get(self._hass)
        found = [er.async_resolve_entity_id(registry, one) for one in chosen]
        self._undo = follow(
            self._hass,
            [one for one in found if one],
            self._changed,
            lambda: self.follow(chosen),
        )

    @callback
    def stop(self) -> None:
        """Follow none any more."""
        if self._undo:
            self._undo()
            self._undo = None

    @callback
    def _changed(self, event: Event[EventStateChangedData]) -> None:
        before, state = event.data["old_state"], event.data["new_state"]
        # One that was on when we began tells nothing new.
        if state is None or before is None or state.state != STATE_ON:
            return
        kind = _KINDS.get(str(state.attributes.get(ATTR_DEVICE_CLASS)), Kind.POLICE)
        # One that comes back and says so does, unless that is a window that stands open.
        known = (STATE_OFF,) if kind is Kind.BURGLARY else (STATE_OFF, *_AWAY)
        if before.state in known:
            self._tells(kind)
