"""Links in a real home: doors, codes, cameras, restarts, and bad days."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

from homeassistant.components import persistent_notification
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest

from custom_components.smartlock_le import loading
from custom_components.smartlock_le.access.models import (
    GrantError,
    GrantMethod,
    GrantRequest,
)
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.log import LogUnavailable
from custom_components.smartlock_le.models import HOME_ACTOR, utc_now
from custom_components.smartlock_le.opening import home_folder
from custom_components.smartlock_le.responders.ledger import Ledger
from custom_components.smartlock_le.responders.models import Event, LinkRequest
from tests.cameras.conftest import add_camera, porch
from tests.conftest import log_of, until, until_entry
from tests.emergency.conftest import anna, telephones
from tests.emergency.telephone import Telephone
from tests.support import act, fail_writes, idle, issues, unwritable
from virtual_home.camera import DoorCamera, Trouble
from virtual_home.faults import Direction
from virtual_home.nuki import NukiLock

from .conftest import LINK, SHEET, MakePage, Page

__all__ = ["anna", "porch", "telephones"]


async def opened(made: Page) -> str:
    """Say the code; return what the first door is called."""
    return str((await made.confirmed())["doors"][0]["id"])


async def events(home: Home, kind: str = "link") -> list[str]:
    """Return what became of links, in order."""
    return [str(entry["event"]) for entry in await log_of(home, kind)]


async def withdraw(hass: HomeAssistant, made: Page) -> None:
    """Withdraw a link as an owner does."""
    await hass.services.async_call(
        "smartlock_le", "withdraw_responder_link", {"link": made.id}, blocking=True
    )


# The door


async def test_a_press_is_entered_before_the_door_moves(
    home: Home, nuki: NukiLock, page: MakePage
) -> None:
    """And who pressed is in the entry of the door."""
    made = await page()
    door = await opened(made)
    answer = await made.ask("press", door=door)
    assert answer.status == 200
    assert (await answer.json())["doors"][0]["bolt"] in ("open", "unlocked", "opening")
    order = [
        f"{entry['kind']} {entry.get('event', '')}".strip()
        for entry in await log_of(home)
    ]
    assert order.index("link pressed") < order.index("command")
    grant = (await log_of(home, "grant"))[-1]
    assert (grant["event"], grant["method"], grant["agency"]) == (
        *("used", "page"),
        "Engine 7",
    )
    access = await until_entry(home, "access", grant=door)
    assert access["actor_name"] == "Engine 7"
    assert home.grants.open_grants()[0].uses == 1


async def test_a_code_for_the_keypad(
    home: Home, nuki: NukiLock, page: MakePage
) -> None:
    """It opens, and comes off the lock when the link is over."""
    made = await page()
    door = await opened(made)
    answer = await made.ask("code", door=door)
    code = (await answer.json())["code"]
    assert nuki.device.press(int(code)).opened
    await home.responders.links.withdraw(made.id, HOME_ACTOR)
    await until(lambda: len(nuki.device.codes) == 0)
    assert home.grants.open_grants() == []
    assert "code_shown" in await events(home)


async def test_two_press_at_once(home: Home, page: MakePage) -> None:
    """The second press is the first one's."""
    made = await page()
    door = await opened(made)
    answers = await asyncio.gather(*(made.says("press", door=door) for _ in range(3)))
    assert sorted(answers) == [(200, ""), (409, "busy"), (409, "busy")]


async def test_why_a_door_stays_as_it_is(
    home: Home, nuki: NukiLock, page: MakePage
) -> None:
    """Jammed, away, or no longer theirs: each is said, and each is entered."""
    made = await page()
    door = await opened(made)
    nuki.device.bolt.jammed = True
    assert await made.says("press", door=door) == (409, "refused")
    await nuki.set_in_range(False)
    assert await made.says("press", door=door) == (409, "unreachable")
    assert await made.says("code", door=door) == (409, "unreachable")
    await nuki.set_in_range(True)
    nuki.device.bolt.jammed = False
    (lock,) = home.roster.locks.values()
    await until(lambda: lock.driver.available and not lock._reading.locked())
    await idle(nuki)
    for number in range(2, 40):
        nuki.faults.lose(Direction.FROM_LOCK, number)
    assert await made.says("press", door=door) == (409, "unknown")
    nuki.faults.clear()
    await home.grants.revoke(door, HOME_ACTOR)
    assert await made.says("press", door=door) == (409, "over")
    assert await made.says("press", door="abcdef00") == (409, "over")
    assert (await events(home)).count("pressed") == 4


