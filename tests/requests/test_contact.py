"""The owner's own contact: notes with a date, a reminder if it is wanted, nothing sent."""

from datetime import timedelta
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest

from custom_components.smartlock_le import decisions
from custom_components.smartlock_le.home import Home, HomeEntry
from custom_components.smartlock_le.models import UNKNOWN_ACTOR, utc_now
from custom_components.smartlock_le.requests import contact as module
from custom_components.smartlock_le.requests.models import BadField, RequestError
from tests.conftest import log_of
from tests.flows.test_options import choose, go
from tests.support import fail_writes, issues

WHO: dict[str, Any] = {
    "name": "Officer Ann Smith",
    "reach": "desk 4, +1 217 555 0123",
    "remind": True,
}


async def menu(hass: HomeAssistant, entry: HomeEntry) -> Any:
    """Open the menu of the contact."""
    flow = await choose(hass, entry, "agencies")
    return await go(hass, flow["flow_id"], next_step_id="local_contact")


async def fill(hass: HomeAssistant, flow: Any, step: str, **said: Any) -> Any:
    """Choose a form in it, and fill it in."""
    flow = await go(hass, flow["flow_id"], next_step_id=step)
    return await go(hass, flow["flow_id"], **said)


async def test_kept(hass: HomeAssistant, entry: HomeEntry, home: Home) -> None:
    """Who it is and what was said, the newest first; the log says that, and not what."""
    flow = await menu(hass, entry)
    assert flow["menu_options"] == ["save_contact"]
    assert flow["description_placeholders"]["about"].startswith("Nobody yet.")
    flow = await fill(hass, flow, "save_contact", **WHO)
    for said in ("Met at the fair", "Shall call again in *May*"):
        flow = await fill(hass, flow, "note_contact", text=said)
    assert flow["type"] is FlowResultType.MENU
    about = flow["description_placeholders"]["about"]
    assert about.index("in &#42;May&#42;") < about.index("Met at the fair")
    assert "**Officer Ann Smith**" in about
    entries = await log_of(home, "contact")
    assert [entry["event"] for entry in entries] == ["saved", "note", "note"]
    assert "Ann" not in str(entries) and "fair" not in str(entries)
    await hass.config_entries.async_reload(entry.entry_id)
    contact = await entry.runtime_data.contact.get()
    assert contact and contact.name == WHO["name"] and len(contact.notes) == 2
    assert "Ann" not in repr(contact) and "fair" not in repr(contact)


async def test_changed_and_removed(
    hass: HomeAssistant, entry: HomeEntry, home: Home
) -> None:
    """Another person takes over: the notes stay. Removed: nothing does."""
    await home.contact.save(WHO, UNKNOWN_ACTOR)
    await home.contact.note("Met", UNKNOWN_ACTOR)
    flow = await fill(
        hass, await menu(hass, entry), "save_contact", name="Bo", remind=False
    )
    contact = await home.contact.get()
    assert contact and (contact.name, contact.reach, contact.remind) == (
        "Bo",
        "",
        False,
    )
    assert len(contact.notes) == 1
    flow = await fill(hass, flow, "remove_contact")
    assert flow["reason"] == "contact_removed"
    assert await home.contact.get() is None
    await home.contact.save(WHO, UNKNOWN_ACTOR)
    contact = await home.contact.get()
    assert contact and not contact.notes


async def test_reminder(
    hass: HomeAssistant,
    entry: HomeEntry,
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After half a year, until something is written down; not which contact it is."""
    await home.contact.save(WHO, UNKNOWN_ACTOR)
    await home.upkeep.run()
    assert "contact_due" not in issues(hass)
    later = utc_now() + timedelta(days=183)
    monkeypatch.setattr(decisions, "utc_now", lambda: later)
    await home.upkeep.run()
    assert "contact_due" in issues(hass)
    monkeypatch.setattr(module, "utc_now", lambda: later)
    await fill(hass, await menu(hass, entry), "note_contact", text="Said hello")
    assert "contact_due" not in issues(hass)
    later += timedelta(days=183)
    await home.upkeep.run()
    assert "contact_due" in issues(hass)
    await fill(hass, await menu(hass, entry), "save_contact", name="x", remind=False)
    assert "contact_due" not in issues(hass)


async def test_wrong(hass: HomeAssistant, entry: HomeEntry, home: Home) -> None:
    """It is said, and nothing is kept."""
    flow = await menu(hass, entry)
    wrong = await fill(hass, flow, "save_contact", **{**WHO, "name": " "})
    assert wrong["errors"] == {"name": "agency_text"}
    wrong = await go(hass, wrong["flow_id"], **{**WHO, "reach": "x" * 201})
    assert wrong["errors"] == {"reach": "agency_text"}
    await fail_writes(home)
    wrong = await go(hass, wrong["flow_id"], **WHO)
    assert wrong["errors"] == {"base": "log_unavailable"}
    await fail_writes(home, fail=False)
    assert await home.contact.get() is None
    with pytest.raises(RequestError) as caught:
        await home.contact.note("Met", UNKNOWN_ACTOR)
    assert caught.value.key == "contact_none"
    await home.contact.save(WHO, UNKNOWN_ACTOR)
    for text in ("", "x" * 501, "a\u202eb"):
        with pytest.raises(BadField):
            await home.contact.note(text, UNKNOWN_ACTOR)


async def test_many_notes(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is an end to them."""
    monkeypatch.setattr(module, "MOST_NOTES", 2)
    await home.contact.save(WHO, UNKNOWN_ACTOR)
    await home.contact.note("One", UNKNOWN_ACTOR)
    await home.contact.note("Two", UNKNOWN_ACTOR)
    with pytest.raises(RequestError) as caught:
        await home.contact.note("Three", UNKNOWN_ACTOR)
    assert caught.value.key == "contact_full"


async def test_removed_meanwhile(
    hass: HomeAssistant, entry: HomeEntry, home: Home
) -> None:
    """Another admin was faster."""
    await home.contact.save(WHO, UNKNOWN_ACTOR)
    flow = await go(
        hass, (await menu(hass, entry))["flow_id"], next_step_id="note_contact"
    )
    await home.contact.remove(UNKNOWN_ACTOR)
    flow = await go(hass, flow["flow_id"], text="Met")
    assert flow["errors"] == {"base": "contact_none"}
