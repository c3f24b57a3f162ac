"""A Matter server with one door lock, as Home Assistant's own client of it hears it.

The server and the lock are ours, for there is no radio here: the messages are those of the
client's library, and the lock keeps to the Door Lock cluster (Matter Application Cluster
Specification, 5.2). Real are Home Assistant's integration, the client, and the socket
between. `matter_home(hass)` gives it. Needs `socket_enabled`.
"""

import asyncio
import base64
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer
from chip.clusters import Objects as clusters
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from matter_server.common.errors import NodeNotResolving, UnknownError
from pytest_homeassistant_custom_component.common import MockConfigEntry

DoorLock = clusters.DoorLock
Feature, Source = DoorLock.Bitmaps.Feature, DoorLock.Enums.OperationSourceEnum
LockState, Kind = DoorLock.Enums.DlLockState, DoorLock.Enums.LockOperationTypeEnum
Status, Data = DoorLock.Enums.DlStatus, DoorLock.Enums.LockDataTypeEnum
Operation = DoorLock.Enums.DataOperationTypeEnum
PIN = DoorLock.Enums.CredentialTypeEnum.kPin
NODE, ENDPOINT, FABRIC = 7, 1, 0xABCD
LOCK_ID = (
    f"matter:{FABRIC:016X}-{NODE:016X}-MatterNodeDevice-{ENDPOINT}-MatterLock-257-0"
)
SLOTS = 8
_BOLT = f"{ENDPOINT}/{DoorLock.id}/{DoorLock.Attributes.LockState.attribute_id}"


def _attributes(values: dict[type, Any], endpoint: int) -> dict[str, Any]:
    return {
        f"{endpoint}/{one.cluster_id}/{one.attribute_id}": value  # type: ignore[attr-defined]
        for one, value in values.items()
    }


class MatterLock:
    """The lock: its bolt, its credentials, and how it fails."""

    def __init__(self, features: int) -> None:
        """Make it, locked and without a code."""
        self.features = features
        self.state = LockState.kLocked
        self.codes: dict[int, str] = {}
        self.users: dict[int, int] = {}
        """The user of each code."""
        self.moves = 0
        self.there = True
        self.jammed = self.forgets = self.refuses = self.full = False
        self.delay_s = 0.0
        self.send: Any = lambda event, data: None

    def node(self) -> dict[str, Any]:
        """Return the node as the server has it."""
        basic, door = clusters.BasicInformation.Attributes, DoorLock.Attributes
        root = {
            clusters.Descriptor.Attributes.DeviceTypeList: [{"0": 22, "1": 1}],
            clusters.Descriptor.Attributes.PartsList: [ENDPOINT],
            basic.VendorName: "Maker",
            basic.VendorID: 0xFFF1,
            basic.ProductName: "Door lock",
            basic.ProductID: 0x8001,
            basic.NodeLabel: "Back door",
            basic.SoftwareVersionString: "1.0",
            basic.HardwareVersionString: "1.0",
            basic.UniqueID: "door",
            basic.SerialNumber: "1",
        }
        lock = {
            clusters.Descriptor.Attributes.DeviceTypeList: [{"0": 10, "1": 1}],
            door.LockState: int(self.state),
            door.LockType: 0,
            door.ActuatorEnabled: True,
            door.NumberOfTotalUsersSupported: SLOTS,
            door.NumberOfPINUsersSupported: SLOTS,
            door.MinPINCodeLength: 4,
            door.MaxPINCodeLength: 8,
            door.RequirePINforRemoteOperation: False,
            door.FeatureMap: self.features,
        }
        now = datetime.now(UTC).replace(tzinfo=None).isoformat()
        return {
            "node_id": NODE,
            "date_commissioned": now,
            "last_interview": now,
            "interview_version": 6,
            "available": self.there,
            "attributes": _attributes(root, 0) | _attributes(lock, ENDPOINT),
            "attribute_subscriptions": [],
        }

    # What it says by itself

    def event(self, kind: type, **data: Any) -> None:
        """Send an event of its cluster."""
        event_id = kind.event_id  # type: ignore[attr-defined]
        fields = {
            "node_id": NODE,
            "endpoint_id": ENDPOINT,
            "cluster_id": DoorLock.id,
            "event_id": event_id,
            "event_number": 1,
            "priority": 2,
            "timestamp": 0,
            "timestamp_type": 1,
            "data": data,
        }
        self.send("node_event", fields)

    def operated(
        self, *, lock: bool, source: Any = Source.kManual, code: int | None = None
    ) -> None:
        """Move by hand, by a key of the keypad or by itself, and say who it was."""
        kind = Kind.kLock if lock else Kind.kUnlock
        keys = None
        if code is not None:
            keys = [{"credentialType": int(PIN), "credentialIndex": code}]
        self.event(
            DoorLock.Events.LockOperation,
            lockOperationType=int(kind),
            operationSource=int(source),
            userIndex=self.users.get(code or 0),
            credentials=keys,
        )
        self.show(LockState.kLocked if lock else LockState.kUnlocked)

    def show(self, state: LockState) -> None:
        """Report where the bolt is."""
        self.state = state
        self.send("attribute_updated", [NODE, _BOLT, int(state)])

    def reach(self, *, there: bool) -> None:
        """Go out of reach, or come back."""
        self.there = there
        self.send("node_updated", self.node())

    # What it is told

    async def take(self, name: str, payload: dict[str, Any]) -> Any:
        """Take a command. Raises LookupError for what it does not know."""
        await asyncio.sleep(self.delay_s)
        match name:
            case "LockDoor" | "UnlockDoor" | "UnboltDoor":
                return self._move(name)
            case "GetCredentialStatus":
                number = payload["credential"]["credentialIndex"]
                there = number in self.codes
                user = self.users.get(number)
                return {"credentialExists": there, "userIndex": user}
            case "SetCredential":
                return self._set(payload)
            case "ClearCredential":
                number = payload["credential"]["credentialIndex"]
                self._change(number, None, Operation.kClear)
                return None
        raise LookupError(name)

    def _move(self, name: str) -> None:
        self.moves += 1
        if self.jammed:
            self.event(DoorLock.Events.DoorLockAlarm, alarmCode=0)
            return
        # Its motor takes a moment.
        pulls = name == "UnlockDoor" and self.features & Feature.kUnbolt
        asyncio.get_running_loop().call_later(
            0.05,
            lambda: (
                self.show(LockState.kUnlatched)
                if pulls
                else self.operated(lock=name == "LockDoor", source=Source.kRemote)
            ),
        )

    def _set(self, payload: dict[str, Any]) -> dict[str, Any]:
        number = payload["credential"]["credentialIndex"]
        digits = base64.b64decode(payload["credentialData"]).decode()
        there = number in self.codes
        status = Status.kSuccess
        if self.refuses:
            self.refuses, status = False, Status.kFailure
        elif self.full and not there:
            status = Status.kResourceExhausted
        elif any(n != number and code == digits for n, code in self.codes.items()):
            status = Status.kDuplicate
        elif payload["operationType"] != (
            Operation.kModify if there else Operation.kAdd
        ) or (there and payload["userIndex"] != self.users[number]):
            status = Status.kInvalidField
        elif not self.forgets:
            how = Operation.kModify if there else Operation.kAdd
            self._change(number, digits, how)
        answer = {"status": int(status), "nextCredentialIndex": None}
        return {**answer, "userIndex": self.users.get(number)}

    def _change(self, number: int, digits: str | None, how: Operation) -> None:
        self.program(number, digits)
        self.event(
            DoorLock.Events.LockUserChange,
            lockDataType=int(Data.kPin),
            dataOperationType=int(how),
            operationSource=int(Source.kRemote),
            userIndex=self.users.get(number),
            dataIndex=number,
        )

    def program(self, number: int, digits: str | None) -> None:
        """Change a code in silence; its user comes and goes with it."""
        if digits is None:
            self.codes.pop(number, None)
            self.users.pop(number, None)
            return
        self.codes[number] = digits
        self.users.setdefault(number, max(self.users.values(), default=20) + 1)


