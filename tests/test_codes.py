"""Codes and guests in a real home with a simulated Nuki: actions, persons, schedules."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
import logging
from typing import Any

from homeassistant.components.person import DOMAIN as PERSON
from homeassistant.const import MATCH_ALL, STATE_UNAVAILABLE
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)
from pytest_homeassistant_custom_component.typing import WebSocketGenerator
import voluptuous as vol

from custom_components.smartlock_le import alarm as alarm_module, schedules
from custom_components.smartlock_le.access.code_models import Opening
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.models import (
    HOME_ACTOR,
    AccessEvent,
    AccessKind,
    Method,
)
from custom_components.smartlock_le.opening import home_folder
from virtual_home.nuki import NukiLock

from .conftest import LOCK, log_of, until, until_entry
from .support import act, fail_writes, issues, pass_to

SCHEDULE = "schedule.cleaner"
NOW = dt_util.utcnow


@pytest.fixture
async def anna(
    hass: HomeAssistant, home: Home, hass_ws_client: WebSocketGenerator
) -> str:
    """Make a person, as the owner does in the settings; return its id."""
    assert await async_setup_component(hass, PERSON, {})
    client = await hass_ws_client()
    await client.send_json_auto_id({"type": "person/create", "name": "Anna Example"})
    answer = await client.receive_json()
    await hass.async_block_till_done()
    person: str = answer["result"]["id"]
    assert hass.states.get("person.anna_example")
    return person


async def add_guest(hass: HomeAssistant, **data: Any) -> dict[str, Any]:
    """Add a guest of the front door."""
    return await act(hass, "add_guest", {"name": "Gina", "locks": [LOCK], **data})


async def looked(entry: HomeEntry) -> None:
    """Wait until it was seen what is on the lock, and what that asks for was done."""
    codes = entry.runtime_data.codes
    await until(lambda: codes._reconcilers)
    (reconciler,) = codes._reconcilers.values()
    await until(lambda: not (reconciler._check or reconciler._working))


async def access_of(home: Home, event: str) -> dict[str, Any]:
    """Wait for an access entry."""
    return await until_entry(home, "access", event=event)


async def test_a_guest_comes_and_goes(
    hass: HomeAssistant,
    home: Home,
    nuki: NukiLock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The PIN is in the answer once, opens the door, and is nowhere else."""
    caplog.set_level(logging.DEBUG)
    events: list[Event] = []

    @callback
    def heard(event: Event) -> None:
        # Home Assistant itself tells of each call with its data, which has no PIN.
        events.append(event)

    hass.bus.async_listen(MATCH_ALL, heard)
    answer = await add_guest(hass)
    pin = answer["pin"]
    (place,) = answer["locks"]
    assert place == {"lock": "Front door", "state": "active", "reason": ""}
    assert nuki.device.press(int(pin)).opened
    entry = await access_of(home, "unlocked")
    assert (entry["actor_kind"], entry["actor"], entry["actor_name"]) == (
        *("guest", answer["guest"], "Gina"),
    )
    state = hass.states.get("event.front_door_access")
    assert state
    await until(
        lambda: (
            hass.states.get("event.front_door_access").attributes["actor"]  # type: ignore[union-attr]
            == f"guest {answer['guest']}"
        )
    )
    listed = await act(hass, "list_codes")
    assert [code["guest"] for code in listed["codes"]] == [answer["guest"]]
    assert "pin" not in listed["codes"][0]
    removed = await act(hass, "remove_guest", {"guest": answer["guest"]})
    assert removed == {"still_on": []}
    assert not len(nuki.device.codes)
    everything = (
        *([event.as_dict() for event in events], caplog.text, await log_of(home)),
        *(hass.states.async_all(), listed, home.entry.as_dict()),
    )
    assert pin not in str(everything)
    # At this level Home Assistant itself may write the call down, which has the name.
    written = [r.getMessage() for r in caplog.records if r.name != "homeassistant.core"]
    assert "Gina" not in str((written, [s.as_dict() for s in hass.states.async_all()]))
    for path in home_folder(hass).rglob("*"):
        if path.is_file():
            assert pin.encode() not in path.read_bytes(), path


