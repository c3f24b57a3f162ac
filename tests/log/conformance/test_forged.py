"""Copies that somebody forged who has no key of the log, but older copies of it."""

from collections.abc import Callable
import json
from pathlib import Path
from typing import Any

import pytest

from custom_components.smartlock_le.log.tree import leaf_hash

from .judges import agreed, members, node, ours, pack
from .logs import Copies, commitment, encoded, leaf_of

type Lines = list[Any]


def parsed(path: Path) -> Lines:
    """Return header and entries of a copy."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def kind(line: Any) -> str:
    """Return the kind of an entry, if it is there."""
    return str(line["fields"][0][1]) if "fields" in line else ""


def hide(line: Any) -> Any:
    """Return an entry with its body gone."""
    return {"seq": line["seq"], "leaf": encoded(leaf_hash(leaf_of(line)["leaf"]))}


def withhold(line: Any, *places: int) -> None:
    """Take away the values of fields."""
    for place in places:
        line["fields"][place] = encoded(commitment(line["fields"][place]))


def hide_kept(lines: Lines, _older: Lines) -> None:
    """Let a body that was held go with those that were erased around it."""
    gone = [i for i, line in enumerate(lines[1:], 1) if "leaf" in line]
    held = next(i for i in range(gone[0], gone[-1]) if "fields" in lines[i])
    lines[held] = hide(lines[held])


def withhold_more(lines: Lines, _older: Lines) -> None:
    """Where it was erased who it was, take away what happened, too."""
    partly = next(
        line
        for line in lines[1:]
        if any(isinstance(f, str) for f in line.get("fields", ()))
    )
    assert partly["fields"][4][0] == "event"
    withhold(partly, 4)


def withhold_erasure(lines: Lines, _older: Lines) -> None:
    """Leave out what was erased."""
    for line in lines[1:]:
        if kind(line) == "erased":
            withhold(line, *range(3, 9))


def hide_restored(lines: Lines, _older: Lines) -> None:
    """Leave out why there is a new log."""
    for i, line in enumerate(lines[1:], 1):
        if kind(line) == "restored":
            lines[i] = hide(line)


def withhold_restored(lines: Lines, _older: Lines) -> None:
    """Leave out which log was before it."""
    for line in lines[1:]:
        if kind(line) == "restored":
            withhold(line, *range(3, 9))


def cut_earlier_log(lines: Lines, older: Lines) -> None:
    """Let the log before the restore end with an older checkpoint of its own."""
    (old,), (log, _) = older[0]["logs"], lines[0]["logs"]
    assert (old["vkey"], old["first"]) == (log["vkey"], log["first"])
    assert old["size"] < log["size"]
    del lines[1 + old["size"] : 1 + log["size"]]
    log.update(old)
    lines[0]["erasures"] = older[0]["erasures"]


def drop_earlier_log(lines: Lines, _older: Lines) -> None:
    """Leave out the log before the restore."""
    log = lines[0]["logs"].pop(0)
    del lines[1 : 1 + log["size"]]
    lines[0]["erasures"] = []


def odd_erasures(lines: Lines, _older: Lines) -> None:
    """Put another thing into a list of numbers."""
    lines[0]["erasures"].append([lines[0]["erasures"][0][0], "x"])


def written(lines: Lines) -> str:
    """Return a copy as it is written."""
    return "".join(
        f"{json.dumps(line, ensure_ascii=False, separators=(',', ':'))}\n"
        for line in lines
    )


@pytest.mark.parametrize(
    ("name", "older", "forge"),
    [
        ("retention", "plain", hide_kept),
        ("person", "plain", withhold_more),
        ("both", "plain", withhold_erasure),
        ("both", "plain", odd_erasures),
        ("restored", "both", hide_restored),
        ("restored", "both", withhold_restored),
        ("restored and erased", "both", hide_restored),
        ("restored", "both", cut_earlier_log),
        ("restored", "plain", drop_earlier_log),
    ],
)
def test_forged_copy(
    copies: Copies,
    changed: Path,
    name: str,
    older: str,
    forge: Callable[[Lines, Lines], None],
) -> None:
    """What can be left out without breaking a hash or a signature is missed."""
    lines = parsed(copies.files[f"{name}.jsonl"])
    forge(lines, parsed(copies.files[f"{older}.jsonl"]))
    changed.write_text(written(lines))
    assert not agreed(changed, copies.key(f"{name}.jsonl"))
    # No hash and no signature says so, only what the entries say of each other.
    (theirs,), own = node([changed]), ours(changed)
    assert "signed" not in theirs.why + own.why.replace("not an exported log", "")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"size":', '"size": '),
        ('"size":', '"size":0,"size":'),
        ('"erasures":', '"\\u0065rasures":'),
        ('{"seq":1,', '{"seq":1.0,'),
        ('{"seq":1,', '{"seq":0,"seq":1,'),
        ('["kind",', '[ "kind",'),
        ('"found"', '"\\u0066ound"'),
    ],
)
def test_other_spellings(
    copies: Copies, changed: Path, before: str, after: str
) -> None:
    """What means the same is not the same: it can be written in one way only."""
    text = copies.files["plain.jsonl"].read_text()
    assert before in text
    changed.write_text(text.replace(before, after, 1))
    assert not agreed(changed)


def mixed(copies: Copies, path: Path, log: Any) -> None:
    """Give out entries of a log beside another, which is the one that is trusted."""
    files = members(copies.files["plain.zip"])
    header = json.loads(files["log.json"])
    header["logs"].append(log)
    pack(path, files | {"log.json": written([header]).strip().encode()})


def test_foreign_key(copies: Copies, changed: Path) -> None:
    """What another key signed is not taken for what the known one did."""
    trusted = parsed(copies.files["restored.jsonl"])[0]["logs"][-1]
    mixed(copies, changed, trusted)
    assert not agreed(changed, trusted["vkey"])
    # Without a key that is known none is better than another.
    assert agreed(changed)


def test_overlapping_logs(
    copies: Copies, unsaid: tuple[Path, str], changed: Path
) -> None:
    """A key that is not known does not sign in the place of the one that is."""
    path, vkey = unsaid
    (trusted,) = parsed(path)[0]["logs"]
    assert (trusted["first"], trusted["vkey"]) == (0, vkey)
    mixed(copies, changed, trusted)
    assert not agreed(changed, vkey)
