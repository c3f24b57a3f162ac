"""How a home comes to be: found or by hand, with locks or without, sharing off or on."""

from copy import copy
from dataclasses import replace
from typing import Any

from homeassistant.components import bluetooth
from homeassistant.components.bluetooth import BluetoothServiceInfoBleak
from homeassistant.config_entries import (
    SOURCE_BLUETOOTH,
    SOURCE_IGNORE,
    SOURCE_USER,
    ConfigEntryState,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
from homeassistant.helpers import device_registry as dr
import pytest

from custom_components.smartlock_le.const import (
    CONF_GUIDE,
    CONF_SHARING,
    DOMAIN,
    SUBENTRY_LOCK,
)
from custom_components.smartlock_le.home import HomeEntry
from custom_components.smartlock_le.models import Capability
from virtual_home.faults import Direction
from virtual_home.home import VirtualHome, several_locks
from virtual_home.nuki import NukiLock
from virtual_home.nuki.product import OPENER, SMART_DOOR, SMART_LOCK_4, ULTRA, Product
from virtual_home.nuki.users import MAX_USERS

from .conftest import FAST, LOCK, PIN, add_home, card, log_of, until
from .support import (
    cards,
    fail_writes,
    keys_file,
    new_card,
    pairings,
    reconfigure,
    unheard,
    unwritable,
)

TWO = several_locks(2, FAST)
no_locks = pytest.mark.parametrize("locks", [()])
two_locks = pytest.mark.parametrize("locks", [TWO])


async def go(hass: HomeAssistant, flow_id: str, **answers: Any) -> Any:
    """Answer a step."""
    return await hass.config_entries.flow.async_configure(flow_id, answers)


async def by_hand(hass: HomeAssistant) -> Any:
    """Begin as a person does who adds the integration."""
    return await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_USER}
    )


async def to_pairing(hass: HomeAssistant, nuki: NukiLock) -> str:
    """Go on from the card of a lock to where it is paired."""
    flow_id = await card(hass, nuki)
    await go(hass, flow_id)
    result = await go(hass, flow_id, sharing=False)
    assert result["step_id"] == "pair"
    assert result["description_placeholders"] == {"name": nuki.name}
    return flow_id


async def to_pin(hass: HomeAssistant, nuki: NukiLock) -> str:
    """Go on from the card of a lock to where its PIN is asked for."""
    flow_id = await to_pairing(hass, nuki)
    nuki.device.set_pairing(True)
    result = await go(hass, flow_id)
    assert (result["step_id"], result["errors"]) == ("pin", {})
    return flow_id


# Founding a home


@pytest.mark.parametrize("sharing", [False, True])
async def test_a_found_lock_founds_the_home(
    hass: HomeAssistant, nuki: NukiLock, sharing: bool
) -> None:
    """Off is what is offered; what is said is kept, and the keys in a private file."""
    flow_id = await card(hass, nuki)
    (flow,) = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    assert (flow["step_id"], flow["context"]["title_placeholders"]) == (
        "user",
        {"name": nuki.name},
    )
    result = await go(hass, flow_id)
    assert result["step_id"] == "sharing"
    assert result["data_schema"]({}) == {CONF_SHARING: False}
    await go(hass, flow_id, sharing=sharing)
    nuki.device.set_pairing(True)
    await go(hass, flow_id)
    result = await go(hass, flow_id, pin=f" {PIN} ")

    assert result["type"] is FlowResultType.CREATE_ENTRY
    entry = result["result"]
    assert (entry.title, entry.unique_id) == (hass.config.location_name, DOMAIN)
    assert entry.data == {CONF_SHARING: sharing}
    # Which guide to requests the owner knows; nothing that they decided.
    assert set(entry.options) == {CONF_GUIDE}
    (lock,) = entry.subentries.values()
    assert (lock.title, lock.unique_id) == (nuki.options.label, nuki.address)
    assert (lock.subentry_type, lock.data) == (SUBENTRY_LOCK, {"address": nuki.address})
    assert entry.runtime_data.sharing is sharing
    (managed,) = entry.runtime_data.roster.locks.values()
    await until(lambda: managed.driver.available)
    assert keys_file(hass).stat().st_mode & 0o777 == 0o600
    assert PIN not in str((entry.as_dict(), result))


