"""Since when a code is out of step on a lock, and when that is said: nothing waits for ever."""

from datetime import datetime

from .code_models import NEVER, PlacementState as State
from .desk import Desk
from .judge import is_due, opens_too_much, patience, wanted_on
from .models import Lock


def review(desk: Desk, lock: Lock, now: datetime) -> None:
    """Note how each code stands now; what takes too long is said."""
    for code, place in list(desk.on_lock(lock.ref.id)):
        before = place.state, place.reason
        wanted = wanted_on(code, place, lock, desk.opening(code), now)
        if wanted is None and not place.digest:
            place.state, place.reason = State.WAITING, ""
        elif wanted is not None and place.state is State.WAITING:
            place.state = State.PENDING
        if not is_due(code, place, lock, wanted, now):
            place.waiting_since = None
            if place.state is State.ACTIVE:
                place.reason = ""
        else:
            place.waiting_since = place.waiting_since or now
            waited = now - place.waiting_since
            if not place.reason and waited >= patience(place, wanted, now):
                place.reason = "unreachable"
                if opens_too_much(place, wanted, now):
                    place.state = State.REMOVING
                elif place.state is State.PENDING:
                    place.state = State.FAILED
        if (place.state, place.reason) != before:
            desk.settled(code, place)


def next_look(desk: Desk, lock: Lock, now: datetime) -> datetime:
    """Return when one of them is to be tried again, or has waited too long."""
    steps = [NEVER]
    for code, place in desk.on_lock(lock.ref.id):
        if place.retry_at > now and lock.available:
            steps.append(place.retry_at)
        if place.waiting_since is not None and not place.reason:
            wanted = wanted_on(code, place, lock, desk.opening(code), now)
            steps.append(place.waiting_since + patience(place, wanted, now))
    return min(steps)
