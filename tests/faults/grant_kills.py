"""A whole home: a forked child grants, extends, uses, revokes, is killed, starts again.

Run as `python -m tests.faults.grant_kills SEED FIRST LAST`. The lock lives in a process
of its own, as a lock does; this one only forks, and judges.
"""

import asyncio
from collections.abc import Iterator
import json
import logging
import os
from pathlib import Path
import random
import shutil
import subprocess
import sys
import tempfile
from typing import Any

from custom_components.smartlock_le.locks.nuki.client import Credentials
from custom_components.smartlock_le.log.marker import Marker

from . import children
from .far import ask
from .grant_works import WORKS, Work, Worker, find, nothing
from .lines import Where, draw, watch
from .result import Result

ROOMS = ("access/", "home.py", "locks/", "log/")
type Finding = tuple[str, str]
type Said = list[dict[str, Any]]

LOST, UNVERIFIED = "lost_entries", "failed_verifications"
WRONG, ORPHAN = "wrong_outcomes", "orphan_codes"


class Plan:
    """One point: which work, and where it is killed; perhaps again while it recovers."""

    def __init__(self, seed: int, number: int) -> None:
        """Draw it."""
        chance = random.Random(f"grants {seed} {number}")
        self.number = number
        self.work = list(WORKS)[number % len(WORKS)]
        self.line, self.time = chance.random(), chance.random()
        self.again = chance.random() < 0.3

    def __str__(self) -> str:
        """Say it."""
        again = ", again" if self.again else ""
        return f"grant point {self.number} ({self.work}; {self.line:.4f}{again})"


class Bench:
    """The lock, the home as it is after pairing, and which lines each work runs."""

    def __init__(self, folder: Path, lock: Path) -> None:
        """Pair once."""
        self.folder = folder
        self.lock = lock
        self._lines: dict[str, dict[str, int]] = {}
        told = ask(lock, "pair")
        self.address = told.pop("address")
        self._child("home", nothing, credentials=Credentials.from_dict(told))

    def _child(
        self,
        name: str,
        work: Work,
        at: Where | None = None,
        credentials: Credentials | None = None,
    ) -> Said:
        def child(pipe: int) -> None:
            worker = Worker(self.folder / name, self.lock, pipe)
            lines = watch(ROOMS, at)
            asyncio.run(worker.run(self.address, work, credentials))
            worker.say(lines=lines)

        (self.folder / name).mkdir(exist_ok=True)
        return children.run(child)

    def lay(self) -> None:
        """Make home and lock as they were after pairing."""
        target = self.folder / "point"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(self.folder / "home", target)
        # As if it had always been here.
        marker = Marker(target / "smartlock_le" / "head")
        assert marker.mark
        marker.write(marker.mark)
        marker.close()
        ask(self.lock, "renew")

    def lines(self, work: str) -> dict[str, int]:
        """Return the lines that a work runs when nobody kills it."""
        if work not in self._lines:
            self.lay()
            said = self._child("point", WORKS[work])
            lines = [line["lines"] for line in said if "lines" in line]
            if not lines:
                raise RuntimeError(f"{work} fails when it is left alone: {said[-1:]}")
            self._lines[work] = lines[0]
        return self._lines[work]

    def point(self, plan: Plan) -> list[Finding]:
        """Run one point; return what is wrong."""
        at = draw(self.lines(plan.work), plan.line, plan.time)
        self.lay()
        said = self._child("point", WORKS[plan.work], at)
        if plan.again:
            said += self._child("point", nothing, at)
        notes = [line for line in said if line.get("note")]
        os.environ["FAULTS_NOTE"] = json.dumps(notes[-1] if notes else {})
        after = self._child("point", find)
        errors = [line["error"] for line in (*said, *after) if "error" in line]
        found = [line for line in after if "found" in line]
        where = f"killed at {at[0]}"
        if not found:
            return [(WRONG, f"{where}: it does not start again: {errors}")]
        wrong = [(WRONG, error) for error in errors]
        return [(n, f"{where}: {w}") for n, w in (*wrong, *judge(said, found[0]))]


