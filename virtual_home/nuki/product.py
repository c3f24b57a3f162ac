"""Nuki's devices as far as they differ on the air (API v2.3.0, section 2).

The Opener has UUIDs of its own, as in public clients. What is no Smart Lock of the 1st
to 4th generation is only there to be recognized: it does not pair.
"""

from dataclasses import dataclass

_BASE = "-5501-11e4-916c-0800200c9a66"


@dataclass(frozen=True, slots=True)
class Product:
    """One device: the first half of its UUIDs, and its Device Type in Config (0x0015)."""

    pairing: str = "a92ee1"
    service: str = "a92ee2"
    device_type: int | None = None
    """None: firmware that ends its Config before this field."""

    @property
    def pairing_service(self) -> str:
        """The pairing service."""
        return f"{self.pairing}00{_BASE}"

    @property
    def pairing_gdio(self) -> str:
        """Its one characteristic."""
        return f"{self.pairing}01{_BASE}"

    @property
    def own_service(self) -> str:
        """The service of those who are paired."""
        return f"{self.service}00{_BASE}"

    @property
    def gdio(self) -> str:
        """Its characteristic for what cannot be encrypted."""
        return f"{self.service}01{_BASE}"

    @property
    def usdio(self) -> str:
        """Its characteristic for what is encrypted."""
        return f"{self.service}02{_BASE}"


SMART_LOCK_2 = Product()
SMART_LOCK_4 = Product(device_type=4)
SMART_DOOR = Product(device_type=3)
ULTRA = Product(pairing="a92ee3", device_type=5)
OPENER = Product(pairing="a92ae1", service="a92ae2", device_type=2)
