"""The owner's copy, and the verifier as the command that people run."""

import asyncio
from contextlib import closing, suppress
import hashlib
import json
import os
from pathlib import Path
import re
import resource
import runpy
import shutil
import sqlite3
import subprocess
import sys

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.smartlock_le.log import (
    LogUnavailable,
    export as export_module,
    verify,
)

from .support import ORIGIN, edit, open_log, patient, sample

VERIFY = Path(verify.__file__)


def pythons() -> list[str]:
    """Return our own Python, and each from 3.9 to 3.13 that this machine has."""
    found = {"": sys.executable}
    for minor in range(9, 14):
        name = f"python3.{minor}"
        places = [
            *sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/{name}")),
            *[Path(path) for path in [shutil.which(name)] if path],
        ]
        for place in places:
            # A launcher may be there for a version that is not.
            if not subprocess.run(
                [place, "-c", ""], check=False, capture_output=True
            ).returncode:
                found.setdefault(name, str(place))
    return list(found.values())


def run(*arguments: object, python: str = sys.executable) -> tuple[int, str]:
    """Return exit status and output of the verifier, run alone: no library, no environment."""
    done = subprocess.run(
        [python, "-I", "-S", str(VERIFY), *map(str, arguments)],
        capture_output=True,
        check=False,
        text=True,
        env={"PYTHONIOENCODING": "utf-8"},
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a closed log and its exported copy."""
    folder = tmp_path_factory.mktemp("export")

    async def fill() -> None:
        log = await open_log(folder)
        for i in range(5):
            await log.append("found", sample("found", intent=i))
        exported = await log.export(folder / "copy.jsonl")
        assert exported.entries == log.size == 6
        assert exported.path == folder / "copy.jsonl"
        assert exported.sha256 == hashlib.sha256(exported.path.read_bytes()).hexdigest()
        await log.close()

    asyncio.run(fill())
    return folder


def test_copy(whole: Path) -> None:
    """The copy has a header and a line an entry, with salts, in order, for us alone."""
    path = whole / "copy.jsonl"
    assert path.stat().st_mode & 0o777 == 0o600
    header, *entries = [json.loads(line) for line in path.read_text().splitlines()]
    assert list(header) == ["format", "logs", "erasures"]
    assert (header["format"], header["erasures"]) == ("smartlock-le/log-export/2", [])
    (header,) = header["logs"]
    assert (header["origin"], header["first"], header["size"]) == (ORIGIN, 0, 6)
    assert header["checkpoint"].startswith(f"{ORIGIN}\n6\n")
    assert [entry["seq"] for entry in entries] == list(range(6))
    assert [name for name, _, _ in entries[1]["fields"]] == [
        *("kind", "time", "entered"),
        *("lock", "intent", "state"),
    ]
    assert [value for _, value, _ in entries[1]["fields"]][3:] == [
        "lock é",
        0,
        "state é",
    ]
    report = verify.verify_export(str(path))
    assert (report.ok, report.size, report.vkey) == (True, 6, header["vkey"])
    assert report.bodies_checked
    assert report.notes == [verify.OWN_KEY]


async def test_copy_in_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy is of one moment, though entries come while it is written."""
    monkeypatch.setattr(export_module, "CHUNK", 7)
    log = await open_log(tmp_path)
    await asyncio.gather(*(log.append("found", sample("found")) for _ in range(99)))
    task = asyncio.create_task(log.export(tmp_path / "copy"))
    await asyncio.sleep(0)
    while not task.done():
        await log.append("found", sample("found"))
    assert (await task).entries == 100
    assert log.size > 100
    seen: list[tuple[int, int]] = []
    report = verify.verify_export(
        str(tmp_path / "copy"), log.vkey, lambda done, total: seen.append((done, total))
    )
    assert (report.ok, report.size, report.notes, seen) == (True, 100, [], [])
    await log.close()


def test_progress(whole: Path, tmp_path: Path) -> None:
    """A long copy is checked with progress."""
    header, *lines = (whole / "copy.jsonl").read_text().splitlines(keepends=True)
    copy = tmp_path / "copy"
    copy.write_text(
        header
        + "".join(re.sub(r'"seq":\d+', f'"seq":{i}', lines[1]) for i in range(2000))
    )
    seen: list[tuple[int, int]] = []
    report = verify.verify_export(str(copy), None, lambda *at: seen.append(at))
    assert not report.ok
    assert seen == [(1000, 1000), (2000, 2000)]


async def test_copy_that_cannot_be(tmp_path: Path) -> None:
    """A copy that cannot be written or read leaves nothing behind."""
    log = await open_log(tmp_path / "log")
    with pytest.raises(LogUnavailable, match="No such file"):
        await log.export(tmp_path / "absent" / "copy")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
        with pytest.raises(LogUnavailable, match="File too large"):
            await log.export(tmp_path / "copy")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    edit(tmp_path / "log", "UPDATE entries SET body = x'00'")
    with pytest.raises(LogUnavailable, match="entry 0 is damaged"):
        await log.export(tmp_path / "copy")
    edit(tmp_path / "log", "DELETE FROM entries")
    with pytest.raises(LogUnavailable, match="entries are missing"):
        await log.export(tmp_path / "copy")
    assert os.listdir(tmp_path) == ["log"]  # noqa: PTH208
    await log.close()


def changed(whole: Path, tmp_path: Path, old: str, new: str) -> list[tuple[int, str]]:
    """Return what is found in a copy with one text replaced by another."""
    text = (whole / "copy.jsonl").read_text()
    assert old in text
    (tmp_path / "copy").write_text(text.replace(old, new, 1))
    report = verify.verify_export(str(tmp_path / "copy"))
    assert not report.ok
    return report.bad


REWRITTEN = (
    0,
    "entries 0 to 5 are not those that checkpoint 6 was signed over: at least one was rewritten",
)
OTHER = (-1, "the log names another origin than its key")


def test_changed_copies(whole: Path, tmp_path: Path) -> None:
    """What was changed in a copy is found, and named as far as one copy can tell."""
    assert changed(whole, tmp_path, "state é", "state e") == [REWRITTEN]
    assert changed(whole, tmp_path, '"intent",3', '"intent",4') == [REWRITTEN]
    assert changed(whole, tmp_path, '"seq":3', '"seq":4')[0] == (
        3,
        "entry 3 is missing",
    )
    assert changed(whole, tmp_path, '"seq":3', '"seq":2')[0] == (
        2,
        "entry 2 is out of order",
    )
    for seq in ("-3", "3.5", '"3"', str(2**70)):
        assert changed(whole, tmp_path, '"seq":3', f'"seq":{seq}')[0] == (
            3,
            "line 5 is damaged",
        )
    assert changed(whole, tmp_path, '{"seq":3,', '{"seq":3, ')[0] == (
        3,
        "line 5 is damaged",
    )
    assert changed(whole, tmp_path, '{"seq":3,', "[" * 9999)[0] == (
        3,
        "line 5 is damaged",
    )
    assert changed(whole, tmp_path, '"size":6', '"size":5')[0] == (
        4,
        "checkpoint 5 is damaged or forged: bad signature",
    )
    assert changed(whole, tmp_path, f'"origin":"{ORIGIN}', '"origin":"x') == [OTHER]


def test_shortened_copy(whole: Path, tmp_path: Path) -> None:
    """A copy without its end is not whole."""
    lines = (whole / "copy.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "copy").write_text("".join(lines[:-2]))
    report = verify.verify_export(str(tmp_path / "copy"))
    assert report.bad == [
        (4, "entries 4 to 5 are missing: a checkpoint was signed over more")
    ]


@settings(patient, max_examples=150)
@given(st.data())
def test_any_flipped_bit_is_found(whole: Path, data: st.DataObject) -> None:
    """One bit, anywhere in a copy: it does not pass."""
    text = bytearray((whole / "copy.jsonl").read_bytes())
    bit = data.draw(st.integers(0, len(text) * 8 - 1))
    text[bit // 8] ^= 1 << bit % 8
    path = whole / "flipped"
    path.write_bytes(text)
    with suppress(verify.Unusable):
        assert not verify.verify_export(str(path)).ok


@pytest.mark.parametrize("python", pythons())
def test_command(whole: Path, tmp_path: Path, python: str) -> None:
    """The verifier runs alone under any Python from 3.9, and its status says how it was."""
    store, copy = whole / "log.db", whole / "copy.jsonl"
    status, said = run(store, python=python)
    assert status == 0, said
    assert "7 entries, 7 checkpoints" in said
    assert "OK: the entries are those that were signed" in said
    assert "NOT" not in said
    vkey = re.findall(r"Key  (.*)", said)[0]
    assert "compare it" in said
    status, said = run(copy, "--vkey", vkey, python=python)
    assert (status, "compare it" in said) == (0, False)

    alone = tmp_path / "log.db"
    shutil.copy(store, alone)
    status, said = run(alone, "--vkey", vkey, python=python)
    assert (status, "Bodies were NOT checked" in said) == (0, True)
    status, said = run(alone, "--keys", whole / "keys", python=python)
    assert (status, "NOT" in said) == (0, False)
    with closing(sqlite3.connect(alone)) as db, db:
        db.execute(
            "UPDATE entries SET body = CAST(replace(body, 'state é', 'state e') AS BLOB) WHERE seq = 3"
        )
    status, said = run(alone, "--keys", whole / "keys", python=python)
    assert status == 1
    assert "NOT OK: entry 3: its body is not what was committed to." in said
    assert "\nOK" not in said


def test_command_without_a_log(whole: Path, tmp_path: Path) -> None:
    """What cannot be checked is a status of its own."""
    (tmp_path / "text").write_text("not a log")
    (tmp_path / "list").write_text("[]")
    (tmp_path / "other").write_text('{"format": "other"}')
    (tmp_path / "store").write_bytes(b"SQLite format 3\0" + bytes(4080))
    for name in ("absent", "text", "list", "other", "store"):
        status, said = run(tmp_path / name)
        assert status == 2, said
        assert f"{name} cannot be checked" in said
    assert run(whole / "log.db", "--vkey", "x+y")[0] == 2
    assert run()[0] == 2


def test_main(
    whole: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The command, in this process."""
    monkeypatch.setattr(sys, "argv", ["verify.py", str(whole / "log.db")])
    with pytest.raises(SystemExit, match="0"):
        runpy.run_path(str(VERIFY), run_name="__main__")
    assert verify.main([str(whole / "log.db")]) == 0
    assert verify.main([str(whole / "copy.jsonl")]) == 0
    assert verify.main([str(tmp_path / "absent")]) == 2
    alone = tmp_path / "log.db"
    shutil.copy(whole / "log.db", alone)
    assert verify.main([str(alone)]) == 0
    capsys.readouterr()
    with closing(sqlite3.connect(alone)) as store, store:
        store.execute("UPDATE entries SET kind = 'other'")
        (count,) = store.execute("SELECT count(*) FROM entries").fetchone()
        store.executemany(
            "INSERT INTO checkpoints VALUES (?, '')", [(100 + i,) for i in range(20)]
        )
    assert verify.main([str(alone)]) == 1
    assert f"{count} more findings" in capsys.readouterr().out
