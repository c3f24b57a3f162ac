"""Where a log stands, as its database has it."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from .body import fields_of
from .canonical import microseconds, unstamp
from .engine import damage
from .marker import Mark
from .model import Head
from .note import Signer, root_of
from .proof import Prover
from .reader import hashes
from .tables import checkpoints, entries, epochs
from .tree import Tree

_LAST_EPOCH = select(epochs).order_by(epochs.c.epoch.desc()).limit(1)


@dataclass(frozen=True, slots=True)
class State:
    """Where the log stands: what a commit goes on from and what it leaves."""

    head: Head
    tree: Tree
    epoch: int = 0
    day: int = 0
    """Day of the epoch (0001-01-01 is 1); 0: the next entry begins one."""
    entered: int = 0
    """When the last entry was written, in microseconds since 1970."""


def load(connection: Connection, first: int, signer: Signer) -> State:
    """Read where the log that begins at `first` stands. Raises LogUnavailable."""
    count, last = connection.execute(
        select(func.count(), func.max(entries.c.seq)).where(entries.c.seq >= first)
    ).one()
    if count != (0 if last is None else last + 1 - first):
        raise damage("an entry is missing")

    def fetch(height: int, start: int, stop: int) -> list[bytes]:
        return hashes(connection, first, height, start, stop)

    tree = Tree()
    tree.size = count
    tree.edge = Prover(fetch).edge(count)
    root = tree.root()
    note = signer.checkpoint(count, root) if count else ""
    body = connection.scalar(select(entries.c.body).where(entries.c.seq == last))
    epoch = connection.execute(_LAST_EPOCH).first()
    return State(
        Head(first, count, root, note),
        tree,
        epoch.epoch if epoch else 0,
        epoch.day if epoch and not epoch.erased else 0,
        _entered(last, body) if body else 0,
    )


def must_be_signed(connection: Connection, head: Head) -> None:
    """Raise LogUnavailable unless the newest checkpoint is ours over this head."""
    note = connection.scalar(
        select(checkpoints.c.note)
        .where(checkpoints.c.upto > head.first)
        .order_by(checkpoints.c.upto.desc())
        .limit(1)
    )
    if (note or "") != head.checkpoint:
        raise damage("the entries are not those of the last checkpoint")


def holds(connection: Connection, head: Head, mark: Mark) -> bool:
    """Return whether the log at `head` has the tree that was marked."""
    if mark.first != head.first or not mark.size:
        return True
    note = connection.scalar(
        select(checkpoints.c.note).where(checkpoints.c.upto == mark.first + mark.size)
    )
    return note is not None and root_of(note) == mark.root


def _entered(seq: int, body: bytes) -> int:
    """Return when an entry was written, in microseconds since 1970. Raises LogUnavailable."""
    try:
        return microseconds(unstamp(str(fields_of(seq, body)["entered"])))
    except (ValueError, KeyError) as err:
        raise damage(f"entry {seq} is damaged") from err
