"""What a home does with grants while it is killed, and what the next start finds."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
import json
import os
from pathlib import Path
import time
from typing import Any

from custom_components.smartlock_le.access.models import GrantMethod
from custom_components.smartlock_le.home import Home
from custom_components.smartlock_le.locks.nuki.client import Credentials
from custom_components.smartlock_le.models import DoorCommand

from .far import ask, connector
from .homes import OWNER, busy, impatient, only_lock, request, running, settled

PATIENCE = 15.0


class Worker:
    """A process with a home in it, which says what it was told."""

    def __init__(self, folder: Path, lock: Path, pipe: int) -> None:
        """Keep the home in `folder`; its lock is behind the socket `lock`."""
        self.folder = folder
        self.lock = lock
        self._pipe = pipe

    def say(self, **what: Any) -> None:
        """Say that something is so: at once, and whole."""
        data = json.dumps(what).encode() + b"\n"
        while data:
            data = data[os.write(self._pipe, data) :]

    async def ask(self, do: str, **what: Any) -> dict[str, Any]:
        """Ask the lock."""
        return await asyncio.to_thread(ask, self.lock, do, **what)

    async def run(
        self, address: str, work: Work, credentials: Credentials | None = None
    ) -> None:
        """Start the home, wait until it has read its lock, work, stop."""
        with ExitStack() as patched:
            for patch in impatient(connector(self.lock), 2.0):
                patched.enter_context(patch)
            async with running(self.folder, address, credentials) as home:
                home.log.listen(lambda: self._durable(home))
                self._durable(home)
                await self.until(lambda: not busy(home))
                await work(self, home)

    def _durable(self, home: Home) -> None:
        self.say(origin=home.log.origin, note=home.log.checkpoint, size=home.log.size)

    async def until(self, condition: Callable[[], bool]) -> bool:
        """Wait until something is so; tell whether it is."""
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                return False
            await asyncio.sleep(0.01)
        return True

    async def grant(
        self, home: Home, method: GrantMethod, *, first_use: bool = False
    ) -> tuple[str, str]:
        """Open a grant, say so; return its id and its code."""
        opened = await home.grants.open(
            request(home, method, first_use=first_use), OWNER
        )
        self.say(granted=opened.grant.id, end=opened.grant.end.isoformat())
        return opened.grant.id, opened.code

    async def press(self, home: Home, code: str) -> None:
        """Type a code, and wait until the home knows."""
        await self.ask("press", code=int(code))
        self.say(pressed=True)
        only_lock(home).driver.on_news()
        await asyncio.sleep(0.05)
        only_lock(home).driver.on_news()
        await self.until(lambda: not busy(home))


type Work = Callable[[Worker, Home], Awaitable[None]]


async def nothing(_worker: Worker, _home: Home) -> None:
    """Start and stop."""


async def grant(worker: Worker, home: Home) -> None:
    """Open a grant, unlock the door with it."""
    await worker.grant(home, GrantMethod.CODE)
    await worker.grant(home, GrantMethod.BOTH)


async def extend(worker: Worker, home: Home) -> None:
    """Extend a grant."""
    grant_id, _ = await worker.grant(home, GrantMethod.CODE)
    extended = await home.grants.extend(grant_id, 90, OWNER)
    worker.say(granted=grant_id, end=extended.end.isoformat())


async def use(worker: Worker, home: Home) -> None:
    """Use a grant that ends with its first use, and one that does not."""
    _, code = await worker.grant(home, GrantMethod.CODE)
    await worker.press(home, code)
    grant_id, code = await worker.grant(home, GrantMethod.CODE, first_use=True)
    worker.say(ending=grant_id)
    await worker.press(home, code)


async def revoke(worker: Worker, home: Home) -> None:
    """Revoke a grant."""
    grant_id, _ = await worker.grant(home, GrantMethod.CODE)
    worker.say(ending=grant_id)
    if await home.grants.revoke(grant_id, OWNER):
        worker.say(revoked=grant_id)


async def door(worker: Worker, home: Home) -> None:
    """Move the door."""
    for command in (DoorCommand.UNLOCK, DoorCommand.LOCK, DoorCommand.OPEN):
        await only_lock(home).command(command, OWNER)
        worker.say(moved=command.value)


WORKS: dict[str, Work] = {
    "grant": grant,
    "extend": extend,
    "use": use,
    "revoke": revoke,
    "door": door,
}


async def find(worker: Worker, home: Home) -> None:
    """Wait until home and lock agree, and say all that the judge must know."""
    note = json.loads(os.environ["FAULTS_NOTE"])
    names: set[str] = set()

    async def look() -> None:
        told = await worker.ask("tell")
        names.clear()
        names.update(c["name"] for c in told["codes"] if c["name"].startswith("LE "))

    calm = False
    end = time.monotonic() + PATIENCE
    while not calm and time.monotonic() < end:
        await look()
        calm = settled(home, names)
        await asyncio.sleep(0.02)
    grown = True
    if note.get("note"):
        grown = note["origin"] == home.log.origin and note["size"] <= home.log.size
        await home.log.prove_growth(note["note"])
    report = await home.log.verify()
    entries: list[dict[str, Any]] = []
    after: int | None = -1
    while after is not None:
        page = await home.log.entries(after=after, limit=500)
        entries += [{"seq": e.seq, **e.fields} for e in page.entries]
        after = page.next_after
    worker.say(
        found=True,
        calm=calm,
        grown=grown,
        verified=report.ok,
        entries=entries,
        lock=await worker.ask("tell"),
        open={
            g.id: [g.marker, g.end.isoformat(), g.state.value]
            for g in home.grants.open_grants()
        },
    )
