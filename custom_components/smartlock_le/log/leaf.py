"""The leaf of an entry: one salted commitment a field.

Any field can be withheld, by giving its commitment alone, or be erased for good, by
destroying the key of its epoch, and the entry still verifies.
"""

from collections.abc import Iterable, Mapping
import hashlib
from hashlib import sha256

from orjson import dumps

from .canonical import Value
from .tree import leaf_hash

SALT_BYTES = 16
EPOCH_KEY_BYTES = 32
_PREFIX = b"sl1"


def salts(epoch_key: bytes, seq: int, count: int) -> list[bytes]:
    """Return the 16-byte salts of the `count` fields of entry `seq`.

    They come from one SHAKE-256 call, so that none has to be stored.
    """
    stream = hashlib.shake_256(epoch_key + seq.to_bytes(8, "big")).digest(
        SALT_BYTES * count
    )
    return [stream[i : i + SALT_BYTES] for i in range(0, len(stream), SALT_BYTES)]


def leaf_data(epoch_key: bytes, seq: int, fields: Mapping[str, Value]) -> bytes:
    """Return what is hashed into the tree; `fields` are in the order of their schema.

    A commitment is SHA-256(salt || canonical JSON of [name, value]).
    """
    parts = [_PREFIX, seq.to_bytes(8, "big")]
    # A list of two has no keys to sort: plain orjson is canonical, and this is the hot loop.
    for salt, item in zip(
        salts(epoch_key, seq, len(fields)), fields.items(), strict=True
    ):
        parts.append(sha256(salt + dumps(item)).digest())
    return b"".join(parts)


def committed_leaf(seq: int, commitments: Iterable[bytes]) -> bytes:
    """Return the leaf hash over commitments of 32 bytes that are there already."""
    return leaf_hash(b"".join([_PREFIX, seq.to_bytes(8, "big"), *commitments]))


def entry_leaf(epoch_key: bytes, seq: int, fields: Mapping[str, Value]) -> bytes:
    """Return the 32-byte leaf hash of an entry."""
    return leaf_hash(leaf_data(epoch_key, seq, fields))
