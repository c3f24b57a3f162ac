"""A home whose lock the real ZHA brought: added, followed, opened, let in by a code."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
import json
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
import pytest

from custom_components.smartlock_le.const import CONF_FAMILY, DOMAIN
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.locks import (
    numbered as numbered_module,
    zha_cluster,
)
from custom_components.smartlock_le.locks.driver import Bolt
from custom_components.smartlock_le.locks.managed import ManagedLock
from custom_components.smartlock_le.models import (
    HOME_ACTOR,
    Capability,
    DoorCommand,
    LockUnreachable,
    OutcomeUnknown,
)
from tests.conftest import log_of, until
from tests.flows.test_lock import begin, go
from tests.support import act, as_admin, keys_file, unwritable
from tests.zigbee import FAST, Zha, zha_home
from virtual_home.home import VirtualHome
from virtual_home.zigbee.lock import Typed
from virtual_home.zigbee.trouble import Sent

pytestmark = pytest.mark.usefixtures("socket_enabled")

GRANT = {"agency": "Engine 7", "incident": "F-1", "reason": "smoke"}


@dataclass(slots=True)
class House:
    """A home whose only lock is that of a real ZHA."""

    zha: Zha
    entry: HomeEntry

    @property
    def home(self) -> Home:
        """The running home."""
        return self.entry.runtime_data

    @property
    def lock_id(self) -> str:
        """The id of the lock."""
        return f"zha:{self.zha.lock.ieee}-1-257"

    @property
    def lock(self) -> ManagedLock:
        """The lock."""
        found = self.home.roster.find(self.lock_id)
        assert found
        return found

    @property
    def data(self) -> dict[str, Any]:
        """What its subentry says."""
        (subentry,) = self.entry.subentries.values()
        return dict(subentry.data)

    @property
    def keys(self) -> dict[str, Any]:
        """What the key file says of it."""
        keys = json.loads(keys_file(self.zha.hass).read_text())["locks"]
        return dict(keys[self.lock_id])

    @property
    def codes(self) -> dict[int, str]:
        """The codes on the lock."""
        return {number: one.pin for number, one in self.zha.lock.users.table.items()}

    async def ready(self) -> None:
        """Wait until the lock was read."""
        await until(
            lambda: (
                self.entry.state is ConfigEntryState.LOADED
                and self.lock.driver.state.bolt is not Bolt.UNKNOWN
                and not self.lock._reading.locked()
            )
        )

    async def accesses(self, count: int) -> list[tuple[str, str, str]]:
        """Wait for that many access entries; return what they say."""
        async with asyncio.timeout(20):
            while len(found := await log_of(self.home, "access")) < count:
                await asyncio.sleep(0.01)
        return [(e["event"], e["method"], e["actor_kind"]) for e in found]

    async def grant(self, **more: Any) -> dict[str, Any]:
        """Let somebody in."""
        data = {**GRANT, "lock": "lock.yale_yrd256_tsdb_2", **more}
        return await act(self.zha.hass, "grant_emergency_access", data)


async def to_attach(hass: HomeAssistant, lock_id: str) -> Any:
    """Click as far as the step that asks how to stand beside the lock."""
    flows = hass.config_entries.flow
    flow = await flows.async_init(DOMAIN, context={"source": "user"})
    await flows.async_configure(flow["flow_id"], {})
    await flows.async_configure(flow["flow_id"], {"sharing": False})
    return await flows.async_configure(flow["flow_id"], {"address": lock_id})


@pytest.fixture
async def zha(
    hass: HomeAssistant, air: VirtualHome, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Zha]:
    """Run ZHA with a lock."""
    monkeypatch.setattr(numbered_module, "PAUSE", 0.0)
    assert await async_setup_component(hass, "homeassistant", {})
    async with zha_home(hass, FAST) as zha:
        yield zha


@pytest.fixture
async def house(hass: HomeAssistant, zha: Zha) -> AsyncGenerator[House]:
    """Found the home with ZHA's lock, as a person clicks."""
    step = await to_attach(hass, f"zha:{zha.lock.ieee}-1-257")
    result = await hass.config_entries.flow.async_configure(
        step["flow_id"], {"own_lock": True, "first": 3, "last": 5}
    )
    assert result["type"] == "create_entry"
    await hass.async_block_till_done()
    house = House(zha, result["result"])
    await house.ready()
    yield house
    if house.entry.state is ConfigEntryState.LOADED:
        await hass.config_entries.async_unload(house.entry.entry_id)


