"""Fixtures: a radio, and zigpy with a ConBee II behind a socket as its host."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import pytest
import zigpy.device
from zigpy_deconz.zigbee.application import ControllerApplication

from tests.conftest import until
from virtual_home.zigbee.lock import Lock
from virtual_home.zigbee.options import LockOptions, NodeOptions, RadioOptions, devices
from virtual_home.zigbee.radio import Radio

FAST = LockOptions(motor_s=0.02, latency_s=0.001, hold_s=0.3)


def fast(options: NodeOptions) -> NodeOptions:
    """Make a device quick enough for a test."""
    quick = replace(options, latency_s=FAST.latency_s, hold_s=FAST.hold_s)
    if isinstance(quick, LockOptions):
        quick = replace(quick, motor_s=FAST.motor_s)
    return quick


@pytest.fixture
def options() -> NodeOptions:
    """Give the device; tests override this."""
    return FAST


@pytest.fixture
async def radio(socket_enabled: None, options: NodeOptions) -> AsyncGenerator[Radio]:
    """Run a radio with that device, which has not joined."""
    radio = Radio(RadioOptions(devices=devices(options)))
    await radio.start()
    yield radio
    await radio.stop()


def config(url: str) -> dict[str, Any]:
    """Return the configuration of zigpy for a radio."""
    device = {"path": url, "baudrate": 115200, "flow_control": None}
    return {"device": device, "database_path": None, "backup_enabled": False}


@pytest.fixture
async def host(radio: Radio) -> AsyncGenerator[Any]:
    """Run zigpy on the radio."""
    host = await ControllerApplication.new(config(radio.url), auto_form=False)
    yield host
    await host.shutdown()


async def join(host: Any, radio: Radio) -> Any:
    """Let the first device join; return what zigpy has of it."""
    node = radio.devices[0]
    await host.permit(60)
    node.join()
    await until(lambda: node.ieee in host.devices)
    device = host.get_device(ieee=node.ieee)
    await until(lambda: device.is_initialized and device.model)
    return device


class Heard:
    """What zigpy heard on a cluster, in order."""

    def __init__(self, cluster: Any) -> None:
        """Listen from now on."""
        self.commands: list[Any] = []
        cluster.add_listener(self)

    def cluster_command(self, _tsn: int, _command: int, arguments: Any) -> None:
        """Take a command."""
        self.commands.append(arguments)

    async def next(self) -> Any:
        """Wait for a command; return the oldest."""
        await until(lambda: self.commands)
        return self.commands.pop(0)


@pytest.fixture(autouse=True)
def patient_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have zigpy say what is missing after 5 s, not after three times 28."""
    monkeypatch.setattr(zigpy.device, "APS_REPLY_TIMEOUT_EXTENDED", 5.0)
    monkeypatch.setattr(zigpy.device, "DEFAULT_REQUEST_RETRIES", 0)


@pytest.fixture
def impatient(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have zigpy wait hardly at all for what does not come."""
    assert door
    monkeypatch.setattr(zigpy.device, "APS_REPLY_TIMEOUT_EXTENDED", 0.3)


class Door:
    """A lock that joined, from both sides."""

    def __init__(self, radio: Radio, device: Any) -> None:
        """Look at the first lock."""
        self.lock: Lock = radio.locks[0]
        self.cluster = device.endpoints[1].door_lock
        self.events = Heard(self.cluster)
        self.alarms = Heard(device.endpoints[1].alarms)

    async def reads(self, *names: str) -> dict[str, Any]:
        """Read attributes."""
        values, _failed = await self.cluster.read_attributes(list(names))
        return dict(values)

    async def quiet(self) -> None:
        """Wait until nothing more can come from the lock."""
        await asyncio.sleep(0)
        await self.reads("lock_type")


@pytest.fixture
async def door(host: Any, radio: Radio) -> Door:
    """Let the lock join, bind it and have its state reported."""
    door = Door(radio, await join(host, radio))
    await door.cluster.bind()
    await door.cluster.configure_reporting("lock_state", 0, 900, 1)
    return door
