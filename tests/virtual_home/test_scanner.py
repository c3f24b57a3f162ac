"""The in-process adapter: what bleak sees."""

import asyncio
from collections.abc import AsyncIterator
import struct
from unittest.mock import AsyncMock, Mock

from bleak import BleakClient
from bleak.exc import BleakDeviceNotFoundError, BleakError
from bleak_retry_connector import BleakSlotManager
from habluetooth import BluetoothManager, HaBluetoothSlotAllocations, central_manager
import pytest

from tests.virtual_home.raw import wait_for
from virtual_home.home import VirtualHome
from virtual_home.nuki import Command, ErrorCode, NukiLock
from virtual_home.nuki.wire import KEYTURNER_USDIO, PAIRING_GDIO, frame
from virtual_home.scanner import Scanner, backend

REQUEST_KEY = frame(Command.REQUEST_DATA, struct.pack("<H", Command.PUBLIC_KEY))


@pytest.fixture
async def client(home: VirtualHome, lock: NukiLock) -> AsyncIterator[BleakClient]:
    """Give a connected bleak client."""
    async with BleakClient(lock.address, backend=backend(home.central)) as client:
        yield client


async def test_gatt(client: BleakClient, lock: NukiLock) -> None:
    """Services, notifications, reads and writes."""
    lock.device.set_pairing(False)
    assert client.is_connected
    assert client.mtu_size == 247
    assert client.name == lock.address
    characteristic = client.services.get_characteristic(PAIRING_GDIO)
    assert characteristic is not None
    assert characteristic.properties == ["write", "indicate"]
    assert characteristic.max_write_without_response_size == 244
    inbox: asyncio.Queue[bytes] = asyncio.Queue()
    await client.start_notify(
        PAIRING_GDIO, lambda _, data: inbox.put_nowait(bytes(data))
    )
    await client.write_gatt_char(PAIRING_GDIO, REQUEST_KEY, response=True)
    async with asyncio.timeout(2):
        answer = await inbox.get()
    assert answer[2] == ErrorCode.P_ERROR_NOT_PAIRING
    cccd = characteristic.descriptors[0]
    assert await client.read_gatt_descriptor(cccd.handle) == b"\2\0"
    await client.stop_notify(PAIRING_GDIO)
    assert await client.read_gatt_descriptor(cccd.handle) == b"\0\0"
    await client._backend.write_gatt_descriptor(cccd, b"\2\0")
    name = client.services.services[min(client.services.services)].characteristics[0]
    assert await client.read_gatt_char(name) == b"Nuki_1A2B3C4D"
    with pytest.raises(BleakError, match="ATT error"):
        await client.read_gatt_char(KEYTURNER_USDIO)
    for bonding in (client.pair, client.unpair):
        with pytest.raises(NotImplementedError):
            await bonding()


async def test_link_loss(home: VirtualHome, lock: NukiLock) -> None:
    """The client is told, and every operation says that it is not connected."""
    gone = asyncio.Event()
    client = BleakClient(
        lock.address,
        disconnected_callback=lambda _: gone.set(),
        backend=backend(home.central),
    )
    await client.connect()
    characteristic = client.services.get_characteristic(PAIRING_GDIO)
    assert characteristic is not None

    async def write_on() -> None:
        while True:
            await client._backend.write_gatt_char(characteristic, REQUEST_KEY, True)

    lock.cut_link()
    with pytest.raises(BleakError):
        await asyncio.wait_for(write_on(), 5)
    await asyncio.wait_for(gone.wait(), 2)
    assert not client.is_connected
    assert client._backend.mtu_size == 23
    with pytest.raises(BleakError, match="Not connected"):
        await client._backend.write_gatt_char(characteristic, REQUEST_KEY, True)
    await client.disconnect()
    await client.connect()
    await client.disconnect()


async def test_cannot_connect(home: VirtualHome, lock: NukiLock) -> None:
    """A device that is not there, and slots that are not free."""
    clients = [
        BleakClient(lock.address, backend=backend(home.central), timeout=0.1)
        for _ in range(2)
    ]
    await lock.set_in_range(False)
    with pytest.raises(BleakDeviceNotFoundError):
        await clients[0].connect()
    await lock.set_in_range(True)
    await clients[0].connect(timeout=2)
    with pytest.raises(BleakError, match="already connected"):
        await clients[1].connect()
    home.central.slots = 1
    other = BleakClient("54:D2:72:00:00:09", backend=backend(home.central))
    with pytest.raises(BleakError, match="slot"):
        await other.connect()
    await clients[0].disconnect()


@pytest.fixture
async def manager(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[BluetoothManager]:
    """Give a manager of habluetooth without adapters of its own."""
    adapters = Mock(adapters={}, refresh=AsyncMock(), default_adapter="hci0")
    manager = BluetoothManager(adapters, BleakSlotManager())
    monkeypatch.setattr(central_manager.CentralBluetoothManager, "manager", manager)
    yield manager
    manager.async_stop()


async def test_scanner(
    home: VirtualHome, lock: NukiLock, manager: BluetoothManager
) -> None:
    """Advertisements go to the manager, and so does news of slots."""
    news: list[HaBluetoothSlotAllocations] = []
    manager.async_register_allocation_callback(news.append)
    scanner = Scanner(home.central)
    stop = scanner.async_setup()
    await wait_for(lambda: scanner.discovered_addresses)
    device, advertisement = scanner.discovered_devices_and_advertisement_data[
        lock.address
    ]
    assert device.name == "Nuki_1A2B3C4D"
    assert 76 in advertisement.manufacturer_data
    assert scanner.get_allocations().free == 3
    assert scanner.connector is not None
    assert scanner.connector.can_connect()
    client = BleakClient(lock.address, backend=scanner.connector.client)
    await client.connect()
    assert (news[-1].free, news[-1].allocated) == (2, [lock.address])
    await client.disconnect()
    assert news[-1].free == 3
    stop()
