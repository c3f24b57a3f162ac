"""The actions of the log: schema, one call, response."""

from base64 import b64encode
from datetime import datetime
from typing import Any

import voluptuous as vol

from ..models import Action, Actor
from .care import Hold
from .kinds import KINDS, MAX_TEXT
from .log import Log
from .model import Entry

type Data = dict[str, Any]

MAX_PAGE = 500


def moment(value: Any) -> datetime:
    """Read a time of ISO 8601 with a zone."""
    try:
        time = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError) as err:
        raise vol.Invalid("not a time") from err
    if time.tzinfo is None:
        raise vol.Invalid("a time needs its zone, as in 2026-01-31T08:00:00+01:00")
    return time


def as_response(entry: Entry) -> Data:
    """Return an entry, without the field that only chosen contacts can read."""
    fields = {k: v for k, v in entry.fields.items() if k != "sealed"}
    return {"seq": entry.seq, **fields}


async def _get(log: Log, data: Data, actor: Actor) -> Data:
    page = await log.entries(**data)
    return {
        "entries": [as_response(entry) for entry in page.entries],
        "next_after": page.next_after,
        "size": log.size,
    }


async def _verify(log: Log, data: Data, actor: Actor) -> Data:
    report = await log.verify()
    return {
        "ok": report.ok,
        "size": report.size,
        "root": report.root,
        "checkpoint": log.checkpoint,
        "key": log.vkey,
        "bad": [{"seq": seq, "what": what} for seq, what in report.bad],
        "more": report.more,
    }


async def _export(log: Log, data: Data, actor: Actor) -> Data:
    return await log.copies.whole(actor)


async def _export_proofs(log: Log, data: Data, actor: Actor) -> Data:
    first: int = data["first"]
    last: int = data.get("last", first)
    return await log.copies.proofs(first, last, data["withhold"], actor)


async def _export_person(log: Log, data: Data, actor: Actor) -> Data:
    return await log.copies.of_person(data["name"], actor)


def _as_hold(hold: Hold) -> Data:
    return {
        "hold": hold.id,
        "lock": hold.lock,
        "since": hold.since.isoformat(),
        "until": hold.until.isoformat(),
    }


async def _hold(log: Log, data: Data, actor: Actor) -> Data:
    return _as_hold(await log.care.hold(**data, actor=actor.fields()))


async def _lift(log: Log, data: Data, actor: Actor) -> Data:
    return _as_hold(await log.care.lift(data["hold"], data["reason"], actor.fields()))


async def _holds(log: Log, data: Data, actor: Actor) -> Data:
    return {"holds": [_as_hold(hold) for hold in await log.care.holds()]}


async def _erase(log: Log, data: Data, actor: Actor) -> Data:
    plan = await log.care.erase_person(data["name"], actor.fields())
    return {"entries": len(plan.gone), "kept": plan.kept}


async def _growth(log: Log, data: Data, actor: Actor) -> Data:
    checkpoint, proof = await log.prove_growth(data["checkpoint"])
    return {
        "checkpoint": checkpoint,
        "proof": [b64encode(node).decode() for node in proof],
    }


_TEXT = vol.All(str, str.strip, vol.Length(min=1, max=MAX_TEXT))
_NUMBER = vol.All(int, vol.Range(min=0))
_PERSON: dict[vol.Marker, Any] = {vol.Required("name"): _TEXT}

ACTIONS: tuple[Action[Log], ...] = (
    Action(
        "get_log",
        {
            vol.Optional("lock"): str,
            vol.Optional("kinds"): [vol.In(sorted(KINDS))],
            vol.Optional("since"): moment,
            vol.Optional("until"): moment,
            vol.Optional("after", default=-1): vol.All(int, vol.Range(min=-1)),
            vol.Optional("limit", default=50): vol.All(
                int, vol.Range(min=1, max=MAX_PAGE)
            ),
            vol.Optional("newest_first", default=False): bool,
        },
        _get,
        person=True,
    ),
    Action("verify_log", {}, _verify),
    Action("get_consistency_proof", {vol.Required("checkpoint"): str}, _growth),
    Action(
        "hold_log",
        {
            vol.Required("since"): moment,
            vol.Required("until"): moment,
            vol.Required("reason"): _TEXT,
            vol.Optional("lock"): str,
        },
        _hold,
        person=True,
    ),
    Action(
        "lift_hold",
        {vol.Required("hold"): str, vol.Required("reason"): _TEXT},
        _lift,
        person=True,
    ),
    Action("list_holds", {}, _holds),
    Action("export_log", {}, _export, person=True),
    Action(
        "export_proofs",
        {
            vol.Required("first"): _NUMBER,
            vol.Optional("last"): _NUMBER,
            vol.Optional("withhold", default=list): [str],
        },
        _export_proofs,
        person=True,
    ),
    Action("export_person", _PERSON, _export_person, person=True),
    Action("erase_person", _PERSON, _erase, person=True),
)
