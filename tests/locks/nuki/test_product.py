"""Which device this is, by what it advertises, its services, or its config."""

from dataclasses import dataclass, field

import pytest

from custom_components.smartlock_le.locks.nuki.product import (
    Product,
    advertised,
    has_news,
    of_services,
    of_type,
)

LOCK = "a92ee200550111e4916c0800200c9a66"
OPENER = "a92ae200550111e4916c0800200c9a66"
PAIRING = "a92ee100-5501-11e4-916c-0800200c9a66"
ULTRA = "a92ee300-5501-11e4-916c-0800200c9a66"


@dataclass(frozen=True)
class Info:
    """An advertisement."""

    name: str = "Nuki_33C335C5"
    beacon: str = ""
    service_data: dict[str, bytes] = field(default_factory=dict)
    service_uuids: tuple[str, ...] = ()

    @property
    def manufacturer_data(self) -> dict[int, bytes]:
        """Tell it as an iBeacon."""
        return {76: bytes.fromhex(self.beacon)} if self.beacon else {}


@pytest.mark.parametrize(
    ("info", "product"),
    [
        (Info(beacon=f"0215{LOCK}33c335c5c8"), Product.SMART_LOCK),
        (Info(), Product.SMART_LOCK),
        (Info(service_data={PAIRING: b"\0"}), Product.SMART_LOCK),
        # HomeKit's, beside the lock's own.
        (Info(beacon="01601cf5f0d430060001000102ed9b91"), Product.SMART_LOCK),
        (Info(service_data={ULTRA: b"\0"}), Product.ULTRA),
        (Info(service_uuids=(ULTRA.upper(),)), Product.ULTRA),
        (Info(beacon=f"0215{OPENER}33c335c5c8"), Product.OPENER),
        (Info(name="Nuki_Opener_1A2B3C4D"), Product.OPENER),
        (Info(name="Nuki_Keypad_1A2B"), Product.KEYPAD),
        (Info(name="Nuki_Fob_1A2B"), Product.FOB),
        (Info(name="Nuki_Box_1A2B"), Product.BOX),
        (Info(name="Nuki_SmartDoor_1A2B"), Product.SMART_DOOR),
        (Info(name="Nuki_B0C335C5"), Product.SMART_LOCK),
        (Info(name="Kettle", beacon=f"0215{LOCK}33c335c5c8"), None),
    ],
)
def test_advertised(info: Info, product: Product | None) -> None:
    """By its services before its name; what is not Nuki's is nothing."""
    assert advertised(info) is product


@pytest.mark.parametrize(
    ("beacon", "news"),
    [
        (f"0215{LOCK}33c335c5c5", True),
        (f"0215{LOCK}33c335c5c4", False),
        (f"0215{LOCK}33c335c5c5c5", False),
        ("", False),
    ],
)
def test_news(beacon: str, news: bool) -> None:
    """The last bit of a whole iBeacon, and of nothing else."""
    assert has_news(Info(beacon=beacon)) is news


def test_services_and_types() -> None:
    """What does not tell is None by its services, a lock by its type."""
    assert of_services([PAIRING]) is None
    assert of_services([ULTRA]) is Product.ULTRA
    types = [of_type(number) for number in (None, 0, 2, 3, 4, 5, 6)]
    assert types == [
        Product.SMART_LOCK,
        Product.SMART_LOCK,
        Product.OPENER,
        Product.SMART_DOOR,
        Product.SMART_LOCK,
        Product.ULTRA,
        Product.SMART_LOCK,
    ]
