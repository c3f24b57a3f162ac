"""A lock that the real ZHA brought, on the virtual radio: through its entity alone."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest

from custom_components.smartlock_le.const import DOMAIN
from custom_components.smartlock_le.home import Home
from custom_components.smartlock_le.locks.driver import Bolt
from custom_components.smartlock_le.locks.managed import ManagedLock
from custom_components.smartlock_le.models import (
    HOME_ACTOR,
    DoorCommand,
    LockUnreachable,
    OutcomeUnknown,
)
from tests.conftest import log_of, until
from tests.zigbee import FAST, Zha, zha_home
from virtual_home.home import VirtualHome

pytestmark = pytest.mark.usefixtures("socket_enabled")


@dataclass(frozen=True, slots=True)
class House:
    """A home whose only lock is that of a real ZHA."""

    zha: Zha
    home: Home
    lock: ManagedLock


@pytest.fixture
async def house(hass: HomeAssistant, air: VirtualHome) -> AsyncGenerator[House]:
    """Found the home with ZHA's lock, as a person clicks."""
    assert await async_setup_component(hass, "homeassistant", {})
    async with zha_home(hass, FAST) as zha:
        lock_id = f"zha:{zha.lock.ieee}-1-257"
        flows = hass.config_entries.flow
        flow = await flows.async_init(DOMAIN, context={"source": "user"})
        flow_id = flow["flow_id"]
        await flows.async_configure(flow_id, {})
        await flows.async_configure(flow_id, {"sharing": False})
        step = await flows.async_configure(flow_id, {"address": lock_id})
        assert step["description_placeholders"]["integration"].startswith("Zigbee")
        result = await flows.async_configure(flow_id, {"own_lock": True})
        assert result["type"] == "create_entry"
        await hass.async_block_till_done()
        home: Home = result["result"].runtime_data
        lock = home.roster.find(lock_id)
        assert lock
        yield House(zha, home, lock)
        await hass.config_entries.async_unload(result["result"].entry_id)


async def test_command_and_hand(house: House) -> None:
    assert house.lock.driver.state.bolt is Bolt.LOCKED
    await house.lock.command(DoorCommand.UNLOCK, HOME_ACTOR)
    await until(lambda: house.zha.lock.state.name == "Unlocked")
    house.zha.lock.turn(lock=True)
    await until(lambda: house.lock.driver.state.bolt is Bolt.LOCKED)
    await house.home.hass.async_block_till_done()
    told = [(e["event"], e["method"]) for e in await log_of(house.home, "access")]
    assert told == [("unlocked", "home_assistant"), ("locked", "unknown")]


async def test_away(house: House) -> None:
    """ZHA says that it could not deliver; how far it came is not known."""
    house.zha.lock.trouble.online = False
    with pytest.raises((OutcomeUnknown, LockUnreachable)):
        await house.lock.command(DoorCommand.UNLOCK, HOME_ACTOR)
    assert house.zha.lock.state.name == "Locked"
    (outcome,) = await log_of(house.home, "outcome")
    assert outcome["result"] == "unknown"


async def test_the_radio_restarts(house: House) -> None:
    await house.zha.restart_radio()
    await until(lambda: house.lock.driver.available)
    await house.lock.command(DoorCommand.UNLOCK, HOME_ACTOR)
    await until(lambda: house.zha.lock.state.name == "Unlocked")
