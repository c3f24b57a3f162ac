"""The directory of agencies: who may ask, and whether the owner called back."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import RowMapping, bindparam, delete, func, select

from ..log import Log, Many, put
from ..models import Actor, new_id, utc_now
from . import agency_csv, checks, lookalike
from .agency_csv import MAX_ROWS, Listed, Rejected
from .models import Agency, RequestError, Standing
from .tables import agencies as table, holding


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file."""

    added: int
    changed: int
    same: int
    rejected: list[Rejected]


@dataclass(frozen=True, slots=True)
class CallBack:
    """How the owner found out that it is the agency it says it is."""

    number: str
    source: str
    """Where that number is from: never from who asks."""
    independent: bool = False
    """The number is from elsewhere than what came from the agency."""
    called: bool = False
    """The owner called it, and was not called."""
    confirmed: bool = False
    """Who answered confirmed each field."""


class Agencies:
    """All of them, in the log's store."""

    def __init__(self, log: Log) -> None:
        """Take the log."""
        self._log = log
        self._changing = asyncio.Lock()

    # What is known

    async def get(self, agency_id: str) -> Agency:
        """Return one. Raises RequestError, LogUnavailable."""
        rows = await self._log.read(select(table).where(table.c.id == agency_id))
        if not rows:
            raise RequestError("agency_not_found")
        return Agency.from_row(dict(rows[0]))

    async def of_key(self, key: str) -> Agency | None:
        """Return the one that signs with a key, if there is one. Raises LogUnavailable."""
        rows = await self._log.read(select(table).where(table.c.signing_key == key))
        # Of two with one key, the one that was called back.
        found = [Agency.from_row(dict(row)) for row in rows]
        found.sort(key=lambda one: one.standing is not Standing.VERIFIED)
        return found[0] if found else None

    async def count(self) -> int:
        """Return how many there are. Raises LogUnavailable."""
        (row,) = await self._log.read(
            select(func.count().label("n")).select_from(table)
        )
        return int(row["n"])

    async def find(self, text: str = "", limit: int = 50) -> list[Agency]:
        """Return those in whose name, id, place or domain every word is, by name.

        Raises LogUnavailable.
        """
        query = select(table).where(*holding(table.c.words, text))
        query = query.order_by(table.c.name).limit(limit)
        return [Agency.from_row(dict(row)) for row in await self._log.read(query)]

    async def as_csv(self) -> str:
        """Return all of them as CSV. Raises LogUnavailable."""
        rows = await self._log.read(select(table).order_by(table.c.name))
        return await asyncio.to_thread(
            lambda: agency_csv.write(Agency.from_row(dict(row)) for row in rows)
        )

    async def lookalikes(self, agency: Agency) -> list[str]:
        """Return the names of those whose domain could be taken for this one's.

        Raises LogUnavailable.
        """
        domain = agency.facts.email_domain
        if not domain:
            return []
        query = select(table.c.name, table.c.email_domain).where(
            table.c.id != agency.id, table.c.email_domain != ""
        )
        rows = await self._log.read(query)

        def named() -> list[str]:
            alike = {*lookalike.alike(domain, (row["email_domain"] for row in rows))}
            return sorted(row["name"] for row in rows if row["email_domain"] in alike)

        return await asyncio.to_thread(named)

    # What is changed

    async def add(self, said: Mapping[str, Any], actor: Actor) -> Agency:
        """Take one. Raises RequestError, LogUnavailable: nothing is kept then."""
        agency = Agency(id=new_id(), facts=checks.facts(said))
        async with self._changing:
            await self._must_be_new(agency)
            if await self.count() >= MAX_ROWS:
                raise RequestError("agencies_full")
            await self._enter(agency, "added", actor)
        return agency

    async def change(
        self, seen: Agency, said: Mapping[str, Any], actor: Actor
    ) -> Agency:
        """Say something else of one, as it was seen. Raises as `add` does."""
        async with self._changing:
            before = await self._as_seen(seen.id, seen.facts.digest)
            agency = before.saying(checks.facts(said))
            await self._must_be_new(agency)
            if agency != before:
                await self._enter(agency, "changed", actor)
        return agency

    async def verify(
        self, agency_id: str, seen: str, how: CallBack, actor: Actor
    ) -> Agency:
        """Enter that the owner called it back, and it is as it is said. Raises as `add`.

        `seen` is the digest of the facts that were confirmed.
        """
        number, source = checks.number(how.number), checks.text("source", how.source)
        if not (source and how.independent and how.called and how.confirmed):
            raise RequestError("agency_not_called")
        async with self._changing:
            agency = replace(
                await self._as_seen(agency_id, seen),
                called=utc_now().replace(microsecond=0),
                number=number,
                source=source,
                stale=False,
            )
            agency = replace(agency, confirmed=asdict(agency.facts))
            await self._enter(agency, "verified", actor)
        return agency

    async def remove(self, agency_id: str, actor: Actor) -> None:
        """Forget one. Raises RequestError, LogUnavailable."""
        async with self._changing:
            agency = await self.get(agency_id)
            gone = delete(table).where(table.c.id == agency_id)
            await self._log.append(
                "agency", _entry(agency, "removed", actor), also=lambda _: [gone]
            )

    async def take_csv(self, data: bytes, actor: Actor) -> Imported:
        """Take what a list says: all rows that are good, and the entry, or nothing.

        What it says of an agency that was verified makes it one that changed. Raises
        RequestError, LogUnavailable.
        """
        listed = await asyncio.to_thread(agency_csv.read, data)
        async with self._changing:
            rows = await self._log.read(select(table))
            made, added, same = await asyncio.to_thread(_merged, listed, rows)
            if len(rows) + added > MAX_ROWS:
                raise RequestError("agencies_full")
            done = Imported(added, len(made) - added, same, listed.rejected)
            await self._log.append(
                "agencies_imported",
                {
                    "sha256": listed.sha256,
                    "added": done.added,
                    "changed": done.changed,
                    "rejected": len(done.rejected),
                    **actor.fields(),
                },
                # In the thread of the store: there may be many.
                also=lambda _: list(_put_all(made)),
            )
        return done

    async def _as_seen(self, agency_id: str, seen: str) -> Agency:
        """Return one, unless somebody changed it since it was seen."""
        agency = await self.get(agency_id)
        if agency.facts.digest != seen:
            raise RequestError("agency_changed_meanwhile")
        return agency

    async def _must_be_new(self, agency: Agency) -> None:
        query = select(table.c.id).where(
            table.c.known_by == agency.facts.known_by, table.c.id != agency.id
        )
        if await self._log.read(query):
            raise RequestError("agency_known")

    async def _enter(self, agency: Agency, event: str, actor: Actor) -> None:
        rows = put(table, **agency.as_row())
        await self._log.append(
            "agency", _entry(agency, event, actor), also=lambda _: rows
        )


