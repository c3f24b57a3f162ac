"""An agency follows an incident: by the owner's word for just that, and until it is over."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
import re
from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from sqlalchemy import select, update

from custom_components.smartlock_le.emergency.channels.channel import ChannelError
from custom_components.smartlock_le.emergency.models import Kind, Source, Stage
from custom_components.smartlock_le.emergency.pin import hash_pin
from custom_components.smartlock_le.emergency.settings import SilentSettings
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.log import KINDS, LogUnavailable
from custom_components.smartlock_le.models import HOME_ACTOR, Actor, ActorKind, utc_now
from custom_components.smartlock_le.opening import home_folder
from custom_components.smartlock_le.requests.models import Agency, AgencyType
from custom_components.smartlock_le.requests.rules import Limits
from custom_components.smartlock_le.sharing import (
    feed_gate,
    feed_models,
    feed_teller,
    feeds,
)
from custom_components.smartlock_le.sharing.feed_models import Preview, Step
from custom_components.smartlock_le.sharing.models import ReleaseError
from custom_components.smartlock_le.sharing.report import report
from custom_components.smartlock_le.sharing.tables import feeds as table
from tests.conftest import log_of, until, until_entry
from tests.requests.test_agencies import verified
from tests.requests.test_agency_facts import SAID as AGENCY
from tests.support import fail_writes, unwritable

from .conftest import decide
from .hook import Server, serving
from .test_incidents import disarm

OWNER = Actor(ActorKind.OWNER, "0ea1f00d", "Olive Okonkwo")
RESIDENT = Actor(ActorKind.OWNER, "5ec0d000", "Rasmus Resident")
PLACE = "12 Elm Street <rear> & garden"
_ENVELOPE = re.compile(
    r"<(identifier|sent|msgType|references)>[^<]*</\1>|<references ?/>"
)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again soon."""
    monkeypatch.setattr(feed_teller, "RETRY", 0.2)
    monkeypatch.setattr(feed_teller, "RETRY_MAX", 0.4)


@pytest.fixture
async def police(ready: Home, desk: Server) -> Agency:
    """Have an agency that was called back, with a server; and sharing on."""
    await decide(ready, window=60, pause=60)
    await ready.set_sharing(True, OWNER)
    agency = await verified(ready, await ready.agencies.add(AGENCY, OWNER))
    await ready.following.set_server(agency, desk.url, desk.secret, OWNER)
    assert [one["status"] for one in desk.got] == ["Test"]
    assert "Elm" not in str(desk.got)
    return agency


async def raised(home: Home, kind: Kind = Kind.FIRE) -> str:
    """Raise distress; return its id."""
    return (await home.emergency.raise_(kind, Source.BUTTON, OWNER)).id


async def looked(home: Home, police: Agency, kind: Kind = Kind.FIRE) -> Preview:
    """Raise distress, and look at what would go."""
    incident = await raised(home, kind)
    return await home.following.feeds.preview(incident, police.id, PLACE, OWNER)


async def approved(home: Home, seen: Preview) -> None:
    """Let it go."""
    await home.following.feeds.approve(seen.feed.id, seen.feed.preview, OWNER)


async def followed(home: Home, police: Agency, desk: Server, kind: Kind) -> Preview:
    """Have an agency follow an incident, which has the first message."""
    seen = await looked(home, police, kind)
    await approved(home, seen)
    await until_entry(home, "feed", event="delivered", step="alarm")
    assert desk.told == ["Alert"]
    return seen


async def told(home: Home) -> list[tuple[str, str]]:
    """Return what was entered of feeds: what happened, at which step."""
    return [(one["event"], one["step"]) for one in await log_of(home, "feed")]


async def writes_again(home: Home) -> None:
    """Let the log take all that it kept."""
    await fail_writes(home, fail=False)
    fields = {"setting": "test", "value": "", **OWNER.fields()}
    await home.log.append("setting", fields)


async def ended(home: Home) -> dict[str, Any]:
    """Wait until nothing is told any more; return the last entry."""
    async with asyncio.timeout(20):
        while home.following.feeds.open or await home.log.read(select(table)):
            await asyncio.sleep(0.02)
    return (await log_of(home, "feed"))[-1]


