"""The encrypted commands and the keyturner errors of section 6."""

import asyncio
from datetime import UTC, datetime, timedelta
import struct

import pytest

from tests.virtual_home.raw import NO_WINDOW, PIN, RawClient, error, wait_for
from virtual_home.home import VirtualHome
from virtual_home.nuki import Command, Completion, ErrorCode, LockState, NukiLock
from virtual_home.nuki.keypad import MAX_CODES, Window
from virtual_home.nuki.wire import KEYTURNER_GDIO, KEYTURNER_USDIO, pack_time

COMPLETE = (Command.STATUS, b"\0")
ACCEPTED = (Command.STATUS, b"\1")
UNLOCK, LOCK, UNLATCH = 1, 2, 3


async def test_read_state(client: RawClient, lock: NukiLock) -> None:
    """Keyturner States has the fields of the document."""
    lock.device.set_battery(57)
    kind, states = await client.request(Command.KEYTURNER_STATES)
    assert kind == Command.KEYTURNER_STATES
    assert len(states) == 19
    assert states[1:3] == bytes([LockState.LOCKED, 0])
    year, *_ = struct.unpack_from("<HBBBBB", states, 3)
    assert year == datetime.now(UTC).year
    assert struct.unpack_from("<h", states, 10) == (60,)
    assert states[12] == 28 << 2
    assert states[13:] == bytes([0, 0, 0, 0, 0, 2])
    lock.device.set_battery(20)
    assert (await client.request(Command.KEYTURNER_STATES))[1][12] == 10 << 2 | 1


async def test_read_config(client: RawClient, lock: NukiLock) -> None:
    """Config has the fields of the document."""
    kind, config = await client.ask(Command.REQUEST_CONFIG, pin=None)
    assert kind == Command.CONFIG
    assert len(config) == 74
    assert config[:14] == struct.pack("<I", 0x1A2B3C4D) + b"Front door"
    assert config[65] == 1
    assert tuple(config[66:69]) == (3, 9, 5)
    lock.device.set_keypad(False)
    _, config = await client.ask(Command.REQUEST_CONFIG, pin=None)
    assert config[65] == 0
    assert (await client.request(Command.KEYTURNER_STATES))[1][13] == 1


async def test_battery_report(client: RawClient) -> None:
    """Battery Report is there for the asking."""
    kind, report = await client.request(Command.BATTERY_REPORT)
    assert kind == Command.BATTERY_REPORT
    assert len(report) == 17


@pytest.mark.parametrize(
    ("action", "states"),
    [
        (UNLOCK, [LockState.UNLOCKING, LockState.UNLOCKED]),
        (LOCK, [LockState.LOCKING, LockState.LOCKED]),
        (6, [LockState.LOCKING, LockState.LOCKED]),
        (UNLATCH, [LockState.UNLOCKING, LockState.UNLATCHING, LockState.UNLATCHED]),
    ],
)
async def test_lock_action(
    client: RawClient, lock: NukiLock, action: int, states: list[LockState]
) -> None:
    """Accepted, states on the way, complete: the example "Perform unlock"."""
    assert await client.act(action) == ACCEPTED
    for state in states:
        kind, payload = await client.receive()
        assert (kind, payload[1]) == (Command.KEYTURNER_STATES, state)
    assert payload[15:18] == bytes([action, 0, Completion.SUCCESS])
    assert await client.receive() == COMPLETE
    if action == UNLATCH:
        kind, payload = await client.receive()
        assert (kind, payload[1]) == (Command.KEYTURNER_STATES, LockState.UNLOCKED)
    assert lock.device.log.entries[-1].name == "Tester"


async def test_unlatch_when_unlocked(client: RawClient, lock: NukiLock) -> None:
    """The bolt is not turned again, and the next action lets the latch go."""
    lock.device.turn(lock=False)
    await client.act(UNLATCH)
    states = [(await client.receive())[1][1] for _ in range(2)]
    assert states == [LockState.UNLATCHING, LockState.UNLATCHED]
    assert await client.receive() == COMPLETE
    assert await client.act(LOCK) == ACCEPTED
    await wait_for(lambda: lock.device.bolt.state is LockState.LOCKED)
    await asyncio.sleep(0.15)
    assert lock.device.bolt.state is LockState.LOCKED


