"""The client against the simulated lock: what works, and what the lock refuses."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
import time
from typing import Any

import pytest

from custom_components.smartlock_le.locks.nuki.client import Credentials, NukiClient
from custom_components.smartlock_le.locks.nuki.messages import (
    Action,
    IdType,
    KeyturnerStates,
)
from custom_components.smartlock_le.models import (
    LockRefused,
    LockUnreachable,
    OutcomeUnknown,
    Refusal,
)
from tests.conftest import until
from tests.locks.support import PIN, new_client, window
from tests.virtual_home.raw import Phone
from virtual_home.faults import Direction
from virtual_home.home import HomeOptions, VirtualHome
from virtual_home.nuki import LockOptions, LockState, NukiLock
from virtual_home.nuki.product import OPENER, ULTRA, Product
from virtual_home.nuki.users import MAX_USERS


def refused(reason: Refusal, detail: str = "") -> Any:
    """Expect the lock's no."""

    def is_it(err: LockRefused) -> bool:
        return err.reason is reason and detail in ("", err.detail)

    return pytest.raises(LockRefused, check=is_it)


# Pairing


async def test_pair(client: NukiClient, bare: VirtualHome, bare_lock: NukiLock) -> None:
    """The lock knows us by the name we gave, and lets us in from then on."""
    credentials = client.credentials
    assert credentials
    user = bare_lock.device.users.get(credentials.auth_id)
    assert (user.name, user.app_id) == ("Tester", credentials.app_id)
    assert user.key == credentials.key
    again = new_client(
        bare, bare_lock, credentials=Credentials.from_dict(credentials.as_dict())
    )
    await until(lambda: not bare.central.allocated)
    config = await again.read_config()
    assert (config.name, config.has_keypad) == ("Front door", True)
    assert config.firmware == "3.9.5"
    await again.close()
    assert bare.central.free == bare.central.slots
    shown = repr(credentials)
    assert credentials.key.hex() not in shown
    assert repr(credentials.key) not in shown


async def test_pair_refused(bare: VirtualHome, bare_lock: NukiLock) -> None:
    """Not in pairing mode, or full of users; no link is left up."""
    client = new_client(bare, bare_lock)
    bare_lock.device.set_pairing(False)
    with refused(Refusal.NOT_PAIRING):
        await client.pair("Tester")
    bare_lock.device.set_pairing(True)
    users = bare_lock.device.users
    keypad = users.entries[bare_lock.device.keypad_id]
    users.entries |= {1000 + i: keypad for i in range(MAX_USERS)}
    with refused(Refusal.TOO_MANY_PAIRED):
        await client.pair("Tester")
    assert client.credentials is None
    assert bare.central.free == bare.central.slots


@pytest.mark.parametrize(
    ("product", "name"),
    [
        (ULTRA, "Nuki Smart Lock Ultra"),
        (OPENER, "Nuki Opener"),
        (Product(pairing="a92ef1"), ""),
    ],
)
async def test_pair_with_what_is_no_lock_of_ours(
    product: Product, name: str, bare_options: LockOptions
) -> None:
    """It is named, nothing is sent to it, and no link is left up."""
    options = replace(bare_options, product=product)
    async with VirtualHome(HomeOptions(locks=(options,))) as home:
        lock = home.locks[0]
        client = new_client(home, lock)
        with pytest.raises(LockRefused) as caught:
            await client.pair("Tester")
        assert caught.value.reason is Refusal.NOT_SUPPORTED
        assert caught.value.detail == name
        assert lock.faults.messages() == []
        assert home.central.free == home.central.slots


async def test_pair_with_the_last_answer_lost(
    bare: VirtualHome, bare_lock: NukiLock
) -> None:
    """The lock knows us: it is asked, and we are paired."""
    client = new_client(bare, bare_lock, deadline=0.5)
    bare_lock.faults.lose(Direction.FROM_LOCK, 5, drop_link=True)
    credentials = await client.pair("Tester")
    assert client.credentials == credentials
    assert credentials.auth_id in bare_lock.device.users.entries
    await client.read_state()
    await client.close()


