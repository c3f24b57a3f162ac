"""Two verifiers that share nothing but the document: verify.py, and one in Node.js."""

import json
from pathlib import Path

from hypothesis import given, settings, strategies as st
import pytest

from ..support import patient
from .judges import agreed, members, node, ours, pack
from .logs import Copies

LIVES = (
    "new",
    "plain",
    "withheld",
    "retention",
    "person",
    "both",
    "restored",
    "restored twice",
    "restored and erased",
    "lost",
)


@pytest.mark.parametrize("name", LIVES)
@pytest.mark.parametrize("suffix", ["jsonl", "zip"])
def test_accepted(copies: Copies, name: str, suffix: str) -> None:
    """Both accept what the log gives away, with its key and without one."""
    path = copies.files[f"{name}.{suffix}"]
    assert agreed(path, copies.vkeys[path.name]) == bool(copies.key(path.name))
    assert agreed(path)
    (verdict,) = node([path])
    lines = copies.files[f"{name}.jsonl"].read_bytes().splitlines()[1:]
    assert verdict.entries == len(lines)
    assert verdict.erased == sum(b'"leaf"' in line for line in lines)
    forgot = name in {"retention", "person", "both"} or "restored" in name
    assert (verdict.erased > 0) == forgot


@pytest.mark.parametrize("suffix", ["jsonl", "zip"])
def test_wrong_key(copies: Copies, suffix: str) -> None:
    """A file of one log is not another's, nor one of an older log of the same home."""
    path = copies.files[f"restored.{suffix}"]
    for other in ("plain", "restored twice", "lost"):
        assert not agreed(path, copies.vkeys[f"{other}.{suffix}"])


def test_unsaid(unsaid: tuple[Path, str]) -> None:
    """A body that is gone is missed where no entry says that it was erased."""
    path, vkey = unsaid
    (theirs,), own = node([path], vkey), ours(path, vkey)
    assert theirs.why == "entry 3: its body is gone and no entry says why"
    assert theirs.why == own.why


@pytest.mark.parametrize("name", ["plain", "both", "restored twice"])
def test_lines(copies: Copies, name: str, tmp_path: Path) -> None:
    """No line can be left out, doubled, or put in another's place."""
    header, *lines = copies.files[f"{name}.jsonl"].read_bytes().splitlines(True)
    last = len(lines) - 1
    changed = {
        "empty": b"",
        "no entries": header,
        "reversed": header + b"".join(reversed(lines)),
    }
    for i in range(0, last + 1, 4):
        before, line, after = b"".join(lines[:i]), lines[i], b"".join(lines[i + 1 :])
        changed |= {
            f"{i} removed": header + before + after,
            f"{i} doubled": header + before + line + line + after,
            f"{i} last": header + before + after + line if i < last else header,
            f"{i} first": header + line + before + after if i else header,
        }
    both_reject(tmp_path, copies.key(f"{name}.jsonl"), changed)


def test_members(copies: Copies, changed: Path) -> None:
    """A proof proves its own entry, and an entry needs one."""
    path = copies.files["restored.zip"]
    vkey = copies.vkeys[path.name]
    first, second, *_ = [
        f"proofs/{json.loads(line)['seq']}.tlog-proof"
        for line in members(path)["entries.jsonl"].splitlines()
    ]

    def rejected(files: dict[str, bytes]) -> None:
        pack(changed, files)
        assert not agreed(changed, vkey)

    whole = members(path)
    pack(changed, whole)
    assert agreed(changed, vkey)
    rejected(whole | {first: whole[second], second: whole[first]})
    for name in ("log.json", "entries.jsonl", first):
        rejected({other: data for other, data in whole.items() if other != name})


def flip(data: bytes, place: float) -> bytes:
    """Return the bytes with one bit flipped, so far into them."""
    bit = int(place * 8 * len(data))
    return (
        data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]
    )


places = st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=25)


def both_reject(folder: Path, vkey: str | None, files: dict[str, bytes]) -> None:
    """Check that both reject each of these files."""
    for name, data in files.items():
        (folder / name).write_bytes(data)
    paths = [folder / name for name in files]
    theirs = {
        path.name: one.ok for path, one in zip(paths, node(paths, vkey), strict=True)
    }
    own = {path.name: ours(path, vkey).ok for path in paths}
    assert theirs == own == dict.fromkeys(files, False)


@settings(patient, max_examples=12)
@given(
    name=st.sampled_from(["plain", "both", "restored and erased", "lost"]),
    places=places,
)
def test_flipped_bits(
    copies: Copies,
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    places: list[float],
) -> None:
    """There is no bit in a copy that could be another."""
    data = copies.files[f"{name}.jsonl"].read_bytes()
    head = data.index(b"\n") / len(data)
    # The header is short, and says the most: it gets half of them.
    places = [place * head if i % 2 else place for i, place in enumerate(places)]
    both_reject(
        tmp_path_factory.mktemp("flipped"),
        copies.key(f"{name}.jsonl"),
        {str(i): flip(data, place) for i, place in enumerate(places)},
    )


@settings(patient, max_examples=8)
@given(
    name=st.sampled_from(["withheld", "both", "restored twice"]),
    places=places,
    number=st.integers(0),
)
def test_flipped_bits_in_proofs(
    copies: Copies,
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    places: list[float],
    number: int,
) -> None:
    """There is no bit in a file of proofs that could be another, but in the verifier."""
    whole = members(copies.files[f"{name}.zip"])
    names = sorted(whole.keys() - {"verify.py"})
    # One proof of many, and what is there once, in turn.
    chosen = ["log.json", "entries.jsonl", names[number % len(names)]]
    folder = tmp_path_factory.mktemp("flipped")
    made = {}
    for i, place in enumerate(places):
        member = chosen[i % 3]
        pack(folder / "zip", whole | {member: flip(whole[member], place)})
        made[str(i)] = (folder / "zip").read_bytes()
    both_reject(folder, copies.key(f"{name}.zip"), made)
