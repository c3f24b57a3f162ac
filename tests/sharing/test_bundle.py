"""What goes to an agency, judged by others than us."""

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
import csv
import hashlib
import io
import json
from pathlib import Path
import shutil
import subprocess
from typing import Any
import zipfile

import bagit
from homeassistant.core import HomeAssistant
import pyrage
import pytest

from custom_components.smartlock_le.home import Home
from custom_components.smartlock_le.log import VERIFIER, Entry, verify
from custom_components.smartlock_le.models import Wanted
from custom_components.smartlock_le.requests.request import Request
from custom_components.smartlock_le.sharing.age import BadRecipient, sealed
from custom_components.smartlock_le.sharing.models import Field, Stage
from tests.log.conformance.judges import Item, Judge, aics, build_go
from tests.log.conformance.logs import leaf_of
from tests.log.test_export import pythons

from .conftest import CAMERA, OWNER, What, came, door, file_of, given, pictured, scope
from .keys import IDENTITY, RECIPIENT, ZERO

KEY = pyrage.x25519.Identity.from_str(IDENTITY)


@pytest.fixture
async def sealed_file(home: Home, request_made: Request, visitors: list[Entry]) -> Path:
    """Give one that was approved, as it goes: accesses and a picture."""
    await pictured(home, 6, What.STILL, b"\xff\xd8 a picture \xff\xd9")
    wanted = scope(
        home,
        *(Field.METHOD, Field.PEOPLE, Field.RECORD),
        devices=frozenset({door(home), CAMERA}),
        kinds=frozenset({Wanted.ACCESS, Wanted.PICTURES}),
    )
    release = await given(home, request_made, wanted)
    assert release.stage is Stage.SEALED
    path = file_of(home, release)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == release.sha256
    return path


@pytest.fixture
def bundle(sealed_file: Path, tmp_path: Path) -> Path:
    """Give it as the agency has it once it is opened."""
    path = tmp_path / "release.zip"
    path.write_bytes(pyrage.decrypt(sealed_file.read_bytes(), [KEY]))
    return path


@pytest.fixture
def bag(bundle: Path, tmp_path: Path) -> Path:
    """Give it unpacked: the folder of the bag."""
    with zipfile.ZipFile(bundle) as zipped:
        zipped.extractall(tmp_path / "unpacked")
    (folder,) = (tmp_path / "unpacked").iterdir()
    return folder


def ran(command: Sequence[str | Path], folder: Path) -> int:
    """Run a program in a folder; return its exit status."""
    return subprocess.run(
        command, cwd=folder, check=False, capture_output=True
    ).returncode


def is_valid(bag: Path) -> bool:
    """Tell what the reference reader of BagIt says."""
    try:
        return bool(bagit.Bag(str(bag)).validate())
    except bagit.BagError:
        return False


