"""The way out, step by step: what it takes, and whose word."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

from homeassistant.util import dt as dt_util
import pytest

from custom_components.smartlock_le.flows.request_text import local
from custom_components.smartlock_le.home import Home
from custom_components.smartlock_le.log import Entry
from custom_components.smartlock_le.models import HOME_ACTOR, Wanted
from custom_components.smartlock_le.requests.models import Agency, RequestError
from custom_components.smartlock_le.requests.request import Request, State
from custom_components.smartlock_le.sharing import releases as module
from custom_components.smartlock_le.sharing.models import (
    Field,
    Release,
    ReleaseError,
    Stage,
)
from custom_components.smartlock_le.sharing.report import report
from tests.conftest import log_of
from tests.requests.test_agency_facts import SAID as AGENCY

from .conftest import (
    OWNER,
    RESIDENT,
    SINCE,
    UNTIL,
    compelled,
    file_of,
    folder_of,
    given,
    in_review,
    later,
    refused,
    scope,
    secret_of,
    state_of,
)

AGENCY_ASKS: dict[str, Any] = {
    "instrument": "voluntary",
    "via": "email",
    "agency_name": "x",
    "case_number": "24-118",
    "active": True,
    "purpose": "crime",
    "need": "A burglary",
}


class TestTheWay:
    """From the request to the file."""

    async def test_each_step_is_an_entry(
        self, home: Home, request_made: Request, visitors: list[Entry]
    ) -> None:
        """With the state that the request comes to; none says a name."""
        release = await given(home, request_made, scope(home, Field.NAMES))
        assert await state_of(home, request_made) is State.SEALED
        secret = await secret_of(home, release)
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
        secret = await secret_of(home, release)
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
