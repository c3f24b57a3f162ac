"""A lock that Zigbee2MQTT brought keeps the contracts."""

from collections.abc import AsyncGenerator

from homeassistant.core import HomeAssistant
import pytest

from tests.zigbee2mqtt import Zigbee2Mqtt

from .contract import AirContract, DriverContract, EventsContract
from .numbered_contract import NumberedContract
from .zigbee2mqtt_bench import Zigbee2MqttBench, zigbee2mqtt_bench

_REFUSED = ("test_a_code_twice", "test_it_says_no")


@pytest.fixture
async def bench(
    hass: HomeAssistant,
    z2m: Zigbee2Mqtt,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> AsyncGenerator[Zigbee2MqttBench]:
    """Give a started driver of a lock of the real Zigbee2MQTT."""
    async with zigbee2mqtt_bench(hass, z2m, monkeypatch) as bench:
        if request.node.originalname in _REFUSED:
            # It says nothing where the lock says no.
            bench.hurry()
        yield bench


@pytest.fixture
def numbered(bench: Zigbee2MqttBench) -> Zigbee2MqttBench:
    """Give the same for its codes."""
    return bench


class TestContract(DriverContract, AirContract, EventsContract, NumberedContract):
    """It is followed, told and asked, and knows codes by number."""
