"""What an entry of each kind says: its fields, in the order of their commitments.

A schema only ever grows at its end. The number of fields in a body therefore says
which version wrote it, and old entries stay readable without a column for that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from .canonical import MAX_INT, Value
from .errors import BadEntry

COMMON = ("kind", "time", "entered")
"""First fields of every entry; `time` is when it happened, `entered` when it was written."""

MAX_TEXT = 500
"""Most characters in one string. Longer is refused, not cut: half a sentence misleads."""


@dataclass(frozen=True, slots=True)
class Kind:
    """The schema of one kind: `fields` maps each own field to `str` or `int`."""

    name: str
    version: int
    fields: Mapping[str, type[str | int]]

    @property
    def order(self) -> tuple[str, ...]:
        """All fields of an entry, in the order of their commitments."""
        return (*COMMON, *self.fields)


_ACTOR: dict[str, type[str | int]] = {
    "actor_kind": str,
    "actor": str,
    "actor_name": str,
}

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("started", 1, {"version": str, "clean": str}),
        Kind("stopped", 1, {}),
        Kind(
            "lock_added",
            1,
            {"lock": str, "name": str, "model": str, "firmware": str, **_ACTOR},
        ),
        Kind("lock_removed", 1, {"lock": str, **_ACTOR}),
        Kind("lock_cleaned", 1, {"lock": str, "result": str, "codes_left": int}),
        Kind("setting", 1, {"setting": str, "value": str, **_ACTOR}),
        Kind("command", 1, {"lock": str, "command": str, **_ACTOR, "grant": str}),
        Kind("outcome", 1, {"lock": str, "intent": int, "result": str, "detail": str}),
        Kind("found", 1, {"lock": str, "intent": int, "state": str}),
        Kind(
            "access",
            3,
            {
                "lock": str,
                "event": str,
                "method": str,
                **_ACTOR,
                "grant": str,
                "source": str,
                "lock_index": int,
                "lock_time": str,
                "sealed": str,
                "alarm": str,
            },
        ),
        Kind(
            "grant",
            1,
            {
                "grant": str,
                "event": str,
                "lock": str,
                "agency": str,
                "incident": str,
                "reason": str,
                "method": str,
                "start": str,
                "end": str,
                "detail": str,
                **_ACTOR,
            },
        ),
        Kind(
            "code",
            1,
            {
                "code": str,
                "event": str,
                "lock": str,
                "start": str,
                "end": str,
                "schedule": str,
                "uses": int,
                "detail": str,
                **_ACTOR,
            },
        ),
        Kind("holder", 1, {"code": str, **_ACTOR}),
        Kind("alarm", 1, {"alarm": str, "state": str, **_ACTOR}),
        Kind("plate", 1, {"camera": str, "lock": str, "list": str}),
        Kind("plates_erased", 1, {"reason": str, "reads": int, **_ACTOR}),
        Kind(
            "agency",
            1,
            {
                **dict.fromkeys(
                    (
                        *("agency", "event", "name", "national_id", "email_domain"),
                        *("age_recipient", "signing_key", "number", "source"),
                    ),
                    str,
                ),
                **_ACTOR,
            },
        ),
        Kind(
            "agencies_imported",
            1,
            {"sha256": str, "added": int, "changed": int, "rejected": int, **_ACTOR},
        ),
        Kind("contact", 1, {"event": str, **_ACTOR}),
        Kind(
            "request",
            1,
            {
                **dict.fromkeys(
                    (
                        *("request", "event", "state", "instrument", "via", "agency"),
                        *("agency_type", "gag", "detail", "digest", "document"),
                    ),
                    str,
                ),
                **_ACTOR,
            },
        ),
        Kind(
            "release",
            1,
            {
                **dict.fromkeys(
                    (
                        *("release", "event", "request", "state", "instrument"),
                        *("agency_type", "gag", "detail", "manifest", "sha256"),
                    ),
                    str,
                ),
                **dict.fromkeys(("entries", "people", "devices", "media"), int),
                **_ACTOR,
            },
        ),
        Kind(
            "feed",
            1,
            {
                **dict.fromkeys(
                    (
                        *("feed", "event", "incident", "agency", "agency_type"),
                        *("step", "preview", "detail"),
                    ),
                    str,
                ),
                **_ACTOR,
            },
        ),
        Kind(
            "incident",
            1,
            {
                **dict.fromkeys(("incident", "event", "cause", "stage", "source"), str),
                "level": int,
                **dict.fromkeys(("status", "contact", "detail"), str),
                **_ACTOR,
            },
        ),
        Kind(
            "link",
            1,
            {
                **dict.fromkeys(
                    (
                        *("link", "event", "agency", "reason", "incident", "lock"),
                        *("camera", "detail"),
                    ),
                    str,
                ),
                **_ACTOR,
            },
        ),
        Kind("channel", 1, {"channel": str, "event": str, "detail": str}),
        Kind("camera_event", 1, {"camera": str, "lock": str, "event": str}),
        Kind(
            "media",
            1,
            {
                "camera": str,
                "lock": str,
                "of": int,
                "what": str,
                "result": str,
                "file": str,
                "sha256": str,
                "bytes": int,
                "width": int,
                "height": int,
                "masks": int,
            },
        ),
        Kind(
            "media_erased",
            1,
            {"reason": str, "files": int, "kept": int, "sha256": str, **_ACTOR},
        ),
        Kind("export", 1, {"purpose": str, "entries": int, "sha256": str, **_ACTOR}),
        Kind(
            "restored",
            1,
            {
                "reason": str,
                "origin": str,
                "key": str,
                "size": int,
                "root": str,
                "held": int,
            },
        ),
        Kind(
            "erased",
            1,
            {
                "reason": str,
                "first": int,
                "last": int,
                "entries": int,
                "kept": int,
                "sha256": str,
                **_ACTOR,
            },
        ),
        Kind(
            "hold",
            1,
            {
                "hold": str,
                "event": str,
                "reason": str,
                "lock": str,
                "since": str,
                "until": str,
                **_ACTOR,
            },
        ),
    )
}


LASTING = (
    *("restored", "erased", "media_erased", "hold"),
    *("request", "release", "feed"),
)
"""Kinds that are never erased: why others are not there, what was asked and given."""


def check(kind: str, fields: Mapping[str, Value]) -> dict[str, Value]:
    """Return `fields` as plain values in the order of the schema.

    Raises BadEntry, which names the field and never its value.
    """
    if (schema := KINDS.get(kind)) is None:
        raise BadEntry("unknown kind of entry")
    checked: dict[str, Value] = {}
    for name, wanted in schema.fields.items():
        if name not in fields:
            raise BadEntry(f"{kind}: {name} is missing")
        value = fields[name]
        # Most values are short and plain: no call for those.
        if type(value) is str is wanted and len(value) <= MAX_TEXT and value.isascii():
            checked[name] = value
        else:
            checked[name] = _plain(kind, name, value, wanted)
    if len(fields) != len(checked):
        raise BadEntry(f"{kind}: {len(fields) - len(checked)} fields too many")
    return checked


def _plain(kind: str, field: str, value: Value, wanted: type[str | int]) -> Value:
    """Return a value without its subclass (enumerations), or raise BadEntry."""
    name = f"{kind}.{field}"
    # True is an int to Python and a third type to JSON.
    if not isinstance(value, wanted) or isinstance(value, bool):
        raise BadEntry(f"{name} must be {wanted.__name__}")
    if isinstance(value, int):
        if abs(value) > MAX_INT:
            raise BadEntry(f"{name} is out of range")
        return int(value)
    if len(value) > MAX_TEXT:
        raise BadEntry(f"{name} is longer than {MAX_TEXT} characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        # From None: that error carries the text.
        raise BadEntry(f"{name} is not valid Unicode") from None
    # Not str(): an enumeration may print as something else than its value.
    return str.__str__(value)


def check_time(time: datetime) -> datetime:
    """Return an aware time in UTC; raises BadEntry for any other."""
    if not isinstance(time, datetime) or time.utcoffset() is None:
        raise BadEntry("time must be a datetime with a time zone")
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise BadEntry("time is out of range") from None


def arrange(fields: Mapping[str, Value]) -> dict[str, Value]:
    """Return the fields of a stored body (sorted by name) in the order of the schema."""
    schema = KINDS.get(str(fields.get("kind")))
    order = schema.order[: len(fields)] if schema else ()
    if set(order) != set(fields):
        # Written by somebody else: shown as it is, `verify` says what is wrong with it.
        return dict(fields)
    return {name: fields[name] for name in order}
