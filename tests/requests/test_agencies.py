"""The directory of agencies in a real Home Assistant: in the menu, by actions, in the log."""

from http import HTTPStatus
from typing import Any

import aiohttp
from homeassistant.const import MATCH_ALL
from homeassistant.core import Event, HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.log import LogUnavailable
from custom_components.smartlock_le.models import UNKNOWN_ACTOR
from custom_components.smartlock_le.requests.agencies import CallBack
from custom_components.smartlock_le.requests.models import (
    Agency,
    BadField,
    RequestError,
    Standing,
)
from custom_components.smartlock_le.web.agencies import URL
from tests.conftest import log_of
from tests.flows.test_options import choose, go, options
from tests.support import act, fail_writes

from .test_agency_facts import AGE, KEY, SAID

CALLED: dict[str, Any] = {
    "number": "+1 217 555 0100",
    "source": "the city's website",
    "independent": True,
    "called": True,
    "confirmed": True,
}
LIST = (
    "name,type,country,national_id,jurisdiction,email_domain\n"
    "Springfield Police Department,local,US,IL0840200,Illinois,springfield.example\n"
    "Shelby County Sheriff,local,US,IL0870000,Illinois,shelby.example\n"
    "Spies,spies,US,,,\n"
)


@pytest.fixture
async def police(home: Home) -> Agency:
    """Have one in the directory."""
    return await home.agencies.add(SAID, UNKNOWN_ACTOR)


async def verified(home: Home, agency: Agency) -> Agency:
    """Call it back."""
    how = CallBack(**CALLED)
    seen = (await home.agencies.get(agency.id)).facts.digest
    return await home.agencies.verify(agency.id, seen, how, UNKNOWN_ACTOR)


