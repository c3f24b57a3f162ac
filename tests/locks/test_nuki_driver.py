"""The Nuki keeps the contract; and what is a Nuki's alone."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
import time
from typing import Any

from homeassistant.components import bluetooth
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest

from custom_components.smartlock_le.locks.driver import Bolt, ClockChange, LockDriver
from custom_components.smartlock_le.locks.keybook import LockKeys
from custom_components.smartlock_le.locks.nuki import clock
from custom_components.smartlock_le.locks.nuki.driver import NukiDriver
from custom_components.smartlock_le.locks.nuki.messages import KeyturnerStates
from custom_components.smartlock_le.models import (
    Capability,
    DoorCommand,
    LockRefused,
    LockUnreachable,
    Refusal,
)
from tests.conftest import until
from tests.virtual_home.raw import Phone
from virtual_home.faults import Direction
from virtual_home.home import VirtualHome
from virtual_home.nuki import Command, DoorState, NukiLock
from virtual_home.nuki.wire import LockAction

from .contract import (
    AirContract,
    CodesContract,
    DriverContract,
    LinkBench,
    LinkContract,
    LockLogContract,
)
from .support import built, eventually, read_log, window

_BOLTS = {1: Bolt.LOCKED, 3: Bolt.UNLOCKED, 5: Bolt.OPEN, 0xFE: Bolt.JAMMED}


class App(Phone):
    """The maker's app."""

    async def unlock(self) -> None:
        """Unlock, and wait until it has."""
        assert self.client
        await self.client.act(LockAction.UNLOCK)
        while (await self.client.receive())[0] != Command.STATUS:
            pass


class NukiBench(LinkBench):
    """A simulated Nuki."""

    def __init__(self, home: VirtualHome, nuki: NukiLock) -> None:
        """Take the lock."""
        self.home = home
        self.nuki = nuki
        self.device = nuki.device

    @property
    def bolt(self) -> Bolt:
        """Where the bolt is."""
        return _BOLTS.get(self.device.bolt.state, Bolt.UNKNOWN)

    @property
    def moves(self) -> int:
        """How many actions it received."""
        return self.device.received.total()

    @property
    def connected(self) -> bool:
        """Whether the link is up."""
        return self.nuki.connection is not None

    async def reach(self, *, there: bool) -> None:
        """Move it."""
        await self.nuki.set_in_range(there)

    def turn(self, *, lock: bool) -> None:
        """Turn it."""
        self.device.turn(lock=lock)

    def jam(self) -> None:
        """Block it."""
        self.device.bolt.jammed = True

    def slow(self) -> None:
        """Slow it."""
        self.device.bolt.motor_s = 0.3

    def forget_us(self) -> None:
        """Reset it."""
        self.device.factory_reset()

    def lose(self, *, answer: bool) -> None:
        """Cut the link at the second message: the first is the challenge."""
        direction = Direction.FROM_LOCK if answer else Direction.TO_LOCK
        self.nuki.faults.lose(direction, 2, drop_link=True)

    def lose_entry(self, number: int) -> None:
        """Count the challenges and the ends of pages in between as well."""
        pages = (number - 1) // 50
        self.nuki.faults.lose(
            Direction.FROM_LOCK, number + 1 + 2 * pages, drop_link=True
        )

    def be_patient(self) -> None:
        """Move the deadline."""
        assert isinstance(self.driver, NukiDriver)
        self.driver._client._deadline = 10

    @asynccontextmanager
    async def other_app(self) -> AsyncIterator[App]:
        """Use another radio."""
        async with App(self.home, self.nuki) as app:
            await app.hold()
            yield app

    @property
    def codes(self) -> dict[int, str]:
        """Give its codes."""
        return {code.code_id: code.name for code in self.device.codes}

    def add_code(self, name: str) -> int:
        """Add one in the maker's app."""
        digits = 345671 + len(self.device.codes)
        return self.device.codes.add(digits, name, None, self.device.now).code_id

    @property
    def local_time(self) -> datetime:
        """Read its clock."""
        return self.device.now + self.device.timezone_offset

    def opens(self, digits: str) -> bool:
        """Press it."""
        return self.device.press(int(digits)).opened


