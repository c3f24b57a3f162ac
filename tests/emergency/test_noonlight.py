"""Noonlight: an alarm is made once, called off when somebody says so, and never forgotten."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.smartlock_le.emergency import outbox
from custom_components.smartlock_le.emergency.channels import asking, noonlight
from custom_components.smartlock_le.emergency.channels.channel import ChannelError
from custom_components.smartlock_le.emergency.channels.noonlight import Noonlight
from custom_components.smartlock_le.emergency.models import Kind, Signal, Source, What
from custom_components.smartlock_le.emergency.pin import hash_pin
from custom_components.smartlock_le.emergency.settings import (
    NoonlightSettings,
    SilentSettings,
    phone_number,
)
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.models import HOME_ACTOR
from tests.conftest import log_of, until, until_entry
from tests.support import issues

from .conftest import PIN, decide
from .dispatch import TOKEN, Dispatch, dispatching
from .test_incidents import disarm, press, reload
from .test_sources import kinds

STATE = "binary_sensor.test_home_noonlight"


def contract(**more: Any) -> NoonlightSettings:
    """Return what an owner says."""
    said = {"name": "Anna Example", "phone": "13145550100", "line1": "17 Elm Street"}
    said |= {"city": "St. Louis", "state": "MO", "zip": "63101", "token": TOKEN}
    return NoonlightSettings(**{**said, **more})


@pytest.fixture
async def dispatch(
    socket_enabled: None, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Dispatch]:
    """Run their server, as the sandbox."""
    async with dispatching(Dispatch()) as dispatch:
        monkeypatch.setattr(noonlight, "SANDBOX", dispatch.url)
        monkeypatch.setattr(outbox, "RETRY", 0.05)
        yield dispatch


@pytest.fixture
async def told(ready: Home, dispatch: Dispatch) -> Home:
    """Give a home that has a contract with them, and no time to take anything back."""
    await decide(ready, centre=None, noonlight=contract(), window=0)
    return ready


@pytest.mark.parametrize(
    ("kind", "service"),
    [("police", "police"), ("fire", "fire"), ("medical", "medical")],
)
async def test_raised_and_cancelled(
    hass: HomeAssistant, told: Home, dispatch: Dispatch, kind: str, service: str
) -> None:
    """They are told who and where; who asks again makes no second alarm."""
    await press(hass, kind)
    await until(lambda: dispatch.stands == ["ACTIVE"])
    ((given, said),) = dispatch.alarms.items()
    assert said["services"] == {service: True}
    assert "line2" not in said["location"]["address"]
    entry = await until_entry(told, "incident", event="signalled")
    assert entry["detail"] == f"alarm noonlight {given}"
    (incident,) = told.emergency.incidents.open()
    incident.called = incident.alarmed = -10_000.0
    await told.emergency.incidents.raise_(Kind(kind), Source.BUTTON, HOME_ACTOR)
    await disarm(hass, PIN)
    await until(lambda: dispatch.stands == ["CANCELED"])
    await until(lambda: not told.emergency.incidents.signals.waiting)
    assert kinds(told) == []


async def test_dealt_with(hass: HomeAssistant, told: Home, dispatch: Dispatch) -> None:
    """They have one word for the end, whatever it was."""
    await press(hass, "fire")
    await until(lambda: dispatch.stands == ["ACTIVE"])
    await until_entry(told, "incident", event="signalled")
    (incident,) = told.emergency.incidents.open()
    await told.emergency.incidents.close(incident.id, HOME_ACTOR)
    await until(lambda: dispatch.stands == ["CANCELED"])
    await until(lambda: not told.emergency.incidents.signals.waiting)


async def test_who_is_forced_to_end_it(
    hass: HomeAssistant, told: Home, dispatch: Dispatch
) -> None:
    """It is not called off: nobody there would hear that help is needed more than ever."""
    pin = await hass.async_add_executor_job(hash_pin, "8642")
    await decide(told, silent=SilentSettings(contacts=("x",), pin=pin))
    await press(hass, "police")
    await until_entry(told, "incident", event="signalled")
    await disarm(hass, "8642")
    # Nor is one that was on its way.
    dispatch.slow = 0.5
    await press(hass, "fire")
    await until(lambda: dispatch.stands == ["ACTIVE", "ACTIVE"])
    await disarm(hass, "8642")
    await asyncio.sleep(1)
    assert dispatch.stands == ["ACTIVE", "ACTIVE"] and kinds(told) == []
    assert not told.emergency.incidents.signals.waiting


async def test_another_contract(
    hass: HomeAssistant, told: Home, dispatch: Dispatch
) -> None:
    """What waits for the one does not go to the other, and its id is not told there."""
    dispatch.status = 503
    await press(hass, "fire")
    await until(lambda: len(dispatch.asked) > 2)
    await decide(told, noonlight=contract())
    await until_entry(
        told, "incident", event="not_signalled", detail="noonlight removed"
    )
    dispatch.status = 0
    await press(hass, "police")
    await until(lambda: dispatch.stands == ["ACTIVE"])
    await until_entry(told, "incident", event="signalled")
    await decide(told, noonlight=contract())
    await disarm(hass, PIN)
    await until(lambda: "noonlight_not_called_off" in issues(hass))
    assert dispatch.stands == ["ACTIVE"]


async def test_an_answer_that_is_lost(
    hass: HomeAssistant, told: Home, dispatch: Dispatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One may be with them, and nobody knows its id: it is said that it may be."""
    monkeypatch.setattr(asking, "TIMEOUT", 0.2)
    monkeypatch.setattr(outbox, "RETRY", 60.0)
    dispatch.slow = 0.4
    await press(hass, "police")
    await until_entry(told, "incident", detail="noonlight no_answer")
    await disarm(hass, PIN)
    await until(lambda: "noonlight_not_called_off" in issues(hass))
    await until_entry(told, "incident", detail="noonlight not_called_off")
    assert not told.emergency.incidents.signals.waiting


