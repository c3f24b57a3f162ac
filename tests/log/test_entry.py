"""What an entry may say, how it is written, and what is committed to."""

from datetime import UTC, datetime, timedelta, timezone
from enum import IntEnum, StrEnum
import hashlib
import json
from pathlib import Path
import re
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.smartlock_le.log import COMMON, KINDS, MAX_TEXT, BadEntry, verify
from custom_components.smartlock_le.log.canonical import (
    MAX_INT,
    dumps,
    loads,
    microseconds,
    stamp,
    unstamp,
)
from custom_components.smartlock_le.log.kinds import arrange, check, check_time
from custom_components.smartlock_le.log.leaf import entry_leaf, leaf_data, salts

from .support import patient, sample

VALUES = st.text() | st.integers(-MAX_INT, MAX_INT)


def jcs_string(text: str) -> str:
    """Return a string as RFC 8785 section 3.2.2.2 writes it."""
    short = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}
    return (
        '"'
        + "".join(
            short.get(ord(c)) or (f"\\u{ord(c):04x}" if ord(c) < 32 else c)
            for c in text
        )
        + '"'
    )


@patient
@given(st.dictionaries(st.text("abcXYZ_019", min_size=1), VALUES, max_size=8))
def test_canonical(value: dict[str, str | int]) -> None:
    """Text and integers are written as RFC 8785 says, and read back."""
    written = ",".join(
        f"{jcs_string(key)}:{jcs_string(item) if isinstance(item, str) else item}"
        for key, item in sorted(value.items())
    )
    assert dumps(value) == f"{{{written}}}".encode()
    assert loads(dumps(value)) == value


@pytest.mark.parametrize(
    ("value", "written"),
    [
        # RFC 8785, section 3.2.2, without what our rule excludes.
        (
            {"string": '€$\x0f\nA\'B"\\\\"/'},
            r'{"string":"€$\u000f\nA' + r"'B\"\\\\\"/" + '"}',
        ),
        ({"b": -0, "a": 2**53 - 1}, '{"a":9007199254740991,"b":0}'),
        ({"a": "\x7f\u2028\U0001f511"}, '{"a":"\x7f\u2028\U0001f511"}'),
    ],
)
def test_canonical_vectors(value: dict[str, str | int], written: str) -> None:
    """What other implementations get wrong."""
    assert dumps(value) == written.encode()


@patient
@given(st.datetimes(timezones=st.timezones()))
def test_times(time: datetime) -> None:
    """A time survives being written, to the microsecond, from any time zone."""
    try:
        utc = check_time(time)
    except BadEntry:  # in UTC it is before year 1 or after year 9999
        return
    assert utc == time.astimezone(UTC)
    assert unstamp(stamp(utc)) == utc
    assert len(stamp(utc)) == 27
    since = timedelta(microseconds=microseconds(utc))
    assert datetime(1970, 1, 1, tzinfo=UTC) + since == utc


@pytest.mark.parametrize(
    "text", ["", "2026-11-22T12:00:00Z", "2026-11-22 12:00:00.000000Z"]
)
def test_other_times(text: str) -> None:
    """Only our own form of a time is one."""
    with pytest.raises(ValueError, match="not a time"):
        unstamp(text)


def test_verifier_knows_the_kinds() -> None:
    """The verifier's own list of fields is that of the schemas."""
    assert verify.COMMON == COMMON
    assert {name: tuple(kind.fields) for name, kind in KINDS.items()} == verify.FIELDS
    assert all(kind.order == (*COMMON, *kind.fields) for kind in KINDS.values())


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_check_orders(kind: str) -> None:
    """Fields come out in the order of their schema, whatever order they came in."""
    fields = sample(kind)
    checked = check(kind, dict(sorted(fields.items(), reverse=True)))
    assert checked == fields
    assert list(checked) == list(KINDS[kind].fields)
    body: dict[str, str | int] = {"kind": kind, "time": "t", "entered": "e", **checked}
    assert list(arrange(loads(dumps(body)))) == list(KINDS[kind].order)


def test_enumerations_become_plain() -> None:
    """An enumeration's member goes in as its value."""

    class Event(StrEnum):
        """Prints as something else than its value."""

        OPENED = "opened"

        def __str__(self) -> str:
            """Print the name."""
            return self.name

    class Index(IntEnum):
        """A number with a name."""

        FIRST = 1

    fields = check(
        "access", sample("access", event=Event.OPENED, lock_index=Index.FIRST)
    )
    assert (fields["event"], type(fields["event"])) == ("opened", str)
    assert (fields["lock_index"], type(fields["lock_index"])) == (1, int)


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("opened", {}, "unknown kind"),
    ("outcome", {"lock": "secret", "intent": 1, "result": "done"}, "detail is missing"),
    ("stopped", {"lock": "secret"}, "1 fields too many"),
    ("stopped", {"time": "secret"}, "1 fields too many"),
    ("found", sample("found", intent="secret"), "found.intent must be int"),
    ("found", {**sample("found"), "state": 4711}, "found.state must be str"),
    ("found", {**sample("found"), "state": None}, "found.state must be str"),
    ("found", {**sample("found"), "state": b"secret"}, "found.state must be str"),
    ("found", sample("found", intent=True), "found.intent must be int"),
    ("found", {**sample("found"), "intent": 1.0}, "found.intent must be int"),
    ("found", sample("found", intent=2**53), "found.intent is out of range"),
    ("found", sample("found", intent=-(2**53)), "found.intent is out of range"),
    ("found", sample("found", state="secret" * 84), "found.state is longer than 500"),
    (
        "found",
        sample("found", state="secret\udc00"),
        "found.state is not valid Unicode",
    ),
]