@no_locks
async def test_by_hand_with_no_lock_in_reach(
    hass: HomeAssistant, air: VirtualHome
) -> None:
    """Look again as often as you like, or finish without."""
    flow_id = (await by_hand(hass))["flow_id"]
    await go(hass, flow_id)
    result = await go(hass, flow_id, sharing=False)
    assert (result["type"], result["step_id"]) == (FlowResultType.MENU, "no_lock")
    result = await go(hass, flow_id, next_step_id="lock")
    assert result["step_id"] == "no_lock"
    result = await go(hass, flow_id, next_step_id="later")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["result"].subentries == {}
    assert result["result"].state is ConfigEntryState.LOADED


@no_locks
async def test_by_hand_with_a_lock_that_appears(
    hass: HomeAssistant, air: VirtualHome
) -> None:
    """It need not be chosen by its card."""
    flow_id = (await by_hand(hass))["flow_id"]
    await go(hass, flow_id)
    await go(hass, flow_id, sharing=True)
    nuki = NukiLock(air.air, FAST)
    air.locks.append(nuki)
    await nuki.start()
    await card(hass, nuki)
    result = await go(hass, flow_id, next_step_id="lock")
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "lock")
    with pytest.raises(InvalidData):
        await go(hass, flow_id, address="AA:BB:CC:DD:EE:FF")
    result = await go(hass, flow_id, address=nuki.address)
    assert result["step_id"] == "pair"
    nuki.device.set_pairing(True)
    await go(hass, flow_id)
    result = await go(hass, flow_id, pin=PIN)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    (lock,) = result["result"].subentries.values()
    assert (lock.title, lock.unique_id) == (nuki.options.label, nuki.address)
    # Its own card says nothing that is still to be done.
    assert cards(hass) == set()


async def test_by_hand_with_the_lock_left_for_later(
    hass: HomeAssistant, nuki: NukiLock
) -> None:
    """Its card stays."""
    await card(hass, nuki)
    flow_id = (await by_hand(hass))["flow_id"]
    await go(hass, flow_id)
    result = await go(hass, flow_id, sharing=False)
    assert result["step_id"] == "lock"
    assert result["data_schema"]({"address": nuki.address})
    result = await go(hass, flow_id)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["result"].subentries == {}
    assert cards(hass) == {nuki.address}


async def test_a_lock_that_went_while_it_was_chosen(
    hass: HomeAssistant, air: VirtualHome, nuki: NukiLock
) -> None:
    """It is not offered again."""
    await card(hass, nuki)
    other = NukiLock(air.air, TWO[1])
    air.locks.append(other)
    await other.start()
    await card(hass, other)
    flow_id = (await by_hand(hass))["flow_id"]
    await go(hass, flow_id)
    await go(hass, flow_id, sharing=False)
    await other.set_in_range(False)
    unheard(hass, other)
    result = await go(hass, flow_id, address=other.address)
    assert result["step_id"] == "lock"
    with pytest.raises(InvalidData):
        await go(hass, flow_id, address=other.address)


# What can go wrong with the pairing


async def test_pairing_is_tried_until_it_works(
    hass: HomeAssistant, nuki: NukiLock
) -> None:
    """Each trouble is named, and the same step can be sent again."""
    flow_id = await to_pairing(hass, nuki)
    result = await go(hass, flow_id)
    assert (result["step_id"], result["errors"]) == ("pair", {"base": "not_pairing"})

    nuki.device.set_pairing(True)
    await nuki.set_in_range(False)
    result = await go(hass, flow_id)
    assert result["errors"] == {"base": "cannot_reach"}
    await nuki.set_in_range(True)

    # The lock's last word of the pairing, and then its answer to who is asking: nobody
    # can tell whether it knows us.
    nuki.faults.lose(Direction.FROM_LOCK, 5)
    nuki.faults.lose(Direction.FROM_LOCK, 6)
    result = await go(hass, flow_id)
    assert result["errors"] == {"base": "answer_lost"}

    result = await go(hass, flow_id)
    assert (result["step_id"], result["errors"]) == ("pin", {})
    result = await go(hass, flow_id)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_lost_last_word_of_the_pairing_does_no_harm(
    hass: HomeAssistant, nuki: NukiLock
) -> None:
    """The lock is asked whether it knows us."""
    flow_id = await to_pairing(hass, nuki)
    nuki.device.set_pairing(True)
    nuki.faults.lose(Direction.FROM_LOCK, 5)
    result = await go(hass, flow_id)
    assert (result["step_id"], result["errors"]) == ("pin", {})
    assert pairings(nuki) == 1