@pytest.fixture
async def bench(
    hass: HomeAssistant, air: VirtualHome, nuki: NukiLock, keys: LockKeys
) -> AsyncIterator[NukiBench]:
    """Give a started driver of a lock that was paired."""
    bench = NukiBench(air, nuki)
    bench.start(built(hass, nuki.address, keys))
    await bench.driver.start()
    yield bench
    await bench.driver.stop()


class TestContract(
    DriverContract, AirContract, LinkContract, LockLogContract, CodesContract
):
    """A Nuki with a keypad and its PIN can do everything."""


def other(
    hass: HomeAssistant, nuki: NukiLock, keys: LockKeys, **changes: Any
) -> LockDriver:
    """Return a driver with other keys, not started."""
    return built(hass, nuki.address, replace(keys, **changes))


CODE_CALLS: list[Callable[[LockDriver], Awaitable[Any]]] = [
    lambda driver: driver.read_codes(),
    lambda driver: driver.set_code("345678", "LE one", window()),
    lambda driver: driver.change_window(1, "LE one", window()),
    lambda driver: driver.clear_code(1, "LE one"),
]


@pytest.mark.parametrize(
    ("changes", "capabilities", "reason"),
    [
        ({"pin": None}, Capability.OPEN, Refusal.NO_PIN),
        (
            {"has_keypad": False},
            Capability.OPEN | Capability.LOCK_LOG,
            Refusal.NO_KEYPAD,
        ),
    ],
)
async def test_less_capable(
    hass: HomeAssistant,
    nuki: NukiLock,
    keys: LockKeys,
    changes: dict[str, Any],
    capabilities: Capability,
    reason: Refusal,
) -> None:
    """Without PIN or keypad: it says so, refuses codes unsent, and opens the door."""
    driver = other(hass, nuki, keys, **changes)
    assert driver.capabilities == capabilities
    nuki.faults.messages()
    for call in CODE_CALLS:
        with pytest.raises(LockRefused) as caught:
            await call(driver)
        assert caught.value.reason is reason
    if reason is Refusal.NO_PIN:
        with pytest.raises(LockRefused):
            await driver.last_log_index()
    assert nuki.faults.messages() == []
    assert not driver.available
    await driver.command(DoorCommand.UNLOCK)
    await driver.stop()


async def test_wrong_pin(hass: HomeAssistant, nuki: NukiLock, keys: LockKeys) -> None:
    """A wrong PIN is tried once: the lock counts. The door goes on working."""
    driver = other(hass, nuki, keys, pin=4321)
    with pytest.raises(LockRefused):
        await driver.last_log_index()
    assert driver.pin_wrong
    assert driver.capabilities == Capability.OPEN
    for call in CODE_CALLS:
        with pytest.raises(LockRefused) as caught:
            await call(driver)
        assert caught.value.reason is Refusal.WRONG_PIN
    assert nuki.device.pin._wrong == 1
    await driver.command(DoorCommand.UNLOCK)
    await driver.stop()


@pytest.mark.parametrize(
    ("off", "corrected"),
    [(timedelta(hours=-3), True), (timedelta(minutes=1), True), (timedelta(0), False)],
)
async def test_clock(bench: NukiBench, off: timedelta, corrected: bool) -> None:
    """The clock that ends a code is right before the code is set."""
    bench.device.clock_offset = off
    before = bench.device.clock_offset
    digits = bench.driver.new_code()
    await bench.driver.set_code(digits, "LE one", window())
    assert (bench.device.clock_offset != before) is corrected
    assert abs(bench.device.clock_offset) < timedelta(seconds=10)
    assert bench.opens(digits)


