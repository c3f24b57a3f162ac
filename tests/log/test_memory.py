"""A log that stands in for one that does not open."""

from pathlib import Path
import threading

import pytest
from sqlalchemy import Column, Integer, Table, insert, select

from custom_components.smartlock_le.log import BadEntry, Log, LogUnavailable, metadata

from .support import ORIGIN, Clock, edit, fill, open_log, sample


async def memory_log() -> Log:
    """Make a log without a folder."""
    return await Log.memory(
        origin=ORIGIN, version="1.0", problem="unreadable", clock=Clock()
    )


async def test_everything_but_lasting_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries, state and pages; no file, no thread that stays."""
    monkeypatch.chdir(tmp_path)
    table = Table("log_test_memory", metadata, Column("id", Integer, primary_key=True))
    try:
        log = await memory_log()
    finally:
        metadata.remove(table)
    assert (log.volatile, log.problem, log.size) == (True, "unreadable", 1)
    fields = sample("access", lock="a")
    for number in range(3):
        kept = await log.append_or_keep(
            "access", fields, also=lambda _, n=number: [insert(table).values(id=n)]
        )
        # Whoever asks whether it is durable must hear that it is not.
        assert kept is None
    assert [row["id"] for row in await log.read(select(table))] == [0, 1, 2]
    page = await log.entries(limit=2, lock="a")
    assert [entry.seq for entry in page.entries] == [1, 2]
    assert page.next_after == 2
    (started,) = (await log.entries(kinds=["started"])).entries
    assert started.fields["clean"] == "no"
    assert (log.size, log.backlog, log.lost) == (4, 0, 0)
    assert log.checkpoint.startswith(ORIGIN)
    await log.close()
    await log.close()
    assert list(tmp_path.iterdir()) == []
    assert not any("smartlock-log" in t.name for t in threading.enumerate())


async def test_what_must_last_is_refused(tmp_path: Path) -> None:
    """Nobody is told that something is on record, or verified, that is not."""
    log = await memory_log()
    heard: list[str | None] = []
    log.listen(lambda: heard.append(log.problem))
    with pytest.raises(BadEntry):
        await log.append("stopped", {"x": 1})
    for refused in (
        log.append("stopped", {}),
        log.verify(),
        log.export(tmp_path / "copy"),
    ):
        with pytest.raises(LogUnavailable, match="in memory only"):
            await refused
    assert (log.size, log.last_verified) == (1, None)
    assert list(tmp_path.iterdir()) == []
    await log.append_or_keep("access", sample("access"))
    await log.close()
    assert set(heard) <= {"unreadable"}
    with pytest.raises(LogUnavailable, match="closed"):
        await log.entries()


async def test_each_has_keys_of_its_own() -> None:
    """Nothing that it signs can pass for the log on the disk."""
    first, second = await memory_log(), await memory_log()
    assert first.vkey != second.vkey
    await first.close()
    await second.close()


async def test_what_is_read_damaged_is_a_problem(tmp_path: Path) -> None:
    """It need not be verified to be known."""
    fill(tmp_path, 3)
    log = await open_log(tmp_path)
    assert (log.volatile, log.problem) == (False, None)
    edit(tmp_path, "UPDATE entries SET body = x'00' WHERE seq = 1")
    with pytest.raises(LogUnavailable, match="entry 1 is damaged"):
        await log.entries()
    assert log.problem == "damaged"
    await log.close()
