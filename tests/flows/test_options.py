"""What the owner does without developer tools: let help in now, and end it."""

import re
from typing import Any

from homeassistant.config_entries import SOURCE_USER
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.data_entry_flow import FlowResultType, InvalidData
import pytest

from custom_components.smartlock_le.const import DOMAIN
from custom_components.smartlock_le.home import Home, HomeEntry
from tests.conftest import LOCK, add_home, log_of, until
from tests.support import GRANT, act, fail_writes, issues
from virtual_home.faults import Direction
from virtual_home.home import VirtualHome
from virtual_home.nuki import NukiLock
from virtual_home.nuki.keypad import MAX_CODES

HELP: dict[str, Any] = {
    "agency": "Engine 7",
    "incident": "F-1",
    "reason": "smoke",
    "minutes": 30,
    "first_use": False,
}


async def menu(hass: HomeAssistant, entry: HomeEntry) -> Any:
    """Open the menu."""
    return await hass.config_entries.options.async_init(entry.entry_id)


async def go(hass: HomeAssistant, flow_id: str, **answers: Any) -> Any:
    """Answer a step."""
    return await hass.config_entries.options.async_configure(flow_id, answers)


async def choose(hass: HomeAssistant, entry: HomeEntry, item: str) -> Any:
    """Open the menu and choose."""
    result = await menu(hass, entry)
    assert result["type"] is FlowResultType.MENU
    return await go(hass, result["flow_id"], next_step_id=item)


async def step_of(hass: HomeAssistant, entry: HomeEntry, menu: str, item: str) -> Any:
    """Open a menu below the menu, and choose there."""
    result = await choose(hass, entry, menu)
    assert result["type"] is FlowResultType.MENU, result
    return await go(hass, result["flow_id"], next_step_id=item)


async def state_of(hass: HomeAssistant, entry: HomeEntry, menu: str) -> str:
    """Return what such a menu says of how it stands."""
    result = await choose(hass, entry, menu)
    return str(result["description_placeholders"]["state"])


def options(result: Any, field: str) -> list[Any]:
    """Return what can be chosen in a field of a form."""
    schema = result["data_schema"].schema
    found: list[Any] = schema[field].config["options"]
    return found


async def help_now(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock, **answers: Any
) -> Any:
    """Let help in."""
    flow_id = (await choose(hass, entry, "help"))["flow_id"]
    return await go(hass, flow_id, lock=nuki.address, **HELP | answers)


# Let help in


async def test_a_code_is_shown_once_and_opens_the_door(
    hass: HomeAssistant, entry: HomeEntry, home: Home, nuki: NukiLock
) -> None:
    """Only in the last step, and it is nowhere else."""
    result = await help_now(hass, entry, nuki, method="code")
    assert (result["step_id"], result["last_step"]) == ("help_code", True)
    shown = result["description_placeholders"]
    assert re.fullmatch(r"\d( \d){5}", shown["code"])
    assert shown["agency"] == "Engine 7"
    assert re.fullmatch(r"\d\d:\d\d", shown["until"])
    code = shown["code"].replace(" ", "")
    assert nuki.device.bolt.locked
    assert nuki.device.press(int(code)).opened
    await until(lambda: hass.states.get(LOCK).state == "unlocked")
    result = await go(hass, result["flow_id"])
    assert result["reason"] == "help_let_in"
    assert result["description_placeholders"] == {"until": shown["until"]}
    assert code not in str((await log_of(home), entry.as_dict()))
    (opening, opened, *_) = await log_of(home, "grant")
    assert (opening["event"], opened["event"]) == ("opening", "opened")
    assert opening["actor_kind"] == "owner"


