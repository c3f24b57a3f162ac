"""The demo as its owner meets it: one command, a browser, Ctrl-C."""

from pathlib import Path
import re
import signal
import socket
import subprocess
from typing import Any

from harness import ROOT
from harness.browser import OURS, browser, open_card, pair
from harness.develop import PIN
from harness.hass import eventually
from harness.ports import HOST, free_port, is_taken
from virtual_home.client import ControlClient

from .portal import Portal


def develop(folder: Path, port: int) -> subprocess.Popen[str]:
    """Start the demo."""
    return subprocess.Popen(
        [ROOT / "script" / "develop", "--port", str(port), "--folder", folder],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def said(demo: subprocess.Popen[str], until: str) -> str:
    """Return what the demo says, up to the line that holds `until`."""
    assert demo.stdout
    lines = []
    for line in demo.stdout:
        lines.append(line)
        if until in line:
            return "".join(lines)
    raise AssertionError("".join(lines))


def of_folder(folder: Path) -> list[str]:
    """Return the command lines of all processes that work in a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(folder) in command:
            found.append(command)
    return found


def without_goodbyes(text: str) -> str:
    """Return a log without what aiohttp says of a browser that left in mid-sentence.

    Home Assistant packs a long message in a thread; a page that is left meanwhile does
    not wait for it, and which of them is first nobody can tell.
    """
    records = re.split(r"^(?=\d{4}-\d\d-\d\d )", text, flags=re.MULTILINE)
    left = "ClientConnectionResetError: Cannot write to closing transport"
    return "".join(one for one in records if not one.rstrip().endswith(left))


def end(demo: subprocess.Popen[str], number: signal.Signals, folder: Path) -> None:
    """End the demo, as somebody does who started it; nothing of it may be left."""
    demo.send_signal(number)
    text, _ = demo.communicate(timeout=60)
    assert demo.returncode == 0, text
    assert "stopped" in text
    assert of_folder(folder) == []


async def click(port: int, control_port: int) -> None:
    """Add the found lock in a browser, and unlock it."""

    async def home(cmd: str, **arguments: Any) -> Any:
        async with ControlClient(control_port) as control:
            return await control(cmd, **arguments)

    async with browser(f"http://localhost:{port}") as page:
        dialog = await open_card(page)
        await pair(dialog, home, PIN)
        await page.goto(OURS)
        await page.get_by_text("Nuki Smart Lock").first.click()
        await page.get_by_text("Unlock", exact=True).click()

        async def unlocked() -> bool:
            return bool((await home("state"))["bolt"] == "unlocked")

        await eventually(unlocked, "the lock is unlocked", 30)


def control_port(text: str) -> int:
    """Return the port in the commands that the demo tells to try."""
    words = text.split()
    where = words.index("--control-port") if "--control-port" in words else -1
    return int(words[where + 1]) if where >= 0 else 18124


def test_demo(portal: Portal, tmp_path: Path) -> None:
    """The lock is found, is added by clicks, and is as it was left the next time."""
    port, folder = free_port(), tmp_path / "demo"
    demo = develop(folder, port)
    try:
        text = said(demo, "after the start")
        assert f"http://localhost:{port}" in text
        assert "Nuki_1A2B3C4D was found" in text
        portal(click(port, control_port(text)))
        end(demo, signal.SIGINT, folder)
        assert not is_taken(port)
        warnings = without_goodbyes((folder / "config" / "hass.log").read_text())
        assert "ERROR" not in warnings
        # That a custom integration is one is Home Assistant's standing warning.
        assert warnings.count("WARNING") == warnings.count("has not been tested")
        demo = develop(folder, port)
        assert "lock.front_door is unlocked" in said(demo, "after the start")
        end(demo, signal.SIGTERM, folder)
    finally:
        if demo.poll() is None:
            demo.terminate()
            demo.communicate(timeout=60)


def test_port_is_taken(tmp_path: Path) -> None:
    """A port that is not free is said plainly, and nothing is started."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        demo = develop(tmp_path / "demo", port)
        text, _ = demo.communicate(timeout=60)
    assert demo.returncode == 1
    assert f"port {port} is taken" in text
    assert not (tmp_path / "demo").exists()
