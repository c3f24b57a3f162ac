"""What can be asked about incidents, as Home Assistant's actions."""

from typing import Any

import voluptuous as vol

from ..models import Action, Actor
from .incidents import Incidents
from .models import Incident, Kind, Source, Stage

_ID = {vol.Required("incident"): str}


def as_response(incident: Incident) -> dict[str, Any]:
    """Return how an incident stands; nobody's name is in it."""
    return {
        "incident": incident.id,
        "kind": incident.kind.value,
        "stage": incident.stage.value,
        "sources": [source.value for source in incident.sources],
        "level": int(incident.level),
        "raised": incident.raised.isoformat(),
        "centre_at": incident.until.isoformat(),
        "confirmed": incident.confirmed,
        "signalled": incident.signalled,
        "told": sum(state != "failed" for state in incident.told.values()),
    }


async def _list(room: Incidents, data: dict[str, Any], actor: Actor) -> dict[str, Any]:
    return {"incidents": [as_response(one) for one in room.open()]}


async def _raise(room: Incidents, data: dict[str, Any], actor: Actor) -> dict[str, Any]:
    return as_response(await room.raise_(Kind(data["kind"]), Source.ACTION, actor))


async def _confirm(
    room: Incidents, data: dict[str, Any], actor: Actor
) -> dict[str, Any]:
    return as_response(await room.confirm(data["incident"], actor))


async def _acknowledge(
    room: Incidents, data: dict[str, Any], actor: Actor
) -> dict[str, Any]:
    return as_response(await room.come(data["incident"], Stage.ACKNOWLEDGED, actor))


async def _on_scene(
    room: Incidents, data: dict[str, Any], actor: Actor
) -> dict[str, Any]:
    return as_response(await room.come(data["incident"], Stage.ON_SCENE, actor))


async def _close(room: Incidents, data: dict[str, Any], actor: Actor) -> dict[str, Any]:
    return as_response(await room.close(data["incident"], actor))


ACTIONS: tuple[Action[Incidents], ...] = (
    Action("list_incidents", {}, _list),
    Action(
        "raise_incident",
        {
            vol.Required("kind"): vol.In(
                [kind.value for kind in Kind if not kind.hidden]
            )
        },
        _raise,
    ),
    Action("confirm_incident", _ID, _confirm, person=True),
    Action("acknowledge_incident", _ID, _acknowledge, person=True),
    Action("arrived_at_incident", _ID, _on_scene, person=True),
    Action("close_incident", _ID, _close, person=True),
)
