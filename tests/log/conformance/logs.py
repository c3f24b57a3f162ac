"""Real logs, and what an outsider gets of them."""

from base64 import b64decode, b64encode
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
import hashlib
import json
from pathlib import Path
import random
import shutil
from typing import Any
import zipfile

from custom_components.smartlock_le.log import Log
from custom_components.smartlock_le.log.canonical import dumps

from ..support import START, Clock, edit, open_log, sample
from .judges import Item

SIZES = (1, 2, 3, 255, 256, 257, 600)
"""Sizes of a log at which it is judged: around tiles, and with more than one of them."""
MORE_SIZES = (4, 5, 7, 8, 9, 100, 128, 300, 511, 512, 513)
"""Sizes at which there is a checkpoint to grow from, too."""

ANNA = {"actor_kind": "code", "actor": "7", "actor_name": "Anna Example"}
OWNER = {"actor_kind": "owner", "actor": "1a2b3c4d", "actor_name": "Owner"}
DAY = timedelta(days=1)


@dataclass
class Given:
    """What was given away of one log."""

    vkey: str
    checkpoints: dict[int, str] = field(default_factory=dict)
    inclusions: list[Item] = field(default_factory=list)
    growths: list[Item] = field(default_factory=list)

    @property
    def items(self) -> list[Item]:
        """All that there is to judge."""
        notes = [Item(self.vkey, note.encode()) for note in self.checkpoints.values()]
        return notes + self.inclusions + self.growths


def encoded(data: bytes) -> str:
    """Return base64."""
    return b64encode(data).decode()


def commitment(item: Any) -> bytes:
    """Return the commitment to a field of an exported entry."""
    if isinstance(item, str):
        return b64decode(item)
    name, value, salt = item
    return hashlib.sha256(b64decode(salt) + dumps([name, value])).digest()


def leaf_of(line: Any) -> dict[str, bytes]:
    """Return the leaf of an exported entry: its data, or its hash where that is all."""
    if "leaf" in line:
        return {"leaf_hash": b64decode(line["leaf"])}
    number = line["seq"].to_bytes(8, "big")
    return {"leaf": b"sl1" + number + b"".join(map(commitment, line["fields"]))}


async def give(log: Log, given: Given, numbers: Collection[int], path: Path) -> None:
    """Add the checkpoint of now, proofs of some entries, and of growth from each before."""
    await log.export_proofs(path, sorted(numbers))
    with zipfile.ZipFile(path) as zipped:
        for text in zipped.read("entries.jsonl").splitlines():
            line = json.loads(text)
            proof = zipped.read(f"proofs/{line['seq']}.tlog-proof")
            given.inclusions.append(Item(given.vkey, proof=proof, **leaf_of(line)))
    for old in given.checkpoints.values():
        note, proof = await log.prove_growth(old)
        given.growths.append(
            Item(given.vkey, note.encode(), old=old.encode(), growth=tuple(proof))
        )
    given.checkpoints[log.size] = log.checkpoint


async def grow(log: Log, path: Path) -> Given:
    """Let a log grow through all sizes; return what was given away of it."""
    given, chance = Given(log.vkey), random.Random(1)
    for size in sorted(SIZES + MORE_SIZES):
        if size < log.size:
            continue
        # Together they become commits of many entries, as in a busy minute.
        while log.size < size:
            count = min(50, size - log.size)
            for number in range(count - 1):
                await log.append_or_keep("found", sample("found", intent=number))
            await log.append("access", sample("access", **ANNA))
        assert log.size == size
        first = log.end - size
        wanted = set[int]()
        if size in SIZES:
            wanted = {0, 1, 2, 3, 254, 255, 256, 511, 512, size - 2, size - 1}
            wanted |= set(chance.sample(range(size), min(size, 10)))
        await give(log, given, {first + n for n in wanted if 0 <= n < size}, path)
    return given


async def grown(folder: Path) -> Given:
    """Return what was given away of a log that grew."""
    log = await open_log(folder / "log")
    given = await grow(log, folder / "proofs.zip")
    await log.close()
    return given


async def regrown(folder: Path) -> Given:
    """Return what was given away of a log that began anew after another."""
    log = await open_log(folder / "log")
    await log.append("found", sample("found"))
    await log.close()
    await put_back(folder / "log")
    log = await open_log(folder / "log")
    assert log.end > log.size
    given = await grow(log, folder / "proofs.zip")
    await log.close()
    return given


