"""Entries without a gap that have one proof together: nothing in, nothing out, nothing else."""

from collections.abc import Callable, Iterator
import json
from pathlib import Path
from typing import Any
import zipfile

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.smartlock_le.log import (
    LogUnavailable,
    export_proofs as module,
    verify,
)
from custom_components.smartlock_le.log.proof import begin_run, end_run, rest

from .conformance.judges import agreed, node
from .support import edit, open_log, patient, sample
from .test_export_proofs import Files, grow, put_back, rezipped
from .test_proof import mth, prover, sha


def leaf(number: int) -> bytes:
    """Return the hash of a leaf that is its number."""
    return sha(b"\0" + number.to_bytes(8, "big"))


@st.composite
def runs(draw: st.DrawFn) -> tuple[int, int, int]:
    """Draw a run of leaves and the size of its tree."""
    edges = [1, 2, 3, 255, 256, 257, 511, 512, 513, 1023, 1025]
    size = draw(st.sampled_from(edges) | st.integers(1, 1200))
    start = draw(st.integers(0, size - 1))
    return start, draw(st.integers(start + 1, size)), size


@patient
@given(runs())
def test_leads_to_the_root(run: tuple[int, int, int]) -> None:
    """What is left and right of it, with its leaves, is the tree, in two hands."""
    start, stop, size = run
    left, right = prover(size).run(start, stop, size)
    assert len(left) + len(right) <= 2 * size.bit_length()
    tree = begin_run(start, left)
    theirs = verify._Run(said(start, stop, left, right))
    theirs.begin(0)
    for number in range(start, stop):
        tree.add(leaf(number))
        theirs.add(number, leaf(number))
    assert end_run(tree, size, right) == mth(0, size) == theirs.root(size)


def said(start: int, stop: int, left: list[bytes], right: list[bytes]) -> Any:
    """Return a run as `log.json` has it."""
    write = verify.base64.b64encode
    return {
        "start": start,
        "stop": stop,
        "left": [write(one).decode() for one in left],
        "right": [write(one).decode() for one in right],
    }


@settings(max_examples=300, deadline=None)
@given(runs(), st.data())
def test_leads_nowhere_else(run: tuple[int, int, int], data: st.DataObject) -> None:
    """One hash more, less, other or moved, another leaf, another place: never the root."""
    start, stop, size = run
    left, right = prover(size).run(start, stop, size)
    leaves = [leaf(number) for number in range(start, stop)]
    hashes = data.draw(st.sampled_from([left, right, leaves]))
    what = data.draw(st.sampled_from(["more", "less", "other", "place"]))
    at = data.draw(st.integers(0, max(len(hashes) - 1, 0)))
    if what == "more":
        hashes.insert(at, bytes(32))
    elif what == "place":
        start, stop = start + 1, stop + 1
    elif not hashes:
        return
    elif what == "less":
        del hashes[at]
    else:
        hashes[at] = bytes(32)
    found = None
    try:
        one = verify._Run(said(start, stop, left, right))
        one.begin(0)
        for number, hashed in enumerate(leaves):
            one.add(start + number, hashed)
        found = one.root(size)
    except ValueError, IndexError:
        pass
    assert found != mth(0, size)


def test_of_what_is_not_there() -> None:
    """No run begins after its end, or ends after the tree."""
    for start, stop, size in ((1, 1, 2), (2, 1, 2), (0, 3, 2), (-1, 1, 2)):
        with pytest.raises(IndexError):
            prover(size).run(start, stop, size)
    assert [*rest(0, 0)] == []
    assert [*rest(3, 9)] == [(3, 0), (4, 2), (8, 0)]


