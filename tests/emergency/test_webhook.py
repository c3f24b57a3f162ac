"""A server that is told: signed as Standard Webhooks says, in words of CAP 1.2."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import product
import logging
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.smartlock_le.emergency import incidents, models, outbox
from custom_components.smartlock_le.emergency.channels import asking, cap, webhook
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
def server(desk: Server) -> Server:
    """Run a server."""
    return desk


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


@pytest.mark.parametrize(
    ("kind", "what", "refers", "exercise"),
    product(Kind, What, ("", "home,a,2026-11-29T12:00:05-00:00"), (False, True)),
)
def test_every_message_is_cap(
    kind: Kind, what: What, refers: str, exercise: bool
) -> None:
    """By the schema of OASIS; of a drill each says so."""
    signal = Signal(
        kind=kind,
        what=what,
        incident="" if what is What.TEST else "a1b2c3d4",
        way=Way.WEBHOOK,
        raised=MOMENT,
        refers=refers,
        exercise=exercise,
    )
    sender = cap.Sender("home", "12 Elm <&> \x00\x1b \U0001f3e0", "hook.example.org")
    text = cap.message(signal, sender).decode()
    CAP.validate(text)
    assert ("<status>Exercise</status>" in text) is exercise


def test_what_comes_later_refers_to_what_was_first() -> None:
    """By sender, identifier and time, as CAP 1.2 section 3.2.1 says."""

    def read(what: What, refers: str = "") -> dict[str, Any]:
        signal = Signal(
            id=what.value,
            kind=Kind.FIRE,
            what=what,
            incident="a1b2c3d4",
            way=Way.WEBHOOK,
            made=MOMENT + timedelta(seconds=30),
            raised=MOMENT,
            refers=refers,
        )
        assert cap.reference(signal, "home") == (
            f"home,{what.value},2026-11-29T12:00:35-00:00"
        )
        found: Any = CAP.to_dict(cap.message(signal, SENDER).decode())
        return dict(found)

    first = read(What.ALARM)
    assert (first["status"], first["msgType"]) == ("Actual", "Alert")
    assert first["sent"] == "2026-11-29T12:00:35-00:00"
    assert first["info"][0]["onset"] == "2026-11-29T12:00:05-00:00"
    assert "references" not in first
    for what, kind in (
        (What.ALARM, "Update"),
        (What.CANCEL, "Cancel"),
        (What.RESTORE, "Update"),
    ):
        later = read(what, "home,alarm,2026-11-29T12:00:35-00:00")
        assert later["msgType"] == kind
        assert later["references"] == ",".join(
            (first["sender"], first["identifier"], first["sent"])
        )
    assert read(What.TEST)["status"] == "Test"


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://hook.example.org/x?y=1", True),
        ("http://192.168.1.5:8080/x", True),
        ("http://[fd00::1]/x", True),
        ("http://[2002:808:808::1]/", False),
        ("http://[2001:0:808:808::1]/", False),
        ("http://[::ffff:8.8.8.8]/", False),
        ("http://0.0.0.0/", False),
        ("http://203.0.113.5/", False),
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
        (500, NotTaken),
        (503, NotTaken),
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
    monkeypatch.setattr(asking, "TIMEOUT", 0.1)
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
    assert last["references"] == ",".join(
        first[name] for name in ("sender", "identifier", "sent")
    )
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
    assert "webhook_in_trouble" in issues(told.hass)
    await until_entry(
        told, "incident", event="not_signalled", detail="webhook in_trouble"
    )
    # That it is there is no news while it takes nothing.
    await told.emergency.webhook.look()
    assert "webhook_in_trouble" in issues(told.hass)
    assert told.hass.states.get(HOOK_STATE).state == "on"
    server.status = 204
    await until(lambda: server.told == ["Alert"])
    await until(lambda: "webhook_in_trouble" not in issues(told.hass))
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
    await decide(ready, webhook=server.settings(before=(before["incident"],)))
    await act(ready.hass, "close_incident", {"incident": before["incident"]})
    await act(ready.hass, "raise_incident", {"kind": "fire"})
    await until(lambda: server.told == ["Alert"])
    server.status = 500
    await act(ready.hass, "raise_incident", {"kind": "gas"})
    await until(lambda: len(server.ids) >= 2)
    await decide(ready, webhook=None)
    await until_entry(
        ready, "incident", event="not_signalled", detail="webhook removed"
    )
    assert ready.emergency.incidents.signals.outboxes[Way.WEBHOOK].waiting == ()
    assert server.told == ["Alert"]


async def test_another_server_hears_nothing_of_what_this_one_was_to_hear(
    told: Home, server: Server
) -> None:
    """Neither what waits, nor the end."""
    server.status = 500
    raised = await act(told.hass, "raise_incident", {"kind": "fire"})
    await until(lambda: server.ids)
    async with serving(Server()) as other:
        await decide(told, webhook=other.settings(before=(raised["incident"],)))
        await act(told.hass, "close_incident", {"incident": raised["incident"]})
        await act(told.hass, "raise_incident", {"kind": "medical"})
        await until(lambda: other.told == ["Alert"])
        assert len(other.ids) == 1
        await decide(told, webhook=None)


async def test_an_end_is_told_where_the_begin_was(
    told: Home, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it was asked for again, and that waits behind another."""
    monkeypatch.setattr(incidents, "AGAIN", 0.0)
    monkeypatch.setattr(incidents, "ALARM_AGAIN", 0.0)
    raised = await act(told.hass, "raise_incident", {"kind": "medical"})
    await until(lambda: server.told == ["Alert"])
    box = told.emergency.incidents.signals.outboxes[Way.WEBHOOK]
    box.stop()
    await act(told.hass, "raise_incident", {"kind": "medical"})
    await act(told.hass, "close_incident", {"incident": raised["incident"]})
    assert [one.what for one in box.waiting] == [What.RESTORE]
    box.use(told.emergency.webhook.channel)
    await until(lambda: server.told == ["Alert", "Update"])
    assert server.got[-1]["info"][0]["urgency"] == "Past"


async def test_what_was_never_told_has_no_end(
    hass: HomeAssistant,
    entry: HomeEntry,
    told: Home,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was too old after a restart, and nobody was sent for it."""
    await decide(told, window=60)
    raised = await act(hass, "raise_incident", {"kind": "medical"})
    monkeypatch.setattr(models, "TOO_OLD", timedelta(0))
    home = await reload(hass, entry)
    assert home.emergency.incidents.get(raised["incident"]).confirmed
    await act(hass, "close_incident", {"incident": raised["incident"]})
    await until_entry(home, "incident", event="closed")
    assert home.emergency.incidents.signals.waiting == []
    assert server.told == []


async def test_raised_while_the_house_starts(told: Home, server: Server) -> None:
    """Before the way is there: it waits for it, and is not given up."""
    signals = told.emergency.incidents.signals
    for box in signals.outboxes.values():
        box.stop()
    await act(told.hass, "raise_incident", {"kind": "fire"})
    assert len(signals.waiting) == 2
    await signals.use(Way.WEBHOOK, told.emergency.webhook.channel)
    await signals.use(Way.CENTRE, told.emergency.centre.channel)
    await until(lambda: server.told == ["Alert"])
    await until(lambda: signals.waiting == [])


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
