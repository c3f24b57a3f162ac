"""What is announced on a camera: events for everybody, entries and pictures for some."""

import asyncio
from datetime import timedelta
from typing import Any

from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.data_entry_flow import InvalidData
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import async_mock_service

from custom_components.smartlock_le.cameras import cameras as module
from custom_components.smartlock_le.models import utc_now
from tests.conftest import log_of, until
from virtual_home.camera import Trouble

from .conftest import ENTITY, Door
from .test_pictures import reconfigure, switch

EVENT = "event.porch_event"
MOTION, PERSON, BELL = "binary_sensor.motion", "binary_sensor.person", "event.bell"
CHOSEN: dict[str, Any] = {"motion": [MOTION], "person": [PERSON], "ring": [BELL]}


def flip(hass: HomeAssistant, entity_id: str) -> None:
    """Let a sensor announce something."""
    hass.states.async_set(entity_id, "off")
    hass.states.async_set(entity_id, "on")


def ring(hass: HomeAssistant, second: int, said: str = "ring") -> None:
    """Let the bell tell something at a second."""
    hass.states.async_set(
        BELL,
        f"2026-11-27T00:00:{second:02}.000+00:00",
        {"event_type": said, "device_class": "doorbell"},
    )


@pytest.fixture
def heard(hass: HomeAssistant) -> list[str]:
    """Keep what the camera's event tells."""
    told: list[str] = []

    @callback
    def changed(event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        if state and state.state not in (STATE_UNAVAILABLE, STATE_UNKNOWN):
            told.append(state.attributes["event_type"])

    async_track_state_change_event(hass, EVENT, changed)
    return told


@pytest.fixture
async def watched(hass: HomeAssistant, door: Door) -> Door:
    """Give a door whose camera has a sensor of each kind."""
    for sensor in (MOTION, PERSON):
        hass.states.async_set(sensor, "off")
    hass.states.async_set(BELL, STATE_UNKNOWN)
    await reconfigure(door, **CHOSEN, pictured=["ring", "person"])
    return door


async def test_all_are_told(
    hass: HomeAssistant, watched: Door, heard: list[str]
) -> None:
    """Each once; what the owner chose is in the log, with a picture of it."""
    flip(hass, MOTION)
    flip(hass, PERSON)
    ring(hass, 1)
    media = await watched.media(2)
    await until(lambda: len(heard) == 5)
    assert heard[:3] == ["motion", "person", "ring"]
    assert heard[3:] == ["snapshot"] * 2
    page = await watched.home.log.entries(kinds=["camera_event"])
    told = {entry.seq: entry.fields for entry in page.entries}
    assert {told[e["of"]]["event"] for e in media} == {"person", "ring"}
    for fields in (*told.values(), *media):
        assert fields["camera"] == watched.subentry.unique_id
        # It looks at one door alone.
        assert fields["lock"] == watched.nuki.address
    state = hass.states.get(EVENT)
    assert state
    assert state.attributes["of"] in ("person", "ring")
    assert state.attributes["device_class"] == "doorbell"


async def test_what_is_no_news(
    hass: HomeAssistant, watched: Door, heard: list[str]
) -> None:
    """A sensor that starts, comes back or ends, and a bell that tells something else."""
    for state in ("on", "on", "off", STATE_UNAVAILABLE, "on", STATE_UNKNOWN, "on"):
        hass.states.async_set(MOTION, state)
    for second, said in ((1, "fingerprint"), (2, "nfc")):
        ring(hass, second, said)
    hass.states.async_set(BELL, STATE_UNAVAILABLE)
    ring(hass, 2)
    hass.states.async_remove(MOTION)
    flip(hass, "binary_sensor.other")
    await hass.async_block_till_done()
    assert heard == ["motion"]
    ring(hass, 3)
    await until(lambda: "ring" in heard)


async def test_it_flutters(
    hass: HomeAssistant,
    watched: Door,
    heard: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Automations hear each time, the disk is not filled."""
    for _ in range(20):
        flip(hass, PERSON)
    await watched.media(1)
    await until(lambda: heard.count("person") == 20)
    now = utc_now() + module.QUIET
    monkeypatch.setattr(module, "utc_now", lambda: now)
    flip(hass, PERSON)
    await watched.media(2)
    # The clock was set back.
    monkeypatch.setattr(module, "utc_now", lambda: now - timedelta(days=1))
    flip(hass, PERSON)
    await watched.media(3)
    await asyncio.sleep(0.1)
    assert len(await log_of(watched.home, "camera_event")) == 3


async def test_private(hass: HomeAssistant, watched: Door, heard: list[str]) -> None:
    """Nothing is told or taken."""
    await switch(hass, on=True)
    flip(hass, PERSON)
    ring(hass, 1)
    await hass.async_block_till_done()
    assert not heard
    assert not await log_of(watched.home, "camera_event", "media")
    assert not watched.source.asked


async def test_no_picture(hass: HomeAssistant, watched: Door, heard: list[str]) -> None:
    """The ring is on record all the same."""
    watched.source.trouble = Trouble.HTML
    ring(hass, 1)
    [media] = await watched.media(1)
    assert media["result"] == "not_a_picture"
    assert [e["event"] for e in await log_of(watched.home, "camera_event")] == ["ring"]
    assert heard == ["ring"]


async def test_of_no_door(hass: HomeAssistant, watched: Door) -> None:
    """It looks at none, or at two: it is not known at which it was."""
    await reconfigure(watched, **CHOSEN, pictured=["ring"], doors=[])
    ring(hass, 1)
    [media] = await watched.media(1)
    assert media["lock"] == ""


async def test_renamed_and_gone(
    hass: HomeAssistant, door: Door, heard: list[str]
) -> None:
    """A sensor is known by what stays; one that is removed is not missed."""
    registry = er.async_get(hass)
    entry = registry.async_get_or_create("binary_sensor", "test", "1")
    hass.states.async_set(entry.entity_id, "off")
    await reconfigure(door, person=[entry.entity_id])
    assert door.subentry.data["person"] == [entry.id]
    registry.async_update_entity(entry.entity_id, new_entity_id=PERSON)
    await hass.async_block_till_done()
    flip(hass, PERSON)
    await until(lambda: heard == ["person"])
    registry.async_remove(PERSON)
    await hass.async_block_till_done()
    flip(hass, PERSON)
    await hass.async_block_till_done()
    assert heard == ["person"]
    # It is not offered any more, and the rest can be changed.
    result = await reconfigure(door)
    assert result["reason"] == "reconfigure_successful"


async def test_suggested(hass: HomeAssistant, door: Door) -> None:
    """What the camera's own device has is offered, by what it is."""
    registry = er.async_get(hass)
    camera = registry.async_get(ENTITY)
    assert camera and camera.device_id
    assert dr.async_get(hass).async_get(camera.device_id)

    def add(domain: str, name: str, **fields: Any) -> str:
        return registry.async_get_or_create(
            domain, "test", name, device_id=camera.device_id, **fields
        ).entity_id

    chosen = {
        "ring": [add("event", "bell", original_device_class="doorbell")],
        "motion": [add("binary_sensor", "move", original_device_class="motion")],
        "person": [add("binary_sensor", "x1", translation_key="person")],
        "vehicle": [add("binary_sensor", "porch_vehicle")],
        "package": [add("event", "x2", original_name="Package seen")],
    }
    add("binary_sensor", "damp", original_device_class="moisture")
    add("sensor", "person_count")
    # Ours stands on that device, too.
    ours = registry.async_get(EVENT)
    assert ours and ours.device_id == camera.device_id
    sub = add("camera", "sub", original_name="Sub stream")
    hass.states.async_set(sub, "idle")
    flows = hass.config_entries.subentries
    flow = await flows.async_init(
        (door.entry.entry_id, "camera"), context={"source": "user"}
    )
    flow = await flows.async_configure(flow["flow_id"], {"camera": sub})
    offered = {
        key.schema: (key.description or {}).get("suggested_value")
        for key in flow["data_schema"].schema
    }
    assert offered == {
        **chosen,
        "doors": [door.nuki.address],
        "pictured": ["ring"],
        "frigate": None,
        "clip": None,
        "frigate_url": None,
        "masks": None,
    }


async def test_home_assistants_own_trigger(hass: HomeAssistant, watched: Door) -> None:
    """A doorbell is one to Home Assistant, too."""
    calls = async_mock_service(hass, "test", "automation")
    assert await async_setup_component(
        hass,
        "automation",
        {
            "automation": {
                "trigger": {
                    "trigger": "doorbell.rang",
                    "target": {"entity_id": EVENT},
                },
                "action": {"action": "test.automation"},
            }
        },
    )
    await hass.async_block_till_done()
    flip(hass, PERSON)
    await until(lambda: hass.states.get(EVENT).state != STATE_UNKNOWN)
    await hass.async_block_till_done()
    assert not calls
    ring(hass, 1)
    await until(lambda: calls)


async def test_our_own_event(hass: HomeAssistant, door: Door, heard: list[str]) -> None:
    """What we made of an announcement announces nothing: it would never end."""
    hass.states.async_set(MOTION, "off")
    flows = hass.config_entries.subentries
    flow = await flows.async_init(
        (door.entry.entry_id, "camera"),
        context={"source": "reconfigure", "subentry_id": door.subentry.subentry_id},
    )
    with pytest.raises(InvalidData):
        await flows.async_configure(flow["flow_id"], {"motion": [EVENT]})
    # Nor one that came there by another way.
    data = {**door.subentry.data, "motion": [MOTION, EVENT]}
    hass.config_entries.async_update_subentry(door.entry, door.subentry, data=data)
    await hass.async_block_till_done()
    flip(hass, MOTION)
    await until(lambda: heard)
    await asyncio.sleep(0.1)
    assert heard == ["motion"]
