"""A headless Chromium that clicks through Home Assistant as a person does."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
import shutil
from typing import Any

from playwright.async_api import Locator, Page, async_playwright

from . import HarnessError

_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_TIMEOUT = 20_000
INTEGRATIONS = "/config/integrations/dashboard"
OURS = "/config/integrations/integration/smartlock_le"


@asynccontextmanager
async def browser(
    base: str, *, width: int = 1280, height: int = 800, believing: bool = False
) -> AsyncIterator[Page]:
    """Open a page of the Home Assistant at `base`; `believing`: whatever its certificate."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise HarnessError("no Chromium: run script/bootstrap browser")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(
            executable_path=chromium, headless=True, args=[*_FLAGS]
        )
        context = await started.new_context(
            base_url=base,
            viewport={"width": width, "height": height},
            # What Home Assistant fetches for its own pictures is not here.
            service_workers="block",
            ignore_https_errors=believing,
            locale="en-GB",
        )
        page = await context.new_page()
        page.set_default_timeout(_TIMEOUT)
        yield page
        await started.close()


class Dialog:
    """The dialog of a flow."""

    def __init__(self, page: Page) -> None:
        """Work on the dialog that this page shows."""
        self.page = page
        self.box: Locator = page.locator("dialog-data-entry-flow")

    async def shows(self, text: str) -> None:
        """Wait until the dialog says something."""
        await self.box.get_by_text(text).first.wait_for()

    async def go_on(self) -> None:
        """Press the button at the bottom, whatever it is called."""
        await self.box.locator("ha-button[slot=primaryAction]").click()

    async def fill(self, *texts: str) -> None:
        """Write into the text fields, in their order."""
        for number, text in enumerate(texts):
            await self.box.locator("ha-selector-text input").nth(number).fill(text)


async def open_card(page: Page) -> Dialog:
    """Click on the card of the found lock."""
    await page.goto(INTEGRATIONS)
    card = page.locator("ha-config-flow-card").filter(has_text="SmartLock LE")
    await card.get_by_role("button", name="Add").click()
    dialog = Dialog(page)
    await dialog.shows("Nothing is shared with anyone unless you share it.")
    return dialog


async def pair(dialog: Dialog, home: Callable[[str], Awaitable[Any]], pin: str) -> None:
    """Go on from the first page of a found lock to its end.

    `home` does something to the virtual home.
    """
    await dialog.go_on()
    await dialog.shows("Sharing with law enforcement")
    await dialog.go_on()
    await dialog.shows("Switch on Bluetooth pairing")
    await home("button")
    await dialog.go_on()
    await dialog.shows("The security PIN is")
    await dialog.fill(pin)
    await dialog.go_on()
    await dialog.shows("Device name")
    await dialog.go_on()
    await dialog.box.wait_for(state="hidden")


async def open_help(page: Page) -> Dialog:
    """Open the form that lets help in."""
    await page.goto(OURS)
    # Home Assistant shows "Configure" as a gear.
    await page.locator("ha-config-entry-row ha-icon-button[slot=end]").first.click()
    dialog = Dialog(page)
    await dialog.box.get_by_text("Let help in now").click()
    await dialog.shows("Agency")
    return dialog
