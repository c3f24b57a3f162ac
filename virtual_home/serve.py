"""Runs a virtual home as a process of its own."""

import argparse
import asyncio
import json
import signal
import sys

from .control import ControlServer
from .home import HomeOptions, VirtualHome, several_locks
from .nuki import LockOptions


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
    home = VirtualHome(
        HomeOptions(locks=several_locks(options.locks, lock), state_file=options.state)
    )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    control = ControlServer(home)
    async with home:
        try:
            ready = {
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
