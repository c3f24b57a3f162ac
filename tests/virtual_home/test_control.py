"""The control server, its clients, and a real process."""

import asyncio
from collections.abc import AsyncIterator, Iterator
import contextlib
import json
from pathlib import Path
import signal
import subprocess
import sys
from typing import Any

import pytest

from tests.virtual_home.raw import RawClient, wait_for
from virtual_home import client as client_module
from virtual_home.client import ControlClient, ControlError, command
from virtual_home.control import ControlServer
from virtual_home.home import VirtualHome
from virtual_home.nuki import NukiLock
from virtual_home.nuki.keypad import Window

pytestmark = pytest.mark.usefixtures("socket_enabled")


@pytest.fixture
async def port(home: VirtualHome) -> AsyncIterator[int]:
    """Start a control server."""
    server = ControlServer(home)
    await server.stop()
    yield await server.start()
    await server.stop()


@pytest.fixture
async def control(port: int) -> AsyncIterator[ControlClient]:
    """Give a connected control client."""
    async with ControlClient(port) as control:
        yield control


async def test_state(control: ControlClient, lock: NukiLock) -> None:
    """Everything about a lock."""
    state = await control("state")
    assert state["bolt"] == "locked"
    assert state["address"] == lock.address
    assert state["pairing"] is True


async def test_door(control: ControlClient, lock: NukiLock) -> None:
    """Everything that happens at the door, and how it looks in the log."""
    assert await control("foreign-code", code=478392, name="Bob") == {"code_id": 1}
    assert await control("press", code="478392") == {
        "opened": True,
        "error": None,
        "code_id": 1,
        "name": "Bob",
    }
    await wait_for(lambda: lock.device.log.entries)
    assert (await control("press", code=999999))["error"] == "K_ERROR_CODE_INVALID"
    await control("turn", to="lock")
    await control("door", to="open")
    await control("door", to="closed")
    assert (await control("state"))["bolt"] == "locked"
    rows = (await control("log"))["log"]
    short = [(row["type"], row.get("completion"), row.get("door")) for row in rows]
    assert short == [
        ("keypad_action", "success", None),
        ("keypad_action", "invalid_code", None),
        ("lock_action", "success", None),
        ("door_sensor", None, "opened"),
        ("door_sensor", None, "closed"),
    ]
    assert rows[0]["code_id"] == 1


async def test_switches(control: ControlClient, lock: NukiLock) -> None:
    """Jam, pairing, keypad, range, battery, motor and clock."""
    await control("jam", on=True)
    await control("pairing", on=False)
    await control("keypad", on=False)
    await control("range", in_range=False)
    await control("battery", percent=12)
    await control("motor", seconds=0)
    await control("clock", offset=-3600)
    state = await control("state")
    expected = {
        "jammed": True,
        "pairing": False,
        "keypad": False,
        "in_range": False,
        "battery": 12,
        "battery_critical": True,
    }
    assert {key: state[key] for key in expected} == expected
    assert lock.device.bolt.motor_s == 0
    assert lock.device.clock_offset.total_seconds() == -3600
    await control("button")
    assert (await control("state"))["pairing"]


async def test_door_sensor(control: ControlClient, lock: NukiLock) -> None:
    """The sensor can be taken away, spoiled and mended."""
    for state in ("unavailable", "tampered", "closed"):
        await control("door-sensor", state=state)
        assert (await control("state"))["door"] == state
    with pytest.raises(ControlError, match="say one of unavailable"):
        await control("door-sensor", state="ajar")


async def test_codes(control: ControlClient, lock: NukiLock) -> None:
    """Codes with their digits, and a reset that forgets them."""
    now = lock.device.now
    lock.device.codes.add(345678, "Anna", Window(now, None), now)
    await control("foreign-code", code=478392, name="Bob")
    anna, bob = (await control("codes"))["codes"]
    assert (anna["code"], anna["window"]["from"]) == (345678, now.isoformat())
    assert (bob["name"], bob["window"]) == ("Bob", None)
    await control("reset")
    assert await control("codes") == {"codes": []}
    assert (await control("state"))["paired"] == ["Nuki Keypad"]