async def test_simple_lock_action(client: RawClient) -> None:
    """Simple Lock Action does the same with less."""
    assert await client.ask(Command.SIMPLE_LOCK_ACTION, b"\1", pin=None) == ACCEPTED
    assert await client.ask(Command.SIMPLE_LOCK_ACTION, b"\3", pin=None) != ACCEPTED


async def test_name_suffix(client: RawClient, lock: NukiLock) -> None:
    """The suffix is in the log."""
    await client.act(UNLOCK, "for the fire brigade")
    await wait_for(lambda: lock.device.log.entries)
    assert lock.device.log.entries[-1].name == "Tester for the fire brigade"


@pytest.mark.parametrize("action", [0, 4, 5, 0x81])
async def test_refused_action(client: RawClient, lock: NukiLock, action: int) -> None:
    """Lock 'n' go and the fob's actions are not done here."""
    assert await client.act(action) == error(
        ErrorCode.K_ERROR_BAD_PARAMETER, Command.LOCK_ACTION
    )
    assert lock.device.bolt.state is LockState.LOCKED
    assert sum(lock.device.received.values()) == 1
    assert not lock.device.accepted


async def test_busy(client: RawClient, lock: NukiLock) -> None:
    """One action at a time."""
    lock.device.bolt.motor_s = 0.5
    assert await client.act(UNLOCK) == ACCEPTED
    await client.receive()
    assert await client.act(LOCK) == error(ErrorCode.K_ERROR_BUSY, Command.LOCK_ACTION)
    assert lock.device.received == {"unlock": 1, "lock": 1}
    assert lock.device.accepted == {"unlock": 1}


async def test_jam(client: RawClient, lock: NukiLock) -> None:
    """A blocked motor ends in an error report; freed, it goes on."""
    lock.device.bolt.jammed = True
    await client.act(UNLOCK)
    await client.receive()
    kind, states = await client.receive()
    assert (kind, states[1]) == (Command.KEYTURNER_STATES, LockState.MOTOR_BLOCKED)
    assert states[17] == Completion.MOTOR_BLOCKED
    assert await client.receive() == error(
        ErrorCode.K_ERROR_MOTOR_BLOCKED, Command.LOCK_ACTION
    )
    assert lock.device.log.entries[-1].data[-1] == Completion.MOTOR_BLOCKED
    assert lock.device.bolt.locked
    lock.device.bolt.jammed = False
    await client.act(UNLOCK)
    await wait_for(lambda: lock.device.bolt.state is LockState.UNLOCKED)


async def test_action_goes_on_without_the_link(
    client: RawClient, lock: NukiLock
) -> None:
    """The motor does not care who listens."""
    await client.act(UNLOCK)
    await client.link.close()
    await wait_for(lambda: lock.device.bolt.state is LockState.UNLOCKED)


async def test_nonces(home: VirtualHome, client: RawClient, lock: NukiLock) -> None:
    """A nonce works once, and not over another link."""
    bad = error(ErrorCode.K_ERROR_BAD_NONCE, Command.REQUEST_CONFIG)
    nonce = await client.challenge()
    await client.send(Command.REQUEST_CONFIG, nonce)
    assert (await client.receive())[0] == Command.CONFIG
    await client.send(Command.REQUEST_CONFIG, nonce)
    assert await client.receive() == bad
    nonce = await client.challenge()
    await client.send(Command.REQUEST_CONFIG, bytes(32))
    assert await client.receive() == bad
    await client.send(Command.REQUEST_CONFIG, nonce)
    assert await client.receive() == bad
    nonce = await client.challenge()
    await client.link.close()
    again = (await RawClient.connect(home.central, lock.address)).known_as(client)
    await again.send(Command.REQUEST_CONFIG, nonce)
    assert await again.receive() == bad


async def test_pin(client: RawClient) -> None:
    """A wrong PIN is told; too many, and the right one does not help for a while."""
    assert await client.ask(Command.VERIFY_SECURITY_PIN) == COMPLETE
    for _ in range(5):
        assert await client.ask(Command.VERIFY_SECURITY_PIN, pin=1) == error(
            ErrorCode.K_ERROR_BAD_PIN, Command.VERIFY_SECURITY_PIN
        )
    for pin in (1, PIN):
        assert await client.ask(Command.VERIFY_SECURITY_PIN, pin=pin) == error(
            ErrorCode.K_ERROR_TOO_MANY_PIN_ATTEMPTS, Command.VERIFY_SECURITY_PIN
        )
    await asyncio.sleep(0.25)
    assert await client.ask(Command.VERIFY_SECURITY_PIN) == COMPLETE


