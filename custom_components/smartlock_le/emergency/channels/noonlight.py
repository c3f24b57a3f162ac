"""Noonlight: people who call the house and send help, in the United States alone.

Source: docs.noonlight.com, Dispatch API v1, "Quick start" and its reference.
"""

from dataclasses import dataclass, field
import json
import re
from typing import Any, override

from homeassistant.core import HomeAssistant

from ..models import Kind, Signal, What
from .asking import Answered, ask
from .channel import Channel, Health, NeverTaken, NotReached, NotTaken

SANDBOX = "https://api-sandbox.noonlight.com"
"""Nobody is sent from there."""
PRODUCTION = "https://api.noonlight.com"
_ALARMS = "/dispatch/v1/alarms"
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
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
        self._refused = ""
        """Why it took no alarm, the last time; that it knows the token is not enough."""

    @override
    async def send(self, message: Signal) -> str:
        try:
            said = await self._send(message)
        except (NotReached, NotTaken) as err:
            self.health = Health(False, err.reason)
            raise
        self.health = Health(not self._refused, self._refused)
        return said

    async def _send(self, signal: Signal) -> str:
        if signal.what is What.TEST:
            # They have no word for it: that they know the token is all that can be tried.
            if not (health := await self.look()).ok:
                raise NotReached(health.reason)
            return "noonlight"
        if signal.what is not What.ALARM:
            return await self._call_off(signal.refers.partition(" ")[2])
        answer = await self._ask("POST", "", self._alarm(signal), read=True)
        self._refused = "" if answer.taken else answer.refusal
        if not answer.taken:
            raise NotTaken(answer.refusal)
        # Without an id it is an alarm all the same: a second one would send them twice.
        return f"noonlight {_id_of(answer)}".strip()

    async def _call_off(self, alarm: str) -> str:
        answer = await self._ask("POST", f"/{alarm}/status", {"status": "CANCELED"})
        if answer.taken:
            return f"noonlight {alarm}"
        if answer.status in (401, 403) or answer.status >= 500:
            raise NotTaken(answer.refusal)
        # It may be over for them already.
        raise NeverTaken("not_called_off")

    @override
    async def look(self) -> Health:
        try:
            answer = await self._ask("GET", f"/{_NONE}/status", None)
        except NotReached as err:
            self.health = Health(False, err.reason)
            return self.health
        # That it knows no such alarm is the answer of one that knows us.
        known = answer.status < 500 and answer.status not in (401, 403)
        reason = self._refused if known else answer.refusal
        self.health = Health(not reason, reason)
        return self.health

    def _alarm(self, signal: Signal) -> dict[str, Any]:
        return {
            "name": self._who.name,
            "phone": self._who.phone,
            "location": {"address": self._who.address},
            "services": {_SERVICES[signal.kind]: True},
        }

    async def _ask(
        self, method: str, path: str, said: dict[str, Any] | None, *, read: bool = False
    ) -> Answered:
        host = PRODUCTION if self._who.production else SANDBOX
        headers = {
            "Authorization": f"Bearer {self._who.token}",
            "Accept": "application/json",
            "Content-Type": "application/json",
        }
        body = b"" if said is None else json.dumps(said).encode()
        url = f"{host}{_ALARMS}{path}"
        return await ask(self._hass, method, url, body, headers, read=read)


def _id_of(answer: Answered) -> str:
    """Return the id of an alarm that was taken; empty where there is none that is one."""
    try:
        given = json.loads(answer.body)["id"]
    except ValueError, KeyError, TypeError:
        return ""
    # It goes into an address.
    return given if isinstance(given, str) and _ID.fullmatch(given) else ""
