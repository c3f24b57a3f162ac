"""Whatever happens in whatever order, each lock ends as it is wanted, or it is said why not."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
import tempfile
from typing import Any

from hypothesis import HealthCheck, given, settings, strategies as st

from custom_components.smartlock_le.access.change import Change
from custom_components.smartlock_le.access.code_models import (
    NEVER,
    CodeError,
    Opening,
    PlacementState,
)
from custom_components.smartlock_le.access.vault import VaultLocked
from custom_components.smartlock_le.models import Refusal

from .rig import OWNER, Rig, rig

LOCKS = ("fake:0", "fake:1")
TOLERANCE = timedelta(minutes=2)
"""A lock that keeps windows itself gets them this much early: its clock may be behind."""

lock = st.sampled_from(LOCKS)
hours = st.integers(-3, 6)
STEPS = st.one_of(
    st.tuples(st.just("guest"), st.sets(lock, min_size=1), hours, hours),
    st.tuples(st.just("move"), st.integers(0, 3), hours, hours),
    st.tuples(st.just("digits"), st.integers(0, 3)),
    st.tuples(st.just("locks"), st.integers(0, 3), st.sets(lock)),
    st.tuples(st.just("uses"), st.integers(0, 3), st.integers(0, 2)),
    st.tuples(st.just("remove"), st.integers(0, 3)),
    st.tuples(st.just("away"), lock),
    st.tuples(st.just("back"), lock),
    st.tuples(st.just("lose"), lock, st.sampled_from(["command", "answer"])),
    st.tuples(st.just("refuse"), lock, st.sampled_from([Refusal.BUSY, Refusal.OTHER])),
    st.tuples(st.just("press"), lock, st.integers(0, 3)),
    st.tuples(st.just("reset"), lock),
    st.tuples(st.just("schedule"), st.sampled_from([True, False, None])),
    st.tuples(st.just("by_schedule"), st.integers(0, 3)),
    st.tuples(st.just("time"), st.integers(1, 200)),
    st.tuples(st.just("stopped"), st.integers(0, 3)),
    st.tuples(st.just("leaves"), lock),
    st.tuples(st.just("leaves_unseen"), lock),
    st.tuples(st.just("restart")),
    st.tuples(st.just("kill")),
)


class Story:
    """What is done to a home, step by step."""

    def __init__(self, home: Rig) -> None:
        """Begin with nobody."""
        self.home = home

    def _code(self, number: int) -> str:
        codes = self.home.codes.all()
        return codes[number % len(codes)].id if codes else ""

    async def step(self, name: str, *args: Any) -> None:
        """Do one thing; what cannot be is refused, and changes nothing."""
        with suppress(CodeError):
            await getattr(self, name)(*args)
        await self.home.rest()
        self.check_windows()

    async def guest(self, locks: set[str], start: int, end: int) -> None:
        """Make one, sometimes with a window."""
        await self.home.guest(*locks, **self._times(start, end))

    def _times(self, start: int, end: int) -> dict[str, Any]:
        now = self.home.now
        return {
            "start": now + timedelta(hours=start) if start > -3 else None,
            "end": now + timedelta(hours=end) if end > -3 else None,
        }

    async def move(self, number: int, start: int, end: int) -> None:
        """Change a window."""
        change = Change(times=self._times(start, end))
        await self.home.codes.change(self._code(number), change, OWNER)

    async def digits(self, number: int) -> None:
        """Give other digits."""
        await self.home.codes.change(self._code(number), Change(new_code=True), OWNER)

    async def locks(self, number: int, locks: set[str]) -> None:
        """Give other locks."""
        change = Change(locks=frozenset(locks))
        await self.home.codes.change(self._code(number), change, OWNER)

    async def uses(self, number: int, uses: int) -> None:
        """Limit the uses."""
        change = Change(times={"uses": uses})
        await self.home.codes.change(self._code(number), change, OWNER)

    async def remove(self, number: int) -> None:
        """Take it away."""
        await self.home.codes.remove(self._code(number), OWNER)

    async def stopped(self, number: int) -> None:
        """Take it away by a script that is stopped at once."""
        if code := self._code(number):
            removing = asyncio.create_task(self.home.codes.remove(code, OWNER))
            await asyncio.sleep(0)
            removing.cancel()
            await asyncio.gather(removing, return_exceptions=True)

    async def leaves(self, lock: str) -> None:
        """Take a lock out of the home; it is cleaned, and comes back."""
        home = self.home
        managed = home.locks.pop(lock)
        await home.codes.lock_removed(lock)
        await managed.stop()
        self._clean(lock)
        home.add_lock(lock)
        await home.locks[lock].start()
        await home.reach(lock, there=True)

    async def leaves_unseen(self, lock: str) -> None:
        """Let it leave while we do not run, and be another one when it is back."""
        home = self.home
        await home.stop()
        self._clean(lock)
        await home.start(without=lock)
        await home.stop()
        await home.start()

    def _clean(self, lock: str) -> None:
        self.home.hardware[lock].codes.clear()
        self.home.kept[lock].clear()
        self.home.markers.names.pop(lock, None)
        self.home.markers.numbers.pop(lock, None)
        self.home.markers.resting.pop(lock, None)

    async def away(self, lock: str) -> None:
        """Carry a lock away."""
        await self.home.reach(lock, there=False)

    async def back(self, lock: str) -> None:
        """Bring it back."""
        await self.home.reach(lock, there=True)

    async def lose(self, lock: str, what: str) -> None:
        """Lose something."""
        self.home.hardware[lock].loses = what

    async def refuse(self, lock: str, why: Refusal) -> None:
        """Say no."""
        self.home.hardware[lock].refuses = why

    async def press(self, lock: str, number: int) -> None:
        """Type a code that is there."""
        digits = sorted(self.home.on(lock))
        if digits and self.home.hardware[lock].there:
            self.home.driver(lock).press(digits[number % len(digits)])

    async def reset(self, lock: str) -> None:
        """Lose everything at the lock, and have it put right."""
        self.home.hardware[lock].codes.clear()
        self.home.kept[lock].clear()
        await self.home.codes.resync(lock)

    async def schedule(self, on: bool | None) -> None:
        """Let the schedule say something."""
        self.home.says["schedule.x"] = Opening(on=on)
        self.home.codes.schedule_changed("schedule.x")

    async def by_schedule(self, number: int) -> None:
        """Let a code open by it."""
        change = Change(times={"schedule": "schedule.x"})
        await self.home.codes.change(self._code(number), change, OWNER)

    async def time(self, minutes: int) -> None:
        """Let it pass."""
        await self.home.advance(minutes=minutes)

    async def restart(self) -> None:
        """Stop and start."""
        await self.home.stop()
        await self.home.start()

    async def kill(self) -> None:
        """Kill and start."""
        await self.home.kill()
        await self.home.start()

    # What holds

    def check_windows(self) -> None:
        """No lock that answers holds a code outside its window, but one that is said."""
        home = self.home
        for name in LOCKS:
            # Two people never share a number, nor digits.
            numbers = list(home.markers.numbers.get(name, {}).values())
            assert len(numbers) == len(set(numbers))
            values = list(home.hardware[name].codes.values())
            assert len(values) == len(set(values))
        for code in home.codes._codes.values():
            for lock, place in code.places.items():
                if not home.hardware[lock].there or not place.digest:
                    continue
                # One that said no a moment ago is told again in half a minute.
                troubled = (
                    place.state is not PlacementState.ACTIVE
                    or home.codes._reconcilers[lock].retry_at is not NEVER
                )
                when = code.when
                late = when.end is not None and home.now >= when.end
                early = when.start is not None and home.now < when.start
                if early and lock in home.windowed:
                    early = home.now < when.start - TOLERANCE and bool(home.on(lock))
                    early &= bool(self._opens(code, lock))
                assert not (late or early) or troubled or not self._opens(code, lock)

    def _opens(self, code: Any, lock: str) -> bool:
        try:
            return self.home.codes.digits(code) in self.home.on(lock)
        except VaultLocked:
            return False

    async def end(self) -> None:
        """Let all trouble be over, and some time pass: everything is as it is wanted."""
        home = self.home
        for name in LOCKS:
            home.hardware[name].loses, home.hardware[name].refuses = "", None
            await home.reach(name, there=True)
        await home.advance(minutes=30)
        self.check(whole=False)
        for name in LOCKS:
            await home.codes.resync(name)
        await home.rest()
        self.check(whole=True)
        assert not home.problems

    def check(self, *, whole: bool) -> None:
        """Compare each lock with what is wanted; not `whole`: it may have less."""
        home = self.home
        for name in LOCKS:
            wanted = set()
            for code, _place in home.codes.on_lock(name):
                opening = home.codes.opening(code)
                capabilities = home.driver(name).capabilities
                if opening.on is None and not code.over(home.now):
                    # It says nothing: whatever was there may stay.
                    continue
                want = code.wanted(name, capabilities, opening, home.now)
                if want and want.window.start <= home.now < want.window.end:
                    wanted.add(home.codes.digits(code))
            silent = {
                home.codes.digits(code)
                for code, _ in home.codes.on_lock(name)
                if code.digest
                and not code.over(home.now)
                and home.codes.opening(code).on is None
            }
            assert home.on(name) <= wanted | silent
            assert not whole or wanted <= home.on(name)


@given(
    windowed=st.sampled_from([(), (0,), (0, 1)]),
    steps=st.lists(STEPS, max_size=14),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_story(windowed: tuple[int, ...], steps: list[tuple[Any, ...]]) -> None:
    """Edits, answers, losses, restarts and time, in any order."""

    async def run(folder: Path) -> None:
        async with rig(folder / "log", len(LOCKS), windowed) as home:
            story = Story(home)
            for step in steps:
                await story.step(*(step if isinstance(step, tuple) else (step,)))
            await story.end()

    with tempfile.TemporaryDirectory() as name:
        asyncio.run(run(Path(name)))
