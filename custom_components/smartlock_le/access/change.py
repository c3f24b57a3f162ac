"""What is asked of a code, and what that makes of it: all of it, or an error."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..models import utc_now
from .code_models import FIRST, FOREVER, Code, CodeError, Placement, PlacementState
from .digits import Digits
from .grant_codes import new_marker
from .models import Lock
from .vault import VaultLocked


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is asked; None leaves as it is."""

    name: str | None = field(default=None, repr=False)
    locks: frozenset[str] | None = None
    times: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `When`, those that are to be others; `uses`: so many from now on."""
    digits: str | None = field(default=None, repr=False)
    new_code: bool = False
    """Draw other digits."""
    found: Mapping[str, int] | None = None
    """The code is on these locks already, each with the number, by another's hand: it keeps
    them. Its digits are not tried out here."""


@dataclass(frozen=True, slots=True)
class Given:
    """What was made or changed. `digits` is there once, and only if we drew them."""

    code: Code
    digits: str = field(default="", repr=False)


def changed(code: Code, change: Change) -> Code:
    """Return what a code becomes, its digits apart. Raises CodeError."""
    new = replace(code, places=dict(code.places))
    if change.name is not None:
        new.name = change.name
    if change.locks is not None:
        for lock_id in change.locks - set(new.places):
            new.places[lock_id] = Placement(lock=lock_id, marker=new_marker())
        new.locks = change.locks
    if change.times:
        when, now = replace(new.when, **change.times), utc_now()
        if any(t and not FIRST <= t <= FOREVER for t in (when.start, when.end)):
            raise CodeError("code_time_far")
        if when.end is not None and when.end <= max(when.start or now, now):
            raise CodeError("code_window_empty")
        if change.times.get("uses"):
            # So many more, from now on.
            when = replace(when, uses=new.used + when.uses)
        new.when, new.ended = when, False
    return new


def give_digits(code: Code, change: Change, digits: Digits, locks: list[Lock]) -> str:
    """Give a code what digits are asked for; return them if they were drawn.

    Raises CodeError.
    """
    if change.digits is not None:
        digits.admit(code, change.digits, locks, tried=change.found is None)
        digits.give(code, change.digits)
    elif change.new_code:
        drawn = digits.draw(code, locks)
        digits.give(code, drawn)
        return drawn
    elif code.digest and change.locks is not None:
        try:
            digits.suit(digits.of(code), locks)
        except VaultLocked:
            raise CodeError("vault_locked") from None
    return ""


def take_over(code: Code, new: Code) -> None:
    """Let a code be as the new one: whoever works at it has this one in hand."""
    code.name, code.when, code.ended = new.name, new.when, new.ended
    code.digest, code.secret = new.digest, new.secret
    code.locks, code.holder_seq = new.locks, new.holder_seq
    for lock, place in new.places.items():
        if lock not in code.places and lock in code.locks:
            if place.state is PlacementState.REMOVED:
                # It came off while this was written: it goes on under a new name.
                place = Placement(lock=lock, marker=new_marker())
            code.places[lock] = place
    for place in code.places.values():
        place.asked()
