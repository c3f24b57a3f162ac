"""The door's lock."""

from typing import Any, override

from homeassistant.components.lock import LockEntity, LockEntityFeature
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from . import actors, stand_in
from .const import CONF_OWN_LOCK
from .entity import LockBaseEntity
from .errors import translated
from .home import HomeEntry
from .locks.driver import Bolt
from .locks.managed import ManagedLock
from .models import AccessEvent, Capability, DoorCommand

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: HomeEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add a lock for each lock that has none, or whose owner wants ours in its place."""

    @callback
    def add(subentry_id: str, lock: ManagedLock) -> None:
        if lock.driver.attached:
            wanted = entry.subentries[subentry_id].data.get(CONF_OWN_LOCK, False)
            stand_in.set_hidden(hass, lock.driver.entity_id, hidden=wanted)
            if not wanted:
                return
        async_add_entities([DoorLock(hass, lock)], config_subentry_id=subentry_id)

    entry.runtime_data.on_new_lock(add)


class DoorLock(LockBaseEntity, LockEntity):
    """Shows what the lock confirmed, never what was asked of it."""

    _attr_name = None

    def __init__(self, hass: HomeAssistant, lock: ManagedLock) -> None:
        """Take the lock."""
        super().__init__(hass, lock, "lock")

    @property
    @override
    def supported_features(self) -> LockEntityFeature:
        opens = Capability.OPEN in self.managed.capabilities
        return LockEntityFeature.OPEN if opens else LockEntityFeature(0)

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        if self.managed.driver.attached:
            stand_in.take_over(self.hass, self.managed.driver.entity_id, self.entity_id)
        self.async_on_remove(self.managed.on_event(self._accessed))
        self.async_on_remove(self.managed.driver.on_change(self._keep_version))
        self._keep_version()

    @callback
    def _keep_version(self) -> None:
        """Show what the lock runs now: it may be updated while we run."""
        firmware = self.managed.driver.firmware
        device = self.device_entry
        if self.managed.driver.attached:
            return
        if isinstance(device, dr.DeviceEntry) and device.sw_version != firmware:
            registry = dr.async_get(self.hass)
            registry.async_update_device(device.id, sw_version=firmware)

    @callback
    def _accessed(self, event: AccessEvent) -> None:
        self._attr_changed_by = self.managed.changed_by.label
        self.async_write_ha_state()

    @property
    def _bolt(self) -> Bolt:
        return self.managed.driver.state.bolt

    @property
    @override
    def is_locked(self) -> bool | None:
        return None if self._bolt is Bolt.UNKNOWN else self._bolt is Bolt.LOCKED

    @property
    @override
    def is_locking(self) -> bool:
        return self._bolt is Bolt.LOCKING

    @property
    @override
    def is_unlocking(self) -> bool:
        return self._bolt is Bolt.UNLOCKING

    @property
    @override
    def is_open(self) -> bool:
        return self._bolt is Bolt.OPEN

    @property
    @override
    def is_opening(self) -> bool:
        return self._bolt is Bolt.OPENING

    @property
    @override
    def is_jammed(self) -> bool:
        return self._bolt is Bolt.JAMMED

    async def _command(self, command: DoorCommand) -> None:
        actor = await actors.from_context(self.hass, self._context)
        with translated(self.managed.ref.name):
            await self.managed.command(command, actor)

    @override
    async def async_lock(self, **kwargs: Any) -> None:
        await self._command(DoorCommand.LOCK)

    @override
    async def async_unlock(self, **kwargs: Any) -> None:
        await self._command(DoorCommand.UNLOCK)

    @override
    async def async_open(self, **kwargs: Any) -> None:
        await self._command(DoorCommand.OPEN)
