"""Requests for who clicks, by actions, and as whoever lives here sees them."""

from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

from homeassistant.components.file_upload import DOMAIN as UPLOAD
from homeassistant.const import MATCH_ALL
from homeassistant.core import Event, HomeAssistant, ServiceCall
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.log import LogUnavailable
from custom_components.smartlock_le.models import UNKNOWN_ACTOR, utc_now
from custom_components.smartlock_le.requests.models import Agency
from custom_components.smartlock_le.requests.request import Request, State
from custom_components.smartlock_le.web.documents import URL
from tests.conftest import log_of, until
from tests.flows.test_options import choose, go, options
from tests.support import act, fail_writes, issues

from .conftest import Clock
from .test_agency_facts import SAID
from .test_inbox import asked, in_review, police, recorded

__all__ = ["police"]

COUNT = "sensor.test_home_open_requests"
DEADLINE = "sensor.test_home_next_deadline"
CALENDAR = "calendar.test_home_deadlines_of_requests"
FORM: dict[str, Any] = {
    "agency_name": "Springfield Police Department",
    "via": "paper",
    "since": "2026-11-20 14:00:00",
    "until": "2026-11-20 16:00:00",
    "kinds": ["access", "clips"],
    "hold": True,
}


async def take_in(
    hass: HomeAssistant, entry: HomeEntry, instrument: str, **said: Any
) -> Any:
    """Go to the form of an instrument, and fill it in."""
    flow_id = (await choose(hass, entry, "requests"))["flow_id"]
    await go(hass, flow_id, next_step_id="record_request")
    result = await go(hass, flow_id, instrument=instrument)
    assert result["step_id"] == "request_asked"
    return await go(hass, flow_id, **FORM | said)


async def open_page(hass: HomeAssistant, entry: HomeEntry, request: str) -> Any:
    """Look a request up."""
    flow_id = (await choose(hass, entry, "requests"))["flow_id"]
    await go(hass, flow_id, next_step_id="find_request")
    await go(hass, flow_id, search=request)
    return await go(hass, flow_id, request=request)


async def next_step(hass: HomeAssistant, page: Any, step: str, **answers: Any) -> Any:
    """Choose on a page, and answer what is asked then."""
    result = await go(hass, page["flow_id"], next_step_id=step)
    if answers or result["type"] is FlowResultType.FORM:
        assert result["step_id"] == step
        result = await go(hass, page["flow_id"], **answers)
    return result


def _window(request: Request) -> tuple[datetime, datetime]:
    return request.ask.since, request.ask.until


