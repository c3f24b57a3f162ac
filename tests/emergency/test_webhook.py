"""A server that is told: signed as Standard Webhooks says, in words of CAP 1.2."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from itertools import product
import logging
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.smartlock_le.emergency import incidents, outbox
from custom_components.smartlock_le.emergency.channels import cap, webhook
from custom_components.smartlock_le.emergency.channels.channel import (
    ChannelError,
    NotReached,
    NotTaken,
)
from custom_components.smartlock_le.emergency.models import Kind, Signal, Way, What
from custom_components.smartlock_le.home import Home, HomeEntry
from tests.conftest import log_of, until, until_entry
from tests.support import act, issues

from .conftest import PIN, decide
from .hook import CAP, Server, serving
from .receivers import Real
from .test_incidents import disarm, reload

MOMENT = datetime(2026, 11, 29, 12, 0, 5, tzinfo=UTC)
SENDER = cap.Sender("home", "12 Elm Street", "hook.example.org")
HOOK_STATE = "binary_sensor.test_home_webhook"


@pytest.fixture
async def server(socket_enabled: None) -> AsyncGenerator[Server]:
    """Run a server."""
    async with serving(Server()) as server:
        yield server


@pytest.fixture
async def told(ready: Home, server: Server) -> Home:
    """Give a home that tells it, and nobody waits long."""
    await decide(ready, webhook=server.settings(), window=0)
    return ready


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again soon."""
    monkeypatch.setattr(outbox, "RETRY", 0.2)
    monkeypatch.setattr(outbox, "RETRY_MAX", 0.4)


# Words


@pytest.mark.parametrize(("kind", "what", "again"), product(Kind, What, (False, True)))
def test_every_message_is_cap(kind: Kind, what: What, again: bool) -> None:
    """By the schema of OASIS."""
    signal = Signal(
        kind=kind,
        what=what,
        incident="" if what is What.TEST else "a1b2c3d4",
        way=Way.WEBHOOK,
        raised=MOMENT,
        again=again,
    )
    sender = cap.Sender("home", "12 Elm <&> \x00\x1b \U0001f3e0", "hook.example.org")
    CAP.validate(cap.message(signal, sender).decode())


def read(**said: Any) -> dict[str, Any]:
    """Return what a message says."""
    signal = Signal(way=Way.WEBHOOK, incident="a1b2c3d4", raised=MOMENT, **said)
    found: Any = CAP.to_dict(cap.message(signal, SENDER).decode())
    return dict(found)


def test_what_comes_later_refers_to_what_was_first() -> None:
    """By sender, identifier and time, as CAP 1.2 section 3.2.1 says."""
    first = read(kind=Kind.FIRE, what=What.ALARM)
    assert (first["status"], first["msgType"]) == ("Actual", "Alert")
    assert first["sent"] == "2026-11-29T12:00:05-00:00"
    assert "references" not in first
    for what, again, kind in (
        (What.ALARM, True, "Update"),
        (What.CANCEL, False, "Cancel"),
        (What.RESTORE, False, "Update"),
    ):
        later = read(kind=Kind.FIRE, what=what, again=again)
        assert later["msgType"] == kind
        assert later["identifier"] != first["identifier"]
        assert later["references"] == ",".join(
            (first["sender"], first["identifier"], first["sent"])
        )
    assert read(kind=Kind.FIRE, what=What.TEST)["status"] == "Test"


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://hook.example.org/x?y=1", True),
        ("http://192.168.1.5:8080/x", True),
        ("http://[fd00::1]/x", True),
        ("http://hook.example.org/", False),
        ("http://8.8.8.8/", False),
        ("https://me:secret@hook.example.org/", False),
        ("https://hook.example.org/#x", False),
        ("https://", False),
        ("https://hook.example.org:x/", False),
        ("https://[x", False),
        ("tel:911", False),
        ("ftp://192.168.1.5/", False),
        ("", False),
    ],
)
def test_where_it_may_go(url: str, safe: bool) -> None:
    """Where nobody on the way reads."""
    assert webhook.is_safe(url) is safe


