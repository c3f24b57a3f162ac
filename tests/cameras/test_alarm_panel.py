"""The alarm system hand in hand with the door: Home Assistant's own manual panel."""

from datetime import timedelta
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import Context, HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
import pytest

from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.models import (
    FRESH,
    AccessEvent,
    AccessKind,
    Method,
    utc_now,
)
from tests.conftest import log_of, until, until_entry
from tests.flows.test_options import choose, go
from tests.support import as_admin, fail_writes
from virtual_home.camera import DoorCamera
from virtual_home.nuki import NukiLock

from .conftest import Door, add_camera

PANEL = "alarm_control_panel.house"


@pytest.fixture
async def panel(hass: HomeAssistant) -> str:
    """Give the house an alarm system; return what it is known by."""
    assert await async_setup_component(
        hass,
        "alarm_control_panel",
        {
            "alarm_control_panel": {
                "platform": "manual",
                "name": "House",
                "unique_id": "house",
                "arming_time": 0,
                "code_arm_required": False,
                "delay_time": 0,
                "trigger_time": 600,
            }
        },
    )
    await hass.async_block_till_done()
    entry = er.async_get(hass).async_get(PANEL)
    assert entry
    return entry.id


@pytest.fixture
async def guarded(hass: HomeAssistant, panel: str, entry: HomeEntry) -> Home:
    """Give a home that follows it."""
    flow = await choose(hass, entry, "alarm")
    result = await go(hass, flow["flow_id"], panel=PANEL)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "alarm_saved")
    home: Home = entry.runtime_data
    await until_entry(home, "alarm", state="disarmed")
    return home


async def tell(
    hass: HomeAssistant, action: str, context: Context | None = None
) -> None:
    """Have the panel do something."""
    await hass.services.async_call(
        "alarm_control_panel",
        action,
        {"entity_id": PANEL},
        blocking=True,
        context=context,
    )


async def told(home: Home) -> list[tuple[Any, Any, Any]]:
    """Return what is in the log of the alarm."""
    return [
        (e["state"], e["actor_kind"], e["actor_name"])
        for e in await log_of(home, "alarm")
    ]


async def test_who_it_was(hass: HomeAssistant, guarded: Home, panel: str) -> None:
    """A person, an automation, or nobody that is known."""
    await tell(hass, "alarm_arm_away", await as_admin(hass))
    await until_entry(guarded, "alarm", state="armed_away")
    await tell(hass, "alarm_disarm", Context(parent_id="an automation"))
    await tell(hass, "alarm_arm_night")
    await until_entry(guarded, "alarm", state="armed_night")
    assert await told(guarded) == [
        ("disarmed", "unknown", ""),
        ("armed_away", "owner", "Admin"),
        ("disarmed", "home", ""),
        ("armed_night", "unknown", ""),
    ]
    assert {e["alarm"] for e in await log_of(guarded, "alarm")} == {panel}


async def test_whom_the_panel_names(hass: HomeAssistant, guarded: Home) -> None:
    """Who typed at the keypad of the alarm is known to it alone."""
    hass.states.async_set(PANEL, "armed_home", {"changed_by": "Olive Owner"})
    await until_entry(guarded, "alarm", state="armed_home")
    assert (await told(guarded))[-1] == ("armed_home", "credential", "Olive Owner")


async def test_on_the_way(hass: HomeAssistant, guarded: Home) -> None:
    """What it comes to is entered, once."""
    for state in ("arming", "armed_away", "pending", "armed_away", "unavailable"):
        hass.states.async_set(PANEL, state)
    hass.states.async_set(PANEL, "armed_away")
    await until_entry(guarded, "alarm", state="armed_away")
    assert [state for state, *_ in await told(guarded)] == ["disarmed", "armed_away"]


async def test_while_we_were_away(
    hass: HomeAssistant, guarded: Home, entry: HomeEntry
) -> None:
    """What it shows now is entered once; who it was is not guessed."""
    await hass.config_entries.async_reload(entry.entry_id)
    home: Home = entry.runtime_data
    await hass.async_block_till_done()
    assert len(await told(home)) == 1
    await hass.config_entries.async_unload(entry.entry_id)
    await tell(hass, "alarm_arm_away", await as_admin(hass))
    await hass.config_entries.async_setup(entry.entry_id)
    home = entry.runtime_data
    await until_entry(home, "alarm", state="armed_away")
    assert (await told(home))[1:] == [("armed_away", "unknown", "")]