def flip(path: Path, at: int | None = None) -> None:
    """Change one bit of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2 if at is None else at] ^= 1
    path.write_bytes(data)


class TestContents:
    """What is in it."""

    async def test_files(self, bag: Path, home: Home) -> None:
        """The entries that were asked for, each once, and what a reader needs."""
        assert {path.name for path in bag.iterdir()} == {
            *("bagit.txt", "bag-info.txt", "data", "manifest-sha256.txt"),
            *("tagmanifest-sha256.txt", "approval.json", "approval.zip"),
        }
        assert {path.name for path in (bag / "data").iterdir()} == {
            *("README.txt", "report.html", "events.csv", "events.jsonl"),
            *("proofs.zip", "request.json", "scope.json", "certificate.txt"),
            *("verify.py", "media"),
        }
        rows = [
            json.loads(line)
            for line in (bag / "data/events.jsonl").read_text().splitlines()
        ]
        assert [(row["event"], row.get("person")) for row in rows] == [
            ("unlocked", "Person 1"),
            ("unlocked", "Person 2"),
            ("unlocked", "Person 1"),
            ("still", None),
        ]
        with (bag / "data/events.csv").open(newline="") as file:
            assert [row["number"] for row in csv.DictReader(file)] == [
                str(row["number"]) for row in rows
            ]
        assert (bag / "data/verify.py").read_bytes() == VERIFIER.read_bytes()
        assert (bag / "data" / rows[-1]["file"]).read_bytes().startswith(b"\xff\xd8")

    async def test_request(self, bag: Path, request_made: Request) -> None:
        """It is given back with what shows that it is the one that was logged."""
        said = json.loads((bag / "data/request.json").read_text())
        text = json.dumps(
            said["said"], sort_keys=True, separators=(",", ":"), ensure_ascii=False
        )
        digest = hashlib.sha256(said["salt"].encode() + text.encode()).hexdigest()
        assert digest == said["digest"] == request_made.digest
        with zipfile.ZipFile(bag / "data/proofs.zip") as proofs:
            assert digest in proofs.read("entries.jsonl").decode()

    async def test_draft_is_signed_by_nobody(self, bag: Path) -> None:
        """It says so, and has room for who does."""
        text = (bag / "data/certificate.txt").read_text()
        assert text.startswith("DRAFT. Not signed.")
        assert "Signature ____" in text and "902(14)" in text

    async def test_page(self, bag: Path) -> None:
        """It is whole by itself, and says what it does not show."""
        page = (bag / "data/report.html").read_text()
        assert "http" not in page.replace("http-equiv", "")
        assert "<script" not in page and "url(" not in page
        assert "data:image/jpeg;base64," in page
        for said in ("Person 2", "Front door", "What this shows, and what not"):
            assert said in page
        for hidden in ("Olive", "Gustav", "armed_away"):
            assert hidden not in page

    async def test_hostile_names(
        self, hass: HomeAssistant, home: Home, request_made: Request
    ) -> None:
        """What people are called is text, in each of its forms."""
        name = "=cmd|'/C calc'!A0<script>alert(1)</script>\"\n"
        await came(home, 5, name)
        wanted = scope(home, Field.NAMES)
        release = await home.releases.preview(request_made.id, wanted, OWNER)
        path = await home.releases.looked_at(release.id, packed=False)
        assert "<script" not in path.read_text()
        with path.with_name("events.csv").open(newline="") as file:
            (row,) = csv.DictReader(file)
        assert row["person"].startswith("'=cmd ")


class TestJudges:
    """Who never saw our code."""

    async def test_accepted(self, bundle: Path, bag: Path, home: Home) -> None:
        """By the reader of bags, and by the verifier, packed and unpacked."""
        assert is_valid(bag)
        report = verify.verify_bag(bundle, home.log.vkey)
        assert (report.ok, report.bad) == (True, [])
        for path in (bundle, bag):
            assert verify.main([str(path), "--vkey", home.log.vkey]) == 0

    @pytest.mark.parametrize("python", pythons())
    async def test_each_python(self, bag: Path, python: str) -> None:
        """The verifier in the bag runs alone, and sees one bit that is another."""
        alone = [python, "-I", "-S", "verify.py", ".."]
        assert ran(alone, bag / "data") == 0
        flip(bag / "data/events.csv")
        assert ran(alone, bag / "data") == 1

    async def test_each_file_changed(self, bag: Path, home: Home) -> None:
        """One bit, and both say no."""
        for path in [path for path in sorted(bag.rglob("*")) if path.is_file()]:
            data = path.read_bytes()
            flip(path)
            assert not is_valid(bag), path
            status = verify.main([str(bag), "--vkey", home.log.vkey])
            assert status in (1, 2), path
            path.write_bytes(data)
        assert is_valid(bag)

    async def test_age(self, sealed_file: Path, bundle: Path, tmp_path: Path) -> None:
        """Debian's own opens it with the agency's key, with no other, and whole or not."""
        key, other = tmp_path / "key.txt", tmp_path / "other.txt"
        key.write_text(IDENTITY)
        other.write_text(str(pyrage.x25519.Identity.generate()))
        made = tmp_path / "made.zip"
        command = ["age", "-d", "-o", made, "-i"]
        assert ran([*command, key, sealed_file], tmp_path) == 0
        assert made.read_bytes() == bundle.read_bytes()
        assert ran([*command, other, sealed_file], tmp_path) != 0
        size = sealed_file.stat().st_size
        for at in (30, 100, 180, size // 2, size - 1):
            changed = tmp_path / "changed.age"
            shutil.copy(sealed_file, changed)
            flip(changed, at)
            assert ran([*command, key, changed], tmp_path) != 0, at
        cut = tmp_path / "cut.age"
        cut.write_bytes(sealed_file.read_bytes()[:-1])
        assert ran([*command, key, cut], tmp_path) != 0

    @pytest.mark.parametrize("name", ["Go", "aics-tlog"])
    async def test_tree(self, bag: Path, home: Home, tmp_path: Path, name: str) -> None:
        """Each entry is in the tree that was signed; of a changed one nobody says so."""
        judge: Judge = build_go(tmp_path) if name == "Go" else aics
        items = list(proven(bag / "data/proofs.zip", home.log.vkey))
        items += proven(bag / "approval.zip", home.log.vkey)
        assert len(items) >= 8 and all(judge(items))
        bad = [
            Item(item.vkey, proof=item.proof, leaf_hash=hashlib.sha256(b"x").digest())
            for item in items
        ]
        assert not any(judge(bad))

    @pytest.mark.parametrize("name", ["Go", "aics-tlog"])
    async def test_long_run(
        self, home: Home, request_made: Request, tmp_path: Path, name: str
    ) -> None:
        """From the one proof of a long run each entry's own can be made, and is good."""
        for number in range(90):
            await came(home, number, "Gustav Guest")
        release = await home.releases.preview(request_made.id, scope(home), OWNER)
        path = await home.releases.looked_at(release.id, packed=False)
        judge: Judge = build_go(tmp_path) if name == "Go" else aics
        items = list(of_runs(path.with_name("proofs.zip"), home.log.vkey))
        assert len(items) > 64 and all(judge(items))


