"""zigpy's database, with our devices in it as if they had been interviewed.

Home Assistant's ZHA keeps its devices there: with it, a start needs no interviews.
"""

from datetime import UTC, datetime
from pathlib import Path
import sqlite3
from typing import Any

from zigpy.appdb import DB_V, DB_VERSION
from zigpy.appdb_schemas import SCHEMAS
from zigpy.device import Status as DeviceStatus
from zigpy.endpoint import Status as EndpointStatus
from zigpy.profiles import zha
from zigpy.zcl import ClusterType
from zigpy.zcl.clusters.closures import DoorLock
from zigpy.zcl.clusters.security import IasZone
from zigpy.zcl.foundation import Status

from .node import Node
from .radio import Radio

NAME = "zigbee.db"
"""What ZHA calls it, in the configuration folder."""
# What joining and the first reports leave there; without the first two no quirk is found.
_CACHED = (
    (0x0000, ("manufacturer", "model", "power_source", "sw_build_id")),
    (0x0001, ("battery_percentage_remaining", "battery_size", "battery_quantity")),
    (int(DoorLock.cluster_id), ("lock_state",)),
    (int(IasZone.cluster_id), ("zone_state", "zone_type", "zone_status")),
)


def write(path: Path, radio: Radio) -> None:
    """Write a new database with the devices that are on the network. It blocks."""
    with sqlite3.connect(path) as database:
        database.executescript(SCHEMAS[DB_VERSION])
        for node in radio.devices:
            if node.joined:
                _add(database, node)
    database.close()


def _insert(database: sqlite3.Connection, table: str, *values: Any) -> None:
    places = ", ".join("?" * len(values))
    # The names are zigpy's and ours.
    database.execute(f"INSERT INTO {table}{DB_V} VALUES ({places})", values)  # noqa: S608


def _add(database: sqlite3.Connection, node: Node) -> None:
    ieee = str(node.ieee)
    now = datetime.now(UTC).timestamp()
    _insert(database, "devices", ieee, node.nwk, int(DeviceStatus.ENDPOINTS_INIT), now)
    fields = (int(one) for one in node.node_descriptor().as_tuple())
    _insert(database, "node_descriptors", ieee, *fields)
    for endpoint in node.endpoints.values():
        _insert(
            database,
            "endpoints",
            *(ieee, endpoint.number, zha.PROFILE_ID, endpoint.device_type),
            int(EndpointStatus.ZDO_INIT),
        )
        sides = (
            (ClusterType.Server, endpoint.servers),
            (ClusterType.Client, endpoint.clients),
        )
        for side, clusters in sides:
            for cluster in clusters:
                place = (ieee, endpoint.number, int(side), cluster)
                _insert(database, "clusters", *place)
        for cluster, names in _CACHED:
            if (server := endpoint.servers.get(cluster)) is None:
                continue
            place = (ieee, endpoint.number, int(ClusterType.Server), cluster)
            for name in names:
                value = server.get(name)
                database.execute(
                    f"INSERT INTO attributes_cache{DB_V} (ieee, endpoint_id,"  # noqa: S608
                    " cluster_type, cluster_id, attr_id, status, value, last_updated)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        *place,
                        server.attribute(name),
                        int(Status.SUCCESS),
                        value if isinstance(value, str) else int(value),
                        now,
                    ),
                )
