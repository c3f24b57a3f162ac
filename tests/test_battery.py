"""How many days a battery has left, by Home Assistant's own statistics."""

from datetime import timedelta
from typing import Any

from homeassistant.components.recorder import get_instance
from homeassistant.components.recorder.models import (
    StatisticData,
    StatisticMeanType,
    StatisticMetaData,
)
from homeassistant.components.recorder.statistics import async_import_statistics
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest

from custom_components.smartlock_le.battery import days_by, days_left, sensor_of
from custom_components.smartlock_le.home import Home, HomeEntry
from tests.conftest import until
from virtual_home.nuki import NukiLock

from .phone import Phone, automate as automate_ready
from .test_trigger import AT, automate

SENSOR = "sensor.front_door_battery"


def days(*means: float) -> list[tuple[float, float]]:
    """Give a mean for each day."""
    return list(enumerate(means))


@pytest.mark.parametrize(
    ("means", "charge", "left"),
    [
        # One percent a day.
        (days(*range(40, 20, -1)), 20, 20),
        # Half a percent a day, in steps.
        (days(*(percent for percent in range(30, 20, -1) for _ in "12")), 20, 40),
        # Changed on the way: only what came after counts.
        (days(*range(20, 5, -1), *range(100, 80, -1)), 80, 80),
        # Changed today.
        (days(*range(40, 20, -1)), 100, None),
        # A few days, a few percent, none at all.
        (days(50, 48, 46, 44, 42, 40), 38, None),
        (days(*[50] * 30), 48, None),
        ([], 50, None),
        (days(50), 50, None),
        # It rises, or lasts for years.
        (days(*(20 + step / 10 for step in range(40))), 20, None),
        (days(*(100 - step / 50 for step in range(180))), 96, None),
    ],
)
def test_by_days(means: list[tuple[float, float]], charge: float, left: int) -> None:
    found = days_by(means, charge)
    if left is None:
        assert found is None
    else:
        assert found is not None
        assert abs(found - left) <= 3


async def went_down(hass: HomeAssistant, entity_id: str) -> None:
    """Have Home Assistant know of thirty days in which the charge fell from 50 to 21."""
    midnight = dt_util.start_of_local_day()
    metadata: StatisticMetaData = {
        "has_sum": False,
        "mean_type": StatisticMeanType.ARITHMETIC,
        "name": None,
        "source": "recorder",
        "statistic_id": entity_id,
        "unit_class": None,
        "unit_of_measurement": "%",
    }
    rows: list[StatisticData] = [
        {"start": midnight - timedelta(days=ago), "mean": 20.0 + ago}
        for ago in range(30, 0, -1)
    ]
    async_import_statistics(hass, metadata, rows)
    await get_instance(hass).async_block_till_done()


async def test_an_automation_hears_it(
    recorder_mock: Any, hass: HomeAssistant, home: Home, nuki: NukiLock
) -> None:
    lock = home.roster.find(nuki.address)
    assert lock
    assert sensor_of(hass, lock) == SENSOR
    assert await days_left(hass, lock) is None
    await went_down(hass, SENSOR)
    low = {"trigger": "battery_low", **AT, "options": {"below": 20}, "id": "low"}
    events = await automate(hass, low)
    nuki.device.set_battery(20)
    await until(lambda: events)
    assert "'days_left': 20" in str(events[0].data["all"])


async def test_a_phone_is_told(
    recorder_mock: Any, hass: HomeAssistant, home: Home, nuki: NukiLock
) -> None:
    phone = Phone()
    await phone.start(hass)
    await went_down(hass, SENSOR)
    await automate_ready(
        hass,
        "low_battery",
        access="event.front_door_access",
        below=20,
        phone=phone.device_id,
    )
    nuki.device.set_battery(20)
    await until(lambda: phone.heard)
    assert phone.told() == [
        "The battery is low. Change it soon. It lasts about 20 more days."
    ]
    await hass.services.async_call(
        "automation", "turn_off", {"entity_id": "automation.door"}, blocking=True
    )


async def test_without_a_recorder(
    hass: HomeAssistant, entry: HomeEntry, nuki: NukiLock
) -> None:
    """Nobody knows, and the automation runs all the same."""
    lock = entry.runtime_data.roster.find(nuki.address)
    assert lock
    assert await days_left(hass, lock) is None
    low = {"trigger": "battery_low", **AT, "options": {"below": 20}, "id": "low"}
    events = await automate(hass, low)
    nuki.device.set_battery(18)
    await until(lambda: events)
    assert "'days_left': None" in str(events[0].data["all"])
