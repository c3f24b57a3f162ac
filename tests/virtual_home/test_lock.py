"""What people do at the door, what the lock advertises, and radio trouble."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial

from nacl.exceptions import CryptoError
import pytest

from tests.virtual_home.conftest import FAST
from tests.virtual_home.raw import RawClient, wait_for
from virtual_home.faults import Direction
from virtual_home.home import HomeOptions, VirtualHome, several_locks
from virtual_home.link import LinkLostError
from virtual_home.nuki import (
    Command,
    Completion,
    DoorState,
    ErrorCode,
    LockOptions,
    LockState,
    LogType,
    NukiLock,
)
from virtual_home.nuki.keypad import Window
from virtual_home.nuki.wire import NukiError, Trigger


def last_completion(lock: NukiLock) -> Completion:
    """Give how the last keypad action ended."""
    entry = lock.device.log.entries[-1]
    assert entry.type is LogType.KEYPAD_ACTION
    return Completion(entry.data[2])


async def test_press(lock: NukiLock) -> None:
    """A code opens the door, is counted and is in the log with its name."""
    device = lock.device
    code = device.codes.add(345678, "Anna", None, device.now)
    press = device.press(345678)
    assert (press.opened, press.code_id, press.name) == (True, code.code_id, "Anna")
    await wait_for(lambda: device.bolt.state is LockState.UNLOCKED)
    entry = device.log.entries[-1]
    assert (entry.type, entry.name) == (LogType.KEYPAD_ACTION, "Anna")
    assert (entry.auth_id, entry.data.hex()) == (device.keypad_id, "0101000100")
    assert device.codes.get(1).uses == 1
    assert device.codes.get(1).last_active is not None


async def test_press_wrong_code(lock: NukiLock) -> None:
    """A code that nobody has is in the log without a name."""
    press = lock.device.press(999999)
    assert (press.opened, press.error) == (False, ErrorCode.K_ERROR_CODE_INVALID)
    assert last_completion(lock) is Completion.INVALID_CODE
    assert lock.device.log.entries[-1].name == ""
    assert lock.device.bolt.state is LockState.LOCKED


async def test_press_out_of_time(lock: NukiLock) -> None:
    """The lock's own clock decides."""
    device = lock.device
    window = Window(device.now, device.now + timedelta(hours=1))
    device.codes.add(345678, "Anna", window, device.now)
    device.clock_offset = timedelta(hours=2)
    press = device.press(345678)
    assert (press.opened, press.name) == (False, "Anna")
    assert last_completion(lock) is Completion.INVALID_CODE
    device.clock_offset = timedelta()
    assert device.press(345678).opened


async def test_press_disabled_code(lock: NukiLock) -> None:
    """A code that is switched off does not open."""
    device = lock.device
    code = device.codes.add(345678, "Anna", None, device.now)
    device.codes.update(code.code_id, 345678, "Anna", False, None)
    assert not device.press(345678).opened


async def test_press_while_busy(lock: NukiLock) -> None:
    """While the motor runs the keypad waits for nobody."""
    device = lock.device
    device.codes.add(345678, "Anna", None, device.now)
    assert device.press(345678).opened
    press = device.press(345678)
    assert press.error is ErrorCode.K_ERROR_BUSY
    assert last_completion(lock) is Completion.BUSY
    with pytest.raises(NukiError, match="K_ERROR_BUSY"):
        device.turn(lock=True)


async def test_press_and_jam(lock: NukiLock) -> None:
    """A code that is right does not help when the motor is blocked."""
    device = lock.device
    device.codes.add(345678, "Anna", None, device.now)
    device.bolt.jammed = True
    assert device.press(345678).opened
    await wait_for(lambda: device.bolt.state is LockState.MOTOR_BLOCKED)
    assert last_completion(lock) is Completion.MOTOR_BLOCKED


async def test_press_without_keypad(lock: NukiLock) -> None:
    """There is nothing to press."""
    lock.device.set_keypad(False)
    lock.device.set_keypad(False)
    with pytest.raises(NukiError, match="UNKNOWN"):
        lock.device.press(345678)
    lock.device.set_keypad(True)
    assert not lock.device.press(345678).opened


async def test_deaf_keypad(home: VirtualHome) -> None:
    """After three wrong codes the keypad may stop to listen for a while."""
    device = NukiLock(home.air, replace(FAST, keypad_block_s=0.1)).device
    device.codes.add(345678, "Anna", None, device.now)
    for _ in range(3):
        assert device.press(999999).error is ErrorCode.K_ERROR_CODE_INVALID
    assert device.press(345678).error is ErrorCode.K_ERROR_CODE_INVALID_TIMEOUT_1
    await asyncio.sleep(0.12)
    assert device.press(345678).opened
    await device.stop()


