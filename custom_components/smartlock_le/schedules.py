"""What Home Assistant's schedules and calendars say of the codes that open by them.

Their time zone and daylight saving are Home Assistant's: an entity is on, or it is not.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from homeassistant.const import STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import (
    CALLBACK_TYPE,
    Event,
    EventStateChangedData,
    HomeAssistant,
    callback,
)
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import async_call_later, async_track_state_change_event
from homeassistant.util import dt as dt_util

from .access.code_models import Opening
from .const import DOMAIN

GRACE = timedelta(minutes=5)
"""How long an entity may be silent, as at a start, before its codes open no more."""
_SILENT = (STATE_UNAVAILABLE, STATE_UNKNOWN)


class Schedules:
    """The entities by which codes open."""

    def __init__(
        self,
        hass: HomeAssistant,
        changed: Callable[[str], None],
        silent: Callable[[str, bool], None],
    ) -> None:
        """Call `changed` where an entity says something else, `silent` where nothing."""
        self._hass = hass
        self._changed = changed
        self._tell_silent = silent
        self._followed: frozenset[str] = frozenset()
        self._undo: CALLBACK_TYPE = _nothing
        self._waiting: dict[str, CALLBACK_TYPE] = {}
        self._given_up: set[str] = set()
        self._stopped = False

    @callback
    def follow(self, entities: set[str]) -> None:
        """Follow these and no others."""
        if entities == self._followed:
            return
        self._undo()
        self._undo = _nothing
        for gone in self._followed - entities:
            self._heard(gone)
        self._followed = frozenset(entities)
        if entities:
            self._undo = async_track_state_change_event(
                self._hass, entities, self._state_changed
            )

    @callback
    def stop(self) -> None:
        """Follow none."""
        self._stopped = True
        self.follow(set())
        for cancel in self._waiting.values():
            cancel()
        self._waiting.clear()

    @callback
    def usable(self, entity: str) -> bool:
        """Tell whether codes may open by it: there is such, and it is none of ours."""
        entry = er.async_get(self._hass).async_get(entity)
        return self._hass.states.get(entity) is not None and (
            entry is None or entry.platform != DOMAIN
        )

    @callback
    def opening(self, entity: str) -> Opening:
        """Return what an entity says now."""
        state = self._hass.states.get(entity)
        if state is None or state.state in _SILENT:
            if entity in self._given_up:
                return Opening(on=False)
            if entity not in self._waiting and not self._stopped:
                self._wait_for(entity)
            return Opening(on=None)
        self._heard(entity)
        if state.state != STATE_ON:
            return Opening(on=False)
        until = state.attributes.get("next_event") or state.attributes.get("end_time")
        return Opening(on=True, until=_moment(until))

    @callback
    def _wait_for(self, entity: str) -> None:
        """Give an entity some time to say something."""

        @callback
        def give_up(_: datetime) -> None:
            del self._waiting[entity]
            self._given_up.add(entity)
            self._tell_silent(entity, True)
            self._changed(entity)

        self._waiting[entity] = async_call_later(self._hass, GRACE, give_up)

    @callback
    def _heard(self, entity: str) -> None:
        if cancel := self._waiting.pop(entity, None):
            cancel()
        if entity in self._given_up:
            self._given_up.remove(entity)
            self._tell_silent(entity, False)

    @callback
    def _state_changed(self, event: Event[EventStateChangedData]) -> None:
        self._changed(event.data["entity_id"])


def _moment(value: Any) -> datetime | None:
    """Read the end of a block: a calendar gives local time without a zone."""
    if isinstance(value, str):
        value = dt_util.parse_datetime(value)
    if not isinstance(value, datetime):
        return None
    if value.tzinfo is None:
        value = value.replace(tzinfo=dt_util.get_default_time_zone())
    return dt_util.as_utc(value)


def _nothing() -> None:
    """Undo nothing."""
