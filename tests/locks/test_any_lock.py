"""A lock that another integration brought: added, followed, commanded, removed."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from homeassistant.components.homeassistant import exposed_entities
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
import pytest

from custom_components.smartlock_le.battery import sensor_of
from custom_components.smartlock_le.const import DOMAIN, SUBENTRY_LOCK
from custom_components.smartlock_le.flows.adding import choices
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.locks import any_lock
from custom_components.smartlock_le.locks.driver import Bolt, DoorSensor
from custom_components.smartlock_le.locks.managed import ManagedLock
from custom_components.smartlock_le.models import (
    HOME_ACTOR,
    Capability,
    DoorCommand,
    LockRefused,
    LockUnreachable,
    OutcomeUnknown,
    Refusal,
)
from tests.conftest import add_home, log_of, until
from tests.flows.test_lock import begin, go
from tests.maker import MAKER_ID, MAKER_LOCK, Maker
from tests.support import act, as_admin, issues, keys_file, unwritable
from virtual_home.home import VirtualHome

from .support import read_log, window

OURS = "lock.back_door_2"


@pytest.fixture
async def maker(hass: HomeAssistant, air: VirtualHome) -> AsyncGenerator[Maker]:
    """Run the maker's integration beside a Bluetooth air."""
    assert await async_setup_component(hass, "homeassistant", {})
    maker = Maker()
    await maker.start(hass)
    yield maker
    await maker.stop(hass)


async def found_home(hass: HomeAssistant, **answers: Any) -> Any:
    """Found a home with the maker's lock, as a person clicks; return the last step."""
    configure = hass.config_entries.flow.async_configure
    flow = await hass.config_entries.flow.async_init(DOMAIN, context={"source": "user"})
    await configure(flow["flow_id"], {})
    step = await configure(flow["flow_id"], {"sharing": False})
    if step["step_id"] == "no_lock":
        step = await configure(flow["flow_id"], {"next_step_id": "lock"})
    assert step["step_id"] == "lock"
    step = await configure(flow["flow_id"], {"address": MAKER_ID})
    assert step["step_id"] == "attach"
    assert step["description_placeholders"]["integration"] == "maker"
    return await configure(flow["flow_id"], {"own_lock": False, **answers})


@pytest.fixture
async def own_lock() -> bool:
    """Whether a lock of ours stands in; tests override it."""
    return False


@pytest.fixture
async def entry(
    hass: HomeAssistant, maker: Maker, own_lock: bool
) -> AsyncGenerator[HomeEntry]:
    """Give a home with the maker's lock."""
    result = await found_home(hass, own_lock=own_lock)
    assert result["type"] == "create_entry"
    await hass.async_block_till_done()
    entry: HomeEntry = result["result"]
    yield entry
    if entry.state is ConfigEntryState.LOADED:
        await hass.config_entries.async_unload(entry.entry_id)


@pytest.fixture
def home(entry: HomeEntry) -> Home:
    """Give the running home."""
    return entry.runtime_data


@pytest.fixture
def lock(home: Home) -> ManagedLock:
    """Give the maker's lock as the home has it."""
    found = home.roster.find(MAKER_ID)
    assert found
    return found


async def accesses(home: Home, count: int) -> list[dict[str, Any]]:
    """Wait for that many access entries; return them."""
    async with asyncio.timeout(20):
        while len(found := await log_of(home, "access")) < count:
            await asyncio.sleep(0.01)
    assert len(found) == count
    return found


async def test_the_list_says_what_each_can_do(
    hass: HomeAssistant, maker: Maker
) -> None:
    configure = hass.config_entries.flow.async_configure
    flow = await hass.config_entries.flow.async_init(DOMAIN, context={"source": "user"})
    await configure(flow["flow_id"], {})
    step = await configure(flow["flow_id"], {"sharing": False})
    while step["step_id"] == "no_lock":
        step = await configure(flow["flow_id"], {"next_step_id": "lock"})
    lines = next(iter(step["data_schema"].schema.values())).container
    assert lines[MAKER_ID].startswith("Back door (maker): lock, unlock")


async def test_an_entity_that_outlived_its_integration(
    hass: HomeAssistant, maker: Maker
) -> None:
    er.async_get(hass).async_get_or_create(
        "lock", "gone", "1", original_name="Old door"
    )
    assert (await choices(hass, set()))["gone:1"].startswith("Old door (gone): ")


