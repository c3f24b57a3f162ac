"""One request to a server by https, of which nothing is left here."""

from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from aiohttp import (
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from .channel import NotReached

TIMEOUT = 10.0
"""Seconds that a server has for its answer."""
_LONGEST = 65_536
"""Bytes of an answer that are read."""


class Answered(NamedTuple):
    """What a server said."""

    status: int
    body: bytes

    @property
    def taken(self) -> bool:
        """Tell whether it took what it was given."""
        return 200 <= self.status < 300

    @property
    def refusal(self) -> str:
        """Return why not, as in ChannelError."""
        return "refused" if self.status < 500 else "in_trouble"


async def ask(
    hass: HomeAssistant,
    method: str,
    url: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    read: bool = False,
) -> Answered:
    """Return the answer; its body only where it is to be read. Raises NotReached."""
    try:
        # Home Assistant's connections, but no cookies of others.
        async with (
            ClientSession(
                connector=async_get_clientsession(hass).connector,
                connector_owner=False,
                cookie_jar=DummyCookieJar(),
            ) as session,
            session.request(
                method,
                url,
                data=body or None,
                headers=headers,
                # Whom it goes to is what the owner said, and nobody else.
                allow_redirects=False,
                timeout=ClientTimeout(total=TIMEOUT),
            ) as answer,
        ):
            return Answered(answer.status, await _body(answer) if read else b"")
    except TimeoutError:
        raise NotReached("no_answer") from None
    except ClientError, OSError, RuntimeError, ValueError:
        # The text of these errors may quote the address.
        raise NotReached("not_reached") from None


async def _body(answer: ClientResponse) -> bytes:
    """Return what can be read of a body: that it breaks off changes nothing that was done."""
    found = bytearray()
    with suppress(ClientError, OSError, TimeoutError):
        async for part in answer.content.iter_any():
            found += part
            if len(found) > _LONGEST:
                break
    return bytes(found[:_LONGEST])
