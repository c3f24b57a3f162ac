"""Signed requests, sent to a real Home Assistant as an agency sends them."""

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Callable
from contextlib import suppress
from copy import deepcopy
from datetime import timedelta
from http import HTTPStatus
import json
import time
from types import SimpleNamespace
from typing import Any

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.core_config import async_process_ha_core_config
from hypothesis import given, settings, strategies as st
import jsonschema
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.smartlock_le import guesses
from custom_components.smartlock_le.flows import request_text
from custom_components.smartlock_le.guesses import Guesses
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.log import LogUnavailable
from custom_components.smartlock_le.models import UNKNOWN_ACTOR, utc_now
from custom_components.smartlock_le.requests import intake, reading, signed
from custom_components.smartlock_le.requests.intake import (
    MAX_BYTES,
    PAYLOAD_TYPE,
    SCHEMA,
    opened,
)
from custom_components.smartlock_le.requests.models import Agency, RequestError
from custom_components.smartlock_le.requests.request import Request, State, Via
from custom_components.smartlock_le.web.intake import ANSWER, URL
from tests.conftest import log_of, until
from tests.flows.test_options import choose, go
from tests.support import fail_writes

from .conftest import Clock
from .test_agencies import verified
from .test_agency_facts import SAID as AGENCY

TOKEN = "t" * 43

type Send = Callable[..., Awaitable[aiohttp.ClientResponse]]


def public(key: Ed25519PrivateKey) -> str:
    """Return the public half in base 64."""
    return b64encode(key.public_key().public_bytes_raw()).decode()


def letter(**other: Any) -> dict[str, Any]:
    """Return what a request says that breaks no rule."""
    until = utc_now().replace(microsecond=0) - timedelta(days=1)
    return {
        "version": 1,
        "to": TOKEN,
        "reference": "SPD-2026-1",
        "issued": utc_now().isoformat(),
        "agency_name": "Springfield Police Department",
        "officer": "Sgt. Wiggum",
        "case_number": "24-117",
        "instrument": "voluntary",
        "active": True,
        "purpose": "crime",
        "need": "A burglary next door",
        "since": (until - timedelta(hours=2)).isoformat(),
        "until": until.isoformat(),
        **other,
    }


def envelope(key: Ed25519PrivateKey, said: Any) -> dict[str, Any]:
    """Sign it: DSSE's encoding, written down here once more."""
    payload = said if isinstance(said, bytes) else json.dumps(said).encode()
    bound = f"DSSEv1 {len(PAYLOAD_TYPE)} {PAYLOAD_TYPE} {len(payload)} ".encode()
    signature = key.sign(bound + payload)
    return {
        "payload": b64encode(payload).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [
            {"keyid": public(key), "sig": b64encode(signature).decode()},
        ],
    }


@pytest.fixture(scope="module")
def key() -> Ed25519PrivateKey:
    """Have the key of the agency."""
    return Ed25519PrivateKey.generate()


@pytest.fixture
async def police(home: Home, key: Ed25519PrivateKey) -> Agency:
    """Have an agency that was called back."""
    said = {**AGENCY, "signing_key": public(key)}
    return await verified(home, await home.agencies.add(said, UNKNOWN_ACTOR))


@pytest.fixture
async def send(
    hass_client_no_auth: ClientSessionGenerator,
    home: Home,
    key: Ed25519PrivateKey,
    monkeypatch: pytest.MonkeyPatch,
) -> Send:
    """Switch the address on; return what signs and sends."""
    monkeypatch.setattr(intake.secrets, "token_urlsafe", lambda _: TOKEN)
    await home.intake.switch_on(UNKNOWN_ACTOR)
    client = await hass_client_no_auth()

    async def send(said: Any = None, **other: Any) -> aiohttp.ClientResponse:
        body = said if said is not None else envelope(key, letter(**other))
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await client.post(URL + TOKEN, data=data)

    return send


async def only(home: Home) -> Request:
    """Return the one request there is."""
    (request,) = await home.inbox.find()
    return request


