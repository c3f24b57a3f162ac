"""The families of locks: which driver a lock gets."""

from homeassistant.components import bluetooth
from homeassistant.core import HomeAssistant, callback

from ..models import LockRef
from .any_lock import EntityDriver
from .driver import LockDriver
from .entities import Family
from .keybook import KeyBook, LockKeys
from .nuki.client import Credentials
from .nuki.driver import NukiDriver


def build_driver(
    hass: HomeAssistant, lock_id: str, keys: LockKeys, book: KeyBook
) -> LockDriver:
    """Return the driver of a lock; `book` keeps the numbers of our codes on it."""
    ref = LockRef(lock_id, keys.name)
    match Family(keys.family):
        case Family.NUKI:
            return NukiDriver(
                hass,
                ref,
                Credentials.from_dict(keys.credentials),
                pin=keys.pin,
                has_keypad=keys.has_keypad,
                firmware=keys.firmware,
            )
        case Family.ANY:
            return EntityDriver(hass, ref)


@callback
def rediscover(hass: HomeAssistant, lock_id: str, keys: LockKeys) -> None:
    """Let a lock that left the home be found again."""
    if Family(keys.family) is Family.NUKI:
        bluetooth.async_rediscover_address(hass, lock_id)
