"""Looks for secrets: in every file as bytes, in databases value by value as well."""

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
import json
from pathlib import Path
import re
import sqlite3
from typing import Any


@dataclass(frozen=True)
class Secret:
    """Something that must not be found, and the forms it may take."""

    name: str
    pattern: re.Pattern[bytes]


@dataclass(frozen=True, order=True)
class Hit:
    """A secret that was found, where, and what stands around it."""

    secret: str
    where: str
    around: str


def digits(name: str, code: str) -> Secret:
    """Return a secret of digits.

    Part of a longer number, of a fraction or of a hexadecimal id it is chance. It may be
    written with a blank after each digit.
    """
    spaced = " ".join(code)
    return Secret(
        name,
        re.compile(rf"(?<![0-9A-Za-z.])({code}|{spaced})(?![0-9A-Za-z])".encode()),
    )


def text(name: str, words: str) -> Secret:
    """Return a secret of words."""
    return Secret(name, re.compile(re.escape(words.encode()), re.IGNORECASE))


def key(name: str, data: bytes) -> Secret:
    """Return a secret of bytes: raw, in hexadecimal digits, or in base64.

    Base64 of something longer that holds the key begins at one of three offsets.
    """
    forms = [re.escape(data), re.escape(data.hex().encode())]
    for encode in (b64encode, urlsafe_b64encode):
        for offset in range(3):
            coded = encode(bytes(offset) + data)
            # The first and the last characters depend on what stands around it.
            forms.append(re.escape(coded[4 if offset else 0 : len(data) * 8 // 6 - 1]))
    return Secret(name, re.compile(b"|".join(forms), re.IGNORECASE))


def in_bytes(secrets: Iterable[Secret], data: bytes, where: str) -> Iterator[Hit]:
    for secret in secrets:
        for match in secret.pattern.finditer(data):
            start, stop = max(match.start() - 60, 0), match.end() + 60
            around = data[start:stop].decode(errors="replace")
            yield Hit(secret.name, where, around)


def in_data(secrets: Iterable[Secret], data: Any, where: str) -> Iterator[Hit]:
    """Look through something that came as JSON, part by part."""
    parts = data if isinstance(data, list) else [data]
    for part in parts:
        yield from in_bytes(
            secrets, json.dumps(part, ensure_ascii=False).encode(), where
        )


def values(path: Path) -> Iterator[tuple[str, Any]]:
    """Return each value of a database, what only its write-ahead log has included."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in tables.fetchall():
            rows = database.execute(f'SELECT * FROM "{table}"')  # noqa: S608
            columns = [column[0] for column in rows.description]
            for row in rows:
                for column, value in zip(columns, row, strict=True):
                    yield f"{table}.{column}", value


def in_file(secrets: Iterable[Secret], path: Path, where: str) -> Iterator[Hit]:
    """Look through one file."""
    data = path.read_bytes()
    yield from in_bytes(secrets, data, where)
    if data.startswith(b"SQLite format 3\0"):
        # On a page of bytes a value has no word boundary to its neighbour.
        for column, value in values(path):
            if isinstance(value, str | int | bytes):
                raw = value if isinstance(value, bytes) else str(value).encode()
                yield from in_bytes(secrets, raw, f"{where} {column}")


def in_folder(secrets: Iterable[Secret], folder: Path) -> Iterator[Hit]:
    """Look through all files of a folder; what is linked is not in it."""
    secrets = list(secrets)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(
            part.is_symlink() for part in (path, *path.parents) if part != folder
        ):
            yield from in_file(secrets, path, str(path.relative_to(folder)))
