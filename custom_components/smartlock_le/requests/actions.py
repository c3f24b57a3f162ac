"""The actions of requests: schema, one call, response."""

from dataclasses import asdict
from typing import Any

import voluptuous as vol

from ..models import Action, Actor
from .agencies import Agencies, CallBack
from .agency_csv import MAX_BYTES
from .models import Agency

type Data = dict[str, Any]

SHOWN = 100
"""Rejected rows that are told one by one."""


def as_response(agency: Agency) -> Data:
    """Return how an agency stands."""
    return {
        "agency": agency.id,
        **asdict(agency.facts),
        "seen": agency.facts.digest,
        "standing": agency.standing.value,
        "changed": agency.changed,
        "called": agency.called.isoformat() if agency.called else None,
    }


async def _verify(agencies: Agencies, data: Data, actor: Actor) -> Data:
    how = CallBack(**{name: data[name] for name in CallBack.__dataclass_fields__})
    done = await agencies.verify(data["agency"], data["seen"], how, actor)
    return as_response(done)


async def _import(agencies: Agencies, data: Data, actor: Actor) -> Data:
    done = await agencies.take_csv(data["csv"].encode(), actor)
    return {
        "added": done.added,
        "changed": done.changed,
        "same": done.same,
        "rejected": len(done.rejected),
        "rows": [
            {"line": row.line, "field": row.field, "reason": row.key}
            for row in done.rejected[:SHOWN]
        ],
    }


async def _find(agencies: Agencies, data: Data, actor: Actor) -> Data:
    found = await agencies.find(data["search"], data["limit"])
    return {"agencies": [as_response(agency) for agency in found]}


ACTIONS: tuple[Action[Agencies], ...] = (
    Action(
        "verify_agency",
        {
            vol.Required("agency"): str,
            vol.Required("seen"): str,
            vol.Required("number"): str,
            vol.Required("source"): str,
            vol.Required("independent"): bool,
            vol.Required("called"): bool,
            vol.Required("confirmed"): bool,
        },
        _verify,
        person=True,
    ),
    Action(
        "import_agencies",
        {vol.Required("csv"): vol.All(str, vol.Length(max=MAX_BYTES))},
        _import,
        person=True,
    ),
    Action(
        "find_agencies",
        {
            vol.Optional("search", default=""): vol.All(str, vol.Length(max=200)),
            vol.Optional("limit", default=50): vol.All(int, vol.Range(min=1, max=500)),
        },
        _find,
        person=True,
    ),
)
