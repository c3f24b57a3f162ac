"""A maker's integration: what stands between Home Assistant and a lock that is not ours."""

import asyncio
from typing import Any, override

from homeassistant.components.binary_sensor import (
    BinarySensorDeviceClass,
    BinarySensorEntity,
)
from homeassistant.components.lock import LockEntity, LockEntityFeature
from homeassistant.components.sensor import SensorDeviceClass, SensorEntity
from homeassistant.config_entries import ConfigEntry, ConfigEntryState, ConfigFlow
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    MockModule,
    MockPlatform,
    mock_config_flow,
    mock_integration,
    mock_platform,
)

MAKER = "maker"
MAKER_LOCK = "lock.back_door"
MAKER_ID = "maker:back-1"
PLATFORMS = [Platform.BINARY_SENSOR, Platform.LOCK, Platform.SENSOR]
DEVICE = DeviceInfo(
    identifiers={(MAKER, "back")},
    name="Back door",
    manufacturer="Maker",
    model="M1",
    sw_version="7",
)


class MakerLock(LockEntity):
    """A lock whose motor, faults and honesty are in the hands of the test."""

    _attr_has_entity_name = True
    _attr_name = None
    _attr_should_poll = False
    _attr_unique_id = "back-1"
    _attr_device_info = DEVICE
    _attr_is_locked = True
    _attr_supported_features = LockEntityFeature.OPEN

    def __init__(self) -> None:
        """Start locked, quick and well."""
        self.motor_s = 0.0
        self.jammed = False
        self.fails = False
        self.silent = False
        self.taken = 0

    async def _move(self, **state: bool) -> None:
        if self.fails:
            raise HomeAssistantError("the hub says: 1234 is out")
        self.taken += 1
        if self.silent:
            return
        await asyncio.sleep(self.motor_s)
        if self.jammed:
            state = {"is_jammed": True}
        self.show(**state)

    def show(self, **state: Any) -> None:
        """Show where the bolt is; by hand, or from the motor."""
        state = {"is_locked": False, "is_open": False, "is_jammed": False, **state}
        for name, value in state.items():
            setattr(self, f"_attr_{name}", value)
        self.async_write_ha_state()

    @override
    async def async_lock(self, **kwargs: Any) -> None:
        await self._move(is_locked=True)

    @override
    async def async_unlock(self, **kwargs: Any) -> None:
        await self._move()

    @override
    async def async_open(self, **kwargs: Any) -> None:
        await self._move(is_open=True)


class MakerDoor(BinarySensorEntity):
    """The sensor of its door."""

    _attr_has_entity_name = True
    _attr_should_poll = False
    _attr_unique_id = "back-door"
    _attr_device_info = DEVICE
    _attr_device_class = BinarySensorDeviceClass.DOOR
    _attr_is_on = False


class MakerBattery(SensorEntity):
    """Its battery."""

    _attr_has_entity_name = True
    _attr_should_poll = False
    _attr_unique_id = "back-battery"
    _attr_device_info = DEVICE
    _attr_device_class = SensorDeviceClass.BATTERY
    _attr_native_unit_of_measurement = "%"
    _attr_native_value = 80


class Maker:
    """The integration in one Home Assistant."""

    def __init__(self) -> None:
        """Bring one lock with door sensor and battery."""
        self._make()
        self.entry = MockConfigEntry(domain=MAKER, title="Maker")
        self._handler = mock_config_flow(MAKER, ConfigFlow)

    def _make(self) -> None:
        """Make the entities, as at each start."""
        self.lock = MakerLock()
        self.door = MakerDoor()
        self.battery = MakerBattery()

    def show(self, entity: Entity, **values: Any) -> None:
        """Let one of the entities show something else."""
        for name, value in values.items():
            setattr(entity, f"_attr_{name}", value)
        entity.async_write_ha_state()

    async def start(self, hass: HomeAssistant) -> None:
        """Set it up."""

        async def setup(hass: HomeAssistant, entry: ConfigEntry) -> bool:
            self._make()
            await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
            return True

        async def unload(hass: HomeAssistant, entry: ConfigEntry) -> bool:
            return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)

        mock_integration(
            hass,
            MockModule(MAKER, async_setup_entry=setup, async_unload_entry=unload),
            built_in=False,
        )
        mock_platform(hass, f"{MAKER}.config_flow", built_in=False)
        for platform, name in zip(PLATFORMS, ("door", "lock", "battery"), strict=True):

            async def add(
                hass: HomeAssistant,
                entry: ConfigEntry,
                add_entities: AddConfigEntryEntitiesCallback,
                name: str = name,
            ) -> None:
                add_entities([getattr(self, name)])

            mock_platform(
                hass,
                f"{MAKER}.{platform}",
                MockPlatform(async_setup_entry=add),
                built_in=False,
            )
        self.entry.add_to_hass(hass)
        self._handler.__enter__()
        assert await hass.config_entries.async_setup(self.entry.entry_id)
        await hass.async_block_till_done()

    async def stop(self, hass: HomeAssistant) -> None:
        """End it."""
        if self.entry.state is ConfigEntryState.LOADED:
            await hass.config_entries.async_unload(self.entry.entry_id)
        self._handler.__exit__(None, None, None)
