"""Runs the demo: a virtual home, and a Home Assistant with the integration in it."""

import argparse
import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
import fcntl
from pathlib import Path
import shutil
import signal
import sys
import time
from typing import Self

from virtual_home.client import DEFAULT_PORT as CONTROL_PORT
from virtual_home.frigate import NAME as FRIGATE_NAME

from . import ROOT, HarnessError, seed
from .broker import PROGRAM as BROKER, BrokerProcess
from .hass import HassProcess, eventually
from .outside import ACCOUNT, APP, Outside
from .ports import HOST, free_port, is_taken
from .steps import DOMAIN, find_card, find_lock, state
from .tls_proxy import TlsProxy
from .virtual import VirtualHomeProcess

FOLDER = ROOT / ".cache" / "develop"
HOME_NAME, NAME, USER, PASSWORD = "Demo home", "Demo", "demo", "demo"
PIN = "1234"
FRIGATE_PORT = 15000
CENTRE_PORT = 17777
OUTSIDE_PORT = 18443

_TEXT = """\

  {url}
  You are logged in by itself; elsewhere: user {user}, password {password}

  Try this:

  1  Add the front door. Settings > Devices & services shows that {lock} was found:
     add it. When it asks for pairing mode, hold the lock's button with
         {command} button
     The security PIN is {pin}.

  2  Let help in. Settings > Devices & services > SmartLock LE > the gear beside
     "{name}" > "Let help in now". Then type the code that it shows on the keypad:
         {command} press CODE
     End the access there, and the code opens nothing any more.

  3  Watch the door. Turn the bolt by hand, open the door:
         {command} turn unlock
         {command} door open
     and see it in the logbook and on the lock's page. Then check the log: Developer
     tools > Actions > "Verify the log", or without Home Assistant
         python3 custom_components/smartlock_le/log/verify.py {database}

  4  Add the other lock, which Home Assistant's ZHA brought: on the page of SmartLock LE
     "Add a lock". Type at its keypad, or turn it:
         {command} --lock 1 press CODE
         {command} --lock 1 turn unlock

  5  Add the camera that looks at the front door: on the same page "Add a camera". Turn the
     bolt, and look under Media > SmartLock LE. The switch "Privacy" of the camera stops it.
     See what a bad day does:
         {command} camera hangs

  6  Let Frigate tell, too. On the camera's page, "Reconfigure": its name in Frigate is
     {frigate_name}, its address {frigate}; choose "Person", and a clip of 10 s, which then
     begins before the access. Turn the bolt, or let Frigate see somebody:
         {command} frigate person
     Number plates: the gear beside "{name}" > "Number plates". Then
         {command} frigate car --plate ABC123

  7  Ask for help. The gear beside "{name}" > "When it matters": add a contact that is told by
     notify.demo_telephone; what it hears is printed here. Give a PIN, and the monitoring
     centre: account {account}, address {host}, port {centre_port}. Then say "call the police" to
     Assist (the speech bubble, top right), and take it back on the keypad "Distress".
     In silence: add notify.mobile_app_{app}, too, a telephone with Home Assistant's app, and
     choose it under "Silent alarm and duress". Its buttons are printed here as addresses.
     Let an agency follow it: switch sharing on, and enter one under "Police and other agencies":
     call it back, and its server is {desk}. Ask for help, and open the gear again.

  8  Send help a link. The gear beside "{name}" > "Responders": write down what it shows, make
     a link, and open it in another window. From outside the house is {outside}, with a
     certificate that is made up: let the browser believe it. Hold the button, and see
         {command} state

  Ctrl-C ends it all. What you did is kept for the next time; --fresh forgets it.
  Home Assistant's log: {log}
"""


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the folder: two demos in one would spoil each other's files."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HarnessError(
                f"a demo is running in {_shown(folder)} already"
            ) from None
        yield


