"""The radio: every message of every case lost, cut off, doubled, late, split or spoilt.

Run as `python -m tests.faults.radio SEED FIRST LAST`. The lock is the simulated one, on
Bumble's air; the home is ours. The order of the faults is the seed's; as many points as
there are faults run each of them once.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
import logging
from pathlib import Path
import random
import sys
import tempfile
import time

from custom_components.smartlock_le.access.models import GrantError
from custom_components.smartlock_le.home import Home
from custom_components.smartlock_le.locks.nuki.client import NukiClient
from custom_components.smartlock_le.locks.nuki.messages import Action
from custom_components.smartlock_le.models import DoorCommand, LockError
from tests.locks.support import Dialer, new_client
from virtual_home.faults import Direction
from virtual_home.home import HomeOptions, VirtualHome
from virtual_home.nuki import LockOptions, NukiLock

from .homes import OWNER, busy, impatient, only_lock, running, settled
from .radio_cases import CASES, Case
from .radio_checks import WRONG, Finding, Judge
from .result import Result

DEADLINE = 0.4
"""Seconds until a message counts as lost; undisturbed, one takes a few milliseconds."""
PATIENCE = 10.0
OPTIONS = LockOptions(motor_s=0.01, unlatch_s=0.01, pairing=True, advertising_ms=20)
SORTS = ("lost", "cut", "doubled", "delayed", "late", "split", "spoilt")
"""Of one message."""
TROUBLES = ("no slots", "out of range", "rival", "together")
"""Of a whole case, several times each."""
_TIMES = 4


@dataclass(frozen=True)
class Fault:
    """What goes wrong: with one message, or all the time."""

    case: str
    sort: str
    direction: Direction | None = None
    number: int = 0

    def __str__(self) -> str:
        """Say it."""
        where = f", message {self.number} {self.direction}" if self.direction else ""
        return f"{self.case}: {self.sort}{where}"


class Bench:
    """A home, its lock, somebody else's telephone, and the air between them."""

    def __init__(
        self, air: VirtualHome, home: Home, rival: NukiClient, rng: random.Random
    ) -> None:
        """Take them."""
        self.air = air
        self.home = home
        self.nuki: NukiLock = air.locks[0]
        self.rng = rng
        self._rival = rival
        self._mtu = air.central._mtu

    async def calm(self) -> bool:
        """Wait until home and lock agree; tell whether they do."""
        end = time.monotonic() + PATIENCE
        device = self.nuki.device
        only_lock(self.home).driver.on_news()
        while time.monotonic() < end:
            await asyncio.sleep(0.01)
            if device.unread and not device.bolt.busy and not busy(self.home):
                # Its advertisement says so.
                only_lock(self.home).driver.on_news()
            names = {c.name for c in device.codes if c.name.startswith("LE ")}
            # Between two tries to read, nothing is under way.
            read = only_lock(self.home)._last_index == device.log.next_index - 1
            if read and not device.bolt.busy and settled(self.home, names):
                return True
        return False

    async def fresh(self, case: Case) -> None:
        """Make everything as it is before a case."""
        self.nuki.faults.clear()
        self.air.central._mtu = self._mtu
        for grant in self.home.grants.open_grants():
            await self.home.grants.revoke(grant.id, OWNER)
        self.nuki.device.clock_offset *= 0
        self.nuki.device.turn(lock=case.command is not DoorCommand.LOCK)
        await self.calm()
        if case.prepare:
            await case.prepare(self.home, self.nuki)
            await self.calm()
        self.nuki.faults.messages()

    async def count(self, case: Case) -> dict[Direction, int]:
        """Return how many messages a case has when nothing is wrong."""
        await self.fresh(case)
        await case.act(self.home, self.nuki)
        while busy(self.home):
            await asyncio.sleep(0.01)
        seen = [message.direction for message in self.nuki.faults.messages()]
        return {direction: seen.count(direction) for direction in Direction}

    async def faults(self) -> list[Fault]:
        """Return every fault there is."""
        found = []
        for case in CASES.values():
            for direction, count in (await self.count(case)).items():
                found += [
                    Fault(case.name, sort, direction, number)
                    for number in range(1, count + 1)
                    for sort in SORTS
                ]
            found += [Fault(case.name, sort) for sort in TROUBLES * _TIMES]
        return found

    def _set(self, fault: Fault) -> None:
        """Have one message go wrong."""
        faults, direction, number = self.nuki.faults, fault.direction, fault.number
        assert direction
        match fault.sort:
            case "lost" | "cut":
                faults.lose(direction, number, drop_link=fault.sort == "cut")
            case "doubled":
                faults.double(direction, number)
            case "delayed" | "late":
                late = 0.4 if fault.sort == "delayed" else 1.5
                faults.lose(direction, number, delay=late * DEADLINE)
            case "spoilt":
                faults.spoil(direction, number)
            case "split" if direction is Direction.FROM_LOCK:
                faults.split(number, self.rng.randint(1, 40))
            case "split":
                # What we write is long then: in pieces, by its protocol.
                self.air.central._mtu = 23

    async def _trouble(self, fault: Fault, judge: Judge) -> None:
        """Make trouble, and end it."""
        match fault.sort:
            case "no slots":
                slots, self.air.central.slots = self.air.central.slots, 0
                await asyncio.sleep(self.rng.uniform(0, 2 * DEADLINE))
                self.air.central.slots = slots
            case "out of range":
                await asyncio.sleep(self.rng.uniform(0, 0.05))
                await self.nuki.set_in_range(False)
                await asyncio.sleep(self.rng.uniform(0, 2 * DEADLINE))
                await self.nuki.set_in_range(True)
            case "rival":
                await asyncio.sleep(self.rng.uniform(0, 0.05))
                before = self.nuki.device.accepted.total()
                # Where it comes too late, or too early, that is its own affair.
                with suppress(LockError):
                    await self._rival.act(Action.LOCK)
                judge.others += self.nuki.device.accepted.total() - before
                await asyncio.sleep(self.rng.uniform(0, DEADLINE))
                await self._rival.release()
            case "together":
                await asyncio.sleep(self.rng.uniform(0, 0.05))
                await attempt(CASES["lock"], self)
                await attempt(CASES["grant"], self)

    async def run(self, fault: Fault) -> list[Finding]:
        """Run a case with a fault; return what is wrong."""
        case = CASES[fault.case]
        await self.fresh(case)
        judge = Judge(self.home, self.nuki)
        if fault.direction:
            self._set(fault)
            error = await attempt(case, self)
        else:
            _, error = await asyncio.gather(
                self._trouble(fault, judge), attempt(case, self)
            )
        return await self.judge(judge, case, error, fault.sort != "together")

    async def judge(
        self, judge: Judge, case: Case, error: Exception | None, alone: bool
    ) -> list[Finding]:
        """Return what is wrong once everything is calm."""
        told = list(judge.answered(case.command, error)) if alone else []
        # With what is still to come, it would not become calm.
        if not self.nuki.faults.pending():
            await self.calm()
        self.nuki.faults.clear()
        if await self.calm():
            return [*told, *await judge.compare(), *judge.problems()]
        late = [*told, *await judge.compare(), *judge.problems()]
        return late or [(WRONG, "it does not come to rest")]