async def test_the_lock_leaves_the_home(
    hass: HomeAssistant, home: Home, entry: HomeEntry, page: MakePage
) -> None:
    """Then there is no such door."""
    made = await page()
    door = await opened(made)
    [subentry] = entry.subentries
    hass.config_entries.async_remove_subentry(entry, subentry)
    await until(lambda: not home.roster.locks)
    assert (await made.look())["doors"] == []
    status, _ = await made.says("press", door=door)
    assert status == 409


# What it ends with


async def test_withdrawn_at_once(
    hass: HomeAssistant, home: Home, page: MakePage
) -> None:
    """Before the lock has answered that its codes are gone."""
    made = await page()
    await opened(made)
    await withdraw(hass, made)
    assert await made.says("look") == (404, "")
    assert home.grants.open_grants() == []
    assert (await events(home))[-1] == "withdrawn"
    with pytest.raises(ServiceValidationError) as caught:
        await withdraw(hass, made)
    assert caught.value.translation_key == "link_not_found"
    with pytest.raises(ServiceValidationError):
        await act(hass, "new_responder_code", {"link": made.id})


async def test_withdrawn_while_the_lock_takes_a_code(
    home: Home, nuki: NukiLock, page: MakePage
) -> None:
    """Nobody is shown it, and it does not stay."""
    made = await page()
    door = await opened(made)
    asking = asyncio.create_task(made.says("code", door=door))
    await until(lambda: len(home.grants.open_grants()) == 2)
    await home.responders.links.withdraw(made.id, HOME_ACTOR)
    assert await asking == (409, "over")
    await until(lambda: home.grants.open_grants() == [])
    await until(lambda: len(nuki.device.codes) == 0)
    assert "code_shown" not in await events(home)


async def test_its_time_is_over(home: Home, page: MakePage) -> None:
    """By the timer, or by the clock, whichever comes first."""
    made, other = await page(minutes=1), await page(minutes=30)
    links = home.responders.links
    link = links.find(made.token)
    assert link
    assert link.end - utc_now() <= timedelta(minutes=1)
    link.end = utc_now()
    assert await made.says("look") == (404, "")
    await links.due()
    assert (await events(home))[-1] == "expired"
    assert [one.id for one in links.open()] == [other.id]


async def test_it_ends_with_the_incident(
    hass: HomeAssistant, home: Home, page: MakePage
) -> None:
    """One that was made before goes on; so does one while another is still open."""
    before = await page()
    first = await act(hass, "raise_incident", {"kind": "medical"})
    during = await page()
    second = await act(hass, "raise_incident", {"kind": "fire"})
    listed = (await act(hass, "list_responder_links"))["links"]
    assert [one["incident"] for one in listed] == ["", first["incident"]]
    await act(hass, "close_incident", {"incident": first["incident"]})
    await during.look()
    await act(hass, "close_incident", {"incident": second["incident"]})
    await until(lambda: len(home.responders.links.open()) == 1)
    assert await during.says("look") == (404, "")
    await before.look()
    assert "incident_over" in await events(home)


# Cameras


