"""No secret shows: not in a file, a state, an event, a log, a download."""

from base64 import b64encode
from collections.abc import Iterable
from contextlib import closing
import json
from pathlib import Path
import sqlite3
from typing import Any

import pytest

from custom_components.smartlock_le.cameras.plates import normal
from harness import steps

from . import secrets as look
from .portal import Portal
from .secrets import Hit, Secret
from .story import ADMIN, AGENCY, GUEST, KNOWN_PLATE, STRANGERS_PLATE, Story
from .world import PIN, WRONG_PIN, World

KEYS = "smartlock_le/keys/locks.json"
OUR_LOG = ("smartlock_le/log.db", "smartlock_le/exports/")


def pairing(world: World) -> dict[str, Any]:
    """Return what our private file holds of the lock."""
    keys: dict[str, Any] = json.loads((world.hass.config / KEYS).read_text())
    (lock,) = keys["locks"].values()
    return dict(lock)


@pytest.fixture(scope="module")
def secrets(world: World, story: Story) -> list[Secret]:
    """Return all that must be nowhere but in our private files."""
    folder = world.hass.config / "smartlock_le" / "keys"
    return [
        look.digits("security PIN", PIN),
        look.digits("wrong PIN", WRONG_PIN),
        *(look.digits("granted code", code) for code in story.codes),
        look.key("pairing key", bytes.fromhex(pairing(world)["credentials"]["key"])),
        look.key("key of the log", (folder / "log.key").read_bytes()),
        look.text("key of the codes", (folder / "codes.key").read_text()),
        look.key("epoch key", (folder / "epoch-1.key").read_bytes()),
        look.text("listed plate", KNOWN_PLATE),
        look.text("listed plate", normal(KNOWN_PLATE) or ""),
        look.text("read plate", STRANGERS_PLATE),
        look.text("read plate", normal(STRANGERS_PLATE) or ""),
        look.text("access token", world.api.tokens["access_token"]),
    ]


@pytest.fixture(scope="module")
def names(story: Story) -> list[Secret]:
    """Return the names that only the log and the owner's copies of it may hold."""
    return [
        look.text("agency", AGENCY),
        look.text("actor", ADMIN),
        look.text("guest", GUEST),
    ]


@pytest.fixture(scope="module")
def answers(portal: Portal, world: World, story: Story) -> dict[str, Any]:
    """Return all that Home Assistant shows to whoever asks."""

    async def ask() -> dict[str, Any]:
        socket, api = world.socket, world.api
        start = world.events[0]["time_fired"]
        return {
            "states": await socket("get_states"),
            "events": world.events,
            "diagnostics": await api.get(
                f"/api/diagnostics/config_entry/{world.entry_id}"
            ),
            "system log": await socket("system_log/list"),
            "logbook": await socket("logbook/get_events", start_time=start),
            "entries": await socket("config_entries/get"),
            "subentries": await socket(
                "config_entries/subentries/list", entry_id=world.entry_id
            ),
            "flows": await socket("config_entries/flow/progress"),
            "devices": await socket("config/device_registry/list"),
            "entities": await socket("config/entity_registry/list"),
            "repairs": await socket("repairs/list_issues"),
        }

    return portal(ask())


def shown(secrets: Iterable[Secret], answers: dict[str, Any]) -> list[Hit]:
    """Look through all answers."""
    return [
        hit
        for where, answer in answers.items()
        for hit in look.in_data(secrets, answer, where)
    ]


def test_something_was_looked_at(answers: dict[str, Any], world: World) -> None:
    """The places to look at are not empty."""
    kinds = {event["event_type"] for event in world.events}
    assert kinds >= {"call_service", "state_changed", f"{steps.DOMAIN}_access"}
    empty = [where for where, answer in answers.items() if not answer]
    assert set(empty) <= {"repairs", "flows"}
    files = {path.name for path in world.hass.config.rglob("*")}
    assert files >= {"home-assistant_v2.db", "home-assistant.log", "hass.log"}


def test_files(world: World, secrets: list[Secret]) -> None:
    """Each secret is in its own private file and in no other."""
    hits = list(look.in_folder(secrets, world.hass.config))
    private = {
        "security PIN": KEYS,
        "pairing key": KEYS,
        "listed plate": "smartlock_le/keys/plates.json",
        "key of the log": "smartlock_le/keys/log.key",
        "key of the codes": "smartlock_le/keys/codes.key",
        "epoch key": "smartlock_le/keys/epoch-1.key",
    }
    assert [hit for hit in hits if private.get(hit.secret) != hit.where] == []
    # They are there, so they would have been found elsewhere, too.
    assert {hit.secret for hit in hits} == set(private)


