"""The actions: for admins alone, whole or not at all, and no secret left behind."""

from datetime import timedelta
import json
import logging
from pathlib import Path
import re
import subprocess
import sys
from typing import Any

from homeassistant.components.notify import NotifyEntity
from homeassistant.config_entries import ConfigEntry, ConfigFlow
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE, MATCH_ALL
from homeassistant.core import (
    Context,
    Event,
    HomeAssistant,
    ServiceCall,
    SupportsResponse,
    callback,
)
from homeassistant.exceptions import (
    HomeAssistantError,
    ServiceValidationError,
    Unauthorized,
)
from homeassistant.helpers import intent
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    MockModule,
    MockUser,
    mock_config_flow,
    mock_integration,
    mock_platform,
    setup_test_component_platform,
)
from pytest_homeassistant_custom_component.typing import WebSocketGenerator
import voluptuous as vol

from custom_components.smartlock_le.const import DOMAIN
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.log import verify
from custom_components.smartlock_le.opening import home_folder
from virtual_home.faults import Direction
from virtual_home.nuki import NukiLock

from .conftest import LOCK, add_home, log_of, until, until_entry
from .log.support import edit
from .support import (
    GRANT,
    act,
    as_admin,
    fail_writes,
    idle,
    issues,
    pass_to,
    unwritable,
)

LATER = {"minutes": 60}


def listed(hass: HomeAssistant) -> set[str]:
    """Return our actions."""
    return set(hass.services.async_services_for_domain(DOMAIN))


async def do(
    hass: HomeAssistant,
    action: str,
    data: dict[str, Any],
    *,
    context: Context | None = None,
) -> Any:
    """Call an action of ours as an admin, with an answer where it has one."""
    supports = hass.services.supports_response(DOMAIN, action)
    return await hass.services.async_call(
        DOMAIN,
        action,
        data,
        blocking=True,
        context=context or await as_admin(hass),
        return_response=supports is not SupportsResponse.NONE,
    )


# Who, what

WINDOW = {"since": "2026-01-01T00:00:00+00:00", "until": "2026-01-02T00:00:00+00:00"}
LOG_CARE: dict[str, dict[str, Any]] = {
    "get_consistency_proof": {"checkpoint": "x"},
    "hold_log": {**WINDOW, "reason": "case 12"},
    "lift_hold": {"hold": "x", "reason": "closed"},
    "list_holds": {},
    "export_proofs": {"first": 0},
    "export_person": {"name": "Anna"},
    "erase_person": {"name": "Anna"},
}
CODES: dict[str, dict[str, Any]] = {
    "set_code": {"person": "person.anna", "locks": [LOCK]},
    "clear_code": {"person": "person.anna"},
    "list_codes": {},
    "add_guest": {"name": "Gina", "locks": [LOCK]},
    "change_guest": {"guest": "x", "new_pin": True},
    "remove_guest": {"guest": "x"},
    "resync": {"lock": LOCK},
    "guest_notice": {},
}
CAMERAS: dict[str, dict[str, Any]] = {"get_plate_reads": {}}
AGENCIES: dict[str, dict[str, Any]] = {
    "verify_agency": {
        "agency": "x",
        "seen": "x",
        "number": "+1 217 555 0100",
        "source": "x",
        **dict.fromkeys(("independent", "called", "confirmed"), True),
    },
    "import_agencies": {"csv": "name\nx\n"},
    "find_agencies": {},
}
REQUESTS: dict[str, dict[str, Any]] = {
    "record_request": {
        "instrument": "subpoena",
        "via": "paper",
        "agency": "x",
        "since": "2026-01-01T00:00:00+00:00",
        "until": "2026-01-02T00:00:00+00:00",
    },
    "decline_request": {"request": "x"},
    "preview_release": {
        "request": "x",
        "kinds": ["access"],
        "since": "2026-01-01T00:00:00+00:00",
        "until": "2026-01-02T00:00:00+00:00",
    },
    "approve_release": {"release": "x", "manifest_sha256": "x"},
}
ENDED_BY_PERSONS: dict[str, dict[str, Any]] = {
    f"{step}_incident": {"incident": "x"}
    for step in ("confirm", "acknowledge", "close", "arrived_at")
}
INCIDENTS: dict[str, dict[str, Any]] = {
    "list_incidents": {},
    "raise_incident": {"kind": "fire"},
    **ENDED_BY_PERSONS,
}
DRILLS_BY_PERSONS: dict[str, dict[str, Any]] = {
    "start_drill": {"scenario": "fall"},
    "end_drill": {},
}
DRILLS: dict[str, dict[str, Any]] = {**DRILLS_BY_PERSONS, "drill_sheet": {}}
LINKS_BY_PERSONS: dict[str, dict[str, Any]] = {
    "make_responder_link": {"agency": "A", "reason": "B", "locks": [LOCK]},
    "list_responder_links": {},
    "new_responder_code": {"link": "x"},
}
LINKS = {**LINKS_BY_PERSONS, "withdraw_responder_link": {"link": "x"}}
REPORTS: dict[str, dict[str, Any]] = {
    "transparency_report": WINDOW,
    "what_can_leave": {},
    "withdraw_release": {"release": "x"},
}


