"""The way out: each step of it, each way to stop it, and what becomes of it after a kill."""

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
import errno
from pathlib import Path
import shutil
from typing import Any
import zipfile

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest
from sqlalchemy import LargeBinary, cast, func

from custom_components.smartlock_le.cameras.models import What
from custom_components.smartlock_le.flows.release_options import local
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.log import (
    Entry,
    LogUnavailable,
    entries as log_entries,
    verify,
)
from custom_components.smartlock_le.models import HOME_ACTOR, Wanted, utc_now
from custom_components.smartlock_le.opening import home_folder
from custom_components.smartlock_le.requests.models import Agency, RequestError
from custom_components.smartlock_le.requests.request import Request, State
from custom_components.smartlock_le.sharing import giving, releases as module
from custom_components.smartlock_le.sharing.models import (
    Field,
    Release,
    ReleaseError,
    Scope,
    Stage,
)
from custom_components.smartlock_le.sharing.redaction import cell
from custom_components.smartlock_le.sharing.report import report
from tests.conftest import log_of
from tests.requests.test_agencies import verified
from tests.requests.test_agency_facts import SAID as AGENCY
from tests.support import fail_writes

from .conftest import (
    CAMERA,
    OWNER,
    RESIDENT,
    SINCE,
    UNTIL,
    came,
    door,
    file_of,
    given,
    in_review,
    later,
    pictured,
    scope,
)


def folder_of(home: Home, release: Release) -> Path:
    """Return its folder."""
    return file_of(home, release).parent


async def refused(doing: Any) -> str:
    """Return why something is refused."""
    with pytest.raises(ReleaseError) as caught:
        await doing
    return caught.value.key


async def state_of(home: Home, request: Request) -> State:
    """Return how far a request is."""
    return (await home.inbox.get(request.id)).state


async def compelled(home: Home, police: Agency, tmp_path: Path) -> Request:
    """Have a subpoena that the owner looks at, with the paper on record."""
    request = await in_review(home, police, instrument="subpoena", basis="Rule 17")
    paper = tmp_path / "subpoena.pdf"
    paper.write_bytes(b"%PDF-1.4 subpoena")
    await home.inbox.attach(request.id, nullcontext(paper), OWNER)
    return request


