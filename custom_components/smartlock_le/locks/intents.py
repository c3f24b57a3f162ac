"""Door commands in the log: the intent before, the outcome after, what was found."""

from collections.abc import Sequence

from sqlalchemy import Executable, delete, insert, select, update

from ..log import Log
from ..models import Actor, DoorCommand
from .driver import Bolt
from .tables import intents


class Intents:
    """The commands to one lock; each keeps its row until its end is known."""

    def __init__(self, log: Log, lock_id: str) -> None:
        """Take the log and the lock's id."""
        self._log = log
        self._lock = lock_id
        self._loose = True
        """There may be commands whose end is not known."""

    async def enter(
        self, token: str, command: DoorCommand, actor: Actor, grant: str
    ) -> int:
        """Enter a command; return its seq, -1 where it could not be durable."""

        def remember(seq: int) -> list[Executable]:
            row = {"id": token, "seq": seq, "lock": self._lock}
            return [insert(intents).values(**row, command=command.value, answered=0)]

        entry = await self._log.append_or_keep(
            "command",
            {
                "lock": self._lock,
                "command": command.value,
                **actor.fields(),
                "grant": grant,
            },
            also=remember,
        )
        return entry.seq if entry else -1

    async def outcome(
        self, token: str, seq: int, result: str, detail: str = ""
    ) -> None:
        """Enter what the lock answered; `unknown` keeps the row."""
        row = intents.c.id == token
        unknown = result == "unknown"
        self._loose |= unknown
        kept = update(intents).where(row).values(answered=1)
        await self._log.append_or_keep(
            "outcome",
            {"lock": self._lock, "intent": seq, "result": result, "detail": detail},
            also=lambda _: [kept if unknown else delete(intents).where(row)],
        )

    async def close(self, bolt: Bolt, *, running: bool) -> None:
        """Say what was found of every command whose end is not known.

        While one is `running` its answer is still to come. Raises LogUnavailable.
        """
        if not self._loose:
            return
        query = select(intents).where(intents.c.lock == self._lock)
        if running:
            query = query.where(intents.c.answered == 1)
        for row in await self._log.read(query.order_by(intents.c.seq)):
            if not row["answered"]:
                await self.outcome(
                    row["id"], row["seq"], "unknown", "stopped in between"
                )
            await self.found(row["id"], row["seq"], bolt)
        # What waits in memory to be written may be such a command, too.
        self._loose = running or self._log.backlog > 0

    async def found(
        self, token: str, seq: int, bolt: Bolt, also: Sequence[Executable] = ()
    ) -> None:
        """Enter how the lock stands; `seq` -1: not because of a command."""
        await self._log.append_or_keep(
            "found",
            {"lock": self._lock, "intent": seq, "state": bolt.value},
            also=lambda _: [delete(intents).where(intents.c.id == token), *also],
        )
