"""Triggers of automations, in automations."""

from datetime import UTC, datetime, timedelta
from typing import Any

from homeassistant.components import automation
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import Context, Event, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import (
    area_registry as ar,
    condition,
    device_registry as dr,
    entity_registry as er,
    event,
)
from homeassistant.helpers.trigger import async_get_all_descriptions
from homeassistant.setup import async_setup_component
from homeassistant.util.async_ import get_scheduled_timer_handles
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from custom_components.smartlock_le import watches
from custom_components.smartlock_le.access.codes import Change
from custom_components.smartlock_le.condition import CONDITIONS
from custom_components.smartlock_le.const import DOMAIN
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.models import Actor, ActorKind
from custom_components.smartlock_le.trigger import TRIGGERS
from custom_components.smartlock_le.watches import ExpiryWatch
from virtual_home.nuki import NukiLock

from .conftest import LOCK, until
from .support import GRANT, act, as_admin

ACCESS = "event.front_door_access"
OWNER = Actor(ActorKind.OWNER, "0a1b2c3d", "Olive Owner")
START = datetime(2026, 6, 1, 12, tzinfo=UTC)
AT = {"target": {"entity_id": ACCESS}}
SAYS = {
    "id": "{{ trigger.id }}",
    "all": "{{ trigger | string }}",
    "code": "{{ trigger.code | default('') }}",
}


async def automate(hass: HomeAssistant, *triggers: dict[str, Any]) -> list[Event]:
    """Make an automation that tells of each trigger; return what it told."""
    events = async_capture_events(hass, "told")
    config = {
        "id": "door",
        "alias": "Door",
        "mode": "parallel",
        "max": 50,
        "triggers": [
            {**item, "trigger": f"{DOMAIN}.{item['trigger']}"} for item in triggers
        ],
        "actions": [{"event": "told", "event_data": SAYS}],
    }
    assert await async_setup_component(hass, "automation", {"automation": config})
    await hass.async_block_till_done()
    state = hass.states.get("automation.door")
    assert state and state.state == "on"
    return events


def heard(events: list[Event]) -> set[str]:
    """Return the ids of what was told, and forget it."""
    told = [event.data["id"] for event in events]
    assert len(told) == len(set(told)), told
    events.clear()
    return set(told)


def granted(who: str, **options: Any) -> dict[str, Any]:
    """Return a trigger of one way to get access."""
    return {
        "trigger": "access_granted",
        "id": who,
        **AT,
        "options": {"who": who, **options},
    }


# At an access event that the test writes


class Told:
    """The access event of a lock that is in the registry alone."""

    def __init__(self, hass: HomeAssistant, name: str = "front_door") -> None:
        """Register it."""
        self.hass = hass
        self.entity_id = (
            er.async_get(hass)
            .async_get_or_create(
                "event", DOMAIN, f"{name}_access", suggested_object_id=f"{name}_access"
            )
            .entity_id
        )
        hass.states.async_set(self.entity_id, "unknown")

    async def tell(self, at: float, told: float = 0.0, **attributes: Any) -> None:
        """Tell of something that happened at that second."""
        happened = START + timedelta(seconds=at)
        attributes = {
            "event_type": "denied",
            "time": happened.isoformat(),
            **attributes,
        }
        stamp = (START + timedelta(seconds=told or at)).isoformat(
            timespec="milliseconds"
        )
        self.hass.states.async_set(self.entity_id, stamp, attributes)
        await self.hass.async_block_till_done()


BURST = {
    "trigger": "wrong_codes",
    "id": "burst",
    "target": {"entity_id": [ACCESS, "event.back_door_access"]},
    "options": {"count": 3, "within": {"seconds": 60}},
}


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        ((0, 30, 60), [60]),
        ((0, 30, 61), []),
        # One burst is told of once, for as long as it goes on.
        ((0, 1, 2, 3, 40, 80, 139), [2]),
        # Left alone for longer than that, it begins anew.
        ((0, 1, 2, 63, 64, 65), [2, 65]),
        ((0, 1, 2, 62, 63, 64), [2]),
    ],
)
async def test_bursts(
    hass: HomeAssistant,
    enable_custom_integrations: None,
    seconds: tuple[int, ...],
    told: list[int],
) -> None:
    """So many at one lock within the time; when they happened counts."""
    door = Told(hass)
    events = await automate(hass, BURST)
    heard_at = []
    for second in seconds:
        # All of it in one moment, as a lock tells what it kept while it was away.
        await door.tell(second, told=1000)
        if events:
            heard_at.append(second)
            events.clear()
    assert heard_at == told


async def test_what_is_no_burst(
    hass: HomeAssistant, enable_custom_integrations: None
) -> None:
    """Two doors, a renamed entity, what is no event of ours."""
    front, back = Told(hass), Told(hass, "back_door")
    events = await automate(hass, BURST)
    await front.tell(0)
    await back.tell(1)
    await front.tell(2)
    await back.tell(3)
    for name in ("Hall", "Gate", "Door"):
        await front.tell(2, friendly_name=name)
    await front.tell(4, event_type="locked")
    assert events == []
    # An event from before there was a time in it.
    hass.states.async_set(front.entity_id, "unavailable")
    await front.tell(5)
    now = datetime.now(UTC)
    for minutes in (1, 2, 3):
        stamp = (now + timedelta(minutes=minutes)).isoformat()
        hass.states.async_set(front.entity_id, stamp, {"event_type": "denied"})
        await hass.async_block_till_done()
    assert heard(events) == {"burst"}


