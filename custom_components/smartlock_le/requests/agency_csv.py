"""Agencies as CSV (RFC 4180, UTF-8): lists that police and others publish come in this way."""

from collections.abc import Iterable, Mapping
import csv
from dataclasses import dataclass, field
import hashlib
import io
import re
from typing import Any

from .checks import facts
from .models import FIELDS, Agency, BadField, Facts, RequestError

MAX_BYTES = 8 * 1024 * 1024
MAX_ROWS = 20_000
_MORE = ("standing", "called", "number", "source")
"""What is exported and, being our word alone, not imported."""

_RECKONED = re.compile(r"^([=+@＝＋－＠-])")
"""Where a spreadsheet would reckon; with an apostrophe before it, it shows what is there."""
_ESCAPED = re.compile(r"^'([=+@＝＋－＠-])")


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was not taken. It says where, and nothing of what was in it."""

    line: int
    field: str
    key: str
    """Of `exceptions` in the translations."""


@dataclass(slots=True)
class Listed:
    """What a file says."""

    sha256: str
    columns: tuple[str, ...]
    """Of which it says something."""
    facts: list[Facts] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


def read(data: bytes) -> Listed:
    """Read a file, row by row. It blocks. Raises RequestError: nothing of it can be read."""
    if len(data) > MAX_BYTES:
        raise RequestError("csv_too_long")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RequestError("csv_not_utf8") from None
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    known: set[str] = set()
    try:
        columns = [name.strip().lower() for name in rows.fieldnames or ()]
        if (
            "name" not in columns
            or set(columns) - {*FIELDS, *_MORE}
            or len(set(columns)) < len(columns)
        ):
            raise RequestError("csv_columns")
        rows.fieldnames = columns
        told = tuple(name for name in FIELDS if name in columns)
        listed = Listed(hashlib.sha256(data).hexdigest(), told)
        for row in rows:
            if len(listed.facts) + len(listed.rejected) >= MAX_ROWS:
                raise RequestError("csv_too_long")
            _take(listed, known, rows.line_num, row)
    except csv.Error:
        raise RequestError("csv_broken") from None
    return listed


def _take(listed: Listed, known: set[str], line: int, row: Mapping[Any, Any]) -> None:
    try:
        said = _said(row, known)
    except BadField as err:
        listed.rejected.append(Rejected(line, err.field, err.key))
        return
    known.add(said.known_by)
    listed.facts.append(said)


def _said(row: Mapping[Any, Any], known: set[str]) -> Facts:
    if None in row or None in row.values():
        # More or fewer cells than columns.
        raise BadField("", "csv_cells")
    said = facts({name: _ESCAPED.sub(r"\1", cell) for name, cell in row.items()})
    if said.known_by in known:
        raise BadField("", "agency_known")
    return said


def write(agencies: Iterable[Agency]) -> str:
    """Return agencies as a file that can be read again."""
    file = io.StringIO(newline="")
    rows = csv.writer(file)
    rows.writerow((*FIELDS, *_MORE))
    for one in agencies:
        called = one.called.isoformat() if one.called else ""
        more = one.standing.value, called, one.number, one.source
        cells = (*(getattr(one.facts, name) for name in FIELDS), *more)
        rows.writerow([_RECKONED.sub(r"'\1", cell) for cell in cells])
    return file.getvalue()
