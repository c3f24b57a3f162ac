"""How long the log keeps what it knows: retention, holds, one person's wish, backups."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
import logging
from typing import Any

from sqlalchemy import Select, select

from ..listeners import Listeners
from ..models import new_id
from .canonical import Value, microseconds, moment, stamp
from .erasure import Eraser, Plan
from .errors import LogRefused
from .kinds import check_time
from .model import Also, Entry
from .restart import SNAPSHOT
from .sqlite import Sqlite
from .store import Store
from .tables import holds

_LOGGER = logging.getLogger(__name__)

RETENTION_DAYS = 90
"""How long bodies are kept unless the owner says otherwise."""
_LONG = timedelta(days=30)
_TRUST_SECONDS = 86_400.0
"""How long a clock that leapt must run on before anything is erased by it."""

type Append = Callable[..., Awaitable[Entry]]
type Run = Callable[[Callable[[], Any]], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Hold:
    """What must not be erased: entries whose time is in the window, of one lock or all."""

    id: str
    lock: str
    since: datetime
    until: datetime

    def covers(self, time: datetime, lock: str) -> bool:
        """Tell whether what happened then, at this lock, must stay."""
        return self.since <= time < self.until and self.lock in ("", lock)


class Care:
    """Erases what is due, keeps what is held, and enters both."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], datetime],
        append: Append,
        read: Run,
        write: Run,
        reading: asyncio.Lock,
    ) -> None:
        """Take the store, what appends, and what runs in the threads of readers and writer.

        `reading` is held by whoever needs bodies and keys to stay as they are.
        """
        self._store = store
        self._clock = clock
        self._append = append
        self._read = read
        self._write = write
        self._reading = reading
        self._eraser = Eraser(store.reader, store.key)
        self._needs: list[Select[Any]] = []
        self._person_erased = Listeners[()]()
        self._loop = asyncio.get_running_loop()
        self._wall, self._ran = check_time(clock()), self._loop.time()
        self._leapt = self._ran if store.idle > _LONG else None
        self.paused = False
        """A backup is being written: bodies and keys must go into it together."""

    async def begin_backup(self) -> None:
        """Put a snapshot beside the store, which changes while it is copied.

        Nothing is erased until `end_backup`. Raises LogUnavailable.
        """
        async with self._reading:
            # A server's database is in the server's own backups.
            if isinstance(database := self._store.database, Sqlite):
                path = self._store.folder / SNAPSHOT
                await self._read(partial(database.snapshot, path))
            self.paused = True

    async def end_backup(self) -> None:
        """Take the snapshot away again."""
        self.paused = False
        path = self._store.folder / SNAPSHOT
        await self._loop.run_in_executor(None, partial(path.unlink, missing_ok=True))

    def need(self, numbers: Select[Any]) -> None:
        """Keep the entries whose numbers this SELECT gives: open objects need them."""
        self._needs.append(numbers)

    async def retain(self, days: int = RETENTION_DAYS) -> Plan:
        """Erase the bodies, and the keys, of all days older than so many days.

        Raises LogUnavailable; nothing is erased then, or keys stay until the next time.
        """
        if not self.trusts_clock():
            _LOGGER.warning("The clock leapt by weeks: nothing is erased by it today")
            return Plan()
        async with self._reading:
            if self.paused:
                return Plan()
            today = check_time(self._clock()).toordinal()
            upto = await self._write(
                partial(self._store.turn_epoch, before=today - days)
            )
            plan = await self._read(
                partial(self._eraser.old, today, days, upto, self._needs)
            )
            return await self._carry_out(
                plan,
                {"reason": "retention", "actor_kind": "home"}
                | dict.fromkeys(("actor", "actor_name"), ""),
            )

    async def erase_person(self, name: str, actor: Mapping[str, str]) -> Plan:
        """Erase from all entries of a person who it was; the entries stay otherwise.

        `actor` are the fields of who asks.
        Raises LogRefused (`backup_running`), LogUnavailable, and nothing is erased then.
        """
        async with self._reading:
            if self.paused:
                raise LogRefused("backup_running")
            upto = await self._write(self._store.turn_epoch)
            plan = await self._read(
                partial(self._eraser.person, name, upto, self._needs)
            )
            done = await self._carry_out(plan, {"reason": "person", **actor})
        self._person_erased.tell()
        return done

    def on_person_erased(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Have `listener` called when entries say no more who it was: see `erasures`."""
        return self._person_erased.add(listener)

    async def of_person(self, name: str) -> list[int]:
        """Return the numbers of the entries that name a person. Raises LogUnavailable."""

        def find() -> list[int]:
            return [row["seq"] for row in self._eraser.of_person(name)]

        found: list[int] = await self._read(find)
        return found

    async def _carry_out(self, plan: Plan, fields: Mapping[str, Value]) -> Plan:
        """Enter an erasure and do it, then destroy its keys."""
        if plan.gone or plan.epochs:
            await self._append(
                "erased", {**plan.fields, **fields}, also=plan.statements
            )
        # Always: what could not be destroyed the last time may be now.
        await self._write(self._store.forget)
        return plan

    @asynccontextmanager
    async def undisturbed(self) -> AsyncIterator[bool]:
        """Have nothing verified, copied or erased meanwhile; gives False in a backup.

        Whoever erases files that entries name must hold this.
        """
        async with self._reading:
            yield not self.paused

    def trusts_clock(self) -> bool:
        """Tell whether the clock may erase: it leapt by no weeks since a day ago."""
        wall, ran = check_time(self._clock()), self._loop.time()
        if wall - self._wall - timedelta(seconds=ran - self._ran) > _LONG:
            self._leapt = ran
        self._wall, self._ran = wall, ran
        return self._leapt is None or ran - self._leapt >= _TRUST_SECONDS

    async def hold(
        self,
        since: datetime,
        until: datetime,
        reason: str,
        actor: Mapping[str, str],
        *,
        lock: str = "",
    ) -> Hold:
        """Keep the entries of a window from erasure until the hold is lifted.

        Raises LogRefused (`window_empty`), BadEntry, LogUnavailable.
        """
        held = Hold(new_id(), lock, check_time(since), check_time(until))
        if held.since >= held.until:
            raise LogRefused("window_empty")
        async with self._reading:
            await self._enter(
                held,
                "placed",
                reason,
                actor,
                lambda seq: (
                    holds.insert().values(
                        id=held.id,
                        seq=seq,
                        lock=held.lock,
                        since=microseconds(held.since),
                        until=microseconds(held.until),
                    ),
                ),
            )
        return held

    async def lift(self, hold_id: str, reason: str, actor: Mapping[str, str]) -> Hold:
        """End a hold; what it kept goes when it is due. Raises LogRefused, LogUnavailable."""
        async with self._reading:
            held = next((h for h in await self.holds() if h.id == hold_id), None)
            if held is None:
                raise LogRefused("hold_not_found")
            await self._enter(
                held,
                "lifted",
                reason,
                actor,
                lambda _: (holds.delete().where(holds.c.id == hold_id),),
            )
        return held

    async def holds(self) -> list[Hold]:
        """Return the holds that were not lifted. Raises LogUnavailable."""
        rows = await self._read(
            partial(self._store.reader.read, select(holds).order_by(holds.c.seq))
        )
        return [
            Hold(row["id"], row["lock"], moment(row["since"]), moment(row["until"]))
            for row in rows
        ]

    async def _enter(
        self,
        held: Hold,
        event: str,
        reason: str,
        actor: Mapping[str, str],
        also: Also,
    ) -> None:
        await self._append(
            "hold",
            {
                "hold": held.id,
                "event": event,
                "reason": reason,
                "lock": held.lock,
                "since": stamp(held.since),
                "until": stamp(held.until),
                **actor,
            },
            also=also,
        )