@pytest.mark.parametrize(
    ("command", "payload", "code"),
    [
        (0x7777, b"", ErrorCode.UNKNOWN),
        (Command.REQUEST_DATA, b"\x15\0", ErrorCode.K_ERROR_BAD_PARAMETER),
        (Command.REQUEST_DATA, b"\x0c", ErrorCode.BAD_LENGTH),
        (Command.LOCK_ACTION, bytes(37), ErrorCode.BAD_LENGTH),
        (Command.LOCK_ACTION, bytes(39), ErrorCode.BAD_LENGTH),
        (Command.REQUEST_LOG_ENTRIES, bytes(41), ErrorCode.BAD_LENGTH),
    ],
)
async def test_malformed(
    client: RawClient, command: int, payload: bytes, code: ErrorCode
) -> None:
    """What is unknown or has the wrong length."""
    await client.send(command, payload)
    assert await client.receive() == error(code, command)


async def test_not_authorized(client: RawClient) -> None:
    """An unknown id and a wrong key are told in plain, on the general characteristic."""
    plain = b"\0" * 12
    for auth_id in (99, 1):
        await client.send_pdata(plain, auth_id=auth_id)
        assert await client.read_plain(KEYTURNER_GDIO) == error(
            ErrorCode.K_ERROR_NOT_AUTHORIZED, 0
        )
    key, client.key = client.key, bytes(32)
    await client.send_pdata(plain)
    assert (await client.read_plain(KEYTURNER_GDIO))[1][0] == 0x20
    client.key = key
    await client.send_pdata(plain)
    assert await client.receive() == error(ErrorCode.BAD_CRC, 0)
    await client.write(KEYTURNER_USDIO, b"short")
    assert (await client.read_plain(KEYTURNER_GDIO))[1][0] == ErrorCode.BAD_LENGTH
    # Nothing can be asked here, so nothing is answered.
    await client.write(KEYTURNER_GDIO, b"hello")
    assert (await client.request(Command.KEYTURNER_STATES))[0] == 0x0C


async def test_update_time(client: RawClient, lock: NukiLock) -> None:
    """The lock's clock can be set."""
    moment = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert await client.ask(Command.UPDATE_TIME, pack_time(moment)) == COMPLETE
    assert abs(lock.device.now - moment) < timedelta(seconds=2)
    for bad in (bytes(7), b"\xea\x07\x0d\x01\0\0\0"):
        assert await client.ask(Command.UPDATE_TIME, bad) == error(
            ErrorCode.K_ERROR_BAD_PARAMETER, Command.UPDATE_TIME
        )


async def test_authorizations(client: RawClient, lock: NukiLock) -> None:
    """Count, entries with the own first, complete; then remove one and oneself."""
    count, own, keypad, end = await client.ask_all(
        Command.REQUEST_AUTHORIZATIONS, struct.pack("<HH", 0, 100)
    )
    assert count == (Command.AUTHORIZATION_COUNT, b"\2\0")
    assert struct.unpack_from("<IB6s", own[1]) == (client.auth_id, 0, b"Tester")
    assert struct.unpack_from("<IB11s", keypad[1]) == (1, 3, b"Nuki Keypad")
    assert end == COMPLETE
    remove = Command.REMOVE_AUTHORIZATION
    assert await client.ask(remove, struct.pack("<I", 99)) == error(
        ErrorCode.K_ERROR_INVALID_AUTH_ID, remove
    )
    own_id = struct.pack("<I", client.auth_id)
    assert await client.ask(remove, own_id, pin=1) == error(
        ErrorCode.K_ERROR_BAD_PIN, remove
    )
    assert await client.ask(remove, own_id) == COMPLETE
    await client.send(Command.REQUEST_DATA, b"\x0c\0")
    assert (await client.read_plain(KEYTURNER_GDIO))[1][0] == 0x20
    assert list(lock.device.users.entries) == [1]


