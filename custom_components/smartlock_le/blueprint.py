"""Puts our ready blueprints where Home Assistant looks for them, once."""

import logging
from pathlib import Path
import shutil

from homeassistant.core import HomeAssistant

from .const import DOMAIN

_LOGGER = logging.getLogger(__name__)
_SOURCE = Path(__file__).parent / "blueprints" / "automation" / DOMAIN


async def install(hass: HomeAssistant) -> None:
    """Copy the folder if it is not there; what a person changed stays as it is."""
    target = Path(hass.config.path("blueprints", "automation", DOMAIN))
    try:
        await hass.async_add_executor_job(_copy, target)
    except OSError as err:
        # A full disk must not keep the house from starting.
        _LOGGER.warning("Blueprints not installed: %s", err)


def _copy(target: Path) -> None:
    if target.exists():
        return
    try:
        shutil.copytree(_SOURCE, target)
    except OSError:
        # Half a folder would pass for a whole one the next time.
        shutil.rmtree(target, ignore_errors=True)
        raise