class TestTaken:
    """What a known agency signs."""

    async def test_comes_in(self, home: Home, police: Agency, send: Send) -> None:
        """It is confirmed by its signature, and waits for the owner."""
        answer = await send()
        assert (answer.status, await answer.read()) == (HTTPStatus.ACCEPTED, b"")
        request = await only(home)
        assert (request.agency, request.state) == (police.id, State.VERIFIED)
        assert request.ask.via is Via.SIGNED
        assert request.ask.reference == "SPD-2026-1"
        entries = await log_of(home, "request")
        assert [entry["event"] for entry in entries] == ["received", "verified"]
        assert entries[-1]["detail"] == "signed"
        assert "Wiggum" not in str(entries)

    async def test_again(self, home: Home, police: Agency, send: Send) -> None:
        """The same once more is the same; another with its reference is dropped."""
        said = letter()
        for _ in range(3):
            body = {"version": 1, **said}
            assert (await send(**body)).status == HTTPStatus.ACCEPTED
        assert len(await home.inbox.find()) == 1
        answer = await send(**{**said, "need": "Something else"})
        assert answer.status == HTTPStatus.ACCEPTED
        assert len(await home.inbox.find()) == 1
        assert home.inbox.dropped == 1

    async def test_at_once(self, home: Home, police: Agency, send: Send) -> None:
        """Five at the same moment are one."""
        said = letter()
        answers = await asyncio.gather(*(send(**said) for _ in range(5)))
        assert {answer.status for answer in answers} == {HTTPStatus.ACCEPTED}
        await only(home)

    async def test_declined_looks_the_same(
        self, home: Home, police: Agency, send: Send
    ) -> None:
        """From outside there is no difference: to one that waits, nor to nobody's."""
        good = await send()
        bad = await send(reference="2", active=False)
        stranger = await send(envelope(Ed25519PrivateKey.generate(), letter()))
        answers = [
            (one.status, await one.read(), set(one.headers) - {"Date"})
            for one in (good, bad, stranger)
        ]
        assert answers[0] == answers[1] == answers[2]
        states = {one.state for one in await home.inbox.find()}
        assert states == {State.VERIFIED, State.DECLINED}
        assert home.intake.dropped == 1

    async def test_unknown_key(self, home: Home, send: Send) -> None:
        """Whom nobody called back and nobody listed is heard by nobody."""
        assert (await send()).status == HTTPStatus.ACCEPTED
        assert await home.inbox.find() == []
        assert await log_of(home, "request") == []

    async def test_changed_agency(self, home: Home, police: Agency, send: Send) -> None:
        """What is not as it was confirmed is quarantined; it places no hold."""
        said = {**AGENCY, "signing_key": police.facts.signing_key, "email_domain": ""}
        await home.agencies.change(police, said, UNKNOWN_ACTOR)
        assert (await send(instrument="subpoena")).status == HTTPStatus.ACCEPTED
        request = await only(home)
        assert (request.state, request.hold) == (State.RECEIVED, "")

    async def test_revoked_key(self, home: Home, police: Agency, send: Send) -> None:
        """A key that the directory has no more is a stranger's."""
        said = {**AGENCY, "signing_key": public(Ed25519PrivateKey.generate())}
        await home.agencies.change(police, said, UNKNOWN_ACTOR)
        assert (await send()).status == HTTPStatus.ACCEPTED
        assert await home.inbox.find() == []

    @pytest.mark.parametrize(
        ("instrument", "days", "held"),
        [
            ("preservation", 1, True),
            ("search_warrant", 92, True),
            ("preservation", 93, False),
            ("exigent", 0.1, False),
        ],
    )
    async def test_hold(
        self,
        home: Home,
        police: Agency,
        send: Send,
        instrument: str,
        days: float,
        held: bool,
    ) -> None:
        """What a confirmed agency wants kept is, but not for years by itself."""
        since = utc_now() - timedelta(days=days)
        answer = await send(
            instrument=instrument,
            since=since.isoformat(),
            until=(since + timedelta(days=days)).isoformat(),
        )
        assert answer.status == HTTPStatus.ACCEPTED
        assert bool((await only(home)).hold) is held

    async def test_declined_holds_nothing(
        self, home: Home, police: Agency, send: Send
    ) -> None:
        """What is never answered keeps nothing from erasure either."""
        await send(instrument="preservation", purpose="immigration")
        request = await only(home)
        assert (request.state, request.hold) == (State.DECLINED, "")
        assert not await home.log.care.holds()

    async def test_hold_while_the_log_is_read(
        self, home: Home, police: Agency, send: Send
    ) -> None:
        """A check of the whole log takes minutes: nobody waits for that, nor sees it."""
        async with home.log.care.undisturbed():
            async with asyncio.timeout(5):
                answer = await send(instrument="preservation")
                request = await only(home)
                await home.inbox.review(request.id, UNKNOWN_ACTOR)
            assert answer.status == HTTPStatus.ACCEPTED
            assert not await home.log.care.holds()
        await until(lambda: not home.log.care._reading.locked())

        async def held() -> bool:
            return await home.inbox.is_held(await only(home))

        async with asyncio.timeout(5):
            while not await held():
                await asyncio.sleep(0.01)

    async def test_hold_that_fails(
        self,
        home: Home,
        police: Agency,
        send: Send,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """The request is here all the same, and its hold is placed with the next care."""
        hold = home.log.care.hold

        async def full(*_: object, **__: object) -> None:
            raise LogUnavailable("full")

        monkeypatch.setattr(home.log.care, "hold", full)
        assert (await send(instrument="subpoena")).status == HTTPStatus.ACCEPTED
        await until(lambda: "A hold is to be placed later" in caplog.text)
        assert not await home.log.care.holds()
        monkeypatch.setattr(home.log.care, "hold", hold)
        await home.requests.run()
        assert await home.inbox.is_held(await only(home))

    async def test_holds_in_a_row(self, home: Home, police: Agency, send: Send) -> None:
        """All that an agency has held by itself is little, and nothing to come."""
        now = utc_now()
        for number in range(3):
            since = now - timedelta(days=40 * (number + 1))
            await send(
                instrument="preservation",
                reference=str(number),
                case_number=str(number),
                since=since.isoformat(),
                until=(since + timedelta(days=40)).isoformat(),
            )
        await send(
            instrument="preservation",
            reference="ahead",
            case_number="ahead",
            since=(now + timedelta(days=2)).isoformat(),
            until=(now + timedelta(days=3)).isoformat(),
        )
        found = await home.inbox.find()
        assert len(found) == 4
        assert [one.ask.case_number for one in found if one.hold] in (
            ["0", "1"],
            ["1", "0"],
        )
        assert len(await home.log.care.holds()) == 2

    async def test_says_that_it_is_another(
        self, home: Home, police: Agency, send: Send
    ) -> None:
        """Whose key it is is who asks, whatever name it signs."""
        await send(agency_name="Federal Bureau of Investigation")
        assert (await only(home)).ask.agency_name == police.facts.name
        assert await home.inbox.find("federal") == []

    async def test_gag(self, home: Home, police: Agency, send: Send) -> None:
        """Nobody can hide something by a word before it is known from whom it is."""
        gag = {"instrument": "court_order", "gag": True}
        await send(**gag)
        assert home.inbox.summary.open == 0
        said = {**AGENCY, "signing_key": police.facts.signing_key, "email_domain": ""}
        await home.agencies.change(police, said, UNKNOWN_ACTOR)
        await send(**gag, reference="2")
        assert home.inbox.summary.open == 1
        (_, known), (_, said) = [
            (one.state, await request_text.about(home, one))
            for one in sorted(await home.inbox.find(), key=lambda one: -one.hidden)
        ]
        assert "It is hidden from everybody here" in known
        assert "hidden from the others here once it is confirmed" in said

    async def test_sender_goes_away(
        self, home: Home, police: Agency, send: Send, key: Ed25519PrivateKey
    ) -> None:
        """A line that breaks in the middle leaves nothing half done."""
        for number in range(10):
            said = letter(
                reference=f"{number}", case_number=f"{number}", purpose="protest"
            )
            body = json.dumps(envelope(key, said)).encode()
            task = asyncio.create_task(home.intake.take(body))
            await asyncio.sleep(number / 1000)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await send(reference="last", case_number="last")
        states = {one.ask.reference: one.state for one in await home.inbox.find()}
        assert states.pop("last") is State.VERIFIED
        assert states and set(states.values()) == {State.DECLINED}

    async def test_broke_off(
        self,
        home: Home,
        police: Agency,
        send: Send,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Sent again it goes on where the log failed."""
        said = letter()
        go_on = home.inbox._step

        async def fails(*_: object, **__: object) -> Request:
            raise LogUnavailable("x")

        monkeypatch.setattr(home.inbox, "_step", fails)
        assert (await send(**said)).status == HTTPStatus.SERVICE_UNAVAILABLE
        assert (await only(home)).state is State.RECEIVED
        monkeypatch.setattr(home.inbox, "_step", go_on)
        assert (await send(**said)).status == HTTPStatus.ACCEPTED
        assert (await only(home)).state is State.VERIFIED

    async def test_removed(
        self, home: Home, police: Agency, send: Send, clock: Clock
    ) -> None:
        """One that the owner removed cannot be brought back by who has a copy."""
        said = letter()
        await send(**said)
        request = await only(home)
        await home.inbox.decline(request.id, "", UNKNOWN_ACTOR)
        await home.inbox.remove(request.id, UNKNOWN_ACTOR)
        assert (await send(**said)).status == HTTPStatus.ACCEPTED
        assert await home.inbox.find() == []
        clock.tick(timedelta(days=2))
        assert (await send(**said)).status == HTTPStatus.BAD_REQUEST

    async def test_answers_take_as_long(
        self, home: Home, police: Agency, send: Send
    ) -> None:
        """What is written, or is not, does not show in how long it takes."""
        loop = asyncio.get_running_loop()
        for key in (None, Ed25519PrivateKey.generate()):
            began = loop.time()
            answer = await (send(envelope(key, letter())) if key else send())
            assert answer.status == HTTPStatus.ACCEPTED
            assert loop.time() - began >= ANSWER

    async def test_emergency(self, home: Home, police: Agency, send: Send) -> None:
        """A signed emergency waits like all others: nothing is answered by itself."""
        await send(instrument="exigent", need="A child is missing")
        request = await only(home)
        assert (request.state, request.answerable) == (State.VERIFIED, False)

    async def test_owner_is_told(
        self, hass: HomeAssistant, home: Home, police: Agency, send: Send
    ) -> None:
        """That one came, not from whom."""
        calls: list[ServiceCall] = []
        hass.services.async_register("notify", "phone", calls.append)
        await home.set_request_rules(
            home.request_limits, "notify.phone", UNKNOWN_ACTOR, second=False
        )
        await send()
        await until(lambda: calls)
        assert "A request came in" in calls[0].data["message"]
        assert "Springfield" not in str(calls[0].data)


class TestHostile:
    """Bodies that nobody should send."""

    @pytest.mark.parametrize(
        ("said", "error", "field"),
        [
            ({"version": 2}, "request_version", "version"),
            ({"version": True}, "request_version", "version"),
            ({"to": "x" * 43}, "request_to", "to"),
            ({"to": None}, "request_to", "to"),
            ({"to": "\ud800"}, "request_envelope", None),
            ({"reference": " "}, "request_text", "reference"),
            ({"reference": 5}, "request_text", "reference"),
            ({"reference": ["x"]}, "request_text", "reference"),
            ({"issued": None}, "request_issued", "issued"),
            ({"issued": "today"}, "request_time", "issued"),
            ({"via": "paper"}, "request_field", "via"),
            ({"hold": True}, "request_field", ""),
            ({"officer": "<b\u200bold>"}, "request_text", "officer"),
            ({"officer": "\u0000"}, "request_text", "officer"),
            ({"need": {"x": 1}}, "request_text", "need"),
            ({"since": 1e400}, "request_envelope", None),
            ({"area": 2**70}, "request_area", "area"),
            ({"gag": True}, "request_gag", "gag"),
            ({"kinds": [["clips"]]}, "request_choice", "kinds"),
            ({"since": 5}, "request_time", "since"),
        ],
    )
    async def test_refused(
        self,
        home: Home,
        police: Agency,
        send: Send,
        said: dict[str, Any],
        error: str,
        field: str | None,
    ) -> None:
        """It says which field and why, nothing of what was in it, and keeps nothing."""
        answer = await send(**said)
        assert answer.status == HTTPStatus.BAD_REQUEST
        told = (
            {"error": error, "field": field} if field is not None else {"error": error}
        )
        assert await answer.json() == told
        assert await home.inbox.find() == []

    async def test_html_is_text(self, home: Home, police: Agency, send: Send) -> None:
        """It is kept as it is, and is text wherever it shows."""
        evil = "<script>alert(1)</script>"
        names = (
            "agency_name",
            "officer",
            "badge",
            "contact",
            "need",
            "sought",
            "basis",
        )
        assert (await send(**dict.fromkeys(names, evil))).status == HTTPStatus.ACCEPTED
        assert (await only(home)).ask.officer == evil

    @pytest.mark.parametrize(
        ("hours", "status"),
        [(-0.2, 400), (-0.05, 202), (23.9, 202), (24.1, 400), (-24, 400)],
    )
    async def test_dated(
        self, home: Home, police: Agency, send: Send, hours: float, status: int
    ) -> None:
        """Signed within a day; tomorrow's and last week's are refused."""
        issued = (utc_now() - timedelta(hours=hours)).isoformat()
        assert (await send(issued=issued)).status == status

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"x",
            b"[]",
            b"null",
            b"{}",
            b"\xff\xfe",
            b"[" * 60_000,
            b'{"a":' * 10_000,
            b'{"payload":"e30=","payloadType":"x","signatures":[]}',
        ],
    )
    async def test_no_envelope(
        self, home: Home, police: Agency, send: Send, body: bytes
    ) -> None:
        """Deep, empty, no JSON: refused."""
        answer = await send(body)
        assert answer.status == HTTPStatus.BAD_REQUEST
        assert await answer.json() == {"error": "request_envelope"}

    @pytest.mark.parametrize("part", ["payload", "keyid", "sig", "payloadType"])
    async def test_one_character_other(
        self,
        home: Home,
        police: Agency,
        send: Send,
        key: Ed25519PrivateKey,
        part: str,
    ) -> None:
        """Nothing of an envelope can be changed."""
        whole = envelope(key, letter())
        place = whole if part in whole else whole["signatures"][0]
        place[part] = ("A" if place[part][0] != "A" else "B") + place[part][1:]
        answer = await send(whole)
        assert answer.status == HTTPStatus.BAD_REQUEST
        assert await home.inbox.find() == []

    async def test_not_packed_as_it_says(
        self, home: Home, send: Send, hass_client_no_auth: ClientSessionGenerator
    ) -> None:
        """It is refused like what is too long."""
        client = await hass_client_no_auth()
        answer = await client.post(
            URL + TOKEN,
            data=b"garbage" * 10,
            headers={"Content-Encoding": "gzip"},
        )
        assert answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    async def test_several_signatures(
        self, home: Home, police: Agency, send: Send, key: Ed25519PrivateKey
    ) -> None:
        """One key signs a request: two would leave open whose it is."""
        whole = envelope(key, letter())
        whole["signatures"] *= 2
        assert (await send(whole)).status == HTTPStatus.BAD_REQUEST

    async def test_long(self, home: Home, police: Agency, send: Send) -> None:
        """Ten megabytes are not read to their end."""
        answer = await send(b" " * 10_000_000)
        assert answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        exact = json.dumps({"x": ""})
        body = json.dumps({"x": " " * (MAX_BYTES - len(exact))}).encode()
        assert len(body) == MAX_BYTES
        assert (await send(body)).status == HTTPStatus.BAD_REQUEST

    async def test_many_of_one(
        self,
        home: Home,
        police: Agency,
        send: Send,
        monkeypatch: pytest.MonkeyPatch,
        clock: Clock,
    ) -> None:
        """An agency has so many an hour, and so many that wait."""
        monkeypatch.setattr(signed, "MOST_AN_HOUR", 2)
        monkeypatch.setattr(signed, "MOST_OPEN", 3)

        async def sent(*numbers: int) -> int:
            for n in numbers:
                answer = await send(
                    issued=clock.now().isoformat(),
                    reference=str(n),
                    case_number=str(n),
                )
                assert answer.status == HTTPStatus.ACCEPTED
            return len(await home.inbox.find())

        assert await sent(0, 1, 2) == 2
        clock.tick(timedelta(seconds=3601))
        assert await sent(3, 4) == 3
        # That one was declined cannot be told from outside either.
        (first, *_) = await home.inbox.find()
        await home.inbox.decline(first.id, "", UNKNOWN_ACTOR)
        clock.tick(timedelta(seconds=3601))
        assert await sent(5) == 4
        assert home.inbox.dropped == 2

    async def test_many_of_nobody(
        self,
        home: Home,
        police: Agency,
        send: Send,
        monkeypatch: pytest.MonkeyPatch,
        clock: Clock,
    ) -> None:
        """Who sends what is no request is not listened to for an hour; others are."""
        home.intake.in_vain = Guesses(3, 3600.0)
        assert [(await send(b"x")).status for _ in range(4)] == [400, 400, 400, 429]
        assert (await send()).status == 429
        assert not home.intake.in_vain.too_many("10.0.0.2")
        # Nobody who sets the clock shuts it for ever, or opens it.
        clock.move_to(utc_now() - timedelta(days=365))
        assert (await send()).status == 429
        now = time.monotonic()
        monkeypatch.setattr(
            guesses, "time", SimpleNamespace(monotonic=lambda: now + 3601)
        )
        assert (await send(b"x")).status == 400

    async def test_log_unavailable(
        self, home: Home, police: Agency, send: Send
    ) -> None:
        """What could not be kept is not said to have arrived."""
        await fail_writes(home)
        assert (await send()).status == HTTPStatus.SERVICE_UNAVAILABLE
        await fail_writes(home, fail=False)
        assert await home.inbox.find() == []
        assert (await send()).status == HTTPStatus.ACCEPTED


class TestAddress:
    """It is there while the owner wants it."""

    async def test_off(
        self, home: Home, hass_client_no_auth: ClientSessionGenerator
    ) -> None:
        """By default there is nothing, and it looks like nothing."""
        client = await hass_client_no_auth()
        for token in ("x", "", TOKEN):
            for ask in (client.get, client.post):
                assert (await ask(URL + token)).status == HTTPStatus.NOT_FOUND

    async def test_schema(
        self, home: Home, send: Send, hass_client_no_auth: ClientSessionGenerator
    ) -> None:
        """Whoever has the address can look up what may be sent there."""
        client = await hass_client_no_auth()
        answer = await client.get(URL + TOKEN)
        assert await answer.text() == SCHEMA.read_text()
        assert (await client.get(URL + "x")).status == HTTPStatus.NOT_FOUND

    async def test_switched_off(
        self,
        hass: HomeAssistant,
        entry: HomeEntry,
        home: Home,
        police: Agency,
        send: Send,
    ) -> None:
        """At once, whatever the log does, and it stays off."""
        await fail_writes(home)
        await home.intake.switch_off(UNKNOWN_ACTOR)
        assert (await send()).status == HTTPStatus.NOT_FOUND
        # Killed before the log had it: the address is still in the store.
        await hass.config_entries.async_reload(entry.entry_id)
        assert entry.runtime_data.intake.token == ""
        assert (await send()).status == HTTPStatus.NOT_FOUND

    async def test_off_while_it_goes_on(
        self, home: Home, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of two admins at once the one who says off is right."""
        append, written = home.log.append, asyncio.Event()

        async def slow(*args: Any, **more: Any) -> Any:
            done = await append(*args, **more)
            await written.wait()
            return done

        monkeypatch.setattr(home.log, "append", slow)
        on = asyncio.create_task(home.intake.switch_on(UNKNOWN_ACTOR))
        await asyncio.sleep(0.05)
        await home.intake.switch_off(UNKNOWN_ACTOR)
        written.set()
        await on
        assert home.intake.token == ""
        assert (await log_of(home, "setting"))[-1]["value"] == "off"
        await home.intake.load()
        assert home.intake._token == ""

    async def test_restart(
        self,
        hass: HomeAssistant,
        entry: HomeEntry,
        home: Home,
        police: Agency,
        send: Send,
    ) -> None:
        """It stays where it was; what came is not taken twice."""
        said = letter()
        await send(**said)
        await hass.config_entries.async_reload(entry.entry_id)
        assert (await send(**said)).status == HTTPStatus.ACCEPTED
        await only(entry.runtime_data)

    async def test_menu(
        self, hass: HomeAssistant, entry: HomeEntry, home: Home
    ) -> None:
        """On, anew, off: the owner sees the address, nobody else does."""
        await async_process_ha_core_config(
            hass, {"external_url": "https://example.com"}
        )

        async def said(**answers: bool) -> Any:
            flow = await choose(hass, entry, "requests")
            await go(hass, flow["flow_id"], next_step_id="intake")
            return await go(hass, flow["flow_id"], **answers)

        first = await said(on=True, anew=False)
        address = first["description_placeholders"]["address"]
        assert address == f"https://example.com{URL}{home.intake.token}"
        assert (await go(hass, first["flow_id"]))["step_id"] == "requests"
        again = await said(on=True, anew=False)
        assert again["description_placeholders"]["address"] == address
        anew = await said(on=True, anew=True)
        assert anew["description_placeholders"]["address"] != address
        token = home.intake.token
        assert token not in str(entry.as_dict())
        assert token not in str(await log_of(home, "setting"))
        await fail_writes(home)
        assert (await said(on=True, anew=True))["errors"] == {"base": "log_unavailable"}
        assert home.intake.token == token
        await fail_writes(home, fail=False)
        assert (await said(on=False, anew=False))["reason"] == "intake_off"
        assert not home.intake.token
        hass.config.external_url = None
        unknown = await said(on=True, anew=False)
        assert unknown["description_placeholders"]["address"].startswith("https://…")


class TestSchema:
    """What is published, against what is read."""

    schema = json.loads(SCHEMA.read_text())

    def fits(self, said: Any) -> bool:
        """Tell whether the schema takes it."""
        checker = jsonschema.FormatChecker()
        return jsonschema.Draft202012Validator(
            self.schema, format_checker=checker
        ).is_valid(said)

    def reads(self, said: dict[str, Any]) -> bool:
        """Tell whether we read it, but for what the envelope is about."""
        ours = {key: value for key, value in said.items() if key in OURS}
        try:
            reading.ask({**ours, "via": "signed"})
        except RequestError:
            return False
        return True

    def test_is_one(self) -> None:
        """It is a schema, and names the fields that we read."""
        jsonschema.Draft202012Validator.check_schema(self.schema)
        named = set(self.schema["properties"]) - {"version", "to", "issued"}
        assert named == OURS
        assert self.fits(letter())

    @settings(max_examples=300, deadline=None)
    @given(st.data())
    def test_takes_no_more_than_the_schema(self, data: st.DataObject) -> None:
        """What the schema refuses is never read."""
        said = letter()
        name = data.draw(st.sampled_from(sorted(OURS)))
        said[name] = data.draw(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats()
            | st.text(max_size=20)
            | st.sampled_from(["x" * 200, "x" * 201, "x" * 500, "x" * 501])
            | st.lists(st.sampled_from(["access", "clips", "audio"]), max_size=4)
            | st.sampled_from(["voluntary", "exigent", "crime", "2026-01-01"])
            | st.just("2026-01-01T00:00:00Z")
        )
        if self.reads(said):
            assert self.fits(said), name


OURS = {*reading.FIELDS} - {"via"}


class TestEnvelope:
    """DSSE, by its own test vector."""

    def test_what_is_signed(self) -> None:
        """The encoding is the standard's."""
        assert intake.signed(b"hello") == (
            b"DSSEv1 41 application/vnd.smartlock-le.request+json 5 hello"
        )

    @settings(max_examples=200, deadline=None)
    @given(st.recursive(st.none() | st.text() | st.integers(), st.lists, max_leaves=9))
    def test_anything(self, part: Any) -> None:
        """Whatever stands in an envelope, it is refused by its name."""
        key = Ed25519PrivateKey.generate()
        for name in ("payload", "payloadType", "signatures"):
            whole = deepcopy(envelope(key, b"{}"))
            whole[name] = part
            with pytest.raises(RequestError):
                opened(json.dumps(whole).encode())
        assert opened(json.dumps(envelope(key, b"{}")).encode()) == (public(key), b"{}")
