"""The transparency report and the list of ways out, of a real home."""

import csv
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
import io
import json
from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.smartlock_le import outgoing
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.log import LogUnavailable
from custom_components.smartlock_le.models import UNKNOWN_ACTOR, Actor, ActorKind
from custom_components.smartlock_le.requests import reading
from custom_components.smartlock_le.requests.ledger import new
from custom_components.smartlock_le.requests.models import Agency
from custom_components.smartlock_le.sharing.report import Report, band, report
from custom_components.smartlock_le.web.report import URL
from tests.flows.test_options import choose, go
from tests.log import support as log_support
from tests.support import act

from .conftest import Clock
from .test_inbox import asked, in_review, police, recorded

__all__ = ["police"]

OWNER = Actor(ActorKind.OWNER, "1", "Anna")
START = datetime(2026, 11, 1, tzinfo=UTC)
END = datetime(2026, 12, 1, tzinfo=UTC)
WINDOW = {"since": START, "until": START + timedelta(hours=2)}


@pytest.fixture
async def asked_for(home: Home, police: Agency, clock: Clock) -> dict[str, str]:
    """Have a month: one of each outcome, one that nobody may know of."""
    clock.move_to(START + timedelta(days=5))
    await recorded(home, **WINDOW, active=False, need="", case_number="a")
    declined = await in_review(home, police, **WINDOW, case_number="b")
    clock.tick(timedelta(hours=10))
    await home.inbox.decline(declined.id, "", OWNER)
    await home.inbox.close(declined.id, "", OWNER)
    warrant = await in_review(home, police, **WINDOW, instrument="search_warrant")
    clock.tick(timedelta(hours=30))
    await home.inbox.challenge(warrant.id, "", OWNER)
    waits = await recorded(home, **WINDOW, case_number="c")
    await recorded(home, **WINDOW, instrument="court_order", gag=True, case_number="d")
    return {"declined": declined.id, "waits": waits.id}


async def november(home: Home, *, public: bool = False) -> Report:
    """Return the report of the month."""
    return await report(home.log, START, END, public=public)


class TestCounts:
    """What is in it."""

    async def test_owner(self, home: Home, asked_for: dict[str, str]) -> None:
        """Exact counts, and the one that nobody may know of in none of them."""
        made = (await november(home)).as_dict()
        assert made["total"] == 4
        assert made["instrument"] == {"search_warrant": 1, "voluntary": 3}
        assert made["agency_type"] == {"local": 2, "unknown": 2}
        assert made["outcome"] == {
            "challenged": 1,
            "declined": 1,
            "declined_by_rule": 1,
            "open": 1,
        }
        assert made["rule"] == {"no_need": 1, "not_active": 1}
        # At once, 10 and 30 hours.
        assert made["median_hours"] == 10
        assert made["gagged"] == "0-4"
        assert "court_order" not in str(made)

    async def test_public(self, home: Home, asked_for: dict[str, str]) -> None:
        """No count is so small that somebody could be made out, in a sum or beside it."""
        made = (await november(home, public=True)).as_dict()
        counts = [made["total"]]
        for table in ("instrument", "agency_type", "outcome", "rule"):
            counts += made[table].values()
        assert set(counts) == {"1-4"}
        assert made["median_hours"] is None

    async def test_none_looks_like_some(self, home: Home, clock: Clock) -> None:
        """Whether there was one that nobody may know of cannot be told."""
        clock.move_to(START + timedelta(days=1))
        without = (await november(home)).as_json()
        await recorded(home, instrument="court_order", gag=True)
        assert (await november(home)).as_json() == without

    async def test_same_log_same_bytes(
        self,
        hass: HomeAssistant,
        entry: HomeEntry,
        home: Home,
        asked_for: dict[str, str],
        clock: Clock,
    ) -> None:
        """Today, after a restart, and when the period is long over."""
        before = [await november(home, public=public) for public in (False, True)]
        clock.move_to(END + timedelta(days=100))
        await home.inbox.decline(asked_for["waits"], "", OWNER)
        await home.inbox.remove(asked_for["declined"], OWNER)
        await recorded(home, case_number="e")
        await hass.config_entries.async_reload(entry.entry_id)
        home = entry.runtime_data
        for public, old in zip((False, True), before, strict=True):
            new = await november(home, public=public)
            assert new.as_json() == old.as_json()
            assert new.as_csv() == old.as_csv()
        december = await report(home.log, END, END + timedelta(days=365), public=False)
        assert december.total == 1

    async def test_after_retention(self, tmp_path: Path) -> None:
        """All else of those days is erased, and the report is what it was."""
        clock = log_support.Clock()
        log = await log_support.open_log(tmp_path, clock=clock)
        ask = reading.ask(asked(**WINDOW))
        for number in range(3):
            request = replace(new(ask, None), id=f"a{number}")
            for event in ("received", "declined"):
                await log.append("request", request.entry(event, OWNER))
        await log.append("contact", {"event": "saved", **OWNER.fields()})
        period = clock.now - timedelta(days=1), clock.now + timedelta(days=1)
        before = await report(log, *period, public=False)
        assert before.tables["outcome"] == {"declined": 3}
        clock.now += timedelta(days=20)
        erased = await log.care.retain(1)
        # That it started, and the contact.
        assert len(erased.gone) == 2 and erased.epochs
        after = await report(log, *period, public=False)
        assert after.as_json() == before.as_json()
        assert (await log.verify()).ok
        await log.close()

    async def test_csv(self, home: Home, asked_for: dict[str, str]) -> None:
        """It has the same numbers."""
        made = await november(home)
        rows = list(csv.reader(io.StringIO(made.as_csv().decode())))
        assert rows[0] == ["table", "value", "count"]
        assert ["report", "total", "4"] in rows
        assert ["outcome", "declined_by_rule", "1"] in rows
        assert json.loads(made.as_json())["total"] == 4

    @pytest.mark.parametrize(
        ("count", "shown"),
        [(0, "0"), (1, "1-4"), (4, "1-4"), (5, "5-9"), (9, "5-9"), (10, "10-14")],
    )
    def test_bands(self, count: int, shown: str) -> None:
        """None is none."""
        assert band(count) == shown


