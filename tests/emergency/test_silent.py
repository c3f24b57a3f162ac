"""Silent alarms: those who are to know do, and nobody in the house sees that they do."""

import asyncio
from base64 import b64encode
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
import json
import logging
import re
from typing import Any

from homeassistant.components.alarm_control_panel import AlarmControlPanelState as Panel
from homeassistant.const import EVENT_LOGGING_CHANGED, MATCH_ALL
from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from nacl.public import PrivateKey
import pytest
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.smartlock_le.emergency import silent
from custom_components.smartlock_le.emergency.channels.app_push import AppPush
from custom_components.smartlock_le.emergency.channels.notify import Notice
from custom_components.smartlock_le.emergency.models import Kind, Source
from custom_components.smartlock_le.emergency.pin import hash_pin
from custom_components.smartlock_le.emergency.settings import SilentSettings
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.log import sealed
from custom_components.smartlock_le.models import (
    AccessEvent,
    AccessKind,
    Actor,
    ActorKind,
    Method,
    utc_now,
)
from custom_components.smartlock_le.opening import home_folder
from tests.conftest import LOCK, log_of, until, until_entry
from tests.flows.test_options import choose, state_of
from tests.support import act, fail_writes, unwritable
from virtual_home.nuki import NukiLock

from .conftest import centre_at, contact, decide
from .hook import Server, serving
from .receivers import Real, dead
from .telephone import Telephone
from .test_incidents import disarm, events, panel, press
from .test_voice import say

FORCED_PIN = "8642"
HASHED = hash_pin(FORCED_PIN)
KEY = PrivateKey.generate()
"""What the contacts keep."""
END = "They are safe: end it"
WORD = "did you water the ficus"


@pytest.fixture
async def quiet(
    hass: HomeAssistant, ready: Home, anna: Telephone, cara: Telephone, nuki: NukiLock
) -> Home:
    """Give a home in which Cara and the centre hear of silent alarms, and Anna of others."""
    await decide(
        ready,
        contacts=(contact(anna), contact(cara)),
        window=60,
        pause=60,
        silent=SilentSettings(
            contacts=("cara",),
            centre=True,
            pin=HASHED,
            phrases=True,
            word=WORD,
            seal=b64encode(bytes(KEY.public_key)).decode(),
        ),
    )
    return ready


async def guest(hass: HomeAssistant) -> tuple[str, int]:
    """Give somebody a second code, as the owner does; return its id, and its digits."""
    given = await act(hass, "add_guest", {"name": "Dora", "locks": [LOCK]})
    return given["guest"], int(given["pin"])


async def means_duress(home: Home, *codes: str, since: str = "") -> None:
    """Let these codes mean it."""
    now = home.emergency.settings.silent
    assert now
    since = since or utc_now().isoformat()
    await decide(home, silent=replace(now, codes=codes, since=since))


async def opened(home: Home, nuki: NukiLock, pin: int) -> dict[str, Any]:
    """Open the door by a code; return its entry."""
    before = len(await log_of(home, "access"))
    assert nuki.device.press(pin).opened

    async def entered() -> bool:
        found = await log_of(home, "access")
        return any(one["event"] == "unlocked" for one in found[before:])

    async with asyncio.timeout(20):
        while not await entered():
            await asyncio.sleep(0.02)
    return (await log_of(home, "access"))[-1]


async def over(home: Home) -> None:
    """Wait until nothing of it is left."""
    await until(lambda: not home.emergency.silent.incidents._all)


def kept(hass: HomeAssistant) -> Any:
    """Return what is kept of what is open."""
    path = home_folder(hass) / "keys" / "silent.json"
    return json.loads(path.read_text())["settings"]["open"]