async def test_faults(
    control: ControlClient, lock: NukiLock, client: RawClient
) -> None:
    """Trouble can be ordered, and messages counted."""
    await control("messages")
    await control("lose", direction="from_lock", n=3, drop_link=True, delay=1)
    await control("double", direction="to_lock")
    assert len((await control("state"))["faults"]) == 2
    await control("clear")
    await client.act(1)
    await client.write("a92ee202-5501-11e4-916c-0800200c9a66", b"x")
    messages = (await control("messages"))["messages"]
    assert messages[0] == {
        "direction": "to_lock",
        "command": 1,
        "name": "request_data",
        "fate": "passed",
    }
    assert {"lock_action", None} <= {message["name"] for message in messages}
    assert (await control("state"))["lock_actions_received"] == {"unlock": 1}


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({"cmd": "dance"}, "no such command: dance"),
        ({}, "no such command: None"),
        ({"cmd": ["state"]}, "no such command"),
        ({"cmd": "state", "lock": 1}, "no such lock: 1"),
        ({"cmd": "state", "lock": "0"}, "no such lock: 0"),
        ({"cmd": "press"}, "missing 1 required"),
        ({"cmd": "press", "code": "abc"}, "invalid literal"),
        ({"cmd": "press", "code": 1, "hard": True}, "does not take hard"),
        ({"cmd": "turn", "to": "left"}, "say lock or unlock"),
        ({"cmd": "lose", "direction": "up"}, "up"),
        ({"cmd": "motor", "seconds": -1}, "cannot be that fast"),
        ({"cmd": "battery", "percent": 101}, "the lock refuses"),
        ({"cmd": "foreign-code", "code": 1, "name": "x"}, "K_ERROR_BAD_PARAMETER"),
        ([], "a request is a JSON object"),
    ],
)
async def test_refused(port: int, request_: Any, error: str) -> None:
    """A request that makes no sense is told so, and the session goes on."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for line, expected in (
        (json.dumps(request_).encode(), error),
        (b"{", "not JSON"),
    ):
        writer.write(line + b"\n")
        response = json.loads(await reader.readline())
        assert response["ok"] is False
        assert expected in response["error"]
    writer.close()


async def test_endless_line(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line without end ends the session."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"x" * (2 << 20))
    async with asyncio.timeout(5):
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
    writer.close()


async def test_no_server(port: int, home: VirtualHome) -> None:
    """A client that has nobody to talk to."""
    control = ControlClient(port)
    with pytest.raises(ControlError, match="not connected"):
        await control("state")
    server = ControlServer(home)
    other = await server.start()
    async with ControlClient(other) as control:
        await control("state")
        await server.stop()
        with pytest.raises((ControlError, ConnectionError)):
            await control("state")
    with pytest.raises(ControlError, match="no virtual home"):
        await asyncio.to_thread(command, "state", port=other)


async def test_sync_client(port: int) -> None:
    """The helper for code without asyncio."""
    state = await asyncio.to_thread(command, "state", port=port)
    assert state["bolt"] == "locked"
    with pytest.raises(ControlError, match="no such command"):
        await asyncio.to_thread(command, "dance", port=port)
    assert client_module.DEFAULT_PORT == 18124


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Run `serve` as a process of its own."""
    with subprocess.Popen(
        [
            sys.executable,
            *("-m", "virtual_home", "serve", "--proxy-port", "0", "--control-port"),
            *("0", "--locks", "2", "--motor", "0", "--pairing", "--state"),
            str(tmp_path / "state.json"),
        ],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def test_process(process: subprocess.Popen[str], tmp_path: Path) -> None:
    """It says when it is ready, takes commands, and ends when it is told to."""
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    assert [lock["name"] for lock in ready["locks"]] == [
        "Nuki_1A2B3C4D",
        "Nuki_1A2B3C4E",
    ]
    assert ready["proxy_port"] > 0

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        port = str(ready["control_port"])
        return subprocess.run(
            [sys.executable, "-m", "virtual_home", "--control-port", port, *arguments],
            capture_output=True,
            text=True,
            check=False,
        )

    assert "bolt                   locked" in run("state").stdout
    assert run("--lock", "1", "foreign-code", "478392", "Bob").returncode == 0
    assert run("--lock", "1", "press", "478392").stdout == "accepted: code 1, Bob\n"
    assert run("press", "478392").stdout == "refused: K_ERROR_CODE_INVALID\n"
    assert json.loads(run("--lock", "1", "--json", "state").stdout)["codes"] == 1
    assert run("jam", "on").stdout == "done\n"
    assert run("codes").stdout == "none\n"
    assert "name=Bob" in run("--lock", "1", "codes").stdout
    refused = run("--lock", "7", "state")
    assert (refused.returncode, refused.stderr) == (1, "no such lock: 7\n")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert process.stdout.read() == ""
    assert "Bob" in (tmp_path / "state.json").read_text()