def test_secrets() -> None:
    """As the standard writes them."""
    made = webhook.new_secret()
    assert webhook.read_secret(made) == webhook.read_secret(made.removeprefix("whsec_"))
    assert webhook.new_secret() != made
    for bad in ("", "whsec_", "whsec_c2hvcnQ=", "whsec_" + "A" * 88, "whsec_!!!!"):
        with pytest.raises(ValueError, match="no secret"):
            webhook.read_secret(bad)


# The way


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, NotTaken),
        (307, NotTaken),
        (400, NotTaken),
        (401, NotTaken),
        (410, NotTaken),
        (500, NotReached),
        (503, NotReached),
    ],
)
async def test_what_a_server_says(
    hass: HomeAssistant, server: Server, status: int, error: type[ChannelError]
) -> None:
    """No is no, trouble is tried again, and nobody is sent elsewhere."""
    server.status = status
    way = webhook.Webhook(hass, server.settings().build("home"))
    with pytest.raises(error):
        await way.send(Signal(what=What.TEST, way=Way.WEBHOOK))
    assert len(server.ids) == 1
    assert way.health
    assert not way.health.ok


async def test_a_server_that_never_answers(
    hass: HomeAssistant,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is said, and the address is in no line."""
    caplog.set_level(logging.DEBUG, "custom_components.smartlock_le")
    server.slow = 0.5
    monkeypatch.setattr(webhook, "TIMEOUT", 0.1)
    way = webhook.Webhook(hass, server.settings().build("home"))
    with pytest.raises(NotReached) as caught:
        await way.send(Signal(what=What.TEST, way=Way.WEBHOOK))
    assert caught.value.reason == "no_answer"
    assert str(server.port) not in str(caught.value)
    assert "/hook" not in caplog.text
    assert server.secret not in repr(server.settings())
    # It goes on for a while on its own.
    await asyncio.sleep(0.6)


# Incidents


async def test_an_incident_is_told_from_begin_to_end(
    told: Home, server: Server, receiver: Real
) -> None:
    """Once each, beside the centre."""
    raised = await act(told.hass, "raise_incident", {"kind": "medical"})
    await until(lambda: server.told == ["Alert"])
    await act(told.hass, "arrived_at_incident", {"incident": raised["incident"]})
    await act(told.hass, "close_incident", {"incident": raised["incident"]})
    await until(lambda: server.told == ["Alert", "Update"])
    await until(lambda: receiver.codes == ["MA", "MH"])
    first, last = (one for one in server.got if one["status"] == "Actual")
    assert first["identifier"] in last["references"]
    assert first["info"][0]["area"][0]["areaDesc"] == "12 Elm Street"
    assert last["info"][0]["responseType"] == ["AllClear"]
    entries = await log_of(told, "incident")
    assert "alarm webhook" in [entry["detail"] for entry in entries]
    await until(lambda: told.emergency.incidents.signals.waiting == [])


async def test_taken_back_in_the_window_it_hears_nothing(
    told: Home, server: Server
) -> None:
    """As the centre does not."""
    await decide(told, window=30)
    await act(told.hass, "raise_incident", {"kind": "police"})
    await disarm(told.hass, PIN)
    await until(lambda: told.emergency.incidents.open() == [])
    await until_entry(told, "incident", event="cancelled")
    assert server.told == []


async def test_a_cancel_is_said_to_be_one(told: Home, server: Server) -> None:
    await act(told.hass, "raise_incident", {"kind": "police"})
    await until(lambda: server.told == ["Alert"])
    await disarm(told.hass, PIN)
    await until(lambda: server.told == ["Alert", "Cancel"])


async def test_a_server_in_trouble_is_told_later_and_once(
    told: Home, server: Server, receiver: Real
) -> None:
    """By the same id each time; the centre waits for nobody."""
    server.status = 503
    await act(told.hass, "raise_incident", {"kind": "fire"})
    await until(lambda: receiver.codes == ["FA"])
    await until(lambda: len(server.ids) >= 3)
    assert len(set(server.ids)) == 1
    assert "webhook_not_reached" in issues(told.hass)
    await until_entry(
        told, "incident", event="not_signalled", detail="webhook not_reached"
    )
    assert told.hass.states.get(HOOK_STATE).state == "on"
    server.status = 204
    await until(lambda: server.told == ["Alert"])
    await until(lambda: "webhook_not_reached" not in issues(told.hass))
    await until(lambda: told.hass.states.get(HOOK_STATE).state == "off")


async def test_never_told_it_need_not_hear_of_the_end(
    told: Home, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was tried may have arrived, whatever was heard of it."""
    server.status = 500
    raised = await act(told.hass, "raise_incident", {"kind": "fire"})
    await until(lambda: server.ids)
    await act(told.hass, "close_incident", {"incident": raised["incident"]})
    server.status = 204
    await until(lambda: server.told == ["Update"])


async def test_what_waits_is_sent_after_a_restart(
    hass: HomeAssistant, entry: HomeEntry, told: Home, server: Server
) -> None:
    """With the same id; and what was taken is not sent again."""
    await act(hass, "raise_incident", {"kind": "fire"})
    await until(lambda: server.told == ["Alert"])
    await until(lambda: told.emergency.incidents.signals.waiting == [])
    server.status = 500
    raised = await act(hass, "raise_incident", {"kind": "medical"})
    await until(lambda: len(server.ids) >= 2)
    waits = server.ids[-1]
    home = await reload(hass, entry)
    server.status = 204
    await until(lambda: server.told == ["Alert", "Alert"])
    assert server.ids[-1] == waits
    assert home.emergency.incidents.get(raised["incident"])
    await act(hass, "close_incident", {"incident": raised["incident"]})
    await until(lambda: server.told == ["Alert", "Alert", "Update"])


async def test_asked_for_again_is_an_update(
    told: Home, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no second cause."""
    monkeypatch.setattr(incidents, "AGAIN", 0.0)
    monkeypatch.setattr(incidents, "ALARM_AGAIN", 0.0)
    await act(told.hass, "raise_incident", {"kind": "medical"})
    await until(lambda: server.told == ["Alert"])
    await act(told.hass, "raise_incident", {"kind": "medical"})
    await until(lambda: server.told == ["Alert", "Update"])


async def test_what_was_before_it_is_none_of_its_business(
    ready: Home, server: Server
) -> None:
    """Nor is what comes once it is removed."""
    await decide(ready, window=0)
    before = await act(ready.hass, "raise_incident", {"kind": "medical"})
    later = datetime.now(UTC) + timedelta(seconds=2)
    await decide(ready, webhook=server.settings(since=int(later.timestamp())))
    await act(ready.hass, "close_incident", {"incident": before["incident"]})
    await until(lambda: datetime.now(UTC) > later + timedelta(seconds=1))
    await act(ready.hass, "raise_incident", {"kind": "fire"})
    await until(lambda: server.told == ["Alert"])
    server.status = 500
    await act(ready.hass, "raise_incident", {"kind": "gas"})
    await until(lambda: len(server.ids) >= 2)
    await decide(ready, webhook=None)
    await until_entry(
        ready, "incident", event="not_signalled", detail="webhook no_centre"
    )
    assert ready.emergency.incidents.signals.outboxes[Way.WEBHOOK].waiting == ()
    assert server.told == ["Alert"]


async def test_without_a_centre(told: Home, server: Server) -> None:
    """One of them is enough."""
    await decide(told, centre=None)
    await act(told.hass, "raise_incident", {"kind": "medical"})
    await until(lambda: server.told == ["Alert"])
    await told.emergency.test()
    await until(lambda: [one["status"] for one in server.got] == ["Actual", "Test"])


async def test_an_older_file_knows_of_none(
    hass: HomeAssistant, entry: HomeEntry, told: Home
) -> None:
    """It is read all the same, and what is there is kept over a restart."""
    kept = told.emergency.settings.webhook
    home = await reload(hass, entry)
    assert home.emergency.settings.webhook == kept
    old = told.emergency.settings.as_json()
    del old["webhook"]
    assert type(told.emergency.settings).from_json(old).webhook is None