# Adding it


def defaults(step: Any) -> dict[str, Any]:
    """Return what the fields of a step show at first."""
    return {str(field): field.default() for field in step["data_schema"].schema}


async def test_which_numbers_are_ours(hass: HomeAssistant, zha: Zha) -> None:
    """It is asked, within what the lock has; what makes no sense changes nothing."""
    step = await to_attach(hass, f"zha:{zha.lock.ieee}-1-257")
    assert step["step_id"] == "attach_numbered"
    assert step["description_placeholders"]["integration"].startswith("Zigbee")
    assert defaults(step) == {"own_lock": False, "first": 1, "last": 29}
    configure = hass.config_entries.flow.async_configure
    for first, last, error in (
        (5, 3, "numbers_reversed"),
        (1, 30, "no_such_number"),
    ):
        answers = {"own_lock": True, "first": first, "last": last}
        step = await configure(step["flow_id"], answers)
        assert step["errors"] == {"last": error}
        assert defaults(step) == answers
    assert not hass.config_entries.async_entries(DOMAIN)
    answers = {"own_lock": False, "first": 2.0, "last": 9.0}
    with unwritable(keys_file(hass).parent):
        step = await configure(step["flow_id"], answers)
        assert step["errors"] == {"base": "not_saved"}
    result = await configure(step["flow_id"], answers)
    assert result["type"] == "create_entry"
    house = House(zha, result["result"])
    await house.ready()
    assert (house.data["first"], house.data["last"]) == (2, 9)
    assert house.keys["credentials"] == {"first": 2, "last": 9}
    await hass.config_entries.async_unload(house.entry.entry_id)


async def test_the_list_says_what_it_can_do(hass: HomeAssistant, zha: Zha) -> None:
    flows = hass.config_entries.flow
    flow = await flows.async_init(DOMAIN, context={"source": "user"})
    await flows.async_configure(flow["flow_id"], {})
    step = await flows.async_configure(flow["flow_id"], {"sharing": False})
    lines = next(iter(step["data_schema"].schema.values())).container
    assert "codes" in lines[f"zha:{zha.lock.ieee}-1-257"]


async def test_other_numbers_later(house: House) -> None:
    """They count for new codes; a code that is on the lock comes off all the same."""
    hass = house.zha.hass
    grant = await house.grant()
    assert set(house.codes) == {3}
    step = await begin(hass, house.entry, house.lock_id)
    assert step["step_id"] == "numbered_lock"
    assert defaults(step) == {"own_lock": True, "first": 3, "last": 5}
    wrong = {"own_lock": True, "first": 9, "last": 8}
    step = await go(hass, step["flow_id"], **wrong)
    assert step["errors"] == {"last": "numbers_reversed"}
    with unwritable(keys_file(hass).parent):
        step = await go(hass, step["flow_id"], own_lock=True, first=8, last=9)
    assert step["errors"] == {"base": "not_saved"}
    assert house.data["first"] == 3
    before = house.home
    done = await go(hass, step["flow_id"], own_lock=True, first=8, last=9)
    assert done["reason"] == "reconfigure_successful"
    await until(lambda: getattr(house.entry, "runtime_data", before) is not before)
    await house.ready()
    assert house.keys["credentials"] == {"first": 8, "last": 9}
    await act(hass, "revoke_grant", {"grant": grant["grant"]})
    assert house.codes == {}
    await house.grant()
    assert set(house.codes) == {8}


