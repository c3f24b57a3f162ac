"""A phone with Home Assistant's app, and automations of our blueprints."""

from typing import Any

from homeassistant.components.mobile_app.const import DOMAIN as MOBILE_APP
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry

PHONE = {
    "app_data": {"push_token": "PHONE", "push_url": "http://phone.invalid/push"},
    "app_id": "io.home_assistant",
    "app_name": "Phone",
    "app_version": "1",
    "device_id": "phone",
    "device_name": "Phone",
    "manufacturer": "nobody",
    "model": "none",
    "os_name": "none",
    "os_version": "1",
    "supports_encryption": False,
    "user_id": "nobody",
    "webhook_id": "webhook",
}


class Phone:
    """What a phone is told."""

    def __init__(self) -> None:
        """Have heard nothing."""
        self.device_id = ""
        self.heard: list[dict[str, Any]] = []

    def told(self) -> list[str]:
        """Return the messages since last asked."""
        messages = [message["message"] for message in self.heard]
        self.heard.clear()
        return messages

    async def start(self, hass: HomeAssistant) -> None:
        """Connect it."""
        assert await async_setup_component(hass, MOBILE_APP, {})
        phone = MockConfigEntry(domain=MOBILE_APP, data=PHONE, title="Phone")
        phone.add_to_hass(hass)
        assert await hass.config_entries.async_setup(phone.entry_id)
        await hass.async_block_till_done()
        (device,) = dr.async_entries_for_config_entry(
            dr.async_get(hass), phone.entry_id
        )
        self.device_id = device.id

        async def notify(call: ServiceCall) -> None:
            self.heard.append(dict(call.data))

        # The phone itself: everything up to here is Home Assistant's own.
        hass.services.async_register("notify", "mobile_app_phone", notify)


async def automate(hass: HomeAssistant, name: str, **inputs: Any) -> None:
    """Make an automation of one of our blueprints, as a person does."""
    config = {
        "id": "door",
        "alias": "Door",
        "use_blueprint": {"path": f"smartlock_le/{name}.yaml", "input": inputs},
    }
    assert await async_setup_component(hass, "automation", {"automation": config})
    await hass.async_block_till_done()
    state = hass.states.get("automation.door")
    assert state and state.state == "on"
