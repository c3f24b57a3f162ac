"""Fixtures: a bare air, and the parts of the hardware room in a Home Assistant."""

from collections.abc import AsyncIterator
from dataclasses import replace
import logging
from pathlib import Path

from homeassistant.components import bluetooth
from homeassistant.core import HomeAssistant
import pytest

from custom_components.smartlock_le.locks.keybook import LockKeys
from custom_components.smartlock_le.locks.nuki.client import NukiClient
from custom_components.smartlock_le.log import Log
from tests.conftest import FAST, until
from virtual_home.home import HomeOptions, VirtualHome
from virtual_home.nuki import LockOptions, NukiLock

from .support import PIN, new_client


@pytest.fixture(autouse=True)
def quiet() -> None:
    """Spare us what every controller says to its host."""
    logging.getLogger("bumble").setLevel(logging.WARNING)


@pytest.fixture
def bare_options() -> LockOptions:
    """How the lock on the bare air is made; tests override it."""
    return replace(FAST, motor_s=0.02, unlatch_s=0.02, pairing=True, pin_block_s=0.2)


@pytest.fixture
async def bare(bare_options: LockOptions) -> AsyncIterator[VirtualHome]:
    """Run a virtual home without Home Assistant."""
    async with VirtualHome(HomeOptions(locks=(bare_options,))) as home:
        yield home


@pytest.fixture
def bare_lock(bare: VirtualHome) -> NukiLock:
    """Give its lock."""
    return bare.locks[0]


@pytest.fixture
async def client(bare: VirtualHome, bare_lock: NukiLock) -> AsyncIterator[NukiClient]:
    """Give a client that is paired with the bare lock."""
    client = new_client(bare, bare_lock)
    await client.pair("Tester")
    yield client
    await client.close()


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[Log]:
    """Give a log that retries soon."""
    log = await Log.open(
        tmp_path / "log", origin="test.example/log", version="1", retry_interval=0.05
    )
    yield log
    await log.close()


@pytest.fixture
async def keys(hass: HomeAssistant, air: VirtualHome, nuki: NukiLock) -> LockKeys:
    """Pair with the first lock of the home; return what we hold of it."""
    await until(lambda: bluetooth.async_ble_device_from_address(hass, nuki.address))
    client = new_client(air, nuki)
    nuki.device.set_pairing(True)
    credentials = await client.pair("SmartLock LE")
    nuki.device.set_pairing(False)
    return LockKeys(
        name="Front door",
        credentials=credentials.as_dict(),
        pin=PIN,
        has_keypad=nuki.options.keypad,
        firmware="3.9.5",
    )
