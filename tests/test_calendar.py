"""Guests and emergency grants as a calendar."""

from datetime import timedelta
from typing import Any

from homeassistant.const import STATE_OFF, STATE_ON
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.util import dt as dt_util
import pytest

from custom_components.smartlock_le.home import Home, HomeEntry
from virtual_home.nuki import NukiLock

from .conftest import LOCK, add_home, log_of
from .support import GRANT, act, as_admin

CALENDAR = "calendar.test_home_guests_and_emergency_access"


async def events(hass: HomeAssistant, days: int = 30) -> list[dict[str, Any]]:
    """Ask for the events of the next days."""
    answer = await hass.services.async_call(
        "calendar",
        "get_events",
        {"entity_id": CALENDAR, "duration": {"days": days}},
        blocking=True,
        return_response=True,
    )
    assert answer
    found: list[dict[str, Any]] = answer[CALENDAR]["events"]  # type: ignore[index, call-overload, assignment]
    return found


async def create(hass: HomeAssistant, **data: Any) -> None:
    """Create an event, as a person does in the calendar."""
    await hass.services.async_call(
        "calendar",
        "create_event",
        {"entity_id": CALENDAR, "summary": "Gina", **data},
        blocking=True,
        context=await as_admin(hass),
    )


def shown(hass: HomeAssistant) -> Any:
    """Return the calendar's state."""
    state = hass.states.get(CALENDAR)
    assert state
    return state


async def test_guests_and_grants(
    hass: HomeAssistant, home: Home, nuki: NukiLock
) -> None:
    """By name for who asks, by pseudonym in the state that every user reads."""
    assert shown(hass).state == STATE_OFF
    assert await events(hass) == []
    answer = await act(hass, "add_guest", {"name": "Gina", "locks": [LOCK]})
    await hass.async_block_till_done()
    assert shown(hass).state == STATE_ON
    assert shown(hass).attributes["message"] == f"guest {answer['guest']}"
    assert shown(hass).attributes["location"] == "Front door"
    await act(hass, "grant_emergency_access", GRANT)
    await hass.async_block_till_done()
    found = {event["summary"] for event in await events(hass)}
    assert "Gina" in found
    assert any(summary.startswith("grant ") for summary in found)
    assert "Engine" not in str(await events(hass))
    assert "Gina" not in str(shown(hass).as_dict())
    assert "Engine" not in str(shown(hass).as_dict())


async def test_a_grant_that_ends_at_once(hass: HomeAssistant, home: Home) -> None:
    """Home Assistant takes no event without a length, as after a clock that was wrong."""
    await act(hass, "grant_emergency_access", GRANT)
    (grant,) = home.grants.open_grants()
    grant.end = grant.start - timedelta(hours=1)
    (event,) = await events(hass)
    assert event["start"] < event["end"]


async def test_a_past_guest_is_not_next(hass: HomeAssistant, home: Home) -> None:
    """Only what runs or comes is the calendar's state."""
    start = dt_util.utcnow() + timedelta(days=40)
    end = start + timedelta(days=1)
    data = {"start": start.isoformat(), "end": end.isoformat()}
    await act(hass, "add_guest", {"name": "Gina", "locks": [LOCK], **data})
    await hass.async_block_till_done()
    assert shown(hass).state == STATE_OFF
    assert await events(hass) == []
    assert len(await events(hass, 50)) == 1


async def test_an_event_makes_a_guest(
    hass: HomeAssistant, home: Home, nuki: NukiLock
) -> None:
    """Of all locks that take codes; with a PIN once an admin gives one."""
    start = dt_util.now().replace(microsecond=0) + timedelta(hours=1)
    end = start + timedelta(days=2)
    await create(hass, start_date_time=start.isoformat(), end_date_time=end.isoformat())
    (code,) = home.codes.all()
    assert (code.name, code.when.start, code.when.end) == (
        *("Gina", dt_util.as_utc(start), dt_util.as_utc(end)),
    )
    assert not len(nuki.device.codes)
    (entry,) = await log_of(home, "code")
    assert (entry["actor_kind"], entry["actor_name"]) == ("unknown", "")
    answer = await act(hass, "change_guest", {"guest": code.id, "new_pin": True})
    assert [str(c.digits) for c in nuki.device.codes] == [answer["pin"]]


async def test_whole_days(hass: HomeAssistant, home: Home) -> None:
    """From midnight to midnight, where Home Assistant is."""
    await hass.config.async_set_time_zone("Europe/Berlin")
    await create(hass, start_date="2099-07-01", end_date="2099-07-03")
    (code,) = home.codes.all()
    assert code.when.start
    assert code.when.start.isoformat() == "2099-06-30T22:00:00+00:00"


async def test_what_cannot_be(
    hass: HomeAssistant, home: Home, hass_ws_client: Any
) -> None:
    """Each with its reason."""
    days = {"start_date": "2099-07-01", "end_date": "2099-07-03"}
    for data, key in (
        ({"summary": "x" * 101, **days}, "guest_needs_name"),
        (
            {"start_date": "2020-07-01", "end_date": "2020-07-03"},
            "code_window_empty",
        ),
    ):
        with pytest.raises(ServiceValidationError) as caught:
            await create(hass, **data)
        assert caught.value.translation_key == key
    client = await hass_ws_client()
    await client.send_json_auto_id(
        {
            "type": "calendar/event/create",
            "entity_id": CALENDAR,
            "event": {
                "summary": "Gina",
                "dtstart": "2099-07-01",
                "dtend": "2099-07-03",
                "rrule": "FREQ=WEEKLY",
            },
        }
    )
    answer = await client.receive_json()
    assert not answer["success"]
    assert home.codes.all() == []


async def test_no_lock_takes_codes(hass: HomeAssistant, nuki: NukiLock) -> None:
    entry: HomeEntry = await add_home(hass, nuki, pin=None)
    with pytest.raises(ServiceValidationError) as caught:
        await create(hass, start_date="2099-07-01", end_date="2099-07-03")
    assert caught.value.translation_key == "no_code_lock"
    await hass.config_entries.async_unload(entry.entry_id)
