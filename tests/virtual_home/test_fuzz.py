"""Whatever is written to it, the lock answers an error report or keeps silent."""

import asyncio
import struct

from hypothesis import given, settings, strategies as st
from nacl.secret import SecretBox

from virtual_home.air import Air
from virtual_home.nuki import Command, LockOptions, NukiLock
from virtual_home.nuki.users import Authorization
from virtual_home.nuki.wire import IdType, crc, decrypt, frame, parse

KEY = bytes(32)
USER = 7
COMMANDS = st.sampled_from(list(Command)) | st.integers(0, 0xFFFF)


class Harness(NukiLock):
    """A lock without a radio that keeps what it would indicate."""

    def __init__(self) -> None:
        """Know one client."""
        super().__init__(Air(), LockOptions(motor_s=0, unlatch_s=0, pairing=True))
        self.sent: list[tuple[str, bytes]] = []
        self.device.users.entries[USER] = Authorization(
            auth_id=USER,
            id_type=IdType.APP,
            app_id=1,
            name="x",
            key=KEY,
            created=self.device.now,
        )

    def _leave(self, characteristic: object, command: int, data: bytes) -> None:
        """Keep instead of sending."""
        if characteristic is self._usdio:
            self.sent.append(("sealed", decrypt(KEY, data)[4:]))
        else:
            self.sent.append(("plain", data))


def write(pairing: bytes | None = None, user: bytes | None = None) -> list[int]:
    """Write to a new lock; gives the commands of the answers."""

    async def run() -> list[int]:
        lock = Harness()
        if pairing is not None:
            lock._on_pairing_write(None, pairing)  # type: ignore[arg-type]
        if user is not None:
            lock._on_user_write(None, user)  # type: ignore[arg-type]
        await asyncio.sleep(0)
        await lock.device.stop()
        for _, data in lock.sent:
            assert crc(data[:-2]) == int.from_bytes(data[-2:], "little") or data
        return [int.from_bytes(data[:2], "little") for _, data in lock.sent]

    return asyncio.run(run())


@given(st.binary(max_size=200))
@settings(deadline=None, max_examples=150)
def test_noise(data: bytes) -> None:
    """Noise on either characteristic."""
    assert write(pairing=data) == [Command.ERROR_REPORT]
    assert write(user=data) == [Command.ERROR_REPORT]


@given(COMMANDS, st.binary(max_size=120))
@settings(deadline=None, max_examples=150)
def test_plain_messages(command: int, payload: bytes) -> None:
    """Well-formed messages with any command and payload."""
    answers = write(pairing=frame(command, payload))
    if (command, payload) == (Command.REQUEST_DATA, b"\x03\0"):
        assert answers == [Command.PUBLIC_KEY]
    else:
        assert answers == [Command.ERROR_REPORT]


@given(COMMANDS, st.binary(max_size=120))
@settings(deadline=None, max_examples=150)
def test_sealed_messages(command: int, payload: bytes) -> None:
    """Well-sealed messages with any command and payload, but no nonce."""
    plain = struct.pack("<IH", USER, command) + payload
    sealed = SecretBox(KEY).encrypt(plain + struct.pack("<H", crc(plain)))
    header = struct.pack("<IH", USER, len(sealed.ciphertext))
    answers = write(user=sealed.nonce + header + sealed.ciphertext)
    if command == Command.REQUEST_DATA and len(payload) == 2:
        assert len(answers) == 1
    else:
        assert answers == [Command.ERROR_REPORT]


@given(st.sampled_from(list(Command)), st.binary(max_size=60), st.booleans())
@settings(deadline=None, max_examples=300)
def test_authorised_messages(command: int, payload: bytes, with_pin: bool) -> None:
    """The same with a nonce and a PIN that are right."""

    async def run() -> list[int]:
        lock = Harness()
        user = lock.device.users.get(USER)
        user.challenge = bytes(range(32))
        pin = struct.pack("<H", 1234) if with_pin else b""
        plain = struct.pack("<IH", USER, command) + payload + user.challenge + pin
        sealed = SecretBox(KEY).encrypt(plain + struct.pack("<H", crc(plain)))
        header = struct.pack("<IH", USER, len(sealed.ciphertext))
        lock._on_user_write(None, sealed.nonce + header + sealed.ciphertext)  # type: ignore[arg-type]
        await asyncio.sleep(0)
        await lock.device.stop()
        return [int.from_bytes(data[:2], "little") for _, data in lock.sent]

    assert asyncio.run(run())


def test_harness_frames() -> None:
    """The harness sees what the radio would."""
    assert parse(frame(1, b"x")) == (1, b"x")
