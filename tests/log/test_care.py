"""Retention, holds, and what one person may ask: what is erased is gone, and provably so."""

from base64 import b64decode, b64encode
from datetime import timedelta
import hashlib
from pathlib import Path
import shutil
from typing import Any
import zipfile

import orjson
import pytest
from sqlalchemy import select

from custom_components.smartlock_le.log import Log, LogRefused, care, entries, verify
from custom_components.smartlock_le.log.store import Store

from .support import START, Clock, edit, open_log, sample

OWNER = {"actor_kind": "owner", "actor": "1a2b3c4d", "actor_name": "Owner"}
ANNA = {"actor_kind": "code", "actor": "7", "actor_name": "Anna Example"}
DAY = timedelta(days=1)


class Days:
    """A clock that is moved by hand, and moves on by a second each time."""

    def __init__(self) -> None:
        """Start."""
        self.clock = Clock()

    def __call__(self) -> Any:
        """Return the next second."""
        return self.clock()

    def go(self, days: int) -> None:
        """Let it be noon, so many days after the start."""
        self.clock.now = START + days * DAY


@pytest.fixture
def days() -> Days:
    """Return the clock of the log."""
    return Days()


async def used(log: Log, days: Days, last: int, **fields: Any) -> None:
    """Enter two things on each day up to day `last`."""
    for day in range(last + 1):
        days.go(day)
        await log.append("found", sample("found", intent=day))
        await log.append("access", sample("access", lock=f"lock {day % 2}", **fields))


def keys(folder: Path) -> set[str]:
    """Return the epochs that have a key."""
    return {path.stem.removeprefix("epoch-") for path in folder.glob("keys/epoch-*")}


async def bodies(log: Log) -> dict[int, bytes | None]:
    """Return all bodies."""
    return {row["seq"]: row["body"] for row in await log.read(select(entries))}


