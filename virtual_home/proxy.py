"""A simulated ESPHome Bluetooth proxy: the native API, in plain text, over TCP.

Home Assistant's own `esphome` integration talks to it, so nothing of ours runs in there.
Message types and fields are those of aioesphomeapi.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
import logging
from typing import Any

from aioesphomeapi import api_pb2
from aioesphomeapi.model import (
    BluetoothDeviceRequestType,
    BluetoothProxyFeature,
    BluetoothScannerState,
)
from google.protobuf.message import Message

from .air import Central, OutOfSlotsError
from .link import GattError, Link, LinkLostError
from .native_api import FrameError, Stream, describe, number, text

_LOGGER = logging.getLogger(__name__)

# The classes in there are made at run time: type checkers see none of them.
pb: Any = api_pb2

_FEATURES = (
    BluetoothProxyFeature.PASSIVE_SCAN
    | BluetoothProxyFeature.ACTIVE_CONNECTIONS
    | BluetoothProxyFeature.REMOTE_CACHING
    | BluetoothProxyFeature.CACHE_CLEARING
    | BluetoothProxyFeature.RAW_ADVERTISEMENTS
    | BluetoothProxyFeature.FEATURE_STATE_AND_MODE
)
_API_VERSION = (1, 14)
_RANDOM_ADDRESS = 1
_GATT_NOT_CONNECTED = -1
_CONNECTION_FAILED = 0x3E
_NO_RESOURCES = 0x80
_CONNECT_TIMEOUT = 20.0
_MAX_BACKLOG = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyInfo:
    """What the proxy says about itself."""

    name: str = "virtual-proxy"
    friendly_name: str = "Virtual Bluetooth proxy"
    mac: str = "C0:FF:EE:CE:17:A0"


class _Session:
    """One API client, with the links that it opened."""

    def __init__(
        self,
        info: ProxyInfo,
        central: Central,
        stream: Stream,
    ) -> None:
        self._info = info
        self._central = central
        self._stream = stream
        self._send = stream.send
        self._links: dict[int, Link] = {}
        self._dials: dict[int, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stop_listening: Callable[[], None] | None = None
        self._handlers: dict[type[Message], Callable[[Any], None]] = {
            pb.HelloRequest: self._hello,
            pb.AuthenticationRequest: lambda _: self._send(pb.AuthenticationResponse()),
            pb.PingRequest: lambda _: self._send(pb.PingResponse()),
            pb.DisconnectRequest: self._disconnect,
            pb.DeviceInfoRequest: self._device_info,
            pb.ListEntitiesRequest: lambda _: self._send(pb.ListEntitiesDoneResponse()),
            pb.SubscribeBluetoothLEAdvertisementsRequest: self._scan,
            pb.UnsubscribeBluetoothLEAdvertisementsRequest: self._stop_scan,
            pb.BluetoothScannerSetModeRequest: self._set_mode,
            pb.SubscribeBluetoothConnectionsFreeRequest: lambda _: self._tell_free(),
            pb.BluetoothDeviceRequest: self._device_request,
            pb.BluetoothGATTGetServicesRequest: self._get_services,
            pb.BluetoothGATTReadRequest: self._read,
            pb.BluetoothGATTReadDescriptorRequest: self._read,
            pb.BluetoothGATTWriteRequest: self._write,
            pb.BluetoothGATTWriteDescriptorRequest: self._write,
            pb.BluetoothGATTNotifyRequest: self._notify,
        }

    async def run(self) -> None:
        """Serve until the client goes."""
        try:
            while True:
                message = await self._stream.receive()
                if (handler := self._handlers.get(type(message))) is None:
                    _LOGGER.debug("Ignored %s", type(message).__name__)
                else:
                    handler(message)
        except asyncio.IncompleteReadError, ConnectionError:
            pass
        except FrameError as err:
            _LOGGER.warning("Closing a connection: %s", err)
        finally:
            await self._clean_up()

    async def _clean_up(self) -> None:
        if self._stop_listening is not None:
            self._stop_listening()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for link in list(self._links.values()):
            await link.close()
        self._stream.close()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # The session.
    def _hello(self, _request: Any) -> None:
        major, minor = _API_VERSION
        self._send(
            pb.HelloResponse(
                api_version_major=major,
                api_version_minor=minor,
                server_info="virtual_home",
                name=self._info.name,
            )
        )

    def _disconnect(self, _request: Any) -> None:
        self._send(pb.DisconnectResponse())
        self._stream.close()

    def _device_info(self, _request: Any) -> None:
        self._send(
            pb.DeviceInfoResponse(
                name=self._info.name,
                friendly_name=self._info.friendly_name,
                mac_address=self._info.mac,
                bluetooth_mac_address=self._central.address,
                esphome_version="2026.10.0",
                model="virtual",
                manufacturer="virtual_home",
                bluetooth_proxy_feature_flags=int(_FEATURES),
            )
        )

    # Scanning.
    def _scan(self, _request: Any) -> None:
        self._tell_scanner(0)
        if self._stop_listening is None:
            self._stop_listening = self._central.listen(self._heard)

    def _stop_scan(self, _request: Any) -> None:
        if self._stop_listening is not None:
            self._stop_listening()
            self._stop_listening = None

    def _set_mode(self, request: Any) -> None:
        self._tell_scanner(request.mode)

    def _tell_scanner(self, mode: int) -> None:
        self._send(
            pb.BluetoothScannerStateResponse(
                state=BluetoothScannerState.RUNNING,
                mode=mode,
            )
        )

    def _heard(self, address: str, rssi: int, data: bytes) -> None:
        # A client that stopped reading gets no advertisements, and we no backlog.
        if self._stream.backlog > _MAX_BACKLOG:
            return
        message = pb.BluetoothLERawAdvertisementsResponse()
        message.advertisements.add(
            address=number(address), rssi=rssi, address_type=_RANDOM_ADDRESS, data=data
        )
        self._send(message)

    # Connections.
    def _tell_free(self) -> None:
        self._send(
            pb.BluetoothConnectionsFreeResponse(
                free=max(self._central.free, 0),
                limit=self._central.slots,
                allocated=map(number, self._central.allocated),
            )
        )

    def _tell_gone(self, address: int, error: int) -> None:
        self._send(
            pb.BluetoothDeviceConnectionResponse(
                address=address, connected=False, error=error
            )
        )
        self._tell_free()

    def _device_request(self, request: Any) -> None:
        address = request.address
        match int(request.request_type):
            case (
                BluetoothDeviceRequestType.CONNECT_V3_WITH_CACHE
                | BluetoothDeviceRequestType.CONNECT_V3_WITHOUT_CACHE
            ):
                dial = self._spawn(self._connect(address))
                self._dials[address] = dial
            case BluetoothDeviceRequestType.DISCONNECT:
                # Now, not in the task: the next request may be to connect again.
                if (dialing := self._dials.pop(address, None)) is not None:
                    dialing.cancel()
                self._spawn(self._hang_up(address, dialing))
            case BluetoothDeviceRequestType.CLEAR_CACHE:
                self._send(
                    pb.BluetoothDeviceClearCacheResponse(address=address, success=True)
                )
            case other:
                _LOGGER.debug("Ignored device request %s", other)

    async def _connect(self, address: int) -> None:
        if (there := self._links.get(address)) is not None:
            self._tell_connected(address, there)
            return
        try:
            link = await self._central.connect(text(address), _CONNECT_TIMEOUT)
        except OutOfSlotsError:
            self._tell_gone(address, _NO_RESOURCES)
            return
        except TimeoutError, LinkLostError:
            self._tell_gone(address, _CONNECTION_FAILED)
            return
        finally:
            if self._dials.get(address) is asyncio.current_task():
                del self._dials[address]
        self._links[address] = link

        def gone(reason: int) -> None:
            self._links.pop(address, None)
            self._tell_gone(address, reason)

        link.on_lost(gone)
        self._tell_connected(address, link)

    def _tell_connected(self, address: int, link: Link) -> None:
        self._send(
            pb.BluetoothDeviceConnectionResponse(
                address=address, connected=True, mtu=link.mtu
            )
        )
        self._tell_free()

    async def _hang_up(self, address: int, dial: asyncio.Task[None] | None) -> None:
        if dial is not None:
            await asyncio.gather(dial, return_exceptions=True)
        if (link := self._links.get(address)) is not None:
            await link.close()
        else:
            self._tell_gone(address, 0)

    # GATT.
    def _on_link(
        self,
        address: int,
        handle: int,
        operation: Callable[[Link], Coroutine[Any, Any, Message]],
    ) -> None:
        async def work() -> None:
            error = _GATT_NOT_CONNECTED
            if (link := self._links.get(address)) is not None:
                try:
                    self._send(await operation(link))
                except GattError as err:
                    error = err.code
                except LinkLostError:
                    pass
                else:
                    return
            self._send(
                pb.BluetoothGATTErrorResponse(
                    address=address, handle=handle, error=error
                )
            )

        self._spawn(work())

    def _get_services(self, request: Any) -> None:
        async def work(link: Link) -> Message:
            for service in link.services:
                self._send(describe(request.address, service))
            return pb.BluetoothGATTGetServicesDoneResponse(address=request.address)

        self._on_link(request.address, 0, work)

    def _read(self, request: Any) -> None:
        address, handle = request.address, request.handle

        async def work(link: Link) -> Message:
            data = await link.read(handle)
            return pb.BluetoothGATTReadResponse(
                address=address, handle=handle, data=data
            )

        self._on_link(address, handle, work)

    def _write(
        self,
        request: Any,
    ) -> None:
        address, handle = request.address, request.handle
        # Descriptors are always written with a response.
        response = getattr(request, "response", True)

        async def work(link: Link) -> Message:
            await link.write(handle, request.data, response=response)
            return pb.BluetoothGATTWriteResponse(address=address, handle=handle)

        self._on_link(address, handle, work)

    def _notify(self, request: Any) -> None:
        address, handle = request.address, request.handle

        def received(data: bytes) -> None:
            self._send(
                pb.BluetoothGATTNotifyDataResponse(
                    address=address, handle=handle, data=data
                )
            )

        async def work(link: Link) -> Message:
            # The client writes the client configuration itself.
            link.listen(handle, received if request.enable else None)
            return pb.BluetoothGATTNotifyResponse(address=address, handle=handle)

        self._on_link(address, handle, work)


class Proxy:
    """Listens for API clients on behalf of a central."""

    def __init__(self, central: Central, info: ProxyInfo | None = None) -> None:
        """Offer this central."""
        self._central = central
        self._info = info or ProxyInfo()
        self._server: asyncio.Server | None = None
        self._sessions: set[asyncio.Task[None]] = set()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen; gives the port."""
        self._server = await asyncio.start_server(self._serve, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Throw everybody out."""
        if self._server is None:
            return
        self._server.close()
        await self.drop_clients()
        await self._server.wait_closed()
        self._server = None

    async def drop_clients(self) -> None:
        """Cut the network connections, as a proxy does that restarts."""
        sessions = list(self._sessions)
        for session in sessions:
            session.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        session = asyncio.create_task(
            _Session(self._info, self._central, Stream(reader, writer)).run()
        )
        self._sessions.add(session)
        session.add_done_callback(self._sessions.discard)
