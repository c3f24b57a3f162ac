"""Range, slots, and links that end in all the ways they do."""

import asyncio

import pytest

from tests.virtual_home.conftest import FAST
from tests.virtual_home.raw import RawClient, wait_for
from virtual_home.air import Air, Central, OutOfSlotsError, hang_up
from virtual_home.home import HomeOptions, VirtualHome, several_locks
from virtual_home.link import GattError, LinkLostError
from virtual_home.nuki import Command, NukiLock
from virtual_home.peripheral import Peripheral


async def test_lock_out_of_range(
    home: VirtualHome, lock: NukiLock, client: RawClient
) -> None:
    """The link goes, attempts time out, and it all works again later."""
    await lock.set_in_range(False)
    await lock.set_in_range(False)
    assert not lock.in_range
    await wait_for(lambda: not client.link.connected)
    assert home.central.free == home.central.slots
    with pytest.raises(LinkLostError):
        await client.challenge()
    with pytest.raises(TimeoutError):
        await home.central.connect(lock.address, 0.2)
    assert home.central.free == home.central.slots
    await lock.set_in_range(True)
    again = (await RawClient.connect(home.central, lock.address)).known_as(client)
    assert (await again.request(Command.KEYTURNER_STATES))[0] == 0x0C


async def test_link_goes_during_a_request(lock: NukiLock, client: RawClient) -> None:
    """Nobody waits for an answer that cannot come."""

    async def read_on() -> None:
        while True:
            await client.link.read(1)

    lock.cut_link()
    with pytest.raises(LinkLostError):
        await asyncio.wait_for(read_on(), 2)
    lock.cut_link()


async def test_central_out_of_range(home: VirtualHome, lock: NukiLock) -> None:
    """A proxy that is carried away hears nothing and reaches nobody."""
    heard: list[str] = []
    await RawClient.connect(home.central, lock.address)
    await home.central.set_in_range(False)
    stop = home.central.listen(lambda address, _rssi, _data: heard.append(address))
    await wait_for(lambda: lock.connection is None)
    with pytest.raises(TimeoutError):
        await home.central.connect(lock.address, 0.1)
    assert not heard
    await home.central.set_in_range(True)
    await wait_for(lambda: heard)
    stop()


async def test_lock_leaves_while_connecting(home: VirtualHome, lock: NukiLock) -> None:
    """An attempt that was answered by nobody fails in its own time."""
    attempt = asyncio.create_task(home.central.connect(lock.address, 0.5))
    await wait_for(lambda: home.central.links or lock.connection)
    await lock.set_in_range(False)
    results = await asyncio.gather(attempt, return_exceptions=True)
    assert isinstance(results[0], (TimeoutError, LinkLostError))
    assert home.central.free == home.central.slots


async def test_slots() -> None:
    """Three at a time; one that hangs up makes room."""
    async with VirtualHome(HomeOptions(locks=several_locks(3, FAST), slots=2)) as home:
        one, two, three = (lock.address for lock in home.locks)
        link, _ = await asyncio.gather(
            home.central.connect(one), home.central.connect(two)
        )
        assert home.central.free == 0
        with pytest.raises(OutOfSlotsError):
            await home.central.connect(three)
        await link.close()
        await link.close()
        assert await home.central.connect(three)
        with pytest.raises(LinkLostError, match="already"):
            await home.central.connect(three)
    assert home.central.free == 2


async def test_cancelled_attempt(home: VirtualHome, lock: NukiLock) -> None:
    """Who gives up leaves nothing behind."""
    await lock.set_in_range(False)
    for pause in (0, 0.05):
        attempt = asyncio.create_task(home.central.connect(lock.address))
        await asyncio.sleep(pause)
        attempt.cancel()
        await asyncio.gather(attempt, return_exceptions=True)
        assert attempt.cancelled()
    await lock.set_in_range(True)
    assert (await home.central.connect(lock.address)).connected


async def test_given_up_twice(home: VirtualHome, lock: NukiLock) -> None:
    """Even who does not wait for the end of an attempt leaves nothing behind."""
    await lock.set_in_range(False)
    attempt = asyncio.create_task(home.central.connect(lock.address))
    await asyncio.sleep(0.05)
    attempt.cancel()
    await asyncio.sleep(0)
    attempt.cancel()
    await asyncio.gather(attempt, return_exceptions=True)
    await lock.set_in_range(True)
    assert (await home.central.connect(lock.address)).connected


async def test_stop_while_connecting(home: VirtualHome, lock: NukiLock) -> None:
    """A central that is switched off ends its attempts."""
    await lock.set_in_range(False)
    attempt = asyncio.create_task(home.central.connect(lock.address))
    await asyncio.sleep(0.05)
    await home.central.stop()
    with pytest.raises(LinkLostError):
        await attempt
    await home.central.start()


async def test_gatt_errors(client: RawClient) -> None:
    """What the other side refuses."""
    with pytest.raises(GattError, match="0x01"):
        await client.link.read(999)
    name = client.link.services[0].characteristics[0]
    with pytest.raises(GattError):
        await client.link.subscribe(name, enable=True)
    assert await client.link.read(name.handle) == b"Nuki_1A2B3C4D"


async def test_small_mtu(home: VirtualHome, lock: NukiLock) -> None:
    """With the smallest MTU messages are written long and indicated in pieces."""
    central = Central(home.air, address="C0:FF:EE:CE:17:B1", mtu=23)
    await central.start()
    client = await RawClient.connect(central, lock.address)
    assert await client.pair() == (Command.STATUS, b"\0")
    assert max(client.pieces) == 20
    await central.stop()


async def test_hang_up_twice(lock: NukiLock, client: RawClient) -> None:
    """A connection that is gone stays gone."""
    connection = lock.connection
    assert connection is not None
    await hang_up(connection)
    await hang_up(connection)
    await wait_for(lambda: lock.connection is None)
    lock.cut_link()


async def test_flooded(lock: NukiLock, client: RawClient) -> None:
    """A client that takes nothing loses its link, and the lock keeps no backlog."""
    for _ in range(5000):
        lock.indicate(lock._usdio, b"x")
    await wait_for(lambda: lock.connection is None)
    lock.indicate(lock._usdio, b"x")


async def test_no_confirmation(
    lock: NukiLock, client: RawClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that does not confirm is taken for gone."""

    async def silence(*_args: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(lock._device, "indicate_subscriber", silence)
    lock.indicate(lock._usdio, b"x")
    await wait_for(lambda: not client.link.connected)


async def test_peripheral_has_to_be_filled_in() -> None:
    """The base is no device."""
    with pytest.raises(TypeError, match=r"advertisement.*services"):
        Peripheral(Air(), address="54:D2:72:00:00:01", name="x")  # type: ignore[abstract]


async def test_given_up_as_it_comes_about(home: VirtualHome) -> None:
    """A link that nobody takes any more does not stay."""
    (lock,) = home.locks
    task = asyncio.create_task(home.central.connect(lock.address))
    await wait_for(lambda: home.central._attempts)
    (attempt,) = home.central._attempts
    attempt.add_done_callback(lambda _: task.cancel())
    with pytest.raises(asyncio.CancelledError):
        await task
    assert attempt.result()
    assert not home.central._device.connections
    await wait_for(lambda: lock.connection is None)