# In a log


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let three entries be many."""
    monkeypatch.setattr(module, "_LONG", 3)
    monkeypatch.setattr(module, "_CHUNK", 2)


def parts(path: Path) -> tuple[list[tuple[int, int]], set[str]]:
    """Return the runs of a zip file, and the files it has."""
    with zipfile.ZipFile(path) as zipped:
        header = json.loads(zipped.read("log.json"))
        return [(run["start"], run["stop"]) for run in header["runs"]], {
            *zipped.namelist()
        }


async def test_long_and_short(tmp_path: Path) -> None:
    """A long run has one proof, what stands alone has its own, and both verifiers agree."""
    log = await grow(tmp_path / "log", 40)
    path = tmp_path / "x.zip"
    numbers = [0, 1, *range(5, 25), 27, *range(30, 33)]
    assert (await log.export_proofs(path, numbers)).entries == len(numbers)
    assert parts(path)[0] == [(5, 25), (30, 33)]
    proofs = {name for name in parts(path)[1] if name.startswith("proofs/")}
    assert proofs == {f"proofs/{seq}.tlog-proof" for seq in (0, 1, 27)}
    assert agreed(path, log.vkey) and agreed(path)
    report = verify.verify_proofs(str(path), log.vkey)
    assert report.ok and report.size == len(numbers)
    assert report.notes == [
        "Entries 0 to 1, 5 to 24, 27, 30 to 32. Within each run nothing was left out."
    ]
    withheld = tmp_path / "w.zip"
    await log.export_proofs(withheld, range(41), ["state", "kind"])
    assert parts(withheld)[0] == [(0, 41)] and agreed(withheld, log.vkey)
    await log.close()


async def test_two_logs(tmp_path: Path) -> None:
    """A run ends where a log does, and the new log vouches for the old key."""
    log, old = await put_back(tmp_path / "log")
    for number in range(5):
        await log.append("found", sample("found", intent=number))
    path = tmp_path / "x.zip"
    first = log.end - log.size
    assert old != log.vkey
    await log.export_proofs(path, [0, 1, *range(first, log.end)])
    assert parts(path)[0] == [(first, log.end)]
    assert agreed(path, log.vkey)
    report = verify.verify_proofs(str(path), log.vkey)
    assert report.ok and not report.strangers
    assert report.size == 2 + log.size
    await log.close()


async def test_missing_entry_is_damage(tmp_path: Path) -> None:
    """What the store has no more is not proved."""
    log = await grow(tmp_path / "log", 9)
    edit(tmp_path / "log", "UPDATE entries SET leaf = zeroblob(32) WHERE seq = 4")
    with pytest.raises(LogUnavailable):
        await log.export_proofs(tmp_path / "x.zip", range(8))
    assert not (tmp_path / "x.zip").exists()
    await log.close()


def lines_of(files: Files) -> list[bytes]:
    """Return the lines of the entries."""
    return files["entries.jsonl"].splitlines(keepends=True)


def without(at: int) -> Callable[[Files], None]:
    """Leave one entry out."""

    def change(files: Files) -> None:
        lines = lines_of(files)
        del lines[at]
        files["entries.jsonl"] = b"".join(lines)

    return change


def swapped(files: Files) -> None:
    """Put one in another's place."""
    lines = lines_of(files)
    lines[3], lines[4] = lines[4], lines[3]
    files["entries.jsonl"] = b"".join(lines)


def other(files: Files) -> None:
    """Say something else."""
    assert b'"intent",18' in files["entries.jsonl"]
    files["entries.jsonl"] = files["entries.jsonl"].replace(
        b'"intent",18', b'"intent",19', 1
    )


def header(change: Callable[[Any], object]) -> Callable[[Files], None]:
    """Change what is said of the run."""

    def changed(files: Files) -> None:
        said = json.loads(files["log.json"])
        change(said)
        files["log.json"] = json.dumps(
            said, separators=(",", ":"), ensure_ascii=False
        ).encode()

    return changed


FORGED: dict[str, Callable[[Files], None]] = {
    "first left out": without(0),
    "one left out": without(5),
    "last left out": without(-1),
    "swapped": swapped,
    "other value": other,
    "no run": header(lambda said: said.update(runs=[])),
    "run twice": header(lambda said: said["runs"].append(said["runs"][0])),
    "run moved": header(lambda said: said["runs"][0].update(start=3)),
    "run shorter": header(lambda said: said["runs"][0].update(stop=19)),
    "run longer": header(lambda said: said["runs"][0].update(stop=21)),
    "run backwards": header(lambda said: said["runs"][0].update(start=30)),
    "no number": header(lambda said: said["runs"][0].update(start="2")),
    "hash less": header(lambda said: said["runs"][0]["left"].pop()),
    "hash more": header(lambda said: said["runs"][0]["right"].append("A" * 43 + "=")),
    "hash other": header(lambda said: said["runs"][0]["right"].reverse()),
    "short hash": header(lambda said: said["runs"][0]["left"].append("AA==")),
    "a word more": header(lambda said: said["runs"][0].update(note="")),
    "no list": header(lambda said: said.update(runs={})),
}


