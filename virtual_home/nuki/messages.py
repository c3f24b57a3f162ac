"""Payloads of the commands that the lock sends."""

import struct

from .device import Device
from .keypad import Code, Window
from .log import LogEntry
from .users import Authorization
from .wire import Command, ErrorCode, NukiState, Status, pack_text, pack_time

type Reply = tuple[Command, bytes]

HARDWARE = (8, 0)
_LATITUDE, _LONGITUDE = 47.0667, 15.4333
_NO_TIMEZONE_ID = 0xFFFF
_LOG_DATA_SIZE = 5


def status(value: Status) -> Reply:
    """Status (0x000E)."""
    return Command.STATUS, bytes([value])


def error(code: ErrorCode, command: int) -> Reply:
    """Error Report (0x0012)."""
    return Command.ERROR_REPORT, struct.pack("<BH", code, command)


def states(device: Device) -> Reply:
    """Keyturner States (0x000C)."""
    nuki_state = NukiState.PAIRING if device.pairing else NukiState.DOOR
    bolt = device.bolt
    return Command.KEYTURNER_STATES, (
        bytes([nuki_state, bolt.state, bolt.trigger])
        + pack_time(device.now)
        + struct.pack("<h", device.options.timezone_offset_min)
        # No lock 'n' go, so its timer is 0.
        + bytes([device.battery_byte, device.config_updates, 0])
        + bytes(device.last_action)
        + bytes([device.door])
    )


def config(device: Device) -> Reply:
    """Config (0x0015)."""
    auto_unlatch, pairing, button, led, brightness = 0, 1, 1, 1, 3
    dst, fob, fob_actions, single_lock, advertising = 0, 0, (0, 0, 0), 0, 0
    homekit = 1
    return Command.CONFIG, (
        struct.pack("<I", device.options.nuki_id)
        + pack_text(device.options.label, 32)
        + struct.pack("<ff", _LATITUDE, _LONGITUDE)
        + bytes([auto_unlatch, pairing, button, led, brightness])
        + pack_time(device.now)
        + struct.pack("<h", device.options.timezone_offset_min)
        + bytes([dst, fob, *fob_actions, single_lock, advertising])
        + bytes([device.has_keypad, *device.firmware, *HARDWARE, homekit])
        + struct.pack("<H", _NO_TIMEZONE_ID)
        + _newer_config(device)
    )


def _newer_config(device: Device) -> bytes:
    """Device Type, Capabilities, Has keypad2 of Config: "only ... Smart Lock 3.0" on."""
    if (device_type := device.options.product.device_type) is None:
        return b""
    return bytes([device_type, 0, 0])


def battery_report(device: Device) -> Reply:
    """Battery Report (0x0011)."""
    volts = 4000 + device.battery * 20
    drain, distance, temperature, current, resistance = 280, 720, 22, 450, 260
    return Command.BATTERY_REPORT, struct.pack(
        "<HHBBHHHbHH",
        drain,
        volts,
        device.battery_byte & 1,
        device.last_action[0],
        volts,
        volts - 300,
        distance,
        temperature,
        current,
        resistance,
    )


def authorization_entry(user: Authorization) -> Reply:
    """Write Authorization Entry (0x000A); none of them is limited in time."""
    enabled, remote_allowed, limited = 1, 0, 0
    return Command.AUTHORIZATION_ENTRY, (
        struct.pack("<IB", user.auth_id, user.id_type)
        + pack_text(user.name, 32)
        + bytes([enabled, remote_allowed])
        + pack_time(user.created)
        + pack_time(user.last_active)
        + struct.pack("<HB", user.uses, limited)
    )


def log_entry(entry: LogEntry, *, padded: bool) -> Reply:
    """Log Entry (0x0032)."""
    data = entry.data.ljust(_LOG_DATA_SIZE, b"\0") if padded else entry.data
    return Command.LOG_ENTRY, (
        struct.pack("<I", entry.index)
        + pack_time(entry.moment)
        + struct.pack("<I", entry.auth_id)
        + pack_text(entry.name, 32)
        + bytes([entry.type])
        + data
    )


def log_entry_count(count: int) -> Reply:
    """Log Entry Count (0x0033); logging and the door sensor are on."""
    return Command.LOG_ENTRY_COUNT, struct.pack("<BHBB", 1, count, 1, 1)


def keypad_code(code: Code, *, padded: bool) -> Reply:
    """Keypad Code (0x0045): the window "only if this flag is set"."""
    window = code.window or (Window() if padded else None)
    return Command.KEYPAD_CODE, (
        struct.pack("<HI", code.code_id, code.digits)
        + pack_text(code.name, 20)
        + bytes([code.enabled])
        + pack_time(code.created)
        + pack_time(code.last_active)
        + struct.pack("<HB", code.uses, code.window is not None)
        + (window.pack() if window else b"")
    )
