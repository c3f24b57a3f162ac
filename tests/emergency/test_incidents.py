"""Incidents: who hears of them, in which order, and how they end."""

import asyncio
from dataclasses import replace
from datetime import timedelta
import json
import re
import time
from typing import Any

from homeassistant.components.alarm_control_panel import AlarmControlPanelState as Panel
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import Context, HomeAssistant, ServiceCall
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest
from sqlalchemy import insert, select

from custom_components.smartlock_le import loading
from custom_components.smartlock_le.emergency import (
    incidents,
    ledger,
    models,
    outbox,
    people,
    tables,
)
from custom_components.smartlock_le.emergency.channels import notify
from custom_components.smartlock_le.emergency.channels.channel import (
    is_emergency_number,
)
from custom_components.smartlock_le.emergency.models import (
    EmergencyError,
    Kind,
    Level,
    Source,
    Stage,
    Way,
)
from custom_components.smartlock_le.emergency.settings import Contact
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.log import LogUnavailable
from custom_components.smartlock_le.models import HOME_ACTOR, Actor, ActorKind, utc_now
from tests.conftest import LOCK, log_of, until, until_entry
from tests.support import act, fail_writes, issues
from virtual_home.nuki import NukiLock

from .conftest import HASHED, PIN, TESTED, centre_at, contact, decide
from .receivers import Real, dead, real
from .telephone import Telephone


def panel(hass: HomeAssistant) -> str:
    """Return what the keypad shows."""
    (state,) = hass.states.async_all("alarm_control_panel")
    return state.state


async def disarm(hass: HomeAssistant, pin: str | None) -> None:
    """Enter a PIN on the keypad."""
    (state,) = hass.states.async_all("alarm_control_panel")
    data: dict[str, Any] = {"entity_id": state.entity_id}
    if pin is not None:
        data["code"] = pin
    await hass.services.async_call(
        "alarm_control_panel", "alarm_disarm", data, blocking=True
    )


async def press(hass: HomeAssistant, kind: str) -> None:
    """Press a button for help."""
    found = [
        s for s in hass.states.async_all("button") if f"help_{kind}" in s.entity_id
    ]
    await hass.services.async_call(
        "button", "press", {"entity_id": found[0].entity_id}, blocking=True
    )


