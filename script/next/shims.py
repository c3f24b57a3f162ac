"""Pytest plugin: what the harness of the tests does not find in a newer Home Assistant.

The harness is built for the version that uv.lock pins. Loaded with `-p`, this comes
before it.
"""

# First of all: it puts httpx2 in the place of httpx, which the harness imports.
import homeassistant.components.logger as _logger
from homeassistant.components.logger.helpers import _clear_logger_overwrites

# The harness looks for it where it was before 2026.11.
_logger._clear_logger_overwrites = _clear_logger_overwrites  # noqa: SLF001
