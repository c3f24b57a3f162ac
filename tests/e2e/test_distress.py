"""Help is asked for aloud and in silence, the power goes, and everybody hears all the same."""

import asyncio
import re

from aiohttp import ClientSession
import pytest

from harness import steps
from harness.hass import eventually
from harness.outside import ACCOUNT, APP
from harness.ports import HOST

from .portal import Portal
from .story import Story
from .world import World

# Digits that nothing else here consists of.
PIN = "6183"


async def prepare(world: World) -> None:
    """Say who is to be told, as a person does."""
    api, entry = world.api, world.entry_id
    flow = await steps.options(api, entry, "emergency", "add_contact_person")
    await steps.option(api, flow, name="Anna", target="notify.demo_telephone")
    number = await eventually(lambda: _number(world), "a number arrives", 30)
    answer = await steps.option(api, flow, number=number)
    assert answer["reason"] == "contact_tested", answer
    flow = await steps.options(api, entry, "emergency", "distress_rules")
    answer = await steps.option(
        api, flow, languages=["en", "de"], window=20, pause=0, pin=PIN
    )
    assert answer["reason"] == "distress_rules_saved", answer
    flow = await steps.options(api, entry, "emergency", "centre")
    answer = await steps.option(
        api,
        flow,
        account=ACCOUNT,
        host=HOST,
        port=world.centre_port,
        transport="tcp",
        protocol="ADM-CID",
        key_hexadecimal=True,
        every=60,
    )
    assert answer["reason"] == "centre_saved", answer


async def _number(world: World) -> str | None:
    found = re.findall(r"the number (\d{4})", "\n".join(world.heard))
    return found[-1] if found else None


async def hears(world: World, what: str) -> None:
    """Wait until somebody outside hears something."""

    async def look() -> bool:
        return any(what in line for line in world.heard)

    await eventually(look, f"somebody outside hears {what!r}", 60)


async def say(world: World, text: str) -> str:
    """Say something to Assist; return its answer."""
    said = await world.socket("conversation/process", text=text, language="en")
    return str(said["response"]["speech"]["plain"]["speech"])


async def live(world: World) -> None:
    """Ask for help, cut the power in the window, and end it by PIN."""
    await prepare(world)
    before = len(await world.entries())
    assert (await say(world, "help call the police")).startswith("I have told Anna.")
    await hears(world, "Police needed")
    assert not [line for line in world.heard if "PA" in line]
    await world.kill()
    await world.restart()
    keypad = await steps.entity(world.socket, "alarm_control_panel")
    assert keypad
    await hears(world, "centre: PA")
    await world.becomes(keypad, "triggered")
    await world.socket.act(
        "alarm_control_panel.alarm_disarm", entity_id=keypad, code=PIN
    )
    await hears(world, "centre: OC")
    await hears(world, "false alarm")
    await world.becomes(keypad, "disarmed")
    await asyncio.sleep(1)
    assert sum("centre: PA" in line for line in world.heard) == 1
    entries = [one for one in await world.entries() if one["kind"] == "incident"]
    events = [entry["event"] for entry in entries if entry["event"] != "told"]
    assert events[:3] == ["raised", "confirmed", "signalled"]
    assert "cancelled" in events
    # No door moves because somebody said something.
    since = (await world.entries())[before:]
    assert not {"command", "grant"} & {entry["kind"] for entry in since}
    assert (await world.ask("verify_log"))["ok"]


@pytest.mark.timeout(300)
def test_help_by_voice_through_a_power_cut(
    portal: Portal, world: World, story: Story
) -> None:
    assert story, "the home that it made is needed"
    portal(live(world), 240)


FORCED_PIN = "9274"