class TestFiles:
    """Where the owner gets it."""

    async def test_menu(
        self,
        hass: HomeAssistant,
        entry: HomeEntry,
        home: Home,
        asked_for: dict[str, str],
        hass_client: ClientSessionGenerator,
        hass_client_no_auth: ClientSessionGenerator,
        hass_read_only_access_token: str,
        clock: Clock,
    ) -> None:
        """Three files by links that are signed; none for anybody else."""
        assert await async_setup_component(hass, "config", {})
        browser = await hass_client()
        path, shown = "/api/config/config_entries/options/flow", dict[str, Any]()
        for answer in (
            {"handler": entry.entry_id},
            {"next_step_id": "requests"},
            {"next_step_id": "request_report"},
            {"since": "2026-11-30", "until": "2026-11-01", "public": False},
            {"since": "2026-11-01", "until": "2026-11-30", "public": False},
        ):
            shown = await (await browser.post(path, json=answer)).json()
            path = f"/api/config/config_entries/options/flow/{shown['flow_id']}"
            if answer.get("since") == "2026-11-30":
                assert shown["errors"] == {"until": "request_window"}
        links = [
            line.partition("](")[2].rstrip(")")
            for line in shown["description_placeholders"]["links"].splitlines()
        ]
        nobody = await hass_client_no_auth()
        for link, kind in zip(links, ("html", "csv", "json"), strict=True):
            answer = await nobody.get(link)
            assert answer.status == HTTPStatus.OK, link
            text = await answer.text()
            assert kind in answer.headers["Content-Type"]
            bare = link.partition("?")[0]
            assert (await nobody.get(bare)).status == HTTPStatus.UNAUTHORIZED
            reader = {"Authorization": f"Bearer {hass_read_only_access_token}"}
            refused = await nobody.get(bare, headers=reader)
            assert refused.status == HTTPStatus.NOT_FOUND
            if kind == "html":
                assert "Search warrant" in text and "<svg" in text
                assert "<script" not in text and "http" not in text
            if kind == "json":
                assert json.loads(text)["total"] == 4
        assert (await go(hass, shown["flow_id"]))["step_id"] == "requests"

    async def test_refused(
        self,
        home: Home,
        hass_client: ClientSessionGenerator,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """What is no period, no form, or cannot be read."""
        client = await hass_client()
        good = f"{START:%Y-%m-%dT%H:%M:%SZ}/{END:%Y-%m-%dT%H:%M:%SZ}"
        assert (await client.get(f"{URL}json/owner/{good}")).status == HTTPStatus.OK
        for path, status in (
            (f"pdf/owner/{good}", 404),
            (f"json/Public/{good}", 404),
            ("json/owner/x/y", 400),
            ("json/owner/2026-01-01/2026-01-02", 400),
            ("json/owner/2026-01-02T00:00:00Z/2026-01-01T00:00:00Z", 400),
        ):
            assert (await client.get(URL + path)).status == status

        async def away(*_: object, **__: object) -> None:
            raise LogUnavailable("away")

        monkeypatch.setattr(home.log, "entries", away)
        answer = await client.get(f"{URL}json/owner/{good}")
        assert answer.status == HTTPStatus.SERVICE_UNAVAILABLE

    async def test_action(self, hass: HomeAssistant, asked_for: dict[str, str]) -> None:
        """The same numbers."""
        data = {"since": START.isoformat(), "until": END.isoformat()}
        assert (await act(hass, "transparency_report", data))["total"] == 4
        data["public"] = True
        assert (await act(hass, "transparency_report", data))["total"] == "1-4"
        data = {"since": END.isoformat(), "until": START.isoformat()}
        with pytest.raises(ServiceValidationError):
            await act(hass, "transparency_report", data)


class TestWaysOut:
    """What can leave this house today."""

    async def test_by_default(
        self, hass: HomeAssistant, entry: HomeEntry, home: Home
    ) -> None:
        """Nothing but what the owner gives out of hand, or a court orders."""
        ways = {way.key: way.on for way in outgoing.ways(home)}
        assert [key for key, on in ways.items() if on] == ["compelled", "copies"]
        answer = await act(hass, "what_can_leave")
        assert {way["way"]: way["on"] for way in answer["ways"]} == ways
        page = await choose(hass, entry, "leave")
        text = page["description_placeholders"]["ways"]
        assert len(text.splitlines()) == len(ways)
        assert text.startswith("- **Off**: messages to your own telephones")
        assert (await go(hass, page["flow_id"]))["step_id"] == "init"

    async def test_as_it_stands(self, hass: HomeAssistant, home: Home) -> None:
        """What is switched on is said, and where it goes."""
        await home.set_request_rules(
            home.request_limits, "notify.phone", UNKNOWN_ACTOR, second=False
        )
        await home.intake.switch_on(UNKNOWN_ACTOR)
        ways = {way.key: way for way in outgoing.ways(home)}
        assert (ways["alerts"].on, ways["alerts"].to) == (True, "notify.phone")
        assert ways["intake"].on
        assert home.intake.token not in str(await act(hass, "what_can_leave"))
