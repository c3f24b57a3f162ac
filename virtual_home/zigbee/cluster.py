"""The server side of any cluster: attributes, reports and the general commands.

Zigbee Cluster Library, chapter 2. Minimum intervals and reportable changes are not kept:
every change of an attribute with reporting is reported.
"""

from collections.abc import Callable
from dataclasses import dataclass
import time
from typing import TYPE_CHECKING, Any

from zigpy import types as t
from zigpy.zcl import Cluster, foundation as zcl

from .trouble import Sent

if TYPE_CHECKING:
    from .node import Endpoint

_Command = zcl.GeneralCommand
_SILENT = (
    _Command.Default_Response,
    _Command.Read_Attributes_rsp,
    _Command.Write_Attributes_No_Response,
    _Command.Report_Attributes,
)


@dataclass(frozen=True, slots=True)
class Call:
    """A command that came in, and where its answer goes."""

    header: Any
    endpoint: int
    """The endpoint of who sent it."""
    unicast: bool


class Server:
    """The server side of one cluster on one endpoint."""

    def __init__(
        self, endpoint: Endpoint, definition: type[Cluster], values: dict[str, Any]
    ) -> None:
        """Have these attributes, by their names in zigpy."""
        self.endpoint = endpoint
        self.node = endpoint.node
        self.definition = definition
        self.cluster_id = int(definition.cluster_id)
        self.values = {self.attribute(name): value for name, value in values.items()}
        self.reporting: dict[int, Any] = {}
        """Attribute to its configuration, as it came in."""
        self.commands: dict[str, Callable[[Call, Any], None]] = {}
        """What it does on its own commands, by their names in zigpy."""
        self._reported: dict[int, float] = {}

    def attribute(self, name: str) -> int:
        """Return the id of an attribute."""
        return int(self.definition.attributes_by_name[name].id)

    def get(self, name: str) -> Any:
        """Return the value of an attribute."""
        return self.values[self.attribute(name)]

    def set(self, name: str, value: Any) -> None:
        """Change an attribute, and report it where that is configured."""
        attribute = self.attribute(name)
        changed = self.values.get(attribute) != value
        self.values[attribute] = value
        if changed:
            self.changed()
            if self.reports(attribute):
                self.report([attribute])

    def changed(self) -> None:
        """Keep what changed."""
        self.node.changed()

    @property
    def bound(self) -> bool:
        """Tell whether somebody wants to hear of this cluster."""
        return self.node.bound(self.endpoint.number, self.cluster_id)

    def reports(self, attribute: int) -> bool:
        """Tell whether changes of an attribute are reported."""
        return self.bound and attribute in self.reporting

    def configure(self, name: str, interval: int) -> None:
        """Report an attribute from now on, as if somebody had asked for it."""
        attribute = self.definition.attributes_by_name[name]
        wanted = zcl.AttributeReportingConfig()
        wanted.direction = zcl.ReportingDirection.SendReports
        wanted.attrid = attribute.id
        wanted.datatype = attribute.zcl_type
        wanted.min_interval = 0
        wanted.max_interval = interval
        wanted.reportable_change = 1
        self.reporting[int(attribute.id)] = wanted

    def typed(self, attribute: int) -> Any:
        """Return the value of an attribute with its type."""
        definition = self.definition.attributes[attribute]
        value: Any = self.values[attribute]
        kind: Any = definition.type
        return zcl.TypeValue(definition.zcl_type, kind(value))

    def report(self, attributes: list[int]) -> None:
        """Report attributes now."""
        now = time.monotonic()
        self._reported.update(dict.fromkeys(attributes, now))
        records = [
            zcl.Attribute(attrid=one, value=self.typed(one)) for one in attributes
        ]
        if not self.node.trouble.loses(Sent.REPORT):
            header = zcl.ZCLHeader.general(
                self.node.next_tsn(),
                _Command.Report_Attributes,
                direction=zcl.Direction.Server_to_Client,
            )
            self._send(header, _body(_Command.Report_Attributes, records))

    def tick(self) -> None:
        """Report what has not been for its maximum interval."""
        now = time.monotonic()
        for attribute, wanted in self.reporting.items():
            last = self._reported.setdefault(attribute, now)
            if 0 < wanted.max_interval < 0xFFFF and now - last >= wanted.max_interval:
                self.report([attribute])

    def event(self, command: Any, **fields: Any) -> None:
        """Send a command of ours that nobody asked for."""
        if not self.node.trouble.loses(Sent.EVENT):
            header = zcl.ZCLHeader.cluster(
                self.node.next_tsn(),
                command.id,
                direction=zcl.Direction.Server_to_Client,
            )
            self._send(header, command.schema(**fields))

    def reply(self, call: Call, command: Any, **fields: Any) -> None:
        """Answer a command with one of ours."""
        header = zcl.ZCLHeader.cluster(
            call.header.tsn,
            command.id,
            manufacturer=call.header.manufacturer,
            direction=zcl.Direction.Server_to_Client,
        )
        self._answer(call, header, command.schema(**fields))

    def default(self, call: Call, status: int = zcl.Status.SUCCESS) -> None:
        """Answer with a default response, if one is due."""
        wanted = not call.header.frame_control.disable_default_response
        if call.unicast and (wanted or status != zcl.Status.SUCCESS):
            self._general(call, *default_response(call, status))

    def _general(self, call: Call, command: Any, body: Any) -> None:
        self._answer(call, general_header(call, command), body)

    def _answer(self, call: Call, header: Any, body: Any) -> None:
        if not self.node.trouble.loses(Sent.REPLY):
            self._send(header, body, call.endpoint)

    def _send(self, header: Any, body: Any, to: int | None = None) -> None:
        if to is None:
            to = self.node.listener(self.endpoint.number, self.cluster_id)
        asdu = header.serialize() + body.serialize()
        self.node.send_zcl(self.endpoint, self.cluster_id, asdu, to)

    def handle(self, call: Call, data: bytes) -> None:
        """Take a command from the air. Raises ValueError where it is none."""
        if call.header.frame_control.is_cluster:
            self._handle_own(call, data)
        else:
            self._handle_general(call, data)

    def _handle_own(self, call: Call, data: bytes) -> None:
        command = self.definition.server_commands.get(call.header.command_id)
        handler = self.commands.get(command.name) if command else None
        if command is None or handler is None or call.header.manufacturer is not None:
            self.default(call, zcl.Status.UNSUP_CLUSTER_COMMAND)
        else:
            arguments, _rest = command.schema.deserialize(data)
            handler(call, arguments)

    def _handle_general(self, call: Call, data: bytes) -> None:
        command = call.header.command_id
        handlers = {
            _Command.Read_Attributes: self._read,
            _Command.Write_Attributes: self._write,
            _Command.Write_Attributes_Undivided: self._write,
            _Command.Configure_Reporting: self._configure,
            _Command.Discover_Attributes: self._discover,
        }
        if (handler := handlers.get(command)) is not None:
            definition = zcl.GENERAL_COMMANDS[command]
            handler(call, definition.schema.deserialize(data)[0])
        elif command not in _SILENT:
            self.default(call, zcl.Status.UNSUP_GENERAL_COMMAND)

    def _ours(self, call: Call, attribute: int) -> bool:
        return call.header.manufacturer is None and attribute in self.values

    def _read(self, call: Call, arguments: Any) -> None:
        records = [
            zcl.ReadAttributeRecord(one, zcl.Status.SUCCESS, self.typed(one))
            if self._ours(call, one)
            else zcl.ReadAttributeRecord(one, zcl.Status.UNSUPPORTED_ATTRIBUTE)
            for one in arguments.attribute_ids
        ]
        command = _Command.Read_Attributes_rsp
        self._general(call, command, _body(command, records))

    def _write(self, call: Call, arguments: Any) -> None:
        failed = []
        for one in arguments.attributes:
            status = zcl.Status.SUCCESS
            if not self._ours(call, one.attrid):
                status = zcl.Status.UNSUPPORTED_ATTRIBUTE
            elif not self.definition.attributes[one.attrid].access & (
                zcl.ZCLAttributeAccess.Write | zcl.ZCLAttributeAccess.Write_Optional
            ):
                status = zcl.Status.READ_ONLY
            if status != zcl.Status.SUCCESS:
                failed.append(zcl.WriteAttributesStatusRecord(status, one.attrid))
                continue
            self.values[int(one.attrid)] = one.value.value
            self.written(int(one.attrid))
            self.changed()
        done = [zcl.WriteAttributesStatusRecord(zcl.Status.SUCCESS)]
        records = zcl.WriteAttributesResponse(failed or done)
        command = _Command.Write_Attributes_rsp
        self._general(call, command, _body(command, records))

    def written(self, attribute: int) -> None:
        """Do what a written attribute asks for."""

    def _configure(self, call: Call, arguments: Any) -> None:
        records = []
        for one in arguments.config_records:
            ok = self._ours(call, one.attrid)
            if ok and one.direction == zcl.ReportingDirection.SendReports:
                if one.max_interval == 0xFFFF:
                    self.reporting.pop(int(one.attrid), None)
                else:
                    self.reporting[int(one.attrid)] = one
                self.changed()
            status = zcl.Status.SUCCESS if ok else zcl.Status.UNSUPPORTED_ATTRIBUTE
            records.append(
                zcl.ConfigureReportingResponseRecord(
                    status=status, direction=one.direction, attrid=one.attrid
                )
            )
        command = _Command.Configure_Reporting_rsp
        self._general(
            call, command, _body(command, zcl.ConfigureReportingResponse(records))
        )

    def _discover(self, call: Call, arguments: Any) -> None:
        left = sorted(one for one in self.values if one >= arguments.start_attribute_id)
        shown = left[: arguments.max_attribute_ids]
        records = [
            zcl.DiscoverAttributesResponseRecord(
                one, self.definition.attributes[one].zcl_type
            )
            for one in shown
        ]
        command = _Command.Discover_Attributes_rsp
        body = zcl.GENERAL_COMMANDS[command].schema(
            discovery_complete=t.Bool(shown == left), attribute_info=records
        )
        self._general(call, command, body)


def _body(command: Any, records: Any) -> Any:
    """Put records into the only field of a general command."""
    schema: Any = zcl.GENERAL_COMMANDS[command].schema
    return schema(records)


def default_response(call: Call, status: int) -> tuple[Any, Any]:
    """Make a default response: the command and its body."""
    command = _Command.Default_Response
    body = zcl.GENERAL_COMMANDS[command].schema(
        command_id=call.header.command_id, status=zcl.Status(status)
    )
    return command, body


def general_header(call: Call, command: Any) -> Any:
    """Make the header of a general command that answers another."""
    return zcl.ZCLHeader.general(
        call.header.tsn,
        command,
        manufacturer=call.header.manufacturer,
        direction=zcl.Direction.Server_to_Client,
    )
