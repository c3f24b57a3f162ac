"""Canonical JSON, and time as the log writes it.

Only strings and integers below 2**53 go in, and keys are ASCII: under that rule
sorted keys and orjson's shortest form are what RFC 8785 (JCS) asks for, byte by byte.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
import re
from typing import cast

import orjson

type Value = str | int

MAX_INT = 2**53 - 1
"""Largest integer that every JSON reader keeps exactly (RFC 7493)."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


def dumps(value: Mapping[str, Value] | list[Value]) -> bytes:
    """Return `value` as canonical JSON."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def loads(body: bytes) -> dict[str, Value]:
    """Return the fields of a stored body."""
    return cast("dict[str, Value]", orjson.loads(body))


def stamp(time: datetime) -> str:
    """Return a time in UTC as RFC 3339, always with six digits and `Z`."""
    return f"{time.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def unstamp(text: str) -> datetime:
    """Return the time that `stamp` wrote. Raises ValueError for any other form."""
    if not _STAMP.fullmatch(text):
        raise ValueError("not a time of the log")
    return datetime.fromisoformat(text)


def microseconds(time: datetime) -> int:
    """Return a time in UTC as whole microseconds since 1970, exactly."""
    return (time - _EPOCH) // _MICROSECOND


def moment(count: int) -> datetime:
    """Return the time in UTC that is so many microseconds after 1970 began."""
    return _EPOCH + count * _MICROSECOND
