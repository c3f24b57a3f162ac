"""A server that is told when it matters, for who clicks."""

from collections.abc import AsyncGenerator
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.smartlock_le.home import Home, HomeEntry
from tests.conftest import log_of, until
from tests.emergency.hook import Server, serving
from tests.support import act, fail_writes

from .test_emergency_options import state, step
from .test_options import choose, go
from .test_responder_options import suggested


@pytest.fixture
async def server(socket_enabled: None) -> AsyncGenerator[Server]:
    """Run a server."""
    async with serving(Server()) as server:
        yield server


def said(server: Server, **more: Any) -> dict[str, Any]:
    """Return what is entered."""
    return {"url": server.url, "area": "12 Elm Street", "secret": server.secret, **more}


async def test_tried_saved_and_removed(
    hass: HomeAssistant, entry: HomeEntry, home: Home, server: Server
) -> None:
    """It must take a test; its secret is shown once, and is in no entry."""
    result = await step(hass, entry, "webhook")
    flow = result["flow_id"]
    for wrong, where, why in (
        ({"url": "http://hook.example.org/"}, "url", "webhook_url"),
        ({"url": "https://x/" + "x" * 500}, "url", "webhook_url"),
        ({"area": " "}, "area", "webhook_area"),
        ({"secret": "whsec_short"}, "secret", "webhook_secret"),
    ):
        result = await go(hass, flow, **said(server, **wrong))
        assert result["errors"] == {where: why}
    server.status = 401
    result = await go(hass, flow, **said(server))
    assert result["errors"] == {"base": "webhook_refused"}
    assert server.got == []
    assert home.emergency.settings.webhook is None
    server.status = 200
    result = await go(hass, flow, **said(server))
    assert result["reason"] == "webhook_saved"
    assert [one["status"] for one in server.got] == ["Test"]
    await until(lambda: home.emergency.webhook.problem is False)
    assert "webhook answers" in await state(hass, entry)
    kept = home.emergency.settings.webhook
    assert kept
    assert server.secret not in str((await log_of(home), entry.as_dict()))
    ways = (await act(hass, "what_can_leave"))["ways"]
    assert {"way": "distress", "on": True, "to": "127.0.0.1"} in ways

    # Changed without the secret, it stays.
    result = await step(hass, entry, "webhook")
    result = await go(hass, result["flow_id"], url=server.url, area="Behind the church")
    assert result["reason"] == "webhook_saved"
    changed = home.emergency.settings.webhook
    assert changed
    assert changed.secret == kept.secret
    assert server.got[-1]["info"][0]["area"][0]["areaDesc"] == "Behind the church"

    result = await step(hass, entry, "webhook_off")
    result = await go(hass, result["flow_id"])
    assert result["reason"] == "webhook_is_off"
    assert home.emergency.settings.webhook is None
    menu = await choose(hass, entry, "emergency")
    assert "webhook_off" not in menu["menu_options"]


async def test_a_secret_is_made_and_shown_before_it_is_needed(
    hass: HomeAssistant, entry: HomeEntry, home: Home, server: Server
) -> None:
    """The other side needs it before it can take the test."""
    result = await step(hass, entry, "webhook")
    flow = result["flow_id"]
    made = suggested(result)["secret"]
    # The server knows another one.
    result = await go(hass, flow, url=server.url, area="x", secret=made)
    assert result["errors"] == {"base": "webhook_in_trouble"}
    assert suggested(result)["secret"] == made
    server.secret = made
    result = await go(hass, flow, url=server.url, area="x", secret=made)
    assert result["reason"] == "webhook_saved"
    # From then on it is not shown any more.
    assert suggested(await step(hass, entry, "webhook"))["secret"] is None


async def test_what_cannot_be_entered_is_not_changed(
    hass: HomeAssistant, entry: HomeEntry, home: Home, server: Server
) -> None:
    """It says so."""
    result = await step(hass, entry, "webhook")
    await fail_writes(home)
    result = await go(hass, result["flow_id"], **said(server))
    assert result["errors"] == {"base": "log_unavailable"}
    assert home.emergency.settings.webhook is None
    await fail_writes(home, fail=False)