async def events(home: Home) -> list[str]:
    """Return what was entered of incidents, in its order."""
    return [entry["event"] for entry in await log_of(home, "incident")]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again soon what did not go out."""
    monkeypatch.setattr(outbox, "RETRY", 0.2)
    monkeypatch.setattr(outbox, "RETRY_MAX", 0.4)
    monkeypatch.setattr(people, "END_AGAIN", 0.1)


async def test_a_message_that_is_there(
    hass: HomeAssistant, ready: Home, anna: Telephone
) -> None:
    """The app on Android says so, with all that it was sent; once, and by nobody else."""
    await press(hass, "fire")
    message = await anna.told("Fire")
    assert message["data"]["confirmation"] is True
    for nonce in ("f" * 32, "rubbish"):
        said = {"tag": message["data"]["tag"], "action_1_key": f"SMARTLOCK_LE_{nonce}"}
        await anna.fire("mobile_app_notification_received", said)
    assert "delivered" not in await events(ready)
    flat = {
        f"action_{number}_key": one["action"]
        for number, one in enumerate(message["data"]["actions"], 1)
    }
    for _ in range(2):
        await anna.fire("mobile_app_notification_received", {**message["data"], **flat})
    entry = await until_entry(ready, "incident", event="delivered", contact="anna")
    assert entry["actor_name"] == "Anna"
    await hass.async_block_till_done()
    assert (await events(ready)).count("delivered") == 1
    # It says nothing of an answer.
    assert ready.emergency.incidents.open()[0].told == {"anna": "sent"}


async def test_from_the_button_to_the_centre(
    hass: HomeAssistant, ready: Home, anna: Telephone, receiver: Real
) -> None:
    """Contacts hear at once, the centre when the time to take it back is over."""
    assert panel(hass) == Panel.DISARMED
    await press(hass, "police")
    message = await anna.told("Police needed")
    assert "pressed the button" in message["message"]
    assert "The monitoring centre is told at" in message["message"]
    assert message["data"]["push"]["interruption-level"] == "critical"
    await until(lambda: panel(hass) == Panel.PENDING)
    assert receiver.codes == []
    await until(lambda: "PA" in receiver.codes)
    await until_entry(ready, "incident", event="signalled")
    assert panel(hass) == Panel.TRIGGERED
    assert await events(ready) == ["raised", "told", "confirmed", "signalled"]
    (entry,) = [e for e in await log_of(ready, "incident") if e["event"] == "signalled"]
    assert entry["detail"] == "receiver 1" and entry["cause"] == "police"
    assert entry["level"] == Level.LIFE
    (told,) = [e for e in await log_of(ready, "incident") if e["event"] == "told"]
    assert told["contact"] == "anna"


async def test_taken_back_in_time(
    hass: HomeAssistant, ready: Home, anna: Telephone, receiver: Real
) -> None:
    """The centre never hears of it; who was told does."""
    await press(hass, "police")
    await anna.told("Police needed")
    await disarm(hass, PIN)
    assert panel(hass) == Panel.DISARMED
    await anna.told("A false alarm")
    await asyncio.sleep(1.5)
    assert receiver.codes == []
    assert await events(ready) == ["raised", "told", "cancelled", "told"]


async def test_only_a_pin_ends_what_frightens_people(
    hass: HomeAssistant, ready: Home, anna: Telephone, receiver: Real
) -> None:
    await decide(ready, window=60)
    await press(hass, "police")
    message = await anna.told("Police needed")
    # A contact's telephone may be in the wrong hand.
    assert [one["title"] for one in message["data"]["actions"]] == ["I am coming"]
    await anna.press(message, "I am coming")
    message = await anna.told("Anna will come")
    assert [one["title"] for one in message["data"]["actions"]] == ["I am there"]
    (incident,) = ready.emergency.incidents.open()
    with pytest.raises(EmergencyError):
        await ready.emergency.incidents.cancel(incident.id, HOME_ACTOR, pin=False)
    with pytest.raises(ServiceValidationError):
        await act(hass, "close_incident", {"incident": incident.id})
    for wrong in (None, "", "0000", "47110"):
        with pytest.raises(ServiceValidationError):
            await disarm(hass, wrong)
    assert panel(hass) == Panel.PENDING
    assert (await events(ready)).count("wrong_pin") == 4
    await disarm(hass, PIN)
    assert panel(hass) == Panel.DISARMED
    # With nothing open a PIN is not looked at: nobody learns whether it is right.
    await disarm(hass, "0000")


async def test_guessing(
    hass: HomeAssistant, ready: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other, five, and then none, the right one neither; all together no more."""
    await decide(ready, window=60)
    await press(hass, "police")
    guesses = [disarm(hass, f"{n:04d}") for n in range(30)]
    said = await asyncio.gather(*guesses, return_exceptions=True)
    keys = [one.translation_key for one in said if isinstance(one, HomeAssistantError)]
    assert keys.count("wrong_pin") == 5 and keys.count("too_many_pins") == 25
    with pytest.raises(ServiceValidationError):
        await disarm(hass, PIN)
    pins = ready.emergency._pins
    for wait in (60, 120, 240):
        assert 0 < pins.closed_until - time.monotonic() <= wait
        pins.closed_until = 0.0
        for _ in range(5):
            with pytest.raises(ServiceValidationError):
                await disarm(hass, "0000")
    pins.closed_until = 0.0
    await disarm(hass, PIN)
    assert panel(hass) == Panel.DISARMED and pins.wrong == 0


async def test_a_contact_comes(
    hass: HomeAssistant, ready: Home, anna: Telephone, bert: Telephone, receiver: Real
) -> None:
    """Who comes is known to all who were told; the centre is told nevertheless."""
    await decide(ready, contacts=(contact(anna), contact(bert)))
    await press(hass, "medical")
    message = await anna.told("Medical help needed")
    await bert.told("Medical help needed")
    await anna.press(message, "I am coming")
    for phone in (anna, bert):
        await phone.told("Anna will come")
    await until(lambda: "MA" in receiver.codes)
    there = next(m for m in anna.heard if "will come" in m["message"])
    await anna.press(there, "I am there")
    await bert.told("Anna is there")
    over = next(m for m in bert.heard if "is there" in m["message"])
    await bert.press(over, "It is over")
    await anna.told("It is over")
    await until(lambda: panel(hass) == Panel.DISARMED)
    await until(lambda: "MH" in receiver.codes)
    found = await log_of(ready, "incident")
    answers = [
        (one["contact"], one["detail"]) for one in found if one["event"] == "answered"
    ]
    assert answers == [("anna", "coming"), ("anna", "there"), ("bert", "over")]
    stages = [one["stage"] for one in found if one["stage"]]
    assert stages == sorted(stages, key=[s.value for s in Stage].index)


async def test_in_the_owners_order(
    hass: HomeAssistant, ready: Home, anna: Telephone, bert: Telephone
) -> None:
    """The second is told when the first has had their time, and not if they answer."""
    await decide(ready, contacts=(contact(anna), contact(bert)), pause=1, window=60)
    await press(hass, "fire")
    message = await anna.told("Fire")
    assert not bert.heard
    await bert.told("Fire")
    await anna.press(message, "False alarm")
    await bert.told("A false alarm")
    anna.heard.clear()
    bert.heard.clear()
    await press(hass, "fire")
    await anna.press(await anna.told("Fire"), "I am coming")
    await asyncio.sleep(1.5)
    assert not bert.heard


