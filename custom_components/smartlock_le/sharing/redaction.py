"""What of each entry goes into a release, and what is withheld."""

from collections.abc import Collection, Mapping
import csv
from dataclasses import dataclass, field
from datetime import datetime, timedelta
import re
from typing import IO, Any

import orjson

from ..log import COMMON, Gone, Value
from ..models import ActorKind, Picture, Wanted
from .models import Counts, Field, Scope

MOST_SHOWN = 2000
"""Rows of the report; all of them are in the tables beside it."""
BARS = 96
"""Parts of the window that the report counts in."""
COLUMNS = (
    *("number", "time", "entered", "device", "event", "method", "person"),
    *("source", "lock_index", "lock_time", "file", "sha256"),
)
_ACCESS = ("lock", "event")
_MEDIA = ("camera", "what", "result", "sha256", "bytes", "width", "height", "masks")
"""Not what its file is called here."""
_OF_FIELD: Mapping[Field, tuple[str, ...]] = {
    Field.METHOD: ("method",),
    Field.RECORD: ("source", "lock_index", "lock_time"),
}
_APART = re.compile(r"[;|\t\r\n]")
_FORMULA = re.compile(r"['\"]?[=+\-@＝＋－＠]")
_BEFORE = timedelta(seconds=10)
"""A clip may begin so long before it was asked for."""
_NOBODY = (ActorKind.HOME, ActorKind.LOCK, ActorKind.UNKNOWN, "")
_KIND = {"still": Wanted.PICTURES, "clip": Wanted.CLIPS}

type Fields = Mapping[str, Value]
type Row = dict[str, Value]


@dataclass(slots=True)
class Found:
    """What went through, as the report needs it."""

    entries: int = 0
    hidden: int = 0
    broken: list[int] = field(default_factory=list)
    erased: int = 0
    people: dict[tuple[Value, Value], str] = field(default_factory=dict)
    devices: set[Value] = field(default_factory=set)
    rows: list[Row] = field(default_factory=list)
    bars: list[int] = field(default_factory=lambda: [0] * BARS)
    media: list[tuple[Row, Picture]] = field(default_factory=list)
    around: dict[str, str] = field(default_factory=dict)
    """When the neighbours were: `before`, `after`."""

    def counts(self, media: int, size: int) -> Counts:
        """Return how much of everything it is, with so many media and bytes."""
        return Counts(
            entries=self.entries,
            hidden=self.hidden,
            broken=len(self.broken),
            erased=self.erased,
            people=len(self.people),
            devices=len(self.devices),
            media=media,
            missing=len(self.media) - media,
            bytes=size,
        )


