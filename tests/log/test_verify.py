"""The verifier: what is whole passes, and every change is found."""

from base64 import b64encode
from contextlib import closing, suppress
from pathlib import Path
import re
import shutil
import sqlite3
import tempfile
from typing import Any

from hypothesis import assume, given, settings, strategies as st
import pytest

from custom_components.smartlock_le.log import KINDS, verify
from custom_components.smartlock_le.log.canonical import dumps, loads
from custom_components.smartlock_le.log.kinds import arrange
from custom_components.smartlock_le.log.leaf import entry_leaf
from custom_components.smartlock_le.log.signature import check_signature

from .support import OF_OTHERS, ORIGIN, edit, fill, patient

BATCHES = (1, 3, 1, 1, 5, 2, 1)
SIZE = sum(BATCHES)
REWRITTEN = (
    "entries {} to {} are not those that checkpoint {} was signed over: "
    "at least one was rewritten"
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a log that nobody changed."""
    folder = tmp_path_factory.mktemp("whole")
    fill(folder, *BATCHES)
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """Return a folder with a log to change."""
    return Path(shutil.copytree(whole, tmp_path / "log"))


def check(folder: Path, **options: Any) -> verify.Report:
    """Verify the store in a folder."""
    options = {"keys": str(folder / "keys"), **options}
    return verify.verify_store(str(folder / "log.db"), **options)


def findings(folder: Path, **options: Any) -> list[tuple[int, str]]:
    """Return what a verification finds."""
    report = check(folder, **options)
    assert report.ok == (not report.bad)
    return report.bad


def test_whole(whole: Path) -> None:
    """A log that nobody changed is all right, and the report says what was checked."""
    report = check(whole)
    assert (report.ok, report.bad, report.size) == (True, [], SIZE)
    assert (report.checkpoints, report.signatures) == (7, 7)
    assert report.bodies_checked
    assert report.origin == ORIGIN
    assert report.notes == [verify.OWN_KEY]
    assert len(report.root) == 64
    assert check(whole, vkey=report.vkey).notes == []


def test_few_signatures(folder: Path) -> None:
    """Of many checkpoints the newest signatures are checked, and all roots are."""
    report = check(folder, max_signatures=2)
    assert report.ok
    assert (report.checkpoints, report.signatures) == (7, 2)
    assert "2 of 7" in report.notes[-1]
    # The root of an old one was changed: that it was not signed so is found all the same.
    edit(
        folder,
        "UPDATE checkpoints SET note = replace(note, substr(note, 28, 4), 'AAAA') WHERE upto = 4",
    )
    assert findings(folder, max_signatures=2) == [
        (3, "checkpoint 4 is damaged or forged: bad signature")
    ]


def test_without_keys(folder: Path) -> None:
    """Without keys, the report says what was not checked; the rest is."""
    report = check(folder, keys=None)
    assert report.ok
    assert not report.bodies_checked
    assert "NOT checked" in report.notes[-1]
    edit(folder, "UPDATE entries SET body = x'7b7d' WHERE seq = 3")
    assert findings(folder, keys=None) == [(3, "entry 3: its body is not one of ours")]


def test_progress(tmp_path: Path) -> None:
    """Progress is told, and what it raises ends the verification."""
    fill(tmp_path, 1000, 1500)
    seen: list[tuple[int, int]] = []
    check(tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1000, 2500), (2000, 2500)]

    def stop(_done: int, _total: int) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        check(tmp_path, progress=stop)


CHANGES: list[tuple[str, list[tuple[int, str]]]] = [
    ("DELETE FROM entries WHERE seq = 3", [(3, "entry 3 is missing")]),
    ("DELETE FROM entries WHERE seq = 0", [(0, "entry 0 is missing")]),
    ("DELETE FROM entries WHERE seq IN (2, 3, 4)", [(2, "entries 2 to 4 are missing")]),
    (
        "DELETE FROM entries WHERE seq > 11",
        [(12, "entries 12 to 13 are missing: a checkpoint was signed over more")],
    ),
    (
        "DELETE FROM entries WHERE seq > 12",
        [(13, "entry 13 is missing: a checkpoint was signed over more")],
    ),
    (
        "DELETE FROM entries",
        [(0, "entries 0 to 13 are missing: a checkpoint was signed over more")],
    ),
    (
        "DELETE FROM checkpoints WHERE upto = 14",
        [(13, "no checkpoint covers entries 13 to 13")],
    ),
    ("DELETE FROM checkpoints WHERE upto = 6", [(5, "checkpoint 6 is missing")]),
    (
        "UPDATE checkpoints SET upto = 7 WHERE upto = 6",
        [
            (5, "checkpoint 6 is missing"),
            (6, "checkpoint 7 is damaged or forged: bad signature"),
        ],
    ),
    (
        "UPDATE checkpoints SET note = replace(note, 'test', 'best') WHERE upto = 6",
        [(5, "checkpoint 6 is damaged or forged: not a checkpoint of this log")],
    ),
    (
        "UPDATE checkpoints SET note = replace(note, '— smart', '— other') WHERE upto = 6",
        [(5, "checkpoint 6 is damaged or forged: not signed by this log")],
    ),
    (
        "INSERT INTO checkpoints SELECT 20, note FROM checkpoints WHERE upto = 6",
        [(19, "checkpoint 20 is damaged or forged: bad signature")],
    ),
    (
        "UPDATE entries SET kind = 'setting' WHERE seq = 3",
        [(3, "entry 3: its row does not say what its body says")],
    ),
    (
        "UPDATE entries SET time = time + 1 WHERE seq = 3",
        [(3, "entry 3: its row does not say what its body says")],
    ),
    (
        "UPDATE entries SET lock = 'other' WHERE seq = 3",
        [(3, "entry 3: its row does not say what its body says")],
    ),
    (
        "UPDATE entries SET epoch = 2 WHERE seq = 3",
        [(3, "entry 3: there is no key of epoch 2")],
    ),
    (
        "UPDATE entries SET epoch = '../x' WHERE seq = 3",
        [(3, "entry 3: there is no key of epoch ../x")],
    ),
    (
        "UPDATE entries SET leaf = x'00' WHERE seq = 3",
        [
            (3, "entry 3: its leaf is damaged"),
            (3, "entry 3: its body is not what was committed to"),
        ],
    ),
    (
        "UPDATE entries SET leaf = zeroblob(32) WHERE seq = 3",
        [
            (3, "entry 3: its body is not what was committed to"),
            (
                1,
                REWRITTEN.format(1, 3, 4),
            ),
        ],
    ),
    (
        "UPDATE entries SET seq = -3 WHERE seq = 3",
        [
            (3, "entry 3 is missing"),
            (-3, "entry -3 is of no log"),
        ],
    ),
    (
        "UPDATE logs SET origin = 'other'",
        [(-1, "the log names another origin than its key")],
    ),
]


@pytest.mark.parametrize(("statement", "found"), CHANGES)
def test_changes(folder: Path, statement: str, found: list[tuple[int, str]]) -> None:
    """Each change is named, and nothing else is."""
    edit(folder, statement)
    assert findings(folder) == found


BODIES = [
    b"",
    b"[]",
    b"7",
    b'"text"',
    b"\xff",
    b'{"kind":[]}',
    b'{"kind":"other"}',
    b"[" * 100_000,
    b'{"kind":"stopped","time":7,"entered":""}',
    b'{"kind":"stopped","time":1.5,"entered":""}',
    b'{"kind":"stopped","time":true,"entered":""}',
    b'{"kind":"stopped","time":9007199254740992,"entered":""}',
    b'{"kind":"stopped","time":"yesterday","entered":""}',
]


@pytest.mark.parametrize("body", BODIES)
def test_bodies_that_are_not(folder: Path, body: bytes) -> None:
    """A body that is none of ours is said to be so, whatever it is."""
    edit(folder, "UPDATE entries SET body = ? WHERE seq = 3", body)
    assert findings(folder) == [(3, "entry 3: its body is not one of ours")]


def test_body_that_is_not_canonical(folder: Path) -> None:
    """The same fields, written otherwise, are not the same body."""
    edit(
        folder,
        "UPDATE entries SET body = CAST(replace(body, ',', ', ') AS BLOB) WHERE seq = 3",
    )
    assert findings(folder) == [(3, "entry 3: its body is not canonical")]


def test_consistent_forgery(folder: Path) -> None:
    """Body and leaf rewritten together: the checkpoints on both sides say where."""
    with closing(sqlite3.connect(folder / "log.db")) as store:
        (body,) = store.execute("SELECT body FROM entries WHERE seq = 8").fetchone()
    fields = arrange(loads(body))
    fields["time"] = "2020-01-01T00:00:00.000000Z"
    key = (folder / "keys" / "epoch-1.key").read_bytes()
    edit(
        folder,
        "UPDATE entries SET body = ?, leaf = ?, time = 1577836800000000 WHERE seq = 8",
        dumps(fields),
        entry_leaf(key, 8, fields),
    )
    assert findings(folder) == [
        (
            6,
            REWRITTEN.format(6, 10, 11),
        )
    ]


def test_only_so_many_findings(tmp_path: Path) -> None:
    """A log that is all wrong does not make an endless report."""
    fill(tmp_path, 50)
    edit(tmp_path, "UPDATE entries SET lock = 'other'")
    report = check(tmp_path)
    assert len(report.bad) == verify.MAX_BAD
    assert report.more == 30


def test_another_key(folder: Path, tmp_path: Path) -> None:
    """Checked with a key that one trusts, a log signed by another is not all right."""
    fill(tmp_path / "other", 1)
    other = check(tmp_path / "other").vkey
    bad = findings(folder, vkey=other)
    assert bad[0] == (
        -1,
        "the log names another key or origin than the one checked with",
    )
    assert (3, "checkpoint 4 is damaged or forged: not signed by this log") in bad


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE meta SET value = '9' WHERE key = 'schema'",
        "DELETE FROM meta",
        "DROP TABLE entries",
        "UPDATE logs SET vkey = 'x'",
    ],
)
def test_unusable(folder: Path, statement: str) -> None:
    """What is not a log that this verifier knows is not judged."""
    edit(folder, statement)
    with pytest.raises(verify.Unusable):
        check(folder)


def test_page_of_rubbish(tmp_path: Path) -> None:
    """A file of which a page is unreadable is checked as far as it goes."""
    fill(tmp_path, *[20] * 10)
    path = tmp_path / "log.db"
    with closing(sqlite3.connect(path)) as store:
        (leaf,) = store.execute("SELECT leaf FROM entries WHERE seq = 150").fetchone()
    content = bytearray(path.read_bytes())
    page = content.index(leaf) // 4096 * 4096
    content[page : page + 4096] = b"\xa5" * 4096
    path.write_bytes(content)
    report = check(tmp_path)
    assert not report.ok
    assert 100 < report.size <= 150
    assert f"cannot be read from entry {report.size} on" in report.bad[0][1]


COLUMNS = [
    ("entries", "seq", column)
    for column in ("seq", "epoch", "kind", "time", "lock", "body", "leaf")
] + [("checkpoints", "upto", column) for column in ("upto", "note")]
COLUMNS += [("logs", "first", column) for column in ("first", "origin", "vkey")]


@settings(patient, max_examples=150)
@given(st.data())
def test_any_flipped_bit_is_found(whole: Path, data: st.DataObject) -> None:
    """One bit, in any column of any row, or any row gone: it does not pass."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(shutil.copytree(whole, Path(name, "log")))
        table, key, column = data.draw(st.sampled_from(COLUMNS))
        with closing(sqlite3.connect(folder / "log.db")) as store, store:
            rows = store.execute(
                f"SELECT {key}, {column} FROM {table} WHERE {column} IS NOT NULL"  # noqa: S608
            ).fetchall()
            at, value = data.draw(st.sampled_from(rows))
            if data.draw(st.integers(0, 9)) == 0:
                store.execute(f"DELETE FROM {table} WHERE {key} = ?", (at,))  # noqa: S608
            else:
                # A number that another row has already cannot be given.
                done = store.execute(
                    f"UPDATE OR IGNORE {table} SET {column} = {_flipped(value, data)} WHERE {key} = ?",  # noqa: S608
                    (at,),
                )
                assume(done.rowcount)
        with suppress(verify.Unusable):
            assert not check(folder, signed=check_signature).ok


def _flipped(value: int | str | bytes, data: st.DataObject) -> str:
    """Return a value with one bit changed, as SQL."""
    if isinstance(value, int):
        return str(value ^ 1 << data.draw(st.integers(0, 62)))
    changed = bytearray(value.encode() if isinstance(value, str) else value)
    bit = data.draw(st.integers(0, len(changed) * 8 - 1))
    changed[bit // 8] ^= 1 << bit % 8
    literal = f"x'{changed.hex()}'"
    return f"CAST({literal} AS TEXT)" if isinstance(value, str) else literal


def test_notes_that_are_not(whole: Path) -> None:
    """A checkpoint has one form only."""
    with closing(sqlite3.connect(whole / "log.db")) as store:
        (note,) = store.execute(
            "SELECT note FROM checkpoints WHERE upto = 4"
        ).fetchone()
    name, key_id, _ = verify.parse_vkey(check(whole).vkey)
    assert verify.parse_note(note, name, key_id)[0] == 4
    text, _, line = note.partition("\n\n")
    root = text.split("\n")[2]
    long = b64encode(bytes(33)).decode()
    for other in (
        note.replace("\n4\n", "\n04\n"),
        note.replace("\n4\n", "\n-4\n"),
        note.replace("\n4\n", "\n٤\n"),
        note.replace("\n4\n", "\n4\n\n"),
        note.replace(root, root.rstrip("=")),
        note.replace(root, root[:-2] + chr(ord(root[-2]) + 1) + "="),
        note.replace(line, ""),
        note.replace("\n\n", "\nextension\n\n"),
        note.rstrip("\n"),
        note.replace("— ", "- "),
        re.sub(r" (\S+)\n$", " AAAA\n", note),
        "",
    ):
        with pytest.raises(ValueError, match=r"."):
            verify.parse_note(other, name, key_id)
    # A root of another length is no root of this tree.
    assert verify.parse_note(note.replace(root, long), name, key_id)[1] == bytes(33)


def test_fields_of_all_kinds_were_verified(tmp_path: Path) -> None:
    """Each kind of entry passes."""
    fill(tmp_path, len(KINDS) - len(OF_OTHERS))
    report = check(tmp_path)
    assert report.ok
    assert report.size == len(KINDS) - len(OF_OTHERS)