class TestDirectory:
    """Who is in it, and how they stand."""

    async def test_added(self, home: Home, police: Agency) -> None:
        """It is kept as it was said, is not verified, and is an entry."""
        assert await home.agencies.get(police.id) == police
        assert police.standing is Standing.UNVERIFIED
        (entry,) = await log_of(home, "agency")
        assert (entry["event"], entry["agency"]) == ("added", police.id)
        assert entry["email_domain"] == "springfield.example"
        assert (await home.log.verify()).ok

    async def test_after_a_restart(
        self, hass: HomeAssistant, entry: HomeEntry, police: Agency
    ) -> None:
        """It is still there."""
        before = await verified(entry.runtime_data, police)
        await hass.config_entries.async_reload(entry.entry_id)
        assert await entry.runtime_data.agencies.get(police.id) == before

    async def test_called_back(self, home: Home, police: Agency) -> None:
        """How it was is in the log: which number, and where it is from."""
        agency = await verified(home, police)
        assert agency.standing is Standing.VERIFIED
        assert agency == await home.agencies.get(police.id)
        entry = (await log_of(home, "agency"))[-1]
        assert entry["event"] == "verified"
        assert (entry["number"], entry["source"]) == (
            CALLED["number"],
            CALLED["source"],
        )

    @pytest.mark.parametrize(
        ("missing", "key"),
        [
            ({"independent": False}, "agency_not_called"),
            ({"called": False}, "agency_not_called"),
            ({"confirmed": False}, "agency_not_called"),
            ({"source": " "}, "agency_not_called"),
            ({"number": "911"}, "agency_number"),
        ],
    )
    async def test_not_called_back(
        self, home: Home, police: Agency, missing: dict[str, Any], key: str
    ) -> None:
        """Nothing less than all of it."""
        how = CallBack(**{**CALLED, **missing})
        with pytest.raises(RequestError) as caught:
            await home.agencies.verify(
                police.id, police.facts.digest, how, UNKNOWN_ACTOR
            )
        assert caught.value.key == key
        assert await home.agencies.get(police.id) == police

    @pytest.mark.parametrize("field", ["email_domain", "signing_key", "age_recipient"])
    async def test_changed(self, home: Home, police: Agency, field: str) -> None:
        """What is other than it was confirmed is not verified, until it is again."""
        police = await verified(home, police)
        said = {**SAID, field: ""}
        agency = await home.agencies.change(police, said, UNKNOWN_ACTOR)
        assert agency.standing is Standing.CHANGED
        assert agency.changed == [field]
        assert (await home.agencies.get(police.id)).changed == [field]
        # It may have been changed because it was lost.
        back = await home.agencies.change(agency, SAID, UNKNOWN_ACTOR)
        assert back.standing is Standing.CHANGED and not back.changed
        assert (await verified(home, police)).standing is Standing.VERIFIED

    async def test_two_admins(self, home: Home, police: Agency) -> None:
        """Nobody confirms or overwrites what they did not see."""
        said = {**SAID, "signing_key": ""}
        await home.agencies.change(police, said, UNKNOWN_ACTOR)
        for late in (
            home.agencies.change(police, {**SAID, "name": "x"}, UNKNOWN_ACTOR),
            home.agencies.verify(
                police.id, police.facts.digest, CallBack(**CALLED), UNKNOWN_ACTOR
            ),
        ):
            with pytest.raises(RequestError) as caught:
                await late
            assert caught.value.key == "agency_changed_meanwhile"
        now = await home.agencies.get(police.id)
        assert now.facts.signing_key == "" and now.confirmed is None

    async def test_known(self, home: Home, police: Agency) -> None:
        """The same id, or without one the same name and place, is the same agency."""
        with pytest.raises(RequestError) as caught:
            await home.agencies.add({**SAID, "name": "Other"}, UNKNOWN_ACTOR)
        assert caught.value.key == "agency_known"
        other = await home.agencies.add({"name": "Other"}, UNKNOWN_ACTOR)
        with pytest.raises(RequestError):
            await home.agencies.add({"name": "OTHER"}, UNKNOWN_ACTOR)
        with pytest.raises(RequestError):
            await home.agencies.change(other, SAID, UNKNOWN_ACTOR)
        assert await home.agencies.count() == 2

    async def test_removed(self, home: Home, police: Agency) -> None:
        """It is gone; the log says that it was."""
        await home.agencies.remove(police.id, UNKNOWN_ACTOR)
        with pytest.raises(RequestError):
            await home.agencies.get(police.id)
        with pytest.raises(RequestError):
            await home.agencies.remove(police.id, UNKNOWN_ACTOR)
        assert [e["event"] for e in await log_of(home, "agency")] == [
            "added",
            "removed",
        ]

    async def test_found(self, home: Home, police: Agency) -> None:
        """Each word counts, in any case and order; signs are signs."""
        await home.agencies.add({"name": "Kreis Süd 100%"}, UNKNOWN_ACTOR)

        async def names(text: str) -> list[str]:
            return [one.facts.name for one in await home.agencies.find(text)]

        assert len(await names("")) == 2
        assert await names("POLICE springfield") == [SAID["name"]]
        assert await names("il0840200") == [SAID["name"]]
        assert await names("SÜD 0%") == ["Kreis Süd 100%"]
        assert await names("_") == await names("police süd") == []

    async def test_lookalikes(self, home: Home, police: Agency) -> None:
        """Each is told of the other."""
        false = await home.agencies.add(
            {"name": "Spingfield PD", "email_domain": "springfie1d.example"},
            UNKNOWN_ACTOR,
        )
        assert await home.agencies.lookalikes(police) == ["Spingfield PD"]
        assert await home.agencies.lookalikes(false) == [SAID["name"]]
        nobody = await home.agencies.add({"name": "Nobody"}, UNKNOWN_ACTOR)
        assert await home.agencies.lookalikes(nobody) == []

    async def test_the_log_takes_nothing(self, home: Home, police: Agency) -> None:
        """Then nothing is changed."""
        await fail_writes(home)
        for change in (
            home.agencies.add({"name": "x"}, UNKNOWN_ACTOR),
            home.agencies.change(police, {"name": "x"}, UNKNOWN_ACTOR),
            verified(home, police),
            home.agencies.remove(police.id, UNKNOWN_ACTOR),
            home.agencies.take_csv(LIST.encode(), UNKNOWN_ACTOR),
        ):
            with pytest.raises(LogUnavailable):
                await change
        await fail_writes(home, fail=False)
        assert await home.agencies.find() == [police]