@pytest.mark.parametrize(
    ("told", "who"),
    [
        ({"actor": "owner 1"}, {"known", "resident"}),
        ({"actor": "owner 1", "by_grant": True}, {"known", "emergency"}),
        ({"actor": "code 3", "method": "keypad"}, {"known"}),
        ({"actor": "credential 3", "method": "app"}, {"known"}),
        ({"actor": "home"}, set()),
        ({"actor": "unknown", "event_type": "opened"}, set()),
        ({}, set()),
        ({"actor": "lock", "method": "automatic"}, None),
        ({"actor": "unknown", "method": "door", "event_type": "opened"}, None),
        ({"actor": "owner 1", "event_type": "locked"}, None),
    ],
)
async def test_who_is_who(
    hass: HomeAssistant,
    enable_custom_integrations: None,
    told: dict[str, Any],
    who: set[str] | None,
) -> None:
    """By what the event says; None: nobody got access at all."""
    door = Told(hass)
    events = await automate(
        hass,
        *map(granted, ("anyone", "known", "resident", "guest", "emergency")),
    )
    await door.tell(0, **{"event_type": "unlocked", **told})
    assert heard(events) == (set() if who is None else {"anyone", *who})


async def test_without_a_home(
    hass: HomeAssistant, enable_custom_integrations: None
) -> None:
    """They wait for one, and can be switched off meanwhile."""
    Told(hass)
    events = await automate(
        hass,
        {"trigger": "code_expiring", "id": "code", "options": {}},
        {"trigger": "battery_low", "id": "battery", **AT},
    )
    other = MockConfigEntry(domain="other")
    other.add_to_hass(hass)
    other.mock_state(hass, ConfigEntryState.LOADED)
    await hass.services.async_call(
        automation.DOMAIN, "turn_off", {"entity_id": "automation.door"}, blocking=True
    )
    assert events == []


async def test_they_are_offered(
    hass: HomeAssistant, enable_custom_integrations: None
) -> None:
    """Home Assistant reads what it shows of them."""
    assert await async_setup_component(hass, "automation", {})
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done()
    shown = await async_get_all_descriptions(hass)
    ours = {name: about for name, about in shown.items() if name.startswith(DOMAIN)}
    assert set(ours) == {f"{DOMAIN}.{name}" for name in TRIGGERS}
    assert all(ours.values())
    shown = await condition.async_get_all_descriptions(hass)
    ours = {name: about for name, about in shown.items() if name.startswith(DOMAIN)}
    assert set(ours) == {f"{DOMAIN}.{name}" for name in CONDITIONS}
    assert all(ours.values())


# At a real lock


async def test_who_gets_access(
    hass: HomeAssistant, entry: HomeEntry, home: Home, nuki: NukiLock
) -> None:
    """Each way to get access, and what is none; nobody is named."""
    given = await home.codes.add_guest(
        Change(name="Gina Guest", locks=frozenset({nuki.address}), new_code=True),
        OWNER,
    )
    answer = await act(hass, "grant_emergency_access", GRANT)
    events = await automate(
        hass,
        *map(granted, ("anyone", "known", "resident", "guest", "emergency")),
        {**granted("anyone", keypad_only=True), "id": "keypad"},
        {"trigger": "access_denied", "id": "denied", **AT},
        {
            "trigger": "wrong_codes",
            "id": "burst",
            **AT,
            "options": {"count": 2, "within": {"hours": 1}},
        },
    )
    said: list[Event] = []

    async def told(*ids: str) -> None:
        await until(lambda: len(events) >= len(ids))
        await hass.async_block_till_done()
        said.extend(events)
        assert heard(events) == set(ids)

    nuki.device.press(int(given.digits))
    await told("anyone", "known", "guest", "keypad")
    nuki.device.press(int(answer["code"]))
    await told("anyone", "known", "emergency", "keypad")
    nuki.device.press(999999)
    await told("denied")
    nuki.device.press(999998)
    await told("denied", "burst")
    nuki.device.press(999997)
    await told("denied")
    for context, who in (
        (Context(), {"anyone"}),
        (await as_admin(hass), {"anyone", "known", "resident"}),
    ):
        await hass.services.async_call(
            "lock", "unlock", {"entity_id": LOCK}, blocking=True, context=context
        )
        await told(*who)
    # The door itself, and a home that comes back, let nobody in.
    nuki.device.move_door(is_open=True)
    await until(
        lambda: hass.states.get(ACCESS).attributes["method"] == "door"  # type: ignore[union-attr]
    )
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert events == []
    assert given.code.id in str([event.data for event in said])
    for secret in ("Gina", "Olive", "Engine", given.digits, answer["code"]):
        assert secret not in str([event.data for event in said])