async def test_pictures_only_while_something_is_open(
    hass: HomeAssistant,
    home: Home,
    entry: HomeEntry,
    porch: DoorCamera,
    page: MakePage,
) -> None:
    """Of the cameras that were ticked, and none that is private; each is entered."""
    await add_camera(hass, entry, doors=[])
    await hass.async_block_till_done()
    [camera] = home.cameras.cameras.values()
    name = camera.settings.id
    quiet = await page()
    assert (await quiet.confirmed())["cameras"] == {}
    await act(hass, "raise_incident", {"kind": "medical"})
    made = await page()
    assert (await made.confirmed())["cameras"] == {}
    assert await made.says("picture", camera=name) == (409, "no_picture")
    await home.responders.write(replace(SHEET, cameras=(name,)), HOME_ACTOR)
    assert (await made.look())["cameras"] == {name: camera.settings.name}
    answer = await made.ask("picture", camera=name)
    assert answer.status == 200
    assert answer.content_type == "image/jpeg"
    assert answer.headers["Cache-Control"] == "no-store"
    assert (await answer.read()).startswith(b"\xff\xd8")
    pictured = await until_entry(home, "link", event="pictured")
    assert pictured["camera"] == name
    porch.trouble = Trouble.BROKEN
    assert await made.says("picture", camera=name) == (409, "no_picture")
    # Made before it: not even now.
    assert await quiet.says("picture", camera=name) == (409, "no_picture")
    await home.cameras.set_private(camera, True, HOME_ACTOR)
    assert (await made.look())["cameras"] == {}
    assert await made.says("picture", camera=name) == (409, "no_picture")


# Who may make one, and where


@pytest.mark.parametrize("url", [None, "http://home.example.org"])
async def test_no_link_without_a_safe_address_from_outside(
    hass: HomeAssistant, home: Home, url: str | None
) -> None:
    """It would not work, or could be read on the way."""
    await hass.config.async_update(
        external_url=url, internal_url="https://192.168.1.2:8123"
    )
    with pytest.raises(ServiceValidationError) as caught:
        await act(hass, "make_responder_link", LINK)
    assert caught.value.translation_key == "no_outside_address"
    assert home.grants.open_grants() == []


