"""The actions of grants: schema, one call, response."""

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from ..inputs import MINUTES, TEXT
from ..models import Action, Actor
from .grants import Grants
from .models import ASKED, DEFAULT_MINUTES, Grant, GrantMethod, GrantRequest

type Data = dict[str, Any]


def as_response(grant: Grant) -> Data:
    """Return a grant as an admin may see it: all of it, but no code."""
    return {
        "grant": grant.id,
        "agency": grant.agency,
        "incident": grant.incident,
        "reason": grant.reason,
        "method": grant.method.value,
        "start": grant.start.isoformat(),
        "end": grant.end.isoformat(),
        "state": grant.state.value,
        "uses": grant.uses,
    }


def as_request(data: Mapping[str, Any]) -> GrantRequest:
    """Read checked input of `grant_emergency_access`."""
    return GrantRequest(**{**data, "method": GrantMethod(data["method"])})


async def _extend(grants: Grants, data: Data, actor: Actor) -> Data:
    return as_response(await grants.extend(data["grant"], data["minutes"], actor))


async def _revoke(grants: Grants, data: Data, actor: Actor) -> Data:
    return {"code_removed": await grants.revoke(data["grant"], actor)}


async def _list(grants: Grants, data: Data, actor: Actor) -> Data:
    return {"grants": [as_response(grant) for grant in grants.open_grants()]}


GRANT_FIELDS: dict[vol.Marker, Any] = {
    vol.Required("lock"): str,
    vol.Required("agency"): TEXT,
    vol.Required("incident"): TEXT,
    vol.Required("reason"): TEXT,
    vol.Optional("method", default=GrantMethod.CODE.value): vol.In(
        [method.value for method in ASKED]
    ),
    vol.Optional("minutes", default=DEFAULT_MINUTES): MINUTES,
    vol.Optional("first_use", default=False): bool,
    vol.Optional("notify", default=""): str,
}
ACTIONS: tuple[Action[Grants], ...] = (
    Action(
        "extend_grant",
        {vol.Required("grant"): str, vol.Required("minutes"): MINUTES},
        _extend,
        person=True,
    ),
    Action("revoke_grant", {vol.Required("grant"): str}, _revoke),
    Action("list_grants", {}, _list, person=True),
)