async def test_a_pin_of_ones_own(
    hass: HomeAssistant, home: Home, nuki: NukiLock
) -> None:
    answer = await add_guest(hass, pin="583649")
    assert "pin" not in answer
    assert [code.digits for code in nuki.device.codes] == [583649]
    for pin, key in (
        ("583649", "code_taken"),
        ("111111", "code_weak"),
        ("12", "code_not_for_lock"),
    ):
        with pytest.raises(ServiceValidationError) as caught:
            await add_guest(hass, pin=pin)
        assert caught.value.translation_key == key
        assert pin not in str(caught.value)
    assert len(nuki.device.codes) == 1


async def test_bad_input_changes_nothing(
    hass: HomeAssistant, home: Home, nuki: NukiLock
) -> None:
    size = home.log.size
    for data in (
        {"name": " "},
        {"name": "x" * 101},
        {"name": "\0"},
        {"start": "tomorrow"},
        {"end": 7},
        {"uses": -1},
        {"uses": 10_000},
        {"schedule": "light.kitchen"},
        {"pin": ""},
        {"pin": "1" * 21},
        {"locks": "front"},
    ):
        with pytest.raises(vol.Invalid):
            await add_guest(hass, **data)
    for data, key in (
        ({"locks": ["lock.nowhere"]}, "lock_not_found"),
        ({"schedule": "schedule.nowhere"}, "schedule_not_found"),
        ({"end": "2020-01-01T00:00:00+00:00"}, "code_window_empty"),
        ({"locks": []}, "code_none_fits"),
    ):
        with pytest.raises(ServiceValidationError) as caught:
            await add_guest(hass, **data)
        assert caught.value.translation_key == key
    for action in ("change_guest", "remove_guest"):
        with pytest.raises(ServiceValidationError) as caught:
            await act(hass, action, {"guest": "nobody"})
        assert caught.value.translation_key == "code_not_found"
    for action in ("set_code", "clear_code"):
        with pytest.raises(ServiceValidationError) as caught:
            await act(hass, action, {"person": LOCK})
        assert caught.value.translation_key == "not_a_person"
    assert home.log.size == size
    assert not len(nuki.device.codes)


async def test_the_disk_is_full(
    hass: HomeAssistant, home: Home, nuki: NukiLock
) -> None:
    """No intent, no code."""
    await fail_writes(home)
    with pytest.raises(HomeAssistantError) as caught:
        await add_guest(hass)
    assert caught.value.translation_key == "log_unavailable"
    await fail_writes(home, fail=False)
    assert not len(nuki.device.codes)
    assert (await act(hass, "list_codes"))["codes"] == []


async def test_a_person(
    hass: HomeAssistant, home: Home, nuki: NukiLock, anna: str
) -> None:
    """One code; more times and another PIN change it; with the person it goes."""
    data = {"person": "person.anna_example", "locks": [LOCK]}
    answer = await act(hass, "set_code", data)
    assert (answer["person"], answer["name"]) == (anna, "Anna Example")
    again = await act(hass, "set_code", {**data, "uses": 3})
    assert "pin" not in again
    assert again["uses_left"] == 3
    other = await act(hass, "set_code", {**data, "new_pin": True})
    assert [str(code.digits) for code in nuki.device.codes] == [other["pin"]]
    assert other["pin"] != answer["pin"]
    with pytest.raises(ServiceValidationError):
        await act(hass, "remove_guest", {"guest": home.codes.all()[0].id})
    assert await act(hass, "clear_code", {"person": "person.anna_example"}) == {
        "still_on": []
    }
    assert not len(nuki.device.codes)
    with pytest.raises(ServiceValidationError):
        await act(hass, "clear_code", {"person": "person.anna_example"})


async def test_a_person_is_deleted(
    hass: HomeAssistant,
    home: Home,
    nuki: NukiLock,
    anna: str,
    hass_ws_client: WebSocketGenerator,
) -> None:
    data = {"person": "person.anna_example", "locks": [LOCK]}
    await act(hass, "set_code", data)
    client = await hass_ws_client()
    await client.send_json_auto_id({"type": "person/delete", "person_id": anna})
    assert (await client.receive_json())["success"]
    await until(lambda: not len(nuki.device.codes))
    assert home.codes.all() == []


