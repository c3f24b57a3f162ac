"""How we ask what another integration keeps: in time, in silence, and not by an action.

The data of an action is on Home Assistant's event bus, for everybody to read and for the
recorder to keep. So where a code is in it we call what the action would call: the method
of the integration's own lock entity.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
import inspect
from typing import Any

from homeassistant.components.lock.const import DATA_COMPONENT
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from ..models import LockRefused, LockUnreachable, OutcomeUnknown, Refusal
from .hush import hushed

ANSWER = 30.0
"""Seconds that an integration has: a sleeping lock is woken first, and may be asked after."""


@asynccontextmanager
async def answered(*libraries: str) -> AsyncIterator[None]:
    """Wait for an answer; these libraries log no detail of it. Raises LockUnreachable."""
    try:
        with hushed(*libraries):
            async with asyncio.timeout(ANSWER):
                yield
    except TimeoutError:
        raise LockUnreachable("no answer in time") from None
    except asyncio.CancelledError:
        # A client cancels what waits for an answer when it loses its server.
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise LockUnreachable("it went away") from None


@asynccontextmanager
async def changing() -> AsyncIterator[None]:
    """Have whatever goes wrong mean that the lock may have done it."""
    try:
        yield
    except LockUnreachable as err:
        raise OutcomeUnknown(str(err)) from None


class LockEntityMethods:
    """What the lock entity of another integration can do beyond the lock actions."""

    def __init__(
        self, hass: HomeAssistant, library: str, refusals: Mapping[str, Refusal]
    ) -> None:
        """Take what a no means: by the status in an error, or by its translation key."""
        self._hass = hass
        self._library = library
        self._refusals = refusals

    def has(self, entity_id: str | None, method: str) -> bool:
        """Tell whether the entity is there and has a method."""
        return hasattr(self._entity(entity_id), method)

    def _entity(self, entity_id: str | None) -> Any:
        component = self._hass.data.get(DATA_COMPONENT)
        return component.get_entity(entity_id) if component and entity_id else None

    async def call(self, entity_id: str | None, method: str, **fields: Any) -> Any:
        """Call a method of an entity. Raises LockUnreachable, LockRefused.

        Texts of errors are not passed on: they may hold anything.
        """
        if (entity := self._entity(entity_id)) is None:
            raise LockUnreachable("entity not available")
        try:
            function = getattr(entity, method)
            inspect.signature(function).bind(**fields)
        except AttributeError, TypeError:
            raise LockRefused(Refusal.NOT_SUPPORTED, "this release") from None
        try:
            async with answered(self._library):
                return await function(**fields)
        except HomeAssistantError as err:
            status = (err.translation_placeholders or {}).get("status", "")
            for said in (status, err.translation_key or ""):
                if said in self._refusals:
                    raise LockRefused(self._refusals[said], said) from None
            if isinstance(err, ServiceValidationError):
                raise LockRefused(Refusal.OTHER, type(err).__name__) from None
            raise LockUnreachable(type(err).__name__) from None
