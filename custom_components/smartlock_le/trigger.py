"""Triggers of automations: what happens at a door, in its own words."""

import asyncio
from collections import deque
from datetime import datetime, timedelta
from typing import Any, ClassVar, cast, override

from homeassistant.const import ATTR_ENTITY_ID, CONF_OPTIONS
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, State, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.target import (
    TargetSelection,
    async_extract_referenced_entity_ids,
)
from homeassistant.helpers.trigger import (
    ENTITY_STATE_TRIGGER_SCHEMA,
    NotTriggeredReasonReporter,
    StatelessEntityTriggerBase,
    Trigger,
    TriggerActionRunner,
    TriggerConfig,
    TriggerNotTriggeredReporter,
)
from homeassistant.helpers.typing import ConfigType
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .access.code_models import Code
from .battery import days_left
from .const import ATTR_TIME
from .home import Home
from .locks.managed import ManagedLock
from .models import AccessKind, Method, lets_in
from .targets import (
    ACCESS_SPECS,
    CONF_BELOW,
    DEFAULT_BELOW,
    Who,
    access_entities,
    is_who,
    lock_id_of,
)
from .watches import BatteryWatch, ExpiryWatch

CONF_BEFORE = "before"
CONF_COUNT = "count"
CONF_KEYPAD_ONLY = "keypad_only"
CONF_WHO = "who"
CONF_WITHIN = "within"


def _with_options(options: dict[Any, Any]) -> vol.Schema:
    """Return the schema of a trigger of locks that has options."""
    return ENTITY_STATE_TRIGGER_SCHEMA.extend(
        {vol.Required(CONF_OPTIONS, default={}): options}
    )


class AccessTrigger(StatelessEntityTriggerBase):
    """Something happened at a lock."""

    _domain_specs = ACCESS_SPECS
    _kinds: ClassVar[frozenset[str]]

    @override
    def entity_filter(self, entities: set[str]) -> set[str]:
        return access_entities(self._hass, entities)

    @override
    def is_valid_state(
        self, state: State, report_not_triggered: NotTriggeredReasonReporter
    ) -> bool:
        return state.attributes.get("event_type") in self._kinds

    @override
    def is_valid_transition(self, from_state: State, to_state: State) -> bool:
        """Tell whether it happened now: a new name of the entity is no event.

        What a lock tells late may come several times in one moment.
        """
        return (from_state.state, from_state.attributes.get(ATTR_TIME)) != (
            to_state.state,
            to_state.attributes.get(ATTR_TIME),
        )


class AccessGranted(AccessTrigger):
    """Somebody got access."""

    _kinds = frozenset({AccessKind.UNLOCKED, AccessKind.OPENED})
    _schema = _with_options(
        {
            vol.Required(CONF_WHO, default=Who.ANYONE.value): vol.In(
                [who.value for who in Who]
            ),
            vol.Required(CONF_KEYPAD_ONLY, default=False): cv.boolean,
        }
    )

    @override
    def is_valid_state(
        self, state: State, report_not_triggered: NotTriggeredReasonReporter
    ) -> bool:
        if not super().is_valid_state(state, report_not_triggered):
            return False
        told = state.attributes
        method = told.get("method", "")
        if self._options[CONF_KEYPAD_ONLY] and method != Method.KEYPAD:
            return False
        kind = str(told.get("actor", "")).partition(" ")[0]
        return lets_in(told["event_type"], method) and is_who(
            self._options[CONF_WHO], kind, by_grant=told.get("by_grant") is True
        )


class AccessDenied(AccessTrigger):
    """Somebody got none."""

    _kinds = frozenset({AccessKind.DENIED})


class Jammed(AccessTrigger):
    """The bolt is stuck."""

    _kinds = frozenset({AccessKind.JAMMED})


