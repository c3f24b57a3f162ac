"""ZHA in a configuration folder: its config entry and its devices, already there."""

from typing import Any

EXTENDED_PAN_ID = "dd:dd:dd:dd:dd:dd:00:01"


def zha_entry(url: str) -> dict[str, Any]:
    """Return what ZHA's own flow makes of a ConBee II behind a port, less ids and dates."""
    device = {"path": url, "baudrate": 115200, "flow_control": None}
    return {
        "domain": "zha",
        "title": "Virtual ConBee II",
        "unique_id": f"epid={EXTENDED_PAN_ID}",
        "data": {"device": device, "radio_type": "deconz"},
        "version": 5,
        "minor_version": 2,
    }
