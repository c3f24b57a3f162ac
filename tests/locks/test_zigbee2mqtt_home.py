"""A home with a lock that the real Zigbee2MQTT brought: from the dialog to the log."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
import json
import logging
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest

from custom_components.smartlock_le.const import DOMAIN
from custom_components.smartlock_le.home import Home
from custom_components.smartlock_le.locks import numbered as numbered_module
from custom_components.smartlock_le.locks.managed import ManagedLock
from custom_components.smartlock_le.models import HOME_ACTOR, DoorCommand
from tests.conftest import log_of, until
from tests.support import act, issues, keys_file
from tests.zigbee2mqtt import BASE, Zigbee2Mqtt, brought, mqtt_home
from virtual_home.home import VirtualHome
from virtual_home.zigbee.lock import Typed

from .support import eventually


@dataclass(frozen=True, slots=True)
class House:
    """A home whose only lock is that of a real Zigbee2MQTT."""

    z2m: Zigbee2Mqtt
    home: Home
    lock: ManagedLock


@pytest.fixture
async def house(
    hass: HomeAssistant,
    air: VirtualHome,
    z2m: Zigbee2Mqtt,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncGenerator[House]:
    """Found the home with Zigbee2MQTT's lock, as a person clicks."""
    monkeypatch.setattr(numbered_module, "PAUSE", 0.0)
    assert await async_setup_component(hass, "homeassistant", {})
    async with mqtt_home(hass, z2m):
        await brought(hass, z2m, "plain")
        flows = hass.config_entries.flow
        flow = await flows.async_init(DOMAIN, context={"source": "user"})
        flow_id = flow["flow_id"]
        await flows.async_configure(flow_id, {})
        await flows.async_configure(flow_id, {"sharing": False})
        lock_id = z2m.lock_id("plain")
        step = await flows.async_configure(flow_id, {"address": lock_id})
        assert step["step_id"] == "attach_numbered"
        answers = {"own_lock": True, "first": 4, "last": 6}
        result = await flows.async_configure(flow_id, answers)
        assert result["type"] == "create_entry"
        home: Home = result["result"].runtime_data
        lock = home.roster.find(lock_id)
        assert lock
        await until(
            lambda: lock.driver.available and lock.driver.state.bolt == "locked"
        )
        yield House(z2m, home, lock)
        await hass.config_entries.async_unload(result["result"].entry_id)


async def test_help_comes_in(
    hass: HomeAssistant, house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """A code is made, typed, known, ended and taken off."""
    caplog.set_level(logging.DEBUG)
    lock = house.z2m.locks["plain"]
    asked = {"agency": "Engine 7", "incident": "F-1", "reason": "smoke"}
    entity = house.lock.driver.entity_id
    opened = await act(
        hass, "grant_emergency_access", {"lock": entity, "method": "code", **asked}
    )
    digits = opened["code"]
    assert {user: one.pin for user, one in lock.users.table.items()} == {4: digits}
    assert house.z2m.do(lambda: lock.press(digits)) == (Typed.ACCEPTED, 4)

    async def used() -> Any:
        return [e for e in await log_of(house.home, "access") if e["grant"]]

    async def typed() -> Any:
        return [e for e in await used() if e["event"] == "unlocked"]

    [access] = await eventually(typed)
    assert (access["method"], access["actor_kind"]) == ("keypad", "grant")
    assert (access["grant"], access["actor_name"]) == (opened["grant"], "Engine 7")
    await act(hass, "revoke_grant", {"grant": opened["grant"]})
    assert lock.users.table == {}
    assert house.z2m.do(lambda: lock.press(digits)) == (Typed.REFUSED, None)

    async def refused() -> Any:
        return [e for e in await log_of(house.home, "access") if e["event"] == "denied"]

    await eventually(refused)
    told = [e["event"] for e in await log_of(house.home, "access")]
    assert told == ["code_added", "unlocked", "code_removed", "denied"]
    assert house.home.book.numbers(house.lock.ref.id) == {}
    # The digits went through the broker, and were kept nowhere.
    states = json.dumps([s.as_dict() for s in hass.states.async_all()], default=str)
    for text in (caplog.text, states, keys_file(hass).read_text()):
        assert digits not in text
    assert digits not in str(await log_of(house.home))


async def test_our_own_command(house: House) -> None:
    """It is entered before and after, and told once, by who asked."""
    await house.lock.command(DoorCommand.UNLOCK, HOME_ACTOR)

    async def told() -> Any:
        return await log_of(house.home, "access")

    [access] = await eventually(told)
    assert (access["event"], access["method"]) == ("unlocked", "home_assistant")
    assert access["actor_kind"] == "home"
    [outcome] = await log_of(house.home, "outcome")
    assert (outcome["result"], outcome["detail"]) == ("done", "")


async def test_codes_that_everybody_reads(hass: HomeAssistant, house: House) -> None:
    """A repair says so while it is so."""
    topic = f"{BASE}/plain"
    shown = {"state": "LOCK", "users": {"2": {"status": "enabled", "pin_code": "2468"}}}
    house.z2m.publish(topic, json.dumps(shown))
    await until(lambda: "pins_shown" in issues(hass))
    shown["users"] = {"2": {"status": "enabled"}}
    house.z2m.publish(topic, json.dumps(shown))
    await until(lambda: "pins_shown" not in issues(hass))


async def test_the_lock_is_removed(hass: HomeAssistant, house: House) -> None:
    """Its codes of ours come off first, and nothing listens any more."""
    lock = house.z2m.locks["plain"]
    asked = {"agency": "Engine 7", "incident": "F-1", "reason": "smoke"}
    entity = house.lock.driver.entity_id
    await act(
        hass, "grant_emergency_access", {"lock": entity, "method": "code", **asked}
    )
    assert set(lock.users.table) == {4}
    [subentry] = house.home.entry.subentries
    client = hass.data["mqtt"].client
    listened = len(client._simple_subscriptions[f"{BASE}/plain"])
    hass.config_entries.async_remove_subentry(house.home.entry, subentry)
    await until(lambda: not lock.users.table)
    await until(lambda: house.lock.ref.id not in house.home.book)
    assert len(client._simple_subscriptions[f"{BASE}/plain"]) == listened - 1
