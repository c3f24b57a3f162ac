"""The verifier's quick ways: many leaves, or all fields of an entry, at once."""

import json
from pathlib import Path
from typing import Any
import zipfile

from hypothesis import given, strategies as st
import pytest

from custom_components.smartlock_le.log import Value, verify
from custom_components.smartlock_le.log.leaf import entry_leaf

from .support import edit, fill, open_log, patient, sample


@patient
@given(st.lists(st.integers(0, 70), max_size=9))
def test_many_leaves_at_once(runs: list[int]) -> None:
    """A tree that grows by runs is the one that grows leaf by leaf."""
    slow, fast = verify.Tree(), verify.Tree()
    for run in runs:
        leaves = [(slow.size + i).to_bytes(32, "big") for i in range(run)]
        for leaf in leaves:
            slow.add(leaf)
        fast.extend(leaves)
        assert (fast.size, fast.edge) == (slow.size, slow.edge)
        assert fast.root() == slow.root()


TEXT = st.text(st.sampled_from('],["\\\n é{}:7'), max_size=12)


@patient
@given(st.dictionaries(st.sampled_from("abcdefgh"), TEXT | st.integers(-9, 9)))
def test_all_fields_at_once(fields: dict[str, Value]) -> None:
    """No text of a field passes for the end of it."""
    parts = verify._parts(list(fields.items()), verify.CODEC.dumps)
    assert [json.loads(part) for part in parts] == [list(i) for i in fields.items()]
    made = verify._salted(bytes(32), 7, parts)
    assert made == entry_leaf(bytes(32), 7, fields)


@pytest.mark.parametrize("value", [1.5, True, None, 2**53, [], -(2**53)])
def test_what_is_no_value(value: Any) -> None:
    """What no field can hold is refused."""
    with pytest.raises(ValueError, match="neither text nor a whole number"):
        verify._parts([("kind", value)], verify.CODEC.dumps)


def without_bodies(folder: Path, **options: Any) -> verify.Report:
    """Verify the tree alone."""
    return verify.verify_store(str(folder / "log.db"), bodies=False, **options)


LEAVES = [
    ("DELETE FROM entries WHERE seq = 5", "entry 5 is missing"),
    ("UPDATE entries SET leaf = x'00' WHERE seq = 5", "entry 5: its leaf is damaged"),
    ("UPDATE entries SET leaf = 7 WHERE seq = 5", "entry 5: its leaf is damaged"),
    (
        "UPDATE entries SET leaf = zeroblob(32) WHERE seq = 5",
        (
            "entries 3 to 7 are not those that checkpoint 8 was signed over: at least one was"
            " rewritten"
        ),
    ),
    (
        "DELETE FROM entries WHERE seq > 5",
        "entries 6 to 8 are missing: a checkpoint was signed over more",
    ),
]


@pytest.mark.parametrize(("statement", "what"), LEAVES)
def test_tree_alone(tmp_path: Path, statement: str, what: str) -> None:
    """Without bodies, what is there is compared with what was signed all the same."""
    fill(tmp_path, 3, 5, 1)
    seen: list[tuple[int, int]] = []
    report = without_bodies(tmp_path, progress=lambda *at: seen.append(at))
    assert (report.ok, report.size, report.bodies_checked) == (True, 9, False)
    assert report.root == verify.verify_store(str(tmp_path / "log.db")).root
    assert seen == [(3, 9), (8, 9), (9, 9)]
    edit(tmp_path, statement)
    assert what in [found for _, found in without_bodies(tmp_path).bad]


async def test_older_format_and_progress(tmp_path: Path) -> None:
    """A copy of the first format is checked as well; proofs tell how far they are."""
    log = await open_log(tmp_path)
    await log.append("found", sample("found"))
    await log.export(tmp_path / "copy")
    await log.export_proofs(tmp_path / "zip", [0, 1])
    await log.close()
    first, *lines = (tmp_path / "copy").read_text().splitlines(keepends=True)
    (header,) = json.loads(first)["logs"]
    header = {"format": "smartlock-le/log-export/1"} | header
    del header["first"]
    first = json.dumps(header, ensure_ascii=False, separators=(",", ":")) + "\n"
    (tmp_path / "old").write_text("".join([first, *lines]))
    report = verify.verify_export(str(tmp_path / "old"), log.vkey)
    assert (report.ok, report.size) == (True, 2)
    seen: list[tuple[int, int]] = []
    assert verify.verify_proofs(
        str(tmp_path / "zip"), log.vkey, lambda *at: seen.append(at)
    ).ok
    assert seen == [(1, 1), (2, 2)]
    with zipfile.ZipFile(tmp_path / "zip") as zipped:
        assert zipped.read("verify.py") == Path(verify.__file__).read_bytes()
