"""Puts our ready blueprints where Home Assistant looks for them, each once."""

import logging
from pathlib import Path

from homeassistant.core import HomeAssistant
from homeassistant.util.file import WriteError, write_utf8_file

from .const import DOMAIN

_LOGGER = logging.getLogger(__name__)
_SOURCE = Path(__file__).parent / "blueprints" / "automation" / DOMAIN
_LIST = ".installed"
"""Names of those that were put there: one that a person deleted does not come back."""


async def install(hass: HomeAssistant) -> None:
    """Copy what was never there; what a person changed or deleted stays as it is."""
    target = Path(hass.config.path("blueprints", "automation", DOMAIN))
    try:
        await hass.async_add_executor_job(_copy, target)
    except (OSError, WriteError) as err:
        # A full disk must not keep the house from starting.
        _LOGGER.warning("Blueprints not installed: %s", err)


def _copy(target: Path) -> None:
    known = _known(target)
    new = [path for path in sorted(_SOURCE.glob("*.yaml")) if path.name not in known]
    if not new:
        return
    target.mkdir(parents=True, exist_ok=True)
    for path in new:
        if not (target / path.name).exists():
            _write(target / path.name, path.read_text(encoding="utf-8"))
    names = sorted(known | {path.name for path in new})
    _write(target / _LIST, "".join(f"{name}\n" for name in names))


def _write(path: Path, text: str) -> None:
    # Half a file would pass for a whole one the next time.
    write_utf8_file(str(path), text)


def _known(target: Path) -> set[str]:
    try:
        return set((target / _LIST).read_text(encoding="utf-8").split())
    except FileNotFoundError:
        return set()
