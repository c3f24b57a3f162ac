"""The actions of codes and guests: schema, one call, response."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from homeassistant.util import dt as dt_util
import voluptuous as vol

from ..inputs import TEXT
from ..models import Action, Actor
from .change import Change, Given
from .code_models import MAX_USES, Code
from .codes import Codes

type Data = dict[str, Any]

_TIMES = ("start", "end", "schedule", "uses")


def moment(value: Any) -> datetime:
    """Read a time; without a zone it is that of Home Assistant."""
    time = dt_util.parse_datetime(value) if isinstance(value, str) else value
    if not isinstance(time, datetime):
        raise vol.Invalid("not a time")
    if time.tzinfo is None:
        time = time.replace(tzinfo=dt_util.get_default_time_zone())
    try:
        return time.astimezone(UTC).replace(microsecond=0)
    except OverflowError as err:
        raise vol.Invalid("not a time") from err


SCHEDULE = vol.Any("", vol.Match(r"(schedule|calendar)\.[a-z0-9_]+\Z"))
PIN = vol.All(str, vol.Match(r"[0-9]{1,20}\Z"))
USES = vol.All(vol.Coerce(int), vol.Range(min=0, max=MAX_USES))
WHEN: dict[vol.Marker, Any] = {
    vol.Optional("start"): vol.Any(None, moment),
    vol.Optional("end"): vol.Any(None, moment),
    vol.Optional("schedule"): SCHEDULE,
    vol.Optional("uses"): USES,
}
_CHANGE: dict[vol.Marker, Any] = {
    vol.Optional("locks"): [str],
    vol.Optional("pin"): PIN,
    vol.Optional("new_pin", default=False): bool,
    **WHEN,
}
_GUEST: dict[vol.Marker, Any] = {vol.Required("guest"): str}


def as_change(data: Mapping[str, Any]) -> Change:
    """Read checked input."""
    locks = data.get("locks")
    return Change(
        name=data.get("name"),
        locks=None if locks is None else frozenset(locks),
        times={field: data[field] for field in _TIMES if field in data},
        digits=data.get("pin"),
        new_code=data.get("new_pin", False),
    )


def as_response(codes: Codes, code: Code) -> Data:
    """Return a code as an admin may see it: all of it but its digits."""
    when = code.when
    return {
        code.holder.value: code.person or code.id,
        "name": code.name,
        "has_pin": bool(code.digest),
        "over": code.ended,
        "start": when.start.isoformat() if when.start else None,
        "end": when.end.isoformat() if when.end else None,
        "schedule": when.schedule,
        "uses_left": max(0, when.uses - code.used) if when.uses else None,
        "locks": [
            {
                "lock": codes.lock_name(place.lock),
                "state": place.state.value,
                "reason": place.reason,
            }
            for place in code.places.values()
        ],
    }


def _given(codes: Codes, given: Given) -> Data:
    response = as_response(codes, given.code)
    if given.digits:
        response["pin"] = given.digits
    return response


async def _set(codes: Codes, data: Data, actor: Actor) -> Data:
    change = as_change(data)
    known = codes.of_person(data["person"])
    if change.digits is None and (known is None or not known.digest):
        change = as_change({**data, "new_pin": True})
    return _given(codes, await codes.set_person(data["person"], change, actor))


async def _clear(codes: Codes, data: Data, actor: Actor) -> Data:
    code = codes.of_person(data["person"])
    return await _remove(codes, {"guest": code.id if code else ""}, actor)


async def _list(codes: Codes, data: Data, actor: Actor) -> Data:
    return {"codes": [as_response(codes, code) for code in codes.all()]}


async def _add(codes: Codes, data: Data, actor: Actor) -> Data:
    change = as_change({"new_pin": "pin" not in data, **data})
    return _given(codes, await codes.add_guest(change, actor))


async def _change(codes: Codes, data: Data, actor: Actor) -> Data:
    code = codes.guest(data["guest"])
    return _given(codes, await codes.change(code.id, as_change(data), actor))


async def _remove(codes: Codes, data: Data, actor: Actor) -> Data:
    left = await codes.remove(data["guest"], actor)
    return {"still_on": [codes.lock_name(lock) for lock in left]}


async def _remove_guest(codes: Codes, data: Data, actor: Actor) -> Data:
    return await _remove(codes, {"guest": codes.guest(data["guest"]).id}, actor)


async def _resync(codes: Codes, data: Data, actor: Actor) -> Data:
    await codes.resync(data["lock"])
    return {
        "codes": [
            {code.holder.value: code.person or code.id, "state": place.state.value}
            for code, place in codes.on_lock(data["lock"])
        ]
    }


ACTIONS: tuple[Action[Codes], ...] = (
    Action("set_code", {vol.Required("person"): str, **_CHANGE}, _set, person=True),
    Action("clear_code", {vol.Required("person"): str}, _clear),
    Action("list_codes", {}, _list, person=True),
    Action(
        "add_guest",
        {
            vol.Required("name"): TEXT,
            vol.Required("locks"): [str],
            vol.Optional("pin"): PIN,
            **WHEN,
        },
        _add,
        person=True,
    ),
    Action(
        "change_guest",
        {**_GUEST, vol.Optional("name"): TEXT, **_CHANGE},
        _change,
        person=True,
    ),
    Action("remove_guest", _GUEST, _remove_guest),
    Action("resync", {vol.Required("lock"): str}, _resync),
)
