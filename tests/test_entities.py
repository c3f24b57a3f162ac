"""What a person sees of a home and its locks, and what they can do there."""

from collections.abc import Callable
from itertools import count
import logging
from typing import Any

from homeassistant.components.logbook import (
    LOGBOOK_ENTRY_ENTITY_ID,
    LOGBOOK_ENTRY_MESSAGE,
    LOGBOOK_ENTRY_NAME,
)
from homeassistant.const import (
    EVENT_STATE_CHANGED,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
    Platform,
)
from homeassistant.core import (
    Context,
    Event,
    EventStateChangedData,
    HomeAssistant,
    State,
    callback,
)
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.util import ulid as ulid_util
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events
from pytest_homeassistant_custom_component.syrupy import HomeAssistantSnapshotExtension
from syrupy.assertion import SnapshotAssertion
from syrupy.filters import props

import custom_components.smartlock_le as integration
from custom_components.smartlock_le.const import DOMAIN, EVENT_ACCESS
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.locks.nuki.driver import NukiDriver
from custom_components.smartlock_le.logbook import async_describe_events
from custom_components.smartlock_le.opening import home_folder
from virtual_home.nuki import NukiLock
from virtual_home.nuki.wire import DoorState, LogType

from .conftest import LOCK, add_home, log_of, until
from .locks.support import eventually
from .log.support import edit
from .support import (
    GRANT,
    act,
    fail_writes,
    idle,
    issues,
    keys_file,
    unheard,
    unwritable,
)

ACCESS = "event.front_door_access"
DOOR = "binary_sensor.front_door_door"
CONNECTIVITY = "binary_sensor.front_door_connectivity"
BATTERY = "sensor.front_door_battery"
LOG_PROBLEM = "binary_sensor.test_home_log_problem"
LOG_SIZE = "sensor.test_home_log_size"
OPEN_GRANTS = "sensor.test_home_open_emergency_grants"


def state(hass: HomeAssistant, entity_id: str) -> str:
    """Return the state of an entity."""
    found = hass.states.get(entity_id)
    assert found, entity_id
    return found.state


async def becomes(hass: HomeAssistant, entity_id: str, wanted: str) -> State:
    """Wait until an entity has a state."""
    await until(lambda: (s := hass.states.get(entity_id)) and s.state == wanted)
    found = hass.states.get(entity_id)
    assert found
    return found


async def call(hass: HomeAssistant, service: str, **options: Any) -> None:
    """Call an action of the lock entity."""
    await hass.services.async_call(
        "lock", service, {"entity_id": LOCK}, blocking=True, **options
    )