async def test_it_keeps_its_lock_and_gets_our_event(
    hass: HomeAssistant, entry: HomeEntry, lock: ManagedLock
) -> None:
    registry = er.async_get(hass)
    original = registry.async_get(MAKER_LOCK)
    assert original and original.hidden_by is None
    of_ours = [
        e
        for e in er.async_entries_for_config_entry(registry, entry.entry_id)
        if e.unique_id.startswith(MAKER_ID)
    ]
    assert [e.domain for e in of_ours] == ["event"]
    assert of_ours[0].device_id == original.device_id
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    assert [d.manufacturer for d in devices] == ["SmartLock LE"]
    assert (lock.driver.manufacturer, lock.driver.model) == ("Maker", "M1")
    assert (await log_of(entry.runtime_data, "lock_added"))[0]["firmware"] == "7"


async def test_state_door_and_battery(
    hass: HomeAssistant, maker: Maker, lock: ManagedLock
) -> None:
    state = lock.driver.state
    assert sensor_of(hass, lock) == "sensor.back_door_battery"
    assert (state.bolt, state.door, state.battery) == (
        Bolt.LOCKED,
        DoorSensor.CLOSED,
        80,
    )
    maker.show(maker.door, is_on=True)
    maker.show(maker.battery, native_value=9)
    await hass.async_block_till_done()
    assert lock.driver.state.door_open
    assert (lock.driver.state.battery, lock.driver.state.battery_critical) == (9, True)
    maker.show(maker.door, is_on=None)
    maker.show(maker.battery, native_value=None)
    await hass.async_block_till_done()
    assert lock.driver.state.door is DoorSensor.UNKNOWN
    assert lock.driver.state.battery is None


async def test_turned_by_hand(hass: HomeAssistant, maker: Maker, home: Home) -> None:
    maker.lock.show()
    maker.lock.show(is_locking=True)
    maker.lock.show(is_locked=True, is_locking=False, changed_by="Ann with her fob")
    first, second = await accesses(home, 2)
    assert (first["event"], first["method"], first["actor_kind"]) == (
        "unlocked",
        "unknown",
        "unknown",
    )
    assert first["source"] == "lock_state"
    assert (second["event"], second["actor_kind"]) == ("locked", "credential")
    assert second["actor_name"] == "Ann with her fob"
    # The name is in the log, and in no state of ours.
    state = hass.states.get("event.back_door_access")
    assert state and "Ann" not in str(state.as_dict())


async def test_a_person_at_the_original(
    hass: HomeAssistant, maker: Maker, home: Home
) -> None:
    context = await as_admin(hass)
    await hass.services.async_call(
        "lock", "unlock", {"entity_id": MAKER_LOCK}, blocking=True, context=context
    )
    (access,) = await accesses(home, 1)
    assert (access["event"], access["method"]) == ("unlocked", "home_assistant")
    assert (access["actor_kind"], access["actor_name"]) == ("owner", "Admin")


@pytest.mark.parametrize(
    ("command", "event"),
    [
        (DoorCommand.UNLOCK, "unlocked"),
        (DoorCommand.OPEN, "opened"),
    ],
)
async def test_command(
    home: Home, maker: Maker, lock: ManagedLock, command: DoorCommand, event: str
) -> None:
    maker.lock.motor_s = 0.05
    await lock.command(command, HOME_ACTOR)
    (access,) = await accesses(home, 1)
    assert (access["event"], access["method"]) == (event, "home_assistant")
    assert access["actor_kind"] == "home"
    kinds = [e["kind"] for e in await log_of(home, "command", "outcome", "access")]
    assert kinds.index("command") == 0
    (outcome,) = await log_of(home, "outcome")
    assert (outcome["result"], outcome["detail"]) == ("done", "as its entity shows")


async def test_where_it_stands_already(lock: ManagedLock, maker: Maker) -> None:
    await lock.command(DoorCommand.LOCK, HOME_ACTOR)
    assert maker.lock.taken == 1


async def test_jam(home: Home, maker: Maker, lock: ManagedLock) -> None:
    maker.lock.jammed = True
    with pytest.raises(LockRefused) as caught:
        await lock.command(DoorCommand.UNLOCK, HOME_ACTOR)
    assert caught.value.reason is Refusal.JAMMED
    assert (await accesses(home, 1))[0]["event"] == "jammed"