async def test_our_clock_was_never_set(
    bench: NukiBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time of a computer that does not know it is not given to a lock."""
    moment = datetime(1970, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(clock, "utc_now", lambda: moment)
    before = bench.device.clock_offset
    with pytest.raises(LockRefused, match="our clock"):
        await bench.driver.set_code(bench.driver.new_code(), "LE one", window())
    assert bench.device.clock_offset == before
    assert bench.codes == {}


CHANGES = tuple[datetime | None, datetime, ClockChange]


def changes_of(driver: LockDriver) -> list[CHANGES]:
    """Listen to the changes of the lock's clock."""
    changes: list[CHANGES] = []
    driver.on_clock_set = lambda *change: changes.append(change)
    return changes


@pytest.mark.parametrize(
    ("seconds", "corrected"), [(-7200, True), (60, True), (20, False), (-20, False)]
)
async def test_clock_that_drifts(
    bench: NukiBench, seconds: float, corrected: bool
) -> None:
    """It is set after a reading, though no code is; and it is said."""
    driver, changes = bench.driver, changes_of(bench.driver)
    bench.device.clock_offset = off = timedelta(seconds=seconds)
    await driver.tend()
    assert bench.device.clock_offset == off
    await driver.read_state()
    await driver.tend()
    if not corrected:
        assert (bench.device.clock_offset, changes) == (off, [])
        return
    assert abs(bench.device.clock_offset) < timedelta(seconds=10)
    [(before, after, change)] = changes
    assert change is ClockChange.SET
    assert before
    assert abs(before - after - off) < timedelta(seconds=10)
    await driver.tend()
    assert len(changes) == 1


async def test_clock_that_does_not_stay(
    bench: NukiBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is set once an hour, no more; before a code it is set each time."""
    driver, changes = bench.driver, changes_of(bench.driver)
    off = timedelta(hours=2)
    for _ in range(2):
        bench.device.clock_offset = off
        await driver.read_state()
        await driver.tend()
        assert len(changes) == 1
    await driver.set_code(driver.new_code(), "LE one", window())
    assert len(changes) == 2
    monkeypatch.setattr(clock, "_PAUSE", 0)
    bench.device.clock_offset = off
    await driver.read_state()
    await driver.tend()
    assert len(changes) == 3


async def test_clock_is_left_alone(
    hass: HomeAssistant,
    bench: NukiBench,
    keys: LockKeys,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without the PIN, and where our own clock was never set."""
    bench.device.clock_offset = off = timedelta(hours=2)
    driver = other(hass, bench.nuki, keys, pin=None)
    await driver.read_state()
    await driver.tend()
    await driver.stop()
    moment = datetime(1970, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(clock, "utc_now", lambda: moment)
    await bench.driver.read_state()
    await bench.driver.tend()
    assert bench.device.clock_offset == off


async def test_clock_and_the_answer_lost(bench: NukiBench) -> None:
    """Unknown, and then found; where the lock heard nothing, tried again."""
    driver, changes = bench.driver, changes_of(bench.driver)
    assert isinstance(driver, NukiDriver)
    bench.device.clock_offset = timedelta(hours=2)
    await driver.read_state()
    await bench.reach(there=False)
    await driver.tend()
    assert changes == []
    await bench.reach(there=True)
    faults = bench.nuki.faults

    async def tended() -> bool:
        driver._config_read = True
        await driver.tend()
        return not faults.pending()

    # The state, and the challenge is lost: nothing was told to the lock.
    faults.lose(Direction.FROM_LOCK, 2, drop_link=True)
    await eventually(tended)
    assert changes == []
    # State, challenge, then the answer.
    faults.lose(Direction.FROM_LOCK, 3, drop_link=True)
    await eventually(tended)
    assert [change for *_, change in changes] == [ClockChange.UNKNOWN]
    await driver.read_state()
    assert [change for *_, change in changes] == [
        ClockChange.UNKNOWN,
        ClockChange.FOUND,
    ]
    (_, told, _), (before, after, _) = changes
    assert before == told
    assert abs(after - told) < timedelta(seconds=10)


async def test_busy(bench: NukiBench) -> None:
    """A lock that is busy is there, and asks to be read when it is not."""
    bench.add_code("Guest")
    bench.slow()
    await bench.driver.read_state()
    driver = bench.driver
    assert isinstance(driver, NukiDriver)
    driver._set_available(False)
    bench.opens("345671")
    count = bench.news
    with pytest.raises(LockRefused) as caught:
        await driver.command(DoorCommand.UNLOCK)
    assert caught.value.reason is Refusal.BUSY
    assert driver.available
    assert bench.news > count


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_entry_of_the_log_lost(bench: NukiBench, number: int) -> None:
    """One whose message is lost is asked for again, wherever it stands in the list."""
    for i in range(3):
        bench.turn(lock=bool(i % 2))
    # Before it: nonce, count, newest entry, complete; nonce.
    bench.nuki.faults.lose(Direction.FROM_LOCK, 5 + number)
    events = await read_log(bench.driver, 0)
    assert [event.lock_index for event in events] == [1, 2, 3]
    assert not bench.nuki.faults.pending()


async def test_entry_of_the_log_that_is_not_there(bench: NukiBench) -> None:
    """What fell out of the lock is not waited for; what is lost is never passed over."""
    for i in range(3):
        bench.turn(lock=bool(i % 2))
    entries = bench.device.log.entries
    del entries[1]
    events = await read_log(bench.driver, 0)
    assert [event.lock_index for event in events] == [1, 3]
    entries.popleft()
    bench.nuki.faults.lose(Direction.FROM_LOCK, 6)
    with pytest.raises(LockUnreachable, match="incomplete"):
        await read_log(bench.driver, 0)
    assert [event.lock_index for event in await read_log(bench.driver, 0)] == [3]


async def test_lock_time(bench: NukiBench) -> None:
    """Events have our time, whatever the lock's clock says, and keep the lock's."""
    bench.device.clock_offset = timedelta(hours=-5)
    bench.turn(lock=False)
    await bench.driver.read_state()
    [event] = await read_log(bench.driver, 0)
    assert abs(event.time - dt_util.utcnow()) < timedelta(seconds=10)
    assert (
        event.lock_time
        == bench.device.log.entries[0].moment.replace(microsecond=0).isoformat()
    )


async def test_lock_without_a_clock(bench: NukiBench) -> None:
    """A lock that does not know the time has no drift, and its state counts."""
    driver = bench.driver
    assert isinstance(driver, NukiDriver)
    driver._on_state(KeyturnerStates(3, 1, None, False, None, 0))
    assert (driver.state.bolt, driver.state.clock) == (Bolt.UNLOCKED, None)
    assert driver._clock.drift == timedelta(0)


async def test_details(bench: NukiBench) -> None:
    """Battery and door sensor, and who it is."""
    bench.device.set_battery(42)
    bench.device.door = DoorState.OPENED
    state = await bench.driver.read_state()
    assert (state.battery, state.has_door_sensor, state.door_open) == (42, True, True)
    assert state.clock
    driver = bench.driver
    assert (driver.ref.id, driver.ref.name) == (bench.nuki.address, "Front door")
    assert (driver.model, driver.firmware) == ("Nuki Smart Lock", "3.9.5")


async def test_firmware(bench: NukiBench) -> None:
    """Read once each time that the lock is back, and told when it changed."""
    driver = bench.driver
    await driver.read_state()
    await driver.tend()
    assert driver.firmware == "3.9.5"
    bench.device.firmware = (4, 1, 2)
    await driver.tend()
    assert driver.firmware == "3.9.5"
    await bench.reach(there=False)
    with pytest.raises(LockUnreachable):
        await driver.read_state()
    await driver.tend()
    await bench.reach(there=True)

    async def back() -> bool:
        try:
            await driver.read_state()
        except LockUnreachable:
            return False
        return True

    await eventually(back)
    changes = bench.changes
    await driver.tend()
    assert driver.firmware == "4.1.2"
    await until(lambda: bench.changes > changes)


@pytest.mark.parametrize("door", DoorState)
async def test_door_sensor(bench: NukiBench, door: DoorState) -> None:
    """Each state of the sensor is news, and none but two is a state of the door."""
    count = bench.news
    bench.device.set_door_sensor(door)
    await bench.news_after(count)
    state = await bench.driver.read_state()
    known = {DoorState.OPENED: True, DoorState.CLOSED: False}
    assert state.door_open is known.get(door)
    assert state.has_door_sensor is (door > DoorState.DEACTIVATED)


async def test_no_free_slot(bench: NukiBench, air: VirtualHome) -> None:
    """All slots in use: an error within our deadline, and back when one is free."""
    await bench.driver.read_state()
    await until(lambda: not air.central.allocated)
    slots, air.central.slots = air.central.slots, 0
    start = time.monotonic()
    with pytest.raises(LockUnreachable):
        await bench.driver.command(DoorCommand.UNLOCK)
    assert time.monotonic() - start < 4
    assert not bench.driver.available
    air.central.slots = slots
    await until(lambda: not air.central.allocated)
    await bench.driver.command(DoorCommand.UNLOCK)
    assert bench.driver.available
    assert bench.moves == 1


async def test_never_heard(hass: HomeAssistant, keys: LockKeys) -> None:
    """A lock that no adapter hears is unreachable at once."""
    driver = built(hass, "54:D2:72:00:00:01", keys)
    assert isinstance(driver, NukiDriver)
    with pytest.raises(LockUnreachable, match="not heard"):
        await driver.read_state()
    await driver.stop()


async def test_silence(
    hass: HomeAssistant, bench: NukiBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Home Assistant hears it no more: it is not available, without being asked."""
    await bench.driver.read_state()
    await until(lambda: not bench.connected)
    await bench.reach(there=False)
    lost: list[Any] = []
    bluetooth.async_track_unavailable(hass, lost.append, bench.nuki.address, True)
    driver = bench.driver
    assert isinstance(driver, NukiDriver)
    assert driver.available
    info = bluetooth.async_last_service_info(hass, bench.nuki.address, True)
    assert info
    driver._on_unavailable(info)
    assert not driver.available
    changes = bench.changes
    driver._on_unavailable(info)
    assert bench.changes == changes


async def test_news_that_nobody_told(hass: HomeAssistant, bench: NukiBench) -> None:
    """News before and after a link look the same: the driver looks for itself."""
    bench.turn(lock=False)
    await until(lambda: bench.nuki.device.unread)
    await bench.driver.read_state()
    driver = bench.driver
    assert isinstance(driver, NukiDriver)
    count = bench.news
    driver._look(dt_util.utcnow())
    assert bench.news == count
    bench.turn(lock=True)
    await until(lambda: not bench.connected)
    count = bench.news
    await until(lambda: bench.news > count)
    await bench.driver.read_state()
    await until(lambda: not bench.connected)


async def test_a_log_that_goes_in_circles(
    bench: NukiBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock that gives what was not asked for is not read for ever."""
    bench.turn(lock=False)
    driver = bench.driver
    assert isinstance(driver, NukiDriver)
    newest = await driver.last_log_index()
    (last,) = await driver._client.read_log(newest - 1, 1)

    async def same(after: int, count: int) -> list[Any]:
        return [replace(last, index=after)]

    monkeypatch.setattr(driver._client, "read_log", same)
    pages = [page async for page in driver.read_log(newest - 1)]
    assert [event.lock_index for page in pages for event in page] == [newest - 1]