async def attempt(case: Case, bench: Bench) -> Exception | None:
    """Act; return the error that the caller was told, if any."""
    try:
        await case.act(bench.home, bench.nuki)
    except (LockError, GrantError) as err:
        return err
    return None


async def lossy(bench: Bench, commands: int) -> AsyncIterator[list[Finding]]:
    """Give so many door commands while one message in ten is lost; judge every 20."""
    for start in range(0, commands, 20):
        await bench.fresh(CASES["unlock"])
        judge = Judge(bench.home, bench.nuki)
        bench.nuki.faults.loses = lambda: bench.rng.random() < 0.1
        for number in range(start, min(start + 20, commands)):
            await attempt(CASES["lock" if number % 2 else "unlock"], bench)
        yield await bench.judge(judge, CASES["unlock"], None, alone=False)


@asynccontextmanager
async def bench(folder: Path, seed: int) -> AsyncIterator[Bench]:
    """Set it all up."""
    logging.getLogger("bumble").setLevel(logging.ERROR)
    async with VirtualHome(HomeOptions(locks=(OPTIONS,))) as air:
        nuki = air.locks[0]
        rival = new_client(air, nuki, deadline=DEADLINE, motor_deadline=DEADLINE)
        await rival.pair("Rival")
        ours = new_client(air, nuki)
        credentials = await ours.pair("SmartLock LE")
        nuki.device.set_pairing(False)
        with ExitStack() as patched:
            for patch in impatient(Dialer(air, nuki.address), DEADLINE):
                patched.enter_context(patch)
            async with running(folder, nuki.address, credentials) as home:
                yield Bench(air, home, rival, random.Random(f"radio {seed}"))
        await rival.close()


async def campaign(seed: int, first: int, last: int, commands: int) -> Result:
    """Run faults by their numbers, and commands over a lossy radio."""
    result = Result()
    with tempfile.TemporaryDirectory(prefix="smartlock-") as folder:
        async with bench(Path(folder), seed) as it:
            faults = await it.faults()
            random.Random(seed).shuffle(faults)
            for number in range(first, last):
                fault = faults[number % len(faults)]
                it.rng.seed(f"radio {seed} {number}")
                found = await it.run(fault)
                result.wrong(f"radio point {number} ({fault})", found)
                result.done("radio_faults")
            done = 0
            it.rng.seed(f"lossy {seed}")
            async for found in lossy(it, commands):
                result.wrong(f"10 % loss, commands {done} to {done + 19}", found)
                done = min(done + 20, commands)
            result.done("lossy_commands", done)
    return result


def main() -> None:
    """Run the points of the command line."""
    seed, first, last = map(int, sys.argv[1:4])
    # One point alone is run again without the lossy commands.
    commands = last - first if last - first > 1 else 0
    asyncio.run(campaign(seed, first, last, commands)).tell()


if __name__ == "__main__":
    main()
