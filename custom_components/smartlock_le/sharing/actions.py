"""The actions of sharing: schema, one call, response."""

from typing import Any

import voluptuous as vol

from ..log import Log, LogRefused
from ..log.actions import moment
from ..models import Action, Actor
from .report import report

type Data = dict[str, Any]


async def _report(log: Log, data: Data, actor: Actor) -> Data:
    if data["since"] >= data["until"]:
        raise LogRefused("window_empty")
    done = await report(log, data["since"], data["until"], public=data["public"])
    return done.as_dict()


ACTIONS: tuple[Action[Log], ...] = (
    Action(
        "transparency_report",
        {
            vol.Required("since"): moment,
            vol.Required("until"): moment,
            vol.Optional("public", default=False): bool,
        },
        _report,
    ),
)