async def test_by_hand(lock: NukiLock) -> None:
    """Knob, door and battery."""
    device = lock.device
    device.turn(lock=False)
    assert (device.bolt.state, device.bolt.trigger) == (
        LockState.UNLOCKED,
        Trigger.MANUAL,
    )
    assert device.log.entries[-1].data.hex() == "01010000"
    device.move_door(is_open=True)
    assert device.door is DoorState.OPENED
    with pytest.raises(NukiError):
        device.set_battery(101)


async def test_turn_ends_unlatching(client: RawClient, lock: NukiLock) -> None:
    """Turning the knob lets the latch go."""
    await client.act(3)
    await wait_for(lambda: lock.device.bolt.state is LockState.UNLATCHED)
    lock.device.turn(lock=True)
    await asyncio.sleep(0.15)
    assert lock.device.bolt.state is LockState.LOCKED


async def advertised(home: VirtualHome, lock: NukiLock) -> bytes:
    """Wait for a fresh advertisement."""
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    stop = home.central.listen(
        lambda address, _rssi, data: (
            heard.put_nowait(data) if address == lock.address else None
        )
    )
    async with asyncio.timeout(2):
        await heard.get()
        await heard.get()
        data = await heard.get()
    stop()
    stop()
    return data


async def test_advertisement(home: VirtualHome, lock: NukiLock) -> None:
    """An iBeacon, the name, and the pairing service while pairing."""
    data = await advertised(home, lock)
    beacon = bytes.fromhex("4c000215a92ee200550111e4916c0800200c9a661a2b3c4dc4")
    assert data.startswith(b"\x02\x01\x06\x1a\xff" + beacon + b"\x0e\x09Nuki_1A2B3C4D")
    pairing = bytes.fromhex("1521" + "669a0c2000086c91e411015500e12ea9" + "1a2b3c4d")
    assert data.endswith(pairing)
    lock.device.set_pairing(False)
    assert pairing not in await advertised(home, lock)


async def test_beacon_tells_of_news(
    home: VirtualHome, lock: NukiLock, client: RawClient
) -> None:
    """Bit 0 of the transmit power, until a client reads the state."""
    await client.link.close()
    assert (await advertised(home, lock))[29] == 0xC4
    lock.device.move_door(is_open=True)
    assert (await advertised(home, lock))[29] == 0xC5
    again = (await RawClient.connect(home.central, lock.address)).known_as(client)
    await again.request(Command.KEYTURNER_STATES)
    await again.link.close()
    assert (await advertised(home, lock))[29] == 0xC4


