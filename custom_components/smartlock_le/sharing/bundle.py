"""What goes to an agency, made once: the owner looks at just these bytes, and they go.

Everything in it can be checked without us; what it does not show is said where it is read.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import IO

import orjson
from sqlalchemy import case, func, select

from ..log import VERIFIER, Log, LogUnavailable, Redact, entries
from ..log.canonical import microseconds
from ..log.files import make_folder, written
from ..models import Asked, Picture, Wanted
from .bag import PAYLOAD, copied, declare
from .bundle_page import write_page
from .models import Counts, Field, ReleaseError, Scope
from .redaction import Found, Redactor

_PROOFS = "proofs.zip"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a reader is told beside what the log says."""

    release: str
    names: Mapping[str, str]
    """What the owner calls locks and cameras, by their id."""
    zone: tzinfo
    language: str
    version: str
    made: datetime
    words: Mapping[str, str]


async def make(
    log: Log,
    folder: Path,
    asked: Asked,
    scope: Scope,
    pictures: Collection[Picture],
    about: About,
) -> tuple[str, Counts]:
    """Make the bag in `folder`, which is not there yet.

    Returns the SHA-256 of its manifest, and how much is in it. Raises ReleaseError
    (`release_empty`, `release_no_space`), LogUnavailable: some of it may be there then.
    """
    # Of the others nobody is told even that they are there.
    pictures = [one for one in pictures if _wanted(one, scope)]
    window = await _window(log, scope)
    numbers = {one.seq for one in pictures} | set(await _request(log, asked))
    if window:
        numbers.update(await log.numbers(range(window.start - 1, window.stop + 1)))
    payload = folder / PAYLOAD
    try:
        await asyncio.to_thread(_begin, payload)
        with (
            written(payload / "events.jsonl") as lines,
            written(payload / "events.csv") as table,
        ):
            redactor = Redactor(scope, window, asked.request, pictures, lines, table)
            await export(log, payload / _PROOFS, numbers, redactor)
        return await asyncio.to_thread(
            _finish, folder, asked, scope, redactor.found, about, log.vkey
        )
    except OSError as err:
        raise ReleaseError("release_no_space") from err


async def export(
    log: Log, path: Path, numbers: Collection[int], withhold: Collection[str] | Redact
) -> None:
    """Write entries and their proofs. Raises ReleaseError where there is no room for it.

    Raises LogUnavailable.
    """
    try:
        await log.export_proofs(path, numbers, withhold)
    except LogUnavailable as err:
        if isinstance(err.__cause__, OSError):
            raise ReleaseError("release_no_space") from err
        raise


def _wanted(picture: Picture, scope: Scope) -> bool:
    clip = picture.path.endswith(".mp4")
    kind = Wanted.CLIPS if clip else Wanted.PICTURES
    return picture.camera in scope.devices and kind in scope.kinds


async def _window(log: Log, scope: Scope) -> range:
    """Return the numbers from the first to the last entry of the window, or none.

    What was erased has no time: it is of the window where its neighbours leave room.
    """
    if Wanted.ACCESS not in scope.kinds:
        return range(0)
    seq, time = entries.c.seq, entries.c.time
    since, until = microseconds(scope.since), microseconds(scope.until)
    query = select(
        func.min(case((between := (time >= since) & (time < until), seq))).label(
            "first"
        ),
        func.max(case((between, seq))).label("last"),
        func.max(case(((time > 0) & (time < since), seq))).label("before"),
        func.min(case((time >= until, seq))).label("after"),
    )
    row = (await log.read(query))[0]
    if row["first"] is None:
        return range(0)
    first, last = row["first"], row["last"]
    if row["before"] is not None:
        first = min(first, row["before"] + 1)
    if row["after"] is not None:
        last = max(last, row["after"] - 1)
    return range(first, last + 1)


async def _request(log: Log, asked: Asked) -> list[int]:
    """Return the number of the entry that the request came in with."""
    after: int | None = -1
    while after is not None:
        page = await log.entries(
            after=after, limit=1000, kinds=["request"], since=asked.received
        )
        for entry in page.entries:
            of = (entry.fields["request"], entry.fields["event"])
            if of == (asked.request, "received"):
                return [entry.seq]
        after = page.next_after
    return []


def _begin(payload: Path) -> None:
    make_folder(payload.parent.parent)
    make_folder(payload.parent)
    make_folder(payload)


def _finish(
    folder: Path,
    asked: Asked,
    scope: Scope,
    found: Found,
    about: About,
    vkey: str,
) -> tuple[str, Counts]:
    """Add what is read, and close the bag. Raises ReleaseError."""
    if not found.entries:
        raise ReleaseError("release_empty")
    payload, words = folder / PAYLOAD, about.words
    there = _media(payload, found)
    with written(payload / "report.html") as page:
        write_page(page, payload, asked, scope, found, there, about, vkey)
    texts = {
        "README.txt": words["readme"].format(vkey=vkey),
        "certificate.txt": words["certificate"].format(
            release=about.release,
            version=about.version,
            made=f"{about.made:%Y-%m-%d %H:%M:%S} UTC",
            log=vkey.partition("+")[0],
        ),
    }
    for name, text in texts.items():
        with written(payload / name) as file:
            file.write(f"{text.strip()}\n".encode())
    records = {
        "request.json": asked.record,
        "scope.json": {
            **scope.as_dict(),
            "withheld": sorted(one for one in Field if one not in scope.fields),
            "release": about.release,
            "made": about.made.isoformat(),
            "program": f"SmartLock LE {about.version}",
        },
    }
    for name, record in records.items():
        with written(payload / name) as file:
            _put_json(file, record)
    copied(VERIFIER, payload / "verify.py")
    info = {
        "Bagging-Date": f"{about.made:%Y-%m-%d}",
        "Bag-Software-Agent": f"SmartLock LE {about.version}",
        "External-Identifier": about.release,
    }
    manifest, size = declare(folder, info)
    return manifest, found.counts(len(there), size)


def _media(payload: Path, found: Found) -> set[str]:
    """Copy the pictures; return those that are what their entries say."""
    there = set()
    for row, picture in found.media:
        name = str(row["file"])
        make_folder((payload / name).parent)
        try:
            same = copied(Path(picture.path), payload / name) == row["sha256"]
        except FileNotFoundError:
            # Erased, or taken away by somebody: the report says so.
            continue
        if same:
            there.add(name)
        else:
            (payload / name).unlink()
    return there


def _put_json(file: IO[bytes], said: object) -> None:
    option = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
    file.write(orjson.dumps(said, option=option))
