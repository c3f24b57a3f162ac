"""The contract test-suite: what every driver does, whatever lock is behind it.

A family of locks brings a `bench` fixture and inherits what it is capable of.
"""

from abc import ABC, abstractmethod
import asyncio
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
import time
from typing import Protocol

import pytest

from custom_components.smartlock_le.locks.driver import Bolt, LockDriver
from custom_components.smartlock_le.models import (
    UNKNOWN_ACTOR,
    AccessEvent,
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
    Schedule,
)
from tests.conftest import until

from .support import read_log, window

RESULTS = {
    DoorCommand.LOCK: Bolt.LOCKED,
    DoorCommand.UNLOCK: Bolt.UNLOCKED,
    DoorCommand.OPEN: Bolt.OPEN,
}


class OtherApp(Protocol):
    """Somebody else who is paired with the lock."""

    async def unlock(self) -> None:
        """Unlock the door."""

    async def let_go(self) -> None:
        """Leave the link to others."""


class Bench(ABC):
    """A started driver, and the hand on the hardware below it."""

    driver: LockDriver
    news = 0
    away: type[LockError] | tuple[type[LockError], ...] = LockUnreachable
    """What a command says where the lock is not there."""
    asks_again = True
    """Then the driver asks to be read, before the lock is back."""

    def start(self, driver: LockDriver) -> None:
        """Take the driver and count what it announces."""
        self.driver = driver
        self.bolts: list[Bolt] = []
        self.events: list[AccessEvent] = []
        self.changes = 0

        def news() -> None:
            self.news += 1

        def changed() -> None:
            self.changes += 1
            bolt = driver.state.bolt
            if bolt is not (self.bolts[-1] if self.bolts else Bolt.UNKNOWN):
                self.bolts.append(bolt)

        driver.on_news = news
        driver.on_change(changed)
        driver.on_events = self.events.extend

    async def news_after(self, count: int) -> None:
        """Wait for news."""
        await until(lambda: self.news > count)

    @property
    @abstractmethod
    def bolt(self) -> Bolt:
        """Where the bolt really is."""

    @property
    @abstractmethod
    def moves(self) -> int:
        """How many door commands the lock has taken."""

    @property
    def connected(self) -> bool:
        """Whether somebody holds a connection to the lock."""
        return False

    @abstractmethod
    async def reach(self, *, there: bool) -> None:
        """Bring the lock out of reach, or back."""

    @abstractmethod
    def turn(self, *, lock: bool) -> None:
        """Turn the bolt by hand."""

    @abstractmethod
    def jam(self) -> None:
        """Block the motor."""

    @abstractmethod
    def slow(self) -> None:
        """Let the motor take its time."""


class AirBench(Bench):
    """A driver that speaks to its lock over the air."""

    @abstractmethod
    def lose(self, *, answer: bool) -> None:
        """Lose the answer to the next door command, or the command itself."""


class LinkBench(AirBench):
    """A driver with a link and a pairing of its own."""

    @property
    @abstractmethod
    def connected(self) -> bool:
        """Whether somebody holds a connection to the lock."""

    @abstractmethod
    def forget_us(self) -> None:
        """Make the lock forget every pairing."""

    @abstractmethod
    def lose_entry(self, number: int) -> None:
        """Cut the link before this entry of the lock's log, counted from now."""

    @abstractmethod
    def be_patient(self) -> None:
        """Give the driver's commands more time than a busy machine may need."""

    @abstractmethod
    def other_app(self) -> AbstractAsyncContextManager[OtherApp]:
        """Bring an app of somebody else that holds the only link for the block."""

    @property
    @abstractmethod
    def codes(self) -> dict[int, str]:
        """The codes on the lock: number and name."""

    @abstractmethod
    def add_code(self, name: str) -> int:
        """Add a code of somebody else; return its number."""

    @property
    @abstractmethod
    def local_time(self) -> datetime:
        """What the lock's own clock shows, in its own time zone."""

    @abstractmethod
    def opens(self, digits: str) -> bool:
        """Type a code; tell whether it opens."""