# How they look


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Leave out what differs each time."""
    return snapshot.use_extension(HomeAssistantSnapshotExtension)


@pytest.mark.parametrize("platform", list(integration.PLATFORMS))
async def test_entities(
    hass: HomeAssistant,
    nuki: NukiLock,
    snapshot: SnapshotAssertion,
    monkeypatch: pytest.MonkeyPatch,
    platform: Platform,
) -> None:
    """Every entity of every platform, and the devices."""
    numbers = count()
    monkeypatch.setattr(integration, "PLATFORMS", [platform])
    monkeypatch.setattr(ulid_util, "ulid_now", lambda: f"ULID{next(numbers):022}")
    entry = await add_home(hass, nuki)
    if platform is Platform.BINARY_SENSOR:
        await until(lambda: hass.states.get(DOOR))
    found = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    for item in sorted(found, key=lambda e: e.entity_id):
        name, home_id = item.entity_id, entry.entry_id
        assert item.unique_id in {
            f"{home_id}_{item.translation_key}",
            f"{nuki.address}_{item.translation_key}",
        }
        # compat_name: only Home Assistant 2026.11 and newer have it.
        without = props("unique_id", "compat_name")
        assert item == snapshot(name=f"{name}-entry", exclude=without)
        shown = hass.states.get(name)
        assert shown == snapshot(name=f"{name}-state", exclude=props("root"))
    for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id):
        assert device == snapshot(
            name=f"device-{device.name}", exclude=props("identifiers")
        )
    await hass.config_entries.async_unload(entry.entry_id)


# The lock


async def test_the_lock_shows_each_step_as_the_lock_tells_it(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """Nothing is shown because it was asked for."""
    shown: list[str] = []

    @callback
    def changed(event: Event[EventStateChangedData]) -> None:
        if event.data["entity_id"] == LOCK and (new := event.data["new_state"]):
            shown.append(new.state)

    hass.bus.async_listen(EVENT_STATE_CHANGED, changed)
    nuki.device.bolt.motor_s = 0.3

    def steps() -> list[str]:
        return [s for i, s in enumerate(shown) if i == 0 or shown[i - 1] != s]

    await call(hass, "unlock")
    await becomes(hass, LOCK, "unlocked")
    await call(hass, "lock")
    await becomes(hass, LOCK, "locked")
    await call(hass, "open")
    await until(lambda: "open" in shown)
    await becomes(hass, LOCK, "unlocked")
    assert [s for s in steps() if s != "opening"] == [
        *("unlocking", "unlocked", "locking", "locked"),
        *("unlocking", "open", "unlocked"),
    ]
    assert "opening" in steps()


async def test_a_jam_is_shown_and_raised(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """The error is one that a person can read."""
    nuki.device.bolt.jammed = True
    with pytest.raises(HomeAssistantError) as caught:
        await call(hass, "unlock")
    assert caught.value.translation_key == "refused_jammed"
    assert caught.value.translation_placeholders == {"lock": "Front door"}
    assert str(caught.value) == "Front door is jammed"
    await becomes(hass, LOCK, "jammed")
    await until(
        lambda: hass.states.get(ACCESS).attributes.get("event_type") == "jammed"
    )


async def test_an_unknown_state_is_unknown(
    hass: HomeAssistant, entry: HomeEntry, home: Home, nuki: NukiLock
) -> None:
    """A lock that lost its place says so, and so do we."""
    nuki.device.bolt.state = 0
    nuki.device.news()
    await becomes(hass, LOCK, STATE_UNKNOWN)


async def test_who_changed_it_is_a_pseudonym(
    hass: HomeAssistant,
    entry: HomeEntry,
    home: Home,
    nuki: NukiLock,
    hass_admin_user: Any,
) -> None:
    """States are read by everyone in the house; the name is in the log."""
    hass_admin_user.name = "Ada Lovelace"
    await call(hass, "unlock", context=Context(user_id=hass_admin_user.id))
    by = f"owner {hass_admin_user.id[:8]}"
    await until(lambda: hass.states.get(LOCK).attributes.get("changed_by") == by)
    assert (await log_of(home, "access"))[0]["actor_name"] == "Ada Lovelace"
    nuki.device.codes.add(345678, "Grace Hopper", None, nuki.device.now)
    nuki.device.press(345678)
    await until(lambda: hass.states.get(LOCK).attributes.get("changed_by") == "code 1")
    everything = str([s.as_dict() for s in hass.states.async_all()])
    assert "Ada" not in everything
    assert "Grace" not in everything
    (_, second) = await log_of(home, "access")
    assert second["actor_name"] == "Grace Hopper"


async def test_who_asked_is_the_owner_a_resident_or_the_home(
    hass: HomeAssistant,
    entry: HomeEntry,
    home: Home,
    hass_admin_user: Any,
    hass_read_only_user: Any,
) -> None:
    """As far as Home Assistant knows it."""
    hass_read_only_user.mock_policy({"entities": True})
    for context in (
        Context(user_id=hass_admin_user.id),
        Context(user_id=hass_read_only_user.id),
        Context(),
        Context(user_id="somebody who was removed"),
    ):
        if context.user_id and context.user_id.startswith("somebody"):
            lock = hass.data["lock"].get_entity(LOCK)
            lock.async_set_context(context)
            await lock.async_lock()
        else:
            await call(hass, "unlock", context=context)
    kinds = [entry["actor_kind"] for entry in await log_of(home, "command")]
    assert kinds == ["owner", "resident", "home", "home"]


async def test_out_of_reach_and_back(
    hass: HomeAssistant,
    entry: HomeEntry,
    nuki: NukiLock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Said once each way; what happened stays on the event."""
    caplog.set_level(logging.INFO)
    caplog.clear()
    nuki.device.turn(lock=False)
    await until(lambda: state(hass, ACCESS) != STATE_UNKNOWN)
    await idle(nuki)
    await nuki.set_in_range(False)
    unheard(hass, nuki)
    for entity_id in (LOCK, DOOR, BATTERY):
        await becomes(hass, entity_id, STATE_UNAVAILABLE)
    assert state(hass, CONNECTIVITY) == "off"
    assert hass.states.get(ACCESS).attributes["event_type"] == "unlocked"
    for _ in range(2):
        with pytest.raises(HomeAssistantError) as caught:
            await home_lock(hass)
        assert caught.value.translation_key == "lock_unreachable"
    nuki.device.turn(lock=True)
    await nuki.set_in_range(True)
    await becomes(hass, LOCK, "locked")
    assert state(hass, CONNECTIVITY) == "on"
    said = [r for r in caplog.records if r.name.startswith("custom_components")]
    assert [
        (r.levelname, r.getMessage()) for r in said if r.levelno >= logging.INFO
    ] == [
        ("INFO", f"Lock {nuki.address} is out of reach"),
        ("INFO", f"Lock {nuki.address} is back"),
    ]


