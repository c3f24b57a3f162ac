"""A lock is added to the home by hand, paired again, given another PIN, removed."""

from dataclasses import replace
import json
from typing import Any

from homeassistant.components import bluetooth
from homeassistant.config_entries import SOURCE_RECONFIGURE, SOURCE_USER
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr, entity_registry as er
import pytest

from custom_components.smartlock_le.const import SUBENTRY_LOCK
from custom_components.smartlock_le.home import HomeEntry
from custom_components.smartlock_le.locks import roster
from custom_components.smartlock_le.models import HOME_ACTOR, Capability, DoorCommand
from tests.conftest import FAST, LOCK, PIN, add_home, card, log_of, until
from tests.support import (
    GRANT,
    act,
    cards,
    idle,
    issues,
    keys_file,
    pairings,
    unheard,
    unwritable,
)
from virtual_home.home import VirtualHome, several_locks
from virtual_home.nuki import NukiLock

two_locks = pytest.mark.parametrize("locks", [several_locks(2, FAST)])


async def begin(hass: HomeAssistant, entry: HomeEntry, lock: str | None = None) -> Any:
    """Begin to add a lock, or to change the one with this address."""
    context = {"source": SOURCE_USER}
    if lock:
        ids = [s.subentry_id for s in entry.subentries.values() if s.unique_id == lock]
        context = {"source": SOURCE_RECONFIGURE, "subentry_id": ids[0]}
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, SUBENTRY_LOCK), context=context
    )


async def go(hass: HomeAssistant, flow_id: str, **answers: Any) -> Any:
    """Answer a step."""
    return await hass.config_entries.subentries.async_configure(flow_id, answers)


async def running(entry: HomeEntry) -> None:
    """Wait until the home is back from a reload and its lock has been read."""
    await until(
        lambda: (
            (home := getattr(entry, "runtime_data", None))
            and home.roster.locks
            and all(
                lock.driver.available and not lock._reading.locked()
                for lock in home.roster.locks.values()
            )
        )
    )


def remove(hass: HomeAssistant, entry: HomeEntry) -> None:
    """Remove the first lock."""
    hass.config_entries.async_remove_subentry(entry, next(iter(entry.subentries)))


# Add


async def test_no_lock_to_add(hass: HomeAssistant, entry: HomeEntry) -> None:
    """The lock that is here already is not offered."""
    result = await begin(hass, entry)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "no_lock_found")


@two_locks
async def test_a_second_lock_is_added_by_hand(
    hass: HomeAssistant, air: VirtualHome
) -> None:
    """It comes without a reload, and its card goes."""
    first, second = air.locks
    await card(hass, second)
    entry = await add_home(hass, first)
    home = entry.runtime_data
    flow_ids = [(await begin(hass, entry))["flow_id"] for _ in range(2)]
    for flow_id in flow_ids:
        result = await go(hass, flow_id, address=second.address)
        assert result["step_id"] == "pair"
    second.device.set_pairing(True)
    await go(hass, flow_ids[0])
    result = await go(hass, flow_ids[0], pin=PIN)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert (result["title"], result["unique_id"]) == ("Back door", second.address)
    await until(lambda: (s := hass.states.get("lock.back_door")) and s.state)
    assert entry.runtime_data is home
    assert cards(hass) == set()
    # Whoever was about to add it as well is told, before the lock is paired again.
    result = await go(hass, flow_ids[1])
    assert result["reason"] == "already_configured"
    assert pairings(second) == 1
    await running(entry)
    await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize(
    "locks", [tuple(replace(lock, label="Door") for lock in several_locks(2, FAST))]
)
async def test_two_locks_of_one_name(hass: HomeAssistant, air: VirtualHome) -> None:
    """The second bears its Nuki ID as well; each opens its own door."""
    first, second = air.locks
    entry = await add_home(hass, first)
    flow_id = (await begin(hass, entry))["flow_id"]
    await go(hass, flow_id, address=second.address)
    second.device.set_pairing(True)
    await go(hass, flow_id)
    result = await go(hass, flow_id, pin=PIN)
    assert result["title"] == f"Door ({second.options.nuki_id:08X})"
    await running(entry)
    titles = {s.title: s.unique_id for s in entry.subentries.values()}
    assert titles == {"Door": first.address, result["title"]: second.address}
    lock = entry.runtime_data.roster.find(second.address)
    assert lock
    await lock.command(DoorCommand.UNLOCK, HOME_ACTOR)
    assert (first.device.received.total(), second.device.received.total()) == (0, 1)
    # Paired again it keeps its name, and so does the first.
    for nuki, title in ((first, "Door"), (second, result["title"])):
        flow_id = (await begin(hass, entry, nuki.address))["flow_id"]
        await go(hass, flow_id, next_step_id="pair")
        nuki.device.set_pairing(True)
        shown = await go(hass, flow_id)
        assert shown["description_placeholders"] == {"name": title}
        hass.config_entries.subentries.async_abort(flow_id)
        await until(lambda nuki=nuki: pairings(nuki) == 1)
    await hass.config_entries.async_unload(entry.entry_id)


