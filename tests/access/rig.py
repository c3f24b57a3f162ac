"""Codes on locks that are not there, with a clock in the hand of the test.

All of it is real but the locks: the codes, their reconcilers, the log, the vault.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from homeassistant.util.file import WriteError

from custom_components.smartlock_le.access import change, codes, leaving, reconcile
from custom_components.smartlock_le.access.change import Change
from custom_components.smartlock_le.access.code_ledger import CodeLedger
from custom_components.smartlock_le.access.code_models import (
    Code,
    Opening,
    Placement,
    PlacementState,
)
from custom_components.smartlock_le.access.codes import Codes
from custom_components.smartlock_le.access.vault import Vault
from custom_components.smartlock_le.locks import numbered
from custom_components.smartlock_le.locks.managed import ManagedLock
from custom_components.smartlock_le.log import Log
from custom_components.smartlock_le.models import AccessEvent, Actor, ActorKind, LockRef
from harness.fake_lock import FakeDriver, Hardware, WindowedDriver

START = datetime(2026, 6, 1, 12, tzinfo=UTC)
OWNER = Actor(ActorKind.OWNER, "0a1b2c3d", "Olive Owner")


@dataclass
class Markers:
    """Names and numbers of our codes, as the key book keeps them."""

    names: dict[str, list[str]] = field(default_factory=dict)
    numbers: dict[str, dict[str, int]] = field(default_factory=dict)
    resting: dict[str, set[str]] = field(default_factory=dict)
    broken: bool = False

    def markers(self, lock: str) -> tuple[str, ...]:
        """Give the names."""
        return tuple(self.names.get(lock, ()))

    async def add_marker(self, lock: str, marker: str) -> None:
        """Keep a name."""
        if self.broken:
            raise WriteError("full")
        if marker not in self.names.setdefault(lock, []):
            self.names[lock].append(marker)

    async def drop_marker(self, lock: str, marker: str) -> None:
        """Forget a name, and its number."""
        if self.broken:
            raise WriteError("full")
        if marker in self.names.get(lock, []):
            self.names[lock].remove(marker)
        self.numbers.get(lock, {}).pop(marker, None)
        self.resting.get(lock, set()).discard(marker)

    async def take_number(self, lock: str, marker: str, number: int) -> None:
        """Keep a number."""
        if self.broken:
            raise WriteError("full")
        numbers = self.numbers.setdefault(lock, {})
        if number not in (n for one, n in numbers.items() if one != marker):
            numbers[marker] = number
            self.resting.get(lock, set()).discard(marker)


@dataclass
class LockMarkers:
    """The numbers of one lock."""

    markers: Markers
    lock: str

    def taken(self) -> dict[str, int]:
        """Give the numbers by name."""
        return self.markers.numbers.setdefault(self.lock, {})

    def resting(self) -> set[str]:
        """Give the names that have nothing under their number."""
        return self.markers.resting.setdefault(self.lock, set())

    async def take(self, name: str, number: int) -> None:
        """Keep one."""
        await self.markers.take_number(self.lock, name, number)

    async def rest(self, name: str) -> None:
        """Let one rest."""
        if self.markers.broken:
            raise WriteError("full")
        self.resting().add(name)


class Rig:
    """A home of fake locks."""

    codes: Codes
    log: Log

    def __init__(
        self, folder: Path, count: int, windowed: tuple[int, ...] = ()
    ) -> None:
        """Take how many locks there are, and which keep windows by themselves."""
        self.folder = folder
        self.now = START
        self.alarm: datetime | None = None
        self.markers = Markers()
        self.hardware = {f"fake:{n}": Hardware() for n in range(count)}
        self.windowed = {f"fake:{n}" for n in windowed}
        self.kept: dict[str, dict[int, Any]] = {name: {} for name in self.hardware}
        self.locks: dict[str, ManagedLock] = {}
        self.says: dict[str, Opening] = {}
        self.problems: dict[tuple[str, str], str] = {}
        self.tasks: set[asyncio.Task[Any]] = set()
        self.changes = 0

    def spawn(self, coro: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Start a task."""
        task = asyncio.get_running_loop().create_task(coro, name=name)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    # Life

    async def start(self, *, without: str = "") -> None:
        """Start everything, as at the start of the home; one lock may have left it."""
        self.log = await Log.open(
            self.folder, origin="test.example/log", version="1", clock=lambda: self.now
        )
        self.codes = Codes(
            CodeLedger(self.log),
            self.open_vault,
            self.locks.get,
            self.markers,
            opening=lambda name: self.says.get(name, Opening(on=None)),
            spawn=self.spawn,
            schedule=self.schedule,
            settled=self.settled,
            changed=self.changed,
        )
        await self.codes.load()
        await self.codes.only(set(self.hardware) - {without})
        for name in self.hardware.keys() - {without}:
            self.add_lock(name)
        for name, lock in self.locks.items():
            await lock.start()
            await self.reach(name, there=self.hardware[name].there)

    def add_lock(self, name: str) -> None:
        """Let a lock be in the home."""
        kind = WindowedDriver if name in self.windowed else FakeDriver
        driver = kind(
            LockRef(name, name.title()),
            self.hardware[name],
            LockMarkers(self.markers, name),
            range(1, 40),
        )
        if isinstance(driver, WindowedDriver):
            driver.named = self.kept[name]
        lock = ManagedLock(
            driver, self.log, spawn=self.spawn, identify=self.codes_identify
        )
        lock.on_ready(lambda: self.codes.lock_ready(name))
        lock.on_event(self.accessed)
        self.locks[name] = lock

    def codes_identify(self, event: AccessEvent) -> AccessEvent:
        """Say whose code it was."""
        return self.codes.identify(event)

    def accessed(self, event: AccessEvent) -> None:
        """Count a use."""
        if event.code_name:
            self.spawn(self.codes.used(event), "used")

    async def stop(self) -> None:
        """Stop everything in order."""
        await self.codes.stop()
        for lock in self.locks.values():
            await lock.stop()
        self.locks.clear()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.log.close()

    async def kill(self) -> None:
        """Stop everything where it stands."""
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.locks.clear()
        self.tasks.clear()
        await self.log.close()

    async def open_vault(self) -> Vault:
        """Open the vault."""
        return Vault.open(self.folder / "codes.key")

    # What the codes ask

    def schedule(self, when: datetime | None) -> None:
        """Set the alarm."""
        self.alarm = when

    def settled(self, code: Code, place: Placement, problem: str) -> None:
        """Note what is wrong."""
        self.problems.pop((code.id, place.lock), None)
        if problem:
            self.problems[code.id, place.lock] = problem

    def changed(self) -> None:
        """Count."""
        self.changes += 1

    # What the test does

    async def rest(self) -> None:
        """Wait until nobody has anything to do."""
        for _ in range(1000):
            await asyncio.sleep(0)
            busy = [t for t in self.tasks if not t.get_name().startswith("follow")]
            if busy:
                await asyncio.wait(busy, timeout=5)
            elif all(not lock._news.is_set() for lock in self.locks.values()):
                return
        raise AssertionError("it does not come to rest")

    async def advance(self, **delta: float) -> None:
        """Let time pass, with every alarm on the way."""
        await self.pass_to(self.now + timedelta(**delta))

    async def pass_to(self, moment: datetime) -> None:
        """Let it be a moment to come, with every alarm on the way."""
        for _ in range(10_000):
            if self.alarm is None or self.alarm > moment:
                break
            self.now = max(self.now, self.alarm)
            self.alarm = None
            await self.codes.due()
            await self.rest()
        else:
            raise AssertionError("it never sleeps")
        self.now = max(self.now, moment)

    async def reach(self, name: str, *, there: bool) -> None:
        """Let a lock go, or come back."""
        driver = self.locks[name].driver
        assert isinstance(driver, FakeDriver)
        driver.reach(there=there)
        if there:
            # Its follower may be waiting to try again.
            await self.locks[name].refresh()
        await self.rest()

    async def guest(self, *locks: str, digits: str | None = None, **times: Any) -> Code:
        """Make a guest."""
        asked = Change(
            name="Gina Guest",
            locks=frozenset(locks or self.hardware),
            times=times,
            digits=digits,
            new_code=digits is None,
        )
        code = (await self.codes.add_guest(asked, OWNER)).code
        await self.rest()
        return code

    def driver(self, name: str) -> FakeDriver:
        """Give a driver."""
        driver = self.locks[name].driver
        assert isinstance(driver, FakeDriver)
        return driver

    def on(self, name: str) -> set[str]:
        """Give the digits that open a lock now, by its own windows, too."""
        hardware = self.hardware[name]
        if name not in self.windowed:
            return set(hardware.codes.values())
        return {
            digits
            for number, digits in hardware.codes.items()
            if self.kept[name][number][1].start
            <= self.now
            < self.kept[name][number][1].end
        }

    def states(self, code: Code) -> dict[str, PlacementState]:
        """Give how a code stands on each lock."""
        return {lock: place.state for lock, place in code.places.items()}

    async def events(self, code: Code, lock: str = "") -> list[str]:
        """Give what the log says of a code on a lock."""
        await self.rest()
        page = await self.log.entries(kinds=["code"], limit=500)
        return [
            str(entry.fields["event"])
            for entry in page.entries
            if entry.fields["code"] == code.id and entry.fields["lock"] == lock
        ]


@asynccontextmanager
async def rig(
    folder: Path, count: int = 1, windowed: tuple[int, ...] = ()
) -> AsyncIterator[Rig]:
    """Run a home of fake locks; its clock stands still."""
    made = Rig(folder, count, windowed)
    clock: Callable[[], datetime] = lambda: made.now  # noqa: E731
    ran: Callable[[], float] = lambda: made.now.timestamp()  # noqa: E731, PLW0108
    with (
        patch.object(change, "utc_now", clock),
        patch.object(codes, "utc_now", clock),
        patch.object(leaving, "monotonic", ran),
        patch.object(reconcile, "utc_now", clock),
        patch.object(numbered, "PAUSE", 0.0),
    ):
        await made.start()
        try:
            yield made
        finally:
            await made.stop()
