"""Conditions of automations, asked by one."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import condition
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.smartlock_le.access.codes import Change
from custom_components.smartlock_le.const import DOMAIN
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.models import Actor, ActorKind
from virtual_home.nuki import NukiLock

from .conftest import until
from .support import GRANT, act

TARGET = {"target": {"entity_id": "event.front_door_access"}}
ASKED: dict[str, dict[str, Any]] = {
    **{
        who: {"condition": "last_access_was_by", "options": {"who": who}}
        for who in ("guest", "resident", "emergency", "known")
    },
    "open": {"condition": "emergency_access_is_open"},
    "battery": {"condition": "battery_is_low", "options": {"below": 30}},
}


async def test_conditions(
    hass: HomeAssistant, entry: HomeEntry, home: Home, nuki: NukiLock
) -> None:
    """What they say as things happen, a lock at which nothing happened included."""
    events = async_capture_events(hass, "told")
    config = {
        "alias": "Door",
        "mode": "queued",
        "triggers": [{"trigger": "event", "event_type": "ask"}],
        "actions": [
            {
                "if": [
                    {**item, **TARGET, "condition": f"{DOMAIN}.{item['condition']}"}
                ],
                "then": [{"event": "told", "event_data": {"name": name}}],
            }
            for name, item in ASKED.items()
        ],
    }
    assert await async_setup_component(hass, "automation", {"automation": config})
    await hass.async_block_till_done()

    async def holds() -> set[str]:
        events.clear()
        hass.bus.async_fire("ask")
        await hass.async_block_till_done()
        return {event.data["name"] for event in events}

    async def charge(percent: int) -> None:
        nuki.device.set_battery(percent)
        await until(lambda: lock.driver.state.battery == percent)

    lock = home.roster.find(nuki.address)
    assert lock
    assert hass.states.is_state("event.front_door_access", "unknown")
    assert await holds() == set()
    await charge(30)
    assert await holds() == {"battery"}
    await charge(80)
    given = await home.codes.add_guest(
        Change(name="Gina", locks=frozenset({nuki.address}), new_code=True),
        Actor(ActorKind.OWNER, "0a1b2c3d"),
    )
    answer = await act(hass, "grant_emergency_access", GRANT)
    assert await holds() == {"open"}
    for digits, who in (
        (given.digits, {"guest", "known"}),
        (answer["code"], {"emergency", "known"}),
    ):
        lock.last_access = None
        nuki.device.press(int(digits))
        await until(lambda: lock.last_access)
        assert await holds() == {"open", *who}
    await act(hass, "revoke_grant", {"grant": answer["grant"]})
    await until(lambda: not home.grants.open_grants())
    nuki.device.turn(lock=True)
    await charge(30)
    assert await holds() == {"emergency", "known", "battery"}
    await hass.config_entries.async_unload(entry.entry_id)
    assert await holds() == set()
    # A battery, a grant: no state of the access event tells of them.
    wanted = {"condition": f"{DOMAIN}.battery_is_low", **TARGET}
    wanted = await condition.async_validate_condition_config(hass, wanted)
    checker = await condition.async_from_config(hass, wanted)
    assert checker.needs_polling
    checker.async_unload()
