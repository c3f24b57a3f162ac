"""A lock of the home: intent before effect, outcome after, every event once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from sqlalchemy import delete, select

from custom_components.smartlock_le.locks import managed
from custom_components.smartlock_le.locks.driver import Bolt, ClockChange
from custom_components.smartlock_le.locks.intents import Intents
from custom_components.smartlock_le.locks.keybook import LockKeys
from custom_components.smartlock_le.locks.managed import ManagedLock
from custom_components.smartlock_le.locks.nuki.driver import NukiDriver
from custom_components.smartlock_le.locks.nuki.messages import Action
from custom_components.smartlock_le.locks.tables import intents, reading
from custom_components.smartlock_le.log import Log, LogUnavailable
from custom_components.smartlock_le.models import (
    AccessEvent,
    AccessKind,
    Actor,
    ActorKind,
    Capability,
    DoorCommand,
    LockRefused,
    LockUnreachable,
    Method,
    OutcomeUnknown,
    Refusal,
    Schedule,
    utc_now,
)
from tests.conftest import until
from tests.virtual_home.raw import Phone
from virtual_home.faults import Direction
from virtual_home.home import VirtualHome
from virtual_home.nuki import NukiLock
from virtual_home.nuki.log import Log as NukiLog

from .support import (
    built,
    entries,
    eventually,
    held,
    impatient,
    new_client,
    same,
    spawner,
    window,
)

ALICE = Actor(ActorKind.OWNER, "a11ce", "Alice")
BOB = Actor(ActorKind.RESIDENT, "b0b", "Bob")
DOOR = ("command", "outcome", "found", "access")

type Make = Callable[..., Awaitable[ManagedLock]]


@pytest.fixture
async def make(
    hass: HomeAssistant, nuki: NukiLock, keys: LockKeys, log: Log
) -> AsyncIterator[Make]:
    """Give what starts a lock of the home and waits until it was read."""
    made: list[ManagedLock] = []

    async def make(**changes: Any) -> ManagedLock:
        lock = ManagedLock(
            built(hass, nuki.address, replace(keys, **changes)),
            log,
            spawn=spawner(hass),
            identify=same,
        )
        made.append(lock)
        ready: list[int] = []
        undo = lock.on_ready(lambda: ready.append(1))
        await lock.start()
        # A fault that a test counts out must not hit another reading.
        await until(
            lambda: ready and not lock._news.is_set() and not lock._reading.locked()
        )
        undo()
        return lock

    yield make
    for lock in made:
        await lock.stop()


@pytest.fixture
async def lock(make: Make) -> ManagedLock:
    """Give a lock that can do everything."""
    return await make()


async def story(log: Log) -> list[str]:
    """Tell the entries about the door in a word or two each."""
    words = {
        "command": "command",
        "outcome": "result",
        "found": "state",
        "access": "event",
    }
    return [
        f"{entry['kind']} {entry[words[entry['kind']]]}"
        for entry in await entries(log, *DOOR)
    ]


async def events(log: Log, count: int) -> list[dict[str, Any]]:
    """Wait for so many access events; give them."""

    async def enough() -> list[dict[str, Any]]:
        found = await entries(log, "access")
        return found if len(found) >= count else []

    found: list[dict[str, Any]] = await eventually(enough)
    assert len(found) == count
    return found


async def settled(lock: ManagedLock, nuki: NukiLock) -> None:
    """Wait until nothing is left to read: a fault to come must not hit a reading."""
    await until(
        lambda: (
            not (lock._news.is_set() or lock._reading.locked() or nuki.device.unread)
        )
    )


async def open_intents(log: Log) -> int:
    """Count the commands whose end is not known."""
    return len(await log.read(select(intents)))


# Commands


async def test_intent_before_effect(
    lock: ManagedLock, log: Log, nuki: NukiLock
) -> None:
    """The command is durable when the lock hears of it; then outcome and event."""
    durable: list[int] = []

    def watch() -> None:
        if nuki.device.received.total() and not durable:
            durable.append(log.size)

    nuki.device.listeners.append(watch)
    await lock.command(DoorCommand.UNLOCK, ALICE, grant="g1", suffix="Engine 7")
    [event] = await events(log, 1)
    [command] = await entries(log, "command")
    [outcome] = await entries(log, "outcome")
    assert command["seq"] < durable[0]
    assert command["seq"] < outcome["seq"] < event["seq"]
    assert (outcome["intent"], outcome["result"]) == (command["seq"], "done")
    for entry in (command, event):
        assert (entry["actor"], entry["actor_name"]) == ("a11ce", "Alice")
        assert (entry["actor_kind"], entry["grant"]) == ("owner", "g1")
    assert (event["event"], event["method"]) == ("unlocked", "home_assistant")
    assert nuki.device.log.entries[0].name == "SmartLock LE Engine 7"
    # The entry is to be read a moment before the lock knows of it.
    await until(lambda: lock.changed_by == ALICE)
    assert lock.changed_method is Method.HOME_ASSISTANT
    assert await open_intents(log) == 0


async def test_answer_lost_and_moved(
    lock: ManagedLock, log: Log, nuki: NukiLock
) -> None:
    """Unknown, then found: the call succeeds, and Alice did it."""
    nuki.faults.lose(Direction.FROM_LOCK, 4, drop_link=True)
    nuki.device.bolt.motor_s = 0
    await lock.command(DoorCommand.UNLOCK, ALICE)
    [event] = await events(log, 1)
    assert (await story(log))[1:] == [
        "command unlock",
        "outcome unknown",
        "found unlocked",
        "access unlocked",
    ]
    [command] = await entries(log, "command")
    assert [e["intent"] for e in await entries(log, "found")] == [-1, command["seq"]]
    assert event["actor_name"] == "Alice"
    assert nuki.device.received["unlock"] == 1
    assert await open_intents(log) == 0


async def test_command_lost(lock: ManagedLock, log: Log, nuki: NukiLock) -> None:
    """Unknown, then found as it was: an error, and Bob's unlocking stays Bob's."""
    nuki.faults.lose(Direction.TO_LOCK, 2, drop_link=True)
    with pytest.raises(OutcomeUnknown, match="found locked"):
        await lock.command(DoorCommand.UNLOCK, ALICE)
    assert (await story(log))[1:] == [
        "command unlock",
        "outcome unknown",
        "found locked",
    ]
    assert nuki.device.received.total() == 0
    await lock.command(DoorCommand.UNLOCK, BOB)
    [event] = await events(log, 1)
    assert event["actor_name"] == "Bob"


@pytest.mark.parametrize("moved", [True, False])
async def test_latch(lock: ManagedLock, log: Log, nuki: NukiLock, moved: bool) -> None:
    """An unlocked bolt does not prove that the latch was opened; the log does."""
    nuki.device.turn(lock=False)
    await events(log, 1)
    await settled(lock, nuki)
    nuki.device.bolt.motor_s = nuki.device.bolt.unlatch_s = 0
    if moved:
        nuki.faults.lose(Direction.FROM_LOCK, 4, drop_link=True)
        await lock.command(DoorCommand.OPEN, ALICE)
        assert (await events(log, 2))[1]["actor_name"] == "Alice"
    else:
        nuki.faults.lose(Direction.TO_LOCK, 2, drop_link=True)
        with pytest.raises(OutcomeUnknown, match="found unlocked"):
            await lock.command(DoorCommand.OPEN, ALICE)
    assert nuki.device.received.total() == moved


async def test_lost_and_gone(lock: ManagedLock, log: Log, nuki: NukiLock) -> None:
    """Unknown until the lock is back; then it is found, once."""
    nuki.faults.lose(Direction.FROM_LOCK, 2)
    command = asyncio.create_task(lock.command(DoorCommand.UNLOCK, ALICE))
    await until(nuki.device.received.total)
    await nuki.set_in_range(False)
    with pytest.raises(OutcomeUnknown):
        await command
    assert await open_intents(log) == 1
    await nuki.set_in_range(True)
    [event] = await events(log, 1)
    assert event["actor_name"] == "Alice"
    assert await open_intents(log) == 0
    assert (await story(log))[1:] == [
        "command unlock",
        "outcome unknown",
        "found unlocked",
        "access unlocked",
    ]


async def test_never_came_and_gone(lock: ManagedLock, log: Log, nuki: NukiLock) -> None:
    """What the lock, once back, does not tell of is not taken for Bob's."""
    nuki.faults.lose(Direction.TO_LOCK, 2)
    command = asyncio.create_task(lock.command(DoorCommand.UNLOCK, ALICE))
    await until(lambda: not nuki.faults.pending())
    await nuki.set_in_range(False)
    with pytest.raises(OutcomeUnknown):
        await command
    await nuki.set_in_range(True)
    await until(lambda: not lock._commanded)
    await lock.command(DoorCommand.UNLOCK, BOB)
    [event] = await events(log, 1)
    assert event["actor_name"] == "Bob"


