"""What a ZHA lock is alone in: each trap that is known of such locks, by its own test."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
import logging
import sys
from typing import Any

from homeassistant.components.zha import helpers
from homeassistant.components.zha.helpers import get_zha_gateway_proxy
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
import pytest
from zigpy.exceptions import DeliveryError, SendError
from zigpy.zcl.clusters.closures import OperationEvent, OperationEventSource

from custom_components.smartlock_le.locks import (
    moves as moves_module,
    numbered as numbered_module,
    zha as driver_module,
    zha_cluster,
)
from custom_components.smartlock_le.locks.driver import Bolt
from custom_components.smartlock_le.locks.zha_codes import count_numbers
from custom_components.smartlock_le.models import (
    UNKNOWN_ACTOR,
    AccessKind,
    ActorKind,
    Capability,
    DoorCommand,
    LockError,
    LockRefused,
    LockUnreachable,
    Method,
    OutcomeUnknown,
    Refusal,
)
from tests.conftest import until
from tests.support import as_admin
from tests.zigbee import FAST
from virtual_home.zigbee.doorlock import WRONG_CODES
from virtual_home.zigbee.lock import Typed
from virtual_home.zigbee.options import LockOptions, Readback
from virtual_home.zigbee.trouble import Sent

from .support import window
from .zha_bench import ZhaBench, zha_bench

pytestmark = pytest.mark.usefixtures("socket_enabled")
profile = pytest.mark.parametrize


@pytest.fixture
def options() -> LockOptions:
    """How the lock is made; tests override it."""
    return FAST


@pytest.fixture
async def bench(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, options: LockOptions
) -> AsyncGenerator[ZhaBench]:
    """Give a started driver whose lock was read."""
    monkeypatch.setattr(numbered_module, "PAUSE", 0.0)
    async with zha_bench(hass, monkeypatch, options) as bench:
        await bench.driver.read_state()
        bench.heard.clear()
        yield bench


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for the lock's own word only briefly: it does not come."""
    monkeypatch.setattr(moves_module, "TOGETHER", 0.3)
    monkeypatch.setattr(driver_module, "TOGETHER", 0.3)


def made(**changes: Any) -> Any:
    """Make the lock in another way."""
    return pytest.mark.parametrize("options", [replace(FAST, **changes)])


def entity_says(bench: ZhaBench) -> str | None:
    """Return what ZHA's own entity shows."""
    return bench.zha.state(bench.lock)


async def zha_action(bench: ZhaBench, action: str, **data: Any) -> None:
    """Do something through ZHA, as its owner can without us."""
    domain, name = action.split(".")
    context = await as_admin(bench.zha.hass)
    target = {"entity_id": bench.zha.entity_id(bench.lock)}
    await bench.zha.hass.services.async_call(
        domain, name, {**target, **data}, blocking=True, context=context
    )


# State: the lock's own word


async def test_zha_shows_a_jammed_lock_as_open(bench: ZhaBench) -> None:
    """ZHA's entity says unlocked before the motor ran, and after it stuck; we do not."""
    bench.jam()
    bench.slow()
    with pytest.raises(LockRefused) as caught:
        await bench.driver.command(DoorCommand.UNLOCK)
    assert caught.value.reason is Refusal.JAMMED
    assert bench.driver.state.bolt is Bolt.JAMMED
    assert entity_says(bench) == "unlocked" or bench.bolt is Bolt.JAMMED
    assert await bench.told() == [(AccessKind.JAMMED, Method.UNKNOWN, None)]
    # At rest it is what it is, and each jam is one event.
    assert (await bench.driver.read_state()).bolt is Bolt.JAMMED


async def test_what_zha_shows_is_not_believed(bench: ZhaBench) -> None:
    """Somebody unlocks in ZHA, the lock says yes and does nothing: it is still locked."""
    bench.lock.motor_s = 60
    await zha_action(bench, "lock.unlock")
    assert entity_says(bench) == "unlocked"
    assert bench.driver.state.bolt is Bolt.LOCKED
    await asyncio.sleep(0.05)
    assert bench.driver.state.bolt is Bolt.LOCKED
    assert bench.events == []


@pytest.mark.usefixtures("brief")
async def test_a_doubt_has_the_lock_asked(bench: ZhaBench) -> None:
    """What ZHA shows and no report confirms is a reason to ask, once."""
    bench.lock.forget_reporting()
    news = bench.news
    await zha_action(bench, "lock.unlock")
    await until(lambda: bench.news > news)
    assert (await bench.driver.read_state()).bolt is Bolt.UNLOCKED
    assert bench.news == news + 1


