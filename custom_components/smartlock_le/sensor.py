"""Battery, size of the log, open grants, what was asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import PERCENTAGE, EntityCategory
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import HomeEntity, LockBaseEntity
from .home import Home, HomeEntry
from .locks.managed import ManagedLock

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class HomeDescription(SensorEntityDescription):
    """A number of the home."""

    value_fn: Callable[[Home], int | datetime | None]
    attributes_fn: Callable[[Home], Mapping[str, Any]] | None = None


def _log_attributes(home: Home) -> Mapping[str, Any]:
    report = home.log.last_verified
    return {
        "root": home.log.root.hex(),
        "last_verification": None if report is None else report.ok,
        "last_verified_size": None if report is None else report.size,
    }


HOME_SENSORS = (
    HomeDescription(
        key="log_size",
        entity_category=EntityCategory.DIAGNOSTIC,
        state_class=SensorStateClass.TOTAL_INCREASING,
        value_fn=lambda home: home.log.size,
        attributes_fn=_log_attributes,
    ),
    HomeDescription(
        key="open_grants",
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda home: len(home.grants.open_grants()),
    ),
    HomeDescription(
        key="open_requests",
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda home: home.inbox.summary.open,
    ),
    HomeDescription(
        key="next_deadline",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda home: home.inbox.summary.deadline,
    ),
    HomeDescription(
        key="released_this_year",
        value_fn=lambda home: home.releases.delivered_this_year,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: HomeEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add those of the home, and of each lock."""
    home = entry.runtime_data
    async_add_entities(HomeSensor(home, item) for item in HOME_SENSORS)

    @callback
    def add(subentry_id: str, lock: ManagedLock) -> None:
        if lock.driver.attached:
            # Its own entities say so already.
            return
        async_add_entities([Battery(hass, lock)], config_subentry_id=subentry_id)

    home.on_new_lock(add)


class Battery(LockBaseEntity, SensorEntity):
    """Charge of a lock, percent."""

    _attr_device_class = SensorDeviceClass.BATTERY
    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_native_unit_of_measurement = PERCENTAGE
    _attr_state_class = SensorStateClass.MEASUREMENT

    def __init__(self, hass: HomeAssistant, lock: ManagedLock) -> None:
        """Take the lock."""
        super().__init__(hass, lock, "battery")

    @property
    @override
    def native_value(self) -> int | None:
        return self.managed.driver.state.battery


class HomeSensor(HomeEntity, SensorEntity):
    """A number of the home."""

    entity_description: HomeDescription
    # They change with every entry: the log itself is their history.
    _unrecorded_attributes = frozenset(
        {"root", "last_verification", "last_verified_size"}
    )

    def __init__(self, home: Home, description: HomeDescription) -> None:
        """Take the home and what to show."""
        super().__init__(home, description.key)
        self.entity_description = description

    @override
    def shown(self) -> object:
        return self.native_value, self.extra_state_attributes

    @property
    @override
    def native_value(self) -> int | datetime | None:
        return self.entity_description.value_fn(self.home)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        attributes_fn = self.entity_description.attributes_fn
        return attributes_fn(self.home) if attributes_fn else None
