"""One request to a server by https, of which nothing is left here."""

from collections.abc import Mapping

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from .channel import NotReached

TIMEOUT = 10.0
"""Seconds that a server has for its answer."""


async def ask(
    hass: HomeAssistant,
    method: str,
    url: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> int:
    """Return the status of the answer. Raises NotReached."""
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
            return answer.status
    except TimeoutError:
        raise NotReached("no_answer") from None
    except ClientError, OSError, RuntimeError, ValueError:
        # The text of these errors may quote the address.
        raise NotReached("not_reached") from None
