"""What the telephones of contacts say by Home Assistant's app: a button, a message that came."""

from collections.abc import Callable
import logging

from homeassistant.const import CONF_ACTION
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback

from .emergency.drills import Drills
from .emergency.incidents import Incidents
from .emergency.models import EmergencyError
from .emergency.people import ACTION, nonces_in
from .emergency.silent import SilentIncidents
from .whole import Spawn

_LOGGER = logging.getLogger(__name__)

_EVENT = "mobile_app_notification_"


class Telephones:
    """Passes on what they say to what it is about."""

    def __init__(
        self,
        hass: HomeAssistant,
        spawn: Spawn,
        incidents: Incidents,
        silent: SilentIncidents,
        drills: Drills,
    ) -> None:
        """Take who may be meant."""
        self._hass = hass
        self._spawn = spawn
        self._incidents = incidents
        self._silent = silent
        self._drills = drills
        self._undo: list[CALLBACK_TYPE] = []

    def start(self) -> None:
        """Listen."""
        heard: dict[str, Callable[[Event], None]] = {
            "action": self._pressed,
            # On Android alone.
            "received": self._received,
            "cleared": self._wiped,
        }
        self._undo = [
            self._hass.bus.async_listen(f"{_EVENT}{what}", listener)
            for what, listener in heard.items()
        ]

    def stop(self) -> None:
        """Listen no more."""
        for undo in self._undo:
            undo()
        self._undo = []

    @callback
    def _pressed(self, event: Event) -> None:
        action = str(event.data.get(CONF_ACTION, ""))
        if action.startswith(ACTION):
            nonce = action.removeprefix(ACTION)
            self._spawn(self._answer(nonce), "answer of a contact")

    async def _answer(self, nonce: str) -> None:
        if await self._silent.end(nonce) or await self._drills.answer(nonce):
            return
        try:
            await self._incidents.answer(nonce)
        except EmergencyError:
            # Pressed twice, or too late, or made up.
            _LOGGER.debug("An answer that is not waited for")

    @callback
    def _received(self, event: Event) -> None:
        # All of them are of one message.
        for nonce in nonces_in(event.data)[:1]:
            self._spawn(self._delivered(nonce), "a message is there")

    async def _delivered(self, nonce: str) -> None:
        await self._incidents.delivered(nonce)
        await self._drills.delivered(nonce)

    @callback
    def _wiped(self, event: Event) -> None:
        """Hear that a message was wiped away, which says all that was in it."""
        for nonce in nonces_in(event.data):
            self._silent.wiped(nonce)
