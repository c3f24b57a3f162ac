"""A lock that Z-Wave JS brought keeps the contracts."""

from collections.abc import AsyncGenerator

from homeassistant.core import HomeAssistant
import pytest

from custom_components.smartlock_le.locks import numbered as numbered_module
from tests.zwave_js import ZwaveRadio

from .contract import DriverContract, EventsContract
from .numbered_contract import NumberedContract
from .zwave_bench import ZwaveBench, zwave_bench


@pytest.fixture
def kind() -> str:
    """Which lock it is: how it keeps its codes."""
    return "codes"


@pytest.fixture
async def bench(
    hass: HomeAssistant,
    zwave: ZwaveRadio,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> AsyncGenerator[ZwaveBench]:
    """Give a started driver of a lock of the real Z-Wave JS."""
    monkeypatch.setattr(numbered_module, "PAUSE", 0.0)
    async with zwave_bench(hass, zwave, monkeypatch, kind) as bench:
        yield bench


@pytest.fixture
def numbered(bench: ZwaveBench) -> ZwaveBench:
    """Give the same for its codes."""
    return bench


class TestContract(DriverContract, EventsContract, NumberedContract):
    """It is followed, told and asked over the air, and knows codes by number."""


class TestCredentials(NumberedContract):
    """The same of a lock that keeps users apart from their credentials."""

    @pytest.fixture
    def kind(self) -> str:
        """Give the other lock."""
        return "credentials"