async def test_never_came_and_nobody_looked(
    lock: ManagedLock, log: Log, nuki: NukiLock
) -> None:
    """Bob asks for the same before the lock was read: the one entry is Bob's."""
    assert lock._follower
    lock._follower.cancel()
    nuki.faults.lose(Direction.TO_LOCK, 2)
    command = asyncio.create_task(lock.command(DoorCommand.UNLOCK, ALICE))
    await until(lambda: not nuki.faults.pending())
    await nuki.set_in_range(False)
    with pytest.raises(OutcomeUnknown):
        await command
    await nuki.set_in_range(True)
    await lock.command(DoorCommand.UNLOCK, BOB)
    assert len(lock._commanded) == 2
    await lock.refresh()
    [event] = await events(log, 1)
    assert event["actor_name"] == "Bob"
    assert not lock._commanded


async def test_other_command_meanwhile(
    lock: ManagedLock, log: Log, nuki: NukiLock
) -> None:
    """The event of one command is not taken for that of another."""
    assert lock._follower
    lock._follower.cancel()
    await lock.command(DoorCommand.UNLOCK, ALICE)
    nuki.device.log.entries.clear()
    await lock.command(DoorCommand.LOCK, BOB)
    await lock.refresh()
    [event] = await events(log, 1)
    assert (event["event"], event["actor_name"]) == ("locked", "Bob")


