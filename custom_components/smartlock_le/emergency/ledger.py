"""Incidents in the log: each step an entry, the rows in the same transaction."""

from collections.abc import Sequence

from sqlalchemy import Executable, delete, select

from ..log import Log, put
from ..models import HOME_ACTOR, Actor
from .models import Incident, Signal
from .tables import incidents as table, signals


class Ledger:
    """Writes what becomes of incidents, and reads what is left of them at the start."""

    def __init__(self, log: Log) -> None:
        """Take the log."""
        self._log = log
        self._number = 0

    async def enter(
        self,
        incident: Incident,
        event: str,
        actor: Actor,
        detail: str = "",
        *,
        contact: str = "",
        rows: Sequence[Executable] = (),
    ) -> bool:
        """Enter a step of an incident, with its row; tell whether it is durable.

        It goes on without the log: life first.
        """
        said = {
            "incident": incident.id,
            "event": event,
            "cause": incident.kind.value,
            "stage": incident.stage.value,
            "source": incident.sources[-1].value,
            "level": int(incident.level),
            "contact": contact,
            "detail": detail,
        }
        return await self._append(said, actor, [*_row(incident), *rows])

    async def signalled(self, signal: Signal, by_whom: str) -> bool:
        """Enter that the centre received a signal of what is over already."""
        said = {
            "incident": signal.incident,
            "event": "signalled",
            "cause": signal.kind.value,
            "stage": "",
            "source": "",
            "level": 0,
            "contact": "",
            "detail": f"{signal.what} {by_whom}",
        }
        return await self._append(said, HOME_ACTOR, [self.drop(signal)])

    async def _append(
        self, said: dict[str, str | int], actor: Actor, rows: list[Executable]
    ) -> bool:
        fields = {**said, "status": "actual", **actor.fields()}
        entry = await self._log.append_or_keep("incident", fields, also=lambda _: rows)
        return entry is not None

    def keep(self, signal: Signal) -> list[Executable]:
        """Return what keeps a signal until it is acknowledged."""
        self._number += 1
        return put(signals, number=self._number, **signal.as_row())

    def drop(self, signal: Signal) -> Executable:
        """Return what keeps it no more."""
        return delete(signals).where(signals.c.id == signal.id)

    async def load(self) -> tuple[list[Incident], list[Signal]]:
        """Return what was not over, and what was not acknowledged. Raises LogUnavailable."""
        rows = await self._log.read(select(table))
        left = await self._log.read(select(signals).order_by(signals.c.number))
        self._number = max((row["number"] for row in left), default=0)
        return [Incident.from_row(dict(row)) for row in rows], [
            Signal.from_row(dict(row)) for row in left
        ]


def _row(incident: Incident) -> list[Executable]:
    if incident.stage.over:
        return [delete(table).where(table.c.id == incident.id)]
    return put(table, **incident.as_row())
