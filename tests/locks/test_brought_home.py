"""Homes with a lock of Z-Wave JS, Matter or Schlage: from the dialog to the log."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
import json
import logging
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest

from custom_components.smartlock_le.const import DOMAIN
from custom_components.smartlock_le.flows.adding import choices
from custom_components.smartlock_le.home import Home
from custom_components.smartlock_le.locks import numbered as numbered_module
from custom_components.smartlock_le.models import HOME_ACTOR, DoorCommand
from tests import matter, schlage
from tests.conftest import log_of, until, until_entry
from tests.support import act, keys_file
from tests.zwave_js import NODES, ZwaveRadio, zwave_home
from virtual_home.home import VirtualHome

pytestmark = pytest.mark.usefixtures("socket_enabled")

KEYPAD_UNLOCK = 6
ZWAVE_ID = "zwave_js:2119630849.{}-98-0-currentMode"


@dataclass(slots=True)
class Door:
    """A lock that some integration brought, and the hand on it."""

    lock_id: str
    step: str
    """Which step of the dialog asks how to stand beside it."""
    codes: Callable[[], dict[int, str]]
    type_code: Callable[[int], Any]
    answers: dict[str, Any]


@pytest.fixture(params=["zwave", "credentials", "matter", "schlage"])
async def door(
    request: pytest.FixtureRequest,
    hass: HomeAssistant,
    air: VirtualHome,
    zwave: ZwaveRadio,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncGenerator[Door]:
    """Run one of the integrations with a lock."""
    monkeypatch.setattr(numbered_module, "PAUSE", 0.0)
    assert await async_setup_component(hass, "homeassistant", {})
    async with {
        "zwave": lambda: _zwave_door(hass, zwave, "codes"),
        "credentials": lambda: _zwave_door(hass, zwave, "credentials"),
        "matter": lambda: _matter_door(hass),
        "schlage": lambda: _schlage_door(hass),
    }[request.param]() as door:
        yield door


@asynccontextmanager
async def _zwave_door(
    hass: HomeAssistant, radio: ZwaveRadio, kind: str
) -> AsyncGenerator[Door]:
    def type_code(number: int) -> None:
        radio.do("notify", kind, event=KEYPAD_UNLOCK, parameters=[number])

    async with zwave_home(hass, radio):
        yield Door(
            ZWAVE_ID.format(NODES[kind]),
            "attach_numbered",
            lambda: radio.codes(kind),
            type_code,
            {"first": 2, "last": 5},
        )


@asynccontextmanager
async def _matter_door(hass: HomeAssistant) -> AsyncGenerator[Door]:
    async with matter.matter_home(hass) as found:

        def type_code(number: int) -> None:
            found.lock.operated(lock=False, source=matter.Source.kKeypad, code=number)

        yield Door(
            matter.LOCK_ID,
            "attach_numbered",
            lambda: dict(found.lock.codes),
            type_code,
            {"first": 2, "last": 5},
        )


@asynccontextmanager
async def _schlage_door(hass: HomeAssistant) -> AsyncGenerator[Door]:
    async with schlage.schlage_home(hass) as found:

        def type_code(number: int) -> Any:
            name = f"SmartLock LE {number}"
            found.cloud.moved(schlage.UNLOCKED, "accesscode", name)
            return hass.async_create_task(found.refresh())

        yield Door(
            schlage.LOCK_ID,
            "attach_cloud",
            lambda: {
                int(name.split()[-1]): digits
                for name, digits in found.cloud.digits().items()
            },
            type_code,
            {},
        )


async def found_home(hass: HomeAssistant, door: Door) -> Home:
    """Found a home with the lock, as a person clicks."""
    flows = hass.config_entries.flow
    flow = await flows.async_init(DOMAIN, context={"source": "user"})
    flow_id = flow["flow_id"]
    await flows.async_configure(flow_id, {})
    await flows.async_configure(flow_id, {"sharing": False})
    step = await flows.async_configure(flow_id, {"address": door.lock_id})
    assert step["step_id"] == door.step
    result = await flows.async_configure(flow_id, {"own_lock": False, **door.answers})
    assert result["type"] == "create_entry"
    home: Home = result["result"].runtime_data
    lock = home.roster.find(door.lock_id)
    assert lock
    await until(lambda: lock.driver.available and not lock._reading.locked())
    return home


async def test_a_guest_comes_and_goes(
    hass: HomeAssistant, door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    """Her code is made, typed once, known by her name, and taken off."""
    caplog.set_level(logging.DEBUG)
    home = await found_home(hass, door)
    lock = home.roster.find(door.lock_id)
    assert lock
    given = await act(
        hass,
        "add_guest",
        {"name": "Ann", "locks": [lock.driver.entity_id], "uses": 1},
    )
    await until(door.codes)
    [(number, digits)] = door.codes().items()
    assert given["pin"] == digits
    door.type_code(number)
    access = await until_entry(home, "access", event="unlocked", method="keypad")
    assert (access["actor_kind"], access["actor_name"]) == ("guest", "Ann")
    await until(lambda: not door.codes())
    states = json.dumps([s.as_dict() for s in hass.states.async_all()], default=str)
    for text in (states, keys_file(hass).read_text(), str(await log_of(home))):
        assert digits not in text
    ours = [r for r in caplog.records if r.name.startswith("custom_components")]
    assert digits not in "".join(r.getMessage() for r in ours)
    await hass.config_entries.async_unload(home.entry.entry_id)


async def test_our_command(
    hass: HomeAssistant, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is entered before and after, and told once, by who asked."""
    home = await found_home(hass, door)
    lock = home.roster.find(door.lock_id)
    assert lock
    await lock.command(DoorCommand.UNLOCK, HOME_ACTOR)
    access = await until_entry(home, "access", event="unlocked")
    assert (access["actor_kind"], access["method"]) == ("home", "home_assistant")
    [outcome] = await log_of(home, "outcome")
    assert outcome["result"] == "done"
    assert outcome["detail"] == ("" if "zwave" in door.lock_id else lock.driver.word)
    await hass.config_entries.async_unload(home.entry.entry_id)