async def test_pairing_done_but_the_lock_not_read(
    hass: HomeAssistant, nuki: NukiLock
) -> None:
    """What is left to do is the reading."""
    flow_id = await to_pairing(hass, nuki)
    nuki.device.set_pairing(True)
    nuki.faults.lose(Direction.FROM_LOCK, 7)
    result = await go(hass, flow_id)
    assert (result["step_id"], result["errors"]) == ("pair", {"base": "cannot_reach"})
    # It need not be paired a second time.
    nuki.device.set_pairing(False)
    result = await go(hass, flow_id)
    assert result["step_id"] == "pin"
    assert pairings(nuki) == 1


async def test_a_lock_that_is_full_refuses(hass: HomeAssistant, nuki: NukiLock) -> None:
    """It has as many pairings as it can."""
    flow_id = await to_pairing(hass, nuki)
    nuki.device.set_pairing(True)
    users = nuki.device.users
    while len(users.entries) < MAX_USERS:
        users.entries[1000 + len(users.entries)] = next(iter(users.entries.values()))
    result = await go(hass, flow_id)
    assert result["errors"] == {"base": "refused"}


# The PIN


async def test_the_pin_is_checked_at_the_lock(
    hass: HomeAssistant, nuki: NukiLock
) -> None:
    """What cannot be a PIN does not count as a wrong one."""
    flow_id = await to_pin(hass, nuki)
    for pin in ("123", "12345", "12a4", "١٢٣٤", "-123"):
        result = await go(hass, flow_id, pin=pin)
        assert result["errors"] == {"pin": "pin_format"}
    assert nuki.device.pin._wrong == 0
    result = await go(hass, flow_id, pin="9999")
    assert result["errors"] == {"pin": "wrong_pin"}
    await nuki.set_in_range(False)
    result = await go(hass, flow_id, pin=PIN)
    assert result["errors"] == {"pin": "cannot_reach"}
    await nuki.set_in_range(True)
    for _ in range(nuki.options.pin_attempts - 1):
        await go(hass, flow_id, pin="9999")
    result = await go(hass, flow_id, pin=PIN)
    assert (result["step_id"], result["errors"]) == ("pin", {"pin": "pin_blocked"})
    nuki.device.pin._blocked_until = 0.0
    result = await go(hass, flow_id, pin=PIN)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    (lock,) = result["result"].runtime_data.roster.locks.values()
    assert Capability.CODES in lock.capabilities


async def test_without_a_pin_there_are_no_codes(
    hass: HomeAssistant, nuki: NukiLock
) -> None:
    """Nor does the lock tell who opened it."""
    entry = await add_home(hass, nuki, pin=None)
    (lock,) = entry.runtime_data.roster.locks.values()
    assert lock.capabilities == Capability.OPEN


@pytest.mark.parametrize("lock_options", [replace(FAST, keypad=False)])
async def test_a_lock_without_keypad_is_told_so(
    hass: HomeAssistant, nuki: NukiLock
) -> None:
    """The PIN is then for the log of the lock alone."""
    flow_id = await to_pairing(hass, nuki)
    nuki.device.set_pairing(True)
    result = await go(hass, flow_id)
    assert result["step_id"] == "pin_without_keypad"
    result = await go(hass, flow_id, pin="1")
    assert (result["step_id"], result["errors"]) == (
        "pin_without_keypad",
        {"pin": "pin_format"},
    )
    result = await go(hass, flow_id, pin=PIN)
    (lock,) = result["result"].runtime_data.roster.locks.values()
    assert lock.capabilities == Capability.OPEN | Capability.LOCK_LOG


# Keeping the keys