async def test_silent_while_connected(
    home: VirtualHome, lock: NukiLock, client: RawClient
) -> None:
    """A lock that is connected does not advertise."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await advertised(home, lock)
    await client.link.close()
    await advertised(home, lock)


async def test_several_locks() -> None:
    """Locks differ, and can be reached at the same time."""
    options = several_locks(6, FAST)
    assert len({lock.address for lock in options}) == 6
    assert len({lock.name for lock in options}) == 6
    assert options[1].address == "54:D2:72:1A:2B:3D"
    assert [lock.label for lock in options[1:]] == [
        "Back door",
        "Garage",
        "Cellar",
        "Door 5",
        "Door 6",
    ]
    async with VirtualHome(HomeOptions(locks=options[:2])) as home:
        clients = [
            await RawClient.connect(home.central, lock.address) for lock in home.locks
        ]
        for client in clients:
            await client.pair()
            await client.act(1)
        for lock in home.locks:
            await wait_for(partial(len, lock.device.log.entries))


@pytest.mark.parametrize("options", [replace(FAST, chunk=20)])
async def test_chunks(client: RawClient, options: LockOptions) -> None:
    """Indications of 20 bytes each, as section 2 says."""
    assert options.chunk == 20
    assert (await client.ask(Command.REQUEST_CONFIG, pin=None))[0] == Command.CONFIG
    assert max(client.pieces) == 20


@pytest.mark.parametrize("options", [replace(FAST, padded=True)])
async def test_padded(client: RawClient, lock: NukiLock) -> None:
    """Firmware 3.x sends unused fields."""
    lock.device.move_door(is_open=True)
    assert len((await client.log())[1][1]) == 53
    await client.add_code(345678)
    answers = await client.ask_all(Command.REQUEST_KEYPAD_CODES, b"\0\0\1\0")
    assert answers[1][1][43:] == bytes(20)


async def test_lost_to_lock(client: RawClient, lock: NukiLock) -> None:
    """A message that the lock never gets."""
    lock.faults.lose(Direction.TO_LOCK, 2)
    assert lock.faults.pending() == [{"direction": "to_lock", "in": 2, "fate": "lost"}]
    nonce = await client.challenge()
    await client.send(Command.REQUEST_CONFIG, nonce)
    with pytest.raises(TimeoutError):
        await client.receive(0.1)
    await client.send(Command.REQUEST_CONFIG, nonce)
    assert (await client.receive())[0] == Command.CONFIG
    seen = [(one.command, one.fate) for one in lock.faults.messages()][-5:]
    assert seen == [
        (Command.REQUEST_DATA, "passed"),
        (Command.CHALLENGE, "passed"),
        (Command.REQUEST_CONFIG, "lost"),
        (Command.REQUEST_CONFIG, "passed"),
        (Command.CONFIG, "passed"),
    ]
    assert not lock.faults.messages()


async def test_lost_answer(client: RawClient, lock: NukiLock) -> None:
    """The door opens, and nobody is told that it would."""
    lock.faults.lose(Direction.FROM_LOCK, 2)
    with pytest.raises(AssertionError):
        assert await client.act(1) == (Command.STATUS, b"\1")
    await wait_for(lambda: lock.device.bolt.state is LockState.UNLOCKED)


async def test_dropped_link(client: RawClient, lock: NukiLock) -> None:
    """The link goes in place of the answer."""
    lock.faults.lose(Direction.FROM_LOCK, 2, drop_link=True)
    with pytest.raises((TimeoutError, LinkLostError)):
        async with asyncio.timeout(0.3):
            await client.act(1)
    assert not client.link.connected
    with pytest.raises(LinkLostError):
        await client.challenge()
    await wait_for(lambda: lock.device.bolt.state is LockState.UNLOCKED)


async def test_late(client: RawClient, lock: NukiLock) -> None:
    """A message that comes late; a link that goes late."""
    lock.faults.lose(Direction.FROM_LOCK, 1, delay=0.15)
    await client.send(Command.REQUEST_DATA, b"\x0c\0")
    with pytest.raises(TimeoutError):
        await client.receive(0.05)
    assert (await client.receive())[0] == Command.KEYTURNER_STATES
    lock.faults.lose(Direction.TO_LOCK, 1, drop_link=True, delay=0.1)
    await client.send(Command.REQUEST_DATA, b"\x0c\0")
    assert client.link.connected
    await wait_for(lambda: not client.link.connected)


async def test_spoilt(client: RawClient, lock: NukiLock) -> None:
    """A byte that is another: the lock does not take it, nor does the client."""
    lock.faults.spoil(Direction.TO_LOCK, 1)
    await client.send(Command.REQUEST_DATA, b"\x0c\0")
    with pytest.raises(TimeoutError):
        await client.receive(0.1)
    lock.faults.spoil(Direction.FROM_LOCK, 1)
    await client.send(Command.REQUEST_DATA, b"\x0c\0")
    with pytest.raises((CryptoError, TimeoutError)):
        await client.receive(0.1)
    fates = [one.fate for one in lock.faults.messages()]
    # The lock said that it did not understand.
    assert fates[-4:] == ["spoilt", "passed", "passed", "spoilt"]


async def test_split(client: RawClient, lock: NukiLock) -> None:
    """One message in pieces, the next whole again."""
    client.pieces.clear()
    lock.faults.split(1, 7)
    assert await client.challenge()
    assert max(client.pieces) == 7
    assert await client.challenge()
    assert max(client.pieces) > 7
    assert "split" in [one.fate for one in lock.faults.messages()]


async def test_lossy(client: RawClient, lock: NukiLock) -> None:
    """What is lost by chance, until that is cleared."""
    lock.faults.loses = lambda: True
    await client.send(Command.REQUEST_DATA, b"\x0c\0")
    with pytest.raises(TimeoutError):
        await client.receive(0.05)
    lock.faults.clear()
    assert await client.challenge()


async def test_late_for_nobody(client: RawClient, lock: NukiLock) -> None:
    """What is late for its link is not given to the next one."""
    lock.faults.lose(Direction.FROM_LOCK, 1, delay=0.05)
    await client.send(Command.REQUEST_DATA, b"\x0c\0")
    await client.link.close()
    await asyncio.sleep(0.1)
    await wait_for(lambda: lock.connection is None)


async def test_doubled(client: RawClient, lock: NukiLock) -> None:
    """Twice the same."""
    lock.faults.double(Direction.TO_LOCK, 2)
    nonce = await client.challenge()
    await client.send(Command.REQUEST_CONFIG, nonce)
    assert (await client.receive())[0] == Command.CONFIG
    assert (await client.receive())[0] == Command.ERROR_REPORT
    lock.faults.double(Direction.FROM_LOCK, 1)
    await client.send(Command.REQUEST_DATA, b"\x0c\0")
    assert await client.receive() == await client.receive()
    assert lock.faults.messages()[-1].fate == "doubled"


async def test_fault_limits(lock: NukiLock) -> None:
    """Numbers count from one, and there is an end to trouble."""
    with pytest.raises(ValueError, match="counts from 1"):
        lock.faults.double(Direction.TO_LOCK, 0)
    for _ in range(100):
        lock.faults.double(Direction.TO_LOCK, 1)
    with pytest.raises(ValueError, match="no more than 100"):
        lock.faults.double(Direction.TO_LOCK, 1)
    lock.faults.clear()
    assert not lock.faults.pending()
