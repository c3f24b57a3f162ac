"""The families of locks: which driver a lock gets."""

from homeassistant.components import bluetooth
from homeassistant.core import HomeAssistant, callback

from ..const import CONF_FIRST, CONF_LAST
from ..models import LockRef
from .any_lock import EntityDriver
from .driver import LockDriver
from .entities import Family
from .keybook import KeyBook, LockKeys, LockNumbers
from .nuki.client import Credentials
from .nuki.driver import NukiDriver
from .zha import ZhaDriver
from .zha_codes import count_numbers
from .zigbee2mqtt import Zigbee2MqttDriver

FIRST, LAST = 1, 30
"""The numbers of a lock that are ours where nobody says otherwise."""


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
        case Family.ZHA:
            numbers = LockNumbers(book, lock_id)
            return ZhaDriver(hass, ref, numbers, usable_numbers(keys))
        case Family.ZIGBEE2MQTT:
            numbers = LockNumbers(book, lock_id)
            return Zigbee2MqttDriver(hass, ref, numbers, usable_numbers(keys))
        case Family.ANY:
            return EntityDriver(hass, ref)


def usable_numbers(keys: LockKeys) -> range:
    """Return which numbers of a lock its owner lets us use."""
    first = int(keys.credentials.get(CONF_FIRST, FIRST))
    return range(first, int(keys.credentials.get(CONF_LAST, LAST)) + 1)


def numbered(family: Family) -> bool:
    """Tell whether the locks of a family know a code by its number alone."""
    return family in (Family.ZHA, Family.ZIGBEE2MQTT)


async def count(hass: HomeAssistant, lock_id: str, family: Family) -> int | None:
    """Return how many numbers a lock has, from 0 on; None: it is not known."""
    return await count_numbers(hass, lock_id) if family is Family.ZHA else None


@callback
def rediscover(hass: HomeAssistant, lock_id: str, keys: LockKeys) -> None:
    """Let a lock that left the home be found again."""
    if Family(keys.family) is Family.NUKI:
        bluetooth.async_rediscover_address(hass, lock_id)
