"""A 2.4 GHz air between Bumble controllers, and the central of a proxy or adapter.

Every device is a full Bluetooth stack (host and controller), so the HCI, L2CAP, ATT and
GATT bytes are real. Nothing here knows what a lock is.
"""

import asyncio
from collections.abc import Callable
from typing import Any, override

from bumble import att, hci, ll
from bumble.controller import Controller
from bumble.core import BaseBumbleError, PhysicalTransport
from bumble.device import Advertisement, Connection, Device, Peer
from bumble.host import Host
from bumble.link import LocalLink
from bumble.transport.common import AsyncPipeSink

from .link import Link, LinkLostError

# What a radio reports when the other side went silent, and when it hung up.
REASON_SILENCE = int(hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR)
REASON_HANG_UP = int(hci.HCI_ErrorCode.REMOTE_USER_TERMINATED_CONNECTION_ERROR)

_MTU = 247
_DISCONNECT_TIMEOUT = 2.0

type AdvertisementCallback = Callable[[str, int, bytes], None]


class OutOfSlotsError(Exception):
    """The central has no free connection slot."""


class _Air(LocalLink):
    """Bumble's link bus, on which a device may also be out of reach."""

    @override
    def send_advertising_pdu(
        self, sender_controller: Controller, packet: ll.AdvertisingPdu
    ) -> None:
        if sender_controller in self.controllers:
            super().send_advertising_pdu(sender_controller, packet)

    @override
    def send_acl_data(
        self,
        sender_controller: Controller,
        destination_address: hci.Address,
        transport: PhysicalTransport,
        data: bytes,
    ) -> None:
        if sender_controller in self.controllers:
            super().send_acl_data(
                sender_controller, destination_address, transport, data
            )

    @override
    def send_ll_control_pdu(
        self,
        sender_address: hci.Address,
        receiver_address: hci.Address,
        packet: ll.ControlPdu,
    ) -> None:
        # Bumble raises here; a radio sends into the void.
        if self.find_le_controller(receiver_address) is not None:
            super().send_ll_control_pdu(sender_address, receiver_address, packet)


class _Controller(Controller):
    """Bumble's controller, with connection attempts that can be cancelled."""

    @override
    def on_hci_le_create_connection_cancel_command(
        self, _command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        # Bumble 0.0.236 says "done" and goes on waiting, for ever.
        if (pending := self.pending_le_connection) is not None:
            self.pending_le_connection = None
            self.send_hci_packet(
                hci.HCI_LE_Connection_Complete_Event(
                    status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
                    connection_handle=0,
                    role=hci.Role.CENTRAL,
                    peer_address_type=pending.peer_address.address_type,
                    peer_address=pending.peer_address,
                    connection_interval=0,
                    peripheral_latency=0,
                    supervision_timeout=0,
                    central_clock_accuracy=0,
                )
            )
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)


class _Stack(Device):
    """Bumble's host, which takes it calmly when a link goes in mid-message."""

    @override
    def on_l2cap_pdu(self, connection: Any, cid: int, pdu: bytes) -> None:
        # Called with a handle; Bumble 0.0.236 trips over one that has just gone.
        if self.lookup_connection(connection):
            super().on_l2cap_pdu(connection, cid, pdu)

    @override
    def on_gatt_pdu(self, connection: Connection, pdu: bytes) -> None:
        # Bumble 0.0.236 trips over a confirmation that it no longer waits for.
        if pdu[:1] == bytes([att.Opcode.ATT_HANDLE_VALUE_CONFIRMATION]):
            pending = self.gatt_server.pending_confirmations[connection]
            if pending is not None and pending.done():
                return
        super().on_gatt_pdu(connection, pdu)


class Air:
    """The medium. Devices on it hear each other unless they are out of range."""

    def __init__(self) -> None:
        """Make an empty air."""
        self._link = _Air()  # type: ignore[no-untyped-call]
        self._controllers: dict[Device, Controller] = {}

    def device(self, address: str, name: str) -> Device:
        """Put a new Bluetooth stack on the air."""
        number = len(self._controllers) + 1
        controller = _Controller(
            name, link=self._link, public_address=f"C0:FF:EE:00:00:{number:02X}"
        )
        # LocalLink routes LE data by random address: every device has one.
        device = _Stack(
            name=name,
            address=hci.Address(address, hci.Address.RANDOM_DEVICE_ADDRESS),
            host=Host(controller, AsyncPipeSink(controller)),
        )
        self._controllers[device] = controller
        return device

    def in_range(self, device: Device) -> bool:
        """Say whether the others hear this device."""
        return self._controllers[device] in self._link.controllers

    async def move(self, device: Device, *, in_range: bool) -> None:
        """Take a device out of range, which cuts its links, or bring it back."""
        controller = self._controllers[device]
        if in_range:
            self._link.controllers.add(controller)
        elif controller in self._link.controllers:
            for connection in list(device.connections.values()):
                await hang_up(connection, REASON_SILENCE)
            self._link.controllers.discard(controller)


async def hang_up(connection: Connection, reason: int = REASON_HANG_UP) -> None:
    """End a connection, if it is still there."""
    if connection.device.connections.get(connection.handle) is not connection:
        return
    try:
        async with asyncio.timeout(_DISCONNECT_TIMEOUT):
            await connection.disconnect(reason)
    except TimeoutError, BaseBumbleError:
        return


