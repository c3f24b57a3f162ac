"""The switch for sharing: what it says survives, and where records disagree it is off."""

from contextlib import closing
import sqlite3
from typing import Any

from homeassistant.config_entries import SOURCE_USER
from homeassistant.core import HomeAssistant
import pytest

from custom_components.smartlock_le.const import DOMAIN
from custom_components.smartlock_le.home import HomeEntry
from custom_components.smartlock_le.log import LogUnavailable, engine
from custom_components.smartlock_le.models import Actor, ActorKind
from custom_components.smartlock_le.opening import home_folder
from virtual_home.nuki import NukiLock

from .conftest import add_home, log_of, until
from .log.support import edit, locked, spoil_page
from .support import act, fail_writes, issues, unwritable

OWNER = Actor(ActorKind.OWNER, "0badcafe", "Ada")
STATE = "binary_sensor.test_home_sharing_with_law_enforcement"


async def entered(entry: HomeEntry) -> list[tuple[str, str]]:
    """Return what the log says of sharing: the value, and by whom."""
    settings = await log_of(entry.runtime_data, "setting")
    return [(e["value"], e["actor_kind"]) for e in settings]


def saved(hass: HomeAssistant) -> list[Any]:
    """Return what the log's table says of sharing."""
    with closing(sqlite3.connect(home_folder(hass) / "log.db")) as store:
        return [value for (value,) in store.execute("SELECT value FROM settings")]


def set_saved(hass: HomeAssistant, entry: HomeEntry, on: bool) -> None:
    """Let Home Assistant have on disk what it has after a kill: not the last change."""
    hass.config_entries.async_update_entry(entry, data={**entry.data, "sharing": on})


@pytest.mark.parametrize("on", [False, True])
async def test_what_was_chosen_at_first_is_entered_once(
    hass: HomeAssistant, nuki: NukiLock, on: bool
) -> None:
    """As the owner's word, before anything else of the home."""
    entry = await add_home(hass, nuki, sharing=on)
    word = "on" if on else "off"
    assert entry.runtime_data.sharing is on
    assert saved(hass) == [word]
    await hass.config_entries.async_reload(entry.entry_id)
    assert entry.runtime_data.sharing is on
    assert await entered(entry) == [(word, "owner")]
    assert (await log_of(entry.runtime_data))[1]["kind"] == "setting"
    await hass.config_entries.async_unload(entry.entry_id)


async def test_off_survives_a_kill_within_a_second(
    hass: HomeAssistant, nuki: NukiLock
) -> None:
    """Home Assistant had not written it down yet."""
    entry = await add_home(hass, nuki, sharing=True)
    await entry.runtime_data.set_sharing(False, OWNER)
    assert saved(hass) == ["off"]
    await hass.config_entries.async_unload(entry.entry_id)
    set_saved(hass, entry, True)
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.runtime_data.sharing is False
    assert entry.data == {"sharing": False}
    assert hass.states.get(STATE).state == "off"
    assert await entered(entry) == [("on", "owner"), ("off", "owner"), ("off", "home")]
    await hass.config_entries.async_unload(entry.entry_id)


async def test_off_that_never_reached_the_log_stays_off(
    hass: HomeAssistant, nuki: NukiLock
) -> None:
    """The disk was full, and then the power went."""
    entry = await add_home(hass, nuki, sharing=True)
    await hass.config_entries.async_unload(entry.entry_id)
    set_saved(hass, entry, False)
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.runtime_data.sharing is False
    assert saved(hass) == ["off"]
    assert await entered(entry) == [("on", "owner"), ("off", "home")]
    await hass.config_entries.async_unload(entry.entry_id)


async def test_on_is_an_entry_and_a_row_at_once(
    hass: HomeAssistant, entry: HomeEntry
) -> None:
    """Without the one there is not the other."""
    home = entry.runtime_data
    await fail_writes(home)
    with pytest.raises(LogUnavailable):
        await home.set_sharing(True, OWNER)
    assert (home.sharing, entry.data, saved(hass)) == (
        False,
        {"sharing": False},
        ["off"],
    )
    await fail_writes(home, fail=False)
    await home.set_sharing(True, OWNER)
    assert (home.sharing, entry.data, saved(hass)) == (True, {"sharing": True}, ["on"])
    # Once more says nothing new.
    await home.set_sharing(True, OWNER)
    assert await entered(entry) == [("off", "owner"), ("on", "owner")]


async def test_without_its_log_nothing_is_shared(
    hass: HomeAssistant, nuki: NukiLock
) -> None:
    """What was set stands until the log works again; off is taken all the same."""
    entry = await add_home(hass, nuki, sharing=True)
    await hass.config_entries.async_unload(entry.entry_id)
    with unwritable(home_folder(hass) / "keys" / "log.key"):
        await hass.config_entries.async_setup(entry.entry_id)
        assert entry.runtime_data.sharing is False
        assert entry.data == {"sharing": True}
        assert hass.states.get(STATE).state == "off"
        with pytest.raises(LogUnavailable):
            await entry.runtime_data.set_sharing(True, OWNER)
        await hass.config_entries.async_unload(entry.entry_id)
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.runtime_data.sharing is True

    await hass.config_entries.async_unload(entry.entry_id)
    with unwritable(home_folder(hass) / "keys" / "log.key"):
        await hass.config_entries.async_setup(entry.entry_id)
        for _ in range(2):
            await entry.runtime_data.set_sharing(False, OWNER)
        assert entry.data == {"sharing": False}
        assert await entered(entry) == [("off", "owner")]
        await hass.config_entries.async_unload(entry.entry_id)
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.runtime_data.sharing is False
    assert saved(hass) == ["off"]
    await hass.config_entries.async_unload(entry.entry_id)


async def test_a_row_that_cannot_be_read_is_no_yes(
    hass: HomeAssistant, nuki: NukiLock
) -> None:
    """Default is no."""
    entry = await add_home(hass, nuki, sharing=True)
    await hass.config_entries.async_unload(entry.entry_id)
    spoil_page(home_folder(hass), "settings")
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.runtime_data.sharing is False
    assert entry.data == {"sharing": True}
    await until(lambda: issues(hass) == {"log_damaged"})
    await hass.config_entries.async_unload(entry.entry_id)


async def test_a_home_made_anew_has_a_switch_of_its_own(
    hass: HomeAssistant, entry: HomeEntry
) -> None:
    """What was said of the one before does not count, and the log is the same."""
    await hass.config_entries.async_remove(entry.entry_id)
    flow = hass.config_entries.flow
    result = await flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    for answers in ({}, {"sharing": True}, {}):
        result = await flow.async_configure(result["flow_id"], answers)
    again: HomeEntry = result["result"]
    assert again.runtime_data.sharing is True
    assert await entered(again) == [("off", "owner"), ("on", "owner")]
    assert (await act(hass, "verify_log"))["ok"]
    await hass.config_entries.async_unload(again.entry_id)


async def test_on_that_could_not_be_entered_at_first_is_off(
    hass: HomeAssistant, nuki: NukiLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the owner chose while making the home waits for the owner."""
    entry = await add_home(hass, nuki, sharing=True)
    await hass.config_entries.async_unload(entry.entry_id)
    edit(home_folder(hass), "DELETE FROM settings")
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.01)
    with locked(home_folder(hass)):
        await hass.config_entries.async_setup(entry.entry_id)
        home = entry.runtime_data
        assert home.sharing is False
    await home.set_sharing(True, OWNER)
    assert home.sharing is True
    assert saved(hass) == ["on"]
    await hass.config_entries.async_unload(entry.entry_id)
