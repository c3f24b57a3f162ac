"""The sealed field of an access entry: told to chosen contacts, or to nobody.

A box of libsodium (crypto_box_seal: X25519, XSalsa20-Poly1305) of one length, always
there. Without the contacts' private key nobody, the owner's own machine included, can
tell one that says something from one that says nothing.
"""

from base64 import b64decode, b64encode
import os

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

MAX_BYTES = 94
"""Longest text, in UTF-8, that fits."""
_LENGTH = 96
_TAG = 16


def seal(text: str, contacts: bytes) -> str:
    """Return `text` for the contacts with this X25519 public key (32 bytes), in base64.

    Raises ValueError if it is too long.
    """
    data = text.encode()
    if not 0 < len(data) <= MAX_BYTES:
        raise ValueError("a sealed text has 1 to 94 bytes")
    told = (len(data).to_bytes(2, "big") + data).ljust(_LENGTH, b"\0")
    return b64encode(SealedBox(PublicKey(contacts)).encrypt(told)).decode()


def blank() -> str:
    """Return a sealed field that says nothing."""
    # A box begins with a point of the curve, which half of all random bytes are not.
    # Made by a library that keeps hold of the interpreter: a door waits for no thread.
    point = X25519PrivateKey.generate().public_key().public_bytes_raw()
    return b64encode(point + os.urandom(_TAG + _LENGTH)).decode()


def unseal(field: str, key: bytes) -> str | None:
    """Return what a sealed field says to the holder of this private key, if anything."""
    try:
        data = SealedBox(PrivateKey(key)).decrypt(b64decode(field, validate=True))
        return data[2 : 2 + int.from_bytes(data[:2], "big")].decode()
    except CryptoError, ValueError:
        return None