async def test_pair_with_the_last_message_lost(
    bare: VirtualHome, bare_lock: NukiLock
) -> None:
    """The lock does not know us: the error says so, and nothing is kept."""
    client = new_client(bare, bare_lock)
    bare_lock.faults.lose(Direction.TO_LOCK, 5, drop_link=True)
    with pytest.raises(OutcomeUnknown):
        await client.pair("Tester")
    assert client.credentials is None
    assert len(bare_lock.device.users.entries) == 1
    await client.pair("Tester")
    await client.close()


async def test_pair_and_gone(bare: VirtualHome, bare_lock: NukiLock) -> None:
    """The lock may know us and is out of reach: never "nothing was told"."""
    client = new_client(bare, bare_lock, deadline=0.5)
    bare_lock.faults.lose(Direction.FROM_LOCK, 5)
    pairing = asyncio.create_task(client.pair("Tester"))
    await until(lambda: len(bare_lock.device.users.entries) > 1)
    await bare_lock.set_in_range(False)
    with pytest.raises(OutcomeUnknown):
        await pairing
    assert client.credentials is None


# Reading and acting


@pytest.mark.parametrize(("chunk", "padded"), [(None, True), (20, False), (7, True)])
async def test_everything_in_pieces(
    chunk: int | None,
    padded: bool,
    bare_options: LockOptions,
) -> None:
    """Each command works however the lock splits and pads what it tells."""
    options = replace(bare_options, chunk=chunk, padded=padded)
    async with VirtualHome(HomeOptions(locks=(options,))) as home:
        lock = home.locks[0]
        client = new_client(home, lock)
        await client.pair("Tester")
        assert (await client.read_state()).bolt == LockState.LOCKED
        assert (await client.read_config()).name == "Front door"
        assert not (await client.read_battery_report()).critical
        ours, keypad = await client.read_authorizations()
        assert (ours.name, keypad.name) == ("Tester", "Nuki Keypad")
        limits = window()
        code = await client.add_code("345678", "LE one", limits.start, limits.end)
        lock.device.codes.add(456789, "Guest", None, lock.device.now)
        [ours, other] = await client.read_codes()
        assert (ours.id, ours.digits, ours.name) == (code, 345678, "LE one")
        assert (ours.start, ours.end) == (limits.start, limits.end)
        assert (other.name, other.start, other.end) == ("Guest", None, None)
        await client.act(Action.UNLOCK, "Engine 7")
        assert lock.device.press(345678).error is None
        await until(lambda: len(lock.device.log.entries) == 2)
        [first, second] = await client.read_log(0, 10)
        assert (first.type, first.name) == (2, "Tester Engine 7")
        assert (second.type, second.name) == (5, "LE one")
        await client.close()


@pytest.mark.parametrize(
    ("action", "state", "pushed"),
    [
        (Action.UNLOCK, LockState.UNLOCKED, [2, 3]),
        (Action.LOCK, LockState.LOCKED, [4, 1]),
        (Action.UNLATCH, LockState.UNLATCHED, [2, 7, 5]),
    ],
)
async def test_act(
    action: Action,
    state: LockState,
    pushed: list[int],
    bare: VirtualHome,
    bare_lock: NukiLock,
) -> None:
    """It returns when the motor stands, and tells of each state on the way."""
    told: list[KeyturnerStates] = []
    bare_lock.device.bolt.motor_s = 0.2
    bare_lock.device.bolt.unlatch_s = 5
    client = new_client(bare, bare_lock, on_state=told.append)
    await client.pair("Tester")
    await client.read_state()
    start = time.monotonic()
    await client.act(action)
    assert time.monotonic() - start >= 0.2
    assert bare_lock.device.bolt.state is state
    assert [states.bolt for states in told] == pushed
    assert bare_lock.device.received.total() == 1
    await client.close()


