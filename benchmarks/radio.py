"""What the integration adds to the radio: an unlock and a grant, against the bare client."""

from collections.abc import Awaitable, Callable, Sequence
import cProfile
from datetime import timedelta
import io
from pathlib import Path
import pstats
import secrets
import sys

from custom_components.smartlock_le.locks.nuki.messages import Action
from custom_components.smartlock_le.models import utc_now

from .figures import Figure, p50, p99
from .rig import Rig, rig

PAIRS = 300
WARM_UP = 20
ENTRIES = 100

type Act = Callable[[], Awaitable[object]]


async def _pairs(
    on: Rig, bare: Act, ours: Act, between: Act, after_ours: Act
) -> tuple[list[float], list[float]]:
    """Measure both in turn, first the one and then the other first."""
    bare_times: list[float] = []
    our_times: list[float] = []
    for number in range(WARM_UP + PAIRS):
        for is_ours in (number % 2 == 0, number % 2 == 1):
            taken = await on.timed(ours if is_ours else bare)
            await on.settle()
            await (after_ours if is_ours else between)()
            if number >= WARM_UP:
                (our_times if is_ours else bare_times).append(taken)
    return bare_times, our_times


async def _unlock(on: Rig) -> tuple[list[float], list[float]]:
    async def lock() -> None:
        await on.client.act(Action.LOCK)

    return await _pairs(
        on,
        bare=lambda: on.client.act(Action.UNLOCK),
        ours=lambda: on.door("unlock"),
        between=lock,
        after_ours=lock,
    )


class _Granting:
    """A code for half an hour: bare, and as a grant."""

    def __init__(self, on: Rig) -> None:
        self._on = on
        self._code = -1
        self._grant = ""

    async def bare(self) -> None:
        """Add a code, and no more."""
        now = utc_now()
        self._code = await self._on.client.add_code(
            self._on.driver.new_code(),
            f"bare {secrets.token_hex(6)}",
            now,
            now + timedelta(minutes=30),
        )

    async def remove(self) -> None:
        """Take the bare code off."""
        await self._on.client.remove_code(self._code)

    async def ours(self) -> None:
        """Grant."""
        granted = await self._on.call(
            "grant_emergency_access",
            lock=self._on.entity,
            agency="Engine 7",
            incident="F-1",
            reason="benchmark",
        )
        self._grant = str(granted["grant"])

    async def revoke(self) -> None:
        """End the grant."""
        await self._on.call("revoke_grant", grant=self._grant)


async def _grant(on: Rig) -> tuple[list[float], list[float]]:
    granting = _Granting(on)
    return await _pairs(
        on,
        bare=granting.bare,
        ours=granting.ours,
        between=granting.remove,
        after_ours=granting.revoke,
    )


async def _entries(on: Rig) -> list[float]:
    """Measure one entry of the log until it is durable."""
    fields = {"setting": "benchmark", "value": "on", "actor": "", "actor_name": ""}

    async def append() -> None:
        await on.home.log.append("setting", {**fields, "actor_kind": "home"})

    return [await on.timed(append) for _ in range(ENTRIES)]


def _added(
    bare: Sequence[float], ours: Sequence[float], *, name: str
) -> dict[str, float]:
    # Pair by pair: both of a pair met the same weather on this machine.
    added = [our - its for its, our in zip(bare, ours, strict=True)]
    return {
        f"{name}_added_p50_ms": p50(added),
        f"{name}_added_p99_ms": p99(added),
        f"{name}_bare_p50_ms": p50(bare),
        f"{name}_p50_ms": p50(ours),
        f"{name}_bare_p99_ms": p99(bare),
        f"{name}_p99_ms": p99(ours),
    }


async def _profile(on: Rig) -> str:
    """Return where the event loop's thread spends an unlock."""
    profiler = cProfile.Profile()
    for _ in range(50):
        await on.settle()
        profiler.enable()
        await on.door("unlock")
        profiler.disable()
        await on.settle()
        await on.client.act(Action.LOCK)
    said = io.StringIO()
    pstats.Stats(profiler, stream=said).sort_stats("tottime").print_stats(25)
    return said.getvalue()


BARS = {"unlock_added_p50_ms": 15.0, "unlock_added_p99_ms": 50.0}


async def run(folder: Path, *, profile: bool) -> list[Figure]:
    """Run the workload; say where the time goes if asked, or if a bar is missed."""
    async with rig(folder) as on:
        bare, ours = await _unlock(on)
        values = _added(bare, ours, name="unlock")
        bare, ours = await _grant(on)
        values |= _added(bare, ours, name="grant")
        values["entry_durable_p50_ms"] = p50(await _entries(on))
        figures = [Figure(n, round(v, 3), bar=BARS.get(n)) for n, v in values.items()]
        if profile or not all(figure.met for figure in figures):
            sys.stdout.write(await _profile(on))
    return figures