async def test_not_while_the_home_is_away(house: House) -> None:
    """A home that does not run is not changed, for it would write over it."""
    hass = house.zha.hass
    step = await begin(hass, house.entry, house.lock_id)
    await hass.config_entries.async_unload(house.entry.entry_id)
    done = await go(hass, step["flow_id"], own_lock=True, first=8, last=9)
    assert done["reason"] == "home_not_loaded"
    assert house.data["first"] == 3


async def test_lost_keys(house: House) -> None:
    """What is known of the lock is made again from its subentry when it was lost."""
    hass = house.zha.hass
    await hass.config_entries.async_unload(house.entry.entry_id)
    keys_file(hass).unlink()
    await hass.config_entries.async_setup(house.entry.entry_id)
    await house.ready()
    assert house.keys["credentials"] == {"first": 3, "last": 5}
    assert house.keys["family"] == "zha"


async def test_a_lock_that_was_added_before(house: House) -> None:
    """What was added as any other lock becomes more when it is configured again."""
    hass = house.zha.hass
    (subentry,) = house.entry.subentries.values()
    old = {"address": house.lock_id, "own_lock": True, CONF_FAMILY: "any"}
    hass.config_entries.async_update_subentry(house.entry, subentry, data=old)
    await hass.config_entries.async_unload(house.entry.entry_id)
    keys_file(hass).unlink()
    await hass.config_entries.async_setup(house.entry.entry_id)
    await house.ready()
    assert house.lock.driver.word != ""
    step = await begin(hass, house.entry, house.lock_id)
    before = house.home
    await go(hass, step["flow_id"], own_lock=True, first=1, last=9)
    await until(lambda: getattr(house.entry, "runtime_data", before) is not before)
    await house.ready()
    assert house.lock.driver.word == ""
    assert (house.data[CONF_FAMILY], house.keys["family"]) == ("zha", "zha")
    await house.grant()
    assert set(house.codes) == {1}


# What enters the log


async def test_command_hand_and_code(house: House) -> None:
    """Each move is one entry; whose it was is said, and the outcome is the bolt's word."""
    lock = house.zha.lock
    assert house.lock.driver.state.bolt is Bolt.LOCKED
    await house.lock.command(DoorCommand.UNLOCK, HOME_ACTOR)
    (outcome,) = await log_of(house.home, "outcome")
    assert (outcome["result"], outcome["detail"]) == ("done", "")
    await house.accesses(1)
    lock.turn(lock=True)
    await house.accesses(2)
    await house.lock.command(DoorCommand.LOCK, HOME_ACTOR)
    await house.accesses(3)
    lock.program(9, "2468")
    lock.press("2468")
    assert await house.accesses(5) == [
        ("unlocked", "home_assistant", "home"),
        ("locked", "manual", "unknown"),
        ("locked", "home_assistant", "home"),
        ("code_added", "keypad", "unknown"),
        ("unlocked", "keypad", "code"),
    ]


async def test_somebody_uses_the_lock_of_zha(house: House) -> None:
    """It is entered with who asked, as every other lock's is."""
    hass = house.zha.hass
    await hass.services.async_call(
        "lock",
        "unlock",
        {"entity_id": "lock.yale_yrd256_tsdb"},
        blocking=True,
        context=await as_admin(hass),
    )
    assert await house.accesses(1) == [("unlocked", "home_assistant", "owner")]


async def test_away(house: House) -> None:
    """How far a command came is not known where no answer comes."""
    house.zha.lock.trouble.online = False
    with pytest.raises((OutcomeUnknown, LockUnreachable)):
        await house.lock.command(DoorCommand.UNLOCK, HOME_ACTOR)
    assert house.zha.lock.state.name == "Locked"
    (outcome,) = await log_of(house.home, "outcome")
    assert outcome["result"] == "unknown"
    # It is found by itself once it is back.
    house.zha.lock.trouble.online = True
    await until(lambda: house.lock.driver.available)

    async with asyncio.timeout(20):
        while not (found := await log_of(house.home, "found")):
            await asyncio.sleep(0.01)
    assert found[-1]["state"] == "locked"


async def test_the_radio_restarts(house: House) -> None:
    await house.zha.restart_radio()
    await until(lambda: house.lock.driver.available)
    await house.lock.command(DoorCommand.UNLOCK, HOME_ACTOR)
    await until(lambda: house.zha.lock.state.name == "Unlocked")


