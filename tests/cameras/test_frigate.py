"""Frigate on a real broker: what it sees, what it reads, and what somebody else sends there."""

import asyncio
from collections.abc import AsyncGenerator
import json
from typing import Any

from homeassistant.components import mqtt
from homeassistant.core import HomeAssistant
import pytest

from custom_components.smartlock_le.cameras import frigate as module
from tests.conftest import log_of, until, until_entry
from tests.zigbee2mqtt import Zigbee2Mqtt, mqtt_home
from virtual_home.frigate import NAME, event_message, lpr_message

from .conftest import Door
from .test_events import EVENT, heard
from .test_pictures import reconfigure, switch
from .test_plates import FRIEND, STRANGER, gate, reads, set_up

assert heard
assert gate


class Frigate:
    """What stands for it: messages of the shape that its documentation shows."""

    def __init__(self, z2m: Zigbee2Mqtt, prefix: str = "frigate") -> None:
        """Speak under a prefix."""
        self._z2m, self.prefix = z2m, prefix

    def say(self, topic: str, payload: Any, *, retain: bool = False) -> None:
        """Send anything."""
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self._z2m.publish(f"{self.prefix}/{topic}", data, retain=retain)

    def event(self, kind: str, label: str = "car", **after: Any) -> None:
        """Send a message of `events`."""
        self.say("events", event_message(kind, label, **after))

    def lpr(self, plate: Any, score: Any = 0.92, **more: Any) -> None:
        """Send a plate."""
        self.say("tracked_object_update", lpr_message(plate, score, **more))


async def listening(hass: HomeAssistant, gate: Door, prefix: str = "frigate") -> None:
    """Wait until the broker knows that we follow it."""
    watching = gate.home.cameras._frigate
    # Both topics, and Home Assistant's own word when MQTT is loaded.
    await until(lambda: watching._topic == prefix and len(watching._undo) == 3)
    for name in ("events", "tracked_object_update"):
        done = asyncio.Event()
        mqtt.async_on_subscribe_done(hass, f"{prefix}/{name}", 0, done.set)
        async with asyncio.timeout(20):
            await done.wait()


@pytest.fixture
async def frigate(
    hass: HomeAssistant, gate: Door, z2m: Zigbee2Mqtt
) -> AsyncGenerator[Frigate]:
    """Let the camera be known to it."""
    async with mqtt_home(hass, z2m):
        await reconfigure(gate, frigate=NAME, pictured=["person"])
        await listening(hass, gate)
        yield Frigate(z2m)


async def test_what_it_sees(
    hass: HomeAssistant, gate: Door, frigate: Frigate, heard: list[str]
) -> None:
    """Each object once, when it comes."""
    for label in ("person", "car", "package", "dog"):
        frigate.event("new", label)
        frigate.event("update", label)
        frigate.event("end", label)
    await until(lambda: len(heard) >= 3)
    await gate.media(1)
    await until(lambda: len(heard) == 4)
    assert heard == ["person", "vehicle", "package", "snapshot"]
    assert [e["event"] for e in await log_of(gate.home, "camera_event")] == ["person"]
    assert hass.states.get(EVENT)


async def test_a_plate(hass: HomeAssistant, gate: Door, frigate: Frigate) -> None:
    """By both ways that it tells, it is one read with the best score."""
    frigate.event("end", recognized_license_plate=FRIEND)
    frigate.lpr("FR1-END", 0.85)
    frigate.event(
        "update",
        recognized_license_plate="FR1 END",
        recognized_license_plate_score=0.97,
    )
    frigate.lpr("FR1-END", 0.9)
    await until_entry(gate.home, "plate", list="known")
    await gate.media(1)
    await until(lambda: not gate.home.cameras.plates._waiting)
    assert await reads(hass) == [(FRIEND, "known")]
    assert len(await log_of(gate.home, "plate")) == 1


