"""Pairings that no home kept, because a dialog was closed: taken off the lock again.

A lock ends a pairing only for its security PIN. Where that is not known yet the pairing
waits here, in memory, for the flow that learns it.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
import logging

from homeassistant.core import HomeAssistant
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..home import loaded_home
from ..locks.nuki.client import Credentials, NukiClient
from ..locks.nuki.driver import bluetooth_connect
from ..models import LockError, LockRefused, Refusal

_LOGGER = logging.getLogger(__name__)
_KEY: HassKey[dict[str, list[Credentials]]] = HassKey(f"{DOMAIN}_abandoned")


@asynccontextmanager
async def client_of(
    hass: HomeAssistant,
    address: str,
    name: str,
    credentials: Credentials | None,
    pin: int | None = None,
) -> AsyncIterator[NukiClient]:
    """Speak to a lock; the home, if it has it, lends its only link."""
    async with AsyncExitStack() as stack:
        home = loaded_home(hass)
        if home and (lock := home.roster.find(address)):
            await stack.enter_async_context(lock.driver.lent())
        connect = bluetooth_connect(hass, address, name)
        client = NukiClient(connect, credentials, pin=pin)
        stack.push_async_callback(client.close)
        yield client


def remember(hass: HomeAssistant, address: str, credentials: Credentials) -> None:
    """Keep a pairing until it can be taken off."""
    hass.data.setdefault(_KEY, {}).setdefault(address, []).append(credentials)


def _known_pin(hass: HomeAssistant, address: str) -> int | None:
    """Return the PIN that the home holds, unless the lock said that it is wrong."""
    home = loaded_home(hass)
    keys = home.book.get(address) if home else None
    lock = home.roster.find(address) if home else None
    if keys is None or (lock and lock.driver.pin_wrong):
        return None
    return keys.pin


async def take_back(
    hass: HomeAssistant, address: str, name: str, pin: int | None = None
) -> None:
    """Take every abandoned pairing off a lock, as far as it lets us.

    Each is ended under its own key: where the lock was reset since, and gave its number
    to somebody else, the lock does not know us, and nobody is harmed.
    """
    if pin is None and (pin := _known_pin(hass, address)) is None:
        return
    for credentials in hass.data.get(_KEY, {}).pop(address, []):
        try:
            async with client_of(hass, address, name, credentials, pin) as client:
                await client.remove_authorization()
        except LockError as err:
            if isinstance(err, LockRefused) and err.reason is Refusal.PAIRING_LOST:
                continue
            _LOGGER.debug("Abandoned pairing stays on %s: %s", address, err)
            remember(hass, address, credentials)
