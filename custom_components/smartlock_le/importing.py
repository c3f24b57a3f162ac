"""Codes that keymaster and Lock Code Manager keep: what of them can come over to us.

Both are read as they lie on the disk; neither is changed. Keymaster keeps them in a file of
its own, Lock Code Manager in its config entries. Whatever would open at other times here
than it does there does not come over.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
import json
from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant
import voluptuous as vol

from .access.code_actions import PIN, SCHEDULE, USES, moment
from .inputs import TEXT
from .models import utc_now

KEYMASTER, LCM = "keymaster", "lock_code_manager"
_FILE = f"{KEYMASTER}.locks"
_SLOT = vol.All(vol.Coerce(int), vol.Range(min=0, max=65534))


class Obstacle(StrEnum):
    """Why a code does not come over. Each is a key of `common` in the translations."""

    NONE = ""
    OFF = "import_off"
    OVER = "import_over"
    DAYS = "import_days"
    CONDITION = "import_condition"
    UNREADABLE = "import_unreadable"
    NO_LOCK = "import_no_lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A code of another integration; the same on each of its locks."""

    name: str = field(repr=False)
    digits: str = field(default="", repr=False)
    slots: Mapping[str, int | None] = field(default_factory=dict)
    """Its locks: entity, and the number under which it is on it, where that is known."""
    start: datetime | None = None
    end: datetime | None = None
    schedule: str = ""
    uses: int = 0
    obstacle: Obstacle = Obstacle.NONE

    @property
    def same(self) -> tuple[Any, ...]:
        """What two codes have in common that are one, on several locks."""
        times = self.start, self.end, self.schedule, self.uses
        return self.name.casefold(), self.digits, times, self.obstacle


async def find(hass: HomeAssistant) -> list[Found]:
    """Return the codes that the other integrations keep, each once, by name."""
    path = Path(hass.config.path(".storage", _FILE))
    known = {entry.entry_id for entry in hass.config_entries.async_entries(KEYMASTER)}
    stored = await hass.async_add_executor_job(_read, path) if known else {}
    codes = [
        code
        for entry_id, lock in stored.items()
        if entry_id in known
        for code in _of_keymaster(entry_id, lock)
    ]
    for entry in hass.config_entries.async_entries(LCM):
        # Its options are the newer ones, where it has any.
        codes += _of_lcm({**entry.data, **entry.options})
    return sorted(_joined(codes), key=lambda code: code.name.casefold())


def present(hass: HomeAssistant) -> bool:
    """Tell whether one of the other integrations is set up."""
    return any(hass.config_entries.async_entries(domain) for domain in (KEYMASTER, LCM))


def _joined(codes: Iterable[Found]) -> Iterator[Found]:
    one: dict[tuple[Any, ...], Found] = {}
    for code in codes:
        before = one.get(code.same, code)
        one[code.same] = replace(before, slots={**before.slots, **code.slots})
    return iter(one.values())


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else []


def _checked(name: Any, slots: Mapping[str, Any], **fields: Any) -> Found:
    """Return a code, or that it cannot be read."""
    try:
        shown = TEXT(name)
    except vol.Invalid:
        shown = "?"
    try:
        return Found(
            name=TEXT(name),
            digits=PIN(fields["digits"]),
            slots={
                entity_id: None if slot is None else _SLOT(slot)
                for entity_id, slot in slots.items()
            },
            start=moment(fields["start"]) if fields.get("start") else None,
            end=moment(fields["end"]) if fields.get("end") else None,
            schedule=SCHEDULE(fields.get("schedule", "")),
            uses=USES(fields.get("uses", 0)),
            obstacle=fields.get("obstacle", Obstacle.NONE),
        )
    except vol.Invalid, ValueError:
        return Found(name=shown, obstacle=Obstacle.UNREADABLE)


# Keymaster


def _read(path: Path) -> Mapping[str, Any]:
    try:
        return _mapping(_mapping(json.loads(path.read_text())).get("data"))
    except OSError, ValueError:
        return {}


def _of_keymaster(entry_id: str, lock: Any) -> Iterator[Found]:
    """Read one lock of keymaster's file; a slot without digits is nobody's."""
    lock = _mapping(lock)
    entity_id = str(lock.get("lock_entity_id", ""))
    for number, stored in _mapping(lock.get("code_slots")).items():
        slot = _mapping(stored)
        if not slot.get("pin"):
            continue
        name = slot.get("name") or f"{lock.get('lock_name', '')} {number}"
        fields: dict[str, Any] = {"digits": _decoded(slot["pin"], entry_id)}
        if slot.get("accesslimit_date_range_enabled"):
            fields["start"] = slot.get("accesslimit_date_range_start")
            fields["end"] = slot.get("accesslimit_date_range_end")
        count = slot.get("accesslimit_count")
        counted = bool(slot.get("accesslimit_count_enabled"))
        if counted:
            fields["uses"] = count
        if not slot.get("enabled"):
            fields["obstacle"] = Obstacle.OFF
        elif counted and not count:
            fields["obstacle"] = Obstacle.OVER
        elif slot.get("accesslimit_date_range_enabled") and not (
            fields["start"] and fields["end"]
        ):
            # There it never opens.
            fields["obstacle"] = Obstacle.OFF
        elif _has_days(slot):
            fields["obstacle"] = Obstacle.DAYS
        found = _checked(name, {entity_id: number}, **fields)
        if found.end and found.end <= utc_now() and not found.obstacle:
            found = replace(found, obstacle=Obstacle.OVER)
        yield found


def _decoded(pin: Any, entry_id: str) -> str:
    """Return the digits: keymaster writes them after its entry's id, in base 64."""
    try:
        text = base64.b64decode(pin, validate=True).decode()
    except TypeError, ValueError:
        return ""
    return text.removeprefix(entry_id) if text.startswith(entry_id) else ""


def _has_days(slot: Mapping[str, Any]) -> bool:
    """Tell whether it opens on some days of the week, or hours of them, only."""
    if not slot.get("accesslimit_day_of_week_enabled"):
        return False
    days = _mapping(slot.get("accesslimit_day_of_week")).values()
    return any(
        not _mapping(day).get("dow_enabled") or _mapping(day).get("limit_by_time")
        for day in days
    )


# Lock Code Manager


def _of_lcm(config: Mapping[str, Any]) -> Iterator[Found]:
    """Read one entry: its users by name, or as older releases had them by slot."""
    locks = [lock for lock in _list(config.get("locks")) if isinstance(lock, str)]
    numbers = _mapping(config.get("slot_assignment"))
    users = config.get("users")
    if users is None:
        slots = _mapping(config.get("slots"))
        listed = [(_mapping(u).get("name"), u, n) for n, u in slots.items()]
    else:
        listed = [
            (name, user, numbers.get(" ".join(str(name).split()).casefold()))
            for name, user in _mapping(users).items()
        ]
    for name, stored, number in listed:
        user = _mapping(stored)
        if not user.get("pin"):
            continue
        condition = str(user.get("condition") or user.get("entity_id") or "")
        obstacle = Obstacle.NONE
        if not user.get("enabled", True):
            obstacle = Obstacle.OFF
        elif condition and condition.partition(".")[0] not in ("schedule", "calendar"):
            obstacle = Obstacle.CONDITION
        yield _checked(
            name,
            dict.fromkeys(locks, number),
            digits=user["pin"],
            schedule="" if obstacle is Obstacle.CONDITION else condition,
            obstacle=obstacle,
        )
