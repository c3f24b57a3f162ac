"""A lock of ours in the place of the one that another integration brought.

As Home Assistant's own "change device type" does it: the other is hidden, not removed.
"""

from homeassistant.components.homeassistant import exposed_entities
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er

from .const import DOMAIN


@callback
def set_hidden(hass: HomeAssistant, original: str | None, *, hidden: bool) -> None:
    """Hide the original, or show it again; what a person hid stays hidden."""
    registry = er.async_get(hass)
    entry = registry.async_get(original) if original else None
    if entry is None:
        return
    ours = er.RegistryEntryHider.INTEGRATION
    if hidden and entry.hidden_by is None:
        registry.async_update_entity(entry.entity_id, hidden_by=ours)
    elif not hidden and entry.hidden_by is ours:
        registry.async_update_entity(entry.entity_id, hidden_by=None)


@callback
def take_over(hass: HomeAssistant, original: str | None, ours: str) -> None:
    """Give our lock the name, and to assistants the place, of the original; once."""
    registry = er.async_get(hass)
    before = registry.async_get(original) if original else None
    entry = registry.async_get(ours)
    if before is None or entry is None or DOMAIN in entry.options:
        return
    registry.async_update_entity_options(ours, DOMAIN, {"for": before.id})
    if before.name is not None and entry.name is None:
        registry.async_update_entity(ours, name=before.name)
    settings = exposed_entities.async_get_entity_settings(hass, before.entity_id)
    for assistant, setting in settings.items():
        if (exposed := setting.get("should_expose")) is not None:
            exposed_entities.async_expose_entity(hass, assistant, ours, exposed)
            exposed_entities.async_expose_entity(
                hass, assistant, before.entity_id, False
            )
