"""An agency follows an incident, for who clicks."""

from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.smartlock_le.emergency.models import Kind, Source
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.log import LogUnavailable
from custom_components.smartlock_le.requests.rules import Limits
from tests.conftest import log_of, until
from tests.emergency.conftest import (
    anna,
    decide,
    desk,
    ready,
    receiver,
    service,
    telephones,
)
from tests.emergency.hook import Server
from tests.requests.test_agencies import verified
from tests.requests.test_agency_facts import SAID as AGENCY
from tests.sharing.conftest import OWNER
from tests.support import fail_writes, unwritable

from .test_options import choose, go, options, step_of

__all__ = ["anna", "desk", "ready", "receiver", "service", "telephones"]


@pytest.fixture(autouse=True)
async def called(ready: Home) -> None:
    """Have an agency that was called back, and sharing on."""
    await decide(ready, window=60, pause=60)
    await ready.set_sharing(True, OWNER)
    await verified(ready, await ready.agencies.add(AGENCY, OWNER))


async def agency_step(hass: HomeAssistant, entry: HomeEntry, item: str) -> Any:
    """Look up the agency, and choose what to do."""
    flow = (await choose(hass, entry, "agencies"))["flow_id"]
    await go(hass, flow, next_step_id="find_agency")
    result = await go(hass, flow, search="springfield")
    found = options(result, "agency")[0]["value"]
    await go(hass, flow, agency=found)
    return await go(hass, flow, next_step_id=item)


async def served(hass: HomeAssistant, entry: HomeEntry, desk: Server) -> None:
    """Enter its server."""
    result = await agency_step(hass, entry, "agency_server")
    result = await go(
        hass, result["flow_id"], url=desk.url, secret=desk.secret, told=True
    )
    assert result["reason"] == "agency_server_saved"


async def raised(home: Home, kind: Kind = Kind.FIRE) -> str:
    """Raise distress; return its id."""
    return (await home.emergency.raise_(kind, Source.BUTTON, OWNER)).id


async def test_its_server(
    hass: HomeAssistant, entry: HomeEntry, ready: Home, desk: Server
) -> None:
    """An address that they told themselves, which takes a test."""
    result = await agency_step(hass, entry, "agency_server")
    proposed = {
        str(key): (key.description or {}).get("suggested_value")
        for key in result["data_schema"].schema
    }
    assert proposed["secret"].startswith("whsec_")
    assert "217 555 0100" in result["description_placeholders"]["number"]
    flow, good = result["flow_id"], {"url": desk.url, "secret": desk.secret}
    for said, errors in (
        ({"url": "http://police.example/x"}, {"url": "webhook_url"}),
        ({"url": "https://x.example/" + "x" * 500}, {"url": "webhook_url"}),
        ({"secret": "short"}, {"secret": "webhook_secret"}),
        ({"told": False}, {"told": "feed_not_told"}),
    ):
        result = await go(hass, flow, **{**good, "told": True, **said})
        assert result["errors"] == errors
    assert desk.asked == []
    desk.status = 500
    result = await go(hass, flow, **good, told=True)
    assert result["errors"] == {"base": "webhook_in_trouble"}
    desk.status = 204
    with unwritable(ready.following._file._path.parent):
        result = await go(hass, flow, **good, told=True)
        assert result["errors"] == {"base": "not_saved"}
    await fail_writes(ready)
    result = await go(hass, flow, **good, told=True)
    assert result["errors"] == {"base": "log_unavailable"}
    await fail_writes(ready, fail=False)
    await ready.set_sharing(False, OWNER)
    result = await go(hass, flow, **good, told=True)
    assert result["errors"] == {"base": "release_sharing_off"}
    assert not ready.following.servers
    await ready.set_sharing(True, OWNER)
    assert (await go(hass, flow, **good, told=True))["reason"] == "agency_server_saved"
    # Once more: the secret is not shown, and stays where none is entered.
    result = await agency_step(hass, entry, "agency_server")
    assert desk.secret not in str(result["data_schema"].schema)
    result = await go(hass, result["flow_id"], url=desk.url, told=True)
    assert result["reason"] == "agency_server_saved"
    said = [one["value"] for one in await log_of(ready, "setting")]
    assert not any(desk.url in one or desk.secret in one for one in said)
    result = await agency_step(hass, entry, "agency_server_off")
    assert (await go(hass, result["flow_id"]))["reason"] == "agency_server_is_off"
    assert not ready.following.servers


