"""Door, connectivity, sharing, and whether the log has a problem."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import override

from homeassistant.components.binary_sensor import (
    BinarySensorDeviceClass,
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .entity import HomeEntity, LockBaseEntity
from .home import Home, HomeEntry
from .locks.managed import ManagedLock

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class LockDescription(BinarySensorEntityDescription):
    """A yes or no of a lock."""

    value_fn: Callable[[ManagedLock], bool | None]
    always_available: bool = False


@dataclass(frozen=True, kw_only=True)
class HomeDescription(BinarySensorEntityDescription):
    """A yes or no of the home."""

    value_fn: Callable[[Home], bool | None]


DOOR = LockDescription(
    key="door",
    device_class=BinarySensorDeviceClass.DOOR,
    value_fn=lambda lock: lock.driver.state.door_open,
)
CONNECTIVITY = LockDescription(
    key="connectivity",
    device_class=BinarySensorDeviceClass.CONNECTIVITY,
    entity_category=EntityCategory.DIAGNOSTIC,
    value_fn=lambda lock: lock.driver.available,
    always_available=True,
)
HOME_SENSORS = (
    HomeDescription(key="sharing", value_fn=lambda home: home.sharing),
    HomeDescription(
        key="log_problem",
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda home: home.log.problem is not None,
    ),
    HomeDescription(
        key="centre_problem",
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda home: home.emergency.centre.problem,
    ),
    HomeDescription(
        key="webhook_problem",
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda home: home.emergency.webhook.problem,
    ),
    HomeDescription(
        key="noonlight_problem",
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda home: home.emergency.noonlight.problem,
    ),
    HomeDescription(
        key="contact_problem",
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda home: home.emergency.contact_problem,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: HomeEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add those of the home, and of each lock."""
    home = entry.runtime_data
    async_add_entities(HomeBinarySensor(home, item) for item in HOME_SENSORS)

    @callback
    def add(subentry_id: str, lock: ManagedLock) -> None:
        if lock.driver.attached:
            # Its own entities say so already.
            return
        async_add_entities(
            [LockBinarySensor(hass, lock, CONNECTIVITY)], config_subentry_id=subentry_id
        )
        add_door(subentry_id, lock)

    @callback
    def add_door(subentry_id: str, lock: ManagedLock) -> None:
        """Add the door once the lock was read and has a sensor for it."""

        def changed() -> None:
            if lock.driver.state.has_door_sensor:
                undo()
                async_add_entities(
                    [LockBinarySensor(hass, lock, DOOR)], config_subentry_id=subentry_id
                )

        undo = lock.driver.on_change(changed)
        changed()

    home.on_new_lock(add)


class LockBinarySensor(LockBaseEntity, BinarySensorEntity):
    """A yes or no of a lock."""

    entity_description: LockDescription

    def __init__(
        self, hass: HomeAssistant, lock: ManagedLock, description: LockDescription
    ) -> None:
        """Take the lock and what to show."""
        super().__init__(hass, lock, description.key)
        self.entity_description = description

    @property
    @override
    def available(self) -> bool:
        return self.entity_description.always_available or super().available

    @property
    @override
    def is_on(self) -> bool | None:
        return self.entity_description.value_fn(self.managed)


class HomeBinarySensor(HomeEntity, BinarySensorEntity):
    """A yes or no of the home."""

    entity_description: HomeDescription

    def __init__(self, home: Home, description: HomeDescription) -> None:
        """Take the home and what to show."""
        super().__init__(home, description.key)
        self.entity_description = description

    @override
    def shown(self) -> object:
        return self.is_on

    @property
    @override
    def is_on(self) -> bool | None:
        return self.entity_description.value_fn(self.home)
