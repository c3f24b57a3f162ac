"""The page in a Chromium of the width of a telephone: held, and the lock's bolt moves."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.async_playwright import Axe
from homeassistant.core import HomeAssistant
from playwright.async_api import Page as Browser, Request, Route
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.smartlock_le.home import Home
from harness.browser import browser
from tests.conftest import log_of
from virtual_home.nuki import NukiLock

from .conftest import MakePage, Page

PHONE = {"width": 390, "height": 844}


@pytest.fixture
async def phone(
    hass_client_no_auth: ClientSessionGenerator, socket_enabled: None, page: MakePage
) -> AsyncIterator[Browser]:
    """Give a browser that is as wide as a telephone."""
    client = await hass_client_no_auth()
    base = str(client.make_url("/"))
    async with browser(base, **PHONE) as opened:
        yield opened


async def visit(phone: Browser, page: Page) -> None:
    """Open a link; its host is not this machine."""
    there = urlsplit(page.address)
    await phone.goto(f"{there.path}#{there.fragment}")


async def say_code(phone: Browser, page: Page) -> None:
    """Enter the code that was told."""
    await phone.get_by_label("for the code").fill(page.code)
    await phone.get_by_role("button", name="Go on").click()
    await phone.get_by_text("Ada is deaf").wait_for()


async def faults(phone: Browser) -> list[Any]:
    """Return what axe finds."""
    found = await Axe().run(phone)
    return [(one["id"], one["nodes"]) for one in found.response["violations"]]


async def hold(phone: Browser, seconds: float = 1.8) -> None:
    """Hold the button that unlocks."""
    box = await phone.get_by_role("button", name="Hold to unlock").bounding_box()
    assert box
    await phone.mouse.move(box["x"] + 20, box["y"] + 20)
    await phone.mouse.down()
    await phone.wait_for_timeout(seconds * 1000)
    await phone.mouse.up()


async def test_the_code_is_said_and_the_door_opens(
    hass: HomeAssistant, home: Home, nuki: NukiLock, page: MakePage, phone: Browser
) -> None:
    """From the first screen to the bolt."""
    made = await page()
    asked: list[Request] = []
    noise: list[str] = []
    phone.on("request", lambda one: asked.append(one))  # noqa: PLW0108 - Playwright marks it
    phone.on("console", lambda line: noise.append(line.text))
    phone.on("pageerror", lambda err: noise.append(str(err)))
    await visit(phone, made)
    await phone.get_by_text("12 Elm Street").wait_for()
    await phone.get_by_text("Second staircase").wait_for()
    assert await phone.get_by_text("Locked").is_visible()
    assert "#" not in phone.url
    assert not await phone.get_by_text("Ada is deaf").count()
    assert not await phone.get_by_role("button", name="Hold to unlock").count()
    assert await faults(phone) == []
    await say_code(phone, made)
    assert await faults(phone) == []
    # A tap is no hold.
    await phone.get_by_role("button", name="Hold to unlock").click(delay=80)
    await hold(phone, 0.5)
    assert nuki.device.bolt.state.name == "LOCKED"
    await hold(phone)
    await phone.get_by_text("Unlocked. Try the door.").wait_for()
    assert nuki.device.bolt.state.name in ("UNLATCHED", "UNLOCKED", "UNLATCHING")
    assert {urlsplit(one.url).netloc for one in asked} == {urlsplit(phone.url).netloc}
    assert not [one.url for one in asked if made.token in one.url]
    assert [line for line in noise if "favicon" not in line] == []


@pytest.mark.parametrize("key", ["Enter", "Space"])
async def test_without_a_pointer(
    nuki: NukiLock, page: MakePage, phone: Browser, key: str
) -> None:
    """A key is held as a finger is; what cannot hold presses twice."""
    made = await page(asks_code=False)
    await visit(phone, made)
    button = phone.get_by_role("button", name="Hold to unlock")
    await button.focus()
    await phone.keyboard.press(key)
    assert nuki.device.bolt.state.name == "LOCKED"
    await phone.keyboard.down(key)
    await phone.wait_for_timeout(1800)
    await phone.keyboard.up(key)
    await phone.get_by_text("Unlocked. Try the door.").wait_for()
    assert nuki.device.bolt.state.name != "LOCKED"


async def test_by_a_screen_reader(
    nuki: NukiLock, page: MakePage, phone: Browser
) -> None:
    """It clicks, and says what the second click does."""
    made = await page(asks_code=False)
    await visit(phone, made)
    button = phone.locator("button.hold")
    await button.wait_for()
    # As TalkBack does, whose click says that it is one; and as VoiceOver does.
    await button.dispatch_event("click", {"detail": 1, "buttons": 1})
    assert await button.inner_text() == "Press once more to unlock"
    assert nuki.device.bolt.state.name == "LOCKED"
    await button.evaluate("button => button.click()")
    await phone.get_by_text("Unlocked. Try the door.").wait_for()


async def test_the_lock_is_away_while_somebody_holds(
    home: Home, nuki: NukiLock, page: MakePage, phone: Browser
) -> None:
    """It says so, and what else there is."""
    made = await page(asks_code=False)
    await visit(phone, made)
    await phone.get_by_text("Locked").wait_for()
    await nuki.set_in_range(False)
    await hold(phone)
    await phone.get_by_text("The lock does not answer. Try again").wait_for()
    assert await phone.get_by_text("The neighbour at 14 has a key").is_visible()


async def test_withdrawn_before_its_eyes(
    home: Home, page: MakePage, phone: Browser
) -> None:
    """Nothing of what was there is to be read any more, nor after it is loaded anew."""
    made = await page(asks_code=False)
    await visit(phone, made)
    await phone.get_by_text("Ada is deaf").wait_for()
    await phone.reload()
    # The tab knows it, although the address does not.
    await phone.get_by_text("Ada is deaf").wait_for()
    await home.responders.links.withdraw(made.id, home.responders.links.open()[0].actor)
    await phone.get_by_text("This link does not work, or no longer.").wait_for()
    assert not await phone.get_by_text("Ada is deaf").count()
    assert not await phone.get_by_text("12 Elm Street").count()
    await phone.reload()
    await phone.get_by_text("This link does not work, or no longer.").wait_for()


async def test_narrow_dark_and_on_a_line_that_breaks(
    page: MakePage, phone: Browser
) -> None:
    """At 320 pixels nothing has to be moved sideways; the line may go and come."""
    made = await page(asks_code=False)
    await phone.set_viewport_size({"width": 320, "height": 600})
    await phone.emulate_media(color_scheme="dark")
    await visit(phone, made)
    await phone.get_by_text("Ada is deaf").wait_for()
    wide = await phone.evaluate("document.documentElement.scrollWidth")
    assert wide <= 320
    assert await faults(phone) == []
    await phone.context.set_offline(True)
    await phone.get_by_text("No connection. It is tried again.").wait_for()
    assert await phone.get_by_text("Ada is deaf").is_visible()
    await phone.context.set_offline(False)
    await phone.get_by_text("As of").wait_for()


async def answers(phone: Browser, **answer: Any) -> None:
    """Let somebody on the way answer once in the place of the house."""

    async def instead(route: Route) -> None:
        await route.fulfill(**answer)

    await phone.route("**/r", instead, times=1)


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 404},
        {"status": 429},
        {"status": 503},
        {"status": 200, "body": "<html>Sign in", "content_type": "text/html"},
        {"status": 200, "body": "{", "content_type": "application/json"},
        {"status": 200, "body": "{}", "content_type": "application/json"},
    ],
)
async def test_one_bad_answer_ends_nothing(
    home: Home, page: MakePage, phone: Browser, answer: dict[str, Any]
) -> None:
    """The house starts anew, or somebody on the way speaks: it is asked again."""
    made = await page()
    await visit(phone, made)
    await say_code(phone, made)
    await answers(phone, **answer)
    await phone.locator("#status.bad").wait_for()
    assert bool(await phone.get_by_text("Ada is deaf").count()) is (
        answer["status"] != 404
    )
    await phone.locator("#status:not(.bad)").wait_for()
    await phone.get_by_text("Ada is deaf").wait_for()
    # Also who taps the link again is the same: the page loads itself anew.
    async with phone.expect_navigation():
        await visit(phone, made)
    await phone.get_by_text("Ada is deaf").wait_for()


async def test_what_is_taken_away_under_the_finger_does_not_open(
    home: Home, nuki: NukiLock, page: MakePage, phone: Browser
) -> None:
    """The page may change while somebody holds."""
    made = await page(asks_code=False)
    await visit(phone, made)
    button = phone.get_by_role("button", name="Hold to unlock")
    await button.dispatch_event("pointerdown", {"button": 0})
    await phone.locator("button.holding").wait_for()
    await phone.locator("button.hold").evaluate("button => button.remove()")
    await phone.wait_for_timeout(1900)
    assert "pressed" not in str(await log_of(home, "link"))
    assert nuki.device.bolt.state.name == "LOCKED"
