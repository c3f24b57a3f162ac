"""The persons of Home Assistant, whose codes we keep."""

from homeassistant.components.person import DOMAIN as PERSON
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er


@callback
def id_of(hass: HomeAssistant, entity_id: str) -> str | None:
    """Return the id of a person, which stays when it is renamed."""
    entry = er.async_get(hass).async_get(entity_id)
    return entry.unique_id if entry and entry.platform == PERSON else None


@callback
def entity_of(hass: HomeAssistant, person: str) -> str | None:
    """Return the entity of a person; None: there is no such person any more."""
    return er.async_get(hass).async_get_entity_id(PERSON, PERSON, person)


@callback
def name_of(hass: HomeAssistant, person: str) -> str:
    """Return how a person is called."""
    entity_id = entity_of(hass, person)
    state = hass.states.get(entity_id) if entity_id else None
    if state is not None:
        return state.name
    entry = er.async_get(hass).async_get(entity_id) if entity_id else None
    return (entry.name or entry.original_name or "") if entry else ""
