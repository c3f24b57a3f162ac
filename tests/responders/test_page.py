"""The page as whoever has no good link tries it: one test for each threat."""

import asyncio
import base64
import hashlib
import json
import logging
from pathlib import Path
import re
from typing import Any

from aiohttp.test_utils import TestClient, make_mocked_request
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.smartlock_le.guesses import Guesses
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.opening import home_folder
from custom_components.smartlock_le.responder_keeping import PATH
from custom_components.smartlock_le.responders import models
from custom_components.smartlock_le.web import responder
from custom_components.smartlock_le.web.shell import LANGUAGES, language_of
from tests.conftest import log_of
from tests.support import act
from virtual_home.nuki import NukiLock

from .conftest import MakePage

type Client = TestClient[Any, Any]


@pytest.fixture
async def stranger(home: Home, hass_client_no_auth: ClientSessionGenerator) -> Client:
    """Give somebody who has no link."""
    return await hass_client_no_auth()


def told(headers: Any) -> dict[str, str]:
    """Return the headers that say something of the page."""
    left = {"Date", "Server", "Content-Length", "Content-Encoding", "Content-Type"}
    return {key: value for key, value in headers.items() if key not in left}


async def test_a_program_that_looks_at_links_learns_and_enters_nothing(
    home: Home, page: MakePage, stranger: Client
) -> None:
    """Every chat does it: the page is the same for everybody, and knows nothing."""
    made = await page()
    size = home.log.size
    texts = set()
    for path in (PATH, f"{PATH}?{made.token}", f"{PATH}#{made.token}"):
        answer = await stranger.get(path)
        assert answer.status == 200
        texts.add(await answer.text())
    assert len(texts) == 1
    assert "Elm Street" not in texts.pop()
    assert (await stranger.head(PATH)).status == 405
    assert home.log.size == size


async def test_the_page_runs_its_own_script_alone(stranger: Client) -> None:
    """Nothing of others is asked for, nothing is kept, nobody frames it."""
    answer = await stranger.get(PATH, headers={"Accept-Encoding": "gzip"})
    text = await answer.text()
    policy = answer.headers["Content-Security-Policy"]
    for tag in ("style", "script"):
        [inline] = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        hashed = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{hashed}'" in policy
    assert policy.startswith("default-src 'none'; ")
    for rule in ("base-uri", "form-action", "frame-ancestors"):
        assert f"{rule} 'none'" in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in answer.headers
    assert not re.findall(r"https?://|//[a-z]|url\(|@import|<link|<img", text)
    # What goes over a bad line.
    assert int(answer.headers["Content-Length"]) < 8000


@pytest.mark.parametrize("language", LANGUAGES)
async def test_in_each_language(stranger: Client, language: str) -> None:
    """A browser says which it wants."""
    wanted = f"xx, {language}-XX;q=0.9, en;q=0.1"
    answer = await stranger.get(PATH, headers={"Accept-Language": wanted})
    text = await answer.text()
    assert f'<html lang="{language}">' in text
    [words] = re.findall(r'id="words">(.*?)</script>', text, re.DOTALL)
    assert ("Hold to unlock" in json.loads(words).values()) is (language == "en")


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "de"),
        ("fi", "de"),
        ("fr;q=0.3, NL-be;q=0.8", "nl"),
        ("fr;q=0", "de"),
        ("fr;q=x, ;q=1,, it", "it"),
        ("fr;q=nan, it;q=inf, pt;q=-1", "it"),
    ],
)
def test_which_language(accepted: str, language: str) -> None:
    """Whatever the header says."""
    assert language_of(accepted, "de") == language
    assert language_of("fi", "fi") == "en"


