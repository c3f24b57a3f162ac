"""Who judges: Go's and Python's readers of C2SP logs, and a verifier in Node.js."""

from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
import json
from pathlib import Path
import re
import subprocess
import zipfile

import aics_tlog
from playwright._impl._driver import compute_driver_executable

from custom_components.smartlock_le.log import verify

HERE = Path(__file__).parent
GO = HERE.parents[2] / ".cache" / "go" / "bin" / "go"

# Playwright brings a Node.js of its own, pinned by uv.lock.
NODE = compute_driver_executable()[0]


@dataclass(frozen=True)
class Item:
    """Something to judge: a checkpoint, or with it an inclusion or a consistency proof."""

    vkey: str
    checkpoint: bytes = b""
    # A file of C2SP tlog-proof, and the data of the leaf or only its hash.
    proof: bytes | None = None
    leaf: bytes | None = None
    leaf_hash: bytes | None = None
    # An older checkpoint, and the proof from it to the checkpoint.
    old: bytes | None = None
    growth: tuple[bytes, ...] = ()


type Judge = Callable[[Sequence[Item]], list[bool]]
"""Tells of each item whether it is accepted."""


def build_go(folder: Path) -> Judge:
    """Compile the judge in Go, and return it."""
    assert GO.exists(), "no Go: run script/bootstrap go"
    program = folder / "check"
    subprocess.run([GO, "build", "-o", program, HERE / "check.go"], check=True)

    def judge(items: Sequence[Item]) -> list[bool]:
        asked = [
            {
                "Vkey": item.vkey,
                "Checkpoint": _text(item.checkpoint),
                "Proof": _text(item.proof),
                "Leaf": _text(item.leaf),
                "LeafHash": _text(item.leaf_hash),
                "Old": _text(item.old),
                "Growth": [_text(node) for node in item.growth],
            }
            for item in items
        ]
        done = subprocess.run(
            [program], input=json.dumps(asked).encode(), capture_output=True, check=True
        )
        answers: list[str] = json.loads(done.stdout)
        assert len(answers) == len(items)
        return [not answer for answer in answers]

    return judge


def aics(items: Sequence[Item]) -> list[bool]:
    """Judge with aics-tlog."""
    return [_aics(item) for item in items]


def _aics(item: Item) -> bool:
    def opened(text: bytes) -> tuple[int, bytes] | None:
        note = aics_tlog.parse_note(text)
        found = aics_tlog.verify_checkpoint(
            note, key, expected_origin=item.vkey.partition("+")[0]
        )
        if not found.ok:
            return None
        assert found.size is not None and found.root is not None
        return found.size, found.root

    # It raises where a text is not what it should be, and returns where it is wrong.
    try:
        key = aics_tlog.parse_vkey(item.vkey)
        if item.proof is None:
            newer = opened(item.checkpoint)
            if newer is None or item.old is None:
                return newer is not None
            if not (older := opened(item.old)):
                return False
            return aics_tlog.verify_consistency(
                older[0], newer[0], older[1], newer[1], item.growth
            )
        lines, _, checkpoint = item.proof.partition(b"\n\n")
        title, index, *path = lines.decode().split("\n")
        assert title == "c2sp.org/tlog-proof@v1"
        if not (tree := opened(checkpoint)):
            return False
        leaf = item.leaf_hash or aics_tlog.leaf_hash(item.leaf or b"")
        return aics_tlog.verify_inclusion(
            leaf,
            int(index.removeprefix("index ")),
            tree[0],
            [b64decode(node, validate=True) for node in path],
            tree[1],
        )
    except ValueError:
        return False


def _text(data: bytes | None) -> str | None:
    return None if data is None else b64encode(data).decode()


def flipped(data: bytes) -> list[bytes]:
    """Return what becomes of bytes when a bit flips: of each bit, one."""
    number, size = int.from_bytes(data, "big"), len(data)
    return [(number ^ 1 << bit).to_bytes(size, "big") for bit in range(8 * size)]