async def test_every_action_is_for_admins_alone(
    hass: HomeAssistant, home: Home, hass_read_only_user: MockUser
) -> None:
    """Nobody else gets anything done."""
    size = home.log.size
    assert listed(hass) == {
        "grant_emergency_access",
        "extend_grant",
        "revoke_grant",
        "list_grants",
        "stop_sharing",
        "get_log",
        "verify_log",
        "export_log",
        *LOG_CARE,
        *CODES,
        *CAMERAS,
        *AGENCIES,
        *INCIDENTS,
        *DRILLS,
        *LINKS,
        *REPORTS,
        *REQUESTS,
    }
    data = {
        "grant_emergency_access": GRANT,
        "extend_grant": {"grant": "x", **LATER},
        "revoke_grant": {"grant": "x"},
        **LOG_CARE,
        **CODES,
        **CAMERAS,
        **AGENCIES,
        **INCIDENTS,
        **DRILLS,
        **LINKS,
        **REPORTS,
        **REQUESTS,
    }
    for action in listed(hass):
        with pytest.raises(Unauthorized):
            await do(
                hass,
                action,
                data.get(action, {}),
                context=Context(user_id=hass_read_only_user.id),
            )
    assert home.log.size == size


FOR_PERSONS: dict[str, dict[str, Any]] = {
    "grant_emergency_access": {**GRANT, "method": "both"},
    "extend_grant": {"grant": "x", **LATER},
    "list_grants": {},
    "get_log": {},
    "export_log": {},
    **CAMERAS,
    **AGENCIES,
    **ENDED_BY_PERSONS,
    **DRILLS_BY_PERSONS,
    **LINKS_BY_PERSONS,
    **REQUESTS,
    **{
        action: LOG_CARE[action]
        for action in (
            *("hold_log", "lift_hold", "erase_person"),
            *("export_proofs", "export_person"),
        )
    },
    **{
        action: CODES[action]
        for action in ("set_code", "list_codes", "add_guest", "change_guest")
    },
}


@pytest.mark.parametrize("action", FOR_PERSONS)
async def test_what_takes_a_person_is_refused_to_an_automation(
    hass: HomeAssistant, home: Home, nuki: NukiLock, action: str
) -> None:
    """Whatever set it off: a webhook has no more of a user than a sunset."""
    run = {
        "alias": "Help",
        "triggers": {"trigger": "event", "event_type": "knock"},
        "actions": {
            "action": f"{DOMAIN}.{action}",
            "data": FOR_PERSONS[action],
            "response_variable": "help",
        },
    }
    assert await async_setup_component(hass, "automation", {"automation": [run]})
    with pytest.raises(ServiceValidationError) as caught:
        await do(hass, action, FOR_PERSONS[action], context=Context())
    assert caught.value.translation_key == "needs_person"
    size = home.log.size
    hass.bus.async_fire("knock")
    await until(lambda: hass.states.get("automation.help").attributes["last_triggered"])
    # A person who starts it by hand does not see what it does.
    await hass.services.async_call(
        "automation",
        "trigger",
        {"entity_id": "automation.help"},
        blocking=True,
        context=await as_admin(hass),
    )
    await hass.async_block_till_done()
    assert home.log.size == size
    assert nuki.device.bolt.state.name == "LOCKED"
    assert len(nuki.device.codes) == 0