async def test_a_code_that_means_duress(
    hass: HomeAssistant,
    quiet: Home,
    nuki: NukiLock,
    anna: Telephone,
    cara: Telephone,
    receiver: Real,
) -> None:
    """It opens; Cara and the centre know; nobody else, until Cara ends it. Then it is entered."""
    code, pin = await guest(hass)
    await means_duress(quiet, code)
    began = utc_now().replace(microsecond=0)
    access = await opened(quiet, nuki, pin)
    message = await cara.told("I am forced")
    assert "Silent alarm" in message["title"] and "Do not ring" in message["message"]
    assert message["data"]["priority"] == "high"
    # It would have the telephone say so, for all to see.
    assert "confirmation" not in message["data"]
    await until(lambda: receiver.codes == ["HA"])
    await hass.async_block_till_done()
    assert anna.heard == [] and panel(hass) == Panel.DISARMED
    assert await log_of(quiet, "incident") == []
    assert (await act(hass, "list_incidents"))["incidents"] == []
    assert sealed.unseal(access["sealed"], bytes(KEY)) == "duress"
    assert access["actor_name"] == "Dora"
    await cara.press(message, END)
    await cara.told("It is over")
    await over(quiet)
    assert receiver.codes == ["HA", "HH"]
    page = await quiet.log.entries(kinds=["incident"])
    told = [dict(entry.fields) for entry in page.entries]
    by_event: dict[str, list[dict[str, Any]]] = {}
    for one in told:
        by_event.setdefault(one["event"], []).append(one)
    assert sorted(by_event) == ["closed", "raised", "signalled", "told"]
    (raised,) = by_event["raised"]
    assert (raised["cause"], raised["source"], raised["level"]) == ("duress", "code", 4)
    assert (raised["actor_kind"], raised["actor_name"]) == ("guest", "Dora")
    # Which opening it was stands there, and when it was.
    number = int(raised["detail"].removeprefix("access "))
    (entry,) = (await quiet.log.entries(after=number - 1, limit=1)).entries
    assert entry.fields["event"] == "unlocked"
    assert began <= page.entries[0].time <= utc_now()
    assert page.entries[0].seq > number
    assert by_event["closed"][0]["actor_name"] == "Cara"
    assert [one["detail"] for one in by_event["signalled"]] == [
        "alarm receiver 1",
        "restore receiver 1",
    ]
    assert kept(hass) == []


async def test_any_other_code_means_nothing(
    hass: HomeAssistant, quiet: Home, nuki: NukiLock, cara: Telephone
) -> None:
    code, _ = await guest(hass)
    _, other = await guest(hass)
    await means_duress(quiet, code)
    access = await opened(quiet, nuki, other)
    assert len(access["sealed"]) == 192
    assert sealed.unseal(access["sealed"], bytes(KEY)) is None
    assert not quiet.emergency.silent.incidents.open
    # A door that moves, one that was opened long ago, or before it was decided.
    who = Actor(ActorKind.GUEST, code, "Dora")
    for kind, method, ago in (
        (AccessKind.UNLOCKED, Method.DOOR, 0),
        (AccessKind.LOCKED, Method.KEYPAD, 0),
        (AccessKind.UNLOCKED, Method.KEYPAD, 13),
        (AccessKind.UNLOCKED, Method.KEYPAD, 1),
    ):
        event = AccessEvent(
            lock=LOCK,
            event=kind,
            method=method,
            actor=who,
            time=utc_now() - timedelta(hours=ago),
        )
        quiet.emergency.silent.accessed(event)
        field = quiet.emergency.silent.sealed(event)
        assert sealed.unseal(field, bytes(KEY)) is None
    await hass.async_block_till_done()
    assert not quiet.emergency.silent.incidents.open and cara.heard == []


# Nobody sees a difference


@pytest.fixture
async def screens(hass: HomeAssistant) -> None:
    """Have what shows diagnostics, before anything is asked by HTTP."""
    assert await async_setup_component(hass, "diagnostics", {})


_VARIES = re.compile(
    r"[A-Za-z0-9+/]{100,}=*|[0-9A-HJKMNP-TV-Z]{26}|[0-9a-f]{8,}|[0-9a-f]*\d[0-9a-f]*"
)
_GROWS = "log_size"
"""A file grows by whole pages, now and then, whatever is in it."""


def plain(what: object) -> str:
    """Write it without what differs each time: times, numbers, ids, what is random."""
    return _VARIES.sub("#", str(what))


_LOGGERS = ("custom_components", "homeassistant")
_READ_AGAIN = re.compile(r"state_reported\[L\]: entity_id=\w+\.front_door")
"""How often the lock is read, and is as it was, is up to the radio."""


