"""What tests of requests share."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a folder for uploads of its own: Home Assistant has one for the whole machine."""
    monkeypatch.setattr(
        "homeassistant.components.file_upload.TEMP_DIR_NAME", str(tmp_path / "uploads")
    )