async def test_slow_motor(bare: VirtualHome, bare_lock: NukiLock) -> None:
    """A motor may turn longer than an answer may take, but not for ever."""
    bare_lock.device.bolt.motor_s = 0.6
    client = new_client(bare, bare_lock, deadline=0.5, motor_deadline=5)
    await client.pair("Tester")
    await client.act(Action.UNLOCK)
    await client.close()
    bare_lock.device.bolt.motor_s = 5
    client = new_client(
        bare, bare_lock, credentials=client.credentials, motor_deadline=0.1
    )
    with pytest.raises(OutcomeUnknown):
        await client.act(Action.LOCK)
    assert bare.central.free == bare.central.slots


async def test_jam_and_busy(client: NukiClient, bare_lock: NukiLock) -> None:
    """A blocked motor and a motor that runs are refusals; the link stays good."""
    bolt = bare_lock.device.bolt
    bolt.jammed = True
    with refused(Refusal.JAMMED, "0x42"):
        await client.act(Action.UNLOCK)
    assert (await client.read_state()).bolt == LockState.MOTOR_BLOCKED
    bolt.jammed = False
    bolt.motor_s = 0.5
    bare_lock.device.codes.add(345678, "Guest", None, bare_lock.device.now)
    bare_lock.device.press(345678)
    with refused(Refusal.BUSY, "0x45"):
        await client.act(Action.LOCK)


async def test_not_paired(bare: VirtualHome, bare_lock: NukiLock) -> None:
    """Without a pairing, and after the lock forgot it, the door does not move."""
    client = new_client(bare, bare_lock)
    with refused(Refusal.PAIRING_LOST):
        await client.act(Action.UNLOCK)
    await client.pair("Tester")
    bare_lock.device.factory_reset()
    with refused(Refusal.PAIRING_LOST, "0x20"):
        await client.act(Action.UNLOCK)
    assert bare_lock.device.received.total() == 0
    assert bare.central.free == bare.central.slots


async def test_pin(client: NukiClient, bare_lock: NukiLock) -> None:
    """Right, wrong, and blocked after too many wrong ones."""
    assert await client.verify_pin(PIN)
    for _ in range(bare_lock.options.pin_attempts):
        assert not await client.verify_pin(4321)
    with refused(Refusal.PIN_BLOCKED):
        await client.verify_pin(PIN)


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.read_log(0, 1),
        lambda client: client.read_codes(),
        lambda client: client.read_authorizations(),
        lambda client: client.remove_code(1),
    ],
)
async def test_without_pin(
    ask: Callable[[NukiClient], Awaitable[Any]], client: NukiClient, bare_lock: NukiLock
) -> None:
    """Nothing is sent where the lock wants a PIN that we do not have."""
    client.pin = None
    bare_lock.faults.messages()
    with refused(Refusal.NO_PIN):
        await ask(client)
    assert bare_lock.faults.messages() == []


async def test_log_pages(client: NukiClient, bare_lock: NukiLock) -> None:
    """By index, oldest first, and the newest alone."""
    for i in range(5):
        bare_lock.device.turn(lock=bool(i % 2))
    assert [e.index for e in await client.read_log(0, 3)] == [1, 2, 3]
    assert [e.index for e in await client.read_log(3, 3)] == [4, 5]
    assert [e.index for e in await client.read_log(5, 3)] == []
    assert [e.index for e in await client.read_log(0, 1, newest_first=True)] == [5]


async def test_codes(client: NukiClient, bare_lock: NukiLock) -> None:
    """Added with a window, given another, removed; it opens only within it."""
    now, day = window().start, timedelta(days=1)
    code = await client.add_code("345678", "LE one", now - day, now - day / 2)
    assert bare_lock.device.press(345678).error is not None
    [found] = await client.read_codes()
    await client.update_code(found, now, now + day)
    kept = bare_lock.device.codes.get(code)
    assert (kept.name, kept.digits, kept.enabled) == ("LE one", 345678, True)
    assert kept.window
    assert (kept.window.start, kept.window.end) == (now, now + day)
    assert bare_lock.device.press(345678).error is None
    await client.remove_code(code)
    assert await client.read_codes() == []
    with refused(Refusal.OTHER, "0x23"):
        await client.remove_code(code)