async def test_every_bad_token_looks_the_same(
    hass: HomeAssistant,
    home: Home,
    entry: HomeEntry,
    page: MakePage,
    stranger: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Made up, over, withdrawn, half, none: nobody learns which there was."""
    monkeypatch.setattr(Guesses, "too_many", lambda *_: False)
    withdrawn, expired, good = await page(), await page(), await page()
    await act_without_answer(hass, "withdraw_responder_link", {"link": withdrawn.id})
    # The timer is late: the clock is enough.
    home.responders.links.find(expired.token).end = models.utc_now()
    bodies: list[Any] = [
        {"token": "x" * 43, "do": "look"},
        {"token": withdrawn.token, "do": "look"},
        {"token": expired.token, "do": "press", "door": "x"},
        {"token": good.token[:-1], "do": "look"},
        {"token": good.token + "x", "do": "look"},
        *({"token": ""}, {"token": None}, {"token": [good.token]}, {}, [], 3),
        {"token": "\ud800"},
    ]
    seen = set()
    for body in bodies:
        answer = await stranger.post(PATH, json=body)
        seen.add(
            (answer.status, await answer.text(), str(sorted(told(answer.headers))))
        )
    for raw in (b"", b"{", b"\xff\xfe", b"[" * 2000):
        answer = await stranger.post(
            PATH, data=raw, headers={"Content-Type": "application/json"}
        )
        seen.add(
            (answer.status, await answer.text(), str(sorted(told(answer.headers))))
        )
    [(status, text, _)] = seen
    assert (status, text) == (404, "")
    await good.look()
    await hass.config_entries.async_unload(entry.entry_id)
    # Good or bad, it is the same then, and may come again.
    assert await good.says("look") == (503, "")
    assert await expired.says("look") == (503, "")


async def act_without_answer(
    hass: HomeAssistant, action: str, data: dict[str, Any]
) -> None:
    """Call an action that answers nothing."""
    await hass.services.async_call("smartlock_le", action, data, blocking=True)


async def test_another_site_cannot_ask(page: MakePage, stranger: Client) -> None:
    """A form is no JSON, a script from elsewhere says so, and there is no cookie."""
    made = await page()
    good = {"token": made.token, "do": "look"}
    assert (await stranger.post(PATH, data=good)).status == 415
    plain = {"Content-Type": "text/plain"}
    text = json.dumps(good)
    assert (await stranger.post(PATH, data=text, headers=plain)).status == 415
    for site in ("cross-site", "same-site"):
        answer = await stranger.post(PATH, json=good, headers={"Sec-Fetch-Site": site})
        assert answer.status == 403
    answer = await stranger.options(
        PATH,
        headers={
            "Origin": "https://evil.example",
            "Access-Control-Request-Method": "POST",
        },
    )
    assert answer.status in (403, 405)
    assert "Access-Control-Allow-Origin" not in answer.headers
    answer = await stranger.post(
        PATH, json=good, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert answer.status == 200
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


async def test_too_much_is_not_read(page: MakePage, stranger: Client) -> None:
    """Nor kept."""
    made = await page()
    body = {"token": made.token, "do": "look", "more": "x" * 5000}
    assert (await stranger.post(PATH, json=body)).status == 413


async def test_guessing_from_one_address_stops_no_good_link(page: MakePage) -> None:
    """They may stand behind the same wall."""
    made = await page()
    token, made.token = made.token, "guess"
    found = [(await made.says("look"))[0] for _ in range(14)]
    assert found == [404] * 10 + [429] * 4
    made.token = token
    await made.look()


def test_guessing_from_ten_thousand_addresses() -> None:
    """Not each is remembered; all together are."""
    wrong = Guesses(responder.PER_ADDRESS, 60.0, altogether=responder.ALTOGETHER)
    found = []
    for number in range(10_000):
        address = f"10.0.{number // 256}.{number % 256}"
        found.append(wrong.too_many(address))
        wrong.note(address)
    assert not any(found[:300])
    assert all(found[300:])
    assert len(wrong._of) <= 4096


async def test_only_a_hash_of_the_token_is_kept(
    hass: HomeAssistant,
    home: Home,
    page: MakePage,
    caplog: pytest.LogCaptureFixture,
    hass_storage: dict[str, Any],
) -> None:
    """Nor is the code, nor what a visit is known by, in any file, line or state."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("homeassistant").setLevel(logging.DEBUG)
    made = await page()
    seen: list[str] = []
    hass.bus.async_listen("*", lambda event: seen.append(str(event.data)))
    await made.confirmed()
    answer = await made.ask("code", door=(await made.look())["doors"][0]["id"])
    digits = (await answer.json())["code"]
    await made.ask("look", token="made up")
    secrets = [made.token, made.visit, digits]
    kept = await hass.async_add_executor_job(_files, home_folder(hass))
    assert models.digest(made.token).encode() in kept
    states = str([(one.state, one.attributes) for one in hass.states.async_all()])
    for secret in secrets:
        assert secret not in caplog.text
        assert secret.encode() not in kept
        assert secret not in states + "".join(seen) + json.dumps(hass_storage)
    # Six digits are found by chance: as a word of its own.
    code = re.compile(rf"\b{made.code}\b")
    assert not code.search("".join(seen) + states)
    listed = str(await act(hass, "list_responder_links"))
    assert made.token not in listed
    assert made.token not in repr(home.responders.links.open())


def _files(folder: Path) -> bytes:
    return b"".join(
        file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and not file.is_symlink()
    )


async def test_without_the_code_there_is_nothing_to_press(
    home: Home, nuki: NukiLock, page: MakePage
) -> None:
    """Also for who finds out what a door is called."""
    made = await page()
    first = await made.look()
    assert first["asks"] is True
    assert first["address"].startswith("12 Elm")
    assert [door["id"] for door in first["doors"]] == [""]
    assert not first["doors"][0]["code"]
    assert not {"people", "hazards", "otherwise", "cameras"} & set(first)
    [grant] = home.grants.open_grants()
    for door in (grant.id, ""):
        assert await made.says("press", door=door) == (409, "needs_code")
        assert await made.says("code", door=door) == (409, "needs_code")
    assert await made.says("picture", camera="x") == (409, "needs_code")
    assert await made.says("force") == (400, "")
    assert nuki.device.bolt.state.name == "LOCKED"


async def test_five_wrong_codes_burn_it(
    hass: HomeAssistant, home: Home, page: MakePage
) -> None:
    """Also all at once; the right one comes too late, a new one does not."""
    made = await page()
    await made.look()
    wrong = "000000" if made.code != "000000" else "111111"
    answers = await asyncio.gather(
        *(made.says("confirm", code=wrong) for _ in range(9))
    )
    assert sorted(error for _, error in answers) == ["over"] * 5 + ["wrong"] * 4
    assert await made.says("confirm", code=made.code) == (409, "over")
    events = [entry["event"] for entry in await log_of(home, "link")]
    assert events.count("wrong_code") == 4
    assert events.count("code_burned") == 1
    assert (await act(hass, "list_responder_links"))["links"][0]["visits"] == 1
    made.code = (await act(hass, "new_responder_code", {"link": made.id}))["code"]
    answer = await made.ask("confirm", code=f" {made.code} ")
    assert (await answer.json())["people"] == "Two adults, Ada is deaf"


async def test_a_code_is_good_for_ten_minutes(
    page: MakePage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock that nobody sets."""
    monkeypatch.setattr(models, "CODE_SECONDS", 0.0)
    made = await page()
    await made.look()
    assert await made.says("confirm", code=made.code) == (409, "over")


async def test_a_link_that_was_passed_on(home: Home, page: MakePage) -> None:
    """A second telephone is a second view, and has to say the code itself."""
    made = await page()
    await made.confirmed()
    first, made.visit = made.visit, ""
    assert (await made.look())["asks"] is True
    assert made.visit != first
    made.visit = first
    assert (await made.look())["asks"] is False
    entries = await log_of(home, "link")
    assert [entry["event"] for entry in entries] == [
        *("made", "viewed", "confirmed", "viewed")
    ]
    assert entries[1]["detail"] == "direct 127.0.0.1"
    assert entries[1]["actor_kind"] == "responder"
    assert entries[1]["actor_name"] == "Engine 7"


async def test_more_telephones_than_a_crew_has(
    home: Home, page: MakePage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has the link alone keeps nobody out: not who said the code, nor who comes."""
    monkeypatch.setattr(models, "MOST_VISITS", 5)
    made = await page()
    await made.confirmed()
    first = made.visit
    for _ in range(30):
        made.visit = ""
        await made.look()
    assert (await made.confirmed())["asks"] is False
    made.visit = first
    assert (await made.look())["asks"] is False
    link = home.responders.links.find(made.token)
    assert link
    assert len(link.visits) == 5
    events = [entry["event"] for entry in await log_of(home, "link")]
    # Each of the first, and then that there are many, once.
    assert events.count("viewed") == models.MOST_VIEWS
    assert events.count("crowded") == 1


async def test_the_sheet_is_in_a_private_file(
    hass: HomeAssistant, home: Home, page: MakePage
) -> None:
    """It is no entry, no state, and in a file that nobody else may read."""
    await page()
    path = home_folder(hass) / "keys" / "responders.json"
    assert path.stat().st_mode & 0o077 == 0
    assert "Ada is deaf" not in str(await log_of(home))


@pytest.mark.parametrize("way", ["proxy", "cloud"])
def test_from_where(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """As Home Assistant sees it: by a proxy that it knows, or by its cloud."""
    request = make_mocked_request("POST", PATH, headers={"X-Forwarded-For": "x"})
    monkeypatch.setattr(responder, "is_cloud_connection", lambda _: way == "cloud")
    assert responder._via(hass, request).split()[0] == way
