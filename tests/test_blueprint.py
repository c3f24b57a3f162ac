"""The ready automations, in Home Assistant's own blueprints, at the doors of our home."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
import logging
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.smartlock_le.access.codes import Change
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.models import Actor, ActorKind
from virtual_home.nuki import NukiLock

from .conftest import until
from .locks.test_any_lock import found_home
from .maker import MAKER_LOCK, Maker
from .phone import Phone, automate
from .support import GRANT, act, unheard

ACCESS = "event.front_door_access"
BACK_DOOR = "binary_sensor.back_door_door"


@pytest.fixture(autouse=True)
async def ended(hass: HomeAssistant) -> AsyncGenerator[None]:
    """Leave no automation behind that waits."""
    yield
    if hass.states.get("automation.door"):
        await hass.services.async_call(
            "automation", "turn_off", {"entity_id": "automation.door"}, blocking=True
        )


@pytest.fixture
async def phone(hass: HomeAssistant) -> Phone:
    """Connect a phone."""
    phone = Phone()
    await phone.start(hass)
    return phone


@pytest.fixture
async def messages(
    hass: HomeAssistant, entry: HomeEntry, phone: Phone
) -> list[dict[str, Any]]:
    """Have the phone told of the front door; return what it hears."""
    await automate(hass, "tell_my_phone", access=ACCESS, phone=phone.device_id)
    return phone.heard


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
    await until(lambda: hass.states.get(ACCESS).attributes["event_type"] == "unlocked")
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


async def test_a_guest_arrives(
    hass: HomeAssistant, entry: HomeEntry, home: Home, nuki: NukiLock, phone: Phone
) -> None:
    """Told for a guest, not for anyone else; and then what the owner wants."""
    given = await home.codes.add_guest(
        Change(name="Gina", locks=frozenset({nuki.address}), new_code=True),
        Actor(ActorKind.OWNER, "0a1b2c3d"),
    )
    answer = await act(hass, "grant_emergency_access", GRANT)
    more = [{"action": "persistent_notification.create", "data": {"message": "light"}}]
    await async_setup_component(hass, "persistent_notification", {})
    await automate(
        hass, "guest_arrived", access=ACCESS, phone=phone.device_id, more=more
    )
    lock = home.roster.find(nuki.address)
    assert lock
    for digits in (answer["code"], given.digits):
        nuki.device.press(int(digits))
        await until(lambda: lock.last_access and lock.last_access.method == "keypad")
        lock.last_access = None
    await until(lambda: phone.heard)
    await hass.async_block_till_done()
    assert [m["title"] for m in phone.heard] == ["Front door"]
    assert phone.told() == ["A guest came in."]
    assert "light" in str(hass.data["persistent_notification"])


async def test_a_low_battery(
    hass: HomeAssistant,
    entry: HomeEntry,
    home: Home,
    nuki: NukiLock,
    phone: Phone,
) -> None:
    """When it becomes low."""
    await automate(hass, "low_battery", access=ACCESS, below=30, phone=phone.device_id)
    nuki.device.set_battery(40)
    lock = home.roster.find(nuki.address)
    assert lock
    await until(lambda: lock.driver.state.battery == 40)
    await hass.async_block_till_done()
    assert phone.heard == []
    nuki.device.set_battery(30)
    await until(lambda: phone.heard)
    assert phone.told() == ["The battery is low. Change it soon."]


# At the lock of another integration: no radio, so that the clock can be turned


class BackDoor:
    """A home with the lock of another integration, and a clock in the hand of the test."""

    def __init__(
        self, hass: HomeAssistant, freezer: FrozenDateTimeFactory, maker: Maker
    ) -> None:
        """Take the parts."""
        self.hass, self.freezer, self.maker = hass, freezer, maker

    async def settle(self) -> None:
        """Let everything come to rest but an automation that waits."""
        for _ in range(100):
            await asyncio.sleep(0)

    async def lock(self, **state: bool) -> None:
        """Show another position of the bolt."""
        self.maker.lock.show(**state)
        await self.settle()

    async def door(self, is_on: bool | None, **more: Any) -> None:
        """Show another position of the door."""
        self.maker.show(self.maker.door, is_on=is_on, **more)
        await self.settle()

    async def go(self, **time: float) -> None:
        """Let time go by."""
        self.freezer.tick(timedelta(**time))
        async_fire_time_changed(self.hass)
        await self.settle()

    @property
    def locked(self) -> bool:
        """Whether the bolt is out."""
        return self.hass.states.is_state(MAKER_LOCK, "locked")


@pytest.fixture
async def back(
    hass: HomeAssistant,
    enable_custom_integrations: None,
    mock_bluetooth_adapters: None,
    freezer: FrozenDateTimeFactory,
) -> AsyncGenerator[BackDoor]:
    """Found the home."""
    freezer.move_to((dt_util.now() + timedelta(days=1)).replace(hour=12, minute=0))
    assert await async_setup_component(hass, "homeassistant", {})
    assert await async_setup_component(hass, "bluetooth", {})
    maker = Maker()
    await maker.start(hass)
    result = await found_home(hass)
    await hass.async_block_till_done()
    yield BackDoor(hass, freezer, maker)
    if result["result"].state is ConfigEntryState.LOADED:
        await hass.config_entries.async_unload(result["result"].entry_id)
    await maker.stop(hass)


async def test_it_locks_again_by_day_and_sooner_at_night(
    hass: HomeAssistant, back: BackDoor
) -> None:
    """Without a door sensor; counted from the last time that it was unlocked."""
    await automate(hass, "auto_lock", lock=MAKER_LOCK)
    await back.lock()
    await back.go(minutes=9, seconds=50)
    assert not back.locked
    await back.go(seconds=20)
    assert back.locked
    # Locked by hand and unlocked again meanwhile.
    await back.lock()
    await back.go(minutes=9)
    await back.lock(is_locked=True)
    await back.lock(is_open=True)
    await back.go(minutes=9)
    assert not back.locked
    await back.go(minutes=2)
    assert back.locked and back.maker.lock.taken == 2
    # Locked meanwhile: nothing is left to do.
    await back.lock()
    await back.lock(is_locked=True)
    await back.go(minutes=30)
    assert back.maker.lock.taken == 2
    # By the clock on the wall: about 23:00, 3:00 and 7:30.
    for hours, night in ((10, True), (4, True), (4.5, False)):
        await back.go(hours=hours)
        await back.lock()
        await back.go(minutes=3)
        assert back.locked is night, dt_util.now()
        await back.lock(is_locked=True)


async def test_no_bolt_beside_an_open_door(hass: HomeAssistant, back: BackDoor) -> None:
    """It waits for the door, and for a sensor that does not know."""
    await automate(hass, "auto_lock", lock=MAKER_LOCK, door=BACK_DOOR)
    await back.lock()
    await back.go(minutes=5)
    await back.door(True)
    await back.go(minutes=30)
    assert not back.locked
    await back.door(False)
    await back.go(minutes=9)
    assert not back.locked
    await back.go(minutes=2)
    assert back.locked
    await back.door(False, available=False)
    await back.lock()
    await back.go(minutes=30)
    assert not back.locked
    await back.door(False, available=True)
    await back.go(minutes=11)
    assert back.locked


async def test_it_locks_what_was_unlocked_before_a_restart(
    hass: HomeAssistant, back: BackDoor
) -> None:
    """Whatever was under way is begun anew."""
    await back.lock()
    hass.set_state(CoreState.starting)
    await automate(hass, "auto_lock", lock=MAKER_LOCK, night_delay={"minutes": 1})
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await back.settle()
    await back.go(minutes=11)
    assert back.locked


async def test_a_door_left_open(
    hass: HomeAssistant, back: BackDoor, phone: Phone
) -> None:
    """Told so often, and no more once it is closed."""
    await automate(
        hass, "door_left_open", door=BACK_DOOR, times=2, phone=phone.device_id
    )
    await back.door(True)
    await back.go(minutes=4)
    await back.door(False)
    await back.door(True)
    await back.go(minutes=4)
    assert phone.heard == []
    await back.go(minutes=2)
    assert [m["title"] for m in phone.heard] == ["Back door Door"]
    assert phone.told() == ["The door is still open."]
    await back.go(minutes=16)
    assert phone.told() == ["The door is still open."]
    await back.go(minutes=16)
    assert phone.told() == []
    await back.door(False)
    await back.door(True)
    await back.go(minutes=6)
    assert len(phone.told()) == 1
    await back.door(False)
    await back.go(minutes=30)
    assert phone.told() == []


async def test_a_battery_that_stays_low(
    hass: HomeAssistant, back: BackDoor, phone: Phone
) -> None:
    """Said each day until it is changed."""
    access = er.async_get(hass).async_get("event.back_door_access")
    assert access
    await automate(hass, "low_battery", access=access.entity_id, phone=phone.device_id)
    await back.go(hours=7)
    assert phone.told() == []
    back.maker.show(back.maker.battery, native_value=15)
    await back.settle()
    assert len(phone.told()) == 1
    await back.go(hours=24)
    assert [m["title"] for m in phone.heard] == ["Back door"]
    assert len(phone.told()) == 1
    back.maker.show(back.maker.battery, native_value=100)
    await back.settle()
    await back.go(hours=24)
    assert phone.told() == []


NIGHT = {"locks": [MAKER_LOCK, "lock.gone"], "time": "23:00:00"}


async def test_all_locked_at_night(
    hass: HomeAssistant, back: BackDoor, phone: Phone
) -> None:
    """Locked, or named."""
    await automate(hass, "all_locked_at_night", **NIGHT, phone=phone.device_id)

    async def night() -> list[str]:
        await back.go(hours=12)
        await back.go(minutes=2)
        await back.go(hours=11, minutes=58)
        return phone.told()

    await back.lock()
    assert await night() == ["lock.gone"]
    assert back.locked
    await back.lock()
    await back.door(True)
    assert await night() == ["Back door (the door is open), lock.gone"]
    await back.door(False)
    back.maker.lock.fails = True
    assert await night() == ["Back door, lock.gone"]


async def test_nothing_is_said_of_a_locked_house(
    hass: HomeAssistant, back: BackDoor, phone: Phone
) -> None:
    """Nor is anything locked where it is only to tell."""
    inputs = {**NIGHT, "locks": [MAKER_LOCK], "lock_them": False}
    await automate(hass, "all_locked_at_night", **inputs, phone=phone.device_id)
    await back.go(hours=12)
    assert phone.told() == []
    await back.lock()
    await back.go(hours=24)
    assert phone.told() == ["Back door"] and not back.locked


async def test_light_in_distress(
    hass: HomeAssistant, entry: HomeEntry, home: Home
) -> None:
    """On while somebody needs help, and then as they were."""
    for domain in ("input_boolean", "scene"):
        config = {"input_boolean": {"hall": {}, "porch": {"initial": True}}}
        assert await async_setup_component(hass, domain, config)

    def light(name: str) -> dict[str, Any]:
        own = {"target": {"entity_id": f"input_boolean.{name}"}}
        return {
            "name": name,
            "state": f"{{{{ is_state('input_boolean.{name}', 'on') }}}}",
            "turn_on": {"action": "input_boolean.turn_on", **own},
            "turn_off": {"action": "input_boolean.turn_off", **own},
        }

    lights = {"template": [{"light": [light("hall"), light("porch")]}]}
    assert await async_setup_component(hass, "template", lights)
    await hass.async_block_till_done()
    (keypad,) = hass.states.async_entity_ids("alarm_control_panel")
    both = ["light.hall", "light.porch"]
    await automate(hass, "light_in_distress", keypad=keypad, lights=both)

    def shown() -> list[str]:
        states = [hass.states.get(one) for one in both]
        return [state.state for state in states if state]

    assert shown() == ["off", "on"]
    raised = await act(hass, "raise_incident", {"kind": "fire"})
    await until(lambda: shown() == ["on", "on"])
    await act(hass, "close_incident", {"incident": raised["incident"]})
    await until(lambda: shown() == ["off", "on"])
