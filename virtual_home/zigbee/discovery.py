"""Device and service discovery, binding and management: what a device answers on ZDO.

Zigbee specification 05-3474, sections 2.4.3 and 2.4.4.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from zigpy import types as t
from zigpy.zdo import types as zdo

if TYPE_CHECKING:
    from .node import Node

_Command = zdo.ZDOCmd
_Status = zdo.Status
_RESPONSE = 0x8000
_SCAN_LONGEST = 5
_NEIGHBORS_AT_ONCE = 3


def answer(node: Node, cluster: int, asdu: bytes, *, unicast: bool) -> None:
    """Answer a request; what is none, or not for this device, is dropped.

    Raises ValueError where the payload does not fit its command.
    """
    handler = _HANDLERS.get(cluster)
    if handler is not None:
        command = _Command(cluster)
        header, rest = zdo.ZDOHeader.deserialize(t.uint16_t(command), asdu)
        _names, kinds = zdo.CLUSTERS[command]
        arguments, _rest = t.deserialize(rest, kinds)
        handler(node, int(header.tsn), arguments, unicast)
    elif unicast and not cluster & _RESPONSE and cluster in list(_Command):
        response = _Command(cluster | _RESPONSE)
        if zdo.CLUSTERS.get(response, ([], []))[0] == ["Status"]:
            node.send_zdo(response, asdu[0], _Status.NOT_SUPPORTED)


def _nwk_address(node: Node, tsn: int, arguments: Any, _unicast: bool) -> None:
    if arguments[0] == node.ieee:
        _addresses(node, _Command.NWK_addr_rsp, tsn)


def _ieee_address(node: Node, tsn: int, arguments: Any, _unicast: bool) -> None:
    if arguments[0] == node.nwk:
        _addresses(node, _Command.IEEE_addr_rsp, tsn)


def _addresses(node: Node, response: Any, tsn: int) -> None:
    node.send_zdo(response, tsn, _Status.SUCCESS, node.ieee, node.nwk)


def _node_descriptor(node: Node, tsn: int, arguments: Any, _unicast: bool) -> None:
    if arguments[0] == node.nwk:
        node.send_zdo(
            _Command.Node_Desc_rsp,
            tsn,
            _Status.SUCCESS,
            node.nwk,
            node.node_descriptor(),
        )


def _power_descriptor(node: Node, tsn: int, arguments: Any, _unicast: bool) -> None:
    if arguments[0] == node.nwk:
        node.send_zdo(_Command.Power_Desc_rsp, tsn, _Status.NOT_SUPPORTED, node.nwk)


def _active_endpoints(node: Node, tsn: int, arguments: Any, _unicast: bool) -> None:
    if arguments[0] == node.nwk:
        node.send_zdo(
            _Command.Active_EP_rsp,
            tsn,
            _Status.SUCCESS,
            node.nwk,
            node.active_endpoints(),
        )


def _simple_descriptor(node: Node, tsn: int, arguments: Any, _unicast: bool) -> None:
    if arguments[0] == node.nwk:
        found = node.simple_descriptor(arguments[1])
        fields = () if found is None else (found,)
        status = _Status.SUCCESS if fields else _Status.NOT_ACTIVE
        node.send_zdo(_Command.Simple_Desc_rsp, tsn, status, node.nwk, *fields)


def _match_descriptor(node: Node, tsn: int, arguments: Any, _unicast: bool) -> None:
    _nwk, _profile, inputs, outputs = arguments
    found = [
        one.number
        for one in node.endpoints.values()
        if set(inputs) & set(one.servers) or set(outputs) & set(one.clients)
    ]
    if found:
        node.send_zdo(_Command.Match_Desc_rsp, tsn, _Status.SUCCESS, node.nwk, found)


def _bind(node: Node, tsn: int, arguments: Any, _unicast: bool) -> None:
    node.bind(int(arguments[1]), int(arguments[2]), int(arguments[3].endpoint or 1))
    node.send_zdo(_Command.Bind_rsp, tsn, _Status.SUCCESS)


def _unbind(node: Node, tsn: int, arguments: Any, _unicast: bool) -> None:
    found = node.unbind(int(arguments[1]), int(arguments[2]))
    node.send_zdo(
        _Command.Unbind_rsp, tsn, _Status.SUCCESS if found else _Status.NO_ENTRY
    )


def _neighbors(node: Node, tsn: int, arguments: Any, _unicast: bool) -> None:
    found = node.neighbors()
    if found is None:
        node.send_zdo(_Command.Mgmt_Lqi_rsp, tsn, _Status.NOT_SUPPORTED)
        return
    start = int(arguments[0])
    table = zdo.Neighbors(
        Entries=len(found),
        StartIndex=start,
        NeighborTableList=found[start : start + _NEIGHBORS_AT_ONCE],
    )
    node.send_zdo(_Command.Mgmt_Lqi_rsp, tsn, _Status.SUCCESS, table)


def _routes(node: Node, tsn: int, _arguments: Any, _unicast: bool) -> None:
    node.send_zdo(_Command.Mgmt_Rtg_rsp, tsn, _Status.NOT_SUPPORTED)


def _bindings(node: Node, tsn: int, _arguments: Any, _unicast: bool) -> None:
    node.send_zdo(_Command.Mgmt_Bind_rsp, tsn, _Status.NOT_SUPPORTED, 0, 0, [])


def _leave(node: Node, tsn: int, _arguments: Any, _unicast: bool) -> None:
    node.send_zdo(_Command.Mgmt_Leave_rsp, tsn, _Status.SUCCESS)
    node.leave_soon()


def _permit(node: Node, tsn: int, arguments: Any, unicast: bool) -> None:
    node.permit(int(arguments[0]))
    if unicast:
        node.send_zdo(_Command.Mgmt_Permit_Joining_rsp, tsn, _Status.SUCCESS)


def _update(node: Node, tsn: int, arguments: Any, _unicast: bool) -> None:
    if arguments[0].ScanDuration <= _SCAN_LONGEST:
        energies = node.scan(arguments[0].ScanChannels)
        status = _Status.NOT_SUPPORTED if energies is None else _Status.SUCCESS
        node.send_zdo(
            _Command.Mgmt_NWK_Update_rsp,
            tsn,
            status,
            arguments[0].ScanChannels,
            0,
            0,
            energies or [],
        )


_HANDLERS: dict[int, Callable[[Node, int, Any, bool], None]] = {
    _Command.NWK_addr_req: _nwk_address,
    _Command.IEEE_addr_req: _ieee_address,
    _Command.Node_Desc_req: _node_descriptor,
    _Command.Power_Desc_req: _power_descriptor,
    _Command.Active_EP_req: _active_endpoints,
    _Command.Simple_Desc_req: _simple_descriptor,
    _Command.Match_Desc_req: _match_descriptor,
    _Command.Bind_req: _bind,
    _Command.Unbind_req: _unbind,
    _Command.Mgmt_Lqi_req: _neighbors,
    _Command.Mgmt_Rtg_req: _routes,
    _Command.Mgmt_Bind_req: _bindings,
    _Command.Mgmt_Leave_req: _leave,
    _Command.Mgmt_Permit_Joining_req: _permit,
    _Command.Mgmt_NWK_Update_req: _update,
}
