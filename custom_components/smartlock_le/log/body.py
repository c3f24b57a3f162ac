"""The body of an entry as it is stored, whole or with fields erased.

Whole, it is the canonical JSON of the fields, and the salts come from the key of the
epoch. Opened, it is a list with one item a field, in the order of the schema: name,
value and salt, or the commitment alone where the value was erased. It needs no key then.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Collection
from dataclasses import dataclass
import hashlib
from typing import Any

import orjson

from .canonical import Value, loads
from .errors import LogUnavailable
from .kinds import arrange
from .leaf import salts

type Opened = list[list[Value] | str]
"""Of each field [name, value, salt in base64], or its commitment in base64."""


def fields_of(seq: int, body: bytes) -> dict[str, Value]:
    """Return the fields of a stored body that are still there, in the order of the schema.

    Raises LogUnavailable if it is not one of ours.
    """
    try:
        if is_opened(body):
            return {
                str(item[0]): item[1]
                for item in _items(body)
                if not isinstance(item, str)
            }
        return arrange(loads(body))
    except (ValueError, AttributeError) as err:
        raise LogUnavailable(f"entry {seq} is damaged", damaged=True) from err


def is_opened(body: bytes) -> bool:
    """Return whether a body brings its own salts."""
    return isinstance(body, bytes) and body.startswith(b"[")


def opened(epoch_key: bytes, seq: int, body: bytes) -> Opened:
    """Return a body with its salts. Raises LogUnavailable if it is not one of ours."""
    try:
        if is_opened(body):
            return _items(body)
        fields = arrange(loads(body))
    except (ValueError, AttributeError) as err:
        raise LogUnavailable(f"entry {seq} is damaged", damaged=True) from err
    return [
        [name, value, b64encode(salt).decode()]
        for salt, (name, value) in zip(
            salts(epoch_key, seq, len(fields)), fields.items(), strict=True
        )
    ]


def withheld(items: Opened, names: Collection[str]) -> Opened:
    """Return the items with the values of these fields gone, their commitments left."""
    return [
        b64encode(_commitment(item[0], item[1], b64decode(str(item[2])))).decode()
        if isinstance(item, list) and item[0] in names
        else item
        for item in items
    ]


@dataclass(slots=True)
class Committed:
    """One field: the commitment to it, and what opens that, if it is there still."""

    commitment: bytes
    name: str = ""
    value: Value = ""
    salt: bytes = b""

    def given(self, hidden: Collection[str]) -> list[Value] | str:
        """Return it as it is given away; by the commitment alone if it is hidden."""
        if not self.name or self.name in hidden:
            return b64encode(self.commitment).decode()
        return [self.name, self.value, b64encode(self.salt).decode()]


def committed(
    row: Any, key: Callable[[int], bytes]
) -> tuple[dict[str, Value], list[Committed]]:
    """Return what an entry says that has a body, and its fields with their commitments.

    Raises LogUnavailable if its body is not one of ours, or its key is not there.
    """
    seq, body = row["seq"], row["body"]
    fields = fields_of(seq, body)
    if not is_opened(body):
        found = zip(
            salts(key(row["epoch"]), seq, len(fields)), fields.items(), strict=True
        )
        return fields, [_committed(name, value, salt) for salt, (name, value) in found]
    return fields, [
        Committed(b64decode(item))
        if isinstance(item, str)
        else _committed(str(item[0]), item[1], b64decode(str(item[2])))
        for item in opened(b"", seq, body)
    ]


def _committed(name: str, value: Value, salt: bytes) -> Committed:
    return Committed(_commitment(name, value, salt), name, value, salt)


def disclosed(
    row: Any, key: Callable[[int], bytes], withhold: Collection[str] = ()
) -> dict[str, Any]:
    """Return an entry as it is given away: its fields with their salts, or its leaf alone.

    Raises LogUnavailable if its body is not one of ours, or its key is not there.
    """
    seq, body = row["seq"], row["body"]
    if body is None:
        return {"seq": seq, "leaf": b64encode(row["leaf"]).decode()}
    epoch_key = b"" if is_opened(body) else key(row["epoch"])
    return {"seq": seq, "fields": withheld(opened(epoch_key, seq, body), withhold)}


def pack(items: Opened) -> bytes:
    """Return an opened body as it is stored."""
    return orjson.dumps(items)


def _items(body: bytes) -> Opened:
    """Return what an opened body holds. Raises ValueError if it is not one of ours."""
    items: Opened = orjson.loads(body)
    for item in items:
        match item:
            case str() | [str(), str() | int(), str()]:
                b64decode(
                    item if isinstance(item, str) else str(item[2]), validate=True
                )
            case _:
                raise ValueError("not a field")
    return items


def _commitment(name: Value, value: Value, salt: bytes) -> bytes:
    """Return the commitment to a field: SHA-256(salt || canonical JSON of [name, value])."""
    # A list of two has no keys to sort: plain orjson is canonical.
    return hashlib.sha256(salt + orjson.dumps((name, value))).digest()
