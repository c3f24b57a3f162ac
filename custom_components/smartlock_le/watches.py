"""What an automation waits for that no state shows: an empty battery, the end of a code."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_track_point_in_utc_time

from .access.code_models import Code, Holder
from .home import Home
from .locks.managed import ManagedLock
from .models import utc_now
from .targets import Follow, battery_low

_RISE = 5
"""Percent above the limit from which a battery is no longer low: it may waver."""


class BatteryWatch:
    """Tells of a lock once its battery becomes low, not of one that was low before."""

    def __init__(
        self, hass: HomeAssistant, below: int, tell: Callable[[ManagedLock], None]
    ) -> None:
        """Begin."""
        self._below = below
        self._tell = tell
        self._low: dict[str, bool] = {}
        self._undo: dict[ManagedLock, CALLBACK_TYPE] = {}
        self._follow = Follow(hass, self._look)

    @callback
    def stop(self) -> None:
        """End it."""
        self._follow.stop()
        self._look(None)

    @callback
    def _look(self, home: Home | None) -> None:
        """Follow the locks that there are, and no other."""
        locks = set(home.roster.locks.values()) if home else set()
        for lock in self._undo.keys() - locks:
            self._undo.pop(lock)()
        for lock in locks - self._undo.keys():
            self._undo[lock] = lock.driver.on_change(partial(self._changed, lock))
            self._changed(lock)

    @callback
    def _changed(self, lock: ManagedLock) -> None:
        state = lock.driver.state
        low = battery_low(state, self._below)
        if low is None:
            return
        before = self._low.get(lock.ref.id)
        if before and not low:
            low = battery_low(state, self._below + _RISE) is True
        self._low[lock.ref.id] = low
        if low and before is False:
            self._tell(lock)


class ExpiryWatch:
    """Tells of each guest's code so long before it ends, once; one timer for all.

    A code whose moment was over when it was made, changed or found here is not told of.
    """

    def __init__(
        self, hass: HomeAssistant, before: timedelta, tell: Callable[[Home, Code], None]
    ) -> None:
        """Begin."""
        self._hass = hass
        self._before = before
        self._tell = tell
        self._due: dict[str, datetime] = {}
        self._told: dict[str, datetime] = {}
        self._timer: CALLBACK_TYPE | None = None
        self._follow = Follow(hass, self._look)

    @callback
    def stop(self) -> None:
        """End it, and its timer."""
        self._follow.stop()
        self._look(None)

    @callback
    def _look(self, home: Home | None) -> None:
        """Take up codes that were made, changed or taken away."""
        if self._timer:
            self._timer()
            self._timer = None
        if home is None:
            # What is due meanwhile is told when it is back.
            return
        now = utc_now()
        ends = {
            # Whole seconds, as they are kept.
            code.id: (code.when.end - self._before).replace(microsecond=0)
            for code in home.codes.all()
            if code.holder is Holder.GUEST
            and code.digest
            and code.when.end is not None
            and not code.over(now)
        }
        self._told = {c: m for c, m in self._told.items() if ends.get(c) == m}
        self._due = {
            code: moment
            for code, moment in ends.items()
            if code not in self._told
            and (moment > now or self._due.get(code) == moment)
        }
        if self._due:
            self._timer = async_track_point_in_utc_time(
                self._hass, partial(self._ring, home), min(self._due.values())
            )

    @callback
    def _ring(self, home: Home, now: datetime) -> None:
        self._timer = None
        for code in home.codes.all():
            moment = self._due.get(code.id)
            if moment is not None and moment <= now:
                self._told[code.id] = self._due.pop(code.id)
                self._tell(home, code)
        self._look(home)
