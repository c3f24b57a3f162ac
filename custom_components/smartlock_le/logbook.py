"""Lines of the logbook that a person can read; they name nobody."""

from collections.abc import Callable

from homeassistant.components.logbook import (
    LOGBOOK_ENTRY_ENTITY_ID,
    LOGBOOK_ENTRY_MESSAGE,
    LOGBOOK_ENTRY_NAME,
)
from homeassistant.core import Event, HomeAssistant, callback

from .const import DOMAIN, EVENT_ACCESS

# The logbook offers an integration no translation: English, as all of core's.
_EVENTS = {
    "unlocked": "was unlocked",
    "locked": "was locked",
    "opened": "was opened",
    "denied": "let nobody in",
    "jammed": "is jammed",
    "code_added": "got a code",
    "code_removed": "lost a code",
}
_METHODS = {
    "home_assistant": "from Home Assistant",
    "keypad": "at the keypad",
    "app": "with an app",
    "manual": "by hand",
    "button": "with its button",
    "automatic": "by itself",
    "door": "at the door",
}


@callback
def async_describe_events(
    hass: HomeAssistant,
    async_describe_event: Callable[[str, str, Callable[[Event], dict[str, str]]], None],
) -> None:
    """Describe our events."""

    @callback
    def describe(event: Event) -> dict[str, str]:
        data = event.data
        words = [_EVENTS[data["event"]], _METHODS.get(data["method"], "")]
        if data["by_grant"]:
            words.append("under an emergency grant")
        return {
            LOGBOOK_ENTRY_NAME: data["lock"],
            LOGBOOK_ENTRY_MESSAGE: " ".join(filter(None, words)),
            LOGBOOK_ENTRY_ENTITY_ID: data["entity_id"],
        }

    async_describe_event(DOMAIN, EVENT_ACCESS, describe)