async def test_never_there(
    home: Home, maker: Maker, lock: ManagedLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An integration that says yes and shows nothing proves nothing."""
    monkeypatch.setattr(any_lock, "DEADLINE", 0.1)
    maker.lock.silent = True
    with pytest.raises(OutcomeUnknown):
        await lock.command(DoorCommand.UNLOCK, HOME_ACTOR)
    assert maker.lock.taken == 1
    assert (await log_of(home, "outcome"))[0]["result"] == "unknown"
    assert await log_of(home, "access") == []


async def test_the_integration_fails(
    home: Home, maker: Maker, lock: ManagedLock, caplog: pytest.LogCaptureFixture
) -> None:
    maker.lock.fails = True
    with pytest.raises(OutcomeUnknown) as caught:
        await lock.command(DoorCommand.UNLOCK, HOME_ACTOR)
    # What it says may be anything.
    assert "1234" not in str(caught.value)
    assert "1234" not in str(await log_of(home))


async def test_a_code_is_wanted(maker: Maker, lock: ManagedLock) -> None:
    maker.show(maker.lock, code_format=r"^\d{4}$")
    with pytest.raises(LockRefused) as caught:
        await lock.command(DoorCommand.UNLOCK, HOME_ACTOR)
    assert caught.value.reason is Refusal.NEEDS_CODE
    assert maker.lock.taken == 0


async def test_away(
    hass: HomeAssistant, home: Home, maker: Maker, lock: ManagedLock
) -> None:
    """Home Assistant passes over an entity that is away without a word; we do not."""
    maker.show(maker.lock, available=False)
    await hass.async_block_till_done()
    assert not lock.driver.available
    with pytest.raises(LockUnreachable):
        await lock.command(DoorCommand.UNLOCK, HOME_ACTOR)
    assert maker.lock.taken == 0
    assert (await log_of(home, "outcome"))[0]["result"] == "unreachable"
    # It was unlocked while nobody looked: said when it is seen.
    maker.lock._attr_available = True
    maker.lock.show()
    assert (await accesses(home, 1))[0]["event"] == "unlocked"
    assert lock.driver.available


async def test_goes_away_on_the_way(maker: Maker, lock: ManagedLock) -> None:
    maker.lock.silent = True
    task = asyncio.create_task(lock.command(DoorCommand.UNLOCK, HOME_ACTOR))
    await until(lambda: maker.lock.taken)
    maker.show(maker.lock, available=False)
    with pytest.raises(OutcomeUnknown):
        await task


async def test_renamed(
    hass: HomeAssistant, home: Home, maker: Maker, lock: ManagedLock
) -> None:
    er.async_get(hass).async_update_entity(MAKER_LOCK, new_entity_id="lock.garden")
    await hass.async_block_till_done()
    assert lock.driver.entity_id == "lock.garden"
    await lock.command(DoorCommand.UNLOCK, HOME_ACTOR)
    assert (await accesses(home, 1))[0]["event"] == "unlocked"


async def test_removed_from_home_assistant_and_back(
    hass: HomeAssistant, maker: Maker, lock: ManagedLock
) -> None:
    er.async_get(hass).async_remove(MAKER_LOCK)
    await hass.async_block_till_done()
    assert lock.driver.entity_id is None
    with pytest.raises(LockUnreachable):
        await lock.command(DoorCommand.UNLOCK, HOME_ACTOR)
    await hass.config_entries.async_reload(maker.entry.entry_id)
    await until(lambda: lock.driver.entity_id == MAKER_LOCK and lock.driver.available)


async def test_a_sensor_comes_later(
    hass: HomeAssistant, maker: Maker, lock: ManagedLock
) -> None:
    registry = er.async_get(hass)
    door = registry.async_get_entity_id("binary_sensor", "maker", "back-door")
    assert door
    registry.async_remove(door)
    await hass.async_block_till_done()
    assert lock.driver.state.door is DoorSensor.NONE
    await hass.config_entries.async_reload(maker.entry.entry_id)
    await until(lambda: lock.driver.state.door is DoorSensor.CLOSED)


async def test_actions_take_the_original(hass: HomeAssistant, home: Home) -> None:
    data = {
        "lock": MAKER_LOCK,
        "agency": "Engine 7",
        "incident": "F-1",
        "reason": "smoke",
        "method": "unlock",
    }
    answer = await act(hass, "grant_emergency_access", data)
    assert answer["unlocked"]
    assert (await accesses(home, 1))[0]["grant"] == answer["grant"]


class TestStandIn:
    """A lock of ours in the place of the other."""

    @pytest.fixture
    def own_lock(self) -> bool:
        """Ask for it."""
        return True

    @pytest.fixture
    async def maker(self, hass: HomeAssistant, maker: Maker) -> Maker:
        """Let a person have named and shown the original."""
        er.async_get(hass).async_update_entity(MAKER_LOCK, name="Garden door")
        exposed_entities.async_expose_entity(hass, "conversation", MAKER_LOCK, True)
        return maker

    async def test_it_stands_in(
        self, hass: HomeAssistant, home: Home, maker: Maker
    ) -> None:
        registry = er.async_get(hass)
        original, ours = registry.async_get(MAKER_LOCK), registry.async_get(OURS)
        assert original and ours
        assert original.hidden_by is er.RegistryEntryHider.INTEGRATION
        assert (ours.device_id, ours.name) == (original.device_id, "Garden door")
        exposed = exposed_entities.async_should_expose
        assert exposed(hass, "conversation", OURS)
        assert not exposed(hass, "conversation", MAKER_LOCK)
        await hass.services.async_call(
            "lock",
            "open",
            {"entity_id": OURS},
            blocking=True,
            context=await as_admin(hass),
        )
        (access,) = await accesses(home, 1)
        assert (access["event"], access["actor_name"]) == ("opened", "Admin")
        state = hass.states.get(OURS)
        assert state and state.state == "open"

    async def test_no_more(
        self, hass: HomeAssistant, entry: HomeEntry, maker: Maker
    ) -> None:
        subentry = next(iter(entry.subentries.values()))
        flow = await hass.config_entries.subentries.async_init(
            (entry.entry_id, SUBENTRY_LOCK),
            context={"source": "reconfigure", "subentry_id": subentry.subentry_id},
        )
        assert flow["step_id"] == "own_lock"
        before = entry.runtime_data
        await hass.config_entries.subentries.async_configure(
            flow["flow_id"], {"own_lock": False}
        )
        await until(lambda: getattr(entry, "runtime_data", before) is not before)
        await hass.async_block_till_done()
        original = er.async_get(hass).async_get(MAKER_LOCK)
        assert original and original.hidden_by is None

    async def test_removed(
        self, hass: HomeAssistant, entry: HomeEntry, home: Home
    ) -> None:
        subentry = next(iter(entry.subentries.values()))
        hass.config_entries.async_remove_subentry(entry, subentry.subentry_id)
        await until(lambda: not home.roster.locks)
        registry = er.async_get(hass)
        await until(lambda: registry.entities[MAKER_LOCK].hidden_by is None)
        await until(lambda: MAKER_ID not in home.book)
        (cleaned,) = await log_of(home, "lock_cleaned")
        assert (cleaned["result"], cleaned["codes_left"]) == ("clean", 0)

    async def test_the_whole_home_is_removed(
        self, hass: HomeAssistant, entry: HomeEntry
    ) -> None:
        registry = er.async_get(hass)
        assert registry.entities[MAKER_LOCK].hidden_by
        await hass.config_entries.async_remove(entry.entry_id)
        assert registry.entities[MAKER_LOCK].hidden_by is None

    async def test_what_a_person_hid_stays_hidden(
        self, hass: HomeAssistant, entry: HomeEntry
    ) -> None:
        registry = er.async_get(hass)
        by_person = er.RegistryEntryHider.USER
        registry.async_update_entity(MAKER_LOCK, hidden_by=by_person)
        await hass.config_entries.async_remove(entry.entry_id)
        assert registry.entities[MAKER_LOCK].hidden_by is by_person


async def test_the_key_book_was_lost(
    hass: HomeAssistant, entry: HomeEntry, maker: Maker
) -> None:
    """A lock that another integration brought needs no key of ours."""
    await hass.config_entries.async_unload(entry.entry_id)
    keys_file(hass).unlink()
    await hass.config_entries.async_setup(entry.entry_id)
    home = entry.runtime_data
    await until(lambda: MAKER_ID in home.book)
    lock = home.roster.find(MAKER_ID)
    assert lock and lock.driver.available
    assert "pairing_lost" not in issues(hass)


async def test_not_saved(hass: HomeAssistant, maker: Maker) -> None:
    with unwritable(keys_file(hass).parent):
        result = await found_home(hass)
    assert result["errors"] == {"base": "not_saved"}
    assert not hass.config_entries.async_entries(DOMAIN)


async def test_the_maker_is_not_there_at_the_start(
    hass: HomeAssistant, entry: HomeEntry, maker: Maker
) -> None:
    await hass.config_entries.async_unload(entry.entry_id)
    await hass.config_entries.async_unload(maker.entry.entry_id)
    await hass.config_entries.async_setup(entry.entry_id)
    lock = entry.runtime_data.roster.find(MAKER_ID)
    assert lock and not lock.driver.available
    await hass.config_entries.async_setup(maker.entry.entry_id)
    await until(lambda: lock.driver.available)
    assert await log_of(entry.runtime_data, "access") == []


async def test_added_to_a_home(
    hass: HomeAssistant, air: VirtualHome, maker: Maker
) -> None:
    """The home is there; a lock of each kind joins it by hand."""
    entry = await add_home(hass, air.locks[0])
    flow = await begin(hass, entry)
    assert flow["step_id"] == "user"
    lines = next(iter(flow["data_schema"].schema.values())).container
    assert list(lines) == [MAKER_ID]
    step = await go(hass, flow["flow_id"], address=MAKER_ID)
    assert step["step_id"] == "attach"
    other = await begin(hass, entry)
    await go(hass, other["flow_id"], address=MAKER_ID)
    step = await go(hass, flow["flow_id"], own_lock=False)
    assert step["type"] is FlowResultType.CREATE_ENTRY
    home = entry.runtime_data
    await until(lambda: home.roster.find(MAKER_ID))
    # Somebody else was at the same step meanwhile.
    step = await go(hass, other["flow_id"], own_lock=False)
    assert step["reason"] == "already_configured"
    # Nothing else is in the house.
    step = await begin(hass, entry)
    assert step["reason"] == "no_lock_found"
    await hass.config_entries.async_unload(entry.entry_id)


async def test_the_file_of_keys_is_broken(hass: HomeAssistant, maker: Maker) -> None:
    file = keys_file(hass)
    file.parent.mkdir(parents=True)
    file.write_text("{")
    result = await found_home(hass)
    assert result["errors"] == {"base": "keys_unreadable"}


@pytest.mark.parametrize(
    "call",
    [
        lambda driver: driver.set_code("123456", "LE x", window()),
        lambda driver: driver.change_window(1, "LE x", window()),
        lambda driver: driver.clear_code(1, "LE x"),
        lambda driver: driver.last_log_index(),
        lambda driver: read_log(driver, 0),
    ],
)
async def test_what_it_has_not(lock: ManagedLock, call: Any) -> None:
    """It is not asked for, as its capabilities say; if it were, it says no."""
    assert Capability.CODES not in lock.capabilities
    assert Capability.LOCK_LOG not in lock.capabilities
    with pytest.raises(LockRefused) as caught:
        await call(lock.driver)
    assert caught.value.reason is Refusal.NOT_SUPPORTED
    with pytest.raises(LockRefused):
        lock.driver.new_code()
    assert not lock.driver.check_code("123456")


async def test_no_latch(maker: Maker, lock: ManagedLock) -> None:
    lock.driver.capabilities &= ~Capability.OPEN
    with pytest.raises(LockRefused):
        await lock.command(DoorCommand.OPEN, HOME_ACTOR)
    assert maker.lock.taken == 0


@pytest.mark.parametrize("shown", ["unknown", "half open"])
async def test_a_state_that_says_nothing(
    hass: HomeAssistant, maker: Maker, home: Home, lock: ManagedLock, shown: str
) -> None:
    hass.states.async_set(MAKER_LOCK, shown)
    await hass.async_block_till_done()
    assert lock.driver.state.bolt is Bolt.UNKNOWN
    maker.lock.show(is_locked=True)
    await hass.async_block_till_done()
    assert lock.driver.state.bolt is Bolt.LOCKED
    assert await log_of(home, "access") == []
    async with lock.driver.lent():
        assert lock.driver.available
