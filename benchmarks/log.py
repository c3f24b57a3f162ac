"""What the log adds to a bare database, and how fast it is checked."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
import cProfile
from functools import partial
import hashlib
import io
from itertools import count
from pathlib import Path
import pstats
import resource
import sqlite3
import sys
import time
from typing import Any

import orjson
from sqlalchemy import select

from custom_components.smartlock_le.log import Log, entries, sealed
from custom_components.smartlock_le.log.kinds import check
from custom_components.smartlock_le.log.log import MAX_SIGNATURES
from custom_components.smartlock_le.log.model import Draft
from custom_components.smartlock_le.log.proof import check_inclusion
from custom_components.smartlock_le.log.signature import check_signature
from custom_components.smartlock_le.log.store import Store
from custom_components.smartlock_le.log.verify import verify_store
from custom_components.smartlock_le.models import utc_now

from .figures import Figure, p50

ORIGIN = "smartlock-le.local/benchmark"
SINGLES = 400
BATCHES = 60
BATCH = 100
WARM_UP = 20
BIG = 1_000_000
PROOFS = 2000

BARS = {
    "append_single_x": 1.5,
    "append_batch100_x": 4.0,
    "append_cpu_us": 60.0,
    "verify_tree_1m_x": 1.5,
    "verify_full_1m_x": 1.5,
    "proof_check_us": 100.0,
}
_ENTRY = "INSERT INTO entries (seq, epoch, kind, time, lock, body, leaf) VALUES (?, ?, ?, ?, ?, ?, ?)"
_NOTE = "INSERT INTO checkpoints (upto, note) VALUES (?, ?)"


def _fields(number: int) -> dict[str, str | int]:
    """Return the fields of an entry as most are: somebody used a door."""
    return {
        "lock": "54:D2:72:1A:2B:3C",
        "event": "unlocked",
        "method": "keypad",
        "actor_kind": "code",
        "actor": str(number % 50),
        "actor_name": "Somebody",
        "grant": "",
        "source": "lock_log",
        "lock_index": number,
        "lock_time": "2026-11-22T12:00:00+00:00",
        "sealed": sealed.blank(),
        "alarm": "",
    }


class _Bare:
    """SQLite and nothing else: the same rows, tables and durability, in a thread."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        # Its tables and indexes are those of a log.
        Store.open(folder, ORIGIN, utc_now).close()
        self._thread = ThreadPoolExecutor(1)
        self._path = folder / "log.db"
        self._next = count()
        self._loop = asyncio.get_running_loop()
        self._thread.submit(self._open).result()

    def _open(self) -> None:
        self._db = sqlite3.connect(self._path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")

    def _commit(self, rows: list[tuple[Any, ...]], note: str) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        numbered = [(next(self._next), *row) for row in rows]
        self._db.executemany(_ENTRY, numbered)
        self._db.execute(_NOTE, (numbered[-1][0] + 1, note))
        self._db.execute("COMMIT")

    async def commit(self, rows: list[tuple[Any, ...]], note: str) -> None:
        """Commit rows and a checkpoint."""
        await self._loop.run_in_executor(self._thread, self._commit, rows, note)

    def close(self) -> None:
        """Close it."""
        self._thread.submit(self._db.close).result()
        self._thread.shutdown()


async def _timed(act: Callable[[], Awaitable[Any]]) -> tuple[float, float]:
    """Return seconds, and seconds of this process on a processor."""
    start, cpu = time.perf_counter(), time.process_time()
    await act()
    return time.perf_counter() - start, time.process_time() - cpu


async def _appends(folder: Path) -> dict[str, float]:
    log = await Log.open(folder / "ours", origin=ORIGIN, version="1")
    bare = _Bare(folder / "bare")
    row = (1, "access", 0, "54:D2:72:1A:2B:3C")
    numbers = count()

    async def ours(size: int) -> None:
        fields = [_fields(next(numbers)) for _ in range(size)]
        ready.append(await _timed(lambda: together(fields)))

    async def together(fields: list[dict[str, str | int]]) -> None:
        await asyncio.gather(*(log.append("access", each) for each in fields))

    async def alone() -> None:
        await log.append("access", fields)

    values = {}
    ratios, cpu = [], []
    body, leaf, note = await _bytes_of(log)
    fields = _fields(0)
    for number in range(WARM_UP + SINGLES):
        fields = _fields(number)
        rows = [(*row, body, leaf)]
        our, _ = await _timed(alone)
        its, _ = await _timed(partial(bare.commit, rows, note))
        if number >= WARM_UP:
            ratios.append((our, its))
    values["append_single_x"] = p50([a for a, _ in ratios]) / p50(
        [b for _, b in ratios]
    )
    values["append_single_ms"] = 1000 * p50([a for a, _ in ratios])
    ratios = []
    ready: list[tuple[float, float]] = []
    for number in range(5 + BATCHES):
        rows = [(*row, body, leaf)] * BATCH
        await ours(BATCH)
        its, _ = await _timed(partial(bare.commit, rows, note))
        if number >= 5:
            our, used = ready[-1]
            ratios.append((our, its))
            cpu.append(used / BATCH)
    values["append_batch100_x"] = p50([a for a, _ in ratios]) / p50(
        [b for _, b in ratios]
    )
    values["append_batch100_ms"] = 1000 * p50([a for a, _ in ratios])
    values["append_cpu_us"] = 1e6 * p50(cpu)
    await log.close()
    bare.close()
    return values


async def _bytes_of(log: Log) -> tuple[bytes, bytes, str]:
    """Return body, leaf and checkpoint of an entry that was just written."""
    entry = await log.append("access", _fields(0))
    statement = select(entries).where(entries.c.seq == entry.seq)
    (row,) = await log.read(statement)
    return row["body"], row["leaf"], log.checkpoint


def fill(folder: Path, size: int) -> Store:
    """Make a store of `size` entries."""
    store = Store.open(folder, ORIGIN, utc_now)
    for start in range(0, size, 1000):
        store.commit(
            [
                Draft("access", utc_now(), check("access", _fields(number)), None)
                for number in range(start, min(start + 1000, size))
            ]
        )
    return store


def _hash_tree(leaves: Iterator[bytes]) -> bytes:
    """Hash a tree of RFC 6962 as plainly as it goes, level by level."""
    level = list(leaves)
    sha = hashlib.sha256
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        odd = [level[-1]] if len(level) % 2 else []
        level = [sha(b"\x01" + a + b).digest() for a, b in pairs] + odd
    return level[0]


def _leaves(path: Path) -> Iterator[bytes]:
    with closing(sqlite3.connect(path)) as db:
        for (leaf,) in db.execute("SELECT leaf FROM entries ORDER BY seq"):
            yield leaf


def _commitments(path: Path, key: bytes) -> Iterator[bytes]:
    """Recompute the leaf of each entry from its body, as plainly as it goes."""
    sha, shake, dumps = hashlib.sha256, hashlib.shake_256, orjson.dumps
    with closing(sqlite3.connect(path)) as db:
        for seq, body in db.execute("SELECT seq, body FROM entries ORDER BY seq"):
            fields = orjson.loads(body)
            number = seq.to_bytes(8, "big")
            salts = shake(key + number).digest(16 * len(fields))
            parts = [b"\0sl1" + number]
            for at, item in enumerate(fields.items()):
                parts.append(sha(salts[16 * at : 16 * at + 16] + dumps(item)).digest())
            yield sha(b"".join(parts)).digest()


def _seconds(act: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    done = act()
    return time.perf_counter() - start, done


async def _checks(folder: Path, size: int) -> dict[str, float]:
    store = fill(folder, size)
    key = store.keys.epoch(1)
    head = store.head
    values = {"bytes_per_entry": (folder / "log.db").stat().st_size / size}
    prover = store.reader.prover(0)
    step = max(1, size // PROOFS)
    taken, built = _seconds(
        lambda: [(i, prover.inclusion(i, size)) for i in range(0, size, step)]
    )
    values["proof_build_us"] = 1e6 * taken / len(built)
    rows = {i: store.reader.rows(i, i + 1)[0]["leaf"] for i, _ in built}
    taken, good = _seconds(
        lambda: [check_inclusion(rows[i], i, size, p, head.root) for i, p in built]
    )
    assert all(good)
    values["proof_check_us"] = 1e6 * taken / len(built)
    store.close()
    log = await Log.open(folder, origin=ORIGIN, version="1")
    path = folder / "log.db"
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ticks: list[int] = []
    start = time.perf_counter()
    report = await log.verify(lambda done, total: ticks.append(done))
    values["verify_full_1m_s"] = full = time.perf_counter() - start
    assert report.ok, report.bad
    assert len(ticks) > size // 2000
    values["verify_memory_mib"] = (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
    ) / 1024
    start = time.perf_counter()
    report = verify_store(
        str(path),
        vkey=log.vkey,
        signed=check_signature,
        max_signatures=MAX_SIGNATURES,
        bodies=False,
    )
    tree = time.perf_counter() - start
    assert report.ok, report.bad
    bare_tree, _ = _seconds(lambda: _hash_tree(_leaves(path)))
    bare_full, _ = _seconds(lambda: _hash_tree(_commitments(path, key)))
    values["verify_tree_1m_s"] = tree
    values["verify_tree_1m_x"] = tree / bare_tree
    values["verify_full_1m_x"] = full / bare_full
    await log.close()
    return values


async def _profile(folder: Path) -> str:
    """Return where a batch spends its time, in the thread of the store."""
    store = fill(folder, 5000)
    drafts = [
        Draft("access", utc_now(), check("access", _fields(n)), None)
        for n in range(BATCH)
    ]
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(50):
        store.commit(drafts)
    profiler.disable()
    store.close()
    said = io.StringIO()
    pstats.Stats(profiler, stream=said).sort_stats("tottime").print_stats(25)
    return said.getvalue()


async def run(folder: Path, *, profile: bool) -> list[Figure]:
    """Run the workload; say where the time goes if asked, or if a bar is missed."""
    values = await _appends(folder)
    values |= await _checks(folder / "big", BIG)
    units = {"x": "x", "ms": "ms", "us": "us", "s": "s", "mib": "MiB"}
    figures = [
        Figure(n, round(v, 3), units.get(n.rsplit("_")[-1], "bytes"), bar=BARS.get(n))
        for n, v in values.items()
    ]
    if profile or not all(figure.met for figure in figures):
        sys.stdout.write(await _profile(folder / "profile"))
    return figures
