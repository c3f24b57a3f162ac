"""The codes of persons and guests, and what of Home Assistant they stand on.

Schedules and calendars, persons, repairs, the key of the digits, and one timer for all.
"""

from collections.abc import Callable

from homeassistant.components.person import DOMAIN as PERSON
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er

from . import issues, persons
from .access.code_ledger import CodeLedger
from .access.code_models import Code, Placement
from .access.codes import Codes
from .access.models import Lock, Markers
from .access.reconcile import Spawn
from .access.typed import PROGRAMMED
from .access.vault import Vault
from .alarm import Alarm
from .log import Log
from .models import HOME_ACTOR, AccessEvent
from .opening import home_folder
from .schedules import Schedules


class CodeKeeping:
    """Connects the codes with Home Assistant."""

    def __init__(
        self,
        hass: HomeAssistant,
        log: Log,
        find_lock: Callable[[str], Lock | None],
        markers: Markers,
        spawn: Spawn,
        tell: Callable[[], None],
    ) -> None:
        """Build; nothing runs before `start`."""
        self._hass = hass
        self._find_lock = find_lock
        self._spawn = spawn
        self._tell = tell
        self.alarm = Alarm(hass, self._due, spawn, "codes due")
        self.schedules = Schedules(hass, self._schedule_changed, self._silent)
        self.codes = Codes(
            CodeLedger(log),
            self._open_vault,
            find_lock,
            markers,
            opening=self.schedules.opening,
            spawn=spawn,
            schedule=self.alarm.set,
            settled=self._settled,
            changed=self._changed,
        )
        self._undo: list[Callable[[], None]] = []

    async def start(self, locks: set[str]) -> None:
        """Take up the codes there were, on the locks there are. Raises LogUnavailable."""
        await self.codes.load()
        await self.codes.only(locks)
        self._undo.append(
            self._hass.bus.async_listen(
                er.EVENT_ENTITY_REGISTRY_UPDATED, self._registry_changed
            )
        )
        self._changed()
        self._part()

    async def stop(self) -> None:
        """End it; what a lock is being told comes to its outcome."""
        while self._undo:
            self._undo.pop()()
        self.alarm.stop()
        await self.codes.stop()
        self.schedules.stop()

    async def _open_vault(self) -> Vault:
        path = home_folder(self._hass) / "keys" / "codes.key"
        return await self._hass.async_add_executor_job(Vault.open, path)

    async def _due(self) -> None:
        await self.codes.due()

    @callback
    def accessed(self, event: AccessEvent) -> None:
        """Hear of what happened at a lock with one of our codes."""
        if event.event in PROGRAMMED:
            if event.source != "command" and not event.remote:
                self.codes.lock_event(event)
        elif event.code_name:
            self._spawn(self.codes.used(event), "code used")

    # What codes stand on

    @callback
    def _schedule_changed(self, schedule: str) -> None:
        self.codes.schedule_changed(schedule)

    @callback
    def _silent(self, schedule: str, silent: bool) -> None:
        issues.schedule_silent(self._hass, schedule, silent)

    @callback
    def _registry_changed(
        self, event: Event[er.EventEntityRegistryUpdatedData]
    ) -> None:
        entity_id, action = event.data["entity_id"], event.data["action"]
        if action == "remove" and entity_id.startswith(f"{PERSON}."):
            self._part()

    @callback
    def _part(self) -> None:
        """Take away the codes of persons that there are no more."""
        for code in self.codes.all():
            if code.person and persons.entity_of(self._hass, code.person) is None:
                self._spawn(self.codes.remove(code.id, HOME_ACTOR), "person gone")

    # What is said of them

    @callback
    def _settled(self, code: Code, place: Placement, problem: str) -> None:
        lock = self._find_lock(place.lock)
        ref = lock.ref if lock else None
        issues.code_problem(self._hass, code.id, place.lock, ref, problem)

    @callback
    def _changed(self) -> None:
        self.schedules.follow(self.codes.schedules)
        self._tell()
