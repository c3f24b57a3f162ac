"""A real ZHA in a Home Assistant, on the virtual radio.

`async with zha_home(hass, LockOptions(), ...) as zha:` in a test or a fixture of a folder
of tests; it needs `socket_enabled`. Not imported by what runs on a newer Home Assistant:
its ZHA is not to be had there.
"""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

from homeassistant.components.zha import radio_manager
from homeassistant.components.zha.helpers import get_zha_gateway_proxy
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry
from zha.application import gateway
import zigpy.device

from harness.zigbee import zha_entry
from virtual_home.zigbee import database
from virtual_home.zigbee.contact import Contact
from virtual_home.zigbee.lock import Lock
from virtual_home.zigbee.options import LockOptions, NodeOptions, RadioOptions, devices
from virtual_home.zigbee.radio import Radio

from .conftest import until

FAST = LockOptions(motor_s=0.05, latency_s=0.001)
"""A lock that keeps no test waiting."""


@dataclass(frozen=True, slots=True)
class Zha:
    """ZHA, its config entry, and the radio that it uses."""

    hass: HomeAssistant
    radio: Radio
    entry: ConfigEntry

    @property
    def lock(self) -> Lock:
        """The first lock."""
        return self.radio.locks[0]

    def device_id(self, node: Lock | Contact) -> str | None:
        """Return the id of a device in the registry; None: it is not there."""
        found = dr.async_get(self.hass).async_get_device_by_identifier(
            ("zha", str(node.ieee)), self.entry.entry_id
        )
        return found.id if found else None

    def entity_id(self, node: Lock | Contact, domain: str = "lock") -> str | None:
        """Return the first entity of a device in a domain; None: it is not there."""
        if (device_id := self.device_id(node)) is None:
            return None
        entities = er.async_entries_for_device(er.async_get(self.hass), device_id)
        found = (one.entity_id for one in entities if one.domain == domain)
        return next(found, None)

    def state(self, node: Lock | Contact, domain: str = "lock") -> str | None:
        """Return the state of that entity."""
        entity_id = self.entity_id(node, domain)
        state = self.hass.states.get(entity_id) if entity_id else None
        return state.state if state else None

    async def join(self, node: Lock | Contact) -> None:
        """Let a device join, and wait until it can be used."""
        data = {"duration": 60}
        await self.hass.services.async_call("zha", "permit", data, blocking=True)
        node.join()
        domain = "lock" if isinstance(node, Lock) else "binary_sensor"
        await until(lambda: self.state(node, domain) not in (None, "unavailable"))
        await self.hass.async_block_till_done()

    async def restart_radio(self, away_s: float = 0.0) -> None:
        """Have the stick lose power, and wait until ZHA uses it again.

        Where it is away when ZHA looks at once, that looks again after 5 s only.
        """
        before = get_zha_gateway_proxy(self.hass)
        await self.radio.restart(away_s)

        def back() -> bool:
            loaded = self.entry.state is ConfigEntryState.LOADED
            return loaded and get_zha_gateway_proxy(self.hass) is not before

        await until(back)
        await self.hass.async_block_till_done()


@contextmanager
def _no_rest() -> Generator[None]:
    """Take away pauses: what a stick needs and this one does not, and 28 s for a reply."""
    with (
        patch.object(zigpy.device, "APS_REPLY_TIMEOUT_EXTENDED", 2.0),
        patch.object(radio_manager, "CONNECT_DELAY_S", 0),
        patch.object(gateway, "SHUT_DOWN_DELAY_S", 0),
    ):
        yield


@asynccontextmanager
async def zha_home(
    hass: HomeAssistant, *kinds: NodeOptions, joined: bool = True
) -> AsyncGenerator[Zha]:
    """Run ZHA on a radio with these devices, which have joined already or not.

    The first in a process takes 3 s for imports and quirks, each other one 0.4 s.
    """
    options = devices(*(replace(one, joined=joined) for one in kinds or (FAST,)))
    radio = Radio(RadioOptions(devices=options))
    await radio.start()
    path = Path(hass.config.config_dir) / database.NAME
    await hass.async_add_executor_job(database.write, path, radio)
    entry = MockConfigEntry(**zha_entry(radio.url))
    entry.add_to_hass(hass)
    with _no_rest():
        try:
            assert await hass.config_entries.async_setup(entry.entry_id), entry.reason
            await hass.async_block_till_done()
            yield Zha(hass, radio, entry)
        finally:
            if entry.state is ConfigEntryState.LOADED:
                await hass.config_entries.async_unload(entry.entry_id)
            await radio.stop()
