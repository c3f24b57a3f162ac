"""The table of weak firmware, and what a person hears of it."""

from datetime import date

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest

from custom_components.smartlock_le.firmware import ADVISORIES, known_weakness
from custom_components.smartlock_le.home import Home, HomeEntry
from virtual_home.nuki import NukiLock

from .conftest import until
from .locks.test_any_lock import found_home
from .maker import Maker
from .support import issues


def test_every_row_is_whole() -> None:
    """What a row says can be looked up, and was looked up on a day."""
    for row in ADVISORIES:
        assert row.since < row.below
        assert row.name in row.link and row.link.startswith("https://")
        assert date(2026, 11, 1) < row.reviewed <= date.today()


@pytest.mark.parametrize(
    ("manufacturer", "model", "firmware", "mended"),
    [
        ("Nuki", "Nuki Smart Lock", "3.3.4", "3.3.5"),
        ("Nuki", "Nuki Smart Lock", "3.0.1", "3.3.5"),
        ("Nuki", "Nuki Smart Lock", "3.3.5", None),
        ("Nuki", "Nuki Smart Lock", "3.10.0", None),
        ("Nuki", "Nuki Smart Lock", "2.12.3", "2.12.4"),
        ("Nuki", "Nuki Smart Lock", "2.9.99", "2.12.4"),
        ("Nuki", "Nuki Smart Lock", "2.12.4", None),
        # The advisory says nothing of the 1st generation, nor of those after it.
        ("Nuki", "Nuki Smart Lock", "1.8.1", None),
        ("Nuki", "Nuki Smart Lock", "4.0.1", None),
        ("Nuki Home Solutions GmbH", "Smartlock", "2.8.15", "2.12.4"),
        ("Nuki Home Solutions GmbH", "Opener", "2.8.15", None),
        ("Other", "Smart Lock", "3.0.1", None),
        ("Nuki", "Nuki Smart Lock", "", None),
        ("Nuki", "Nuki Smart Lock", "3", None),
        ("Nuki", "Nuki Smart Lock", "0x03000100", None),
        ("Nuki", "Nuki Smart Lock", "v3.0.1", "3.3.5"),
    ],
)
def test_what_is_known(
    manufacturer: str, model: str, firmware: str, mended: str | None
) -> None:
    """Only what the advisory names."""
    found = known_weakness(manufacturer, model, firmware)
    assert (found.mended if found else None) == mended


async def test_said_as_long_as_it_is_so(
    hass: HomeAssistant, entry: HomeEntry, home: Home, nuki: NukiLock
) -> None:
    """From the lock's own word, gone with the update, and with the lock."""
    assert issues(hass) == set()
    lock = home.roster.find(nuki.address)
    assert lock
    for firmware, said in (("3.3.4", True), ("3.3.5", False), ("3.3.4", True)):
        lock.driver.firmware = firmware
        lock.driver.changed()
        await until(lambda: (issues(hass) == {"weak_firmware"}) is said)  # noqa: B023
    (issue,) = ir.async_get(hass).issues.values()
    assert issue.learn_more_url == ADVISORIES[0].link
    assert issue.translation_placeholders == {
        "lock": "Front door",
        "version": "3.3.4",
        "mended": "3.3.5",
        "advisory": "CVE-2022-32507",
    }
    hass.config_entries.async_remove_subentry(entry, next(iter(entry.subentries)))
    await until(lambda: "weak_firmware" not in issues(hass))


async def test_of_a_lock_that_another_integration_brought(
    hass: HomeAssistant,
    enable_custom_integrations: None,
    mock_bluetooth_adapters: None,
) -> None:
    """By what its device says now."""
    assert await async_setup_component(hass, "bluetooth", {})
    maker = Maker()
    await maker.start(hass)
    devices = dr.async_get(hass)
    (device,) = dr.async_entries_for_config_entry(devices, maker.entry.entry_id)
    devices.async_update_device(
        device.id, manufacturer="Nuki Home Solutions GmbH", model="Smart lock"
    )
    devices.async_update_device(device.id, sw_version="2.8.15")
    home = (await found_home(hass))["result"]
    assert issues(hass) == {"weak_firmware"}
    devices.async_update_device(device.id, sw_version="2.12.4")
    maker.lock.show()
    await until(lambda: issues(hass) == set())
    await hass.config_entries.async_unload(home.entry_id)
    await maker.stop(hass)
