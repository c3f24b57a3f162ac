"""What thousands of agencies and requests cost, beside a small log and a large one."""

import asyncio
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import batched
from pathlib import Path
import resource
import sqlite3
import subprocess
import sys
import time
from typing import Any

from sqlalchemy import select

from custom_components.smartlock_le.log import Log, put, verify
from custom_components.smartlock_le.models import HOME_ACTOR, utc_now
from custom_components.smartlock_le.requests import reading
from custom_components.smartlock_le.requests.agencies import Agencies
from custom_components.smartlock_le.requests.inbox import Inbox
from custom_components.smartlock_le.requests.models import FIELDS
from custom_components.smartlock_le.requests.request import Request, State
from custom_components.smartlock_le.requests.rules import Limits
from custom_components.smartlock_le.requests.tables import agencies, requests
from custom_components.smartlock_le.sharing.report import report

from . import bundle
from .figures import Figure, p50
from .log import ORIGIN, fill

AGENCIES = 2000
REQUESTS = 22_335
"""As many as Ring said it had in 2020."""
SIZES = {"1k": 1000, "1m": 1_000_000}
VERIFIED = 10_000
BARS = {"verify_10k_cpu_s": 2.0, "bundle_x": 4.0, "bundle_peak_mb": 64.0}
LOOKS = 30
_AT_ONCE = 500
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def _list() -> bytes:
    """Return a list as police publish it."""
    lines = ["name,type,country,national_id,jurisdiction,email_domain"]
    lines += [
        f"Police Department {n},local,US,IL{n:07},County {n % 90},pd{n}.example"
        for n in range(AGENCIES)
    ]
    return "\n".join(lines).encode()


async def _import(log: Log, folder: Path) -> dict[str, float]:
    """Import the list; put the same rows into a bare database, side by side."""
    start = time.perf_counter()
    done = await Agencies(log).take_csv(_list(), HOME_ACTOR)
    taken = time.perf_counter() - start
    assert done.added == AGENCIES, done
    rows = [tuple(row.values()) for row in await log.read(select(agencies))]

    def bare() -> float:
        columns = [column.name for column in agencies.columns]
        marks = ", ".join("?" * len(columns))
        with closing(sqlite3.connect(folder / "bare.db")) as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA synchronous=FULL")
            database.execute(f"CREATE TABLE a ({', '.join(columns)})")
            begin = time.perf_counter()
            with database:
                database.executemany(f"INSERT INTO a VALUES ({marks})", rows)  # noqa: S608
            return time.perf_counter() - begin

    assert len(FIELDS) < len(rows[0])
    alone = await asyncio.to_thread(bare)
    return {"agencies_per_s": AGENCIES / taken, "agencies_x": taken / alone}


async def _ask(log: Log) -> None:
    """Have been asked so much, one in a hundred still open: what a busy home would have."""
    said = {
        "instrument": "voluntary",
        "via": "email",
        "agency_name": "Police Department",
        "need": "A burglary",
        "since": _FIRST,
        "until": _FIRST + timedelta(hours=2),
        "active": True,
    }

    async def enter(number: int) -> None:
        when = _FIRST + timedelta(minutes=number * 20)
        ask = reading.ask({**said, "case_number": f"C-{number}"})
        one = Request(
            id=f"a{number:07}", ask=ask, salt="0" * 32, received=when, changed=when
        )
        last = one if number % 100 == 0 else replace(one, state=State.DECLINED)
        rows = put(requests, **last.as_row())
        for event, state in (("received", one), ("declined", last)):
            if state is one or state.state is State.DECLINED:
                await log.append(
                    "request",
                    state.entry(event, HOME_ACTOR),
                    time=when,
                    also=lambda _: rows,
                )

    for some in batched(range(REQUESTS), _AT_ONCE):
        await asyncio.gather(*map(enter, some))


async def _looks(log: Log, folder: Path, name: str) -> dict[str, float]:
    """Look at the inbox, and make the report, until the medians are steady."""
    limits, nothing, loop = Limits(), lambda: None, asyncio.get_running_loop()
    inbox = Inbox(
        *(log, Agencies(log), folder, lambda: limits, nothing, nothing),
        spawn=lambda work, name: loop.create_task(work, name=name),
    )
    await inbox.load()
    assert inbox.summary.open == len(range(0, REQUESTS, 100))
    times: dict[str, list[float]] = {"inbox": [], "report": []}
    for _ in range(LOOKS):
        start = time.perf_counter()
        shown = await inbox.find(only_open=True, limit=50)
        times["inbox"].append(1000 * (time.perf_counter() - start))
        assert len(shown) == 50
    for _ in range(5):
        start = time.perf_counter()
        made = await report(log, _FIRST, utc_now() + timedelta(days=1), public=True)
        made.as_json()
        times["report"].append(1000 * (time.perf_counter() - start))
        assert made.total == "22335-22339"
    return {f"{what}_ms_{name}": p50(taken) for what, taken in times.items()}


async def _verify(log: Log, folder: Path) -> float:
    """Let ten thousand entries be checked by verify.py alone; return seconds of CPU."""
    path, middle = folder / "run.zip", log.end // 2
    await log.export_proofs(path, range(middle, middle + VERIFIED))

    def check() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, "-I", "-S", verify.__file__, path],
            capture_output=True,
            text=True,
            check=True,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert "OK: the entries" in done.stdout
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return p50([await asyncio.to_thread(check) for _ in range(5)])


async def run(folder: Path, *, profile: bool) -> list[Figure]:
    """Run the workload."""
    values: dict[str, float] = {}
    for name, size in SIZES.items():
        place = folder / name
        (await asyncio.to_thread(fill, place, size)).close()
        log = await Log.open(place, origin=ORIGIN, version="1")
        if name == "1k":
            values |= await _import(log, folder)
        await _ask(log)
        values |= await _looks(log, folder / "documents", name)
        if name == "1m":
            values["verify_10k_cpu_s"] = await _verify(log, folder)
        await log.close()
    for what in ("inbox", "report"):
        # Flat: a log that is a thousand times as long costs no more.
        values[f"{what}_1m_x"] = values[f"{what}_ms_1m"] / values[f"{what}_ms_1k"]
    await bundle.visits(folder / "visits")
    values |= await bundle.measured(folder / "visits")
    units: dict[str, Any] = {
        "agencies_per_s": "/s",
        "bundle_peak_mb": "MB",
        "bundle_mb": "MB",
        **dict.fromkeys(("bundle_s", "bundle_make_s", "bundle_seal_s"), "s"),
        "verify_10k_cpu_s": "s",
    }
    return [
        Figure(
            name,
            round(value, 3),
            units.get(name, "x" if name.endswith("_x") else "ms"),
            "higher" if name == "agencies_per_s" else "lower",
            BARS.get(name),
        )
        for name, value in values.items()
    ]
