"""Codes in the log: each step an entry, the rows in the same transaction."""

from collections import Counter
from datetime import datetime

from sqlalchemy import Executable, delete, select, update

from ..log import Log, put
from ..models import HOME_ACTOR, Actor
from .code_models import Code, Placement
from .ledger import count_uses
from .tables import codes, placements


class CodeLedger:
    """Writes what becomes of codes, and reads what is left of them at the start."""

    def __init__(self, log: Log) -> None:
        """Take the log; who holds a code stays known while there is one."""
        self._log = log
        log.care.need(select(codes.c.holder_seq))

    def _fields(
        self, code: Code, event: str, lock: str, detail: str, actor: Actor
    ) -> dict[str, str | int]:
        when = code.when
        return {
            "code": code.id,
            "event": event,
            "lock": lock,
            "start": _text(when.start),
            "end": _text(when.end),
            "schedule": when.schedule,
            "uses": when.uses,
            "detail": detail,
            **actor.fields(),
        }

    async def change(self, code: Code, event: str, actor: Actor) -> None:
        """Enter a change of a code, with its row. Raises LogUnavailable: nothing is kept."""
        statements = [*put(codes, **code.as_row()), *self._places(code)]
        await self._log.append(
            "code", self._fields(code, event, "", "", actor), also=lambda _: statements
        )

    async def name(self, code: Code) -> None:
        """Enter whose code it is: it stays known as long as there is the code."""
        row = codes.c.id == code.id
        entry = await self._log.append_or_keep(
            "holder",
            {"code": code.id, **code.actor.fields()},
            also=lambda seq: [update(codes).where(row).values(holder_seq=seq)],
        )
        if entry is not None:
            code.holder_seq = entry.seq

    async def note(
        self, code: Code, event: str, actor: Actor = HOME_ACTOR, detail: str = ""
    ) -> None:
        """Enter what became of a code, now or when the log can be written again."""
        statements = [*put(codes, **code.as_row()), *self._places(code)]
        await self._log.append_or_keep(
            "code",
            self._fields(code, event, "", detail, actor),
            also=lambda _: statements,
        )

    async def gone(self, code: Code) -> None:
        """Enter that no lock has the code any more; its rows go."""
        statements: list[Executable] = [
            delete(codes).where(codes.c.id == code.id),
            delete(placements).where(placements.c.code == code.id),
        ]
        await self._log.append_or_keep(
            "code",
            self._fields(code, "removed", "", "", HOME_ACTOR),
            also=lambda _: statements,
        )

    async def intend(self, code: Code, place: Placement, event: str) -> None:
        """Enter what a lock is to be told. Raises LogUnavailable: it must not be told."""
        statements = put(placements, **code.place_row(place))
        await self._log.append(
            "code",
            self._fields(code, event, place.lock, "", HOME_ACTOR),
            also=lambda _: statements,
        )

    async def outcome(
        self, code: Code, place: Placement, event: str, detail: str = ""
    ) -> None:
        """Enter what a lock answered, or what was found on it."""
        statements: list[Executable] = put(placements, **code.place_row(place))
        if place.lock not in code.places:
            statements = statements[:1]
        await self._log.append_or_keep(
            "code",
            self._fields(code, event, place.lock, detail, HOME_ACTOR),
            also=lambda _: statements,
        )

    async def left(self, code: Code, place: Placement) -> None:
        """Enter that a lock has left the home, and with it what was known of the code."""
        row = placements.c
        statements = [
            delete(placements).where(row.code == code.id, row.lock == place.lock),
            *put(codes, **code.as_row()),
        ]
        await self._log.append_or_keep(
            "code",
            self._fields(code, "lock_removed", place.lock, "", HOME_ACTOR),
            also=lambda _: statements,
        )

    def _places(self, code: Code) -> list[Executable]:
        statements: list[Executable] = []
        for place in code.places.values():
            statements += put(placements, **code.place_row(place))
        return statements

    async def load(self) -> list[Code]:
        """Return the codes there are, with the uses that are in the log.

        Raises LogUnavailable.
        """
        found = {
            row["id"]: Code.from_row(dict(row))
            for row in await self._log.read(select(codes))
        }
        for row in await self._log.read(select(placements)):
            if row["code"] in found:
                found[row["code"]].take_place(dict(row))
        # An access may be entered whose use was not: we stopped in between.
        limited = [code for code in found.values() if code.when.uses]
        counted = await self.uses(limited)
        for code in limited:
            code.used = max(code.used, counted[code.id])
        return list(found.values())

    async def uses(self, codes: list[Code]) -> Counter[str]:
        """Return how often the log says that each of these opened a door.

        Raises LogUnavailable.
        """
        if not codes:
            return Counter()
        since = min(code.made for code in codes)
        return await count_uses(self._log, since, "actor")


def _text(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
