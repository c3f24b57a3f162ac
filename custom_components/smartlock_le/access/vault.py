"""The digits of codes: kept encrypted, compared by a keyed hash, never shown.

The key is in a private file beside the pairings, apart from the database. A hash of six
digits is guessed in a second by whoever has its key: it is as secret as the digits.
"""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
import hashlib
import hmac
from itertools import pairwise
from pathlib import Path
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from homeassistant.util.file import WriteError

from .. import private

_KEY = 32
_NONCE = 12
_LONGEST_PIECE = 4


class VaultLocked(Exception):
    """The digits cannot be had: their key, or what they were, is lost."""


class Vault:
    """Keeps digits; built by `open`."""

    def __init__(self, key: bytes) -> None:
        """Take 64 bytes."""
        self._hash, self._cipher = key[:_KEY], AESGCM(key[_KEY:])

    @classmethod
    def open(cls, path: Path) -> Vault:
        """Read the key, or make one where there is none. It blocks. Raises VaultLocked."""
        try:
            key = b64decode(path.read_text(encoding="ascii"), validate=True)
        except FileNotFoundError:
            key = secrets.token_bytes(2 * _KEY)
            try:
                private.write(path, b64encode(key).decode("ascii"))
            except WriteError as err:
                raise VaultLocked(type(err).__name__) from None
        except (OSError, NotBase64, ValueError) as err:
            # The text of these errors may quote the file.
            raise VaultLocked(type(err).__name__) from None
        if len(key) != 2 * _KEY:
            raise VaultLocked("length")
        return cls(key)

    def digest(self, digits: str) -> str:
        """Return what tells the same digits from others: HMAC-SHA-256, in hex."""
        return hmac.new(self._hash, digits.encode(), hashlib.sha256).hexdigest()

    def close(self, digits: str, code: str) -> str:
        """Encrypt digits for a code (AES-256-GCM, bound to its id); return base64."""
        nonce = secrets.token_bytes(_NONCE)
        sealed = self._cipher.encrypt(nonce, digits.encode(), code.encode())
        return b64encode(nonce + sealed).decode("ascii")

    def reveal(self, secret: str, code: str) -> str:
        """Return the digits, to teach them to a lock. Raises VaultLocked."""
        try:
            sealed = b64decode(secret, validate=True)
            digits = self._cipher.decrypt(
                sealed[:_NONCE], sealed[_NONCE:], code.encode()
            )
        except (InvalidTag, NotBase64, ValueError) as err:
            raise VaultLocked(type(err).__name__) from None
        return digits.decode("ascii")


def weak(digits: str) -> bool:
    """Tell whether digits are among the first that anybody tries.

    All the same, a run (1234, 9876), or a piece that is repeated (1212, 123123).
    """
    steps = {int(b) - int(a) for a, b in pairwise(digits)}
    if steps in ({0}, {1}, {-1}):
        return True
    return any(
        len(digits) % size == 0 and digits == digits[:size] * (len(digits) // size)
        for size in range(2, min(_LONGEST_PIECE, len(digits) // 2) + 1)
    )