async def test_a_full_disk_keeps_no_keys_and_makes_no_home(
    hass: HomeAssistant, nuki: NukiLock
) -> None:
    """The step can be sent again once there is room."""
    flow_id = await to_pin(hass, nuki)
    with unwritable(keys_file(hass).parent):
        result = await go(hass, flow_id)
        assert (result["step_id"], result["errors"]) == ("pin", {"base": "not_saved"})
        result = await go(hass, flow_id, pin=PIN)
        assert result["errors"] == {"pin": "not_saved"}
    assert not hass.config_entries.async_entries(DOMAIN)
    result = await go(hass, flow_id, pin=PIN)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_keys_of_an_earlier_home_that_cannot_be_read(
    hass: HomeAssistant, nuki: NukiLock
) -> None:
    """They are not written over."""
    keys_file(hass).parent.mkdir(parents=True)
    keys_file(hass).write_text("not ours")
    flow_id = await to_pin(hass, nuki)
    result = await go(hass, flow_id, pin=PIN)
    assert result["errors"] == {"pin": "keys_unreadable"}
    assert keys_file(hass).read_text() == "not ours"


# Joining a home


@two_locks
async def test_a_second_lock_joins_without_a_reload(
    hass: HomeAssistant, air: VirtualHome
) -> None:
    """The first one does not notice."""
    first, second = air.locks
    entry = await add_home(hass, first)
    home, shown = entry.runtime_data, hass.states.get(LOCK)
    (managed,) = home.roster.locks.values()
    links: list[object] = []
    first._device.on("connection", links.append)

    flow_id = await new_card(hass, second)
    (flow,) = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    assert flow["step_id"] == "pair"
    second.device.set_pairing(True)
    await go(hass, flow_id)
    result = await go(hass, flow_id, pin=PIN)

    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "lock_added")
    assert result["description_placeholders"] == {"name": second.options.label}
    assert [s.unique_id for s in entry.subentries.values()] == [
        first.address,
        second.address,
    ]
    await until(
        lambda: (s := hass.states.get("lock.back_door")) and s.state == "locked"
    )
    assert entry.runtime_data is home
    assert home.roster.find(first.address) is managed
    assert hass.states.get(LOCK) is shown
    assert links == []
    added = [e["name"] for e in await log_of(home, "lock_added")]
    assert added == ["Front door", "Back door"]
    device = dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, second.address), entry.entry_id
    )
    assert device and device.name == "Back door"


@two_locks
@pytest.mark.parametrize("step", ["user", "sharing", "pair", "pin"])
async def test_of_two_open_cards_the_second_joins(
    hass: HomeAssistant, air: VirtualHome, step: str
) -> None:
    """At whatever step it is when the first makes the home."""
    first, second = air.locks
    flow_id = await card(hass, second)
    second.device.set_pairing(True)
    if step != "user":
        await go(hass, flow_id)
    if step in ("pair", "pin"):
        await go(hass, flow_id, sharing=True)
    if step == "pin":
        await go(hass, flow_id)
    entry = await add_home(hass, first)
    if step == "user":
        result = await go(hass, flow_id)
        assert result["step_id"] == "pair"
    if step == "sharing":
        await go(hass, flow_id, sharing=True)
    if step != "pin":
        await go(hass, flow_id)
    result = await go(hass, flow_id, pin=PIN)
    assert result["reason"] == "lock_added"
    assert len(entry.subentries) == len(entry.runtime_data.roster.locks) == 2
    # What was said on the second card about sharing is not asked of the first's home.
    assert entry.runtime_data.sharing is False
    await hass.config_entries.async_unload(entry.entry_id)


async def test_there_is_one_home(hass: HomeAssistant, nuki: NukiLock) -> None:
    """Whoever comes second is told so, at any step."""
    await card(hass, nuki)
    late = (await by_hand(hass))["flow_id"]
    later = (await by_hand(hass))["flow_id"]
    await go(hass, later)
    await go(hass, later, sharing=True)
    entry = await add_home(hass, nuki)
    for result in (
        await by_hand(hass),
        await go(hass, late),
        await go(hass, later),
    ):
        assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "one_home")
    assert hass.config_entries.async_entries(DOMAIN) == [entry]
    await hass.config_entries.async_unload(entry.entry_id)