class Demo:
    """Its processes; an async context manager ends them whatever happens."""

    def __init__(self, folder: Path, port: int) -> None:
        """Keep everything in `folder`."""
        self.folder = folder
        self.hass = HassProcess(folder / "config", port)
        self.home: VirtualHomeProcess | None = None
        self.broker: BrokerProcess | None = None
        self._control_port = free_port() if is_taken(CONTROL_PORT) else CONTROL_PORT
        self._proxy_port = free_port()
        self._zigbee_port = free_port()
        self._camera_port = free_port()
        # The same each time: the camera keeps the address that was entered.
        self._centre_port = free_port() if is_taken(CENTRE_PORT) else CENTRE_PORT
        self._telephone_port = free_port()
        self._outside = Outside(
            self._telephone_port, self._centre_port, say, f"http://{HOST}:{port}"
        )
        outside_port = free_port() if is_taken(OUTSIDE_PORT) else OUTSIDE_PORT
        self._tls = TlsProxy(outside_port, port)
        self._frigate_port = free_port() if is_taken(FRIGATE_PORT) else FRIGATE_PORT
        # Where there is none, Frigate keeps to itself what it sees.
        self._broker_port = free_port() if BROKER.exists() else None

    async def __aenter__(self) -> Self:
        """Start them; returns when somebody can log in."""
        try:
            await self._start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def _start(self) -> None:
        seed.prepare(
            self.hass.config,
            seed.Seed(
                port=self.hass.port,
                proxy_port=self._proxy_port,
                zigbee_url=f"socket://{HOST}:{self._zigbee_port}",
                camera_url=f"http://{HOST}:{self._camera_port}",
                telephone_url=f"http://{HOST}:{self._telephone_port}/",
                push_url=self._outside.push_url,
                broker_port=self._broker_port,
                outside_url=self._tls.url,
                name=HOME_NAME,
                time_zone=seed.machine_time_zone(),
                log_in=True,
            ),
        )
        self.hass.log.unlink(missing_ok=True)
        await self._outside.__aenter__()
        await self._tls.__aenter__()
        if self._broker_port:
            self.broker = await BrokerProcess.start(self.folder, self._broker_port)
        if not self._zigbee_database.exists():
            # ZHA must find it; later Home Assistant needs nothing of ours for seconds.
            await self._start_home()
        try:
            async with asyncio.TaskGroup() as starting:
                if self.home is None:
                    starting.create_task(self._start_home())
                starting.create_task(self.hass.start())
        except* HarnessError as group:
            raise group.exceptions[0] from None
        api = self.hass.api
        if await self.hass.is_new():
            await api.onboard(NAME, USER, PASSWORD)
        else:
            await api.log_in(USER, PASSWORD)

    @property
    def _zigbee_database(self) -> Path:
        return self.hass.config / "zigbee.db"

    async def _start_home(self) -> None:
        self.home = await VirtualHomeProcess.start(
            self.folder / "virtual_home.log",
            *("--zigbee-port", str(self._zigbee_port)),
            *("--zigbee-database", str(self._zigbee_database)),
            *("--camera-port", str(self._camera_port)),
            *("--frigate-port", str(self._frigate_port)),
            *(("--broker-port", str(self._broker_port)) if self._broker_port else ()),
            state=self.folder / "virtual_home.json",
            proxy_port=self._proxy_port,
            control_port=self._control_port,
        )

    async def __aexit__(self, *_error: object) -> None:
        """End all."""
        await self.hass.stop()
        await self._tls.__aexit__()
        await self._outside.__aexit__()
        for other in (self.home, self.broker):
            if other:
                await other.stop()

    async def front_door(self) -> str:
        """Wait until the lock is found, or usable; say which, in words."""
        assert self.home
        lock = self.home.locks[0]
        async with await self.hass.api.websocket() as socket:

            async def look() -> str | None:
                if await find_card(socket, lock["address"]):
                    return f"{lock['name']} was found"
                if entity_id := await find_lock(socket):
                    return f"{entity_id} is {(await state(socket, entity_id))['state']}"
                return None

            return await eventually(look, "the lock is found or usable", 120)

    def text(self) -> str:
        """Say what to do with it."""
        assert self.home
        command = f"{_shown(Path(sys.executable))} -m virtual_home"
        if self.home.control_port != CONTROL_PORT:
            command += f" --control-port {self.home.control_port}"
        return _TEXT.format(
            url=f"http://localhost:{self.hass.port}",
            name=HOME_NAME,
            user=USER,
            password=PASSWORD,
            lock=self.home.locks[0]["name"],
            pin=PIN,
            command=command,
            account=ACCOUNT,
            host=HOST,
            centre_port=self._centre_port,
            outside=self._tls.url,
            app=APP,
            desk=self._outside.desk_url,
            frigate_name=FRIGATE_NAME,
            frigate=self.home.frigate,
            database=_shown(self.hass.config / DOMAIN / "log.db"),
            log=_shown(self.hass.log),
        )

    async def ended(self) -> None:
        """Raise when one of them ends without being asked."""
        assert self.home
        children = [self.home.child, self.hass.child]
        if self.broker:
            children.append(self.broker.child)
        waits = [asyncio.create_task(child.wait()) for child in children]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for child in children:
            if not child.running:
                raise child.ended()


async def run(folder: Path, port: int) -> None:
    """Run the demo until it is cancelled."""
    began = time.monotonic()
    say("starting Home Assistant and the virtual home ...")
    async with Demo(folder, port) as demo:
        say(f"ready after {time.monotonic() - began:.1f} s")
        say(demo.text())
        door = await demo.front_door()
        say(f"{door}, {time.monotonic() - began:.1f} s after the start")
        await demo.hass.api.log_out()
        await demo.ended()


async def _until_signal(folder: Path, port: int) -> None:
    """Run the demo until SIGINT or SIGTERM."""
    task = asyncio.current_task()
    assert task
    loop = asyncio.get_running_loop()
    stopping = False

    def stop() -> None:
        # Once: a second Ctrl-C must not break the clean end.
        nonlocal stopping
        if not stopping:
            stopping = True
            say("\nstopping ...")
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        await run(folder, port)
    except asyncio.CancelledError:
        if not stopping:
            raise
        say("stopped")


def _forget(folder: Path) -> None:
    """Remove what the last demo left."""
    (folder / "virtual_home.json").unlink(missing_ok=True)
    if (folder / "config").exists():
        shutil.rmtree(folder / "config")


def _main(folder: Path, port: int, *, fresh: bool) -> None:
    if is_taken(port):
        raise HarnessError(
            f"port {port} is taken by another program: stop it, or choose another"
            " with --port"
        )
    with only_one(folder):
        if fresh:
            _forget(folder)
        asyncio.run(_until_signal(folder, port))


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="script/develop", description=__doc__)
    parser.add_argument("--port", type=int, default=8123, help="of Home Assistant")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where it is kept")
    parser.add_argument("--fresh", action="store_true", help="forget the last time")
    options = parser.parse_args()
    try:
        _main(options.folder.absolute(), options.port, fresh=options.fresh)
    except HarnessError as err:
        sys.stderr.write(f"develop: {err}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
