"""Drills: the same paths, everything marked, nothing real touched, and how it went."""

import asyncio
from dataclasses import replace
from datetime import timedelta
import json
import re
from typing import Any

from homeassistant.components.alarm_control_panel import AlarmControlPanelState as Panel
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import ServiceValidationError
import pytest

from custom_components.smartlock_le import drill_keeping
from custom_components.smartlock_le.emergency import drills, outbox
from custom_components.smartlock_le.emergency.channels.dc09_frame import Protocol, event
from custom_components.smartlock_le.emergency.models import Kind, Signal, What
from custom_components.smartlock_le.emergency.settings import Settings, SilentSettings
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.models import (
    AccessEvent,
    AccessKind,
    Actor,
    ActorKind,
    Method,
    utc_now,
)
from harness import ROOT
from tests.conftest import LOCK, log_of, until, until_entry
from tests.flows.test_emergency_options import step
from tests.flows.test_options import go, options
from tests.support import act, issues
from virtual_home.nuki import NukiLock

from .conftest import centre_at, contact, decide
from .hook import Server, serving
from .receivers import Real, dead
from .telephone import Telephone
from .test_incidents import panel, press, reload
from .test_silent import END, act_lock, guest, opened

COMPONENT = ROOT / "custom_components" / "smartlock_le"


@pytest.fixture
async def crew(ready: Home, anna: Telephone, bert: Telephone) -> Home:
    """Give a home with two contacts, told together."""
    await decide(ready, contacts=(contact(anna), contact(bert)), pause=0)
    return ready


async def start(hass: HomeAssistant, **data: Any) -> str:
    """Start one; return its incident."""
    answer = await act(hass, "start_drill", {"scenario": "night_fire", **data})
    return str(answer["incident"])


async def exercises(home: Home) -> list[str]:
    """Return what was entered of drills."""
    entries = await log_of(home, "incident")
    return [one["event"] for one in entries if one["status"] == "exercise"]


async def test_from_begin_to_sheet(
    hass: HomeAssistant,
    crew: Home,
    anna: Telephone,
    bert: Telephone,
    receiver: Real,
) -> None:
    """Told, answered, there and over; no byte goes out that is not marked."""
    server = Server()
    async with serving(server):
        await decide(crew, webhook=server.settings(), window=1)
        await until(lambda: crew.emergency.webhook.problem is False)
        await start(hass, centre=True, webhook=True)
        message = await anna.told("EXERCISE: Fire")
        assert message["message"].startswith("This is an exercise")
        assert "priority" not in message["data"]
        await bert.told("EXERCISE: Fire")
        await until(lambda: receiver.codes == ["RP"])
        await until(lambda: [one["status"] for one in server.got] == ["Exercise"])
        await anna.press(message, "I am coming")
        coming = await anna.told("Anna will come")
        await bert.told("Anna will come")
        await anna.press(coming, "I am there")
        await bert.told("Anna is there")
        # Nothing in the house is as if it were real.
        assert panel(hass) == Panel.DISARMED
        assert (await act(hass, "list_incidents"))["incidents"] == []
        sheet = await act(hass, "end_drill")
        await bert.told("It is over")
        await until(lambda: receiver.codes == ["RP", "RP"])
        await until(lambda: len(server.got) == 2)
    for phone in (anna, bert):
        assert all(one["title"].startswith("EXERCISE") for one in phone.heard)
    assert {one["status"] for one in server.got} == {"Exercise"}
    assert set(await exercises(crew)) >= {"raised", "told", "confirmed", "closed"}
    statuses = {one["status"] for one in await log_of(crew, "incident")}
    assert statuses == {"exercise"}
    sheet = await act(hass, "drill_sheet")
    assert sheet["scenario"] == "night_fire" and sheet["ended"]
    first, second = sheet["people"]
    assert (first["name"], first["answer"]) == ("Anna", "coming")
    assert first["told"] is not None and second["told"] is not None
    assert second["answered"] is None and sheet["wrong"] == []
    for what in ("centre", "webhook", "coming", "there"):
        assert 0 <= sheet[what] < 20, what