async def test_a_lock_that_another_flow_added_is_not_paired_twice(
    hass: HomeAssistant, nuki: NukiLock
) -> None:
    """It is said before the lock is asked."""
    await card(hass, nuki)
    flow_ids = [(await by_hand(hass))["flow_id"] for _ in range(2)]
    nuki.device.set_pairing(True)
    for flow_id in flow_ids:
        await go(hass, flow_id)
        await go(hass, flow_id, sharing=False)
        await go(hass, flow_id, address=nuki.address)
    entry = await add_home(hass, nuki)
    result = await go(hass, flow_ids[0])
    assert result["reason"] == "already_configured"
    assert pairings(nuki) == 1
    await hass.config_entries.async_unload(entry.entry_id)


async def test_a_lock_of_the_home_has_no_card(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """It is found all the time."""
    info = bluetooth.async_last_service_info(hass, nuki.address)
    result = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_BLUETOOTH}, data=info
    )
    assert result["reason"] == "already_configured"


async def test_an_ignored_lock_is_left_alone_and_is_no_home(
    hass: HomeAssistant, nuki: NukiLock
) -> None:
    """The home can be made all the same."""
    flow_id = await card(hass, nuki)
    hass.config_entries.flow.async_abort(flow_id)
    await hass.config_entries.flow.async_init(
        DOMAIN,
        context={"source": SOURCE_IGNORE},
        data={"unique_id": nuki.address, "title": nuki.name},
    )
    info = bluetooth.async_last_service_info(hass, nuki.address)
    result = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_BLUETOOTH}, data=info
    )
    assert result["reason"] == "already_configured"
    assert (await by_hand(hass))["step_id"] == "user"


async def test_what_is_no_nuki_is_not_taken_up(
    hass: HomeAssistant, nuki: NukiLock
) -> None:
    """No other device is mistaken for a lock."""
    await card(hass, nuki)
    info = bluetooth.async_last_service_info(hass, nuki.address)
    assert info
    other = copy(info)
    other.name, other.address = "Kettle", "AA:BB:CC:DD:EE:FF"
    result = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_BLUETOOTH}, data=other
    )
    assert (result["type"], result["reason"]) == (
        FlowResultType.ABORT,
        "unsupported_lock",
    )
    assert result["description_placeholders"] == {"device": "Kettle"}


async def advertisement(
    hass: HomeAssistant, nuki: NukiLock
) -> BluetoothServiceInfoBleak:
    """Wait until it is heard; return what it says."""
    found: BluetoothServiceInfoBleak = await until(
        lambda: bluetooth.async_last_service_info(hass, nuki.address)
    )
    return found


@pytest.mark.parametrize(
    ("locks", "device"),
    [
        ((replace(FAST, product=OPENER),), "Nuki Opener"),
        ((replace(FAST, product=ULTRA, pairing=True),), "Nuki Smart Lock Ultra"),
    ],
)
async def test_what_says_that_it_is_no_lock_of_ours(
    hass: HomeAssistant, nuki: NukiLock, device: str
) -> None:
    """It has no card, and is not among the locks to choose from."""
    result = await hass.config_entries.flow.async_init(
        DOMAIN,
        context={"source": SOURCE_BLUETOOTH},
        data=await advertisement(hass, nuki),
    )
    assert (result["type"], result["reason"]) == (
        FlowResultType.ABORT,
        "unsupported_lock",
    )
    assert result["description_placeholders"] == {"device": device}
    assert cards(hass) == set()
    flow_id = (await by_hand(hass))["flow_id"]
    await go(hass, flow_id)
    assert (await go(hass, flow_id, sharing=False))["step_id"] == "no_lock"


@pytest.mark.parametrize(
    ("locks", "device", "paired"),
    [
        ((replace(FAST, product=ULTRA),), "Nuki Smart Lock Ultra", 0),
        # It pairs as a lock does, and tells only then what it is.
        ((replace(FAST, product=SMART_DOOR),), "Nuki Smart Door", 1),
        ((replace(FAST, product=Product(pairing="a92ef1")),), "Nuki_1A2B3C4D", 0),
    ],
)
async def test_what_turns_out_to_be_no_lock_of_ours(
    hass: HomeAssistant, nuki: NukiLock, device: str, paired: int
) -> None:
    """No home is made of it, and the person is told what it is."""
    flow_id = await to_pairing(hass, nuki)
    nuki.device.set_pairing(True)
    result = await go(hass, flow_id)
    assert (result["type"], result["reason"]) == (
        FlowResultType.ABORT,
        "unsupported_lock",
    )
    assert result["description_placeholders"] == {"device": device}
    assert hass.config_entries.async_entries(DOMAIN) == []
    assert not keys_file(hass).exists()
    assert pairings(nuki) == paired
    await until(lambda: nuki.connection is None)