async def test_a_door_that_cannot_be_had(
    hass: HomeAssistant, home: Home, outside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then there is no link, and no grant for the other door."""
    find = home.responders._grants._find_lock

    def once(lock: str) -> Any:
        return find(lock) if not home.grants.open_grants() else None

    monkeypatch.setattr(home.responders._grants, "_find_lock", once)
    ref = next(iter(home.roster.locks.values())).ref.id
    with pytest.raises(GrantError, match="lock_not_found"):
        await home.responders.links.make(
            LinkRequest(agency="A", reason="B", locks=(ref, "other")), HOME_ACTOR
        )
    assert home.grants.open_grants() == []
    assert home.responders.links.open() == []


async def test_no_code_where_none_is_asked_for(
    hass: HomeAssistant, home: Home, nuki: NukiLock, page: MakePage
) -> None:
    """Until the owner asks for one after all: then nobody is in without it."""
    made = await page(asks_code=False)
    assert made.code == ""
    told = await made.look()
    assert (await made.ask("press", door=told["doors"][0]["id"])).status == 200
    made.code = (await act(hass, "new_responder_code", {"link": made.id}))["code"]
    assert (await made.look())["asks"] is True
    assert (await made.confirmed())["people"]


# Restarts


async def reload(hass: HomeAssistant, entry: HomeEntry) -> Home:
    """Start the home anew."""
    await hass.config_entries.async_reload(entry.entry_id)
    home: Home = entry.runtime_data
    await until(lambda: all(one.available for one in home.roster.locks.values()))
    return home


async def test_it_goes_on_after_a_restart(
    hass: HomeAssistant,
    home: Home,
    entry: HomeEntry,
    nuki: NukiLock,
    page: MakePage,
) -> None:
    """Who said the code need not say it again; the code itself is good no more."""
    made, other = await page(), await page()
    door = await opened(made)
    await other.look()
    home = await reload(hass, entry)
    assert (await made.look())["asks"] is False
    assert (await made.ask("press", door=door)).status == 200
    assert await other.says("confirm", code=other.code) == (409, "over")
    assert home.responders.sheet == SHEET


async def test_over_while_we_were_off(
    hass: HomeAssistant,
    home: Home,
    entry: HomeEntry,
    page: MakePage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is over at the start, and entered."""
    made = await page()
    link = home.responders.links.find(made.token)
    assert link
    link.end = utc_now()
    await home.responders.links._ledger.enter(link, Event.VIEWED, HOME_ACTOR)
    home = await reload(hass, entry)
    assert home.responders.links.open() == []
    assert (await events(home))[-1] == "expired"


async def test_killed_before_anybody_was_told_the_link(
    hass: HomeAssistant, home: Home, entry: HomeEntry, nuki: NukiLock
) -> None:
    """Its grant is of no use to anybody, and ends."""
    await home.grants.open(
        GrantRequest(
            lock=nuki.address,
            agency="A",
            incident="-",
            reason="B",
            method=GrantMethod.PAGE,
        ),
        HOME_ACTOR,
    )
    home = await reload(hass, entry)
    assert home.grants.open_grants() == []


# Bad days


async def test_the_disk_is_full(home: Home, nuki: NukiLock, page: MakePage) -> None:
    """Life first: it opens, and is entered when there is room."""
    made = await page()
    await fail_writes(home)
    door = await opened(made)
    answer = await made.ask("press", door=door)
    assert answer.status == 200
    assert nuki.device.bolt.state.name != "LOCKED"
    with pytest.raises(LogUnavailable):
        await home.responders.write(SHEET, HOME_ACTOR)
    await fail_writes(home, fail=False)
    await home.log.append("contact", {"event": "x", **HOME_ACTOR.fields()})
    assert [*await events(home)] == ["made", "viewed", "confirmed", "pressed"]


async def test_the_sheet_cannot_be_written_or_read(
    hass: HomeAssistant, home: Home, entry: HomeEntry, page: MakePage
) -> None:
    """What was there stays; a file of somebody else is put aside, not lost."""
    await page()
    path = home_folder(hass) / "keys" / "responders.json"
    with unwritable(path.parent), pytest.raises(HomeAssistantError):
        await home.responders.write(replace(SHEET, address="x"), HOME_ACTOR)
    assert home.responders.sheet == SHEET
    path.write_text('{"version": 9}')
    home = await reload(hass, entry)
    assert "sheet_unreadable" in issues(hass)
    assert home.responders.sheet.address == ""
    await home.responders.write(SHEET, HOME_ACTOR)
    assert "sheet_unreadable" not in issues(hass)
    assert path.with_suffix(".unreadable").read_text() == '{"version": 9}'


async def test_a_link_of_another_version(
    hass: HomeAssistant, home: Home, entry: HomeEntry, page: MakePage
) -> None:
    """It is left out, and the others are there."""
    made, other = await page(), await page()
    link = home.responders.links.find(made.token)
    assert link
    link.passes = "not a list"
    await home.responders.links._ledger.enter(link, Event.VIEWED, HOME_ACTOR)
    await other.look()
    await reload(hass, entry)
    await other.look()


# What the owner hears


async def test_the_owner_is_told_of_each_look_and_press(
    hass: HomeAssistant,
    home: Home,
    nuki: NukiLock,
    anna: Telephone,
    page: MakePage,
) -> None:
    """On their telephone; what everybody in the house can see names nobody."""
    await home.responders.write(replace(SHEET, target=anna.target), HOME_ACTOR)
    shown: list[Any] = []

    @callback
    def notice(_: Any, notices: dict[str, Any]) -> None:
        shown.extend(notices.values())

    persistent_notification.async_register_callback(hass, notice)
    made = await page()
    # The fixture wrote a sheet of its own.
    await home.responders.write(replace(SHEET, target=anna.target), HOME_ACTOR)
    door = await opened(made)
    assert (await anna.told("Somebody opened the page"))["title"] == (
        "Responders' page: Engine 7"
    )
    await anna.told("said the right code")
    await made.ask("press", door=door)
    await anna.told("Front door was opened from the page")
    nuki.device.bolt.jammed = True
    await home.responders.links.withdraw(made.id, HOME_ACTOR)
    await anna.told("withdrew the link")
    await until(lambda: any("withdrew" in one["message"] for one in shown))
    assert "Engine" not in str(shown)


# What somebody tried


async def slow_log(home: Home, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Let entries of links wait; return what lets them go on."""
    go_on = asyncio.Event()
    enter = home.responders.links._ledger.enter

    async def slow(link: Any, event: Event, *more: Any, **fields: Any) -> bool:
        if event not in (Event.WITHDRAWN, Event.MADE):
            await go_on.wait()
        return await enter(link, event, *more, **fields)

    monkeypatch.setattr(home.responders.links._ledger, "enter", slow)
    return go_on


@pytest.mark.parametrize("do", ["press", "confirm", "code", "look"])
async def test_withdrawn_while_something_is_entered(
    home: Home,
    nuki: NukiLock,
    page: MakePage,
    monkeypatch: pytest.MonkeyPatch,
    do: str,
) -> None:
    """Nothing opens, and nothing is told any more."""
    made = await page(asks_code=do == "confirm")
    door = (await made.look())["doors"][0]["id"]
    if do == "look":
        made.visit = ""
    go_on = await slow_log(home, monkeypatch)
    asking = asyncio.create_task(made.ask(do, door=door, code=made.code))
    link = home.responders.links.find(made.token)
    assert link
    await until(lambda: link.busy or link.passes or link.codes or len(link.visits) == 2)
    if do == "code":
        await until(lambda: link.codes)
    await home.responders.links.withdraw(made.id, HOME_ACTOR)
    go_on.set()
    answer = await asking
    assert answer.status in (404, 409)
    assert "deaf" not in await answer.text()
    assert "code" not in await answer.text()
    assert nuki.device.bolt.state.name == "LOCKED"
    await until(lambda: home.grants.open_grants() == [])


async def test_who_hangs_up_hides_nothing(
    hass: HomeAssistant,
    home: Home,
    page: MakePage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The owner hears of a code that was right, also where nobody waits for the answer."""
    made = await page()
    await made.look()
    told: list[Event] = []
    monkeypatch.setattr(
        home.responders.links, "_tell", lambda link, event, where: told.append(event)
    )
    go_on = await slow_log(home, monkeypatch)
    asking = asyncio.create_task(made.ask("confirm", code=made.code))
    link = home.responders.links.find(made.token)
    assert link
    await until(lambda: link.passes)
    asking.cancel()
    await asyncio.sleep(0.1)
    go_on.set()
    await until(lambda: told == [Event.CONFIRMED])


async def test_a_code_in_the_making_does_not_hold_up_the_door(
    home: Home, nuki: NukiLock, page: MakePage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both go to the same lock; the door first."""
    made = await page(asks_code=False)
    door = (await made.look())["doors"][0]["id"]
    go_on = asyncio.Event()
    keypad_code = home.responders.keypad_code

    async def slow(*args: Any) -> tuple[str, str]:
        await go_on.wait()
        return await keypad_code(*args)

    monkeypatch.setattr(home.responders, "keypad_code", slow)
    asking = asyncio.create_task(made.says("code", door=door))
    await asyncio.sleep(0.1)
    assert await made.says("code", door=door) == (409, "busy")
    assert await made.says("press", door=door) == (200, "")
    go_on.set()
    assert await asking == (200, "")


async def test_codes_do_not_fill_the_lock(
    home: Home, nuki: NukiLock, page: MakePage
) -> None:
    """Three are enough for a crew."""
    made = await page(asks_code=False)
    door = (await made.look())["doors"][0]["id"]
    answers = [await made.says("code", door=door) for _ in range(4)]
    assert answers == [(200, "")] * 3 + [(409, "enough")]
    assert len(nuki.device.codes) == 3


async def test_stopped_before_its_codes_were_off_the_lock(
    hass: HomeAssistant,
    home: Home,
    entry: HomeEntry,
    nuki: NukiLock,
    page: MakePage,
) -> None:
    """They come off at the next start, not only when their own time is over."""
    made = await page(asks_code=False)
    door = (await made.look())["doors"][0]["id"]
    await made.ask("code", door=door)
    await made.ask("code", door=door)
    link = home.responders.links.find(made.token)
    assert link
    # As far as it came when the power went.
    link.over = True
    await home.responders.links._ledger.enter(link, Event.WITHDRAWN, HOME_ACTOR)
    home = await reload(hass, entry)
    await until(lambda: len(nuki.device.codes) == 0)
    await until(lambda: home.grants.open_grants() == [])


async def test_neither_log_nor_file_takes_that_it_is_over(
    hass: HomeAssistant,
    home: Home,
    page: MakePage,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is over all the same while we run, and that it may come back is said."""
    made = await page()
    await opened(made)
    await fail_writes(home)
    with unwritable(home_folder(hass) / "keys"):
        await home.responders.links.withdraw(made.id, HOME_ACTOR)
    assert "That a link is over was not kept" in caplog.text
    assert await made.says("look") == (404, "")
    assert home.grants.open_grants() == []
    await fail_writes(home, fail=False)


async def test_what_is_over_cannot_be_read(
    hass: HomeAssistant, home: Home, entry: HomeEntry, page: MakePage
) -> None:
    """The links that are good are good."""
    made = await page()
    (home_folder(hass) / "keys" / "links_over.json").write_text("{")
    await reload(hass, entry)
    await made.look()


async def test_withdrawn_while_the_disk_was_full_and_then_restarted(
    hass: HomeAssistant, home: Home, entry: HomeEntry, page: MakePage
) -> None:
    """It does not come back."""
    made = await page()
    await opened(made)
    await fail_writes(home)
    await home.responders.links.withdraw(made.id, HOME_ACTOR)
    # The log never hears of what it was to be told later.
    home.log._writer._backlog.clear()
    home = await reload(hass, entry)
    assert home.responders.links.open() == []
    assert await made.says("look") == (404, "")
    assert home.grants.open_grants() == []
    assert (await events(home))[-1] == "withdrawn"


async def test_the_links_cannot_be_read_at_first(
    hass: HomeAssistant,
    home: Home,
    entry: HomeEntry,
    page: MakePage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are read a little later, and their grants are there then."""
    made = await page()
    monkeypatch.setattr(loading, "AGAIN", 0.2)
    load, failed = Ledger.load, []

    async def once(self: Ledger) -> list[Any]:
        if not failed:
            failed.append(True)
            raise LogUnavailable("x")
        return await load(self)

    monkeypatch.setattr(Ledger, "load", once)
    home = await reload(hass, entry)
    await until(home.responders.links.open)
    door = await opened_without_code(home, made)
    assert (await made.ask("press", door=door)).status == 200


async def opened_without_code(home: Home, made: Page) -> str:
    """Have the code said that nobody knows after a restart."""
    made.code = await home.responders.links.new_code(made.id, HOME_ACTOR)
    return await opened(made)


async def test_incidents_that_are_not_known_yet_end_nothing(
    hass: HomeAssistant, home: Home, page: MakePage
) -> None:
    """There may be one."""
    raised = await act(hass, "raise_incident", {"kind": "medical"})
    await page()
    home.emergency._loading.done = False
    await act(hass, "close_incident", {"incident": raised["incident"]})
    await asyncio.sleep(0.2)
    assert len(home.responders.links.open()) == 1
    home.emergency._loading.done = True
    home.tell()
    await until(lambda: home.responders.links.open() == [])


async def test_a_clock_that_is_set_back_gives_no_time(
    home: Home, page: MakePage
) -> None:
    """Of two clocks the one that is ahead says that it is over."""
    made = await page(minutes=1)
    link = home.responders.links.find(made.token)
    assert link
    assert link.left <= 60
    link.end += timedelta(hours=2)
    assert link.left <= 60
    link.deadline -= 61
    assert await made.says("look") == (404, "")
    await home.responders.links.due()
    assert home.grants.open_grants() == []
