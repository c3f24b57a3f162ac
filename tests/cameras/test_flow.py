"""How a camera joins the home."""

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
import pytest

from custom_components.smartlock_le.cameras.models import Seen
from custom_components.smartlock_le.home import HomeEntry
from virtual_home.camera import DoorCamera
from virtual_home.nuki import NukiLock

from .conftest import ENTITY, LAST, PRIVACY, Door, add_camera
from .test_pictures import reconfigure
from .test_still import LEFT_HALF


async def test_added(hass: HomeAssistant, door: Door) -> None:
    """It keeps its name, is known by what stays, and looks at the door."""
    entry = er.async_get(hass).async_get(ENTITY)
    assert entry
    assert (door.subentry.title, door.subentry.unique_id) == ("Porch", entry.id)
    assert door.subentry.data == {
        "clip": 0,
        "doors": [door.nuki.address],
        "frigate": "",
        "frigate_url": "",
        "masks": "",
        "pictured": [],
        "private": False,
        **{kind.value: [] for kind in Seen},
    }
    # Ours stand on its device.
    for ours in (LAST, PRIVACY):
        found = er.async_get(hass).async_get(ours)
        assert found and found.device_id == entry.device_id


async def test_without_a_door(
    hass: HomeAssistant, entry: HomeEntry, porch: DoorCamera
) -> None:
    """It may look at none yet."""
    result = await add_camera(hass, entry)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["doors"] == []


async def test_twice(hass: HomeAssistant, door: Door) -> None:
    """A camera is in the home once."""
    result = await add_camera(hass, door.entry)
    assert result["errors"] == {"camera": "already_configured"}


async def test_two_without_an_id(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """A camera that nobody registered is known by its entity."""
    hass.states.async_set("camera.yaml", "idle")
    result = await add_camera(hass, entry, "camera.yaml", doors=[nuki.address])
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    assert hass.states.get("switch.yaml_privacy")
    again = await add_camera(hass, entry, "camera.yaml")
    assert again["errors"] == {"camera": "already_configured"}


@pytest.mark.parametrize(
    ("data", "errors"),
    [
        ({"entity_id": "camera.nowhere"}, {"camera": "camera_not_found"}),
        ({"masks": "left half"}, {"masks": "masks_invalid"}),
    ],
)
async def test_wrong(
    hass: HomeAssistant,
    entry: HomeEntry,
    porch: DoorCamera,
    data: dict[str, str],
    errors: dict[str, str],
) -> None:
    """It is said at the field, what was entered stays, and nothing is changed."""
    result = await add_camera(hass, entry, **data)
    assert result["errors"] == errors
    schema = result["data_schema"].schema
    assert {
        key.schema: key.description["suggested_value"]
        for key in schema
        if key.description and key.schema in data
    } == {key: value for key, value in data.items() if key in schema}
    assert len(entry.subentries) == 1


async def test_the_home_does_not_run(
    hass: HomeAssistant, entry: HomeEntry, porch: DoorCamera
) -> None:
    """That is said."""
    await hass.config_entries.async_unload(entry.entry_id)
    assert entry.state is ConfigEntryState.NOT_LOADED
    result = await add_camera(hass, entry)
    assert (result["type"], result["reason"]) == (
        FlowResultType.ABORT,
        "home_not_loaded",
    )


async def test_changed(hass: HomeAssistant, door: Door) -> None:
    """Zones count at once; what is no zone changes nothing."""
    assert (await reconfigure(door, masks="1,2,3"))["errors"] == {
        "masks": "masks_invalid"
    }
    assert door.camera.settings.masks == ()
    result = await reconfigure(door, masks=LEFT_HALF)
    assert result["reason"] == "reconfigure_successful"
    assert len(door.camera.settings.masks) == 1
    assert door.camera.settings.doors == {door.nuki.address}


async def test_its_door_left(hass: HomeAssistant, door: Door) -> None:
    """It is not offered any more, and the rest can be changed all the same."""
    [lock] = [s for s in door.entry.subentries.values() if s.subentry_type == "lock"]
    hass.config_entries.async_remove_subentry(door.entry, lock.subentry_id)
    await hass.async_block_till_done()
    flows = hass.config_entries.subentries
    flow = await flows.async_init(
        (door.entry.entry_id, "camera"),
        context={"source": "reconfigure", "subentry_id": door.subentry.subentry_id},
    )
    suggested = {
        key.schema: (key.description or {}).get("suggested_value")
        for key in flow["data_schema"].schema
    }
    assert suggested["doors"] == []
    assert (await reconfigure(door, doors=[]))["reason"] == "reconfigure_successful"
