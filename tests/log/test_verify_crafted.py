"""The verifier against files that were made to fool it, or to make it fall over."""

import asyncio
from base64 import b64encode
from collections.abc import Callable
import json
from pathlib import Path
import shutil
from typing import Any

import pytest

from custom_components.smartlock_le.log import verify

from .support import edit, fill, open_log, sample

type Lines = list[dict[str, Any]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a log that nobody changed."""
    folder = tmp_path_factory.mktemp("whole")
    fill(folder, 4, 4)
    return folder


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Lines:
    """Return the lines of a copy that nobody changed."""
    folder = tmp_path_factory.mktemp("copy")

    async def make() -> None:
        log = await open_log(folder)
        for number in range(3):
            await log.append("found", sample("found", intent=number))
        await log.export(folder / "copy")
        await log.close()

    asyncio.run(make())
    return [json.loads(line) for line in (folder / "copy").read_text().splitlines()]


def of_copy(path: Path, lines: Lines) -> verify.Report:
    """Verify a copy of these lines."""
    path.write_text(
        "".join(
            json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"
            for line in lines
        )
    )
    return verify.verify_export(str(path))


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """Return a folder with a log to change."""
    return Path(shutil.copytree(whole, tmp_path / "log"))


def findings(folder: Path, **options: Any) -> list[tuple[int, str]]:
    """Return what a verification of the store in a folder finds."""
    options = {"keys": str(folder / "keys"), **options}
    report = verify.verify_store(str(folder / "log.db"), **options)
    assert report.ok == (not report.bad)
    return report.bad


@pytest.mark.parametrize("size", [0, 31, 33])
def test_key_that_is_none(folder: Path, size: int) -> None:
    """A key of another length opens nothing: bodies beside it do not pass unchecked."""
    (folder / "keys" / "epoch-1.key").write_bytes(bytes(size))
    edit(folder, "UPDATE entries SET body = replace(body, 'é', 'e') WHERE seq = 3")
    assert findings(folder)[0] == (0, "entry 0: there is no key of epoch 1")


@pytest.mark.parametrize("body", ["7", "7.5", "'{}'", "CAST(body AS TEXT)"])
def test_body_of_another_type(folder: Path, body: str) -> None:
    """A body that is no BLOB is none of ours."""
    edit(folder, f"UPDATE entries SET body = {body} WHERE seq = 3")  # noqa: S608
    assert findings(folder) == [(3, "entry 3: its body is not one of ours")]


@pytest.mark.parametrize("lock", ["''", "0", "x''"])
def test_lock_that_is_none(folder: Path, lock: str) -> None:
    """What only looks like no lock is not what we wrote."""
    edit(folder, f"UPDATE entries SET lock = {lock} WHERE kind = 'alarm'")  # noqa: S608
    ((_, what), *_) = findings(folder)
    assert what.endswith("its row does not say what its body says")


def leaf_of(line: dict[str, Any]) -> str:
    """Return the leaf hash of an entry, in base64."""
    return b64encode(verify._opened(line["seq"], line["fields"])[0]).decode()


def forged(line: dict[str, Any]) -> dict[str, Any]:
    """Return the true leaf of an entry with fields beside it that are not its own."""
    fields = [[name, "forged", salt] for name, _, salt in line["fields"]]
    return {"seq": line["seq"], "fields": fields, "leaf": leaf_of(line)}


@pytest.mark.parametrize(
    "make",
    [forged, lambda line: line | {"note": "x"}, lambda line: {"seq": 2, "leaf": 7}],
)
def test_more_in_a_line_than_is_checked(
    copy: Lines, tmp_path: Path, make: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    """What is not checked does not stand beside what is."""
    lines = [*copy[:3], make(copy[3]), *copy[4:]]
    report = of_copy(tmp_path / "copy", lines)
    assert (2, "line 4 is damaged") in report.bad


def found(*names: object, salt: bytes = bytes(16)) -> list[Any]:
    """Return the fields of an entry with these names; None withholds one."""
    values = {"kind": "found", "intent": 1}
    hidden = b64encode(bytes(32)).decode()
    salted = b64encode(salt).decode()
    return [
        hidden if name is None else [name, values.get(str(name), ""), salted]
        for name in names
    ]


def test_fields_in_their_places() -> None:
    """Each field is in the place of its name, once, and has a salt."""
    order = ["kind", "time", "entered", "lock", "intent", "state"]
    for good in (order, [None] * 6, [None, *order[1:]], [*order[:4], None, None]):
        missing = verify._opened(1, found(*good))[2]
        assert (not missing) == (None not in good)
    for bad in (
        [*order[:3], "intent", "lock", "state"],
        [*order, "state"],
        [*order, None],
        [*order[:5], "lock"],
        [*order[:5], ""],
        [*order[:5], 0],
        [None, "time", "entered", "lock", "state", "intent"],
        [None, *order[1:5], "kind"],
        [None, *order[1:3], "time"],
        [None] * 99,
    ):
        with pytest.raises(ValueError, match=r"not (a field|the fields of its kind)"):
            verify._opened(1, found(*bad))
    for size in (0, 15, 17):
        with pytest.raises(ValueError, match="not a field"):
            verify._opened(1, found(*order, salt=bytes(size)))
    short = [*found(*order[:5]), b64encode(bytes(31)).decode()]
    with pytest.raises(ValueError, match="not a commitment"):
        verify._opened(1, short)
    for value in (1.5, True, None, 2**53):
        field = ["lock", value, b64encode(bytes(16)).decode()]
        with pytest.raises(ValueError, match="neither text nor a whole number"):
            verify._opened(1, [*found(*order[:3]), field])
