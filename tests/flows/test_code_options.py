"""Codes and guests for who clicks."""

import html
from typing import Any

from homeassistant.components.person import DOMAIN as PERSON
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest

from custom_components.smartlock_le.flows.code_options import as_text
from custom_components.smartlock_le.home import Home, HomeEntry
from tests.conftest import LOCK, add_home, log_of
from tests.support import act, fail_writes
from virtual_home.nuki import NukiLock

from .test_options import choose, go


async def codes(hass: HomeAssistant, entry: HomeEntry, item: str) -> Any:
    """Open the menu of codes and choose."""
    result = await choose(hass, entry, "codes")
    assert result["type"] is FlowResultType.MENU, result
    return await go(hass, result["flow_id"], next_step_id=item)


async def guest(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock, **answers: Any
) -> Any:
    """Add a guest."""
    flow_id = (await codes(hass, entry, "guest"))["flow_id"]
    answers = {"name": "Gina", "locks": [nuki.address], **answers}
    return await go(hass, flow_id, **answers)


async def test_a_guest(
    hass: HomeAssistant, entry: HomeEntry, home: Home, nuki: NukiLock
) -> None:
    """The PIN is shown once, with what the guest is to be told."""
    menu = await choose(hass, entry, "codes")
    assert menu["description_placeholders"]["codes"] == "Nobody has a code yet."
    result = await guest(hass, entry, nuki)
    assert (result["step_id"], result["last_step"]) == ("code_given", True)
    shown = result["description_placeholders"]
    pin = shown["pin"].replace(" ", "")
    assert shown["name"] == "Gina"
    assert "erased" in shown["notice"]
    assert shown["locks"] == "Front door&#58; active"
    assert nuki.device.press(int(pin)).opened
    result = await go(hass, result["flow_id"])
    assert result["reason"] == "code_given"
    assert pin not in str((await log_of(home), entry.as_dict()))
    menu = await choose(hass, entry, "codes")
    table = menu["description_placeholders"]["codes"]
    assert table == "- **Gina**, until further notice. Front door&#58; active"
    assert pin not in table


