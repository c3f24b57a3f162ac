"""The base of a simulated device: one that advertises and takes a connection."""

from abc import ABC, abstractmethod
import asyncio
from collections.abc import Coroutine
from typing import Any

from bumble.device import AdvertisingParameters, AdvertisingSet, Connection, Device
from bumble.gatt import Characteristic, Service

from .air import REASON_SILENCE, Air, hang_up

_OUTBOX_LIMIT = 4096
_ATT_HEADER = 3

type _Indication = tuple[Characteristic[bytes], bytes, int]
"""Where, what, and in pieces of how many bytes; 0: as usual."""


class Peripheral(ABC):
    """Base of a simulated device: advertises, takes one connection, indicates.

    It advertises while nobody is connected, as the usual small device does.
    """

    def __init__(
        self,
        air: Air,
        *,
        address: str,
        name: str,
        chunk: int | None = None,
        advertising_ms: float = 100.0,
    ) -> None:
        """Put a peripheral on the air; `chunk` splits what it indicates."""
        self.address = address
        self.name = name
        self.chunk = chunk
        self.connection: Connection | None = None
        self._air = air
        self._device = air.device(address, name)
        self._device.on(Device.EVENT_CONNECTION, self._on_connection)
        self._advertising_ms = advertising_ms
        self._advertisement_changed = asyncio.Event()
        self._outbox: asyncio.Queue[_Indication] | None = None
        self._transmitter: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        # Bumble does not survive a command to the controller that is cancelled:
        # these tasks are waited for.
        self._radio_tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._set: AdvertisingSet | None = None

    # For the simulated device to fill in.
    @abstractmethod
    def services(self) -> list[Service]:
        """Describe the GATT services."""

    @abstractmethod
    def advertisement(self) -> bytes:
        """Describe what is advertised now."""

    def on_link_lost(self) -> None:
        """Forget what lasts as long as a connection."""

    @property
    def in_range(self) -> bool:
        """Say whether others hear this device."""
        return self._air.in_range(self._device)

    async def set_in_range(self, in_range: bool) -> None:
        """Go out of range, which cuts the link, or come back."""
        await self._air.move(self._device, in_range=in_range)

    async def start(self) -> None:
        """Switch on and advertise."""
        self._device.add_services(self.services())
        await self._device.power_on()
        self._set = await self._device.create_advertising_set(
            advertising_parameters=AdvertisingParameters(
                primary_advertising_interval_min=self._advertising_ms,
                primary_advertising_interval_max=self._advertising_ms,
            ),
            advertising_data=self.advertisement(),
        )
        self._radio(self._advertise(self._set))

    async def stop(self) -> None:
        """End what is running, hang up and switch off."""
        self._stopping = True
        self.refresh_advertisement()
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, *self._radio_tasks, return_exceptions=True)
        if self.connection is not None:
            await hang_up(self.connection)
        if self._set is not None:
            await self._set.stop()
            self._set = None
        await self._device.power_off()
        await self._air.move(self._device, in_range=False)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` as a task that ends with this device."""
        return _keep(work, self._tasks)

    def _radio(self, work: Coroutine[Any, Any, None]) -> None:
        _keep(work, self._radio_tasks)

    def refresh_advertisement(self) -> None:
        """Advertise what is true now."""
        self._advertisement_changed.set()

    async def _advertise(self, advertising_set: AdvertisingSet) -> None:
        while True:
            await self._advertisement_changed.wait()
            self._advertisement_changed.clear()
            if self._stopping:
                return
            await advertising_set.set_advertising_data(self.advertisement())
            if self.connection is None and not advertising_set.enabled:
                await advertising_set.start()

    def _on_connection(self, connection: Connection) -> None:
        self.connection = connection
        self._outbox = asyncio.Queue(_OUTBOX_LIMIT)
        self._transmitter = self.spawn(self._transmit(connection, self._outbox))
        connection.on(Connection.EVENT_DISCONNECTION, self._on_disconnection)

    def _on_disconnection(self, _reason: int) -> None:
        self.connection = None
        self._outbox = None
        if self._transmitter is not None:
            self._transmitter.cancel()
            self._transmitter = None
        self.on_link_lost()
        self.refresh_advertisement()

    def cut_link(self, reason: int = REASON_SILENCE) -> None:
        """Drop the link, as radio trouble does."""
        if self.connection is not None:
            self._radio(hang_up(self.connection, reason))

    def indicate(
        self, characteristic: Characteristic[bytes], data: bytes, chunk: int = 0
    ) -> None:
        """Queue an indication, split as usual or by `chunk`; without a link it is lost."""
        if self._outbox is None:
            return
        if self._outbox.full():
            # Whoever asks this much and confirms nothing is not a client.
            self.cut_link()
            return
        self._outbox.put_nowait((characteristic, data, chunk))

    async def _transmit(
        self,
        connection: Connection,
        outbox: asyncio.Queue[_Indication],
    ) -> None:
        try:
            while True:
                characteristic, data, chunk = await outbox.get()
                size = min(
                    chunk or self.chunk or len(data), connection.att_mtu - _ATT_HEADER
                )
                for start in range(0, len(data), size):
                    try:
                        await self._device.indicate_subscriber(
                            connection, characteristic, data[start : start + size]
                        )
                    except TimeoutError:
                        # No confirmation in 30 s: the other side is gone.
                        self.cut_link()
                        return
        finally:
            # An indication that was given up leaves a trace in Bumble.
            self._device.gatt_server.on_disconnection(connection)


def _keep(
    work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]]
) -> asyncio.Task[None]:
    task = asyncio.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return task