async def forgetful(folder: Path) -> Given:
    """Return what was given away of a log while bodies went from it."""
    clock = Clock()
    log = await open_log(folder / "log", clock=clock)
    given = Given(log.vkey)
    for day in range(1, 9):
        clock.now = START + day * DAY
        for _ in range(20):
            await log.append("access", sample("access", **(ANNA if day % 2 else OWNER)))
        if day == 5:
            await log.care.erase_person(ANNA["actor_name"], OWNER)
        if day > 5:
            await log.care.retain(4)
        numbers = range(0, log.size, 7)
        await give(log, given, numbers, folder / "proofs.zip")
    assert any(item.leaf_hash for item in given.inclusions)
    await log.close()
    return given


async def put_back(folder: Path) -> None:
    """Put the database of a closed log back to what it was, some entries ago."""
    old = (folder / "log.db").read_bytes()
    log = await open_log(folder)
    await log.append("found", sample("found"))
    await log.close()
    (folder / "log.db").write_bytes(old)


@dataclass(frozen=True, repr=False)
class Copies:
    """What verifiers read: copies and zip files by what they are of, and whose key it is."""

    files: dict[str, Path]
    vkeys: dict[str, str]

    def key(self, name: str) -> str | None:
        """Return the key that vouches for all of a file, if one does."""
        # Put back twice, the newest log names one that is gone, not the one that is here.
        return None if "twice" in name or "and erased" in name else self.vkeys[name]


async def copies(folder: Path) -> Copies:
    """Make copies and zip files of logs that had different lives."""
    made = Copies({}, {})

    async def save(name: str, log: Log, *withhold: str) -> None:
        """Save a copy, and proofs of all entries, with fields of them withheld."""
        for suffix in ("jsonl", "zip"):
            path = folder / f"{name}.{suffix}"
            made.files[path.name], made.vkeys[path.name] = path, log.vkey
        await log.export(folder / f"{name}.jsonl")
        seqs = [
            json.loads(line)["seq"]
            for line in (folder / f"{name}.jsonl").read_bytes().splitlines()[1:]
        ]
        await log.export_proofs(folder / f"{name}.zip", seqs, withhold)

    clock = Clock()
    log = await open_log(folder / "log", clock=clock)
    await save("new", log)
    for kind in ("found", "setting", "command", "grant", "lock_added"):
        await log.append(kind, sample(kind, **ANNA))
    # Texts that a reader or a writer could take for the end of something.
    for text in ("\u2028 \x7f \x1f \\ \"'/ 😀", "],[", '],["', "\n\r\t"):
        await log.append("setting", sample("setting", setting=text, value=text))
    await save("plain", log)
    await save("withheld", log, "actor", "actor_name", "lock", "kind")
    for day in range(1, 7):
        clock.now = START + day * DAY
        await log.append("found", sample("found", intent=day, lock="back"))
        await log.append("access", sample("access", **(ANNA if day < 5 else OWNER)))
    hold = await log.care.hold(START, START + 2 * DAY, "case", OWNER, lock="back")
    await log.care.retain(4)
    await save("retention", log)
    await log.care.erase_person(ANNA["actor_name"], OWNER)
    await save("person", log)
    await log.care.lift(hold.id, "closed", OWNER)
    await log.care.retain(3)
    await save("both", log)
    await log.close()

    # The same three times put back: some entries ago, before the new log, and all gone.
    shutil.copytree(folder / "log", folder / "again")
    before = (folder / "log" / "log.db").read_bytes()
    await put_back(folder / "log")
    log = await open_log(folder / "log", clock=clock)
    await log.append("found", sample("found"))
    await save("restored", log)
    await log.close()
    (folder / "log" / "log.db").write_bytes(before)
    log = await open_log(folder / "log", clock=clock)
    await log.append("found", sample("found"))
    await save("restored twice", log)
    clock.now += 9 * DAY
    await log.append("found", sample("found"))
    await log.care.retain(3)
    await save("restored and erased", log)
    await log.close()
    (folder / "log" / "log.db").unlink()
    log = await open_log(folder / "log", clock=clock)
    await log.append("found", sample("found"))
    await save("lost", log)
    await log.close()
    return made


async def unsaid(folder: Path) -> tuple[Path, str]:
    """Return a copy of a log that lost a body by another hand, and its key."""
    log = await open_log(folder / "log")
    for _ in range(5):
        await log.append("found", sample("found"))
    edit(folder / "log", "UPDATE entries SET body = NULL WHERE seq = 3")
    await log.export(folder / "copy.jsonl")
    await log.close()
    return folder / "copy.jsonl", log.vkey