async def test_a_window_in_local_time(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    await hass.config.async_set_time_zone("Europe/Berlin")
    result = await guest(hass, entry, nuki, end="2099-07-01 11:00:00", pin="583649")
    assert result["step_id"] == "code_set"
    assert result["description_placeholders"]["until"] == "until 2099-07-01 11:00"
    (code,) = nuki.device.codes
    assert code.window
    assert code.window.end.isoformat() == "2099-07-01T09:00:00+00:00"


async def test_a_person(hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock) -> None:
    config = {PERSON: [{"id": "anna", "name": "Anna"}]}
    assert await async_setup_component(hass, PERSON, config)
    flow_id = (await codes(hass, entry, "person"))["flow_id"]
    answers = {"person": LOCK, "locks": [nuki.address]}
    result = await go(hass, flow_id, **{**answers, "person": "person.nobody"})
    assert result["errors"] == {"person": "not_a_person"}
    result = await go(hass, flow_id, **{**answers, "person": "person.anna"})
    shown = result["description_placeholders"]
    assert (shown["name"], shown["notice"]) == ("Anna", "")
    assert len(nuki.device.codes) == 1


async def test_changed_and_taken_away(
    hass: HomeAssistant, entry: HomeEntry, home: Home, nuki: NukiLock
) -> None:
    """Each by choosing whose it is; what was emptied is without."""
    await guest(hass, entry, nuki, end="2099-07-01 11:00:00", uses=3)
    (code,) = home.codes.all()
    result = await codes(hass, entry, "change_code")
    result = await go(hass, result["flow_id"], code=code.id)
    assert result["step_id"] == "new_times"
    suggested = {
        str(field): (field.description or {}).get("suggested_value")
        for field in result["data_schema"].schema
    }
    assert suggested["end"] == dt_util.as_local(code.when.end).strftime(  # type: ignore[arg-type]
        "%Y-%m-%d %H:%M:%S"
    )
    assert suggested["locks"] == [nuki.address]
    flow_id = result["flow_id"]
    result = await go(hass, flow_id, locks=[nuki.address], new_pin=False)
    assert result["reason"] == "code_changed"
    assert (code.when.end, code.when.uses) == (None, 3)
    result = await codes(hass, entry, "change_code")
    result = await go(hass, result["flow_id"], code=code.id)
    result = await go(hass, result["flow_id"], locks=[nuki.address], new_pin=True)
    assert result["step_id"] == "code_given"
    pin = result["description_placeholders"]["pin"].replace(" ", "")
    assert [str(c.digits) for c in nuki.device.codes] == [pin]
    result = await codes(hass, entry, "remove_code")
    flow_id = result["flow_id"]
    result = await go(hass, flow_id, code=code.id)
    assert result["reason"] == "code_removed"
    assert not len(nuki.device.codes)
    result = await codes(hass, entry, "remove_code")
    assert result["reason"] == "no_code"


async def test_gone_meanwhile(
    hass: HomeAssistant, entry: HomeEntry, home: Home, nuki: NukiLock
) -> None:
    """Two at once: the second is told."""
    await guest(hass, entry, nuki)
    await guest(hass, entry, nuki, name="Otto")
    (code, _) = home.codes.all()
    first = await codes(hass, entry, "remove_code")
    changing = await codes(hass, entry, "change_code")
    changing = await go(hass, changing["flow_id"], code=code.id)
    await act(hass, "remove_guest", {"guest": code.id})
    result = await go(hass, first["flow_id"], code=code.id)
    assert result["errors"] == {"base": "code_not_found"}
    result = await go(hass, changing["flow_id"], locks=[nuki.address], new_pin=False)
    assert result["errors"] == {"base": "code_not_found"}


async def test_the_lock_is_away(
    hass: HomeAssistant, entry: HomeEntry, home: Home, nuki: NukiLock
) -> None:
    """What was taken away is said to be still there."""
    await guest(hass, entry, nuki)
    (code,) = home.codes.all()
    await nuki.set_in_range(False)
    result = await codes(hass, entry, "remove_code")
    result = await go(hass, result["flow_id"], code=code.id)
    assert result["reason"] == "code_stays"
    await nuki.set_in_range(True)


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({"name": " "}, "code_incomplete"),
        ({"locks": []}, "code_incomplete"),
        ({"pin": "111111"}, "code_weak"),
        ({"pin": "12"}, "code_not_for_lock"),
        ({"end": "2020-01-01 00:00:00"}, "code_window_empty"),
    ],
)
async def test_what_cannot_be(
    hass: HomeAssistant,
    entry: HomeEntry,
    home: Home,
    nuki: NukiLock,
    answers: dict[str, Any],
    error: str,
) -> None:
    """The form comes again with what was typed, but for the PIN."""
    result = await guest(hass, entry, nuki, **answers)
    assert result["errors"] == {"base": error}
    shown = {
        str(field): (field.description or {}).get("suggested_value")
        for field in result["data_schema"].schema
    }
    assert shown["pin"] is None
    assert home.codes.all() == []


async def test_the_disk_is_full(
    hass: HomeAssistant, entry: HomeEntry, home: Home, nuki: NukiLock
) -> None:
    await fail_writes(home)
    result = await guest(hass, entry, nuki)
    assert result["errors"] == {"base": "log_unavailable"}
    await fail_writes(home, fail=False)


async def test_no_lock_takes_codes(hass: HomeAssistant, nuki: NukiLock) -> None:
    """Without its PIN a Nuki has no codes for us."""
    entry = await add_home(hass, nuki, pin=None)
    result = await choose(hass, entry, "codes")
    assert result["reason"] == "no_code_lock"
    await hass.config_entries.async_unload(entry.entry_id)


def test_a_name_is_no_markup() -> None:
    shown = as_text("<b>x</b> [a](b) O'Neil www.a.b")
    assert not set(shown) & set("<>[]()/.*_`|")
    assert html.unescape(shown) == "<b>x</b> [a](b) O'Neil www.a.b"
