"""Incidents in the log: each step an entry, the rows in the same transaction."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
import logging
from typing import Any

from sqlalchemy import Executable, RowMapping, delete, select
from sqlalchemy.exc import SQLAlchemyError

from ..log import MAX_TEXT, Log, LogError, LogUnavailable, put
from ..models import HOME_ACTOR, Actor, utc_now
from .models import Incident, Signal, Way
from .tables import incidents as table, signals, told

EXERCISE = "exercise"
"""The status of what is entered of a drill."""
_LOGGER = logging.getLogger(__name__)


class Ledger:
    """Writes what becomes of incidents, and reads what is left of them at the start."""

    def __init__(self, log: Log, real: Ledger | None = None) -> None:
        """Take the log; for drills, of which nothing but entries is kept, the `real` one."""
        self._log = log
        self._real = real
        # So many are not sent in all the seconds since the last start.
        self._number = int(utc_now().timestamp())

    async def enter(
        self,
        incident: Incident,
        event: str,
        actor: Actor,
        detail: str = "",
        *,
        contact: str = "",
        rows: Sequence[Executable] = (),
    ) -> int:
        """Enter a step of an incident, with its row; return its number.

        It goes on without the log (-1 then): life first.
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

    async def signalled(
        self, signal: Signal, by_whom: str, rows: Sequence[Executable] = ()
    ) -> None:
        """Enter that a signal was received, of what is over already, or by a webhook."""
        said = _of_signal(signal, "signalled", f"{signal.what} {by_whom}")
        await self._append(said, HOME_ACTOR, [self.drop(signal), *rows])

    async def enter_held(
        self, said: dict[str, str | int], actor: Actor, when: datetime
    ) -> bool:
        """Enter a step that was held back, with the time when it happened.

        Returns whether it need not be held any longer: it is durable, or never will be.
        """
        try:
            fields = self._fields(said, actor)
            await self._log.append("incident", fields, time=when)
        except LogUnavailable:
            return False
        except (LogError, SQLAlchemyError) as err:
            _LOGGER.error("An incident was not entered: %s", type(err).__name__)
        return True

    def keep_told(self, way: Way, incident: str, refers: str) -> list[Executable]:
        """Return what keeps what was told of an incident by this way."""
        return put(told[way], incident=incident, refers=refers)

    def drop_told(self, incident: str) -> list[Executable]:
        """Return what keeps that no more."""
        return [delete(one).where(one.c.incident == incident) for one in told.values()]

    async def told(self, way: Way) -> dict[str, str]:
        """Return what was told by a way, by incident. Raises LogUnavailable."""
        rows = await self._log.read(select(told[way]))
        return {row["incident"]: row["refers"] for row in rows}

    async def _append(
        self,
        said: dict[str, str | int],
        actor: Actor,
        rows: list[Executable],
    ) -> int:
        try:
            entry = await self._log.append_or_keep(
                "incident",
                self._fields(said, actor),
                also=None if self._real else lambda _: rows,
            )
        except (LogError, SQLAlchemyError) as err:
            # Whatever the log has against it: help does not wait for that.
            _LOGGER.error("An incident was not entered: %s", type(err).__name__)
            return -1
        return -1 if entry is None else entry.seq

    def _fields(self, said: dict[str, str | int], actor: Actor) -> dict[str, str | int]:
        who = {name: text[:MAX_TEXT] for name, text in actor.fields().items()}
        return {**said, "status": EXERCISE if self._real else "actual", **who}

    async def give_up(self, signal: Signal, reason: str) -> None:
        """Enter that a signal is not sent any more, and why."""
        said = _of_signal(signal, "not_signalled", signal.by_its_way(reason))
        await self._append(said, HOME_ACTOR, [self.drop(signal)])

    def number(self) -> int:
        """Return the number of the next signal; never one that was before."""
        if self._real:
            # A centre takes two of one number for the same.
            return self._real.number()
        self._number += 1
        return self._number

    def keep(self, signal: Signal) -> list[Executable]:
        """Return what keeps a signal until it is acknowledged."""
        return put(signals[signal.way], **signal.as_row())

    def drop(self, signal: Signal) -> Executable:
        """Return what keeps it no more."""
        table = signals[signal.way]
        return delete(table).where(table.c.id == signal.id)

    async def load(self) -> tuple[list[Incident], list[Signal]]:
        """Return what was not over, and what was not acknowledged. Raises LogUnavailable."""
        rows = await self._log.read(select(table))
        waiting: list[Signal] = []
        for way, kept in signals.items():
            left = await self._log.read(select(kept).order_by(kept.c.number))
            self._number = max((self._number, *(row["number"] for row in left)))
            waiting += _readable(left, partial(Signal.from_row, way=way))
        return _readable(rows, Incident.from_row), waiting


def _readable[Kept](
    rows: Sequence[RowMapping], read: Callable[[dict[str, Any]], Kept]
) -> list[Kept]:
    """Return what can be read: the rest was written by another version."""
    found = []
    for row in rows:
        try:
            found.append(read(dict(row)))
        except (KeyError, ValueError) as err:
            _LOGGER.error("An incident cannot be read: %s", type(err).__name__)
    return found


def _of_signal(signal: Signal, event: str, detail: str) -> dict[str, str | int]:
    return {
        "incident": signal.incident,
        "event": event,
        "cause": signal.kind.value,
        "stage": "",
        "source": "",
        "level": 0,
        "contact": "",
        "detail": detail,
    }


def _row(incident: Incident) -> list[Executable]:
    if incident.stage.over and not incident.news:
        return [delete(table).where(table.c.id == incident.id)]
    return put(table, **incident.as_row())
