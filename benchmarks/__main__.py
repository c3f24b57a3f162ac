"""The command line: run a workload, print its figures, write them to a file."""

import argparse
import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import sys
import tempfile

from homeassistant.runner import configure_event_loop

from . import cameras, codes, emergency, events, log, peers, radio, sharing, speech
from .figures import Figure, table, write
from .sides import SIZE, Size, Unfit

WORKLOADS = {
    "cameras": cameras.run,
    "emergency": emergency.run,
    "events": events.run,
    "log": log.run,
    "radio": radio.run,
    "sharing": sharing.run,
    "speech": speech.run,
}


async def _run(folder: Path, options: argparse.Namespace) -> list[Figure]:
    size = options.size
    match options.workload:
        case "codes":
            configure_event_loop(asyncio.get_running_loop())
            sizes = [size] if size else codes.SIZES
            return await codes.run(
                folder, profile=options.profile, sizes=sizes, quick=options.quick
            )
        case "peers":
            configure_event_loop(asyncio.get_running_loop())
            return await peers.run(
                folder,
                peers=options.peers and options.peers.resolve(),
                size=size or SIZE,
                events=options.events,
            )
    return await WORKLOADS[options.workload](folder, profile=options.profile)


def main() -> int:
    """Run the command line; 1 where a bar is missed, 2 where it cannot be measured."""
    parser = argparse.ArgumentParser(prog="script/benchmark")
    parser.add_argument("workload", choices=sorted([*WORKLOADS, "codes", "peers"]))
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--profile", action="store_true", help="where the time goes")
    parser.add_argument(
        "--size", type=Size.parse, metavar="LOCKSxCODES", help="codes and peers only"
    )
    parser.add_argument("--quick", action="store_true", help="codes: only see it run")
    parser.add_argument("--peers", type=Path, metavar="DIR", help="where they are")
    parser.add_argument("--events", type=int, default=peers.EVENTS, help="peers only")
    options = parser.parse_args()
    try:
        # In a thread: from the one that it ran in, Home Assistant lets nobody touch a file.
        with (
            tempfile.TemporaryDirectory(prefix="smartlock-") as folder,
            ThreadPoolExecutor(1) as thread,
        ):
            figures = thread.submit(
                lambda: asyncio.run(_run(Path(folder), options))
            ).result()
    except Unfit as err:
        sys.stderr.write(f"{err}\n\n{peers.HELP}")
        return 2
    sys.stdout.write(table(figures) + "\n")
    if options.json:
        write(options.json, options.workload, figures)
    return 0 if all(figure.met for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
