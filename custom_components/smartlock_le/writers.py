"""Other integrations that write codes to a lock of ours: said, not fought."""

from collections.abc import Callable, Iterable

from homeassistant.config_entries import SIGNAL_CONFIG_ENTRY_CHANGED, ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.dispatcher import async_dispatcher_connect

from . import issues
from .const import DOMAIN
from .locks.managed import ManagedLock
from .models import Capability

# Where each of them says which locks it manages: keymaster one, Lock Code Manager several.
_WRITERS = {"keymaster": "lock_entity_id", "lock_code_manager": "locks"}


class Writers:
    """Watches the integrations that are known to manage codes."""

    def __init__(
        self, hass: HomeAssistant, locks: Callable[[], Iterable[ManagedLock]]
    ) -> None:
        """Take what gives the locks of the home."""
        self._hass = hass
        self._locks = locks
        self._undo: Callable[[], None] | None = None

    @callback
    def start(self) -> None:
        """Look now, and whenever a config entry comes, goes or changes."""

        @callback
        def changed(_change: object, entry: ConfigEntry) -> None:
            if entry.domain in _WRITERS:
                self.check()

        self._undo = async_dispatcher_connect(
            self._hass, SIGNAL_CONFIG_ENTRY_CHANGED, changed
        )
        self.check()

    @callback
    def stop(self) -> None:
        """Watch no more."""
        if self._undo:
            self._undo()
            self._undo = None

    @callback
    def check(self) -> None:
        """Say for each lock whether another integration writes its codes."""
        managed = self._managed()
        registry = er.async_get(self._hass)
        for lock in self._locks():
            ours = registry.async_get_entity_id("lock", DOMAIN, f"{lock.ref.id}_lock")
            mine = {ours, lock.driver.entity_id} - {None}
            takes = Capability.CODES in lock.capabilities
            found = next((managed[one] for one in mine if one in managed), "")
            issues.two_writers(self._hass, lock.ref, found if takes else "")

    def _managed(self) -> dict[str | None, str]:
        """Return the locks that others manage: entity and title of who does."""
        found: dict[str | None, str] = {}
        for domain, field in _WRITERS.items():
            for entry in self._hass.config_entries.async_entries(
                domain, include_disabled=False, include_ignore=False
            ):
                named = {**entry.data, **entry.options}.get(field) or ()
                for entity_id in [named] if isinstance(named, str) else named:
                    found[entity_id] = entry.title
        return found