@pytest.mark.parametrize("action", FOR_PERSONS)
async def test_no_answer_gets_into_the_trace_of_a_script(
    hass: HomeAssistant, home: Home, nuki: NukiLock, action: str
) -> None:
    """Not even where an admin started it: a trace is a file in plain."""
    step = {
        "action": f"{DOMAIN}.{action}",
        "data": FOR_PERSONS[action],
        "response_variable": "help",
    }
    scripts = {
        "help": {"sequence": [step]},
        "outer": {"sequence": [{"action": "script.help"}]},
        # Called as what developer tools run, to no avail.
        "named": {"alias": "websocket_api.script", "sequence": [step]},
    }
    assert await async_setup_component(hass, "script", {"script": scripts})
    size = home.log.size
    for script in scripts:
        with pytest.raises(ServiceValidationError) as caught:
            await hass.services.async_call(
                "script", script, blocking=True, context=await as_admin(hass)
            )
        assert caught.value.translation_key == "needs_person"
    assert home.log.size == size
    assert len(nuki.device.codes) == 0


async def test_a_voice_does_not_open_the_door(
    hass: HomeAssistant, home: Home, nuki: NukiLock
) -> None:
    """Not even that of an admin, whose sentence runs an action."""
    step = {
        "action": f"{DOMAIN}.grant_emergency_access",
        "data": {**GRANT, "method": "unlock"},
        "response_variable": "help",
    }
    assert await async_setup_component(hass, "homeassistant", {})
    assert await async_setup_component(
        hass, "intent_script", {"intent_script": {"Help": {"action": [step]}}}
    )
    with pytest.raises(intent.IntentUnexpectedError) as caught:
        await intent.async_handle(hass, "test", "Help", context=await as_admin(hass))
    assert isinstance(caught.value.__cause__, ServiceValidationError)
    assert caught.value.__cause__.translation_key == "needs_person"
    assert nuki.device.bolt.state.name == "LOCKED"


async def test_developer_tools_show_the_code(
    hass: HomeAssistant,
    home: Home,
    nuki: NukiLock,
    hass_ws_client: WebSocketGenerator,
    hass_storage: dict[str, Any],
) -> None:
    """They run a script as well, but no trace is kept of it."""
    assert await async_setup_component(hass, "trace", {})
    client = await hass_ws_client(hass)
    answer = "service_result"
    await client.send_json_auto_id(
        {
            "type": "execute_script",
            "sequence": [
                {
                    "action": f"{DOMAIN}.grant_emergency_access",
                    "data": GRANT,
                    "response_variable": answer,
                },
                {"stop": "done", "response_variable": answer},
            ],
        }
    )
    response = (await client.receive_json())["result"]["response"]
    assert nuki.device.press(int(response["code"])).opened
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await hass.async_block_till_done()
    assert response["code"] not in json.dumps(hass_storage)


MISFITS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("make_responder_link", {"agency": "A", "reason": "B", "locks": []}),
    ("make_responder_link", {"agency": "A", "reason": "B"}),
    ("make_responder_link", {"agency": " ", "reason": "B", "locks": [LOCK]}),
    (
        "make_responder_link",
        {"agency": "A", "reason": "B", "locks": [LOCK], "minutes": 241},
    ),
    ("grant_emergency_access", {}),
    ("grant_emergency_access", {**GRANT, "agency": "  "}),
    ("grant_emergency_access", {**GRANT, "reason": "x" * 101}),
    ("grant_emergency_access", {**GRANT, "minutes": 0}),
    ("grant_emergency_access", {**GRANT, "minutes": 241}),
    ("grant_emergency_access", {**GRANT, "method": "force"}),
    ("grant_emergency_access", {**GRANT, "code": "345678"}),
    ("extend_grant", {"grant": "x"}),
    ("revoke_grant", {}),
    ("list_grants", {"all": True}),
    ("stop_sharing", {"on": True}),
    ("get_log", {"kinds": ["secrets"]}),
    ("get_log", {"since": "2026-01-31T08:00:00"}),
    ("get_log", {"until": "soon"}),
    ("get_log", {"limit": 501}),
    ("get_log", {"after": -2}),
    ("verify_log", {"quick": True}),
    ("export_log", {"path": "elsewhere"}),
)