async def test_it_follows_an_incident(
    hass: HomeAssistant, entry: HomeEntry, ready: Home, desk: Server
) -> None:
    """Chosen, looked at, approved; seen in the menu; stopped by one tap."""
    result = await hass.config_entries.options.async_init(entry.entry_id)
    assert "feeds" not in result["menu_options"]
    await served(hass, entry, desk)
    await raised(ready)
    result = await step_of(hass, entry, "feeds", "start_feed")
    flow = result["flow_id"]
    said = {
        "incident": options(result, "incident")[0]["value"],
        "agency": options(result, "agency")[0]["value"],
    }
    assert options(result, "incident")[0]["label"].startswith("Fire")
    result = await go(hass, flow, **said, place=" ")
    assert result["errors"] == {"place": "webhook_area"}
    result = await go(hass, flow, **said, place="12 Elm Street")
    shown = result["description_placeholders"]
    assert shown["agency"] == "Springfield Police Department"
    lines = shown["message"].splitlines()
    assert "- areaDesc: 12 Elm Street" in lines and "- event: Fire" in lines
    assert "- status: Actual" in lines and "- headline: Somebody" in shown["message"]
    # That is none of theirs.
    assert "127" in shown["server"] and "domain" in shown["elsewhere"]
    assert "on the way" in shown["later"] and len(shown["hash"]) == 64
    result = await go(hass, flow, looked=False)
    assert result["errors"] == {"looked": "release_not_looked"}
    assert desk.told == []
    assert (await go(hass, flow, looked=True))["reason"] == "feed_on"
    await until(lambda: desk.told == ["Alert"])
    (feed, _) = next(iter(ready.following.feeds.open.values()))
    await until(lambda: ready.following.feeds.open[feed.id][0].taken)
    menu = await choose(hass, entry, "feeds")
    state = menu["description_placeholders"]["state"]
    assert "Springfield" in state and "They have this" in state
    result = await go(hass, menu["flow_id"], next_step_id="stop_feed")
    assert result["reason"] == "feed_is_over"
    menu = await choose(hass, entry, "feeds")
    assert menu["description_placeholders"]["state"] == "No agency is told anything."


async def test_one_of_two_is_stopped(
    hass: HomeAssistant, entry: HomeEntry, ready: Home, desk: Server
) -> None:
    await served(hass, entry, desk)
    (agency,) = await ready.following.hearers()
    feeds = ready.following.feeds
    for kind in (Kind.FIRE, Kind.MEDICAL):
        seen = await feeds.preview(await raised(ready, kind), agency.id, "Here", OWNER)
        await feeds.approve(seen.feed.id, seen.feed.preview, OWNER)
    result = await step_of(hass, entry, "feeds", "stop_feed")
    first = options(result, "feed")[0]["value"]
    result = await go(hass, result["flow_id"], feed=first)
    assert result["reason"] == "feed_is_over"
    await until(lambda: first not in feeds.open)
    assert len(feeds.open) == 1


