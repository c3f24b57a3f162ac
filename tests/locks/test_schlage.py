"""A lock that Schlage brought: it keeps the contracts, and its codes have names."""

import asyncio
from collections.abc import AsyncGenerator
import logging

from homeassistant.const import MATCH_ALL
from homeassistant.core import Event, HomeAssistant
import pytest

from custom_components.smartlock_le.locks import (
    answers,
    any_lock,
    numbered as numbered_module,
)
from custom_components.smartlock_le.locks.driver import Bolt
from custom_components.smartlock_le.locks.schlage import SchlageDriver
from custom_components.smartlock_le.models import (
    DoorCommand,
    LockRef,
    LockRefused,
    LockUnreachable,
    OutcomeUnknown,
    Refusal,
)
from tests.conftest import until
from tests.schlage import JAMMED, LOCK_ID, LOCKED, UNLOCKED, SchlageHome, schlage_home

from .contract import EventsBench, EventsContract
from .numbered_contract import Book, NumberedBench, NumberedContract
from .support import window

_BOLTS = {LOCKED: Bolt.LOCKED, UNLOCKED: Bolt.UNLOCKED, JAMMED: Bolt.JAMMED}


class SchlageBench(NumberedBench, EventsBench):
    """A started driver and the cloud behind it."""

    driver: SchlageDriver
    asks_again = False

    def __init__(self, hass: HomeAssistant, home: SchlageHome) -> None:
        """Follow the lock."""
        self.hass = hass
        self.home = home
        self.cloud = home.cloud
        self.book = Book()
        ref = LockRef(LOCK_ID, "Side door")
        self.start(SchlageDriver(hass, ref, self.book, range(1, 6)))

    @property
    def bolt(self) -> Bolt:
        """Where the bolt is."""
        return _BOLTS[self.cloud.state]

    @property
    def moves(self) -> int:
        """How many commands it took."""
        return self.cloud.moves

    async def reach(self, *, there: bool) -> None:
        """Lose the cloud, or find it."""
        self.cloud.there = there
        await self.home.look()

    def turn(self, *, lock: bool) -> None:
        """Turn the thumb turn, and have Home Assistant see it."""
        self.cloud.moved(LOCKED if lock else UNLOCKED, "thumbTurn")
        self.hass.async_create_task(self.home.refresh())

    def jam(self) -> None:
        """Block it."""
        self.cloud.jammed = True

    def slow(self) -> None:
        """Its entity does not show that it moves."""

    async def settle(self) -> None:
        """Wait until all is told."""
        await self.hass.async_block_till_done(wait_background_tasks=True)

    @property
    def codes(self) -> dict[int, str]:
        """The codes on it, by the number in their name."""
        named = self.cloud.digits().items()
        return {int(name.split()[-1]): digits for name, digits in named}

    def add_code(self, number: int, digits: str) -> None:
        """Add one under a name that could be ours."""
        self.cloud.add(f"smartlock le {number}", digits)

    def forget(self) -> None:
        """Forget each."""
        self.cloud.forgets = True

    def refuse(self) -> None:
        """Say no to the next."""
        self.cloud.refuses = True