class TestMenu:
    """The way through it."""

    async def test_a_subpoena(
        self, hass: HomeAssistant, entry: HomeEntry, home: Home, police: Agency
    ) -> None:
        """From the paper to the end, without developer tools."""
        await hass.config.async_set_time_zone("America/Chicago")
        page = await take_in(
            hass, entry, "subpoena", gag=False, basis="Fed. R. Crim. P. 17(c)"
        )
        assert page["step_id"] == "request"
        assert "confirm_request" not in page["menu_options"]
        assert page["menu_options"][0] == "request_guide"
        (request,) = await home.inbox.find()
        assert request.ask.since == datetime(2026, 11, 20, 20, tzinfo=UTC)
        assert request.hold
        about = page["description_placeholders"]["about"]
        assert "2026-11-20 14:00 … 2026-11-20 16:00" in about
        assert "Subpoena" in about and "Nobody confirmed" in about
        assert "What it is for" not in about
        page = await next_step(hass, page, "request_agency", search="springfield")
        assert page["step_id"] == "request_agency"
        (one,) = options(page, "agency")
        assert one["value"] == police.id
        assert one["label"].startswith("Called back: Springfield Police Department, ")
        page = await go(hass, page["flow_id"], agency=police.id)
        page = await next_step(hass, page, "confirm_request", called=False)
        assert page["errors"] == {"base": "request_not_confirmed"}
        page = await go(hass, page["flow_id"], called=True)
        assert "Nobody confirmed" not in page["description_placeholders"]["about"]
        page = await next_step(hass, page, "review_request")
        page = await next_step(hass, page, "challenge_request", reason="too *broad*")
        assert "too &#42;broad&#42;" in page["description_placeholders"]["about"]
        page = await next_step(hass, page, "close_request")
        assert "attach_document" in page["menu_options"]
        assert "remove_request" not in page["menu_options"]
        page = await next_step(hass, page, "lift_request")
        assert not await home.log.care.holds()
        page = await next_step(hass, page, "remove_request")
        assert page["reason"] == "request_removed"

    async def test_a_voluntary_request(
        self, hass: HomeAssistant, entry: HomeEntry, home: Home
    ) -> None:
        """What breaks a rule is on record, and says which."""
        page = await take_in(
            hass, entry, "voluntary", purpose="protest", area=0.25, hold=False
        )
        about = page["description_placeholders"]["about"]
        for words in (
            "Declined: it names no case",
            "Declined: it does not say that an investigation goes on",
            "You answer nothing that is for this",
        ):
            assert words in about
        (request,) = await home.inbox.find()
        assert (request.ask.area, request.state) == (250_000, State.DECLINED)

    async def test_an_emergency(
        self, hass: HomeAssistant, entry: HomeEntry, home: Home
    ) -> None:
        """It is flagged, and the guide is there."""
        hass.config.country = "US"
        page = await take_in(hass, entry, "exigent", need="A child", hold=False)
        about = page["description_placeholders"]["about"]
        assert "stolen mailboxes" in about
        assert page["menu_options"][0] == "decline_request"
        page = await go(hass, page["flow_id"], next_step_id="request_guide")
        guide = page["description_placeholders"]["guide"]
        assert "Brigham City v. Stuart" in guide
        assert "cited from memory" in guide
        assert "not legal advice" in guide
        assert (await go(hass, page["flow_id"]))["step_id"] == "request"
        assert (await home.inbox.find())[0].state is State.RECEIVED

    async def test_what_cannot_be(
        self, hass: HomeAssistant, entry: HomeEntry, home: Home
    ) -> None:
        """It is said at its field; what was typed stays; nothing is kept."""
        page = await take_in(hass, entry, "search_warrant", until=FORM["since"])
        assert page["errors"] == {"until": "request_window"}
        page = await go(hass, page["flow_id"], **FORM | {"agency_name": "\u202ex"})
        assert page["errors"] == {"agency_name": "request_text"}
        await fail_writes(home)
        page = await go(hass, page["flow_id"], **FORM)
        assert page["errors"] == {"base": "log_unavailable"}
        await fail_writes(home, fail=False)
        assert await home.inbox.find() == []
        page = await go(hass, page["flow_id"], **FORM)
        assert page["step_id"] == "request"

    async def test_what_others_wrote(
        self, hass: HomeAssistant, entry: HomeEntry, home: Home
    ) -> None:
        """It is shown as it is: it makes no link, no picture, no list."""
        evil = "[call](tel:911) <img src=x> *now*"
        page = await take_in(
            hass, entry, "subpoena", agency_name=evil, officer=evil, need=evil
        )
        about = page["description_placeholders"]["about"]
        assert "](" not in about and "<img" not in about and "*now*" not in about

    async def test_from_an_agency(
        self, hass: HomeAssistant, entry: HomeEntry, home: Home, police: Agency
    ) -> None:
        """On its page, and it is from that one."""
        flow_id = (await choose(hass, entry, "agencies"))["flow_id"]
        await go(hass, flow_id, next_step_id="find_agency")
        await go(hass, flow_id, search="")
        await go(hass, flow_id, agency=police.id)
        await go(hass, flow_id, next_step_id="request_of_agency")
        result = await go(hass, flow_id, instrument="court_order")
        assert "agency_name" not in result["data_schema"].schema
        form = {key: value for key, value in FORM.items() if key != "agency_name"}
        await go(hass, flow_id, **form, gag=True)
        (request,) = await home.inbox.find()
        assert (request.agency, request.ask.gag) == (police.id, True)
        assert request.ask.agency_name == police.facts.name

    async def test_list(
        self, hass: HomeAssistant, entry: HomeEntry, home: Home
    ) -> None:
        """Those that wait are there at once; each look is an entry."""
        flow = await choose(hass, entry, "requests")
        assert "open_requests" not in flow["menu_options"]
        request = await recorded(home)
        flow = await choose(hass, entry, "requests")
        assert flow["description_placeholders"] == {"count": "1"}
        flow = await go(hass, flow["flow_id"], next_step_id="open_requests")
        (one,) = options(flow, "request")
        assert one["label"].startswith("Not confirmed: Voluntary request")
        await go(hass, flow["flow_id"], request=request.id)
        assert (await log_of(home, "request"))[-1]["event"] == "viewed"

    async def test_gone_meanwhile(
        self, hass: HomeAssistant, entry: HomeEntry, home: Home, police: Agency
    ) -> None:
        """What another admin did is not undone, and what is gone is said to be gone."""
        request = await in_review(home, police)
        page = await open_page(hass, entry, request.id)
        await home.inbox.decline(request.id, "", UNKNOWN_ACTOR)
        late = await next_step(hass, page, "challenge_request", reason="x")
        assert late["errors"] == {"base": "request_not_now"}
        other = await open_page(hass, entry, request.id)
        await home.inbox.remove(request.id, UNKNOWN_ACTOR)
        late = await go(hass, page["flow_id"], reason="x")
        assert late["errors"] == {"base": "request_not_found"}
        late = await next_step(hass, other, "request_guide")
        assert late["reason"] == "request_gone"

    async def test_log_unavailable(
        self, hass: HomeAssistant, entry: HomeEntry, home: Home, police: Agency
    ) -> None:
        """A choice without a form says so as well; nothing is changed, no look is unseen."""
        request = await home.inbox.record(asked(), UNKNOWN_ACTOR, agency_id=police.id)
        await home.inbox.confirm(request.id, True, UNKNOWN_ACTOR)
        pages = [await open_page(hass, entry, request.id) for _ in range(2)]
        flow = await choose(hass, entry, "requests")
        await go(hass, flow["flow_id"], next_step_id="open_requests")
        await fail_writes(home)
        for page, step in zip(pages, ("review_request", "hold_request"), strict=True):
            done = await go(hass, page["flow_id"], next_step_id=step)
            assert done["reason"] == "log_unusable"
        looked = await go(hass, flow["flow_id"], request=request.id)
        assert looked["reason"] == "log_unusable"
        await fail_writes(home, fail=False)
        assert (await home.inbox.get(request.id)).state is State.VERIFIED
        assert not await home.log.care.holds()

    async def test_not_any_more(
        self, hass: HomeAssistant, entry: HomeEntry, home: Home, police: Agency
    ) -> None:
        """What another admin did meanwhile leaves only what is possible now."""
        request = await home.inbox.record(asked(), UNKNOWN_ACTOR, agency_id=police.id)
        await home.inbox.confirm(request.id, True, UNKNOWN_ACTOR)
        pages = [await open_page(hass, entry, request.id) for _ in range(2)]
        await home.inbox.decline(request.id, "", UNKNOWN_ACTOR)
        for page, step in zip(pages, ("review_request", "hold_request"), strict=True):
            shown = await go(hass, page["flow_id"], next_step_id=step)
            assert shown["step_id"] == "request"
            assert step not in shown["menu_options"]
        page = await go(hass, pages[0]["flow_id"], next_step_id="remove_request")
        await home.log.care.hold(*_window(request), "x", UNKNOWN_ACTOR.fields())
        assert (await go(hass, page["flow_id"]))["reason"] == "request_removed"

    async def test_held_meanwhile(
        self, hass: HomeAssistant, entry: HomeEntry, home: Home
    ) -> None:
        """One that is held is not removed, and it is said why."""
        request = await home.inbox.record(
            asked(instrument="subpoena"), UNKNOWN_ACTOR, hold=True
        )
        await home.inbox.close(request.id, "", UNKNOWN_ACTOR)
        page = await open_page(hass, entry, request.id)
        await home.log.care.lift(request.hold, "x", UNKNOWN_ACTOR.fields())
        page = await next_step(hass, page, "request_guide")
        page = await go(hass, page["flow_id"], next_step_id="remove_request")
        held = await home.log.care.hold(*_window(request), "x", UNKNOWN_ACTOR.fields())
        kept = replace(await home.inbox.get(request.id), hold=held.id)
        await home.inbox._enter(kept, "held", UNKNOWN_ACTOR)
        late = await go(hass, page["flow_id"])
        assert late["errors"] == {"base": "request_not_now"}

    async def test_agency_is_gone(
        self, hass: HomeAssistant, entry: HomeEntry, home: Home, police: Agency
    ) -> None:
        """A request outlives its agency in the directory; one that is unsure says so."""
        request = await home.inbox.record(asked(), UNKNOWN_ACTOR, agency_id=police.id)
        await home.agencies.change(police, {**SAID, "email_domain": ""}, UNKNOWN_ACTOR)
        page = await open_page(hass, entry, request.id)
        assert "**Not as you confirmed it" in page["description_placeholders"]["about"]
        await home.agencies.remove(police.id, UNKNOWN_ACTOR)
        page = await open_page(hass, entry, request.id)
        assert "Not linked to an agency" in page["description_placeholders"]["about"]

    async def test_nobody(
        self, hass: HomeAssistant, entry: HomeEntry, home: Home
    ) -> None:
        """A search that finds none says so; a log that cannot be read, too."""
        flow_id = (await choose(hass, entry, "requests"))["flow_id"]
        await go(hass, flow_id, next_step_id="find_request")
        result = await go(hass, flow_id, search="x")
        assert result["errors"] == {"search": "request_not_found"}

    async def test_rules(
        self, hass: HomeAssistant, entry: HomeEntry, home: Home
    ) -> None:
        """The owner says what is never answered, and whom to tell."""
        hass.services.async_register("notify", "phone", lambda _: None)
        flow = await choose(hass, entry, "requests")
        form = await go(hass, flow["flow_id"], next_step_id="request_rules")
        assert options(form, "notify") == ["notify.phone"]
        said = {
            "purposes": ["health"],
            "agency_types": ["immigration"],
            "notify": "notify.phone",
        }
        await fail_writes(home)
        form = await go(hass, flow["flow_id"], **said)
        assert form["errors"] == {"base": "log_unavailable"}
        await fail_writes(home, fail=False)
        form = await go(hass, flow["flow_id"], **said)
        assert form["reason"] == "request_rules_saved"
        assert home.request_target == "notify.phone"
        assert [*home.request_limits.purposes] == ["health"]
        assert (await recorded(home, purpose="protest")).broken == ()