async def test_hostile(
    hass: HomeAssistant,
    gate: Door,
    frigate: Frigate,
    heard: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever comes on its topics: nothing of it is kept, logged or told."""
    for topic in ("events", "tracked_object_update"):
        for payload in (
            b"",
            b"{",
            b"\xff\xfe",
            b"[" * 10_000,
            b"x" * (module.MAX_BYTES + 1),
            [],
            7,
            {"type": "new"},
            {"type": "new", "after": 7},
            {"type": "new", "after": {"camera": [], "label": {}}},
            {"type": ["lpr"], "camera": NAME, "plate": STRANGER, "score": 0.9},
            {"type": "description", "camera": NAME, "plate": STRANGER, "score": 0.9},
        ):
            frigate.say(topic, payload)
    for plate, score in (
        (7, 0.9),
        ("", 0.9),
        ("CAM" * 9, 0.9),
        (STRANGER, None),
        (STRANGER, "0.9"),
        (STRANGER, 1e300),
        (STRANGER, True),
        (STRANGER, 0.1),
    ):
        frigate.lpr(plate, score)
    frigate.lpr(STRANGER, camera="another")
    frigate.lpr(STRANGER, id={"a": 1})
    frigate.say("tracked_object_update", b'{"type": "lpr", "score": NaN}')
    frigate.event("new", "person", camera="another")
    frigate.event("new", "dog")
    frigate.event("new", "person")
    await until(lambda: heard)
    await gate.media(1)
    assert heard[0] == "person" and set(heard) <= {"person", "snapshot"}
    assert await reads(hass) == []
    ours = [r.getMessage() for r in caplog.records if "smartlock_le" in r.name]
    assert STRANGER not in str(ours)


async def test_private(
    hass: HomeAssistant, gate: Door, frigate: Frigate, heard: list[str]
) -> None:
    """The switch stops this, too."""
    await switch(hass, on=True)
    frigate.event("new", "person")
    frigate.lpr(FRIEND)
    await asyncio.sleep(0.5)
    await switch(hass, on=False)
    # It goes on telling of that car.
    for kind in ("update", "end"):
        frigate.event(
            kind, recognized_license_plate=FRIEND, recognized_license_plate_score=0.97
        )
    frigate.event("new", "package")
    await until(lambda: "package" in heard)
    assert "person" not in heard
    assert await reads(hass) == []


async def test_what_it_said_before(
    hass: HomeAssistant, gate: Door, z2m: Zigbee2Mqtt, heard: list[str]
) -> None:
    """What the broker kept is not news."""
    frigate = Frigate(z2m)
    after = {"camera": NAME, "label": "person", "id": "1"}
    old = {"type": "new", "before": after, "after": after}
    frigate.say("events", old, retain=True)
    try:
        async with mqtt_home(hass, z2m):
            await reconfigure(gate, frigate=NAME)
            await listening(hass, gate)
            frigate.event("new", "package")
            await until(lambda: "package" in heard)
            assert "person" not in heard
    finally:
        frigate.say("events", b"", retain=True)


async def test_another_prefix(
    hass: HomeAssistant,
    gate: Door,
    frigate: Frigate,
    z2m: Zigbee2Mqtt,
    heard: list[str],
) -> None:
    """The owner says under which it speaks."""
    await set_up(hass, gate, topic="/garden/frigate/")
    await listening(hass, gate, "garden/frigate")
    frigate.event("new", "person")
    Frigate(z2m, "garden/frigate").event("new", "package")
    await until(lambda: heard)
    assert heard == ["package"]


async def test_without_it(hass: HomeAssistant, gate: Door) -> None:
    """No MQTT, no camera of it: nothing is listened to; MQTT may come later."""
    watching = gate.home.cameras._frigate
    assert not watching._undo
    await reconfigure(gate, frigate=NAME)
    assert len(watching._undo) == 1
    await reconfigure(gate)
    assert not watching._undo


async def test_mqtt_comes_later(
    hass: HomeAssistant, gate: Door, z2m: Zigbee2Mqtt, heard: list[str]
) -> None:
    """Then it is listened to, and not any more once the home stops."""
    await reconfigure(gate, frigate=NAME)
    watching = gate.home.cameras._frigate
    async with mqtt_home(hass, z2m):
        await listening(hass, gate)
        Frigate(z2m).event("new", "person")
        await until(lambda: heard)
        await hass.config_entries.async_unload(gate.entry.entry_id)
        assert not watching._undo
