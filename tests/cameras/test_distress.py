"""Cameras look when somebody needs help."""

import asyncio
from dataclasses import replace

from homeassistant.core import HomeAssistant

from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.models import HOME_ACTOR
from tests.conftest import log_of, until, until_entry
from tests.support import act
from virtual_home.camera import DoorCamera
from virtual_home.nuki import NukiLock

from .conftest import Door, add_camera


async def test_pictures_of_an_incident(
    hass: HomeAssistant,
    home: Home,
    entry: HomeEntry,
    nuki: NukiLock,
    porch: DoorCamera,
) -> None:
    """One of each camera, by the entry with which it began; none where it is private."""
    await add_camera(hass, entry, doors=[nuki.address])
    hass.states.async_set("camera.bath", "idle")
    await add_camera(hass, entry, "camera.bath")
    await hass.async_block_till_done()
    await hass.services.async_call(
        "switch", "turn_on", {"entity_id": "switch.bath_privacy"}, blocking=True
    )
    for _ in range(2):
        await act(hass, "raise_incident", {"kind": "medical"})
    page = await home.log.entries(kinds=["incident"])
    [media] = await Door(hass, entry, nuki, porch).media(1)
    assert media["of"] == page.entries[0].seq
    assert page.entries[0].fields["event"] == "raised"
    await until(lambda: hass.states.get("event.porch_event").state != "unknown")


async def test_the_alarm_system_has_its_own_pictures(
    hass: HomeAssistant,
    home: Home,
    entry: HomeEntry,
    nuki: NukiLock,
    porch: DoorCamera,
) -> None:
    """What it raises is no second moment."""
    await add_camera(hass, entry, doors=[nuki.address])
    hass.states.async_set("alarm_control_panel.theirs", "armed_away")
    await home.set_alarm("alarm_control_panel.theirs", HOME_ACTOR)
    await home.emergency.change(lambda now: replace(now, alarm=True), "x", HOME_ACTOR)
    hass.states.async_set("alarm_control_panel.theirs", "triggered")
    await until_entry(home, "incident", event="raised")
    page = await home.log.entries(kinds=["alarm"])
    [media] = await Door(hass, entry, nuki, porch).media(1)
    assert media["of"] == page.entries[-1].seq
    # Long enough for one more, were it taken.
    await asyncio.sleep(0.5)
    assert len(await log_of(home, "media")) == 1
