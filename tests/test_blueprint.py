"""The ready automation that tells a phone about the door."""

import logging
from typing import Any

from homeassistant.components.mobile_app.const import DOMAIN as MOBILE_APP
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.smartlock_le.home import HomeEntry
from virtual_home.nuki import NukiLock

from .conftest import until
from .support import GRANT, act, unheard

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


@pytest.fixture
async def messages(hass: HomeAssistant, entry: HomeEntry) -> list[dict[str, Any]]:
    """Make an automation of the blueprint, for a phone; return what the phone gets."""
    assert await async_setup_component(hass, MOBILE_APP, {})
    phone = MockConfigEntry(domain=MOBILE_APP, data=PHONE, title="Phone")
    phone.add_to_hass(hass)
    assert await hass.config_entries.async_setup(phone.entry_id)
    await hass.async_block_till_done()
    (device,) = dr.async_entries_for_config_entry(dr.async_get(hass), phone.entry_id)
    heard: list[dict[str, Any]] = []

    async def notify(call: ServiceCall) -> None:
        heard.append(dict(call.data))

    # The phone itself: everything up to here is Home Assistant's own.
    hass.services.async_register("notify", "mobile_app_phone", notify)
    assert await async_setup_component(
        hass,
        "automation",
        {
            "automation": {
                "alias": "Tell",
                "use_blueprint": {
                    "path": "smartlock_le/tell_my_phone.yaml",
                    "input": {
                        "access": "event.front_door_access",
                        "phone": device.id,
                    },
                },
            }
        },
    )
    await hass.async_block_till_done()
    assert hass.states.get("automation.tell").state == "on"
    return heard


async def test_it_tells_what_was_chosen_and_names_nobody(
    hass: HomeAssistant,
    entry: HomeEntry,
    nuki: NukiLock,
    messages: list[dict[str, Any]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A wrong code and an opened door, but neither an unlock nor a reload."""
    nuki.device.press(999999)
    await until(lambda: messages)
    assert messages == [
        {
            "title": "Front door",
            "message": "Somebody tried a wrong code.",
            "target": "webhook",
        }
    ]
    answer = await act(hass, "grant_emergency_access", GRANT)
    nuki.device.press(int(answer["code"]))
    await until(
        lambda: (
            hass.states.get("event.front_door_access").attributes["event_type"]
            == "unlocked"
        )
    )
    await hass.config_entries.async_reload(entry.entry_id)
    lock = next(iter(entry.runtime_data.roster.locks.values()))
    await until(lambda: lock.driver.available and not lock._reading.locked())
    unheard(hass, nuki)
    nuki.device.move_door(is_open=True)
    await until(lambda: len(messages) > 1)
    assert [m["message"] for m in messages[1:]] == ["The door was opened."]
    # The lock is removed under the automation.
    hass.config_entries.async_remove_subentry(entry, next(iter(entry.subentries)))
    await until(lambda: not entry.runtime_data.roster.locks)
    await hass.async_block_till_done()
    assert len(messages) == 2
    assert "Engine" not in str(messages)
    said = [r for r in caplog.records if r.levelno >= logging.WARNING]
    assert [r.getMessage() for r in said if "automation" in r.name + r.msg] == []
    assert "UndefinedError" not in caplog.text
