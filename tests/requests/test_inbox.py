"""Requests in a real Home Assistant: what is taken in, what is refused, what is kept."""

import asyncio
from collections.abc import Callable
from contextlib import nullcontext, suppress
from datetime import timedelta
import os
from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.log import LogUnavailable
from custom_components.smartlock_le.models import UNKNOWN_ACTOR, utc_now
from custom_components.smartlock_le.opening import home_folder
from custom_components.smartlock_le.requests import documents
from custom_components.smartlock_le.requests.documents import plain_name
from custom_components.smartlock_le.requests.models import (
    Agency,
    AgencyType,
    BadField,
    RequestError,
)
from custom_components.smartlock_le.requests.request import (
    NEXT,
    Purpose,
    Request,
    Rule,
    State,
)
from custom_components.smartlock_le.requests.rules import Limits, race_only, talks_of
from tests.conftest import log_of
from tests.support import fail_writes, unwritable

from .test_agencies import verified
from .test_agency_facts import SAID as AGENCY


def asked(**other: Any) -> dict[str, Any]:
    """Return what a request says that breaks no rule."""
    until = utc_now() - timedelta(days=1)
    return {
        "instrument": "voluntary",
        "via": "email",
        "agency_name": "Springfield Police Department",
        "officer": "Sgt. Wiggum",
        "case_number": "24-117",
        "active": True,
        "purpose": "crime",
        "need": "A burglary next door",
        "sought": "A man in a red jacket",
        "since": until - timedelta(hours=2),
        "until": until,
        **other,
    }


@pytest.fixture
async def police(home: Home) -> Agency:
    """Have one in the directory that was called back."""
    return await verified(home, await home.agencies.add(AGENCY, UNKNOWN_ACTOR))


async def recorded(home: Home, **other: Any) -> Request:
    """Take one in."""
    return await home.inbox.record(asked(**other), UNKNOWN_ACTOR)


async def in_review(home: Home, police: Agency, **other: Any) -> Request:
    """Take one in that the owner looks at."""
    request = await home.inbox.record(
        asked(**other), UNKNOWN_ACTOR, agency_id=police.id
    )
    await home.inbox.confirm(request.id, True, UNKNOWN_ACTOR)
    return await home.inbox.review(request.id, UNKNOWN_ACTOR)


