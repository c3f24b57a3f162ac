"""Runs a virtual home as a process of its own."""

import argparse
import asyncio
from contextlib import nullcontext
from dataclasses import replace
import json
import signal
import sys
from typing import TYPE_CHECKING

from .control import ControlServer
from .home import HomeOptions, VirtualHome, several_locks
from .nuki import LockOptions

if TYPE_CHECKING:
    from .camera import DoorCamera
    from .frigate import Frigate
    from .zigbee.radio import Radio


def _camera(options: argparse.Namespace) -> DoorCamera | None:
    """Return a camera at the door, if one is wanted."""
    if options.camera_port is None:
        return None
    from .camera import DoorCamera  # noqa: PLC0415

    return DoorCamera(options.camera_port)


def _frigate(options: argparse.Namespace, camera: DoorCamera | None) -> Frigate | None:
    """Return a Frigate that records the camera, if one is wanted."""
    if options.frigate_port is None or camera is None:
        return None
    from .frigate import Frigate  # noqa: PLC0415

    return Frigate(camera, port=options.frigate_port, broker=options.broker_port)


def _radio(options: argparse.Namespace) -> Radio | None:
    """Return a stick with one lock on its network, if one is wanted."""
    if options.zigbee_port is None:
        return None
    from .zigbee import database  # noqa: PLC0415
    from .zigbee.options import LockOptions as ZigbeeLock, RadioOptions  # noqa: PLC0415
    from .zigbee.radio import Radio  # noqa: PLC0415

    lock = replace(ZigbeeLock(), joined=True, motor_s=options.motor)
    radio = Radio(RadioOptions(devices=(lock,)))
    if options.zigbee_database and not options.zigbee_database.exists():
        database.write(options.zigbee_database, radio)
    return radio


async def serve(options: argparse.Namespace) -> None:
    """Serve until SIGINT or SIGTERM; says on one line of JSON when it is ready."""
    lock = LockOptions(
        pin=options.pin,
        motor_s=options.motor,
        keypad=not options.no_keypad,
        pairing=options.pairing,
        chunk=options.chunk,
        padded=options.padded,
    )
    radio, camera = _radio(options), _camera(options)
    frigate = _frigate(options, camera)
    home = VirtualHome(
        HomeOptions(
            locks=several_locks(options.locks, lock),
            zigbee=radio,
            camera=camera,
            frigate=frigate,
            state_file=options.state,
        )
    )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    control = ControlServer(home)
    async with home, camera or nullcontext(), frigate or nullcontext():
        try:
            zigbee = None
            if radio is not None:
                await radio.start(options.host, options.zigbee_port)
                zigbee = {"url": radio.url, "locks": [str(o.ieee) for o in radio.locks]}
            ready = {
                "zigbee": zigbee,
                "camera": camera.url if camera else None,
                "frigate": frigate.url if frigate else None,
                "proxy_port": await home.proxy.start(options.host, options.proxy_port),
                "control_port": await control.start(options.control_port),
                "locks": [
                    {"name": lock.name, "address": lock.address} for lock in home.locks
                ],
            }
            sys.stdout.write(json.dumps(ready) + "\n")
            sys.stdout.flush()
            await stop.wait()
        finally:
            await control.stop()
            if radio is not None:
                await radio.stop()