def test_shown(secrets: list[Secret], answers: dict[str, Any]) -> None:
    """Nobody is shown a secret, whatever they ask for."""
    assert shown(secrets, answers) == []


def is_call(value: Any) -> bool:
    """Tell whether this is a call of one of our actions, as Home Assistant keeps it."""
    call = json.loads(value) if str(value).startswith("{") else {}
    return call.get("domain") == steps.DOMAIN and "service_data" in call


def test_names_in_files(world: World, names: list[Secret]) -> None:
    """Who acted and who was let in is written in our log only.

    The one exception is Home Assistant's: its recorder keeps what any action was called
    with. What was asked for in the menu is not there.
    """
    recorder = world.hass.config / "home-assistant_v2.db"
    hits = [
        hit
        for hit in look.in_folder(names, world.hass.config)
        if not hit.where.startswith((*OUR_LOG, recorder.name))
        # Home Assistant's own list of its users.
        and (hit.secret, hit.where) != ("actor", ".storage/auth")
    ]
    assert hits == []
    for column, value in look.values(recorder):
        found = list(look.in_bytes(names, str(value).encode(), column))
        if column == "event_data.shared_data" and is_call(value):
            assert {hit.secret for hit in found} <= {"agency"}
        else:
            assert found == []


def test_names_shown(names: list[Secret], answers: dict[str, Any]) -> None:
    """Names are in no state, event, line of a log, or download."""
    # What an action is called with is on the bus: Home Assistant puts it there, for
    # admins only, before the action begins. It is not kept.
    calls = [e for e in answers["events"] if e["event_type"] == "call_service"]
    others = [e for e in answers["events"] if e["event_type"] != "call_service"]
    assert shown(names, {**answers, "events": others}) == []
    hits = shown(names, {"events": calls})
    assert {hit.secret for hit in hits} <= {"agency"}


def plant(folder: Path, secret: bytes) -> None:
    """Put a secret where it might be left: a text, a store, a database and its log."""
    folder.mkdir(parents=True)
    (folder / "hass.log").write_bytes(b"12:00 DEBUG sent " + secret + b" to it\n")
    stored = {"data": {"pin": secret.decode()}}
    (folder / "store").write_text(json.dumps(stored))
    with closing(sqlite3.connect(folder / "base.db")) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE states (before TEXT, state TEXT, after TEXT)")
        row = ("on", secret.decode(), "off")
        database.execute("INSERT INTO states VALUES (?, ?, ?)", row)
        database.commit()
        # Closed in order it would tidy its log away.
        for name in ("base.db", "base.db-wal"):
            (folder / f"copy-{name}").write_bytes((folder / name).read_bytes())


def test_it_can_fail(
    tmp_path: Path, world: World, secrets: list[Secret], names: list[Secret]
) -> None:
    """Each secret is found wherever it is planted."""
    raw = bytes.fromhex(pairing(world)["credentials"]["key"])
    forms = {
        "security PIN": [PIN, " ".join(PIN)],
        "pairing key": [
            raw.hex(),
            raw.hex().upper(),
            b64encode(raw).decode(),
            b64encode(b"a" + raw + b"bc").decode(),
        ],
        "access token": [world.api.tokens["access_token"]],
        "agency": [AGENCY],
    }
    for name, written in forms.items():
        for number, form in enumerate(written):
            folder = tmp_path / name / str(number)
            plant(folder, form.encode())
            hits = look.in_folder([*secrets, *names], folder)
            found = {hit.where.partition(" ")[0] for hit in hits if hit.secret == name}
            assert found >= {"hass.log", "store", "base.db", "copy-base.db"}, form
            assert list(look.in_data([*secrets, *names], {"state": form}, "states"))


def test_chance_is_no_hit() -> None:
    """A number that happens to hold the digits is not the PIN."""
    pin = [look.digits("PIN", "7294")]
    for chance in ("17294", "72945", "0.7294", "14:20:10.7294", "a7294b", "x7294"):
        assert not list(look.in_data(pin, chance, "")), chance
    for real in (7294, "7294", {"pin": "7294"}, "the PIN is 7294.", "7 2 9 4"):
        assert list(look.in_data(pin, real, "")), real
