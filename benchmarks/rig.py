"""A Home Assistant in this process, a virtual home in another, a paired lock between."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
import time

from homeassistant import bootstrap
from homeassistant.auth.const import GROUP_ID_ADMIN
from homeassistant.core import Context, HomeAssistant
from homeassistant.runner import RuntimeConfig, configure_event_loop

from custom_components.smartlock_le.const import DOMAIN
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.locks.driver import Turn
from custom_components.smartlock_le.locks.nuki.client import NukiClient
from custom_components.smartlock_le.locks.nuki.driver import NukiDriver
from harness import HarnessError, seed
from harness.hass import eventually
from harness.ports import free_port
from harness.virtual import VirtualHomeProcess

PIN = "1234"
_PAUSE = 0.03


class Rig:
    """What a workload measures on."""

    virtual: VirtualHomeProcess

    def __init__(
        self, hass: HomeAssistant, entry: HomeEntry, entity: str, owner: Context
    ) -> None:
        """Take a running Home Assistant, its home, the lock, and who acts."""
        self.hass = hass
        self.home: Home = entry.runtime_data
        (managed,) = self.home.roster.locks.values()
        assert isinstance(managed.driver, NukiDriver)
        self.driver = managed.driver
        # The bare client is the very object that the integration uses, on the very link.
        self.client: NukiClient = self.driver._client  # noqa: SLF001
        self.entity = entity
        self.owner = owner

    async def settle(self) -> None:
        """Let what an action leaves to do later (reading the lock's own log) be done."""
        await asyncio.sleep(_PAUSE)
        async with self.driver.queue.turn(Turn.CODES):
            pass

    async def timed(self, act: Callable[[], Awaitable[object]]) -> float:
        """Return how many milliseconds something takes."""
        await self.settle()
        began = time.perf_counter()
        await act()
        return (time.perf_counter() - began) * 1000

    async def call(self, action: str, **data: object) -> dict[str, object]:
        """Run one of our actions, as the owner."""
        answer = await self.hass.services.async_call(
            DOMAIN,
            action,
            data,
            blocking=True,
            context=self.owner,
            return_response=True,
        )
        assert answer
        return dict(answer)

    async def door(self, action: str) -> None:
        """Move the door, as the owner."""
        await self.hass.services.async_call(
            "lock",
            action,
            {"entity_id": self.entity},
            blocking=True,
            context=self.owner,
        )


async def _pair(hass: HomeAssistant, home: VirtualHomeProcess) -> Rig:
    flows = hass.config_entries.flow
    address = home.locks[0]["address"]

    async def card() -> str | None:
        for flow in flows.async_progress_by_handler(DOMAIN):
            if flow["context"].get("unique_id") == address:
                return str(flow["flow_id"])
        return None

    flow = await eventually(card, "the lock is found", 60)
    await flows.async_configure(flow, {})
    await flows.async_configure(flow, {"sharing": False})
    await home("button")
    await flows.async_configure(flow, {})
    result = await flows.async_configure(flow, {"pin": PIN})
    entry: HomeEntry = result["result"]

    async def ready() -> str | None:
        for state in hass.states.async_all("lock"):
            if state.state not in ("unavailable", "unknown"):
                return state.entity_id
        return None

    entity = await eventually(ready, "the lock is ready", 30)
    owner = await hass.auth.async_create_user("Owner", group_ids=[GROUP_ID_ADMIN])
    return Rig(hass, entry, entity, Context(user_id=owner.id))


@asynccontextmanager
async def rig(folder: Path, *, camera: bool = False) -> AsyncIterator[Rig]:
    """Build it in a folder, on wish with a camera that Home Assistant's MJPEG has."""
    configure_event_loop(asyncio.get_running_loop())
    home = await VirtualHomeProcess.start(
        folder / "virtual_home.log",
        *("--motor", "0", "--pin", PIN),
        *(("--camera-port", "0") if camera else ()),
    )
    try:
        config = folder / "config"
        ports = seed.Seed(
            port=free_port(), proxy_port=home.proxy_port, camera_url=home.camera
        )
        seed.prepare(config, ports)
        hass = await bootstrap.async_setup_hass(RuntimeConfig(config_dir=str(config)))
        if hass is None:
            raise HarnessError("Home Assistant did not start")
        try:
            await hass.async_start()
            made = await _pair(hass, home)
            made.virtual = home
            yield made
        finally:
            await hass.async_stop()
    finally:
        await home.stop()