async def test_what_does_not_fit_changes_nothing(
    hass: HomeAssistant, home: Home, nuki: NukiLock
) -> None:
    """Neither at the lock nor in the log."""
    size = home.log.size
    for action, data in MISFITS:
        with pytest.raises(vol.Invalid):
            await do(hass, action, data)
    assert home.log.size == size
    assert len(nuki.device.codes) == 0


async def test_only_a_lock_of_ours_is_a_lock(hass: HomeAssistant, home: Home) -> None:
    """No other entity, and no other integration's lock."""
    hass.states.async_set("lock.shed", "locked")
    size = home.log.size
    for lock in ("lock.shed", "lock.nowhere", "event.front_door_access"):
        for action, data in (("grant_emergency_access", GRANT), ("get_log", {})):
            with pytest.raises(ServiceValidationError) as caught:
                await do(hass, action, {**data, "lock": lock})
            assert caught.value.translation_key == "lock_not_found"
    assert home.log.size == size


async def test_without_a_running_home_there_is_no_action(
    hass: HomeAssistant, entry: HomeEntry
) -> None:
    """They stay listed, and say why they fail."""
    hass.config_entries.async_update_entry(entry, title="Home")
    await hass.config_entries.async_unload(entry.entry_id)
    for action, data in (
        ("grant_emergency_access", GRANT),
        ("verify_log", {}),
        ("stop_sharing", {}),
    ):
        with pytest.raises(ServiceValidationError) as caught:
            await do(hass, action, data)
        assert caught.value.translation_key == "home_not_loaded"


# Grants


def read(path: str) -> str:
    """Return what is in a file."""
    return Path(path).read_text()


