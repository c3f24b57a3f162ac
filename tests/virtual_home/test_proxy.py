"""The proxy, with the client library of Home Assistant's own integration."""

import asyncio
from collections.abc import AsyncIterator, Callable
import struct
from typing import Any

from aioesphomeapi.client import APIClient
from aioesphomeapi.core import (
    BluetoothConnectionDroppedError,
    BluetoothGATTAPIError,
    TimeoutAPIError,
)
from aioesphomeapi.model import BluetoothProxyFeature, BluetoothScannerMode
import pytest

from tests.virtual_home.raw import wait_for
from virtual_home import proxy as proxy_module
from virtual_home.home import VirtualHome
from virtual_home.native_api import number
from virtual_home.nuki import Command, ErrorCode, NukiLock
from virtual_home.nuki.wire import PAIRING_GDIO, frame

REQUEST_KEY = frame(Command.REQUEST_DATA, struct.pack("<H", Command.PUBLIC_KEY))

pytestmark = pytest.mark.usefixtures("socket_enabled")


@pytest.fixture
async def port(home: VirtualHome) -> int:
    """Start the proxy."""
    return await home.proxy.start()


@pytest.fixture
async def api(port: int) -> AsyncIterator[APIClient]:
    """Give a connected API client."""
    api = APIClient("127.0.0.1", port, None)
    await api.connect(login=True)
    yield api
    await api.disconnect()


class Device:
    """One device, through the proxy."""

    def __init__(self, api: APIClient, address: str) -> None:
        """Talk to this device."""
        self.api = api
        self.address = number(address)
        self.states: list[tuple[bool, int, int]] = []
        self.forget: Callable[[], None] = lambda: None

    async def connect(self) -> None:
        """Connect and wait for it."""
        self.states.clear()
        self.forget()
        self.forget = await self.api.bluetooth_device_connect(
            self.address,
            lambda *state: self.states.append(state),
            feature_flags=BluetoothProxyFeature.REMOTE_CACHING,
            address_type=1,
            timeout=2,
            disconnect_timeout=1,
        )
        await wait_for(lambda: self.states)

    async def characteristic(self, uuid: str) -> Any:
        """Find a characteristic."""
        found = await self.api.bluetooth_gatt_get_services(self.address)
        for service in found.services:
            for characteristic in service.characteristics:
                if characteristic.uuid == uuid:
                    return characteristic
        raise AssertionError(uuid)


async def test_device_info(api: APIClient) -> None:
    """A proxy without entities."""
    info = await api.device_info()
    assert info.bluetooth_mac_address == "C0:FF:EE:CE:17:A1"
    assert api.api_version is not None
    flags = info.bluetooth_proxy_feature_flags_compat(api.api_version)
    assert flags & BluetoothProxyFeature.ACTIVE_CONNECTIONS
    assert not flags & BluetoothProxyFeature.PAIRING
    assert await api.list_entities_services() == ([], [])


async def test_advertisements(api: APIClient, lock: NukiLock) -> None:
    """Raw advertisements, until they are not wanted any more."""
    heard: list[Any] = []
    modes: list[Any] = []
    api.subscribe_bluetooth_scanner_state(modes.append)
    stop = api.subscribe_bluetooth_le_raw_advertisements(heard.append)
    await wait_for(lambda: heard)
    advertisement = heard[0].advertisements[0]
    assert advertisement.address == number(lock.address)
    assert b"Nuki_1A2B3C4D" in advertisement.data
    api.bluetooth_scanner_set_mode(BluetoothScannerMode.ACTIVE)
    await wait_for(lambda: len(modes) == 2)
    stop()
    await asyncio.sleep(0.1)
    count = len(heard)
    await asyncio.sleep(0.1)
    assert len(heard) == count


