"""Which of our locks an automation means, and who got access."""

from collections.abc import Callable
from enum import StrEnum

from homeassistant.components.event import DOMAIN as EVENT_DOMAIN
from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
)
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.automation import DomainSpec
from homeassistant.helpers.dispatcher import async_dispatcher_connect

from .const import DOMAIN
from .home import Home, loaded_home
from .locks.driver import LockState
from .locks.managed import ManagedLock
from .models import ActorKind

ACCESS_SPECS = {EVENT_DOMAIN: DomainSpec()}
_ACCESS = "_access"

CONF_BELOW = "below"
DEFAULT_BELOW = 20
"""Percent."""


class Who(StrEnum):
    """Who got access, as an automation asks."""

    ANYONE = "anyone"
    KNOWN = "known"
    """Whoever the lock or we know, by name or by code."""
    RESIDENT = "resident"
    GUEST = "guest"
    EMERGENCY = "emergency"


_KINDS = {
    Who.KNOWN: frozenset(
        {
            ActorKind.OWNER,
            ActorKind.RESIDENT,
            ActorKind.GUEST,
            ActorKind.GRANT,
            ActorKind.CODE,
            ActorKind.CREDENTIAL,
        }
    ),
    Who.RESIDENT: frozenset({ActorKind.OWNER, ActorKind.RESIDENT}),
    Who.GUEST: frozenset({ActorKind.GUEST}),
}


def is_who(who: str, actor_kind: str, *, by_grant: bool) -> bool:
    """Tell whether an actor of that kind is who was asked for.

    What happens under an emergency grant is no resident's coming home.
    """
    if who == Who.ANYONE:
        return True
    if by_grant:
        return who in (Who.EMERGENCY, Who.KNOWN)
    return who in _KINDS and actor_kind in _KINDS[Who(who)]


def battery_low(state: LockState, below: int) -> bool | None:
    """Tell whether a battery is low, by its charge or by the word of the lock."""
    if state.battery_critical:
        return True
    return None if state.battery is None else state.battery <= below


@callback
def access_entities(hass: HomeAssistant, entities: set[str]) -> set[str]:
    """Return those that are the access event of a lock of ours."""
    return {entity_id for entity_id in entities if lock_id_of(hass, entity_id)}


@callback
def lock_id_of(hass: HomeAssistant, entity_id: str) -> str:
    """Return the lock that an access event is of; empty: it is none of ours."""
    entry = er.async_get(hass).async_get(entity_id)
    if entry is None or (entry.platform, entry.domain) != (DOMAIN, EVENT_DOMAIN):
        return ""
    return entry.unique_id.removesuffix(_ACCESS)


@callback
def lock_of(hass: HomeAssistant, entity_id: str) -> ManagedLock | None:
    """Return the lock that an access event is of, if it is in the home that runs."""
    home = loaded_home(hass)
    return home.roster.find(lock_id_of(hass, entity_id)) if home else None


class Follow:
    """Looks again whenever the home changed, or another one runs."""

    def __init__(
        self, hass: HomeAssistant, look: Callable[[Home | None], None]
    ) -> None:
        """Look at once."""
        self._hass = hass
        self._look = look
        self._home: Home | None = None
        self._undo_home: CALLBACK_TYPE | None = None
        self._undo = async_dispatcher_connect(
            hass, SIGNAL_CONFIG_ENTRY_CHANGED, self._entry_changed
        )
        self._follow()

    @callback
    def stop(self) -> None:
        """Look no more."""
        self._undo()
        self._leave()

    @callback
    def _leave(self) -> None:
        if self._undo_home:
            self._undo_home()
            self._undo_home = None

    @callback
    def _entry_changed(self, _: ConfigEntryChange, entry: ConfigEntry) -> None:
        if entry.domain == DOMAIN:
            self._follow()

    @callback
    def _follow(self) -> None:
        home = loaded_home(self._hass)
        if home is not self._home:
            self._leave()
            self._home = home
            if home:
                self._undo_home = home.listen(self._home_changed)
        self._look(home)

    @callback
    def _home_changed(self) -> None:
        self._look(self._home)