async def test_the_list_says_what_each_can_do(
    hass: HomeAssistant, zwave: ZwaveRadio
) -> None:
    assert await async_setup_component(hass, "homeassistant", {})
    async with (
        zwave_home(hass, zwave),
        matter.matter_home(hass),
        schlage.schlage_home(hass),
    ):
        lines = await choices(hass, set())
    assert lines[matter.LOCK_ID].startswith("Back door (Matter): codes that we end")
    assert "Schlage's cloud" in lines[schlage.LOCK_ID]
    assert "(Z-Wave): codes that we end" in lines[ZWAVE_ID.format(NODES["codes"])]


async def test_a_lock_without_a_keypad_is_not_asked_for_numbers(
    hass: HomeAssistant, air: VirtualHome, zwave: ZwaveRadio
) -> None:
    assert await async_setup_component(hass, "homeassistant", {})
    async with zwave_home(hass, zwave):
        lock_id = ZWAVE_ID.format(NODES["keyless"])
        door = Door(lock_id, "attach", dict, print, {})
        home = await found_home(hass, door)
        await hass.config_entries.async_unload(home.entry.entry_id)


@pytest.mark.parametrize(
    ("first", "last", "field", "error"),
    [
        (0, 5, "first", "no_such_number"),
        (1, 9, "last", "no_such_number"),
        (5, 1, "last", "numbers_reversed"),
    ],
)
async def test_numbers_that_it_has_not(
    hass: HomeAssistant,
    air: VirtualHome,
    zwave: ZwaveRadio,
    first: int,
    last: int,
    field: str,
    error: str,
) -> None:
    """Number 0 is every code of a Z-Wave lock."""
    assert await async_setup_component(hass, "homeassistant", {})
    async with zwave_home(hass, zwave):
        flows = hass.config_entries.flow
        flow = await flows.async_init(DOMAIN, context={"source": "user"})
        flow_id = flow["flow_id"]
        await flows.async_configure(flow_id, {})
        await flows.async_configure(flow_id, {"sharing": False})
        lock_id = ZWAVE_ID.format(NODES["codes"])
        step = await flows.async_configure(flow_id, {"address": lock_id})
        fields = {str(key): key.default() for key in step["data_schema"].schema}
        assert (fields["first"], fields["last"]) == (1, 8)
        answers = {"own_lock": False, "first": first, "last": last}
        step = await flows.async_configure(flow_id, answers)
        assert step["errors"] == {field: error}
        flows.async_abort(flow_id)
