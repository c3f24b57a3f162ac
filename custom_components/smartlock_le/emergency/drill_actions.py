"""What can be asked about drills, as Home Assistant's actions."""

from typing import Any

import voluptuous as vol

from ..models import Action, Actor
from .drills import Drills, Plan, Scenario
from .models import EmergencyError
from .settings import Settings


def ids_of(names: list[str], settings: Settings) -> tuple[str, ...]:
    """Return the contacts of these names; all of them where none is named.

    Raises EmergencyError for a name that is no contact's.
    """
    if set(names) - {one.name for one in settings.contacts}:
        raise EmergencyError("drill_contact")
    return tuple(one.id for one in settings.contacts if not names or one.name in names)


async def _start(room: Drills, data: dict[str, Any], actor: Actor) -> dict[str, Any]:
    plan = Plan(
        scenario=Scenario(data["scenario"]),
        contacts=ids_of(data["contacts"], room.settings),
        centre=data["centre"],
        webhook=data["webhook"],
        code=data["guest"],
    )
    drill = await room.start(plan, actor)
    return {"incident": drill.incident.id}


async def _end(room: Drills, data: dict[str, Any], actor: Actor) -> dict[str, Any]:
    await room.end(actor)
    return await room.sheet()


async def _sheet(room: Drills, data: dict[str, Any], actor: Actor) -> dict[str, Any]:
    return await room.sheet()


ACTIONS: tuple[Action[Drills], ...] = (
    Action(
        "start_drill",
        {
            vol.Required("scenario"): vol.In([one.value for one in Scenario]),
            vol.Optional("contacts", default=list): [str],
            vol.Optional("centre", default=False): bool,
            vol.Optional("webhook", default=False): bool,
            vol.Optional("guest", default=""): str,
        },
        _start,
        person=True,
    ),
    Action("end_drill", {}, _end, person=True),
    Action("drill_sheet", {}, _sheet),
)