class TestTakenIn:
    """What comes in."""

    async def test_recorded(self, home: Home) -> None:
        """It waits, quarantined; its entry says neither whom it names nor what it says."""
        request = await recorded(home)
        assert (request.state, request.broken) == (State.RECEIVED, ())
        assert not request.answerable
        assert await home.inbox.get(request.id) == request
        (entry,) = await log_of(home, "request")
        assert (entry["event"], entry["state"]) == ("received", "received")
        assert entry["actor_name"] == ""
        assert entry["digest"] == request.digest
        assert entry["instrument"] == "voluntary"
        for said in ("Wiggum", "24-117", "burglary", "red jacket"):
            assert said not in str(entry)
            assert said not in repr(request)
        assert (await home.log.verify()).ok

    async def test_digest_is_of_all_that_it_says(self, home: Home) -> None:
        """Two that differ in one word differ, and so do two that say the same."""
        digests = {
            (await recorded(home, case_number=f"{n}", need=need)).digest
            for n, need in enumerate(["A burglary", "A burglary", "A burglarx"])
        }
        assert len(digests) == 3

    @pytest.mark.parametrize(
        ("said", "field", "key"),
        [
            ({"agency_name": " "}, "agency_name", "request_text"),
            ({"agency_name": None}, "agency_name", "request_text"),
            ({"officer": "x" * 201}, "officer", "request_text"),
            ({"officer": "\u202eevil"}, "officer", "request_text"),
            ({"need": "x" * 501}, "need", "request_text"),
            ({"need": "=1+1"}, "need", "request_text"),
            ({"case_number": 24}, "case_number", "request_text"),
            ({"instrument": "order"}, "instrument", "request_choice"),
            ({"instrument": ["voluntary"]}, "instrument", "request_choice"),
            ({"via": "signed"}, "via", "request_choice"),
            ({"purpose": "fun"}, "purpose", "request_choice"),
            ({"kinds": []}, "kinds", "request_choice"),
            ({"kinds": ["audio"]}, "kinds", "request_choice"),
            ({"kinds": ["clips"] * 9}, "kinds", "request_choice"),
            ({"kinds": "clips"}, "kinds", "request_choice"),
            ({"active": "yes"}, "active", "request_choice"),
            ({"area": -1}, "area", "request_area"),
            ({"area": 1.5}, "area", "request_area"),
            ({"area": True}, "area", "request_area"),
            ({"area": 10**13}, "area", "request_area"),
            ({"since": "yesterday"}, "since", "request_time"),
            ({"since": "2026-01-01T00:00:00"}, "since", "request_time"),
            ({"since": "0001-01-01T00:00:00+14:00"}, "since", "request_time"),
            ({"since": 5}, "since", "request_time"),
            ({"until": "2100-01-01T00:00:00+00:00"}, "until", "request_time"),
            ({"until": None}, "until", "request_window"),
            (
                {
                    "since": "2026-01-01T00:00:00+00:00",
                    "until": "2026-01-01T00:00:00+00:00",
                },
                "until",
                "request_window",
            ),
            ({"gag": True}, "gag", "request_gag"),
            ({"notify": "911"}, "", "request_field"),
        ],
    )
    async def test_cannot_be_read(
        self, home: Home, said: dict[str, Any], field: str, key: str
    ) -> None:
        """It says which field, nothing of what is in it, and nothing is kept."""
        with pytest.raises(BadField) as caught:
            await recorded(home, **said)
        assert (caught.value.field, caught.value.key) == (field, key)
        assert await home.inbox.find() == []
        assert await log_of(home, "request") == []

    async def test_log_unavailable(self, home: Home) -> None:
        """No request without its entry."""
        await fail_writes(home)
        with pytest.raises(LogUnavailable):
            await recorded(home)
        await fail_writes(home, fail=False)
        assert await home.inbox.find() == []

    async def test_found(self, home: Home) -> None:
        """By its id, agency, case or officer; never by what was typed as a pattern."""
        request = await recorded(home)
        other = await recorded(home, officer="Lou", case_number="9%9")
        find = home.inbox.find
        for text in (request.id, "spring wiggum", "24-117"):
            assert await find(text) == [request]
        assert await find("9%9") == [other]
        assert await find("%") == [other]
        assert len(await find("springfield")) == 2
        assert await find("nobody") == []

    async def test_what_presses_comes_first(self, home: Home) -> None:
        """Whoever asks a lot hides nothing that has a deadline."""
        for number in range(3):
            await recorded(home, case_number=f"{number}")
        late, soon = [
            await recorded(
                home,
                instrument="court_order",
                deadline=utc_now() + timedelta(days=days),
            )
            for days in (9, 5)
        ]
        first, second, *others = await home.inbox.find(only_open=True, limit=3)
        assert [first, second] == [soon, late] and len(others) == 1
        assert await home.inbox.count_open() == 5

    async def test_after_a_restart(
        self, hass: HomeAssistant, entry: HomeEntry, home: Home
    ) -> None:
        """It is as it was."""
        request = await recorded(home, deadline=utc_now() + timedelta(days=9))
        await hass.config_entries.async_reload(entry.entry_id)
        assert await entry.runtime_data.inbox.get(request.id) == request
        assert entry.runtime_data.inbox.summary.open == 1


