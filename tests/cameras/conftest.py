"""Fixtures: a camera on the network that Home Assistant opens, and the home that has it."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.smartlock_le.cameras.camera import Camera
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.opening import home_folder
from tests.conftest import log_of
from virtual_home.camera import DoorCamera
from virtual_home.nuki import NukiLock

ENTITY = "camera.porch"
PRIVACY = "switch.porch_privacy"
LAST = "image.porch_last_access"


@pytest.fixture
async def porch(
    hass: HomeAssistant, socket_enabled: None
) -> AsyncGenerator[DoorCamera]:
    """Switch a camera on, and let Home Assistant's MJPEG have it."""
    async with DoorCamera() as camera:
        entry = MockConfigEntry(
            domain="mjpeg",
            title="Porch",
            options={
                "mjpeg_url": f"{camera.url}/stream.mjpg",
                "still_image_url": f"{camera.url}/still.jpg",
                "authentication": "basic",
                "username": "",
                "password": "",
                "verify_ssl": False,
            },
        )
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        assert hass.states.get(ENTITY)
        yield camera


@dataclass
class Door:
    """The door with its camera: what a person can do there, and what came of it."""

    hass: HomeAssistant
    entry: HomeEntry
    nuki: NukiLock
    source: DoorCamera
    _locked: bool = True

    @property
    def home(self) -> Home:
        """The home as it runs now."""
        return self.entry.runtime_data

    @property
    def subentry(self) -> ConfigSubentry:
        """The camera's."""
        [found] = [
            one
            for one in self.entry.subentries.values()
            if one.subentry_type == "camera"
        ]
        return found

    def subentry_of(self, entity_id: str) -> str:
        """Return what the camera of an entity is known by."""
        entry = er.async_get(self.hass).async_get(entity_id)
        return entry.id if entry else entity_id

    @property
    def camera(self) -> Camera:
        """The camera as the home has it."""
        return self.home.cameras.cameras[self.subentry.subentry_id]

    @property
    def folder(self) -> Path:
        """Where pictures are."""
        return home_folder(self.hass) / "media"

    @property
    def files(self) -> list[Path]:
        """The pictures on the disk."""
        return sorted(self.folder.iterdir()) if self.folder.is_dir() else []

    async def access(self) -> dict[str, Any]:
        """Turn the bolt by hand; return the entry of its picture once it is there."""
        before = len(await log_of(self.home, "media"))
        self._locked = not self._locked
        self.nuki.device.turn(lock=self._locked)
        return (await self.media(before + 1))[-1]

    async def media(self, count: int) -> list[dict[str, Any]]:
        """Wait for so many entries of pictures; return them."""
        async with asyncio.timeout(20):
            while len(found := await log_of(self.home, "media")) < count:
                await asyncio.sleep(0.02)
        return found


async def add_camera(
    hass: HomeAssistant, entry: HomeEntry, entity_id: str = ENTITY, **data: Any
) -> Any:
    """Click through the flow; return its result."""
    flows = hass.config_entries.subentries
    flow = await flows.async_init(
        (entry.entry_id, "camera"), context={"source": "user"}
    )
    if flow["type"] is not FlowResultType.FORM:
        return flow
    flow = await flows.async_configure(flow["flow_id"], {"camera": entity_id})
    if flow.get("step_id") != "setup":
        return flow
    return await flows.async_configure(flow["flow_id"], data)


@pytest.fixture
async def door(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock, porch: DoorCamera
) -> Door:
    """Give a home whose one door has the camera."""
    result = await add_camera(hass, entry, doors=[nuki.address])
    assert result["type"] is FlowResultType.CREATE_ENTRY, result
    await hass.async_block_till_done()
    assert er.async_get(hass).async_get(PRIVACY)
    return Door(hass, entry, nuki, porch)
