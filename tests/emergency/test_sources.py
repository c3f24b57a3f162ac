"""What raises distress by itself: the owner's alarm system and the sensors that they chose."""

import asyncio

from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest

from custom_components.smartlock_le import forced_doors
from custom_components.smartlock_le.emergency.models import Kind, Source
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.models import HOME_ACTOR
from tests.conftest import until, until_entry
from tests.flows.test_emergency_options import step
from tests.flows.test_options import choose, go
from virtual_home.nuki import NukiLock

from .conftest import decide
from .test_incidents import events, reload


def kinds(home: Home) -> list[Kind]:
    """Return what is open."""
    return [one.kind for one in home.emergency.incidents.open()]


@pytest.mark.parametrize(
    ("device_class", "kind"),
    [
        ("smoke", Kind.FIRE),
        ("heat", Kind.FIRE),
        ("carbon_monoxide", Kind.GAS),
        ("gas", Kind.GAS),
        ("window", Kind.BURGLARY),
        ("safety", Kind.POLICE),
        (None, Kind.POLICE),
    ],
)
async def test_sensor(
    hass: HomeAssistant, home: Home, device_class: str | None, kind: Kind
) -> None:
    attributes = {"device_class": device_class}
    await decide(home, sensors=("binary_sensor.it",))
    hass.states.async_set("binary_sensor.other", "off", attributes)
    hass.states.async_set("binary_sensor.it", "off", attributes)
    await hass.async_block_till_done()
    hass.states.async_set("binary_sensor.other", "on", attributes)
    hass.states.async_set("binary_sensor.it", "on", attributes)
    await until(lambda: kinds(home) == [kind])
    entry = await until_entry(home, "incident", event="raised")
    assert entry["source"] == "sensor"
    # Again and again is once.
    for _ in range(10):
        hass.states.async_set("binary_sensor.it", "off", attributes)
        hass.states.async_set("binary_sensor.it", "on", attributes)
    await hass.async_block_till_done()
    assert await events(home) == ["raised"]


@pytest.mark.parametrize(
    ("device_class", "kinds_then"), [("smoke", [Kind.FIRE]), ("window", [])]
)
async def test_sensor_that_was_on_and_one_that_comes_back(
    hass: HomeAssistant,
    entry: HomeEntry,
    home: Home,
    device_class: str,
    kinds_then: list[Kind],
) -> None:
    """Smoke that is there after a restart is smoke; a window that stands open is not."""
    on = {"device_class": device_class}
    hass.states.async_set("binary_sensor.it", "on", on)
    await decide(home, sensors=("binary_sensor.it",))
    home = await reload(hass, entry)
    await hass.async_block_till_done()
    assert kinds(home) == []
    hass.states.async_set("binary_sensor.it", "unavailable", {})
    hass.states.async_set("binary_sensor.it", "on", on)
    await hass.async_block_till_done()
    await until(lambda: kinds(home) == kinds_then)


async def test_sensor_that_is_renamed(
    hass: HomeAssistant, entry: HomeEntry, home: Home
) -> None:
    registry = er.async_get(hass)
    made = registry.async_get_or_create("binary_sensor", "test", "1")
    result = await step(hass, entry, "distress_sources")
    result = await go(
        hass, result["flow_id"], alarm=False, forced=True, sensors=[made.entity_id]
    )
    assert result["reason"] == "distress_rules_saved"
    assert home.emergency.settings.forced
    registry.async_update_entity(made.entity_id, new_entity_id="binary_sensor.new")
    await hass.async_block_till_done()
    hass.states.async_set("binary_sensor.new", "off", {"device_class": "smoke"})
    hass.states.async_set("binary_sensor.new", "on", {"device_class": "smoke"})
    await until(lambda: kinds(home) == [Kind.FIRE])
    await decide(home, sensors=())
    await home.emergency.incidents.cancel(
        home.emergency.incidents.open()[0].id, HOME_ACTOR, pin=False
    )
    hass.states.async_set("binary_sensor.new", "off", {"device_class": "smoke"})
    hass.states.async_set("binary_sensor.new", "on", {"device_class": "smoke"})
    await hass.async_block_till_done()
    assert kinds(home) == []


