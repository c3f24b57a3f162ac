"""A device on the air: its endpoints, how it sends and hears, and what it remembers."""

from collections import deque
from dataclasses import dataclass, field
import time
from typing import TYPE_CHECKING, Any

from zigpy import types as t
from zigpy.profiles import zha
from zigpy.zcl import Cluster, foundation as zcl
from zigpy.zdo import types as zdo

from .cluster import Call, Server, default_response, general_header
from .discovery import answer
from .options import NodeOptions
from .trouble import Trouble
from .wire import Delivery, Indication, Request

if TYPE_CHECKING:
    from .radio import Radio

ALL_ENDPOINTS = 0xFF
_EVERYBODY = 0xFFFD
_LEAVE_S = 0.1
_OTA_VERSION = 0x01000001


@dataclass(slots=True)
class Endpoint:
    """An endpoint with its servers, and the clusters of which it is a client."""

    node: Node
    number: int
    device_type: int
    servers: dict[int, Server] = field(default_factory=dict)
    clients: tuple[int, ...] = ()

    def add[S: Server](self, server: S) -> S:
        """Add a server."""
        self.servers[server.cluster_id] = server
        return server

    def serve(self, definition: type[Cluster], **values: Any) -> Server:
        """Add a server that has attributes only."""
        return self.add(Server(self, definition, values))

    def descriptor(self) -> Any:
        """Return its simple descriptor."""
        return zdo.SizePrefixedSimpleDescriptor(
            endpoint=self.number,
            profile=zha.PROFILE_ID,
            device_type=self.device_type,
            device_version=1,
            input_clusters=list(self.servers),
            output_clusters=list(self.clients),
        )


@dataclass(frozen=True, slots=True)
class Binding:
    """Whom an endpoint tells of a cluster; `listener` is the endpoint over there."""

    endpoint: int
    cluster: int
    listener: int