async def test_never_told(lock: ManagedLock, log: Log, nuki: NukiLock) -> None:
    """What a lock keeps to itself is not taken for the next one's."""
    assert lock._follower
    lock._follower.cancel()
    await lock.command(DoorCommand.UNLOCK, ALICE)
    nuki.device.log.entries.clear()
    await lock.refresh()
    assert not lock._commanded
    await lock.command(DoorCommand.LOCK, BOB)
    await lock.command(DoorCommand.UNLOCK, BOB)
    await lock.refresh()
    found = await events(log, 2)
    assert [e["actor_name"] for e in found] == ["Bob", "Bob"]


async def test_before_the_first_reading(
    lock: ManagedLock, log: Log, nuki: NukiLock
) -> None:
    """What is older than our place in the lock's log is nobody's later on."""
    assert lock._follower
    lock._follower.cancel()
    await log.append("stopped", {}, also=lambda _: [delete(reading)])
    lock._last_index = None
    await lock.command(DoorCommand.UNLOCK, ALICE)
    await lock.refresh()
    assert not lock._commanded
    assert await entries(log, "access") == []
    await lock.command(DoorCommand.UNLOCK, BOB)
    await lock.refresh()
    [event] = await events(log, 1)
    assert event["actor_name"] == "Bob"


async def test_unreachable(lock: ManagedLock, log: Log, nuki: NukiLock) -> None:
    """Nothing was told to the lock, and the log says so."""
    await nuki.set_in_range(False)
    with pytest.raises(LockUnreachable):
        await lock.command(DoorCommand.UNLOCK, ALICE)
    assert (await story(log))[-2:] == ["command unlock", "outcome unreachable"]
    assert not lock._commanded
    assert await open_intents(log) == 0
    await nuki.set_in_range(True)
    await until(lambda: lock.driver.available)


