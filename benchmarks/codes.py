"""What it costs to keep codes on many locks: starting, adding, and doing nothing."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
import cProfile
import io
from pathlib import Path
import pstats
from statistics import median
import sys
import time
from typing import Any

from homeassistant.const import EVENT_STATE_CHANGED, EVENT_STATE_REPORTED
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.util.async_ import get_scheduled_timer_handles

from .figures import Figure, p50, p99
from .memory import held_mb
from .ours import Ours
from .running import steady
from .sides import OURS, SIZE, Size, side

SIZES = (Size(1, 10), Size(5, 10), SIZE)
STARTS = 5
MORE = 60
"""Codes that are added one by one, each on one lock."""
IDLE = 600
"""Seconds."""
_WRITTEN = 200
"""Seconds after which Home Assistant has written what it puts off."""
_LOOKED_AFTER = 700
"""Seconds after which the log was looked after, as it is once a day."""
BARS = {
    "entities_per_lock": 15.0,
    "entities_per_code": 0.0,
    "code_latency_p99_ms": 50.0,
    "idle_timers_per_code": 0.0,
    "idle_state_writes": 0.0,
    "idle_lock_calls": 0.0,
}
UNITS = {
    "setup_cpu_s": "s",
    "entities_per_lock": "",
    "added_cpu_ms_per_code": "ms",
    "memory_mb": "MB",
    "imports_mb": "MB",
    "all_locks_latency_p50_ms": "ms",
    "all_locks_latency_p99_ms": "ms",
}
"""Of the figures that bear the size that they were measured at."""


@asynccontextmanager
async def _ours(folder: Path, size: Size) -> AsyncIterator[Ours]:
    async with side(OURS, folder, size) as ours:
        assert isinstance(ours, Ours)
        steady()
        yield ours


def _timers(hass: HomeAssistant) -> int:
    """Count what the event loop is to be woken for, whoever asked for it."""
    handles = get_scheduled_timer_handles(hass.loop)
    return sum(not handle.cancelled() for handle in handles)


async def _make(folder: Path, size: Size) -> tuple[dict[str, float], list[float]]:
    """Make the home and its codes; return how long each lock took to hear of each."""
    async with _ours(folder, size) as ours:
        await ours.make_persons()
        await ours.make_home()
        bare = len(ours.entities())
        taken: list[float] = []
        timers: list[int] = []
        cpu = 0.0
        for number in range(size.codes):
            began = time.process_time()
            taken += await ours.add(number)
            cpu += time.process_time() - began
            if number in (0, size.codes - 1):
                await ours.clock.forward(_WRITTEN)
                timers.append(_timers(ours.hass))
        assert ours.in_step()
        entities = len(ours.entities())
        return {
            "entities_per_lock": entities / size.locks,
            "added_cpu_ms_per_code": cpu * 1000 / size.codes,
            "entities_per_code": (entities - bare) / size.codes,
            "idle_timers_per_code": (timers[-1] - timers[0]) / max(1, size.codes - 1),
        }, taken


async def start_cpu_s(
    name: str, folder: Path, size: Size, peers: Path | None = None
) -> float:
    """Return the processor time from the start of what there is until all is in step."""
    async with side(name, folder, size, peers) as made:
        steady()
        began = time.process_time()
        await made.start()
        spent = time.process_time() - began
        assert made.in_step()
        return spent


async def _idle(ours: Ours) -> dict[str, float]:
    """Let ten minutes pass in which nothing happens."""
    mine = set(ours.entities())
    writes = 0

    @callback
    def is_mine(data: Mapping[str, Any]) -> bool:
        return data["entity_id"] in mine

    @callback
    def count(_: Event[Any]) -> None:
        nonlocal writes
        writes += 1

    await ours.clock.forward(_LOOKED_AFTER)
    await ours.settled()
    listen = ours.hass.bus.async_listen
    stop = [
        listen(EVENT_STATE_CHANGED, count, event_filter=is_mine),
        listen(EVENT_STATE_REPORTED, count, event_filter=is_mine),
    ]
    hardware = ours.hardware.values()
    calls = sum(len(lock.calls) for lock in hardware)
    entries, began = ours.home.log.size, time.process_time()
    await ours.clock.forward(IDLE)
    await ours.settled()
    cpu = time.process_time() - began
    for undo in stop:
        undo()
    return {
        "idle_state_writes": writes,
        "idle_lock_calls": sum(len(lock.calls) for lock in hardware) - calls,
        "idle_entries": ours.home.log.size - entries,
        "idle_cpu_s": cpu,
    }


async def _later(folder: Path, size: Size, more: int) -> dict[str, float]:
    """Start it once more: let it be idle, then add codes."""
    async with _ours(folder, size) as ours:
        await ours.start()
        values = await _idle(ours)
        taken: list[float] = []
        for number in range(size.codes, size.codes + more):
            taken += await ours.add(number, door=number % size.locks)
        assert len(taken) == more
        return values | {
            "code_latency_p50_ms": p50(taken),
            "code_latency_p99_ms": p99(taken),
        }


async def _measure(
    folder: Path, size: Size, *, whole: bool, quick: bool
) -> dict[str, float]:
    values, taken = await _make(folder, size)
    count = 1 if quick else STARTS
    starts = [await start_cpu_s(OURS, folder, size) for _ in range(count)]
    values = {"setup_cpu_s": median(starts), **values}
    values["all_locks_latency_p50_ms"] = p50(taken)
    values["all_locks_latency_p99_ms"] = p99(taken)
    if quick:
        return values | await _later(folder, size, size.codes)
    if whole:
        held, imports = await held_mb(OURS, folder, size)
        values |= {"memory_mb": held, "imports_mb": imports}
        return values | await _later(folder, size, MORE)
    return {name: value for name, value in values.items() if name in UNITS}


async def _profile(folder: Path, size: Size) -> str:
    """Return where the event loop's thread spends adding codes, and a start with them."""
    said = io.StringIO()
    async with _ours(folder, size) as ours:
        await ours.make_persons()
        await ours.make_home()
        with cProfile.Profile() as profiler:
            for number in range(size.codes):
                await ours.add(number)
        pstats.Stats(profiler, stream=said).sort_stats("tottime").print_stats(25)
    async with _ours(folder, size) as ours:
        with cProfile.Profile() as profiler:
            await ours.start()
        pstats.Stats(profiler, stream=said).sort_stats("tottime").print_stats(25)
    return said.getvalue()


async def run(
    folder: Path, *, profile: bool, sizes: Sequence[Size] = SIZES, quick: bool = False
) -> list[Figure]:
    """Run the workload; the last size is the one that is looked at in full.

    `quick`: see that it runs; the figures are worth little, and memory is left out.
    """
    figures = []
    for size in sizes:
        values = await _measure(
            folder / str(size), size, whole=size == sizes[-1], quick=quick
        )
        figures += [
            Figure(
                f"{name}_{size}" if name in UNITS else name,
                round(value, 4),
                UNITS.get(name, "ms" if name.endswith("_ms") else ""),
                bar=BARS.get(name),
            )
            for name, value in values.items()
        ]
    missed = not all(figure.met for figure in figures)
    if profile or (missed and not quick):
        sys.stdout.write(await _profile(folder / "profile", sizes[-1]))
    return figures