@pytest.mark.usefixtures("brief")
async def test_the_lock_lost_its_reporting(bench: ZhaBench) -> None:
    """Commands are confirmed by asking; the lock's own event is a reason to ask."""
    bench.lock.forget_reporting()
    await bench.driver.command(DoorCommand.UNLOCK)
    assert bench.driver.state.bolt is Bolt.UNLOCKED
    assert await bench.told() == [(AccessKind.UNLOCKED, Method.UNKNOWN, None)]
    news = bench.news
    bench.turn(lock=True)
    await until(lambda: bench.news > news)
    assert bench.driver.state.bolt is Bolt.UNLOCKED
    assert (await bench.driver.read_state()).bolt is Bolt.LOCKED
    await bench.settle()
    # What the reading found was told before.
    assert [event.event for event in bench.events[1:]] == [AccessKind.LOCKED]


async def test_reports_by_and_by(bench: ZhaBench) -> None:
    """A report of what is known already, as each 15 minutes, is no event."""
    bench.lock.server.report([0])
    await asyncio.sleep(0.05)
    bench.lock.server.set("lock_state", 0xFF)
    await until(lambda: bench.driver.state.bolt is Bolt.UNKNOWN)
    bench.lock.server.set("lock_state", 1)
    await until(lambda: bench.driver.state.bolt is Bolt.LOCKED)
    assert bench.events == []


@pytest.mark.usefixtures("brief")
async def test_nothing_is_asked_without_a_reason(bench: ZhaBench) -> None:
    """A lock on batteries is not polled."""
    news = bench.news
    bench.lock.server.node.trouble.lose(Sent.REPLY, 9)
    await asyncio.sleep(0.6)
    assert bench.news == news
    assert bench.lock.trouble.pending() == {"reply": 9}


# Commands


async def test_a_lock_that_is_locked_is_locked_again(bench: ZhaBench) -> None:
    """It tells of it and reports nothing: it is asked."""
    await bench.driver.command(DoorCommand.LOCK)
    assert bench.moves == 1
    assert await bench.told() == [(AccessKind.LOCKED, Method.UNKNOWN, None)]