class EventsBench(Bench):
    """A driver whose lock tells what happens as it happens."""

    @abstractmethod
    async def settle(self) -> None:
        """Wait until whatever there is to tell was told."""


class DriverContract:
    """What every driver does."""

    async def test_read_state(self, bench: Bench) -> None:
        """A reading makes it available and tells the listeners."""
        state = await bench.driver.read_state()
        assert state.bolt is bench.bolt is Bolt.LOCKED
        assert bench.driver.state == state
        assert bench.driver.available
        await until(lambda: bench.changes)

    async def test_start_asks_to_be_read(self, bench: Bench) -> None:
        """A driver that starts has news: nobody knows how the lock stands."""
        assert bench.news

    @pytest.mark.parametrize("command", DoorCommand)
    async def test_command(self, bench: Bench, command: DoorCommand) -> None:
        """The door has moved on return, and moved once."""
        if command is DoorCommand.LOCK:
            bench.turn(lock=False)
        opens = Capability.OPEN in bench.driver.capabilities
        if command is DoorCommand.OPEN and not opens:
            with pytest.raises(LockRefused) as caught:
                await bench.driver.command(command)
            assert caught.value.reason is Refusal.NOT_SUPPORTED
            assert bench.moves == 0
            return
        await bench.driver.command(command)
        assert bench.bolt is RESULTS[command]
        assert bench.moves == 1

    async def test_state_while_it_moves(self, bench: Bench) -> None:
        """Listeners follow the bolt."""
        bench.slow()
        await bench.driver.read_state()
        await bench.driver.command(DoorCommand.UNLOCK)
        await until(lambda: bench.bolts[-1] is bench.driver.state.bolt)
        first, *between, last = bench.bolts
        assert (first, last) == (Bolt.LOCKED, Bolt.UNLOCKED)
        # One that is asked on its way says that it is not there yet.
        assert set(between) in ({Bolt.UNLOCKING}, {Bolt.UNLOCKING, Bolt.LOCKED})

    async def test_out_of_reach(self, bench: Bench) -> None:
        """It says so in time, moves nothing, asks to be read, and comes back."""
        await bench.driver.read_state()
        count = bench.news
        await bench.reach(there=False)
        start = time.monotonic()
        with pytest.raises(bench.away):
            await bench.driver.command(DoorCommand.UNLOCK)
        assert time.monotonic() - start < 5
        assert not bench.driver.available
        assert bench.moves == 0
        assert (bench.news > count) is bench.asks_again
        await bench.reach(there=True)

        async def read() -> None:
            while not bench.driver.available:
                try:
                    await bench.driver.read_state()
                except LockUnreachable:
                    await asyncio.sleep(0.02)

        await asyncio.wait_for(read(), 10)
        await bench.driver.command(DoorCommand.UNLOCK)

    async def test_jam(self, bench: Bench) -> None:
        """A bolt that sticks is a refusal with its reason."""
        bench.jam()
        with pytest.raises(LockRefused) as caught:
            await bench.driver.command(DoorCommand.UNLOCK)
        assert caught.value.reason is Refusal.JAMMED
        assert (await bench.driver.read_state()).bolt is Bolt.JAMMED

    async def test_stop(self, bench: Bench) -> None:
        """Nothing is left: no connection, no news, no event."""
        await bench.driver.read_state()
        await bench.driver.stop()
        await until(lambda: not bench.connected)
        count = bench.news
        bench.turn(lock=False)
        await asyncio.sleep(0.1)
        assert bench.news == count
        assert bench.events == []

    async def test_listener_that_fails(self, bench: Bench) -> None:
        """It stops no other and no reading, and is said."""
        loop = asyncio.get_running_loop()
        failed: list[BaseException] = []
        handler = loop.get_exception_handler()
        loop.set_exception_handler(
            lambda _, context: failed.append(context["exception"])
        )

        def fail() -> None:
            raise ZeroDivisionError

        undo = bench.driver.on_change(fail)
        told: list[int] = []
        bench.driver.on_change(lambda: told.append(1))
        bench.turn(lock=False)
        await bench.driver.read_state()
        await until(lambda: told and failed)
        undo()
        loop.set_exception_handler(handler)
        assert isinstance(failed[0], ZeroDivisionError)
        assert bench.driver.available

    async def test_listeners_leave(self, bench: Bench) -> None:
        """Who does not listen any more is not told."""
        told: list[int] = []
        undo = bench.driver.on_change(lambda: told.append(1))
        undo()
        await bench.driver.read_state()
        assert told == []