async def test_the_door_is_unlocked_without_a_code(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """The page says that it is open."""
    result = await help_now(hass, entry, nuki, method="unlock")
    assert result["step_id"] == "help_unlocked"
    assert result["description_placeholders"]["code"] == ""
    assert not nuki.device.bolt.locked
    assert len(nuki.device.codes) == 0


async def test_both_ways(hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock) -> None:
    """A code, and the door unlocked."""
    result = await help_now(hass, entry, nuki, method="both")
    assert result["step_id"] == "help_code"
    assert not nuki.device.bolt.locked
    assert len(nuki.device.codes) == 1


async def test_both_ways_with_a_jam(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """The code is set by then and must be shown all the same."""
    nuki.device.bolt.jammed = True
    result = await help_now(hass, entry, nuki, method="both")
    assert result["step_id"] == "help_code_only"
    assert result["description_placeholders"]["code"]
    assert len(nuki.device.codes) == 1
    result = await go(hass, result["flow_id"])
    assert result["reason"] == "help_let_in"


async def test_a_lock_without_codes_is_only_unlocked(
    hass: HomeAssistant, nuki: NukiLock
) -> None:
    """No code is offered where none can be."""
    entry = await add_home(hass, nuki, pin=None)
    result = await choose(hass, entry, "help")
    assert options(result, "method") == ["unlock"]
    answers = {"lock": nuki.address, **HELP}
    with pytest.raises(InvalidData):
        await go(hass, result["flow_id"], **answers, method="code")
    result = await go(hass, result["flow_id"], **answers, method="unlock")
    assert result["step_id"] == "help_unlocked"
    await hass.config_entries.async_unload(entry.entry_id)


async def test_who_can_be_told(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """Every notify action and entity but those that need more than a message."""
    heard: list[ServiceCall] = []

    async def notify(call: ServiceCall) -> None:
        heard.append(call)

    for name in ("phone", "send_message", "persistent_notification"):
        hass.services.async_register("notify", name, notify)
    hass.states.async_set("notify.kitchen", "unknown")
    result = await choose(hass, entry, "help")
    assert options(result, "notify") == ["notify.kitchen", "notify.phone"]
    answers = {"lock": nuki.address, **HELP, "method": "code"}
    await go(hass, result["flow_id"], **answers, notify="notify.phone")
    await until(lambda: heard)


async def test_an_incomplete_form_comes_back_as_it_was(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """Nothing is done, and nothing has to be typed twice."""
    flow_id = (await choose(hass, entry, "help"))["flow_id"]
    answers = {"lock": nuki.address, **HELP, "method": "code"}
    for field in ("agency", "incident", "reason"):
        result = await go(hass, flow_id, **answers | {field: "  "})
        assert (result["step_id"], result["errors"]) == ("help", {"base": "incomplete"})
        suggested = {
            str(key): key.description["suggested_value"]
            for key in result["data_schema"].schema
            if key.description
        }
        assert suggested == answers | {field: "  "}
    for minutes in (0, 241):
        with pytest.raises(InvalidData):
            await go(hass, flow_id, **answers | {"minutes": minutes})
    assert len(nuki.device.codes) == 0


async def out_of_reach(nuki: NukiLock) -> None:
    """Carry it away."""
    await nuki.set_in_range(False)


async def jammed(nuki: NukiLock) -> None:
    """Block the motor."""
    nuki.device.bolt.jammed = True


async def busy(nuki: NukiLock) -> None:
    """Let the motor run."""
    nuki.device.bolt._moving = True


async def full(nuki: NukiLock) -> None:
    """Fill the keypad."""
    for number in range(MAX_CODES):
        digits = int(f"3{number // 8 // 8 + 1}{number // 8 % 8 + 1}{number % 8 + 1}11")
        nuki.device.codes.add(digits, f"Guest {number}", None, nuki.device.now)


async def other_pin(nuki: NukiLock) -> None:
    """Change its PIN."""
    nuki.device.pin.pin = 4321


async def pin_blocked(nuki: NukiLock) -> None:
    """Let somebody try too many PINs."""
    nuki.device.pin._blocked_until = float("inf")


async def forgetful(nuki: NukiLock) -> None:
    """Let it forget us without saying so."""
    nuki.device.users.entries = {
        key: user
        for key, user in nuki.device.users.entries.items()
        if key == nuki.device.keypad_id
    }


async def speechless(nuki: NukiLock) -> None:
    """Lose all that it says from the moment it was told to move."""
    for number in range(2, 40):
        nuki.faults.lose(Direction.FROM_LOCK, number)


@pytest.mark.parametrize(
    ("trouble", "method", "error"),
    [
        (out_of_reach, "code", "lock_unreachable"),
        (out_of_reach, "unlock", "lock_unreachable"),
        (jammed, "unlock", "jammed"),
        (busy, "unlock", "busy"),
        (full, "code", "codes_full"),
        (other_pin, "code", "wrong_pin"),
        (pin_blocked, "code", "refused"),
        (forgetful, "unlock", "pairing_lost"),
        (speechless, "unlock", "outcome_unknown"),
    ],
)
async def test_trouble_with_the_lock_is_said(
    hass: HomeAssistant,
    entry: HomeEntry,
    home: Home,
    nuki: NukiLock,
    trouble: Any,
    method: str,
    error: str,
) -> None:
    """In the form, which can be sent again; no grant stays open."""
    flow_id = (await choose(hass, entry, "help"))["flow_id"]
    await trouble(nuki)
    result = await go(hass, flow_id, lock=nuki.address, **HELP, method=method)
    assert (result["step_id"], result["errors"]) == ("help", {"base": error})
    assert home.grants.open_grants() == []
    assert all(not code.name.startswith("LE ") for code in nuki.device.codes)
    nuki.faults.clear()
    await nuki.set_in_range(True)


async def test_a_lock_that_lost_its_codes_meanwhile(
    hass: HomeAssistant, entry: HomeEntry, home: Home, nuki: NukiLock
) -> None:
    """The form was open while the lock's PIN turned out to be wrong."""
    flow_id = (await choose(hass, entry, "help"))["flow_id"]
    nuki.device.pin.pin = 4321
    nuki.device.turn(lock=True)
    await until(lambda: "pin_wrong" in issues(hass))
    result = await go(hass, flow_id, lock=nuki.address, **HELP, method="code")
    assert result["errors"] == {"base": "lock_takes_no_codes"}


# End it


async def test_end_an_access(
    hass: HomeAssistant, entry: HomeEntry, home: Home, nuki: NukiLock
) -> None:
    """Its code is off the lock, and that is said."""
    await act(hass, "grant_emergency_access", GRANT)
    await act(hass, "grant_emergency_access", {**GRANT, "agency": "Unit 5"})
    result = await choose(hass, entry, "end_help")
    labels = {o["label"]: o["value"] for o in options(result, "grant")}
    assert set(labels) == {"Engine 7 (F-1)", "Unit 5 (F-1)"}
    result = await go(hass, result["flow_id"], grant=labels["Engine 7 (F-1)"])
    assert result["reason"] == "help_ended"
    assert [grant.agency for grant in home.grants.open_grants()] == ["Unit 5"]
    assert len(nuki.device.codes) == 1


async def test_end_an_access_of_a_lock_out_of_reach(
    hass: HomeAssistant, entry: HomeEntry, home: Home, nuki: NukiLock
) -> None:
    """The code is left for now; that is said, and mended when the lock is back."""
    await act(hass, "grant_emergency_access", GRANT)
    (grant,) = home.grants.open_grants()
    await nuki.set_in_range(False)
    flow_id = (await choose(hass, entry, "end_help"))["flow_id"]
    result = await go(hass, flow_id, grant=grant.id)
    assert result["reason"] == "code_left"
    assert issues(hass) == {"code_left"}
    # Asked again, it is tried again.
    flow_id = (await choose(hass, entry, "end_help"))["flow_id"]
    result = await go(hass, flow_id, grant=grant.id)
    assert result["reason"] == "code_left"
    await nuki.set_in_range(True)
    await until(lambda: not issues(hass))
    assert len(nuki.device.codes) == 0
    assert (await choose(hass, entry, "end_help"))["reason"] == "no_grant"


async def test_nothing_to_end(hass: HomeAssistant, entry: HomeEntry) -> None:
    """That is said."""
    result = await choose(hass, entry, "end_help")
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "no_grant")


# How long the log is kept


async def test_keep(hass: HomeAssistant, entry: HomeEntry, home: Home) -> None:
    """Other numbers of days are entries, and count at once."""
    assert (home.retention_days, home.media_days) == (90, 30)
    result = await choose(hass, entry, "keep")
    result = await go(hass, result["flow_id"], days=14, media_days=7)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "kept")
    assert (home.retention_days, home.media_days) == (14, 7)
    entered = (await log_of(home, "setting"))[-2:]
    assert [(e["setting"], e["value"]) for e in entered] == [
        ("retention_days", "14"),
        ("media_days", "7"),
    ]
    assert entered[0]["actor_kind"] == "owner"


async def test_keep_pictures_longer(
    hass: HomeAssistant, entry: HomeEntry, home: Home
) -> None:
    """What the log says of a picture goes with it at the latest."""
    result = await choose(hass, entry, "keep")
    result = await go(hass, result["flow_id"], days=14, media_days=15)
    assert result["errors"] == {"media_days": "longer_than_log"}
    assert (home.retention_days, home.media_days) == (90, 30)


async def test_keep_without_a_log(
    hass: HomeAssistant, entry: HomeEntry, home: Home
) -> None:
    """What cannot be entered is not changed."""
    await fail_writes(home)
    result = await choose(hass, entry, "keep")
    result = await go(hass, result["flow_id"], days=14, media_days=7)
    assert result["errors"] == {"base": "log_unavailable"}
    assert home.retention_days == 90


# What is not there


@pytest.mark.parametrize("locks", [()])
async def test_a_home_without_a_lock(hass: HomeAssistant, air: VirtualHome) -> None:
    """Nobody can be let in."""
    flow = hass.config_entries.flow
    result = await flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    await flow.async_configure(result["flow_id"], {})
    await flow.async_configure(result["flow_id"], {"sharing": False})
    result = await flow.async_configure(result["flow_id"], {"next_step_id": "later"})
    result = await choose(hass, result["result"], "help")
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "no_lock")


async def test_a_home_that_does_not_run(hass: HomeAssistant, entry: HomeEntry) -> None:
    """Before the menu, or under it."""
    flow_ids = [(await menu(hass, entry))["flow_id"] for _ in range(2)]
    await hass.config_entries.async_unload(entry.entry_id)
    for result in (
        await menu(hass, entry),
        await go(hass, flow_ids[0], next_step_id="help"),
        await go(hass, flow_ids[1], next_step_id="end_help"),
    ):
        assert (result["type"], result["reason"]) == (
            FlowResultType.ABORT,
            "home_not_loaded",
        )
