"""The verifier on logs that follow each other, and on what is said to be erased."""

import asyncio
from datetime import timedelta
import json
from pathlib import Path
import shutil
from typing import Any

import orjson
import pytest

from custom_components.smartlock_le.log import KINDS, verify
from custom_components.smartlock_le.log.body import opened
from custom_components.smartlock_le.log.canonical import dumps
from custom_components.smartlock_le.log.leaf import entry_leaf
from custom_components.smartlock_le.log.note import Signer
from custom_components.smartlock_le.log.tree import Tree

from .support import START, Clock, edit, open_log, sample


async def _grow(folder: Path) -> None:
    log = await open_log(folder)
    await log.append("found", sample("found"))
    await log.close()


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with three logs: entries 0 to 2, 3 to 6 and 7 to 10."""
    folder = tmp_path_factory.mktemp("logs")
    asyncio.run(_grow(folder))
    for _ in range(2):
        # Its newest entry is taken away, so that it was put back.
        edit(
            folder,
            "DELETE FROM checkpoints WHERE upto = (SELECT max(seq) + 1 FROM entries)",
        )
        edit(folder, "DELETE FROM entries WHERE seq = (SELECT max(seq) FROM entries)")
        asyncio.run(_grow(folder))
    return folder


@pytest.fixture
def folder(logs: Path, tmp_path: Path) -> Path:
    """Return those logs, to change."""
    return Path(shutil.copytree(logs, tmp_path / "log"))


def check(folder: Path, **options: Any) -> verify.Report:
    """Verify the store in a folder."""
    options = {"keys": str(folder / "keys"), **options}
    return verify.verify_store(str(folder / "log.db"), **options)


def test_three_logs(logs: Path) -> None:
    """Each log names the one before it."""
    report = check(logs)
    assert (report.ok, report.bad, report.strangers) == (True, [], [])
    assert report.size == 4


@pytest.mark.parametrize(
    ("statements", "found"),
    [
        (
            [
                "DELETE FROM entries WHERE seq < 3",
                "DELETE FROM checkpoints WHERE upto <= 3",
            ],
            (
                3,
                "entry 3 says that 2 entries of the log before it are here, and there are 0",
            ),
        ),
        (
            [
                "DELETE FROM entries WHERE seq < 3",
                "DELETE FROM checkpoints WHERE upto <= 3",
                "DELETE FROM logs WHERE first = 0",
            ],
            (
                3,
                "entry 3 says that 2 entries of the log before it are here, and there are 0",
            ),
        ),
        (
            [
                "DELETE FROM entries WHERE seq = 1",
                "DELETE FROM checkpoints WHERE upto = 2",
            ],
            (
                3,
                "entry 3 says that 2 entries of the log before it are here, and there are 1",
            ),
        ),
    ],
)
def test_a_log_taken_out(
    folder: Path, statements: list[str], found: tuple[int, str]
) -> None:
    """An older log does not go, whole or in part, unnoticed."""
    for statement in statements:
        edit(folder, statement)
    assert check(folder).bad == [found]


async def copied(folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Return the header and the lines of a copy of the log in a folder."""
    log = await open_log(folder)
    await log.export(folder / "copy")
    await log.close()
    header, *lines = (folder / "copy").read_text().splitlines(keepends=True)
    return json.loads(header), lines


