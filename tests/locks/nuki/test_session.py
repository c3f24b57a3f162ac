"""What a peer could send that is no lock, or not the one we paired with."""

import asyncio
from collections.abc import Awaitable, Callable
import struct
import time
from typing import Any

from bleak.exc import BleakError
import pytest

from custom_components.smartlock_le.locks.nuki import link, wire
from custom_components.smartlock_le.locks.nuki.client import Credentials, NukiClient
from custom_components.smartlock_le.locks.nuki.messages import Action, Command
from custom_components.smartlock_le.locks.nuki.session import ConnectionLost, Session
from custom_components.smartlock_le.models import (
    LockError,
    LockUnreachable,
    OutcomeUnknown,
)
from tests.conftest import until

AUTH_ID, KEY = 7, bytes(range(32))
CREDENTIALS = Credentials(AUTH_ID, 1, KEY)
NONCE = bytes(32)

type Chunks = list[bytes]


class Peer:
    """A connected bleak client whose other side answers what the test says."""

    def __init__(self, *answers: Chunks | Exception) -> None:
        """Answer the first write with the first of `answers`, and so on."""
        self.answers = list(answers)
        self.is_connected = True
        self.written: list[bytes] = []
        self.hangs_up = True
        self.free = asyncio.Event()
        """Unless it is set the link takes for ever to end."""
        self.free.set()
        self.lost: Callable[[Any], None] = lambda _: None
        self._listeners: list[Callable[[Any, bytearray], None]] = []

    async def connect(self, lost: Callable[[Any], None]) -> Any:
        """Be what a client connects with."""
        self.lost = lost
        return self

    async def start_notify(
        self, _: str, listener: Callable[[Any, bytearray], None]
    ) -> None:
        """Remember who listens; the last one to subscribe hears the answers."""
        self._listeners.append(listener)

    async def write_gatt_char(self, _: str, data: bytes, *, response: bool) -> None:
        """Take a write and answer it."""
        self.written.append(data)
        answer = self.answers.pop(0) if self.answers else []
        if isinstance(answer, Exception):
            raise answer
        for chunk in answer:
            self.say(chunk)

    def say(self, chunk: bytes) -> None:
        """Indicate."""
        self._listeners[-1](None, bytearray(chunk))

    async def disconnect(self) -> None:
        """Hang up, or fail to."""
        self.is_connected = False
        await self.free.wait()
        if not self.hangs_up:
            raise BleakError("no")


def client_of(peer: Peer, **options: Any) -> NukiClient:
    """Return a client that speaks with this peer."""
    options = {"pin": 1234, "deadline": 0.1, "motor_deadline": 0.1, **options}
    return NukiClient(peer.connect, **options)


def sealed(command: int, payload: bytes) -> bytes:
    """Seal as the lock does."""
    return wire.sealed_frame(KEY, AUTH_ID, command, payload)


CHALLENGE = sealed(Command.CHALLENGE, NONCE)
PUBLIC = wire.plain_frame(Command.PUBLIC_KEY, wire.new_key_pair()[0])
PLAIN_CHALLENGE = wire.plain_frame(Command.CHALLENGE, NONCE)


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([[wire.plain_frame(Command.PUBLIC_KEY, bytes(32))]], LockUnreachable),
        ([[PUBLIC[:-1] + b"\0"]], LockUnreachable),
        ([[b"\xff\xff junk"]], LockUnreachable),
        ([[PUBLIC], [PLAIN_CHALLENGE], [b"junk"]], LockUnreachable),
        (
            [
                [PUBLIC],
                [PLAIN_CHALLENGE],
                [PLAIN_CHALLENGE],
                [wire.plain_frame(Command.AUTHORIZATION_ID, bytes(84))],
            ],
            OutcomeUnknown,
        ),
    ],
    ids=["weak key", "checksum", "junk", "junk later", "authenticator"],
)
async def test_pair_with_a_stranger(
    answers: list[Chunks], error: type[LockError]
) -> None:
    """Nothing is kept of a peer that does not prove that it has the key."""
    peer = Peer(*answers)
    client = client_of(peer)
    with pytest.raises(error):
        await client.pair("Tester")
    assert client.credentials is None
    assert not peer.is_connected
    assert len(peer.written) == len(answers)