_PROOF = "entries 2 to 19: their proof is not good: "
SAID = {
    "one left out": f"{_PROOF}an entry before 8 is missing",
    "last left out": "entries 2 to 19 are not all here",
    "other value": f"{_PROOF}they are not those that were signed",
    "hash less": f"{_PROOF}it is not all that is left of them",
    "hash more": f"{_PROOF}it is not all that is right of them",
    "hash other": f"{_PROOF}they are not those that were signed",
}


@pytest.mark.parametrize("name", FORGED)
async def test_forged(tmp_path: Path, name: str) -> None:
    """Whatever is changed, neither verifier takes it."""
    log = await grow(tmp_path / "log", 40)
    path = tmp_path / "x.zip"
    await log.export_proofs(path, range(2, 20))
    await log.close()
    assert agreed(path)
    changed = rezipped(path, tmp_path / "changed.zip", FORGED[name])
    assert not agreed(changed)
    if words := SAID.get(name):
        # Something is wrong with it, and it is said what: it is no other file.
        report = verify.verify_proofs(str(changed))
        assert [what for _, what in report.bad] == [words]


async def test_names_a_log_by_a_log_of_its_own(tmp_path: Path) -> None:
    """A forged log cannot vouch for itself in the name of the home's."""
    home = await grow(tmp_path / "home", 1)
    evil = await open_log(tmp_path / "evil")
    await evil.append(
        "restored",
        {
            "reason": "copied",
            "origin": evil.origin,
            "key": evil.vkey,
            "size": 1,
            "root": "",
            "held": 1,
        },
    )
    for numbers in ([0, 1], range(2)):
        path = tmp_path / "x.zip"
        await evil.export_proofs(path, numbers)

        def change(files: Files) -> None:
            said = json.loads(files["log.json"])
            said["logs"][0]["size"] = 1
            said["logs"].append(
                {
                    "first": 1,
                    "origin": home.origin,
                    "vkey": home.vkey,
                    "size": 0,
                    "checkpoint": "",
                }
            )
            files["log.json"] = json.dumps(
                said, separators=(",", ":"), ensure_ascii=False
            ).encode()

        forged = rezipped(path, tmp_path / "forged.zip", change)
        report = verify.verify_proofs(str(forged), home.vkey)
        assert not report.ok or report.strangers
        assert not agreed(forged, home.vkey)
    await home.close()
    await evil.close()


async def test_leaves_of_another_length(tmp_path: Path) -> None:
    """Two hashes that are one byte apart are no hashes, though they hash the same."""
    log = await grow(tmp_path / "log", 9)
    path = tmp_path / "x.zip"
    await log.export_proofs(path, range(8))
    await log.close()

    def change(files: Files) -> None:
        lines = [json.loads(line) for line in lines_of(files)]
        leaves = b"".join(
            verify._opened(line["seq"], line["fields"])[0] for line in lines[:2]
        )
        for line, part in zip(lines, (leaves[:31], leaves[31:]), strict=False):
            del line["fields"]
            line["leaf"] = verify.base64.b64encode(part).decode()
        files["entries.jsonl"] = b"".join(
            json.dumps(line, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
            for line in lines
        )

    assert not agreed(rezipped(path, tmp_path / "changed.zip", change))


async def test_first_format(tmp_path: Path) -> None:
    """A zip file from before there were runs is read as ever."""
    log = await grow(tmp_path / "log", 3)
    path = tmp_path / "x.zip"
    await log.export_proofs(path, [1, 2])
    await log.close()

    def old(files: Files) -> None:
        said = json.loads(files["log.json"])
        assert said.pop("runs") == []
        said["format"] = "smartlock-le/log-proof/1"
        files["log.json"] = json.dumps(
            said, separators=(",", ":"), ensure_ascii=False
        ).encode()

    changed = rezipped(path, tmp_path / "old.zip", old)
    assert verify.verify_proofs(str(changed), log.vkey).ok
    (verdict,) = node([path])
    assert verdict.ok


def numbers() -> Iterator[int]:
    """Give numbers with gaps."""
    yield from (0, 1, 3, 4, 5, 9)


def test_what_is_a_run() -> None:
    """Numbers without a gap; where a log begins, one does."""
    found = [*module._runs(numbers(), {0, 4})]
    assert found == [range(2), range(3, 4), range(4, 6), range(9, 10)]
    assert [*module._runs([], {0})] == []