@pytest.mark.parametrize(
    ("digits", "reason"),
    [
        ("345678", Refusal.CODE_EXISTS),
        ("34567", Refusal.OTHER),
        ("345670", Refusal.OTHER),
        ("123456", Refusal.OTHER),
    ],
)
async def test_code_refused(
    digits: str, reason: Refusal, client: NukiClient, bare_lock: NukiLock
) -> None:
    """Codes that are taken, or that the keypad cannot take."""
    limits = window()
    await client.add_code("345678", "LE one", limits.start, limits.end)
    with refused(reason):
        await client.add_code(digits, "LE two", limits.start, limits.end)
    assert len(bare_lock.device.codes) == 1


async def test_set_clock(client: NukiClient, bare_lock: NukiLock) -> None:
    """The lock's clock is what we say, in UTC."""
    noon = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    await client.set_clock(noon.astimezone())
    assert abs(bare_lock.device.now - noon) < timedelta(seconds=5)


async def test_authorizations(
    client: NukiClient, bare: VirtualHome, bare_lock: NukiLock
) -> None:
    """Everyone who is paired, ourselves first, with what the lock knows of them."""
    async with Phone(bare, bare_lock, "Maria's phone") as phone:
        await client.release()
        await (await phone.hold()).act(Action.UNLOCK)
        await until(lambda: not bare_lock.device.bolt.busy)
    ours, keypad, other = await client.read_authorizations()
    assert client.credentials
    assert (ours.id, ours.type) == (client.credentials.auth_id, IdType.APP)
    assert (keypad.type, keypad.uses) == (IdType.KEYPAD, 0)
    assert keypad.last_active is None
    assert (other.type, other.name, other.uses) == (IdType.APP, "Maria's phone", 1)
    assert other.enabled
    assert not other.remote_allowed
    assert (other.start, other.end, other.schedule) == (None, None, None)
    assert other.created
    assert other.last_active
    assert other.created <= other.last_active
    assert "Maria" not in repr(other)


async def test_battery_report(client: NukiClient, bare_lock: NukiLock) -> None:
    """What the last action took, and whether the batteries are at their end."""
    bare_lock.device.set_battery(50)
    await client.act(Action.UNLOCK)
    report = await client.read_battery_report()
    assert (report.critical, report.action) == (False, Action.UNLOCK)
    assert report.voltage == report.start_voltage == 5000
    assert report.lowest_voltage < report.voltage
    assert (report.drain, report.distance, report.temperature) == (280, 720, 22)
    assert (report.max_current, report.resistance) == (450, 260)
    bare_lock.device.set_battery(20)
    assert (await client.read_battery_report()).critical


async def test_remove_authorization(
    client: NukiClient, bare: VirtualHome, bare_lock: NukiLock
) -> None:
    """The lock forgets us, and nobody else."""
    users = bare_lock.device.users.entries
    before = set(users)
    await client.remove_authorization()
    assert client.credentials
    assert before - set(users) == {client.credentials.auth_id}
    assert bare.central.free == bare.central.slots
    with refused(Refusal.PAIRING_LOST):
        await client.read_state()


# The link


async def test_idle_link(bare: VirtualHome, bare_lock: NukiLock) -> None:
    """The link is used again by what follows at once, and ends after that."""
    client = new_client(bare, bare_lock, idle=0.2)
    await client.pair("Tester")
    await client.read_state()
    link = bare.central.links[bare_lock.address]
    await client.read_state()
    assert bare.central.links[bare_lock.address] is link
    await until(lambda: bare.central.free == bare.central.slots)
    await until(lambda: bare_lock.connection is None)
    await client.read_state()
    await client.close()
    assert bare.central.free == bare.central.slots


