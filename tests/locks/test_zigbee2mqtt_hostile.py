"""What anybody can say on a broker: none of it raises, is believed or is logged."""

import json
import logging
from typing import Any

from homeassistant.core import HomeAssistant
from hypothesis import given, settings, strategies as st
import pytest

from custom_components.smartlock_le.locks.driver import Bolt
from custom_components.smartlock_le.locks.numbered import CodeStatus
from custom_components.smartlock_le.locks.zigbee2mqtt_messages import (
    Device,
    Report,
    address,
    device_of,
    report_of,
    valid_topic,
)
from custom_components.smartlock_le.models import DoorCommand
from tests.conftest import until
from tests.zigbee2mqtt import BASE, Zigbee2Mqtt

from .zigbee2mqtt_bench import zigbee2mqtt_bench

IEEE = "0x000d6f000abc0001"
WORDS = st.sampled_from(
    [
        "state",
        "lock_state",
        "action",
        "action_user",
        "action_source_name",
        "users",
        "pin_code",
        "status",
        "ieee_address",
        "friendly_name",
        "definition",
        "exposes",
        "features",
        "property",
        "value_max",
        "3",
    ]
)
SAID = st.sampled_from(
    ["LOCK", "locked", "unlock", "pin_code_added", "keypad", "enabled", "user", IEEE]
)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), SAID
)
ANY = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(WORDS, inner, max_size=6)
    ),
    max_leaves=20,
)
SECRET = "86421357"
NASTY = [
    b"",
    b"null",
    b"not JSON " + SECRET.encode(),
    b"\xff\xfe\x00" + SECRET.encode(),
    b'{"state":NaN,"x":"' + SECRET.encode() + b'"}',
    b"[" * 100_000,
    b'{"state":' * 5000 + b"1" + b"}" * 5000,
    b'{"state":"UNLOCK","x":"' + b"9" * 300_000 + b'"}',
    b'{"state":["UNLOCK"],"lock_state":{"a":1},"action":5,"users":["'
    + SECRET.encode()
    + b'"]}',
    b'{"action":"unlocked ' + SECRET.encode() + b'","action_user":1e400}',
    b'{"users":{"'
    + b"9" * 400
    + b'":{"status":"enabled"},"\xc2\xb2":{"status":"enabled"}}}',
    b'{"users":{"3":"' + SECRET.encode() + b'"}}',
]
DEVICES = [
    *NASTY,
    b"[]",
    b"[[], null, 3]",
    b'[{"ieee_address":"%s"}]' % IEEE.encode(),
    b'[{"ieee_address":"%s","friendly_name":"#"}]' % IEEE.encode(),
    b'[{"ieee_address":"%s","friendly_name":"a/+/b"}]' % IEEE.encode(),
    b'[{"ieee_address":"%s","friendly_name":["%s"]}]'
    % (IEEE.encode(), SECRET.encode()),
]


@given(ANY)
@settings(max_examples=60, deadline=None)
def test_any_json(value: Any) -> None:
    """Whatever is said, what is made of it is one of ours."""
    payload = json.dumps(value).encode()
    report = report_of(payload)
    assert (
        (report is None) is not isinstance(value, dict)
        or b"NaN" in payload
        or (b"Infinity" in payload)
    )
    if report is not None:
        assert report.bolt in (None, Bolt.LOCKED, Bolt.UNLOCKED, Bolt.JAMMED)
        assert all(isinstance(status, CodeStatus) for status in report.users.values())
        action = report.action
        assert action is None or action.user is None or 0 <= action.user < 0xFFFF
    found = device_of(payload, IEEE)
    assert found is None or found == "" or isinstance(found, Device)


@given(st.binary(max_size=200) | st.text(max_size=50))
@settings(max_examples=100, deadline=None)
def test_any_bytes(payload: bytes | str) -> None:
    assert report_of(payload) is None or isinstance(report_of(payload), Report)
    assert device_of(payload, IEEE) in (None, "")


@pytest.mark.parametrize("payload", [None, 5, [], {}])
def test_no_payload(payload: Any) -> None:
    assert report_of(payload) is None
    assert device_of(payload, IEEE) is None


def test_a_lock_that_says_how_many_codes_it_has() -> None:
    def listed(**user: Any) -> bytes:
        features = [{"property": "user", **user}]
        code = {"property": "pin_code", "features": features}
        exposes = [{"property": "battery"}, code]
        lock = {"ieee_address": IEEE, "friendly_name": "Door"}
        return json.dumps([{**lock, "definition": {"exposes": exposes}}]).encode()

    assert device_of(listed(value_max=29), IEEE) == Device("Door", True, 30)
    for value in (None, -1, True, "29", 70000):
        assert device_of(listed(value_max=value), IEEE) == Device("Door", True, None)
    assert device_of(listed(), IEEE) == Device("Door", True, None)


@pytest.mark.parametrize(
    ("lock_id", "found"),
    [
        (f"mqtt:{IEEE}_lock_zigbee2mqtt", (IEEE, "zigbee2mqtt")),
        (f"mqtt:{IEEE}_lock_a/b c", (IEEE, "a/b c")),
        (f"mqtt:{IEEE}_child_lock_zigbee2mqtt", None),
        (f"mqtt:{IEEE}_lock_", None),
        (f"mqtt:{IEEE}_lock_#", None),
        (f"mqtt:{IEEE}_lock_a\nb", None),
        ("mqtt:front_door", None),
        (f"zha:{IEEE}_lock_zigbee2mqtt", None),
    ],
)
def test_address(lock_id: str, found: tuple[str, str] | None) -> None:
    assert address(lock_id) == found


@pytest.mark.parametrize(
    "topic", ["", "a+", "#", "a\0", "a\ud800", "x" * 2000, 5, None]
)
def test_no_topic(topic: Any) -> None:
    assert not valid_topic(topic)


async def test_on_the_broker(
    hass: HomeAssistant,
    z2m: Zigbee2Mqtt,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The real one carries it, and the lock works after it as before."""
    ours = "custom_components.smartlock_le"
    async with zigbee2mqtt_bench(hass, z2m, monkeypatch) as bench:
        caplog.set_level(logging.DEBUG, logger=ours)
        await bench.driver.read_state()
        kept = z2m.heard(f"{BASE}/bridge/devices")
        assert kept
        for payload in NASTY:
            z2m.publish(f"{BASE}/bridge/state", payload)
        for payload in (*DEVICES, b"[]"):
            z2m.publish(f"{BASE}/bridge/devices", payload)
        # The last of them had no such lock.
        await until(lambda: not bench.driver._topics.named.is_set())
        z2m.publish(f"{BASE}/bridge/state", '{"state":"online"}', retain=True)
        z2m.publish(f"{BASE}/bridge/devices", kept, retain=True)
        await until(
            lambda: bench.driver._topics.named.is_set() and bench.driver.available
        )
        for payload in NASTY:
            z2m.publish(f"{BASE}/plain", payload)
        bench.say({"state": "LOCK", "battery": 77})
        await until(
            lambda: bench.driver._last and bench.driver._last.rest.get("battery") == 77
        )
        assert bench.events == []
        assert bench.driver.state.bolt is Bolt.LOCKED
        await bench.driver.command(DoorCommand.UNLOCK)
        said = [r.getMessage() for r in caplog.records if r.name.startswith(ours)]
        assert SECRET not in "".join(said)
        blamed = [
            r for r in caplog.records if ours in r.getMessage() and r.levelno >= 30
        ]
        assert blamed == []