async def test_a_jam(
    hass: HomeAssistant, entry: HomeEntry, home: Home, nuki: NukiLock
) -> None:
    """A device, an area: whatever stands for the lock."""
    device = dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, nuki.address), entry.entry_id
    )
    assert device
    area = ar.async_get(hass).async_create("Hall")
    dr.async_get(hass).async_update_device(device.id, area_id=area.id)
    events = await automate(
        hass,
        {"trigger": "jammed", "id": "device", "target": {"device_id": device.id}},
        {"trigger": "jammed", "id": "area", "target": {"area_id": area.id}},
        {"trigger": "jammed", "id": "other", "target": {"entity_id": "event.other"}},
    )
    nuki.device.bolt.jammed = True
    with pytest.raises(HomeAssistantError):
        await hass.services.async_call(
            "lock", "unlock", {"entity_id": LOCK}, blocking=True
        )
    await until(lambda: len(events) == 2)
    assert heard(events) == {"device", "area"}


async def test_the_battery(
    hass: HomeAssistant, entry: HomeEntry, home: Home, nuki: NukiLock
) -> None:
    """Once for each time that it becomes low, across a restart of the home, too."""
    low = {"trigger": "battery_low", **AT, "options": {"below": 50}}
    events = await automate(
        hass,
        {**low, "id": "low"},
        {**low, "id": "other", "target": {"entity_id": "event.other"}},
    )

    async def charge(percent: int) -> None:
        nuki.device.set_battery(percent)
        lock = home.roster.find(nuki.address)
        assert lock
        await until(lambda: lock.driver.state.battery == percent)
        await hass.async_block_till_done()

    for percent, told in ((50, True), (52, False), (50, False), (56, False)):
        await charge(percent)
        assert heard(events) == ({"low"} if told else set()), percent
    await hass.config_entries.async_reload(entry.entry_id)
    home = entry.runtime_data
    await charge(18)
    assert "'battery': 18" in str(events[0].data["all"])
    assert heard(events) == {"low"}
    # Switched off it follows nothing.
    lock = home.roster.find(nuki.address)
    assert lock
    count = len(lock.driver._on_change._listeners)
    await hass.services.async_call(
        automation.DOMAIN, "turn_off", {"entity_id": "automation.door"}, blocking=True
    )
    assert len(lock.driver._on_change._listeners) == count - 2


def ring(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> int:
    """Let the moment of each watch's timer come; return how many there were."""
    count = 0
    for handle in list(get_scheduled_timer_handles(hass.loop)):
        job = getattr(handle._callback, "job", None)
        target = getattr(getattr(job, "target", None), "func", None)
        if getattr(target, "__func__", None) is ExpiryWatch._ring:
            point = handle._callback.utc_point_in_time  # type: ignore[attr-defined]
            if not handle.cancelled():
                monkeypatch.setattr(event, "time_tracker_timestamp", point.timestamp)
                handle._run()
                handle.cancel()
                count += 1
    return count


async def test_the_end_of_a_code(
    hass: HomeAssistant,
    entry: HomeEntry,
    home: Home,
    nuki: NukiLock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of guests alone, once, while there is time to do something about it."""
    locks = frozenset({nuki.address})

    def end(minutes: float) -> dict[str, datetime]:
        return {"end": datetime.now(UTC) + timedelta(minutes=minutes)}

    async def guest(minutes: float, *, code: bool = True) -> str:
        change = Change(
            name="Gina Guest", locks=locks, new_code=code, times=end(minutes)
        )
        return (await home.codes.add_guest(change, OWNER)).code.id

    async def told(*codes: str) -> None:
        assert ring(hass, monkeypatch) == bool(codes)
        await hass.async_block_till_done()
        assert {event.data["code"] for event in events} == set(codes)
        text = str([event.data for event in events])
        assert text.count("['Front door']") == len(codes)
        assert "Gina" not in text and "Olive" not in text
        events.clear()

    first, second, late = await guest(90), await guest(150), await guest(30)
    await guest(60 * 24, code=False)
    hour = {"options": {"before": {"hours": 1}}}
    events = await automate(hass, {"trigger": "code_expiring", "id": "a", **hour})
    # One timer at a time, for the next that is due.
    await told(first)
    await told(second)
    await told()
    # Another end is another matter, and a code that is taken away is none any more.
    await home.codes.change(first, Change(name="Gina G."), OWNER)
    await told()
    await home.codes.change(first, Change(times=end(300)), OWNER)
    await home.codes.change(late, Change(times=end(240)), OWNER)
    await home.codes.remove(late, OWNER)
    # What is due while the home is away is told when it is back.
    await hass.config_entries.async_unload(entry.entry_id)
    await told()
    later = datetime.now(UTC) + timedelta(minutes=270)
    monkeypatch.setattr(watches, "utc_now", lambda: later)
    await hass.config_entries.async_setup(entry.entry_id)
    await told(first)
    # Nothing is left of an automation that is switched off.
    home = entry.runtime_data
    await home.codes.change(second, Change(times=end(400)), OWNER)
    await hass.services.async_call(
        automation.DOMAIN, "turn_off", {"entity_id": "automation.door"}, blocking=True
    )
    await told()
