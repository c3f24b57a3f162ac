"""What is to be done about a code on a lock, and how long that may wait; nothing is done."""

from datetime import datetime, timedelta

from ..models import Capability
from .code_models import MISSING, Code, Opening, Placement, PlacementState, Wanted
from .models import Lock

PATIENCE = timedelta(minutes=15)
"""How long a code may be missing on a lock that is away before that is said."""
LEFT_PATIENCE = timedelta(minutes=1)
"""How long one that must not open any more may be left on it in silence."""


def wanted_on(
    code: Code, place: Placement, lock: Lock, opening: Opening, now: datetime
) -> Wanted | None:
    """Return what is to be on a lock; what a silent schedule let be there may stay."""
    if opening.on is None and place.lock in code.locks and not code.over(now):
        if not place.digest:
            return None
        opening = Opening(on=True, until=place.until)
    return code.wanted(place.lock, lock.capabilities, opening, now)


def leaves(code: Code, place: Placement) -> bool:
    """Tell whether the code has no more business on that lock."""
    return code.removing or place.lock not in code.locks


def is_due(
    code: Code, place: Placement, lock: Lock, wanted: Wanted | None, now: datetime
) -> bool:
    """Tell whether something is to be done about a code."""
    if now < place.retry_at:
        return False
    if wanted is None:
        return bool(place.digest) or leaves(code, place)
    failed = place.state is PlacementState.FAILED
    if failed and (place.tried == wanted or place.reason == MISSING):
        return False
    return not _in_step(place, wanted, lock, now)


def _in_step(place: Placement, wanted: Wanted, lock: Lock, now: datetime) -> bool:
    """Tell whether the lock holds what is wanted, as far as it knows such things."""
    if place.digest != wanted.digest or place.state is not PlacementState.ACTIVE:
        return False
    if Capability.CODE_WINDOWS not in lock.capabilities:
        return True
    window = place.window
    if window is None:
        return False
    # A window that began stays as it began.
    started = max(window.start, wanted.window.start) <= now
    return window.end == wanted.window.end and (
        window.start == wanted.window.start or started
    )


def opens_too_much(place: Placement, wanted: Wanted | None, now: datetime) -> bool:
    """Tell whether what may be on the lock opens more than it should."""
    if not place.digest:
        return False
    if wanted is None or place.digest != wanted.digest:
        return True
    window, told = wanted.window, place.window
    return told is not None and (
        told.end > window.end or told.start < window.start > now
    )


def patience(place: Placement, wanted: Wanted | None, now: datetime) -> timedelta:
    """Return how long a code may be out of step before that is said."""
    return LEFT_PATIENCE if opens_too_much(place, wanted, now) else PATIENCE
