"""Links for responders, for who clicks."""

from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.responders.models import digest
from custom_components.smartlock_le.responders.sheet import Sheet
from tests.cameras.conftest import add_camera
from tests.conftest import log_of, until
from tests.responders.conftest import OUTSIDE, outside
from tests.support import act, fail_writes, unwritable
from virtual_home.nuki import NukiLock

from .test_options import choose, go, options, state_of, step_of

__all__ = ["outside"]

WRITTEN: dict[str, Any] = {
    "address": " 12 Elm Street ",
    "finding": "Third floor",
    "people": "Ada is deaf",
    "hazards": "Oxygen",
    "otherwise": "The neighbour has a key",
    "asks_code": True,
}


async def step(hass: HomeAssistant, entry: HomeEntry, item: str) -> Any:
    """Open the menu and choose."""
    return await step_of(hass, entry, "responders", item)


async def state(hass: HomeAssistant, entry: HomeEntry) -> str:
    """Return what the menu says of how it stands."""
    return await state_of(hass, entry, "responders")


def suggested(result: Any) -> dict[str, Any]:
    """Return what a form proposes."""
    return {
        str(key): (key.description or {}).get("suggested_value")
        for key in result["data_schema"].schema
    }


async def test_a_link_from_the_menu(
    hass: HomeAssistant, entry: HomeEntry, home: Home, nuki: NukiLock, outside: str
) -> None:
    """Made, shown once with its code, given another code, and withdrawn."""
    assert "pick_link" not in (await choose(hass, entry, "responders"))["menu_options"]
    result = await step(hass, entry, "make_link")
    assert [one["label"] for one in options(result, "locks")] == ["Front door"]
    # There is but one.
    assert suggested(result)["locks"] == [nuki.address]
    flow = result["flow_id"]
    said = {"agency": "Engine 7", "reason": "smoke", "minutes": 20, "asks_code": True}
    result = await go(hass, flow, **said, locks=[])
    assert result["errors"] == {"base": "incomplete"}
    assert home.responders.links.open() == []
    result = await go(hass, flow, **said, locks=[nuki.address])
    assert result["step_id"] == "link_made_code"
    address = result["description_placeholders"]["address"]
    base, _, token = address.partition("#")
    assert base == f"{OUTSIDE}/api/smartlock_le/r"
    [link] = home.responders.links.open()
    assert link.digest == digest(token)
    [picture] = result["data_schema"].schema.values()
    assert picture.config["data"] == address
    assert link.spoken
    shown = result["description_placeholders"]["code"].replace(" ", "")
    assert shown == link.spoken.digits
    result = await go(hass, flow)
    assert result["reason"] == "link_good"
    assert "good now: 1" in await state(hass, entry)

    result = await step(hass, entry, "pick_link")
    assert options(result, "link")[0]["label"] == "Engine 7 (smoke)"
    flow = result["flow_id"]
    result = await go(hass, flow, link=link.id)
    result = await go(hass, flow, next_step_id="link_code")
    first = result["description_placeholders"]["code"]
    assert first.replace(" ", "") == link.spoken.digits != shown
    # Shown again, it is the same.
    again = await hass.config_entries.options.async_configure(flow)
    assert again["description_placeholders"]["code"] == first
    await go(hass, flow)
    result = await go(hass, flow, next_step_id="withdraw_link")
    assert result["reason"] == "link_over"
    assert home.responders.links.open() == []
    assert home.grants.open_grants() == []


async def test_without_a_code(
    hass: HomeAssistant, entry: HomeEntry, home: Home, nuki: NukiLock, outside: str
) -> None:
    """Then none is shown."""
    result = await step(hass, entry, "make_link")
    result = await go(
        hass,
        result["flow_id"],
        agency="A",
        reason="B",
        minutes=5,
        asks_code=False,
        locks=[nuki.address],
    )
    assert result["step_id"] == "link_made"
    assert result["description_placeholders"]["code"] == ""