@made(events=False, motor_s=0.3)
async def test_it_was_not_where_we_thought(
    bench: ZhaBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report was lost: the command waits for the motor all the same."""
    monkeypatch.setattr(driver_module, "SOON", 0.05)
    bench.lock.trouble.lose(Sent.REPORT)
    bench.turn(lock=False)
    assert bench.driver.state.bolt is Bolt.LOCKED
    await bench.driver.command(DoorCommand.LOCK)
    assert bench.bolt is Bolt.LOCKED


@pytest.mark.usefixtures("brief")
async def test_it_says_no(bench: ZhaBench) -> None:
    """ZHA's own action swallows that; here it is a refusal, and nothing is awaited."""
    bench.refuse()
    with pytest.raises(LockRefused) as caught:
        await bench.driver.command(DoorCommand.UNLOCK)
    assert (caught.value.reason, caught.value.detail) == (Refusal.OTHER, "status 1")
    assert bench.driver.state.bolt is Bolt.LOCKED
    bench.lock.trouble.refuse = 0x81
    with pytest.raises(LockRefused) as caught:
        await bench.driver.command(DoorCommand.UNLOCK)
    assert caught.value.reason is Refusal.NOT_SUPPORTED
    # What is seen next was not asked for by us.
    bench.lock.trouble.lose(Sent.EVENT)
    bench.turn(lock=False)
    await bench.told()
    assert not bench.events[0].ours


@made(events=False)
async def test_a_yes_and_no_move(
    bench: ZhaBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock that says yes and stays where it is has not done it."""
    monkeypatch.setattr(driver_module, "MOTOR", 0.2)
    bench.lock.motor_s = 60
    with pytest.raises(OutcomeUnknown, match="found locked"):
        await bench.driver.command(DoorCommand.UNLOCK)
    assert bench.driver.state.bolt is Bolt.LOCKED


async def test_a_lost_reply_is_not_asked_for_again(bench: ZhaBench) -> None:
    """The lock hears each command once; what it reports is as good as its reply."""
    bench.lock.trouble.lose(Sent.REPLY)
    await bench.driver.command(DoorCommand.UNLOCK)
    assert bench.heard == ["unlock_door"]
    bench.hurry()
    bench.lock.trouble.lose(Sent.REPLY)
    digits = bench.driver.new_code()
    bench.book.kept["LE one"] = 1
    # Its event is lost as well: it is looked at.
    bench.lock.trouble.lose(Sent.EVENT)
    with pytest.raises(OutcomeUnknown):
        await bench.driver.set_code(digits, "LE one", window())
    assert bench.heard == ["unlock_door", "set_pin_code"]
    assert [code.name for code in await bench.driver.read_codes()] == ["LE one"]


async def test_it_falls_silent_while_it_moves(bench: ZhaBench) -> None:
    """It said yes and was heard no more: nobody knows."""
    bench.hurry()
    bench.lock.motor_s = 0.2

    def die(call: Any, arguments: Any, then: Any) -> None:
        then(call, arguments)
        bench.lock.timers.later(
            0.1, lambda: setattr(bench.lock.trouble, "online", False)
        )

    then = bench.lock.server.commands["unlock_door"]
    bench.lock.server.commands["unlock_door"] = lambda c, a: die(c, a, then)
    bench._monkeypatch.setattr(driver_module, "MOTOR", 0.5)
    with pytest.raises(OutcomeUnknown):
        await bench.driver.command(DoorCommand.UNLOCK)
    assert bench.driver.state.bolt is Bolt.UNKNOWN
    assert not bench.driver.available
    # The first word of it makes it available again.
    bench.lock.trouble.online = True
    bench.turn(lock=True)
    await until(lambda: bench.driver.available)


async def test_it_takes_longer_than_anybody_waits(
    bench: ZhaBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deadline of ours ends it; what waits behind it was not told anything."""
    monkeypatch.setattr(driver_module, "DEADLINE", 0.3)
    bench.lock.motor_s = 60
    news = bench.news
    first = asyncio.create_task(bench.driver.command(DoorCommand.UNLOCK))
    await asyncio.sleep(0.1)
    monkeypatch.setattr(driver_module, "DEADLINE", 0.05)
    with pytest.raises(LockUnreachable, match="busy"):
        await bench.driver.command(DoorCommand.UNLOCK)
    with pytest.raises(OutcomeUnknown, match="in time"):
        await first
    assert bench.news == news + 2
    assert bench.moves == 1


@pytest.mark.usefixtures("brief")
async def test_zha_calls_it_unavailable(bench: ZhaBench) -> None:
    """ZHA gives up each lock that was silent for hours; we ask it, and tell it all the same."""
    proxy = get_zha_gateway_proxy(bench.zha.hass)
    news = bench.news
    proxy.device_proxies[bench.lock.ieee].device.update_available(False)
    await until(lambda: entity_says(bench) == "unavailable")
    await until(lambda: bench.news > news)
    assert bench.driver.available
    await bench.driver.command(DoorCommand.UNLOCK)
    assert bench.bolt is Bolt.UNLOCKED
    # Where it does not answer it is away.
    await bench.reach(there=False)
    await asyncio.sleep(driver_module.FRESH)
    with pytest.raises(LockUnreachable):
        await bench.driver.read_state()
    assert not bench.driver.available


async def test_it_was_not_sent(
    bench: ZhaBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only where nothing can have arrived is it said that nothing has."""
    cluster = bench.driver._link.cluster if bench.driver._link else None
    bench.hurry()
    for error, said in (
        (SendError("full"), LockUnreachable),
        (DeliveryError("no ack"), OutcomeUnknown),
        (ConnectionError("cable"), OutcomeUnknown),
    ):

        async def request(*args: Any, error: Exception = error, **more: Any) -> Any:
            raise error

        monkeypatch.setattr(cluster, "command", request)
        with pytest.raises(said):
            await bench.driver.command(DoorCommand.UNLOCK)
    assert bench.moves == 0


async def test_an_event_with_the_number_of_an_answer(bench: ZhaBench) -> None:
    """Zigpy takes it for the answer; it is heard, and the answer as well."""
    link = bench.driver._link
    assert link
    device = link.cluster.endpoint.device
    for _ in range(2):
        # The next command and the next event of the lock have one number.
        bench.lock.server.node._tsn = device._send_sequence
        then = bench.lock.server.commands["set_pin_code"]

        def first(call: Any, arguments: Any, then: Any = then) -> None:
            bench.lock.server.operated(OperationEventSource.Manual, OperationEvent.Lock)
            then(call, arguments)

        bench.lock.server.commands["set_pin_code"] = first
        await bench.driver.put_number(3, "246801")
        bench.lock.server.commands["set_pin_code"] = then
    assert await bench.told(2) == [(AccessKind.LOCKED, Method.MANUAL, None)] * 2
    # A reading is asked again.
    bench.lock.server.node._tsn = device._send_sequence
    read = bench.lock.server._read

    def busy(call: Any, arguments: Any) -> None:
        bench.lock.server._read = read  # type: ignore[method-assign]
        bench.lock.server.operated(OperationEventSource.Manual, OperationEvent.Lock)
        read(call, arguments)

    bench.lock.server._read = busy  # type: ignore[method-assign]
    assert (await bench.driver.read_state()).bolt is Bolt.LOCKED


async def test_an_attribute_that_it_has_not(bench: ZhaBench) -> None:
    """A lock that does not say where its bolt is was not read."""
    del bench.lock.server.values[0]
    with pytest.raises(LockUnreachable):
        await bench.driver.read_state()


@made(poll_s=0.5)
async def test_it_sleeps(bench: ZhaBench) -> None:
    """It hears a command when it wakes, and it is confirmed as any other."""
    await bench.driver.command(DoorCommand.UNLOCK)
    assert bench.driver.state.bolt is bench.bolt is Bolt.UNLOCKED


# Who did it

CASES = [
    (OperationEventSource.Manual, OperationEvent.Unlock, "unlocked", "manual"),
    (OperationEventSource.Manual, OperationEvent.KeyLock, "locked", "manual"),
    (OperationEventSource.Manual, OperationEvent.OnTouchLock, "locked", "button"),
    (OperationEventSource.Manual, OperationEvent.AutoLock, "locked", "automatic"),
    (
        OperationEventSource.RF,
        OperationEvent.UnlockFailureInvalidPINorID,
        "denied",
        "unknown",
    ),
    (
        OperationEventSource.Keypad,
        OperationEvent.Non_Access_User_Operational_Event,
        "denied",
        "keypad",
    ),
    (
        OperationEventSource.Keypad,
        OperationEvent.UnknownOrMfgSpecific,
        "unknown",
        "keypad",
    ),
]


async def test_each_way_to_move_it(bench: ZhaBench) -> None:
    """Source and operation are told in our words."""
    for source, operation, _, _ in CASES:
        bench.lock.server.operated(source, operation)
    await bench.told(len(CASES))
    told = [(event.event.value, event.method.value) for event in bench.events]
    assert told == [(kind, method) for _, _, kind, method in CASES]
    assert bench.events[3].actor.kind is ActorKind.LOCK


async def test_a_code_at_the_keypad(bench: ZhaBench) -> None:
    """It is told once, by the number that goes over the air: 0 is a number, too."""
    for number, digits in ((0, "1357"), (3, "2468")):
        bench.add_code(number, digits)
    await bench.told(2)
    bench.events.clear()
    assert bench.lock.press("2468") == (Typed.ACCEPTED, 3)
    assert await bench.told() == [(AccessKind.UNLOCKED, Method.KEYPAD, 3)]
    assert (bench.actor.kind, bench.actor.ref) == (ActorKind.CODE, "3")
    await until(lambda: bench.driver.state.bolt is Bolt.UNLOCKED)
    bench.lock.press("1357", lock=True)
    assert (await bench.told(2))[1] == (AccessKind.LOCKED, Method.KEYPAD, 0)
    bench.lock.press("0000")
    assert (await bench.told(3))[2] == (AccessKind.DENIED, Method.KEYPAD, None)
    assert bench.actor is UNKNOWN_ACTOR


async def test_our_code_at_the_keypad(bench: ZhaBench) -> None:
    """Number and name are told, so that it is known whose it is."""
    digits = bench.driver.new_code()
    number = await bench.driver.set_code(digits, "LE one", window())
    bench.lock.press(digits)
    await bench.told()
    assert (bench.events[0].code_id, bench.events[0].code_name) == (number, "LE one")
    assert digits not in repr(bench.events)


@made(user_ids=False)
async def test_it_does_not_say_whose_code(bench: ZhaBench) -> None:
    """65535 is nobody, not somebody of that number."""
    bench.add_code(3, "2468")
    bench.events.clear()
    bench.lock.press("2468")
    events = [one for one in await bench.told(2) if one[0] is AccessKind.UNLOCKED]
    assert events == [(AccessKind.UNLOCKED, Method.KEYPAD, None)]


@made(data_field=False)
async def test_its_events_lack_a_field(bench: ZhaBench) -> None:
    """They are heard all the same."""
    bench.turn(lock=False)
    assert await bench.told() == [(AccessKind.UNLOCKED, Method.MANUAL, None)]


@made(events=False)
@pytest.mark.usefixtures("brief")
async def test_it_never_says_who(bench: ZhaBench) -> None:
    """Each move is told once, from its report; ours is known to be ours."""
    await bench.driver.command(DoorCommand.UNLOCK)
    await bench.told()
    bench.turn(lock=True)
    told = await bench.told(2)
    assert told == [
        (AccessKind.UNLOCKED, Method.UNKNOWN, None),
        (AccessKind.LOCKED, Method.UNKNOWN, None),
    ]
    assert [event.ours for event in bench.events] == [True, False]
    assert {event.source for event in bench.events} == {"lock_state"}


async def test_the_event_comes_before_the_report(bench: ZhaBench) -> None:
    """No order is promised on the air: it is one move in either."""
    server = bench.lock.server
    for state, event in (
        (2, OperationEvent.Manual_Unlock),
        (1, OperationEvent.Manual_Lock),
    ):
        server.operated(OperationEventSource.Manual, event)
        await asyncio.sleep(0.05)
        server.set("lock_state", state)
        bolt = Bolt.LOCKED if state == 1 else Bolt.UNLOCKED
        await until(lambda bolt=bolt: bench.driver.state.bolt is bolt)
    assert await bench.told(2) == [
        (AccessKind.UNLOCKED, Method.MANUAL, None),
        (AccessKind.LOCKED, Method.MANUAL, None),
    ]


async def test_somebody_asks_zha(
    bench: ZhaBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who of the home pressed ZHA's own lock is known, whatever comes first."""
    monkeypatch.setattr(moves_module, "TOGETHER", 1.0)
    for action, lose in (("lock.unlock", None), ("lock.lock", Sent.EVENT)):
        if lose:
            bench.lock.trouble.lose(lose)
        await zha_action(bench, action)
        bolt = Bolt.LOCKED if action == "lock.lock" else Bolt.UNLOCKED
        await until(lambda bolt=bolt: bench.driver.state.bolt is bolt)
        await bench.settle()
    told = [(one.event, one.method, one.actor.kind) for one in bench.events]
    assert told == [
        (AccessKind.UNLOCKED, Method.HOME_ASSISTANT, ActorKind.OWNER),
        (AccessKind.LOCKED, Method.HOME_ASSISTANT, ActorKind.OWNER),
    ]


async def test_an_event_before_the_report_of_what_zha_was_asked(
    bench: ZhaBench,
) -> None:
    """The lock's own word is first: it names who asked."""
    bench.lock.motor_s = 60
    await zha_action(bench, "lock.unlock")
    bench.lock.server.operated(OperationEventSource.RF, OperationEvent.Unlock)
    await bench.told()
    assert bench.actor.kind is ActorKind.OWNER


async def test_alarms(bench: ZhaBench) -> None:
    """A jam and too many wrong codes are told once, whichever way they come."""
    for _ in range(5):
        bench.lock.press("0000")
    assert await bench.told(5) == [(AccessKind.DENIED, Method.KEYPAD, None)] * 5
    bench.events.clear()
    bench._monkeypatch.setattr(moves_module, "TOGETHER", 0.2)
    await asyncio.sleep(0.25)
    bench.lock.server.alarm(WRONG_CODES)
    bench.lock.server.alarm(1)
    told = await bench.told(2)
    assert sorted(told) == [
        (AccessKind.DENIED, Method.KEYPAD, None),
        (AccessKind.UNKNOWN, Method.UNKNOWN, None),
    ]


@pytest.mark.usefixtures("brief")
async def test_a_jam_that_only_its_alarm_tells(bench: ZhaBench) -> None:
    """The command looks, and finds it."""
    bench.lock.forget_reporting()
    bench.jam()
    with pytest.raises(LockRefused) as caught:
        await bench.driver.command(DoorCommand.UNLOCK)
    assert caught.value.reason is Refusal.JAMMED
    assert await bench.told() == [(AccessKind.JAMMED, Method.UNKNOWN, None)]


async def test_its_clock_is_not_believed(bench: ZhaBench) -> None:
    """When it happened is when we heard of it: its own clock was never set."""
    before = datetime.now(UTC)
    bench.turn(lock=False)
    await bench.told()
    (event,) = bench.events
    assert before <= event.time <= before + timedelta(seconds=20)
    assert event.lock_time == ""


# Codes


async def test_the_slots_of_zha_begin_at_1(bench: ZhaBench) -> None:
    """Its slot 4 is number 3: told as 3, and ours are numbers, not slots."""
    await zha_action(bench, "zha.set_lock_user_code", code_slot=4, user_code="2468")
    await zha_action(bench, "zha.clear_lock_user_code", code_slot=4)
    assert await bench.told(2) == [
        (AccessKind.CODE_ADDED, Method.UNKNOWN, 3),
        (AccessKind.CODE_REMOVED, Method.UNKNOWN, 3),
    ]
    number = await bench.driver.set_code("135790", "LE one", window())
    assert bench.codes == {number: "135790"} == {1: "135790"}


async def test_codes_of_others_are_told_and_ours_are_not(bench: ZhaBench) -> None:
    """What we did is entered by who asked for it; it is no news of the lock."""
    number = await bench.driver.set_code("135790", "LE one", window())
    await bench.driver.clear_code(number, "LE one")
    bench.add_code(7, "2468")
    bench.add_code(7, "2469")
    bench.lock.program(7, None)
    assert await bench.told(3) == [
        (AccessKind.CODE_ADDED, Method.KEYPAD, 7),
        (AccessKind.CODE_ADDED, Method.KEYPAD, 7),
        (AccessKind.CODE_REMOVED, Method.KEYPAD, 7),
    ]
    assert {event.actor for event in bench.events} == {UNKNOWN_ACTOR}


async def test_why_a_code_is_refused(bench: ZhaBench) -> None:
    """ZHA's own action discards that; here each no has its reason."""
    bench.add_code(7, "135790")
    for prepare, reason in (
        (lambda: None, Refusal.CODE_EXISTS),
        (bench.full, Refusal.CODES_FULL),
        (bench.refuse, Refusal.OTHER),
    ):
        prepare()
        digits = "135790" if reason is Refusal.CODE_EXISTS else "246802"
        with pytest.raises(LockRefused) as caught:
            await bench.driver.set_code(digits, "LE one", window())
        assert caught.value.reason is reason
        assert digits not in str(caught.value)
    assert bench.codes == {7: "135790"}


@made(readback=Readback.SILENT)
async def test_it_never_answers_what_is_on_it(bench: ZhaBench) -> None:
    """It is asked once, briefly, and then trusted by its yes, until a restart."""
    bench.hurry()
    del bench.lock.server.commands["get_user_status"]
    asked: list[int] = []
    bench.lock.server.commands["get_user_status"] = lambda _, arguments: asked.append(
        arguments.user_id
    )
    digits = bench.driver.new_code()
    number = await bench.driver.set_code(digits, "LE one", window())
    assert Capability.CODE_STATUS not in bench.driver.capabilities
    assert asked == [1]
    [code] = await bench.driver.read_codes()
    assert not code.certain
    await bench.driver.clear_code(number, "LE one")
    assert (asked, bench.codes) == ([1], {})


@made(readback=Readback.SILENT)
async def test_its_own_word_of_a_code_is_a_yes(bench: ZhaBench) -> None:
    """The reply was lost, and the lock told that the code is on it."""
    bench.lock.trouble.lose(Sent.REPLY)
    await bench.driver.put_number(2, "246802")
    assert bench.codes == {2: "246802"}
    await until(lambda: not bench.lock.trouble.pending())
    assert bench.events == []


@made(readback=Readback.MASKED)
async def test_it_hides_its_codes(bench: ZhaBench) -> None:
    """Nobody asks for digits: whether there is a code is enough."""
    await bench.driver.set_code("246802", "LE one", window())
    [code] = await bench.driver.read_codes()
    assert code.certain
    assert "get_pin_code" not in bench.heard


async def test_it_does_not_know_the_question(bench: ZhaBench) -> None:
    """An answer that it does not understand is no answer, and none about a code."""
    del bench.lock.server.commands["get_user_status"]
    await bench.driver.set_code("246802", "LE one", window())
    assert Capability.CODE_STATUS not in bench.driver.capabilities
    assert bench.codes == {1: "246802"}


async def test_a_lock_that_is_away_is_not_write_only(bench: ZhaBench) -> None:
    """Who does not hear the question has not refused to answer."""
    await bench.reach(there=False)
    with pytest.raises(LockUnreachable):
        await bench.driver.read_number(1)
    assert Capability.CODE_STATUS in bench.driver.capabilities


async def test_few_questions_for_a_code(bench: ZhaBench) -> None:
    """The lock is never read number by number."""
    bench.add_code(1, "1357")
    await bench.driver.set_code("246802", "LE one", window())
    ask = "get_user_status"
    assert bench.heard == [ask, ask, "set_pin_code", ask]


async def test_what_is_gone_already(bench: ZhaBench) -> None:
    """A no to taking it away is none where there is nothing; else it is one."""
    number = await bench.driver.set_code("246802", "LE one", window())
    bench.refuse()
    with pytest.raises(LockRefused):
        await bench.driver.clear_code(number, "LE one")
    bench.lock.forget_codes()
    bench.refuse()
    await bench.driver.clear_code(number, "LE one")


@made(first_user=1, pin_users=4, min_pin=6, max_pin=10)
async def test_its_limits(bench: ZhaBench, hass: HomeAssistant) -> None:
    """They are read once; what it does not have is not used."""
    driver = bench.driver
    assert driver.lengths == range(4, 9)
    await driver.tend()
    assert driver.lengths == range(6, 11)
    assert not driver.check_code("12345")
    for name in ("LE 1", "LE 2", "LE 3"):
        await driver.set_code(driver.new_code(), name, window())
    with pytest.raises(LockRefused) as caught:
        await driver.set_code(driver.new_code(), "LE 4", window())
    assert caught.value.reason is Refusal.CODES_FULL
    assert set(bench.codes) == {1, 2, 3}
    bench.lock.trouble.online = False
    await driver.tend()
    assert await count_numbers(hass, bench.lock_id) == 4
    assert await count_numbers(hass, "zha:00:00-1-257") is None


async def test_limits_that_are_not_told(bench: ZhaBench) -> None:
    """It is usable all the same, and is not asked each time."""
    await bench.reach(there=False)
    await bench.driver.tend()
    bench.lock.trouble.online = True
    await bench.driver.tend()
    assert bench.driver.lengths == range(4, 9)
    await bench.driver.set_code(bench.driver.new_code(), "LE one", window())


@made(pin_users=0)
async def test_it_has_no_keypad(bench: ZhaBench) -> None:
    """Then it takes no codes, and says so."""
    await bench.driver.tend()
    assert Capability.CODES not in bench.driver.capabilities
    await bench.driver.command(DoorCommand.UNLOCK)


async def test_no_code_in_any_log(
    bench: ZhaBench, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even where every detail of ZHA is logged, as when its fault is looked for."""
    caplog.set_level(logging.DEBUG)
    for name in ("zha", "zigpy", "zigpy.zcl", "zigpy_deconz.api", "zigpy.device"):
        caplog.set_level(logging.DEBUG, logger=name)
    digits = "918273"
    code = digits.encode()
    bench.lock.trouble.lose(Sent.REPLY, 0 + 1)
    await bench.driver.put_number(2, digits)
    await bench.driver.put_number(2, digits)
    assert bench.codes == {2: digits}
    lines = [record.getMessage() for record in caplog.records]
    shapes = {digits, code.hex(), code.hex(" "), code.hex(":"), str(list(code))[1:-1]}
    assert not [line for line in lines if any(shape in line for shape in shapes)]
    # What holds no secret is logged as before.
    caplog.clear()
    await bench.driver.drop_number(2)
    assert any("clear_pin_code" in record.getMessage() for record in caplog.records)
    # And there was something to keep out.
    await zha_action(bench, "zha.set_lock_user_code", code_slot=4, user_code=digits)
    assert any(digits in record.getMessage() for record in caplog.records)


# Its ZHA comes and goes


async def listening(bench: ZhaBench) -> None:
    """See that the lock is heard and told, each once."""
    bench.events.clear()
    for lock in (False, True):
        bench.turn(lock=lock)
        await until(lambda lock=lock: bench.driver.state.bolt is bench.bolt)
    assert len(await bench.told(2)) == 2
    await bench.driver.command(DoorCommand.UNLOCK)
    await bench.driver.command(DoorCommand.LOCK)


async def test_zha_is_reloaded(bench: ZhaBench) -> None:
    """What stays is the lock; the state is asked for anew."""
    hass, entry = bench.zha.hass, bench.zha.entry
    await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done()
    assert not bench.driver.available
    with pytest.raises(LockUnreachable):
        await bench.driver.command(DoorCommand.UNLOCK)
    with pytest.raises(LockUnreachable):
        await bench.driver.read_state()
    assert await count_numbers(hass, bench.lock_id) is None
    assert bench.driver.word == ""
    bench.lock.turn(lock=False)
    news = bench.news
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    await until(lambda: bench.driver.available)
    assert bench.news > news
    # What happened meanwhile is told when it is seen.
    assert (await bench.driver.read_state()).bolt is Bolt.UNLOCKED
    assert await bench.told() == [(AccessKind.UNLOCKED, Method.UNKNOWN, None)]
    bench.turn(lock=True)
    await bench.told(2)
    await listening(bench)


async def test_the_radio_restarts(bench: ZhaBench) -> None:
    """ZHA makes new objects, and the old ones are let go."""
    before = bench.driver._link
    await bench.zha.restart_radio()
    await until(lambda: bench.driver.available and bench.driver._link)
    assert bench.driver._link is not before
    await bench.driver.read_state()
    await listening(bench)


async def test_it_is_interviewed_again(bench: ZhaBench) -> None:
    """ZHA replaces its objects without a restart."""
    before = bench.driver._link
    proxy = get_zha_gateway_proxy(bench.zha.hass)
    await proxy.gateway.async_reinterview_device(bench.lock.ieee)
    await bench.zha.hass.async_block_till_done()
    await until(lambda: bench.driver._link not in (None, before))
    assert before
    assert before.cluster._listeners == {} or all(
        one is not before for one, _ in before.cluster._listeners.values()
    )
    await until(lambda: bench.lock.server.reporting)
    await listening(bench)


async def test_it_is_removed_and_joins_again(bench: ZhaBench) -> None:
    """Without it nothing is told to anybody; back, it is the same lock."""
    hass = bench.zha.hass
    ieee = {"ieee": str(bench.lock.ieee)}
    await hass.services.async_call("zha", "remove", ieee, blocking=True)
    await until(lambda: bench.driver.entity_id is None)
    assert not bench.driver.available
    with pytest.raises(LockUnreachable):
        await bench.driver.command(DoorCommand.UNLOCK)
    await until(lambda: not bench.lock.joined)
    await bench.zha.join(bench.lock)
    await until(lambda: bench.lock.server.reporting and bench.driver._link)
    await bench.driver.read_state()
    assert bench.driver.available
    await listening(bench)


async def test_nothing_is_left_behind(bench: ZhaBench) -> None:
    """Each listener goes with the driver, and who comes late binds nothing."""
    link = bench.driver._link
    assert link
    proxy = get_zha_gateway_proxy(bench.zha.hass)
    device = link.cluster.endpoint.device
    counts = _listeners(link, proxy.gateway, device)
    await bench.driver.stop()
    assert sum(_listeners(link, proxy.gateway, device)) == sum(counts) - 5
    await bench.driver.stop()
    bench.driver.replaced()
    assert bench.driver._link is None


def _listeners(link: Any, gateway: Any, device: Any) -> list[int]:
    events = link.cluster._event_listeners
    return [
        len(link.cluster._listeners),
        len(device.endpoints[1].in_clusters[9]._listeners),
        sum(len(found) for found in events.values()),
        len(gateway._global_listeners),
    ]


async def test_zha_comes_later(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At our start there is none: the lock is there once it is."""
    async with zha_bench(hass, monkeypatch, follow=False) as bench:
        await hass.config_entries.async_unload(bench.zha.entry.entry_id)
        await bench.follow()
        assert not bench.driver.available
        assert await hass.config_entries.async_setup(bench.zha.entry.entry_id)
        await hass.async_block_till_done()
        assert bench.zha.entry.state is ConfigEntryState.LOADED
        await until(lambda: bench.driver.available)
        await bench.driver.read_state()
        await bench.driver.command(DoorCommand.UNLOCK)
        await bench.driver.stop()


# Another ZHA than the one we know


@pytest.fixture
def missing() -> str:
    """Say what is not as we know it; tests override it."""
    return "helpers"


@pytest.fixture
async def plain(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, missing: str
) -> AsyncGenerator[ZhaBench]:
    """Give a driver on a ZHA whose insides have other names."""
    monkeypatch.setattr(numbered_module, "PAUSE", 0.0)
    async with zha_bench(hass, monkeypatch, follow=False) as bench:
        found = zha_cluster.find(hass, bench.lock_id)
        assert found
        match missing:
            case "helpers":
                monkeypatch.delattr(helpers, "get_zha_gateway_proxy")
            case "events":
                monkeypatch.delattr(sys.modules["zigpy.zcl"], "AttributeReportedEvent")
            case "retries":
                monkeypatch.setattr(found.cluster, "request", lambda *args: None)
        await bench.follow()
        yield bench
        await bench.driver.stop()


@pytest.mark.parametrize("missing", ["helpers", "events", "retries"])
async def test_another_zha(plain: ZhaBench, missing: str) -> None:
    """Its entity is what there is, and no code is set that could not be seen to."""
    driver = plain.driver
    assert driver.word == "as its entity shows"
    assert (await driver.read_state()).bolt is Bolt.LOCKED
    with pytest.raises(LockRefused) as caught:
        await driver.set_code(driver.new_code(), "LE one", window())
    assert caught.value.reason is Refusal.NOT_SUPPORTED
    assert plain.codes == {}
    await driver.tend()
    if missing == "helpers":
        assert await count_numbers(plain.zha.hass, plain.lock_id) is None
    if missing != "retries":
        await driver.command(DoorCommand.UNLOCK)
        assert await plain.told() == [(AccessKind.UNLOCKED, Method.UNKNOWN, None)]


async def test_another_zha_tells_who(plain: ZhaBench) -> None:
    """Its event is heard, and each move is told once."""
    plain.add_code(3, "2468")
    plain.lock.press("2468")
    assert await plain.told() == [(AccessKind.UNLOCKED, Method.KEYPAD, 3)]
    plain.turn(lock=True)
    assert (await plain.told(2))[1] == (AccessKind.LOCKED, Method.MANUAL, None)
    plain.lock.press("0000")
    assert (await plain.told(3))[2] == (AccessKind.DENIED, Method.KEYPAD, None)
    await plain.driver.command(DoorCommand.UNLOCK)
    assert (await plain.told(4))[3][0] is AccessKind.UNLOCKED
    assert plain.events[3].ours or plain.events[3].remote
    plain.zha.hass.bus.async_fire("zha_event", {"device_ieee": "other"})
    await asyncio.sleep(0.05)
    assert len(plain.events) == 4


async def test_a_code_comes_off_with_another_zha(plain: ZhaBench) -> None:
    """No code of ours is left behind: ZHA's own action takes it off, or says no."""
    plain.book.kept["LE one"] = 3
    plain.add_code(3, "246802")
    await asyncio.sleep(0.05)
    plain.refuse()
    with pytest.raises(OutcomeUnknown):
        await plain.driver.clear_code(3, "LE one")
    await plain.driver.clear_code(3, "LE one")
    assert plain.codes == {}
    await plain.zha.hass.config_entries.async_unload(plain.zha.entry.entry_id)
    with pytest.raises(LockError):
        await plain.driver.clear_code(3, "LE one")