@pytest.mark.parametrize("jammed", [True, False])
async def test_refused(
    lock: ManagedLock, log: Log, nuki: NukiLock, jammed: bool
) -> None:
    """The lock's no is entered with its number; a jam is an event of who asked."""
    bolt = nuki.device.bolt
    if jammed:
        bolt.jammed = True
    else:
        nuki.device.codes.add(345678, "Guest", None, nuki.device.now)
        bolt.motor_s = 0.5
        nuki.device.press(345678)
    with pytest.raises(LockRefused) as caught:
        await lock.command(DoorCommand.UNLOCK, ALICE)
    assert caught.value.reason is (Refusal.JAMMED if jammed else Refusal.BUSY)
    [outcome] = await entries(log, "outcome")
    detail = "jammed: 0x42" if jammed else "busy: 0x45"
    assert (outcome["result"], outcome["detail"]) == ("refused", detail)
    [event] = await events(log, 1)
    if jammed:
        assert (event["event"], event["actor_name"]) == ("jammed", "Alice")
        await until(lambda: lock.changed_by == ALICE)
    else:
        assert (event["method"], event["actor_name"]) == ("keypad", "Guest")
    assert not lock._commanded


async def test_caller_cancelled(lock: ManagedLock, log: Log, nuki: NukiLock) -> None:
    """Whoever stops waiting, the outcome is entered; also where it is an error."""
    for jammed, result in ((False, "done"), (True, "refused")):
        nuki.device.bolt.jammed = jammed
        nuki.device.received.clear()
        task = asyncio.create_task(lock.command(DoorCommand.UNLOCK, ALICE))
        await until(nuki.device.received.total)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        async def ended(result: str = result) -> bool:
            outcomes = await entries(log, "outcome")
            return bool(outcomes) and outcomes[-1]["result"] == result

        await eventually(ended)


async def test_cut_off(make: Make, log: Log, nuki: NukiLock) -> None:
    """A command whose task is ended from outside is found at the next start."""
    lock = await make()
    nuki.device.bolt.motor_s = 0.3
    task = asyncio.create_task(lock.command(DoorCommand.UNLOCK, ALICE))
    await until(nuki.device.received.total)
    [running] = lock._running
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not lock._running
    assert await open_intents(log) == 1
    await lock.stop()
    await until(lambda: nuki.device.bolt.state == 3)
    await make()
    told = await story(log)
    assert {"outcome unknown", "found unlocked", "access unlocked"} <= set(told)
    assert await open_intents(log) == 0


async def test_stopped_while_it_moves(
    lock: ManagedLock, log: Log, nuki: NukiLock
) -> None:
    """A command under way has its outcome before the lock is let go."""
    nuki.device.bolt.motor_s = 0.3
    task = asyncio.create_task(lock.command(DoorCommand.UNLOCK, ALICE))
    await until(nuki.device.received.total)
    await lock.stop()
    assert task.done()
    assert (await story(log))[-2:] == ["command unlock", "outcome done"]
    await until(lambda: nuki.connection is None)


# Life first


async def test_log_unavailable(
    lock: ManagedLock, log: Log, nuki: NukiLock, tmp_path: Path
) -> None:
    """The door moves without its entry; all is entered later, in order."""
    await impatient(log)
    with held(tmp_path / "log"):
        await lock.command(DoorCommand.UNLOCK, ALICE)
        assert nuki.device.received["unlock"] == 1
        assert log.backlog
        await lock.refresh()
    [event] = await events(log, 1)
    assert event["actor_name"] == "Alice"
    assert (await story(log))[1:] == [
        "command unlock",
        "outcome done",
        "access unlocked",
    ]
    assert [e["intent"] for e in await entries(log, "outcome")] == [-1]
    assert log.lost == 0
    assert await open_intents(log) == 0