async def test_command_while_the_link_ends(
    bare: VirtualHome, bare_lock: NukiLock
) -> None:
    """A command that comes in that very moment waits and has a link of its own."""
    client = new_client(bare, bare_lock, idle=0)
    await client.pair("Tester")
    for _ in range(3):
        await client.read_state()
        await until(lambda: client._session is None)
        assert (await client.read_state()).bolt == LockState.LOCKED
    await client.close()
    assert bare.central.free == bare.central.slots


async def test_link_lost_while_idle(client: NukiClient, bare_lock: NukiLock) -> None:
    """The next command connects again."""
    await client.read_state()
    bare_lock.cut_link()
    await until(lambda: bare_lock.connection is None)
    await client.act(Action.UNLOCK)


async def test_cancelled(client: NukiClient, bare: VirtualHome) -> None:
    """Who is cancelled leaves no link behind, and the next command works."""
    for delay in (0.0, 0.01, 0.03):
        task = asyncio.create_task(client.read_config())
        await asyncio.sleep(delay)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.release()
        assert bare.central.free == bare.central.slots
    assert (await client.read_config()).name == "Front door"


async def test_closed(client: NukiClient, bare: VirtualHome) -> None:
    """Closed stays closed, also where a command was about to connect."""
    await client.release()
    task = asyncio.create_task(client.read_state())
    await until(lambda: bare.central.links or bare.central.allocated)
    await client.close()
    with pytest.raises(LockUnreachable):
        await task
    with pytest.raises(LockUnreachable, match="closed"):
        await client.act(Action.UNLOCK)
    assert bare.central.free == bare.central.slots
    assert client._idle_timer is None


async def test_unreachable(bare: VirtualHome, bare_lock: NukiLock) -> None:
    """Out of range: an error within the deadline, and back again."""
    patient = new_client(bare, bare_lock)
    await patient.pair("Tester")
    await patient.release()
    await bare_lock.set_in_range(False)
    hasty = new_client(bare, bare_lock, credentials=patient.credentials, deadline=0.3)
    start = time.monotonic()
    with pytest.raises(LockUnreachable):
        await hasty.act(Action.UNLOCK)
    assert time.monotonic() - start < 5
    assert bare.central.free == bare.central.slots
    await bare_lock.set_in_range(True)
    await patient.act(Action.UNLOCK)
    await patient.close()


async def test_no_free_slot(client: NukiClient, bare: VirtualHome) -> None:
    """All connection slots in use: unreachable at once, and then it works again."""
    await client.release()
    bare.central.slots = 0
    with pytest.raises(LockUnreachable):
        await client.act(Action.UNLOCK)
    bare.central.slots = 1
    await client.act(Action.UNLOCK)
    await client.close()
    assert bare.central.free == 1


@pytest.mark.parametrize("number", [2, 3])
async def test_newest_entry_lost(
    client: NukiClient, bare_lock: NukiLock, number: int
) -> None:
    """A lost message does not say that the log is empty; only the lock does."""
    assert await client.last_log_index() == 0
    bare_lock.device.turn(lock=False)
    bare_lock.faults.lose(Direction.FROM_LOCK, number)
    if number == 2:
        # The count: the entry itself came.
        assert await client.last_log_index() == 1
    else:
        with pytest.raises(LockUnreachable):
            await client.last_log_index()
    assert await client.last_log_index() == 1


async def test_codes_are_not_gone_because_a_message_is(
    client: NukiClient, bare_lock: NukiLock
) -> None:
    """Neither the count nor a code may be lost, nor both."""
    bare_lock.device.codes.add(345678, "Anna", None, bare_lock.device.now)
    for lost in ((2,), (3,), (2, 3)):
        for number in lost:
            bare_lock.faults.lose(Direction.FROM_LOCK, number)
        with pytest.raises(LockUnreachable):
            await client.read_codes()
    assert len(await client.read_codes()) == 1