@pytest.fixture
async def bench(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[SchlageBench]:
    """Give a started driver of a lock of Home Assistant's Schlage."""
    monkeypatch.setattr(numbered_module, "PAUSE", 0.0)
    monkeypatch.setattr(any_lock, "DEADLINE", 4.0)
    async with schlage_home(hass) as home:
        bench = SchlageBench(hass, home)
        await bench.driver.start()
        yield bench
        await bench.driver.stop()


@pytest.fixture
def numbered(bench: SchlageBench) -> SchlageBench:
    """Give the same for its codes."""
    return bench


class TestContract(EventsContract, NumberedContract):
    """What its entity shows is all that it has, and codes by number."""


@pytest.mark.parametrize("command", [DoorCommand.LOCK, DoorCommand.UNLOCK])
async def test_command(bench: SchlageBench, command: DoorCommand) -> None:
    if command is DoorCommand.LOCK:
        bench.turn(lock=False)
        await bench.settle()
    await bench.driver.command(command)
    assert (bench.bolt, bench.moves) == (bench.driver.state.bolt, 1)


async def test_jam(bench: SchlageBench) -> None:
    bench.jam()
    with pytest.raises(LockRefused) as caught:
        await bench.driver.command(DoorCommand.UNLOCK)
    assert caught.value.reason is Refusal.JAMMED


@pytest.mark.parametrize(
    ("action", "name", "method", "who"),
    [
        ("thumbTurn", None, "manual", ("unknown", "")),
        ("1touchLocking", None, "button", ("unknown", "")),
        ("virtualKey", None, "app", ("unknown", "")),
        ("accesscode", "Grandma", "keypad", ("credential", "Grandma")),
        ("accesscode", "SmartLock LE 77", "keypad", ("code", "")),
        ("accesscode", "SmartLock LE x", "keypad", ("credential", "SmartLock LE x")),
        ("somethingNew", None, "unknown", ("unknown", "")),
    ],
)
async def test_who_it_was(
    bench: SchlageBench,
    action: str,
    name: str | None,
    method: str,
    who: tuple[str, str],
) -> None:
    bench.cloud.moved(UNLOCKED, action, name)
    await bench.home.look()
    [event] = bench.events
    assert (event.event, event.method) == ("unlocked", method)
    assert (event.actor.kind, event.actor.name) == who


async def test_a_code_of_ours_is_used(bench: SchlageBench) -> None:
    """It has our number in the cloud, and nobody's name."""
    driver = bench.driver
    number = await driver.set_code(driver.new_code(), "LE one", window())
    [name] = bench.cloud.digits()
    assert name == f"SmartLock LE {number}"
    bench.cloud.moved(UNLOCKED, "accesscode", name)
    await bench.home.look()
    [event] = bench.events
    assert (event.method, event.actor.kind) == ("keypad", "code")
    assert (event.code_id, event.code_name) == (number, "LE one")


async def test_one_length(bench: SchlageBench) -> None:
    """All codes of the lock have the length of those that are there."""
    driver = bench.driver
    assert len(driver.new_code()) == 4
    bench.cloud.add("Grandma", "012345")
    bench.cloud.length = 6
    await driver.tend()
    assert len(driver.new_code()) == 6
    assert not driver.check_code("1234")
    await driver.set_code(driver.new_code(), "LE one", window())
    await driver.tend()


async def test_two_lengths(bench: SchlageBench) -> None:
    """Then it is not known."""
    bench.cloud.add("Grandma", "012345")
    bench.cloud.add("Grandpa", "0123")
    await bench.driver.tend()
    assert bench.driver.lengths == range(4, 9)


@pytest.mark.parametrize("question", range(9))
async def test_home_assistant_asks_in_between(
    bench: SchlageBench, question: int
) -> None:
    """Its list of codes is empty in that moment: ours is neither forgotten nor left there."""
    bench.home.look_at_question(question)
    number = await bench.driver.set_code("8642", "LE one", window())
    assert bench.codes == {number: "8642"}
    bench.home.look_at_question(question)
    await bench.driver.clear_code(number, "LE one")
    assert bench.codes == {}


async def test_the_cloud_is_away(bench: SchlageBench) -> None:
    await bench.reach(there=False)
    with pytest.raises(LockUnreachable):
        await bench.driver.command(DoorCommand.UNLOCK)
    await bench.driver.tend()
    await bench.reach(there=True)
    await bench.driver.command(DoorCommand.UNLOCK)


async def test_the_cloud_is_slow(
    bench: SchlageBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have it: nobody says that it has not."""
    monkeypatch.setattr(answers, "ANSWER", 0.05)
    bench.cloud.delay_s = 0.2
    with pytest.raises(OutcomeUnknown):
        await bench.driver.put_number(1, "1234")
    bench.cloud.delay_s = 0.0
    await asyncio.sleep(0.5)


async def test_in_silence(
    bench: SchlageBench, caplog: pytest.LogCaptureFixture
) -> None:
    """No log line, event or error has the digits, and the cloud's words are not passed on."""
    events: list[str] = []

    def hear(event: Event) -> None:
        events.append(f"{event.event_type} {event.data}")

    bench.hass.bus.async_listen(MATCH_ALL, hear)
    caplog.set_level(logging.DEBUG)
    await bench.driver.set_code("8642", "LE one", window())
    bench.refuse()
    with pytest.raises(OutcomeUnknown) as caught:
        await bench.driver.put_number(2, "9753")
    await until(lambda: bench.codes == {1: "8642"})
    told = "".join(events) + caplog.text + str(caught.value)
    assert "8642" not in told and "9753" not in told
