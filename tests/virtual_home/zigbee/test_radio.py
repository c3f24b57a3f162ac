"""The stick: forming, joining and leaving, discovery, general ZCL, hosts that come and go."""

import asyncio
from dataclasses import replace
from pathlib import Path
import sqlite3
import struct
from typing import Any

import pytest
from zigpy.exceptions import TransientConnectionError
from zigpy.zcl.clusters.general import Basic
from zigpy.zcl.clusters.security import ZoneState
from zigpy.zcl.foundation import Direction, FrameControl, GeneralCommand, Status
from zigpy.zdo.types import NodeDescriptor, Status as ZdoStatus
from zigpy_deconz.zigbee.application import ControllerApplication

from tests.conftest import until
from virtual_home.zigbee import database, wire
from virtual_home.zigbee.options import (
    ContactOptions,
    NodeOptions,
    RadioOptions,
    devices,
)
from virtual_home.zigbee.radio import Radio
from virtual_home.zigbee.wire import Command

from .conftest import FAST, Door, Heard, config, fast, join

CONTACT = pytest.mark.parametrize("options", [fast(ContactOptions())], ids=["contact"])


async def test_formed(host: Any, radio: Radio) -> None:
    info = host.state.network_info
    assert (info.pan_id, info.channel) == (0x1A2B, 15)
    assert str(info.extended_pan_id) == RadioOptions().extended_pan_id
    assert str(host.state.node_info.ieee) == str(radio.network.ieee)