class WrongCodes(AccessDenied):
    """Several denied accesses at one lock in a short time; told once, until it is quiet."""

    _schema = _with_options(
        {
            vol.Required(CONF_COUNT, default=3): vol.All(
                vol.Coerce(int), vol.Range(min=2, max=20)
            ),
            vol.Required(CONF_WITHIN, default={"minutes": 5}): cv.positive_time_period,
        }
    )

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Have seen none yet."""
        super().__init__(hass, config)
        self._count: int = self._options[CONF_COUNT]
        self._within: timedelta = self._options[CONF_WITHIN]
        self._denied: dict[str, deque[datetime]] = {}
        self._told: set[str] = set()

    @override
    def is_valid_transition(self, from_state: State, to_state: State) -> bool:
        return super().is_valid_transition(from_state, to_state) and self._burst(
            to_state.entity_id, _time_of(to_state)
        )

    def _burst(self, entity_id: str, moment: datetime) -> bool:
        """Note a denied access; tell whether it makes a burst that was not told of."""
        denied = self._denied.setdefault(entity_id, deque(maxlen=self._count))
        if denied and moment - denied[-1] > self._within:
            self._told.discard(entity_id)
        denied.append(moment)
        if len(denied) < self._count or moment - denied[0] > self._within:
            return False
        if entity_id in self._told:
            return False
        self._told.add(entity_id)
        return True


def _time_of(state: State) -> datetime:
    """Return when it happened, which may be long before it was told."""
    told = dt_util.parse_datetime(str(state.attributes.get(ATTR_TIME)))
    return told or state.last_updated


class BatteryLow(AccessTrigger):
    """The battery of a lock becomes low."""

    _kinds = frozenset()
    _schema = _with_options(
        {
            vol.Required(CONF_BELOW, default=DEFAULT_BELOW): vol.All(
                vol.Coerce(int), vol.Range(min=1, max=99)
            )
        }
    )

    @override
    async def async_attach_runner(
        self,
        run_action: TriggerActionRunner,
        did_not_trigger: TriggerNotTriggeredReporter | None = None,
    ) -> CALLBACK_TYPE:
        running: set[asyncio.Task[None]] = set()

        async def tell(lock: ManagedLock) -> None:
            left = await days_left(self._hass, lock)
            for entity_id in self._meant(lock.ref.id):
                run_action(
                    {
                        ATTR_ENTITY_ID: entity_id,
                        "battery": lock.driver.state.battery,
                        "days_left": left,
                    },
                    f"battery of {entity_id}",
                )

        @callback
        def become_low(lock: ManagedLock) -> None:
            task = self._hass.async_create_task(
                tell(lock), f"battery of {lock.ref.id} is low"
            )
            running.add(task)
            task.add_done_callback(running.discard)

        watch = BatteryWatch(self._hass, self._options[CONF_BELOW], become_low)

        @callback
        def stop() -> None:
            watch.stop()
            for task in running:
                task.cancel()

        return stop

    @callback
    def _meant(self, lock_id: str) -> list[str]:
        """Return the access event of a lock, if the automation means that lock."""
        found = async_extract_referenced_entity_ids(
            self._hass, TargetSelection(self._target), expand_group=False
        )
        entities = self.entity_filter(found.referenced | found.indirectly_referenced)
        return [e for e in entities if lock_id_of(self._hass, e) == lock_id]


class CodeExpiring(Trigger):
    """The code of a guest ends soon."""

    _schema = vol.Schema(
        {
            vol.Required(CONF_OPTIONS, default={}): {
                vol.Required(CONF_BEFORE, default={"hours": 1}): cv.positive_time_period
            }
        }
    )

    @override
    @classmethod
    async def async_validate_config(
        cls, hass: HomeAssistant, config: ConfigType
    ) -> ConfigType:
        return cast("ConfigType", cls._schema(config))

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Take how long before."""
        super().__init__(hass, config)
        self._before: timedelta = (config.options or {})[CONF_BEFORE]

    @override
    async def async_attach_runner(
        self,
        run_action: TriggerActionRunner,
        did_not_trigger: TriggerNotTriggeredReporter | None = None,
    ) -> CALLBACK_TYPE:
        @callback
        def tell(home: Home, code: Code) -> None:
            # Nobody's name: an automation's trace stays on the disk.
            locks = [lock for item in code.locks if (lock := home.roster.find(item))]
            run_action(
                {
                    "code": code.id,
                    "end": code.when.end and dt_util.as_local(code.when.end),
                    "locks": sorted(lock.ref.name for lock in locks),
                },
                f"end of code {code.id}",
            )

        return ExpiryWatch(self._hass, self._before, tell).stop


TRIGGERS: dict[str, type[Trigger]] = {
    "access_denied": AccessDenied,
    "access_granted": AccessGranted,
    "battery_low": BatteryLow,
    "code_expiring": CodeExpiring,
    "jammed": Jammed,
    "wrong_codes": WrongCodes,
}


async def async_get_triggers(hass: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return them to Home Assistant."""
    return TRIGGERS
