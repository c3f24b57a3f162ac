"""A lock that Matter brought keeps the contracts."""

from collections.abc import AsyncGenerator

from homeassistant.core import HomeAssistant
import pytest

from custom_components.smartlock_le.locks import numbered as numbered_module

from .contract import DriverContract, EventsContract
from .matter_bench import MatterBench, matter_bench
from .numbered_contract import NumberedContract

pytestmark = pytest.mark.usefixtures("socket_enabled")


@pytest.fixture
async def bench(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[MatterBench]:
    """Give a started driver of a lock of Home Assistant's Matter."""
    monkeypatch.setattr(numbered_module, "PAUSE", 0.0)
    async with matter_bench(hass, monkeypatch) as bench:
        yield bench


@pytest.fixture
def numbered(bench: MatterBench) -> MatterBench:
    """Give the same for its codes."""
    return bench


class TestContract(DriverContract, EventsContract, NumberedContract):
    """It is followed, told and asked through its server, and knows codes by number."""