async def test_told_again_as_long_as_nobody_answers(
    hass: HomeAssistant,
    ready: Home,
    anna: Telephone,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(people, "NEXT_ROUND", 1.0)
    await decide(ready, window=60)
    await press(hass, "fire")
    await until(lambda: len(anna.heard) == people.ROUNDS)
    await asyncio.sleep(1.5)
    assert len(anna.heard) == people.ROUNDS
    # The oldest message can still be answered.
    await anna.press(anna.heard[0], "I am coming")
    await anna.told("will come")


async def test_an_answer_counts_once(
    hass: HomeAssistant, ready: Home, anna: Telephone
) -> None:
    """Anybody with the app can say that a button was pressed."""
    await decide(ready, window=60)
    await press(hass, "fire")
    message = await anna.told("Fire")
    for forged in ("SMARTLOCK_LE_", "SMARTLOCK_LE_0", "SMARTLOCK_LE_" + "0" * 32, "X"):
        await anna.send(forged)
    pressed = await anna.press(message, "I am coming")
    await until_entry(ready, "incident", event="acknowledged")
    await anna.send(pressed)
    await hass.async_block_till_done()
    assert (await events(ready)).count("answered") == 1


async def test_cancelled_after_the_centre_heard(
    hass: HomeAssistant, ready: Home, receiver: Real
) -> None:
    """It is told that somebody cancelled; what it makes of that is its own."""
    await decide(ready, window=0)
    await press(hass, "police")
    await until(lambda: receiver.codes == ["PA"])
    await until_entry(ready, "incident", event="signalled")
    await disarm(hass, PIN)
    await until(lambda: receiver.codes == ["PA", "OC"])
    entry = await until_entry(ready, "incident", event="signalled", stage="")
    assert entry["detail"] == "cancel receiver 1"


async def test_closed_by_hand(
    hass: HomeAssistant, ready: Home, receiver: Real, anna: Telephone
) -> None:
    """By actions: confirmed, acknowledged, arrived, closed."""
    await decide(ready, window=60)
    raised = await act(hass, "raise_incident", {"kind": "medical"})
    assert raised["stage"] == "raised" and raised["told"] == 1
    number = raised["incident"]
    await act(hass, "confirm_incident", {"incident": number})
    await until(lambda: receiver.codes == ["MA"])
    await act(hass, "acknowledge_incident", {"incident": number})
    await act(hass, "arrived_at_incident", {"incident": number})
    (one,) = (await act(hass, "list_incidents"))["incidents"]
    assert one["stage"] == "on_scene" and one["confirmed"]
    await until_entry(ready, "incident", event="signalled")
    await act(hass, "close_incident", {"incident": number})
    assert (await act(hass, "list_incidents"))["incidents"] == []
    await until(lambda: receiver.codes == ["MA", "MH"])
    for action in ("confirm", "acknowledge", "close"):
        with pytest.raises(ServiceValidationError):
            await act(hass, f"{action}_incident", {"incident": number})


async def test_fifty_triggers_in_a_second(
    hass: HomeAssistant, ready: Home, anna: Telephone, receiver: Real
) -> None:
    """One cause is one incident, whoever tells of it, and how often."""
    room = ready.emergency.incidents
    raised = await asyncio.gather(
        *(
            room.raise_(Kind.FIRE, source, HOME_ACTOR)
            for source in (Source.SENSOR, Source.BUTTON) * 25
        )
    )
    assert len({one.id for one in raised}) == 1
    await until(lambda: receiver.codes == ["FA"])
    assert len(anna.heard) == 1
    assert (await events(ready)).count("raised") == 1
    assert (await events(ready)).count("joined") == 1


async def test_two_causes_are_two_incidents(
    hass: HomeAssistant, ready: Home, receiver: Real
) -> None:
    await press(hass, "fire")
    await press(hass, "medical")
    await until(lambda: sorted(receiver.codes) == ["FA", "MA"])
    assert len(ready.emergency.incidents.open()) == 2
    await disarm(hass, PIN)
    assert ready.emergency.incidents.open() == []


async def test_how_bad_it_looks(ready: Home) -> None:
    """Two that do not know of each other say more than one."""
    room = ready.emergency.incidents
    first = await room.raise_(Kind.BURGLARY, Source.ALARM_SYSTEM, HOME_ACTOR)
    assert first.level is Level.UNKNOWN
    await room.raise_(Kind.BURGLARY, Source.SENSOR, HOME_ACTOR)
    assert first.level is Level.SOMEBODY
    await room.raise_(Kind.BURGLARY, Source.BUTTON, HOME_ACTOR)
    assert first.level is Level.LIFE


async def test_no_door_moves(
    hass: HomeAssistant, ready: Home, nuki: NukiLock, receiver: Real
) -> None:
    """Whoever can be heard through a window can raise it."""
    before = hass.states.get(LOCK)
    assert before
    await decide(ready, window=0)
    for kind in ("police", "fire", "medical"):
        await press(hass, kind)
    await until(lambda: len(receiver.codes) == 3)
    state = hass.states.get(LOCK)
    assert state and state.state == before.state
    assert await log_of(ready, "command") == []
    assert await log_of(ready, "grant") == []


# Bad days


async def reload(hass: HomeAssistant, entry: HomeEntry) -> Home:
    """Start the home again."""
    assert await hass.config_entries.async_reload(entry.entry_id)
    await until(lambda: entry.state is ConfigEntryState.LOADED)
    return entry.runtime_data


async def test_restart_in_the_window(
    hass: HomeAssistant, entry: HomeEntry, ready: Home, anna: Telephone, receiver: Real
) -> None:
    """It goes on where it was, and what is written on a telephone is still good."""
    await decide(ready, window=3)
    await press(hass, "police")
    message = await anna.told("Police needed")
    home = await reload(hass, entry)
    assert panel(hass) == Panel.PENDING
    await anna.press(message, "I am coming")
    await anna.told("Anna will come")
    await until(lambda: receiver.codes == ["PA"])
    await until_entry(home, "incident", event="signalled")
    assert (await events(home)).count("raised") == 1
    # Nobody is told twice.
    assert len([m for m in anna.heard if "pressed the button" in m["message"]]) == 1


async def test_restart_after_the_signal(
    hass: HomeAssistant, entry: HomeEntry, ready: Home, receiver: Real
) -> None:
    """It is not sent again."""
    await decide(ready, window=0)
    await press(hass, "police")
    await until_entry(ready, "incident", event="signalled")
    home = await reload(hass, entry)
    assert panel(hass) == Panel.TRIGGERED
    await asyncio.sleep(0.5)
    assert [code for code in receiver.codes if code != "RP"] == ["PA"]
    (incident,) = home.emergency.incidents.open()
    assert incident.signalled
    await disarm(hass, PIN)
    await until(lambda: receiver.codes == ["PA", "OC"])


async def test_centre_that_is_away(
    hass: HomeAssistant,
    entry: HomeEntry,
    ready: Home,
    anna: Telephone,
) -> None:
    """Kept through a restart, and sent as soon as it is there; once."""
    away = dead()
    await decide(ready, window=0, centre=centre_at(away.port))
    await press(hass, "police")
    await anna.told("Police needed")
    await until_entry(ready, "incident", event="not_signalled", detail="not_reached")
    await asyncio.sleep(1)
    assert (await events(ready)).count("not_signalled") == 1
    home = await reload(hass, entry)
    async with real(port=away.port) as late:
        await until(lambda: "PA" in late.codes)
        await until_entry(home, "incident", event="signalled")
        await asyncio.sleep(1)
        assert late.codes.count("PA") == 1


async def test_taken_back_while_the_centre_is_away(
    hass: HomeAssistant,
    ready: Home,
) -> None:
    """It may have heard of it, for all that is known: it is told that it is over."""
    away = dead()
    await decide(ready, window=0, centre=centre_at(away.port))
    await press(hass, "police")
    await until_entry(ready, "incident", event="not_signalled")
    await disarm(hass, PIN)
    async with real(port=away.port) as late:
        await until(lambda: "OC" in late.codes)
        await asyncio.sleep(0.5)
        assert "PA" not in late.codes


async def test_no_centre_at_all(
    hass: HomeAssistant, ready: Home, anna: Telephone, receiver: Real
) -> None:
    await decide(ready, window=0, centre=None)
    await press(hass, "police")
    message = await anna.told("Police needed")
    assert "centre" not in message["message"]
    await until_entry(ready, "incident", event="confirmed")
    assert receiver.codes == []


async def test_nobody_to_tell(hass: HomeAssistant, home: Home) -> None:
    """It is entered, and the house shows it."""
    await press(hass, "police")
    assert panel(hass) == Panel.PENDING
    assert await events(home) == ["raised"]


async def test_disk_full(
    hass: HomeAssistant, ready: Home, anna: Telephone, receiver: Real
) -> None:
    """Life first: everybody hears, and what happened is entered later."""
    await decide(ready, window=0)
    await fail_writes(ready)
    await press(hass, "police")
    await anna.told("Police needed")
    await until(lambda: receiver.codes == ["PA"])
    await until(lambda: ready.log.backlog >= 4)
    await fail_writes(ready, fail=False)
    # The next entry takes those along that had to wait.
    await decide(ready, window=1)
    await until_entry(ready, "incident", event="signalled")
    assert [one for one in await events(ready) if one != "told"] == [
        *("raised", "confirmed", "signalled")
    ]


async def test_way_that_hangs_and_way_that_is_gone(
    hass: HomeAssistant,
    ready: Home,
    anna: Telephone,
    receiver: Real,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither the centre nor the others wait for it."""
    monkeypatch.setattr(notify, "TIMEOUT", 8.0)
    forever = asyncio.Event()

    async def hang(call: ServiceCall) -> None:
        await forever.wait()

    async def fail(call: ServiceCall) -> None:
        raise HomeAssistantError("no")

    hass.services.async_register("notify", "hangs", hang)
    hass.services.async_register("notify", "fails", fail)
    others = [
        Contact(id=name, name=name, target=f"notify.{name}", tested=TESTED)
        for name in ("hangs", "fails", "gone")
    ]
    await decide(ready, contacts=(*others, contact(anna)), window=1)
    pressing = hass.async_create_task(press(hass, "police"))
    await anna.told("Police needed")
    await until(lambda: receiver.codes == ["PA"], timeout=6)
    await pressing
    for name, reason in (
        ("hangs", "no_answer"),
        ("fails", "not_sent"),
        ("gone", "target_gone"),
    ):
        await until_entry(
            ready, "incident", event="not_told", contact=name, detail=reason
        )
    forever.set()
    await ready.emergency.test()
    assert "contact_gone" in issues(hass)
    (sensor,) = [
        one
        for one in hass.states.async_all("binary_sensor")
        if "contacts" in one.entity_id
    ]
    assert sensor.state == "on"
    await decide(ready, contacts=(contact(anna),))
    assert "contact_gone" not in issues(hass)
    await until(lambda: hass.states.get(sensor.entity_id).state == "off")


async def test_centre_is_looked_at(
    hass: HomeAssistant, ready: Home, receiver: Real
) -> None:
    """The owner hears of it before it matters."""
    problem = next(
        s.entity_id
        for s in hass.states.async_all("binary_sensor")
        if "monitoring_centre" in s.entity_id
    )
    await until(lambda: hass.states.get(problem).state == "off")
    await ready.emergency.test()
    assert receiver.codes == ["RP"]
    await decide(ready, centre=centre_at(dead().port))
    await until(lambda: hass.states.get(problem).state == "on")
    assert "centre_not_reached" not in issues(hass)
    await ready.emergency.centre.look()
    assert "centre_not_reached" in issues(hass)
    found = await until_entry(ready, "channel", event="failed")
    assert found["detail"] == "not_reached"
    await decide(ready, centre=centre_at(receiver.port))
    await until(lambda: "centre_not_reached" not in issues(hass))
    await until(lambda: hass.states.get(problem).state == "off")
    await decide(ready, centre=None)
    await until(lambda: hass.states.get(problem).state == "unknown")


async def test_settings_that_cannot_be_read(
    hass: HomeAssistant, entry: HomeEntry, ready: Home
) -> None:
    """The rest of the home works, and the owner hears that this does not."""
    ready.emergency._file._path.write_text('{"version": 1, "settings": "secret"}')
    home = await reload(hass, entry)
    assert "emergency_unreadable" in issues(hass)
    assert not home.emergency.settings.ready
    home.emergency._file._path.unlink()
    await reload(hass, entry)
    assert "emergency_unreadable" not in issues(hass)


NUMBERS = re.compile(r"(?<!\d)(000|110|112|113|118|119|911|995|998|999)(?!\d)")


async def test_nothing_that_goes_out_dials(
    hass: HomeAssistant, ready: Home, anna: Telephone, receiver: Real
) -> None:
    """No emergency number, and no tel: address, in any payload."""
    for kind in ("police", "fire", "medical"):
        await press(hass, kind)
    await until(lambda: len(receiver.codes) == 3)
    await disarm(hass, PIN)
    await until(lambda: len([m for m in anna.heard if "false" in m["message"]]) == 3)
    texts = [f"{m['title']} {m['message']}" for m in anna.heard]
    assert not [text for text in texts if NUMBERS.search(text)]
    assert "tel:" not in json.dumps(anna.heard)
    titles = [a["title"] for m in anna.heard for a in m["data"].get("actions", ())]
    assert {"I am coming", "False alarm"} == set(titles)


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("notify.call_911", True),
        ("notify.sms112", True),
        ("notify.mobile_app_sm_s911b", False),
        ("notify.112", True),
        ("notify.sms_999_now", True),
        ("notify.pixel_9", False),
        ("notify.anna", False),
    ],
)
def test_target_that_calls_an_emergency_number(target: str, found: bool) -> None:
    assert is_emergency_number(target) is found


async def test_by_a_person_only(hass: HomeAssistant, ready: Home) -> None:
    """An automation can raise it, and end nothing."""
    nobody = Context()
    raised = await act(hass, "raise_incident", {"kind": "gas"}, context=nobody)
    for action in ("confirm", "acknowledge", "close"):
        data = {"incident": raised["incident"]}
        with pytest.raises(ServiceValidationError):
            await act(hass, f"{action}_incident", data, context=nobody)


async def test_who_asks_again_later(
    hass: HomeAssistant,
    ready: Home,
    anna: Telephone,
    receiver: Real,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Help that somebody promised may not have come: all are told anew, and the centre."""
    monkeypatch.setattr(incidents, "AGAIN", 0.5)
    monkeypatch.setattr(incidents, "ALARM_AGAIN", 0.5)
    await decide(ready, window=0)
    await press(hass, "police")
    await anna.press(await anna.told("Police needed"), "I am coming")
    await anna.told("Anna will come")
    await until(lambda: receiver.codes == ["PA"])
    anna.heard.clear()
    await press(hass, "police")
    await asyncio.sleep(0.7)
    await press(hass, "police")
    await anna.told("pressed the button")
    await until(lambda: receiver.codes == ["PA", "PA"])
    assert (await events(ready)).count("raised") == 1


async def test_asked_again_while_it_ends(
    hass: HomeAssistant, ready: Home, anna: Telephone, receiver: Real
) -> None:
    """What is said after the end is something new, however slow the log is."""
    await decide(ready, window=60)
    await press(hass, "fire")
    (first,) = ready.emergency.incidents.open()
    async with first.changing:
        ending = hass.async_create_task(
            ready.emergency.incidents.cancel(first.id, HOME_ACTOR, pin=False)
        )
        await until(lambda: first.ending)
        second = await ready.emergency.incidents.raise_(
            Kind.FIRE, Source.BUTTON, HOME_ACTOR
        )
    await ending
    assert second is not first
    assert ready.emergency.incidents.open() == [second]


async def test_acknowledged_while_somebody_cancels(
    hass: HomeAssistant, ready: Home, receiver: Real
) -> None:
    """The answer of the centre and the end cross each other: it hears of the end."""
    await decide(ready, window=0)
    raising = hass.async_create_task(press(hass, "police"))
    await until(ready.emergency.incidents.open)
    (incident,) = ready.emergency.incidents.open()
    await until(lambda: receiver.codes == ["PA"])
    async with incident.changing:
        ending = hass.async_create_task(disarm(hass, PIN))
        await until(lambda: incident.signalled)
        await asyncio.sleep(0.2)
    await ending
    await raising
    await until(lambda: receiver.codes == ["PA", "OC"])


async def test_killed_before_contacts_heard_of_the_end(
    hass: HomeAssistant, entry: HomeEntry, ready: Home, anna: Telephone
) -> None:
    """Nobody drives to a false alarm."""
    await decide(ready, window=60)
    await press(hass, "fire")
    await anna.told("Fire")
    hass.services.async_remove("notify", "mobile_app_anna")
    (incident,) = ready.emergency.incidents.open()
    await ready.emergency.incidents.cancel(incident.id, HOME_ACTOR, pin=False)
    assert panel(hass) == Panel.DISARMED
    await until_entry(ready, "incident", event="not_told", detail="target_gone")
    told: list[str] = []

    async def tell(call: ServiceCall) -> None:
        told.append(call.data["message"])

    hass.services.async_register("notify", "mobile_app_anna", tell)
    home = await reload(hass, entry)
    await until(lambda: any("false alarm" in one for one in told))
    assert home.emergency.incidents.open() == []
    await until_entry(home, "incident", event="told", stage="cancelled")
    assert await home.log.read(select(tables.incidents)) == []


async def test_centre_that_is_removed_and_another_that_comes(
    hass: HomeAssistant, entry: HomeEntry, ready: Home, anna: Telephone
) -> None:
    """What waited for the old one does not go to the new one weeks later."""
    await decide(ready, window=0, centre=centre_at(dead().port))
    await press(hass, "fire")
    await until(lambda: ready.emergency.incidents.signals.waiting)
    await decide(ready, centre=None)
    await until_entry(ready, "incident", event="not_signalled", detail="removed")
    assert await ready.log.read(select(tables.signals[Way.CENTRE])) == []
    async with real() as other:
        # As long as it is open the new one hears of it.
        await decide(ready, centre=centre_at(other.port))
        await until(lambda: other.codes == ["FA"])
        await until_entry(ready, "incident", event="signalled")
        await disarm(hass, PIN)
        await until(lambda: other.codes == ["FA", "OC"])


async def test_signal_of_a_copy_that_was_restored(
    hass: HomeAssistant,
    entry: HomeEntry,
    ready: Home,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody is sent for what was yesterday."""
    away = dead()
    await decide(ready, window=0, centre=centre_at(away.port))
    await press(hass, "fire")
    await until_entry(ready, "incident", event="not_signalled", detail="not_reached")
    monkeypatch.setattr(models, "TOO_OLD", timedelta(0))
    home = await reload(hass, entry)
    await until_entry(home, "incident", event="not_signalled", detail="too_old")
    assert home.emergency.incidents.signals.waiting == []
    assert len(home.emergency.incidents.open()) == 1


async def test_row_of_another_version(
    hass: HomeAssistant, entry: HomeEntry, ready: Home, anna: Telephone
) -> None:
    """One that cannot be read keeps neither the house nor the others from starting."""
    await decide(ready, window=60)
    await press(hass, "fire")
    await anna.told("Fire")
    wrong = {"kind": "flood", "id": "afffffff"}
    rows = await ready.log.read(select(tables.incidents))
    row = insert(tables.incidents).values(**{**rows[0], **wrong})
    await ready.log.append(
        "setting",
        {"setting": "x", "value": "x", **HOME_ACTOR.fields()},
        also=lambda _: [row],
    )
    home = await reload(hass, entry)
    assert [one.kind for one in home.emergency.incidents.open()] == [Kind.FIRE]


async def test_clock_that_is_set_while_it_waits(
    hass: HomeAssistant,
    ready: Home,
    receiver: Real,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The time to take it back is as long as it was said to be."""
    now = utc_now() + timedelta(hours=1)
    await press(hass, "fire")
    for module in (ledger, models):
        # An hour back, for all who ask.
        monkeypatch.setattr(module, "utc_now", lambda: now - timedelta(hours=2))
    await until(lambda: receiver.codes == ["FA"], timeout=10)


async def test_open_since_yesterday(
    hass: HomeAssistant, ready: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    await press(hass, "fire")
    await ready.emergency.test()
    assert "incident_open" not in issues(hass)
    (incident,) = ready.emergency.incidents.open()
    incident.raised -= timedelta(days=2)
    await ready.emergency.test()
    assert "incident_open" in issues(hass)


async def test_notify_service_that_breaks(
    hass: HomeAssistant, ready: Home, anna: Telephone, caplog: pytest.LogCaptureFixture
) -> None:
    """Of others: it may raise anything, with anything in it."""

    async def breaks(call: ServiceCall) -> None:
        raise KeyError(call.data["message"])

    hass.services.async_register("notify", "breaks", breaks)
    bad = Contact(id="bad", name="Bad", target="notify.breaks", tested=TESTED)
    await decide(ready, contacts=(bad, contact(anna)), window=60)
    await press(hass, "fire")
    await anna.told("Fire")
    await until_entry(ready, "incident", event="not_told", detail="not_sent")
    assert "pressed the button" not in caplog.text


async def test_message_that_arrives_after_the_end(
    hass: HomeAssistant, ready: Home
) -> None:
    """What was on its way is not the last that they hear; nor is one that failed."""
    leaving, release, heard = asyncio.Event(), asyncio.Event(), []
    fails = [True]

    async def slow(call: ServiceCall) -> None:
        if "pressed" in call.data["message"]:
            leaving.set()
            await release.wait()
        elif fails:
            fails.pop()
            raise HomeAssistantError("once")
        heard.append(call.data["message"])

    hass.services.async_register("notify", "slow", slow)
    one = Contact(id="slow", name="Slow", target="notify.slow", tested=TESTED)
    await decide(ready, contacts=(one,), window=60)
    pressing = hass.async_create_task(press(hass, "fire"))
    await until(leaving.is_set)
    (incident,) = ready.emergency.incidents.open()
    await ready.emergency.incidents.cancel(incident.id, HOME_ACTOR, pin=False)
    release.set()
    await pressing
    await until(lambda: any("false alarm" in one for one in heard))
    assert "false alarm" in heard[-1]
    await until(lambda: not ready.emergency.incidents.busy)
    assert await ready.log.read(select(tables.incidents)) == []


async def test_second_helper(
    hass: HomeAssistant,
    ready: Home,
    anna: Telephone,
    bert: Telephone,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who is asked anew can say that they come, and the others hear of them, too."""
    monkeypatch.setattr(incidents, "AGAIN", 0.3)
    await decide(ready, contacts=(contact(anna), contact(bert)), window=60)
    await press(hass, "police")
    await anna.press(await anna.told("Police needed"), "I am coming")
    await bert.told("Anna will come")
    await asyncio.sleep(0.4)
    bert.heard.clear()
    anna.heard.clear()
    await press(hass, "police")
    message = await bert.told("pressed the button")
    await bert.press(message, "I am coming")
    await anna.told("Anna, Bert will come")
    (incident,) = ready.emergency.incidents.open()
    assert incident.call_by is None


async def test_log_that_cannot_be_read_at_the_start(
    hass: HomeAssistant,
    entry: HomeEntry,
    ready: Home,
    anna: Telephone,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What waits is taken up as soon as it can be, and nothing twice."""
    monkeypatch.setattr(outbox, "RETRY", 0.2)
    monkeypatch.setattr(loading, "AGAIN", 0.3)
    away = dead()
    await decide(ready, window=0, centre=centre_at(away.port))
    await press(hass, "fire")
    await until_entry(ready, "incident", event="not_signalled")
    load, failures = ledger.Ledger.load, [True, True]

    async def fails(self: ledger.Ledger) -> Any:
        if failures:
            failures.pop()
            raise LogUnavailable("not now")
        return await load(self)

    monkeypatch.setattr(ledger.Ledger, "load", fails)
    home = await reload(hass, entry)
    assert home.emergency.incidents.open() == []
    # What happens meanwhile keeps nobody from trying again.
    await press(hass, "medical")
    await until(lambda: len(home.emergency.incidents.open()) == 2)
    async with real(port=away.port) as late:
        await until(lambda: sorted(late.codes) == ["FA", "MA"])
        await asyncio.sleep(0.5)
        assert len(late.codes) == 2


async def test_settings_that_cannot_be_read_lose_nothing(
    hass: HomeAssistant, entry: HomeEntry, ready: Home, anna: Telephone
) -> None:
    """Contacts and centre are unknown for a while: what they are to hear is kept."""
    await decide(ready, window=0, centre=centre_at(dead().port))
    await press(hass, "fire")
    await until_entry(ready, "incident", event="not_signalled")
    path = ready.emergency._file._path
    right = path.read_text()
    path.write_text("{")
    home = await reload(hass, entry)
    assert len(await home.log.read(select(tables.signals[Way.CENTRE]))) == 1
    path.write_text(right)
    home = await reload(hass, entry)
    assert len(home.emergency.incidents.signals.waiting) == 1
    path.write_text("{")
    home = await reload(hass, entry)
    await decide(home, window=7)
    assert path.with_suffix(".unreadable").read_text() == "{"


async def test_old_incident_of_a_copy(
    hass: HomeAssistant,
    entry: HomeEntry,
    ready: Home,
    anna: Telephone,
    receiver: Real,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is shown, and nobody is sent for it or called again."""
    await decide(ready, window=60)
    await press(hass, "fire")
    await anna.told("Fire")
    anna.heard.clear()
    monkeypatch.setattr(models, "TOO_OLD", timedelta(0))
    home = await reload(hass, entry)
    (incident,) = home.emergency.incidents.open()
    assert incident.next_step is None
    await hass.async_block_till_done()
    assert receiver.codes == [] and not anna.heard


async def test_language_of_another_version(
    hass: HomeAssistant, assist: None, entry: HomeEntry, home: Home
) -> None:
    """One that is not there keeps the door from nothing."""
    one = Contact(name="Anna", target="notify.anna", tested=TESTED)
    await decide(home, contacts=(one,), pin=HASHED, languages=("xx", "en"))
    home = await reload(hass, entry)
    assert home.emergency.voice.listening


async def test_centre_that_refuses(
    hass: HomeAssistant, ready: Home, anna: Telephone, receiver: Real
) -> None:
    """Said at once, for this time it matters; it hears as soon as that is mended."""
    right = centre_at(receiver.port)
    await decide(ready, window=0, centre=replace(right, account="FFF9"))
    await press(hass, "fire")
    await until_entry(ready, "incident", event="not_signalled", detail="refused")
    await until(lambda: "centre_refused" in issues(hass))
    await press(hass, "medical")
    await decide(ready, centre=right)
    await until(lambda: sorted(receiver.codes) == ["FA", "MA"])
    await until(lambda: "centre_refused" not in issues(hass))


async def test_name_that_is_longer_than_the_log_takes(
    hass: HomeAssistant, ready: Home, anna: Telephone
) -> None:
    """What is wrong with an entry keeps nobody from hearing."""
    whoever = Actor(ActorKind.RESIDENT, "x", "x" * 1000)
    await ready.emergency.raise_(Kind.FIRE, Source.BUTTON, whoever)
    await anna.told("Fire")
    entry = await until_entry(ready, "incident", event="raised")
    assert len(entry["actor_name"]) == 500


async def test_entry_that_the_database_does_not_take(
    hass: HomeAssistant,
    ready: Home,
    anna: Telephone,
    receiver: Real,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever it has against it, everybody hears."""
    odd = insert(tables.incidents).values(id="afffffff")
    monkeypatch.setattr(ledger, "_row", lambda _: [odd])
    await decide(ready, window=0)
    await press(hass, "fire")
    await anna.told("Fire")
    await until(lambda: receiver.codes == ["FA"])


async def test_contact_who_is_a_notify_entity(
    hass: HomeAssistant, ready: Home, anna: Telephone
) -> None:
    """It has no buttons; and Home Assistant passes over one that is away, in silence."""
    (entity,) = hass.states.async_entity_ids("notify")
    one = replace(contact(anna), target=entity)
    await decide(ready, contacts=(one,), window=60)
    await press(hass, "fire")
    message = await anna.told("Fire")
    assert "actions" not in message.get("data", {})
    hass.states.async_set(entity, "unavailable")
    await press(hass, "medical")
    await until_entry(ready, "incident", event="not_told", detail="target_gone")
