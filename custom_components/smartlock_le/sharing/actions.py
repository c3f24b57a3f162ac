"""The actions of sharing: schema, one call, response."""

from dataclasses import asdict
from typing import Any

import voluptuous as vol

from ..log import Log, LogRefused
from ..log.actions import moment
from ..models import Action, Actor, Wanted
from .models import Field, Release, Scope
from .releases import Releases
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


def as_response(release: Release) -> Data:
    """Return what there is to know of a release."""
    return {
        "release": release.id,
        "request": release.request,
        "stage": release.stage.value,
        "manifest_sha256": release.manifest,
        "sha256": release.sha256,
        "sealed": bool(release.recipient),
        "narrowed": release.narrowed,
        "compelled": release.compelled,
        "expires": release.expires.isoformat(),
        **asdict(release.counts),
    }


async def _preview(releases: Releases, data: Data, actor: Actor) -> Data:
    scope = Scope(
        devices=frozenset([*data["locks"], *data["cameras"]]),
        kinds=frozenset(map(Wanted, data["kinds"])),
        fields=frozenset(map(Field, data["fields"])),
        since=data["since"],
        until=data["until"],
    )
    return as_response(await releases.preview(data["request"], scope, actor))


async def _approve(releases: Releases, data: Data, actor: Actor) -> Data:
    done = await releases.approve(data["release"], data["manifest_sha256"], actor)
    return as_response(done)


async def _withdraw(releases: Releases, data: Data, actor: Actor) -> Data:
    return as_response(await releases.withdraw(data["release"], actor))


RELEASE_ACTIONS: tuple[Action[Releases], ...] = (
    Action(
        "preview_release",
        {
            vol.Required("request"): str,
            vol.Optional("locks", default=list): [str],
            vol.Optional("cameras", default=list): [str],
            vol.Required("kinds"): [vol.In([one.value for one in Wanted])],
            vol.Optional("fields", default=list): [
                vol.In([one.value for one in Field])
            ],
            vol.Required("since"): moment,
            vol.Required("until"): moment,
        },
        _preview,
        person=True,
    ),
    Action(
        "approve_release",
        {vol.Required("release"): str, vol.Required("manifest_sha256"): str},
        _approve,
        person=True,
    ),
    Action("withdraw_release", {vol.Required("release"): str}, _withdraw),
)
