"""A simulated Nuki Smart Lock, written from Nuki's Bluetooth API document v2.1.

The document: "Nuki Smart Lock API V2.1, 16.03.2020", Nuki Home Solutions GmbH. Docstrings
name the section or the command that they follow; what the document leaves open is said
where it was decided, and in the README.
"""

from .device import Device, LockOptions
from .lock import NukiLock
from .wire import Command, Completion, DoorState, ErrorCode, LockState, LogType

__all__ = [
    "Command",
    "Completion",
    "Device",
    "DoorState",
    "ErrorCode",
    "LockOptions",
    "LockState",
    "LogType",
    "NukiLock",
]