class MatterHome:
    """The server, the lock and Home Assistant's entry."""

    def __init__(self, lock: MatterLock) -> None:
        """Take the lock."""
        self.lock = lock
        self.entry = MockConfigEntry(domain="matter")
        self._sockets: set[web.WebSocketResponse] = set()
        lock.send = self._send

    def _send(self, event: str, data: Any) -> None:
        for socket in self._sockets:
            task = socket.send_json({"event": event, "data": data})
            asyncio.get_running_loop().create_task(task)

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Talk to a client."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json(
            {
                "fabric_id": 1,
                "compressed_fabric_id": FABRIC,
                "schema_version": 11,
                "min_supported_schema_version": 1,
                "sdk_version": "1",
                "wifi_credentials_set": False,
                "thread_credentials_set": False,
                "bluetooth_enabled": False,
            }
        )
        self._sockets.add(socket)
        tasks = set()
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    answer = self._answer(socket, message.json())
                    tasks.add(asyncio.get_running_loop().create_task(answer))
        finally:
            self._sockets.discard(socket)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return socket

    async def _answer(self, socket: web.WebSocketResponse, asked: Any) -> None:
        said: dict[str, Any] = {"message_id": asked["message_id"]}
        args = asked.get("args") or {}
        if asked["command"] == "start_listening":
            said["result"] = [self.lock.node()]
        elif asked["command"] != "device_command":
            said["result"] = None
        elif not self.lock.there:
            said |= {"error_code": NodeNotResolving.error_code, "details": "away"}
        else:
            try:
                name, payload = args["command_name"], args["payload"]
                said["result"] = await self.lock.take(name, payload)
            except LookupError as err:
                said |= {"error_code": UnknownError.error_code, "details": str(err)}
        await socket.send_json(said)

    async def drop(self) -> None:
        """Close every connection, as a server does that restarts."""
        for socket in list(self._sockets):
            await socket.close()


WITH_CODES = int(Feature.kPinCredential | Feature.kUser)


@asynccontextmanager
async def matter_home(
    hass: HomeAssistant, features: int = WITH_CODES
) -> AsyncGenerator[MatterHome]:
    """Run Home Assistant's Matter with the lock on its server."""
    home = MatterHome(MatterLock(features))
    app = web.Application()
    app.router.add_get("/ws", home.handle)
    async with TestServer(app) as server:
        url = str(server.make_url("/ws")).replace("http", "ws", 1)
        home.entry = MockConfigEntry(
            domain="matter", data={"url": url, "use_addon": False}
        )
        home.entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(home.entry.entry_id)
        await hass.async_block_till_done()
        yield home
        if home.lock.jammed:
            # Its entity waits 30 s for a report that a stuck bolt does not send.
            home.lock.show(home.lock.state)
            await asyncio.sleep(0.05)
        if home.entry.state is ConfigEntryState.LOADED:
            await hass.config_entries.async_unload(home.entry.entry_id)
