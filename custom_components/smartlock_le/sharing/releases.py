"""Releases: made, looked at, approved by the hash of what was looked at, sealed.

This is the one way of the log and the pictures to an agency. Nothing here answers by
itself, and there is no standing consent: one preview, one person's word for it, one file.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
import logging
from pathlib import Path
import shutil

import orjson

from ..log import LogUnavailable
from ..log.files import written
from ..models import HOME_ACTOR, Actor, Asked, new_id, utc_now
from ..whole import whole
from . import bundle
from .age import BadRecipient, check, sealed
from .bag import PAYLOAD, BagDamaged, pack
from .giving import Giving
from .models import Release, ReleaseError, Scope, Stage
from .sink import Hashing

_LOGGER = logging.getLogger(__name__)

PREVIEW_LIFE = timedelta(days=1)
"""After that the owner looks again."""
LIFE = timedelta(days=7)
"""How long what was approved can be fetched."""
_APPROVAL = "approval.json"
_PROOF = "approval.zip"
_OF_WHOM = ("actor", "actor_name")


class Releases(Giving):
    """The way out, step by step."""

    _loaded = False

    async def keep_up(self) -> None:
        """Do what is due each day; take up what was interrupted, if it could not be yet.

        Raises LogUnavailable.
        """
        if self._loaded:
            await self.tidy(utc_now())
        else:
            await self.load()

    async def load(self) -> None:
        """Take up what was interrupted. Raises LogUnavailable."""
        if self._log.volatile:
            return
        async with self._changing:
            rows = await self._read()
            known = {one.id for one in rows if not one.stage.over}
            await asyncio.to_thread(_sweep, self._folder, known)
            for release in rows:
                try:
                    await self._resume(release)
                except (ReleaseError, LogUnavailable) as err:
                    # One that cannot be taken up keeps no other waiting.
                    _LOGGER.warning("A release waits: %s", err)
        self._loaded = True
        await self.tidy(utc_now())

    async def _resume(self, release: Release) -> None:
        if release.stage.over:
            return
        if await self._happened(release, ("restored",)):
            # An older log does not know what was withdrawn, or fetched, since.
            await self._end(release, Stage.WITHDRAWN, "lost", HOME_ACTOR, "restored")
            return
        if release.stage is Stage.SENDING:
            # Nobody knows how much of it is out.
            release = await self._out(release, "interrupted", out=True)
        path = self._file(release)
        if release.stage.ready and not await asyncio.to_thread(path.is_file):
            await self._end(release, Stage.WITHDRAWN, "lost", HOME_ACTOR)
        elif release.stage is Stage.APPROVED:
            await self._seal(release, HOME_ACTOR)

    @whole
    async def preview(self, request_id: str, scope: Scope, actor: Actor) -> Release:
        """Make what would go, for the owner to look at.

        An earlier preview of the request is over with it. Raises ReleaseError, what the
        room of the requests raises, LogUnavailable.
        """
        async with self._changing:
            asked = await self._asked(request_id)
            scope.check(asked)
            _check_recipient(asked)
            before = await self.of_request(request_id)
            if before and before.stage not in (Stage.PREVIEW, Stage.DELIVERED):
                raise ReleaseError("release_open")
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
            made = None
            try:
                made = await self._made(release, asked, actor)
            finally:
                if made is None:
                    await self._forget(release.id)
            if before:
                await self._end(before, Stage.EXPIRED, "expired", actor)
            return made

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
    async def looked_at(self, release_id: str, *, packed: bool) -> Path:
        """Return what the owner looks at: the report, or all of it as a zip file.

        Raises ReleaseError, LogUnavailable.
        """
        async with self._changing:
            release = await self.get(release_id)
            if release.stage not in (Stage.PREVIEW, Stage.WAITING):
                raise ReleaseError("release_not_now")
            bag = self._bag(release)
            if not packed:
                return bag / PAYLOAD / "report.html"
            path = bag.with_name("preview.zip")
            try:
                await asyncio.to_thread(_write, bag, path, release, {})
            except BagDamaged, FileNotFoundError:
                raise ReleaseError("release_damaged") from None
            except OSError:
                raise ReleaseError("release_no_space") from None
            return path

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
            if release.stage not in (Stage.PREVIEW, Stage.WAITING):
                raise ReleaseError("release_not_now")
            await self._check_fresh(release, asked)
            if release.stage is Stage.WAITING:
                if not actor.ref or actor.ref == release.approved_by:
                    raise ReleaseError("release_same_person")
                return await self._approved(release, "seconded", actor)
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
        await self._answer(release, event, actor, state, must=True)
        return await self._seal(release, actor)

    async def _check_fresh(self, release: Release, asked: Asked) -> None:
        """Raise ReleaseError where what was looked at is not what is there now."""
        if not release.is_current(utc_now()):
            raise ReleaseError("release_old")
        if not self._allowed(release):
            raise ReleaseError("release_sharing_off")
        if asked.recipient != release.recipient:
            raise ReleaseError("release_recipient_changed")
        release.scope.check(asked)
        if await self._happened(release, ("erased", "media_erased", "restored")):
            raise ReleaseError("release_stale")

    async def _seal(self, release: Release, actor: Actor) -> Release:
        """Make the file of one that is approved; it is whole, or not there."""
        if await self._forgets(release):
            await self._end(release, Stage.WITHDRAWN, "withdrawn", HOME_ACTOR, "person")
            raise ReleaseError("release_stale")
        bag, path = self._bag(release), self._file(release)
        try:
            approval = await self._approval(release)
            digest, size = await asyncio.to_thread(_write, bag, path, release, approval)
        except BagDamaged, FileNotFoundError:
            await self._end(release, Stage.WITHDRAWN, "lost", HOME_ACTOR)
            raise ReleaseError("release_damaged") from None
        except OSError:
            raise ReleaseError("release_no_space") from None
        if release.id in self._stopped:
            raise ReleaseError("release_not_now")
        release = replace(release, stage=Stage.SEALED, sha256=digest, size=size)
        await self._answer(release, "sealed", actor, "sealed", must=True)
        await asyncio.to_thread(_only, path)
        return release

    async def _approval(self, release: Release) -> Mapping[str, bytes]:
        """Return the tag files that show that just this manifest was approved.

        One is the entry that says so, with its proof: what is signed there holds for every
        file of the payload. Raises BagDamaged, ReleaseError, LogUnavailable, OSError.
        """
        page = await self._log.entries(
            after=release.end - 1, limit=100_000, kinds=["release"]
        )
        said_so = [
            entry
            for entry in page.entries
            if entry.fields["release"] == release.id and entry.fields["state"]
        ]
        if not said_so:
            raise BagDamaged
        entry = said_so[0]
        proof = self._bag(release).with_name(_PROOF)
        await bundle.export(self._log, proof, [entry.seq], _OF_WHOM)
        said = {
            "entry": entry.seq,
            **{
                name: entry.fields[name]
                for name in ("time", "release", "request", "instrument", "manifest")
            },
        }
        option = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
        return {
            _APPROVAL: orjson.dumps(said, option=option),
            _PROOF: await asyncio.to_thread(proof.read_bytes),
        }

    @whole
    async def tidy(self, now: datetime) -> None:
        """End those whose time is over, that may not go, or that name who is forgotten.

        Raises LogUnavailable.
        """
        async with self._changing:
            for release in await self._read():
                if release.stage.over or self._closed:
                    continue
                if release.stage is Stage.SENDING and not self._on_its_way(release):
                    # Its end could not be entered.
                    release = await self._out(release, "interrupted", out=True)
                if release.expires <= now:
                    await self._end(release, Stage.EXPIRED, "expired", HOME_ACTOR)
                elif not self._shared(release):
                    await self._end(
                        release, Stage.WITHDRAWN, "withdrawn", HOME_ACTOR, "sharing"
                    )
                elif await self._forgets(release):
                    await self._end(
                        release, Stage.WITHDRAWN, "withdrawn", HOME_ACTOR, "person"
                    )
            await self._summarize()

    def person_forgotten(self) -> None:
        """Withdraw what names somebody who is to be forgotten."""

        async def tidy() -> None:
            try:
                await self.tidy(utc_now())
            except LogUnavailable as err:
                # Each step looks for it as well, and the next day.
                _LOGGER.warning("Releases were not looked at: %s", err)

        self.means.spawn(tidy(), "releases of somebody forgotten")


def _check_recipient(asked: Asked) -> None:
    """Raise ReleaseError where nobody could open what is sealed for the agency."""
    if not asked.recipient:
        return
    try:
        check(asked.recipient)
    except BadRecipient:
        raise ReleaseError("release_recipient") from None


def _write(
    bag: Path, path: Path, release: Release, approval: Mapping[str, bytes]
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


def _only(path: Path) -> None:
    """Take away what is beside a file: nothing of it stays that is not sealed."""
    for other in path.parent.iterdir():
        if other.is_dir():
            shutil.rmtree(other, ignore_errors=True)
        elif other != path:
            other.unlink(missing_ok=True)


def _sweep(folder: Path, known: set[str]) -> None:
    """Take away what no release has any more."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if path.name not in known and path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
