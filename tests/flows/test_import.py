"""Codes that come over from another integration: from the menu to the lock."""

from collections.abc import AsyncGenerator
import json
import logging
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.smartlock_le.home import Home
from custom_components.smartlock_le.importing import LCM
from custom_components.smartlock_le.locks import numbered as numbered_module
from tests.conftest import log_of, until, until_entry
from tests.locks.test_brought_home import ZWAVE_ID, Door, found_home
from tests.support import fail_writes, keys_file, unwritable
from tests.zwave_js import NODES, ZwaveRadio, zwave_home
from virtual_home.home import VirtualHome

ENTITY = "lock.node_2"
KEYPAD_UNLOCK = 6


@pytest.fixture
async def home(
    hass: HomeAssistant,
    air: VirtualHome,
    zwave: ZwaveRadio,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncGenerator[Home]:
    """Give a home with a lock on which somebody else wrote two codes."""
    monkeypatch.setattr(numbered_module, "PAUSE", 0.0)
    assert await async_setup_component(hass, "homeassistant", {})
    zwave.do("code", "codes", slot=4, digits="836194")
    zwave.do("code", "codes", slot=6, digits="571938")
    async with zwave_home(hass, zwave):
        lock_id = ZWAVE_ID.format(NODES["codes"])
        answers = {"first": 1, "last": 3}
        door = Door(lock_id, "attach_numbered", dict, print, answers)
        home = await found_home(hass, door)
        yield home
        await hass.config_entries.async_unload(home.entry.entry_id)


def others(hass: HomeAssistant, **users: dict[str, Any]) -> None:
    """Have Lock Code Manager keep these users."""
    MockConfigEntry(
        domain=LCM,
        options={
            "locks": [ENTITY],
            "users": {name: {"enabled": True, **user} for name, user in users.items()},
            "slot_assignment": {"ann": 4, "bob": 6},
        },
    ).add_to_hass(hass)


async def menu(hass: HomeAssistant, home: Home) -> Any:
    """Open the menu of codes."""
    flows = hass.config_entries.options
    flow = await flows.async_init(home.entry.entry_id)
    return await flows.async_configure(flow["flow_id"], {"next_step_id": "codes"})


async def chosen(hass: HomeAssistant, home: Home) -> Any:
    """Choose to take over codes."""
    step = await menu(hass, home)
    return await hass.config_entries.options.async_configure(
        step["flow_id"], {"next_step_id": "import_codes"}
    )


async def answer(hass: HomeAssistant, step: Any, **answers: Any) -> Any:
    """Answer a step."""
    return await hass.config_entries.options.async_configure(step["flow_id"], answers)


def choices(step: Any) -> dict[str, str]:
    """Return what can be chosen: value and label."""
    [selector] = step["data_schema"].schema.values()
    return {one["value"]: one["label"] for one in selector.config["options"]}


async def test_nothing_is_offered_where_nobody_is(
    hass: HomeAssistant, home: Home
) -> None:
    assert "import_codes" not in (await menu(hass, home))["menu_options"]


async def test_they_come_over(
    hass: HomeAssistant,
    home: Home,
    zwave: ZwaveRadio,
    caplog: pytest.LogCaptureFixture,
    hass_ws_client: WebSocketGenerator,
) -> None:
    """Under the same number with the same PIN; who is known as a person is one."""
    caplog.set_level(logging.DEBUG, logger="custom_components")
    assert await async_setup_component(hass, "person", {})
    client = await hass_ws_client(hass)
    await client.send_json_auto_id({"type": "person/create", "name": "ann"})
    assert (await client.receive_json())["success"]
    await hass.async_block_till_done()
    others(
        hass,
        Ann={"pin": "836194"},
        Bob={"pin": "571938"},
        Cat={"pin": "693725", "condition": "switch.party"},
    )
    step = await chosen(hass, home)
    assert set(choices(step).values()) == {"Ann (Node 2)", "Bob (Node 2)"}
    left = step["description_placeholders"]["left"]
    assert left.startswith("- **Cat**: it opens by a condition")
    step = await answer(hass, step, codes=list(choices(step)))
    assert step["step_id"] == "codes_imported"
    assert step["description_placeholders"]["codes"] == (
        "- **Ann**: came over, for the person of that name\n"
        "- **Bob**: came over, as a guest"
    )
    result = await answer(hass, step)
    assert result["reason"] == "codes_imported"
    await until(
        lambda: all(
            place.state == "active"
            for code in home.codes.all()
            for place in code.places.values()
        )
    )
    assert zwave.codes("codes") == {4: "836194", 6: "571938"}
    zwave.do("notify", "codes", event=KEYPAD_UNLOCK, parameters=[6])
    access = await until_entry(home, "access", method="keypad")
    assert (access["actor_kind"], access["actor_name"]) == ("guest", "Bob")
    told = caplog.text + json.dumps(await log_of(home), default=str)
    assert "836194" not in told and "571938" not in told
    # Once more: they are here already.
    step = await chosen(hass, home)
    step = await answer(hass, step, codes=list(choices(step)))
    assert step["description_placeholders"]["codes"].count("cannot be used") == 2
    # Taken away, they come off.
    for code in home.codes.all():
        await home.codes.remove(code.id, code.actor)
    await until(lambda: not zwave.codes("codes"))


async def test_only_what_is_chosen(
    hass: HomeAssistant, home: Home, zwave: ZwaveRadio
) -> None:
    others(hass, Ann={"pin": "836194"}, Bob={"pin": "571938"})
    step = await chosen(hass, home)
    [ann] = [value for value, label in choices(step).items() if "Ann" in label]
    await answer(hass, step, codes=[ann])
    assert [code.name for code in home.codes.all()] == ["Ann"]


async def test_the_lock_had_another(
    hass: HomeAssistant, home: Home, zwave: ZwaveRadio
) -> None:
    """What is kept of the code is what opens from now on."""
    others(hass, Ann={"pin": "692583"})
    step = await chosen(hass, home)
    await answer(hass, step, codes=list(choices(step)))
    await until(lambda: zwave.codes("codes") == {4: "692583", 6: "571938"})


async def test_many_at_once(hass: HomeAssistant, home: Home) -> None:
    """They are no guesses: there may be more of them than somebody may try."""
    pins = [f"{number}57193" for number in range(2, 10)]
    others(hass, **{f"Guest {pin[0]}": {"pin": pin} for pin in pins})
    step = await chosen(hass, home)
    step = await answer(hass, step, codes=list(choices(step)))
    lines = step["description_placeholders"]["codes"].splitlines()
    assert [line.rpartition(": ")[2] for line in lines] == ["came over, as a guest"] * 8


@pytest.mark.parametrize(
    ("user", "said"),
    [
        ({"pin": "1234"}, "This PIN is too easy to guess."),
        ({"pin": "17"}, "does not take such a PIN"),
        ({"pin": "692583", "condition": "schedule.gone"}, "no such schedule"),
    ],
)
async def test_what_cannot_be(
    hass: HomeAssistant, home: Home, user: dict[str, Any], said: str
) -> None:
    others(hass, Ann=user)
    step = await chosen(hass, home)
    step = await answer(hass, step, codes=list(choices(step)))
    assert said in step["description_placeholders"]["codes"]
    assert home.codes.all() == []


async def test_the_disk_is_full(
    hass: HomeAssistant, home: Home, zwave: ZwaveRadio
) -> None:
    """Without the log nothing comes over."""
    others(hass, Ann={"pin": "836194"})
    step = await chosen(hass, home)
    await fail_writes(home)
    step = await answer(hass, step, codes=list(choices(step)))
    assert "cannot be written" in step["description_placeholders"]["codes"]
    assert home.codes.all() == []
    await fail_writes(home, fail=False)
    assert zwave.codes("codes") == {4: "836194", 6: "571938"}


async def test_the_keys_cannot_be_written(
    hass: HomeAssistant, home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    """Only the number is lost: the code is ours, and is set when it can be."""
    others(hass, Ann={"pin": "692583"}, Bob={"pin": "571938"})
    step = await chosen(hass, home)
    ann, bob = sorted(choices(step), key=lambda value: choices(step)[value])
    await answer(hass, step, codes=[bob])
    step = await chosen(hass, home)
    with unwritable(keys_file(hass).parent):
        step = await answer(hass, step, codes=[ann])
    said = step["description_placeholders"]["codes"]
    assert said == "- **Ann**: came over, as a guest"
    assert "could not be kept" in caplog.text
    await home.codes.resync(ZWAVE_ID.format(NODES["codes"]))
    await until(
        lambda: all(
            place.state == "active"
            for code in home.codes.all()
            for place in code.places.values()
        )
    )
    numbers = home.book.numbers(ZWAVE_ID.format(NODES["codes"]))
    assert sorted(numbers.values()) == [1, 6]


async def test_no_lock_of_ours(hass: HomeAssistant, home: Home) -> None:
    MockConfigEntry(
        domain=LCM, options={"locks": ["lock.other"], "users": {"A": {"pin": "692583"}}}
    ).add_to_hass(hass)
    result = await chosen(hass, home)
    assert result["reason"] == "nothing_to_import"
    assert "none of its locks" in result["description_placeholders"]["left"]