class Watcher:
    """All that somebody in the house can see, an admin with every screen open."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: HomeEntry,
        client: ClientSessionGenerator,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Watch the bus and the log lines from now on."""
        self._hass, self._entry, self._client = hass, entry, client
        self._caplog = caplog
        self._events: list[str] = []
        for logger in _LOGGERS:
            caplog.set_level(logging.DEBUG, logger)
        hass.bus.async_fire(EVENT_LOGGING_CHANGED)

        def fired(event: Event) -> None:
            if _GROWS not in (said := plain((event.event_type, event.data))):
                self._events.append(said)

        hass.bus.async_listen(MATCH_ALL, fired)

    def begin(self) -> None:
        """Forget what was seen."""
        self._events.clear()
        self._caplog.clear()

    async def seen(self, entries: int) -> dict[str, Any]:
        """Return what was seen since, and what can be looked at; after so many entries."""
        hass, home = self._hass, self._entry.runtime_data
        await hass.async_block_till_done()
        fired = sorted(self._events)
        lines = sorted(
            plain((record.name, record.levelname, record.getMessage()))
            for record in self._caplog.records
            if record.name.startswith(_LOGGERS)
            and _GROWS not in record.getMessage()
            and not _READ_AGAIN.search(record.getMessage())
        )
        told = [plain(one) for one in (await log_of(home))[entries:]]
        actions = {
            name: plain(await act(hass, name))
            for name in ("list_incidents", "list_codes", "list_grants")
        }
        diagnostics = await get_diagnostics_for_config_entry(
            hass, self._client, self._entry
        )
        return {
            "states": {
                one.entity_id: plain((one.state, dict(one.attributes)))
                for one in hass.states.async_all()
                if _GROWS not in one.entity_id
            },
            "events": fired,
            "lines": lines,
            "entries": told,
            "actions": actions,
            "diagnostics": plain(diagnostics),
            "repairs": sorted(map(str, ir.async_get(hass).issues)),
            "menu": await state_of(hass, self._entry, "emergency"),
            "screens": plain(
                (await choose(hass, self._entry, "codes"))["description_placeholders"]
            ),
        }


