"""Sealing for one recipient in the age format, version 1: only who has the key can open it.

C2SP age, as https://c2sp.org/age has it. The well-kept library for this, pyrage, has no
wheel for Home Assistant's own container, so this writes it; it does not read. Whatever it
writes is opened by two others in the tests.
"""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
import secrets

from cryptography.hazmat.primitives.asymmetric.x25519 import (
    X25519PrivateKey,
    X25519PublicKey,
)
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ..bech32 import decode
from .sink import Sink

_VERSION = b"age-encryption.org/v1\n"
_LABEL = b"age-encryption.org/v1/X25519"
_PIECE = 64 * 1024
_KEY = 32


class BadRecipient(Exception):
    """Nobody could open what is sealed for it."""


@contextmanager
def sealed(file: Sink, recipient: str) -> Iterator[Sink]:
    """Give a sink: what is written is sealed into `file`, piece by piece.

    It is whole when the block ends well. Raises BadRecipient, OSError.
    """
    key = secrets.token_bytes(16)
    header = _header(key, _public(recipient))
    salt = secrets.token_bytes(16)
    file.write(header + salt)
    sealing = _Sealing(file, _derived(key, salt, b"payload"))
    yield sealing
    sealing.end()


class _Sealing:
    """The STREAM construction of age: pieces of 64 KiB, the last one marked."""

    def __init__(self, file: Sink, key: bytes) -> None:
        self._file = file
        self._cipher = ChaCha20Poly1305(key)
        self._number = 0
        self._waiting = bytearray()

    def write(self, data: bytes, /) -> None:
        """Take some."""
        self._waiting += data
        # The last piece is never empty, so a whole one may be it: it waits.
        while len(self._waiting) > _PIECE:
            self._put(bytes(self._waiting[:_PIECE]), last=False)
            del self._waiting[:_PIECE]

    def end(self) -> None:
        """Write the last piece."""
        self._put(bytes(self._waiting), last=True)

    def _put(self, piece: bytes, *, last: bool) -> None:
        nonce = self._number.to_bytes(11, "big") + bytes([last])
        self._number += 1
        self._file.write(self._cipher.encrypt(nonce, piece, None))


def _header(key: bytes, public: bytes) -> bytes:
    """Return the header: the file's key, wrapped for the recipient, and its MAC."""
    once = X25519PrivateKey.generate()
    share = once.public_key().public_bytes_raw()
    try:
        shared = once.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError as err:
        # A point of low order: everybody would know the secret.
        raise BadRecipient from err
    wrapping = _derived(shared, share + public, _LABEL)
    wrapped = ChaCha20Poly1305(wrapping).encrypt(bytes(12), key, None)
    stanza = b"-> X25519 " + _base64(share) + b"\n" + _base64(wrapped) + b"\n"
    text = _VERSION + stanza + b"---"
    mac = HMAC(_derived(key, None, b"header"), SHA256())
    mac.update(text)
    return text + b" " + _base64(mac.finalize()) + b"\n"


def _derived(secret: bytes, salt: bytes | None, info: bytes) -> bytes:
    return HKDF(SHA256(), _KEY, salt, info).derive(secret)


def _base64(data: bytes) -> bytes:
    return b64encode(data).rstrip(b"=")


def check(recipient: str) -> None:
    """Raise BadRecipient where nobody, or everybody, could open what is sealed for it."""
    _header(secrets.token_bytes(16), _public(recipient))


def _public(recipient: str) -> bytes:
    """Return the 32 bytes of an `age1...` recipient."""
    try:
        public = decode("age", recipient)
    except ValueError as err:
        raise BadRecipient from err
    if len(public) != _KEY:
        raise BadRecipient
    return public
