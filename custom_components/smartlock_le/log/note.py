"""Checkpoints (C2SP tlog-checkpoint) as signed notes (C2SP signed-note, Ed25519)."""

from base64 import b64decode, b64encode
import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_ED25519 = b"\x01"
"""Type byte of a plain Ed25519 signature in signed-note."""

SEED_BYTES = 32


class Signer:
    """Signs notes under one name with one key."""

    __slots__ = ("_id", "_key", "name", "vkey")

    def __init__(self, name: str, seed: bytes) -> None:
        """Take the 32-byte Ed25519 seed. Raises ValueError for a name that a note cannot hold."""
        if not name or "+" in name or any(character.isspace() for character in name):
            raise ValueError("the name of a key has no space and no plus sign")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        typed = _ED25519 + self._key.public_key().public_bytes_raw()
        self._id = hashlib.sha256(name.encode() + b"\n" + typed).digest()[:4]
        self.name = name
        self.vkey = f"{name}+{self._id.hex()}+{b64encode(typed).decode()}"

    def sign(self, text: str) -> str:
        """Return the note: `text`, which ends with a newline, and its signature line."""
        signature = b64encode(self._id + self._key.sign(text.encode())).decode()
        return f"{text}\n\N{EM DASH} {self.name} {signature}\n"

    def checkpoint(self, size: int, root: bytes) -> str:
        """Return the signed checkpoint of a tree; the origin is the name of the key.

        Ed25519 is deterministic (RFC 8032): the same tree always gives the same note.
        """
        return self.sign(f"{self.name}\n{size}\n{b64encode(root).decode()}\n")


def root_of(note: str) -> str:
    """Return the root that a checkpoint of ours names, in hex; empty if it is not one."""
    try:
        return b64decode(note.split("\n")[2], validate=True).hex()
    except IndexError, ValueError:
        return ""
