"""Pairing: section 9 "Authorize App" and the pairing errors of section 6."""

import struct

from nacl.bindings import crypto_box_beforenm
import pytest

from tests.virtual_home.raw import RawClient, error, mac
from virtual_home.home import VirtualHome
from virtual_home.nuki import Command, ErrorCode, NukiLock
from virtual_home.nuki.users import MAX_USERS, Authorization
from virtual_home.nuki.wire import PAIRING_GDIO, IdType


@pytest.fixture
async def stranger(home: VirtualHome, lock: NukiLock) -> RawClient:
    """Give a client that is connected and not paired."""
    return await RawClient.connect(home.central, lock.address)


async def test_pair(stranger: RawClient, lock: NukiLock) -> None:
    """An app pairs and may then talk."""
    assert await stranger.pair("Alice") == (Command.STATUS, b"\0")
    user = lock.device.users.get(stranger.auth_id)
    assert (user.name, user.id_type, user.app_id) == ("Alice", IdType.APP, 7)
    kind, states = await stranger.request(Command.KEYTURNER_STATES)
    assert kind == Command.KEYTURNER_STATES
    # Switched on to stay: still in pairing mode.
    assert states[0] == 1


async def test_pair_as_bridge(stranger: RawClient) -> None:
    """A bridge pairs the same way."""
    assert await stranger.pair(id_type=1) == (Command.STATUS, b"\0")


@pytest.mark.parametrize("id_type", [2, 3, 9])
async def test_pair_as_something_else(stranger: RawClient, id_type: int) -> None:
    """Fobs and keypads do not."""
    assert await stranger.pair(id_type=id_type) == error(
        ErrorCode.P_ERROR_BAD_PARAMETER, Command.AUTHORIZATION_DATA
    )


async def test_not_pairing(stranger: RawClient, lock: NukiLock) -> None:
    """Nothing happens outside of pairing mode."""
    lock.device.set_pairing(False)
    assert await stranger.request_key() == error(
        ErrorCode.P_ERROR_NOT_PAIRING, Command.REQUEST_DATA
    )
    assert await stranger.plain(Command.PUBLIC_KEY, bytes(32)) == error(
        ErrorCode.P_ERROR_NOT_PAIRING, Command.PUBLIC_KEY
    )


async def test_button(stranger: RawClient, lock: NukiLock) -> None:
    """The button's pairing mode ends with the first pairing."""
    lock.device.set_pairing(False)
    lock.device.press_button()
    assert await stranger.pair() == (Command.STATUS, b"\0")
    assert not lock.device.pairing
    assert (await stranger.request(Command.KEYTURNER_STATES))[1][0] == 2


@pytest.mark.parametrize(
    ("command", "payload", "code"),
    [
        (Command.REQUEST_DATA, b"\x0c\0", ErrorCode.P_ERROR_BAD_PARAMETER),
        (Command.REQUEST_DATA, b"\x03", ErrorCode.BAD_LENGTH),
        (Command.LOCK_ACTION, b"", ErrorCode.UNKNOWN),
        (0x7777, b"", ErrorCode.UNKNOWN),
        (Command.AUTHORIZATION_DATA, bytes(101), ErrorCode.UNKNOWN),
    ],
)
async def test_out_of_place(
    stranger: RawClient, command: int, payload: bytes, code: ErrorCode
) -> None:
    """Commands that make no sense here, or not yet."""
    assert await stranger.plain(command, payload) == error(code, command)


async def test_bad_crc(stranger: RawClient) -> None:
    """A message that was garbled on its way."""
    await stranger.write(PAIRING_GDIO, bytes.fromhex("010003000000"))
    assert await stranger.read_plain() == error(ErrorCode.BAD_CRC, 1)