async def test_only_who_takes_part(
    hass: HomeAssistant, crew: Home, anna: Telephone, bert: Telephone, receiver: Real
) -> None:
    await start(hass, scenario="stranger", contacts=["Bert"])
    await bert.told("EXERCISE: Police")
    sheet = await act(hass, "end_drill")
    await bert.told("It is over")
    assert anna.heard == [] and receiver.codes == []
    assert [one["name"] for one in sheet["people"]] == ["Bert"]
    assert sheet["wrong"] == [{"who": "", "reason": "nobody_came"}]


async def test_real_distress_ends_it(
    hass: HomeAssistant, crew: Home, anna: Telephone, receiver: Real
) -> None:
    """Also of the same kind; nobody takes it for the exercise."""
    await start(hass, centre=True)
    await anna.told("EXERCISE: Fire")
    await press(hass, "fire")
    message = await anna.told("Somebody pressed the button")
    assert "EXERCISE" not in message["title"] and message["data"]["priority"] == "high"
    over = await anna.told("NO EXERCISE ANY MORE")
    assert over["data"]["priority"] == "high" and "real" in over["message"]
    assert not any("cancelled" in one["message"] for one in anna.heard)
    await until(lambda: "FA" in receiver.codes)
    await until(lambda: crew.emergency.drills.running is None)
    await until_entry(crew, "incident", event="cancelled", status="exercise")
    assert panel(hass) == Panel.TRIGGERED
    assert [one.kind for one in crew.emergency.incidents.open()] == [Kind.FIRE]
    assert (await act(hass, "drill_sheet"))["real_distress"]
    with pytest.raises(ServiceValidationError, match="real"):
        await start(hass)


async def test_bad_input(hass: HomeAssistant, crew: Home, anna: Telephone) -> None:
    for action in ("end_drill", "drill_sheet"):
        with pytest.raises(ServiceValidationError):
            await act(hass, action)
    with pytest.raises(ServiceValidationError):
        await start(hass, contacts=["Nobody"])
    both = [start(hass), start(hass)]
    said = await asyncio.gather(*both, return_exceptions=True)
    assert sum(isinstance(one, ServiceValidationError) for one in said) == 1
    await act(hass, "end_drill")
    await decide(crew, contacts=())
    with pytest.raises(ServiceValidationError):
        await start(hass)