async def test_a_cancel_that_they_do_not_take(
    hass: HomeAssistant, told: Home, dispatch: Dispatch
) -> None:
    """It is over for them: it is said once, and not tried for ever."""
    await press(hass, "police")
    await until_entry(told, "incident", event="signalled")
    dispatch.alarms.clear()
    await disarm(hass, PIN)
    await until_entry(told, "incident", detail="noonlight not_called_off")
    assert not told.emergency.incidents.signals.waiting
    assert "noonlight_not_called_off" in issues(hass)


async def test_settings_that_do_not_matter_to_it(
    hass: HomeAssistant, told: Home, dispatch: Dispatch
) -> None:
    """Saved while an alarm is on its way: it is no second one, and it can be called off."""
    kept = told.emergency.settings.noonlight
    assert kept
    dispatch.slow = 0.5
    await press(hass, "police")
    await until(lambda: dispatch.stands == ["ACTIVE"])
    await decide(told, noonlight=replace(kept, line2="Apt 2"))
    await until_entry(told, "incident", event="signalled")
    await disarm(hass, PIN)
    await until(lambda: dispatch.stands == ["CANCELED"])


async def test_in_the_window(
    hass: HomeAssistant, told: Home, dispatch: Dispatch
) -> None:
    """Taken back in time, they never hear of it."""
    await decide(told, window=60)
    await press(hass, "police")
    await disarm(hass, PIN)
    await hass.async_block_till_done()
    assert not [one for one in dispatch.asked if one.startswith("POST")]


async def test_called_off_while_it_is_on_its_way(
    hass: HomeAssistant, told: Home, dispatch: Dispatch
) -> None:
    """Nobody knows its id yet: it is called off when that comes."""
    dispatch.slow = 0.5
    await press(hass, "police")
    await until(lambda: dispatch.stands == ["ACTIVE"])
    await disarm(hass, PIN)
    await until(lambda: dispatch.stands == ["CANCELED"])
    await until(lambda: not told.emergency.incidents.signals.waiting)
    (given,) = dispatch.alarms
    for word in ("alarm", "cancel"):
        await until_entry(told, "incident", detail=f"{word} noonlight {given}")


async def test_through_a_restart(
    hass: HomeAssistant, entry: HomeEntry, told: Home, dispatch: Dispatch
) -> None:
    """Before it was taken, and after: one alarm, and it can be called off."""
    dispatch.status = 503
    await press(hass, "police")
    await until(lambda: len(dispatch.asked) > 2)
    home = await reload(hass, entry)
    dispatch.status = 0
    await until(lambda: dispatch.stands == ["ACTIVE"])
    await until_entry(home, "incident", event="signalled")
    home = await reload(hass, entry)
    await disarm(hass, PIN)
    await until(lambda: dispatch.stands == ["CANCELED"])


async def test_what_is_wrong_is_said(
    hass: HomeAssistant, told: Home, dispatch: Dispatch
) -> None:
    """A token that is not known any more: at once when it matters."""
    await until(lambda: hass.states.get(STATE).state == "off")
    await decide(told, noonlight=contract(token="another"))
    await press(hass, "fire")
    await until(lambda: "noonlight_refused" in issues(hass))
    failed = await until_entry(told, "incident", event="not_signalled")
    assert failed["detail"] == "noonlight refused"
    await decide(told, noonlight=contract())
    assert "noonlight_refused" not in issues(hass)
    assert "Anna Example" not in str((await log_of(told), hass.states.async_all()))


@pytest.mark.parametrize(
    ("given", "id_"),
    [("a-b_9", "a-b_9"), ("../../x", ""), ("/", ""), ("a b", ""), ("ä", "")],
)
async def test_ids(
    hass: HomeAssistant, dispatch: Dispatch, given: str, id_: str
) -> None:
    """Whatever it is, it is an alarm: a second one would send them twice."""
    dispatch.given = given
    dispatch.in_parts = True
    way = Noonlight(hass, contract().build())
    said = await way.send(Signal(kind=Kind.FIRE, what=What.ALARM))
    assert said == f"noonlight {id_}".strip()


async def test_looks_and_tests(
    hass: HomeAssistant, dispatch: Dispatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither makes an alarm."""
    way = Noonlight(hass, contract().build())
    await way.send(Signal(what=What.TEST))
    assert way.health and way.health.ok
    dispatch.status = 500
    with pytest.raises(ChannelError) as caught:
        await way.send(Signal(what=What.TEST))
    assert caught.value.reason == "in_trouble" and not dispatch.alarms
    monkeypatch.setattr(asking, "TIMEOUT", 0.1)
    dispatch.status, dispatch.slow = 0, 0.3
    with pytest.raises(ChannelError) as caught:
        await way.send(Signal(kind=Kind.GAS, what=What.ALARM))
    assert caught.value.reason == "no_answer"
    await asyncio.sleep(0.3)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("(314) 555-0100", "13145550100"),
        ("+1 314 555 0100", "13145550100"),
        ("911", None),
        ("112", None),
        ("1911", None),
        ("+49 30 1234567", None),
        ("1145550100", None),
        ("(911) 555-0100", None),
        ("314555\u0660\u0661\u0660\u0660", None),
    ],
)
def test_telephones(text: str, number: str | None) -> None:
    """Never an emergency number: they call it."""
    assert phone_number(text) == number
    if number is None:
        with pytest.raises(ValueError, match="phone"):
            contract(phone=text).build()
