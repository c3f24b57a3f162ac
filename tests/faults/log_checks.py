"""What must be true of a log after its process was killed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import select

from tests.log.bare import Log  # first: it keeps Home Assistant out

# isort: split
from custom_components.smartlock_le.log import entries, verify
from custom_components.smartlock_le.log.body import fields_of
from custom_components.smartlock_le.log.signature import check_signature
from custom_components.smartlock_le.log.tables import epochs, erasures, holds

from .log_works import ADA, BOB, SOURCE, Worker, tally

type Finding = tuple[str, str]

LOST, UNVERIFIED, WRONG = "lost_entries", "failed_verifications", "wrong_outcomes"


class Told:
    """All that the killed processes had said is durable."""

    def __init__(self, lines: list[dict[str, Any]]) -> None:
        """Sort it."""
        self.numbers = {line["seq"]: line["number"] for line in lines if "seq" in line}
        self.notes = {
            line["origin"]: line["note"] for line in lines if line.get("note")
        }
        self.held = {line["held"] for line in lines if "held" in line}
        self.lifted = {line["lifted"] for line in lines if "lifted" in line}
        self.gone = {seq for line in lines for seq in line.get("gone", ())}
        self.epochs = {epoch for line in lines for epoch in line.get("epochs", ())}
        self.forgotten = any("forgotten" in line for line in lines)


def traces(folder: Path, word: str) -> list[str]:
    """Return the files that still hold a word."""
    needle = word.encode()
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and needle in path.read_bytes()
    ]


def keys(folder: Path) -> set[int]:
    """Return the epochs that have a key."""
    return {int(p.stem[6:]) for p in (folder / "keys").glob("epoch-*.key")}


def at_rest(folder: Path, told: Told) -> Iterator[Finding]:
    """Check the files as the kill left them."""
    if (folder / "log.db").exists() and (folder / "log.db").stat().st_size:
        report = verify.verify_store(
            str(folder / "log.db"), str(folder / "keys"), signed=check_signature
        )
        if not report.ok:
            yield UNVERIFIED, f"at rest: {report.bad[:3]}"
    if told.forgotten and (found := traces(folder, ADA)):
        yield WRONG, f"an erased person is still in {found}"
    if left := told.epochs & keys(folder):
        yield WRONG, f"keys of erased days are left: {left}"


async def reopened(folder: Path, told: Told) -> list[Finding]:
    """Open the log as the next start does, and check all of it."""
    worker = Worker(folder)
    worker.clock.turn(3)
    log = await worker.open()
    try:
        found = [finding async for finding in _judge(log, folder, told)]
        await worker.enter(log, name=BOB)
        if not (report := await log.verify()).ok:
            found.append((UNVERIFIED, f"after the next entry: {report.bad[:3]}"))
    finally:
        await log.close()
    return found


async def _judge(log: Log, folder: Path, told: Told) -> Any:
    """Check an open log."""
    if not (report := await log.verify()).ok:
        yield UNVERIFIED, f"opened: {report.bad[:3]}"
    rows = {row["seq"]: row for row in await log.read(select(entries))}
    fields = {
        seq: fields_of(seq, row["body"]) if row["body"] else {}
        for seq, row in rows.items()
    }
    erased = [f for f in fields.values() if f.get("kind") == "erased"]
    bare = {seq for seq, row in rows.items() if row["body"] is None}
    for seq, number in told.numbers.items():
        if seq not in rows:
            yield LOST, f"entry {seq} was acknowledged and is not there"
        elif seq not in bare and fields[seq]["lock_index"] != number:
            yield LOST, f"entry {seq} is another than was acknowledged"
    if note := told.notes.get(log.origin):
        await log.prove_growth(note)
    # State and log.
    access = {seq for seq, f in fields.items() if f.get("source") == SOURCE}
    counted = {row["seq"] for row in await log.read(select(tally))}
    if not access <= counted <= access | bare or counted - rows.keys():
        yield WRONG, f"state and log differ: {sorted(access ^ counted - bare)[:9]}"
    placed = {f["hold"] for f in fields.values() if f.get("event") == "placed"}
    lifted = {f["hold"] for f in fields.values() if f.get("event") == "lifted"}
    if placed - lifted != {row["id"] for row in await log.read(select(holds))}:
        yield WRONG, "holds and log differ"
    if not (told.held <= placed and told.lifted <= lifted):
        yield LOST, "an acknowledged hold"
    # Erased means erased, and nothing else is.
    said = sum(f["entries"] for f in erased if f["reason"] == "retention")
    if said != len(bare) or not told.gone <= bare:
        yield WRONG, f"{len(bare)} bodies are gone, the log says {said}"
    dead = {r["epoch"] for r in await log.read(select(epochs)) if r["erased"]}
    if dead & keys(folder):
        yield WRONG, f"keys of erased days came through: {dead & keys(folder)}"
    blank = {row["seq"] for row in await log.read(select(erasures))}
    if any(fields[seq].get("actor_name") for seq in blank - bare):
        yield WRONG, "an erased name is in an entry"
    if any(f["reason"] == "person" for f in erased) and (left := traces(folder, ADA)):
        yield WRONG, f"an erased person is still in {left} after the next start"
    if left := [path.name for path in folder.glob("*snapshot*")]:
        yield WRONG, f"a copy was left behind: {left}"
