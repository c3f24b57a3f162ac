"""What tests of requests share."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from custom_components.smartlock_le import decisions, request_keeping
from custom_components.smartlock_le.home import Home
from custom_components.smartlock_le.models import utc_now
from custom_components.smartlock_le.requests import (
    documents,
    inbox,
    intake,
    ledger,
    signed,
)


@pytest.fixture(autouse=True)
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a folder for uploads of its own: Home Assistant has one for the whole machine."""
    monkeypatch.setattr(
        "homeassistant.components.file_upload.TEMP_DIR_NAME", str(tmp_path / "uploads")
    )


class Clock:
    """The time as requests have it. Radio and timers go on as they are."""

    def __init__(self) -> None:
        """Begin now."""
        self._ahead = timedelta()

    def now(self) -> datetime:
        """Return the time."""
        return utc_now() + self._ahead

    def move_to(self, moment: datetime) -> None:
        """Let it be that moment."""
        self._ahead = moment - utc_now()

    def tick(self, by: timedelta) -> None:
        """Let so much time pass."""
        self._ahead += by


@pytest.fixture
def clock(home: Home, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Set the clock of requests and of what is entered."""
    clock = Clock()
    for module in (
        request_keeping,
        decisions,
        documents,
        inbox,
        intake,
        ledger,
        signed,
    ):
        monkeypatch.setattr(module, "utc_now", clock.now)
    monkeypatch.setattr(home.log, "_clock", clock.now)
    return clock
