"""What the log does while it is killed: each work opens it and says what is durable."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
import json
import os
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Executable, Integer, Table

from tests.log.bare import Log  # first: it keeps Home Assistant out

# isort: split
from custom_components.smartlock_le.log import KINDS, Value, metadata
from custom_components.smartlock_le.log.marker import Marker

ORIGIN = "smartlock-le.local/faults"
START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ADA, BOB = "Ada Person-To-Erase", "Bob Who-Stays"
OWNER = {"actor_kind": "owner", "actor": "0a1b2c3d", "actor_name": "Olive"}
SOURCE = "faults"
"""In every entry of ours."""
DAYS = 4
"""Of entries, before the work begins."""

tally = Table(
    "tally",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False),
    comment="State that a room keeps: a row an access entry, in its transaction",
)


class Clock:
    """A clock that moves on by a second each time it is read."""

    def __init__(self, now: datetime = START) -> None:
        """Start at a time."""
        self.now = now

    def __call__(self) -> datetime:
        """Return the next second."""
        self.now += timedelta(seconds=1)
        return self.now

    def turn(self, days: int) -> None:
        """Move on by days."""
        self.now += timedelta(days=days)


class Worker:
    """A process that works on the log in a folder, and says what it was told."""

    def __init__(self, folder: Path, pipe: int = -1) -> None:
        """Say it to `pipe`, if there is one."""
        self.folder = folder
        self.clock = Clock(START + timedelta(days=DAYS, hours=1))
        self._pipe = pipe
        self._number = 0

    def say(self, **what: Any) -> None:
        """Say that something is durable: at once, and whole."""
        if self._pipe >= 0:
            os.write(self._pipe, json.dumps(what).encode() + b"\n")

    async def open(self) -> Log:
        """Open the log."""
        return await Log.open(self.folder, origin=ORIGIN, version="1", clock=self.clock)

    async def enter(self, log: Log, *, name: str = BOB, keep: bool = False) -> None:
        """Enter an access with its row of state, and say so when it is durable."""
        self._number += 1
        number = self._number

        def also(seq: int) -> list[Executable]:
            return [tally.insert().values(seq=seq, number=number)]

        fields: dict[str, Value] = {
            key: "x" if wanted is str else 0
            for key, wanted in KINDS["access"].fields.items()
        }
        fields |= {"actor_name": name, "lock_index": number, "source": SOURCE}
        enter = log.append_or_keep if keep else log.append
        if entry := await enter("access", fields, also=also):
            self.say(seq=entry.seq, number=number)

    async def enter_some(self, log: Log, rounds: int = 4, name: str = BOB) -> None:
        """Enter a few, one by one and several at a time."""
        for number in range(rounds):
            await asyncio.gather(
                *(
                    self.enter(log, name=name, keep=bool(i % 2))
                    for i in range(1 + number % 3)
                )
            )
            self.say(origin=log.origin, note=log.checkpoint)


type Work = Callable[[Worker], Awaitable[None]]


def settle(folder: Path) -> None:
    """Make a copied folder look as if it had always been here."""
    marker = Marker(folder / "head")
    assert marker.mark
    marker.write(marker.mark)
    marker.close()


async def fill(worker: Worker) -> None:
    """Make a log of several days and persons: what the works begin with."""
    worker.clock = Clock(START)
    log = await worker.open()
    for _ in range(DAYS):
        await worker.enter_some(log, 3, ADA)
        await worker.enter_some(log, 3)
        worker.clock.turn(1)
    await log.close()


async def append(worker: Worker) -> None:
    """Enter, over midnight."""
    log = await worker.open()
    await worker.enter_some(log)
    worker.clock.turn(1)
    await worker.enter_some(log)
    await log.close()


async def retain(worker: Worker) -> None:
    """Erase what is old."""
    log = await worker.open()
    for days in (3, 1):
        plan = await log.care.retain(days)
        worker.say(gone=plan.gone, epochs=plan.epochs)
        await worker.enter_some(log, 1)
    await log.close()


async def person(worker: Worker) -> None:
    """Erase who it was, on request."""
    log = await worker.open()
    await worker.enter_some(log, 1)
    plan = await log.care.erase_person(ADA, OWNER)
    worker.say(forgotten=ADA, epochs=plan.epochs)
    await worker.enter_some(log, 1)
    await log.close()


async def hold(worker: Worker) -> None:
    """Keep from erasure what must be kept, and let it go."""
    log = await worker.open()
    held = await log.care.hold(START, START + timedelta(days=2), "why", OWNER)
    worker.say(held=held.id)
    plan = await log.care.retain(1)
    worker.say(gone=plan.gone, epochs=plan.epochs)
    await log.care.lift(held.id, "why", OWNER)
    worker.say(lifted=held.id)
    plan = await log.care.retain(1)
    worker.say(gone=plan.gone, epochs=plan.epochs)
    await log.close()


async def backup(worker: Worker) -> None:
    """Enter while a backup is written, then erase."""
    log = await worker.open()
    await log.care.begin_backup()
    await worker.enter_some(log, 2)
    await log.care.end_backup()
    await log.care.erase_person(ADA, OWNER)
    worker.say(forgotten=ADA, epochs=[])
    await log.close()


async def go_on(worker: Worker) -> None:
    """Take up what is there, whatever became of it, and enter."""
    log = await worker.open()
    worker.say(origin=log.origin, note=log.checkpoint)
    await worker.enter_some(log, 2)
    await log.close()


WORKS: dict[str, Work] = {
    "append": append,
    "retain": retain,
    "person": person,
    "hold": hold,
    "backup": backup,
    "migrate": go_on,
    "copied": go_on,
    "rolled back": go_on,
}
