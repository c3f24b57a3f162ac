"""A real Zigbee2MQTT and a real broker for a session of tests, on the virtual radio.

Zigbee2MQTT takes 4 s to start, and 5 s more until it tells Home Assistant of its devices, so
all tests share one with a lock of each kind; the radio runs in a thread of its own, for it
must not end with a test's loop. `zigbee2mqtt` in tests/conftest.py gives it,
`mqtt_home(hass, z2m)` puts Home Assistant's own MQTT integration on its broker. Needs
`socket_enabled`.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
import ctypes
from dataclasses import dataclass, field
import json
import os
from pathlib import Path
import shutil
import signal
import subprocess
import tempfile
from threading import Event, Thread
import time
from typing import Any
from unittest.mock import patch

from homeassistant.components.mqtt import client as mqtt_client
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
import paho.mqtt.client as paho
from pytest_homeassistant_custom_component.common import MockConfigEntry
import pytest_socket

from harness import broker
from harness.ports import HOST, free_port, whose
from virtual_home.zigbee.lock import Lock
from virtual_home.zigbee.options import LockOptions, RadioOptions, Readback, devices
from virtual_home.zigbee.radio import Radio

from .conftest import until

_PROGRAMS = Path(__file__).parents[1] / ".cache" / "zigbee2mqtt" / "bin"
BASE = "home/zigbee 2"
"""A base topic that nobody would guess."""
_START_S = 60.0
_LIBC = ctypes.CDLL(None)

KINDS = {
    "plain": LockOptions(),
    "mute": LockOptions(events=False),
    "write-only": LockOptions(readback=Readback.SILENT),
    "anonymous": LockOptions(user_ids=False),
    "forgetful": LockOptions(forgets=True),
    "keyless": LockOptions(manufacturer="Kwikset", model="SMARTCODE_CONVERT_GEN1"),
    "late": LockOptions(joined=False),
}
"""The locks on the radio; `late` has not joined, `keyless` takes no codes."""


def _fast(options: LockOptions) -> LockOptions:
    fields = {name: getattr(options, name) for name in options.__dataclass_fields__}
    fields |= {"motor_s": 0.05, "latency_s": 0.001}
    fields["joined"] = options is not KINDS["late"]
    return LockOptions(**fields)


def _end_with_parent() -> None:
    _LIBC.prctl(1, signal.SIGKILL)


@dataclass
class Program:
    """A child process that listens on a port of this machine."""

    command: list[str]
    folder: Path
    name: str
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Tell whether it has not ended."""
        return self.process is not None and self.process.poll() is None

    @property
    def log(self) -> Path:
        """Where it says what it does."""
        return self.folder / f"{self.name}.log"

    def start(self) -> None:
        """Start it, in a thread that outlives it: it ends with that."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # No repository around it: it asks git what it is.
                cwd=self.folder,
                env={**os.environ, **self.environment},
                preexec_fn=_end_with_parent,  # noqa: PLW1509
            )

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it; at once, where what it would say at leisure is not waited for."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(_START_S)
            self.process = None


class Zigbee2Mqtt:
    """Radio, broker and Zigbee2MQTT."""

    def __init__(self, folder: Path) -> None:
        """Build them; nothing runs yet."""
        self.folder = folder
        self.data = folder / "data"
        self.port = free_port()
        (folder / "mosquitto.conf").write_text(
            broker.configuration(self.port)
            + f"persistence true\npersistence_location {folder}/\n"
        )
        config = str(folder / "mosquitto.conf")
        command = [str(broker.PROGRAM), "-c", config]
        self.broker = Program(command, folder, "broker")
        self.bridge = Program(
            [str(_PROGRAMS / "zigbee2mqtt")],
            folder,
            "bridge",
            {"ZIGBEE2MQTT_DATA": str(self.data)},
        )
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="radio", daemon=True)
        kinds = [_fast(options) for options in KINDS.values()]
        self.radio = Radio(RadioOptions(devices=devices(*kinds)))
        self.locks: dict[str, Lock] = dict(zip(KINDS, self.radio.locks, strict=True))
        self._heard: dict[str, bytes] = {}
        self._listening = Event()
        self._spy = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._spy.on_message = self._hear
        self._spy.on_connect = lambda client, *_: client.subscribe("#")
        self._spy.on_subscribe = lambda *_: self._listening.set()
        self._spy.reconnect_delay_set(1, 1)

    def _hear(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        self._heard[message.topic] = message.payload

    # The radio, which has a thread of its own

    def do[T](self, work: Callable[[], T]) -> T:
        """Do something with the radio where it lives."""

        async def run() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    # The programs

    def start(self) -> None:
        """Start all of it, and wait until Home Assistant is told of the locks."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.radio.start(), self._loop).result(10)
        self.start_broker()
        self.listen()
        self._write()
        self.start_bridge()

    def start_broker(self) -> None:
        """Start the broker on its port, and see that it is ours that listens there."""
        self.do(self.broker.start)
        end = time.monotonic() + _START_S
        process = self.broker.process
        assert process
        while (ours := whose(self.port, process.pid)) is None:
            assert self.broker.running, self.broker.log.read_text()
            assert time.monotonic() < end
            time.sleep(0.01)
        assert ours, "somebody else listens on the port of our broker"

    def start_bridge(self) -> None:
        """Start Zigbee2MQTT and wait until all that it says at its start is said."""
        self._heard.pop(f"{BASE}/bridge/state", None)
        self._heard.pop(f"{BASE}/bridge/info", None)
        self.do(self.bridge.start)
        end = time.monotonic() + _START_S
        while not self._is_up():
            assert self.bridge.running, self.bridge.log.read_text()[-3000:]
            assert time.monotonic() < end, self.bridge.log.read_text()[-3000:]
            time.sleep(0.02)

    def _is_up(self) -> bool:
        wanted = [self._discovery(kind) for kind in KINDS if kind != "late"]
        return (
            b"online" in self._heard.get(f"{BASE}/bridge/state", b"")
            and f"{BASE}/bridge/info" in self._heard
            and all(self._heard.get(topic) for topic in wanted)
        )

    def _discovery(self, kind: str) -> str:
        return f"homeassistant/lock/{self.ieee(kind)}/lock/config"

    def stop(self) -> None:
        """End all of it."""
        self.bridge.stop()
        self.broker.stop()
        self.hush()
        if self._thread.is_alive():
            stopping = self.radio.stop()
            asyncio.run_coroutine_threadsafe(stopping, self._loop).result(10)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
        self._loop.close()

    def heal(self) -> None:
        """Have all of it run, and every lock as it was at first."""
        if not self.broker.running:
            self.start_broker()
        if not self.bridge.running:
            self.start_bridge()
        for kind in self.do(self._heal_locks):
            end = time.monotonic() + _START_S
            while b'"state":"LOCK"' not in (self.heard(f"{BASE}/{kind}") or b""):
                assert time.monotonic() < end
                time.sleep(0.02)
            # The word of who did it is out by then, too.
            time.sleep(0.05)

    def _heal_locks(self) -> list[str]:
        turned = []
        for kind, lock in self.locks.items():
            lock.trouble.clear()
            lock.jammed, lock.motor_s = False, 0.05
            lock.users.clear_all()
            lock.users._options = lock.options
            if lock.joined and lock.state.name != "Locked":
                lock.turn(lock=True)
                turned.append(kind)
        return turned

    # What is in their files

    def _write(self) -> None:
        """Write the devices as if they had been interviewed, and the configuration."""
        self.data.mkdir()
        options = RadioOptions()
        hexes = options.extended_pan_id.split(":")
        config = {
            "version": 5,
            "homeassistant": {"enabled": True},
            "frontend": {"enabled": False},
            "mqtt": {"server": f"mqtt://{HOST}:{self.port}", "base_topic": BASE},
            "serial": {
                "port": f"tcp://{HOST}:{self.radio.port}",
                "adapter": "deconz",
            },
            "advanced": {
                "log_output": ["console"],
                "log_level": "warning",
                "channel": options.channel,
                "pan_id": options.pan_id,
                "ext_pan_id": [int(one, 16) for one in hexes],
                "network_key": [int(one, 16) for one in options.network_key.split(":")],
            },
            "devices": {
                self.ieee(kind): {"friendly_name": kind}
                for kind in KINDS
                if kind != "late"
            },
        }
        # JSON is YAML, too.
        (self.data / "configuration.yaml").write_text(json.dumps(config))
        lines = [
            json.dumps(_interviewed(number, lock))
            for number, lock in enumerate(self.locks.values(), 2)
            if lock.joined
        ]
        (self.data / "database.db").write_text("\n".join(lines))

    def ieee(self, kind: str) -> str:
        """Return a lock's address as Zigbee2MQTT writes it."""
        return "0x" + str(self.locks[kind].ieee).replace(":", "")

    def lock_id(self, kind: str) -> str:
        """Return what SmartLock LE knows a lock by."""
        return f"mqtt:{self.ieee(kind)}_lock_{BASE}"

    # The broker

    def listen(self) -> None:
        """Hear all that is said."""
        self._listening.clear()
        self._spy.connect(HOST, self.port)
        self._spy.loop_start()
        assert self._listening.wait(10)

    def hush(self) -> None:
        """Hear no more: a thread of ours must open no socket in a test of others."""
        self._spy.disconnect()
        self._spy.loop_stop()

    def publish(
        self, topic: str, payload: bytes | str, *, retain: bool = False
    ) -> None:
        """Say something on the broker, as anybody could."""
        self._spy.publish(topic, payload, retain=retain)

    async def asked(self, request: str, data: dict[str, Any]) -> None:
        """Have Zigbee2MQTT do something, as its own page does."""
        response = f"{BASE}/bridge/response/{request}"
        self._heard.pop(response, None)
        self.publish(f"{BASE}/bridge/request/{request}", json.dumps(data))
        await until(lambda: b'"ok"' in self._heard.get(response, b""))

    def heard(self, topic: str) -> bytes | None:
        """Return what was said last under a topic."""
        return self._heard.get(topic)


