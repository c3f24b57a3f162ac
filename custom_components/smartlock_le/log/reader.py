"""What is read from the store, beside what is written: safe in any thread."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, Select, select

from .body import fields_of
from .canonical import microseconds, unstamp
from .engine import damage, named
from .model import Entry, Head, LogRow
from .proof import Prover
from .tables import checkpoints, entries, erasures, logs, nodes


class Reader:
    """Reads entries, and the state tables that rooms keep beside them."""

    def __init__(self, engine: Engine) -> None:
        """Read through `engine`, in transactions that never wait for a writer."""
        self.engine = engine

    def read(self, statement: Select[Any]) -> list[RowMapping]:
        """Return all rows of a SELECT. Raises LogUnavailable. Safe in any thread."""
        with named(), self.engine.begin() as connection:
            return list(connection.execute(statement).mappings())

    def entries(
        self,
        after: int,
        limit: int,
        kinds: Collection[str] | None,
        lock: str | None,
        since: datetime | None,
        until: datetime | None,
        newest_first: bool,
    ) -> list[Entry]:
        """Return up to `limit` entries beyond `after` in the direction asked for.

        What was erased is not among them.
        """
        statement = (
            select(entries.c.seq, entries.c.body)
            .where(entries.c.body.is_not(None))
            .limit(limit)
        )
        if newest_first:
            statement = statement.order_by(entries.c.seq.desc())
            if after >= 0:
                statement = statement.where(entries.c.seq < after)
        else:
            statement = statement.order_by(entries.c.seq).where(entries.c.seq > after)
        if kinds is not None:
            statement = statement.where(entries.c.kind.in_(kinds))
        if lock is not None:
            statement = statement.where(entries.c.lock == lock)
        if since is not None:
            statement = statement.where(entries.c.time >= microseconds(since))
        if until is not None:
            statement = statement.where(entries.c.time < microseconds(until))
        return [_entry(row["seq"], row["body"]) for row in self.read(statement)]

    def rows(self, start: int, stop: int) -> list[RowMapping]:
        """Return seq, epoch, body and leaf of entries `start` to before `stop`."""
        return self.read(
            select(entries.c.seq, entries.c.epoch, entries.c.body, entries.c.leaf)
            .where(entries.c.seq >= start, entries.c.seq < stop)
            .order_by(entries.c.seq)
        )

    def logs(self, head: Head) -> list[LogRow]:
        """Return the logs of the store, the last of them as it was at `head`."""
        with named(), self.engine.begin() as connection:
            rows = connection.execute(select(logs).order_by(logs.c.first)).all()
            found = []
            for row, following in zip(rows, [*rows[1:], None], strict=True):
                end = head.end if following is None else following.first
                last = connection.execute(
                    select(checkpoints)
                    .where(checkpoints.c.upto > row.first, checkpoints.c.upto <= end)
                    .order_by(checkpoints.c.upto.desc())
                    .limit(1)
                ).first()
                found.append(
                    LogRow(
                        row.first,
                        row.origin,
                        row.vkey,
                        last.upto - row.first if last else 0,
                        last.note if last else "",
                    )
                )
        return found

    def erasures(self, head: Head) -> list[list[int]]:
        """Return [entry that says so, entry that lost fields] of all erasures up to `head`."""
        found = self.read(
            select(erasures)
            .where(erasures.c.by < head.end)
            .order_by(erasures.c.by, erasures.c.seq)
        )
        return [[row["by"], row["seq"]] for row in found]

    def prover(self, first: int) -> Prover:
        """Return what builds proofs over the log that begins at entry `first`."""

        def fetch(height: int, start: int, stop: int) -> list[bytes]:
            with named(), self.engine.begin() as connection:
                return hashes(connection, first, height, start, stop)

        return Prover(fetch)


def hashes(
    connection: Connection, first: int, height: int, start: int, stop: int
) -> list[bytes]:
    """Return hashes of the tree: leaves, or subtrees that are whole. Raises LogUnavailable."""
    if height:
        statement = select(nodes.c.hash).where(
            nodes.c.log == first,
            nodes.c.height == height,
            nodes.c.number >= start,
            nodes.c.number < stop,
        )
        statement = statement.order_by(nodes.c.number)
    else:
        statement = (
            select(entries.c.leaf)
            .where(entries.c.seq >= first + start, entries.c.seq < first + stop)
            .order_by(entries.c.seq)
        )
    found = list(connection.scalars(statement))
    if any(type(node) is not bytes or len(node) != 32 for node in found):
        raise damage(f"a hash of the tree at height {height} is damaged")
    return found


def _entry(seq: int, body: bytes) -> Entry:
    """Return a stored entry. Raises LogUnavailable if its body is not one of ours."""
    try:
        fields = fields_of(seq, body)
        return Entry(seq, str(fields["kind"]), unstamp(str(fields["time"])), fields)
    except (ValueError, KeyError) as err:
        raise damage(f"entry {seq} is damaged") from err
