"""Codes by number, on a lock that is not there."""

import pytest

from custom_components.smartlock_le.locks import numbered as module
from custom_components.smartlock_le.models import Capability, LockRef, Refusal
from harness.fake_lock import FakeDriver, Hardware

from .numbered_contract import Book, NumberedBench, NumberedContract
from .support import window


class FakeBench(NumberedBench):
    """A fake lock."""

    def __init__(self) -> None:
        """Make one."""
        self.hardware = Hardware()
        self.book = Book()
        self.driver = FakeDriver(
            LockRef("fake:1", "Fake"), self.hardware, self.book, range(1, 6)
        )

    @property
    def codes(self) -> dict[int, str]:
        """Give its codes."""
        return self.hardware.codes

    def add_code(self, number: int, digits: str) -> None:
        """Add one."""
        self.hardware.codes[number] = digits

    def forget(self) -> None:
        """Forget."""
        self.hardware.forgets = True

    def refuse(self) -> None:
        """Refuse."""
        self.hardware.refuses = Refusal.OTHER

    async def reach(self, *, there: bool) -> None:
        """Go, or come."""
        self.hardware.there = there


@pytest.fixture
def numbered(monkeypatch: pytest.MonkeyPatch) -> FakeBench:
    """Give a lock that needs no rest."""
    monkeypatch.setattr(module, "PAUSE", 0.0)
    return FakeBench()


class TestNumbered(NumberedContract):
    """A lock that can be asked."""


class TestWriteOnly(NumberedContract):
    """A lock that never answers what is under a number."""

    @pytest.fixture
    def numbered(self, monkeypatch: pytest.MonkeyPatch) -> FakeBench:
        """Give a lock that cannot be asked."""
        monkeypatch.setattr(module, "PAUSE", 0.0)
        bench = FakeBench()
        bench.driver.capabilities &= ~Capability.CODE_STATUS
        return bench

    async def test_it_is_never_asked(self, numbered: FakeBench) -> None:
        """Each question would cost it its battery, and a minute."""
        driver = numbered.driver
        number = await driver.set_code(driver.new_code(), "LE one", window())
        await driver.read_codes()
        await driver.clear_code(number, "LE one")
        assert [what for what, _ in numbered.hardware.calls] == ["put", "drop"]