async def test_alarm_system(hass: HomeAssistant, entry: HomeEntry, home: Home) -> None:
    """Only where the owner wants it: many have a siren that knows whom to call."""
    hass.states.async_set("alarm_control_panel.theirs", "armed_away")
    await home.set_alarm("alarm_control_panel.theirs", HOME_ACTOR)
    hass.states.async_set("alarm_control_panel.theirs", "triggered")
    await until_entry(home, "alarm", state="triggered")
    assert kinds(home) == []
    hass.states.async_set("alarm_control_panel.theirs", "armed_away")
    await until_entry(home, "alarm", state="armed_away")
    await decide(home, alarm=True, window=60)
    hass.states.async_set("alarm_control_panel.theirs", "triggered")
    await until(lambda: kinds(home) == [Kind.BURGLARY])
    (incident,) = home.emergency.incidents.open()
    assert incident.sources == (Source.ALARM_SYSTEM,)


DOOR = "binary_sensor.front_door_door"


async def door(hass: HomeAssistant, nuki: NukiLock, state: str) -> None:
    """Open or close the door, and wait until that is seen."""
    nuki.device.move_door(is_open=state == "on")
    await until(lambda: hass.states.get(DOOR).state == state)


@pytest.mark.parametrize("ticked", [True, False])
async def test_a_forced_door(
    hass: HomeAssistant,
    home: Home,
    nuki: NukiLock,
    monkeypatch: pytest.MonkeyPatch,
    ticked: bool,
) -> None:
    """It opens with its bolt thrown; closed again at once it was forced all the same."""
    monkeypatch.setattr(forced_doors, "SETTLES", 0.5)
    await decide(home, forced=ticked, window=60)
    await door(hass, nuki, "on")
    await door(hass, nuki, "off")
    await asyncio.sleep(0.7)
    assert kinds(home) == ([Kind.BURGLARY] if ticked else [])
    if ticked:
        assert home.emergency.incidents.open()[0].sources == (Source.DOOR,)
        assert home.emergency.incidents.open()[0].level == 1


async def test_a_door_that_is_not_forced(
    hass: HomeAssistant,
    home: Home,
    nuki: NukiLock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Unlocked first, or told of first; or open when the bolt was thrown."""
    monkeypatch.setattr(forced_doors, "SETTLES", 1.0)
    await decide(home, forced=True, window=60)
    await door(hass, nuki, "on")
    nuki.device.turn(lock=False)
    await until(lambda: hass.states.get("lock.front_door").state == "unlocked")
    await door(hass, nuki, "off")
    await door(hass, nuki, "on")
    nuki.device.turn(lock=True)
    await until(lambda: hass.states.get("lock.front_door").state == "locked")
    await asyncio.sleep(1.2)
    assert kinds(home) == []
    # The door tells first, and the bolt a moment later; then all is shut again.
    await door(hass, nuki, "off")
    await door(hass, nuki, "on")
    nuki.device.turn(lock=False)
    await until(lambda: hass.states.get("lock.front_door").state == "unlocked")
    await door(hass, nuki, "off")
    nuki.device.turn(lock=True)
    await until(lambda: hass.states.get("lock.front_door").state == "locked")
    await asyncio.sleep(1.2)
    assert kinds(home) == []


async def test_our_own_keypad_is_no_alarm_system(
    hass: HomeAssistant, entry: HomeEntry, home: Home
) -> None:
    """It would be triggered by what it triggers."""
    (ours,) = hass.states.async_entity_ids("alarm_control_panel")
    result = await choose(hass, entry, "alarm")
    result = await go(hass, result["flow_id"], panel=ours)
    assert result["errors"] == {"panel": "alarm_ours"}