async def test_log_slow(
    lock: ManagedLock,
    log: Log,
    nuki: NukiLock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The door does not wait long for a disk that hangs."""
    monkeypatch.setattr(managed, "INTENT_WAIT", 0.05)
    with held(tmp_path / "log"):
        command = asyncio.create_task(lock.command(DoorCommand.UNLOCK, ALICE))
        await until(lambda: nuki.device.bolt.state == 3, timeout=1.5)
    await command
    await events(log, 1)
    assert (await story(log))[1:] == [
        "command unlock",
        "outcome done",
        "access unlocked",
    ]


async def test_lost_without_log(
    lock: ManagedLock, log: Log, nuki: NukiLock, tmp_path: Path
) -> None:
    """An answer lost while the log is, too: found as soon as both are back."""
    await impatient(log)
    nuki.faults.lose(Direction.FROM_LOCK, 2, drop_link=True)
    with held(tmp_path / "log"):
        await lock.command(DoorCommand.UNLOCK, ALICE)
        await until(lambda: nuki.device.bolt.state == 3)
        await lock.refresh()
    await events(log, 1)
    assert await open_intents(log) == 1
    await lock.refresh()
    assert await open_intents(log) == 0
    assert (await story(log))[1:] == [
        "command unlock",
        "outcome unknown",
        "access unlocked",
        "found unlocked",
    ]


async def test_log_closed(
    hass: HomeAssistant, nuki: NukiLock, keys: LockKeys, log: Log
) -> None:
    """Without any log: the lock is followed, and the door moves."""
    lock = ManagedLock(
        built(hass, nuki.address, keys), log, spawn=spawner(hass), identify=same
    )
    await log.close()
    nuki.faults.messages()
    await lock.start()
    await until(lambda: lock.driver.available)
    seen = len(nuki.faults.messages())
    while seen < 8:
        await asyncio.sleep(0.01)
        seen += len(nuki.faults.messages())
    with pytest.raises(LogUnavailable):
        await lock.refresh()
    await lock.command(DoorCommand.UNLOCK, ALICE)
    assert lock.driver.state.bolt is Bolt.UNLOCKED
    assert lock._follower
    lock._follower.cancel()
    await until(lock._follower.done)
    nuki.faults.lose(Direction.FROM_LOCK, 2, drop_link=True)
    with pytest.raises(OutcomeUnknown):
        await lock.command(DoorCommand.LOCK, ALICE)
    await lock.stop()


# Restarts


@pytest.mark.parametrize("answered", [False, True])
async def test_stopped_in_between(
    make: Make, log: Log, nuki: NukiLock, answered: bool
) -> None:
    """A command that was left open by a restart is closed by what is found."""
    before = Intents(log, nuki.address)
    seq = await before.enter("token", DoorCommand.UNLOCK, ALICE, "")
    if answered:
        await before.outcome("token", seq, "unknown")
    await make()
    [outcome] = await entries(log, "outcome")
    assert (outcome["intent"], outcome["result"]) == (seq, "unknown")
    assert outcome["detail"] == ("" if answered else "stopped in between")
    found = await entries(log, "found")
    assert [(e["intent"], e["state"]) for e in found if e["intent"] == seq] == [
        (seq, "locked")
    ]
    assert await open_intents(log) == 0


async def test_command_of_another_lock(make: Make, log: Log) -> None:
    """What another lock left open is not ours to close."""
    await Intents(log, "other").enter("token", DoorCommand.UNLOCK, ALICE, "")
    await make()
    assert await open_intents(log) == 1


async def test_running_command_is_not_closed(
    lock: ManagedLock, log: Log, nuki: NukiLock
) -> None:
    """A lock that is read while it moves does not end the command."""
    nuki.device.bolt.motor_s = 0.3
    task = asyncio.create_task(lock.command(DoorCommand.UNLOCK, ALICE))
    await until(nuki.device.received.total)
    await lock.refresh()
    await task
    await events(log, 1)
    assert "outcome unknown" not in await story(log)


async def test_while_we_were_away(make: Make, log: Log, nuki: NukiLock) -> None:
    """What happened before us is not ours to tell; what happened since is."""
    nuki.device.turn(lock=False)
    lock = await make()
    assert await story(log) == ["found unlocked"]
    await lock.stop()
    nuki.device.turn(lock=True)
    nuki.device.turn(lock=False)
    await make()
    assert [e["lock_index"] for e in await events(log, 2)] == [2, 3]
    assert await story(log) == ["found unlocked", "access locked", "access unlocked"]


async def test_lock_was_reset(make: Make, log: Log, nuki: NukiLock) -> None:
    """A lock that counts from the beginning again is read from the beginning."""
    lock = await make()
    for locked in (False, True, False):
        nuki.device.turn(lock=locked)
    await events(log, 3)
    await lock.stop()
    nuki.device.log = NukiLog()
    nuki.device.turn(lock=True)
    await make()
    assert [e["lock_index"] for e in await events(log, 4)] == [1, 2, 3, 1]
    assert (await story(log))[-2:] == ["found locked", "access locked"]


# Events


async def test_every_event_once(lock: ManagedLock, log: Log, nuki: NukiLock) -> None:
    """In order, however often and at once the lock is read."""
    told: list[AccessEvent] = []
    undo = lock.on_event(told.append)
    for i in range(5):
        nuki.device.turn(lock=bool(i % 2))
        await asyncio.gather(*(lock.refresh() for _ in range(3)))
    found = await events(log, 5)
    assert [e["lock_index"] for e in found] == [1, 2, 3, 4, 5]
    assert [e.lock_index for e in told] == [1, 2, 3, 4, 5]
    assert [e["event"] for e in found] == ["unlocked", "locked"] * 2 + ["unlocked"]
    assert lock.changed_method is Method.MANUAL
    undo()
    nuki.device.move_door(is_open=True)
    assert (await events(log, 6))[-1]["method"] == "door"
    assert lock.changed_method is Method.MANUAL
    assert len(told) == 5


async def test_event_that_comes_twice(
    lock: ManagedLock, log: Log, nuki: NukiLock
) -> None:
    """A doubled message is no second event."""
    assert lock._follower
    lock._follower.cancel()
    nuki.device.turn(lock=False)
    # State, challenge, then the entry of the lock's log.
    nuki.faults.double(Direction.FROM_LOCK, 3)
    await lock.refresh()
    assert not nuki.faults.pending()
    await events(log, 1)


async def test_who_did_it(
    make: Make, log: Log, nuki: NukiLock, air: VirtualHome
) -> None:
    """Ours by who asked, in turn; others by the lock's name of them."""
    lock = await make()
    await lock.command(DoorCommand.UNLOCK, ALICE)
    await lock.command(DoorCommand.LOCK, BOB)
    await lock.command(DoorCommand.UNLOCK, BOB)
    await events(log, 3)
    await lock.stop()
    nuki.device.set_pairing(True)
    phone = new_client(air, nuki)
    await phone.pair("Phone")
    await phone.act(Action.LOCK)
    await phone.close()
    await make()
    found = await events(log, 4)
    assert [(e["event"], e["actor_name"]) for e in found] == [
        ("unlocked", "Alice"),
        ("locked", "Bob"),
        ("unlocked", "Bob"),
        ("locked", "Phone"),
    ]
    assert (found[-1]["actor_kind"], found[-1]["method"]) == ("credential", "app")


async def test_the_app_and_us_at_once(
    lock: ManagedLock, log: Log, nuki: NukiLock, air: VirtualHome
) -> None:
    """Each is entered by its own name, though both asked for the same."""
    driver = lock.driver
    assert isinstance(driver, NukiDriver)
    driver._client._deadline, brief = 10, driver._client._deadline
    async with Phone(air, nuki) as phone:
        client = await phone.hold()
        command = asyncio.create_task(lock.command(DoorCommand.UNLOCK, ALICE))
        await client.act(Action.UNLOCK)
        await until(lambda: len(nuki.device.log.entries) == 1)
        await phone.let_go()
        await command
        found = await events(log, 2)
        assert [(e["actor_kind"], e["actor_name"]) for e in found] == [
            ("credential", "Phone"),
            ("owner", "Alice"),
        ]
        await until(lambda: nuki.connection is None)
        await phone.hold()
        driver._client._deadline = brief
        with pytest.raises(LockUnreachable):
            await lock.command(DoorCommand.LOCK, BOB)
        driver._client._deadline = 10
    outcome = (await entries(log, "outcome"))[-1]
    assert outcome["result"] == "unreachable"
    assert "another app" in outcome["detail"]
    await lock.command(DoorCommand.LOCK, BOB)
    assert [e["actor_name"] for e in await events(log, 3)][-1] == "Bob"


async def test_ours_and_nobody_asked(
    lock: ManagedLock, log: Log, nuki: NukiLock
) -> None:
    """A move of our pairing that nobody here asked for is the home's."""
    await lock.driver.command(DoorCommand.UNLOCK)
    [event] = await events(log, 1)
    assert (event["actor_kind"], event["method"]) == ("home", "home_assistant")


async def test_without_pin(make: Make, log: Log, nuki: NukiLock) -> None:
    """Without the lock's log a move shows as a change of state, with who asked."""
    lock = await make(pin=None)
    assert Capability.LOCK_LOG not in lock.capabilities
    assert await story(log) == []
    await lock.command(DoorCommand.UNLOCK, ALICE)
    await events(log, 1)
    await lock.command(DoorCommand.UNLOCK, ALICE)
    await until(lambda: not lock._commanded)
    nuki.device.turn(lock=True)
    found = await events(log, 2)
    assert [(e["event"], e["actor_name"], e["method"]) for e in found] == [
        ("unlocked", "Alice", "home_assistant"),
        ("locked", "", "manual"),
    ]
    assert {(e["source"], e["lock_index"]) for e in found} == {("lock_state", -1)}


async def test_without_pin_before_the_first_reading(
    make: Make, log: Log, nuki: NukiLock
) -> None:
    """The bolt in between says nothing; a move of Alice's is told all the same."""
    lock = await make(pin=None)
    lock._told_bolt = Bolt.UNKNOWN
    nuki.device.bolt.motor_s = 0.3
    task = asyncio.create_task(lock.command(DoorCommand.UNLOCK, ALICE))
    await until(nuki.device.received.total)
    await lock.refresh()
    await task
    [event] = await events(log, 1)
    assert event["actor_name"] == "Alice"


async def test_told_by_us(lock: ManagedLock, log: Log) -> None:
    """An event that we caused is entered like any other, without a number."""
    await lock.tell(
        AccessEvent(
            lock=lock.ref.id,
            event=AccessKind.CODE_ADDED,
            method=Method.HOME_ASSISTANT,
            actor=ALICE,
            time=utc_now(),
            source="command",
        )
    )
    [event] = await events(log, 1)
    assert (event["event"], event["lock_index"]) == ("code_added", -1)
    assert lock.changed_by.kind is ActorKind.UNKNOWN


async def test_identified(
    hass: HomeAssistant, nuki: NukiLock, keys: LockKeys, log: Log
) -> None:
    """What an event happened under is added before it is entered."""
    lock = ManagedLock(
        built(hass, nuki.address, keys),
        log,
        spawn=spawner(hass),
        identify=lambda event: replace(event, grant="g7", actor=BOB),
    )
    await lock.start()
    await until(lambda: lock._last_index is not None)
    nuki.device.turn(lock=False)
    [event] = await events(log, 1)
    assert (event["grant"], event["actor_name"]) == ("g7", "Bob")
    await lock.stop()


# Following


async def test_silent_lock_is_read_anyway(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For its battery, without any news."""
    monkeypatch.setattr(managed, "HEALTH", 0.05)
    lock = await make()
    ready: list[int] = []
    lock.on_ready(lambda: ready.append(1))
    await until(lambda: len(ready) > 2)


async def test_refused_reading(make: Make, log: Log, nuki: NukiLock) -> None:
    """A lock that forgot us is not asked again and again; the follower lives."""
    lock = await make()
    nuki.device.factory_reset()
    await until(lambda: lock.driver.pairing_lost)
    # News that came while it was read are read once more.
    await until(lambda: not lock._news.is_set() and not lock._reading.locked())
    nuki.faults.messages()
    await asyncio.sleep(0.3)
    assert nuki.faults.messages() == []
    assert lock._follower
    assert not lock._follower.done()


async def test_busy_reading(
    lock: ManagedLock, log: Log, nuki: NukiLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock that is busy, or that nobody foresaw, is asked again."""
    read_log, faults = lock.driver.read_log, [LockRefused(Refusal.BUSY), KeyError()]

    async def read(after: int) -> AsyncIterator[list[AccessEvent]]:
        if faults:
            raise faults.pop(0)
        async for page in read_log(after):
            yield page

    monkeypatch.setattr(lock.driver, "read_log", read)
    nuki.device.turn(lock=False)
    await events(log, 1)
    assert not faults


async def test_listener_that_fails(lock: ManagedLock, log: Log, nuki: NukiLock) -> None:
    """It stops no other listener, and the lock is followed on."""
    failed: list[Any] = []
    loop = asyncio.get_running_loop()
    handler = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: failed.append(context["exception"]))

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    told: list[AccessEvent] = []
    undo = [lock.on_event(fail), lock.on_ready(fail), lock.on_event(told.append)]
    nuki.device.turn(lock=False)
    await until(lambda: told and len(failed) >= 2)
    nuki.device.turn(lock=True)
    await until(lambda: len(told) == 2)
    for end in undo:
        end()
    loop.set_exception_handler(handler)
    assert lock._follower
    assert not lock._follower.done()


async def test_never_started(
    hass: HomeAssistant, nuki: NukiLock, keys: LockKeys, log: Log
) -> None:
    """A lock that was not started can be stopped."""
    lock = ManagedLock(
        built(hass, nuki.address, keys), log, spawn=spawner(hass), identify=same
    )
    await lock.stop()


async def test_codes(lock: ManagedLock, nuki: NukiLock) -> None:
    """Codes pass through to the lock."""
    code = await lock.set_code(lock.new_code(), "LE one", window())
    later = window(2)
    await lock.change_window(code, "LE one", later)
    assert [c.window for c in await lock.read_codes()] == [later]
    weekend = Schedule(weekdays=frozenset({5, 6}))
    await lock.change_window(code, "LE one", later, weekend)
    await lock.set_code(lock.new_code(), "LE one", later, weekend)
    assert [c.schedule for c in await lock.read_codes()] == [weekend, weekend]
    await lock.clear_marked({"LE one"})
    assert len(nuki.device.codes) == 0


async def test_clock(lock: ManagedLock, log: Log, nuki: NukiLock) -> None:
    """Setting the lock's clock is entered: what it showed, what it shows."""
    nuki.device.clock_offset = timedelta(hours=-3)
    await lock.set_code(lock.new_code(), "LE one", window())
    [setting] = await eventually(lambda: entries(log, "setting"))
    assert (setting["setting"], setting["actor_kind"]) == ("lock_clock", "home")
    lock_id, before, arrow, after = setting["value"].split()
    assert (lock_id, arrow) == (nuki.address, "->")
    off = datetime.fromisoformat(after) - datetime.fromisoformat(before)
    assert abs(off - timedelta(hours=3)) < timedelta(seconds=10)
    nuki.device.turn(lock=False)
    [event] = await events(log, 1)
    assert event["lock_time"] > before
    lock._clock_set(None, utc_now(), ClockChange.UNKNOWN)

    async def twice() -> bool:
        return len(await entries(log, "setting")) == 2

    await eventually(twice)
    value = (await entries(log, "setting"))[1]["value"]
    assert " unset -> " in value
    assert value.endswith(" unknown")


async def test_clock_that_drifts(lock: ManagedLock, log: Log, nuki: NukiLock) -> None:
    """It is set once the lock's log was read: what that tells is timed by the old."""
    nuki.device.clock_offset = timedelta(hours=-3)
    nuki.device.turn(lock=False)
    [event] = await events(log, 1)
    [setting] = await eventually(lambda: entries(log, "setting"))
    assert setting["setting"] == "lock_clock"
    assert event["seq"] < setting["seq"]
    assert abs(nuki.device.clock_offset) < timedelta(seconds=10)
    [told] = (await log.entries(kinds=("access",), limit=1)).entries
    happened = datetime.fromisoformat(str(told.fields["time"]))
    assert abs(utc_now() - happened) < timedelta(minutes=1)
    assert utc_now() - datetime.fromisoformat(event["lock_time"]) > timedelta(hours=2)


async def test_long_log_and_the_link_lost(
    lock: ManagedLock, log: Log, nuki: NukiLock
) -> None:
    """What was read is entered, and the rest after it, each once."""
    assert lock._follower
    lock._follower.cancel()
    for i in range(200):
        nuki.device.turn(lock=bool(i % 2))
    # State, challenge, a page of 50 and its end, challenge, and into the next page.
    nuki.faults.lose(Direction.FROM_LOCK, 80, drop_link=True)
    with pytest.raises(LockUnreachable):
        await lock.refresh()
    before = [e["lock_index"] for e in await entries(log, "access")]
    assert before == list(range(1, 51))
    [row] = await log.read(select(reading))
    assert row["last_index"] == 50
    await lock.refresh()
    indexes = [e["lock_index"] for e in await entries(log, "access")]
    assert indexes == list(range(1, 201))
