"""Fixtures: logs, made once for all that judge them."""

import asyncio
from pathlib import Path

import pytest

from . import judges, logs


@pytest.fixture(scope="package", params=["Go", "aics-tlog"])
def judge(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> judges.Judge:
    """Return who judges checkpoints and proofs."""
    if request.param == "Go":
        return judges.build_go(tmp_path_factory.mktemp("go"))
    return judges.aics


@pytest.fixture(scope="package")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict[str, logs.Given]:
    """Return what was given away of each log."""
    return {
        make.__name__: asyncio.run(make(tmp_path_factory.mktemp(make.__name__)))
        for make in (logs.grown, logs.regrown, logs.forgetful)
    }


@pytest.fixture(scope="package")
def copies(tmp_path_factory: pytest.TempPathFactory) -> logs.Copies:
    """Return copies and zip files of logs that had different lives."""
    return asyncio.run(logs.copies(tmp_path_factory.mktemp("copies")))


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """Return where to put what was changed."""
    return tmp_path / "changed"


@pytest.fixture(scope="package")
def unsaid(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return a copy in which a body is gone without a word, and its key."""
    return asyncio.run(logs.unsaid(tmp_path_factory.mktemp("unsaid")))