async def test_log(client: RawClient, lock: NukiLock) -> None:
    """The log, from either end and from an index on."""
    for is_open in (True, False, True, False):
        lock.device.move_door(is_open=is_open)
    lock.device.move_door(is_open=False)

    def indexes(answers: list[tuple[int, bytes]]) -> list[int]:
        entries = [body for kind, body in answers if kind == Command.LOG_ENTRY]
        return [int.from_bytes(body[:4], "little") for body in entries]

    answers = await client.log()
    assert answers[0] == (Command.LOG_ENTRY_COUNT, b"\1\4\0\1\1")
    assert answers[-1] == COMPLETE
    assert indexes(answers) == [1, 2, 3, 4]
    assert [len(body) for _, body in answers[1:-1]] == [49] * 4
    assert [body[-1] for _, body in answers[1:-1]] == [0, 1, 0, 1]
    assert indexes(await client.log(count=2)) == [1, 2]
    answers = await client.log(start=2)
    assert answers[0][1][1:3] == b"\2\0"
    assert indexes(answers) == [3, 4]
    assert indexes(await client.log(order=1, count=3)) == [4, 3, 2]
    assert indexes(await client.log(order=1, start=3)) == [2, 1]
    assert (await client.log(order=2))[0] == error(
        ErrorCode.K_ERROR_BAD_PARAMETER, Command.REQUEST_LOG_ENTRIES
    )
    without_count = struct.pack("<IHBB", 0, 1, 0, 0)
    answers = await client.ask_all(Command.REQUEST_LOG_ENTRIES, without_count)
    assert [kind for kind, _ in answers] == [Command.LOG_ENTRY, Command.STATUS]


async def test_keypad_codes(client: RawClient, lock: NukiLock) -> None:
    """Add, list, update and remove."""
    window = Window(lock.device.now.replace(microsecond=0), None, 0x7F)
    kind, answer = await client.add_code(345678, "Anna", window.pack())
    assert (kind, answer[:2]) == (Command.KEYPAD_CODE_ID, b"\1\0")
    assert (await client.add_code(987654, "Bob"))[1][:2] == b"\2\0"
    assert await client.add_code(345678) == error(
        ErrorCode.K_ERROR_CODE_ALREADY_EXISTS, Command.ADD_KEYPAD_CODE
    )
    assert await client.add_code(123456) == error(
        ErrorCode.K_ERROR_BAD_PARAMETER, Command.ADD_KEYPAD_CODE
    )
    count, anna, bob, end = await client.ask_all(
        Command.REQUEST_KEYPAD_CODES, struct.pack("<HH", 0, 10)
    )
    assert count == (Command.KEYPAD_CODE_COUNT, b"\2\0")
    assert struct.unpack_from("<HI4s", anna[1]) == (1, 345678, b"Anna")
    assert anna[1][-20:] == b"\1" + window.pack()
    assert len(bob[1]) == 44  # no window: "only if this flag is set"
    assert end == COMPLETE
    answers = await client.ask_all(
        Command.REQUEST_KEYPAD_CODES, struct.pack("<HH", 1, 10)
    )
    assert answers[1] == bob

    change = struct.pack("<HI20sBB", 2, 987653, b"Bert", 0, 0) + NO_WINDOW
    assert await client.ask(Command.UPDATE_KEYPAD_CODE, change) == COMPLETE
    code = lock.device.codes.get(2)
    assert (code.digits, code.name, code.enabled) == (987653, "Bert", False)
    assert await client.ask(Command.REMOVE_KEYPAD_CODE, b"\2\0") == COMPLETE
    assert await client.ask(Command.REMOVE_KEYPAD_CODE, b"\2\0") == error(
        ErrorCode.K_ERROR_BAD_PARAMETER, Command.REMOVE_KEYPAD_CODE
    )


async def test_no_room_for_codes(client: RawClient, lock: NukiLock) -> None:
    """The keypad is full."""
    digits = (n for n in range(311111, 399999) if "0" not in str(n))
    for _ in range(MAX_CODES):
        lock.device.codes.add(next(digits), "x", None, lock.device.now)
    assert await client.add_code(987654) == error(
        ErrorCode.K_ERROR_TOO_MANY_ENTRIES, Command.ADD_KEYPAD_CODE
    )


@pytest.mark.parametrize(
    ("command", "size"),
    [
        (Command.ADD_KEYPAD_CODE, 44),
        (Command.REQUEST_KEYPAD_CODES, 4),
        (Command.UPDATE_KEYPAD_CODE, 47),
        (Command.REMOVE_KEYPAD_CODE, 2),
    ],
)
async def test_no_keypad(
    client: RawClient, lock: NukiLock, command: Command, size: int
) -> None:
    """Without a keypad there are no codes."""
    lock.device.set_keypad(False)
    assert await client.ask(command, bytes(size)) == error(ErrorCode.UNKNOWN, command)
