"""Entries with their proofs: whose they are, and from which tree."""

from collections.abc import Callable
from contextlib import suppress
import json
from pathlib import Path
import shutil
from typing import Any
import zipfile

from hypothesis import given, strategies as st
import pytest

from custom_components.smartlock_le.log import Log, LogRefused, LogUnavailable, verify
from custom_components.smartlock_le.log.body import (
    disclosed,
    fields_of,
    opened,
    withheld,
)

from .support import edit, open_log, patient, sample

type Files = dict[str, bytes]


async def grow(folder: Path, count: int = 2) -> Log:
    """Return an open log with so many entries more."""
    log = await open_log(folder)
    for number in range(count):
        await log.append("found", sample("found", intent=number))
    return log


async def put_back(folder: Path) -> tuple[Log, str]:
    """Return an open log that was put back two entries ago, and the key before it."""
    log = await grow(folder)
    vkey = log.vkey
    await log.close()
    edit(folder, "DELETE FROM checkpoints WHERE upto > 2")
    edit(folder, "DELETE FROM entries WHERE seq > 1")
    return await grow(folder), vkey


def rezipped(path: Path, target: Path, change: Callable[[Files], Any]) -> Path:
    """Make a zip file of proofs with other contents."""
    with zipfile.ZipFile(path) as zipped:
        files = {name: zipped.read(name) for name in zipped.namelist()}
    change(files)
    with zipfile.ZipFile(target, "w") as zipped:
        for name, data in files.items():
            zipped.writestr(name, data)
    return target


async def test_numbers(tmp_path: Path) -> None:
    """Each entry once, in order; what is in no log is refused, and nothing is damaged."""
    log, _ = await put_back(tmp_path / "log")
    path = tmp_path / "zip"
    assert (await log.export_proofs(path, [5, 4, 5])).entries == 2
    with zipfile.ZipFile(path) as zipped:
        lines = zipped.read("entries.jsonl").splitlines()
        assert len(zipped.namelist()) == len(set(zipped.namelist())) == 5
    assert [json.loads(line)["seq"] for line in lines] == [4, 5]
    # 2 and 3 were taken away.
    with pytest.raises(LogRefused, match="entry_not_found"):
        await log.export_proofs(path, [1, 2])
    assert log.problem is None
    assert (await log.export_proofs(path, [])).entries == 0
    assert verify.verify_proofs(str(path), log.vkey).size == 0
    edit(tmp_path / "log", "UPDATE entries SET leaf = zeroblob(32) WHERE seq = 4")
    with pytest.raises(LogUnavailable, match="entry 4 is not in the signed tree"):
        await log.export_proofs(path, [4])
    edit(tmp_path / "log", "DELETE FROM entries WHERE seq = 5")
    with pytest.raises(LogUnavailable, match="entry 5 is missing"):
        await log.export_proofs(path, [5])
    await log.close()