def _entry(agency: Agency, event: str, actor: Actor) -> dict[str, str | int]:
    facts = agency.facts
    called = event == "verified"
    return {
        "agency": agency.id,
        "event": event,
        "name": facts.name,
        "national_id": facts.national_id,
        "email_domain": facts.email_domain,
        "age_recipient": facts.age_recipient,
        "signing_key": facts.signing_key,
        "number": agency.number if called else "",
        "source": agency.source if called else "",
        **actor.fields(),
    }


def _merged(
    listed: Listed, rows: Sequence[RowMapping]
) -> tuple[list[dict[str, Any]], int, int]:
    """Return rows that are new or other than what is there; how many are new, the same.

    A list that has no column of something says nothing of it.
    """
    there = {row["known_by"]: row for row in rows}
    made, added, same = [], 0, 0
    for facts in listed.facts:
        row = there.get(facts.known_by)
        if row is None:
            made.append(Agency(id=new_id(), facts=facts).as_row())
            added += 1
            continue
        before = Agency.from_row(dict(row))
        told = {name: getattr(facts, name) for name in listed.columns}
        agency = before.saying(replace(before.facts, **told))
        if agency == before:
            same += 1
        else:
            made.append(agency.as_row())
    return made, added, same


def _put_all(rows: list[dict[str, Any]]) -> Iterator[Many]:
    if rows:
        gone = delete(table).where(table.c.id == bindparam("gone"))
        yield gone, [{"gone": row["id"]} for row in rows]
        yield table.insert(), rows
