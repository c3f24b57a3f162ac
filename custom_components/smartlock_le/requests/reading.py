"""What a request may say: each field is checked before any of it is kept.

The owner's form, the action and a signed request are read by this one function.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from ..models import Wanted
from .checks import text
from .models import BadField
from .request import Ask, Instrument, Purpose, Via

LONG = 500
"""Characters of what is described."""
SHORT = ("agency_name", "officer", "badge", "contact", "case_number", "reference")
DESCRIBED = ("need", "sought", "basis")
MAX_AREA = 10**12
"""Square metres: more than a country."""
_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
FIELDS = frozenset(Ask.__dataclass_fields__)


def ask(said: Mapping[str, Any]) -> Ask:
    """Read what a request says. Raises BadField."""
    for name in said:
        if name not in FIELDS:
            raise BadField("", "request_field")
    since, until = time("since", said), time("until", said)
    if since is None or until is None or since >= until:
        raise BadField("until", "request_window")
    instrument = _one("instrument", said, Instrument)
    if not (agency_name := _text("agency_name", said)):
        raise BadField("agency_name", "request_text")
    gag = _flag("gag", said)
    if gag and not instrument.compels:
        # Who asks cannot order that nobody is told.
        raise BadField("gag", "request_gag")
    return Ask(
        instrument=instrument,
        via=_one("via", said, Via),
        agency_name=agency_name,
        since=since,
        until=until,
        kinds=_kinds(said),
        **{name: _text(name, said) for name in SHORT if name != "agency_name"},
        **{name: described(name, said.get(name, "")) for name in DESCRIBED},
        active=_flag("active", said),
        purpose=_one("purpose", {"purpose": Purpose.OTHER, **said}, Purpose),
        area=_area(said),
        deadline=time("deadline", said),
        gag=gag,
    )


def described(name: str, value: Any) -> str:
    """Read a longer text. Raises BadField."""
    return _text(name, {name: value}, LONG)


def _text(name: str, said: Mapping[str, Any], longest: int = 200) -> str:
    try:
        return text(name, said.get(name, ""), longest)
    except BadField as err:
        raise BadField(err.field, "request_text") from None


def _one[Choice: StrEnum](
    name: str, said: Mapping[str, Any], choices: type[Choice]
) -> Choice:
    try:
        return choices(said.get(name, ""))
    except ValueError:
        raise BadField(name, "request_choice") from None


def _kinds(said: Mapping[str, Any]) -> tuple[Wanted, ...]:
    kinds = said.get("kinds", tuple(Wanted))
    if not isinstance(kinds, list | tuple) or not kinds or len(kinds) > len(Wanted):
        raise BadField("kinds", "request_choice")
    asked = {_one("kinds", {"kinds": kind}, Wanted) for kind in kinds}
    return tuple(kind for kind in Wanted if kind in asked)


def _flag(name: str, said: Mapping[str, Any]) -> bool:
    value = said.get(name, False)
    if not isinstance(value, bool):
        raise BadField(name, "request_choice")
    return value


def _area(said: Mapping[str, Any]) -> int:
    value = said.get("area", 0)
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadField("area", "request_area")
    if not 0 <= value <= MAX_AREA:
        raise BadField("area", "request_area")
    return value


def time(name: str, said: Mapping[str, Any]) -> datetime | None:
    """Read a time with its zone, to the second; None: there is none."""
    value = said.get(name)
    if value in (None, ""):
        return None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise BadField(name, "request_time") from None
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise BadField(name, "request_time")
    try:
        moment = value.astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        raise BadField(name, "request_time") from None
    if not _FIRST <= moment < _LAST:
        raise BadField(name, "request_time")
    return moment
