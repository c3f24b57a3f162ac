"""How many days a lock's battery has left, by how it went down until now.

Home Assistant keeps a mean for each day of it for good; we keep nothing.
"""

from collections.abc import Sequence
from datetime import timedelta

from homeassistant.components.recorder import DOMAIN as RECORDER, get_instance
from homeassistant.components.recorder.statistics import statistics_during_period
from homeassistant.components.sensor import DOMAIN as SENSOR_DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er

from .const import DOMAIN
from .locks.managed import ManagedLock
from .models import utc_now

_BACK = timedelta(days=180)
_CHANGED = 10.0
"""Percent by which the charge rises from one day to the next where it was changed."""
_FEWEST = 7
"""Days that must be known since then, and percent that it must have lost."""
_LEAST = 3.0
_MOST = 730
"""Days after which a number would say more than anybody knows."""


def sensor_of(hass: HomeAssistant, lock: ManagedLock) -> str | None:
    """Return the entity that shows the charge of a lock, percent."""
    if lock.driver.attached:
        return lock.driver.battery_entity
    return er.async_get(hass).async_get_entity_id(
        SENSOR_DOMAIN, DOMAIN, f"{lock.ref.id}_battery"
    )


async def days_left(hass: HomeAssistant, lock: ManagedLock) -> int | None:
    """Return in how many days the battery of a lock is empty; None: nobody knows."""
    entity_id = sensor_of(hass, lock)
    charge = lock.driver.state.battery
    if entity_id is None or charge is None or RECORDER not in hass.config.components:
        return None
    found = await get_instance(hass).async_add_executor_job(
        statistics_during_period,
        hass,
        utc_now() - _BACK,
        None,
        {entity_id},
        "day",
        None,
        {"mean"},
    )
    means = [
        (row["start"] / 86400, mean)
        for row in found.get(entity_id, ())
        if (mean := row.get("mean")) is not None
    ]
    return days_by(means, charge)


def days_by(means: Sequence[tuple[float, float]], charge: float) -> int | None:
    """Return the days until `charge` is used up, by the means of days before.

    A straight line through all days since the battery was changed, by least squares.
    Locks show their charge in steps, and some the same until shortly before the end:
    where it did not go down by enough, nothing is said.
    """
    begin = 0
    for place in range(1, len(means)):
        if means[place][1] - means[place - 1][1] >= _CHANGED:
            begin = place
    since = means[begin:]
    if (
        not since
        or charge - since[-1][1] >= _CHANGED
        or since[-1][0] - since[0][0] < _FEWEST
        or since[0][1] - charge < _LEAST
    ):
        return None
    middle = sum(day for day, _ in since) / len(since)
    level = sum(mean for _, mean in since) / len(since)
    falls = -sum((day - middle) * (mean - level) for day, mean in since) / sum(
        (day - middle) ** 2 for day, _ in since
    )
    if falls <= 0:
        return None
    days = charge / falls
    return round(days) if days <= _MOST else None
