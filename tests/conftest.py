"""Fixtures: a Home Assistant with a Bluetooth air in it, and a home with a lock."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from datetime import timedelta
import logging
import time
from typing import TYPE_CHECKING, Any

from homeassistant.components import bluetooth
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from hypothesis import settings
import pytest

# Imported first: the test harness brings a custom_components of its own.
import custom_components.smartlock_le
from custom_components.smartlock_le.const import DOMAIN
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.locks import managed
from custom_components.smartlock_le.locks.nuki import (
    client as nuki_client,
    driver as nuki_driver,
)
from virtual_home.home import HomeOptions, VirtualHome
from virtual_home.nuki import LockOptions, NukiLock
from virtual_home.scanner import Scanner

from .log.authority import Authority

if TYPE_CHECKING:
    from .zigbee2mqtt import Zigbee2Mqtt
    from .zwave_js import ZwaveRadio

# What is drawn must not decide whether a change passes: the same draws each time.
settings.register_profile("steady", derandomize=True)
settings.load_profile("steady")

PIN = "1234"
LOCK = "lock.front_door"
FAST = LockOptions(motor_s=0.05, unlatch_s=0.1, advertising_ms=20)

assert custom_components.smartlock_le


async def until(condition: Callable[[], Any], timeout: float = 20.0) -> Any:
    """Wait until something is so; return it."""
    end = time.monotonic() + timeout
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come to pass"
        await asyncio.sleep(0.01)
    return found


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten our own waits; the order of things stays."""
    monkeypatch.setattr(
        nuki_client.NukiClient.__init__,
        "__kwdefaults__",
        {
            **nuki_client.NukiClient.__init__.__kwdefaults__,
            "deadline": 2.0,
            "motor_deadline": 2.0,
            "idle": 0.3,
        },
    )
    monkeypatch.setattr(managed, "RETRY", 0.1)
    monkeypatch.setattr(managed, "RETRY_MAX", 0.2)
    monkeypatch.setattr(nuki_driver, "_LOOK", timedelta(seconds=0.2))


@pytest.fixture(autouse=True)
def silence() -> None:
    """Keep still who would write a line for every byte and every statement."""
    logging.getLogger("bumble").setLevel(logging.WARNING)
    logging.getLogger("sqlalchemy.engine").setLevel(logging.WARNING)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Make a time stamp authority."""
    return Authority.make(tmp_path_factory.mktemp("authority") / "ours")


@pytest.fixture(scope="session")
def other_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Make another, of a root that nobody here knows."""
    return Authority.make(tmp_path_factory.mktemp("authority") / "other")


@pytest.fixture
async def tsa(socket_enabled: None, authority: Authority) -> AsyncGenerator[str]:
    """Give the URL of the authority."""
    async with authority.serve() as url:
        yield url


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Give each test a configuration directory of its own."""
    return hass_tmp_config_dir


@pytest.fixture
def lock_options() -> LockOptions:
    """How the first lock is made; tests override it."""
    return FAST


@pytest.fixture
def locks(lock_options: LockOptions) -> tuple[LockOptions, ...]:
    """How the locks are made; tests override it."""
    return (lock_options,)


@pytest.fixture
async def air(
    hass: HomeAssistant,
    enable_custom_integrations: None,
    mock_bluetooth_adapters: None,
    locks: tuple[LockOptions, ...],
) -> AsyncGenerator[VirtualHome]:
    """Run a virtual home whose central is an adapter of this Home Assistant."""
    assert await async_setup_component(hass, "bluetooth", {})
    async with VirtualHome(HomeOptions(locks=locks)) as home:
        scanner = Scanner(home.central)
        undo_setup = scanner.async_setup()
        undo = bluetooth.async_register_scanner(
            hass, scanner, connection_slots=home.central.slots
        )
        yield home
        undo()
        undo_setup()


@pytest.fixture
def nuki(air: VirtualHome) -> NukiLock:
    """Give the first simulated lock."""
    return air.locks[0]


async def card(hass: HomeAssistant, nuki: NukiLock) -> str:
    """Wait until Home Assistant shows the card of a found lock; return its flow."""

    def found() -> str | None:
        for flow in hass.config_entries.flow.async_progress_by_handler(DOMAIN):
            if flow["context"].get("unique_id") == nuki.address:
                return flow["flow_id"]
        return None

    flow_id: str = await until(found)
    return flow_id


async def add_home(
    hass: HomeAssistant, nuki: NukiLock, *, pin: str | None = PIN, sharing: bool = False
) -> HomeEntry:
    """Click through the card of the first lock; return the home."""
    configure = hass.config_entries.flow.async_configure
    flow_id = await card(hass, nuki)
    await configure(flow_id, {})
    await configure(flow_id, {"sharing": sharing})
    nuki.device.set_pairing(True)
    result = await configure(flow_id, {})
    assert result["step_id"].startswith("pin"), result
    result = await configure(flow_id, {"pin": pin} if pin else {})
    assert result["type"] == "create_entry", result
    entry: HomeEntry = result["result"]
    assert entry.state is ConfigEntryState.LOADED
    await until(
        lambda: all(
            lock.driver.available and not lock._reading.locked()
            for lock in entry.runtime_data.roster.locks.values()
        )
    )
    return entry


@pytest.fixture
async def entry(hass: HomeAssistant, nuki: NukiLock) -> AsyncGenerator[HomeEntry]:
    """Set up a home with one lock, as a person would."""
    entry = await add_home(hass, nuki)
    yield entry
    if entry.state is ConfigEntryState.LOADED:
        await hass.config_entries.async_unload(entry.entry_id)


@pytest.fixture
def home(entry: HomeEntry) -> Home:
    """Give the running home."""
    return entry.runtime_data


@pytest.fixture(scope="session")
def zigbee2mqtt_session() -> Iterator[Zigbee2Mqtt]:
    """Run a radio, a broker and Zigbee2MQTT for all tests together."""
    # Only here: what it needs is not to be had with a newer Home Assistant.
    from .zigbee2mqtt import running

    with running() as z2m:
        yield z2m


@pytest.fixture
def z2m(
    zigbee2mqtt_session: Zigbee2Mqtt, socket_enabled: None
) -> Iterator[Zigbee2Mqtt]:
    """Give them, with all locks locked, well and without a code."""
    zigbee2mqtt_session.listen()
    try:
        yield zigbee2mqtt_session
        zigbee2mqtt_session.heal()
    finally:
        zigbee2mqtt_session.hush()


@pytest.fixture(scope="session")
def zwave_session() -> Iterator[ZwaveRadio]:
    """Run Z-Wave JS for all tests together."""
    from .zwave_js import running

    with running() as radio:
        yield radio


@pytest.fixture
def zwave(zwave_session: ZwaveRadio, socket_enabled: None) -> ZwaveRadio:
    """Give it, with all locks locked, well and without a code."""
    zwave_session.heal()
    return zwave_session


async def log_of(home: Home, *kinds: str) -> list[dict[str, Any]]:
    """Return the fields of the entries of these kinds, oldest first."""
    page = await home.log.entries(kinds=kinds or None, limit=500)
    return [dict(entry.fields) for entry in page.entries]


async def until_entry(home: Home, kind: str, **fields: Any) -> dict[str, Any]:
    """Wait for an entry of a kind with these fields; return it."""
    async with asyncio.timeout(20):
        while True:
            for entry in await log_of(home, kind):
                if fields.items() <= entry.items():
                    return entry
            await asyncio.sleep(0.02)
