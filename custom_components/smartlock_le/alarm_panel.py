"""The owner's alarm system: what it does is in the log, and cameras look when it is triggered."""

from collections.abc import Callable, Coroutine
import logging
from typing import Any

from homeassistant.components.alarm_control_panel import (
    ATTR_CHANGED_BY,
    AlarmControlPanelState,
)
from homeassistant.core import (
    CALLBACK_TYPE,
    Event,
    EventStateChangedData,
    HomeAssistant,
    State,
    callback,
)
from homeassistant.helpers import entity_registry as er

from . import actors
from .followed import follow
from .log import MAX_TEXT, Log, LogUnavailable
from .models import HOME_ACTOR, UNKNOWN_ACTOR, Actor, ActorKind

_LOGGER = logging.getLogger(__name__)

_ARMED = {state for state in AlarmControlPanelState if state.startswith("armed")}
_ENTERED = _ARMED | {AlarmControlPanelState.DISARMED, AlarmControlPanelState.TRIGGERED}
"""What it comes to; what it does on the way there is not entered."""


class AlarmPanel:
    """The alarm control panel that the owner chose, if any."""

    def __init__(
        self,
        hass: HomeAssistant,
        log: Log,
        spawn: Callable[[Coroutine[Any, Any, Any], str], object],
        triggered: Callable[[int], None],
    ) -> None:
        """Follow none yet; `triggered` is called with the number of that entry."""
        self._hass = hass
        self._log = log
        self._spawn = spawn
        self._triggered = triggered
        self._chosen = ""
        self._last = ""
        """What was entered last."""
        self._undo: CALLBACK_TYPE | None = None

    async def start(self, chosen: str) -> None:
        """Follow the chosen one: an id of the registry, an entity id, or nothing."""
        try:
            page = await self._log.entries(kinds=["alarm"], limit=1, newest_first=True)
        except LogUnavailable as err:
            _LOGGER.debug("The last word of the alarm is not known: %s", err)
        else:
            told = [entry.fields for entry in page.entries]
            self._last = next(
                (str(f["state"]) for f in told if f["alarm"] == chosen), ""
            )
        self._chosen = chosen
        self.follow(chosen)

    @callback
    def follow(self, chosen: str) -> None:
        """Follow another one, or nothing."""
        self.stop()
        if chosen != self._chosen:
            self._chosen, self._last = chosen, ""
        if (entity_id := self.entity_id) is None:
            return
        self._undo = follow(
            self._hass, [entity_id], self._changed, lambda: self.follow(self._chosen)
        )
        if state := self._hass.states.get(entity_id):
            self._take(state)

    @callback
    def stop(self) -> None:
        """Follow none any more."""
        if self._undo:
            self._undo()
            self._undo = None

    @property
    def entity_id(self) -> str | None:
        """The panel's entity, if there is one."""
        registry = er.async_get(self._hass)
        return er.async_resolve_entity_id(registry, self._chosen)

    @property
    def state(self) -> str:
        """What it shows now; empty where there is none, or it is not known."""
        state = self._hass.states.get(self.entity_id or "")
        return state.state if state and state.state in AlarmControlPanelState else ""

    @callback
    def _changed(self, event: Event[EventStateChangedData]) -> None:
        if state := event.data["new_state"]:
            self._take(state, event.data["old_state"])

    def _take(self, state: State, before: State | None = None) -> None:
        """Enter what it shows, if it is another than was entered last."""
        if state.state not in _ENTERED or state.state == self._last:
            return
        self._last = state.state
        # What it showed before is not known: nor is who changed it, nor when.
        seen = before is not None and before.state in AlarmControlPanelState
        self._spawn(self._enter(self._chosen, state, seen), "alarm")

    async def _enter(self, alarm: str, state: State, seen: bool) -> None:
        who = await self._who(state) if seen else UNKNOWN_ACTOR
        entry = await self._log.append_or_keep(
            "alarm", {"alarm": alarm, "state": state.state, **who.fields()}
        )
        if state.state == AlarmControlPanelState.TRIGGERED:
            self._triggered(entry.seq if entry else -1)

    async def _who(self, state: State) -> Actor:
        """Return who it was: a user, an automation, or whom the panel names."""
        who = await actors.from_context(self._hass, state.context)
        if who is not HOME_ACTOR or state.context.parent_id:
            return who
        name = str(state.attributes.get(ATTR_CHANGED_BY) or "")[:MAX_TEXT]
        return Actor(ActorKind.CREDENTIAL, "", name) if name else UNKNOWN_ACTOR


def armed(state: str) -> bool:
    """Tell whether a state of a panel is one in which nobody should be coming."""
    return state in _ARMED or state == AlarmControlPanelState.TRIGGERED