async def test_retention(
    tmp_path: Path, days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bodies and keys of old days go; hashes, proofs and the log's word for it stay."""
    monkeypatch.setattr(care, "_LONG", timedelta(days=99))
    log = await open_log(tmp_path, clock=days)
    await used(log, days, 5)
    await log.export_proofs(tmp_path / "old.zip", [1, 2])
    assert keys(tmp_path) == {"1", "2", "3", "4", "5", "6"}
    plan = await log.care.retain(3)
    assert (plan.fields["entries"], plan.kept, plan.epochs) == (5, 0, [1, 2])
    assert keys(tmp_path) == {"3", "4", "5", "6"}
    assert [seq for seq, body in (await bodies(log)).items() if body is None] == [
        *range(5)
    ]
    # Nothing of it is left in the row either.
    (row,) = await log.read(select(entries).where(entries.c.seq == 1))
    assert (row["kind"], row["time"], row["lock"]) == ("", 0, None)
    report = await log.verify()
    assert (report.ok, report.bad, report.erased) == (True, [], 5)
    assert "5 entries" in report.notes[-1]
    assert verify.verify_proofs(str(tmp_path / "old.zip"), log.vkey).ok
    await log.export(tmp_path / "copy")
    copy = verify.verify_export(str(tmp_path / "copy"), log.vkey)
    assert (copy.ok, copy.erased) == (True, 5)
    page = await log.entries(limit=3)
    assert [entry.seq for entry in page.entries] == [5, 6, 7]
    assert (await log.care.retain(3)).fields["entries"] == 0
    assert (await log.entries(newest_first=True, limit=1)).entries[0].kind == "erased"
    # What says that something is gone outlives its own day.
    days.go(50)
    await log.care.retain(3)
    report = await log.verify()
    assert (report.ok, report.bad) == (True, [])
    assert [e.kind for e in (await log.entries()).entries] == ["erased", "erased"]
    await log.close()


async def test_erased_without_a_word(tmp_path: Path, days: Days) -> None:
    """A body that goes by another hand is missed."""
    log = await open_log(tmp_path, clock=days)
    await used(log, days, 5)
    await log.care.retain(3)
    edit(tmp_path, "UPDATE entries SET body = NULL WHERE seq IN (7, 8)")
    report = await log.verify()
    assert report.bad == [
        (7, "entries 7 to 8: their bodies are gone and no entry says why")
    ]
    await log.close()


async def test_hold(tmp_path: Path, days: Days) -> None:
    """What is held outlives its day, without the key of that day, until it is lifted."""
    log = await open_log(tmp_path, clock=days)
    await used(log, days, 5)
    hold = await log.care.hold(START, START + DAY, "case 12", OWNER, lock="lock 0")
    assert await log.care.holds() == [hold]
    plan = await log.care.retain(3)
    assert (plan.kept, plan.epochs) == (1, [1, 2])
    left = await log.entries(limit=1)
    assert (left.entries[0].seq, left.entries[0].fields["lock"]) == (2, "lock 0")
    assert (await log.verify()).ok
    await log.close()
    log = await open_log(tmp_path, clock=days)
    assert await log.care.holds() == [hold]
    await log.care.lift(hold.id, "closed", OWNER)
    assert await log.care.holds() == []
    assert (await log.care.retain(3)).gone == [2]
    assert (await log.verify()).ok
    with pytest.raises(LogRefused, match="hold_not_found"):
        await log.care.lift(hold.id, "closed", OWNER)
    with pytest.raises(LogRefused, match="window_empty"):
        await log.care.hold(START, START, "nothing", OWNER)
    await log.close()


async def test_needed(tmp_path: Path, days: Days) -> None:
    """An entry that an open object needs stays."""
    log = await open_log(tmp_path, clock=days)
    await used(log, days, 5)
    log.care.need(select(entries.c.seq).where(entries.c.seq == 3))
    assert (await log.care.retain(3)).gone == [0, 1, 2, 4]
    assert (await log.verify()).ok
    await log.close()


async def test_killed_before_the_disk_forgot(
    tmp_path: Path, days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was erased was still in the pages of the file: not after the next start."""
    log = await open_log(tmp_path / "a", clock=days)
    await used(log, days, 3, **ANNA)
    await log.close()
    log = await open_log(tmp_path / "a", clock=days)
    with monkeypatch.context() as patch:
        patch.setattr(Store, "forget", lambda _: None)
        await log.care.erase_person("Anna Example", OWNER)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    await log.close()
    assert b"Anna Example" in (tmp_path / "b" / "log.db").read_bytes()
    log = await open_log(tmp_path / "b", clock=days)
    for path in (tmp_path / "b").glob("log.db*"):
        assert b"Anna Example" not in path.read_bytes()
    await log.close()


async def test_person(tmp_path: Path, days: Days) -> None:
    """Who it was goes from every entry of a person; what happened stays and verifies."""
    log = await open_log(tmp_path, clock=days)
    await used(log, days, 3, **ANNA)
    await log.append("access", sample("access", **OWNER))
    wanted = "Anna Example"
    numbers = await log.care.of_person(wanted)
    assert len(numbers) == 4
    await log.export_proofs(tmp_path / "anna.zip", numbers)
    plan = await log.care.erase_person(wanted, OWNER)
    assert (plan.gone, plan.kept) == (numbers, 0)
    # The keys of those days would open what was withheld, by guessing.
    assert keys(tmp_path) == {"5"}
    assert await log.care.of_person(wanted) == []
    entry = (await log.entries(after=numbers[0] - 1, limit=1)).entries[0]
    assert entry.fields["event"]
    assert not {"actor", "actor_name"} & entry.fields.keys()
    report = await log.verify()
    assert (report.ok, report.bad) == (True, [])
    await log.append("access", sample("access", **ANNA))
    assert (await log.verify()).ok
    await log.export(tmp_path / "copy")
    assert verify.verify_export(str(tmp_path / "copy"), log.vkey).ok
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.suffix != ".zip":
            found = path.read_bytes().count(b"Anna Example")
            assert found == (path.name in ("log.db-wal", "copy")), path
    edit(tmp_path, "DELETE FROM erasures WHERE seq = ?", numbers[0])
    report = await log.verify()
    assert not report.ok
    assert "the list of what it erased was changed" in report.bad[0][1]
    await log.close()
    assert verify.verify_proofs(str(tmp_path / "anna.zip"), log.vkey).ok


async def test_person_twice_and_held(tmp_path: Path, days: Days) -> None:
    """One person after another, and one whose entries are held."""
    log = await open_log(tmp_path, clock=days)
    await used(log, days, 2, **ANNA)
    days.go(3)
    await log.append("access", sample("access", **OWNER))
    await log.care.hold(START, START + DAY, "case", OWNER)
    plan = await log.care.erase_person("Anna Example", OWNER)
    assert (len(plan.gone), plan.kept) == (2, 1)
    plan = await log.care.erase_person("Owner", OWNER)
    assert plan.gone
    assert (await log.verify()).ok
    await log.care.retain(1)
    report = await log.verify()
    assert (report.ok, report.bad) == (True, [])
    await log.close()


async def test_clock_that_leapt(tmp_path: Path, days: Days) -> None:
    """A clock that is years ahead erases nothing."""
    log = await open_log(tmp_path, clock=days)
    await used(log, days, 2)
    await log.close()
    days.go(4000)
    log = await open_log(tmp_path, clock=days)
    assert (await log.care.retain(90)).gone == []
    assert keys(tmp_path) == {"1", "2", "3", "4"}
    await log.close()


async def test_proofs_withhold(tmp_path: Path, days: Days) -> None:
    """Proofs may leave out a field of each entry, and hold all the same."""
    log = await open_log(tmp_path, clock=days)
    await used(log, days, 2, **ANNA)
    await log.export_proofs(tmp_path / "p.zip", range(2, 5), withhold=["actor_name"])
    report = verify.verify_proofs(str(tmp_path / "p.zip"), log.vkey)
    assert (report.ok, report.size) == (True, 3)
    assert report.notes[-1].startswith("Entries 2 to 4.")
    with zipfile.ZipFile(tmp_path / "p.zip") as zipped:
        assert b"Anna" not in zipped.read("entries.jsonl")
    with pytest.raises(LogRefused, match="entry_not_found"):
        await log.export_proofs(tmp_path / "q.zip", [99])
    await log.close()


async def test_person_and_more(tmp_path: Path, days: Days) -> None:
    """Where it was erased who it was, nothing else can go without a word."""
    log = await open_log(tmp_path / "log", clock=days)
    await used(log, days, 1, **ANNA)
    plan = await log.care.erase_person("Anna Example", OWNER)
    await log.export(tmp_path / "copy")
    lines = (tmp_path / "copy").read_bytes().splitlines(keepends=True)
    (number,) = [
        i for i, line in enumerate(lines) if b'"seq":%d,' % plan.gone[0] in line
    ]
    entry = orjson.loads(lines[number])
    name, value, salt = entry["fields"][4]
    assert name == "event"
    digest = hashlib.sha256(b64decode(salt) + orjson.dumps([name, value])).digest()
    entry["fields"][4] = b64encode(digest).decode()
    lines[number] = orjson.dumps(entry) + b"\n"
    (tmp_path / "copy").write_bytes(b"".join(lines))
    report = verify.verify_export(str(tmp_path / "copy"), log.vkey)
    assert report.bad == [
        (plan.gone[0], f"entry {plan.gone[0]}: fields are gone and no entry says why")
    ]
    await log.close()
