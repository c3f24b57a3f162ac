"""Runs the real thing: Home Assistant and a virtual home as processes of their own.

What `script/develop`, `script/screenshot` and the end-to-end tests share. Everything
listens on 127.0.0.1 only, and nothing is sent to a port that is not our own child's.
"""

from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NEXT = find_spec("homeassistant.components.marketplace") is not None
"""Home Assistant is 2026.11 or newer: `script/test --next`."""


class HarnessError(Exception):
    """Something did not start, answer or end as it should."""
