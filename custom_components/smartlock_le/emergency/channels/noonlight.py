"""Noonlight: people who call the house and send help, in the United States alone.

Source: docs.noonlight.com, Dispatch API v1, "Quick start" and its reference.
"""

from dataclasses import dataclass, field
import json
from typing import Any, override

from homeassistant.core import HomeAssistant

from ..models import Kind, Signal, What
from .asking import Answered, ask
from .channel import Channel, Health, NotReached, NotTaken

SANDBOX = "https://api-sandbox.noonlight.com"
"""Nobody is sent from there."""
PRODUCTION = "https://api.noonlight.com"
_ALARMS = "/dispatch/v1/alarms"
_NONE = "0" * 24
"""An alarm that there is not."""
_SERVICES = {
    Kind.POLICE: "police",
    Kind.FIRE: "fire",
    Kind.MEDICAL: "medical",
    Kind.GAS: "fire",
    Kind.BURGLARY: "police",
}
"""Who is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """Who has a contract with them, and where."""

    token: str = field(repr=False)
    production: bool
    name: str = field(repr=False)
    phone: str = field(repr=False)
    """Eleven digits, the first a 1: they call it first."""
    address: dict[str, str] = field(repr=False)
    """`line1`, `line2` where there is one, `city`, `state`, `zip`."""


class Noonlight(Channel[Signal]):
    """The way there."""

    def __init__(self, hass: HomeAssistant, subscriber: Subscriber) -> None:
        """Take whose alarms they are; nothing is sent yet."""
        self._hass = hass
        self._who = subscriber

    @override
    async def send(self, message: Signal) -> str:
        try:
            return await self._send(message)
        except (NotReached, NotTaken) as err:
            self.health = Health(False, err.reason)
            raise

    async def _send(self, signal: Signal) -> str:
        if signal.what is What.TEST:
            # They have no word for it: that they know the token is all that can be tried.
            if not (health := await self.look()).ok:
                raise NotReached(health.reason)
            return "noonlight"
        if signal.what is What.ALARM:
            answer = await self._ask("POST", "", self._alarm(signal))
            given = _id_of(answer)
        else:
            off = {"status": "CANCELED"}
            answer = await self._ask("POST", f"/{signal.refers}/status", off)
            given = signal.refers
        if not answer.taken or not given:
            raise NotTaken(answer.refusal)
        self.health = Health(True)
        return f"noonlight {given}"

    @override
    async def look(self) -> Health:
        try:
            answer = await self._ask("GET", f"/{_NONE}/status", None)
        except NotReached as err:
            self.health = Health(False, err.reason)
            return self.health
        # That it knows no such alarm is the answer of one that knows us.
        ok = answer.status < 500 and answer.status not in (401, 403)
        self.health = Health(ok, "" if ok else answer.refusal)
        return self.health

    def _alarm(self, signal: Signal) -> dict[str, Any]:
        return {
            "name": self._who.name,
            "phone": self._who.phone,
            "location": {"address": self._who.address},
            "services": {_SERVICES[signal.kind]: True},
        }

    async def _ask(
        self, method: str, path: str, said: dict[str, Any] | None
    ) -> Answered:
        host = PRODUCTION if self._who.production else SANDBOX
        headers = {
            "Authorization": f"Bearer {self._who.token}",
            "Accept": "application/json",
            "Content-Type": "application/json",
        }
        body = b"" if said is None else json.dumps(said).encode()
        return await ask(self._hass, method, f"{host}{_ALARMS}{path}", body, headers)


def _id_of(answer: Answered) -> str:
    """Return the id of an alarm that was taken; empty where there is none."""
    try:
        given = json.loads(answer.body)["id"]
    except ValueError, KeyError, TypeError:
        return ""
    # It goes into an address.
    return (
        given if isinstance(given, str) and given.isascii() and given.isalnum() else ""
    )
