"""Home Assistant is about to make a backup: the log goes into it whole."""

from homeassistant.core import HomeAssistant

from .errors import translated
from .home import loaded_home
from .log import Log


async def async_pre_backup(hass: HomeAssistant) -> None:
    """Put a snapshot of the log beside it."""
    if log := _lasting(hass):
        with translated():
            await log.care.begin_backup()


async def async_post_backup(hass: HomeAssistant) -> None:
    """Take the snapshot away."""
    if log := _lasting(hass):
        await log.care.end_backup()


def _lasting(hass: HomeAssistant) -> Log | None:
    """Return the log of the home, if it is on disk."""
    home = loaded_home(hass)
    return home.log if home and not home.log.volatile else None