async def test_gatt(api: APIClient, lock: NukiLock) -> None:
    """Connect, discover, subscribe, write, read, disconnect; slots are told."""
    lock.device.set_pairing(False)
    slots: list[tuple[int, int, list[int]]] = []
    api.subscribe_bluetooth_connections_free(lambda *news: slots.append(news))
    device = Device(api, lock.address)
    await device.connect()
    assert device.states == [(True, 247, 0)]
    await wait_for(lambda: len(slots) == 2)
    assert slots == [(3, 3, []), (2, 3, [device.address])]
    characteristic = await device.characteristic(PAIRING_GDIO)
    inbox: asyncio.Queue[bytes] = asyncio.Queue()
    _, forget = await api.bluetooth_gatt_start_notify(
        device.address,
        characteristic.handle,
        lambda _handle, data: inbox.put_nowait(bytes(data)),
    )
    cccd = characteristic.descriptors[0].handle
    await api.bluetooth_gatt_write_descriptor(device.address, cccd, b"\2\0")
    assert await api.bluetooth_gatt_read_descriptor(device.address, cccd) == b"\2\0"
    await api.bluetooth_gatt_write(
        device.address, characteristic.handle, REQUEST_KEY, True
    )
    async with asyncio.timeout(2):
        assert (await inbox.get())[2] == ErrorCode.P_ERROR_NOT_PAIRING
    forget()
    with pytest.raises(BluetoothGATTAPIError):
        await api.bluetooth_gatt_read(device.address, characteristic.handle)
    assert (await api.bluetooth_device_clear_cache(device.address)).success
    await api.bluetooth_device_disconnect(device.address)
    await wait_for(lambda: len(device.states) == 2)
    assert slots[-1] == (3, 3, [])
    await wait_for(lambda: lock.connection is None)
    with pytest.raises(BluetoothGATTAPIError):
        await api.bluetooth_gatt_read(device.address, characteristic.handle)
    await api.bluetooth_device_disconnect(device.address)


async def test_link_loss(api: APIClient, lock: NukiLock) -> None:
    """The client is told that the link went."""
    device = Device(api, lock.address)
    await device.connect()
    characteristic = await device.characteristic(PAIRING_GDIO)

    async def write_on() -> None:
        while True:
            await api.bluetooth_gatt_write(
                device.address, characteristic.handle, REQUEST_KEY, True
            )

    lock.cut_link()
    with pytest.raises((BluetoothGATTAPIError, BluetoothConnectionDroppedError)):
        await asyncio.wait_for(write_on(), 5)
    await wait_for(lambda: len(device.states) == 2)
    assert device.states[1][0] is False


async def test_cannot_connect(
    home: VirtualHome,
    api: APIClient,
    lock: NukiLock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A device out of range, no slot, and a client that changes its mind."""
    monkeypatch.setattr(proxy_module, "_CONNECT_TIMEOUT", 0.1)
    await lock.set_in_range(False)
    device = Device(api, lock.address)
    await device.connect()
    assert device.states == [(False, 0, 0x3E)]
    home.central.slots = 0
    await device.connect()
    assert device.states == [(False, 0, 0x80)]
    home.central.slots = 3
    monkeypatch.setattr(proxy_module, "_CONNECT_TIMEOUT", 20)
    attempt = asyncio.create_task(device.connect())
    await wait_for(lambda: home.central.free == 2)
    await api.bluetooth_device_disconnect(device.address)
    assert home.central.free == 3
    await asyncio.gather(attempt, return_exceptions=True)


async def test_client_goes_and_comes_back(
    home: VirtualHome, port: int, api: APIClient, lock: NukiLock
) -> None:
    """Links end with the client that opened them."""
    await Device(api, lock.address).connect()
    assert home.central.free == 2
    await home.proxy.drop_clients()
    await wait_for(lambda: home.central.free == 3)
    again = APIClient("127.0.0.1", port, None)
    await again.connect(login=True)
    await Device(again, lock.address).connect()
    assert home.central.free == 2
    await again.disconnect()
    await wait_for(lambda: home.central.free == 3)


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x01hello",  # encrypted
        b"\0\xff\xff\xff\xff\xff\xff",  # a length without end
        b"\0\0\xff\x7f",  # an unknown message
        b"\0\x02\x01\xff\xff",  # a message that cannot be read
        b"\0\x05",  # half a message
    ],
)
async def test_nonsense(port: int, nonsense: bytes) -> None:
    """The connection is closed, the proxy stays."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(nonsense)
    writer.write_eof()
    async with asyncio.timeout(2):
        assert await reader.read() == b""
    writer.close()


async def test_unknown_requests(api: APIClient, port: int, lock: NukiLock) -> None:
    """What a proxy without entities cannot do is not answered, and does no harm."""
    api.subscribe_states(lambda _state: None)
    with pytest.raises(TimeoutAPIError):
        await api.bluetooth_device_pair(number(lock.address), timeout=0.1)
    assert await api.device_info()


async def test_no_backlog(
    api: APIClient, monkeypatch: pytest.MonkeyPatch, lock: NukiLock
) -> None:
    """A client that does not read gets no advertisements."""
    monkeypatch.setattr(proxy_module, "_MAX_BACKLOG", -1)
    heard: list[Any] = []
    api.subscribe_bluetooth_le_raw_advertisements(heard.append)
    await asyncio.sleep(0.1)
    assert not heard
