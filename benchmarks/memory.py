"""What one side holds in memory, in a process of its own."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
import json
from pathlib import Path
import sys

from homeassistant.runner import configure_event_loop

from harness import ROOT, HarnessError

from .running import resident_mb
from .sides import Size, side


async def held_mb(
    name: str, folder: Path, size: Size, peers: Path | None = None
) -> tuple[float, float]:
    """Start a side that was made in a folder, in a new process.

    Returns what its start added to its modules, and what those hold.
    """
    asked = json.dumps([name, str(folder), str(size), str(peers) if peers else None])
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.memory", asked),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await child.communicate()
    if child.returncode:
        raise HarnessError(f"the memory of {name} could not be measured")
    held, imports = json.loads(said)
    return held, imports


async def _measure(
    name: str, folder: Path, size: Size, peers: Path | None
) -> tuple[float, float]:
    configure_event_loop(asyncio.get_running_loop())
    async with side(name, folder, size, peers) as made:
        await made.start()
        assert made.in_step()
        held = resident_mb() - made.imported_mb
        return held, made.imported_mb - made.before_mb


def main() -> None:
    """Say it."""
    name, folder, size, peers = json.loads(sys.argv[1])
    with ThreadPoolExecutor(1) as thread:
        held = thread.submit(
            lambda: asyncio.run(
                _measure(
                    name, Path(folder), Size.parse(size), Path(peers) if peers else None
                )
            )
        ).result()
    sys.stdout.write(json.dumps(held) + "\n")


if __name__ == "__main__":
    main()
