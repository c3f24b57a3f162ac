"""Children that are killed: forked, listened to, and ended with SIGKILL."""

from collections.abc import Callable
import json
import os
import select
import signal
import time
import traceback
from typing import Any

from .lines import die

LONGEST = 60.0
"""Seconds that a child may work that nobody kills."""


def run(
    work: Callable[[int], None], seconds: float | None = None
) -> list[dict[str, Any]]:
    """Have a child do `work`, which is given a pipe; return what it said on it.

    It is killed after so many seconds, or by itself: before, or at the end.
    """
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        try:
            work(theirs)
        except BaseException:  # noqa: BLE001
            told = {"error": traceback.format_exc()[-900:]}
            os.write(theirs, json.dumps(told).encode() + b"\n")
        die()
    os.close(theirs)
    said = b""
    end = time.monotonic() + (LONGEST if seconds is None else seconds)
    killed = False
    with os.fdopen(ours, "rb", buffering=0) as pipe:
        while True:
            left = None if killed else max(0.0, end - time.monotonic())
            ready, _, _ = select.select([pipe], [], [], left)
            if not ready:
                # Not waited for yet: the number is still the child's.
                os.kill(child, signal.SIGKILL)
                killed = True
            elif data := pipe.read(65536):
                said += data
            else:
                break
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
        raise RuntimeError(f"a child was not killed: {status}")
    # The last line may be half a line.
    return [json.loads(line) for line in said.split(b"\n")[:-1]]
