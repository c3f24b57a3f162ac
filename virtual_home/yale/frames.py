"""The frames of a Yale Access lock: 16 bytes that are encrypted, and two that are not.

There is no public document: this follows what the client library yalexs-ble sends and
accepts. It shares no code with it.
"""

from collections.abc import Callable
import os

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

LENGTH, _BLOCK = 18, 16
EXCHANGE, EXCHANGED, START, STARTED, END, ENDED = 0x01, 0x02, 0x03, 0x04, 0x05, 0x8B
"""Opcodes of the secure channel, on which a session is agreed."""
COMMAND, ACKNOWLEDGED, ANSWERED = 0xEE, 0xAA, 0xBB
"""The first byte of what goes over the other channel."""

type _Crypt = Callable[[bytes], bytes]


class BadFrame(Exception):
    """It is not for us, or was broken on the way."""


def _secure_sum(frame: bytes) -> int:
    words = (int.from_bytes(frame[at : at + 4], "little") for at in (0, 4, 8))
    return -sum(words) & 0xFFFFFFFF


class Session:
    """One client on the link: its channels, and how they are encrypted."""

    def __init__(self, key: bytes, slot: int) -> None:
        """Expect a client that has the lock's key, under this index."""
        self._slot = slot
        self._use(key)
        self._decrypt: _Crypt | None = None
        self._encrypt: _Crypt | None = None
        self._key = b""

    def _use(self, key: bytes) -> None:
        cipher = Cipher(algorithms.AES(key), modes.ECB())
        self._secure_decrypt = cipher.decryptor().update
        self._secure_encrypt = cipher.encryptor().update

    @property
    def open(self) -> bool:
        """Whether a session was agreed."""
        return self._decrypt is not None

    def secure(self, frame: bytes) -> bytes:
        """Take a frame of the secure channel; return the answer. Raises BadFrame."""
        if len(frame) != LENGTH:
            raise BadFrame
        plain = self._secure_decrypt(frame[:_BLOCK]) + frame[_BLOCK:]
        if int.from_bytes(plain[12:16], "little") != _secure_sum(plain):
            raise BadFrame
        answer = bytearray(LENGTH)
        if plain[0] == EXCHANGE:
            if plain[17] != self._slot:
                raise BadFrame
            ours = os.urandom(8)
            self._key = plain[4:12] + ours
            answer[0] = EXCHANGED
            answer[4:12] = ours
            return self._seal(answer, self._start_session)
        answer[0] = {START: STARTED, END: ENDED}.get(plain[0], 0)
        return self._seal(answer)

    def _seal(self, answer: bytearray, then: Callable[[], None] | None = None) -> bytes:
        answer[12:16] = _secure_sum(bytes(answer)).to_bytes(4, "little")
        sealed = self._secure_encrypt(bytes(answer[:_BLOCK])) + bytes(answer[_BLOCK:])
        if then:
            then()
        return sealed

    def _start_session(self) -> None:
        self._use(self._key)
        cipher = Cipher(algorithms.AES(self._key), modes.CBC(bytes(_BLOCK)))
        # Each frame is chained to the one before it.
        self._decrypt = cipher.decryptor().update
        self._encrypt = cipher.encryptor().update

    def command(self, frame: bytes) -> bytes:
        """Take a command; return it in plain. Raises BadFrame."""
        if self._decrypt is None or len(frame) != LENGTH:
            raise BadFrame
        plain = self._decrypt(frame[:_BLOCK]) + frame[_BLOCK:]
        if sum(plain) & 0xFF or plain[0] != COMMAND:
            raise BadFrame
        return plain

    def answer(self, kind: int, opcode: int, fields: dict[int, bytes]) -> bytes:
        """Make a frame for the client: what stands from which byte on."""
        assert self._encrypt is not None
        frame = bytearray(LENGTH)
        frame[0], frame[1] = kind, opcode
        for at, value in fields.items():
            frame[at : at + len(value)] = value
        frame[3] = -sum(frame) & 0xFF
        return self._encrypt(bytes(frame[:_BLOCK])) + bytes(frame[_BLOCK:])


def packed(digits: str) -> bytes:
    """Return digits as the lock keeps them: two in a byte, filled up."""
    return bytes.fromhex(digits.ljust(14, "f"))


def unpacked(field: bytes) -> str:
    """Return the digits in a field; none: it is blank."""
    return field.hex().rstrip("f")
