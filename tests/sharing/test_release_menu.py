"""Releases for who clicks, by actions, and over HTTP: real requests, a real slow reader."""

import asyncio
from contextlib import nullcontext
from http import HTTPStatus
import io
from pathlib import Path
import re
import secrets
import zipfile

import aiohttp
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.smartlock_le.cameras.models import What
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.log import Entry
from custom_components.smartlock_le.models import Wanted
from custom_components.smartlock_le.requests.models import Agency
from custom_components.smartlock_le.requests.request import Request
from custom_components.smartlock_le.sharing.models import Release
from custom_components.smartlock_le.web.releases import CARRY_URL, PREVIEW_URL, URL
from tests.conftest import log_of, until, until_entry
from tests.flows.test_options import choose, go
from tests.requests.test_request_menu import next_step, open_page
from tests.support import act, fail_writes

from .conftest import (
    CAMERA,
    OWNER,
    SINCE,
    UNTIL,
    door,
    file_of,
    given,
    in_review,
    pictured,
    scope,
)

SENSOR = "sensor.test_home_released_this_year"


async def link_of(home: Home, release: Release) -> str:
    """Return the path of a new address."""
    return URL + (await home.releases.make_link(release.id, 1, OWNER))[1]


class TestMenu:
    """The way through it, without developer tools."""

    async def test_from_request_to_file(
        self,
        hass: HomeAssistant,
        entry: HomeEntry,
        home: Home,
        request_made: Request,
        visitors: list[Entry],
        hass_client: ClientSessionGenerator,
    ) -> None:
        """Choose, look, approve, give."""
        page = await open_page(hass, entry, request_made.id)
        assert page["menu_options"][0] == "decline_request"
        flow_id = page["flow_id"]
        form = await go(hass, flow_id, next_step_id="prepare_release")
        said = {"devices": list[str](), "kinds": ["access"], "fields": ["method"]}
        shown = {
            str(key): key.default()
            for key in form["data_schema"].schema
            if str(key) in ("since", "until")
        }
        form = await go(hass, flow_id, **said, **shown)
        assert form["errors"] == {"devices": "release_no_device"}
        page = await go(hass, flow_id, **{**said, "devices": [door(home)]}, **shown)
        assert page["step_id"] == "release"
        # The no comes first, for nobody has to.
        assert page["menu_options"] == [
            *("withdraw_release", "approve_release", "prepare_release", "request"),
        ]
        about = page["description_placeholders"]["about"]
        assert "Entries: 3. Pictures and clips: 0." in about
        assert "which alone can open it" in about
        release = await home.releases.of_request(request_made.id)
        assert release and release.manifest in about
        paths = re.findall(r"\((/api/[^)?]*)\?authSig=[^)]*\)", about)
        client = await hass_client()
        report = await client.get(paths[0])
        assert report.status == HTTPStatus.OK
        assert "sandbox" in report.headers["Content-Security-Policy"]
        assert "Record of a door" in await report.text()
        data = await (await client.get(paths[1])).read()
        assert zipfile.ZipFile(io.BytesIO(data)).testzip() is None
        form = await next_step(hass, page, "approve_release", looked=False)
        assert form["errors"] == {"looked": "release_not_looked"}
        assert release.manifest in form["description_placeholders"]["hash"]
        page = await go(hass, flow_id, looked=True)
        assert page["menu_options"] == [
            *("withdraw_release", "release_link", "release_file", "request"),
        ]
        form = await next_step(hass, page, "release_link", hours=24)
        assert form["step_id"] == "release_address"
        address = form["description_placeholders"]["address"]
        path = address[address.index(URL) :].rstrip("`")
        page = await go(hass, flow_id)
        about = page["description_placeholders"]["about"]
        assert "good until" in about and path not in about
        got = await client.post(path)
        assert got.status == HTTPStatus.OK
        release = await home.releases.get(release.id)
        assert await got.read() == file_of(home, release).read_bytes()
        disposition = got.headers["Content-Disposition"]
        assert disposition == f'attachment; filename="release-{release.id}.zip.age"'

        await until_entry(home, "release", event="delivered", state="delivered")
        await until(lambda: hass.states.get(SENSOR).state == "1")
        again = await client.post(path)
        assert again.status == HTTPStatus.NOT_FOUND
        page = await go(hass, flow_id, next_step_id="request")
        assert "release" in page["menu_options"]

    async def test_carried(
        self,
        hass: HomeAssistant,
        entry: HomeEntry,
        home: Home,
        police: Agency,
        visitors: list[Entry],
        tmp_path: Path,
        hass_client: ClientSessionGenerator,
    ) -> None:
        """By order, with sharing off: the owner takes the file, and withdraws the rest."""
        request = await in_review(home, police, instrument="subpoena")
        page = await open_page(hass, entry, request.id)
        flow_id = page["flow_id"]
        said = {"devices": [door(home)], "kinds": ["access"], "fields": list[str]()}
        times = {
            "since": str(SINCE)[:19],
            "until": str(UNTIL)[:19],
        }
        await hass.config.async_set_time_zone("UTC")
        form = await next_step(hass, page, "prepare_release", **said, **times)
        assert form["errors"] == {"base": "release_no_document"}
        paper = tmp_path / "subpoena.pdf"
        paper.write_bytes(b"%PDF-1.4")
        await home.inbox.attach(request.id, nullcontext(paper), OWNER)
        page = await go(hass, flow_id, **said, **times)
        assert page["menu_options"][0] == "approve_release"
        form = await go(hass, flow_id, next_step_id="approve_release")
        assert "court" in form["description_placeholders"]["what"]
        page = await go(hass, flow_id, looked=True)
        form = await go(hass, flow_id, next_step_id="release_file")
        (path,) = re.findall(
            r"\((/api/[^)?]*)\?authSig=[^)]*\)",
            form["description_placeholders"]["link"],
        )
        client = await hass_client()
        got = await client.get(path)
        assert got.status == HTTPStatus.OK and await got.read()
        assert (await log_of(home, "release"))[-1]["detail"] == "carried"
        page = await go(hass, flow_id)
        assert "cannot be called back" in page["description_placeholders"]["about"]
        page = await next_step(hass, page, "withdraw_release")
        assert page["step_id"] == "request"
        assert page["type"] is FlowResultType.MENU
        got = await client.get(path)
        assert got.status == HTTPStatus.NOT_FOUND

    async def test_second_person_is_asked_for(
        self, hass: HomeAssistant, entry: HomeEntry, home: Home
    ) -> None:
        """In the rules of requests."""
        flow_id = (await choose(hass, entry, "requests"))["flow_id"]
        await go(hass, flow_id, next_step_id="request_rules")
        await go(hass, flow_id, purposes=[], agency_types=[], second=True)
        assert home.second_approval