class TestTheWay:
    """From the request to the file."""

    async def test_each_step_is_an_entry(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """With the state that the request comes to; none says a name."""
        release = await given(home, request_made, scope(home, Field.NAMES))
        assert await state_of(home, request_made) is State.SEALED
        release, secret = await home.releases.make_link(release.id, 1, OWNER)
        sending = await home.releases.begin(secret)
        assert sending.may_go()
        sending.sent = release.size
        await home.releases.end(sending)
        assert await state_of(home, request_made) is State.DELIVERED
        entries = await log_of(home, "release")
        assert [(one["event"], one["state"]) for one in entries] == [
            ("previewed", ""),
            ("approved", "narrowed"),
            ("sealed", "sealed"),
            ("link", ""),
            ("sending", ""),
            ("delivered", "delivered"),
        ]
        assert {one["manifest"] for one in entries} == {release.manifest}
        assert entries[-1]["sha256"] == release.sha256
        assert (entries[-1]["entries"], entries[-1]["people"]) == (3, 2)
        said = str(entries) + repr(release)
        for name in ("Olive", "Gustav", "Springfield", secret, OWNER.name):
            assert name not in said
        assert home.releases.delivered_this_year == 1
        assert (await home.log.verify()).ok

    async def test_whole_and_in_part(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """What is not all that was asked for is said to be less."""
        whole = scope(home, devices=frozenset(home.devices()), kinds=frozenset(Wanted))
        release = await home.releases.preview(request_made.id, whole, OWNER)
        assert not release.narrowed
        for other in (
            {"kinds": frozenset({Wanted.ACCESS})},
            {"since": SINCE + timedelta(minutes=1)},
        ):
            release = await home.releases.preview(
                request_made.id, scope(home, **other), OWNER
            )
            assert release.narrowed

    async def test_what_is_no_scope(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """Nothing is made, and no more than what is asked for."""
        second = timedelta(seconds=1)
        for key, other in {
            "release_no_device": {"devices": frozenset[str]()},
            "release_no_kind": {"kinds": frozenset[Wanted]()},
            "request_window": {"until": SINCE},
            "release_wider_window": {"since": SINCE - second},
            "release_empty": {"devices": frozenset({"no-such"})},
        }.items():
            making = home.releases.preview(request_made.id, scope(home, **other), OWNER)
            assert await refused(making) == key
        wider = scope(home, until=UNTIL + second)
        assert (
            await refused(home.releases.preview(request_made.id, wider, OWNER))
            == "release_wider_window"
        )
        assert not await log_of(home, "release")
        folder = Path(home.hass.config.path("smartlock_le")) / "releases"
        assert not list(folder.iterdir())

    async def test_parts_that_nobody_asked_for(
        self, home: Home, police: Agency, visitors: list[Entry]
    ) -> None:
        """Pictures do not go where accesses are asked for."""
        await home.set_sharing(True, OWNER)
        request = await in_review(home, police, kinds=["access"])
        wanted = scope(home, kinds=frozenset({Wanted.ACCESS, Wanted.PICTURES}))
        making = home.releases.preview(request.id, wanted, OWNER)
        assert await refused(making) == "release_wider_kinds"

    async def test_only_what_may_be_answered(
        self, home: Home, police: Agency, visitors: list[Entry]
    ) -> None:
        """Confirmed, looked at, breaking no rule, of an agency as it was confirmed."""
        await home.set_sharing(True, OWNER)
        request = await home.inbox.record(
            {**AGENCY_ASKS, "since": SINCE, "until": UNTIL}, OWNER, agency_id=police.id
        )
        making = home.releases.preview
        wanted = scope(home)
        no = "release_not_answerable"
        assert await refused(making(request.id, wanted, OWNER)) == no
        await home.inbox.confirm(request.id, True, OWNER)
        assert await refused(making(request.id, wanted, OWNER)) == no
        await home.inbox.review(request.id, OWNER)
        release = await making(request.id, wanted, OWNER)
        changed = {**AGENCY, "email_domain": "springfield.example"}
        await home.agencies.change(police, changed, OWNER)
        approving = home.releases.approve(release.id, release.manifest, OWNER)
        assert await refused(approving) == no
        with pytest.raises(RequestError, match="request_not_found"):
            await making("abcdef01", wanted, OWNER)

    async def test_kept_letter(
        self, home: Home, police: Agency, visitors: list[Entry]
    ) -> None:
        """Who asks to keep something gets nothing."""
        await home.set_sharing(True, OWNER)
        request = await in_review(home, police, instrument="preservation")
        making = home.releases.preview(request.id, scope(home), OWNER)
        assert await refused(making) == "release_not_answerable"


AGENCY_ASKS: dict[str, Any] = {
    "instrument": "voluntary",
    "via": "email",
    "agency_name": "x",
    "case_number": "24-118",
    "active": True,
    "purpose": "crime",
    "need": "A burglary",
}


class TestSharing:
    """Off is no, but for what is compelled."""

    async def test_off(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """No preview, no approval, no file; what was approved is withdrawn."""
        release = await home.releases.preview(request_made.id, scope(home), OWNER)
        await home.set_sharing(False, OWNER)
        assert (await home.releases.get(release.id)).stage is Stage.WITHDRAWN
        making = home.releases.preview(request_made.id, scope(home), OWNER)
        assert await refused(making) == "release_sharing_off"
        await home.set_sharing(True, OWNER)
        release = await given(home, request_made, scope(home))
        release, secret = await home.releases.make_link(release.id, 1, OWNER)
        sending = await home.releases.begin(secret)
        gone = list[bool]()
        sending.abort = lambda: gone.append(True)
        await home.set_sharing(False, OWNER)
        assert not sending.may_go() and gone
        assert not folder_of(home, release).exists()
        await home.set_sharing(True, OWNER)
        assert await refused(home.releases.begin(secret)) == "release_not_found"
        assert await state_of(home, request_made) is State.OWNER_REVIEW

    async def test_compelled(
        self, home: Home, police: Agency, visitors: list[Entry], tmp_path: Path
    ) -> None:
        """With sharing off, once the paper is on record; nobody switches it off."""
        assert not home.sharing
        request = await in_review(home, police, instrument="subpoena")
        making = home.releases.preview(request.id, scope(home), OWNER)
        assert await refused(making) == "release_no_document"
        request = await compelled(home, police, tmp_path)
        release = await given(home, request, scope(home))
        assert release.stage is Stage.SEALED
        assert await state_of(home, request) is State.SEALED
        await home.set_sharing(False, OWNER)
        assert (await home.releases.get(release.id)).stage is Stage.SEALED
        entries = await log_of(home, "release")
        assert entries[1]["state"] == "complied_by_law"


class TestApproval:
    """One person's word, for just these bytes."""

    async def test_of_this_preview_alone(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """Another hash is refused, and an earlier preview is over with the next."""
        first = await home.releases.preview(request_made.id, scope(home), OWNER)
        wider = scope(home, Field.NAMES)
        second = await home.releases.preview(request_made.id, wider, OWNER)
        approve = home.releases.approve
        assert await refused(approve(second.id, first.manifest, OWNER)) == (
            "release_other"
        )
        assert await refused(approve(first.id, first.manifest, OWNER)) == (
            "release_not_now"
        )
        assert await refused(approve("abcdef01", "", OWNER)) == "release_not_found"
        assert not folder_of(home, first).exists()
        done = await approve(second.id, second.manifest, OWNER)
        making = home.releases.preview(request_made.id, scope(home), OWNER)
        assert await refused(making) == "release_open"
        assert await refused(approve(done.id, done.manifest, RESIDENT)) == (
            "release_not_now"
        )

    async def test_two_at_once(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """One of them is too late."""
        release = await home.releases.preview(request_made.id, scope(home), OWNER)
        done = await asyncio.gather(
            *(
                home.releases.approve(release.id, release.manifest, who)
                for who in (OWNER, RESIDENT)
            ),
            return_exceptions=True,
        )
        assert [type(one) for one in done] == [Release, ReleaseError]
        events = [one["event"] for one in await log_of(home, "release")]
        assert events == ["previewed", "approved", "sealed"]

    async def test_stale(
        self,
        home: Home,
        request_made: Request,
        visitors: list[Entry],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Something was erased since, the day is over, or the agency has another key."""
        release = await home.releases.preview(request_made.id, scope(home), OWNER)

        def approve() -> Any:
            return home.releases.approve(release.id, release.manifest, OWNER)

        with monkeypatch.context() as patch:
            patch.setattr(module, "utc_now", lambda: later(timedelta(hours=25)))
            assert await refused(approve()) == "release_old"
        await home.log.care.erase_person("Gustav Guest", OWNER.fields())
        assert await refused(approve()) == "release_stale"

    async def test_second_person(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """Where the owner wants that, another one approves too, or stops it."""
        limits = home.request_limits
        await home.set_request_rules(limits, "", OWNER, second=True)
        release = await given(home, request_made, scope(home))
        assert release.stage is Stage.WAITING
        assert await state_of(home, request_made) is State.OWNER_REVIEW
        linking = home.releases.make_link(release.id, 1, OWNER)
        assert await refused(linking) == "release_not_now"
        approve = home.releases.approve
        for nobody in (OWNER, HOME_ACTOR):
            assert await refused(approve(release.id, release.manifest, nobody)) == (
                "release_same_person"
            )
        await home.releases.withdraw(release.id, RESIDENT)
        assert await refused(approve(release.id, release.manifest, RESIDENT)) == (
            "release_not_now"
        )
        release = await given(home, request_made, scope(home))
        release = await approve(release.id, release.manifest, RESIDENT)
        assert release.stage is Stage.SEALED
        events = [one["event"] for one in await log_of(home, "release")]
        assert events[-3:] == ["approved", "seconded", "sealed"]

    async def test_court_needs_no_second_person(
        self, home: Home, police: Agency, visitors: list[Entry], tmp_path: Path
    ) -> None:
        """Whoever lives here cannot stop what a court orders."""
        await home.set_request_rules(home.request_limits, "", OWNER, second=True)
        request = await compelled(home, police, tmp_path)
        assert (await given(home, request, scope(home))).stage is Stage.SEALED


class TestStop:
    """Withdrawn, over, lost."""

    @pytest.mark.parametrize("step", ["previewed", "sealed", "link", "sending"])
    async def test_withdrawn_at_each_step(
        self, home: Home, request_made: Request, visitors: list[Entry], step: str
    ) -> None:
        """Nothing of it is there any more, and the request waits for the owner again."""
        release = await home.releases.preview(request_made.id, scope(home), OWNER)
        secret, sending = "", None
        if step != "previewed":
            release = await home.releases.approve(release.id, release.manifest, OWNER)
        if step in ("link", "sending"):
            release, secret = await home.releases.make_link(release.id, 1, OWNER)
        if step == "sending":
            sending = await home.releases.begin(secret)
        await home.releases.withdraw(release.id, OWNER)
        assert not folder_of(home, release).exists()
        assert (await home.releases.get(release.id)).stage is Stage.WITHDRAWN
        assert await state_of(home, request_made) is State.OWNER_REVIEW
        if secret:
            assert await refused(home.releases.begin(secret)) == "release_not_found"
        if sending:
            assert not sending.may_go()
            await home.releases.end(sending)
        assert (await home.releases.withdraw(release.id, OWNER)).stage.over
        events = [one["event"] for one in await log_of(home, "release")]
        assert events.count("withdrawn") == 1 and events[-1] == "withdrawn"
        await given(home, request_made, scope(home))

    async def test_no_way_out_of_the_folder(self, home: Home) -> None:
        """What it names is a folder of ours, and no other."""
        for name in ("..", "../..", "", "/etc", "abcdef0", "abcdef012"):
            withdrawing = home.releases.withdraw(name, OWNER)
            assert await refused(withdrawing) == "release_not_found"
        assert Path(home.hass.config.path("smartlock_le")).is_dir()

    async def test_withdrawn_without_a_log(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """The file is away at once, and it is entered when that is possible."""
        release = await given(home, request_made, scope(home))
        await fail_writes(home)
        await home.releases.withdraw(release.id, OWNER)
        await fail_writes(home, fail=False)
        assert not folder_of(home, release).exists()
        linking = home.releases.make_link(release.id, 1, OWNER)
        assert await refused(linking) == "release_not_now"

    async def test_over(
        self,
        home: Home,
        request_made: Request,
        visitors: list[Entry],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A link has its hours, what was approved its week."""
        release = await given(home, request_made, scope(home))
        for hours in (0, 169):
            linking = home.releases.make_link(release.id, hours, OWNER)
            assert await refused(linking) == "release_hours"
        release, secret = await home.releases.make_link(release.id, 1, OWNER)
        with monkeypatch.context() as patch:
            patch.setattr(giving, "utc_now", lambda: later(timedelta(minutes=61)))
            assert await refused(home.releases.begin(secret)) == "release_not_found"
            patch.setattr(giving, "utc_now", lambda: later(timedelta(days=8)))
            linking = home.releases.make_link(release.id, 1, OWNER)
            assert await refused(linking) == "release_old"
        await home.releases.tidy(later(timedelta(days=8)))
        assert (await home.releases.get(release.id)).stage is Stage.EXPIRED
        assert not folder_of(home, release).exists()

    async def test_once(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """Of two at once one gets it, of two links the later."""
        release = await given(home, request_made, scope(home))
        _, old = await home.releases.make_link(release.id, 1, OWNER)
        _, new = await home.releases.make_link(release.id, 1, OWNER)
        assert await refused(home.releases.begin(old)) == "release_not_found"
        found = await asyncio.gather(
            *(home.releases.begin(new) for _ in range(3)), return_exceptions=True
        )
        kinds = [isinstance(one, ReleaseError) for one in found]
        assert kinds == [False, True, True]

    async def test_somebody_is_to_be_forgotten(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """What was approved and not fetched goes no more."""
        release = await given(home, request_made, scope(home, Field.NAMES))
        await home.log.care.erase_person("Gustav Guest", OWNER.fields())
        await home.releases.tidy(utc_now())
        assert (await home.releases.get(release.id)).stage is Stage.WITHDRAWN


class TestTrouble:
    """Kills, full disks, damage."""

    async def reload(self, hass: HomeAssistant, entry: HomeEntry) -> Home:
        """Start the home anew."""
        assert await hass.config_entries.async_reload(entry.entry_id)
        return entry.runtime_data

    async def test_full_disk(
        self,
        home: Home,
        hass: HomeAssistant,
        entry: HomeEntry,
        request_made: Request,
        visitors: list[Entry],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """It stays approved, and is sealed when there is room: then, or at the next start."""
        release = await home.releases.preview(request_made.id, scope(home), OWNER)

        def full(*_: Any) -> None:
            raise OSError(errno.ENOSPC, "full")

        approve = home.releases.approve
        with monkeypatch.context() as patch:
            patch.setattr(module, "pack", full)
            approving = approve(release.id, release.manifest, OWNER)
            assert await refused(approving) == "release_no_space"
            assert (await home.releases.get(release.id)).stage is Stage.APPROVED
            assert not file_of(home, release).exists()
            home = await self.reload(hass, entry)
            assert (await home.releases.get(release.id)).stage is Stage.APPROVED
        home = await self.reload(hass, entry)
        assert (await home.releases.get(release.id)).stage is Stage.SEALED
        events = [one["event"] for one in await log_of(home, "release")]
        assert events == ["previewed", "approved", "sealed"]

    async def test_full_disk_at_the_preview(
        self,
        home: Home,
        request_made: Request,
        visitors: list[Entry],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Nothing is left of it."""

        def full(*_: Any) -> None:
            raise OSError(errno.ENOSPC, "full")

        monkeypatch.setattr(module.bundle, "declare", full)
        making = home.releases.preview(request_made.id, scope(home), OWNER)
        assert await refused(making) == "release_no_space"
        folder = Path(home.hass.config.path("smartlock_le")) / "releases"
        assert not list(folder.iterdir())

    async def test_log_cannot_be_written(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """No step without its entry, and no byte."""
        await fail_writes(home)
        with pytest.raises(LogUnavailable):
            await home.releases.preview(request_made.id, scope(home), OWNER)
        await fail_writes(home, fail=False)
        folder = Path(home.hass.config.path("smartlock_le")) / "releases"
        assert not list(folder.iterdir())
        release = await home.releases.preview(request_made.id, scope(home), OWNER)
        await fail_writes(home)
        with pytest.raises(LogUnavailable):
            await home.releases.approve(release.id, release.manifest, OWNER)
        await fail_writes(home, fail=False)
        assert (await home.releases.get(release.id)).stage is Stage.PREVIEW
        release = await home.releases.approve(release.id, release.manifest, OWNER)
        _, secret = await home.releases.make_link(release.id, 1, OWNER)
        await fail_writes(home)
        with pytest.raises(LogUnavailable):
            await home.releases.begin(secret)
        await fail_writes(home, fail=False)
        await fail_writes(home)
        with pytest.raises(LogUnavailable):
            await home.releases.carry(release.id, OWNER)
        await fail_writes(home, fail=False)

    async def test_killed_while_it_goes(
        self,
        home: Home,
        hass: HomeAssistant,
        entry: HomeEntry,
        request_made: Request,
        visitors: list[Entry],
    ) -> None:
        """It does not go twice, and counts as gone; the owner may make another address."""
        release = await given(home, request_made, scope(home))
        _, secret = await home.releases.make_link(release.id, 1, OWNER)
        await home.releases.begin(secret)
        home = await self.reload(hass, entry)
        assert (await home.releases.get(release.id)).stage is Stage.DELIVERED
        assert await refused(home.releases.begin(secret)) == "release_not_found"
        last = (await log_of(home, "release"))[-1]
        assert (last["event"], last["state"]) == ("interrupted", "delivered")
        assert home.releases.delivered_this_year == 1
        assert await state_of(home, request_made) is State.DELIVERED
        _, secret = await home.releases.make_link(release.id, 1, OWNER)
        sending = await home.releases.begin(secret)
        assert sending.path.is_file()

    async def test_files_that_nobody_knows(
        self,
        home: Home,
        hass: HomeAssistant,
        entry: HomeEntry,
        request_made: Request,
        visitors: list[Entry],
    ) -> None:
        """A folder without a release goes, and so does a release without its file."""
        release = await given(home, request_made, scope(home))
        stranger = folder_of(home, release).with_name("abcdef01")
        stranger.mkdir()
        file_of(home, release).unlink()
        home = await self.reload(hass, entry)
        assert not stranger.exists()
        assert (await home.releases.get(release.id)).stage is Stage.WITHDRAWN
        assert await state_of(home, request_made) is State.OWNER_REVIEW
        assert (await log_of(home, "release"))[-1]["event"] == "lost"

    @pytest.mark.parametrize(
        "harm",
        [
            lambda bag: (bag / "data/events.csv").write_text("forged"),
            lambda bag: (bag / "data/events.csv").unlink(),
            lambda bag: (bag / "manifest-sha256.txt").write_text(""),
        ],
    )
    async def test_changed_after_it_was_looked_at(
        self,
        home: Home,
        request_made: Request,
        visitors: list[Entry],
        harm: Callable[[Path], Any],
    ) -> None:
        """It does not go, not even in part."""
        release = await home.releases.preview(request_made.id, scope(home), OWNER)
        harm(folder_of(home, release) / "bag")
        approving = home.releases.approve(release.id, release.manifest, OWNER)
        assert await refused(approving) == "release_damaged"
        assert not folder_of(home, release).exists()
        assert await state_of(home, request_made) is State.OWNER_REVIEW

    async def test_no_key(
        self, home: Home, police: Agency, visitors: list[Entry]
    ) -> None:
        """Without a key it is a plain zip file; another key makes a preview stale."""
        await home.set_sharing(True, OWNER)
        request = await in_review(home, police)
        release = await home.releases.preview(request.id, scope(home), OWNER)
        assert release.file_name.endswith(".zip.age")
        said = {**AGENCY, "age_recipient": ""}
        agency = await home.agencies.get(police.id)
        await home.agencies.change(agency, said, OWNER)
        await verified(home, await home.agencies.get(police.id))
        approving = home.releases.approve(release.id, release.manifest, OWNER)
        assert await refused(approving) == "release_recipient_changed"
        release = await given(home, request, scope(home))
        assert release.file_name.endswith(".zip")
        assert file_of(home, release).read_bytes()[:2] == b"PK"

    async def test_pictures(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """Those of the camera and the window, by their hash in the log; others are left out."""
        for minute, what, data in (
            (10, What.STILL, b"first"),
            (11, What.STILL, b"second"),
            (12, What.CLIP, b"clip"),
            (-5, What.STILL, b"before"),
        ):
            await pictured(home, minute, what, data)
        wanted = Scope(
            devices=frozenset({CAMERA}),
            kinds=frozenset({Wanted.PICTURES}),
            since=SINCE,
            until=UNTIL,
        )
        release = await home.releases.preview(request_made.id, wanted, OWNER)
        media = folder_of(home, release) / "bag/data/media"
        assert [one.read_bytes() for one in sorted(media.iterdir())] == [
            b"first",
            b"second",
        ]
        assert (release.counts.media, release.counts.missing) == (2, 0)
        kept = Path(home.hass.config.path("smartlock_le")) / "media"
        for path in kept.iterdir():
            if path.read_bytes() == b"first":
                path.write_bytes(b"forged")
            elif path.read_bytes() == b"second":
                path.unlink()
        await pictured(home, 13, What.STILL, b"third")
        release = await home.releases.preview(request_made.id, wanted, OWNER)
        assert (release.counts.media, release.counts.missing) == (1, 2)
        page = (folder_of(home, release) / "bag/data/report.html").read_text()
        assert "2 pictures that the log names" in page and "Pictures only" in page

    async def test_entered_late(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """What was written down later is in it, and what is between is not."""
        await came(home, 45, "Late Lurker")
        release = await home.releases.preview(request_made.id, scope(home), OWNER)
        assert release.counts.entries == 4
        assert door(home) in release.scope.devices


class TestAttacked:
    """What somebody tried."""

    async def test_requests_of_others(
        self, home: Home, police: Agency, visitors: list[Entry], request_made: Request
    ) -> None:
        """That somebody else asked in the same hours is told to nobody."""
        fields = (await home.inbox.get(request_made.id)).entry("received", OWNER)
        other = {**fields, "request": "e4593918", "instrument": "search_warrant"}
        at = SINCE + timedelta(minutes=10)
        await home.log.append("request", other, time=at)
        await came(home, 50, "Gustav Guest")
        release = await home.releases.preview(request_made.id, scope(home), OWNER)
        proofs = folder_of(home, release) / "bag/data/proofs.zip"
        with zipfile.ZipFile(proofs) as zipped:
            said = zipped.read("entries.jsonl").decode()
        assert request_made.id in said
        assert "e4593918" not in said and "search_warrant" not in said

    async def test_pictures_out_of_scope(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """Not even that there are any."""
        before = await home.releases.preview(request_made.id, scope(home), OWNER)
        for minute in range(3):
            await pictured(home, minute, What.STILL, b"picture")
        after = await home.releases.preview(request_made.id, scope(home), OWNER)
        assert after.counts.hidden == before.counts.hidden
        assert after.counts.media == 0

    async def test_clip_over_the_edge(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """A clip that was whole after the window is not of it."""
        await pictured(home, 3, What.CLIP, b"clip")
        wanted = scope(
            home, kinds=frozenset({Wanted.CLIPS}), devices=frozenset({CAMERA})
        )
        making = home.releases.preview(request_made.id, wanted, OWNER)
        assert await refused(making) == "release_empty"

    async def test_forgotten_after_it_was_sealed(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """It goes no more, from that moment on."""
        release = await given(home, request_made, scope(home, Field.NAMES))
        _, secret = await home.releases.make_link(release.id, 1, OWNER)
        await home.log.care.erase_person("Gustav Guest", OWNER.fields())
        assert await refused(home.releases.begin(secret)) in (
            *("release_stale", "release_not_found"),
        )

        async def withdrawn() -> bool:
            return (await home.releases.get(release.id)).stage is Stage.WITHDRAWN

        for _ in range(100):
            if await withdrawn():
                break
            await asyncio.sleep(0.05)
        assert await withdrawn()

    async def test_forgotten_before_it_was_sealed(
        self,
        home: Home,
        request_made: Request,
        visitors: list[Entry],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Approved on a full disk, it is not sealed afterwards."""
        release = await home.releases.preview(request_made.id, scope(home), OWNER)

        def full(*_: Any) -> None:
            raise OSError(errno.ENOSPC, "full")

        with monkeypatch.context() as patch:
            patch.setattr(module, "pack", full)
            approving = home.releases.approve(release.id, release.manifest, OWNER)
            assert await refused(approving) == "release_no_space"
        await home.log.care.erase_person("Gustav Guest", OWNER.fields())
        approving = home.releases.approve(release.id, release.manifest, OWNER)
        assert await refused(approving) in ("release_stale", "release_not_now")
        assert not folder_of(home, release).exists()

    async def test_reload_while_it_goes(
        self,
        home: Home,
        hass: HomeAssistant,
        entry: HomeEntry,
        request_made: Request,
        visitors: list[Entry],
    ) -> None:
        """What the home before began ends with it."""
        release = await given(home, request_made, scope(home))
        _, secret = await home.releases.make_link(release.id, 1, OWNER)
        sending = await home.releases.begin(secret)
        gone = list[bool]()
        sending.abort = lambda: gone.append(True)
        assert await hass.config_entries.async_reload(entry.entry_id)
        assert gone and not sending.may_go()

    async def test_put_back(
        self,
        home: Home,
        hass: HomeAssistant,
        entry: HomeEntry,
        request_made: Request,
        visitors: list[Entry],
        tmp_path: Path,
    ) -> None:
        """A backup revives nothing that was withdrawn, nor an address that was used."""
        release = await given(home, request_made, scope(home))
        _, secret = await home.releases.make_link(release.id, 1, OWNER)
        folder = home_folder(hass)
        assert await hass.config_entries.async_unload(entry.entry_id)
        shutil.copytree(folder, tmp_path / "backup")
        assert await hass.config_entries.async_setup(entry.entry_id)
        await entry.runtime_data.releases.withdraw(release.id, OWNER)
        assert await hass.config_entries.async_unload(entry.entry_id)
        shutil.copy(tmp_path / "backup/log.db", folder)
        shutil.copytree(
            tmp_path / "backup/releases", folder / "releases", dirs_exist_ok=True
        )
        assert await hass.config_entries.async_setup(entry.entry_id)
        home = entry.runtime_data
        assert await log_of(home, "restored")
        assert await refused(home.releases.begin(secret)) == "release_not_found"
        assert (await home.releases.get(release.id)).stage is Stage.WITHDRAWN

    async def test_no_in_the_last_moment(
        self,
        home: Home,
        request_made: Request,
        visitors: list[Entry],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Declined while it is approved: nothing is approved."""
        release = await home.releases.preview(request_made.id, scope(home), OWNER)
        check = home.releases._check_fresh

        async def late(*arguments: Any) -> None:
            await check(*arguments)
            await home.inbox.decline(request_made.id, "", OWNER)

        monkeypatch.setattr(home.releases, "_check_fresh", late)
        approving = home.releases.approve(release.id, release.manifest, OWNER)
        assert await refused(approving) == "release_not_answerable"
        assert (await home.releases.get(release.id)).stage is Stage.PREVIEW

    async def test_no_after_it_went_once(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """Another address of it is good only as long as the owner says nothing else."""
        release = await given(home, request_made, scope(home))
        await home.releases.carry(release.id, OWNER)
        _, secret = await home.releases.make_link(release.id, 1, OWNER)
        await home.inbox.close(request_made.id, "", OWNER)
        assert await refused(home.releases.begin(secret)) == "release_not_answerable"

    async def test_agency_that_is_gone(
        self, home: Home, police: Agency, visitors: list[Entry], request_made: Request
    ) -> None:
        """Nobody is given anything in its name."""
        release = await given(home, request_made, scope(home))
        _, secret = await home.releases.make_link(release.id, 1, OWNER)
        await home.agencies.remove(police.id, OWNER)
        assert await refused(home.releases.begin(secret)) == "release_not_answerable"

    async def test_off_while_the_log_cannot_be_read(
        self,
        home: Home,
        request_made: Request,
        visitors: list[Entry],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """On again, what was approved before needs another approval."""
        release = await given(home, request_made, scope(home))
        _, secret = await home.releases.make_link(release.id, 1, OWNER)

        async def broken(*_: Any) -> None:
            raise LogUnavailable("locked")

        with monkeypatch.context() as patch:
            patch.setattr(home.releases, "_read", broken)
            await home.set_sharing(False, OWNER)
        await home.set_sharing(True, OWNER)
        assert await refused(home.releases.begin(secret)) == "release_sharing_off"
        await home.releases.tidy(utc_now())
        assert (await home.releases.get(release.id)).stage is Stage.WITHDRAWN
        await given(home, request_made, scope(home))

    async def test_nothing_beside_the_sealed_file(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """Not the preview either, which anybody could read."""
        release = await home.releases.preview(request_made.id, scope(home), OWNER)
        path = await home.releases.looked_at(release.id, packed=True)
        assert path.is_file()
        release = await home.releases.approve(release.id, release.manifest, OWNER)
        assert list(folder_of(home, release).iterdir()) == [file_of(home, release)]
        looking = home.releases.looked_at(release.id, packed=False)
        assert await refused(looking) == "release_not_now"

    async def test_one_at_a_time(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """While it goes there is no second address; half of it counts as gone."""
        release = await given(home, request_made, scope(home))
        _, secret = await home.releases.make_link(release.id, 1, OWNER)
        sending = await home.releases.begin(secret)
        linking = home.releases.make_link(release.id, 1, OWNER)
        assert await refused(linking) == "release_not_now"
        assert await refused(home.releases.carry(release.id, OWNER)) == (
            "release_not_now"
        )
        await home.releases.end(sending)
        assert (await home.releases.get(release.id)).stage is Stage.SEALED
        _, secret = await home.releases.make_link(release.id, 1, OWNER)
        sending = await home.releases.begin(secret)
        sending.sent = 1
        await home.releases.end(sending)
        assert (await home.releases.get(release.id)).stage is Stage.DELIVERED
        assert await state_of(home, request_made) is State.DELIVERED


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("＝HYPERLINK(1)", "'＝HYPERLINK(1)"),
        ("\n=1+1", "'=1+1"),
        ("Bob;=cmd|'/C calc'!A0", "Bob =cmd '/C calc'!A0"),
        ("'=1", "''=1"),
        ("O'Hara", "O'Hara"),
        (7, 7),
    ],
)
def test_cells(said: Any, shown: Any) -> None:
    """No spreadsheet reckons."""
    assert cell(said) == shown


class TestReviewed:
    """What somebody found who read it."""

    async def test_window_over_a_restore(
        self,
        home: Home,
        hass: HomeAssistant,
        entry: HomeEntry,
        request_made: Request,
        visitors: list[Entry],
        tmp_path: Path,
    ) -> None:
        """Entries of the log before and after it verify by the key of the newer."""
        folder = home_folder(hass)
        assert await hass.config_entries.async_unload(entry.entry_id)
        shutil.copy(folder / "log.db", tmp_path)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await came(entry.runtime_data, 55, "Gustav Guest")
        assert await hass.config_entries.async_unload(entry.entry_id)
        shutil.copy(tmp_path / "log.db", folder)
        assert await hass.config_entries.async_setup(entry.entry_id)
        home = entry.runtime_data
        await came(home, 60, "Gustav Guest")
        release = await home.releases.preview(request_made.id, scope(home), OWNER)
        path = await home.releases.looked_at(release.id, packed=False)
        proofs = str(path.with_name("proofs.zip"))
        report = verify.verify_proofs(proofs, home.log.vkey)
        assert (report.bad, report.strangers) == ([], [])
        assert release.counts.entries == 4

    async def test_ended_while_it_goes(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """What is out is out, also where it is withdrawn then; a home that ends takes nothing."""
        release = await given(home, request_made, scope(home))
        _, secret = await home.releases.make_link(release.id, 1, OWNER)
        sending = await home.releases.begin(secret)
        sending.sent = 5
        release = await home.releases.withdraw(release.id, OWNER)
        assert release.delivered and home.releases.delivered_this_year == 1
        assert await state_of(home, request_made) is State.DELIVERED
        await home.inbox.review(request_made.id, OWNER)
        release = await given(home, request_made, scope(home))
        home.releases.stop()
        await home.releases.tidy(utc_now())
        assert (await home.releases.get(release.id)).stage is Stage.SEALED

    async def test_end_that_could_not_be_entered(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """It is the next day: as gone."""
        release = await given(home, request_made, scope(home))
        _, secret = await home.releases.make_link(release.id, 1, OWNER)
        sending = await home.releases.begin(secret)
        await home.releases.tidy(utc_now())
        assert (await home.releases.get(release.id)).stage is Stage.SENDING
        home.releases.sent(sending)
        await home.releases.tidy(utc_now())
        assert (await home.releases.get(release.id)).stage is Stage.DELIVERED

    async def test_erased_in_the_window(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """What retention took from its edge is counted, too."""
        first = visitors[0].seq
        table = log_entries
        gone = table.update().where(table.c.seq == first)
        await home.log.append(
            "contact",
            {"event": "note", **OWNER.fields()},
            also=lambda _: [gone.values(body=None, time=0)],
        )
        release = await home.releases.preview(request_made.id, scope(home), OWNER)
        assert (release.counts.entries, release.counts.erased) == (2, 1)

    async def test_broken_entry(
        self,
        home: Home,
        request_made: Request,
        visitors: list[Entry],
        tmp_path: Path,
    ) -> None:
        """One that is not what was signed goes as its hash, and the report says so."""
        seq = visitors[0].seq
        forged = func.replace(log_entries.c.body, "keypad", "magic1")
        changed = log_entries.update().where(log_entries.c.seq == seq)
        await home.log.append(
            "contact",
            {"event": "note", **OWNER.fields()},
            also=lambda _: [changed.values(body=cast(forged, LargeBinary))],
        )
        wanted = scope(home, Field.METHOD)
        release = await home.releases.preview(request_made.id, wanted, OWNER)
        assert (release.counts.entries, release.counts.broken) == (2, 1)
        path = await home.releases.looked_at(release.id, packed=False)
        page = path.read_text()
        assert f"damaged in the log and are given as hashes alone: {seq}" in page
        assert "magic1" not in page
        proofs = str(path.with_name("proofs.zip"))
        assert verify.verify_proofs(proofs, home.log.vkey).bad == []

    async def test_stuck(
        self,
        home: Home,
        hass: HomeAssistant,
        entry: HomeEntry,
        request_made: Request,
        visitors: list[Entry],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """An approved one whose request went on keeps no home from starting."""
        release = await home.releases.preview(request_made.id, scope(home), OWNER)

        def full(*_: Any) -> None:
            raise OSError(errno.ENOSPC, "full")

        with monkeypatch.context() as patch:
            patch.setattr(module, "pack", full)
            approving = home.releases.approve(release.id, release.manifest, OWNER)
            assert await refused(approving) == "release_no_space"
        await home.inbox.review(request_made.id, OWNER)
        assert await hass.config_entries.async_reload(entry.entry_id)
        home = entry.runtime_data
        assert (await home.releases.get(release.id)).stage is Stage.APPROVED
        await home.releases.withdraw(release.id, OWNER)
        await given(home, request_made, scope(home))

    async def test_no_room_for_the_proofs(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """A full disk is no log that cannot be used."""
        folder = home_folder(home.hass) / "releases"
        await home.hass.async_add_executor_job(folder.mkdir, 0o700, True, True)

        async def full(*_: Any) -> None:
            raise LogUnavailable("full") from OSError(errno.ENOSPC, "full")

        patch = pytest.MonkeyPatch()
        patch.setattr(home.log, "export_proofs", full)
        making = home.releases.preview(request_made.id, scope(home), OWNER)
        assert await refused(making) == "release_no_space"
        patch.undo()

    async def test_supplement(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """What went stays until there is another; one of nothing costs nothing."""
        first = await given(home, request_made, scope(home))
        await home.releases.carry(first.id, OWNER)
        nothing = scope(home, devices=frozenset({"no-such"}))
        making = home.releases.preview(request_made.id, nothing, OWNER)
        assert await refused(making) == "release_empty"
        assert file_of(home, first).is_file()
        second = await given(home, request_made, scope(home))
        await home.releases.carry(second.id, OWNER)
        assert not file_of(home, first).exists()
        made = await report(home.log, SINCE, later(timedelta(days=1)), public=False)
        assert (made.delivered, made.devices, made.unapproved) == (1, 2, 0)

    async def test_taken_back(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """Approved and withdrawn is not answered."""
        release = await given(home, request_made, scope(home))
        await home.releases.withdraw(release.id, OWNER)
        made = await report(home.log, SINCE, later(timedelta(days=1)), public=False)
        assert made.tables["outcome"] == {"open": 1} and made.delivered == 0


def test_hours_of_autumn_and_spring() -> None:
    """Times of a form are compared as what they are."""
    zone = dt_util.get_default_time_zone()
    try:
        dt_util.set_default_time_zone(dt_util.get_time_zone("Europe/Berlin") or zone)
        assert local("2027-03-28 02:30:00") > local("2027-03-28 03:10:00")
        day = local("2026-10-26 00:00:00") - local("2026-10-25 00:00:00")
        assert day == timedelta(hours=25)
    finally:
        dt_util.set_default_time_zone(zone)
