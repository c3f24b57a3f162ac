"""A lock that Yale Access Bluetooth brought keeps the contracts."""

from collections.abc import AsyncGenerator

from homeassistant.core import HomeAssistant
import pytest

from custom_components.smartlock_le.locks import numbered as numbered_module

from .contract import DriverContract, EventsContract
from .numbered_contract import NumberedContract
from .yale_bench import YaleBench, yale_bench


@pytest.fixture
async def bench(
    hass: HomeAssistant,
    enable_custom_integrations: None,
    mock_bluetooth_adapters: None,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncGenerator[YaleBench]:
    """Give a started driver of a lock in the air."""
    monkeypatch.setattr(numbered_module, "PAUSE", 0.0)
    async with yale_bench(hass, monkeypatch) as bench:
        yield bench


@pytest.fixture
def numbered(bench: YaleBench) -> YaleBench:
    """Give the same for its codes."""
    return bench


class TestContract(DriverContract, EventsContract, NumberedContract):
    """It is followed and asked over the air, and knows codes by number."""