class AirContract:
    """What a driver does that speaks to its lock over the air."""

    async def test_the_door_overtakes(self, bench: AirBench) -> None:
        """A door command does not wait for readings that were asked for before."""
        ended: list[str] = []

        async def run(name: str) -> None:
            if name == "door":
                await bench.driver.command(DoorCommand.UNLOCK)
            else:
                await bench.driver.read_state()
            ended.append(name)

        await asyncio.gather(*(run(name) for name in ("1", "2", "3", "door")))
        assert ended.index("door") == 1

    async def test_answer_lost(self, bench: AirBench) -> None:
        """The door moved and we do not know: never "unreachable", never again."""
        await bench.driver.read_state()
        bench.lose(answer=True)
        count = bench.news
        with pytest.raises(OutcomeUnknown):
            await bench.driver.command(DoorCommand.UNLOCK)
        assert bench.news > count
        assert bench.moves == 1
        await until(lambda: bench.bolt is Bolt.UNLOCKED)
        assert (await bench.driver.read_state()).bolt is Bolt.UNLOCKED

    async def test_command_lost(self, bench: AirBench) -> None:
        """The door did not move, and nothing says that it did."""
        await bench.driver.read_state()
        bench.lose(answer=False)
        with pytest.raises((OutcomeUnknown, LockUnreachable)):
            await bench.driver.command(DoorCommand.UNLOCK)
        assert bench.moves == 0
        assert (await bench.driver.read_state()).bolt is Bolt.LOCKED

    async def test_stopped_for_good(self, bench: AirBench) -> None:
        """Who comes late does not connect again."""
        await bench.driver.stop()
        with pytest.raises(LockUnreachable):
            await bench.driver.read_state()
        assert not bench.connected


class LinkContract:
    """What a driver does that has a link and a pairing of its own."""

    async def test_unknown_before_it_is_read(self, bench: LinkBench) -> None:
        """Only a first reading makes it available."""
        assert not bench.driver.available
        await bench.driver.read_state()
        assert bench.driver.available

    async def test_news(self, bench: LinkBench) -> None:
        """A change that we did not ask for is announced, once it can be."""
        await bench.driver.read_state()
        await until(lambda: not bench.connected)
        count = bench.news
        bench.turn(lock=False)
        await bench.news_after(count)
        assert (await bench.driver.read_state()).bolt is Bolt.UNLOCKED
        assert bench.driver.state.moved_by is Method.MANUAL

    async def test_another_app_lets_go(self, bench: LinkBench) -> None:
        """The command waits for the only link, and gets it."""
        bench.be_patient()
        async with bench.other_app() as other:
            assert bench.connected
            command = asyncio.create_task(bench.driver.command(DoorCommand.UNLOCK))
            await asyncio.sleep(0.1)
            assert not command.done()
            await other.let_go()
            await command
        assert bench.bolt is Bolt.UNLOCKED
        assert bench.moves == 1

    async def test_another_app_stays(self, bench: LinkBench) -> None:
        """The command ends in time, was not sent, and says why."""
        async with bench.other_app() as other:
            start = time.monotonic()
            with pytest.raises(LockUnreachable, match="another app"):
                await bench.driver.command(DoorCommand.LOCK)
            assert time.monotonic() - start < 5
            assert bench.moves == 0
            assert not bench.driver.available
            await other.unlock()
        await bench.driver.command(DoorCommand.LOCK)
        assert bench.driver.available
        assert bench.moves == 2

    async def test_pairing_lost(self, bench: LinkBench) -> None:
        """A lock that forgot us is said to, also while it is out of reach."""
        await bench.driver.read_state()
        bench.forget_us()
        with pytest.raises(LockRefused) as caught:
            await bench.driver.command(DoorCommand.UNLOCK)
        assert caught.value.reason is Refusal.PAIRING_LOST
        assert bench.driver.pairing_lost
        assert not bench.driver.available
        await bench.reach(there=False)
        with pytest.raises(LockError):
            await bench.driver.read_state()
        assert bench.driver.pairing_lost

    async def test_lent(self, bench: LinkBench) -> None:
        """Our link is let go; readings wait for its end, the door does not."""
        await bench.driver.read_state()
        async with bench.driver.lent():
            await until(lambda: not bench.connected)
            reading = asyncio.create_task(bench.driver.read_state())
            async with asyncio.timeout(5):
                await bench.driver.command(DoorCommand.UNLOCK)
            assert bench.bolt is Bolt.UNLOCKED
            await until(lambda: not bench.connected)
            assert not reading.done()
        assert (await reading).bolt is Bolt.UNLOCKED