SHORT = sealed(Command.CHALLENGE, NONCE[1:])
JUNK = CHALLENGE[:-1] + bytes([CHALLENGE[-1] ^ 1])
FOREIGN = wire.sealed_frame(KEY, AUTH_ID + 1, Command.CHALLENGE, NONCE)
NO_REPORT = sealed(Command.ERROR_REPORT, b"\x45")


@pytest.mark.parametrize(
    "answer",
    [SHORT, JUNK, FOREIGN, NO_REPORT, b"\xff" * 40],
    ids=["short", "junk", "foreign", "no report", "ones"],
)
async def test_junk_instead_of_a_challenge(answer: bytes) -> None:
    """The door does not move, and the error says so."""
    peer = Peer([answer])
    client = client_of(peer, credentials=CREDENTIALS)
    with pytest.raises(LockUnreachable):
        await client.act(Action.UNLOCK)
    assert len(peer.written) == 1
    assert not peer.is_connected


@pytest.mark.parametrize(
    "answer",
    [
        [JUNK],
        [NO_REPORT],
        [sealed(Command.ERROR_REPORT, struct.pack("<BH", 0x22, Command.LOCK_ACTION))],
        BleakError("write failed"),
        EOFError(),
        BrokenPipeError(),
        AttributeError("NoneType"),
        AssertionError(),
        [],
    ],
    ids=[
        "junk",
        "no report",
        "nonce",
        "bleak",
        "end of file",
        "pipe",
        "attribute",
        "assertion",
        "silence",
    ],
)
async def test_junk_instead_of_an_answer(answer: Chunks | Exception) -> None:
    """Once the action may have arrived nothing but the lock's word is a no."""
    peer = Peer([CHALLENGE], answer)
    client = client_of(peer, credentials=CREDENTIALS)
    with pytest.raises(OutcomeUnknown):
        await client.act(Action.UNLOCK)
    assert len(peer.written) == 2
    assert not peer.is_connected


async def test_short_state() -> None:
    """A state that breaks off is no answer, and disturbs nobody who did not ask."""
    states = sealed(Command.KEYTURNER_STATES, b"\2\3")
    client = client_of(Peer([states]), credentials=CREDENTIALS)
    with pytest.raises(LockUnreachable):
        await client.read_state()
    told: list[Any] = []
    done = sealed(Command.STATUS, b"\0")
    peer = Peer([CHALLENGE], [states, done])
    client = client_of(peer, credentials=CREDENTIALS, on_state=told.append)
    await client.act(Action.UNLOCK)
    assert told == []
    await client.close()


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.read_log(0, 5),
        lambda client: client.read_codes(),
        lambda client: client.read_config(),
    ],
)
async def test_short_items(ask: Callable[[NukiClient], Awaitable[Any]]) -> None:
    """Items that break off are no list."""
    items = [
        sealed(command, b"\1")
        for command in (Command.LOG_ENTRY, Command.KEYPAD_CODE, Command.CONFIG)
    ]
    peer = Peer([CHALLENGE], [*items, sealed(Command.STATUS, b"\0")])
    client = client_of(peer, credentials=CREDENTIALS)
    with pytest.raises(LockUnreachable):
        await ask(client)
    assert not peer.is_connected


async def test_fewer_codes_than_told() -> None:
    """A list that is not whole must not pass for one: a code of ours may be missing."""
    peer = Peer(
        [CHALLENGE],
        [sealed(Command.KEYPAD_CODE_COUNT, b"\1\0"), sealed(Command.STATUS, b"\0")],
    )
    client = client_of(peer, credentials=CREDENTIALS)
    with pytest.raises(LockUnreachable):
        await client.read_codes()


async def test_link_that_does_not_end() -> None:
    """A link that fails to end is given up, and a command after it gets a new one."""
    states = sealed(Command.KEYTURNER_STATES, bytes([2, 1, 0]) + bytes(10))
    peer = Peer([states], [states])
    peer.hangs_up = False
    client = client_of(peer, credentials=CREDENTIALS)
    await client.read_state()
    await client.release()
    peer.is_connected = True
    await client.read_state()
    await client.close()


