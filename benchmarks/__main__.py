"""The command line: run a workload, print its figures, write them to a file."""

import argparse
import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import sys
import tempfile

from . import events, log, radio
from .figures import Figure, table, write

WORKLOADS = {"events": events.run, "log": log.run, "radio": radio.run}


def _run(workload: str, folder: Path, *, profile: bool) -> list[Figure]:
    return asyncio.run(WORKLOADS[workload](folder, profile=profile))


def main() -> int:
    """Run the command line; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(prog="script/benchmark")
    parser.add_argument("workload", choices=sorted(WORKLOADS))
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--profile", action="store_true", help="where the time goes")
    options = parser.parse_args()
    # In a thread: from the one that it ran in, Home Assistant lets nobody touch a file.
    with (
        tempfile.TemporaryDirectory(prefix="smartlock-") as folder,
        ThreadPoolExecutor(1) as thread,
    ):
        figures = thread.submit(
            _run, options.workload, Path(folder), profile=options.profile
        ).result()
    sys.stdout.write(table(figures) + "\n")
    if options.json:
        write(options.json, options.workload, figures)
    return 0 if all(figure.met for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