def _interviewed(number: int, lock: Lock) -> dict[str, Any]:
    """Return a device as Zigbee2MQTT's database has it after interview and set-up."""
    coordinator = "0x" + RadioOptions().ieee.replace(":", "")
    options = lock.options
    basic = {
        "modelId": options.model,
        "manufacturerName": options.manufacturer,
        "powerSource": 3,
        "zclVersion": 3,
        "appVersion": 3,
        "stackVersion": 2,
        "hwVersion": 1,
        "dateCode": "20261101",
        "swBuildId": "1.0",
    }
    endpoint = {
        "profId": 260,
        "epId": 1,
        "devId": 10,
        "inClusterList": list(lock.endpoint.servers),
        "outClusterList": list(lock.endpoint.clients),
        "clusters": {"genBasic": {"attributes": basic}},
        "binds": [
            {
                "cluster": cluster,
                "type": "endpoint",
                "deviceIeeeAddress": coordinator,
                "endpointID": 1,
            }
            for cluster in (257, 1)
        ],
        "configuredReportings": [],
        "meta": {},
    }
    return {
        "id": number,
        "type": "EndDevice",
        "ieeeAddr": "0x" + str(lock.ieee).replace(":", ""),
        "nwkAddr": lock.nwk,
        "manufId": options.manufacturer_code,
        "manufName": options.manufacturer,
        "powerSource": "Battery",
        "modelId": options.model,
        "epList": [1],
        "endpoints": {"1": endpoint},
        "interviewCompleted": True,
        "interviewState": "SUCCESSFUL",
        # Of no version that there is: it is not set up again.
        "meta": {"configured": "0.0.0"},
        **{key: basic[key] for key in ("zclVersion", "appVersion", "stackVersion")},
        **{key: basic[key] for key in ("hwVersion", "dateCode", "swBuildId")},
    }