async def test_what_fails_is_on_the_sheet(
    hass: HomeAssistant,
    crew: Home,
    anna: Telephone,
    bert: Telephone,
    receiver: Real,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And nowhere else: no repair, and the real way is as it was."""
    monkeypatch.setattr(outbox, "RETRY", 0.05)
    await until(lambda: crew.emergency.centre.problem is False)
    hass.services.async_remove("notify", "mobile_app_bert")
    away = Settings(centre=centre_at(dead().port))
    out = crew.emergency._out
    monkeypatch.setattr(
        crew.emergency.drill, "_build_way", lambda way: out.build(way, away)[0]
    )
    await start(hass, centre=True)
    await anna.told("EXERCISE")
    await until_entry(crew, "incident", event="not_signalled", status="exercise")
    sheet = await act(hass, "end_drill")
    assert {"who": "Bert", "reason": "target_gone"} in sheet["wrong"]
    assert {"who": "centre", "reason": "not_reached"} in sheet["wrong"]
    assert not issues(hass) and crew.emergency.centre.problem is False


async def test_who_was_never_asked_is_on_the_sheet(
    hass: HomeAssistant, crew: Home, anna: Telephone, receiver: Real
) -> None:
    """Over before the time to take it back was: the centre has heard nothing."""
    await decide(crew, window=60)
    await start(hass, centre=True)
    await anna.told("EXERCISE")
    sheet = await act(hass, "end_drill")
    assert {"who": "centre", "reason": "unheard"} in sheet["wrong"]
    assert receiver.codes == []


async def test_told_is_of_the_begin(
    hass: HomeAssistant, crew: Home, anna: Telephone, bert: Telephone
) -> None:
    """Who hears the end alone was not told; and each failure is there once."""
    action = hass.services.async_services_for_domain("notify")["mobile_app_bert"]
    hass.services.async_remove("notify", "mobile_app_bert")
    await start(hass)
    await until_entry(crew, "incident", event="not_told", status="exercise")
    (incident,) = crew.emergency.drills.last.room._open.values()
    incident.call_by = 0.0
    await crew.emergency.drills.last.room.due()
    hass.services.async_register(
        "notify", "mobile_app_bert", action.job.target, action.schema
    )
    sheet = await act(hass, "end_drill")
    wrong = [one for one in sheet["wrong"] if one["who"] == "Bert"]
    assert wrong == [{"who": "Bert", "reason": "target_gone"}]
    assert sheet["people"][1]["told"] is None


async def test_two_of_one_name(
    hass: HomeAssistant, crew: Home, anna: Telephone, bert: Telephone
) -> None:
    await decide(crew, contacts=(contact(anna), replace(contact(bert), name="Anna")))
    await start(hass, contacts=["Anna"])
    await anna.told("EXERCISE")
    await bert.told("EXERCISE")


async def test_a_server_that_is_removed_hears_no_more(
    hass: HomeAssistant,
    crew: Home,
    anna: Telephone,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nor does a drill that is over go on sending for ever."""
    monkeypatch.setattr(outbox, "RETRY", 0.05)
    server = Server(status=503)
    async with serving(server):
        await decide(crew, webhook=server.settings(), window=0)
        await start(hass, webhook=True)
        await until(lambda: len(server.ids) > 1)
        room = crew.emergency.drills.last.room
        await decide(crew, webhook=None)
        assert not room.signals.waiting
        await act(hass, "end_drill")
    monkeypatch.setattr(drill_keeping, "_AFTERWARDS", timedelta())
    crew.emergency.drill._due(utc_now())
    assert crew.emergency.drill._room is None


async def test_not_while_it_is_not_known_what_is_open(
    hass: HomeAssistant, crew: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew.emergency._loading, "done", False)
    with pytest.raises(ServiceValidationError, match="real"):
        await start(hass)


async def test_a_contact_ends_it(
    hass: HomeAssistant, crew: Home, anna: Telephone, bert: Telephone
) -> None:
    await start(hass)
    await anna.press(await anna.told("EXERCISE"), "False alarm")
    await bert.told("It is over")
    assert crew.emergency.drills.running is None
    await start(hass)


async def test_it_ends_by_itself(
    hass: HomeAssistant, crew: Home, anna: Telephone, monkeypatch: pytest.MonkeyPatch
) -> None:
    await start(hass)
    crew.emergency.drills.due()
    assert crew.emergency.drills.running
    monkeypatch.setattr(drills, "LONGEST", drills.LONGEST * 0)
    crew.emergency.drills.due()
    await anna.told("It is over")
    assert crew.emergency.drills.running is None


async def test_a_restart_ends_it(
    hass: HomeAssistant, entry: HomeEntry, crew: Home, anna: Telephone, bert: Telephone
) -> None:
    """Nothing of it comes back as if it were real."""
    await start(hass)
    message = await anna.told("EXERCISE")
    home = await reload(hass, entry)
    await anna.press(message, "I am coming")
    await hass.async_block_till_done()
    assert home.emergency.drills.last is None and not home.emergency.incidents.open()
    assert len(anna.heard) == 1


@pytest.mark.parametrize("what", [What.ALARM, What.CANCEL, What.RESTORE])
def test_no_signal_of_a_drill_can_be_taken_for_real(what: What) -> None:
    """Whatever it says, to a centre it is a test."""
    for kind in Kind:
        for protocol in Protocol:
            said = event(Signal(kind=kind, what=what, exercise=True), protocol)
            assert said in ("1602 01 000", "Nri1/RP000")


async def test_by_the_menu(
    hass: HomeAssistant, entry: HomeEntry, crew: Home, anna: Telephone, bert: Telephone
) -> None:
    """Everybody is ticked at first; how it went is shown in words."""
    menu = await step(hass, entry, "drill")
    assert menu["menu_options"] == ["drill_start"]
    result = await go(hass, menu["flow_id"], next_step_id="drill_start")
    assert [one["label"] for one in options(result, "contacts")] == ["Anna", "Bert"]
    flow = result["flow_id"]
    said: dict[str, Any] = {"scenario": "gas", "centre": False}
    result = await go(hass, flow, **said, contacts=[])
    assert result["errors"] == {"base": "drill_nobody"}
    result = await go(hass, flow, **said, contacts=["anna"])
    assert result["reason"] == "drill_begun"
    await anna.told("EXERCISE: Gas")
    assert bert.heard == []
    menu = await step(hass, entry, "drill")
    assert menu["menu_options"] == ["drill_end", "drill_sheet"]
    result = await go(hass, menu["flow_id"], next_step_id="drill_end")
    result = await go(hass, result["flow_id"])
    sheet = result["description_placeholders"]["sheet"]
    assert "- Anna: told after 0 min" in sheet and "answered never." in sheet
    assert "Nobody said that they come." in sheet and "{" not in sheet
    result = await go(hass, result["flow_id"])
    assert result["type"] is FlowResultType.MENU
    result = await go(hass, result["flow_id"], next_step_id="drill_start")
    await press(hass, "fire")
    result = await go(hass, result["flow_id"], **said, contacts=["anna"])
    assert result["errors"] == {"base": "drill_not_now"}


async def test_the_form_of_one_that_has_ended(
    hass: HomeAssistant, entry: HomeEntry, crew: Home, anna: Telephone
) -> None:
    """Somebody ended it meanwhile: how it went is shown all the same."""
    await start(hass)
    menu = await step(hass, entry, "drill")
    form = await go(hass, menu["flow_id"], next_step_id="drill_end")
    await act(hass, "end_drill")
    result = await go(hass, form["flow_id"])
    assert result["step_id"] == "drill_sheet"


async def test_the_menu_without_a_contact(
    hass: HomeAssistant, entry: HomeEntry, home: Home
) -> None:
    menu = await step(hass, entry, "drill")
    result = await go(hass, menu["flow_id"], next_step_id="drill_start")
    assert result["reason"] == "drill_no_contact"


# A code that means duress in it


@pytest.fixture
async def both(crew: Home, anna: Telephone, cara: Telephone) -> Home:
    """Give a home with a contact who can be told in silence, and one who cannot."""
    await decide(crew, contacts=(contact(anna), contact(cara)), pause=0, window=60)
    return crew


async def test_a_code_that_means_duress_in_it(
    hass: HomeAssistant,
    both: Home,
    nuki: NukiLock,
    anna: Telephone,
    cara: Telephone,
    receiver: Real,
) -> None:
    """The door opens, who can be told in silence is, as an exercise; it ends, and is counted."""
    code, pin = await guest(hass)
    await start(hass, scenario="stranger", centre=True, guest=code)
    await anna.told("EXERCISE: Police")
    await opened(both, nuki, pin)
    message = await cara.told("I am forced")
    assert message["title"].startswith("EXERCISE: Silent alarm")
    assert message["message"].startswith("This is an exercise")
    assert "priority" not in message["data"]
    await until(lambda: receiver.codes == ["RP"])
    await cara.press(message, END)
    over = await cara.told("It is over")
    assert over["title"].startswith("EXERCISE")
    await until(lambda: receiver.codes == ["RP", "RP"])
    assert both.emergency.drills.running
    # That it is over leaves nothing of it to mean anything.
    sheet = await act(hass, "end_drill")
    await act_lock(hass)
    before = len(cara.heard)
    await opened(both, nuki, pin)
    await asyncio.sleep(0.3)
    assert len(cara.heard) - before <= 1
    assert not both.emergency.silent.incidents.open
    assert all(one["title"].startswith("EXERCISE") for one in cara.heard + anna.heard)
    assert not any("forced" in one["message"] for one in anna.heard)
    statuses = {one["status"] for one in await log_of(both, "incident")}
    assert statuses == {"exercise"}
    sheet = await act(hass, "drill_sheet")
    assert sheet["code_asked"]
    assert 0 <= sheet["opened"] <= sheet["heard"] <= sheet["safe"] < 30
    # It was over before the centre was due to hear of the loud part.
    reasons = [one["reason"] for one in sheet["wrong"]]
    assert reasons == ["unheard", "nobody_came"]


async def test_what_was_before_it(
    hass: HomeAssistant, both: Home, cara: Telephone
) -> None:
    """A lock may tell of an opening hours later: that is none of the drill's."""
    code, _ = await guest(hass)
    await start(hass, guest=code)
    drill = both.emergency.drills.running
    assert drill
    for minutes, counts in ((10, False), (2, True)):
        event_of_then = AccessEvent(
            lock=LOCK,
            event=AccessKind.UNLOCKED,
            method=Method.KEYPAD,
            actor=Actor(ActorKind.GUEST, code, "Dora"),
            time=utc_now() - timedelta(minutes=minutes),
        )
        both.emergency.drills.accessed(event_of_then)
        assert (drill.opened is not None) is counts
    await cara.told("I am forced")


async def test_it_is_called_off_with_the_drill(
    hass: HomeAssistant, both: Home, nuki: NukiLock, cara: Telephone
) -> None:
    code, pin = await guest(hass)
    await start(hass, guest=code)
    await opened(both, nuki, pin)
    message = await cara.told("I am forced")
    await until(
        lambda: (both.emergency.drills.last.quiet.held)[-1][1]["event"] == "told"
    )
    # Not all of it is entered by then.
    sheet = await act(hass, "end_drill")
    over = await cara.told("It is over")
    assert over["title"].startswith("EXERCISE")
    assert sheet["heard"] is not None and sheet["opened"] is not None
    assert sheet["safe"] is None
    # A late press does nothing.
    await cara.press(message, END)
    await hass.async_block_till_done()
    assert not both.emergency.drills.running


async def test_real_distress_ends_that_too(
    hass: HomeAssistant, both: Home, nuki: NukiLock, cara: Telephone
) -> None:
    code, pin = await guest(hass)
    await start(hass, guest=code)
    await opened(both, nuki, pin)
    await cara.told("I am forced")
    await press(hass, "medical")
    await until(lambda: sum("NO EXERCISE" in one["title"] for one in cara.heard) == 2)


async def test_a_code_that_means_it_in_earnest(
    hass: HomeAssistant, both: Home, nuki: NukiLock, cara: Telephone
) -> None:
    """Nobody takes what is real for the drill, and the drill does not show that it is."""
    code, pin = await guest(hass)
    await decide(both, silent=SilentSettings(contacts=("cara",), codes=(code,)))
    await start(hass, guest=code)
    await opened(both, nuki, pin)
    message = await cara.told("I am forced")
    assert message["title"].startswith("Silent alarm")
    sheet = await act(hass, "end_drill")
    assert sheet["opened"] is not None and sheet["heard"] is None
    forced = [one for one in cara.heard if "forced" in one["message"]]
    assert not any("EXERCISE" in one["title"] for one in forced)
    assert both.emergency.silent.incidents.open


async def test_bad_input_for_the_code(
    hass: HomeAssistant, crew: Home, anna: Telephone
) -> None:
    """A code that is none, and nobody who could be told in silence."""
    with pytest.raises(ServiceValidationError) as caught:
        await start(hass, guest="nobody")
    assert caught.value.translation_key == "drill_code"
    code, _ = await guest(hass)
    with pytest.raises(ServiceValidationError) as caught:
        await start(hass, guest=code)
    assert caught.value.translation_key == "drill_no_silent"
    assert anna.heard == [] and crew.emergency.drills.last is None


def test_each_scenario_has_its_card() -> None:
    """With the words of the menu, and none is there for nothing."""
    texts = json.loads((COMPONENT / "translations" / "en.json").read_text())
    named = texts["selector"]["scenario"]["options"]
    cards = (ROOT / "docs" / "workshop" / "cards.html").read_text()
    found = re.findall(r'<section id="(\w+)">\s*<h2>(.+?)</h2>', cards)
    assert dict(found) == named
