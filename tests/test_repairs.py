"""The fixes that a person can start from Home Assistant's repairs."""

from typing import Any

from homeassistant.components.repairs import repairs_flow_manager
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir

from custom_components.smartlock_le.const import DOMAIN
from custom_components.smartlock_le.home import HomeEntry
from virtual_home.nuki import NukiLock

from .conftest import PIN, card, log_of, until
from .support import GRANT, act, idle, issues, keys_file, pairings


def begin(hass: HomeAssistant, issue: str) -> Any:
    """Begin the fix of an issue."""
    (found,) = (
        i for i in ir.async_get(hass).issues.values() if i.translation_key == issue
    )
    assert found.is_fixable
    manager = repairs_flow_manager(hass)
    assert manager
    return manager.async_init(DOMAIN, data={"issue_id": found.issue_id})


async def go(hass: HomeAssistant, flow_id: str, **answers: Any) -> Any:
    """Answer a step."""
    manager = repairs_flow_manager(hass)
    assert manager
    return await manager.async_configure(flow_id, answers)


async def reloaded(entry: HomeEntry, before: object) -> None:
    """Wait until the home is back and its lock has been read."""
    await until(lambda: getattr(entry, "runtime_data", before) is not before)
    (lock,) = entry.runtime_data.roster.locks.values()
    await until(lambda: lock.driver.available and not lock._reading.locked())


async def test_pair_a_lock_again_that_forgot_us(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """The steps are those of the lock's own page."""
    nuki.device.set_pairing(False)
    nuki.device.factory_reset()
    await until(lambda: issues(hass) == {"pairing_lost"})
    result = await begin(hass, "pairing_lost")
    assert result["step_id"] == "pair"
    flow_id = result["flow_id"]
    result = await go(hass, flow_id)
    assert result["errors"] == {"base": "not_pairing"}
    nuki.device.set_pairing(True)
    await go(hass, flow_id)
    before = entry.runtime_data
    result = await go(hass, flow_id, pin=PIN)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await reloaded(entry, before)
    assert issues(hass) == set()


async def test_a_lock_that_was_reset_belongs_to_others_too(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """Our numbers are somebody else's now: their code stays, our grant is over."""
    device = nuki.device
    await act(hass, "grant_emergency_access", {**GRANT, "method": "code"})
    (ours,) = device.codes
    before = entry.runtime_data.book[nuki.address]
    device.factory_reset()
    theirs = device.codes.add(ours.digits, "Grandma", None, device.now)
    guest = device.codes.add(345678, "LE guest", None, device.now)
    assert theirs.code_id == ours.code_id
    await until(lambda: issues(hass) == {"pairing_lost"})
    flow_id = (await begin(hass, "pairing_lost"))["flow_id"]
    device.set_pairing(True)
    await go(hass, flow_id)
    home = entry.runtime_data
    await go(hass, flow_id, pin=PIN)
    await reloaded(entry, home)
    home = entry.runtime_data
    assert home.book[nuki.address].credentials != before.credentials
    await until(lambda: not home.grants.open_grants())
    assert [code.name for code in device.codes] == ["Grandma", "LE guest"]
    assert list(device.codes) == [theirs, guest]
    await until(lambda: home.book.markers(nuki.address) == ())
    assert issues(hass) == set()
    assert device.press(theirs.digits).opened


async def test_pair_again_while_the_home_is_stopped(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """The keys are kept for its next start."""
    nuki.device.factory_reset()
    await until(lambda: issues(hass) == {"pairing_lost"})
    await hass.config_entries.async_unload(entry.entry_id)
    await idle(nuki)
    flow_id = (await begin(hass, "pairing_lost"))["flow_id"]
    nuki.device.set_pairing(True)
    await go(hass, flow_id)
    result = await go(hass, flow_id, pin=PIN)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.config_entries.async_setup(entry.entry_id)
    await reloaded(entry, None)


async def test_take_the_pin_that_was_changed(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """The lock is asked once with the old one and then no more."""
    nuki.device.pin.pin = 4321
    nuki.device.turn(lock=True)
    await until(lambda: issues(hass) == {"pin_wrong"})
    assert nuki.device.pin._wrong == 1
    result = await begin(hass, "pin_wrong")
    assert result["step_id"] == "pin"
    before = entry.runtime_data
    await idle(nuki)
    await go(hass, result["flow_id"], pin="4321")
    await reloaded(entry, before)
    assert issues(hass) == set()
    await act(hass, "grant_emergency_access", GRANT)


async def test_forget_a_removed_lock_that_is_gone_for_good(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """Its keys are destroyed, and the log says what may still be on it."""
    await act(hass, "grant_emergency_access", GRANT)
    await nuki.set_in_range(False)
    hass.config_entries.async_remove_subentry(entry, next(iter(entry.subentries)))
    await until(lambda: issues(hass) == {"uncleaned"})

    await hass.config_entries.async_unload(entry.entry_id)
    flow_id = (await begin(hass, "uncleaned"))["flow_id"]
    result = await go(hass, flow_id)
    assert (result["type"], result["reason"]) == (
        FlowResultType.ABORT,
        "home_not_loaded",
    )
    assert nuki.address in keys_file(hass).read_text()
    await hass.config_entries.async_setup(entry.entry_id)

    result = await begin(hass, "uncleaned")
    assert result["step_id"] == "confirm"
    assert result["description_placeholders"]["name"] == "Front door"
    result = await go(hass, result["flow_id"])
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert nuki.address not in keys_file(hass).read_text()
    assert issues(hass) == set()
    (cleaned,) = await log_of(entry.runtime_data, "lock_cleaned")
    assert (cleaned["result"], cleaned["codes_left"]) == ("given_up", 1)
    assert pairings(nuki) == 1
    assert await card(hass, nuki)


async def test_no_text_of_the_keys_is_in_an_issue(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """What the repairs keep is readable by every admin and in backups."""
    (key,) = (
        u.key for u in nuki.device.users.entries.values() if u.name == "SmartLock LE"
    )
    nuki.device.factory_reset()
    await until(lambda: issues(hass))
    found = str(list(ir.async_get(hass).issues.values()))
    assert key.hex() not in found