async def test_stopped_whatever_the_log_does(
    hass: HomeAssistant,
    entry: HomeEntry,
    ready: Home,
    desk: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The way to the stop needs nothing; a form that is old stops no other one."""
    await served(hass, entry, desk)
    (agency,) = await ready.following.hearers()
    feeds = ready.following.feeds
    ids = []
    for kind in (Kind.FIRE, Kind.MEDICAL):
        seen = await feeds.preview(await raised(ready, kind), agency.id, "Here", OWNER)
        ids.append((await feeds.approve(seen.feed.id, seen.feed.preview, OWNER)).id)

    async def read(_: Any) -> Any:
        raise LogUnavailable("test")

    monkeypatch.setattr(ready.log, "read", read)
    result = await step_of(hass, entry, "feeds", "stop_feed")
    labels = [one["label"].rpartition(": ") for one in options(result, "feed")]
    assert [kind for _, _, kind in labels] == ["Fire", "Medical help needed"]
    assert {name for name, _, _ in labels} == {agency.facts.name}
    await feeds.halt(ids[0], OWNER)
    result = await go(hass, result["flow_id"], feed=ids[0])
    assert result["reason"] == "feed_is_over"
    assert [*feeds.open] == [ids[1]]


async def test_a_removed_agency_leaves_no_secret(
    hass: HomeAssistant, entry: HomeEntry, ready: Home, desk: Server
) -> None:
    await served(hass, entry, desk)
    result = await agency_step(hass, entry, "remove_agency")
    flow = result["flow_id"]
    with unwritable(ready.following._file._path.parent):
        assert (await go(hass, flow))["errors"] == {"base": "not_saved"}
    assert (await go(hass, flow))["reason"] == "agency_removed"
    assert desk.secret not in ready.following._file._path.read_text()


async def test_what_is_missing_is_said(
    hass: HomeAssistant, entry: HomeEntry, ready: Home, desk: Server
) -> None:
    incident = await raised(ready)
    result = await step_of(hass, entry, "feeds", "start_feed")
    assert result["reason"] == "feed_no_agency"
    await served(hass, entry, desk)
    menu = await choose(hass, entry, "feeds")
    await ready.emergency.incidents.close(incident, OWNER)
    result = await go(hass, menu["flow_id"], next_step_id="start_feed")
    assert result["reason"] == "feed_no_incident"
    await raised(ready)
    await ready.set_sharing(False, OWNER)
    result = await step_of(hass, entry, "feeds", "start_feed")
    assert result["reason"] == "feed_sharing_off"


async def test_two_persons(
    hass: HomeAssistant, entry: HomeEntry, ready: Home, desk: Server
) -> None:
    """The second one sees what the first one saw."""
    await served(hass, entry, desk)
    await ready.set_request_rules(Limits(), "", OWNER, second=True)
    await raised(ready)
    (agency,) = await ready.following.hearers()
    incident = ready.emergency.incidents.open()[0].id
    feeds = ready.following.feeds
    seen = await feeds.preview(incident, agency.id, "Here", OWNER)
    await feeds.approve(seen.feed.id, seen.feed.preview, OWNER)
    result = await step_of(hass, entry, "feeds", "second_feed")
    flow = result["flow_id"]
    result = await go(hass, flow, feed=seen.feed.id)
    assert result["description_placeholders"]["hash"] == seen.feed.preview
    # Whoever clicks here is nobody that is known.
    result = await go(hass, flow, looked=True)
    assert result["errors"] == {"base": "release_same_person"}
    assert desk.told == []
    # Sharing went off meanwhile: nothing waits any more.
    menu = await choose(hass, entry, "feeds")
    await ready.set_sharing(False, OWNER)
    result = await go(hass, menu["flow_id"], next_step_id="second_feed")
    assert result["reason"] == "feed_is_over"


async def test_it_is_over_as_soon_as_it_is_approved(
    hass: HomeAssistant,
    entry: HomeEntry,
    ready: Home,
    desk: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Then it is not said that somebody else must approve it."""
    await served(hass, entry, desk)
    await raised(ready)
    result = await step_of(hass, entry, "feeds", "start_feed")
    flow, feeds = result["flow_id"], ready.following.feeds
    said = {key: options(result, key)[0]["value"] for key in ("incident", "agency")}
    await go(hass, flow, **said, place="12 Elm Street")
    approve = feeds.approve

    async def approved(*said: Any) -> Any:
        feed = await approve(*said)
        await feeds.halt(feed.id, OWNER)
        return feed

    monkeypatch.setattr(feeds, "approve", approved)
    assert (await go(hass, flow, looked=True))["reason"] == "feed_is_over"
