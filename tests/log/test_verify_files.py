"""The verifier on files that are made to make it fall over: a status, never a traceback."""

import asyncio
from collections.abc import Callable
from contextlib import closing, suppress
import io
import json
from pathlib import Path
import shutil
import sqlite3
import sys
from typing import Any
import zipfile

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.smartlock_le.log import verify
from custom_components.smartlock_le.log.signature import check_signature

from .support import edit, open_log, patient, sample


def written(value: Any) -> str:
    """Return JSON as copies have it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a closed log, its copy and its proofs."""
    folder = tmp_path_factory.mktemp("files")

    async def make() -> None:
        log = await open_log(folder)
        for number in range(4):
            await log.append("found", sample("found", intent=number))
        await log.export(folder / "copy")
        await log.export_proofs(folder / "zip", range(1, 4))
        await log.close()

    asyncio.run(make())
    return folder


def said(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Return status and output of the verifier."""
    capsys.readouterr()
    return verify.main([str(path)]), capsys.readouterr().out


HEADERS: list[Any] = [
    *(None, 7, "text", [], {}, {"format": []}),
    {"logs": 7},
    {"logs": []},
    {"logs": [7]},
    {"logs": [{}]},
    {"erasures": 7},
    {"erasures": [7]},
    {"erasures": [[1, 2, 3]]},
    {"erasures": [[[], 2]]},
    *({"first": first} for first in (-1, 1.0, "0", True, None, 1e400)),
    *({"size": size} for size in (-1, 1.5, "5", True, None, 1e400)),
    *({"vkey": vkey} for vkey in (7, "", "a+b", "a+b+c", "a+00+\ud800")),
]


@pytest.mark.parametrize("header", HEADERS)
def test_headers(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], header: Any
) -> None:
    """A header that is none of ours is not judged."""
    first, *lines = (whole / "copy").read_text().splitlines(keepends=True)
    true = json.loads(first)
    if isinstance(header, dict) and header:
        if header.keys() & {"first", "size", "vkey"}:
            header = {"logs": [true["logs"][0] | header]}
        header = true | header
    copy = tmp_path / "copy"
    text = written(header) + "\n" + "".join(lines)
    copy.write_text(text, errors="surrogatepass")
    status, out = said(copy, capsys)
    assert (status, "cannot be checked" in out) == (2, True)


def test_logs_that_overlap(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No entry is of two logs."""
    first, *lines = (whole / "copy").read_text().splitlines(keepends=True)
    header = json.loads(first)
    (log,) = header["logs"]
    header["logs"] = [log, log | {"first": 4, "size": 1}]
    (tmp_path / "copy").write_text(written(header) + "\n" + "".join(lines))
    status, out = said(tmp_path / "copy", capsys)
    assert (status, "two logs have the same entries" in out) == (2, True)


@pytest.mark.parametrize("text", [b"[" * 99_999, b"x" * 99_999, b"\xff", b"1" * 9999])
def test_first_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    text: bytes,
) -> None:
    """A first line that goes on and on is not read to its end."""
    monkeypatch.setattr(verify, "MAX_HEADER", 50_000)
    (tmp_path / "copy").write_bytes(text)
    assert said(tmp_path / "copy", capsys)[0] == 2


def test_endless_line(
    whole: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nor is any other."""
    monkeypatch.setattr(verify, "MAX_LINE", 5000)
    assert said(whole / "copy", capsys)[0] == 0
    text = (whole / "copy").read_bytes()
    (tmp_path / "copy").write_bytes(text + b" " * 5001)
    status, out = said(tmp_path / "copy", capsys)
    assert (status, "longer than any of ours" in out) == (2, True)


def test_what_is_printed(
    whole: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a file says cannot say that all is well, nor stop the verifier from saying."""
    folder = Path(shutil.copytree(whole, tmp_path / "log"))
    edit(folder, "UPDATE entries SET epoch = ? WHERE seq = 2", "\nOK: \x1b[2J\u202eé")
    status, out = said(folder / "log.db", capsys)
    assert (status, "\nOK" in out) == (1, False)
    assert r"there is no key of epoch \nOK: \x1b[2J\u202eé." in out
    text = (whole / "copy").read_text().replace('"origin":"', '"origin":"\u202e', 1)
    (folder / "copy").write_text(text)
    status, out = said(folder / "copy", capsys)
    assert (status, "names another origin" in out) == (1, True)
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    assert verify.main([str(folder / "log.db")]) == 1
    stream.flush()
    assert rb"\u202e\xe9." in stream.buffer.getvalue()  # type: ignore[attr-defined]


STATEMENTS = [
    "DROP TABLE erasures",
    "DROP TABLE logs",
    (
        "DROP TABLE entries; CREATE VIEW entries AS WITH RECURSIVE n(seq) AS (SELECT 0 UNION ALL"
        " SELECT seq + 1 FROM n) SELECT seq, 1 epoch, '' kind, 0 time, '' lock, '' body, '' leaf FROM n"
    ),
    "DROP TABLE erasures; CREATE VIEW erasures AS SELECT 1 by, 2 seq",
    "ALTER TABLE logs RENAME TO old; CREATE TABLE logs AS SELECT 'x' first, origin, vkey FROM old",
    "ALTER TABLE logs RENAME TO old; CREATE TABLE logs AS SELECT -1 first, origin, vkey FROM old",
    (
        "ALTER TABLE entries RENAME TO old; CREATE TABLE entries AS SELECT seq + 0.5 seq, epoch,"
        " kind, time, lock, body, leaf FROM old"
    ),
    (
        "ALTER TABLE checkpoints RENAME TO old; CREATE TABLE checkpoints"
        " (upto INTEGER PRIMARY KEY, note) WITHOUT ROWID"
    ),
    "ALTER TABLE meta RENAME COLUMN key TO other",
]


@pytest.mark.parametrize("statements", STATEMENTS)
def test_other_tables(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], statements: str
) -> None:
    """Tables of another shape are no log of ours."""
    shutil.copy(whole / "log.db", tmp_path)
    with closing(sqlite3.connect(tmp_path / "log.db")) as store:
        store.executescript(statements)
    status, out = said(tmp_path / "log.db", capsys)
    assert (status, "cannot be checked" in out) == (2, True)


