"""Locks that other integrations brought: which there are, and how they are found again."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from homeassistant.components.lock import DOMAIN as LOCK_DOMAIN
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er

from ..const import DOMAIN
from .zigbee2mqtt_messages import address

_DOOR_LOCK = "-257"
"""How ZHA ends the unique id of what stands on a Door Lock cluster."""


class Family(StrEnum):
    """What stands behind a lock: which driver it gets."""

    NUKI = "nuki"
    ZHA = "zha"
    ZIGBEE2MQTT = "zigbee2mqtt"
    ZWAVE = "zwave"
    MATTER = "matter"
    SCHLAGE = "schlage"
    YALE = "yale"
    ANY = "any"


_SECURE_MODE = "_secure_mode"
"""How Yale Access Bluetooth ends the unique id of a second lock entity of the same lock."""
_RUNNING = (ConfigEntryState.LOADED, ConfigEntryState.SETUP_IN_PROGRESS)
_PLATFORMS = {
    "zwave_js": Family.ZWAVE,
    "matter": Family.MATTER,
    "schlage": Family.SCHLAGE,
}
"""What every lock of an integration is."""


@dataclass(frozen=True, slots=True)
class Brought:
    """A lock entity of another integration."""

    lock_id: str
    entity_id: str
    name: str
    platform: str
    family: Family


def id_of(entry: er.RegistryEntry) -> str:
    """Return the id of a lock: it stays when the entity is renamed, or comes back."""
    return f"{entry.platform}:{entry.unique_id}"


@callback
def find(hass: HomeAssistant, lock_id: str) -> er.RegistryEntry | None:
    """Return the entity of a lock, if Home Assistant knows it now."""
    platform, _, unique_id = lock_id.partition(":")
    registry = er.async_get(hass)
    entity_id = registry.async_get_entity_id(LOCK_DOMAIN, platform, unique_id)
    return registry.async_get(entity_id) if entity_id else None


@callback
def runtime_of(hass: HomeAssistant, lock_id: str) -> Any:
    """Return what the integration of a lock runs on; None: it does not run now.

    It is there before the integration's entities are.
    """
    found = find(hass, lock_id)
    if found is None or found.config_entry_id is None:
        return None
    entry = hass.config_entries.async_get_entry(found.config_entry_id)
    if entry is None or entry.state not in _RUNNING:
        return None
    return getattr(entry, "runtime_data", None)


@callback
def device_of(hass: HomeAssistant, entity_id: str | None) -> dr.DeviceEntry | None:
    """Return the device of an entity, if it has one."""
    entry = er.async_get(hass).async_get(entity_id) if entity_id else None
    device = (
        dr.async_get(hass).async_get(entry.device_id)
        if entry and entry.device_id
        else None
    )
    return device if isinstance(device, dr.DeviceEntry) else None


@callback
def brought(hass: HomeAssistant, known: set[str | None]) -> dict[str, Brought]:
    """Return the locks of other integrations that are not in the home, by their id."""
    found: dict[str, Brought] = {}
    for entry in er.async_get(hass).entities.values():
        if (
            entry.domain != LOCK_DOMAIN
            or entry.platform == DOMAIN
            or entry.disabled_by
            or id_of(entry) in known
        ):
            continue
        device = device_of(hass, entry.entity_id)
        state = hass.states.get(entry.entity_id)
        name = state.name if state else entry.original_name or entry.entity_id
        if device is not None and entry.has_entity_name and not state:
            name = device.name_by_user or device.name or name
        found[id_of(entry)] = Brought(
            id_of(entry),
            entry.entity_id,
            name,
            entry.platform,
            family_of(entry, device),
        )
    return found


def family_of(entry: er.RegistryEntry, device: dr.DeviceEntry | None) -> Family:
    """Return which driver a lock entity gets; `device` is what it is on."""
    if (
        entry.platform == "mqtt"
        and (found := address(id_of(entry)))
        and device is not None
        and ("mqtt", f"zigbee2mqtt_{found[0]}") in device.identifiers
    ):
        return Family.ZIGBEE2MQTT
    if entry.platform == "zha" and entry.unique_id.endswith(_DOOR_LOCK):
        return Family.ZHA
    if entry.platform == "yalexs_ble" and not entry.unique_id.endswith(_SECURE_MODE):
        return Family.YALE
    return _PLATFORMS.get(entry.platform, Family.ANY)