@pytest.mark.parametrize(("kind", "fields", "why"), WRONG)
def test_bad_entries(kind: str, fields: dict[str, Any], why: str) -> None:
    """What does not fit is refused, by the name of the field and without its value."""
    with pytest.raises(BadEntry) as caught:
        check(kind, fields)
    assert why in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "4711" not in str(caught.value)


def test_bounds() -> None:
    """The longest text and the largest numbers are taken."""
    text = "é" * MAX_TEXT
    for number in (MAX_INT, -MAX_INT):
        assert (
            check("found", sample("found", intent=number, state=text))["state"] == text
        )


def test_naive_time() -> None:
    """A time without a zone says nothing."""
    with pytest.raises(BadEntry, match="time zone"):
        check_time(datetime(2026, 11, 22))
    time = datetime(2026, 11, 22, tzinfo=timezone(timedelta(hours=1)))
    assert check_time(time) == time
    assert check_time(time).tzinfo is UTC
    with pytest.raises(BadEntry, match="out of range"):
        check_time(datetime.min.replace(tzinfo=time.tzinfo))


@pytest.mark.parametrize(
    "fields", [{"kind": "other", "a": 1}, {"kind": "found", "a": 1}, {}]
)
def test_arrange_leaves_others_alone(fields: dict[str, str | int]) -> None:
    """What we did not write is shown as it is."""
    assert arrange(fields) == fields


def test_leaf_by_hand() -> None:
    """A leaf is what the format says, computed here step by step."""
    key = bytes(range(32))
    stream = hashlib.shake_256(key + (5).to_bytes(8, "big")).digest(32)
    first = hashlib.sha256(stream[:16] + b'["kind","found"]').digest()
    second = hashlib.sha256(stream[16:] + b'["intent",-1]').digest()
    data = b"sl1" + b"\0\0\0\0\0\0\0\x05" + first + second
    fields: dict[str, str | int] = {"kind": "found", "intent": -1}
    assert leaf_data(key, 5, fields) == data
    assert entry_leaf(key, 5, fields) == hashlib.sha256(b"\x00" + data).digest()
    assert salts(key, 5, 2) == [stream[:16], stream[16:]]


def test_leaf_of_the_documentation() -> None:
    """The example in the description of the format is right."""
    example = Path(__file__).parents[2].joinpath("docs", "log-format.md").read_text()
    lines = dict(re.findall(r"^(body|leaf hash|salt_2) +(.*)$", example, re.MULTILINE))
    fields = arrange(loads(lines["body"].encode()))
    key = bytes(range(32))
    assert dumps(fields).decode() == lines["body"]
    assert entry_leaf(key, 5, fields).hex() == lines["leaf hash"]
    assert salts(key, 5, 3)[2].hex() == lines["salt_2"]


@patient
@given(st.lists(VALUES, min_size=1, max_size=6), st.integers(0, 2**63), st.data())
def test_each_field_is_committed_to(
    values: list[str | int], seq: int, data: st.DataObject
) -> None:
    """A change of one field changes its commitment only, and so the leaf."""
    key = bytes(32)
    fields = {f"f{i}": value for i, value in enumerate(values)}
    changed = data.draw(st.sampled_from(sorted(fields)))
    other = {
        **fields,
        changed: data.draw(VALUES.filter(lambda v: v != fields[changed])),
    }
    before, after = leaf_data(key, seq, fields), leaf_data(key, seq, other)
    index = list(fields).index(changed)
    parts = [
        [body[11 + 32 * i : 43 + 32 * i] for i in range(len(fields))]
        for body in (before, after)
    ]
    assert [a != b for a, b in zip(*parts, strict=True)] == [
        i == index for i in range(len(fields))
    ]
    assert entry_leaf(key, seq, fields) != entry_leaf(key, seq, other)
    assert entry_leaf(key, seq, fields) != entry_leaf(key, seq + 1, fields)


def test_the_verifier_writes_json_as_we_do() -> None:
    """The standard library's writer agrees with ours on what is hashed."""
    for text in (chr(code) for code in [*range(300), 0x2028, 0xFFFF, 0x1F511]):
        assert verify._json(["a", text]).encode() == dumps(["a", text])
        assert json.loads(dumps(["a", text])) == ["a", text]