class TestDocuments:
    """Documents come in by the menu, and go out by a link of minutes."""

    @pytest.fixture
    async def upload(
        self,
        hass: HomeAssistant,
        hass_client: ClientSessionGenerator,
        home: Home,
        tmp_path: Path,
    ) -> str:
        """Send a file, as a browser does; return its id."""
        for needed in (UPLOAD, "config"):
            assert await async_setup_component(hass, needed, {})
        path = tmp_path / "Warrant <b>.pdf"
        path.write_bytes(b"in the name of")
        client = await hass_client()
        with path.open("rb") as file:
            answer = await client.post("/api/file_upload", data={"file": file})
        return str((await answer.json())["file_id"])

    async def test_attached(
        self,
        hass: HomeAssistant,
        entry: HomeEntry,
        home: Home,
        upload: str,
        hass_client: ClientSessionGenerator,
        hass_client_no_auth: ClientSessionGenerator,
        hass_read_only_access_token: str,
    ) -> None:
        """It comes back as it was, as a file to keep, for admins, and that is an entry."""
        request = await recorded(home)
        # By a browser: the links are signed with the login of who asks.
        browser = await hass_client()
        path, shown = "/api/config/config_entries/options/flow", dict[str, Any]()
        for answer in (
            {"handler": entry.entry_id},
            {"next_step_id": "requests"},
            {"next_step_id": "open_requests"},
            {"request": request.id},
            {"next_step_id": "attach_document"},
            {"file": upload},
        ):
            assert "request_documents" not in shown.get("menu_options", ())
            shown = await (await browser.post(path, json=answer)).json()
            path = f"/api/config/config_entries/options/flow/{shown['flow_id']}"
        text = shown["description_placeholders"]["documents"]
        (document,) = await home.inbox.documents.of(request.id)
        assert document.sha256 in text and "<b>" not in text
        link = text.partition("](")[2].partition(")")[0]
        client = await hass_client_no_auth()
        answer = await client.get(link)
        assert answer.status == HTTPStatus.OK
        assert await answer.read() == b"in the name of"
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        entry_ = (await log_of(home, "request"))[-1]
        assert (entry_["event"], entry_["document"]) == ("viewed", document.sha256)
        assert (entry_["actor_kind"], entry_["actor"]) != ("owner", "")
        path = link.partition("?")[0]
        assert (await client.get(path)).status == HTTPStatus.UNAUTHORIZED
        reader = {"Authorization": f"Bearer {hass_read_only_access_token}"}
        assert (await client.get(path, headers=reader)).status == HTTPStatus.NOT_FOUND
        page = await go(hass, shown["flow_id"])
        assert "request_documents" in page["menu_options"]

    async def test_not_given(
        self,
        hass: HomeAssistant,
        home: Home,
        hass_client: ClientSessionGenerator,
        tmp_path: Path,
    ) -> None:
        """Not without its entry; what is not there and what was changed looks the same."""
        request = await recorded(home)
        scan = tmp_path / "x"
        scan.write_bytes(b"x")
        document = await home.inbox.attach(request.id, nullcontext(scan), UNKNOWN_ACTOR)
        client = await hass_client()
        url = f"{URL}{request.id}/{document.sha256}"
        await fail_writes(home)
        assert (await client.get(url)).status == HTTPStatus.SERVICE_UNAVAILABLE
        await fail_writes(home, fail=False)
        assert (await client.get(url)).status == HTTPStatus.OK
        for other in (f"{URL}{request.id}/x", f"{URL}x/{document.sha256}"):
            assert (await client.get(other)).status == HTTPStatus.NOT_FOUND
        path, _ = await home.inbox.document(request.id, document.sha256, UNKNOWN_ACTOR)
        path.write_bytes(b"y")
        assert (await client.get(url)).status == HTTPStatus.NOT_FOUND

    async def test_gone(
        self, hass: HomeAssistant, entry: HomeEntry, home: Home, upload: str
    ) -> None:
        """A file that is not there, a log that cannot be written: said, nothing kept."""
        request = await recorded(home)
        page = await open_page(hass, entry, request.id)
        form = await next_step(hass, page, "attach_document", file="0" * 32)
        assert form["errors"] == {"file": "csv_gone"}
        await fail_writes(home)
        form = await go(hass, form["flow_id"], file=upload)
        assert form["errors"] == {"base": "log_unavailable"}
        await fail_writes(home, fail=False)
        assert await home.inbox.documents.of(request.id) == []