async def test_form(socket_enabled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zigpy_deconz.zigbee.application.CHANGE_NETWORK_POLL_TIME", 0.1)
    monkeypatch.setattr("zigpy_deconz.zigbee.application.CHANGE_NETWORK_STATE_DELAY", 0)
    radio = Radio(RadioOptions(formed=False))
    await radio.start()
    host: Any = ControllerApplication(config(radio.url))
    await host.connect()
    await host.form_network()
    await host.load_network_info()
    assert radio.state is wire.Network.CONNECTED
    assert host.state.network_info.channel in range(11, 27)
    assert str(host.state.network_info.extended_pan_id) == str(
        radio.network.extended_pan_id
    )
    await host.disconnect()
    await radio.stop()


async def test_join_and_leave(host: Any, radio: Radio) -> None:
    node = radio.devices[0]
    with pytest.raises(ValueError, match="no new devices"):
        node.join()
    device = await join(host, radio)
    assert (device.manufacturer, device.model) == ("Yale", "YRD256 TSDB")
    assert device.node_desc.is_end_device
    assert device.node_desc.is_receiver_on_when_idle
    assert set(device.endpoints[1].in_clusters) == {0, 1, 3, 9, 10, 0x0101}
    assert set(device.endpoints[1].out_clusters) == {0x0A, 0x19}
    await device.endpoints[1].door_lock.bind()
    assert node.bound(1, 0x0101)
    await device.endpoints[1].door_lock.unbind()
    assert not node.bound(1, 0x0101)
    await host.permit(0)
    node.join()
    await device.zdo.leave()
    await until(lambda: not node.joined)
    assert not node.bindings
    with pytest.raises(ValueError, match="no new devices"):
        node.join()


async def test_discovery(host: Any, radio: Radio) -> None:
    device = await join(host, radio)
    zdo, nwk, ieee = device.zdo, device.nwk, device.ieee
    assert (await zdo.NWK_addr_req(ieee, 0, 0))[:3] == [0, ieee, nwk]
    assert (await zdo.IEEE_addr_req(nwk, 0, 0))[:3] == [0, ieee, nwk]
    descriptor: NodeDescriptor = (await zdo.Node_Desc_req(nwk))[2]
    assert descriptor.manufacturer_code == 0x101D
    assert (await zdo.Active_EP_req(nwk))[2] == [1]
    assert (await zdo.Simple_Desc_req(nwk, 9))[0] == ZdoStatus.NOT_ACTIVE
    assert (await zdo.Match_Desc_req(nwk, 260, [0x0101], []))[2] == [1]
    assert (await zdo.Power_Desc_req(nwk))[0] == ZdoStatus.NOT_SUPPORTED
    assert (await zdo.Mgmt_Lqi_req(0))[0] == ZdoStatus.NOT_SUPPORTED
    assert (await zdo.Mgmt_Rtg_req(0))[0] == ZdoStatus.NOT_SUPPORTED
    assert (await zdo.Mgmt_Bind_req(0))[0] == ZdoStatus.NOT_SUPPORTED
    assert (await zdo.Mgmt_Permit_Joining_req(0, 0))[0] == ZdoStatus.SUCCESS
    assert await host.energy_scan(host.state.network_info.channel_mask, 2, 1)
    stick = host.get_device(nwk=0)
    _status, neighbors = await stick.zdo.Mgmt_Lqi_req(0)
    assert [one.ieee for one in neighbors.NeighborTableList] == [ieee]


async def test_general_commands(door: Door) -> None:
    basic: Any = door.cluster.endpoint.basic
    values, failed = await basic.read_attributes(["model", "location_desc"])
    assert values == {"model": "YRD256 TSDB"}
    assert set(failed.values()) == {Status.UNSUPPORTED_ATTRIBUTE}
    written = await basic.write_attributes({"model": "other", "location_desc": "hall"})
    assert [one.status for one in written[0]] == [
        Status.READ_ONLY,
        Status.UNSUPPORTED_ATTRIBUTE,
    ]
    found = await basic.discover_attributes(0, 255)
    names = {Basic.attributes[one.attrid].name for one in found.attribute_info}
    assert {"manufacturer", "model", "power_source"} <= names
    assert found.discovery_complete
    assert not (await basic.discover_attributes(0, 2)).discovery_complete
    answer = await basic.configure_reporting("location_desc", 0, 900, 1)
    assert set(answer.values()) == {Status.UNSUPPORTED_ATTRIBUTE}
    await door.cluster.configure_reporting("lock_state", 0, 0xFFFF, 1)
    assert not door.lock.server.reporting
    answer = await basic.reset_fact_default()
    assert answer.status == Status.UNSUP_CLUSTER_COMMAND
    answer = await basic.general_command(
        GeneralCommand.Discover_Commands_Received, 0, 255
    )
    assert answer.status == Status.UNSUP_GENERAL_COMMAND


async def test_unknown_cluster(door: Door) -> None:
    onoff: Any = door.cluster.endpoint.add_input_cluster(0x0006)
    assert (await onoff.on()).status == Status.UNSUPPORTED_CLUSTER


@CONTACT
async def test_contact(host: Any, radio: Radio) -> None:
    contact: Any = radio.devices[0]
    device = await join(host, radio)
    zone = device.endpoints[1].ias_zone
    heard = Heard(zone)
    contact.move_door(is_open=True)
    await zone.write_attributes({"cie_addr": host.state.node_info.ieee})
    assert (await heard.next()).zone_type == 0x0015, "nothing before it is enrolled"
    await zone.enroll_response(enroll_response_code=0, zone_id=7)
    assert contact.zone.get("zone_state") == ZoneState.Enrolled
    contact.move_door(is_open=False)
    told = await heard.next()
    assert (told.zone_status, told.zone_id) == (0, 7)
    contact.move_door(is_open=True)
    assert (await heard.next()).zone_status == 1
    assert contact.is_open


async def test_restart(door: Door, host: Any, radio: Radio) -> None:
    lost = asyncio.Event()
    host.connection_lost = lambda _error: lost.set()
    await radio.restart(0.1)
    await lost.wait()
    assert not radio.hosted
    await host.shutdown()

    async def again() -> Any:
        while True:
            try:
                return await ControllerApplication.new(config(radio.url))
            except TransientConnectionError:
                await asyncio.sleep(0.05)

    other = await asyncio.wait_for(again(), 20)
    assert str(other.state.network_info.extended_pan_id).startswith("dd:dd")
    assert door.lock.joined
    await other.shutdown()


async def test_second_host(host: Any, radio: Radio) -> None:
    lost = asyncio.Event()
    host.connection_lost = lambda _error: lost.set()
    other: Any = await ControllerApplication.new(config(radio.url))
    await asyncio.wait_for(lost.wait(), 20)
    await other.permit(0)
    await other.shutdown()


class Line:
    """A host that speaks for itself."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Take an open line."""
        self._reader, self.writer = reader, writer
        self._splitter = wire.Splitter()
        self._frames: list[wire.Frame] = []

    async def ask(self, command: int, body: bytes) -> wire.Frame:
        """Send a command; return its response."""
        self.writer.write(wire.encode(command, 9, 0, body))
        while True:
            for frame in self._frames:
                if frame.command == command and frame.seq == 9:
                    self._frames.remove(frame)
                    return frame
            data = await asyncio.wait_for(self._reader.read(999), 20)
            assert data
            self._frames += self._splitter.feed(data)


@pytest.fixture
async def line(radio: Radio) -> Any:
    """Open a line to the stick."""
    line = Line(*await asyncio.open_connection("127.0.0.1", radio.port))
    yield line
    line.writer.close()
    await until(lambda: not radio.hosted)


async def test_odd_commands(line: Line, radio: Radio) -> None:
    assert (await line.ask(0x55, b"")).status == wire.Status.UNSUPPORTED
    for command in (Command.APS_DATA_CONFIRM, Command.APS_DATA_INDICATION):
        answer = await line.ask(command, wire.sized(b""))
        assert answer.status == wire.Status.FAILURE
    answer = await line.ask(Command.READ_PARAMETER, wire.sized(b"\x77"))
    assert answer.status == wire.Status.UNSUPPORTED
    answer = await line.ask(Command.READ_PARAMETER, wire.sized(b"\x13\x09"))
    assert answer.status == wire.Status.UNSUPPORTED
    answer = await line.ask(Command.READ_PARAMETER, wire.sized(b"\x21"))
    assert wire.payload(answer) == b"\x21\x00"
    for body in (b"\x00", wire.sized(b"\x21")):
        answer = await line.ask(Command.WRITE_PARAMETER, body)
        assert answer.status == wire.Status.INVALID_VALUE
    answer = await line.ask(Command.APS_DATA_REQUEST, wire.sized(b"\x01\x00\x09"))
    assert answer.status == wire.Status.INVALID_VALUE
    neighbor = wire.sized(b"\x01" + bytes(11))
    assert (await line.ask(Command.UPDATE_NEIGHBOR, neighbor)).body == neighbor
    assert radio.hosted


def lock_door(address: bytes, asdu: bytes = b"\x01\x05\x00") -> bytes:
    """Write a request."""
    head = struct.pack("<BB", 5, 0) + address
    return wire.sized(head + struct.pack("<HHBH", 260, 0x0101, 1, len(asdu)) + asdu)


async def test_nobody_and_nonsense(line: Line, radio: Radio) -> None:
    nobody = b"\x02\x99\x99\x01"
    answer = await line.ask(Command.APS_DATA_REQUEST, lock_door(nobody))
    assert answer.status == wire.Status.SUCCESS
    await until(lambda: radio.confirms)
    confirm = await line.ask(Command.APS_DATA_CONFIRM, wire.sized(b""))
    assert wire.payload(confirm)[-5] == wire.Delivery.NO_ACK
    radio.locks[0].joined = True
    somebody = b"\x03" + radio.locks[0].ieee.serialize() + b"\x01"
    await line.ask(Command.APS_DATA_REQUEST, lock_door(somebody, b"\x01"))
    await until(lambda: radio.confirms)
    assert radio.confirms[0][1] is wire.Delivery.SUCCESS
    assert not radio.indications


async def test_offline(line: Line, radio: Radio) -> None:
    state = bytes((wire.Network.OFFLINE,))
    await line.ask(Command.CHANGE_NETWORK_STATE, state)
    await until(lambda: radio.state is wire.Network.OFFLINE)
    answer = await line.ask(Command.APS_DATA_REQUEST, lock_door(b"\x02\x01\x1a\x01"))
    assert answer.status == wire.Status.NO_NETWORK


def test_manufacturer_commands_are_not_ours(radio: Radio) -> None:
    control = FrameControl.cluster(Direction.Client_to_Server, True)
    assert control.is_manufacturer_specific
    lock = radio.locks[0]
    lock.joined = True
    asdu = control.serialize() + b"\x34\x12" + b"\x05\x00"
    content = lock_door(b"\x02\x01\x1a\x01", asdu)[2:]
    lock.hear(wire.request(content), unicast=False)
    assert lock.state.name == "Locked"
    assert not lock._moving


def test_database(tmp_path: Path) -> None:
    joined = [replace(FAST, joined=True), FAST, replace(ContactOptions(), joined=True)]
    radio = Radio(RadioOptions(devices=devices(*joined)))
    database.write(tmp_path / "zigbee.db", radio)
    with sqlite3.connect(tmp_path / "zigbee.db") as saved:
        rows = saved.execute(
            "SELECT DISTINCT ieee FROM attributes_cache_v15"
        ).fetchall()
    saved.close()
    assert {one[0] for one in rows} == {
        str(radio.devices[0].ieee),
        str(radio.devices[2].ieee),
    }


@pytest.mark.parametrize(
    ("bad", "message"),
    [((FAST, FAST), "two devices"), ((NodeOptions(),), "no device is made")],
)
def test_bad_options(bad: tuple[NodeOptions, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Radio(RadioOptions(devices=bad))
