"""What happened at a lock, and before a camera, for automations and the logbook."""

from typing import override

from homeassistant.components.event import EventDeviceClass, EventEntity
from homeassistant.components.lock import DOMAIN as LOCK_DOMAIN
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .alarm_panel import armed
from .cameras.camera import Camera
from .cameras.cameras import EVENTS, PLATE
from .cameras.models import Seen
from .const import ATTR_TIME, DOMAIN, EVENT_ACCESS
from .entity import CameraEntity, LockBaseEntity
from .home import Home, HomeEntry
from .locks.managed import ManagedLock
from .models import AccessEvent, AccessKind

PARALLEL_UPDATES = 0

EVENT_TYPES = [
    AccessKind.UNLOCKED,
    AccessKind.LOCKED,
    AccessKind.OPENED,
    AccessKind.DENIED,
    AccessKind.JAMMED,
    AccessKind.CODE_ADDED,
    AccessKind.CODE_REMOVED,
]


async def async_setup_entry(
    hass: HomeAssistant,
    entry: HomeEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add an access event for each lock, and one for what each camera sees."""
    home = entry.runtime_data

    @callback
    def add(subentry_id: str, lock: ManagedLock) -> None:
        async_add_entities([Access(hass, lock)], config_subentry_id=subentry_id)

    @callback
    def add_camera(subentry_id: str, camera: Camera) -> None:
        async_add_entities(
            [CameraEvent(hass, home, camera)], config_subentry_id=subentry_id
        )

    home.on_new_lock(add)
    home.cameras.on_new(add_camera)


class Access(LockBaseEntity, EventEntity):
    """The last access. Who it was is a pseudonym here; the name is in the log."""

    _attr_event_types = [kind.value for kind in EVENT_TYPES]

    def __init__(self, hass: HomeAssistant, lock: ManagedLock) -> None:
        """Take the lock."""
        super().__init__(hass, lock, "access")

    @property
    @override
    def available(self) -> bool:
        """What happened stays true while the lock is away."""
        return True

    @override
    async def async_added_to_hass(self) -> None:
        self.async_on_remove(self.managed.on_event(self._accessed))

    @callback
    def _accessed(self, event: AccessEvent) -> None:
        if event.event not in EVENT_TYPES:
            return
        told = {
            "actor": event.actor.label,
            "method": event.method.value,
            "by_grant": bool(event.grant),
            "armed": armed(event.alarm),
        }
        # Two of a kind may be told in one moment: that they differ shows in their time.
        self._trigger_event(
            event.event.value, {**told, ATTR_TIME: event.time.isoformat()}
        )
        self.async_write_ha_state()
        # The logbook writes its line under this entity: "Front door was unlocked".
        lock = er.async_get(self.hass).async_get_entity_id(
            LOCK_DOMAIN, DOMAIN, f"{event.lock}_lock"
        )
        self.hass.bus.async_fire(
            EVENT_ACCESS,
            {
                "entity_id": lock or self.managed.driver.entity_id or self.entity_id,
                "device_id": self.device_entry.id if self.device_entry else None,
                "lock": self.managed.ref.name,
                "event": event.event.value,
                **told,
            },
        )


class CameraEvent(CameraEntity, EventEntity):
    """What a camera saw last. Home Assistant's own triggers of doorbells and events fit."""

    _attr_device_class = EventDeviceClass.DOORBELL
    _attr_event_types = [*(kind.value for kind in Seen), PLATE, *EVENTS.values()]

    def __init__(self, hass: HomeAssistant, home: Home, camera: Camera) -> None:
        """Take the camera."""
        super().__init__(hass, home, camera, "seen")

    @override
    async def async_added_to_hass(self) -> None:
        self.async_on_remove(self.camera.on_event(self._happened))

    @callback
    def _happened(self, event: str, because: str) -> None:
        about = "list" if event == PLATE else "of"
        self._trigger_event(event, {about: because} if because else None)
        self.async_write_ha_state()
