"""Die at a line: the process ends itself, as `kill -9` does, where it is told to.

Each line of ours is as likely as any other, however often it runs: what goes wrong goes
wrong in the one that runs once.
"""

from collections import Counter
import os
from pathlib import Path
import signal
import sys
from types import CodeType

HOUSE = Path(__file__).parents[2] / "custom_components" / "smartlock_le"

type Where = tuple[str, int]
"""A line as `log/store.py:12`, and how many times it is run before."""


def die() -> None:
    """End this process now: nothing is flushed, closed or told."""
    os.kill(os.getpid(), signal.SIGKILL)


def watch(rooms: tuple[str, ...], at: Where | None = None) -> Counter[str]:
    """Count how often each line of these rooms runs, in all threads; die `at` one.

    While one is waited for, the others are not counted.
    """
    folders = tuple(str(HOUSE / room) for room in rooms)
    counts = Counter[str]()

    def line(code: CodeType, number: int) -> object:
        if not code.co_filename.startswith(folders):
            return sys.monitoring.DISABLE
        name = f"{code.co_filename[len(str(HOUSE)) + 1 :]}:{number}"
        if at and name != at[0]:
            return sys.monitoring.DISABLE
        counts[name] += 1
        if at and counts[name] > at[1]:
            die()
        return None

    tool = sys.monitoring.DEBUGGER_ID
    sys.monitoring.use_tool_id(tool, "faults")
    sys.monitoring.register_callback(tool, sys.monitoring.events.LINE, line)
    sys.monitoring.set_events(tool, sys.monitoring.events.LINE)
    return counts


def draw(counts: dict[str, int], line: float, time: float) -> Where:
    """Return one of the lines that ran, and one of its times, by two shares of 1."""
    name = sorted(counts)[int(line * len(counts))]
    return name, int(time * counts[name])