# Emergency access by a code


async def restart(house: House) -> None:
    """Start the home again."""
    await house.zha.hass.config_entries.async_reload(house.entry.entry_id)
    await house.ready()


async def no_restart(house: House) -> None:
    """Do nothing."""


@pytest.mark.parametrize("between", [no_restart, restart])
async def test_help_gets_in_by_a_code(
    house: House, between: Callable[[House], Any]
) -> None:
    """Opened, used at the keypad, known whose it was, ended, and off the lock."""
    lock = house.zha.lock
    # Somebody else has the first of our numbers.
    lock.program(3, "1357")
    await house.accesses(1)
    grant = await house.grant()
    assert house.codes == {3: "1357", 4: grant["code"]}
    await between(house)
    assert lock.press(grant["code"]) == (Typed.ACCEPTED, 4)
    told = await house.accesses(3)
    assert told[1:] == [
        ("code_added", "home_assistant", "owner"),
        ("unlocked", "keypad", "grant"),
    ]
    access = (await log_of(house.home, "access"))[-1]
    assert (access["grant"], access["actor_name"]) == (grant["grant"], "Engine 7")
    async with asyncio.timeout(20):
        while "used" not in {e["event"] for e in await log_of(house.home, "grant")}:
            await asyncio.sleep(0.01)
    await between(house)
    await act(house.zha.hass, "revoke_grant", {"grant": grant["grant"]})
    assert house.codes == {3: "1357"}
    assert lock.press(grant["code"]) == (Typed.REFUSED, None)
    assert (await house.accesses(5))[3:] == [
        ("code_removed", "home_assistant", "owner"),
        ("denied", "keypad", "unknown"),
    ]
    assert house.keys["numbers"] == {}
    assert (await log_of(house.home, "grant"))[-1]["event"] == "ended"


async def test_a_code_ends_with_its_first_use(house: House) -> None:
    """Without a window of its own the lock is told at once."""
    grant = await house.grant(first_use=True)
    house.zha.lock.press(grant["code"])
    await until(lambda: house.codes == {})


async def test_nobody_knows_whether_its_code_is_on_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer was lost, and such a lock cannot be asked: no code is given to anybody."""
    monkeypatch.setattr(zha_cluster, "ANSWER", 0.5)
    house.lock.driver.capabilities &= ~Capability.CODE_STATUS
    house.zha.lock.trouble.lose(Sent.REPLY)
    house.zha.lock.trouble.lose(Sent.EVENT)
    with pytest.raises(HomeAssistantError):
        await house.grant()
    # It comes off by itself.
    await restart(house)
    await until(lambda: house.codes == {})


async def test_the_lock_is_away_when_its_code_ends(house: House) -> None:
    """It comes off when the lock is back, also when it was removed from the home."""
    grant = await house.grant()
    house.zha.lock.trouble.online = False
    await act(house.zha.hass, "revoke_grant", {"grant": grant["grant"]})
    assert len(house.codes) == 1
    await restart_away(house)
    house.zha.lock.trouble.online = True
    await until(lambda: house.codes == {})


async def restart_away(house: House) -> None:
    """Start the home again while its lock is away."""
    await house.zha.hass.config_entries.async_reload(house.entry.entry_id)
    await until(lambda: house.entry.state is ConfigEntryState.LOADED)


async def test_a_removed_lock_is_cleaned(house: House) -> None:
    """Our code comes off, those of others stay, nothing of it is kept."""
    hass = house.zha.hass
    house.zha.lock.program(7, "1357")
    await house.grant()
    hass.config_entries.async_remove_subentry(
        house.entry, next(iter(house.entry.subentries))
    )
    await until(lambda: house.codes == {7: "1357"})
    await until(lambda: house.lock_id not in keys_file(hass).read_text())
    (cleaned,) = await log_of(house.home, "lock_cleaned")
    assert (cleaned["result"], cleaned["codes_left"]) == ("clean", 0)
