"""How the log of the home is opened: where it is, and what if it does not open."""

import logging
from pathlib import Path

from homeassistant.core import HomeAssistant
from homeassistant.requirements import RequirementsNotFound, async_process_requirements

from .const import DOMAIN, FOLDER, VERSION
from .log import Log, LogRefused, LogUnavailable, LogUnreadable, place

_LOGGER = logging.getLogger(__name__)


def home_folder(hass: HomeAssistant) -> Path:
    """Return our private folder."""
    return Path(hass.config.path(FOLDER))


def _origin(entry_id: str) -> str:
    """Return the name that a new log of this home gets."""
    return f"smartlock-le.local/{entry_id.lower()}"


async def open_log(hass: HomeAssistant, entry_id: str) -> Log:
    """Open the log; where it does not open, life goes on without."""
    origin = _origin(entry_id)
    try:
        await _need_its_driver(hass)
        return await Log.open(home_folder(hass), origin=origin, version=VERSION)
    except LogUnreadable as err:
        _LOGGER.error("The log cannot be read: %s", err)
        problem = "unreadable" if err.reason == "damaged" else err.reason
    except (LogUnavailable, LogRefused) as err:
        _LOGGER.error("The log cannot be opened: %s", err)
        problem = "unopened"
    return await Log.memory(origin=origin, version=VERSION, problem=problem)


async def opens_now(hass: HomeAssistant, entry_id: str) -> bool:
    """Tell whether a log that could not be opened can be opened now."""
    try:
        await _need_its_driver(hass)
    except LogUnavailable, LogRefused:
        return False
    return await Log.opens(home_folder(hass), _origin(entry_id))


async def need_driver(hass: HomeAssistant, url: str) -> None:
    """Install what speaks with the server at a URL.

    Raises LogRefused (`database_url`, `database_driver`).
    """
    if driver := place.driver(url):
        try:
            await async_process_requirements(hass, DOMAIN, [driver], is_built_in=False)
        except RequirementsNotFound as err:
            raise LogRefused("database_driver") from err


async def _need_its_driver(hass: HomeAssistant) -> None:
    try:
        url = await hass.async_add_executor_job(place.address, home_folder(hass))
    except OSError as err:
        raise LogUnavailable(f"the log's files failed: {err.strerror}") from err
    await need_driver(hass, url)