def proven(path: Path, vkey: str) -> Iterator[Item]:
    """Give the entries that have a proof of their own."""
    with zipfile.ZipFile(path) as zipped:
        for text in zipped.read("entries.jsonl").splitlines():
            line = json.loads(text)
            proof = zipped.read(f"proofs/{line['seq']}.tlog-proof")
            yield Item(vkey, proof=proof, **leaf_of(line))


def of_runs(path: Path, vkey: str) -> Iterator[Item]:
    """Give the entries of runs, each with the path that follows from its run."""
    with zipfile.ZipFile(path) as zipped:
        about = json.loads(zipped.read("log.json"))
        (log,) = about["logs"]
        lines = [json.loads(text) for text in zipped.read("entries.jsonl").splitlines()]
    leaves = {line["seq"] - log["first"]: leaf_hash(line) for line in lines}
    size = log["size"]
    for run in about["runs"]:
        start, stop = run["start"] - log["first"], run["stop"] - log["first"]
        known = dict(zip(pieces(0, start), map(b64decode, run["left"]), strict=True))
        known |= zip(pieces(stop, size), map(b64decode, run["right"]), strict=True)

        def root(low: int, high: int, known: Any = known) -> bytes:
            if (low, high) in known:
                found: bytes = known[low, high]
                return found
            if high - low == 1:
                return leaves[low]
            middle = low + split(high - low)
            both = root(low, middle) + root(middle, high)
            return hashlib.sha256(b"\1" + both).digest()

        def audit(at: int, low: int, high: int, root: Any = root) -> list[bytes]:
            if high - low == 1:
                return []
            middle = low + split(high - low)
            if at < middle:
                return [*audit(at, low, middle), root(middle, high)]
            return [*audit(at, middle, high), root(low, middle)]

        for line in lines:
            at = line["seq"] - log["first"]
            if start <= at < stop:
                proof = "\n".join(
                    [
                        "c2sp.org/tlog-proof@v1",
                        f"index {at}",
                        *(b64encode(node).decode() for node in audit(at, 0, size)),
                        "",
                        log["checkpoint"],
                    ]
                )
                yield Item(vkey, proof=proof.encode(), leaf_hash=leaves[at])


def leaf_hash(line: Any) -> bytes:
    """Return the leaf hash of a line."""
    leaf = leaf_of(line)
    return leaf.get("leaf_hash") or hashlib.sha256(b"\0" + leaf["leaf"]).digest()


def split(count: int) -> int:
    """Return the largest power of two below a number."""
    return 1 << (count - 1).bit_length() - 1


def pieces(low: int, high: int) -> Iterator[tuple[int, int]]:
    """Give the perfect subtrees over some leaves, from left to right."""
    while low < high:
        size = 1
        while not low % (2 * size) and low + 2 * size <= high:
            size *= 2
        yield low, low + size
        low += size