async def test_from_begin_to_end(ready: Home, police: Agency, desk: Server) -> None:
    """Just what was looked at goes, each step once, and the entry is there before it."""
    bodies: list[str] = []

    async def listen(body: bytes) -> None:
        bodies.append(body.decode())
        assert (await told(ready))[-1][0] == "sending"

    seen = await looked(ready, police, Kind.MEDICAL)
    incident = seen.feed.incident
    await asyncio.sleep(0.3)
    assert desk.told == []
    desk.before = listen
    await approved(ready, seen)
    await until_entry(ready, "feed", event="delivered", step="alarm")
    incidents = ready.emergency.incidents
    await incidents.confirm(incident, OWNER)
    await until_entry(ready, "feed", event="delivered", step="received")
    await incidents.come(incident, Stage.ACKNOWLEDGED, OWNER)
    await until_entry(ready, "feed", event="delivered", step="coming")
    await incidents.come(incident, Stage.ON_SCENE, OWNER)
    await until_entry(ready, "feed", event="delivered", step="there")
    await incidents.close(incident, OWNER)
    assert (await ended(ready))["event"] == "over"
    steps = ["alarm", "received", "coming", "there", "closed"]
    assert desk.told == ["Alert", *4 * ["Update"]]
    assert [one for one in await told(ready) if one[0] != "previewed"] == [
        ("approved", ""),
        *((event, step) for step in steps for event in ("sending", "delivered")),
        ("over", "closed"),
    ]
    # Byte for byte, but for the envelope.
    for step, body in zip(steps, bodies, strict=True):
        shown = seen.messages[Step(step)].decode()
        assert _ENVELOPE.sub("", body) == _ENVELOPE.sub("", shown)
        assert len(_ENVELOPE.findall(body)) == (3 if step == "alarm" else 4)
    alert = desk.got[1]
    assert alert["info"][0]["area"][0]["areaDesc"] == PLACE
    assert alert["info"][0]["event"] == "Medical help needed"
    assert alert["sender"] == seen.feed.id
    # Each refers to all that was before.
    ids = [one["identifier"] for one in desk.got[1:]]
    for number, one in enumerate(desk.got[2:], 1):
        assert [ref.split(",")[1] for ref in one["references"].split()] == ids[:number]
    for entry in await log_of(ready, "feed"):
        assert "Elm" not in str(entry) and "Okonkwo" not in str(entry)
        assert entry["preview"] == seen.feed.preview
    counted = await report(
        ready.log, utc_now() - timedelta(hours=1), utc_now(), public=False
    )
    assert (counted.feeds, counted.unapproved) == (1, 0)


async def test_taken_back(ready: Home, police: Agency, desk: Server) -> None:
    seen = await followed(ready, police, desk, Kind.FIRE)
    await ready.emergency.incidents.cancel(seen.feed.incident, OWNER, pin=False)
    await ended(ready)
    assert desk.told == ["Alert", "Cancel"]


