"""The real ZHA on the virtual radio."""

from collections.abc import AsyncGenerator

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from tests.conftest import until
from tests.zigbee import FAST, Zha, zha_home
from virtual_home.zigbee.lock import Typed
from virtual_home.zigbee.options import ContactOptions

pytestmark = pytest.mark.usefixtures("socket_enabled")


@pytest.fixture
async def zha(hass: HomeAssistant) -> AsyncGenerator[Zha]:
    """Run ZHA with a lock and a contact that have joined."""
    async with zha_home(hass, FAST, ContactOptions()) as zha:
        yield zha


async def act(zha: Zha, action: str, **data: object) -> None:
    """Call a service for the first lock."""
    domain, _, name = action.partition(".")
    target = {"entity_id": zha.entity_id(zha.lock)}
    await zha.hass.services.async_call(domain, name, {**target, **data}, blocking=True)


async def test_start_without_interview(zha: Zha) -> None:
    assert zha.entry.state is ConfigEntryState.LOADED
    assert zha.state(zha.lock) == "locked"
    assert zha.state(zha.radio.devices[1], "binary_sensor") == "off"


async def test_lock_and_unlock(zha: Zha) -> None:
    await act(zha, "lock.unlock")
    await until(lambda: zha.lock.state.name == "Unlocked")
    assert zha.state(zha.lock) == "unlocked"
    await act(zha, "lock.lock")
    await until(lambda: zha.lock.state.name == "Locked")
    assert zha.state(zha.lock) == "locked"


async def test_codes_and_keypad(zha: Zha) -> None:
    events = async_capture_events(zha.hass, "zha_event")
    await act(zha, "zha.set_lock_user_code", code_slot=4, user_code="2468")
    assert zha.lock.press("2468") == (Typed.ACCEPTED, 3)
    await until(lambda: events and zha.state(zha.lock) == "unlocked")
    assert events[-1].data["args"] == {
        "source": "Keypad",
        "operation": "Unlock",
        "code_slot": 4,
    }
    await act(zha, "zha.clear_lock_user_code", code_slot=4)
    assert zha.lock.press("2468") == (Typed.REFUSED, None)


async def test_restart_of_the_radio(zha: Zha) -> None:
    await zha.restart_radio()
    await until(lambda: zha.state(zha.lock) == "locked")
    zha.lock.turn(lock=False)
    await until(lambda: zha.state(zha.lock) == "unlocked")


async def test_join(hass: HomeAssistant) -> None:
    async with zha_home(hass, FAST, ContactOptions(), joined=False) as zha:
        lock, contact = zha.radio.devices
        assert zha.device_id(lock) is None
        with pytest.raises(ValueError, match="takes no new devices"):
            lock.join()
        await zha.join(lock)
        await zha.join(contact)
        await until(lambda: zha.lock.server.reporting)
        contact.move_door(is_open=True)
        await until(lambda: zha.state(contact, "binary_sensor") == "on")
        zha.lock.turn(lock=False)
        await until(lambda: zha.state(lock) == "unlocked")