class TestLists:
    """Two thousand of them come as a list."""

    async def test_imported(self, home: Home, police: Agency) -> None:
        """New ones are added; what is other makes one that changed; nobody is verified."""
        await verified(home, police)
        done = await home.agencies.take_csv(LIST.encode(), UNKNOWN_ACTOR)
        assert (done.added, done.changed, done.same) == (1, 1, 0)
        assert [row.line for row in done.rejected] == [4]
        (sheriff,) = await home.agencies.find("shelby")
        assert sheriff.standing is Standing.UNVERIFIED
        (springfield,) = await home.agencies.find("springfield")
        assert springfield.id == police.id
        assert springfield.standing is Standing.CHANGED
        # It has no column of the keys, and says nothing of them.
        assert springfield.changed == ["jurisdiction"]
        assert springfield.facts.signing_key == SAID["signing_key"]
        (entry,) = await log_of(home, "agencies_imported")
        assert (entry["added"], entry["changed"], entry["rejected"]) == (1, 1, 1)
        done = await home.agencies.take_csv(LIST.encode(), UNKNOWN_ACTOR)
        assert (done.added, done.changed, done.same) == (0, 0, 2)

    async def test_many(self, home: Home) -> None:
        """All at once, in one entry."""
        rows = "".join(f"Agency {n},US,ID{n:05}\n" for n in range(2000))
        data = ("name,country,national_id\n" + rows).encode()
        done = await home.agencies.take_csv(data, UNKNOWN_ACTOR)
        assert done.added == await home.agencies.count() == 2000
        assert len(await log_of(home, "agencies_imported")) == 1
        done = await home.agencies.take_csv(
            data.replace(b"Agency", b"Police"), UNKNOWN_ACTOR
        )
        assert (done.changed, await home.agencies.count()) == (2000, 2000)

    async def test_full(self, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
        """There is an end to it, and nothing of a list that does not fit is kept."""
        monkeypatch.setattr(
            "custom_components.smartlock_le.requests.agencies.MAX_ROWS", 1
        )
        with pytest.raises(RequestError) as caught:
            await home.agencies.take_csv(LIST.encode(), UNKNOWN_ACTOR)
        assert caught.value.key == "agencies_full"
        assert await home.agencies.count() == 0
        await home.agencies.add({"name": "x"}, UNKNOWN_ACTOR)
        with pytest.raises(RequestError):
            await home.agencies.add({"name": "y"}, UNKNOWN_ACTOR)


class TestActions:
    """Few, for admins, with an answer."""

    async def test_verify(self, hass: HomeAssistant, police: Agency) -> None:
        """By the id that a search tells."""
        (found,) = (await act(hass, "find_agencies", {"search": "springfield"}))[
            "agencies"
        ]
        assert found["standing"] == "unverified"
        assert found["email_domain"] == "springfield.example"
        about = {"agency": found["agency"], "seen": found["seen"]}
        done = await act(hass, "verify_agency", {**about, **CALLED})
        assert done["standing"] == "verified"
        assert done["called"]
        with pytest.raises(ServiceValidationError) as caught:
            await act(hass, "verify_agency", {**about, "agency": "x", **CALLED})
        assert caught.value.translation_key == "agency_not_found"

    async def test_import(self, hass: HomeAssistant, home: Home) -> None:
        """It tells which rows it did not take."""
        assert await act(hass, "import_agencies", {"csv": LIST}) == {
            "added": 2,
            "changed": 0,
            "same": 0,
            "rejected": 1,
            "rows": [{"line": 4, "field": "type", "reason": "agency_type"}],
        }
        with pytest.raises(HomeAssistantError) as caught:
            await act(hass, "import_agencies", {"csv": "x"})
        assert caught.value.translation_key == "csv_columns"


class TestMenu:
    """Everything without developer tools."""

    async def about(self, hass: HomeAssistant, entry: HomeEntry, step: str) -> Any:
        """Look the one agency up, and go on from there."""
        flow = await choose(hass, entry, "agencies")
        flow = await go(hass, flow["flow_id"], next_step_id="find_agency")
        flow = await go(hass, flow["flow_id"], search="springfield")
        (option,) = options(flow, "agency")
        flow = await go(hass, flow["flow_id"], agency=option["value"])
        assert flow["type"] is FlowResultType.MENU
        return await go(hass, flow["flow_id"], next_step_id=step) if step else flow

    async def test_enter_and_call_back(
        self, hass: HomeAssistant, entry: HomeEntry, home: Home
    ) -> None:
        """From nothing to one that is verified."""
        flow = await choose(hass, entry, "agencies")
        assert flow["menu_options"] == [
            *("add_agency", "import_agencies"),
            "local_contact",
        ]
        flow = await go(hass, flow["flow_id"], next_step_id="add_agency")
        wrong = await go(
            hass, flow["flow_id"], name="x", type="local", email_domain="no domain"
        )
        assert wrong["errors"] == {"email_domain": "agency_email_domain"}
        said = {**SAID, "country": "US"}
        flow = await go(hass, flow["flow_id"], **said)
        assert flow["type"] is FlowResultType.MENU
        about = flow["description_placeholders"]["about"]
        assert "Not called back." in about
        assert "springfield&#46;example" in about
        flow = await go(hass, flow["flow_id"], next_step_id="verify_agency")
        wrong = await go(hass, flow["flow_id"], **{**CALLED, "called": False})
        assert wrong["errors"] == {"base": "agency_not_called"}
        wrong = await go(hass, flow["flow_id"], **{**CALLED, "number": "112"})
        assert wrong["errors"] == {"number": "agency_number"}
        flow = await go(hass, flow["flow_id"], **CALLED)
        assert "the city's website" in flow["description_placeholders"]["about"]
        (agency,) = await home.agencies.find()
        assert agency.standing is Standing.VERIFIED

    async def test_change(
        self, hass: HomeAssistant, entry: HomeEntry, home: Home, police: Agency
    ) -> None:
        """It has to be called again, and the screen says why."""
        await verified(home, police)
        flow = await self.about(hass, entry, "change_agency")
        shown = {
            key.schema: key.description["suggested_value"]
            for key in flow["data_schema"].schema
        }
        assert shown["age_recipient"] == AGE and shown["signing_key"] == KEY
        wrong = await go(hass, flow["flow_id"], **{**shown, "name": " "})
        assert wrong["errors"] == {"name": "agency_text"}
        del shown["age_recipient"]
        flow = await go(hass, flow["flow_id"], **shown)
        about = flow["description_placeholders"]["about"]
        assert "(Key to seal for it (age)). Call again" in about

    async def test_suspicious(
        self, hass: HomeAssistant, entry: HomeEntry, home: Home, police: Agency
    ) -> None:
        """What looks like another is said, and no name shapes the page."""
        said = {"name": "<b>[x](y)*", "email_domain": "springfie1d.example"}
        await home.agencies.add(said, UNKNOWN_ACTOR)
        await home.agencies.add(
            {"name": "Foreign", "email_domain": "pоlice.example"}, UNKNOWN_ACTOR
        )
        flow = await self.about(hass, entry, "")
        about = flow["description_placeholders"]["about"]
        assert "looks like that of &#60;b&#62;&#91;x&#93;&#40;y&#41;&#42;." in about
        flow = await choose(hass, entry, "agencies")
        flow = await go(hass, flow["flow_id"], next_step_id="find_agency")
        flow = await go(hass, flow["flow_id"], search="foreign")
        flow = await go(
            hass, flow["flow_id"], agency=options(flow, "agency")[0]["value"]
        )
        about = flow["description_placeholders"]["about"]
        assert "There are letters in its e-mail domain" in about

    async def test_remove(
        self, hass: HomeAssistant, entry: HomeEntry, home: Home, police: Agency
    ) -> None:
        """After a question."""
        flow = await self.about(hass, entry, "remove_agency")
        assert await home.agencies.count() == 1
        assert (await go(hass, flow["flow_id"]))["reason"] == "agency_removed"
        assert await home.agencies.count() == 0

    async def test_gone_meanwhile(
        self, hass: HomeAssistant, entry: HomeEntry, home: Home, police: Agency
    ) -> None:
        """Another admin was faster."""
        flow = await self.about(hass, entry, "remove_agency")
        await home.agencies.remove(police.id, UNKNOWN_ACTOR)
        assert (await go(hass, flow["flow_id"]))["reason"] == "agency_gone"

    async def test_none_found(
        self, hass: HomeAssistant, entry: HomeEntry, police: Agency
    ) -> None:
        """It is said, and one can try again."""
        flow = await choose(hass, entry, "agencies")
        flow = await go(hass, flow["flow_id"], next_step_id="find_agency")
        flow = await go(hass, flow["flow_id"], search="nobody")
        assert flow["errors"] == {"search": "agency_not_found"}

    async def test_the_log_takes_nothing(
        self, hass: HomeAssistant, entry: HomeEntry, home: Home
    ) -> None:
        """It is said at the form."""
        flow = await choose(hass, entry, "agencies")
        flow = await go(hass, flow["flow_id"], next_step_id="add_agency")
        await fail_writes(home)
        flow = await go(hass, flow["flow_id"], name="x", type="local")
        assert flow["errors"] == {"base": "log_unavailable"}

    async def test_import_and_export(
        self,
        hass: HomeAssistant,
        entry: HomeEntry,
        home: Home,
        hass_client: ClientSessionGenerator,
        hass_client_no_auth: ClientSessionGenerator,
    ) -> None:
        """A file goes in, with a word about each row that does not; one comes out."""
        assert await async_setup_component(hass, "config", {})
        client = await hass_client()

        async def upload(text: str) -> str:
            form = aiohttp.FormData()
            form.add_field("file", text.encode(), filename="agencies.csv")
            response = await client.post("/api/file_upload", data=form)
            assert response.status == HTTPStatus.OK
            return str((await response.json())["file_id"])

        flow = await choose(hass, entry, "agencies")
        flow = await go(hass, flow["flow_id"], next_step_id="import_agencies")
        wrong = await go(hass, flow["flow_id"], file=await upload("x"))
        assert wrong["errors"] == {"file": "csv_columns"}
        wrong = await go(hass, flow["flow_id"], file="0" * 32)
        assert wrong["errors"] == {"file": "csv_gone"}
        done = await go(hass, flow["flow_id"], file=await upload(LIST))
        assert done["reason"] == "agencies_imported"
        assert done["description_placeholders"] == {
            "added": "2",
            "changed": "0",
            "same": "0",
            "count": "1",
            "rejected": "- 4, What it is: There is no such kind of agency.",
        }
        # By a browser: the link is signed with the login of who asks.
        path, answer = "/api/config/config_entries/options/flow", {}
        for asked in (
            {"handler": entry.entry_id},
            {"next_step_id": "agencies"},
            {"next_step_id": "export_agencies"},
        ):
            response = await client.post(path, json=asked)
            answer = await response.json()
            path = f"/api/config/config_entries/options/flow/{answer['flow_id']}"
        link = answer["description_placeholders"]["link"]
        assert link.startswith(f"{URL}?authSig=")
        response = await client.get(URL)
        text = await response.text()
        assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert text.splitlines()[1].startswith("Shelby County Sheriff,IL0870000,US,")
        done = await home.agencies.take_csv(text.encode(), UNKNOWN_ACTOR)
        assert done.same == 2
        nobody = await hass_client_no_auth()
        assert (await nobody.get(URL)).status == HTTPStatus.UNAUTHORIZED
        signed = await nobody.get(link)
        assert (signed.status, await signed.text()) == (HTTPStatus.OK, text)

    async def test_not_for_others(
        self,
        home: Home,
        hass_client: ClientSessionGenerator,
        hass_read_only_access_token: str,
    ) -> None:
        """Contacts of officers are for the owner."""
        guest = await hass_client(hass_read_only_access_token)
        assert (await guest.get(URL)).status == HTTPStatus.NOT_FOUND


class TestUnreadable:
    """The log cannot be read: the directory is in it."""

    @pytest.fixture(autouse=True)
    def _unreadable(
        self, home: Home, police: Agency, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def unavailable(_: object) -> None:
            raise LogUnavailable("not now")

        monkeypatch.setattr(home.log, "read", unavailable)

    async def test_menu(self, hass: HomeAssistant, entry: HomeEntry) -> None:
        """It is said."""
        flow = await choose(hass, entry, "agencies")
        assert flow["reason"] == "log_unusable"

    async def test_action(self, hass: HomeAssistant) -> None:
        """So it is to who calls one."""
        with pytest.raises(HomeAssistantError) as caught:
            await act(hass, "find_agencies")
        assert caught.value.translation_key == "log_unavailable"

    async def test_file(self, hass_client: ClientSessionGenerator) -> None:
        """An empty list would say that there is none."""
        client = await hass_client()
        assert (await client.get(URL)).status == HTTPStatus.SERVICE_UNAVAILABLE


async def test_no_home(
    hass: HomeAssistant, entry: HomeEntry, hass_client: ClientSessionGenerator
) -> None:
    """There is no list then."""
    client = await hass_client()
    await hass.config_entries.async_unload(entry.entry_id)
    assert (await client.get(URL)).status == HTTPStatus.NOT_FOUND


async def test_no_word_of_it_elsewhere(
    hass: HomeAssistant, home: Home, police: Agency, caplog: pytest.LogCaptureFixture
) -> None:
    """Who it is and how they are reached is in the store, and in no state or event."""
    seen: list[Event] = []
    hass.bus.async_listen(MATCH_ALL, seen.append)
    await verified(home, police)
    await home.contact.save({"name": "Ann Smith", "remind": True}, UNKNOWN_ACTOR)
    await home.check_contact()
    with pytest.raises(BadField) as caught:
        await home.agencies.change(police, {**SAID, "name": "=Secret"}, UNKNOWN_ACTOR)
    home.tell()
    await hass.async_block_till_done()
    assert seen, "the sensor of the log's size tells of each entry"
    told = [event.as_dict() for event in seen]
    states = [state.as_dict() for state in hass.states.async_all()]
    everything = f"{told} {states} {caplog.text} {caught.value}"
    for text in ("217 555", "Ann Smith", "Secret", SAID["name"], CALLED["source"]):
        assert text not in everything