@pytest.mark.parametrize("locks", [(replace(FAST, product=SMART_LOCK_4),)])
async def test_a_newer_lock(hass: HomeAssistant, nuki: NukiLock) -> None:
    """The 4th generation tells what it is, and is welcome."""
    entry = await add_home(hass, nuki)
    assert len(entry.subentries) == 1
    await hass.config_entries.async_unload(entry.entry_id)


@two_locks
@pytest.mark.parametrize("step", ["pair", "pin"])
async def test_no_lock_joins_a_home_that_does_not_run(
    hass: HomeAssistant, air: VirtualHome, step: str
) -> None:
    """Nothing is kept, and if we can help it nothing is paired."""
    first, second = air.locks
    entry = await add_home(hass, first)
    flow_id = await new_card(hass, second)
    second.device.set_pairing(True)
    if step == "pin":
        await go(hass, flow_id)
    await hass.config_entries.async_unload(entry.entry_id)
    result = await (go(hass, flow_id) if step == "pair" else go(hass, flow_id, pin=PIN))
    assert result["reason"] == "home_not_loaded"
    assert second.address not in keys_file(hass).read_text()
    if step == "pair":
        assert pairings(second) == 0


# Sharing, later


async def test_sharing_is_switched_by_the_owner_alone_and_entered(
    hass: HomeAssistant, entry: HomeEntry
) -> None:
    """Each change once, with who made it, and without a reload."""
    home = entry.runtime_data
    for on in (True, True, False):
        result = await reconfigure(hass, entry)
        assert result["step_id"] == "reconfigure"
        assert result["data_schema"]({}) == {CONF_SHARING: home.sharing}
        result = await go(hass, result["flow_id"], sharing=on)
        assert result["reason"] == "reconfigure_successful"
        assert home.sharing is entry.data[CONF_SHARING] is on
        shown = hass.states.get("binary_sensor.test_home_sharing_with_law_enforcement")
        assert shown.state == ("on" if on else "off")
    entered = await log_of(home, "setting")
    assert [(e["setting"], e["value"], e["actor_kind"]) for e in entered] == [
        ("sharing", "off", "owner"),
        ("sharing", "on", "owner"),
        ("sharing", "off", "owner"),
    ]
    assert entry.runtime_data is home


async def test_sharing_is_not_switched_on_without_an_entry(
    hass: HomeAssistant, entry: HomeEntry
) -> None:
    """On takes the log."""
    home = entry.runtime_data
    await fail_writes(home)
    flow_id = (await reconfigure(hass, entry))["flow_id"]
    result = await go(hass, flow_id, sharing=True)
    assert result["errors"] == {"base": "log_unavailable"}
    assert not home.sharing
    await fail_writes(home, fail=False)
    result = await go(hass, flow_id, sharing=True)
    assert result["reason"] == "reconfigure_successful"


async def test_sharing_is_switched_off_whatever_the_log_does(
    hass: HomeAssistant, nuki: NukiLock
) -> None:
    """Off works at once; the entry follows."""
    entry = await add_home(hass, nuki, sharing=True)
    home = entry.runtime_data
    await fail_writes(home)
    flow_id = (await reconfigure(hass, entry))["flow_id"]
    result = await go(hass, flow_id, sharing=False)
    assert result["reason"] == "reconfigure_successful"
    assert not home.sharing
    await fail_writes(home, fail=False)
    await hass.config_entries.async_unload(entry.entry_id)
    await hass.config_entries.async_setup(entry.entry_id)
    entered = await log_of(entry.runtime_data, "setting")
    assert [e["value"] for e in entered] == ["on", "off"]


async def test_sharing_of_a_home_that_does_not_run(
    hass: HomeAssistant, entry: HomeEntry
) -> None:
    """That is said."""
    await hass.config_entries.async_unload(entry.entry_id)
    result = await reconfigure(hass, entry)
    assert (result["type"], result["reason"]) == (
        FlowResultType.ABORT,
        "home_not_loaded",
    )