class TestRules:
    """What a voluntary request may not be."""

    @pytest.mark.parametrize(
        ("said", "rule"),
        [
            ({"case_number": ""}, Rule.NO_CASE_NUMBER),
            ({"active": False}, Rule.NOT_ACTIVE),
            ({"hours": 0.2}, Rule.WINDOW_SHORT),
            ({"hours": 12.1}, Rule.WINDOW_LONG),
            ({"until": utc_now() + timedelta(hours=1), "hours": 2}, Rule.WINDOW_AHEAD),
            ({"area": 1_294_995}, Rule.AREA_LARGE),
            ({"sought": "A black man, about 30 years old"}, Rule.RACE_ONLY),
            ({"need": ""}, Rule.NO_NEED),
            ({"purpose": "immigration"}, Rule.PURPOSE_EXCLUDED),
            ({"purpose": "protest"}, Rule.PURPOSE_EXCLUDED),
        ],
    )
    async def test_declined(self, home: Home, said: dict[str, Any], rule: Rule) -> None:
        """It is on record, and so is which rule declined it."""
        hours = said.pop("hours", None)
        if hours:
            said["since"] = asked(**said)["until"] - timedelta(hours=hours)
        request = await recorded(home, **said)
        assert request.broken == (rule,)
        assert request.state is State.DECLINED
        first, last = await log_of(home, "request")
        assert (first["event"], last["event"]) == ("received", "declined")
        assert last["detail"] == rule.value
        assert last["actor_kind"] == "home"

    @pytest.mark.parametrize(
        "said",
        [
            {"area": 1_294_994},
            {"sought": "A black sedan"},
            {"sought": "A white man with a green bicycle"},
            {"sought": ""},
        ],
    )
    async def test_not_declined(self, home: Home, said: dict[str, Any]) -> None:
        """The limits themselves are in, and so is a race among other things."""
        assert (await recorded(home, **said)).broken == ()

    @pytest.mark.parametrize("hours", [0.25, 12])
    async def test_window(self, home: Home, hours: float) -> None:
        """From 15 minutes to 12 hours, both in."""
        until = asked()["until"]
        since = until - timedelta(hours=hours)
        assert (await recorded(home, since=since, until=until)).broken == ()

    async def test_third_of_a_case(self, home: Home, police: Agency) -> None:
        """Two, in whichever letters; another case, and a subpoena, are something else."""
        await recorded(home)
        await recorded(home, agency_name="SPRINGFIELD Police Department")
        assert (await recorded(home, active=False)).state is State.DECLINED
        assert (await recorded(home)).broken == (Rule.TOO_MANY,)
        assert (await recorded(home, case_number="24-118")).broken == ()
        assert (await recorded(home, instrument="subpoena")).broken == ()

    async def test_orders(self, home: Home) -> None:
        """They are for the owner to look at, whatever they say."""
        for instrument in ("subpoena", "court_order", "search_warrant"):
            request = await recorded(
                home,
                instrument=instrument,
                case_number="",
                active=False,
                since=utc_now() - timedelta(days=90),
                until=utc_now() + timedelta(days=90),
                purpose="protest",
            )
            assert (request.broken, request.state) == ((), State.RECEIVED)

    async def test_letter_to_keep(self, home: Home, police: Agency) -> None:
        """It asks for time, and is no way around what is never answered."""
        long = {"instrument": "preservation", "case_number": "", "need": ""}
        since = utc_now() - timedelta(days=30)
        request = await in_review(home, police, **long, since=since)
        assert request.broken == () and not request.answerable
        request = await recorded(home, **long, purpose="immigration")
        assert request.broken == (Rule.PURPOSE_EXCLUDED,)

    async def test_emergency(self, home: Home, police: Agency) -> None:
        """It is never declined by itself, nor answered; what it asks too much stays said."""
        request = await in_review(
            home,
            police,
            instrument="exigent",
            case_number="",
            active=False,
            since=utc_now() - timedelta(days=3),
        )
        assert request.broken == (Rule.WINDOW_LONG,)
        assert request.state is State.OWNER_REVIEW
        assert not request.answerable

    async def test_what_the_owner_excludes(self, home: Home, police: Agency) -> None:
        """Federal and immigration agencies are, unless the owner says otherwise."""
        federal = await home.agencies.add(
            {**AGENCY, "name": "Feds", "national_id": "", "type": "federal"},
            UNKNOWN_ACTOR,
        )
        first = await home.inbox.record(asked(), UNKNOWN_ACTOR, agency_id=federal.id)
        assert first.broken == (Rule.AGENCY_EXCLUDED,)
        limits = Limits(frozenset({Purpose.CRIME}), frozenset({AgencyType.LOCAL}))
        await home.set_request_rules(limits, "", UNKNOWN_ACTOR, second=False)
        assert home.request_limits == limits
        second = await home.inbox.record(
            asked(purpose="protest", case_number="1"),
            UNKNOWN_ACTOR,
            agency_id=federal.id,
        )
        assert second.broken == ()
        third = await home.inbox.record(
            asked(case_number="2"), UNKNOWN_ACTOR, agency_id=police.id
        )
        assert third.broken == (Rule.PURPOSE_EXCLUDED, Rule.AGENCY_EXCLUDED)
        setting = (await log_of(home, "setting"))[-1]
        assert (
            setting["value"]
            == "purposes: crime; agency_types: local; second approval: no"
        )

    async def test_rules_of_the_agency_it_turns_out_to_be_from(
        self, home: Home
    ) -> None:
        """They hold as soon as the owner says which it is."""
        federal = await home.agencies.add(
            {**AGENCY, "name": "Feds", "national_id": "", "type": "federal"},
            UNKNOWN_ACTOR,
        )
        request = await recorded(home)
        request = await home.inbox.set_agency(request.id, federal.id, UNKNOWN_ACTOR)
        assert request.state is State.DECLINED
        assert request.broken == (Rule.AGENCY_EXCLUDED,)

    async def test_killed_before_it_was_declined(
        self,
        hass: HomeAssistant,
        entry: HomeEntry,
        home: Home,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """It is declined at the next start."""

        async def killed(request: Request) -> Request:
            return request

        monkeypatch.setattr(home.inbox, "_settle", killed)
        request = await recorded(home, active=False)
        assert request.state is State.RECEIVED
        await hass.config_entries.async_reload(entry.entry_id)
        home = entry.runtime_data
        assert (await home.inbox.get(request.id)).state is State.DECLINED
        assert (await log_of(home, "request"))[-1]["detail"] == "not_active"

    @pytest.mark.parametrize(
        ("sought", "only"),
        [
            ("", False),
            ("black male", True),
            ("A White Woman in her 20s", True),
            ("two Hispanic teens", False),
            ("hispanic teens", True),
            ("dark-skinned suspect", True),
            ("man with a brown dog", False),
            ("a man", False),
            ("African-American male, 20s", True),
            ("light-brown-skinned man", True),
            ("Hispanic-looking man, 30yo", True),
            ("white 4Runner", False),
            ("White, 7ABC123", False),
            ("Black male 6ft2 200lbs", False),
        ],
    )
    def test_race_only(self, sought: str, only: bool) -> None:
        """A race, a sex and an age say nothing of a person."""
        assert race_only(sought) is only

    async def test_talks_of(self, home: Home) -> None:
        """Whatever purpose it names, its words are shown for what they speak of."""
        request = await recorded(home, need="Who was at the Demonstration, deportable?")
        assert talks_of(request.ask) == [Purpose.PROTEST, Purpose.IMMIGRATION]
        assert talks_of((await recorded(home, need="A raised fence")).ask) == []


class TestStates:
    """How far it is."""

    async def test_to_the_owner(self, home: Home, police: Agency) -> None:
        """Each step is an entry, by whom it was made."""
        request = await in_review(home, police)
        assert request.answerable
        request = await home.inbox.challenge(request.id, "too broad", UNKNOWN_ACTOR)
        assert request.reason == "too broad"
        await home.inbox.review(request.id, UNKNOWN_ACTOR)
        await home.inbox.decline(request.id, "", UNKNOWN_ACTOR)
        request = await home.inbox.close(request.id, "", UNKNOWN_ACTOR)
        assert request.state is State.CLOSED
        entries = await log_of(home, "request")
        assert [entry["event"] for entry in entries] == [
            *("received", "verified", "owner_review", "challenged", "owner_review"),
            *("declined", "closed"),
        ]
        assert "too broad" not in str(entries)
        assert {entry["agency_type"] for entry in entries} == {"local"}

    async def test_only_what_may_follow(self, home: Home, police: Agency) -> None:
        """Everything else is refused, and changes nothing."""
        inbox = home.inbox
        steps: dict[State, Callable[[str], Any]] = {
            State.VERIFIED: lambda one: inbox.confirm(one, True, UNKNOWN_ACTOR),
            State.OWNER_REVIEW: lambda one: inbox.review(one, UNKNOWN_ACTOR),
            State.DECLINED: lambda one: inbox.decline(one, "", UNKNOWN_ACTOR),
            State.CHALLENGED: lambda one: inbox.challenge(one, "", UNKNOWN_ACTOR),
            State.CLOSED: lambda one: inbox.close(one, "", UNKNOWN_ACTOR),
        }
        ways = {
            State.RECEIVED: [],
            State.VERIFIED: [State.VERIFIED],
            State.OWNER_REVIEW: [State.VERIFIED, State.OWNER_REVIEW],
            State.CHALLENGED: [State.VERIFIED, State.OWNER_REVIEW, State.CHALLENGED],
            State.DECLINED: [State.DECLINED],
            State.CLOSED: [State.CLOSED],
        }
        # What is given for one has tests of its own.
        assert set(ways) == {state for state in NEXT if not state.given}
        for state, way in ways.items():
            request = await inbox.record(
                asked(case_number=state.value), UNKNOWN_ACTOR, agency_id=police.id
            )
            for step in way:
                await steps[step](request.id)
            for after in set(steps) - NEXT[state]:
                with pytest.raises(RequestError) as caught:
                    await steps[after](request.id)
                assert caught.value.key == "request_not_now"
            assert (await inbox.get(request.id)).state is state

    async def test_not_confirmed(self, home: Home, police: Agency) -> None:
        """Only by the agency itself, called by the number that the owner found."""
        request = await recorded(home)

        async def refused(called: bool = True) -> str:
            with pytest.raises(RequestError) as caught:
                await home.inbox.confirm(request.id, called, UNKNOWN_ACTOR)
            assert (await home.inbox.get(request.id)).state is State.RECEIVED
            return caught.value.key

        assert await refused(False) == "request_not_confirmed"
        assert await refused() == "request_no_agency"
        await home.inbox.set_agency(request.id, police.id, UNKNOWN_ACTOR)
        said = {**AGENCY, "signing_key": ""}
        await home.agencies.change(police, said, UNKNOWN_ACTOR)
        assert await refused() == "request_agency_unverified"
        await home.agencies.remove(police.id, UNKNOWN_ACTOR)
        assert await refused() == "agency_not_found"

    async def test_looked_at(self, home: Home) -> None:
        """Each look is an entry."""
        request = await recorded(home)
        await home.inbox.viewed(request, UNKNOWN_ACTOR)
        assert (await log_of(home, "request"))[-1]["event"] == "viewed"

    async def test_two_admins(self, home: Home, police: Agency) -> None:
        """Both press at once: one of them did it."""
        request = await in_review(home, police)
        first = await home.inbox.decline(request.id, "no", UNKNOWN_ACTOR)
        with pytest.raises(RequestError) as caught:
            await home.inbox.challenge(request.id, "x", UNKNOWN_ACTOR)
        assert caught.value.key == "request_not_now"
        assert await home.inbox.get(request.id) == first

    async def test_asker_goes_away(self, home: Home, police: Agency) -> None:
        """A browser that is closed in the middle leaves nothing half done."""
        for number in range(12):
            said = asked(
                instrument="subpoena", case_number=f"{number}", officer=f"O{number}"
            )
            task = asyncio.create_task(
                home.inbox.record(said, UNKNOWN_ACTOR, hold=True)
            )
            for _ in range(number):
                await asyncio.sleep(0)
            if number > 6:
                await asyncio.sleep(number / 3000)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        # Whoever waits for the lock comes after them.
        await in_review(home, police)
        # Those of one second come in any order.
        officers = {one.ask.officer for one in await home.inbox.find()}
        assert officers & {f"O{number}" for number in range(12)}
        requests = [one for one in await home.inbox.find() if one.hold]
        held = {one.id for one in await home.log.care.holds()}
        assert {one.hold for one in requests} == held
        assert home.inbox.summary.open == len(await home.inbox.find())

    async def test_log_unavailable(self, home: Home, police: Agency) -> None:
        """No step without its entry."""
        request = await in_review(home, police)
        await fail_writes(home)
        with pytest.raises(LogUnavailable):
            await home.inbox.decline(request.id, "", UNKNOWN_ACTOR)
        await fail_writes(home, fail=False)
        assert await home.inbox.get(request.id) == request

    async def test_removed(self, home: Home) -> None:
        """Only when it is over; that there was one stays in the log."""
        request = await recorded(home)
        with pytest.raises(RequestError):
            await home.inbox.remove(request.id, UNKNOWN_ACTOR)
        await home.inbox.decline(request.id, "", UNKNOWN_ACTOR)
        await home.inbox.remove(request.id, UNKNOWN_ACTOR)
        with pytest.raises(RequestError) as caught:
            await home.inbox.get(request.id)
        assert caught.value.key == "request_not_found"
        events = [entry["event"] for entry in await log_of(home, "request")]
        assert events == ["received", "declined", "removed"]


class TestHold:
    """What is asked for must not be erased meanwhile."""

    async def test_placed(self, home: Home) -> None:
        """It is there when the request is taken in."""
        request = await home.inbox.record(
            asked(instrument="preservation"), UNKNOWN_ACTOR, hold=True
        )
        (held,) = await home.log.care.holds()
        assert (held.id, held.lock) == (request.hold, "")
        assert (held.since, held.until) == (request.ask.since, request.ask.until)
        kinds = [entry["kind"] for entry in await log_of(home, "request", "hold")]
        assert kinds == ["request", "hold", "request"]

    async def test_killed_before_it_was_placed(
        self,
        hass: HomeAssistant,
        entry: HomeEntry,
        home: Home,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """It is placed at the next start, before anything is erased."""

        async def killed(*_: object, **__: object) -> None:
            raise LogUnavailable("killed")

        monkeypatch.setattr(home.log.care, "hold", killed)
        with pytest.raises(LogUnavailable):
            await home.inbox.record(
                asked(instrument="subpoena"), UNKNOWN_ACTOR, hold=True
            )
        await hass.config_entries.async_reload(entry.entry_id)
        home = entry.runtime_data
        (request,) = await home.inbox.find()
        assert [held.id for held in await home.log.care.holds()] == [request.hold]
        assert await home.inbox.is_held(request)

    async def test_until_it_is_lifted(self, home: Home) -> None:
        """It stays when the request is done, and the request stays with it."""
        request = await home.inbox.record(
            asked(instrument="subpoena"), UNKNOWN_ACTOR, hold=True
        )
        await home.inbox.close(request.id, "", UNKNOWN_ACTOR)
        with pytest.raises(RequestError):
            await home.inbox.remove(request.id, UNKNOWN_ACTOR)
        assert await home.log.care.holds()
        assert (await home.inbox.lift(request.id, UNKNOWN_ACTOR)).hold == ""
        assert not await home.log.care.holds()
        await home.inbox.remove(request.id, UNKNOWN_ACTOR)

    async def test_later(self, home: Home) -> None:
        """By hand, once, while it is open."""
        request = await recorded(home)
        request = await home.inbox.hold(request.id, UNKNOWN_ACTOR)
        assert [held.id for held in await home.log.care.holds()] == [request.hold]
        with pytest.raises(RequestError):
            await home.inbox.hold(request.id, UNKNOWN_ACTOR)
        # By the action for holds: then it is not said to be held, and can be again.
        await home.log.care.lift(request.hold, "x", UNKNOWN_ACTOR.fields())
        assert not await home.inbox.is_held(request)
        request = await home.inbox.hold(request.id, UNKNOWN_ACTOR)
        assert await home.inbox.is_held(request)
        assert (await home.inbox.lift(request.id, UNKNOWN_ACTOR)).hold == ""
        with pytest.raises(RequestError):
            await home.inbox.lift(request.id, UNKNOWN_ACTOR)
        await home.inbox.decline(request.id, "", UNKNOWN_ACTOR)
        with pytest.raises(RequestError):
            await home.inbox.hold(request.id, UNKNOWN_ACTOR)


class TestDocuments:
    """The documents of a request."""

    @pytest.fixture
    def scan(self, tmp_path: Path) -> Path:
        """Have one."""
        path = tmp_path / "warrant.pdf"
        path.write_bytes(b"%PDF- in the name of")
        return path

    async def test_kept(self, hass: HomeAssistant, home: Home, scan: Path) -> None:
        """As it is, by its hash, for us alone; its hash is in the log, its name is not."""
        request = await recorded(home)
        done = await home.inbox.attach(request.id, nullcontext(scan), UNKNOWN_ACTOR)
        assert (done.name, done.bytes) == ("warrant.pdf", 20)
        path, found = await home.inbox.document(request.id, done.sha256, UNKNOWN_ACTOR)
        assert (path.read_bytes(), found) == (scan.read_bytes(), done)
        assert path.parent == home_folder(hass) / "requests"
        assert path.stat().st_mode & 0o777 == 0o600
        assert [one.name for one in path.parent.iterdir()] == [done.sha256]
        *_, attached, viewed = await log_of(home, "request")
        assert (attached["event"], viewed["event"]) == ("document", "viewed")
        assert attached["document"] == viewed["document"] == done.sha256
        assert "warrant.pdf" not in str(await log_of(home, "request"))

    async def test_twice(self, home: Home, scan: Path) -> None:
        """Once is enough; of two requests each has it until neither does."""
        first, second = await recorded(home), await recorded(home, case_number="2")
        for one in (first, first, second):
            done = await home.inbox.attach(one.id, nullcontext(scan), UNKNOWN_ACTOR)
        assert await home.inbox.documents.of(first.id) == [
            *await home.inbox.documents.of(second.id)
        ]
        path, _ = await home.inbox.document(first.id, done.sha256, UNKNOWN_ACTOR)
        for one, there in ((first, True), (second, False)):
            await home.inbox.decline(one.id, "", UNKNOWN_ACTOR)
            await home.inbox.remove(one.id, UNKNOWN_ACTOR)
            assert path.exists() is there

    async def test_not_what_it_was(self, home: Home, scan: Path) -> None:
        """What was changed on the disk is not given for what was attached."""
        request = await recorded(home)
        done = await home.inbox.attach(request.id, nullcontext(scan), UNKNOWN_ACTOR)
        path, _ = await home.inbox.document(request.id, done.sha256, UNKNOWN_ACTOR)
        for damage in (lambda: path.write_bytes(b"other"), path.unlink):
            damage()
            with pytest.raises(RequestError) as caught:
                await home.inbox.document(request.id, done.sha256, UNKNOWN_ACTOR)
            assert caught.value.key == "document_damaged"
        with pytest.raises(RequestError):
            await home.inbox.document(request.id, "../../secrets.yaml", UNKNOWN_ACTOR)

    async def test_refused(
        self, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Empty, too long, too many: and nothing of it is left."""
        request = await recorded(home)
        scan = tmp_path / "x"

        async def refused() -> str:
            with pytest.raises(RequestError) as caught:
                await home.inbox.attach(request.id, nullcontext(scan), UNKNOWN_ACTOR)
            return caught.value.key

        scan.touch()
        assert await refused() == "document_empty"
        monkeypatch.setattr(documents, "MAX_BYTES", 5)
        scan.write_bytes(b"x" * 6)
        assert await refused() == "document_too_long"
        for n in range(20):
            scan.write_bytes(str(n).encode())
            await home.inbox.attach(request.id, nullcontext(scan), UNKNOWN_ACTOR)
        scan.write_bytes(b"more")
        assert await refused() == "document_too_many"
        (folder,) = {
            (await home.inbox.document(request.id, one.sha256, UNKNOWN_ACTOR))[0].parent
            for one in await home.inbox.documents.of(request.id)
        }
        assert len([*folder.iterdir()]) == 20

    async def test_disk_full(self, hass: HomeAssistant, home: Home, scan: Path) -> None:
        """It is said, and nothing of it is kept: neither file nor row."""
        request = await recorded(home)
        folder = home_folder(hass) / "requests"
        folder.mkdir(exist_ok=True)
        with unwritable(folder), pytest.raises(RequestError) as caught:
            await home.inbox.attach(request.id, nullcontext(scan), UNKNOWN_ACTOR)
        assert caught.value.key == "document_not_kept"
        await fail_writes(home)
        with pytest.raises(LogUnavailable):
            await home.inbox.attach(request.id, nullcontext(scan), UNKNOWN_ACTOR)
        await fail_writes(home, fail=False)
        assert await home.inbox.documents.of(request.id) == []
        assert [*folder.iterdir()] == []

    async def test_killed_meanwhile(
        self, hass: HomeAssistant, entry: HomeEntry, home: Home, scan: Path
    ) -> None:
        """A half copy goes at the next start, what no request has after three months."""
        request = await recorded(home)
        done = await home.inbox.attach(request.id, nullcontext(scan), UNKNOWN_ACTOR)
        folder = home_folder(hass) / "requests"
        nobodys = "0" * 64
        for name in (nobodys, "incoming-1", ".incoming-2.3"):
            (folder / name).write_bytes(b"half")
        past = (utc_now() - timedelta(days=91)).timestamp()
        for name in (nobodys, done.sha256):
            os.utime(folder / name, (past, past))
        # It is nobody's from now on, however long it is there.
        for _ in range(2):
            await hass.config_entries.async_reload(entry.entry_id)
            names = {one.name for one in folder.iterdir()}
            assert names == {done.sha256, f"lost-{nobodys}"}
        os.utime(folder / f"lost-{nobodys}", (past, past))
        # One that is somebody's again is where it was.
        (folder / done.sha256).rename(folder / f"lost-{done.sha256}")
        await hass.config_entries.async_reload(entry.entry_id)
        assert [one.name for one in folder.iterdir()] == [done.sha256]

    async def test_log_does_not_open(
        self, hass: HomeAssistant, entry: HomeEntry, home: Home, scan: Path
    ) -> None:
        """A log in memory knows of no document: that is no reason to delete them."""
        request = await recorded(home)
        done = await home.inbox.attach(request.id, nullcontext(scan), UNKNOWN_ACTOR)
        path, _ = await home.inbox.document(request.id, done.sha256, UNKNOWN_ACTOR)
        past = (utc_now() - timedelta(days=91)).timestamp()
        os.utime(path, (past, past))
        await hass.config_entries.async_unload(entry.entry_id)
        key = home_folder(hass) / "keys" / "log.key"
        key.rename(key.with_suffix(".away"))
        await hass.config_entries.async_setup(entry.entry_id)
        assert entry.runtime_data.log.volatile
        assert path.exists()
        await hass.config_entries.async_unload(entry.entry_id)
        key.with_suffix(".away").rename(key)
        await hass.config_entries.async_setup(entry.entry_id)
        home = entry.runtime_data
        assert await home.inbox.document(request.id, done.sha256, UNKNOWN_ACTOR)

    @pytest.mark.parametrize(
        ("name", "plain"),
        [
            ("warrant.pdf", "warrant.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Windows\\evil.exe", "evil.exe"),
            ("a\x00b\n.pdf", "a_b_.pdf"),
            ("<script>.html", "_script_.html"),
            ("..", "document"),
            ("", "document"),
            (".htaccess", "htaccess"),
            ("x" * 300 + ".pdf", "x" * 88 + ".pdf"),
            ("Verfügung (1).pdf", "Verfügung (1).pdf"),
            ("\u202efdp.exe", "_fdp.exe"),
            ("a／b.pdf", "b.pdf"),
        ],
    )
    def test_names(self, name: str, plain: str) -> None:
        """A name is a name: no path, nothing that turns around or runs."""
        assert plain_name(name) == plain