async def test_where_no_link_would_work(
    hass: HomeAssistant, entry: HomeEntry, home: Home
) -> None:
    """It says so before anything is asked, and what to do instead."""
    assert "work from outside" not in await state(hass, entry)
    result = await step(hass, entry, "make_link")
    assert result["reason"] == "no_outside_address"


async def test_a_door_that_is_gone_meanwhile(
    hass: HomeAssistant,
    entry: HomeEntry,
    home: Home,
    nuki: NukiLock,
    outside: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is said, and there is no link; without any lock nothing is asked."""
    said = {"agency": "A", "reason": "B", "minutes": 5, "asks_code": False}
    result = await step(hass, entry, "make_link")
    with monkeypatch.context() as gone:
        gone.setattr(home.grants, "_find_lock", lambda _: None)
        result = await go(hass, result["flow_id"], **said, locks=[nuki.address])
    assert result["errors"] == {"base": "lock_not_found"}
    assert home.responders.links.open() == []
    [subentry] = entry.subentries
    hass.config_entries.async_remove_subentry(entry, subentry)
    await until(lambda: not home.roster.locks)
    assert (await step(hass, entry, "make_link"))["reason"] == "no_lock"


async def test_over_meanwhile(
    hass: HomeAssistant, entry: HomeEntry, home: Home, nuki: NukiLock, outside: str
) -> None:
    """What was withdrawn by somebody else is said to be over."""
    made = await act(
        hass,
        "make_responder_link",
        {"agency": "A", "reason": "B", "locks": ["lock.front_door"]},
    )
    picking = await step(hass, entry, "pick_link")
    at_menu = await step(hass, entry, "pick_link")
    await go(hass, at_menu["flow_id"], link=made["link"])
    await hass.services.async_call(
        "smartlock_le", "withdraw_responder_link", {"link": made["link"]}, blocking=True
    )
    result = await go(hass, picking["flow_id"], link=made["link"])
    assert result["reason"] == "link_over"
    result = await go(hass, at_menu["flow_id"], next_step_id="link_code")
    assert result["reason"] == "link_over"


async def test_what_links_show(
    hass: HomeAssistant, entry: HomeEntry, home: Home, nuki: NukiLock
) -> None:
    """Written, entered without what it says, proposed again, and refused too long."""
    hass.states.async_set("camera.bath", "idle")
    await add_camera(hass, entry, "camera.bath")
    await hass.async_block_till_done()
    [camera] = home.cameras.cameras
    camera_id = home.cameras.cameras[camera].settings.id
    result = await step(hass, entry, "sheet")
    flow = result["flow_id"]
    result = await go(hass, flow, **{**WRITTEN, "people": "x" * 501})
    assert result["errors"] == {"people": "too_long"}
    result = await go(hass, flow, **WRITTEN, doors=[nuki.address], cameras=[camera_id])
    assert result["reason"] == "sheet_saved"
    assert home.responders.sheet == Sheet(
        **{**WRITTEN, "address": "12 Elm Street"},
        doors=(nuki.address,),
        cameras=(camera_id,),
    )
    assert "Elm" not in str((await log_of(home), entry.as_dict()))
    assert "is written down" in await state(hass, entry)
    proposed = suggested(await step(hass, entry, "sheet"))
    assert proposed["people"] == "Ada is deaf"
    assert proposed["cameras"] == [camera_id]


@pytest.mark.parametrize("what", ["log", "file"])
async def test_what_cannot_be_kept(
    hass: HomeAssistant, entry: HomeEntry, home: Home, what: str
) -> None:
    """It says so, and nothing is changed."""
    result = await step(hass, entry, "sheet")
    if what == "log":
        await fail_writes(home)
        result = await go(hass, result["flow_id"], **WRITTEN)
        assert result["errors"] == {"base": "log_unavailable"}
        await fail_writes(home, fail=False)
    else:
        with unwritable(home.book._path.parent):
            result = await go(hass, result["flow_id"], **WRITTEN)
        assert result["errors"] == {"base": "not_saved"}
    assert home.responders.sheet == Sheet()
