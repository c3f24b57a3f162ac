"""A lock that ZHA brought keeps the contracts."""

from collections.abc import AsyncGenerator

from homeassistant.core import HomeAssistant
import pytest

from custom_components.smartlock_le.locks import numbered as numbered_module

from .contract import AirContract, DriverContract, EventsContract
from .numbered_contract import NumberedContract
from .zha_bench import ZhaBench, zha_bench

pytestmark = pytest.mark.usefixtures("socket_enabled")


@pytest.fixture
async def bench(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[ZhaBench]:
    """Give a started driver of a lock of the real ZHA."""
    monkeypatch.setattr(numbered_module, "PAUSE", 0.0)
    async with zha_bench(hass, monkeypatch) as bench:
        yield bench


@pytest.fixture
def numbered(bench: ZhaBench) -> ZhaBench:
    """Give the same for its codes."""
    return bench


class TestContract(DriverContract, AirContract, EventsContract, NumberedContract):
    """It is followed, told and asked over the air, and knows codes by number."""
