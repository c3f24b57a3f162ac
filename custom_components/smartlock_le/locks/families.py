"""The families of locks: which driver a lock gets."""

from homeassistant.components import bluetooth
from homeassistant.core import HomeAssistant, callback

from ..const import CONF_FIRST, CONF_LAST
from ..models import LockRef
from .any_lock import EntityDriver
from .driver import LockDriver
from .entities import Family
from .keybook import KeyBook, LockKeys, LockNumbers
from .matter import MatterDriver, matter_numbers
from .nuki.client import Credentials
from .nuki.driver import NukiDriver
from .schlage import SchlageDriver
from .yale import YaleDriver
from .zha import ZhaDriver
from .zha_codes import count_numbers
from .zigbee2mqtt import Zigbee2MqttDriver
from .zwave import ZwaveDriver, zwave_numbers

FIRST, LAST = 1, 30
"""The numbers of a lock that are ours where nobody says otherwise."""

_YALE = range(1, 65535)
_NUMBERED = {
    Family.ZHA,
    Family.ZIGBEE2MQTT,
    Family.ZWAVE,
    Family.MATTER,
    Family.YALE,
}


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
        case Family.ZWAVE:
            numbers = LockNumbers(book, lock_id)
            return ZwaveDriver(hass, ref, numbers, usable_numbers(keys))
        case Family.MATTER:
            numbers = LockNumbers(book, lock_id)
            return MatterDriver(hass, ref, numbers, usable_numbers(keys))
        case Family.YALE:
            numbers = LockNumbers(book, lock_id)
            return YaleDriver(hass, ref, numbers, usable_numbers(keys))
        case Family.SCHLAGE:
            return SchlageDriver(hass, ref, LockNumbers(book, lock_id))
        case Family.ANY:
            return EntityDriver(hass, ref)


def usable_numbers(keys: LockKeys) -> range:
    """Return which numbers of a lock its owner lets us use."""
    first = int(keys.credentials.get(CONF_FIRST, FIRST))
    return range(first, int(keys.credentials.get(CONF_LAST, LAST)) + 1)


def numbered(family: Family) -> bool:
    """Tell whether the owner says which numbers of a lock are for our codes."""
    return family in _NUMBERED


def in_cloud(family: Family) -> bool:
    """Tell whether codes of a lock are kept by its maker's cloud."""
    return family is Family.SCHLAGE


async def numbers(hass: HomeAssistant, lock_id: str, family: Family) -> range | None:
    """Return which numbers a code can have on a lock; None: it is not known."""
    match family:
        case Family.ZHA:
            count = await count_numbers(hass, lock_id)
            return None if count is None else range(count)
        case Family.ZWAVE:
            return await zwave_numbers(hass, lock_id)
        case Family.MATTER:
            return await matter_numbers(hass, lock_id)
        case Family.YALE:
            return _YALE
        case _:
            return None


@callback
def rediscover(hass: HomeAssistant, lock_id: str, keys: LockKeys) -> None:
    """Let a lock that left the home be found again."""
    if Family(keys.family) is Family.NUKI:
        bluetooth.async_rediscover_address(hass, lock_id)
