"""What a release of a hundred thousand entries costs, in a process of its own."""

import asyncio
from datetime import UTC, datetime, timedelta
import hashlib
from itertools import batched
import json
import os
from pathlib import Path
import sys
import time

from custom_components.smartlock_le.log import Log
from custom_components.smartlock_le.log.files import written
from custom_components.smartlock_le.models import Asked, Wanted
from custom_components.smartlock_le.sharing import bundle
from custom_components.smartlock_le.sharing.age import sealed
from custom_components.smartlock_le.sharing.bag import pack
from custom_components.smartlock_le.sharing.models import Field, Scope
from custom_components.smartlock_le.sharing.sink import Hashing
from harness import ROOT, HarnessError

from .figures import p50
from .log import ORIGIN
from .running import resident_mb

ENTRIES = 100_000
RUNS = 3
_DOOR = "door"
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_AT_ONCE = 500
_PIECE = 1 << 20
# Of nobody: nothing that is sealed here is ever opened.
_RECIPIENT = "age1l7an5dleuqcz3gvcg7wvutp4n5rwrlt2xzpgsgflwyu23wp67f3sd9t37d"


async def visits(folder: Path) -> None:
    """Make a log of so many accesses."""
    log = await Log.open(folder, origin=ORIGIN, version="1")

    async def came(number: int) -> None:
        fields: dict[str, str | int] = {
            "lock": _DOOR,
            "event": "unlocked",
            "method": "keypad",
            "actor_kind": "guest",
            "actor": f"pseudonym-{number % 50}",
            "actor_name": f"Guest Number {number % 50}",
            "grant": "",
            "source": "lock_log",
            "lock_index": number,
            "lock_time": "",
            "sealed": "A" * 192,
            "alarm": "",
        }
        await log.append("access", fields, time=_FIRST + timedelta(minutes=number))

    for some in batched(range(ENTRIES), _AT_ONCE):
        await asyncio.gather(*map(came, some))
    await log.close()


async def measured(folder: Path) -> dict[str, float]:
    """Make the release in a new process; return the figures."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.bundle", str(folder)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await child.communicate()
    if child.returncode:
        raise HarnessError("the release could not be measured")
    figures: dict[str, float] = json.loads(said)
    return figures


def _made(log: Log, folder: Path) -> tuple[bundle.About, Asked, Scope]:
    words = json.loads(
        (ROOT / "custom_components/smartlock_le/translations/en.json").read_text()
    )
    texts = {
        key.removeprefix("bundle_"): text
        for key, text in words["common"].items()
        if key.startswith("bundle_")
    } | {f"kind.{kind}": kind.value for kind in Wanted}
    until = _FIRST + timedelta(minutes=ENTRIES)
    scope = Scope(
        devices=frozenset({_DOOR}),
        kinds=frozenset({Wanted.ACCESS}),
        fields=frozenset({Field.METHOD, Field.PEOPLE}),
        since=_FIRST,
        until=until,
    )
    asked = Asked(
        request="abcdef01",
        instrument="subpoena",
        compelled=True,
        answerable=True,
        documents=1,
        agency="Springfield Police",
        agency_type="local",
        recipient=_RECIPIENT,
        since=_FIRST,
        until=until,
        kinds=frozenset(Wanted),
        received=until,
        gag=False,
        record={},
    )
    about = bundle.About(
        release="abcdef02",
        names={_DOOR: "Front door"},
        zone=UTC,
        language="en",
        version="1",
        made=until,
        words=texts,
    )
    return about, asked, scope


def _sealed(bag: Path, path: Path, manifest: str) -> None:
    with written(path) as file, sealed(Hashing(file), _RECIPIENT) as sink:
        pack(bag, "release-abcdef02", manifest, {}, sink)


def _plain(paths: list[Path], target: Path) -> None:
    """Hash and write the same bytes, and nothing else."""
    digest = hashlib.sha256()
    for number, path in enumerate(paths):
        with path.open("rb") as file, written(target / str(number)) as copy:
            while piece := file.read(_PIECE):
                digest.update(piece)
                copy.write(piece)


def _peak_mb() -> float:
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


async def _measure(folder: Path) -> dict[str, float]:
    log = await Log.open(folder, origin=ORIGIN, version="1")
    about, asked, scope = _made(log, folder)
    await log.entries(limit=1)
    idle = resident_mb()
    # From here on the peak is counted anew.
    await asyncio.to_thread(Path("/proc/self/clear_refs").write_text, "5")
    ours, plain, made, packed = [], [], [], []
    peak = 0.0
    for number in range(RUNS):
        bag, target = folder / f"bag{number}", folder / f"plain{number}"
        path = folder / f"release{number}.age"
        start = time.perf_counter()
        manifest, counts = await bundle.make(log, bag, asked, scope, (), about)
        between = time.perf_counter()
        await asyncio.to_thread(_sealed, bag, path, manifest)
        end = time.perf_counter()
        assert counts.entries == ENTRIES, counts
        peak = max(peak, _peak_mb())
        ours.append(end - start)
        made.append(between - start)
        packed.append(end - between)
        paths = [one for one in sorted(bag.rglob("*")) if one.is_file()]
        target.mkdir()
        start = time.perf_counter()
        await asyncio.to_thread(_plain, [*paths, path], target)
        plain.append(time.perf_counter() - start)
    size = sum(one.stat().st_size for one in paths) + path.stat().st_size
    await log.close()
    return {
        "bundle_x": p50(ours) / p50(plain),
        "bundle_peak_mb": peak - idle,
        "bundle_s": p50(ours),
        "bundle_make_s": p50(made),
        "bundle_seal_s": p50(packed),
        "bundle_mb": size / 1e6,
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_measure(Path(sys.argv[1])))))
    os._exit(0)
