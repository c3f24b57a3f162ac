"""pyNukiBT, a client that other people wrote, against the simulated lock."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bleak import BleakClient
from bleak.backends.device import BLEDevice
from construct import Bytes, Int8ul, Int16ul, Int32ul, Struct  # type: ignore[import-untyped]
from nacl.public import PrivateKey
import pyNukiBT
from pyNukiBT import NukiConst, NukiDevice
import pyNukiBT.nuki
import pytest

from tests.virtual_home.conftest import FAST
from tests.virtual_home.raw import PIN, wait_for
from virtual_home.home import VirtualHome
from virtual_home.nuki import LockOptions, LockState, NukiLock
from virtual_home.scanner import backend


@pytest.fixture(params=[False, True], ids=["as documented", "as firmware 3.x"])
def options(request: pytest.FixtureRequest) -> LockOptions:
    """Run with and without the fields that the document leaves out."""
    return replace(FAST, padded=request.param)


@pytest.fixture
async def peer(
    home: VirtualHome, lock: NukiLock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[NukiDevice]:
    """Give a pyNukiBT device that is paired."""

    async def establish(_class: Any, device: BLEDevice, _name: str) -> BleakClient:
        client = BleakClient(device, backend=backend(home.central))
        await client.connect()
        return client

    monkeypatch.setattr(pyNukiBT.nuki, "establish_connection", establish)
    private = PrivateKey.generate()
    peer = NukiDevice(
        lock.address,
        None,
        None,
        bytes(private.public_key),
        bytes(private),
        42,
        "Peer",
        NukiConst.NukiClientType.APP,
        BLEDevice(lock.address, lock.name, {}),
    )
    await peer.connect()
    await peer.pair()
    await peer.update_state()
    yield peer
    await peer.disconnect()


async def test_state_and_config(peer: NukiDevice, lock: NukiLock) -> None:
    """State and config say what the model says."""
    assert peer.last_state.lock_state == "LOCKED"
    assert peer.last_state.door_sensor_state == "DOOR_CLOSED"
    assert (peer.battery_percentage, peer.is_battery_critical) == (86, False)
    drift = peer.last_state.current_time.replace(tzinfo=UTC) - datetime.now(UTC)
    assert abs(drift) < timedelta(seconds=2)
    assert peer.config.name == "Front door"
    assert peer.config.has_keypad == 1
    assert list(peer.config.firmware_version) == [3, 9, 5]
    lock.device.set_battery(8)
    await peer.update_state()
    assert (peer.battery_percentage, peer.is_battery_critical) == (8, True)


async def test_actions(peer: NukiDevice, lock: NukiLock) -> None:
    """Unlock, lock with a suffix, unlatch."""
    assert (await peer.unlock()).status == "ACCEPTED"
    await wait_for(lambda: peer.last_state.lock_state == "UNLOCKED")
    done = await peer.lock_action("LOCK", name_suffix="police", wait_for_completed=True)
    assert done.status == "COMPLETED"
    assert lock.device.bolt.state is LockState.LOCKED
    await peer.unlatch()
    await wait_for(lambda: peer.last_state.lock_state == "UNLATCHED")
    await wait_for(lambda: peer.last_state.lock_state == "UNLOCKED")
    entries = await peer.request_log_entries(PIN, count=10)
    assert [(entry.name, entry.data.lock_action) for entry in entries] == [
        ("Peer", "UNLATCH"),
        ("Peer police", "LOCK"),
        ("Peer", "UNLOCK"),
    ]


async def test_pin_and_time(peer: NukiDevice, lock: NukiLock) -> None:
    """The security PIN, and the clock that it protects."""
    assert await peer.verify_security_pin(PIN)
    assert not await peer.verify_security_pin(1)
    lock.device.clock_offset = timedelta(hours=5)
    await peer.update_nuki_time(PIN)
    assert abs(lock.device.clock_offset) < timedelta(seconds=2)


async def test_other_entries(peer: NukiDevice, lock: NukiLock) -> None:
    """Entries of the door and of the keypad."""
    lock.device.codes.add(345678, "Anna", None, lock.device.now)
    lock.device.press(345678)
    await wait_for(lambda: lock.device.log.entries)
    lock.device.press(999999)
    lock.device.move_door(is_open=True)
    right, wrong, door = await peer.request_log_entries(PIN, 0, 10)
    assert (right.name, right.data.completion_status) == ("Anna", "SUCCESS")
    assert (right.data.source, right.data.code_id) == (1, 1)
    assert wrong.data.completion_status == "INVALID_CODE"
    assert (door.type, door.data.door_status) == ("DOOR_SENSOR", 0)


async def test_codes(peer: NukiDevice, lock: NukiLock) -> None:
    """Codes, with the structs that pyNukiBT has for them and those it lacks."""
    const, command = peer._const, peer._const.NukiCommand
    pin = const.NukiSecurityPinDataType
    const.message_types |= {
        command.KEYPAD_CODE_ID: Struct(
            "code_id" / Int16ul, "created" / const.NukiDateTime
        ),
        command.REQUEST_KEYPAD_CODES: Struct(
            "offset" / Int16ul,
            "count" / Int16ul,
            "nonce" / Bytes(32),
            "security_pin" / pin,
        ),
        command.KEYPAD_CODE_COUNT: Struct("count" / Int16ul),
        command.KEYPAD_CODE: Struct(
            "code_id" / Int16ul,
            "code" / Int32ul,
            "name" / Bytes(20),
            "enabled" / Int8ul,
            "created" / const.NukiDateTime,
            "last_active" / const.NukiDateTime,
            "uses" / Int16ul,
            "limited" / Int8ul,
            "window" / Bytes(19),
        ),
        command.REMOVE_KEYPAD_CODE: Struct(
            "code_id" / Int16ul, "nonce" / Bytes(32), "security_pin" / pin
        ),
    }

    async def nonce() -> bytes:
        answer = await peer._send_encrypted_command(
            command.REQUEST_DATA,
            {"command": command.CHALLENGE},
            expected_response=command.CHALLENGE,
        )
        return bytes(answer.nonce)

    start = datetime(2026, 1, 1, 8)
    added = await peer._send_encrypted_command(
        command.ADD_KEYPAD_CODE,
        {
            "code": 345678,
            "name": "Anna",
            "time_limited": 1,
            "allowed_from_date": start,
            "allowed_until_date": start + timedelta(days=365 * 50),
            "allowed_weekdays": dict.fromkeys(
                ("monday", "tuesday", "wednesday", "thursday", "friday"), 1
            )
            | {"saturday": 0, "sunday": 0},
            "allowed_from_time": {"hour": 8, "minute": 0},
            "allowed_until_time": {"hour": 17, "minute": 30},
            "nonce": await nonce(),
            "security_pin": PIN,
        },
        expected_response=command.KEYPAD_CODE_ID,
    )
    window = lock.device.codes.get(added.code_id).window
    assert window is not None
    assert window.start == start.replace(tzinfo=UTC)
    assert window.weekdays == 0b1111100
    assert window.until_time.isoformat() == "17:30:00"
    await peer._send_encrypted_command(
        command.REQUEST_KEYPAD_CODES,
        {"offset": 0, "count": 10, "nonce": await nonce(), "security_pin": PIN},
        aggregate_messages=[command.KEYPAD_CODE_COUNT, command.KEYPAD_CODE],
        expected_response=command.STATUS,
    )
    count, code = peer._messages
    assert (count.count, code.code, code.window) == (1, 345678, window.pack())
    await peer._send_encrypted_command(
        command.REMOVE_KEYPAD_CODE,
        {"code_id": added.code_id, "nonce": await nonce(), "security_pin": PIN},
        expected_response=command.STATUS,
    )
    assert not len(lock.device.codes)
    await asyncio.sleep(0)
