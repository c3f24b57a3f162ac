"""A signed webhook: an incident as CAP to a server that the owner chose.

Source: Standard Webhooks 1.0.0, "Verifying webhook authenticity" and "Symmetric".
"""

import base64
import binascii
from dataclasses import dataclass, field
import hashlib
import hmac
from ipaddress import ip_address, ip_network
import secrets
from typing import override
from urllib.parse import urlsplit

from homeassistant.core import HomeAssistant

from ...models import utc_now
from ..models import Signal
from . import cap
from .asking import ask
from .channel import Channel, Health, NotReached, NotTaken

_PREFIX = "whsec_"
_OURS = [
    ip_network(network)
    for network in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"),
        *("127.0.0.0/8", "fc00::/7", "fe80::/10", "::1/128"),
    )
]
"""Where no address is of somebody else; RFC 1918, 3927, 4193, 4291."""
_SHORTEST, _LONGEST = 24, 64
"""Bytes of a secret."""


def new_secret() -> str:
    """Return one that nobody knows, as it is written."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SHORTEST)).decode()


def read_secret(text: str) -> bytes:
    """Return the bytes of a secret. Raises ValueError for what is none."""
    try:
        secret = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("no secret") from None
    if not _SHORTEST <= len(secret) <= _LONGEST:
        raise ValueError("no secret")
    return secret


def is_safe(url: str) -> bool:
    """Tell whether nobody on the way can read: by TLS, or within this network."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not host or parts.username or parts.password or parts.fragment:
        return False
    if parts.scheme == "https":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return parts.scheme == "http" and any(
        address in network for network in _OURS if network.version == address.version
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """Where it goes, and by what the other side knows that it is from here."""

    url: str = field(repr=False)
    secret: bytes = field(repr=False)
    sender: cap.Sender


class Webhook(Channel[Signal]):
    """The way to a server."""

    def __init__(self, hass: HomeAssistant, hook: Hook) -> None:
        """Take where it goes; nothing is sent yet."""
        self._hass = hass
        self._hook = hook
        self._refused = ""
        """Why it took no message, the last time; that it is there is not enough."""

    @override
    async def send(self, message: Signal) -> str:
        await self.give(message.id, cap.message(message, self._hook.sender))
        return "webhook"

    async def give(self, message_id: str, body: bytes) -> None:
        """Give it a message that is written already. Raises ChannelError.

        By the id the other side knows one that comes again.
        """
        try:
            signed = self._signed(message_id, body)
            answer = await ask(self._hass, "POST", self._hook.url, body, signed)
        except NotReached as err:
            self.health = Health(False, err.reason)
            raise
        if not answer.taken:
            self._refused = answer.refusal
            self.health = Health(False, self._refused)
            # Its answer is about this one: the next may be another matter.
            raise NotTaken(self._refused)
        self._refused, self.health = "", Health(True)

    @override
    async def look(self) -> Health:
        try:
            # That it does not like to be asked so is an answer, too.
            await ask(self._hass, "HEAD", self._hook.url)
            self.health = Health(not self._refused, self._refused)
        except NotReached as err:
            self.health = Health(False, err.reason)
        return self.health

    def _signed(self, message_id: str, body: bytes) -> dict[str, str]:
        moment = str(int(utc_now().timestamp()))
        content = b".".join((message_id.encode(), moment.encode(), body))
        mac = hmac.new(self._hook.secret, content, hashlib.sha256).digest()
        return {
            "Content-Type": "application/cap+xml",
            "webhook-id": message_id,
            "webhook-timestamp": moment,
            "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
        }
