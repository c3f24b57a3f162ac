"""What announces things on a camera: sensors and events that Home Assistant has."""

from collections.abc import Callable

from homeassistant.components.event import (
    DOMAIN as EVENT_DOMAIN,
    DoorbellEventType,
    EventDeviceClass,
    EventEntityStateAttribute,
)
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
    State,
    callback,
    split_entity_id,
)
from homeassistant.helpers import entity_registry as er

from ..const import DOMAIN
from ..followed import follow
from .models import Announced, Seen


class Announcers:
    """Those that the owner chose for one camera."""

    def __init__(self, hass: HomeAssistant, told: Callable[[Seen], None]) -> None:
        """Follow none yet; `told` is called when one of them announces something."""
        self._hass = hass
        self._told = told
        self._kinds: dict[str, Seen] = {}
        """By entity."""
        self._undo: CALLBACK_TYPE | None = None

    @callback
    def follow(self, chosen: Announced) -> None:
        """Follow these instead: ids of the registry, or entity ids."""
        self.stop()
        if not chosen:
            return
        registry = er.async_get(self._hass)
        self._kinds = {
            entity_id: kind
            for kind, ids in chosen.items()
            for one in ids
            if (entity_id := er.async_resolve_entity_id(registry, one))
            and not _is_ours(registry.async_get(entity_id))
        }
        self._undo = follow(
            self._hass, self._kinds, self._changed, lambda: self.follow(chosen)
        )

    @callback
    def stop(self) -> None:
        """Follow none any more."""
        if self._undo:
            self._undo()
            self._undo = None

    @callback
    def _changed(self, event: Event[EventStateChangedData]) -> None:
        before, now = event.data["old_state"], event.data["new_state"]
        kind = self._kinds[event.data["entity_id"]]
        if before and now and _announces(kind, before, now):
            self._told(kind)


def _announces(kind: Seen, before: State, now: State) -> bool:
    """Tell whether a change of state is news, not a start or a sensor that came back."""
    if split_entity_id(now.entity_id)[0] != EVENT_DOMAIN:
        return (before.state, now.state) == (STATE_OFF, STATE_ON)
    if STATE_UNAVAILABLE in (before.state, now.state) or now.state == STATE_UNKNOWN:
        return False
    if before.state == now.state:
        return False
    # A doorbell may tell of a fingerprint, too.
    doorbell = now.attributes.get(ATTR_DEVICE_CLASS) == EventDeviceClass.DOORBELL
    said = now.attributes.get(EventEntityStateAttribute.EVENT_TYPE)
    return not (kind is Seen.RING and doorbell) or said == DoorbellEventType.RING


def suggested(hass: HomeAssistant, camera_entity: str) -> dict[str, list[str]]:
    """Return what the camera's device has that may announce something, to be chosen from."""
    registry = er.async_get(hass)
    camera = registry.async_get(camera_entity)
    if camera is None or camera.device_id is None:
        return {}
    found: dict[str, list[str]] = {}
    for entry in er.async_entries_for_device(registry, camera.device_id):
        if _is_ours(entry) or entry.domain not in ("binary_sensor", EVENT_DOMAIN):
            continue
        if kind := _kind(entry):
            found.setdefault(kind.value, []).append(entry.entity_id)
    return found


def _is_ours(entry: er.RegistryEntry | None) -> bool:
    # What we made of an announcement must not announce it again.
    return entry is not None and entry.platform == DOMAIN


def _kind(entry: er.RegistryEntry) -> Seen | None:
    words = f"{entry.translation_key} {entry.unique_id} {entry.original_name}".lower()
    for kind in (Seen.PERSON, Seen.VEHICLE, Seen.PACKAGE):
        if kind in words:
            return kind
    device_class = entry.device_class or entry.original_device_class
    if device_class == EventDeviceClass.DOORBELL:
        return Seen.RING
    return Seen.MOTION if device_class == EventDeviceClass.MOTION else None
