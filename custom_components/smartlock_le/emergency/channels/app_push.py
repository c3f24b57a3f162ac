"""One person's telephone by Home Assistant's app, with no trace in Home Assistant.

A notify action is an event that every admin can see, and the time of its entity a state.
So this asks the app's push service itself, as Home Assistant's `mobile_app` does; source:
Home Assistant's developer documentation, "Native app integration: Notifications".
"""

from collections.abc import Mapping
import json
from typing import Any, override

from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.util import slugify

from .asking import ask
from .channel import Channel, Health, NotReached, NotTaken
from .notify import APP, Notice, of_app

_DOMAIN = "mobile_app"
_TOLD = ("app_id", "app_version", "webhook_id", "os_version")
"""What the service is told of the app."""


class AppPush(Channel[Notice]):
    """The way to a telephone."""

    def __init__(self, hass: HomeAssistant, target: str) -> None:
        """Take the notify action, or the notify entity, of the app."""
        self._hass = hass
        self._target = target

    @override
    async def send(self, message: Notice) -> str:
        try:
            await self._send(message)
        except (NotReached, NotTaken) as err:
            self.health = Health(False, err.reason)
            raise
        self.health = Health(True)
        return "app"

    @override
    async def look(self) -> Health:
        there = self._app() is not None
        self.health = Health(there, "" if there else "target_gone")
        return self.health

    async def _send(self, notice: Notice) -> None:
        if (app := self._app()) is None:
            raise NotReached("target_gone")
        body = {
            "title": notice.title,
            "message": notice.message,
            "data": of_app(notice),
            "push_token": app["app_data"]["push_token"],
            "registration_info": {key: app[key] for key in _TOLD if key in app},
        }
        answer = await ask(
            self._hass,
            "POST",
            app["app_data"]["push_url"],
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        if not answer.taken:
            raise NotTaken(answer.refusal)

    def _app(self) -> Mapping[str, Any] | None:
        """Return what the app said of itself, where it has a push service at all."""
        entity = er.async_get(self._hass).async_get(self._target)
        name = self._target.partition(".")[2]
        for entry in self._hass.config_entries.async_loaded_entries(_DOMAIN):
            app: Mapping[str, Any] = entry.data
            action = slugify(f"{APP}{app.get('device_name')}")
            of_entity = entity is not None and entity.config_entry_id == entry.entry_id
            if (action == name or of_entity) and _has_push(app):
                return app
        return None


def _has_push(app: Mapping[str, Any]) -> bool:
    data: Mapping[str, Any] = app.get("app_data", {})
    return {"push_url", "push_token"} <= data.keys()
