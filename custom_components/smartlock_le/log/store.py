"""The store: one database, written from one thread only."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
import logging
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Executable, select
from sqlalchemy.exc import OperationalError, ProgrammingError

from . import migrate, place
from .canonical import Value, dumps, microseconds, moment, stamp
from .engine import Database, Prepared, damage, named
from .errors import LogRefused, LogUnavailable, LogUnreadable
from .files import make_empty, make_folder
from .keys import Keys
from .kinds import check, check_time
from .leaf import entry_leaf
from .marker import Mark, Marker
from .model import Draft, Entry, Head
from .note import Signer
from .reader import Reader
from .restart import new_origin, put_back, why_new
from .sqlite import Sqlite
from .state import State, holds, load, must_be_signed
from .tables import SCHEMA, checkpoints, entries, epochs, logs, meta, nodes
from .tree import EMPTY_ROOT, Tree

_LOGGER = logging.getLogger(__name__)

# Made once: building a statement costs as much as running it.
_LAST_KIND = select(entries.c.kind).order_by(entries.c.seq.desc()).limit(1)
_CLOCK_BACK = 60_000_000
"""Microseconds that a clock may go back without a word: it is being set all the time."""


class Store:
    """Entries and checkpoints, and the state tables that rooms keep beside them."""

    def __init__(
        self,
        folder: Path,
        database: Database,
        signer: Signer,
        keys: Keys,
        clock: Callable[[], datetime],
        marker: Marker | None = None,
    ) -> None:
        """Take the folder of the log and its database; nothing is opened yet."""
        self.folder = folder
        self.signer = signer
        self.keys = keys
        self._connection: Connection | None = None
        self.reader = Reader(database.reading)
        self.use(database)
        self._clock = clock
        self._marker = marker
        self._state = State(Head(0, 0, EMPTY_ROOT, ""), Tree())
        self.last_kind = ""
        self.clock_back = False
        """Our clock was set back since the entry before the last was written."""

    def use(self, database: Database) -> None:
        """Go on in a database that says what the one before said."""
        self._disconnect()
        self.database = database
        self.reader.engine = database.reading
        self._insert_entry = Prepared(database, entries)
        self._insert_checkpoint = Prepared(database, checkpoints)
        self._insert_node = Prepared(database, nodes)

    @property
    def head(self) -> Head:
        """What is durable."""
        return self._state.head

    @property
    def idle(self) -> timedelta:
        """How long ago, by the clock, the last entry was written."""
        if not self._state.entered:
            return timedelta(0)
        return check_time(self._clock()) - moment(self._state.entered)

    @classmethod
    def open(cls, folder: Path, origin: str, clock: Callable[[], datetime]) -> Self:
        """Open the store in `folder`, or make one.

        A store that exists keeps the origin it was made with, unless it was put back
        from a copy. Raises LogUnreadable, LogUnavailable.
        """
        try:
            marker = Marker(folder / "head")
            database = place.locate(folder)
            here = isinstance(database, Sqlite)
            restored = here and put_back(folder, marker)
            found = database.probe()
            make_folder(folder)
            keys = Keys.load(folder / "keys", make=found is None)
            if found and (seed := keys.offered_seed()):
                # Killed between the first entry of a new log and the change of keys.
                if Signer(found.origin, seed).vkey == found.vkey:
                    keys.take_seed(seed)
            if here:
                make_empty(folder / "log.db")
            else:
                place.tidy(folder)
        except LogRefused as err:
            raise LogUnavailable(f"no such database: {err}") from err
        except OSError as err:
            raise LogUnavailable(f"the log's files failed: {err.strerror}") from err
        try:
            signer = Signer(found.origin if found else origin, keys.seed)
        except ValueError as err:
            raise LogUnreadable("damaged", "the log's name is none") from err
        reason = "restored" if restored else why_new(marker, found)
        if found and not reason and found.vkey != signer.vkey:
            raise LogUnreadable(
                "key_missing", "the key is not the one that signed this log"
            )
        with ExitStack() as undo:
            store = cls(folder, database, signer, keys, clock, marker)
            undo.callback(store.close)
            try:
                if found:
                    reason = store._take_up(found.schema, found.first, reason)
                else:
                    store._make()
                if reason:
                    store._begin_again(origin, reason)
                if store._state.day:
                    keys.epoch(store._state.epoch)
            except LogUnavailable as err:
                if err.damaged:
                    raise LogUnreadable("damaged", str(err)) from err
                raise
            except (OperationalError, ProgrammingError) as err:
                raise LogUnreadable("damaged", "the log's tables are not ours") from err
            except OSError as err:
                raise LogUnavailable(f"the log's files failed: {err.strerror}") from err
            try:
                store.forget()
            except LogUnavailable as err:
                # We were killed before it was done; a full disk must not keep us out.
                _LOGGER.warning("What was erased is not quite gone: %s", err)
            undo.pop_all()
        return store

    @classmethod
    def memory(cls, origin: str, clock: Callable[[], datetime]) -> Self:
        """Make a store that touches no file and ends with its one thread."""
        keys = Keys.fresh()
        database = Sqlite(Path(":memory:"))
        store = cls(Path(), database, Signer(origin, keys.seed), keys, clock)
        store._make()
        return store

    def _make(self) -> None:
        """Create the tables of a new store, and its first log."""
        with named(), self.database.engine.begin() as connection:
            self.database.make(connection)
            connection.execute(meta.insert(), {"key": "schema", "value": str(SCHEMA)})
            connection.execute(logs.insert(), self._log_row(0))

    def _log_row(self, first: int) -> dict[str, Any]:
        return {"first": first, "origin": self.signer.name, "vkey": self.signer.vkey}

    def _take_up(self, schema: int, first: int, reason: str | None) -> str | None:
        """Read the head; return why a new log must begin after it, if it must."""
        old = schema < SCHEMA
        with named():
            database = self.database
            with (database.engine if old else database.reading).begin() as connection:
                if old:
                    migrate.migrate(connection, schema, self._clock().astimezone(UTC))
                # State tables that a room got since.
                database.make(connection)
            with self.reader.engine.begin() as connection:
                self._state = load(connection, first, self.signer)
                self.last_kind = connection.scalar(_LAST_KIND) or ""
                if reason:
                    return reason
                if self._marker and (mark := self._marker.mark):
                    if not holds(connection, self.head, mark):
                        return "rolled_back"
                must_be_signed(connection, self.head)
        return None

    def _begin_again(self, origin: str, reason: str) -> None:
        """Begin a new log, with a key of its own, that names the old one and its head."""
        old = self.head
        assert self._marker
        mark = self._marker.mark
        # The marker is behind if we were killed after a commit.
        if mark is None or (old.first, old.size) > (mark.first, mark.size):
            mark = Mark(
                old.first, old.size, old.root.hex(), self.signer.name, self.signer.vkey
            )
        try:
            seed = self.keys.offer_seed()
            # Where this was copied from, another may go on with the epochs as they are.
            epoch = max(self._state.epoch, *self.keys.numbers())
        except OSError as err:
            raise LogUnavailable(f"the log's files failed: {err.strerror}") from err
        fields: dict[str, Value] = {
            "reason": reason,
            "origin": mark.origin,
            "key": mark.vkey,
            "size": mark.size,
            "root": mark.root,
            "held": min(old.size, mark.size) if old.first == mark.first else 0,
        }
        draft = Draft(
            "restored", check_time(self._clock()), check("restored", fields), None
        )
        self.signer = Signer(new_origin(origin), seed)
        first = max(mark.first + mark.size, old.end)
        self._state = State(Head(first, 0, EMPTY_ROOT, ""), Tree(), epoch)
        with named(), self.database.engine.begin() as connection:
            self.database.take_turn(connection)
            connection.execute(logs.insert(), self._log_row(first))
            _, self._state = self._append(connection, [draft])
        try:
            self.keys.take_seed(seed)
        except OSError as err:
            raise LogUnavailable(f"the log's files failed: {err.strerror}") from err
        self._mark()
        self.last_kind = "restored"
        _LOGGER.warning("The log was put back from a copy: a new one begins")

    def close(self) -> None:
        """Close every connection; the last one tidies the write-ahead log away."""
        self._disconnect()
        self.database.engine.dispose()
        if self._marker:
            self._marker.close()

    def commit(self, drafts: Sequence[Draft]) -> list[Entry]:
        """Write all drafts, their statements and one checkpoint, durably, or nothing.

        Raises LogUnavailable, or what a draft's statements raise.
        """
        with named(), self._writing() as connection:
            written, state = self._append(connection, drafts)
        self._state = state
        self._mark()
        return written

    def run(self, statement: Executable) -> None:
        """Write what belongs to no entry. Raises LogUnavailable."""
        with named(), self._writing() as connection:
            connection.execute(statement)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """Give the connection that writes, in a transaction; it is kept while all is well."""
        if self._connection is None:
            self._connection = self.database.engine.connect()
        with ExitStack() as undo:
            undo.callback(self._disconnect)
            with self._connection.begin():
                self.database.take_turn(self._connection)
                yield self._connection
            # A server may be gone by the next time: the pool looks before it gives.
            if self.database.direct:
                undo.pop_all()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def key(self, epoch: int) -> bytes:
        """Return the key of an epoch. Raises LogUnavailable. Safe in any thread."""
        try:
            return self.keys.epoch(epoch)
        except LogUnreadable as err:
            raise damage(str(err)) from err
        except OSError as err:
            raise LogUnavailable(f"the log's files failed: {err.strerror}") from err

    def turn_epoch(self, before: int | None = None) -> int:
        """Have the next entry begin a new epoch; return the last that gets no more entries.

        With `before`, that is only done if the epoch's day is before that day number.
        Raises LogUnavailable.
        """
        with named(), self.reader.engine.begin() as connection:
            self._grown(connection)
        if before is not None and self._state.day >= before:
            return self._state.epoch - 1
        self._state = replace(self._state, day=0)
        return self._state.epoch

    def forget(self) -> None:
        """Destroy the keys of epochs that were erased, and what the disk remembers.

        Raises LogUnavailable; what is left is done the next time then.
        """
        erased = select(epochs.c.epoch).where(epochs.c.erased == 1)
        gone = {row["epoch"] for row in self.reader.read(erased)}
        try:
            if not self.database.forget():
                _LOGGER.warning("What was erased is in the write-ahead log for longer")
            # Last: while a key is there, it is known that this was not done.
            for epoch in sorted(gone & self.keys.numbers()):
                self.keys.destroy(epoch)
        except OSError as err:
            raise LogUnavailable(f"a key stays: {err.strerror}") from err

    def _append(
        self, connection: Connection, drafts: Sequence[Draft]
    ) -> tuple[list[Entry], State]:
        """Write drafts and a checkpoint inside a transaction."""
        now = check_time(self._clock())
        entered, today = stamp(now), now.toordinal()
        tree, first = self._grown(connection), self.head.first
        epoch = self._state.epoch + (today != self._state.day)
        key = self._epoch_key(connection, epoch, today)
        written = []
        rows = []
        for draft in drafts:
            seq = first + tree.size
            fields = {
                "kind": draft.kind,
                "time": stamp(draft.time),
                "entered": entered,
                **draft.fields,
            }
            leaf = entry_leaf(key, seq, fields)
            tree.add(leaf)
            written.append(Entry(seq, draft.kind, draft.time, fields))
            rows.append(
                (
                    seq,
                    epoch,
                    draft.kind,
                    microseconds(draft.time),
                    fields.get("lock") or None,
                    dumps(fields),
                    leaf,
                )
            )
        self._insert_entry.run(connection, rows)
        if tree.grown:
            self._insert_node.run(
                connection,
                [(first, *node) for node in tree.grown],
            )
        for draft, entry in zip(drafts, written, strict=True):
            for statement in draft.also(entry.seq) if draft.also else ():
                many = statement if isinstance(statement, tuple) else (statement,)
                connection.execute(*many)
        root = tree.root()
        head = Head(first, tree.size, root, self.signer.checkpoint(tree.size, root))
        self._insert_checkpoint.run(connection, [(head.end, head.checkpoint)])
        if (written_at := microseconds(now)) < self._state.entered - _CLOCK_BACK:
            self.clock_back = True
        return written, State(head, tree, epoch, today, written_at)

    def _epoch_key(self, connection: Connection, epoch: int, today: int) -> bytes:
        """Return the key of an epoch, which begins now if it is not the current one."""
        if epoch == self._state.epoch:
            return self.key(epoch)
        connection.execute(epochs.insert(), {"epoch": epoch, "day": today, "erased": 0})
        try:
            return self.keys.begin(epoch)
        except LogUnreadable as err:
            raise damage(str(err)) from err
        except OSError as err:
            raise LogUnavailable(f"the log's files failed: {err.strerror}") from err

    def _mark(self) -> None:
        """Note outside the database how far the log has come."""
        if self._marker is None:
            return
        head = self.head
        mark = Mark(
            head.first, head.size, head.root.hex(), self.signer.name, self.signer.vkey
        )
        try:
            self._marker.write(mark)
        except OSError as err:
            _LOGGER.warning("The head marker cannot be written: %s", err.strerror)

    def _grown(self, connection: Connection) -> Tree:
        """Return a tree to add to that agrees with what is stored now."""
        last = self.database.last(connection)
        end = self.head.first if last is None else max(last + 1, self.head.first)
        if end < self.head.end:
            raise damage("entries have disappeared from the store")
        if end > self.head.end:
            # A commit that failed as we saw it may have become durable after all.
            state = load(connection, self.head.first, self.signer)
            must_be_signed(connection, state.head)
            self._state = state
        return self._state.tree.copy()
