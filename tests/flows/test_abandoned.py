"""A dialog that is closed once the lock is paired leaves nothing on it, if we can help it."""

from typing import Any

from homeassistant.components import bluetooth
from homeassistant.config_entries import SOURCE_RECONFIGURE
from homeassistant.core import HomeAssistant
import pytest

from custom_components.smartlock_le.const import DOMAIN, SUBENTRY_LOCK
from custom_components.smartlock_le.flows import abandoned
from custom_components.smartlock_le.home import HomeEntry
from custom_components.smartlock_le.opening import home_folder
from tests.conftest import PIN, add_home, card, until
from tests.support import idle, pairings, unwritable
from virtual_home.nuki import NukiLock


async def go(hass: HomeAssistant, flow_id: str, **answers: Any) -> Any:
    """Answer a step of a card."""
    return await hass.config_entries.flow.async_configure(flow_id, answers)


async def to_pin(hass: HomeAssistant, nuki: NukiLock, flow_id: str) -> None:
    """Go on from a card to where the PIN is asked for: the lock is paired then."""
    before = pairings(nuki)
    await go(hass, flow_id)
    await go(hass, flow_id, sharing=False)
    nuki.device.set_pairing(True)
    assert (await go(hass, flow_id))["step_id"] == "pin"
    nuki.device.set_pairing(False)
    assert pairings(nuki) == before + 1


def close(hass: HomeAssistant, flow_id: str) -> None:
    """Close the dialog of a card."""
    hass.config_entries.flow.async_abort(flow_id)


def waiting(hass: HomeAssistant, nuki: NukiLock) -> int:
    """Count the pairings that are still to be taken off."""
    return len(hass.data.get(abandoned._KEY, {}).get(nuki.address, []))


async def test_closed_before_it_was_paired(hass: HomeAssistant, nuki: NukiLock) -> None:
    """There is nothing to take back."""
    close(hass, await card(hass, nuki))
    assert waiting(hass, nuki) == 0


@pytest.mark.parametrize("reset", [False, True])
async def test_closed_where_the_pin_is_asked_for(
    hass: HomeAssistant, nuki: NukiLock, reset: bool
) -> None:
    """Taken off by the flow that learns the PIN; a lock that was reset has none."""
    flow_id = await card(hass, nuki)
    await to_pin(hass, nuki, flow_id)
    close(hass, flow_id)
    assert waiting(hass, nuki) == 1
    if reset:
        nuki.device.factory_reset()
    await idle(nuki)
    bluetooth.async_rediscover_address(hass, nuki.address)
    flow_id = await card(hass, nuki)
    await to_pin(hass, nuki, flow_id)
    # After a reset the new pairing has the very number of the old one.
    result = await go(hass, flow_id, pin=PIN)
    assert result["type"] == "create_entry"
    assert pairings(nuki) == 1
    assert waiting(hass, nuki) == 0
    (lock,) = result["result"].runtime_data.roster.locks.values()
    await until(lambda: lock.driver.available)
    await hass.config_entries.async_unload(result["result"].entry_id)


async def test_out_of_reach_meanwhile(hass: HomeAssistant, nuki: NukiLock) -> None:
    """It is tried again by whoever asks for the PIN next; the home is made anyway."""
    flow_id = await card(hass, nuki)
    await to_pin(hass, nuki, flow_id)
    close(hass, flow_id)
    await nuki.set_in_range(False)
    await abandoned.take_back(hass, nuki.address, nuki.name)
    assert waiting(hass, nuki) == 1
    await abandoned.take_back(hass, nuki.address, nuki.name, int(PIN))
    assert waiting(hass, nuki) == 1
    await nuki.set_in_range(True)
    await abandoned.take_back(hass, nuki.address, nuki.name, int(PIN))
    await until(lambda: pairings(nuki) == 0 and not waiting(hass, nuki))


async def test_closed_because_it_cannot_be_saved(
    hass: HomeAssistant, nuki: NukiLock
) -> None:
    """The PIN is known: the pairing is taken off at once."""
    flow_id = await card(hass, nuki)
    await to_pin(hass, nuki, flow_id)
    with unwritable(home_folder(hass)):
        result = await go(hass, flow_id, pin=PIN)
        assert result["errors"] == {"pin": "not_saved"}
        close(hass, flow_id)
    await until(lambda: pairings(nuki) == 0)
    await until(lambda: not waiting(hass, nuki))
    await idle(nuki)


async def again(hass: HomeAssistant, entry: HomeEntry) -> str:
    """Begin to pair the lock of the home again; return the flow."""
    manager = hass.config_entries.subentries
    (subentry_id,) = entry.subentries
    result = await manager.async_init(
        (entry.entry_id, SUBENTRY_LOCK),
        context={"source": SOURCE_RECONFIGURE, "subentry_id": subentry_id},
    )
    flow_id: str = result["flow_id"]
    result = await manager.async_configure(flow_id, {"next_step_id": "pair"})
    assert result["step_id"] == "pair"
    return flow_id


@pytest.mark.parametrize("pin_wrong", [False, True])
async def test_closed_while_it_is_paired_again(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock, pin_wrong: bool
) -> None:
    """The pairing that the home has goes on; the PIN that it holds takes off the new.

    Unless the lock said that it is wrong: locks count.
    """
    flow_id = await again(hass, entry)
    nuki.device.set_pairing(True)
    manager = hass.config_entries.subentries
    result = await manager.async_configure(flow_id, {})
    assert result["step_id"] == "pin"
    assert pairings(nuki) == 2
    (lock,) = entry.runtime_data.roster.locks.values()
    lock.driver.pin_wrong = pin_wrong
    manager.async_abort(flow_id)
    if pin_wrong:
        await hass.async_block_till_done(wait_background_tasks=False)
        assert (pairings(nuki), waiting(hass, nuki)) == (2, 1)
        lock.driver.pin_wrong = False
        await abandoned.take_back(hass, nuki.address, nuki.name)
    await until(lambda: pairings(nuki) == 1)
    await until(lambda: not waiting(hass, nuki))
    await lock.driver.read_state()
    assert lock.driver.available


async def test_a_flow_that_ends_well_keeps_its_pairing(
    hass: HomeAssistant, nuki: NukiLock
) -> None:
    """Nothing is taken back, neither then nor when it is unloaded."""
    entry = await add_home(hass, nuki)
    assert hass.config_entries.flow.async_progress_by_handler(DOMAIN) == []
    assert (pairings(nuki), waiting(hass, nuki)) == (1, 0)
    await hass.config_entries.async_unload(entry.entry_id)
    assert pairings(nuki) == 1
