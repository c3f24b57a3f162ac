"""The Zigbee stick of a virtual home that runs as a process: commands, and what is kept."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
import subprocess
import sys
from typing import Any

import pytest

from harness.virtual import VirtualHomeProcess
from virtual_home.client import ControlError

pytestmark = pytest.mark.usefixtures("socket_enabled")
ZIGBEE = 1


async def start(folder: Path) -> VirtualHomeProcess:
    """Start it with one Nuki and one Zigbee lock."""
    return await VirtualHomeProcess.start(
        folder / "log",
        *("--zigbee-port", "0", "--zigbee-database", str(folder / "zigbee.db")),
        *("--motor", "0.05"),
        state=folder / "state.json",
    )


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[VirtualHomeProcess]:
    """Run it."""
    home = await start(tmp_path)
    yield home
    await home.stop()


async def zigbee(home: VirtualHomeProcess, cmd: str, **arguments: Any) -> Any:
    """Command the Zigbee lock."""
    return await home(cmd, lock=ZIGBEE, **arguments)


async def test_every_command(process: VirtualHomeProcess, tmp_path: Path) -> None:
    """The same words as for a Nuki, as far as it has such things."""
    assert process.zigbee
    (address,) = process.zigbee["locks"]
    assert process.zigbee["url"].startswith("socket://127.0.0.1:")
    state = await zigbee(process, "state")
    assert (state["address"], state["bolt"], state["connected"]) == (
        *(address, "locked", False),
    )
    assert (await process("state"))["label"], "the Nuki is the first lock still"
    assert await zigbee(process, "foreign-code", code="135790", name="3") == {
        "code_id": 3
    }
    assert (await zigbee(process, "codes"))["codes"] == [
        {"id": 3, "code": "135790", "status": 1}
    ]
    assert (await zigbee(process, "press", code="135790"))["name"] == "user 3"
    refused = await zigbee(process, "press", code="000000")
    assert (refused["opened"], refused["error"]) == (False, "refused")
    async with asyncio.timeout(10):
        # Its motor has run before it is jammed.
        while (await zigbee(process, "state"))["bolt"] != "unlocked":
            await asyncio.sleep(0.01)
    await zigbee(process, "turn", to="unlock")
    await zigbee(process, "door", to="open")
    await zigbee(process, "jam", on=True)
    await zigbee(process, "range", in_range=False)
    await zigbee(process, "battery", percent=12)
    await zigbee(process, "motor", seconds=0)
    await zigbee(process, "lose", direction="report", n=2)
    state = await zigbee(process, "state")
    assert state | {"name": "", "address": ""} == {
        "name": "",
        "address": "",
        "bolt": "unlocked",
        "door": "open",
        "battery": 12,
        "in_range": False,
        "jammed": True,
        "connected": False,
        "codes": 1,
        "faults": {"report": 2},
    }
    await zigbee(process, "clear")
    await zigbee(process, "reset")
    state = await zigbee(process, "state")
    assert (state["codes"], state["faults"], state["in_range"]) == (0, {}, True)


async def test_nonsense(process: VirtualHomeProcess) -> None:
    """Each is refused with a reason, and the home goes on."""
    for cmd, arguments in (
        ("pairing", {"on": True}),
        ("turn", {"to": "left"}),
        ("battery", {"percent": 101}),
        ("motor", {"seconds": -1}),
        ("lose", {"direction": "to_lock"}),
        ("foreign-code", {"code": "12", "name": "3"}),
        ("press", {"digits": "1234"}),
    ):
        with pytest.raises(ControlError):
            await zigbee(process, cmd, **arguments)
    with pytest.raises(ControlError, match="no such lock"):
        await process("state", lock=2)
    assert await zigbee(process, "state")


async def test_what_is_kept(tmp_path: Path) -> None:
    """Codes, bolt and door are as they were; the database is written once."""
    home = await start(tmp_path)
    await zigbee(home, "foreign-code", code="135790", name="3")
    await zigbee(home, "turn", to="unlock")
    await zigbee(home, "door", to="open")
    await home.stop()
    database = tmp_path / "zigbee.db"
    assert database.stat().st_size > 0
    written = database.stat().st_mtime_ns
    home = await start(tmp_path)
    state = await zigbee(home, "state")
    assert (state["bolt"], state["door"], state["codes"]) == ("unlocked", "open", 1)
    assert database.stat().st_mtime_ns == written
    await home.stop()
    # Without the stick the rest of the state is taken up all the same.
    home = await VirtualHomeProcess.start(
        tmp_path / "log", state=tmp_path / "state.json"
    )
    assert home.zigbee is None
    with pytest.raises(ControlError, match="no such lock"):
        await zigbee(home, "state")
    await home.stop()


async def test_by_hand(process: VirtualHomeProcess) -> None:
    """The commands that the demo tells to try."""
    run = [sys.executable, "-m", "virtual_home", "--lock", "1"]
    run += ["--control-port", str(process.control_port)]
    for command, answer in (
        (["press", "000000"], "refused"),
        (["turn", "unlock"], "done"),
        (["lose", "report", "2"], "done"),
    ):
        told = subprocess.run(  # noqa: ASYNC221
            [*run, *command], capture_output=True, text=True, check=True
        )
        assert answer in told.stdout