async def test_nothing_goes_without_approval(
    ready: Home, police: Agency, desk: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by another hash, not late, not after the end, not twice."""
    seen = await looked(ready, police)
    approve = ready.following.feeds.approve
    with pytest.raises(ReleaseError, match="release_other"):
        await approve(seen.feed.id, "0" * 64, OWNER)
    with pytest.raises(ReleaseError, match="feed_gone"):
        await approve("a1234567", seen.feed.preview, OWNER)
    with monkeypatch.context() as patch:
        patch.setattr(feeds, "utc_now", lambda: utc_now() + timedelta(minutes=16))
        with pytest.raises(ReleaseError, match="release_old"):
            await approve(seen.feed.id, seen.feed.preview, OWNER)
    # What was looked at last is what counts.
    first = await ready.following.feeds.preview(
        seen.feed.incident, police.id, PLACE, OWNER
    )
    second = await ready.following.feeds.preview(
        seen.feed.incident, police.id, "Elsewhere", OWNER
    )
    assert first.feed.preview != second.feed.preview
    with pytest.raises(ReleaseError, match="feed_gone"):
        await approve(first.feed.id, first.feed.preview, OWNER)
    await ready.emergency.incidents.close(seen.feed.incident, OWNER)
    with pytest.raises(ReleaseError, match="incident_not_found"):
        await approve(second.feed.id, second.feed.preview, OWNER)
    with pytest.raises(ReleaseError, match="incident_not_found"):
        await looking(ready, police, seen.feed.incident)
    assert desk.told == [] and not ready.following.feeds.open
    third = await looked(ready, police)
    await approved(ready, third)
    with pytest.raises(ReleaseError, match="feed_gone"):
        await approved(ready, third)
    with pytest.raises(ReleaseError, match="feed_runs"):
        await looking(ready, police, third.feed.incident)


async def looking(home: Home, police: Agency, incident: str) -> Preview:
    """Look at what would go of an incident."""
    return await home.following.feeds.preview(incident, police.id, PLACE, OWNER)


@pytest.mark.parametrize("place", ["", "x" * 201, "12 Elm Street\n```"])
async def test_where_it_is(ready: Home, police: Agency, place: str) -> None:
    incident = await raised(ready)
    with pytest.raises(ReleaseError, match="webhook_area") as caught:
        await ready.following.feeds.preview(incident, police.id, place, OWNER)
    assert caught.value.field == "place"


async def test_who_may_hear(ready: Home, police: Agency, desk: Server) -> None:
    """Called back, as it was then, of a kind that is answered, with a server."""
    incident = await raised(ready)
    other = await ready.agencies.add({**AGENCY, "national_id": "IL0840300"}, OWNER)
    with pytest.raises(ReleaseError, match="feed_not_verified"):
        await looking(ready, other, incident)
    with pytest.raises(ReleaseError, match="feed_not_verified"):
        await ready.following.set_server(other, desk.url, desk.secret, OWNER)
    other = await verified(ready, other)
    with pytest.raises(ReleaseError, match="feed_no_server"):
        await looking(ready, other, incident)
    nobody = replace(other, id="a0000000")
    with pytest.raises(ReleaseError, match="agency_not_found"):
        await looking(ready, nobody, incident)
    assert [one.id for one in await ready.following.hearers()] == [police.id]
    limits = Limits(agency_types=frozenset({AgencyType.LOCAL}))
    await ready.set_request_rules(limits, "", OWNER, second=False)
    with pytest.raises(ReleaseError, match="feed_not_answered"):
        await looking(ready, police, incident)
    assert await ready.following.hearers() == []
    await ready.set_request_rules(Limits(), "", OWNER, second=False)
    # Changed and called back anew, it has to say anew where its server is.
    changed = await ready.agencies.change(
        police, {**AGENCY, "email_domain": "else.example"}, OWNER
    )
    with pytest.raises(ReleaseError, match="feed_not_verified"):
        await looking(ready, police, incident)
    await verified(ready, changed)
    with pytest.raises(ReleaseError, match="feed_no_server"):
        await looking(ready, police, incident)
    await ready.set_sharing(False, OWNER)
    with pytest.raises(ReleaseError, match="release_sharing_off"):
        await looking(ready, police, incident)
    with pytest.raises(ReleaseError, match="release_sharing_off"):
        await ready.following.set_server(police, desk.url, desk.secret, OWNER)
    assert desk.told == []


async def test_a_server_that_does_not_take_the_test(
    ready: Home, police: Agency, desk: Server
) -> None:
    """Nothing is changed then."""
    before = dict(ready.following.servers)
    desk.status = 500
    with pytest.raises(ChannelError, match="in_trouble"):
        await ready.following.set_server(police, desk.url, desk.secret, OWNER)
    assert dict(ready.following.servers) == before
    said = [one["value"].partition(" ")[2] for one in await settings_of(ready)]
    assert said == ["test", "on", "test", "in_trouble"]
    # As it was when it was looked at, and no other.
    said_now = {**AGENCY, "jurisdiction": "Shelbyville"}
    await verified(ready, await ready.agencies.change(police, said_now, OWNER))
    with pytest.raises(ReleaseError, match="feed_changed"):
        await ready.following.set_server(police, desk.url, desk.secret, OWNER)
    assert len(desk.asked) == 2


async def settings_of(home: Home) -> list[dict[str, Any]]:
    """Return what was entered of the servers of agencies."""
    entries = await log_of(home, "setting")
    return [one for one in entries if one["setting"] == "agency_server"]


async def test_sharing_off_ends_all(
    ready: Home, police: Agency, desk: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once: not even the end is told, nor after it is on again."""
    seen = await followed(ready, police, desk, Kind.FIRE)
    waits = await ready.following.feeds.preview(
        await raised(ready, Kind.MEDICAL), police.id, PLACE, OWNER
    )
    desk.slow = 1
    await ready.emergency.incidents.come(seen.feed.incident, Stage.ON_SCENE, OWNER)
    await until_entry(ready, "feed", event="sending", step="there")
    await until(lambda: len(desk.asked) == 3)
    async with asyncio.timeout(1):
        await ready.set_sharing(False, OWNER)
    last = await ended(ready)
    why = "release_sharing_off interrupted"
    assert (last["event"], last["detail"]) == ("ended", why)
    desk.slow = 0
    await ready.set_sharing(True, OWNER)
    with pytest.raises(ReleaseError, match="feed_gone"):
        await approved(ready, waits)
    await ready.emergency.incidents.close(seen.feed.incident, OWNER)
    await asyncio.sleep(2)
    # What was out is out.
    assert desk.told == ["Alert", "Update"]


async def test_the_owner_stops_it(ready: Home, police: Agency, desk: Server) -> None:
    seen = await followed(ready, police, desk, Kind.FIRE)
    await ready.following.feeds.halt(seen.feed.id, OWNER)
    assert (await ended(ready))["event"] == "stopped"
    with pytest.raises(ReleaseError, match="feed_gone"):
        await ready.following.feeds.halt(seen.feed.id, OWNER)
    await ready.emergency.incidents.close(seen.feed.incident, OWNER)
    await asyncio.sleep(0.5)
    assert desk.told == ["Alert"]


@pytest.mark.parametrize("how", ["facts", "server", "removed", "off", "rules", "late"])
async def test_what_is_not_as_it_was_looked_at(
    ready: Home,
    police: Agency,
    desk: Server,
    how: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing more goes: somebody has to look again."""
    seen = await followed(ready, police, desk, Kind.FIRE)
    why = {"facts": "feed_not_verified", "server": "feed_changed"}
    why |= {"removed": "agency_not_found", "off": "", "rules": "feed_not_answered"}
    async with serving(Server()) as other:
        match how:
            case "facts":
                said = {**AGENCY, "jurisdiction": "Shelbyville"}
                await ready.agencies.change(police, said, OWNER)
            case "server":
                following = ready.following
                await following.set_server(police, other.url, other.secret, OWNER)
            case "removed":
                await ready.agencies.remove(police.id, OWNER)
            case "off":
                await ready.following.remove_server(police, OWNER)
            case "rules":
                limits = Limits(agency_types=frozenset({AgencyType.LOCAL}))
                await ready.set_request_rules(limits, "", OWNER, second=False)
            case "late":
                monkeypatch.setattr(
                    feed_teller, "utc_now", lambda: utc_now() + timedelta(hours=13)
                )
        come = ready.emergency.incidents.come
        await come(seen.feed.incident, Stage.ACKNOWLEDGED, OWNER)
        last = await ended(ready)
        assert last["detail"] == why.get(how, "release_old")
        assert other.told == []
    assert desk.told == ["Alert"]


async def test_a_server_in_trouble(ready: Home, police: Agency, desk: Server) -> None:
    """It is tried again, the same message; what is new comes in its place."""
    desk.status = 503
    seen = await looked(ready, police)
    await approved(ready, seen)
    await until(lambda: len(desk.ids) > 3)
    assert len(set(desk.ids)) == 2
    await ready.emergency.incidents.come(seen.feed.incident, Stage.ACKNOWLEDGED, OWNER)
    await until(lambda: len(set(desk.ids)) == 3)
    (running, trouble) = ready.following.feeds.open[seen.feed.id]
    assert not running.taken and trouble == "in_trouble"
    desk.status = 204
    await until_entry(ready, "feed", event="delivered", step="coming")
    # It may have taken the first: this is said to come after it.
    assert desk.told == ["Update"]
    said = await told(ready)
    assert said.count(("not_delivered", "alarm")) == 1
    assert said.count(("not_delivered", "coming")) == 1


async def test_who_never_heard_of_it_hears_no_end(
    ready: Home, police: Agency, desk: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing goes as long as the log takes nothing."""
    seen = await looked(ready, police)
    during(monkeypatch, "approved", lambda: fail_writes(ready))
    await approved(ready, seen)
    feed_id = seen.feed.id
    await until(lambda: ready.following.feeds.open[feed_id][1] == "log")
    await ready.emergency.incidents.close(seen.feed.incident, OWNER)
    await until(lambda: not ready.following.feeds.open)
    await writes_again(ready)
    assert (await ended(ready))["event"] == "over"
    assert desk.told == []


async def test_an_end_that_nobody_takes(
    ready: Home, police: Agency, desk: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried for an hour, and the log says so."""
    seen = await followed(ready, police, desk, Kind.FIRE)
    desk.status = 503
    monkeypatch.setattr(feed_teller, "GIVE_UP", 1)
    await ready.emergency.incidents.close(seen.feed.incident, OWNER)
    last = await ended(ready)
    assert (last["event"], last["detail"]) == ("over", "in_trouble")


async def test_without_the_log_nothing_goes(
    ready: Home, police: Agency, desk: Server
) -> None:
    seen = await looked(ready, police)
    await fail_writes(ready)
    with pytest.raises(LogUnavailable):
        await approved(ready, seen)
    with pytest.raises(LogUnavailable):
        await looking(ready, police, seen.feed.incident)
    assert not ready.following.feeds.open
    await fail_writes(ready, fail=False)
    await approved(ready, seen)
    await until_entry(ready, "feed", event="delivered")
    await fail_writes(ready)
    await ready.emergency.incidents.come(seen.feed.incident, Stage.ON_SCENE, OWNER)
    await asyncio.sleep(1)
    assert desk.told == ["Alert"]
    assert ready.following.feeds.open[seen.feed.id][1] == "log"
    await fail_writes(ready, fail=False)
    await until(lambda: desk.told == ["Alert", "Update"])


async def test_a_second_person(ready: Home, police: Agency, desk: Server) -> None:
    """Where the owner wants one, nothing goes before."""
    await ready.set_request_rules(Limits(), "", OWNER, second=True)
    seen = await looked(ready, police)
    await approved(ready, seen)
    assert not ready.following.feeds.open
    (waiting,) = ready.following.feeds.waiting
    for who in (OWNER, HOME_ACTOR):
        with pytest.raises(ReleaseError, match="release_same_person"):
            await ready.following.feeds.approve(
                waiting.feed.id, waiting.feed.preview, who
            )
    assert desk.told == []
    await ready.following.feeds.approve(waiting.feed.id, waiting.feed.preview, RESIDENT)
    await until(lambda: desk.told == ["Alert"])
    assert [one[0] for one in await told(ready)][:3] == [
        "previewed",
        "approved",
        "seconded",
    ]
    counted = await report(
        ready.log, utc_now() - timedelta(hours=1), utc_now(), public=False
    )
    assert (counted.feeds, counted.unapproved) == (1, 0)


async def test_who_is_forced_to_end_it(
    hass: HomeAssistant, ready: Home, police: Agency, desk: Server
) -> None:
    """It is not called off: nobody there would hear that help is needed more than ever."""
    pin = await hass.async_add_executor_job(hash_pin, "8642")
    await decide(ready, silent=SilentSettings(contacts=("x",), pin=pin))
    await followed(ready, police, desk, Kind.POLICE)
    await disarm(hass, "8642")
    await ended(ready)
    await asyncio.sleep(0.5)
    assert desk.told == ["Alert"]


async def test_a_silent_alarm_is_none_of_it(ready: Home, police: Agency) -> None:
    """Nor a drill: there is nothing to choose."""
    await decide(ready, silent=SilentSettings(contacts=("anna",)))
    await ready.emergency.silent.incidents.raise_(Kind.SILENT, Source.VOICE, OWNER)
    (silent,) = ready.emergency.silent.incidents.open
    with pytest.raises(ReleaseError, match="incident_not_found"):
        await looking(ready, police, silent.id)
    assert ready.emergency.incidents.open() == []


# Restarts


async def test_a_restart(
    hass: HomeAssistant, ready: Home, entry: HomeEntry, police: Agency, desk: Server
) -> None:
    """It goes on; what was on its way comes again with the same id."""
    seen = await followed(ready, police, desk, Kind.FIRE)
    desk.status = 503
    await ready.emergency.incidents.come(seen.feed.incident, Stage.ACKNOWLEDGED, OWNER)
    await until(lambda: len(set(desk.ids)) == 3)
    assert await hass.config_entries.async_reload(entry.entry_id)
    home = entry.runtime_data
    desk.status = 204
    await until(lambda: desk.told == ["Alert", "Update"])
    assert len(set(desk.ids)) == 3
    await home.emergency.incidents.close(seen.feed.incident, OWNER)
    assert (await ended(home))["event"] == "over"
    assert desk.told == ["Alert", "Update", "Update"]
    assert await hass.config_entries.async_reload(entry.entry_id)
    assert not entry.runtime_data.following.feeds.open


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("off", "release_sharing_off"),
        ("off_and_on", "release_sharing_off"),
        ("stopped", "stopped"),
        ("restored", "restored"),
        ("home", "other_home"),
        ("incident", ""),
        ("file", "feed_no_server"),
    ],
)
async def test_what_happened_while_the_house_was_down(
    hass: HomeAssistant,
    ready: Home,
    entry: HomeEntry,
    police: Agency,
    desk: Server,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
    why: str,
) -> None:
    """What ends it ends it, whatever was lost with the power."""
    seen = await followed(ready, police, desk, Kind.FIRE)
    with monkeypatch.context() as patch:
        # The power goes before the feed hears of it.
        match how:
            case "off" | "off_and_on":
                ready.following.feeds.stop()
                patch.setattr(ready.following.feeds, "_running", {})
                await ready.set_sharing(False, OWNER)
            case "stopped":
                await fail_writes(ready)
                await ready.following.feeds.halt(seen.feed.id, OWNER)
                ready.log._writer._backlog.clear()
                await fail_writes(ready, fail=False)
            case "restored":
                names = KINDS["restored"].fields
                said: Any = {name: kind() for name, kind in names.items()}
                await ready.log.append("restored", said)
            case "home":
                feed = replace(seen.feed, home="another")
                row = update(table).values(feed.as_row())
                fields = feed.entry("delivered", HOME_ACTOR)
                await ready.log.append("feed", fields, also=lambda _: [row])
            case "incident":
                ready.following.feeds.stop()
                await ready.emergency.incidents.close(seen.feed.incident, OWNER)
            case "file":
                ready.following.feeds.stop()
                path = home_folder(hass) / "keys" / "feeds.json"
                path.write_text("rubbish")
    if how == "off_and_on":
        await ready.log.append(
            "setting", {"setting": "sharing", "value": "on", **OWNER.fields()}
        )
        await ready.set_sharing(True, OWNER)
    assert await hass.config_entries.async_reload(entry.entry_id)
    home = entry.runtime_data
    if how == "file":
        # Where it is told is not known any more.
        come = home.emergency.incidents.come
        await come(seen.feed.incident, Stage.ON_SCENE, OWNER)
    last = await ended(home)
    assert (last["event"], last["detail"]) == ("ended" if why else "over", why)
    if home.emergency.incidents.open():
        await home.emergency.incidents.close(seen.feed.incident, OWNER)
    await asyncio.sleep(0.5)
    assert desk.told == ["Alert"]


async def test_one_that_cannot_be_read(
    hass: HomeAssistant, ready: Home, entry: HomeEntry, police: Agency, desk: Server
) -> None:
    """It holds up neither the house nor the others."""
    await followed(ready, police, desk, Kind.FIRE)
    for number, said in enumerate(("rubbish", '{"id": "x"}', "[]")):
        row = table.insert().values(id=f"x{number}", said=said)
        setting = {"setting": "test", "value": "", **OWNER.fields()}
        await ready.log.append("setting", setting, also=lambda _, row=row: [row])
    assert await hass.config_entries.async_reload(entry.entry_id)
    assert len(entry.runtime_data.following.feeds.open) == 1


async def test_a_home_that_is_removed(
    hass: HomeAssistant, ready: Home, entry: HomeEntry, police: Agency
) -> None:
    """It leaves neither address nor secret."""
    path = ready.following._file._path
    assert path.exists()
    await hass.config_entries.async_remove(entry.entry_id)
    assert not path.exists()


# While something is waited for


def during(
    monkeypatch: pytest.MonkeyPatch, event: str, happens: Callable[[], Awaitable[Any]]
) -> None:
    """Let something happen while an entry is written."""
    enter = feed_gate.Gate.enter

    async def slow(self: Any, feed: Any, what: str, *rest: Any) -> None:
        await enter(self, feed, what, *rest)
        if what == event:
            monkeypatch.setattr(feed_gate.Gate, "enter", enter)
            await happens()

    monkeypatch.setattr(feed_gate.Gate, "enter", slow)


async def test_it_ends_before_it_went(
    ready: Home, police: Agency, desk: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No alarm goes after the end."""
    seen = await looked(ready, police)
    incidents = ready.emergency.incidents
    during(monkeypatch, "sending", lambda: incidents.close(seen.feed.incident, OWNER))
    await approved(ready, seen)
    await ended(ready)
    assert desk.told == []
    assert (await told(ready))[-2:] == [("not_delivered", "alarm"), ("over", "")]


async def test_it_changes_before_it_went(
    ready: Home, police: Agency, desk: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = await looked(ready, police)
    said = {**AGENCY, "jurisdiction": "Shelbyville"}
    change = ready.agencies.change
    during(monkeypatch, "sending", lambda: change(police, said, OWNER))
    await approved(ready, seen)
    assert (await ended(ready))["detail"] == "feed_not_verified"
    assert desk.told == []


async def test_off_and_on_while_it_is_approved(
    ready: Home, police: Agency, desk: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was approved before is not, after it."""

    async def off_and_on() -> None:
        await ready.set_sharing(False, OWNER)
        await ready.set_sharing(True, OWNER)

    seen = await looked(ready, police)
    during(monkeypatch, "approved", off_and_on)
    with pytest.raises(ReleaseError, match="release_sharing_off"):
        await approved(ready, seen)
    await ended(ready)
    assert desk.told == []


async def test_whoever_switches_off_goes_away(
    ready: Home, police: Agency, desk: Server
) -> None:
    """A closed tab leaves nothing half done."""
    await followed(ready, police, desk, Kind.FIRE)
    await fail_writes(ready)
    task = asyncio.create_task(ready.set_sharing(False, OWNER))
    await asyncio.sleep(0.05)
    task.cancel()
    await until(lambda: not ready.following.feeds.open)
    await writes_again(ready)
    assert (await ended(ready))["detail"] == "release_sharing_off"


async def test_one_that_does_not_end_keeps_no_other(
    ready: Home, police: Agency, desk: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is the matter with the releases, the feeds end with sharing."""

    async def fails(_: Any) -> None:
        raise KeyError

    await followed(ready, police, desk, Kind.FIRE)
    monkeypatch.setattr(ready.releases, "withdraw_voluntary", fails)
    with pytest.raises(KeyError):
        await ready.set_sharing(False, OWNER)
    assert (await ended(ready))["detail"] == "release_sharing_off"


async def test_the_home_ends_while_it_is_approved(
    hass: HomeAssistant,
    ready: Home,
    entry: HomeEntry,
    police: Agency,
    desk: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The next start takes it up."""
    seen = await looked(ready, police)

    async def ends() -> None:
        ready.following.stop()

    during(monkeypatch, "approved", ends)
    await approved(ready, seen)
    assert desk.told == [] and not ready.following.feeds.open
    assert await hass.config_entries.async_reload(entry.entry_id)
    await until(lambda: desk.told == ["Alert"])


async def test_stopped_while_it_is_read(
    ready: Home, police: Agency, desk: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not come back; and until all is known none begins."""
    seen = await followed(ready, police, desk, Kind.FIRE)
    following = ready.following.feeds

    async def since(_: Any) -> str:
        await following.halt(seen.feed.id, OWNER)
        return ""

    monkeypatch.setattr(following, "_since", since)
    await following.load()
    assert not following.open
    following._loaded = False
    with pytest.raises(LogUnavailable):
        await looking(ready, police, seen.feed.incident)


async def test_what_nobody_foresaw(
    ready: Home,
    police: Agency,
    desk: Server,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It ends, and says so, and not what it was about."""
    seen = await followed(ready, police, desk, Kind.FIRE)

    async def get(_: str) -> Agency:
        raise KeyError("12 Elm Street")

    monkeypatch.setattr(ready.agencies, "get", get)
    await ready.emergency.incidents.come(seen.feed.incident, Stage.ON_SCENE, OWNER)
    assert (await ended(ready))["detail"] == "failed"
    assert "A feed ended: KeyError" in caplog.text and "Elm" not in caplog.text


async def test_a_stop_that_nothing_keeps(
    ready: Home, police: Agency, desk: Server
) -> None:
    """It is told nothing more, and the owner hears that a restart forgets it."""
    seen = await followed(ready, police, desk, Kind.FIRE)
    await fail_writes(ready)
    with (
        unwritable(ready.following._file._path.parent),
        pytest.raises(ReleaseError, match="feed_stop_not_kept"),
    ):
        await ready.following.feeds.halt(seen.feed.id, OWNER)
    assert not ready.following.feeds.open
    await fail_writes(ready, fail=False)


async def test_who_is_forced_and_what_else_is_open(
    hass: HomeAssistant,
    ready: Home,
    police: Agency,
    desk: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever forces them may end the other one by voice meanwhile: nor is that called off."""
    pin = await hass.async_add_executor_job(hash_pin, "8642")
    await decide(ready, silent=SilentSettings(contacts=("x",), pin=pin))
    await raised(ready, Kind.POLICE)
    fire = (await followed(ready, police, desk, Kind.FIRE)).feed.incident
    incidents = ready.emergency.incidents
    cancel = incidents.cancel

    async def slow(*said: Any, **more: Any) -> None:
        monkeypatch.setattr(incidents, "cancel", cancel)
        await cancel(fire, HOME_ACTOR, pin=False)
        await cancel(*said, **more)

    monkeypatch.setattr(incidents, "cancel", slow)
    await disarm(hass, "8642")
    await ended(ready)
    assert desk.told == ["Alert"] and incidents.open() == []


async def test_the_report(home: Home) -> None:
    """Counted when something went first; what nobody approved is counted as that."""
    begin = utc_now() - timedelta(hours=3)
    feed = feed_models.Feed(
        incident="a",
        cause="fire",
        raised=begin,
        home="h",
        agency="b",
        agency_type="local",
        to="d",
        place="c",
        end=1,
    )
    seen, rogue, half = (replace(feed, id=name) for name in ("f1", "f2", "f3"))
    for one, event, hours, detail in (
        (seen, "approved", -1, ""),
        (seen, "sending", 1, ""),
        (seen, "delivered", 1.1, ""),
        (rogue, "sending", 1.2, ""),
        (half, "approved", 1.3, "first"),
        (half, "sending", 1.4, ""),
        (seen, "sending", 2.5, ""),
    ):
        await home.log.append(
            "feed",
            one.entry(event, OWNER, detail),
            time=begin + timedelta(hours=hours),
        )
    counts = []
    for since, until_ in ((-2, 0), (0, 2), (2, 3)):
        counted = await report(
            home.log,
            begin + timedelta(hours=since),
            begin + timedelta(hours=until_),
            public=False,
        )
        counts.append((counted.feeds, counted.unapproved))
    assert counts == [(0, 0), (3, 2), (0, 0)]


def test_life() -> None:
    """By a clock that went back nobody knows how old something is."""
    feed = feed_models.Feed(
        incident="a",
        cause="fire",
        raised=utc_now(),
        home="h",
        agency="b",
        agency_type="local",
        to="d",
        place="c",
        end=1,
    )
    assert feed.is_current(feed.made, feed_models.LIFE)
    assert not feed.is_current(feed.made - timedelta(1), feed_models.LIFE)
    assert not feed.is_current(feed.made + feed_models.LIFE, feed_models.LIFE)
    assert "12 Elm" not in repr(replace(feed, place="12 Elm Street"))
