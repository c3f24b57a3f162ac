"""Noonlight, for who clicks."""

from typing import Any

from homeassistant.core import HomeAssistant

from custom_components.smartlock_le.home import Home, HomeEntry
from tests.conftest import log_of, until
from tests.emergency.dispatch import TOKEN, Dispatch
from tests.emergency.test_noonlight import dispatch
from tests.support import act, fail_writes

from .test_emergency_options import state, step
from .test_options import go

__all__ = ["dispatch"]

SAID: dict[str, Any] = {
    "token": TOKEN,
    "production": False,
    "name": "Anna Example",
    "phone": "(314) 555-0100",
    "line1": "17 Elm Street",
    "city": "St. Louis",
    "state": "mo",
    "zip": "63101",
}


async def test_tried_saved_and_removed(
    hass: HomeAssistant, entry: HomeEntry, home: Home, dispatch: Dispatch
) -> None:
    """They must know the token, which is never shown; nothing is sent for a try."""
    flow = (await step(hass, entry, "noonlight"))["flow_id"]
    for wrong, where, why in (
        ({"name": " "}, "name", "noonlight_text"),
        ({"line1": "x" * 101}, "line1", "noonlight_text"),
        ({"phone": "911"}, "phone", "noonlight_phone"),
        ({"state": "Missouri"}, "state", "noonlight_state"),
        ({"zip": "6310"}, "zip", "noonlight_zip"),
        ({"token": "a b\n"}, "token", "noonlight_token"),
        ({"token": "another"}, "base", "noonlight_refused"),
    ):
        result = await go(hass, flow, **{**SAID, **wrong})
        assert result["errors"] == {where: why}, wrong
        assert "another" not in str(result)
    await fail_writes(home)
    result = await go(hass, flow, **SAID)
    assert result["errors"] == {"base": "log_unavailable"}
    await fail_writes(home, fail=False)
    assert home.emergency.settings.noonlight is None
    result = await go(hass, flow, **SAID)
    assert result["reason"] == "noonlight_saved"
    assert not dispatch.alarms
    kept = home.emergency.settings.noonlight
    assert kept and (kept.phone, kept.state) == ("13145550100", "MO")
    await until(lambda: home.emergency.noonlight.problem is False)
    assert "nobody is sent from there" in await state(hass, entry)
    assert TOKEN not in str((await log_of(home), entry.as_dict(), kept))
    ways = (await act(hass, "what_can_leave"))["ways"]
    assert {"way": "distress", "on": True, "to": "noonlight.com"} in ways
    # Changed without the token, it stays.
    result = await step(hass, entry, "noonlight")
    assert TOKEN not in str(result["data_schema"].schema)
    said = {key: one for key, one in SAID.items() if key != "token"}
    result = await go(hass, result["flow_id"], **said, line2="Apt 2")
    assert result["reason"] == "noonlight_saved"
    changed = home.emergency.settings.noonlight
    assert changed and (changed.token, changed.line2) == (TOKEN, "Apt 2")
    result = await step(hass, entry, "noonlight_off")
    result = await go(hass, result["flow_id"])
    assert result["reason"] == "noonlight_is_off"
    assert home.emergency.settings.noonlight is None