async def test_a_person_is_deleted_while_we_do_not_run(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock, anna: str
) -> None:
    data = {"person": "person.anna_example", "locks": [LOCK]}
    await act(hass, "set_code", data)
    await hass.config_entries.async_unload(entry.entry_id)
    er.async_get(hass).async_remove("person.anna_example")
    await hass.async_block_till_done()
    assert len(nuki.device.codes) == 1
    await hass.config_entries.async_setup(entry.entry_id)
    await until(lambda: not len(nuki.device.codes))


async def test_after_a_restart(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """It goes on as it stood; that somebody took a code off is said, and not undone."""
    answer = await add_guest(hass)
    (code,) = nuki.device.codes
    assert await hass.config_entries.async_reload(entry.entry_id)
    home = entry.runtime_data
    (known,) = home.codes.all()
    assert known.id == answer["guest"]
    await until(lambda: home.codes._reconcilers)
    await hass.async_block_till_done()
    assert [c.code_id for c in nuki.device.codes] == [code.code_id]
    await hass.config_entries.async_unload(entry.entry_id)
    nuki.device.codes.remove(code.code_id)
    await hass.config_entries.async_setup(entry.entry_id)
    await until(lambda: "code_failed" in issues(hass))
    (listed,) = (await act(hass, "list_codes"))["codes"]
    assert listed["locks"][0]["reason"] == "missing"
    assert not len(nuki.device.codes)
    await act(hass, "resync", {"lock": LOCK})
    assert nuki.device.press(int(answer["pin"])).opened
    assert "code_failed" not in issues(hass)


async def test_switched_off_in_the_makers_app(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """That is somebody's wish: it is said at each start, and undone by who asks for it."""
    answer = await add_guest(hass)
    (code,) = nuki.device.codes
    await hass.config_entries.async_unload(entry.entry_id)
    nuki.device.codes.update(
        code.code_id, code.digits, code.name, enabled=False, window=code.window
    )
    for _ in range(2):
        await hass.config_entries.async_unload(entry.entry_id)
        await hass.config_entries.async_setup(entry.entry_id)
        await looked(entry)
        assert "code_failed" in issues(hass)
        (listed,) = (await act(hass, "list_codes"))["codes"]
        assert listed["locks"][0]["reason"] == "missing"
        assert not nuki.device.press(int(answer["pin"])).opened
    await act(hass, "resync", {"lock": LOCK})
    assert nuki.device.press(int(answer["pin"])).opened
    assert "code_failed" not in issues(hass)


async def test_switched_off_and_over(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """It comes off all the same, or somebody could switch it on again."""
    answer = await add_guest(hass)
    (code,) = nuki.device.codes
    await hass.config_entries.async_unload(entry.entry_id)
    nuki.device.codes.update(
        code.code_id, code.digits, code.name, enabled=False, window=code.window
    )
    await hass.config_entries.async_setup(entry.entry_id)
    await until(lambda: "code_failed" in issues(hass))
    await act(hass, "remove_guest", {"guest": answer["guest"]})
    await until(lambda: not len(nuki.device.codes))
    assert "code_failed" not in issues(hass)


async def test_a_grant_leaves_codes_of_guests_alone(
    hass: HomeAssistant, home: Home, nuki: NukiLock
) -> None:
    """What no grant knows is not a stray."""
    await add_guest(hass)
    await home.grants.reconcile(nuki.address)
    assert len(nuki.device.codes) == 1


async def test_the_lock_leaves(
    hass: HomeAssistant, entry: HomeEntry, home: Home, nuki: NukiLock
) -> None:
    """Its codes come off, and the guest has no lock."""
    await add_guest(hass)
    (subentry,) = entry.subentries
    hass.config_entries.async_remove_subentry(entry, subentry)
    await until(lambda: not len(nuki.device.codes))
    (code,) = home.codes.all()
    assert (code.locks, code.places) == (frozenset(), {})


async def test_an_end_by_the_clock_of_home_assistant(
    hass: HomeAssistant, home: Home, nuki: NukiLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock ends it, and we take it off; the event says so."""
    end = (NOW() + timedelta(hours=1)).replace(microsecond=0)
    await add_guest(hass, end=end.isoformat())
    (code,) = nuki.device.codes
    assert code.window
    assert code.window.end == end
    pass_to(home, end + timedelta(seconds=1), monkeypatch)
    await until(lambda: not len(nuki.device.codes))
    await until_entry(home, "code", event="ended")
    await access_of(home, "code_removed")


# Schedules: Home Assistant's own, with its time zone and its summer time


async def schedule(hass: HomeAssistant, **days: list[dict[str, str]]) -> None:
    """Make a schedule of Home Assistant."""
    config = {"schedule": {"cleaner": {"name": "Cleaner", **days}}}
    assert await async_setup_component(hass, "schedule", config)
    await hass.async_block_till_done()


@pytest.mark.parametrize("expected_lingering_timers", [True])
async def test_a_schedule_that_is_on(
    hass: HomeAssistant, home: Home, nuki: NukiLock
) -> None:
    """The lock itself ends the block."""
    today = dt_util.now().strftime("%A").lower()
    tomorrow = (dt_util.now() + timedelta(days=1)).strftime("%A").lower()
    whole = [{"from": "00:00:00", "to": "24:00:00"}]
    await schedule(hass, **{today: whole, tomorrow: whole})
    await add_guest(hass, schedule=SCHEDULE)
    (code,) = nuki.device.codes
    assert code.window
    state = hass.states.get(SCHEDULE)
    assert state
    block = state.attributes["next_event"]
    assert code.window.end == dt_util.as_utc(block)


@pytest.mark.parametrize("expected_lingering_timers", [True])
@pytest.mark.parametrize(
    ("before", "at", "end"),
    [
        # 02:00 becomes 03:00: a block from 01:30 to 04:00 lasts an hour and a half.
        ("2026-03-29T00:29", "2026-03-29T00:31", "2026-03-29T02:00"),
        # 03:00 becomes 02:00: it lasts three and a half.
        ("2026-10-24T23:29", "2026-10-24T23:31", "2026-10-25T03:00"),
    ],
)
async def test_summer_time(
    hass: HomeAssistant, freezer: Any, before: str, at: str, end: str
) -> None:
    """A block that crosses the change of the clock, both ways (times are UTC)."""
    await hass.config.async_set_time_zone("Europe/Berlin")
    told: list[str] = []
    ours = schedules.Schedules(hass, told.append, lambda entity, silent: None)

    async def pass_to_time(time: datetime) -> Opening:
        freezer.move_to(time)
        async_fire_time_changed(hass, time)
        await hass.async_block_till_done()
        return ours.opening(SCHEDULE)

    freezer.move_to(f"{before}+00:00")
    await schedule(hass, sunday=[{"from": "01:30:00", "to": "04:00:00"}])
    ours.follow({SCHEDULE})
    assert ours.opening(SCHEDULE).on is False
    over = datetime.fromisoformat(f"{end}+00:00")
    opening = await pass_to_time(datetime.fromisoformat(f"{at}+00:00"))
    assert opening == Opening(on=True, until=over)
    opening = await pass_to_time(over - timedelta(seconds=5))
    assert opening.on is True
    opening = await pass_to_time(over + timedelta(seconds=5))
    assert opening.on is False
    assert told == [SCHEDULE, SCHEDULE]
    ours.stop()


async def test_a_schedule_that_falls_silent(
    hass: HomeAssistant, home: Home, nuki: NukiLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For five minutes nothing changes; then the code is off, and a repair says why."""
    hass.states.async_set(SCHEDULE, "on")
    await add_guest(hass, schedule=SCHEDULE)
    assert len(nuki.device.codes) == 1
    hass.states.async_set(SCHEDULE, STATE_UNAVAILABLE)
    await hass.async_block_till_done()
    assert len(nuki.device.codes) == 1
    assert "schedule_silent" not in issues(hass)
    hass.states.async_set(SCHEDULE, "on")
    monkeypatch.setattr(schedules, "GRACE", timedelta(seconds=0.2))
    hass.states.async_set(SCHEDULE, STATE_UNAVAILABLE)
    await until(lambda: not len(nuki.device.codes))
    assert "schedule_silent" in issues(hass)
    hass.states.async_set(SCHEDULE, "on")
    await until(lambda: len(nuki.device.codes) == 1)
    assert "schedule_silent" not in issues(hass)


async def test_a_calendar_as_a_schedule(
    hass: HomeAssistant, home: Home, nuki: NukiLock
) -> None:
    """The end of its event is local time, as Home Assistant gives it."""
    await hass.config.async_set_time_zone("Europe/Berlin")
    end = (dt_util.now() + timedelta(hours=2)).replace(microsecond=0)
    attributes = {"end_time": end.strftime("%Y-%m-%d %H:%M:%S")}
    hass.states.async_set("calendar.cleaner", "on", attributes)
    await add_guest(hass, schedule="calendar.cleaner")
    (code,) = nuki.device.codes
    assert code.window
    assert code.window.end == dt_util.as_utc(end)
    hass.states.async_set("calendar.cleaner", "off")
    await until(lambda: not len(nuki.device.codes))


async def test_another_time_zone(
    hass: HomeAssistant, home: Home, nuki: NukiLock
) -> None:
    """A window is a moment: it does not move with the zone of Home Assistant."""
    await hass.config.async_set_time_zone("Europe/Berlin")
    local = (dt_util.now() + timedelta(days=2)).replace(microsecond=0)
    await add_guest(hass, end=local.strftime("%Y-%m-%d %H:%M:%S"))
    (code,) = nuki.device.codes
    assert code.window
    assert code.window.end == dt_util.as_utc(local)
    await hass.config.async_set_time_zone("America/New_York")
    await home.codes.due()
    await hass.async_block_till_done()
    (code,) = nuki.device.codes
    assert code.window
    assert code.window.end == dt_util.as_utc(local)


async def test_the_notice(hass: HomeAssistant, home: Home) -> None:
    """Says that there is a log, for how long, and what may be asked."""
    text = (await act(hass, "guest_notice"))["text"]
    assert home.entry.title in text
    assert "90 days" in text


async def test_resync(hass: HomeAssistant, home: Home, nuki: NukiLock) -> None:
    """A code that somebody took off in the maker's app is put on again."""
    answer = await add_guest(hass)
    (code,) = nuki.device.codes
    nuki.device.codes.remove(code.code_id)
    answered = await act(hass, "resync", {"lock": LOCK})
    assert answered["codes"] == [{"guest": answer["guest"], "state": "active"}]
    assert len(nuki.device.codes) == 1


async def test_erased_and_exported(
    hass: HomeAssistant, home: Home, nuki: NukiLock
) -> None:
    """A guest who asks gets all of it, and then is nobody."""
    answer = await add_guest(hass)
    nuki.device.press(int(answer["pin"]))
    await access_of(home, "unlocked")
    await act(hass, "remove_guest", {"guest": answer["guest"]})
    await until(lambda: not home.codes._codes)
    await until_entry(home, "code", event="removed")
    exported = await act(hass, "export_person", {"name": "Gina"})
    assert exported["entries"] >= 2
    await act(hass, "erase_person", {"name": "Gina"})
    assert "Gina" not in str(await log_of(home))


@pytest.mark.parametrize(
    ("domain", "data"),
    [
        ("keymaster", {"lock_entity_id": LOCK}),
        ("lock_code_manager", {"locks": [LOCK, "lock.other"], "slots": {}}),
    ],
)
async def test_another_writer(
    hass: HomeAssistant, home: Home, domain: str, data: dict[str, Any]
) -> None:
    """It is said as long as it is so."""
    assert "two_writers" not in issues(hass)
    other = MockConfigEntry(domain=domain, title="Front", data=data)
    other.add_to_hass(hass)
    hass.config_entries.async_update_entry(other, title="Front door")
    assert "two_writers" in issues(hass)
    await hass.config_entries.async_remove(other.entry_id)
    assert "two_writers" not in issues(hass)
    elsewhere = MockConfigEntry(domain=domain, data={})
    elsewhere.add_to_hass(hass)
    home.writers.check()
    assert "two_writers" not in issues(hass)


async def test_a_lock_that_left_while_we_did_not_run(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """Its codes are not on it any more, and do not come back with it."""
    await add_guest(hass)
    await hass.config_entries.async_unload(entry.entry_id)
    (subentry,) = entry.subentries
    hass.config_entries.async_remove_subentry(entry, subentry)
    await hass.config_entries.async_setup(entry.entry_id)
    home = entry.runtime_data
    await until(lambda: not len(nuki.device.codes))
    (code,) = home.codes.all()
    assert (code.locks, code.places) == (frozenset(), {})
    assert await act(hass, "remove_guest", {"guest": code.id}) == {"still_on": []}


async def test_a_script_that_is_stopped(
    hass: HomeAssistant, home: Home, nuki: NukiLock
) -> None:
    """What was begun goes to its end."""
    answer = await add_guest(hass)
    removing = asyncio.create_task(home.codes.remove(answer["guest"], HOME_ACTOR))
    await asyncio.sleep(0)
    removing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await removing
    await until(lambda: not len(nuki.device.codes))
    await until(lambda: not home.codes._codes)


@pytest.mark.parametrize(
    "times",
    [
        {"end": "9999-12-31T00:00:00+00:00"},
        {"start": "1999-12-31T00:00:00+00:00"},
        {"start": "0001-01-01T00:00:00+00:00"},
    ],
)
async def test_times_that_no_lock_knows(
    hass: HomeAssistant, home: Home, times: dict[str, str]
) -> None:
    with pytest.raises(ServiceValidationError) as caught:
        await add_guest(hass, **times)
    assert caught.value.translation_key == "code_time_far"
    assert home.codes.all() == []


async def test_a_pin_that_is_none(hass: HomeAssistant, home: Home) -> None:
    """No part of it comes back."""
    for pin in ("12x456", "١٢٣٤٥٦", "123 456"):
        with pytest.raises(vol.Invalid):
            await add_guest(hass, pin=pin, locks=[])


async def test_our_own_calendar_is_no_schedule(hass: HomeAssistant, home: Home) -> None:
    """A guest's own event would let the guest in at any time."""
    calendar = "calendar.test_home_guests_and_emergency_access"
    with pytest.raises(ServiceValidationError) as caught:
        await add_guest(hass, schedule=calendar)
    assert caught.value.translation_key == "schedule_not_found"


async def test_the_alarm_sleeps_in_naps(
    hass: HomeAssistant, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that is set forward must not let a code open longer."""
    rung: list[int] = []

    async def work() -> None:
        rung.append(1)

    alarm = alarm_module.Alarm(hass, work, home.spawn, "test")
    monkeypatch.setattr(alarm_module, "_NAP", timedelta(seconds=0.05))
    alarm.set(NOW() + timedelta(hours=1))
    await asyncio.sleep(0.2)
    assert not rung
    ahead = NOW() + timedelta(hours=2)
    monkeypatch.setattr(alarm_module, "utc_now", lambda: ahead)
    await until(lambda: rung)
    alarm.set(ahead + timedelta(hours=1))
    alarm.stop()
    alarm.set(NOW())
    assert alarm._off is None


async def test_what_we_did_ourselves_is_no_foreign_hand(
    hass: HomeAssistant, home: Home, nuki: NukiLock
) -> None:
    """A lock that tells of a change over the air tells of ours."""
    await add_guest(hass)
    (code,) = home.codes.all()
    (place,) = code.places.values()
    event = AccessEvent(
        lock=nuki.address,
        event=AccessKind.CODE_REMOVED,
        method=Method.UNKNOWN,
        time=NOW(),
        code_name=place.marker,
        remote=True,
        source="lock_event",
    )
    home.keeping.accessed(event)
    assert place.state == "active"
    home.keeping.accessed(replace(event, remote=False, source="command"))
    assert place.state == "active"
    home.keeping.accessed(replace(event, remote=False))
    assert place.state == "unverified"
    await until(lambda: place.state == "active")