async def test_bad_length(stranger: RawClient) -> None:
    """A public key that is too short ends the attempt."""
    await stranger.request_key()
    assert await stranger.plain(Command.PUBLIC_KEY, bytes(31)) == error(
        ErrorCode.BAD_LENGTH, Command.PUBLIC_KEY
    )
    assert await stranger.plain(Command.PUBLIC_KEY, bytes(32)) == error(
        ErrorCode.UNKNOWN, Command.PUBLIC_KEY
    )


async def test_weak_key(stranger: RawClient) -> None:
    """A public key of small order."""
    await stranger.request_key()
    assert await stranger.plain(Command.PUBLIC_KEY, bytes(32)) == error(
        ErrorCode.P_ERROR_BAD_PARAMETER, Command.PUBLIC_KEY
    )


async def test_bad_authenticators(stranger: RawClient) -> None:
    """A wrong authenticator is refused at each step that has one."""
    own = bytes(stranger.private.public_key)

    async def begin() -> tuple[bytes, bytes]:
        _, lock_key = await stranger.request_key()
        _, nonce = await stranger.plain(Command.PUBLIC_KEY, own)
        return lock_key, nonce

    await begin()
    wrong = error(
        ErrorCode.P_ERROR_BAD_AUTHENTICATOR, Command.AUTHORIZATION_AUTHENTICATOR
    )
    step = Command.AUTHORIZATION_AUTHENTICATOR
    assert await stranger.plain(step, bytes(32)) == wrong

    lock_key, nonce = await begin()
    key = crypto_box_beforenm(lock_key, bytes(stranger.private))
    _, nonce = await stranger.plain(step, mac(key, own, lock_key, nonce))
    assert await stranger.plain(Command.AUTHORIZATION_DATA, bytes(101)) == error(
        ErrorCode.P_ERROR_BAD_AUTHENTICATOR, Command.AUTHORIZATION_DATA
    )

    lock_key, nonce = await begin()
    _, nonce = await stranger.plain(step, mac(key, own, lock_key, nonce))
    data = struct.pack("<BI", 0, 7) + bytes(64)
    _, answer = await stranger.plain(
        Command.AUTHORIZATION_DATA, mac(key, data, nonce) + data
    )
    other_id = struct.pack("<I", 99)
    assert await stranger.plain(
        Command.AUTHORIZATION_ID_CONFIRMATION,
        mac(key, other_id, answer[52:]) + other_id,
    ) == error(ErrorCode.P_ERROR_BAD_PARAMETER, Command.AUTHORIZATION_ID_CONFIRMATION)


async def test_attempt_ends_with_the_link(
    home: VirtualHome, lock: NukiLock, stranger: RawClient
) -> None:
    """A new link starts from the beginning."""
    await stranger.request_key()
    await stranger.link.close()
    again = await RawClient.connect(home.central, lock.address)
    assert await again.plain(Command.PUBLIC_KEY, bytes(32)) == error(
        ErrorCode.UNKNOWN, Command.PUBLIC_KEY
    )


async def test_max_users(stranger: RawClient, lock: NukiLock) -> None:
    """The lock is full."""
    for number in range(1000, 1000 + MAX_USERS):
        lock.device.users.entries[number] = Authorization(
            auth_id=number,
            id_type=IdType.APP,
            app_id=0,
            name="x",
            key=bytes(32),
            created=lock.device.now,
        )
    assert await stranger.pair() == error(
        ErrorCode.P_ERROR_MAX_USER, Command.AUTHORIZATION_DATA
    )


async def test_factory_reset(
    home: VirtualHome, lock: NukiLock, stranger: RawClient
) -> None:
    """After a reset nobody is known, and the keys are new."""
    await stranger.pair()
    old_key = stranger.lock_key
    lock.device.factory_reset()
    await stranger.send(Command.REQUEST_DATA, b"\x0c\0")
    from virtual_home.nuki.wire import KEYTURNER_GDIO

    assert await stranger.read_plain(KEYTURNER_GDIO) == error(
        ErrorCode.K_ERROR_NOT_AUTHORIZED, 0
    )
    await stranger.pair()
    assert stranger.lock_key != old_key
