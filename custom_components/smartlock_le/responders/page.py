"""What the responders' page is told: the first screen, and more once the code was said."""

from typing import Any

from .models import House, Link
from .sheet import Sheet


def page(link: Link, sheet: Sheet, house: House, visit: str) -> dict[str, Any]:
    """Return what a visit may see now, as JSON."""
    trusted = link.trusts(visit)
    doors = [
        {
            "id": grant if trusted else "",
            "name": door.name,
            "bolt": door.bolt,
            "open": door.door_open,
            "reachable": door.reachable,
            "code": trusted and door.takes_codes,
        }
        for lock, grant in link.doors.items()
        if (door := house.door(lock))
    ]
    told: dict[str, Any] = {
        "visit": visit,
        "agency": link.agency,
        "until": link.end.isoformat(),
        "address": sheet.address,
        "finding": sheet.finding,
        "doors": doors,
        "asks": not trusted,
    }
    if trusted:
        told |= {
            "people": sheet.people,
            "hazards": sheet.hazards,
            "otherwise": sheet.otherwise,
            "cameras": house.cameras() if link.incident else {},
        }
    return told