async def home_lock(hass: HomeAssistant) -> None:
    """Lock as somebody does who does not look whether it is available."""
    await hass.data["lock"].get_entity(LOCK).async_lock()


# Its sensors


async def test_door_and_battery(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """As the lock tells it."""
    await becomes(hass, DOOR, "off")
    assert state(hass, BATTERY) == "86"
    nuki.device.move_door(is_open=True)
    nuki.device.set_battery(40)
    await becomes(hass, DOOR, "on")
    await becomes(hass, BATTERY, "40")
    nuki.device.door = 4
    nuki.device.news()
    await becomes(hass, DOOR, STATE_UNKNOWN)


async def test_a_door_comes_with_its_sensor(
    hass: HomeAssistant, nuki: NukiLock
) -> None:
    """No sensor, no entity; one that is fitted later appears."""
    nuki.device.door = 1
    entry = await add_home(hass, nuki)
    assert hass.states.get(DOOR) is None
    nuki.device.door = DoorState.CLOSED
    nuki.device.news()
    await becomes(hass, DOOR, "off")
    nuki.device.set_battery(30)
    await becomes(hass, BATTERY, "30")
    await hass.config_entries.async_unload(entry.entry_id)


async def test_firmware_is_kept_current(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """The device shows what the lock runs since it is back, and does after a restart."""
    (lock,) = entry.runtime_data.roster.locks.values()
    driver = lock.driver
    assert isinstance(driver, NukiDriver)

    def shown() -> str | None:
        (device,) = (
            device
            for device in dr.async_entries_for_config_entry(
                dr.async_get(hass), entry.entry_id
            )
            if (DOMAIN, nuki.address) in device.identifiers
        )
        return device.sw_version

    assert shown() == "3.9.5"
    nuki.device.firmware = (4, 1, 2)
    with unwritable(keys_file(hass).parent):
        driver._config_read = False
        nuki.device.news()
        await until(lambda: shown() == "4.1.2")
    driver.changed()
    await until(lambda: '"4.1.2"' in keys_file(hass).read_text())
    await hass.config_entries.async_reload(entry.entry_id)
    assert shown() == "4.1.2"


# What happened


def told(hass: HomeAssistant) -> list[Event]:
    """Collect what is said on the bus."""
    return async_capture_events(hass, EVENT_ACCESS)


def keypad(code: int) -> Callable[[NukiLock], object]:
    """Type a code."""
    return lambda nuki: nuki.device.press(code)


def app(nuki: NukiLock) -> None:
    """Open it with the maker's app, as far as the lock's log tells of it."""
    nuki.device.write_log(99, "Phone", LogType.LOCK_ACTION, bytes([3, 0, 0, 0]))


def log_action(action: int, trigger: int) -> Callable[[NukiLock], object]:
    """Let the lock tell of an action."""
    return lambda nuki: nuki.device.write_log(
        0, "", LogType.LOCK_ACTION, bytes([action, trigger, 0, 0])
    )


HAPPENINGS: tuple[tuple[Any, str, str, str, str], ...] = (
    (keypad(345678), "unlocked", "keypad", "code 1", "was unlocked at the keypad"),
    (keypad(999999), "denied", "keypad", "unknown", "let nobody in at the keypad"),
    (app, "opened", "app", "credential 99", "was opened with an app"),
    (log_action(2, 1), "locked", "manual", "unknown", "was locked by hand"),
    (
        log_action(1, 2),
        "unlocked",
        "button",
        "unknown",
        "was unlocked with its button",
    ),
    (log_action(2, 3), "locked", "automatic", "lock", "was locked by itself"),
    (log_action(2, 9), "locked", "unknown", "unknown", "was locked"),
    (
        lambda nuki: nuki.device.move_door(is_open=True),
        *("opened", "door", "unknown", "was opened at the door"),
    ),
)


async def test_what_happens_is_told_and_reads_as_a_sentence(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """On the event entity, on the bus and in the logbook, without a name."""
    events = told(hass)
    nuki.device.codes.add(345678, "Grace Hopper", None, nuki.device.now)
    device = er.async_get(hass).async_get(ACCESS)
    assert device
    for happens, event, method, actor, sentence in HAPPENINGS:
        events.clear()
        await until(lambda: not nuki.device.bolt.busy)
        happens(nuki)
        await until(lambda: events)
        (said,) = events
        about = {"actor": actor, "method": method, "by_grant": False, "armed": False}
        assert said.data == {
            "entity_id": LOCK,
            "device_id": device.device_id,
            "lock": "Front door",
            "event": event,
            **about,
        }
        shown = hass.states.get(ACCESS)
        assert shown
        assert shown.attributes.items() >= {"event_type": event, **about}.items()
        assert line(hass, said) == {
            LOGBOOK_ENTRY_NAME: "Front door",
            LOGBOOK_ENTRY_MESSAGE: sentence,
            LOGBOOK_ENTRY_ENTITY_ID: LOCK,
        }


def line(hass: HomeAssistant, event: Event) -> dict[str, str]:
    """Return the line that the logbook shows."""
    found: dict[str, Callable[[Event], dict[str, str]]] = {}

    def describe(
        domain: str, name: str, how: Callable[[Event], dict[str, str]]
    ) -> None:
        assert domain == DOMAIN
        found[name] = how

    async_describe_events(hass, describe)
    return found[EVENT_ACCESS](event)


async def test_a_grant_is_told_from_its_first_code_to_its_last(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """Every step of it bears the mark of the grant, and no agency's name."""
    events = told(hass)
    answer = await act(hass, "grant_emergency_access", GRANT)
    await becomes(hass, OPEN_GRANTS, "1")
    nuki.device.press(int(answer["code"]))
    await until(lambda: len(events) == 2)
    await act(hass, "revoke_grant", {"grant": answer["grant"]})
    await until(lambda: len(events) == 3)
    assert [(e.data["event"], e.data["by_grant"]) for e in events] == [
        ("code_added", True),
        ("unlocked", True),
        ("code_removed", True),
    ]
    assert events[1].data["actor"] == f"grant {answer['grant']}"
    assert [line(hass, e)[LOGBOOK_ENTRY_MESSAGE] for e in events] == [
        "got a code from Home Assistant under an emergency grant",
        "was unlocked at the keypad under an emergency grant",
        "lost a code from Home Assistant under an emergency grant",
    ]
    assert "Engine" not in str([e.data for e in events])
    await becomes(hass, OPEN_GRANTS, "0")


async def test_what_is_no_access_is_not_told(
    hass: HomeAssistant, entry: HomeEntry, home: Home, nuki: NukiLock
) -> None:
    """That a door was closed is in the log alone."""
    nuki.device.move_door(is_open=True)
    await until(lambda: state(hass, ACCESS) != STATE_UNKNOWN)
    events, shown = told(hass), hass.states.get(ACCESS)
    nuki.device.move_door(is_open=False)
    await becomes(hass, DOOR, "off")
    await eventually(lambda: closed(home))
    assert events == []
    assert hass.states.get(ACCESS) == shown


async def closed(home: Home) -> bool:
    """Tell whether the log says that the door was closed."""
    return (await log_of(home, "access"))[-1]["event"] == "door_closed"


# The home


async def test_the_size_of_the_log_grows(
    hass: HomeAssistant, entry: HomeEntry, home: Home, nuki: NukiLock
) -> None:
    """Its attributes change with every entry, and are not recorded."""
    size = int(state(hass, LOG_SIZE))
    await call(hass, "unlock")
    await until(lambda: int(state(hass, LOG_SIZE)) >= size + 3)
    await until(lambda: int(state(hass, LOG_SIZE)) == home.log.size)
    shown = hass.states.get(LOG_SIZE)
    assert shown
    assert shown.attributes["root"] == home.log.root.hex()
    assert shown.attributes["last_verification"] is None
    assert shown.state_info
    assert {"root", "last_verification", "last_verified_size"} <= shown.state_info[
        "unrecorded_attributes"
    ]
    await act(hass, "verify_log")
    await until(lambda: hass.states.get(LOG_SIZE).attributes["last_verification"])
    assert hass.states.get(LOG_SIZE).attributes["last_verified_size"] == home.log.size


async def test_a_log_that_cannot_be_written_is_a_problem(
    hass: HomeAssistant, entry: HomeEntry, home: Home, nuki: NukiLock
) -> None:
    """It is shown and in the repairs, and the door works."""
    assert state(hass, LOG_PROBLEM) == "off"
    await fail_writes(home)
    await call(hass, "unlock")
    assert not nuki.device.bolt.locked
    await becomes(hass, LOG_PROBLEM, "on")
    assert issues(hass) == {"log_unavailable"}
    await fail_writes(home, fail=False)
    await call(hass, "lock")
    await becomes(hass, LOG_PROBLEM, "off")
    assert issues(hass) == set()
    commands = [entry["command"] for entry in await log_of(home, "command")]
    assert commands == ["unlock", "lock"]


async def test_a_log_that_was_changed_is_a_problem(
    hass: HomeAssistant, entry: HomeEntry, home: Home
) -> None:
    """One letter is enough."""
    edit(
        home_folder(hass),
        "UPDATE entries SET body = CAST(replace(body, 'Front', 'Frond') AS BLOB)",
    )
    await act(hass, "verify_log")
    await becomes(hass, LOG_PROBLEM, "on")
    assert hass.states.get(LOG_SIZE).attributes["last_verification"] is False
    assert issues(hass) == {"log_damaged"}
