"""Grants in the log: each step an entry, the grant's row in the same transaction."""

from collections import Counter
from datetime import datetime

from sqlalchemy import Executable, delete, select

from ..log import Log, put
from ..models import AccessKind, Actor, Method
from .models import Grant, GrantState
from .tables import grants as table

_PAGE = 500
OPENINGS = (AccessKind.UNLOCKED, AccessKind.OPENED)
"""The events that are a use of a grant."""


class Ledger:
    """Writes what becomes of grants, and reads what is left of them at the start."""

    def __init__(self, log: Log) -> None:
        """Take the log."""
        self._log = log

    async def enter(
        self,
        grant: Grant,
        event: str,
        actor: Actor,
        detail: str = "",
        *,
        end: datetime | None = None,
    ) -> bool:
        """Enter a step of a grant, with its row; tell whether it is durable.

        `end` is an end that is only asked for: in the entry, not yet in the row.
        """
        statements: list[Executable] = [delete(table).where(table.c.id == grant.id)]
        if grant.state is not GrantState.ENDED:
            statements = put(table, **grant.as_row())
        entry = await self._log.append_or_keep(
            "grant",
            {
                "grant": grant.id,
                "event": event,
                "lock": grant.lock,
                "agency": grant.agency,
                "incident": grant.incident,
                "reason": grant.reason,
                "method": grant.method.value,
                "start": grant.start.isoformat(),
                "end": (end or grant.end).isoformat(),
                "detail": detail,
                **actor.fields(),
            },
            also=lambda _: statements,
        )
        return entry is not None

    async def load(self) -> list[Grant]:
        """Return the grants that had not ended, with the uses that are in the log.

        A use is entered with the access; that it was one of a grant may not have been,
        if we stopped in between. Raises LogUnavailable.
        """
        rows = await self._log.read(select(table))
        grants = [Grant.from_row(dict(row)) for row in rows]
        for grant in grants:
            counted = await count_uses(self._log, grant.start, "grant", grant.lock)
            grant.uses = max(grant.uses, counted[grant.id])
        return grants


async def count_uses(
    log: Log, since: datetime, field: str, lock: str | None = None
) -> Counter[str]:
    """Count the entries of doors that a code opened, by what one of their fields says.

    Raises LogUnavailable.
    """
    uses = Counter[str]()
    after: int | None = -1
    while after is not None:
        page = await log.entries(
            kinds={"access"}, lock=lock, since=since, after=after, limit=_PAGE
        )
        uses.update(
            str(entry.fields[field])
            for entry in page.entries
            if entry.fields["event"] in OPENINGS
            and entry.fields["method"] == Method.KEYPAD
        )
        after = page.next_after
    return uses
