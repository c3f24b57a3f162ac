"""What a person may post in public to be helped."""

import json
from typing import Any

from homeassistant.core import Context, HomeAssistant

from custom_components.smartlock_le.diagnostics import (
    async_get_config_entry_diagnostics,
)
from custom_components.smartlock_le.home import HomeEntry
from virtual_home.nuki import NukiLock

from .conftest import add_home, until
from .support import GRANT, act

PIN = 7919


async def test_it_helps_and_tells_nothing_about_anyone(
    hass: HomeAssistant, nuki: NukiLock, hass_admin_user: Any
) -> None:
    """No name, no address whole, no PIN, key or code."""
    hass.config.location_name = "Villa Rosa"
    hass_admin_user.name = "Ada Lovelace"
    nuki.device.pin.pin = PIN
    nuki.device.codes.add(345678, "Grace Hopper", None, nuki.device.now)
    entry: HomeEntry = await add_home(hass, nuki, pin=str(PIN))
    answer = await act(
        hass,
        "grant_emergency_access",
        {**GRANT, "agency": "Sheriff Truman", "incident": "Palmer"},
        context=Context(user_id=hass_admin_user.id),
    )
    guest = {"name": "Dale Cooper", "locks": ["lock.front_door"]}
    made = await act(hass, "add_guest", guest)
    nuki.device.press(345678)
    await act(hass, "verify_log")
    await until(lambda: hass.states.get("lock.front_door").attributes.get("changed_by"))
    found = await async_get_config_entry_diagnostics(hass, entry)
    (lock,) = found["locks"]
    assert found["grants"] == [{"method": "code", "state": "open", "uses": 0}]
    assert found["codes"] == [
        {
            "holder": "guest",
            "ended": False,
            "by_schedule": False,
            "limited": False,
            "places": [{"state": "active", "reason": ""}],
        }
    ]
    assert found["sharing"] is False
    assert found["log"] == {
        "database": "sqlite",
        "size": entry.runtime_data.log.size,
        "problem": None,
        "backlog": 0,
        "lost": 0,
        "last_verification": True,
    }
    assert lock["codes_of_ours"] == 2
    assert (lock["available"], lock["pairing_lost"]) == (True, False)
    assert lock["address"] == f"{nuki.address[:8]}:**:**:**"
    text = json.dumps(found)
    (keys,) = (entry.runtime_data.book[i] for i in entry.runtime_data.book.ids())
    for secret in (
        *("Villa", "Ada", "Grace", "Truman", "Palmer", "smoke", "Front door", "Dale"),
        *(made["pin"], made["guest"]),
        *(str(PIN), answer["code"], answer["grant"], keys.credentials["key"]),
        *(nuki.address[9:], nuki.name, hass_admin_user.id[:8], entry.entry_id),
    ):
        assert secret not in text
    await hass.config_entries.async_unload(entry.entry_id)


async def test_a_home_that_does_not_run_says_so(
    hass: HomeAssistant, entry: HomeEntry
) -> None:
    """There is nothing else to tell, and nothing fails."""
    await hass.config_entries.async_unload(entry.entry_id)
    found = await async_get_config_entry_diagnostics(hass, entry)
    assert found == {"state": "not_loaded"}
