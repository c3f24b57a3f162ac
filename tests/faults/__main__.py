"""The command line: run the campaign, or one point of it, and say what is wrong.

Each part is a process of its own: the log's knows nothing of Home Assistant.
"""

import argparse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import subprocess
import sys
import time

from benchmarks.figures import Figure, table, write

from .result import DONE, WRONG, Result

ROOT = Path(__file__).parents[2]
HOMES = 8
"""One kill in so many is of a whole home, which costs more than the log alone."""


def run(part: str, *arguments: int) -> Result:
    """Run a part in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.faults.{part}", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Result.heard(done.stdout.splitlines()[-1])


def timed(seed: int, part: str, first: int, last: int) -> tuple[str, Result]:
    """Run a part; return a line about it, too."""
    began = time.monotonic()
    found = run(part, seed, first, last)
    took = time.monotonic() - began
    return f"{part}: {last - first} points in {took:.0f} s\n", found


def figures(result: Result) -> list[Figure]:
    """Return the figures of the campaign; nothing wrong is the bar."""
    values = result.values()
    return [
        *(Figure(name, values[name], "", "higher") for name in DONE),
        *(Figure(name, values[name], "", bar=0) for name in WRONG),
    ]


def parts(points: int, only: str | None) -> Iterator[tuple[str, int, int]]:
    """Return what to run: a part, its first point, and where to stop."""
    if only:
        part, _, number = only.partition(":")
        yield part, int(number), int(number) + 1
        return
    homes = points // HOMES
    # The longest first.
    yield "radio", 0, points
    yield "log_kills", 0, points - homes
    yield "grant_kills", 0, homes
    yield "stores", 0, 1


def main() -> int:
    """Run the command line; 1 where anything is wrong."""
    parser = argparse.ArgumentParser(prog="script/faults")
    parser.add_argument("--points", type=int, default=1000, help="of each sort")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", metavar="PART:POINT", help="run one point again")
    parser.add_argument("--jobs", type=int, default=2, help="parts at a time")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    result = Result()
    work = list(parts(options.points, options.only))
    with ThreadPoolExecutor(options.jobs) as jobs:
        for line, found in jobs.map(lambda one: timed(options.seed, *one), work):
            sys.stdout.write(line)
            for name, what in found.findings:
                sys.stdout.write(f"  {name}: {what}\n")
            sys.stdout.flush()
            result.add(found)
    rows = figures(result)
    sys.stdout.write(table(rows) + "\n")
    if options.json:
        write(options.json, "faults", rows)
    return 0 if all(figure.met for figure in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