def test_greatest_number(whole: Path, tmp_path: Path) -> None:
    """An entry with the greatest number that there is is not passed over."""
    folder = Path(shutil.copytree(whole, tmp_path / "log"))
    edit(
        folder,
        "INSERT INTO entries SELECT 9223372036854775807, epoch, kind, time, lock, body, leaf"
        " FROM entries WHERE seq = 1",
    )
    assert not verify.verify_store(str(folder / "log.db"), str(folder / "keys")).ok


def rezipped(
    whole: Path, path: Path, change: Callable[[dict[str, bytes]], Any]
) -> Path:
    """Make a zip file of proofs with other contents."""
    with zipfile.ZipFile(whole / "zip") as zipped:
        files = {name: zipped.read(name) for name in zipped.namelist()}
    change(files)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, data in files.items():
            zipped.writestr(name, data)
    return path


def put(name: str, data: bytes) -> Callable[[dict[str, bytes]], Any]:
    """Return what puts a file there."""
    return lambda files: files.update({name: data})


ZIPS = [
    lambda files: files.pop("log.json"),
    lambda files: files.pop("entries.jsonl"),
    lambda files: files.pop("proofs/2.tlog-proof"),
    put("log.json", b"7"),
    put("log.json", b"[" * 99_999),
    put("log.json", b'{"format":"other"}'),
    put("log.json", b'{"format":"smartlock-le/log-proof/1"}'),
    put("log.json", b'{"format":"smartlock-le/log-proof/1","logs":[]}'),
    put("log.json", bytes(verify.MAX_LINE + 1)),
    put("entries.jsonl", b"{}\n"),
    put("entries.jsonl", bytes(verify.MAX_LINE * 50)),
    put("proofs/2.tlog-proof", bytes(verify.MAX_LINE + 1)),
]


@pytest.mark.parametrize("change", ZIPS)
def test_other_zips(
    whole: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[dict[str, bytes]], Any],
) -> None:
    """A zip file without what ours has, or with more than memory holds, is not judged."""
    status, out = said(rezipped(whole, tmp_path / "zip", change), capsys)
    assert (status, "cannot be checked" in out) == (2, True)


@pytest.mark.parametrize("damage", ["encrypted", "method", "cut", "stream", "twice"])
def test_damaged_zip(
    whole: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    damage: str,
) -> None:
    """Nor is one that cannot be unpacked."""
    path = tmp_path / "zip"
    data = bytearray((whole / "zip").read_bytes())
    central = data.index(b"PK\1\2")
    if damage == "encrypted":
        data[central + 8] |= 1
    elif damage == "method":
        data[central + 10] = 14
    elif damage == "cut":
        del data[-1]
    elif damage == "stream":
        data[60:90] = bytes(30)
    path.write_bytes(data)
    if damage == "twice":
        with (
            zipfile.ZipFile(path, "a") as zipped,
            pytest.warns(UserWarning, match="Duplicate"),
        ):
            zipped.writestr("entries.jsonl", b"")
    status, out = said(path, capsys)
    assert (status, "cannot be checked" in out) == (2, True)


@settings(patient, max_examples=300)
@given(st.data())
def test_any_flipped_bits(whole: Path, data: st.DataObject) -> None:
    """Some bits, anywhere in a file of any sort: a finding, or nothing to be judged."""
    name = data.draw(st.sampled_from(["copy", "zip", "log.db"]))
    text = bytearray((whole / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        bit = data.draw(st.integers(0, len(text) * 8 - 1))
        text[bit // 8] ^= 1 << bit % 8
    path = whole / "flipped"
    path.write_bytes(text)
    check: Callable[..., Any] = {
        "copy": verify.verify_export,
        "zip": verify.verify_proofs,
        "log.db": verify.verify_store,
    }[name]
    with suppress(verify.Unusable):
        check(str(path), signed=check_signature)