class EventsContract:
    """What a driver does whose lock tells what happens as it happens."""

    async def test_a_hand_is_told_once(self, bench: EventsBench) -> None:
        """Each move that we did not ask for is one event, and the state follows."""
        await bench.driver.read_state()
        assert Capability.EVENTS in bench.driver.capabilities
        for lock in (False, True):
            bench.turn(lock=lock)
            bolt = Bolt.LOCKED if lock else Bolt.UNLOCKED
            await until(lambda bolt=bolt: bench.driver.state.bolt is bolt)
        await bench.settle()
        told = [(event.event, event.ours) for event in bench.events]
        assert told == [(AccessKind.UNLOCKED, False), (AccessKind.LOCKED, False)]
        assert {event.lock for event in bench.events} == {bench.driver.ref.id}

    async def test_our_command_is_told_once(self, bench: EventsBench) -> None:
        """It is known to be ours, or to have come over the air as we asked."""
        await bench.driver.read_state()
        await bench.driver.command(DoorCommand.UNLOCK)
        await bench.settle()
        [event] = bench.events
        assert event.event is AccessKind.UNLOCKED
        assert event.ours or (event.remote and event.actor is UNKNOWN_ACTOR)


class LockLogContract:
    """What a driver does whose lock keeps a log."""

    async def test_log(self, bench: LinkBench) -> None:
        """Events come after an index, oldest first, with what the lock knows."""
        driver = bench.driver
        assert Capability.LOCK_LOG in driver.capabilities
        assert await driver.last_log_index() == 0
        assert await read_log(driver, 0) == []
        await driver.command(DoorCommand.UNLOCK, "Engine 7")
        bench.turn(lock=True)
        [first, second] = await read_log(driver, 0)
        assert (first.event, first.method, first.ours) == (
            AccessKind.UNLOCKED,
            Method.APP,
            True,
        )
        assert first.actor.name.endswith("Engine 7")
        assert (second.event, second.method, second.ours) == (
            AccessKind.LOCKED,
            Method.MANUAL,
            False,
        )
        assert first.lock == second.lock == driver.ref.id
        assert first.time <= second.time
        assert await driver.last_log_index() == second.lock_index
        assert await read_log(driver, first.lock_index) == [second]

    async def test_log_of_another_app(self, bench: LinkBench) -> None:
        """It is told by its own name, and is not us."""
        driver = bench.driver
        bench.be_patient()
        async with bench.other_app() as other:
            await other.unlock()
            await other.let_go()
            await driver.command(DoorCommand.LOCK)
        theirs, ours = await read_log(driver, 0)
        assert (theirs.event, theirs.method, theirs.ours) == (
            AccessKind.UNLOCKED,
            Method.APP,
            False,
        )
        assert (theirs.actor.kind, theirs.actor.name) == (ActorKind.CREDENTIAL, "Phone")
        assert ours.ours
        assert theirs.actor.ref != ours.actor.ref

    async def test_long_log(self, bench: LinkBench) -> None:
        """None is missing, however many there are."""
        for i in range(120):
            bench.turn(lock=bool(i % 2))
        events = await read_log(bench.driver, 0)
        indexes = [event.lock_index for event in events]
        assert len(indexes) == 120
        assert indexes == sorted(set(indexes))

    async def test_link_lost_in_a_long_log(self, bench: LinkBench) -> None:
        """What was read stands, and is not read again."""
        for i in range(120):
            bench.turn(lock=bool(i % 2))
        await bench.driver.read_state()
        bench.lose_entry(70)
        read: list[int] = []
        tries = 0
        while len(read) < 120:
            tries += 1
            try:
                async for page in bench.driver.read_log(read[-1] if read else 0):
                    read += [event.lock_index for event in page]
            except LockUnreachable:
                assert 0 < len(read) < 120
        assert tries == 2
        assert read == sorted(set(read))

    async def test_door_between_two_pages(self, bench: LinkBench) -> None:
        """A long log does not hold up the door."""
        for i in range(120):
            bench.turn(lock=not i % 2)
        order: list[str] = []

        async def read() -> None:
            async for _ in bench.driver.read_log(0):
                order.append("page")
                if len(order) == 1:
                    started.set()

        started = asyncio.Event()
        reading = asyncio.create_task(read())
        await started.wait()
        await bench.driver.command(DoorCommand.LOCK)
        order.append("door")
        await reading
        assert order.index("door") < len(order) - 1


