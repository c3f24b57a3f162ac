"""A process that is killed loses nothing that it was told is durable."""

from pathlib import Path
import random
import subprocess
import sys
import time

from custom_components.smartlock_le.log import verify
from custom_components.smartlock_le.log.signature import check_signature

from .support import open_log

RUNS = 10


def run_and_kill(folder: Path, seconds: float) -> list[tuple[int, int]]:
    """Return what an appender was told is durable before it was killed."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.log.appender", str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout
        lines = [process.stdout.readline()]
        time.sleep(seconds)
        process.kill()
        lines += process.stdout.readlines()
    # The last line may be half a line.
    return [
        (int(seq), int(number))
        for seq, number in (line.split() for line in lines if line.endswith("\n"))
    ]


async def test_kill(tmp_path: Path) -> None:
    """Ten times, at random: every acknowledged entry is there, in order, and verifies."""
    acknowledged: dict[int, int] = {}
    chance = random.Random(20261122)
    for run in range(RUNS):
        told = run_and_kill(tmp_path, chance.uniform(0, 0.3))
        assert told
        acknowledged.update(told)
        report = verify.verify_store(
            str(tmp_path / "log.db"),
            str(tmp_path / "keys"),
            signed=check_signature,
            max_signatures=100_000,
        )
        assert (report.ok, report.bad) == (True, [])
        assert report.size > max(acknowledged)
        if run % 2:
            continue
        # Every other time, the next to open is an orderly one.
        log = await open_log(tmp_path)
        page = await log.entries(limit=100_000)
        assert page.entries[-1].fields["clean"] == "no"
        await log.close()
    log = await open_log(tmp_path)
    stored = {
        entry.seq: entry.fields["intent"]
        for entry in (await log.entries(limit=100_000, kinds=["found"])).entries
    }
    assert acknowledged.items() <= stored.items()
    started = (await log.entries(kinds=["started"])).entries
    assert [entry.fields["clean"] for entry in started] == (
        ["first", "no"] + ["yes", "no", "no"] * 4 + ["yes", "no"]
    )
    await log.close()