class TestActions:
    """Preview, approve, withdraw."""

    async def test_all(
        self,
        hass: HomeAssistant,
        home: Home,
        request_made: Request,
        visitors: list[Entry],
    ) -> None:
        """By number and hash; what is said of it names nobody."""
        data = {
            "request": request_made.id,
            "locks": ["lock.front_door"],
            "kinds": ["access"],
            "fields": ["names"],
            "since": SINCE.isoformat(),
            "until": UNTIL.isoformat(),
        }
        made = await act(hass, "preview_release", data)
        assert (made["stage"], made["entries"], made["sealed"]) == ("preview", 3, True)
        wrong = {"release": made["release"], "manifest_sha256": "0" * 64}
        with pytest.raises(ServiceValidationError) as caught:
            await act(hass, "approve_release", wrong)
        assert caught.value.translation_key == "release_other"
        right = {**wrong, "manifest_sha256": made["manifest_sha256"]}
        done = await act(hass, "approve_release", right)
        assert (done["stage"], done["narrowed"]) == ("sealed", True)
        gone = await act(hass, "withdraw_release", {"release": made["release"]})
        assert gone["stage"] == "withdrawn"
        assert "Gustav" not in str([made, done, gone])
        with pytest.raises(ServiceValidationError) as caught:
            await act(hass, "preview_release", {**data, "cameras": ["camera.none"]})
        assert caught.value.translation_key == "camera_not_found"


@pytest.fixture
async def large(home: Home, request_made: Request, visitors: list[Entry]) -> Release:
    """Have one that is too long to be on its way at once."""
    await pictured(home, 6, What.STILL, secrets.token_bytes(12 * 1024 * 1024))
    wanted = scope(
        home, devices=frozenset({CAMERA}), kinds=frozenset({Wanted.PICTURES})
    )
    return await given(home, request_made, wanted)


