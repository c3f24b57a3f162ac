"""The same codes on the same locks, kept by the peers: what that costs."""

from pathlib import Path
from statistics import median
import time

from .codes import start_cpu_s
from .figures import Figure
from .memory import held_mb
from .running import steady
from .sides import KEYMASTER, KINDS, LCM, OURS, SIZE, Size, Unfit, side

EVENTS = 10_000
STARTS = 3
SHORT = {OURS: "ours", LCM: "lcm", KEYMASTER: "keymaster"}
BARS = {"setup_x_lcm": 0.5, "setup_x_keymaster": 0.05, "memory_x_lcm": 0.5}
HELP = """\
The peers are not part of this repository. Put them into a folder, and name it with --peers:

  keymaster/          https://github.com/FutureTense/keymaster, tried at e10f5de (2026-08-07)
  lock_code_manager/  https://github.com/raman325/lock_code_manager, at 0420a65 (2026-08-21)
  packages/           what they import and this project does not have; from the folder's parent:
                      uv pip install --no-deps --target FOLDER/packages \\
                          zwave-js-server-python==0.73.1 pyschlage==2026.9.0
"""


def check(peers: Path | None) -> None:
    """See whether the peers are there. Raises Unfit."""
    if peers is None:
        raise Unfit("the folder of the peers is not named")
    for kind in KINDS.values():
        kind.links(peers)


async def _first(name: str, folder: Path, size: Size, peers: Path) -> float:
    """Make one for the first time; return its processor time."""
    async with side(name, folder, size, peers) as made:
        steady()
        began = time.process_time()
        await made.make()
        spent = time.process_time() - began
        assert made.in_step()
        return spent


async def _events(
    name: str, folder: Path, size: Size, peers: Path, events: int
) -> float:
    """Let the locks tell; return milliseconds of processor time an event."""
    turns = -(-events // size.locks)
    async with side(name, folder, size, peers) as made:
        await made.start()
        steady()
        began = time.process_time()
        for turn in range(turns):
            await made.tell(turn)
        spent = time.process_time() - began
        assert made.told() == turns * size.locks, f"{name} passed on {made.told()}"
        return spent * 1000 / (turns * size.locks)


async def _measure(
    name: str, folder: Path, size: Size, peers: Path, events: int
) -> dict[str, float]:
    first = await _first(name, folder, size, peers)
    starts = [await start_cpu_s(name, folder, size, peers) for _ in range(STARTS)]
    held, imports = await held_mb(name, folder, size, peers)
    return {
        "setup": median(starts),
        "first_setup": first,
        "memory": held,
        "memory_and_imports": held + imports,
        "events": await _events(name, folder, size, peers, events),
    }


UNITS = {
    "setup": "cpu_s",
    "first_setup": "cpu_s",
    "memory": "mb",
    "memory_and_imports": "mb",
    "events": "cpu_ms",
}


async def run(
    folder: Path,
    *,
    peers: Path | None,
    size: Size = SIZE,
    events: int = EVENTS,
) -> list[Figure]:
    """Run the workload. Raises Unfit."""
    check(peers)
    assert peers is not None
    return figures(
        {
            name: await _measure(name, folder / name, size, peers, events)
            for name in SHORT
        },
        bars=size == SIZE,
    )


def figures(found: dict[str, dict[str, float]], *, bars: bool = True) -> list[Figure]:
    """Compare ours with each peer; what each was measured at comes last."""
    ratios = [
        Figure(name, round(found[OURS][what] / found[peer][what], 4), "x", bar=bar)
        for peer in (LCM, KEYMASTER)
        for what in UNITS
        for name in [f"{what}_x_{SHORT[peer]}"]
        for bar in [BARS.get(name) if bars else None]
    ]
    return ratios + [
        Figure(f"{what}_{unit}_{SHORT[name]}", round(found[name][what], 4), unit)
        for what, unit in UNITS.items()
        for name in SHORT
    ]
