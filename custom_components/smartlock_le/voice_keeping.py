"""Distress by voice, as Home Assistant needs it: listened for where Assist is, as decided."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from homeassistant.const import EVENT_COMPONENT_LOADED
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers.importlib import async_import_module
from homeassistant.setup import EventComponentLoaded

from .emergency.settings import Settings
from .whole import Spawn

if TYPE_CHECKING:
    from .voice import Heard, Voice

_CONVERSATION = "conversation"
_PAUSE = 1.0
"""Seconds in which nobody who asked for help thinks of taking it back."""


class VoiceKeeping:
    """Has Assist listen for what the owner decided, and for nothing else."""

    def __init__(
        self,
        hass: HomeAssistant,
        spawn: Spawn,
        settings: Callable[[], Settings],
        is_open: Callable[[], bool],
        heard: Heard,
    ) -> None:
        """Take what tells whether something is open, and what is done with what is heard."""
        self._hass = hass
        self._spawn = spawn
        self._settings = settings
        self._is_open = is_open
        self._heard = heard
        self._soon = False
        self._stopped = False
        self._undo: CALLBACK_TYPE | None = None
        self.voice: Voice | None = None

    @callback
    def start(self) -> None:
        """Wait for Assist, which may come later."""
        self._undo = self._hass.bus.async_listen(EVENT_COMPONENT_LOADED, self._loaded)

    @callback
    def _loaded(self, event: Event[EventComponentLoaded]) -> None:
        if event.data["component"] == _CONVERSATION:
            self._spawn(self.listen(), "voice")

    @callback
    def stop(self) -> None:
        """Hear nothing more."""
        self._stopped = True
        if self._undo:
            self._undo()
        if self.voice:
            self.voice.stop()

    @property
    def listening(self) -> bool:
        """Tell whether distress by voice is heard now."""
        return self.voice is not None and self.voice.listening

    async def knows(self, sentence: str) -> bool:
        """Tell whether a sentence is heard already, in a language that is listened for."""
        languages = self._settings().languages
        return self.voice is not None and await self.voice.knows(sentence, languages)

    @callback
    def listen_soon(self) -> None:
        """Follow what is open, once those who are to help have been told."""
        if not self._soon and not self._stopped:
            self._soon = True
            self._spawn(self._listen_soon(), "voice")

    async def _listen_soon(self) -> None:
        await asyncio.sleep(_PAUSE)
        self._soon = False
        await self.listen()

    def _ended(self) -> bool:
        """Tell whether the home has ended, which it may while something is awaited."""
        return self._stopped

    async def listen(self) -> None:
        """Listen as is decided now."""
        if self._stopped or _CONVERSATION not in self._hass.config.components:
            return
        if self.voice is None:
            # What it stands on is there only where Assist is.
            module = await async_import_module(self._hass, f"{__package__}.voice")
            if self._ended():
                return
            self.voice = self.voice or module.Voice(self._hass, self._heard)
        settings, silent = self._settings(), self._settings().silent
        await self.voice.listen(
            settings.languages,
            loud=settings.ready,
            silent=silent is not None and silent.phrases,
            cancel=self._is_open(),
            word=silent.word if silent else "",
        )
