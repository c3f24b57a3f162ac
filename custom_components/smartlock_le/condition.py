"""Conditions of automations: the last access, an open emergency access, the battery."""

from abc import abstractmethod
from typing import Any, override

from homeassistant.const import CONF_OPTIONS
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers.condition import (
    ENTITY_STATE_CONDITION_SCHEMA_ANY_ALL,
    Condition,
    ConditionConfig,
    EntityConditionBase,
)
import voluptuous as vol

from .home import loaded_home
from .locks.managed import ManagedLock
from .targets import (
    ACCESS_SPECS,
    CONF_BELOW,
    DEFAULT_BELOW,
    Who,
    access_entities,
    battery_low,
    is_who,
    lock_of,
)

CONF_BEHAVIOR = "behavior"
CONF_WHO = "who"
_BEHAVIOR = {vol.Required(CONF_BEHAVIOR, default="any"): vol.In(["any", "all"])}


def _with_options(options: dict[Any, Any]) -> vol.Schema:
    """Return the schema of a condition of locks that has options."""
    return ENTITY_STATE_CONDITION_SCHEMA_ANY_ALL.extend(
        {vol.Required(CONF_OPTIONS, default={}): {**_BEHAVIOR, **options}}
    )


class LockCondition(EntityConditionBase):
    """Something of a lock that no state shows."""

    _domain_specs = ACCESS_SPECS
    _schema = _with_options({})

    def __init__(self, hass: HomeAssistant, config: ConditionConfig) -> None:
        """Take what was chosen."""
        super().__init__(hass, config)
        self._options = config.options or {}

    @property
    @override
    def needs_polling(self) -> bool:
        return True

    @override
    def entity_filter(self, entities: set[str]) -> set[str]:
        return access_entities(self._hass, entities)

    @override
    def _should_include(self, _state: State) -> bool:
        """Take each lock: one at which nothing happened yet has no state."""
        return True

    @override
    def is_valid_state(self, entity_state: State) -> bool:
        lock = lock_of(self._hass, entity_state.entity_id)
        return lock is not None and self.holds(lock)

    @abstractmethod
    def holds(self, lock: ManagedLock) -> bool:
        """Tell whether it is so."""


class LastAccessBy(LockCondition):
    """Who got access last."""

    _schema = _with_options(
        {
            vol.Required(CONF_WHO, default=Who.GUEST.value): vol.In(
                [who.value for who in Who if who is not Who.ANYONE]
            )
        }
    )

    @override
    def holds(self, lock: ManagedLock) -> bool:
        last = lock.last_access
        return last is not None and is_who(
            self._options[CONF_WHO], last.actor.kind, by_grant=bool(last.grant)
        )


class EmergencyAccessOpen(LockCondition):
    """An emergency access is open."""

    @override
    def holds(self, lock: ManagedLock) -> bool:
        home = loaded_home(self._hass)
        return home is not None and any(
            grant.lock == lock.ref.id for grant in home.grants.open_grants()
        )


class BatteryIsLow(LockCondition):
    """The battery of a lock is low."""

    _schema = _with_options(
        {
            vol.Required(CONF_BELOW, default=DEFAULT_BELOW): vol.All(
                vol.Coerce(int), vol.Range(min=1, max=99)
            )
        }
    )

    @override
    def holds(self, lock: ManagedLock) -> bool:
        return battery_low(lock.driver.state, self._options[CONF_BELOW]) is True


CONDITIONS: dict[str, type[Condition]] = {
    "battery_is_low": BatteryIsLow,
    "emergency_access_is_open": EmergencyAccessOpen,
    "last_access_was_by": LastAccessBy,
}


async def async_get_conditions(hass: HomeAssistant) -> dict[str, type[Condition]]:
    """Return them to Home Assistant."""
    return CONDITIONS