class TestDeadlines:
    """By when it is to be answered."""

    @pytest.fixture
    def told(self, hass: HomeAssistant) -> list[ServiceCall]:
        """Have a telephone."""
        calls: list[ServiceCall] = []
        hass.services.async_register("notify", "phone", calls.append)
        return calls

    async def test_reminded(
        self,
        hass: HomeAssistant,
        home: Home,
        told: list[ServiceCall],
        clock: Clock,
    ) -> None:
        """A day before and when it is over, each once, and there is a repair."""
        await home.set_request_rules(
            home.request_limits, "notify.phone", UNKNOWN_ACTOR, second=False
        )
        deadline = utc_now() + timedelta(days=3)
        request = await recorded(home, instrument="subpoena", deadline=deadline)
        await home.requests.run()
        assert told == [] and "requests_overdue" not in issues(hass)
        for when, message in (
            (deadline - timedelta(hours=23), "within a day"),
            (deadline + timedelta(minutes=1), "is over"),
        ):
            clock.move_to(when)
            for _ in range(2):
                await home.requests.run()
            await until(lambda: told)
            (call,) = told
            assert message in call.data["message"]
            assert "Springfield" not in str(call.data)
            told.clear()
        assert "requests_overdue" in issues(hass)
        events = [entry["event"] for entry in await log_of(home, "request")]
        assert events == ["received", "reminded", "reminded"]
        await home.inbox.decline(request.id, "", UNKNOWN_ACTOR)
        assert "requests_overdue" not in issues(hass)

    async def test_by_itself(
        self, hass: HomeAssistant, home: Home, told: list[ServiceCall]
    ) -> None:
        """The timer rings, without anybody who asks."""
        await home.set_request_rules(
            home.request_limits, "notify.phone", UNKNOWN_ACTOR, second=False
        )
        soon = utc_now() + timedelta(hours=2)
        await recorded(home, instrument="subpoena", deadline=soon)
        await until(lambda: told)
        assert "within a day" in told[0].data["message"]

    async def test_log_unavailable(
        self,
        home: Home,
        told: list[ServiceCall],
        clock: Clock,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """It is tried again a little later, and what was entered is told."""
        await home.set_request_rules(
            home.request_limits, "notify.phone", UNKNOWN_ACTOR, second=False
        )
        for number in range(2):
            await recorded(
                home,
                instrument="subpoena",
                deadline=utc_now() + timedelta(days=2),
                case_number=f"{number}",
            )
        clock.tick(timedelta(days=1, hours=1))
        enter, left = home.inbox._enter, [1]

        async def fails(*args: Any, **more: Any) -> None:
            if not left:
                raise LogUnavailable("full")
            left.pop()
            await enter(*args, **more)

        monkeypatch.setattr(home.inbox, "_enter", fails)
        await home.requests.run()
        assert "Deadlines of requests were not looked at" in caplog.text
        await until(lambda: len(told) == 1)
        when = home.requests._alarm._when
        assert when and timedelta() < when - clock.now() <= timedelta(minutes=5)
        monkeypatch.setattr(home.inbox, "_enter", enter)
        await home.requests.run()
        await until(lambda: len(told) == 2)

    async def test_not_read_at_the_start(
        self,
        home: Home,
        police: Agency,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """What could not be read then is read a little later, the address as well."""
        await home.intake.switch_on(UNKNOWN_ACTOR)
        token, home.intake._token = home.intake.token, ""
        home.requests._loaded = False
        read = home.log.read

        async def fails(_: object) -> list[Any]:
            raise LogUnavailable("away")

        monkeypatch.setattr(home.log, "read", fails)
        await home.requests.start()
        assert "The requests cannot be read" in caplog.text
        assert home.requests._alarm._when and not home.intake.token
        monkeypatch.setattr(home.log, "read", read)
        await home.requests.run()
        assert home.intake.token == token

    async def test_clock_was_wrong(
        self, home: Home, told: list[ServiceCall], clock: Clock
    ) -> None:
        """Back again, the reminders are still to come."""
        await home.set_request_rules(
            home.request_limits, "notify.phone", UNKNOWN_ACTOR, second=False
        )
        deadline = utc_now() + timedelta(days=9)
        await recorded(home, instrument="subpoena", deadline=deadline)
        for days, messages in ((100, 1), (-100, 1), (8.5, 2)):
            clock.tick(timedelta(days=days))
            await home.requests.run()
            await until(lambda n=messages: len(told) == n)
        assert "within a day" in told[-1].data["message"]

    async def test_seen_by_who_lives_here(
        self, hass: HomeAssistant, home: Home
    ) -> None:
        """How many, and by when; not whose, not what."""
        first, second = (
            (utc_now() + timedelta(days=days)).replace(microsecond=0) for days in (5, 9)
        )
        request = await recorded(home, instrument="subpoena", deadline=first)
        await recorded(home, instrument="subpoena", deadline=second)
        await hass.async_block_till_done()
        assert hass.states.get(COUNT).state == "2"
        shown = hass.states.get(DEADLINE).state
        assert dt_util.parse_datetime(shown) == first
        calendar = hass.states.get(CALENDAR)
        assert calendar.attributes["message"] == f"request {request.id}"
        answer = await hass.services.async_call(
            "calendar",
            "get_events",
            {
                "entity_id": CALENDAR,
                "start_date_time": utc_now().isoformat(),
                "duration": {"days": 30},
            },
            blocking=True,
            return_response=True,
        )
        assert len(answer[CALENDAR]["events"]) == 2
        assert "Springfield" not in str(answer)
        await home.inbox.decline(request.id, "", UNKNOWN_ACTOR)
        await hass.async_block_till_done()
        assert hass.states.get(COUNT).state == "1"

    async def test_gag(self, hass: HomeAssistant, home: Home, clock: Clock) -> None:
        """What nobody may be told is in no state, no calendar, no repair, no bus event."""
        deadline = utc_now() + timedelta(days=2)
        seen: list[Event] = []
        hass.bus.async_listen(MATCH_ALL, seen.append)
        request = await recorded(
            home, instrument="court_order", deadline=deadline, gag=True
        )
        await hass.async_block_till_done()
        assert hass.states.get(COUNT).state == "0"
        assert hass.states.get(DEADLINE).state == "unknown"
        assert hass.states.get(CALENDAR).state == "off"
        assert "message" not in hass.states.get(CALENDAR).attributes
        window = utc_now(), deadline + timedelta(days=1)
        assert await home.inbox.with_deadline(*window) == []
        clock.move_to(deadline + timedelta(hours=1))
        await home.requests.run()
        assert "requests_overdue" not in issues(hass)
        assert request.id not in str([event.as_dict() for event in seen])


class TestActions:
    """What an automation editor and developer tools see."""

    async def test_record_and_decline(
        self, hass: HomeAssistant, home: Home, police: Agency
    ) -> None:
        """By the agency's id; what it answers names nobody."""
        said = {
            "instrument": "subpoena",
            "via": "paper",
            "agency": police.id,
            "since": "2026-01-01T00:00:00+01:00",
            "until": "2026-01-02T00:00:00+01:00",
            "case_number": "9",
        }
        answer = await act(hass, "record_request", said)
        assert answer["state"] == "received" and answer["hold"]
        assert "Springfield" not in str(answer)
        done = await act(hass, "decline_request", {"request": answer["request"]})
        assert done["state"] == "declined"
        answer = await act(hass, "record_request", {**said, "hold": False})
        assert answer["hold"] == ""
        for wrong in (
            {"until": "x"},
            {"agency": "x"},
            {"gag": True, "instrument": "exigent"},
        ):
            with pytest.raises(HomeAssistantError):
                await act(hass, "record_request", said | wrong)
        assert len(await home.inbox.find()) == 2


async def test_no_entity_that_assist_exposes(hass: HomeAssistant, home: Home) -> None:
    """Requests are no to-do, switch, scene or script."""
    ours = {
        entity_id.partition(".")[0]
        for entity_id in hass.states.async_entity_ids()
        if "request" in entity_id or "deadline" in entity_id
    }
    assert ours == {"sensor", "calendar"}
