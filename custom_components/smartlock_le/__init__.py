"""Set up and unload one home; nothing else."""

import asyncio
from contextlib import suppress
from functools import partial
from shutil import rmtree

from homeassistant.const import EVENT_HOMEASSISTANT_STOP, Platform
from homeassistant.core import Event, HomeAssistant
from homeassistant.exceptions import ConfigEntryError
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.typing import ConfigType

from . import blueprint, issues, services, stand_in
from .cameras.plate_store import STORE, erase_store
from .const import DOMAIN
from .entity import home_identifier
from .feed_keeping import FEEDS
from .home import Home, HomeEntry
from .locks.entities import find
from .locks.families import rediscover
from .locks.keybook import KeyBook, KeyBookUnreadable
from .locks.roster import clean_home
from .opening import home_folder
from .web.agencies import AgenciesView
from .web.documents import DocumentView
from .web.intake import IntakeView
from .web.media import MediaView
from .web.plates import PlatesView
from .web.releases import CarryView, PreviewView, ReleaseView
from .web.report import ReportView
from .web.responder import ResponderView

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)
PLATFORMS = [
    Platform.ALARM_CONTROL_PANEL,
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.CALENDAR,
    Platform.EVENT,
    Platform.IMAGE,
    Platform.LOCK,
    Platform.SENSOR,
    Platform.SWITCH,
]


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Register the actions, once."""
    services.register(hass)
    hass.http.register_view(MediaView(hass))
    hass.http.register_view(PlatesView(hass))
    hass.http.register_view(AgenciesView(hass))
    hass.http.register_view(DocumentView(hass))
    hass.http.register_view(IntakeView(hass))
    hass.http.register_view(ReportView(hass))
    hass.http.register_view(PreviewView(hass))
    hass.http.register_view(CarryView(hass))
    hass.http.register_view(ReleaseView(hass))
    hass.http.register_view(ResponderView(hass))
    await blueprint.install(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: HomeEntry) -> bool:
    """Start the home. An unreachable lock delays nothing, nor does a broken log."""
    home = Home(hass, entry)
    try:
        await home.start()
    except KeyBookUnreadable as err:
        raise ConfigEntryError(
            translation_domain=DOMAIN, translation_key="keys_unreadable"
        ) from err
    entry.runtime_data = home

    async def stop(_: Event) -> None:
        await home.stop()

    entry.async_on_unload(entry.add_update_listener(_changed))
    entry.async_on_unload(hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, stop))
    dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id,
        identifiers={home_identifier(entry)},
        entry_type=dr.DeviceEntryType.SERVICE,
        name=entry.title,
        manufacturer="SmartLock LE",
    )
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    return True


async def _changed(hass: HomeAssistant, entry: HomeEntry) -> None:
    await entry.runtime_data.changed()


async def async_unload_entry(hass: HomeAssistant, entry: HomeEntry) -> bool:
    """Stop the home."""
    unloaded = await hass.config_entries.async_unload_platforms(entry, PLATFORMS)
    if unloaded:
        await entry.runtime_data.stop()
    return unloaded


async def async_remove_entry(hass: HomeAssistant, entry: HomeEntry) -> None:
    """Take our codes and pairings off the locks; the log stays, it is the owner's."""
    issues.forget_all(hass)
    for subentry in entry.subentries.values():
        if subentry.unique_id and (brought := find(hass, subentry.unique_id)):
            stand_in.set_hidden(hass, brought.entity_id, hidden=False)
    # Nobody would forget the plates that were read.
    with suppress(OSError):
        await hass.async_add_executor_job(erase_store, home_folder(hass) / STORE)
    # Nor would anybody fetch what was prepared to go.
    await hass.async_add_executor_job(
        partial(rmtree, home_folder(hass) / "releases", ignore_errors=True)
    )
    with suppress(OSError):
        # A home that is made anew has agencies told nothing.
        await hass.async_add_executor_job((home_folder(hass) / FEEDS).unlink)
    book = KeyBook(hass, home_folder(hass) / "keys")
    try:
        await book.load()
    except KeyBookUnreadable:
        return
    locks = {lock_id: book[lock_id] for lock_id in book.ids()}
    async with asyncio.timeout(60):
        if left := await clean_home(hass, book):
            issues.home_left(hass, left)
    for lock_id, keys in locks.items():
        # Home Assistant itself remembers only the lock that founded the home.
        rediscover(hass, lock_id, keys)
