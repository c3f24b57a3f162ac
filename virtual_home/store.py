"""Keeps pairings, codes, log and bolt of the locks over a restart, in one JSON file."""

import asyncio
from collections import deque
from datetime import datetime, time, timedelta
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .nuki.device import Device
from .nuki.keypad import Code, CodeBook, Window
from .nuki.log import MAX_ENTRIES, Log, LogEntry
from .nuki.users import Authorization, Users
from .nuki.wire import DoorState, IdType, LogType, Trigger

if TYPE_CHECKING:
    from .zigbee.radio import Radio

_VERSION = 1


def _moment(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _dump_window(window: Window | None) -> dict[str, Any] | None:
    if window is None:
        return None
    return {
        "start": _text(window.start),
        "end": _text(window.end),
        "weekdays": window.weekdays,
        "from_time": window.from_time.isoformat(),
        "until_time": window.until_time.isoformat(),
    }


def _load_window(data: dict[str, Any] | None) -> Window | None:
    if data is None:
        return None
    return Window(
        _moment(data["start"]),
        _moment(data["end"]),
        data["weekdays"],
        time.fromisoformat(data["from_time"]),
        time.fromisoformat(data["until_time"]),
    )


def dump(device: Device) -> dict[str, Any]:
    """Write down what survives a change of batteries."""
    return {
        "nuki_id": device.options.nuki_id,
        "private_key": device.private_key.hex(),
        "uuid": device.uuid.hex(),
        "locked": device.bolt.locked,
        "door": device.door,
        "battery": device.battery,
        "clock_offset": device.clock_offset.total_seconds(),
        "config_updates": device.config_updates,
        "unread": device.unread,
        "last_action": list(device.last_action),
        "next_user": device.users.next_id,
        "users": [
            {
                "auth_id": user.auth_id,
                "id_type": user.id_type,
                "app_id": user.app_id,
                "name": user.name,
                "key": user.key.hex(),
                "created": _text(user.created),
                "last_active": _text(user.last_active),
                "uses": user.uses,
            }
            for user in device.users.entries.values()
        ],
        "next_code": device.codes.next_id,
        "codes": [
            {
                "code_id": code.code_id,
                "digits": code.digits,
                "name": code.name,
                "created": _text(code.created),
                "enabled": code.enabled,
                "last_active": _text(code.last_active),
                "uses": code.uses,
                "window": _dump_window(code.window),
            }
            for code in device.codes
        ],
        "next_entry": device.log.next_index,
        "log": [
            {
                "index": entry.index,
                "moment": _text(entry.moment),
                "auth_id": entry.auth_id,
                "name": entry.name,
                "type": entry.type,
                "data": entry.data.hex(),
            }
            for entry in device.log.entries
        ],
    }


def restore(device: Device, data: dict[str, Any]) -> None:
    """Take over what was written down."""
    device.private_key = bytes.fromhex(data["private_key"])
    device.uuid = bytes.fromhex(data["uuid"])
    device.bolt.place(locked=data["locked"], trigger=Trigger.SYSTEM)
    device.door = DoorState(data["door"])
    device.battery = data["battery"]
    device.clock_offset = timedelta(seconds=data["clock_offset"])
    device.config_updates = data["config_updates"]
    device.unread = data["unread"]
    action, trigger, completion = data["last_action"]
    device.last_action = (action, trigger, completion)
    users = (
        Authorization(
            auth_id=user["auth_id"],
            id_type=IdType(user["id_type"]),
            app_id=user["app_id"],
            name=user["name"],
            key=bytes.fromhex(user["key"]),
            created=datetime.fromisoformat(user["created"]),
            last_active=_moment(user["last_active"]),
            uses=user["uses"],
        )
        for user in data["users"]
    )
    device.users = Users({user.auth_id: user for user in users}, data["next_user"])
    codes = (
        Code(
            code_id=code["code_id"],
            digits=code["digits"],
            name=code["name"],
            created=datetime.fromisoformat(code["created"]),
            enabled=code["enabled"],
            last_active=_moment(code["last_active"]),
            uses=code["uses"],
            window=_load_window(code["window"]),
        )
        for code in data["codes"]
    )
    device.codes = CodeBook({code.code_id: code for code in codes}, data["next_code"])
    entries = (
        LogEntry(
            entry["index"],
            datetime.fromisoformat(entry["moment"]),
            entry["auth_id"],
            entry["name"],
            LogType(entry["type"]),
            bytes.fromhex(entry["data"]),
        )
        for entry in data["log"]
    )
    device.log = Log(deque(entries, maxlen=MAX_ENTRIES), data["next_entry"])


class Store:
    """The file. It holds keys and codes, so only its owner may read it."""

    def __init__(
        self, path: Path, devices: list[Device], radio: Radio | None = None
    ) -> None:
        """Keep these devices, and the locks of this radio, in this file."""
        self._path = path
        self._devices = devices
        self._radio = radio
        self._due = False

    def load(self) -> None:
        """Read the file, if there is one, and write it from now on at each change."""
        if self._path.exists():
            content = json.loads(self._path.read_text())
            saved = {entry["nuki_id"]: entry for entry in content["locks"]}
            self._restore_zigbee(content.get("zigbee", []))
            for device in self._devices:
                if (data := saved.get(device.options.nuki_id)) is not None:
                    restore(device, data)
        for device in self._devices:
            device.listeners.append(self._changed)
        if self._radio is not None:
            self._radio.listeners.append(self._changed)
        self.save()

    def _restore_zigbee(self, saved: list[dict[str, Any]]) -> None:
        if self._radio is None:
            return
        # zigpy is there only where a radio is.
        from .zigbee import keep  # noqa: PLC0415

        known = {entry["ieee"]: entry for entry in saved}
        for lock in self._radio.locks:
            if (data := known.get(str(lock.ieee))) is not None:
                keep.restore(lock, data)

    def _zigbee(self) -> list[dict[str, Any]]:
        if self._radio is None:
            return []
        from .zigbee import keep  # noqa: PLC0415

        return [keep.dump(lock) for lock in self._radio.locks]

    def _changed(self) -> None:
        # Many changes of one moment are one write.
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self.save)

    def save(self) -> None:
        """Replace the file. It blocks, and is small: a kill loses nothing."""
        self._due = False
        content = {
            "version": _VERSION,
            "locks": [dump(one) for one in self._devices],
            "zigbee": self._zigbee(),
        }
        new = self._path.with_name(self._path.name + ".new")
        private = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(private, "w") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)
