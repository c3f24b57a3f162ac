"""A crew gets a link, gets in, and the power goes meanwhile; all from outside, by TLS."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Page, expect
import pytest

from harness import steps
from harness.browser import browser
from harness.hass import eventually

from .portal import Portal
from .story import Story
from .world import World

ADDRESS = "17 Umbrella Lane"
PEOPLE = "Wilhelmina, who cannot hear"


async def written(world: World) -> None:
    """Write down what links show, as the owner does."""
    flow = await steps.options(world.api, world.entry_id, "responders", "sheet")
    answer = await steps.option(
        world.api,
        flow,
        address=ADDRESS,
        people=PEOPLE,
        asks_code=True,
        target="notify.demo_telephone",
    )
    assert answer["reason"] == "sheet_saved", answer


async def made(world: World, agency: str) -> tuple[str, str]:
    """Make a link in the menu; return its address and its code."""
    flow = await steps.options(world.api, world.entry_id, "responders", "make_link")
    state = await steps.state(world.socket, world.lock)
    assert state
    form = await world.api.get(f"/api/config/config_entries/options/flow/{flow}")
    offered = next(one for one in form["data_schema"] if one["name"] == "locks")
    answer = await steps.option(
        world.api,
        flow,
        agency=agency,
        reason="chest pain",
        locks=[offered["selector"]["select"]["options"][0]["value"]],
        minutes=30,
        asks_code=True,
    )
    assert answer["step_id"] == "link_made_code", answer
    told = answer["description_placeholders"]
    return told["address"], told["code"].replace(" ", "")


async def bolt(world: World) -> str:
    """Return where the bolt of the lock itself is."""
    return str((await world.home("state"))["bolt"])


async def hold(page: Page) -> None:
    """Hold the button as long as it takes."""
    button = page.get_by_role("button", name="Hold to unlock")
    box = await button.bounding_box()
    assert box
    await page.mouse.move(box["x"] + 30, box["y"] + 20)
    await page.mouse.down()
    await asyncio.sleep(1.8)
    await page.mouse.up()
    await page.get_by_text("Unlocked. Try the door.").wait_for()


async def lock_it(world: World) -> None:
    """Lock the door again."""
    await world.socket.act("lock.lock", entity_id=world.lock)
    await world.becomes(world.lock, "locked")
    assert await bolt(world) == "locked"


async def live(world: World) -> None:
    """From the call for help to the close."""
    await written(world)
    raised: dict[str, Any] = await world.ask("raise_incident", kind="medical")
    address, code = await made(world, "Medic 12")
    there = urlsplit(address)
    assert (there.scheme, there.netloc) == ("https", urlsplit(world.tls.url).netloc)
    async with browser(world.tls.url, width=390, height=844, believing=True) as page:
        await page.goto(address)
        await page.get_by_text(ADDRESS).wait_for()
        assert not await page.get_by_text(PEOPLE).count()
        await page.get_by_label("for the code").fill(code)
        await page.get_by_role("button", name="Go on").click()
        await page.get_by_text(PEOPLE).wait_for()
        await lock_it(world)
        await hold(page)
        assert await bolt(world) != "locked"
        await world.logged(kind="link", event="pressed")
        await world.kill()
        await page.get_by_text("No connection. It is tried again.").wait_for()
        # What they know they need now; how old it is stands beside it.
        assert await page.get_by_text(PEOPLE).is_visible()
        await world.restart()
        await expect(page.locator("#status")).to_have_class("", timeout=60_000)
        await lock_it(world)
        await page.locator("#state0[data-bolt=locked]").wait_for()
        await hold(page)
        assert await bolt(world) != "locked"
        await world.ask("close_incident", incident=raised["incident"])
        await page.get_by_text("This link does not work, or no longer.").wait_for()
        assert not await page.get_by_text(PEOPLE).count()
    assert (await world.ask("list_responder_links"))["links"] == []
    assert await world.grants() == []

    async def heard() -> bool:
        told = "\n".join(world.heard)
        return "Responders' page: Medic 12" in told and "was opened from" in told

    await eventually(heard, "the owner is told", 30)
    assert (await world.ask("verify_log"))["ok"]
    token = there.fragment.encode()
    for file in world.hass.config.rglob("*"):
        if file.is_file() and not file.is_symlink():
            assert token not in file.read_bytes(), file


@pytest.mark.timeout(300)
def test_in_by_a_link_through_a_power_cut(
    portal: Portal, world: World, story: Story
) -> None:
    assert story, "the home that it made is needed"
    portal(live(world), 240)
