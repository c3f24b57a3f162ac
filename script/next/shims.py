"""Pytest plugin: what the tests do not find in a newer Home Assistant, or beside it.

The harness is built for the version that uv.lock pins. Loaded with `-p`, this comes
before it.
"""

# First of all: it puts httpx2 in the place of httpx, which the harness imports.
import homeassistant.components.logger as _logger
from homeassistant.components.logger.helpers import _clear_logger_overwrites
import zwave_js_server.client as _zwave_client

# The harness looks for it where it was before 2026.11.
_logger._clear_logger_overwrites = _clear_logger_overwrites  # noqa: SLF001

# This client asks for a server that was not to be had when this was written. What it
# says to a lock is what the version before it says.
_zwave_client.MIN_SERVER_SCHEMA_VERSION = 50
