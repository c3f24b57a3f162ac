"""The log as the rooms see it: what happens becomes an entry, durable and in order."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path
import threading
from typing import Any, Self

import orjson
from sqlalchemy import RowMapping, Select

from ..listeners import Listeners
from ..models import utc_now
from . import kinds as schemas
from .canonical import Value
from .care import Care
from .copies import Copies
from .errors import LogRefused, LogUnavailable, LogUnreadable
from .export import export
from .export_proofs import Redact, export_proofs
from .model import Also, Draft, Entry, Exported, Page
from .moving import move
from .note import root_of
from .proof import check_consistency
from .signature import check_signature
from .stamps import Stamps
from .store import Store
from .verify import Codec, Report, Unusable, verify_store
from .writer import Writer

RETRY_SECONDS = 30.0

MEDIA = "media"
"""The folder, in ours, of the files that entries name."""

MAX_SIGNATURES = 20_000
"""Checkpoint signatures that one verification checks, the newest first."""


CODEC = Codec(orjson.loads, orjson.dumps)
"""What the verifier works with here: the same, faster."""


class Log:
    """One append-only log in one folder. Made by `open`, or without a folder by `memory`."""

    def __init__(
        self,
        store: Store,
        thread: ThreadPoolExecutor,
        clock: Callable[[], datetime],
        retry_interval: float,
        instead_of: str | None = None,
    ) -> None:
        """Take an open store and the thread it lives in; use `open` instead."""
        self._store = store
        self._thread = thread
        # Verifying and exporting are long and only read: they must not hold up entries.
        self._readers = ThreadPoolExecutor(1, "smartlock-log-reader")
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._listeners = Listeners[()]()
        self._writer = Writer(store, thread, retry_interval, self._listeners.tell)
        self._closing: asyncio.Task[None] | None = None
        self._stop = threading.Event()
        self._instead_of = instead_of
        # Bodies and keys stay as they are while this is held.
        self._reading = asyncio.Lock()
        self.care = Care(
            store,
            clock,
            self.append,
            partial(self._run, thread if self.volatile else self._readers),
            partial(self._run, thread),
            self._reading,
        )
        self.stamps = Stamps(
            store,
            clock,
            lambda: self._writer.head,
            partial(self._run, thread),
            partial(self._run, thread),
            self._listeners.tell,
        )
        self.copies = Copies(self, store.folder / "exports")
        self.last_verified: Report | None = None

    @classmethod
    async def open(
        cls,
        folder: Path,
        *,
        origin: str,
        version: str,
        clock: Callable[[], datetime] = utc_now,
        retry_interval: float = RETRY_SECONDS,
    ) -> Self:
        """Open the log in `folder`, or make one, and enter that we started.

        `origin` names a new log (C2SP: a URL without scheme); a log that exists keeps
        its own. Raises LogUnreadable, LogUnavailable.
        """
        store, thread = await _in_thread(partial(Store.open, folder, origin, clock))
        log = cls(store, thread, clock, retry_interval)
        clean = {"": "first", "stopped": "yes"}.get(store.last_kind, "no")
        # A full disk must not keep the house from starting.
        await log.append_or_keep("started", {"version": version, "clean": clean})
        return log

    @classmethod
    async def memory(
        cls,
        *,
        origin: str,
        version: str,
        problem: str,
        clock: Callable[[], datetime] = utc_now,
    ) -> Self:
        """Make a log that lives until it is closed, in place of one that did not open.

        It touches no file, nothing in it is durable, and `problem` is its problem.
        """
        store, thread = await _in_thread(partial(Store.memory, origin, clock))
        log = cls(store, thread, clock, RETRY_SECONDS, problem)
        await log.append_or_keep("started", {"version": version, "clean": "no"})
        return log

    @classmethod
    async def opens(cls, folder: Path, origin: str) -> bool:
        """Try whether the log in `folder` can be opened now, or why not is for good."""
        try:
            store, thread = await _in_thread(
                partial(Store.open, folder, origin, utc_now)
            )
        except LogUnreadable:
            return True
        except LogUnavailable:
            return False
        thread.submit(store.close)
        thread.shutdown(wait=False)
        return True

    async def append(
        self,
        kind: str,
        fields: Mapping[str, Value],
        *,
        time: datetime | None = None,
        also: Also | None = None,
    ) -> Entry:
        """Write an entry and, in the same transaction, the statements of `also`.

        It is durable on return. Raises BadEntry before anything is done, LogUnavailable
        if it is not durable (nothing of it is stored then), or what a statement raises.
        """
        draft = self._draft(kind, fields, time, also)
        self._must_last()
        return await self._writer.write(draft)

    async def append_or_keep(
        self,
        kind: str,
        fields: Mapping[str, Value],
        *,
        time: datetime | None = None,
        also: Also | None = None,
    ) -> Entry | None:
        """Write an entry, or keep it until the store is available again: life first.

        Returns None if it is not durable yet, after two seconds at most. Raises BadEntry,
        or what a statement of `also` raises, never LogUnavailable. An entry that cannot
        even be kept (closed, backlog full) is counted in `lost`.
        """
        draft = self._draft(kind, fields, time, also)
        entry = await self._writer.write_or_keep(draft)
        return None if self.volatile else entry

    async def read(self, statement: Select[Any]) -> list[RowMapping]:
        """Return the rows of a SELECT on the log's or a room's tables. Raises LogUnavailable."""
        return await self._run(
            self._thread, partial(self._store.reader.read, statement)
        )

    async def entries(
        self,
        *,
        after: int = -1,
        limit: int = 50,
        kinds: Collection[str] | None = None,
        lock: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        newest_first: bool = False,
    ) -> Page:
        """Return one page of entries; `since` is inclusive, `until` is not.

        `after` is the entry before the first one wanted, in the direction asked for.
        Raises LogUnavailable.
        """
        found = await self._run(
            self._thread,
            partial(
                self._store.reader.entries,
                after,
                limit + 1,
                kinds,
                lock,
                since,
                until,
                newest_first,
            ),
        )
        more = len(found) > limit
        return Page(found[:limit], found[limit - 1].seq if more else None)

    async def verify(
        self, progress: Callable[[int, int], None] | None = None
    ) -> Report:
        """Check the whole log against its signed checkpoints, beside new entries.

        `progress` is called on the loop with entries done and in all. Raises LogUnavailable.
        """
        self._must_last()
        async with self._reading:
            report = await self._run(self._readers, partial(self._verify, progress))
        self.last_verified = report
        self._writer.damage = report.bad[0][1] if report.bad else ""
        self._listeners.tell()
        return report

    def _verify(self, progress: Callable[[int, int], None] | None) -> Report:
        """Run the verifier, in the thread of the readers."""

        def tick(done: int, total: int) -> None:
            if self._stop.is_set():
                raise LogUnavailable("the log is closing")
            if progress:
                self._loop.call_soon_threadsafe(progress, done, total)

        try:
            with self._store.database.as_file(self._stop.is_set) as path:
                return verify_store(
                    str(path),
                    keys=str(self._store.folder / "keys"),
                    vkey=self.vkey,
                    progress=tick,
                    signed=check_signature,
                    max_signatures=MAX_SIGNATURES,
                    codec=CODEC,
                    media=str(self._store.folder / MEDIA),
                )
        except Unusable as err:
            raise LogUnavailable(f"the log could not be verified: {err}") from err

    async def export(self, path: Path) -> Exported:
        """Write the owner's copy of the log to `path`, whole or not at all.

        Raises LogUnavailable.
        """
        self._must_last()
        async with self._reading:
            # Not before: what is erased meanwhile would be gone without its entry.
            work = partial(
                export,
                path,
                self._writer.head,
                self._store.reader,
                self._store.key,
                self._stop.is_set,
            )
            return await self._run(self._readers, work)

    async def numbers(self, numbers: range) -> list[int]:
        """Return those that are of a log: between two there may be others. Raises LogUnavailable."""
        head = self._writer.head
        rows = await self._run(self._thread, partial(self._store.reader.logs, head))
        return [
            number
            for row in rows
            for number in range(
                max(numbers.start, row.first), min(numbers.stop, row.first + row.size)
            )
        ]

    async def export_proofs(
        self,
        path: Path,
        numbers: Collection[int],
        withhold: Collection[str] | Redact = (),
    ) -> Exported:
        """Write entries, without the fields in `withhold`, and their proofs to a zip file.

        What says that of each entry is called in a thread, in their order. Raises LogRefused (`entry_not_found`), LogUnavailable.
        """
        self._must_last()
        head = self._writer.head
        if any(not 0 <= seq < head.end for seq in numbers):
            raise LogRefused("entry_not_found")

        def work() -> Exported:
            return export_proofs(
                path,
                self._store.reader.logs(head),
                numbers,
                self._store.reader,
                self._store.key,
                withhold,
                self._stop.is_set,
            )

        async with self._reading:
            return await self._run(self._readers, work)

    async def prove_growth(self, checkpoint: str) -> tuple[str, list[bytes]]:
        """Return the newest checkpoint, and the consistency proof to it from an older one.

        Raises LogRefused (`checkpoint_not_ours`) where its tree is not the beginning of
        this log's, LogUnavailable.
        """
        head = self._writer.head
        try:
            origin, size, _ = checkpoint.split("\n")[:3]
            old = int(size)
        except ValueError as err:
            raise LogRefused("checkpoint_not_ours") from err
        if origin != self.origin or not 0 < old <= head.size:
            raise LogRefused("checkpoint_not_ours")
        prover = self._store.reader.prover(head.first)
        proof: list[bytes] = await self._run(
            self._thread if self.volatile else self._readers,
            partial(prover.consistency, old, head.size),
        )
        old_root = bytes.fromhex(root_of(checkpoint))
        if not check_consistency(old, old_root, head.size, proof, head.root):
            raise LogRefused("checkpoint_not_ours")
        return head.checkpoint, proof

    async def move(self, url: str) -> None:
        """Move the log to the database at a URL, or home into its folder if it is empty.

        Entries wait meanwhile. Raises LogRefused (`backup_running`, and as `moving.move`),
        LogUnavailable; everything is as it was then.
        """
        self._must_last()
        async with self._reading:
            if self.care.paused:
                raise LogRefused("backup_running")
            work = partial(move, self._store, url, self._stop.is_set)
            await self._run(self._thread, work)

    @property
    def backend(self) -> str:
        """Where the log is: `sqlite`, `postgresql` or `mariadb`."""
        return self._store.database.backend

    @property
    def origin(self) -> str:
        """The name that checkpoints are signed under."""
        return self._store.signer.name

    @property
    def vkey(self) -> str:
        """The public key, as C2SP signed-note writes it."""
        return self._store.signer.vkey

    @property
    def size(self) -> int:
        """How many entries of this log are durable."""
        return self._writer.head.size

    @property
    def end(self) -> int:
        """The number that the next entry gets: it counts on through all logs."""
        return self._writer.head.end

    @property
    def root(self) -> bytes:
        """The root of the tree over the durable entries (32 bytes)."""
        return self._writer.head.root

    @property
    def checkpoint(self) -> str:
        """The signed note over size and root; empty until there is an entry."""
        return self._writer.head.checkpoint

    @property
    def volatile(self) -> bool:
        """Tell whether this log is in memory only."""
        return self._instead_of is not None

    @property
    def problem(self) -> str | None:
        """What is wrong: `damaged`, `unavailable`, `clock_back`, `stamp_overdue`, or nothing.

        Of a log in memory, why it is.
        """
        if self._instead_of is not None:
            return self._instead_of
        if self.damage:
            return "damaged"
        if self._writer.unavailable:
            return "unavailable"
        if self._store.clock_back:
            return "clock_back"
        return "stamp_overdue" if self.stamps.overdue else None

    @property
    def damage(self) -> str:
        """What is damaged, in words, as it was found last; empty if nothing is."""
        return self._writer.damage

    @property
    def backlog(self) -> int:
        """How many entries are kept in memory because they could not be written."""
        return self._writer.backlog

    @property
    def lost(self) -> int:
        """How many entries could be neither written nor kept since the log was opened."""
        return self._writer.lost

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Have `listener` called after each commit and each change of problem or backlog.

        Returns what ends that.
        """
        return self._listeners.add(listener)

    async def close(self) -> None:
        """Write what is left, enter that we stopped, and end the threads."""
        if self._closing is None:
            self._closing = self._loop.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        """Close for good."""
        self._stop.set()
        try:
            await self._writer.close(self._draft("stopped", {}, None, None))
        finally:
            # Whoever reads must end before the file is closed under it.
            await self._loop.run_in_executor(self._readers, int)
            await self._loop.run_in_executor(self._thread, self._store.close)
            self._readers.shutdown()
            self._thread.shutdown()

    def _must_last(self) -> None:
        """Raise LogUnavailable where nothing lasts."""
        if self.volatile:
            raise LogUnavailable("the log is in memory only")

    async def _run[T](self, thread: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        """Return what `work` gives in one of our threads."""
        if self._writer.closed:
            raise LogUnavailable("the log is closed")
        try:
            return await self._loop.run_in_executor(thread, work)
        except LogUnavailable as err:
            if err.damaged:
                self._writer.damage = str(err)
                self._listeners.tell()
            raise

    def _draft(
        self,
        kind: str,
        fields: Mapping[str, Value],
        time: datetime | None,
        also: Also | None,
    ) -> Draft:
        """Return a checked draft. Raises BadEntry."""
        when = schemas.check_time(self._clock() if time is None else time)
        return Draft(kind, when, schemas.check(kind, fields), also)


async def _in_thread(
    make: Callable[[], Store],
) -> tuple[Store, ThreadPoolExecutor]:
    """Return a store and the thread that it was made in and lives in."""
    with ExitStack() as undo:
        thread = ThreadPoolExecutor(1, "smartlock-log")
        making = asyncio.get_running_loop().run_in_executor(thread, make)
        # Cancelled, it may still run: no waiting for that on the loop.
        undo.callback(lambda: thread.shutdown(wait=not making.cancelled()))
        store = await making
        undo.pop_all()
    return store, thread