async def test_the_code_is_in_the_answer_and_nowhere_else(
    hass: HomeAssistant,
    home: Home,
    nuki: NukiLock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Not in a state, an event, the log, a file or what is written at debug level."""
    caplog.set_level(logging.DEBUG)
    heard: list[object] = []

    @callback
    def hear(event: Event) -> None:
        heard.append(event)

    hass.bus.async_listen(MATCH_ALL, hear)
    answer = await act(hass, "grant_emergency_access", {**GRANT, "method": "both"})
    code = answer.pop("code")
    assert re.fullmatch(r"[1-9]{6}", code)
    assert nuki.device.press(int(code)).opened
    await until(lambda: home.grants.open_grants()[0].uses == 1)
    assert answer == {
        "grant": answer["grant"],
        "agency": "Engine 7",
        "incident": "F-1",
        "reason": "smoke",
        "method": "both",
        "start": answer["start"],
        "end": answer["end"],
        "state": "open",
        "uses": 0,
        "unlocked": True,
    }
    lasts = dt_util.parse_datetime(answer["end"]) - dt_util.parse_datetime(
        answer["start"]
    )
    assert lasts.total_seconds() == 30 * 60
    (listed,) = (await act(hass, "list_grants"))["grants"]
    assert listed.items() <= (answer | {"uses": 1}).items()
    exported = await act(hass, "export_log")
    entries = await act(hass, "get_log", {"limit": 500})
    await act(hass, "revoke_grant", {"grant": answer["grant"]})
    places = {
        "states": str([s.as_dict() for s in hass.states.async_all()]),
        "events": str([e.as_dict() for e in heard]),
        "entries": json.dumps(entries),
        "export": read(exported["path"]),
        "debug": "\n".join(
            record.getMessage()
            for record in caplog.records
            if not record.name.startswith("bumble")
        ),
    }
    for path in home_folder(hass).rglob("*"):
        if path.is_file():
            places[path.name] = path.read_bytes().decode("latin-1")
    assert "log.db" in places
    assert not [
        p for p, text in places.items() if re.search(rf"(?<!\d){code}(?!\d)", text)
    ]


async def test_a_grant_is_extended_and_revoked(
    hass: HomeAssistant, home: Home, nuki: NukiLock
) -> None:
    """At the lock as well; what is over stays over."""
    answer = await act(hass, "grant_emergency_access", GRANT)
    grant = {"grant": answer["grant"]}
    longer = await act(hass, "extend_grant", grant | LATER)
    assert longer["end"] > answer["end"]
    (code,) = nuki.device.codes
    assert code.window
    assert code.window.end == dt_util.parse_datetime(longer["end"])
    assert await act(hass, "revoke_grant", grant) == {"code_removed": True}
    assert len(nuki.device.codes) == 0
    for action, data in (("extend_grant", grant | LATER), ("revoke_grant", grant)):
        with pytest.raises(ServiceValidationError) as caught:
            await act(hass, action, data)
        assert caught.value.translation_key == "grant_not_open"
    assert await act(hass, "list_grants") == {"grants": []}


async def test_a_grant_ends_by_itself(
    hass: HomeAssistant, home: Home, nuki: NukiLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its code comes off at its end."""
    await act(hass, "grant_emergency_access", {**GRANT, "minutes": 1})
    later = dt_util.utcnow() + timedelta(minutes=2)
    pass_to(home, later, monkeypatch)
    ended = await until_entry(home, "grant", event="ended")
    assert ended["detail"] == "expired"
    assert home.grants.open_grants() == []
    assert len(nuki.device.codes) == 0


async def test_a_grant_that_cannot_be_opened_says_why(
    hass: HomeAssistant, nuki: NukiLock
) -> None:
    """Each room's error becomes one that a person can read."""
    entry = await add_home(hass, nuki, pin=None)
    with pytest.raises(ServiceValidationError) as caught:
        await act(hass, "grant_emergency_access", GRANT)
    assert caught.value.translation_key == "lock_takes_no_codes"
    nuki.device.bolt.jammed = True
    with pytest.raises(HomeAssistantError) as failed:
        await act(hass, "grant_emergency_access", {**GRANT, "method": "unlock"})
    assert failed.value.translation_key == "refused_jammed"
    assert failed.value.translation_placeholders == {"lock": "Front door"}
    await nuki.set_in_range(False)
    with pytest.raises(HomeAssistantError) as failed:
        await act(hass, "grant_emergency_access", {**GRANT, "method": "unlock"})
    assert failed.value.translation_key == "lock_unreachable"
    await nuki.set_in_range(True)
    nuki.device.bolt.jammed = False
    (lock,) = entry.runtime_data.roster.locks.values()
    await until(lambda: lock.driver.available and not lock._reading.locked())
    await idle(nuki)
    for number in range(2, 40):
        nuki.faults.lose(Direction.FROM_LOCK, number)
    with pytest.raises(HomeAssistantError) as failed:
        await act(hass, "grant_emergency_access", {**GRANT, "method": "unlock"})
    assert failed.value.translation_key == "outcome_unknown"
    assert await act(hass, "list_grants") == {"grants": []}
    nuki.faults.clear()
    answer = await act(hass, "grant_emergency_access", {**GRANT, "method": "unlock"})
    assert answer["unlocked"] is True
    assert "code" not in answer
    await hass.config_entries.async_unload(entry.entry_id)


# Who is told


async def test_a_notify_target_that_is_not_there(
    hass: HomeAssistant, home: Home, nuki: NukiLock
) -> None:
    """Nothing is opened that nobody would hear of."""
    size = home.log.size
    for target in ("notify.phone", "light.kitchen", "phone"):
        with pytest.raises(ServiceValidationError) as caught:
            await act(hass, "grant_emergency_access", {**GRANT, "notify": target})
        assert caught.value.translation_key == "notify_not_found"
    assert home.log.size == size
    assert len(nuki.device.codes) == 0


async def test_a_notify_action_hears_of_everything(
    hass: HomeAssistant, home: Home, nuki: NukiLock
) -> None:
    """Given, extended, used, left and over: in order, and never the code."""
    heard: list[dict[str, Any]] = []

    async def notify(call: ServiceCall) -> None:
        heard.append(dict(call.data))

    hass.services.async_register("notify", "phone", notify)

    async def hears(text: str) -> None:
        await until(lambda: heard)
        said = heard.pop(0)
        assert said["title"] == "Emergency access"
        assert re.fullmatch(text, said["message"]), said

    answer = await act(
        hass, "grant_emergency_access", {**GRANT, "notify": "notify.phone"}
    )
    grant = {"grant": answer["grant"]}
    await hears(r"Front door: Engine 7 may open until \d\d:\d\d\.")
    await act(hass, "extend_grant", grant | LATER)
    await hears(r"Front door: Engine 7 may now open until \d\d:\d\d\.")
    nuki.device.press(int(answer["code"]))
    await hears(r"Front door: opened by Engine 7 under the emergency access\.")
    await nuki.set_in_range(False)
    assert await act(hass, "revoke_grant", grant) == {"code_removed": False}
    await hears(r"Front door: the access of Engine 7 is over, but the code could .*")
    assert issues(hass) == {"code_left"}
    await nuki.set_in_range(True)
    await hears(r"Front door: the emergency access of Engine 7 is over\.")
    assert issues(hass) == set()
    assert heard == []


class Kitchen(NotifyEntity):
    """A display in the kitchen that can be told to fail."""

    _attr_name = "Kitchen"
    _attr_has_entity_name = True
    broken = False

    def __init__(self) -> None:
        """Begin with nothing shown."""
        self.shown: list[tuple[str, str | None]] = []

    async def async_send_message(self, message: str, title: str | None = None) -> None:
        """Show a message."""
        if self.broken:
            raise HomeAssistantError("Engine 7 is not shown")
        self.shown.append((message, title))


async def test_a_notify_entity_hears_of_it(
    hass: HomeAssistant, home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    """One that fails stops nothing, and what it says of it names nobody."""
    kitchen = Kitchen()

    async def setup(hass: HomeAssistant, entry: ConfigEntry) -> bool:
        await hass.config_entries.async_forward_entry_setups(entry, ["notify"])
        return True

    mock_integration(hass, MockModule("test", async_setup_entry=setup))
    mock_platform(hass, "test.config_flow")
    setup_test_component_platform(hass, "notify", [kitchen], from_config_entry=True)
    other = MockConfigEntry(domain="test")
    other.add_to_hass(hass)
    with mock_config_flow("test", ConfigFlow):
        await hass.config_entries.async_setup(other.entry_id)
    answer = await act(
        hass, "grant_emergency_access", {**GRANT, "notify": "notify.kitchen"}
    )
    await until(lambda: kitchen.shown)
    ((message, title),) = kitchen.shown
    assert message.startswith("Front door: Engine 7 may open until")
    assert title == "Emergency access"
    kitchen.broken = True
    caplog.clear()
    assert await act(hass, "revoke_grant", {"grant": answer["grant"]}) == {
        "code_removed": True
    }
    await until(lambda: "Notice about a grant not sent" in caplog.text)
    assert "Engine 7" not in "".join(
        r.getMessage() for r in caplog.records if r.name.startswith("custom_components")
    )


# Sharing


async def test_stop_sharing_works_at_once(hass: HomeAssistant, nuki: NukiLock) -> None:
    """With the log out of order, too; twice does no harm."""
    entry = await add_home(hass, nuki, sharing=True)
    home = entry.runtime_data
    await fail_writes(home)
    for _ in range(2):
        assert await do(hass, "stop_sharing", {}) is None
        assert not home.sharing
        assert entry.data == {"sharing": False}
    await until(
        lambda: (
            hass.states.get(
                "binary_sensor.test_home_sharing_with_law_enforcement"
            ).state
            == "off"
        )
    )
    await fail_writes(home, fail=False)
    await act(hass, "verify_log")
    await hass.config_entries.async_unload(entry.entry_id)


# The log


async def test_the_log_is_read_in_pages_and_by_what_is_asked(
    hass: HomeAssistant, home: Home, nuki: NukiLock
) -> None:
    """Oldest first or newest first, by lock, kind and time."""
    for _ in range(3):
        nuki.device.turn(lock=False)
    await until(lambda: home.log.size >= 6)
    whole = await act(hass, "get_log", {"limit": 500})
    assert whole["next_after"] is None
    assert whole["size"] == len(whole["entries"]) == home.log.size
    assert [entry["seq"] for entry in whole["entries"]] == list(range(home.log.size))
    assert whole["entries"][0]["kind"] == "started"

    found: list[int] = []
    after = -1
    while after is not None:
        page = await act(hass, "get_log", {"limit": 2, "after": after})
        found += [entry["seq"] for entry in page["entries"]]
        after = page["next_after"]
    assert found == list(range(home.log.size))

    newest = await act(hass, "get_log", {"limit": 2, "newest_first": True})
    assert [e["seq"] for e in newest["entries"]] == found[:-3:-1]
    access = await act(hass, "get_log", {"kinds": ["access"], "lock": LOCK})
    assert {entry["kind"] for entry in access["entries"]} == {"access"}
    assert {entry["lock"] for entry in access["entries"]} == {nuki.address}
    start, added, seen = whole["entries"][:3]
    assert start["time"] < added["time"] < seen["time"]
    some = await act(hass, "get_log", {"since": added["time"], "until": seen["time"]})
    assert some["entries"] == [added]


async def test_a_changed_entry_is_named(hass: HomeAssistant, home: Home) -> None:
    """One byte in the file is enough."""
    report = await act(hass, "verify_log")
    assert (report["ok"], report["bad"], report["more"]) == (True, [], 0)
    assert report["root"] == home.log.root.hex()
    assert report["key"] in home.log.vkey
    assert report["checkpoint"].startswith("smartlock-le.local/")
    edit(
        home_folder(hass),
        "UPDATE entries SET body = CAST(replace(body, 'Front', 'Frond') AS BLOB)",
    )
    report = await act(hass, "verify_log")
    assert not report["ok"]
    assert report["bad"][0]["seq"] == 2
    assert "entry 2" in report["bad"][0]["what"]


async def test_the_owners_copy_verifies_on_its_own(
    hass: HomeAssistant, home: Home, hass_admin_user: MockUser
) -> None:
    """With one file of ours and no Home Assistant; it is private and entered."""
    copy = await act(hass, "export_log", context=Context(user_id=hass_admin_user.id))
    exports = home_folder(hass) / "exports"
    (path,) = exports.iterdir()
    assert str(path) == copy["path"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert exports.stat().st_mode & 0o777 == 0o700
    assert copy["release"] is False
    (entered,) = await log_of(home, "export")
    assert (
        entered.items()
        >= {
            "purpose": "owner_copy",
            "entries": copy["entries"],
            "sha256": copy["sha256"],
            "actor_kind": "owner",
            "actor": hass_admin_user.id[:8],
        }.items()
    )

    def check() -> int:
        command = [sys.executable, verify.__file__, str(path), "--vkey", home.log.vkey]
        return subprocess.run(command, check=False, capture_output=True).returncode

    assert await hass.async_add_executor_job(check) == 0
    path.write_bytes(path.read_bytes().replace(b"Front", b"Frond"))
    assert await hass.async_add_executor_job(check) == 1


async def test_two_copies_are_two_files(hass: HomeAssistant, home: Home) -> None:
    """Each is the one that its answer and its entry tell of."""
    first, second = [await act(hass, "export_log") for _ in range(2)]
    assert first["path"] != second["path"]
    assert second["entries"] == first["entries"] + 1


async def test_a_copy_that_cannot_be_written(hass: HomeAssistant, home: Home) -> None:
    """It is said, and nothing is entered."""
    size = home.log.size
    with (
        unwritable(home_folder(hass) / "exports"),
        pytest.raises(HomeAssistantError) as caught,
    ):
        await act(hass, "export_log")
    assert caught.value.translation_key == "log_unavailable"
    assert home.log.size == size


async def test_a_copy_that_cannot_be_entered_is_none(
    hass: HomeAssistant, home: Home
) -> None:
    """No copy of the log without its entry."""
    await fail_writes(home)
    with pytest.raises(HomeAssistantError) as caught:
        await act(hass, "export_log")
    assert caught.value.translation_key == "log_unavailable"
    assert not list((home_folder(hass) / "exports").glob("*"))
    await fail_writes(home, fail=False)