async def prepare_silence(world: World) -> None:
    """Say who is told in silence, and give a PIN that means: I am forced."""
    api, entry = world.api, world.entry_id
    flow = await steps.options(api, entry, "emergency", "add_contact_person")
    await steps.option(api, flow, name="Dana", target=f"notify.mobile_app_{APP}")
    flow = await steps.options(api, entry, "emergency", "silent")
    form = await api.get(f"/api/config/config_entries/options/flow/{flow}")
    offered = next(one for one in form["data_schema"] if one["name"] == "contacts")
    (dana,) = offered["selector"]["select"]["options"]
    assert dana["label"] == "Dana"
    answer = await steps.option(
        api,
        flow,
        contacts=[dana["value"]],
        centre=True,
        pin=FORCED_PIN,
        phrases=True,
    )
    assert answer["step_id"] == "silent_test", answer
    number = await eventually(lambda: _number(world), "a number arrives", 30)
    answer = await steps.option(api, flow, number=number)
    assert answer["step_id"] == "silent_key", answer
    answer = await steps.option(api, flow)
    assert answer["reason"] == "silent_saved", answer


async def live_in_silence(world: World) -> None:
    """Be forced to end an alarm; the power goes; a contact ends it when all are safe."""
    await prepare_silence(world)
    keypad = await steps.entity(world.socket, "alarm_control_panel")
    assert keypad
    await say(world, "help call the police")
    await world.becomes(keypad, "pending")
    world.heard.clear()
    since = len(await world.entries())
    await world.socket.act(
        "alarm_control_panel.alarm_disarm", entity_id=keypad, code=FORCED_PIN
    )
    await world.becomes(keypad, "disarmed")
    await hears(world, "centre: HA")
    await hears(world, f"{APP}: Silent alarm")
    assert await say(world, "call the police quietly") == ""
    await hears(world, "asked for help and for quiet")
    await world.kill()
    await world.restart()
    causes = {
        one["cause"]
        for one in (await world.entries())[since:]
        if one["kind"] == "incident"
    }
    assert causes == {"police"}
    await asyncio.sleep(1)
    assert sum("centre: HA" in line for line in world.heard) == 2
    buttons = [line.split()[-1] for line in world.heard if "/press/" in line]
    assert len(buttons) == 2
    async with ClientSession() as session:
        for button in buttons:
            async with session.get(button) as answer:
                assert await answer.text() == "Pressed."
    await hears(world, "centre: HH")
    await hears(world, "It is over")

    async def entered() -> bool:
        found = (await world.entries())[since:]
        over = [one for one in found if one.get("event") == "closed"]
        return {"duress", "silent"} == {one["cause"] for one in over}

    await eventually(entered, "both are in the log", 30)
    assert (await world.ask("verify_log"))["ok"]


@pytest.mark.timeout(300)
def test_duress_through_a_power_cut(portal: Portal, world: World, story: Story) -> None:
    assert story, "the home that it made is needed"
    portal(live_in_silence(world), 240)


async def live_in_a_drill(world: World) -> None:
    """Rehearse a fire with both telephones and the centre; all that goes out is marked."""
    keypad = await steps.entity(world.socket, "alarm_control_panel")
    assert keypad
    world.heard.clear()
    await world.ask("start_drill", scenario="night_fire", centre=True)
    await hears(world, "telephone: EXERCISE: Fire")
    await hears(world, f"{APP}: EXERCISE: Fire")
    # Until the time to take it back is over.
    await hears(world, "centre: RP")
    [pressed] = [line.split()[-1] for line in world.heard if "[I am coming]" in line]
    async with ClientSession() as session, session.get(pressed) as answer:
        assert await answer.text() == "Pressed."
    await hears(world, "Dana will come")
    assert (await steps.state(world.socket, keypad))["state"] == "disarmed"
    sheet = await world.ask("end_drill")
    await hears(world, "It is over")
    await asyncio.sleep(2)
    for line in world.heard:
        marked = "EXERCISE" in line or "centre: RP" in line or "/press/" in line
        assert marked, line
    people = {one["name"]: one for one in sheet["people"]}
    assert people["Dana"]["answer"] == "coming" and people["Anna"]["answered"] is None
    assert sheet["wrong"] == [] and sheet["centre"] is not None


@pytest.mark.timeout(300)
def test_a_drill(portal: Portal, world: World, story: Story) -> None:
    assert story, "the home that it made is needed"
    portal(live_in_a_drill(world), 240)