class Node:
    """A device on the air."""

    logical_type = zdo.LogicalType.EndDevice

    def __init__(self, radio: Radio, options: NodeOptions) -> None:
        """Be a device without endpoints, switched on."""
        self.radio = radio
        self.timers = radio.timers
        self.options = options
        self.nwk = options.nwk
        self.ieee = t.EUI64.convert(options.ieee)
        self.joined = options.joined
        self.trouble = Trouble()
        self.endpoints: dict[int, Endpoint] = {}
        self.bindings: set[Binding] = set()
        self.poll_s = options.poll_s
        self._outgoing: deque[Indication] = deque()
        # Far from the numbers a coordinator begins with: zigpy may take an event with the
        # number of what it waits for as the answer.
        self._tsn = 0x80

    def changed(self) -> None:
        """Keep what changed."""
        self.radio.changed()

    def next_tsn(self) -> int:
        """Return the next transaction number."""
        self._tsn = (self._tsn + 1) & 0xFF
        return self._tsn

    # What it is.

    @property
    def capability(self) -> Any:
        """Return the MAC capability flags."""
        flags = zdo.MACCapabilityFlags
        listening = flags.NONE if self.poll_s else flags.RxOnWhenIdle
        return flags.AllocateAddress | flags.SecurityCapable | listening

    def node_descriptor(self) -> Any:
        """Return the node descriptor."""
        return zdo.NodeDescriptor(
            logical_type=self.logical_type,
            complex_descriptor_available=0,
            user_descriptor_available=0,
            reserved=0,
            aps_flags=0,
            frequency_band=zdo.FrequencyBand.Freq2400MHz,
            mac_capability_flags=self.capability,
            manufacturer_code=self.options.manufacturer_code,
            maximum_buffer_size=82,
            maximum_incoming_transfer_size=255,
            server_mask=0x2C00,
            maximum_outgoing_transfer_size=255,
            descriptor_capability_field=0,
        )

    def active_endpoints(self) -> list[int]:
        """List the endpoints."""
        return list(self.endpoints)

    def simple_descriptor(self, endpoint: int) -> Any:
        """Return the simple descriptor of an endpoint; None: it has no such."""
        found = self.endpoints.get(endpoint)
        return found.descriptor() if found else None

    def bound(self, endpoint: int, cluster: int) -> bool:
        """Tell whether a cluster is bound to somebody."""
        return any(
            one.endpoint == endpoint and one.cluster == cluster for one in self.bindings
        )

    def listener(self, endpoint: int, cluster: int) -> int:
        """Return the endpoint that hears of a cluster; 1 where none is bound."""
        for one in self.bindings:
            if one.endpoint == endpoint and one.cluster == cluster:
                return one.listener
        return 1

    def bind(self, endpoint: int, cluster: int, listener: int) -> None:
        """Tell somebody of a cluster from now on."""
        self.bindings.add(Binding(endpoint, cluster, listener))
        self.changed()

    def unbind(self, endpoint: int, cluster: int) -> bool:
        """Tell nobody any more; gives whether somebody was told."""
        kept = {
            one
            for one in self.bindings
            if one.endpoint != endpoint or one.cluster != cluster
        }
        found = len(kept) != len(self.bindings)
        self.bindings = kept
        self.changed()
        return found

    # What only a coordinator does.

    def neighbors(self) -> list[Any] | None:
        """List who is near; None: it does not know."""
        return None

    def scan(self, _channels: Any) -> list[int] | None:
        """Measure the energy on channels; None: it cannot."""
        return None

    def permit(self, _seconds: int) -> None:
        """Let new devices join for some seconds."""

    # Joining.

    def join(self) -> None:
        """Join the network, or announce itself again. Raises ValueError: not let in."""
        if not self.joined and not self.radio.permits:
            raise ValueError("the network takes no new devices now")
        self.joined = True
        self.changed()
        self.announce()

    def announce(self) -> None:
        """Tell everybody its address."""
        self.send_zdo(
            zdo.ZDOCmd.Device_annce,
            self.next_tsn(),
            self.nwk,
            self.ieee,
            self.capability,
            to=_EVERYBODY,
        )

    def leave(self) -> None:
        """Leave the network and forget what it had to do with it."""
        self.joined = False
        self.bindings.clear()
        for endpoint in self.endpoints.values():
            for server in endpoint.servers.values():
                server.reporting.clear()
        self.changed()

    def leave_soon(self) -> None:
        """Leave once the answer is out."""
        self.timers.later(_LEAVE_S + self.options.latency_s, self.leave)

    # Hearing.

    def reaches_after(self) -> tuple[float, Delivery]:
        """Tell when a payload for it is delivered or given up, and which it is."""
        wait = self.options.latency_s
        hold = self.options.hold_s
        if not (self.joined and self.trouble.online):
            return (hold, Delivery.EXPIRED) if self.poll_s else (wait, Delivery.NO_ACK)
        if self.poll_s:
            wait += self.poll_s - time.monotonic() % self.poll_s
            if wait > hold:
                return hold, Delivery.EXPIRED
        return wait, Delivery.SUCCESS

    def hear(self, request: Request, *, unicast: bool) -> None:
        """Take a payload from the air. Raises ValueError where it is none."""
        number = request.to.endpoint
        if number == 0:
            answer(self, request.cluster, request.asdu, unicast=unicast)
            return
        for endpoint in list(self.endpoints.values()):
            if number in (endpoint.number, ALL_ENDPOINTS, None):
                self._hear_zcl(endpoint, request, unicast)

    def _hear_zcl(self, endpoint: Endpoint, request: Request, unicast: bool) -> None:
        header, data = zcl.ZCLHeader.deserialize(request.asdu)
        call = Call(header, request.source_endpoint, unicast)
        if header.direction == zcl.Direction.Server_to_Client:
            self._hear_client(endpoint, request.cluster, call, data)
        elif (server := endpoint.servers.get(request.cluster)) is not None:
            server.handle(call, data)
        elif unicast and header.command_id != zcl.GeneralCommand.Default_Response:
            command, body = default_response(call, zcl.Status.UNSUPPORTED_CLUSTER)
            asdu = general_header(call, command).serialize() + body.serialize()
            self.send_zcl(endpoint, request.cluster, asdu, call.endpoint)

    def _hear_client(
        self, endpoint: Endpoint, cluster: int, call: Call, data: bytes
    ) -> None:
        # Coordinators ask our OTA client which firmware there is.
        reads = zcl.GeneralCommand.Read_Attributes
        general = call.header.frame_control.is_general
        if not general or call.header.command_id != reads:
            return
        if cluster not in endpoint.clients:
            return
        arguments: Any
        arguments, _rest = zcl.GENERAL_COMMANDS[reads].schema.deserialize(data)
        records = []
        for attribute in arguments.attribute_ids:
            record = zcl.ReadAttributeRecord(
                attribute, zcl.Status.UNSUPPORTED_ATTRIBUTE
            )
            if cluster == 0x0019 and attribute == 0x0002:
                value = zcl.TypeValue(zcl.DataTypeId.uint32, t.uint32_t(_OTA_VERSION))
                record = zcl.ReadAttributeRecord(attribute, zcl.Status.SUCCESS, value)
            records.append(record)
        header: Any = zcl.ZCLHeader.general(
            call.header.tsn, zcl.GeneralCommand.Read_Attributes_rsp
        )
        header.frame_control = header.frame_control.replace(disable_default_response=1)
        body = zcl.GENERAL_COMMANDS[zcl.GeneralCommand.Read_Attributes_rsp].schema(
            status_records=records
        )
        asdu = header.serialize() + body.serialize()
        self.send_zcl(endpoint, cluster, asdu, call.endpoint)

    def tick(self) -> None:
        """Send the reports that are due."""
        if self.joined:
            for endpoint in self.endpoints.values():
                for server in endpoint.servers.values():
                    server.tick()

    # Sending.

    def send_zcl(self, endpoint: Endpoint, cluster: int, asdu: bytes, to: int) -> None:
        """Send to an endpoint of the coordinator."""
        self._send(
            Indication(
                source=self.nwk,
                source_endpoint=endpoint.number,
                destination=0,
                destination_endpoint=to,
                profile=zha.PROFILE_ID,
                cluster=cluster,
                asdu=asdu,
            )
        )

    def send_zdo(self, command: Any, tsn: int, *fields: Any, to: int = 0) -> None:
        """Send a message of device discovery; optional fields may be left out."""
        _names, kinds = zdo.CLUSTERS[command]
        self._send(
            Indication(
                source=self.nwk,
                source_endpoint=0,
                destination=to,
                destination_endpoint=0,
                profile=0,
                cluster=int(command),
                asdu=bytes((tsn,)) + t.serialize(fields, kinds[: len(fields)]),
            )
        )

    def _send(self, indication: Indication) -> None:
        if self.joined and self.trouble.online:
            # A queue: two timers of one moment may run in either order.
            self._outgoing.append(indication)
            self.timers.later(
                self.options.latency_s,
                lambda: self.radio.indicate(self._outgoing.popleft()),
            )