async def test_forged_log_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A log that no later one names is not taken for one of the key that one trusts."""
    await _grow(tmp_path / "true")
    (tmp_path / "true" / "log.db").unlink()
    header, lines = await copied(tmp_path / "true")
    # The log that was lost has a row, and nothing in it.
    assert [log["size"] for log in header["logs"]] == [0, 2]
    vkey = header["logs"][1]["vkey"]
    report = verify.verify_export(str(tmp_path / "true" / "copy"), vkey)
    assert (report.ok, report.bad, report.strangers) == (True, [], [])
    forged, more = await copied(tmp_path / "forged")
    header["logs"][0] = forged["logs"][0]
    both = tmp_path / "both"
    first = json.dumps(header, ensure_ascii=False, separators=(",", ":")) + "\n"
    both.write_text("".join([first, *more, *lines]))
    report = verify.verify_export(str(both), vkey)
    assert (report.ok, len(report.strangers)) == (True, 1)
    capsys.readouterr()
    assert verify.main([str(both), "--vkey", vkey]) == 1
    stranger = forged["logs"][0]["vkey"]
    said = f"Nothing here vouches for the key of entries 0 to 0: compare {stranger} with one you trust."
    assert f"\nNOT OK: {said}\n" in (out := capsys.readouterr().out)
    assert "\nOK" not in out
    # Where no key is trusted, that is said of each.
    assert verify.main([str(both)]) == 0
    assert f"\n{said}\n" in capsys.readouterr().out


@pytest.fixture(scope="module")
def erased(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a log of which entries 0 to 6 are erased, but for 3, which is held."""
    folder = tmp_path_factory.mktemp("erased")
    clock = Clock()

    async def make() -> None:
        log = await open_log(folder, clock=clock)
        for number in range(8):
            clock.now = START + timedelta(days=number // 2)
            await log.append("found", sample("found", lock=f"lock {number}"))
        owner = dict.fromkeys(("actor_kind", "actor", "actor_name"), "")
        await log.care.hold(
            START, START + timedelta(days=99), "case", owner, lock="lock 2"
        )
        await log.care.retain(1)
        clock.now = START + timedelta(days=4)
        await log.care.retain(1)
        await log.append("access", sample("access", actor_name="Anna"))
        await log.care.erase_person("Anna", owner)
        await log.close()

    asyncio.run(make())
    return folder


ERASED = [
    (
        "UPDATE entries SET body = NULL WHERE seq = 3",
        (0, "entries 0 to 4: the bodies of 5 are gone, and entries say so of 4"),
    ),
    (
        "UPDATE entries SET body = NULL WHERE seq IN (7, 8)",
        (7, "entries 7 to 8: their bodies are gone and no entry says why"),
    ),
    (
        "UPDATE entries SET body = NULL WHERE kind = 'hold'",
        (9, "entry 9: its body is gone and no entry says why"),
    ),
    (
        "UPDATE erasures SET seq = 'x'",
        (13, "entry 13: the list of what it erased was changed"),
    ),
    (
        "INSERT INTO erasures SELECT by, 'x' FROM erasures UNION SELECT by, x'00' FROM erasures",
        (13, "entry 13: the list of what it erased was changed"),
    ),
]


@pytest.mark.parametrize(("statement", "found"), ERASED)
def test_more_erased_than_was_said(
    erased: Path, tmp_path: Path, statement: str, found: tuple[int, str]
) -> None:
    """What was kept does not go under the word for what was erased beside it."""
    folder = Path(shutil.copytree(erased, tmp_path / "log"))
    report = check(folder)
    assert (report.ok, report.bad, report.erased) == (True, [], 6)
    edit(folder, statement)
    assert found in check(folder).bad


NEW: dict[str, Any] = {
    "reason": "copied",
    "origin": "before",
    "key": "",
    "size": 1,
    "root": "",
    "held": 1,
}


def signed(folder: Path, second: dict[str, Any]) -> verify.Report:
    """Verify two logs of one entry, all signed by one who writes what they like."""
    key, seed = bytes(32), bytes(32)
    first = {"kind": "stopped", "time": "", "entered": ""}
    before = Signer("before", seed)
    tree = Tree()
    tree.add(entry_leaf(key, 0, first))
    truth = NEW | {"key": before.vkey, "root": tree.root().hex()}
    if second["kind"] == "restored":
        second = truth | second
        order = KINDS["restored"].order
        second = {name: second.get(name, "") for name in order}
    logs, lines = [], []
    for seq, (fields, signer) in enumerate(
        ((first, before), (second, Signer("after", seed)))
    ):
        tree = Tree()
        tree.add(entry_leaf(key, seq, fields))
        logs.append(
            {
                "first": seq,
                "origin": signer.name,
                "vkey": signer.vkey,
                "size": 1,
                "checkpoint": signer.checkpoint(1, tree.root()),
            }
        )
        lines.append({"seq": seq, "fields": opened(key, seq, dumps(fields))})
    header = {"format": "smartlock-le/log-export/2", "logs": logs, "erasures": []}
    folder.mkdir(exist_ok=True)
    copy = folder / "copy"
    copy.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in [header, *lines]))
    return verify.verify_export(str(copy))


@pytest.mark.parametrize(
    ("second", "found"),
    [
        ({"kind": "restored"}, None),
        ({"kind": "stopped"}, "entry 1 does not say why a new log begins"),
        ({"kind": "restored", "size": ""}, "entry 1 does not say what was before it"),
        ({"kind": "restored", "held": ""}, "entry 1 does not say what was before it"),
        ({"kind": "restored", "origin": ""}, "entry 1 names another log before it"),
        ({"kind": "restored", "key": ""}, "entry 1 names another log before it"),
        (
            {"kind": "restored", "root": ""},
            "entry 1 names another head of the log before it",
        ),
        ({"kind": "restored", "root": "", "size": 2}, None),
        (
            {"kind": "restored", "held": 2},
            "entry 1 says that 2 entries of the log before it are here, and there are 1",
        ),
    ],
)
def test_what_a_new_log_says(
    tmp_path: Path, second: dict[str, Any], found: str | None
) -> None:
    """A new log is held to what it says of the one before it."""
    order = ("kind", "time", "entered")
    second = dict.fromkeys(order, "") | second
    report = signed(tmp_path, second)
    assert report.bad == ([(1, found)] if found else [])


@pytest.mark.parametrize("field", ["first", "last", "entries"])
def test_erased_by_no_number(tmp_path: Path, field: str) -> None:
    """An erasure that does not say from where to where explains nothing."""
    fields = dict.fromkeys(KINDS["erased"].order, "")
    fields |= {"kind": "erased", "first": 0, "last": 0, "entries": 1, "sha256": ""}
    for value, explained in ((fields[field], True), ("0", False)):
        gone = verify.Erased()
        gone.entry(0, None, set())
        gone.entry(1, fields | {field: value}, set())
        report = verify.Report()
        gone.end(report, {})
        assert report.ok == explained
