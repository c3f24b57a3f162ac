"""Firmware of locks that is known to be weak: a dated table, and a repair that says so.

A row needs an advisory that names the versions, read by whoever adds it. What is not in the
table is not known to be safe.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
import logging
import re

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.util.file import WriteError

from . import issues
from .locks.entities import device_of
from .locks.keybook import KeyBook
from .locks.managed import ManagedLock

_LOGGER = logging.getLogger(__name__)

type Version = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisory:
    """What is known of some versions of a lock."""

    manufacturer: str
    """Pattern, whatever the case of letters."""
    model: str
    """Pattern, too."""
    since: Version
    below: Version
    """The first version that is mended."""
    name: str
    link: str
    reviewed: date

    @property
    def mended(self) -> str:
        """The first version that is mended, as people write it."""
        return ".".join(map(str, self.below))


_NUKI = partial(
    Advisory,
    manufacturer=r"nuki\b",
    model=r"smart ?lock",
    # Commands over Bluetooth that only the owner may give were taken from any paired user.
    name="CVE-2022-32507",
    link="https://www.cve.org/CVERecord?id=CVE-2022-32507",
    reviewed=date(2026, 11, 25),
)
# The record names the 2nd and 3rd generation; a lock's generation is the first number of
# its firmware, and the only one that it tells.
ADVISORIES = (
    _NUKI(since=(2,), below=(2, 12, 4)),
    _NUKI(since=(3,), below=(3, 3, 5)),
)


def version_of(firmware: str) -> Version | None:
    """Return the numbers of a version; None where it is written in another way."""
    if not re.fullmatch(r"[vV]?\d+(\.\d+)+", firmware):
        return None
    return tuple(map(int, firmware.lstrip("vV").split(".")))


def known_weakness(manufacturer: str, model: str, firmware: str) -> Advisory | None:
    """Return what is known of a lock's firmware."""
    version = version_of(firmware)
    if version is None:
        return None
    for advisory in ADVISORIES:
        if (
            re.match(advisory.manufacturer, manufacturer, re.IGNORECASE)
            and re.search(advisory.model, model, re.IGNORECASE)
            and advisory.since <= version < advisory.below
        ):
            return advisory
    return None


@callback
def follow(hass: HomeAssistant, lock: ManagedLock) -> Callable[[], None]:
    """Say in repairs what is known of a lock's firmware, as long as it has that one."""

    @callback
    def look() -> None:
        driver = lock.driver
        firmware = driver.firmware
        if driver.attached and (device := device_of(hass, driver.entity_id)):
            # It may have got another one since.
            firmware = device.sw_version or ""
        advisory = known_weakness(driver.manufacturer, driver.model, firmware)
        if advisory is None:
            issues.weak_firmware(hass, lock.ref, None)
            return
        issues.weak_firmware(
            hass,
            lock.ref,
            {
                "lock": lock.ref.name,
                "version": firmware,
                "mended": advisory.mended,
                "advisory": advisory.name,
            },
            advisory.link,
        )

    off: CALLBACK_TYPE = lock.driver.on_change(look)

    @callback
    def undo() -> None:
        off()
        issues.weak_firmware(hass, lock.ref, None)

    look()
    return undo


async def keep(book: KeyBook, lock: ManagedLock) -> None:
    """Keep the version that a lock has now, for a start at which it is away."""
    try:
        await book.set_firmware(lock.ref.id, lock.driver.firmware)
    except WriteError:
        _LOGGER.debug("Firmware of lock %s not kept", lock.ref.id)