@contextmanager
def running() -> Iterator[Zigbee2Mqtt]:
    """Run all of it."""
    folder = Path(tempfile.mkdtemp(prefix="smartlock-le-"))
    # Called before the first test that may: its sockets are those of all others.
    pytest_socket.enable_socket()
    pytest_socket.socket_allow_hosts([HOST])
    z2m = Zigbee2Mqtt(folder)
    try:
        z2m.start()
        z2m.hush()
        yield z2m
    finally:
        z2m.stop()
        shutil.rmtree(folder)


@asynccontextmanager
async def mqtt_home(
    hass: HomeAssistant, z2m: Zigbee2Mqtt
) -> AsyncGenerator[MockConfigEntry]:
    """Put Home Assistant's MQTT on the broker; give its entry."""
    entry = MockConfigEntry(
        domain="mqtt",
        data={"broker": HOST, "port": z2m.port, "discovery": True, "protocol": "5"},
        # Half a minute after that Zigbee2MQTT would say again all that it knows.
        options={"birth_message": {}},
        version=2,
        minor_version=1,
    )
    entry.add_to_hass(hass)
    # It looks for locks that were written there by hand.
    await hass.async_add_executor_job(
        Path(hass.config.path("configuration.yaml")).touch
    )
    with (
        patch.object(mqtt_client, "INITIAL_SUBSCRIBE_COOLDOWN", 0.02),
        patch.object(mqtt_client, "SUBSCRIBE_COOLDOWN", 0.01),
        patch.object(mqtt_client, "UNSUBSCRIBE_COOLDOWN", 0.01),
        patch.object(mqtt_client, "DISCOVERY_COOLDOWN", 0.05),
        patch.object(mqtt_client, "RECONNECT_INTERVAL_SECONDS", 0.1),
    ):
        try:
            assert await hass.config_entries.async_setup(entry.entry_id)
            await hass.async_block_till_done()
            yield entry
        finally:
            if entry.state is ConfigEntryState.LOADED:
                await hass.config_entries.async_unload(entry.entry_id)


async def brought(hass: HomeAssistant, z2m: Zigbee2Mqtt, kind: str) -> str:
    """Wait until Home Assistant has a lock, and can use it; return its entity."""
    from homeassistant.helpers import entity_registry as er

    unique_id = z2m.lock_id(kind).partition(":")[2]
    registry = er.async_get(hass)

    def there() -> str | None:
        entity_id = registry.async_get_entity_id("lock", "mqtt", unique_id)
        state = hass.states.get(entity_id) if entity_id else None
        return entity_id if state and state.state != "unavailable" else None

    entity_id: str = await until(there)
    return entity_id