class TestHttp:
    """Who asks from outside, or from inside."""

    async def test_button(
        self,
        home: Home,
        request_made: Request,
        visitors: list[Entry],
        hass_client_no_auth: ClientSessionGenerator,
    ) -> None:
        """To look at an address uses nothing up, and tells a good one from no other."""
        release = await given(home, request_made, scope(home))
        path = await link_of(home, release)
        client = await hass_client_no_auth()
        good, bad = await client.get(path), await client.get(f"{URL}nothing")
        assert good.status == bad.status == HTTPStatus.OK
        assert await good.read() == await bad.read()
        varies = ("Date", "Content-Length")
        kept = [
            {k: v for k, v in answer.headers.items() if k not in varies}
            for answer in (good, bad)
        ]
        assert kept[0] == kept[1]
        assert "form-action 'self'" in good.headers["Content-Security-Policy"]
        wrong = await client.post(f"{URL}nothing")
        assert (wrong.status, await wrong.read()) == (HTTPStatus.NOT_FOUND, b"")
        assert (await client.post(path)).status == HTTPStatus.OK
        used = await client.post(path)
        assert (used.status, await used.read()) == (HTTPStatus.NOT_FOUND, b"")

    async def test_admins_alone(
        self,
        home: Home,
        request_made: Request,
        visitors: list[Entry],
        hass_client: ClientSessionGenerator,
        hass_read_only_access_token: str,
        hass_client_no_auth: ClientSessionGenerator,
    ) -> None:
        """A preview and the owner's file are for no resident, and for no guest."""
        release = await home.releases.preview(request_made.id, scope(home), OWNER)
        report = f"{PREVIEW_URL}{release.id}/report.html"
        admin = await hass_client()
        assert (await admin.get(report)).status == HTTPStatus.OK
        for path in (
            f"{PREVIEW_URL}{release.id}/manifest-sha256.txt",
            f"{PREVIEW_URL}abcdef01/report.html",
            f"{CARRY_URL}{release.id}",
            f"{CARRY_URL}abcdef01",
        ):
            assert (await admin.get(path)).status == HTTPStatus.NOT_FOUND
        resident = await hass_client(hass_read_only_access_token)
        release = await home.releases.approve(release.id, release.manifest, OWNER)
        for path in (report, f"{CARRY_URL}{release.id}"):
            assert (await resident.get(path)).status == HTTPStatus.NOT_FOUND
            nobody = await hass_client_no_auth()
            assert (await nobody.get(path)).status == HTTPStatus.UNAUTHORIZED
        assert (await admin.get(report)).status == HTTPStatus.NOT_FOUND
        assert file_of(home, release).is_file()

    async def test_log_unavailable(
        self,
        home: Home,
        request_made: Request,
        visitors: list[Entry],
        hass_client: ClientSessionGenerator,
    ) -> None:
        """No byte without its entry; the address is good afterwards."""
        release = await given(home, request_made, scope(home))
        path = await link_of(home, release)
        client = await hass_client()
        await fail_writes(home)
        assert (await client.post(path)).status == HTTPStatus.NOT_FOUND
        carrying = await client.get(f"{CARRY_URL}{release.id}")
        assert carrying.status == HTTPStatus.SERVICE_UNAVAILABLE
        await fail_writes(home, fail=False)
        assert (await client.post(path)).status == HTTPStatus.OK

    @pytest.mark.parametrize("how", ["withdrawn", "sharing off", "unloaded"])
    async def test_stopped_on_its_way(
        self,
        hass: HomeAssistant,
        entry: HomeEntry,
        home: Home,
        large: Release,
        hass_client_no_auth: ClientSessionGenerator,
        how: str,
    ) -> None:
        """From then on no byte leaves, and half of it does not look like all of it."""
        path = await link_of(home, large)
        client = await hass_client_no_auth()
        got = await client.post(path)
        first = await got.content.read(1000)
        assert first
        (sending,) = home.releases._going
        if how == "withdrawn":
            await home.releases.withdraw(large.id, OWNER)
        elif how == "sharing off":
            await home.set_sharing(False, OWNER)
        else:
            await hass.config_entries.async_unload(entry.entry_id)
        sent = sending.sent
        assert sent < large.size
        with pytest.raises(aiohttp.ClientError):
            await got.content.read()
        await asyncio.sleep(0.1)
        assert sending.sent == sent
        assert not sending.may_go()

    async def test_who_leaves(
        self,
        home: Home,
        large: Release,
        hass_client_no_auth: ClientSessionGenerator,
    ) -> None:
        """What is out in part counts as gone, and the address is used up."""
        path = await link_of(home, large)
        client = await hass_client_no_auth()
        got = await client.post(path)
        await got.content.read(1000)
        got.close()

        await until_entry(home, "release", event="interrupted", state="delivered")
        assert (await client.post(path)).status == HTTPStatus.NOT_FOUND

    async def test_file_is_gone(
        self,
        home: Home,
        request_made: Request,
        visitors: list[Entry],
        hass_client: ClientSessionGenerator,
    ) -> None:
        """Nothing goes, and nothing is entered as if it had; by neither way."""
        release = await given(home, request_made, scope(home))
        path = await link_of(home, release)
        file_of(home, release).unlink()
        client = await hass_client()
        assert (await client.post(path)).status == HTTPStatus.NOT_FOUND
        carrying = await client.get(f"{CARRY_URL}{release.id}")
        assert carrying.status == HTTPStatus.NOT_FOUND
        assert (await log_of(home, "release"))[-1]["event"] == "link"

    async def test_no_home(
        self,
        hass: HomeAssistant,
        entry: HomeEntry,
        home: Home,
        hass_client: ClientSessionGenerator,
    ) -> None:
        """There is nothing to give."""
        client = await hass_client()
        assert await hass.config_entries.async_unload(entry.entry_id)
        assert (await client.post(f"{URL}x")).status == HTTPStatus.NOT_FOUND
        for path in (f"{CARRY_URL}x", f"{PREVIEW_URL}x/report.html"):
            assert (await client.get(path)).status == HTTPStatus.NOT_FOUND