class Central:
    """The radio of a proxy or an adapter: passive scan and a few connection slots."""

    def __init__(
        self,
        air: Air,
        *,
        address: str = "C0:FF:EE:CE:17:A1",
        slots: int = 3,
        mtu: int = _MTU,
    ) -> None:
        """Put a central on the air."""
        self.address = address
        self.slots = slots
        self.links: dict[str, Link] = {}
        self._air = air
        self._mtu = mtu
        self._device = air.device(address, "central")
        self._dialing: set[str] = set()
        self._dial_lock = asyncio.Lock()
        self._attempts: dict[asyncio.Task[Connection], asyncio.Event] = {}
        self._listeners: list[AdvertisementCallback] = []

    @property
    def allocated(self) -> list[str]:
        """Addresses that hold a connection slot."""
        return [*self.links, *self._dialing]

    @property
    def free(self) -> int:
        """Number of free connection slots."""
        return self.slots - len(self.allocated)

    async def start(self) -> None:
        """Switch on and scan."""
        await self._device.power_on()
        self._device.on(Device.EVENT_ADVERTISEMENT, self._on_advertisement)
        await self._device.start_scanning(active=False, filter_duplicates=False)

    async def stop(self) -> None:
        """Hang up, stop scanning and switch off."""
        self._listeners.clear()
        for abandoned in self._attempts.values():
            abandoned.set()
        if self._attempts:
            await asyncio.wait(self._attempts)
        for link in list(self.links.values()):
            await link.close()
        await self._device.stop_scanning()
        await self._device.power_off()
        await self._air.move(self._device, in_range=False)

    async def set_in_range(self, in_range: bool) -> None:
        """Leave the range of all the others, or come back."""
        await self._air.move(self._device, in_range=in_range)

    def listen(self, callback: AdvertisementCallback) -> Callable[[], None]:
        """Hand every advertisement (address, rssi, bytes) to `callback`."""
        self._listeners.append(callback)

        def stop_listening() -> None:
            if callback in self._listeners:
                self._listeners.remove(callback)

        return stop_listening

    def _on_advertisement(self, advertisement: Advertisement) -> None:
        address = advertisement.address.to_string(False)
        for callback in list(self._listeners):
            callback(address, advertisement.rssi, advertisement.data_bytes)

    async def connect(self, address: str, timeout: float = 20.0) -> Link:
        """Connect and discover; raises TimeoutError, OutOfSlotsError, LinkLostError."""
        if address in self.allocated:
            raise LinkLostError(f"{address} is already connected or connecting")
        if self.free <= 0:
            raise OutOfSlotsError(f"all {self.slots} connection slots are in use")
        self._dialing.add(address)
        try:
            async with asyncio.timeout(timeout):
                connection = await self._dial(address, timeout)
                link = Link(address, connection, Peer(connection))
                try:
                    await link.discover(self._mtu)
                except LinkLostError, TimeoutError, asyncio.CancelledError:
                    await link.close()
                    raise
        finally:
            self._dialing.discard(address)
        self.links[address] = link
        link.on_lost(lambda _reason: self.links.pop(address, None))
        return link

    async def _dial(self, address: str, timeout: float) -> Connection:
        # The controller takes one attempt at a time, and one that is abandoned must
        # end before the next begins: the attempt has a task of its own.
        await self._dial_lock.acquire()
        abandoned = asyncio.Event()
        attempt = asyncio.create_task(self._attempt(address, timeout, abandoned))
        self._attempts[attempt] = abandoned
        attempt.add_done_callback(self._attempt_ended)
        try:
            await asyncio.wait({attempt})
        except asyncio.CancelledError:
            # Nobody takes what came about just now.
            unclaimed = attempt.done() and attempt.exception() is None
            abandoned.set()
            await asyncio.wait({attempt})
            if unclaimed:
                await hang_up(attempt.result())
            raise
        return attempt.result()

    def _attempt_ended(self, attempt: asyncio.Task[Connection]) -> None:
        self._dial_lock.release()
        del self._attempts[attempt]
        # Whoever wanted to know may have gone.
        if not attempt.cancelled():
            attempt.exception()

    async def _attempt(
        self, address: str, timeout: float, abandoned: asyncio.Event
    ) -> Connection:
        peer = hci.Address(address, hci.Address.RANDOM_DEVICE_ADDRESS)
        dial = asyncio.ensure_future(self._device.connect(peer, timeout=timeout + 1))
        abandonment = asyncio.create_task(abandoned.wait())
        either: set[asyncio.Future[Any]] = {dial, abandonment}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        abandonment.cancel()
        # The controller cannot be told to stop before it began.
        while not dial.done():
            await self._device.cancel_connection()
            await asyncio.wait({dial}, timeout=0.02)
        try:
            connection = dial.result()
        except BaseBumbleError as err:
            raise LinkLostError(f"cannot connect to {address}: {err}") from err
        if abandoned.is_set():
            await hang_up(connection)
            raise LinkLostError(f"the attempt to connect to {address} was abandoned")
        return connection
