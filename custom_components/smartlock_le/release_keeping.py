"""What leaves the home, as Home Assistant needs it: built from its rooms, and ended in time."""

from collections.abc import Callable
from functools import partial
import logging
from pathlib import Path

from homeassistant.util import dt as dt_util

from .cameras.cameras import Cameras
from .const import VERSION
from .decisions import Decisions
from .log import LogUnavailable
from .models import Actor, utc_now
from .notices import common_texts, words
from .requests.inbox import Inbox
from .sharing.bundle import About
from .sharing.records import Means
from .sharing.releases import Releases

_LOGGER = logging.getLogger(__name__)


def keep_releases(
    home: Decisions,
    inbox: Inbox,
    cameras: Cameras,
    folder: Path,
    sharing: Callable[[], bool],
    devices: Callable[[], dict[str, str]],
) -> Releases:
    """Build the way out; `devices` gives what the owner calls locks and cameras, by id."""
    return Releases(
        home.log,
        folder,
        inbox,
        Means(
            sharing=sharing,
            second=lambda: home.second_approval,
            devices=lambda: frozenset(devices()),
            pictures=cameras.album.within,
            about=partial(_about, home, devices),
            changed=home.tell,
            spawn=home.spawn,
        ),
    )


async def _about(
    home: Decisions, devices: Callable[[], dict[str, str]], release_id: str
) -> About:
    texts = await common_texts(home.hass, "bundle_")
    for table, selector in (("instrument", "instrument"), ("kind", "release_kind")):
        named = await words(home.hass, selector)
        texts |= {f"{table}.{value}": text for value, text in named.items()}
    return About(
        release=release_id,
        names=devices(),
        zone=dt_util.get_default_time_zone(),
        language=home.hass.config.language,
        version=VERSION,
        made=utc_now().replace(microsecond=0),
        words=texts,
    )


async def start(releases: Releases) -> None:
    """Take up what was interrupted; the next day, if the log cannot be used now."""
    try:
        await releases.load()
    except LogUnavailable as err:
        _LOGGER.error("The releases cannot be read: %s", err)


async def stop_voluntary(releases: Releases, actor: Actor) -> None:
    """Withdraw what is voluntary: sharing was switched off, so none of it goes already."""
    try:
        await releases.withdraw_voluntary(actor)
    except LogUnavailable as err:
        _LOGGER.error("Releases were not withdrawn in the log yet: %s", err)