@two_locks
async def test_a_lock_that_goes_while_it_is_chosen(
    hass: HomeAssistant, air: VirtualHome
) -> None:
    """It is not offered again."""
    first, second = air.locks
    await card(hass, second)
    entry = await add_home(hass, first)
    flow_id = (await begin(hass, entry))["flow_id"]
    await second.set_in_range(False)
    unheard(hass, second)
    result = await go(hass, flow_id, address=second.address)
    assert result["reason"] == "no_lock_found"
    await hass.config_entries.async_unload(entry.entry_id)


# Change


async def test_pair_again(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """A lock that was reset is paired anew; all else stays."""
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    nuki.device.factory_reset()
    await until(lambda: "pairing_lost" in issues(hass))
    result = await begin(hass, entry, nuki.address)
    assert (result["type"], result["step_id"]) == (FlowResultType.MENU, "reconfigure")
    flow_id = result["flow_id"]
    result = await go(hass, flow_id, next_step_id="pair")
    assert result["step_id"] == "pair"
    nuki.device.set_pairing(True)
    await go(hass, flow_id)
    with unwritable(keys_file(hass).parent):
        result = await go(hass, flow_id, pin=PIN)
        assert result["errors"] == {"pin": "not_saved"}
    before = entry.runtime_data
    result = await go(hass, flow_id, pin=PIN)
    assert result["reason"] == "reconfigure_successful"
    await until(lambda: getattr(entry, "runtime_data", before) is not before)
    await running(entry)
    assert "pairing_lost" not in issues(hass)
    assert len(entry.subentries) == 1
    assert devices == dr.async_entries_for_config_entry(
        dr.async_get(hass), entry.entry_id
    )


async def test_change_the_pin(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """Wrong ones are refused, the right one is kept."""
    nuki.device.pin.pin = 4321
    flow_id = (await begin(hass, entry, nuki.address))["flow_id"]
    result = await go(hass, flow_id, next_step_id="change_pin")
    assert result["step_id"] == "pin"
    await idle(nuki)
    result = await go(hass, flow_id, pin=PIN)
    assert result["errors"] == {"pin": "wrong_pin"}
    before = entry.runtime_data
    result = await go(hass, flow_id, pin="4321")
    assert result["reason"] == "reconfigure_successful"
    await until(lambda: getattr(entry, "runtime_data", before) is not before)
    await running(entry)
    assert pairings(nuki) == 1
    (keys,) = json.loads(keys_file(hass).read_text())["locks"].values()
    assert keys["pin"] == 4321


async def test_change_the_pin_takes_none_away(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """Without it the code of an open grant would stay on the lock."""
    await act(hass, "grant_emergency_access", GRANT)
    text = keys_file(hass).read_text()
    flow_id = (await begin(hass, entry, nuki.address))["flow_id"]
    await go(hass, flow_id, next_step_id="change_pin")
    for answers in ({}, {"pin": " "}):
        result = await go(hass, flow_id, **answers)
        assert (result["step_id"], result["errors"]) == ("pin", {"pin": "pin_empty"})
    assert keys_file(hass).read_text() == text
    (lock,) = entry.runtime_data.roster.locks.values()
    assert Capability.CODES in lock.capabilities


@two_locks
@pytest.mark.parametrize("step", ["pair", "pin"])
async def test_no_lock_is_added_to_a_home_that_does_not_run(
    hass: HomeAssistant, air: VirtualHome, step: str
) -> None:
    """Its keys would be written over by the home that starts."""
    first, second = air.locks
    await card(hass, second)
    entry = await add_home(hass, first)
    flow_id = (await begin(hass, entry))["flow_id"]
    await go(hass, flow_id, address=second.address)
    second.device.set_pairing(True)
    if step == "pin":
        await go(hass, flow_id)
    await hass.config_entries.async_unload(entry.entry_id)
    answers = {"pin": PIN} if step == "pin" else {}
    result = await go(hass, flow_id, **answers)
    assert (result["type"], result["reason"]) == (
        FlowResultType.ABORT,
        "home_not_loaded",
    )
    assert second.address not in keys_file(hass).read_text()
    assert pairings(second) == (step == "pin")


async def test_change_the_pin_without_keys(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """Where the keys are gone it is paired first; where they are garbled, nothing."""
    await hass.config_entries.async_unload(entry.entry_id)
    text = keys_file(hass).read_text()
    keys_file(hass).write_text(text[:-9])
    flow_id = (await begin(hass, entry, nuki.address))["flow_id"]
    result = await go(hass, flow_id, next_step_id="change_pin")
    assert result["reason"] == "keys_unreadable"
    keys_file(hass).unlink()
    await hass.config_entries.async_setup(entry.entry_id)
    assert issues(hass) == {"pairing_lost"}
    flow_id = (await begin(hass, entry, nuki.address))["flow_id"]
    result = await go(hass, flow_id, next_step_id="change_pin")
    assert result["step_id"] == "pair"
    nuki.device.set_pairing(True)
    await go(hass, flow_id)
    await go(hass, flow_id, pin=PIN)
    await running(entry)


# Remove


async def test_a_removed_lock_is_cleaned_and_found_again(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """Our codes and our pairing come off it, others' stay, its keys are destroyed."""
    foreign = nuki.device.codes.add(345678, "Grandma", None, nuki.device.now)
    await act(hass, "grant_emergency_access", GRANT)
    assert len(nuki.device.codes) == 2
    remove(hass, entry)
    flow_id = await card(hass, nuki)
    assert list(nuki.device.codes) == [foreign]
    assert pairings(nuki) == 0
    assert nuki.address not in keys_file(hass).read_text()
    assert hass.states.get(LOCK) is None
    assert not er.async_get(hass).async_get(LOCK)
    home = entry.runtime_data
    assert home.grants.open_grants() == []
    (removed,) = await log_of(home, "lock_removed")
    assert removed["actor_kind"] == "owner"
    (cleaned,) = await log_of(home, "lock_cleaned")
    assert (cleaned["result"], cleaned["codes_left"]) == ("clean", 0)
    assert "uncleaned" not in issues(hass)

    nuki.device.set_pairing(True)
    await hass.config_entries.flow.async_configure(flow_id, {})
    result = await hass.config_entries.flow.async_configure(flow_id, {"pin": PIN})
    assert result["reason"] == "lock_added"
    await running(entry)
    assert len(await log_of(home, "lock_added")) == 2


async def test_a_removed_lock_out_of_reach_is_cleaned_later(
    hass: HomeAssistant,
    entry: HomeEntry,
    nuki: NukiLock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its keys are kept until then, over a restart."""
    monkeypatch.setattr(roster, "CLEAN_RETRY", 0.1)
    await act(hass, "grant_emergency_access", GRANT)
    await nuki.set_in_range(False)
    remove(hass, entry)
    await until(lambda: "uncleaned" in issues(hass))
    assert nuki.address in keys_file(hass).read_text()
    await hass.config_entries.async_reload(entry.entry_id)
    assert pairings(nuki) == 1
    await nuki.set_in_range(True)
    await until(lambda: nuki.address not in keys_file(hass).read_text())
    await until(lambda: "uncleaned" not in issues(hass))
    assert (pairings(nuki), len(nuki.device.codes)) == (0, 0)


# The whole home


@two_locks
async def test_a_removed_home_leaves_nothing_on_its_locks(
    hass: HomeAssistant, air: VirtualHome
) -> None:
    """All of them are found again; the log stays, for it is the owner's."""
    first, second = air.locks
    entry = await add_home(hass, first)
    flow_id = await card(hass, second)
    second.device.set_pairing(True)
    for answers in ({}, {}, {"pin": PIN}):
        result = await hass.config_entries.flow.async_configure(flow_id, answers)
    assert result["reason"] == "lock_added"
    await running(entry)
    await act(hass, "grant_emergency_access", GRANT)
    await act(hass, "grant_emergency_access", {**GRANT, "lock": "lock.back_door"})
    log = keys_file(hass).parents[1] / "log.db"

    await hass.config_entries.async_remove(entry.entry_id)
    for nuki in air.locks:
        assert (pairings(nuki), len(nuki.device.codes)) == (0, 0)
    assert json.loads(keys_file(hass).read_text())["locks"] == {}
    assert issues(hass) == set()
    assert log.stat().st_size
    await until(lambda: cards(hass) == {first.address, second.address})


async def test_a_removed_home_says_which_lock_it_could_not_clean(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """The keys stay: a home to come can still do it."""
    answer = await act(hass, "grant_emergency_access", GRANT)
    await nuki.set_in_range(False)
    await act(hass, "revoke_grant", {"grant": answer["grant"]})
    assert issues(hass) == {"code_left"}
    await hass.config_entries.async_remove(entry.entry_id)
    assert issues(hass) == {"home_left"}
    assert nuki.address in keys_file(hass).read_text()
    await nuki.set_in_range(True)
    bluetooth.async_rediscover_address(hass, nuki.address)

    again = await add_home(hass, nuki)
    await until(lambda: pairings(nuki) == 2)
    assert again.runtime_data.roster.locks
    await hass.config_entries.async_unload(again.entry_id)


async def test_a_grant_of_a_removed_home_is_over(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """The log is taken up by the next home, and says so."""
    await act(hass, "grant_emergency_access", GRANT)
    await hass.config_entries.async_remove(entry.entry_id)
    assert len(nuki.device.codes) == 0
    flow = hass.config_entries.flow
    result = await flow.async_init(entry.domain, context={"source": SOURCE_USER})
    for answers in ({}, {"sharing": False}, {}):
        result = await flow.async_configure(result["flow_id"], answers)
    again = result["result"]
    ended = (await log_of(again.runtime_data, "grant"))[-1]
    assert (ended["event"], ended["detail"]) == ("ended", "lock_removed")
    assert again.runtime_data.grants.open_grants() == []
    await hass.config_entries.async_unload(again.entry_id)


async def test_a_removed_home_with_unreadable_keys(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """It can be removed all the same."""
    await hass.config_entries.async_unload(entry.entry_id)
    keys_file(hass).write_text("[]")
    await hass.config_entries.async_remove(entry.entry_id)
    assert not hass.config_entries.async_entries(entry.domain)
    assert pairings(nuki) == 1
