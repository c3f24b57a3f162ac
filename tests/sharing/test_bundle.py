"""What goes to an agency, judged by others than us."""

import json
from pathlib import Path
import subprocess
import sys
from typing import Any
import zipfile

import bagit
import pyrage
import pytest

from custom_components.smartlock_le.home import Home
from custom_components.smartlock_le.log import VERIFIER, Entry, verify
from custom_components.smartlock_le.requests.request import Request
from custom_components.smartlock_le.sharing.models import Detail, Stage

from .conftest import file_of, given, opened, scope


@pytest.fixture
async def bundle(
    home: Home,
    request_made: Request,
    visitors: list[Entry],
    identity: pyrage.x25519.Identity,
    tmp_path: Path,
) -> Path:
    """Give one that was approved, opened by the agency: the zip file."""
    wanted = scope(home, Detail.METHOD, Detail.PEOPLE, Detail.RECORD)
    release = await given(home, request_made, wanted)
    assert release.stage is Stage.SEALED
    return opened(file_of(home, release), identity, tmp_path / "release.zip")


def ran(command: list[Any], folder: Path) -> int:
    """Run a program in a folder; return its exit status."""
    return subprocess.run(
        command, cwd=folder, check=False, capture_output=True
    ).returncode


def unpacked(bundle: Path, target: Path) -> Path:
    """Unpack it; return the folder of the bag."""
    with zipfile.ZipFile(bundle) as zipped:
        zipped.extractall(target)
    (folder,) = target.iterdir()
    return folder


class TestContents:
    """What is in it."""

    async def test_files(self, bundle: Path, tmp_path: Path, home: Home) -> None:
        """The entries that were asked for, each once, and what a reader needs."""
        bag = unpacked(bundle, tmp_path / "bag")
        names = {path.name for path in (bag / "data").iterdir()}
        assert names == {
            *("README.txt", "report.html", "events.csv", "events.jsonl"),
            *("proofs.zip", "request.json", "scope.json", "certificate.txt"),
            "verify.py",
        }
        rows = [
            json.loads(line)
            for line in (bag / "data/events.jsonl").read_text().splitlines()
        ]
        assert [(row["event"], row["person"]) for row in rows] == [
            ("unlocked", "Person 1"),
            ("unlocked", "Person 2"),
            ("unlocked", "Person 1"),
        ]
        assert (bag / "data/verify.py").read_bytes() == VERIFIER.read_bytes()
        report = verify.verify_bag(bundle, home.log.vkey)
        assert (report.ok, report.bad) == (True, [])
        assert verify.main([str(bundle), "--vkey", home.log.vkey]) == 0
        assert verify.main([str(bag), "--vkey", home.log.vkey]) == 0

    async def test_judges(self, bundle: Path, tmp_path: Path) -> None:
        """The bag and the verifier that travels in it."""
        bag = unpacked(bundle, tmp_path / "bag")
        bagit.Bag(str(bag)).validate()
        assert ran([sys.executable, "-I", "-S", "verify.py", ".."], bag / "data") == 0
