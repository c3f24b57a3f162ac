"""The log alone: a forked child works on it, is killed, and the log is judged.

Run as `python -m tests.faults.log_kills SEED FIRST LAST`: it is a process of its own
without Home Assistant, so that a child costs a fork and not an import.
"""

import asyncio
import json
import logging
import os
from pathlib import Path
import random
import shutil
import sys
import tarfile
import tempfile
import time
import traceback
from typing import Any

from . import children
from .lines import Where, draw, watch
from .log_checks import WRONG, Finding, Told, at_rest, reopened
from .log_works import WORKS, Worker, fill, settle
from .result import Result

VERSION_1 = Path(__file__).parents[1] / "log" / "data" / "version-1.tar.xz"
SLOT = 1024
"""Bytes of a slot of the head marker."""


class Plan:
    """One point: which work, when it is killed, and what else."""

    def __init__(self, seed: int, number: int) -> None:
        """Draw it."""
        chance = random.Random(f"log {seed} {number}")
        self.number = number
        self.work = list(WORKS)[number % len(WORKS)]
        # Killed once, or once more while it takes up what the first kill left. One in
        # four by time: that is inside SQLite and the system, where no line is.
        self.kills = [
            (chance.random() < 0.25, chance.random(), chance.random())
            for _ in range(1 + (chance.random() < 0.3))
        ]
        self.torn = chance.random() < 0.25
        """Half of the slot of the head marker that is newer is not what was written."""
        self.tear = chance.randrange(SLOT)

    def __str__(self) -> str:
        """Say it."""
        kills = ", ".join(
            f"{'time' if timed else 'line'} {line:.4f} {time:.4f}"
            for timed, line, time in self.kills
        )
        return f"log point {self.number} ({self.work}; {kills}; torn: {self.torn})"


class Bench:
    """What every point begins with, and how long each work is."""

    def __init__(self, folder: Path) -> None:
        """Make it once."""
        self.folder = folder
        self._lengths: dict[str, tuple[dict[str, int], float]] = {}
        for name in ("home", "later"):
            asyncio.run(fill(Worker(folder / name)))
        # The second goes on, and is given back the database that it had.
        old = (folder / "later" / "log.db").read_bytes()
        worker = Worker(folder / "later")
        asyncio.run(WORKS["append"](worker))
        (folder / "later" / "log.db").write_bytes(old)
        # A marker is of another file from a second on.
        time.sleep(1.2)

    def lay(self, work: str) -> Path:
        """Lay a fresh folder for a work."""
        target = self.folder / "point"
        shutil.rmtree(target, ignore_errors=True)
        if work == "migrate":
            target.mkdir()
            with tarfile.open(VERSION_1) as archive:
                archive.extractall(target, filter="data")
            return target
        source = "later" if work == "rolled back" else "home"
        shutil.copytree(self.folder / source, target)
        if work != "copied":
            settle(target)
        return target

    def length(self, work: str) -> tuple[dict[str, int], float]:
        """Return the lines and the seconds of a work that nobody kills."""
        if work not in self._lengths:
            folder, began = self.lay(work), time.monotonic()
            said = run(work, folder, None, None)
            took = time.monotonic() - began
            lines = [line["lines"] for line in said if "lines" in line]
            if not lines:
                raise RuntimeError(f"{work} fails when it is left alone: {said[-1:]}")
            self._lengths[work] = lines[0], took
        return self._lengths[work]


def run(
    work: str, folder: Path, at: Where | None, seconds: float | None
) -> list[dict[str, Any]]:
    """Have a child do a work until it dies; return what it said."""

    def child(pipe: int) -> None:
        worker = Worker(folder, pipe)
        lines = watch(("log/",), at)
        asyncio.run(WORKS[work](worker))
        worker.say(lines=lines)

    return children.run(child, seconds)


def tear(folder: Path, byte: int) -> None:
    """Spoil the newer slot of the head marker from a byte on, as a torn write does."""
    path = folder / "head"
    content = bytearray(path.read_bytes()) if path.exists() else bytearray()
    if len(content) < 2 * SLOT:
        return
    counts = [
        json.loads(text[64:])["count"] if (text := slot.rstrip(b" \0")) else -1
        for slot in (content[:SLOT], content[SLOT:])
    ]
    at = counts.index(max(counts)) * SLOT
    content[at + byte : at + SLOT] = os.urandom(SLOT - byte)
    with path.open("r+b") as file:
        file.write(content)


def point(bench: Bench, plan: Plan) -> list[Finding]:
    """Run one point; return what is wrong."""
    lines, seconds = bench.length(plan.work)
    folder = bench.lay(plan.work)
    said: list[dict[str, Any]] = []
    found: list[Finding] = []
    for timed, line, time_ in plan.kills:
        said += run(
            plan.work,
            folder,
            None if timed else draw(lines, line, time_),
            time_ * seconds if timed else None,
        )
        told = Told(said)
        found += at_rest(folder, told)
    found += [(WRONG, line["error"]) for line in said if "error" in line]
    if plan.torn:
        tear(folder, plan.tear)
    try:
        found += asyncio.run(reopened(folder, told))
    except Exception:  # noqa: BLE001
        found.append((WRONG, f"does not open: {traceback.format_exc()[-900:]}"))
    return found


def main() -> None:
    """Run the points of the command line."""
    seed, first, last = map(int, sys.argv[1:4])
    result = Result()
    # That a log was put back from a copy is what two of the works are about.
    logging.getLogger("custom_components").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="smartlock-") as folder:
        bench = Bench(Path(folder))
        for number in range(first, last):
            plan = Plan(seed, number)
            result.wrong(str(plan), point(bench, plan))
            result.done("kill_points")
    result.tell()


if __name__ == "__main__":
    main()