async def test_old_link_that_takes_long_to_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A command waits for it within its own deadline, and the next one works."""
    monkeypatch.setattr(link, "HANG_UP", 0.1)
    states = sealed(Command.KEYTURNER_STATES, bytes([2, 1, 0]) + bytes(10))
    peer = Peer([states], [states])
    client = client_of(peer, credentials=CREDENTIALS, deadline=60, idle=0)
    await client.read_state()
    peer.free.clear()
    await until(lambda: not peer.is_connected)
    client._deadline = 1
    for _ in range(2):
        start = time.monotonic()
        with pytest.raises(LockUnreachable, match="no link in time"):
            await client.act(Action.UNLOCK)
        assert time.monotonic() - start < 5
    assert len(peer.written) == 1
    peer.free.set()
    peer.is_connected = True
    await client.read_state()
    await client.close()


async def test_failed_command_does_not_wait_for_its_link(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its answer is not late because the link is slow to end; closing waits for it."""
    monkeypatch.setattr(link, "HANG_UP", 0.1)
    peer = Peer()
    peer.free.clear()
    client = client_of(peer, credentials=CREDENTIALS, deadline=2)
    start = time.monotonic()
    with pytest.raises(LockUnreachable, match="no answer in time"):
        await client.read_state()
    assert time.monotonic() - start < 3.5
    closing = asyncio.create_task(client.close())
    await asyncio.sleep(0)
    assert not closing.done()
    peer.free.set()
    await closing


async def test_link_lost_before_it_was_used() -> None:
    """The loss of a link that is not ours yet wakes nobody."""

    async def connect(lost: Callable[[Any], None]) -> Any:
        lost(None)
        raise BleakError("gone")

    client = NukiClient(connect, CREDENTIALS, deadline=0.1)
    with pytest.raises(LockUnreachable):
        await client.read_state()


@pytest.mark.parametrize("error", [BrokenPipeError, AttributeError, AssertionError])
async def test_radio_fails_while_connecting(error: type[Exception]) -> None:
    """Whatever the radio stack trips over: the lock was told nothing."""

    async def connect(lost: Callable[[Any], None]) -> Any:
        raise error

    client = NukiClient(connect, CREDENTIALS, deadline=0.1)
    with pytest.raises(LockUnreachable):
        await client.act(Action.UNLOCK)


async def test_closed_while_connecting() -> None:
    """A link that comes up after the end is ended."""
    peer, ready = Peer(), asyncio.Event()

    async def connect(lost: Callable[[Any], None]) -> Any:
        await ready.wait()
        return peer

    client = NukiClient(connect, CREDENTIALS, deadline=5)
    task = asyncio.create_task(client.read_state())
    await asyncio.sleep(0)
    await client.close()
    ready.set()
    with pytest.raises(LockUnreachable, match="closed"):
        await task
    assert not peer.is_connected
    assert peer.written == []


async def test_closed_with_the_answer_in() -> None:
    """A command that still ends well leaves no timer behind."""
    states = sealed(Command.KEYTURNER_STATES, bytes([2, 1, 0]) + bytes(10))
    peer = Peer()
    client = client_of(peer, credentials=CREDENTIALS, deadline=5)
    task = asyncio.create_task(client.read_state())
    await until(lambda: peer.written)
    peer.say(states)
    await client.close()
    assert (await task).bolt == 1
    assert client._idle_timer is None


async def test_what_was_left_unread() -> None:
    """What came before a message is not its answer, and a lost link is lost."""
    told: list[tuple[int, bytes]] = []
    peer = Peer()
    session = Session(
        await peer.connect(lambda _: None),
        key=(AUTH_ID, KEY),
        on_unasked=lambda command, payload: told.append((command, payload)),
    )
    await session.open()
    peer.say(sealed(Command.STATUS, b"\0"))
    peer.say(JUNK)
    peer.answers = [[CHALLENGE]]
    assert await session.challenge() == NONCE
    assert told == [(Command.STATUS, b"\0")]
    session.link_lost()
    with pytest.raises(ConnectionLost):
        await session.challenge()
    assert len(peer.written) == 1


async def test_link_lost_while_waiting() -> None:
    """Who waits for an answer need not wait for the deadline."""
    peer = Peer()
    client = client_of(peer, credentials=CREDENTIALS, deadline=60)
    waiting = asyncio.create_task(client.read_state())
    await until(lambda: peer.written)
    peer.lost(None)
    with pytest.raises(LockUnreachable, match="ConnectionLost"):
        await waiting