def forged(item: Item) -> dict[str, list[Item]]:
    """Return an item with each bit flipped that means something, by where it is."""
    made: dict[str, list[Item]] = {}
    if item.proof is not None:
        head, _, note = item.proof.partition(b"\n\n")
        title, index, *path = head.split(b"\n")
        made["proof"] = [
            replace(
                item,
                proof=b"\n".join(
                    [title, index, *path[:i], b64encode(node), *path[i + 1 :]]
                )
                + b"\n\n"
                + note,
            )
            for i, line in enumerate(path)
            for node in flipped(b64decode(line))
        ]
        number = int(index.removeprefix(b"index "))
        made["index"] = [
            replace(item, proof=item.proof.replace(index, b"index %d" % other))
            for other in (number - 1, number + 1)
        ]
        for name in ("leaf", "leaf_hash"):
            if (data := getattr(item, name)) is not None:
                made[name] = [replace(item, **{name: each}) for each in flipped(data)]
        made |= {
            where: [replace(item, proof=head + b"\n\n" + each) for each in notes]
            for where, notes in _forged_note(note).items()
        }
        return made
    made |= {
        where: [replace(item, checkpoint=each) for each in notes]
        for where, notes in _forged_note(item.checkpoint).items()
    }
    if item.old is not None:
        made["growth"] = [
            replace(item, growth=(*item.growth[:i], each, *item.growth[i + 1 :]))
            for i, node in enumerate(item.growth)
            for each in flipped(node)
        ]
        made |= {
            f"old {where}": [replace(item, old=each) for each in notes]
            for where, notes in _forged_note(item.old).items()
        }
    return made


def _forged_note(note: bytes) -> dict[str, list[bytes]]:
    found = re.fullmatch(rb"(.*\n)(\n[^\n]* )([^ \n]*)\n", note, re.DOTALL)
    assert found
    text, name, signature = found.groups()
    return {
        "text": [each + name + signature + b"\n" for each in flipped(text)],
        "signature": [
            text + name + b64encode(each) + b"\n"
            for each in flipped(b64decode(signature))
        ],
    }


@dataclass(frozen=True)
class Verdict:
    """What a verifier says of an exported copy or a zip file of proofs."""

    ok: bool
    entries: int
    erased: int
    why: str


def node(paths: Sequence[Path], vkey: str | None = None) -> list[Verdict]:
    """Verify files with the verifier that was written from the document."""
    key = ["--vkey", vkey] if vkey else []
    done = subprocess.run(
        [NODE, HERE / "verify.mjs", *key, *paths], capture_output=True, check=True
    )
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(said) == len(paths)
    return [
        Verdict(one["ok"], one["entries"], one["erased"], "; ".join(one["bad"]))
        for one in said
    ]


def ours(path: Path, vkey: str | None = None) -> Verdict:
    """Verify a file with verify.py."""
    with path.open("rb") as file:
        zipped = file.read(2) == b"PK"
    check = verify.verify_proofs if zipped else verify.verify_export
    try:
        report = check(str(path), vkey)
    except verify.Unusable as err:
        return Verdict(False, 0, 0, str(err))
    why = "; ".join(text for _, text in report.bad)
    assert report.ok == (not why)
    # What a key that is known does not vouch for is no better than what is wrong.
    strange = report.strangers if vkey else []
    why = "; ".join([why, *strange])
    return Verdict(report.ok and not strange, report.size, report.erased, why)


def agreed(path: Path, vkey: str | None = None) -> bool:
    """Tell whether a file is accepted; both verifiers must say the same."""
    (theirs,) = node([path], vkey)
    own = ours(path, vkey)
    assert theirs.ok == own.ok, (theirs, own)
    if own.ok and path.suffix == ".jsonl":
        assert theirs.erased == own.erased
    return own.ok


def members(path: Path) -> dict[str, bytes]:
    """Return what is in a zip file."""
    with zipfile.ZipFile(path) as zipped:
        return {name: zipped.read(name) for name in zipped.namelist()}


def pack(path: Path, files: dict[str, bytes]) -> None:
    """Make a zip file."""
    with zipfile.ZipFile(path, "w") as zipped:
        for name, data in files.items():
            zipped.writestr(name, data)
