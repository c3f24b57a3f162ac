"""The actions of links: schema, one call, response."""

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from ..inputs import MINUTES, TEXT
from ..models import Action, Actor
from .links import Links
from .models import DEFAULT_MINUTES, Link, LinkRequest

type Data = dict[str, Any]

LINK_FIELDS: dict[vol.Marker, Any] = {
    vol.Required("agency"): TEXT,
    vol.Required("reason"): TEXT,
    vol.Required("locks"): vol.All(list, [str], vol.Length(min=1)),
    vol.Optional("asks_code", default=True): bool,
    vol.Optional("minutes", default=DEFAULT_MINUTES): MINUTES,
}
_ID = {vol.Required("link"): str}


def as_response(link: Link) -> Data:
    """Return a link as an admin may see it: no token, and no code."""
    return {
        "link": link.id,
        "agency": link.agency,
        "reason": link.reason,
        "incident": link.incident,
        "start": link.start.isoformat(),
        "end": link.end.isoformat(),
        "grants": [*link.doors.values(), *link.codes],
        "visits": len(link.visits),
    }


def as_link_request(data: Mapping[str, Any]) -> LinkRequest:
    """Read checked input of `make_responder_link`."""
    return LinkRequest(**{**data, "locks": tuple(dict.fromkeys(data["locks"]))})


async def _list(links: Links, data: Data, actor: Actor) -> Data:
    return {"links": [as_response(link) for link in links.open()]}


async def _new_code(links: Links, data: Data, actor: Actor) -> Data:
    return {"code": await links.new_code(data["link"], actor)}


async def _withdraw(links: Links, data: Data, actor: Actor) -> None:
    await links.withdraw(data["link"], actor)


ACTIONS: tuple[Action[Links], ...] = (
    Action("list_responder_links", {}, _list, person=True),
    Action("new_responder_code", _ID, _new_code, person=True),
    Action("withdraw_responder_link", _ID, _withdraw, responds=False),
)
