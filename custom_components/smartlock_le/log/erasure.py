"""What is erased, and what is kept: retention, holds, one person.

The body of an entry goes, its leaf stays, and with it every proof. The key of a day goes
with its bodies: what must be kept of that day is stored with its own salts first. Each
erasure is an entry, in the same transaction, that says which entries it was.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
import hashlib
from typing import Any

from sqlalchemy import Executable, Select, select, update

from .body import fields_of, opened, pack, withheld
from .canonical import Value, dumps
from .errors import LogUnavailable
from .kinds import LASTING
from .reader import Reader
from .tables import entries, epochs, erasures, holds

PERSON = ("actor", "actor_name")
"""Fields that say who it was."""
_CHUNK = 2000


@dataclass(frozen=True, slots=True)
class Plan:
    """What an erasure does: made beforehand, carried out with its entry."""

    gone: list[int] = field(default_factory=list)
    """Entries that lose their body, or some fields of it."""
    kept: int = 0
    """Entries that would go too, were they not held or needed."""
    epochs: list[int] = field(default_factory=list)
    """Epochs whose key is destroyed."""
    listed: bool = False
    """Whether they only lose fields, and are listed one by one."""
    bodies: dict[int, bytes] = field(default_factory=dict)
    """New bodies by entry, of those that keep one."""

    @property
    def fields(self) -> dict[str, Value]:
        """What its entry says of it."""
        return {
            "first": min(self.gone, default=-1),
            "last": max(self.gone, default=-1),
            "entries": len(self.gone),
            "kept": self.kept,
            "sha256": digest(self.gone) if self.listed else "",
        }

    def statements(self, seq: int) -> Iterable[Executable]:
        """Give, one by one, what its entry, number `seq`, brings along."""
        for number, body in self.bodies.items():
            yield update(entries).where(entries.c.seq == number).values(body=body)
        if self.listed:
            for number in self.gone:
                yield erasures.insert().values(by=seq, seq=number)
        else:
            for first, last in _runs(self.gone):
                yield (
                    update(entries)
                    .where(entries.c.seq.between(first, last))
                    .values(body=None, kind="", time=0, lock=None)
                )
        for epoch in self.epochs:
            yield update(epochs).where(epochs.c.epoch == epoch).values(erased=1)


def digest(gone: Iterable[int]) -> str:
    """Return SHA-256, in hex, of the canonical JSON list of entry numbers."""
    return hashlib.sha256(dumps(sorted(gone))).hexdigest()


def _runs(numbers: Iterable[int]) -> Iterable[tuple[int, int]]:
    """Give the first and last of each run of numbers that follow each other."""
    first = last = None
    for number in sorted(numbers):
        if first is None or last is None:
            first = number
        elif number != last + 1 or number - first >= _CHUNK:
            yield first, last
            first = number
        last = number
    if first is not None and last is not None:
        yield first, last


class Eraser:
    """Plans erasures by what is stored now."""

    def __init__(self, reader: Reader, key: Callable[[int], bytes]) -> None:
        """Read through `reader`; `key` gives the key of an epoch."""
        self._reader = reader
        self._key = key

    def old(
        self, today: int, days: int, upto: int, needs: Iterable[Select[Any]]
    ) -> Plan:
        """Plan to erase the epochs up to `upto` older than so many days before `today`.

        `today` is a day number (0001-01-01 is 1). `needs` select the numbers of entries
        that open objects need.
        """
        past = self._past(today, days, upto)
        stays = self._stays(needs)
        gone, kept, bodies = [], 0, dict[int, bytes]()
        for epoch, erased in past.items():
            for row in self._rows(epoch):
                lasts = row["kind"] in LASTING
                if not lasts and not stays(row):
                    gone.append(row["seq"])
                    continue
                kept += not lasts
                if not erased:
                    try:
                        bodies[row["seq"]] = self._open(row)
                    except LogUnavailable as err:
                        # Its key is lost, or it is not one of ours: all else still goes.
                        if not err.damaged:
                            raise
        return Plan(
            gone, kept, [e for e, erased in past.items() if not erased], bodies=bodies
        )

    def _past(self, today: int, days: int, upto: int) -> dict[int, bool]:
        """Return the epochs that are due, and whether their keys are gone."""
        past, day = dict[int, bool](), 0
        for row in self._reader.read(
            select(epochs).where(epochs.c.epoch <= upto).order_by(epochs.c.epoch)
        ):
            # The clock may have been wrong that day: an epoch is no older than the ones
            # before it, and none is of a day to come.
            if row["day"] <= today:
                day = max(day, row["day"])
            if 0 < day < today - days:
                past[row["epoch"]] = bool(row["erased"])
        return past

    def person(self, name: str, upto: int, needs: Iterable[Select[Any]]) -> Plan:
        """Plan to erase who it was from the entries of a person, in epochs up to `upto`."""
        stays = self._stays(needs)
        found, kept = dict[int, set[int]](), 0
        for row in self.of_person(name):
            if stays(row):
                kept += 1
            elif row["epoch"] <= upto:
                found.setdefault(row["epoch"], set()).add(row["seq"])
        bodies = dict[int, bytes]()
        whole = {
            row["epoch"]
            for row in self._reader.read(
                select(epochs.c.epoch).where(
                    epochs.c.epoch.in_(found), epochs.c.erased == 0
                )
            )
        }
        for epoch, numbers in found.items():
            for row in self._rows(epoch):
                items = opened(
                    self._key(epoch) if epoch in whole else b"", row["seq"], row["body"]
                )
                if row["seq"] in numbers:
                    bodies[row["seq"]] = pack(withheld(items, PERSON))
                elif epoch in whole:
                    bodies[row["seq"]] = pack(items)
        gone = sorted(n for numbers in found.values() for n in numbers)
        return Plan(gone, kept, sorted(whole), listed=True, bodies=bodies)

    def of_person(self, name: str) -> Iterable[Any]:
        """Go through the rows of the entries that name a person; nobody has no name."""
        for row in self._rows():
            if name and fields_of(row["seq"], row["body"]).get("actor_name") == name:
                yield row

    def _open(self, row: Any) -> bytes:
        """Return a body that needs the key of its epoch no more."""
        return pack(opened(self._key(row["epoch"]), row["seq"], row["body"]))

    def _rows(self, epoch: int | None = None) -> Iterable[Any]:
        """Go through the entries that have a body, of one epoch or of all."""
        after = -1
        wanted = select(entries).where(entries.c.body.is_not(None))
        if epoch is not None:
            wanted = wanted.where(entries.c.epoch == epoch)
        while rows := self._reader.read(
            wanted.where(entries.c.seq > after).order_by(entries.c.seq).limit(_CHUNK)
        ):
            yield from rows
            after = rows[-1]["seq"]

    def _stays(self, needs: Iterable[Select[Any]]) -> Callable[[Any], bool]:
        """Return what tells whether an entry is held, or needed by an open object."""
        needed: Collection[int] = {
            next(iter(row.values()))
            for statement in needs
            for row in self._reader.read(statement)
        }
        held = self._reader.read(select(holds))

        def stays(row: Any) -> bool:
            return row["seq"] in needed or any(
                hold["since"] <= row["time"] < hold["until"]
                and hold["lock"] in ("", row["lock"])
                for hold in held
            )

        return stays
