"""What is known of releases, kept with its entry, and what stops them: that works at once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
import re
import shutil
from typing import Any, Protocol

from sqlalchemy import Executable, select

from ..log import Log, LogUnavailable, put
from ..models import Actor, Asked, Picture, utc_now
from ..whole import Spawn, whole
from .bundle import About
from .models import Release, ReleaseError, Stage
from .tables import releases as table

_ID = re.compile(r"[a-f][0-9a-f]{7}")

type Rows = Sequence[Executable]
type Enter = Callable[[Rows], Awaitable[None]]
"""Appends the entry of a step, with these rows in the same transaction."""


class Asking(Protocol):
    """What is asked of the home, as a release needs it."""

    async def asked(self, request_id: str) -> Asked:
        """Return a request. Raises what the room of the requests raises, LogUnavailable."""

    async def answer(
        self, request_id: str, state: str, enter: Enter, *, must: bool
    ) -> bool:
        """Bring a request to a state, in the transaction of the entry that `enter` appends.

        Where it cannot come to it the entry is appended alone; with `must` it is not, and
        this returns False.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a release needs of the home."""

    sharing: Callable[[], bool]
    second: Callable[[], bool]
    """The owner wants a second person to approve."""
    devices: Callable[[], frozenset[str]]
    pictures: Callable[[datetime, datetime], Awaitable[list[Picture]]]
    about: Callable[[str], Awaitable[About]]
    changed: Callable[[], None]
    spawn: Spawn


@dataclass(slots=True, eq=False)
class Sending:
    """A file on its way: a piece goes only as long as `may_go` says so."""

    release: Release
    path: Path
    may_go: Callable[[], bool]
    abort: Callable[[], object] = bool
    """Takes back what is on its way already; who sends it sets this."""
    sent: int = 0
    """Bytes that are out."""

    @property
    def done(self) -> bool:
        """Tell whether all of it is out."""
        return self.sent == self.release.size


class Records:
    """All releases: a folder each, and rows of the log's store."""

    def __init__(self, log: Log, folder: Path, asking: Asking, means: Means) -> None:
        """Take the log, the folder, the requests, and what else it needs."""
        self._log = log
        self._folder = folder
        self._asking = asking
        self.means = means
        self.spawn = means.spawn
        self._changing = asyncio.Lock()
        self._stopped: set[str] = set()
        """Of these nothing goes any more, whatever the log says so far."""
        self._off_at = -1
        """Sharing was off when the log was so long: what is older needs a new approval."""
        self._closed = False
        self._going: set[Sending] = set()
        self._links: set[str] = set()
        self.delivered_this_year = 0
        """That residents may know of."""

    async def get(self, release_id: str) -> Release:
        """Return one. Raises ReleaseError, LogUnavailable."""
        found = await self._read(table.c.id == release_id)
        if not found:
            raise ReleaseError("release_not_found")
        return found[0]

    async def of_request(self, request_id: str) -> Release | None:
        """Return the newest of a request, if there is one that is not over."""
        found = await self._read(table.c.request == request_id)
        return next((one for one in found if not one.stage.over), None)

    # To stop it

    async def withdraw(self, release_id: str, actor: Actor) -> Release:
        """Let nothing of it go any more. Raises ReleaseError, LogUnavailable.

        It works at once: from here on no byte goes, and the file is away before the log
        is asked.
        """
        # It names a folder.
        if not _ID.fullmatch(release_id):
            raise ReleaseError("release_not_found")
        self._stopped.add(release_id)
        self._abort()
        await self._forget(release_id)
        return await self._withdraw(release_id, actor)

    @whole
    async def _withdraw(self, release_id: str, actor: Actor) -> Release:
        async with self._changing:
            release = await self.get(release_id)
            if release.stage.over:
                return release
            return await self._end(release, Stage.WITHDRAWN, "withdrawn", actor)

    async def withdraw_voluntary(self, actor: Actor) -> None:
        """Withdraw all that nobody was compelled to: sharing is off. Raises LogUnavailable.

        Whatever the log does, what was approved until now goes no more.
        """
        self._off_at = self._log.end
        self._abort()
        for release in await self._read():
            if not release.compelled and not release.stage.over:
                await self.withdraw(release.id, actor)

    def stop(self) -> None:
        """Let nothing go any more: the home ends."""
        self._closed = True
        self._abort()

    def _abort(self) -> None:
        """Take back what is on its way and may not go any more."""
        for sending in list(self._going):
            if not sending.may_go():
                sending.abort()

    async def _end(
        self,
        release: Release,
        stage: Stage,
        event: str,
        actor: Actor,
        detail: str = "",
    ) -> Release:
        """End one: its files first, then the entry, which may come later."""
        self._stopped.add(release.id)
        self._abort()
        await self._forget(release.id)
        state = ""
        going = self._on_its_way(release)
        # Where nobody knows, some of it is out.
        out = not going or any(one.sent for one in going)
        if release.stage is Stage.SENDING and out:
            release, state = replace(release, delivered=utc_now()), "delivered"
        elif release.stage.pending and release.delivered is None:
            state = "owner_review"
        release = replace(release, stage=stage, link="", link_until=None)
        await self._answer(release, event, actor, state, detail, keep=True)
        return release

    def _on_its_way(self, release: Release) -> list[Sending]:
        return [one for one in self._going if one.release.id == release.id]

    # What may go

    def _allowed(self, release: Release) -> bool:
        """Tell whether anything of it may go now."""
        return not self._closed and self._shared(release)

    def _shared(self, release: Release) -> bool:
        """Tell whether it is compelled, or sharing was on ever since it was made."""
        on = self.means.sharing() and release.end >= self._off_at
        return release.compelled or on

    async def _asked(self, request_id: str) -> Asked:
        """Return a request that may be answered. Raises ReleaseError and others."""
        asked = await self._asking.asked(request_id)
        if not asked.compelled and not self.means.sharing():
            raise ReleaseError("release_sharing_off")
        if not asked.answerable:
            raise ReleaseError("release_not_answerable")
        if asked.compelled and not asked.documents:
            raise ReleaseError("release_no_document")
        return asked

    async def _happened(
        self, release: Release, kinds: Sequence[str], reason: str = ""
    ) -> bool:
        """Tell whether something was entered since it was made, for a reason or any."""
        page = await self._log.entries(after=release.end - 1, limit=1000, kinds=kinds)
        return any(
            not reason or entry.fields["reason"] == reason for entry in page.entries
        )

    async def _forgets(self, release: Release) -> bool:
        """Tell whether somebody was to be forgotten since it was made."""
        return await self._happened(release, ("erased", "media_erased"), "person")

    # Kept with its entry

    async def _answer(
        self,
        release: Release,
        event: str,
        actor: Actor,
        state: str,
        detail: str = "",
        *,
        must: bool = False,
        keep: bool = False,
    ) -> None:
        """Enter a step by which the request comes to a state, if it does."""
        entered = False

        async def enter(rows: Rows) -> None:
            nonlocal entered
            await self._enter(release, event, actor, detail, state, rows, keep=keep)
            entered = True

        if not state:
            await enter(())
            return
        try:
            if not await self._asking.answer(release.request, state, enter, must=must):
                raise ReleaseError("release_not_answerable")
        except LogUnavailable:
            if not keep:
                raise
            if not entered:
                await enter(())

    async def _enter(
        self,
        release: Release,
        event: str,
        actor: Actor,
        detail: str = "",
        state: str = "",
        rows: Rows = (),
        *,
        keep: bool = False,
    ) -> None:
        statements = [*put(table, **release.as_row()), *rows]
        append = self._log.append_or_keep if keep else self._log.append
        await append(
            "release",
            release.entry(event, actor, state if rows else "", detail),
            also=lambda _: statements,
        )
        await self._summarize()

    async def _read(self, *conditions: Any) -> list[Release]:
        query = select(table).where(*conditions).order_by(table.c.created.desc())
        return [Release.from_row(dict(row)) for row in await self._log.read(query)]

    async def _summarize(self) -> None:
        year = utc_now().year
        rows = await self._read()
        self._links = {one.link for one in rows if one.link}
        self.delivered_this_year = sum(
            1
            for one in rows
            if one.delivered and one.delivered.year == year and not one.gag
        )
        self.means.changed()

    # Its files

    def _bag(self, release: Release) -> Path:
        return self._folder / release.id / "bag"

    def _file(self, release: Release) -> Path:
        return self._folder / release.id / release.file_name

    async def _forget(self, release_id: str) -> None:
        folder = self._folder / release_id
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
