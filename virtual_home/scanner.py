"""The virtual central as a Bluetooth adapter of habluetooth, in the same process.

Give a `Scanner` to Home Assistant with `bluetooth.async_register_scanner`, or go without
it: `bleak.BleakClient(address, backend=backend(central))`.
"""

from collections.abc import Callable
from typing import Any, override

from bleak.assigned_numbers import CHARACTERISTIC_PROPERTIES
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import PROTOCOL_ERROR_CODES, BleakDeviceNotFoundError, BleakError
from bluetooth_data_tools import monotonic_time_coarse
from habluetooth import (
    Allocations,
    BaseHaRemoteScanner,
    HaBluetoothConnector,
    get_manager,
)

from .air import Central, OutOfSlotsError
from .link import GattError, Link, LinkLostError, uuid_text

_RANDOM_ADDRESS = 1
_ATT_HEADER = 3
_DEFAULT_MTU = 23


class Client(BaseBleakClient):
    """A bleak client on the virtual central."""

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        *,
        central: Central,
        scanner: Scanner | None = None,
        **kwargs: Any,
    ) -> None:
        """Prepare a client for one device."""
        kwargs.setdefault("timeout", 20.0)
        super().__init__(address_or_ble_device, **kwargs)
        self._central = central
        self._scanner = scanner
        self._link: Link | None = None

    @property
    @override
    def name(self) -> str:
        return self.address

    @property
    @override
    def mtu_size(self) -> int:
        return self._link.mtu if self._link else _DEFAULT_MTU

    @property
    @override
    def is_connected(self) -> bool:
        return self._link is not None and self._link.connected

    @override
    async def connect(self, pair: bool, **kwargs: Any) -> None:
        timeout = kwargs.get("timeout", self._timeout)
        try:
            self._link = await self._central.connect(self.address, timeout)
        except TimeoutError as err:
            raise BleakDeviceNotFoundError(
                self.address, f"{self.address} did not answer in {timeout} s"
            ) from err
        except OutOfSlotsError as err:
            raise BleakError(f"{err}: no free connection slot") from err
        except LinkLostError as err:
            raise BleakError(str(err)) from err
        finally:
            self._tell_allocations()
        self.services = _services(self._link, lambda: self.mtu_size - _ATT_HEADER)
        self._link.on_lost(self._on_lost)

    def _on_lost(self, _reason: int) -> None:
        self._link = None
        self._tell_allocations()
        if self._disconnected_callback:
            self._disconnected_callback()

    def _tell_allocations(self) -> None:
        if self._scanner is not None:
            self._scanner.tell_allocations()

    @override
    async def disconnect(self) -> None:
        if self._link is not None:
            await self._link.close()

    @override
    async def pair(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError("there is no bonding on the virtual air")

    @override
    async def unpair(self) -> None:
        raise NotImplementedError("there is no bonding on the virtual air")

    async def _try[T](self, operation: Callable[[Link], Any], _type: type[T]) -> T:
        if self._link is None:
            raise BleakError("Not connected")
        try:
            result: T = await operation(self._link)
        except LinkLostError as err:
            raise BleakError("disconnected") from err
        except GattError as err:
            # What the error means is in the words of an adapter, too: clients read them.
            meaning = PROTOCOL_ERROR_CODES.get(err.code, "unknown")
            raise BleakError(f"{err} ({meaning})") from err
        return result

    @override
    async def read_gatt_char(
        self,
        characteristic: BleakGATTCharacteristic,
        *,
        use_cached: bool = False,
        **kwargs: Any,
    ) -> bytearray:
        handle = characteristic.handle
        return bytearray(await self._try(lambda link: link.read(handle), bytes))

    @override
    async def read_gatt_descriptor(
        self,
        descriptor: BleakGATTDescriptor,
        *,
        use_cached: bool = False,
        **kwargs: Any,
    ) -> bytearray:
        handle = descriptor.handle
        return bytearray(await self._try(lambda link: link.read(handle), bytes))

    @override
    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: Any, response: bool
    ) -> None:
        handle = characteristic.handle
        await self._try(
            lambda link: link.write(handle, bytes(data), response=response), object
        )

    @override
    async def write_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, data: Any
    ) -> None:
        handle = descriptor.handle
        await self._try(lambda link: link.write(handle, bytes(data)), object)

    @override
    async def start_notify(
        self,
        characteristic: BleakGATTCharacteristic,
        callback: NotifyCallback,
        **kwargs: Any,
    ) -> None:
        def received(data: bytes) -> None:
            callback(bytearray(data))

        async def subscribe(link: Link) -> None:
            link.listen(characteristic.handle, received)
            await link.subscribe(characteristic.obj, enable=True)

        await self._try(subscribe, object)

    @override
    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        async def unsubscribe(link: Link) -> None:
            link.listen(characteristic.handle, None)
            await link.subscribe(characteristic.obj, enable=False)

        await self._try(unsubscribe, object)


def _services(
    link: Link, max_write_without_response: Callable[[], int]
) -> BleakGATTServiceCollection:
    services = BleakGATTServiceCollection()
    for service in link.services:
        bleak_service = BleakGATTService(
            service, service.handle, uuid_text(service.uuid)
        )
        services.add_service(bleak_service)
        for characteristic in service.characteristics:
            properties = int(characteristic.properties)
            bleak_characteristic = BleakGATTCharacteristic(
                characteristic,
                characteristic.handle,
                uuid_text(characteristic.uuid),
                [
                    name
                    for bit, name in CHARACTERISTIC_PROPERTIES.items()
                    if properties & bit
                ],
                max_write_without_response,
                bleak_service,
            )
            services.add_characteristic(bleak_characteristic)
            for descriptor in characteristic.descriptors:
                services.add_descriptor(
                    BleakGATTDescriptor(
                        descriptor,
                        descriptor.handle,
                        uuid_text(descriptor.type),
                        bleak_characteristic,
                    )
                )
    return services


def backend(central: Central, scanner: Scanner | None = None) -> type[Client]:
    """Make the class of the clients on this central: bleak wants a class."""

    class Backend(Client):
        def __init__(
            self, address_or_ble_device: BLEDevice | str, **kwargs: Any
        ) -> None:
            super().__init__(
                address_or_ble_device, central=central, scanner=scanner, **kwargs
            )

    return Backend


class Scanner(BaseHaRemoteScanner):
    """Feeds what the central hears to habluetooth and lends out its slots."""

    def __init__(self, central: Central, name: str = "virtual-home") -> None:
        """Make an adapter out of a central."""
        connector = HaBluetoothConnector(
            client=backend(central, self),
            source=central.address,
            can_connect=lambda: central.free > 0,
        )
        super().__init__(central.address, name, connector, True)
        self.central = central

    @override
    def async_setup(self) -> Callable[[], None]:
        """Start to listen; the result stops it."""
        stop_base = super().async_setup()
        stop_listening = self.central.listen(self._heard)

        def stop() -> None:
            stop_listening()
            stop_base()

        return stop

    def _heard(self, address: str, rssi: int, data: bytes) -> None:
        self._async_on_raw_advertisement(
            address,
            rssi,
            data,
            {"address_type": _RANDOM_ADDRESS},
            monotonic_time_coarse(),
        )

    @override
    def get_allocations(self) -> Allocations:
        central = self.central
        return Allocations(
            self.source, central.slots, max(central.free, 0), central.allocated
        )

    def tell_allocations(self) -> None:
        """Tell habluetooth that a slot was taken or given back."""
        get_manager().async_on_allocation_changed(self.get_allocations())
