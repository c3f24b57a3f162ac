"""The lock's own clock: how far it is off, and when it is set (Update Time, 0x0021)."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from ...models import LockRefused, LockUnreachable, OutcomeUnknown, Refusal, utc_now
from ..driver import ClockChange

_DRIFT = timedelta(seconds=30)
"""How far a clock may be off."""
_SANE = datetime(2026, 1, 1, tzinfo=UTC)
"""A clock of ours before this was never set: a computer without one just started."""
_PAUSE = 3600.0
"""Seconds until a clock is set again by itself: one that does not stay is not fought."""

type Told = Callable[[datetime | None, datetime, ClockChange], None]


class Clock:
    """Follows what a lock's clock shows, all in UTC."""

    def __init__(self, told: Told) -> None:
        """`told` hears of every change: what it showed, what it shows."""
        self._told = told
        self._shown: datetime | None = None
        self._known = False
        self._set_at: float | None = None
        self._lost: datetime | None = None
        self.drift = timedelta(0)
        """How far it is ahead of ours; none where the lock does not tell the time."""

    def noted(self, shown: datetime | None) -> None:
        """Take what it shows now."""
        self._known, self._shown = True, shown
        if shown:
            self.drift = shown - utc_now()
            if self._lost is not None:
                before, self._lost = self._lost, None
                self._told(before, shown, ClockChange.FOUND)

    @property
    def off(self) -> bool:
        """Tell whether it must be set before it is relied on."""
        return self._shown is None or abs(self.drift) > _DRIFT

    @property
    def due(self) -> bool:
        """Tell whether it is to be set though nothing relies on it just now."""
        if not self._known or not self.off or utc_now() < _SANE:
            return False
        passed = asyncio.get_running_loop().time()
        return self._set_at is None or passed - self._set_at >= _PAUSE

    async def correct(self, update: Callable[[datetime], Awaitable[None]]) -> None:
        """Set it to ours through `update`, and say so. Raises the lock's error."""
        now = utc_now()
        if now < _SANE:
            raise LockRefused(Refusal.OTHER, "our clock")
        before, pause = self._shown, self._set_at
        self._set_at = asyncio.get_running_loop().time()
        try:
            await update(now)
        except LockUnreachable:
            # It heard nothing: this was no try.
            self._set_at = pause
            raise
        except OutcomeUnknown:
            self._lost = now
            self._told(before, now, ClockChange.UNKNOWN)
            raise
        self._told(before, now, ClockChange.SET)