async def test_no_difference_to_an_ordinary_opening(
    hass: HomeAssistant,
    screens: None,
    quiet: Home,
    entry: HomeEntry,
    nuki: NukiLock,
    cara: Telephone,
    receiver: Real,
    hass_client: ClientSessionGenerator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No state, event, line, entry, answer or screen differs, while the others hear of it."""
    code, pin = await guest(hass)
    watcher = Watcher(hass, entry, hass_client, caplog)
    rounds = []
    # The first is there so that nothing is new in the other two.
    for duress in (False, False, True):
        await means_duress(quiet, *([code] if duress else []))
        await hass.async_block_till_done()
        entries = len(await log_of(quiet))
        watcher.begin()
        await opened(quiet, nuki, pin)
        # So long that whatever goes out is out.
        await asyncio.sleep(1)
        if duress:
            await cara.told("I am forced")
            await until(lambda: receiver.codes == ["HA"])
        rounds.append(await watcher.seen(entries))
        await act_lock(hass)
    _, ordinary, forced = rounds
    for what, found in ordinary.items():
        assert forced[what] == found, what
    assert ordinary["entries"] and ordinary["events"] and ordinary["lines"]


async def act_lock(hass: HomeAssistant) -> None:
    """Lock the door again."""
    (state,) = hass.states.async_all("lock")
    await hass.services.async_call(
        "lock", "lock", {"entity_id": state.entity_id}, blocking=True
    )
    await until(lambda: hass.states.get(state.entity_id).state == "locked")
    # The lock tells of it in its own log, too.
    await asyncio.sleep(1)
    await hass.async_block_till_done()


async def test_no_difference_to_an_ordinary_pin(
    hass: HomeAssistant,
    screens: None,
    quiet: Home,
    entry: HomeEntry,
    anna: Telephone,
    cara: Telephone,
    receiver: Real,
    hass_client: ClientSessionGenerator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It ends the alarm for all to see, and goes on."""
    await decide(
        quiet, contacts=(contact(anna), replace(contact(cara), target="notify.x"))
    )
    watcher = Watcher(hass, entry, hass_client, caplog)
    rounds = []
    for pin in ("4711", "4711", FORCED_PIN):
        entries = len(await log_of(quiet))
        if pin == FORCED_PIN:
            await decide(quiet, contacts=(contact(anna), contact(cara)))
            entries += 1
        await press(hass, "police")
        await until(lambda: panel(hass) == Panel.PENDING)
        watcher.begin()
        await disarm(hass, pin)
        assert panel(hass) == Panel.DISARMED
        await asyncio.sleep(2.5)
        rounds.append(await watcher.seen(entries))
        await asyncio.sleep(0.5)
    message = await cara.told("I am forced")
    await until(lambda: receiver.codes == ["HA"])
    _, ordinary, forced = rounds
    for what, found in ordinary.items():
        assert forced[what] == found, what
    await cara.press(message, END)
    closed = await until_entry(quiet, "incident", event="closed", cause="duress")
    assert closed["actor_name"] == "Cara"


# By voice


@pytest.mark.parametrize(
    "sentence",
    ["call the police quietly", "Stiller Alarm", WORD, "Did you water the ficus?"],
)
async def test_who_asks_for_quiet(
    hass: HomeAssistant,
    assist: None,
    quiet: Home,
    anna: Telephone,
    cara: Telephone,
    receiver: Real,
    caplog: pytest.LogCaptureFixture,
    sentence: str,
) -> None:
    """No answer, nothing that can be seen, and those who are to know do."""
    caplog.set_level(logging.DEBUG)
    await until(lambda: quiet.emergency.voice.listening)
    language = "de" if sentence.startswith("Stiller") else "en"
    assert await say(hass, sentence, language) == ""
    await cara.told("asked for help and for quiet")
    await until(lambda: receiver.codes == ["HA"])
    await hass.async_block_till_done()
    assert anna.heard == [] and panel(hass) == Panel.DISARMED
    assert await events(quiet) == []
    ours = [r.getMessage() for r in caplog.records if r.name.startswith("custom_comp")]
    assert "ficus" not in "".join(ours)
    # Others are as they were.
    assert (await say(hass, "call the police")).startswith("I have told Anna")


async def test_silence_without_the_rest(
    hass: HomeAssistant, assist: None, quiet: Home, cara: Telephone
) -> None:
    """Where nobody could end an alarm none is heard, and a silent one is."""
    await decide(quiet, pin="")
    await say(hass, "call the police")
    assert not quiet.emergency.incidents.open() and not quiet.emergency.voice.listening
    await say(hass, "call the police quietly")
    await cara.told("asked for help and for quiet")
    await decide(quiet, silent=None)
    await say(hass, "call the police quietly")
    await say(hass, WORD)
    await hass.async_block_till_done()
    assert len(cara.heard) == 1


# Bad days


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again sooner."""
    monkeypatch.setattr(silent, "RETRY", 0.05)


async def forced(home: Home) -> None:
    """Raise one."""
    await home.emergency.silent.incidents.raise_(
        Kind.DURESS, Source.PANEL, Actor(ActorKind.RESIDENT, "x", "Emma")
    )


async def test_all_ways_down_then_one_up(
    hass: HomeAssistant,
    quiet: Home,
    cara: Telephone,
    service: Any,
    receiver: Real,
    soon: None,
) -> None:
    """Each is tried again, by itself, and what is open says nothing of it."""
    await decide(quiet, centre=centre_at(dead().port))
    service.status = 500
    await forced(quiet)
    await until(lambda: service.asked > 2)
    service.status = 201
    message = await cara.told("I am forced")
    await decide(quiet, centre=centre_at(receiver.port))
    await cara.press(message, END)
    await over(quiet)
    told = await events(quiet)
    assert told.count("told") == 2 and told.count("not_told") == 1
    assert told.count("not_signalled") == 1


@pytest.mark.parametrize("times", [1, 50])
async def test_many_at_once_are_one(
    hass: HomeAssistant, quiet: Home, cara: Telephone, receiver: Real, times: int
) -> None:
    await asyncio.gather(*(forced(quiet) for _ in range(times)))
    await cara.told("I am forced")
    await until(lambda: receiver.codes == ["HA"])
    await hass.async_block_till_done()
    assert len(cara.heard) == 1 and len(quiet.emergency.silent.incidents.open) == 1


async def test_asked_again(
    hass: HomeAssistant,
    quiet: Home,
    cara: Telephone,
    receiver: Real,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Later it is told anew; the same button ends it."""
    monkeypatch.setattr(silent, "AGAIN", 0.0)
    await forced(quiet)
    await cara.told("I am forced")
    await forced(quiet)
    await until(lambda: len(cara.heard) == 2)
    await until(lambda: receiver.codes == ["HA", "HA"])
    await quiet.emergency.test()
    await until(lambda: len(cara.heard) == 3)
    assert len({str(one["data"]["actions"]) for one in cara.heard}) == 1
    await cara.press(cara.heard[0], END)
    await over(quiet)
    assert "joined" in await events(quiet)


async def test_only_the_button_ends_it(
    hass: HomeAssistant, quiet: Home, cara: Telephone, anna: Telephone
) -> None:
    await forced(quiet)
    message = await cara.told("I am forced")
    await cara.send("SMARTLOCK_LE_0123456789abcdef0123456789abcdef")
    await disarm(hass, "4711")
    await decide(quiet, silent=None)
    await hass.async_block_till_done()
    assert len(quiet.emergency.silent.incidents.open) == 1
    await cara.press(message, END)
    await over(quiet)
    # It is good once.
    before = await events(quiet)
    await cara.press(message, END)
    await hass.async_block_till_done()
    assert await events(quiet) == before


async def test_restart_at_each_point(
    hass: HomeAssistant,
    entry: HomeEntry,
    quiet: Home,
    cara: Telephone,
    service: Any,
    receiver: Real,
    soon: None,
) -> None:
    """Told before, after or not at all, ended or not: each hears once, all is entered once."""

    async def restart() -> Home:
        assert await hass.config_entries.async_reload(entry.entry_id)
        return entry.runtime_data

    service.status = 500
    await forced(quiet)
    await until(lambda: receiver.codes == ["HA"])
    await until(lambda: service.asked)
    await until(lambda: "signalled" in str(kept(hass)))
    home = await restart()
    service.status = 201
    message = await cara.told("I am forced")
    await until(lambda: "'told'" in str(kept(hass)))
    home = await restart()
    await hass.async_block_till_done()
    assert len(cara.heard) == 1 and receiver.codes == ["HA"]
    service.status = 500
    await cara.press(message, END)
    await until_entry(home, "incident", event="closed")
    await until(lambda: receiver.codes == ["HA", "HH"])
    await until(lambda: [one["steps"] for one in kept(hass)] == [[]])
    home = await restart()
    service.status = 201
    await cara.told("It is over")
    await over(home)
    told = await events(home)
    assert (told.count("raised"), told.count("closed")) == (1, 1)
    assert (told.count("told"), told.count("signalled")) == (2, 2)


async def test_a_way_that_breaks(
    hass: HomeAssistant,
    quiet: Home,
    cara: Telephone,
    soon: None,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever it raises, they are told at the next try, and no line tells of it."""
    sends = AppPush.send
    broken = [RuntimeError("of somebody else")]

    async def send(self: AppPush, message: Notice) -> str:
        if broken:
            raise broken.pop()
        return await sends(self, message)

    monkeypatch.setattr(AppPush, "send", send)
    caplog.clear()
    await forced(quiet)
    message = await cara.told("I am forced")
    assert "somebody else" not in caplog.text and "silent" not in caplog.text.lower()
    await cara.press(message, END)
    await over(quiet)
    details = [one["detail"] for one in await log_of(quiet, "incident")]
    assert details.count("not_sent") == 1


async def test_what_a_cut_leaves_behind(hass: HomeAssistant, quiet: Home) -> None:
    """Half a file of secrets is gone at the next start; a whole one is for us alone."""
    await forced(quiet)
    folder = home_folder(hass) / "keys"
    left = folder / ".silent.json.0a1b2c3d"
    left.write_text("half")
    assert (folder / "silent.json").stat().st_mode & 0o777 == 0o600
    assert await hass.config_entries.async_reload(quiet.entry.entry_id)
    assert not left.exists() and len(kept(hass)) == 1


@pytest.mark.parametrize("full", ["folder", "file"])
async def test_a_full_disk(
    hass: HomeAssistant,
    quiet: Home,
    cara: Telephone,
    receiver: Real,
    caplog: pytest.LogCaptureFixture,
    full: str,
) -> None:
    """They are told all the same, and no line says that something could not be kept."""
    folder = home_folder(hass) / "keys"
    with ExitStack() as stack:
        if full == "folder":
            stack.enter_context(unwritable(folder))
        else:
            (folder / "silent.json").mkdir()
        caplog.clear()
        await forced(quiet)
        message = await cara.told("I am forced")
        await until(lambda: receiver.codes == ["HA"])
        assert "silent" not in caplog.text.lower()
        # It is in memory alone: the home must not start anew now.
        assert quiet.emergency.busy
        await cara.press(message, END)
        await over(quiet)
    assert "raised" in await events(quiet) and not quiet.emergency.busy


async def test_an_end_while_the_log_is_away(
    hass: HomeAssistant,
    entry: HomeEntry,
    quiet: Home,
    cara: Telephone,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was held back is held until it is durable, also through a restart."""
    monkeypatch.setattr(silent, "LATER", 0.1)
    await forced(quiet)
    message = await cara.told("I am forced")
    await fail_writes(quiet)
    await cara.press(message, END)
    await cara.told("It is over")
    await until(lambda: "'closed'" in str(kept(hass)))
    assert kept(hass)[0]["steps"][0]["event"] == "raised"
    assert await hass.config_entries.async_reload(entry.entry_id)
    home = entry.runtime_data
    await over(home)
    told = await events(home)
    assert [told.count(event) for event in ("raised", "closed")] == [1, 1]


async def test_killed_while_it_was_told(
    hass: HomeAssistant, entry: HomeEntry, quiet: Home, cara: Telephone
) -> None:
    """As it is kept in any moment, the home starts, and tells who is left."""
    await forced(quiet)
    message = await cara.told("I am forced")
    await hass.async_block_till_done()
    await hass.config_entries.async_unload(entry.entry_id)
    path = home_folder(hass) / "keys" / "silent.json"
    data = json.loads(path.read_text())
    (one,) = data["settings"]["open"]
    one["waiting"] = {"cara": [], "anna": [], "centre": []}
    # One that a later version wrote is passed over.
    data["settings"]["open"].append({"id": "x", "kind": "flood"})
    path.write_text(json.dumps(data))
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert len(entry.runtime_data.emergency.silent.incidents.open) == 1
    await cara.press(message, END)
    await over(entry.runtime_data)


async def test_killed_before_it_was_raised(
    hass: HomeAssistant,
    entry: HomeEntry,
    quiet: Home,
    nuki: NukiLock,
    cara: Telephone,
    service: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An opening that was entered, and no more, is taken up at the start; once."""
    code, pin = await guest(hass)
    await opened(quiet, nuki, pin)
    before = (await quiet.log.entries(kinds=["access"])).entries[-1]
    await act_lock(hass)
    # A lock's clock knows seconds only: what it says of the next may be before now.
    since = before.time + timedelta(microseconds=1)
    await means_duress(quiet, code, since=since.isoformat())
    # The power goes here.
    monkeypatch.setattr(quiet.emergency.silent, "accessed", lambda _: None)
    await opened(quiet, nuki, pin)
    monkeypatch.undo()
    assert not quiet.emergency.silent.incidents.open
    for _ in range(2):
        assert await hass.config_entries.async_reload(entry.entry_id)
        message = await cara.told("I am forced")
        await hass.async_block_till_done()
        # The one of before it was decided means nothing.
        assert len(cara.heard) == 1
    home = entry.runtime_data
    await cara.press(message, END)
    await over(home)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert not entry.runtime_data.emergency.silent.incidents.open


async def test_settings_that_cannot_be_read(
    hass: HomeAssistant,
    entry: HomeEntry,
    quiet: Home,
    cara: Telephone,
    service: Any,
    soon: None,
) -> None:
    """Whom it is for is not known then; it is known again, and what waits has waited."""
    service.status = 500
    await forced(quiet)
    await until(lambda: service.asked)
    path = home_folder(hass) / "keys" / "emergency.json"
    right = path.read_text()
    path.write_text("rubbish")
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert "cara" in kept(hass)[0]["waiting"]
    path.write_text(right)
    service.status = 201
    assert await hass.config_entries.async_reload(entry.entry_id)
    await cara.told("I am forced")


async def test_a_message_that_is_wiped_away(
    hass: HomeAssistant, quiet: Home, cara: Telephone
) -> None:
    """All can see then what was in it: it ends nothing any more, and it comes again."""
    await forced(quiet)
    message = await cara.told("I am forced")
    assert message["data"]["persistent"] and message["data"]["ttl"] > 3600
    # As the app on Android does it: with all that it was sent.
    await cara.fire(
        "mobile_app_notification_cleared",
        message["data"] | {"action_1_key": message["data"]["actions"][0]["action"]},
    )
    await until(lambda: len(cara.heard) == 2)
    await cara.press(message, END)
    await hass.async_block_till_done()
    assert len(quiet.emergency.silent.incidents.open) == 1
    await cara.press(cara.heard[1], END)
    await over(quiet)


async def test_reminded(
    hass: HomeAssistant,
    quiet: Home,
    cara: Telephone,
    receiver: Real,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Once more after some minutes, and it says since when."""
    monkeypatch.setattr(silent, "REMINDED", 0.3)
    await forced(quiet)
    message = await cara.told("nobody has said that they are safe")
    assert f"Since {utc_now():%Y}" in message["message"]
    assert len(cara.heard) == 2 and receiver.codes == ["HA"]


async def test_another_centre(
    hass: HomeAssistant, quiet: Home, cara: Telephone, receiver: Real, soon: None
) -> None:
    """What one was to hear is none of the business of the next one; nor is its end."""
    await decide(quiet, centre=centre_at(dead().port))
    await forced(quiet)
    message = await cara.told("I am forced")
    await decide(quiet, centre=centre_at(receiver.port))
    await cara.press(message, END)
    await over(quiet)
    assert receiver.codes == []


async def test_a_file_that_is_not_ours(
    hass: HomeAssistant, quiet: Home, cara: Telephone, receiver: Real
) -> None:
    """It is left alone until something is kept, no line tells of it, and the home starts."""
    path = home_folder(hass) / "keys" / "silent.json"
    path.write_text("rubbish")
    assert await hass.config_entries.async_reload(quiet.entry.entry_id)
    home = quiet.entry.runtime_data
    assert path.read_text() == "rubbish"
    await forced(home)
    await cara.told("I am forced")
    assert path.with_suffix(".unreadable").read_text() == "rubbish"


async def test_who_is_gone(
    hass: HomeAssistant,
    quiet: Home,
    anna: Telephone,
    cara: Telephone,
    receiver: Real,
    soon: None,
    service: Any,
) -> None:
    """A contact or a centre that is there no more is not waited for; the others hear."""
    service.status = 500
    now = quiet.emergency.settings.silent
    assert now
    await decide(quiet, silent=replace(now, contacts=("cara", "nobody")), centre=None)
    await forced(quiet)
    await until(lambda: service.asked)
    (open_,) = quiet.emergency.silent.incidents.open
    await until(lambda: set(open_.waiting) == {"cara"})
    service.status = 201
    message = await cara.told("I am forced")
    await cara.press(message, END)
    await over(quiet)
    entries = await log_of(quiet, "incident")
    removed = [one["event"] for one in entries if one["detail"] == "removed"]
    assert sorted(removed) == ["not_signalled", "not_told"]
    # Who never heard of it does not hear that it is over.
    assert receiver.codes == [] and anna.heard == []


async def test_too_old_to_be_told(
    hass: HomeAssistant,
    entry: HomeEntry,
    quiet: Home,
    cara: Telephone,
    service: Any,
    soon: None,
) -> None:
    """What comes back with a backup days later is not news."""
    service.status = 500
    await decide(quiet, centre=None)
    await forced(quiet)
    # It has its answer: what is on its way would be taken when it is well again.
    await until(lambda: service.asked and "not_told" in str(kept(hass)))
    await hass.config_entries.async_unload(entry.entry_id)
    path = home_folder(hass) / "keys" / "silent.json"
    old = (utc_now() - timedelta(hours=13)).isoformat()
    path.write_text(re.sub(r'"made": "[^"]+"', f'"made": "{old}"', path.read_text()))
    service.status = 201
    await hass.config_entries.async_setup(entry.entry_id)
    home = entry.runtime_data
    (open_,) = home.emergency.silent.incidents.open
    await until(lambda: not open_.waiting)
    assert cara.heard == [] and "too_old" in str(kept(hass))


async def test_by_the_webhook(
    hass: HomeAssistant, quiet: Home, cara: Telephone, soon: None
) -> None:
    """An alert, and an update that refers to it; how the visible way is stays as it was."""
    server = Server()
    now = quiet.emergency.settings.silent
    assert now
    async with serving(server):
        await decide(quiet, webhook=server.settings(), centre=None)
        await decide(quiet, silent=replace(now, webhook=True, centre=False))
        await until(lambda: quiet.emergency.webhook.problem is False)
        server.status = 503
        await forced(quiet)
        await until(lambda: server.ids)
        assert quiet.emergency.webhook.problem is False
        server.status = 204
        await until(lambda: server.told == ["Alert"])
        await cara.press(await cara.told("I am forced"), END)
        await over(quiet)
    assert server.told == ["Alert", "Update"]
    alert, update = server.got
    assert (
        "Duress" in str(alert["info"]) and alert["identifier"] in update["references"]
    )
    assert len(set(server.ids)) == 2
    assert not quiet.emergency.incidents.signals.waiting