# The panel's own timer cannot be ended.
@pytest.mark.parametrize("expected_lingering_timers", [True])
async def test_triggered(
    hass: HomeAssistant,
    guarded: Home,
    entry: HomeEntry,
    nuki: NukiLock,
    porch: DoorCamera,
) -> None:
    """Every camera takes a picture, but those that must not."""
    for camera, doors in (("camera.porch", [nuki.address]), ("camera.gone", [])):
        hass.states.async_set("camera.gone", "idle")
        await add_camera(hass, entry, camera, doors=doors)
    hass.states.async_set("camera.bath", "idle")
    await add_camera(hass, entry, "camera.bath")
    await hass.async_block_till_done()
    await hass.services.async_call(
        "switch", "turn_on", {"entity_id": "switch.bath_privacy"}, blocking=True
    )
    await tell(hass, "alarm_arm_away")
    await tell(hass, "alarm_trigger")
    await until_entry(guarded, "alarm", state="triggered")
    page = await guarded.log.entries(kinds=["alarm"])
    media = await Door(hass, entry, nuki, porch).media(2)
    assert {m["result"]: (m["of"], m["lock"]) for m in media} == {
        "taken": (page.entries[-1].seq, nuki.address),
        "unreachable": (page.entries[-1].seq, ""),
    }
    await until(lambda: hass.states.get("event.porch_event").state != "unknown")
    assert hass.states.get("event.porch_event").attributes["of"] == "alarm"


async def test_triggered_out_of_sight(
    hass: HomeAssistant,
    guarded: Home,
    entry: HomeEntry,
    nuki: NukiLock,
    porch: DoorCamera,
) -> None:
    """A panel that was silenced and comes back in alarm is what cameras are for."""
    await add_camera(hass, entry, doors=[nuki.address])
    for state in ("armed_away", "unavailable", "triggered"):
        hass.states.async_set(PANEL, state)
    [media] = await Door(hass, entry, nuki, porch).media(1)
    page = await guarded.log.entries(kinds=["alarm"])
    assert media["of"] == page.entries[-1].seq
    assert (await told(guarded))[-1] == ("triggered", "unknown", "")
    hass.states.async_set(PANEL, "unavailable")
    hass.states.async_set(PANEL, "triggered")
    # An access is later than what the panel would have had them do.
    nuki.device.turn(lock=False)
    await until_entry(guarded, "access", event="unlocked")
    media = await Door(hass, entry, nuki, porch).media(2)
    assert len(media) == 2 and media[-1]["of"] != page.entries[-1].seq


async def test_a_guest_is_told(
    hass: HomeAssistant, guarded: Home, entry: HomeEntry, porch: DoorCamera
) -> None:
    """A camera that looks at an alarm alone may see them, too."""
    assert "Pictures" not in await guarded.guest_notice()
    await add_camera(hass, entry)
    await hass.async_block_till_done()
    assert "Pictures" in await guarded.guest_notice()


async def test_an_access_while_armed(
    hass: HomeAssistant, guarded: Home, nuki: NukiLock
) -> None:
    """It says so, in the log and as an event."""
    nuki.device.turn(lock=False)
    await until_entry(guarded, "access", event="unlocked", alarm="disarmed")
    await tell(hass, "alarm_arm_away")
    nuki.device.turn(lock=True)
    await until_entry(guarded, "access", event="locked", alarm="armed_away")
    await until(
        lambda: hass.states.get("event.front_door_access").attributes["armed"] is True
    )


async def test_an_access_long_ago(
    hass: HomeAssistant, guarded: Home, nuki: NukiLock
) -> None:
    """What the alarm shows now says nothing of then."""
    await tell(hass, "alarm_arm_away")
    for age, alarm in ((timedelta(), "armed_away"), (FRESH, "")):
        event = AccessEvent(
            lock=nuki.address,
            event=AccessKind.UNLOCKED,
            method=Method.KEYPAD,
            time=utc_now() - age,
        )
        assert guarded._identify(event).alarm == alarm


async def test_renamed_and_gone(hass: HomeAssistant, guarded: Home) -> None:
    """It is known by what stays."""
    er.async_get(hass).async_update_entity(
        PANEL, new_entity_id="alarm_control_panel.other"
    )
    await hass.async_block_till_done()
    hass.states.async_set("alarm_control_panel.other", "disarmed")
    hass.states.async_set("alarm_control_panel.other", "armed_away")
    await until_entry(guarded, "alarm", state="armed_away")
    er.async_get(hass).async_remove("alarm_control_panel.other")
    await hass.async_block_till_done()
    assert guarded.alarm.state == ""


async def test_none(hass: HomeAssistant, guarded: Home, entry: HomeEntry) -> None:
    """The owner may follow none any more; both ways are entries."""
    flow = await choose(hass, entry, "alarm")
    [field] = flow["data_schema"].schema
    assert field.description == {"suggested_value": PANEL}
    await go(hass, flow["flow_id"])
    await tell(hass, "alarm_arm_away")
    await hass.async_block_till_done()
    assert len(await told(guarded)) == 1
    assert guarded.alarm.state == ""
    values = [e["value"] for e in await log_of(guarded, "setting")]
    assert values[-1] == "" and values[-2]


async def test_it_cannot_be_entered(
    hass: HomeAssistant, panel: str, entry: HomeEntry, home: Home
) -> None:
    """Then it is not followed."""
    await fail_writes(home)
    flow = await choose(hass, entry, "alarm")
    result = await go(hass, flow["flow_id"], panel=PANEL)
    assert result["errors"] == {"base": "log_unavailable"}
    assert home.alarm.state == "" and entry.state is ConfigEntryState.LOADED