class CodesContract:
    """What a driver does whose lock takes codes and keeps their windows itself."""

    async def test_life_of_a_code(self, bench: LinkBench) -> None:
        """Set, read, given another window, cleared; it opens while it should."""
        driver = bench.driver
        digits = driver.new_code()
        now = window()
        code = await driver.set_code(digits, "LE one", now)
        assert bench.codes == {code: "LE one"}
        assert bench.opens(digits)
        [found] = await driver.read_codes()
        assert (found.id, found.name, found.enabled) == (code, "LE one", True)
        assert found.window == now
        assert digits not in repr(found)
        past = window(-0.5)
        await driver.change_window(code, "LE one", past)
        [found] = await driver.read_codes()
        assert found.window == past
        await until(lambda: bench.bolt is Bolt.UNLOCKED)
        assert not bench.opens(digits)
        await driver.clear_code(code, "LE one")
        assert bench.codes == {}

    async def test_schedule(self, bench: LinkBench) -> None:
        """It opens at its times of the week, as the lock's own clock has them."""
        driver = bench.driver
        now = bench.local_time.replace(second=0, microsecond=0)
        day, hour = now.weekday(), timedelta(hours=1)
        # Tomorrow, too: the test may run at midnight.
        near = frozenset({day, (day + 1) % 7})
        cases = {
            "today": (Schedule(weekdays=near), True),
            "not today": (Schedule(weekdays=frozenset(range(7)) - near), False),
            "now": (
                Schedule(start=(now - hour).time(), end=(now + hour).time()),
                True,
            ),
            "later": (
                Schedule(start=(now + hour).time(), end=(now + 2 * hour).time()),
                False,
            ),
            "today, later": (
                Schedule(
                    weekdays=near,
                    start=(now + hour).time(),
                    end=(now + 2 * hour).time(),
                ),
                False,
            ),
        }
        for name, (schedule, opens) in cases.items():
            digits = driver.new_code()
            await driver.set_code(digits, name, window(), schedule)
            await until(lambda: bench.bolt in (Bolt.LOCKED, Bolt.UNLOCKED))
            assert bench.opens(digits) is opens, name
        read = {code.name: code.schedule for code in await driver.read_codes()}
        assert read == {name: schedule for name, (schedule, _) in cases.items()}

    async def test_schedule_of_a_changed_window(self, bench: LinkBench) -> None:
        """Another window leaves the schedule alone, unless it is given one, or none."""
        driver = bench.driver
        always, weekend = Schedule(), Schedule(weekdays=frozenset({5, 6}))
        code = await driver.set_code(driver.new_code(), "LE one", window(), weekend)
        for given, found in (
            (None, weekend),
            (weekdays := Schedule(weekdays=frozenset(range(5))), weekdays),
            (always, None),
            (None, None),
        ):
            later = window(2)
            await driver.change_window(code, "LE one", later, given)
            [kept] = await driver.read_codes()
            assert (kept.window, kept.schedule) == (later, found)

    async def test_codes_of_others(self, bench: LinkBench) -> None:
        """A code with another number or another name is not ours to touch."""
        driver = bench.driver
        theirs = bench.add_code("Grandma")
        namesake = bench.add_code("LE one")
        ours = await driver.set_code(driver.new_code(), "LE one", window())
        for code_id, name in ((theirs, "LE one"), (ours, "Grandma"), (ours + 9, "x")):
            with pytest.raises(LockRefused) as caught:
                await driver.clear_code(code_id, name)
            assert caught.value.reason is Refusal.CODE_GONE
            with pytest.raises(LockRefused) as caught:
                await driver.change_window(code_id, name, window())
            assert caught.value.reason is Refusal.CODE_GONE
        assert bench.codes == {theirs: "Grandma", namesake: "LE one", ours: "LE one"}
        await driver.clear_code(ours, "LE one")
        assert bench.codes == {theirs: "Grandma", namesake: "LE one"}
        assert {code.id for code in await driver.read_codes()} == {theirs, namesake}

    async def test_clear_marked(self, bench: LinkBench) -> None:
        """Every code that bears one of our names, and no other."""
        driver = bench.driver
        theirs = bench.add_code("LE")
        for name in ("LE one", "LE two", "LE three"):
            await driver.set_code(driver.new_code(), name, window())
        await driver.clear_marked({"LE one", "LE two", "LE gone"})
        assert sorted(bench.codes.values()) == ["LE", "LE three"]
        assert theirs in bench.codes

    async def test_code_taken_meanwhile(
        self, bench: LinkBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Somebody else removed it: that is what was wanted; any other no is not."""
        driver = bench.driver
        await driver.set_code(driver.new_code(), "LE one", window())
        reasons = [Refusal.CODE_GONE, Refusal.PIN_BLOCKED]

        async def refuse(code_id: int, name: str) -> None:
            raise LockRefused(reasons[0])

        monkeypatch.setattr(driver, "clear_code", refuse)
        await driver.clear_marked({"LE one"})
        del reasons[0]
        with pytest.raises(LockRefused):
            await driver.clear_marked({"LE one"})

    async def test_digits(self, bench: LinkBench) -> None:
        """New codes are such that the lock takes; what it would not take is not sent."""
        driver = bench.driver
        codes = {driver.new_code() for _ in range(200)}
        assert len(codes) > 190
        assert all(driver.check_code(digits) for digits in codes)
        for digits in ("", "١٢٣٤٥٦", "12x456"):
            assert not driver.check_code(digits)
            with pytest.raises(LockRefused) as caught:
                await driver.set_code(digits, "LE one", window())
            assert caught.value.reason is Refusal.CODE_INVALID
            assert digits == "" or digits not in str(caught.value)
        digits = driver.new_code()
        await driver.set_code(digits, "LE one", window())
        with pytest.raises(LockRefused) as caught:
            await driver.set_code(digits, "LE two", window(hours=2))
        assert caught.value.reason is Refusal.CODE_EXISTS
        assert list(bench.codes.values()) == ["LE one"]

    async def test_forget_us(self, bench: LinkBench) -> None:
        """The lock forgets our pairing, and keeps the codes of others."""
        theirs = bench.add_code("Grandma")
        await bench.driver.forget_us()
        with pytest.raises(LockRefused) as caught:
            await bench.driver.read_state()
        assert caught.value.reason is Refusal.PAIRING_LOST
        assert bench.codes == {theirs: "Grandma"}
