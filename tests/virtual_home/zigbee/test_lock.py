"""The lock, asked by zigpy: each profile and each fault."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from zigpy.exceptions import DeliveryError
from zigpy.zcl.clusters.closures import (
    DoorState,
    LockState,
    OperationEvent,
    OperationEventSource as Source,
    ProgrammingEvent,
    UserStatus,
    UserType,
)
from zigpy.zcl.foundation import Status

from tests.conftest import until
from virtual_home.zigbee.lock import Typed
from virtual_home.zigbee.options import PROFILES, LockOptions, NodeOptions, Readback
from virtual_home.zigbee.trouble import Sent

from .conftest import FAST, Door, fast

PIN, OTHER = "2468", "13579"
ENABLED, UNRESTRICTED = UserStatus.Enabled, UserType.Unrestricted


def profile(name: str) -> Any:
    """Run a test with a profile, not with the plain lock."""
    return pytest.mark.parametrize("options", [fast(PROFILES[name])], ids=[name])


def made(**changes: Any) -> Any:
    """Run a test with a lock that differs."""
    return pytest.mark.parametrize("options", [replace(FAST, **changes)])


async def set_pin(door: Door, user: int = 3, pin: str = PIN) -> int:
    """Set a code; return the status."""
    answer = await door.cluster.set_pin_code(user, ENABLED, UNRESTRICTED, pin)
    return int(answer.status)


async def test_lock_and_unlock(door: Door) -> None:
    assert (await door.cluster.unlock_door()).status == Status.SUCCESS
    assert door.lock.state == LockState.Locked, "the motor has not turned yet"
    event = await door.events.next()
    assert door.cluster.get("lock_state") == LockState.Unlocked
    assert event.operation_event_source == Source.RF
    assert event.operation_event_code == OperationEvent.Unlock
    assert (event.user_id, event.pin, event.data) == (0xFFFF, "", "")
    assert (await door.cluster.lock_door()).status == Status.SUCCESS
    await until(lambda: door.cluster.get("lock_state") == LockState.Locked)
    assert (await door.cluster.toggle_door()).status == Status.SUCCESS
    await until(lambda: door.cluster.get("lock_state") == LockState.Unlocked)


async def test_with_a_pin(door: Door) -> None:
    await set_pin(door)
    await door.events.next()
    await door.cluster.unlock_door(PIN)
    assert (await door.events.next()).user_id == 3
    await door.cluster.write_attributes({"require_pin_for_rf_operation": True})
    assert (await door.cluster.lock_door()).status == Status.FAILURE
    event = await door.events.next()
    assert event.operation_event_code == OperationEvent.LockFailureInvalidPINorID
    assert (await door.cluster.unlock_door(OTHER)).status == Status.FAILURE
    event = await door.events.next()
    assert event.operation_event_code == OperationEvent.UnlockFailureInvalidPINorID
    assert (await door.cluster.lock_door(PIN)).status == Status.SUCCESS


async def test_unlock_with_timeout(door: Door) -> None:
    assert (await door.cluster.unlock_with_timeout(1)).status == Status.SUCCESS
    assert (await door.events.next()).operation_event_code == OperationEvent.Unlock
    event = await door.events.next()
    assert event.operation_event_code == OperationEvent.AutoLock
    assert door.lock.state == LockState.Locked


async def test_auto_relock(door: Door) -> None:
    await door.cluster.write_attributes({"auto_relock_time": 1})
    door.lock.turn(lock=False)
    event = await door.events.next()
    assert event.operation_event_source == Source.Manual
    assert event.operation_event_code == OperationEvent.Manual_Unlock
    assert (await door.events.next()).operation_event_code == OperationEvent.AutoLock
    door.lock.turn(lock=False)
    door.lock.key(lock=True)
    await door.events.next()
    assert (await door.events.next()).operation_event_code == OperationEvent.KeyLock
    await asyncio.sleep(1.2)
    assert not door.events.commands, "nothing is left to be locked"


async def test_set_read_and_clear(door: Door) -> None:
    assert await set_pin(door) == 0
    event = await door.events.next()
    assert event.program_event_source == Source.RF
    assert event.program_event_code == ProgrammingEvent.PINCodeAdded
    assert (event.user_id, event.user_status) == (3, ENABLED)
    answer = await door.cluster.get_pin_code(3)
    assert (answer.user_status, answer.user_type) == (ENABLED, UNRESTRICTED)
    assert answer.code == PIN
    assert await set_pin(door, pin=OTHER) == 0
    event = await door.events.next()
    assert event.program_event_code == ProgrammingEvent.PINCodeChanges
    assert (await door.cluster.clear_pin_code(3)).status == Status.SUCCESS
    event = await door.events.next()
    assert event.program_event_code == ProgrammingEvent.PINCodeDeleted
    assert event.user_status == UserStatus.Available
    answer = await door.cluster.get_pin_code(3)
    assert answer.user_status == UserStatus.Available
    assert (answer.user_type, answer.code) == (UserType.Not_Supported, "")
    assert (await door.cluster.clear_pin_code(3)).status == Status.SUCCESS
    assert (await door.cluster.clear_pin_code(30)).status == Status.FAILURE
    answer = await door.cluster.get_pin_code(30)
    assert answer.user_status == UserStatus.Not_Supported


async def test_clear_all(door: Door) -> None:
    await set_pin(door, 0, PIN)
    await set_pin(door, 29, OTHER)
    assert (await door.cluster.clear_all_pin_codes()).status == Status.SUCCESS
    assert len(door.lock.users) == 0


@pytest.mark.parametrize(
    ("user", "pin", "status"),
    [
        pytest.param(30, OTHER, 1, id="no such user"),
        pytest.param(4, "123", 1, id="too short"),
        pytest.param(4, "123456789", 1, id="too long"),
        pytest.param(4, "12a4", 1, id="no digits"),
        pytest.param(4, PIN, 3, id="duplicate"),
        pytest.param(3, PIN, 0, id="the same again"),
        pytest.param(29, OTHER, 0, id="last user"),
    ],
)
async def test_status_of_set_pin(door: Door, user: int, pin: str, status: int) -> None:
    await set_pin(door)
    assert await set_pin(door, user, pin) == status


@profile("full")
async def test_memory_full(door: Door) -> None:
    assert await set_pin(door, 3, PIN) == 0
    assert await set_pin(door, 4, OTHER) == 2
    assert await set_pin(door, 3, OTHER) == 0


@made(first_user=1)
async def test_counts_from_one(door: Door) -> None:
    assert await set_pin(door, 0) == 1
    assert await set_pin(door, 1) == 0


async def test_user_status_and_type(door: Door) -> None:
    cluster = door.cluster
    assert (await cluster.get_user_status(3)).user_status == UserStatus.Available
    assert (await cluster.get_user_status(99)).user_status == UserStatus.Not_Supported
    assert (await cluster.set_user_status(3, ENABLED)).status == Status.FAILURE
    assert (await cluster.set_user_type(3, UserType.Master_User)).status
    assert (await cluster.get_user_type(3)).user_type == UserType.Not_Supported
    await set_pin(door)
    assert not (await cluster.set_user_status(3, UserStatus.Disabled)).status
    assert (await cluster.get_user_status(3)).user_status == UserStatus.Disabled
    assert door.lock.press(PIN) == (Typed.REFUSED, None)
    assert (await cluster.set_user_status(3, UserStatus.Available)).status
    assert not (await cluster.set_user_type(3, UserType.Master_User)).status
    assert (await cluster.get_user_type(3)).user_type == UserType.Master_User


async def test_keypad(door: Door) -> None:
    await set_pin(door)
    await door.events.next()
    assert door.lock.press(PIN) == (Typed.ACCEPTED, 3)
    event = await door.events.next()
    assert event.operation_event_source == Source.Keypad
    assert event.operation_event_code == OperationEvent.Unlock
    assert (event.user_id, event.pin) == (3, "")
    assert door.lock.press(PIN, lock=True) == (Typed.ACCEPTED, 3)
    assert (await door.events.next()).operation_event_code == OperationEvent.Lock
    assert door.lock.press("9999") == (Typed.REFUSED, None)
    event = await door.events.next()
    assert event.operation_event_code == OperationEvent.UnlockFailureInvalidPINorID
    assert event.user_id == 0xFFFF


@made(wrong_codes=2, disable_s=1)
async def test_wrong_code_limit(door: Door) -> None:
    await set_pin(door)
    assert door.lock.press("9999")[0] is Typed.REFUSED
    assert door.lock.press("9999", lock=True)[0] is Typed.REFUSED
    alarm = await door.alarms.next()
    assert (alarm.alarm_code, alarm.cluster_id) == (4, 0x0101)
    assert door.lock.press(PIN) == (Typed.DEAD, None)
    await until(lambda: door.lock.press(PIN) == (Typed.ACCEPTED, 3))


async def test_programmed_at_the_keypad(door: Door) -> None:
    door.lock.program(5, PIN)
    event = await door.events.next()
    assert event.program_event_source == Source.Keypad
    assert event.program_event_code == ProgrammingEvent.PINCodeAdded
    assert event.user_id == 5
    door.lock.program(5, OTHER)
    event = await door.events.next()
    assert event.program_event_code == ProgrammingEvent.PINCodeChanges
    door.lock.program(5, None)
    event = await door.events.next()
    assert event.program_event_code == ProgrammingEvent.PINCodeDeleted
    for user, pin in ((5, None), (5, "1"), (99, PIN)):
        with pytest.raises(ValueError, match=r"refuses|no code"):
            door.lock.program(user, pin)


async def test_door(door: Door) -> None:
    door.lock.move_door(is_open=True)
    await until(lambda: door.cluster.get("door_state") == DoorState.Open)
    door.lock.move_door(is_open=False)
    await until(lambda: door.cluster.get("door_state") == DoorState.Closed)
    counted = await door.reads("door_open_events", "door_closed_events")
    assert set(counted.values()) == {1}


@made(reports_door=False)
async def test_door_unreported(door: Door) -> None:
    await door.reads("door_state")
    door.lock.move_door(is_open=True)
    await door.quiet()
    assert door.cluster.get("door_state") == DoorState.Closed
    await door.cluster.configure_reporting("door_state", 0, 900, 1)
    door.lock.move_door(is_open=False)
    door.lock.move_door(is_open=True)
    await until(lambda: door.cluster.get("door_state") == DoorState.Open)


async def test_battery(door: Door, host: Any) -> None:
    power = host.get_device(ieee=door.lock.ieee).endpoints[1].power
    await power.bind()
    await power.configure_reporting("battery_percentage_remaining", 0, 3600, 1)
    door.lock.set_battery(12)
    await until(lambda: power.get("battery_percentage_remaining") == 24)
    assert door.lock.battery == 12
    with pytest.raises(ValueError, match="percent"):
        door.lock.set_battery(101)


async def test_jam(door: Door) -> None:
    door.lock.jammed = True
    assert (await door.cluster.unlock_door()).status == Status.SUCCESS
    assert (await door.alarms.next()).alarm_code == 0
    assert door.cluster.get("lock_state") == LockState.Not_fully_locked
    assert not door.events.commands
    await door.cluster.write_attributes({"alarm_mask": 0})
    await door.cluster.unlock_door()
    await until(lambda: not door.lock._moving)
    await door.quiet()
    assert not door.alarms.commands


async def test_refuse(door: Door) -> None:
    door.lock.trouble.refuse = Status.NOT_AUTHORIZED
    assert (await door.cluster.unlock_door()).status == Status.NOT_AUTHORIZED
    assert not door.lock._moving
    for command in (
        lambda: door.cluster.set_pin_code(3, ENABLED, UNRESTRICTED, PIN),
        lambda: door.cluster.clear_pin_code(3),
        door.cluster.clear_all_pin_codes,
    ):
        door.lock.trouble.refuse = Status.NOT_AUTHORIZED
        assert (await command()).status == Status.NOT_AUTHORIZED
    assert await set_pin(door) == 0


async def test_lost_report_and_event(door: Door) -> None:
    door.lock.trouble.lose(Sent.REPORT)
    door.lock.trouble.lose(Sent.EVENT)
    assert door.lock.trouble.pending() == {"report": 1, "event": 1}
    await door.reads("lock_state")
    door.lock.turn(lock=False)
    await door.quiet()
    assert door.cluster.get("lock_state") == LockState.Locked
    assert not door.events.commands
    door.lock.turn(lock=True)
    event = await door.events.next()
    assert event.operation_event_code == OperationEvent.Manual_Lock
    with pytest.raises(ValueError, match="begins"):
        door.lock.trouble.lose(Sent.REPORT, 0)


@pytest.mark.usefixtures("impatient")
async def test_lost_reply(door: Door) -> None:
    door.lock.trouble.lose(Sent.REPLY)
    with pytest.raises(TimeoutError):
        await door.cluster.unlock_door()
    await until(lambda: door.lock.state == LockState.Unlocked)


async def test_offline(door: Door) -> None:
    door.lock.trouble.online = False
    with pytest.raises(DeliveryError, match="NO_ACK"):
        await door.cluster.unlock_door()
    door.lock.turn(lock=False)
    door.lock.trouble.clear()
    await door.quiet()
    assert not door.events.commands, "what was said while it was away is lost"
    assert (await door.reads("lock_state"))["lock_state"] == LockState.Unlocked


async def test_forgets(door: Door) -> None:
    await set_pin(door)
    door.lock.forget_codes()
    answer = await door.cluster.get_pin_code(3)
    assert answer.user_status == UserStatus.Available


async def test_forgets_reporting(door: Door) -> None:
    await door.reads("lock_state")
    door.lock.forget_reporting()
    door.lock.turn(lock=False)
    await door.events.next()
    assert door.cluster.get("lock_state") == LockState.Locked


async def test_reports_now_and_then(door: Door) -> None:
    await door.cluster.configure_reporting("lock_state", 0, 1, 1)
    seen: list[Any] = []
    door.cluster.on_event("attribute_report", seen.append)
    await until(lambda: len(seen) > 1)


@profile("anonymous")
async def test_anonymous(door: Door) -> None:
    await set_pin(door)
    assert (await door.events.next()).user_id == 3, "of programming it says the user"
    door.lock.press(PIN)
    assert (await door.events.next()).user_id == 0xFFFF


@pytest.mark.usefixtures("impatient")
@profile("write-only")
async def test_write_only(door: Door) -> None:
    await set_pin(door)
    with pytest.raises(TimeoutError):
        await door.cluster.get_pin_code(3)
    assert (await door.cluster.get_user_status(3)).user_status == ENABLED


@profile("masked")
async def test_masked(door: Door) -> None:
    await set_pin(door)
    answer = await door.cluster.get_pin_code(3)
    assert (answer.user_status, len(answer.code)) == (ENABLED, len(PIN))
    assert not set(answer.code) & set("0123456789")


@profile("no-data")
async def test_no_data_field(door: Door) -> None:
    await set_pin(door)
    assert (await door.events.next()).data is None
    door.lock.press(PIN)
    assert (await door.events.next()).data is None


@profile("mute")
async def test_mute(door: Door) -> None:
    await set_pin(door)
    door.lock.press(PIN)
    await until(lambda: door.cluster.get("lock_state") == LockState.Unlocked)
    await door.quiet()
    assert not door.events.commands


@profile("forgetful")
async def test_forgetful(door: Door) -> None:
    assert await set_pin(door) == 0
    answer = await door.cluster.get_pin_code(3)
    assert answer.user_status == UserStatus.Available
    assert door.lock.press(PIN)[0] is Typed.REFUSED


@made(poll_s=0.15)
async def test_sleepy(door: Door) -> None:
    began = asyncio.get_running_loop().time()
    for _ in range(3):
        await door.reads("lock_state")
    assert asyncio.get_running_loop().time() - began > 0.3
    door.lock.poll_s = 60.0
    with pytest.raises(DeliveryError, match="EXPIRED"):
        await door.cluster.unlock_door()
    door.lock.trouble.online = False
    with pytest.raises(DeliveryError, match="EXPIRED"):
        await door.cluster.unlock_door()


def test_no_pin_is_shown(radio: Any) -> None:
    lock = radio.locks[0]
    lock.program(3, PIN)
    assert PIN not in repr(lock.users.table)


@pytest.mark.parametrize("name", PROFILES)
def test_profiles(name: str) -> None:
    options: NodeOptions = PROFILES[name]
    assert options.profile == name
    if isinstance(options, LockOptions):
        assert (options.readback is Readback.SILENT) == (name == "write-only")