class Redactor:
    """Decides about one entry after the other, in their order, and writes the tables."""

    def __init__(
        self,
        scope: Scope,
        numbers: range,
        request: str,
        pictures: Collection[Picture],
        lines: IO[bytes],
        table: IO[bytes],
    ) -> None:
        """Take the entries of the window, and which pictures are of it.

        `lines` is written as JSON lines, `table` as CSV.
        """
        self.found = Found()
        self._scope = scope
        self._numbers = numbers
        self._request = request
        self._pictures = {one.seq: one for one in pictures}
        self._lines = lines
        self._shown = {*COMMON, *_ACCESS}
        for field_ in scope.fields:
            self._shown.update(_OF_FIELD.get(field_, ()))
        self._cells = csv.writer(_Encoded(table))
        self._cells.writerow(COLUMNS)

    def __call__(self, seq: int, fields: Fields | Gone) -> Collection[str] | None:
        """Return which fields of an entry are withheld; None: all of them."""
        found = self.found
        if fields is Gone.DAMAGED:
            found.broken.append(seq)
        elif fields is Gone.ERASED:
            found.erased += 1
        elif (shown := self._open(seq, fields)) is not None:
            return set(fields) - shown
        else:
            found.hidden += 1
        return None

    def _open(self, seq: int, fields: Fields | Gone) -> set[str] | None:
        """Return which fields are shown, if any."""
        if isinstance(fields, Gone):
            return None
        kind = fields["kind"]
        said = (kind, fields.get("request"), fields.get("event"))
        if said == ("request", self._request, "received"):
            # Its digest shows that what is given back is what came in.
            return {*COMMON, "request", "event", "instrument", "via", "digest"}
        if seq in self._pictures and kind == "media":
            return self._media(seq, fields)
        if seq not in self._numbers:
            # A neighbour: when it was shows that nothing is between.
            side = "before" if seq < self._numbers.start else "after"
            self.found.around[side] = str(fields["time"])
            return {"time"}
        if kind == "access" and self._asked(fields):
            return self._access(seq, fields)
        return None

    def _asked(self, fields: Fields) -> bool:
        scope = self._scope
        if Wanted.ACCESS not in scope.kinds or fields.get("lock") not in scope.devices:
            return False
        # Entered late, it may be of another time than those beside it.
        return scope.since <= _time(fields) < scope.until

    def _access(self, seq: int, fields: Fields) -> set[str]:
        shown, person = set(self._shown), self._person(fields)
        if person and self._named(fields):
            shown |= {"actor_kind", "actor_name"}
        self._row(
            {
                "number": seq,
                **{name: fields[name] for name in self._shown if name in fields},
                "device": fields["lock"],
                "person": person,
            }
        )
        return shown

    def _person(self, fields: Fields) -> str:
        """Return what who did it is called here."""
        wanted = self._scope.fields
        if not wanted & {Field.PEOPLE, Field.NAMES}:
            return ""
        kind, who = fields.get("actor_kind", ""), fields.get("actor", "")
        if kind in _NOBODY or "actor" not in fields:
            return ""
        people = self.found.people
        label = people.setdefault((kind, who), f"Person {len(people) + 1}")
        return str(fields["actor_name"]) if self._named(fields) else label

    def _named(self, fields: Fields) -> bool:
        wanted = self._scope.fields
        owner = fields.get("actor_kind") == ActorKind.OWNER
        return bool(
            Field.NAMES in wanted
            and fields.get("actor_name")
            and (not owner or Field.OWNER in wanted)
        )

    def _media(self, seq: int, fields: Fields) -> set[str] | None:
        kind = _KIND.get(str(fields["what"]))
        if (
            kind not in self._scope.kinds
            or fields["camera"] not in self._scope.devices
            or fields["result"] != "taken"
        ):
            return None
        picture = self._pictures[seq]
        if kind is Wanted.CLIPS and not (
            # Entered once it was whole: none of it is of another time.
            self._scope.since <= picture.time - _BEFORE
            and _time(fields) <= self._scope.until
        ):
            return None
        row: Row = {
            "number": seq,
            "time": f"{picture.time:%Y-%m-%dT%H:%M:%S.%fZ}",
            "entered": fields["entered"],
            "device": fields["camera"],
            "event": fields["what"],
            "file": f"media/{seq}{'.mp4' if kind is Wanted.CLIPS else '.jpg'}",
            "sha256": fields["sha256"],
        }
        self.found.media.append((row, picture))
        self._row(row)
        return {*COMMON, *_MEDIA}

    def _row(self, row: Row) -> None:
        found = self.found
        found.entries += 1
        found.devices.add(row["device"])
        if len(found.rows) < MOST_SHOWN:
            found.rows.append(row)
        whole = self._scope.until - self._scope.since
        at = (_time(row) - self._scope.since) / whole
        found.bars[min(max(int(at * BARS), 0), BARS - 1)] += 1
        said = {name: row[name] for name in COLUMNS if row.get(name, "") != ""}
        self._lines.write(orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE))
        self._cells.writerow([cell(said.get(name, "")) for name in COLUMNS])


class _Encoded:
    """Takes text for a file of bytes."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        """Take some."""
        return self._file.write(text.encode())


def _time(fields: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(fields["time"])


def cell(value: Value) -> Value:
    """Return a value that no spreadsheet takes for a formula, nor for two cells."""
    if not isinstance(value, str):
        return value
    plain = " ".join(_APART.sub(" ", value).split())
    return f"'{plain}" if _FORMULA.match(plain) else plain
