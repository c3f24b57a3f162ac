"""Which of Nuki's devices this is, and which of them we can speak to.

Known by its services (API v2.3.0, section 2), by what it advertises, or by the device
type in its config (0x0015). The Opener's services are not in that document but in the
public clients; so are the names of what is no lock.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Protocol
from uuid import UUID

PREFIX = "Nuki_"
_APPLE = 0x004C
_IBEACON = b"\x02\x15"
_BEACON_BYTES = 23
_OPENER = "a92ae"
_ULTRA_PAIRING = "a92ee300-5501-11e4-916c-0800200c9a66"


class Product(StrEnum):
    """What Nuki calls it; a proper name in every language."""

    SMART_LOCK = "Nuki Smart Lock"
    """1st to 4th generation: the only ones that pair the way we do."""
    ULTRA = "Nuki Smart Lock Ultra"
    SMART_DOOR = "Nuki Smart Door"
    OPENER = "Nuki Opener"
    BOX = "Nuki Box"
    KEYPAD = "Nuki Keypad"
    FOB = "Nuki Fob"


_NAMES = {
    "opener": Product.OPENER,
    "keypad": Product.KEYPAD,
    "smartdoor": Product.SMART_DOOR,
    "fob": Product.FOB,
    "box": Product.BOX,
}
_TYPES = {
    0: Product.SMART_LOCK,
    2: Product.OPENER,
    3: Product.SMART_DOOR,
    4: Product.SMART_LOCK,
    5: Product.ULTRA,
}


class Advertisement(Protocol):
    """What a device says of itself to everyone."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def service_uuids(self) -> Sequence[str]:
        """The services that it tells of."""

    @property
    def service_data(self) -> Mapping[str, bytes]:
        """What it tells of services."""

    @property
    def manufacturer_data(self) -> Mapping[int, bytes]:
        """What it tells in the format of a company, by the number of that."""


def _beacon(info: Advertisement) -> bytes:
    """Return the iBeacon, 23 bytes, or nothing."""
    data = info.manufacturer_data.get(_APPLE, b"")
    return data if len(data) == _BEACON_BYTES and data[:2] == _IBEACON else b""


def advertised(info: Advertisement) -> Product | None:
    """Return what it says it is; None: nothing of Nuki's.

    A Smart Lock Ultra that is not in pairing mode looks like any other Smart Lock.
    """
    if not info.name.startswith(PREFIX):
        return None
    uuids = {*info.service_uuids, *info.service_data}
    if beacon := _beacon(info):
        uuids.add(str(UUID(bytes=beacon[2:18])))
    if product := of_services(uuids):
        return product
    name = info.name.removeprefix(PREFIX).lower()
    for word, product in _NAMES.items():
        if name.startswith(word):
            return product
    return Product.SMART_LOCK


def has_news(info: Advertisement) -> bool:
    """Bit 0 of the iBeacon's signal power: the state changed since it was last read."""
    beacon = _beacon(info)
    return bool(beacon) and bool(beacon[-1] & 1)


def of_services(uuids: Iterable[str]) -> Product | None:
    """Return what has such services, where they tell; None where they do not."""
    known = {uuid.lower() for uuid in uuids}
    if any(uuid.startswith(_OPENER) for uuid in known):
        return Product.OPENER
    return Product.ULTRA if _ULTRA_PAIRING in known else None


def of_type(device_type: int | None) -> Product:
    """Return what has this device type (0x0015); older firmware has none.

    A number that is not known yet is a lock: it paired as a lock does.
    """
    return _TYPES.get(device_type or 0, Product.SMART_LOCK)
