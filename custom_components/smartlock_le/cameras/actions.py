"""The actions of the cameras: schema, one call, response."""

from datetime import UTC, datetime, timedelta
from typing import Any

import voluptuous as vol

from ..log.actions import MAX_PAGE, moment
from ..models import Action, Actor, utc_now
from .cameras import Cameras

type Data = dict[str, Any]
_SINCE = timedelta(days=1)


async def _reads(cameras: Cameras, data: Data, actor: Actor) -> Data:
    now = utc_now()
    since: datetime = data.get("since", now - _SINCE)
    until: datetime = data.get("until", now + _SINCE)
    found = await cameras.plates.find(
        since.astimezone(UTC), until.astimezone(UTC), limit=data["limit"]
    )
    for read in found:
        camera = cameras.find(read["camera"])
        read["camera"] = (camera and camera.entity_id) or ""
        read["time"] = read["time"].isoformat()
    return {"reads": found}


ACTIONS: tuple[Action[Cameras], ...] = (
    Action(
        "get_plate_reads",
        {
            vol.Optional("since"): moment,
            vol.Optional("until"): moment,
            vol.Optional("limit", default=100): vol.All(
                int, vol.Range(min=1, max=MAX_PAGE)
            ),
        },
        _reads,
        person=True,
    ),
)
