"""Releases: made, looked at, approved by the hash of what was looked at, sealed, fetched once.

This is the one way to an agency. Nothing here answers by itself, and there is no standing
consent: one preview, one person's word for it, one file. To withdraw works at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import wraps
import hashlib
import logging
from pathlib import Path
import re
import secrets
import shutil
from typing import Any, Concatenate, Protocol

from sqlalchemy import Executable, select

from ..log import Log, LogUnavailable, put
from ..log.files import written
from ..models import HOME_ACTOR, Actor, Asked, Picture, new_id, utc_now
from . import bundle
from .age import BadRecipient, sealed
from .bag import PAYLOAD, BagDamaged, pack
from .models import Release, ReleaseError, Scope, Stage
from .sink import Hashing
from .tables import releases as table

_LOGGER = logging.getLogger(__name__)

PREVIEW_LIFE = timedelta(days=1)
"""After that the owner looks again."""
LIFE = timedelta(days=7)
"""How long what was approved can be fetched."""
MOST_HOURS = 168
_ERASES = ("erased", "media_erased")
_ID = re.compile(r"[a-f][0-9a-f]{7}")

type Rows = Sequence[Executable]
type Enter = Callable[[Rows], Awaitable[None]]
"""Appends the entry of a step, with these rows in the same transaction."""


class Asking(Protocol):
    """What is asked of the home, as a release needs it."""

    async def asked(self, request_id: str) -> Asked:
        """Return a request. Raises what the room of the requests raises, LogUnavailable."""

    async def answer(self, request_id: str, state: str, enter: Enter) -> None:
        """Bring a request to a state, in the transaction of the entry that `enter` appends.

        Where it cannot come to that state the entry is appended alone.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a release needs of the home."""

    sharing: Callable[[], bool]
    second: Callable[[], bool]
    """The owner wants a second person to approve."""
    devices: Callable[[], frozenset[str]]
    pictures: Callable[[datetime, datetime], Awaitable[list[Picture]]]
    about: Callable[[str], Awaitable[bundle.About]]
    changed: Callable[[], None]
    spawn: Callable[[Coroutine[Any, Any, Any], str], asyncio.Task[Any]]


@dataclass(slots=True, eq=False)
class Sending:
    """A file on its way: a piece goes only as long as `may_go` says so."""

    release: Release
    path: Path
    may_go: Callable[[], bool]
    abort: Callable[[], object] = bool
    """Takes back what is on its way already; who sends it sets this."""


def whole[**P, T](
    change: Callable[Concatenate[Releases, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Releases, P], Coroutine[Any, Any, T]]:
    """Let a change go on to its end when whoever asked for it is gone."""

    @wraps(change)
    async def run(self: Releases, /, *args: P.args, **kwargs: P.kwargs) -> T:
        task = self.means.spawn(change(self, *args, **kwargs), "release")
        done: T = await asyncio.shield(task)
        return done

    return run


class Releases:
    """All of them: a folder each, and rows of the log's store."""

    def __init__(self, log: Log, folder: Path, asking: Asking, means: Means) -> None:
        """Take the log, the folder, the requests, and what else it needs."""
        self._log = log
        self._folder = folder
        self._asking = asking
        self.means = means
        self._changing = asyncio.Lock()
        self._stopped: set[str] = set()
        """Of these nothing goes any more, whatever the log says so far."""
        self._going: set[Sending] = set()
        self.delivered_this_year = 0
        """That residents may know of."""

    async def load(self) -> None:
        """Take up what was interrupted. Raises LogUnavailable."""
        if self._log.volatile:
            return
        async with self._changing:
            rows = await self._read()
            known = {one.id for one in rows if not one.stage.over}
            await asyncio.to_thread(_sweep, self._folder, known)
            for release in rows:
                await self._resume(release)
        await self.tidy(utc_now())

    async def _resume(self, release: Release) -> None:
        path = self._file(release)
        if release.stage is Stage.SENDING:
            stage = Stage.DELIVERED if release.delivered else Stage.SEALED
            release = replace(release, stage=stage)
            await self._enter(release, "interrupted", HOME_ACTOR, detail="restart")
        if release.stage.ready and not await asyncio.to_thread(path.is_file):
            await self._end(release, Stage.WITHDRAWN, "lost", HOME_ACTOR)
        elif release.stage is Stage.APPROVED:
            try:
                await self._seal(release, HOME_ACTOR)
            except ReleaseError as err:
                _LOGGER.warning("A release was not sealed yet: %s", err.key)

    # What is known

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

    async def looked_at(self, release_id: str, *, whole: bool) -> Path:
        """Return what the owner looks at: the report, or all of it as a zip file.

        Raises ReleaseError, LogUnavailable.
        """
        release = await self.get(release_id)
        if release.stage not in (Stage.PREVIEW, Stage.WAITING):
            raise ReleaseError("release_not_now")
        bag = self._bag(release)
        if not whole:
            return bag / PAYLOAD / "report.html"
        path = bag.with_name("preview.zip")
        try:
            await asyncio.to_thread(_write, bag, path, release, None)
        except BagDamaged, FileNotFoundError:
            raise ReleaseError("release_damaged") from None
        except OSError:
            raise ReleaseError("release_no_space") from None
        return path

    def _bag(self, release: Release) -> Path:
        return self._folder / release.id / "bag"

    # The way out, step by step

    @whole
    async def preview(self, request_id: str, scope: Scope, actor: Actor) -> Release:
        """Make what would go, for the owner to look at.

        An earlier preview of the request is over with it. Raises ReleaseError, what the
        room of the requests raises, LogUnavailable.
        """
        async with self._changing:
            asked = await self._asked(request_id)
            scope.check(asked)
            if before := await self.of_request(request_id):
                if before.stage not in (Stage.PREVIEW, Stage.DELIVERED):
                    raise ReleaseError("release_open")
                await self._end(before, Stage.EXPIRED, "expired", actor)
            now = utc_now().replace(microsecond=0)
            release = Release(
                id=new_id(),
                request=request_id,
                instrument=asked.instrument,
                agency_type=asked.agency_type,
                compelled=asked.compelled,
                gag=asked.gag,
                scope=scope,
                narrowed=scope.narrows(asked, self.means.devices()),
                recipient=asked.recipient,
                created=now,
                end=self._log.end,
                expires=now + PREVIEW_LIFE,
            )
            try:
                return await self._made(release, asked, actor)
            except BaseException:
                # Whatever it was: nothing is left of it.
                await asyncio.shield(self._forget(release.id))
                raise

    async def _made(self, release: Release, asked: Asked, actor: Actor) -> Release:
        scope = release.scope
        manifest, counts = await bundle.make(
            self._log,
            self._bag(release),
            asked,
            scope,
            await self.means.pictures(scope.since, scope.until),
            await self.means.about(release.id),
        )
        release = replace(release, manifest=manifest, counts=counts)
        await self._enter(release, "previewed", actor)
        return release

    @whole
    async def approve(self, release_id: str, manifest: str, actor: Actor) -> Release:
        """Let just that go which has this manifest; seal it, or wait for a second person.

        Of one that is approved and not sealed yet: seal it. Raises as `preview` does.
        """
        async with self._changing:
            release = await self.get(release_id)
            if release.manifest != manifest:
                raise ReleaseError("release_other")
            asked = await self._asked(release.request)
            if release.stage is Stage.APPROVED:
                return await self._seal(release, actor)
            await self._check_fresh(release, asked)
            if release.stage is Stage.WAITING:
                if not actor.ref or actor.ref == release.approved_by:
                    raise ReleaseError("release_same_person")
                return await self._approved(release, "seconded", actor)
            if release.stage is not Stage.PREVIEW:
                raise ReleaseError("release_not_now")
            release = replace(release, approved_by=actor.ref, approved=utc_now())
            if self.means.second() and not release.compelled:
                release = replace(release, stage=Stage.WAITING)
                await self._enter(release, "approved", actor, detail="first")
                return release
            return await self._approved(release, "approved", actor)

    async def _approved(self, release: Release, event: str, actor: Actor) -> Release:
        state = "narrowed" if release.narrowed else "approved"
        if release.compelled:
            state = "complied_by_law"
        expires = utc_now().replace(microsecond=0) + LIFE
        release = replace(release, stage=Stage.APPROVED, expires=expires)
        await self._answer(release, event, actor, state)
        return await self._seal(release, actor)

    async def _seal(self, release: Release, actor: Actor) -> Release:
        """Make the file of one that is approved; it is whole, or not there."""
        bag, path = self._bag(release), self._file(release)
        approval: dict[str, object] = {
            "release": release.id,
            "request": release.request,
            "instrument": release.instrument,
            "manifest_sha256": release.manifest,
            "approved": release.approved and release.approved.isoformat(),
            "compelled": release.compelled,
            "scope": release.scope.as_dict(),
            "expires": release.expires.isoformat(),
        }
        try:
            digest, size = await asyncio.to_thread(_write, bag, path, release, approval)
        except BagDamaged, FileNotFoundError:
            await self._end(release, Stage.WITHDRAWN, "lost", HOME_ACTOR)
            raise ReleaseError("release_damaged") from None
        except BadRecipient:
            raise ReleaseError("release_recipient") from None
        except OSError:
            raise ReleaseError("release_no_space") from None
        if release.id in self._stopped:
            raise ReleaseError("release_not_now")
        release = replace(release, stage=Stage.SEALED, sha256=digest, size=size)
        await self._answer(release, "sealed", actor, "sealed")
        await asyncio.to_thread(shutil.rmtree, bag, ignore_errors=True)
        return release

    @whole
    async def make_link(
        self, release_id: str, hours: int, actor: Actor
    ) -> tuple[Release, str]:
        """Return the secret of an address that gives the file once, in so many hours.

        An earlier address is good no more. Raises as `preview` does.
        """
        if not 1 <= hours <= MOST_HOURS:
            raise ReleaseError("release_hours", "hours")
        async with self._changing:
            release = await self._ready(release_id)
            secret = secrets.token_urlsafe(32)
            until = utc_now() + timedelta(hours=hours)
            release = replace(
                release, link=_hash(secret), link_until=min(until, release.expires)
            )
            await self._enter(release, "link", actor)
            return release, secret

    @whole
    async def carry(self, release_id: str, actor: Actor) -> Sending:
        """Give the file to the owner, who takes it to the agency. Raises as `preview` does."""
        async with self._changing:
            release = await self._ready(release_id)
            release = await self._delivered(release, actor, "carried")
            return self._sending(release)

    @whole
    async def begin(self, secret: str) -> Sending:
        """Give the file for the secret of an address: this once.

        Raises ReleaseError, whatever is wrong, and LogUnavailable: nothing goes then.
        """
        async with self._changing:
            found = await self._read(table.c.link == _hash(secret))
            if not found or not (until := found[0].link_until) or until <= utc_now():
                raise ReleaseError("release_not_found")
            release = await self._ready(found[0].id)
            release = replace(release, stage=Stage.SENDING, link="", link_until=None)
            await self._enter(release, "sending", HOME_ACTOR)
            return self._sending(release)

    def sent(self, sending: Sending) -> None:
        """Take note that nothing more of it goes."""
        self._going.discard(sending)

    @whole
    async def end(self, sending: Sending, *, done: bool) -> None:
        """Enter that the last byte is out, or that it did not come to that."""
        self.sent(sending)
        async with self._changing:
            release = await self.get(sending.release.id)
            if release.stage is not Stage.SENDING:
                return
            if done:
                await self._delivered(release, HOME_ACTOR, "link")
                return
            stage = Stage.DELIVERED if release.delivered else Stage.SEALED
            release = replace(release, stage=stage)
            await self._enter(release, "interrupted", HOME_ACTOR)

    async def _delivered(self, release: Release, actor: Actor, how: str) -> Release:
        done = replace(release, stage=Stage.DELIVERED, delivered=utc_now())
        await self._answer(done, "delivered", actor, "delivered", how)
        return done

    def _sending(self, release: Release) -> Sending:
        def may_go() -> bool:
            return release.id not in self._stopped and self._allowed(release.compelled)

        sending = Sending(release, self._file(release), may_go)
        self._going.add(sending)
        return sending

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
        """Withdraw all that nobody was compelled to. Raises LogUnavailable."""
        self._abort()
        for release in await self._read():
            if not release.compelled and not release.stage.over:
                await self.withdraw(release.id, actor)

    def _abort(self) -> None:
        """Take back what is on its way and may not go any more."""
        for sending in self._going:
            if not sending.may_go():
                sending.abort()

    @whole
    async def tidy(self, now: datetime) -> None:
        """End those whose time is over, or that name somebody who is to be forgotten.

        Raises LogUnavailable.
        """
        async with self._changing:
            for release in await self._read():
                if release.stage.over:
                    continue
                if release.expires <= now:
                    await self._end(release, Stage.EXPIRED, "expired", HOME_ACTOR)
                elif await self._erased_since(release, "person"):
                    await self._end(release, Stage.WITHDRAWN, "withdrawn", HOME_ACTOR)
            await self._summarize()

    async def _end(
        self, release: Release, stage: Stage, event: str, actor: Actor
    ) -> Release:
        """End one: its files first, then the entry, which may come later."""
        self._stopped.add(release.id)
        self._abort()
        await self._forget(release.id)
        was_out = release.delivered is not None
        waits = release.stage.pending
        release = replace(release, stage=stage, link="", link_until=None)
        state = "owner_review" if waits and not was_out else ""
        await self._answer(release, event, actor, state, keep=True)
        return release

    # What is needed for that

    async def _asked(self, request_id: str) -> Asked:
        """Return a request that may be answered. Raises ReleaseError and others."""
        asked = await self._asking.asked(request_id)
        if not self._allowed(asked.compelled):
            raise ReleaseError("release_sharing_off")
        if not asked.answerable:
            raise ReleaseError("release_not_answerable")
        if asked.compelled and not asked.documents:
            raise ReleaseError("release_no_document")
        return asked

    def _allowed(self, compelled: bool) -> bool:
        return compelled or self.means.sharing()

    async def _check_fresh(self, release: Release, asked: Asked) -> None:
        """Raise ReleaseError where what was looked at is not what is there now."""
        if release.expires <= utc_now():
            raise ReleaseError("release_old")
        if asked.recipient != release.recipient:
            raise ReleaseError("release_recipient_changed")
        release.scope.check(asked)
        if await self._erased_since(release):
            raise ReleaseError("release_stale")

    async def _erased_since(self, release: Release, reason: str = "") -> bool:
        """Tell whether anything was erased since it was made."""
        page = await self._log.entries(after=release.end - 1, limit=1000, kinds=_ERASES)
        return any(
            not reason or entry.fields["reason"] == reason for entry in page.entries
        )

    async def _ready(self, release_id: str) -> Release:
        """Return one of which there is a file to give now. Raises ReleaseError."""
        release = await self.get(release_id)
        if not release.stage.ready or release.id in self._stopped:
            raise ReleaseError("release_not_now")
        if release.expires <= utc_now():
            raise ReleaseError("release_old")
        if not self._allowed(release.compelled):
            raise ReleaseError("release_sharing_off")
        return release

    async def _answer(
        self,
        release: Release,
        event: str,
        actor: Actor,
        state: str,
        detail: str = "",
        *,
        keep: bool = False,
    ) -> None:
        """Enter a step by which the request comes to a state, if it does."""

        async def enter(rows: Rows) -> None:
            await self._enter(release, event, actor, detail, state, rows, keep=keep)

        if state:
            try:
                await self._asking.answer(release.request, state, enter)
            except LogUnavailable:
                if not keep:
                    raise
            else:
                return
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
        self.delivered_this_year = sum(
            1
            for one in await self._read()
            if one.delivered and one.delivered.year == year and not one.gag
        )
        self.means.changed()

    def _file(self, release: Release) -> Path:
        return self._folder / release.id / release.file_name

    async def _forget(self, release_id: str) -> None:
        await asyncio.to_thread(
            shutil.rmtree, self._folder / release_id, ignore_errors=True
        )


def _write(
    bag: Path, path: Path, release: Release, approval: dict[str, object] | None
) -> tuple[str, int]:
    """Write the file that goes, sealed, or what is looked at; return its SHA-256 and size."""
    name = f"release-{release.id}"
    with written(path) as file:
        out = Hashing(file)
        if release.recipient and approval:
            with sealed(out, release.recipient) as sink:
                pack(bag, name, release.manifest, approval, sink)
        else:
            pack(bag, name, release.manifest, approval, out)
    return out.sha256, out.size


def _sweep(folder: Path, known: set[str]) -> None:
    """Take away what no release has any more."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if path.name not in known and path.is_dir():
            shutil.rmtree(path, ignore_errors=True)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
