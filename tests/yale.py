"""Home Assistant's Yale Access Bluetooth on a simulated lock in the air.

`yale_home(hass)` gives both. Needs `mock_bluetooth_adapters`.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from unittest.mock import patch

from homeassistant.components import bluetooth
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry

from virtual_home.home import HomeOptions, VirtualHome
from virtual_home.scanner import Scanner
from virtual_home.yale import YaleLock, YaleOptions

from .conftest import until

LOCK_ID = f"yalexs_ble:{YaleOptions().address}"
ENTITY = "lock.porch"


class YaleHome:
    """The lock and Home Assistant's entry."""

    def __init__(self, lock: YaleLock) -> None:
        """Take the lock."""
        self.lock = lock
        options = lock.options
        self.entry = MockConfigEntry(
            domain="yalexs_ble",
            title="Porch",
            unique_id=options.address,
            data={
                "local_name": options.name,
                "address": options.address,
                "key": options.key,
                "slot": options.slot,
            },
        )


@asynccontextmanager
async def yale_home(
    hass: HomeAssistant, options: YaleOptions | None = None
) -> AsyncGenerator[YaleHome]:
    """Run the integration with the lock in its reach."""
    assert await async_setup_component(hass, "bluetooth", {})
    yales = (options or YaleOptions(),)
    with (
        # What a real radio needs between two commands, and after a connection.
        patch("yalexs_ble.session.COOLDOWN_TIME", 0),
        patch("yalexs_ble.push.ACTIVITY_PRIME_DELAY", 0.05),
        patch("yalexs_ble.push.LOCK_STALE_STATE_DEBOUNCE_DELAY", 0.05),
    ):
        async with VirtualHome(HomeOptions(locks=(), yales=yales)) as air:
            scanner = Scanner(air.central)
            undo_setup = scanner.async_setup()
            undo = bluetooth.async_register_scanner(
                hass, scanner, connection_slots=air.central.slots
            )
            home = YaleHome(air.yales[0])
            home.entry.add_to_hass(hass)
            await until(lambda: bluetooth.async_discovered_service_info(hass))
            assert await hass.config_entries.async_setup(home.entry.entry_id)
            await hass.async_block_till_done()
            yield home
            if home.entry.state is ConfigEntryState.LOADED:
                await hass.config_entries.async_unload(home.entry.entry_id)
            undo()
            undo_setup()