def judge(said: Said, found: dict[str, Any]) -> Iterator[Finding]:
    """Compare what was said before the kill, the log, and the lock."""
    if not found["verified"]:
        yield UNVERIFIED, "the log does not verify"
    if not found["grown"]:
        yield LOST, "the log is not the one that was acknowledged"
    if not found["calm"]:
        yield WRONG, "home and lock do not come to agree"
    yield from _codes(said, found)
    entries, lock = found["entries"], found["lock"]
    kept = [e["index"] for e in lock["log"]]
    told = [e["lock_index"] for e in entries if e["kind"] == "access"]
    told = [index for index in told if index >= 0]
    if told != kept:
        yield LOST, f"the lock has entries {kept}, the log {told}"
    commands = [e["seq"] for e in entries if e["kind"] == "command"]
    outcomes = [e for e in entries if e["kind"] == "outcome"]
    if commands != [e["intent"] for e in outcomes]:
        yield WRONG, f"commands {commands}, outcomes {outcomes}"
    looked = {e["intent"] for e in entries if e["kind"] == "found"}
    results = [e["result"] for e in outcomes]
    for entry in outcomes:
        if entry["result"] == "unknown" and entry["intent"] not in looked:
            yield WRONG, "an unknown outcome, and nothing found"
    done, maybe = results.count("done"), results.count("unknown")
    if not done <= lock["accepted"] <= done + maybe:
        yield (
            WRONG,
            f"the lock took {lock['accepted']} commands, the log says {results}",
        )
    if sum("moved" in line for line in said) > done:
        yield LOST, "a move that was acknowledged"


def _codes(said: Said, found: dict[str, Any]) -> Iterator[Finding]:
    """Compare grants and codes."""
    codes = {c["name"]: c for c in found["lock"]["codes"]}
    if codes.pop("Neighbour", None) is None:
        yield WRONG, "somebody else's code is gone"
    markers = {marker for marker, _, _ in found["open"].values() if marker}
    for name in codes.keys() - markers:
        yield ORPHAN, f"code {name} has no grant"
    for grant, (marker, end, state) in found["open"].items():
        if state != "open":
            yield WRONG, f"grant {grant} is {state} for good"
        if marker not in codes:
            yield WRONG, f"grant {grant} is {state} and has no code on the lock"
        elif codes[marker]["window"]["end"][:19] != end[:19]:
            yield WRONG, f"code until {codes[marker]['window']['end']}, grant {end}"
    ending = {line["ending"] for line in said if "ending" in line}
    granted = {line["granted"]: line["end"] for line in said if "granted" in line}
    for grant, end in granted.items():
        if grant in ending:
            continue
        if grant not in found["open"]:
            yield LOST, f"grant {grant} was given and is not open"
        elif found["open"][grant][1] < end:
            yield LOST, f"grant {grant} was given until {end}"
    revoked = {line["revoked"] for line in said if "revoked" in line}
    if revoked & found["open"].keys():
        yield WRONG, "a revoked grant is open"


def main() -> None:
    """Run the points of the command line."""
    seed, first, last = map(int, sys.argv[1:4])
    result = Result()
    logging.disable(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="smartlock-") as name:
        folder = Path(name)
        lock = folder / "lock"
        with subprocess.Popen(
            [sys.executable, "-m", "tests.faults.lock_server", str(lock)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        ) as server:
            assert server.stdin
            assert server.stdout
            server.stdout.readline()
            try:
                bench = Bench(folder, lock)
                for number in range(first, last):
                    plan = Plan(seed, number)
                    result.wrong(str(plan), bench.point(plan))
                    result.done("kill_points")
            finally:
                # It ends with its input.
                server.stdin.close()
    result.tell()


if __name__ == "__main__":
    main()
