"""Takes the pictures of the documentation from the demo."""

import asyncio
from pathlib import Path
import sys
import tempfile

from playwright.async_api import Page

from . import ROOT, HarnessError
from .browser import browser, open_card, open_help, pair
from .develop import PIN, Demo
from .ports import free_port
from .steps import lock

PICTURES = ROOT / "docs" / "images"
# Until what fades in and grows has done so.
_STILL = 700


async def _take(page: Page, name: str) -> None:
    await page.wait_for_timeout(_STILL)
    path = PICTURES / f"{name}.png"
    await page.screenshot(path=path, animations="disabled")
    sys.stdout.write(f"{path.relative_to(ROOT)}\n")


async def _click_through(page: Page, demo: Demo) -> None:
    assert demo.home
    dialog = await open_card(page)
    await _take(page, "found")
    await pair(dialog, demo.home, PIN)
    async with await demo.hass.api.websocket() as socket:
        door = await lock(socket)
        entities = await socket("config/entity_registry/list")
        # Something to be seen under Activity.
        for action in ("lock.unlock", "lock.lock"):
            await socket.act(action, entity_id=door)
    (device,) = {e["device_id"] for e in entities if e["entity_id"] == door}
    await page.goto(f"/config/devices/device/{device}")
    await page.get_by_text("Diagnostic").first.wait_for()
    await _take(page, "lock")
    dialog = await open_help(page)
    await dialog.fill("Engine 7", "F-2026-0457", "Smoke on the second floor")
    await _take(page, "let-help-in")
    await dialog.go_on()
    await dialog.shows("Engine 7")
    await _take(page, "code")


async def _run() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="smartlock-") as folder:
        async with Demo(Path(folder), free_port()) as demo:
            await demo.front_door()
            async with browser(demo.hass.base, height=960) as page:
                await _click_through(page, demo)


def main() -> int:
    """Take all pictures."""
    try:
        asyncio.run(_run())
    except HarnessError as err:
        sys.stderr.write(f"screenshot: {err}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
