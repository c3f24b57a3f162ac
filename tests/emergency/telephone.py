"""A telephone with Home Assistant's app: what it is told comes over its own websocket.

Or by a push service, which then is the only way.
"""

import asyncio
from http import HTTPStatus
from typing import Any, Self

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    WebSocketGenerator,
)

from tests.conftest import until

from .push import PushService


class Telephone:
    """What it was told, and what its owner presses."""

    def __init__(self, hass: HomeAssistant, client: Any, name: str) -> None:
        """Take a client that may register it."""
        self._hass = hass
        self._client = client
        self.name = name
        self.target = f"notify.mobile_app_{name}"
        self.heard: list[dict[str, Any]] = []
        self._listening: asyncio.Task[None] | None = None
        self._hook = ""

    @classmethod
    async def start(
        cls,
        hass: HomeAssistant,
        hass_client: ClientSessionGenerator,
        hass_ws_client: WebSocketGenerator,
        name: str,
        service: PushService | None = None,
    ) -> Self:
        """Register it, as the app does."""
        assert await async_setup_component(hass, "mobile_app", {})
        await hass.async_block_till_done()
        client = await hass_client()
        phone = cls(hass, client, name)
        answer = await client.post(
            "/api/mobile_app/registrations",
            json={
                "app_id": "io.homeassistant.test",
                "app_name": "Test",
                "app_version": "1",
                "app_data": {"push_websocket_channel": True}
                if service is None
                else {"push_url": service.url, "push_token": name},
                "device_id": name,
                "device_name": name,
                "manufacturer": "nobody",
                "model": "none",
                "os_name": "none",
                "os_version": "1",
                "supports_encryption": False,
            },
        )
        assert answer.status == HTTPStatus.CREATED
        phone._hook = (await answer.json())["webhook_id"]
        if service:
            phone.heard = service.brought[name]
            await phone._known()
            return phone
        socket = await hass_ws_client(hass)
        await socket.send_json_auto_id(
            {
                "type": "mobile_app/push_notification_channel",
                "webhook_id": phone._hook,
                "support_confirm": False,
            }
        )
        assert (await socket.receive_json())["success"]
        phone._listening = hass.async_create_background_task(
            phone._listen(socket), "telephone"
        )
        await phone._known()
        return phone

    async def _known(self) -> None:
        action = self.target.partition(".")[2]
        await until(lambda: self._hass.services.has_service("notify", action))

    async def _listen(self, socket: Any) -> None:
        while True:
            said = await socket.receive_json()
            self.heard.append(said["event"])

    async def stop(self) -> None:
        """Switch it off."""
        if self._listening:
            self._listening.cancel()

    async def told(self, part: str) -> dict[str, Any]:
        """Wait for a message with these words in it; return it."""
        found: dict[str, Any] = await until(
            lambda: next(
                (
                    one
                    for one in self.heard
                    if part in f"{one.get('title')} {one['message']}"
                ),
                None,
            )
        )
        return found

    async def press(self, message: dict[str, Any], title: str) -> str:
        """Press a button of a message; return what it sent."""
        actions = {one["title"]: one["action"] for one in message["data"]["actions"]}
        await self.send(actions[title])
        return str(actions[title])

    async def send(self, action: str) -> None:
        """Say that a button was pressed, whether or not it was there."""
        await self.fire("mobile_app_notification_action", {"action": action})

    async def fire(self, event: str, data: dict[str, Any]) -> None:
        """Have Home Assistant fire an event, as the app may."""
        answer = await self._client.post(
            f"/api/webhook/{self._hook}",
            json={
                "type": "fire_event",
                "data": {"event_type": event, "event_data": data},
            },
        )
        assert answer.status == HTTPStatus.OK
