"""Frames of the Nuki Bluetooth API v2.1: sections 3 (format) and 4 (encryption)."""

import hashlib
import hmac
import os
import struct

from nacl import bindings
from nacl.exceptions import CryptoError

NONCE_BYTES = 24
_HEADER = struct.Struct("<24sIH")
_MAX_MESSAGE = 512


class WireError(Exception):
    """Bytes that are no frame of ours."""


def crc16(data: bytes) -> int:
    """Return the CRC-CCITT of `data`: polynomial 0x1021, start 0xFFFF (3.4)."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def _with_crc(message: bytes) -> bytes:
    return message + struct.pack("<H", crc16(message))


def _without_crc(message: bytes) -> bytes:
    if len(message) < 2 or crc16(message[:-2]) != struct.unpack("<H", message[-2:])[0]:
        raise WireError("checksum")
    return message[:-2]


def new_key_pair() -> tuple[bytes, bytes]:
    """Return a fresh Curve25519 (public, private) pair, 32 bytes each."""
    private = os.urandom(32)
    return bindings.crypto_scalarmult_base(private), private


def shared_key(private: bytes, public: bytes) -> bytes:
    """Return the long-term secret: dh1 then kdf1 (4.1, 4.2), 32 bytes."""
    try:
        # crypto_box_beforenm is X25519 followed by HSalsa20 with a zero input.
        return bytes(bindings.crypto_box_beforenm(public, private))
    except (CryptoError, ValueError, RuntimeError) as err:
        raise WireError("public key") from err


def authenticator(key: bytes, data: bytes) -> bytes:
    """Return h1 of `data`: HMAC-SHA256 (4.3), 32 bytes."""
    return hmac.digest(key, data, hashlib.sha256)


def same(one: bytes, other: bytes) -> bool:
    """Compare two authenticators in constant time."""
    return hmac.compare_digest(one, other)


def plain_frame(command: int, payload: bytes) -> bytes:
    """Return an unencrypted message (3.3)."""
    return _with_crc(struct.pack("<H", command) + payload)


def parse_plain(frame: bytes) -> tuple[int, bytes]:
    """Return (command, payload) of an unencrypted message."""
    message = _without_crc(frame)
    if len(message) < 2:
        raise WireError("too short")
    return int.from_bytes(message[:2], "little"), message[2:]


def sealed_frame(key: bytes, auth_id: int, command: int, payload: bytes) -> bytes:
    """Return an encrypted message (3.2) under a fresh random nonce."""
    nonce = os.urandom(NONCE_BYTES)
    message = _with_crc(struct.pack("<IH", auth_id, command) + payload)
    sealed = bindings.crypto_secretbox(message, nonce, key)
    return _HEADER.pack(nonce, auth_id, len(sealed)) + sealed


def open_sealed(key: bytes, auth_id: int, frame: bytes) -> tuple[int, bytes]:
    """Return (command, payload) of an encrypted message to authorization `auth_id`."""
    if len(frame) < _HEADER.size:
        raise WireError("too short")
    nonce, outer_id, length = _HEADER.unpack_from(frame)
    try:
        message = bindings.crypto_secretbox_open(
            frame[_HEADER.size : _HEADER.size + length], nonce, key
        )
    except (CryptoError, ValueError) as err:
        raise WireError("cannot decrypt") from err
    message = _without_crc(message)
    if len(message) < 6:
        raise WireError("too short")
    inner_id, command = struct.unpack_from("<IH", message)
    if inner_id != auth_id or outer_id != auth_id:
        raise WireError("another authorization")
    return command, message[6:]


class SealedAssembler:
    """Joins the indications (20 bytes each, or more) of encrypted messages."""

    def __init__(self) -> None:
        """Start empty."""
        self._buffer = bytearray()

    def feed(self, chunk: bytes) -> list[bytes]:
        """Add one indication; return the whole frames it completes."""
        self._buffer += chunk
        frames = []
        while len(self._buffer) >= _HEADER.size:
            length = _HEADER.unpack_from(self._buffer)[2]
            if length > _MAX_MESSAGE:
                self._buffer.clear()
                raise WireError("too long")
            end = _HEADER.size + length
            if len(self._buffer) < end:
                break
            frames.append(bytes(self._buffer[:end]))
            del self._buffer[:end]
        return frames


class PlainAssembler:
    """Joins the indications of unencrypted messages, which carry no length.

    `sizes` gives the payload bytes of each command that may come.
    """

    def __init__(self, sizes: dict[int, int]) -> None:
        """Start empty."""
        self._sizes = sizes
        self._buffer = bytearray()

    def feed(self, chunk: bytes) -> list[bytes]:
        """Add one indication; return the whole frames it completes."""
        self._buffer += chunk
        frames = []
        while len(self._buffer) >= 2:
            command = int.from_bytes(self._buffer[:2], "little")
            if command not in self._sizes:
                self._buffer.clear()
                raise WireError("unexpected command")
            end = 2 + self._sizes[command] + 2
            if len(self._buffer) < end:
                break
            frames.append(bytes(self._buffer[:end]))
            del self._buffer[:end]
        return frames
