"""Entities of others that the owner chose: their states, and under which name they are now."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from homeassistant.core import (
    CALLBACK_TYPE,
    Event,
    EventStateChangedData,
    HomeAssistant,
    callback,
)
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import async_track_state_change_event


@callback
def follow(
    hass: HomeAssistant,
    entity_ids: Collection[str],
    changed: Callable[[Event[EventStateChangedData]], None],
    anew: Callable[[], None],
) -> CALLBACK_TYPE:
    """Call `changed` with their states, and `anew` when one came, went or has another name.

    Returns what ends that.
    """

    @callback
    def registered(_: Event[er.EventEntityRegistryUpdatedData]) -> None:
        anew()

    undo = [
        hass.bus.async_listen(er.EVENT_ENTITY_REGISTRY_UPDATED, registered, _moves),
    ]
    if entity_ids:
        undo.append(async_track_state_change_event(hass, list(entity_ids), changed))

    @callback
    def stop() -> None:
        for one in undo:
            one()

    return stop


@callback
def _moves(data: Mapping[str, Any]) -> bool:
    return data["action"] != "update" or "old_entity_id" in data