def rebagged(bag: Path) -> None:
    """Make the manifests fit again, as a forger would."""
    payload = [path for path in (bag / "data").rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in payload)
    info = (bag / "bag-info.txt").read_text().rpartition("Payload-Oxum")[0]
    (bag / "bag-info.txt").write_text(f"{info}Payload-Oxum: {size}.{len(payload)}\n")
    for manifest, paths in (
        ("manifest-sha256.txt", (bag / "data").rglob("*")),
        ("tagmanifest-sha256.txt", bag.iterdir()),
    ):
        lines = [
            f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(bag)}\n"
            for path in sorted(paths)
            if path.is_file() and path.name != "tagmanifest-sha256.txt"
        ]
        (bag / manifest).write_text("".join(lines))


def without_approval(bag: Path) -> None:
    """Take the approval away."""
    (bag / "approval.json").unlink()
    (bag / "approval.zip").unlink()


FORGERIES: dict[str, Callable[[Path], object]] = {
    "table": lambda bag: (bag / "data/events.csv").write_text("number\n1\n"),
    "report": lambda bag: (bag / "data/report.html").write_text("<p>Guilty"),
    "request": lambda bag: (bag / "data/request.json").write_text("{}"),
    "scope": lambda bag: (bag / "data/scope.json").write_text("{}"),
    "verifier": lambda bag: (bag / "data/verify.py").write_text("print('OK')"),
    "file more": lambda bag: (bag / "data/extra.pdf").write_text("x"),
    "tag more": lambda bag: (bag / "READ-FIRST.exe").write_text("x"),
    "picture less": lambda bag: shutil.rmtree(bag / "data/media"),
    "approval said otherwise": lambda bag: (bag / "approval.json").write_text("{}"),
    "no approval": without_approval,
    "approval of others": lambda bag: shutil.copy(
        bag / "data/proofs.zip", bag / "approval.zip"
    ),
}


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_forged(bag: Path, home: Home, forgery: str) -> None:
    """With manifests that fit again it is a bag, and not what was approved."""
    FORGERIES[forgery](bag)
    rebagged(bag)
    assert is_valid(bag)
    assert verify.main([str(bag), "--vkey", home.log.vkey]) == 1


async def test_no_files(bag: Path, home: Home, tmp_path: Path) -> None:
    """Links, names that lead out, and files twice are refused before anything is read."""
    (bag / "data/more").symlink_to("/etc")
    assert verify.main([str(bag), "--vkey", home.log.vkey]) == 2
    (bag / "data/more").unlink()
    for names in (
        ["../bagit.txt"],
        ["release-abcdef01/../bagit.txt"],
        ["/bagit.txt"],
        ["release-abcdef01/bagit.txt", "release-abcdef02/bagit.txt"],
        ["release-abcdef01/bagit.txt", "release-abcdef01/data/media/../x.txt"],
        ["release-abcdef01/bagit.txt"],
    ):
        path = tmp_path / "bad.zip"
        with zipfile.ZipFile(path, "w") as zipped:
            for name in names:
                zipped.writestr(name, "x")
        assert verify.main([str(path)]) == 2


async def test_table_of_another_person(bag: Path) -> None:
    """A row says who it was only as the entry does."""
    report = verify.Report()
    line = b'{"number":3,"event":"unlocked","person":"Framed"}\n'
    rows = verify._Rows(report, io.BytesIO(line))
    rows.entry(3, {"kind": "access", "event": "unlocked", "actor_name": "Gustav"})
    assert not report.ok


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 131072, 200_000])
def test_sealed_pieces(size: int) -> None:
    """Whatever its length, it opens as it was."""
    data, out = bytes(range(256)) * (size // 256 + 1), io.BytesIO()
    with sealed(out, RECIPIENT) as sink:
        for at in range(0, size, 50_000):
            sink.write(data[at : min(at + 50_000, size)])
    assert pyrage.decrypt(out.getvalue(), [KEY]) == data[:size]


@pytest.mark.parametrize(
    "recipient",
    [
        "",
        "age1",
        RECIPIENT[:-1],
        RECIPIENT[:-1] + ("q" if RECIPIENT[-1] != "q" else "p"),
        "agf" + RECIPIENT[3:],
        ZERO,
    ],
)
def test_nobody_could_open_it(recipient: str) -> None:
    """It is not sealed at all."""
    with pytest.raises(BadRecipient), sealed(io.BytesIO(), recipient):
        pass