async def test_later_log_vouches(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Entries of an older log bring along what names its key, and need it."""
    log, old = await put_back(tmp_path / "log")
    path = tmp_path / "zip"
    exported = await log.export_proofs(path, [1], withhold=["key", "state"])
    assert exported.entries == 2
    report = verify.verify_proofs(str(path), log.vkey)
    assert (report.ok, report.strangers, report.size) == (True, [], 2)
    assert report.notes == ["Entries 1, 4. Within each run nothing was left out."]
    assert verify.main([str(path), "--vkey", log.vkey]) == 0

    def without(files: Files) -> None:
        lines = files["entries.jsonl"].splitlines(keepends=True)
        files["entries.jsonl"] = lines[0]

    alone = rezipped(path, tmp_path / "alone", without)
    report = verify.verify_proofs(str(alone), log.vkey)
    assert report.strangers == [
        f"Nothing here vouches for the key of entries 1 to 1: compare {old} with one you trust"
    ]
    assert verify.main([str(alone), "--vkey", log.vkey]) == 1
    assert verify.main([str(alone)]) == 0
    await log.close()


async def test_two_trees(tmp_path: Path) -> None:
    """Entries that follow each other are of one tree."""
    log = await grow(tmp_path / "a")
    await log.close()
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    for name in "ab":
        # Without the marker, both go on from one head under one name.
        (tmp_path / name / "head").unlink()
        log = await grow(tmp_path / name)
        await log.append("found", sample("found", state=name))
        await log.export_proofs(tmp_path / f"{name}.zip", [5, 7])
        await log.close()
    with zipfile.ZipFile(tmp_path / "b.zip") as zipped:
        other = zipped.read("proofs/7.tlog-proof")
        line = zipped.read("entries.jsonl").splitlines(keepends=True)[1]

    def forge(files: Files) -> None:
        first = files["entries.jsonl"].splitlines(keepends=True)[0]
        files.update({"entries.jsonl": first + line, "proofs/7.tlog-proof": other})

    mixed = rezipped(tmp_path / "a.zip", tmp_path / "mixed", forge)
    assert verify.verify_proofs(str(tmp_path / "b.zip")).ok
    assert verify.verify_proofs(str(mixed)).bad == [
        (7, "entry 7: its proof is not good: not signed by this log")
    ]


CHANGES: list[tuple[str, bytes, bytes, str]] = [
    ("proofs/1.tlog-proof", b"index 1", b"index 0", "its proof is another entry's"),
    ("proofs/1.tlog-proof", b"index 1", b"index 9", "no such entry in the tree"),
    ("proofs/1.tlog-proof", b"index", b"place", "not a tlog-proof"),
    ("log.json", "— ".encode(), "— x".encode(), "not signed by this log"),
    ("log.json", b'"size":3', b'"size":4', ""),
    ("log.json", b'"first":0', b'"first":1', "its proof is another entry's"),
    ("entries.jsonl", b'"intent",0', b'"intent",1', "its proof is another entry's"),
]


@pytest.mark.parametrize(("name", "old", "new", "what"), CHANGES)
async def test_changed_proofs(
    tmp_path: Path, name: str, old: bytes, new: bytes, what: str
) -> None:
    """What was changed is found."""
    log = await grow(tmp_path / "log")
    await log.export_proofs(tmp_path / "zip", [1])
    await log.close()

    def change(files: Files) -> None:
        assert old in files[name]
        files[name] = files[name].replace(old, new)

    changed = rezipped(tmp_path / "zip", tmp_path / "changed", change)
    report = verify.verify_proofs(str(changed), log.vkey)
    # The size in the header is only what one copy in it says: the checkpoint counts.
    assert report.ok == (not what)
    assert all(what in found for _, found in report.bad)


async def test_bad_signature_and_order(tmp_path: Path) -> None:
    """A checkpoint that was changed on both sides, and an entry given twice."""
    log = await grow(tmp_path / "log")
    await log.export_proofs(tmp_path / "zip", [1, 2])
    await log.close()

    def resize(files: Files) -> None:
        for name in ("log.json", "proofs/1.tlog-proof", "proofs/2.tlog-proof"):
            line = b"\\n3\\n" if name == "log.json" else b"\n3\n"
            assert line in files[name]
            files[name] = files[name].replace(line, line.replace(b"3", b"4"))

    changed = rezipped(tmp_path / "zip", tmp_path / "changed", resize)
    report = verify.verify_proofs(str(changed))
    assert [what for _, what in report.bad] == [
        f"entry {seq}: its proof is not good: bad signature" for seq in (1, 2)
    ]

    def twice(files: Files) -> None:
        files["entries.jsonl"] *= 2

    changed = rezipped(tmp_path / "zip", tmp_path / "changed", twice)
    report = verify.verify_proofs(str(changed))
    assert [what for _, what in report.bad] == [
        f"entry {seq} is out of order" for seq in (1, 2)
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=9,
)
BODIES = (
    JSON.map(lambda value: json.dumps(value, separators=(",", ":")).encode())
    | st.binary()
    | JSON
)


@patient
@given(BODIES)
def test_any_body(body: Any) -> None:
    """What somebody else put in place of a body is read as far as it goes, or is damage."""
    row = {"seq": 1, "epoch": 1, "body": body, "leaf": bytes(32)}
    for read in (
        lambda: fields_of(1, body),
        lambda: withheld(opened(bytes(32), 1, body), ["kind", "actor"]),
        lambda: disclosed(row, lambda _: bytes(32), ["kind"]),
    ):
        with suppress(LogUnavailable):
            read()


@pytest.mark.parametrize(
    "body",
    [
        *(b"[7]", b"[[]]", b'[["kind","found"]]', b'[[["kind"],7,"AA=="]]', b"[{}]"),
        *(b'["A"]', b'[["kind","found","A"]]', b'[["kind",7.5,"AA=="]]', b"["),
    ],
)
def test_opened_body_of_another_shape(body: bytes) -> None:
    """An opened body is a list of fields and commitments, and nothing else."""
    for read in (fields_of, lambda seq, body: opened(b"", seq, body)):
        with pytest.raises(LogUnavailable, match="entry 1 is damaged") as caught:
            read(1, body)
        assert caught.value.damaged
