"""The actions of requests: schema, one call, response."""

from typing import Any

import voluptuous as vol

from ..models import Action, Actor, Wanted
from .inbox import Inbox
from .request import Instrument, Purpose, Request, Via

type Data = dict[str, Any]

# Whom it names is written down in the menu: what an action is given is on the bus.
_ASKED: dict[vol.Marker, Any] = {
    vol.Required("instrument"): vol.In([one.value for one in Instrument]),
    vol.Required("via"): vol.In([one.value for one in Via if one is not Via.SIGNED]),
    vol.Required("agency"): str,
    vol.Required("since"): str,
    vol.Required("until"): str,
    vol.Optional("kinds"): [vol.In([one.value for one in Wanted])],
    **{
        vol.Optional(name): str for name in ("case_number", "need", "basis", "deadline")
    },
    vol.Optional("active"): bool,
    vol.Optional("purpose"): vol.In([one.value for one in Purpose]),
    vol.Optional("area"): int,
    vol.Optional("gag"): bool,
}


def as_response(request: Request) -> Data:
    """Return what there is to know of a request, but what it says."""
    ask = request.ask
    return {
        "request": request.id,
        "instrument": ask.instrument.value,
        "state": request.state.value,
        "agency": request.agency,
        "since": ask.since.isoformat(),
        "until": ask.until.isoformat(),
        "deadline": ask.deadline.isoformat() if ask.deadline else None,
        "broken": [rule.value for rule in request.broken],
        "hold": request.hold,
        "gag": ask.gag,
        "digest": request.digest,
    }


async def _record(inbox: Inbox, data: Data, actor: Actor) -> Data:
    holds = Instrument(data["instrument"]).holds
    hold, agency = data.pop("hold", holds), data.pop("agency")
    done = await inbox.record(data, actor, agency_id=agency, hold=hold)
    return as_response(done)


async def _decline(inbox: Inbox, data: Data, actor: Actor) -> Data:
    # A note may name somebody: that is for the menu.
    return as_response(await inbox.decline(data["request"], "", actor))


ACTIONS: tuple[Action[Inbox], ...] = (
    Action(
        "record_request", {**_ASKED, vol.Optional("hold"): bool}, _record, person=True
    ),
    Action("decline_request", {vol.Required("request"): str}, _decline, person=True),
)
