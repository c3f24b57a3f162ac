"""The radio: a stick with its air and what is on it, and the port that it is behind."""

import asyncio
from collections import deque
from collections.abc import Callable
import time
from typing import Any

from .contact import Contact
from .coordinator import Coordinator
from .lock import Lock
from .network import Network, Parameter
from .node import Node
from .options import ContactOptions, LockOptions, NodeOptions, RadioOptions
from .session import Session
from .timers import Timers
from .wire import Delivery, Flags, Indication, Mode, Network as State, Request

_SLOTS = 32
_BROADCASTS = 0xFFF8
_TICK_S = 1.0


class Radio:
    """A stick over TCP, and the devices that it hears."""

    def __init__(self, options: RadioOptions | None = None) -> None:
        """Build it, switched off."""
        options = options or RadioOptions()
        self.timers = Timers()
        self.network = Network(options)
        self.state = State.CONNECTED if options.formed else State.OFFLINE
        self.nodes: dict[int, Node] = {}
        self.listeners: list[Callable[[], None]] = []
        """Told of each change that outlives a restart."""
        self.port = 0
        self.indications: deque[Indication] = deque()
        self.confirms: deque[tuple[Request, Delivery]] = deque()
        self._in_flight = 0
        self._permitted_until = 0.0
        self._server: asyncio.Server | None = None
        self._session: Session | None = None
        self._host = ""
        self._running = False
        for node in (Coordinator(self), *(self._make(one) for one in options.devices)):
            if node.nwk in self.nodes:
                raise ValueError(f"two devices have the address {node.nwk:#06x}")
            self.nodes[node.nwk] = node

    def _make(self, options: NodeOptions) -> Node:
        match options:
            case LockOptions():
                return Lock(self, options)
            case ContactOptions():
                return Contact(self, options)
        raise ValueError(f"no device is made from {type(options).__name__}")

    @property
    def devices(self) -> list[Lock | Contact]:
        """The devices, without the stick."""
        return [one for one in self.nodes.values() if isinstance(one, Lock | Contact)]

    @property
    def locks(self) -> list[Lock]:
        """The locks."""
        return [one for one in self.nodes.values() if isinstance(one, Lock)]

    @property
    def url(self) -> str:
        """What a program of this machine calls the port."""
        return f"socket://{self._host}:{self.port}"

    @property
    def hosted(self) -> bool:
        """Tell whether a program is connected."""
        return self._session is not None

    def changed(self) -> None:
        """Tell the listeners that something is to be kept."""
        for listener in self.listeners:
            listener()

    # Switching on and off.

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen; gives the port. Raises OSError."""
        self._host, self.port, self._running = host, port, True
        await self._listen()
        self._tick()
        return self.port

    async def stop(self) -> None:
        """Switch off."""
        self._running = False
        await self.timers.stop()
        await self._hang_up()

    async def restart(self, away_s: float = 0.5) -> None:
        """Lose power: the host is dropped, and the port is back after some seconds."""
        await self._hang_up()
        self.timers.spawn(self._come_back(away_s))

    async def _come_back(self, away_s: float) -> None:
        await asyncio.sleep(away_s)
        await self._listen()

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Session(self), self._host, self.port, reuse_address=True
        )
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def _hang_up(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        if self._session is not None:
            self._session.close()
        if server is not None:
            await server.wait_closed()

    def _tick(self) -> None:
        for node in self.nodes.values():
            node.tick()
        if self._running:
            self.timers.later(_TICK_S, self._tick)

    # The program that uses the stick.

    def connected(self, session: Session) -> None:
        """Serve this host from now on: there is one line only."""
        if self._session is not None:
            self._session.close()
        self._session = session
        # What nobody fetched is lost, as in the buffers of a stick.
        self.indications.clear()
        self.confirms.clear()

    def disconnected(self, session: Session) -> None:
        """Serve nobody, if it was this one."""
        if self._session is session:
            self._session = None

    def notify(self) -> None:
        """Tell the host that there is something to fetch."""
        if self._session is not None:
            self._session.send_state()

    def device_state(self) -> int:
        """Return the byte with the network's state and what is to be fetched."""
        flags = Flags(0)
        if self.confirms:
            flags |= Flags.CONFIRM
        if self.indications:
            flags |= Flags.INDICATION
        if self._in_flight < _SLOTS:
            flags |= Flags.FREE_SLOTS
        return self.state | flags

    def change_state(self, wanted: int) -> None:
        """Form the network or leave it."""
        if wanted == State.CONNECTED and self.network.connect():
            self.state = State.CONNECTED
        elif wanted == State.OFFLINE:
            self.state = State.OFFLINE
        self.changed()
        self.notify()

    # Joining.

    @property
    def permits(self) -> bool:
        """Tell whether new devices may join."""
        return time.monotonic() < self._permitted_until

    def permit(self, seconds: int) -> None:
        """Let new devices join for some seconds; 0: no more."""
        self._permitted_until = time.monotonic() + seconds if seconds else 0.0

    def read(self, parameter: int, argument: bytes) -> bytes | None:
        """Return a parameter; None: there is no such."""
        if parameter == Parameter.PERMIT_JOIN:
            left = self._permitted_until - time.monotonic()
            return bytes((max(0, min(255, int(left))),))
        return self.network.read(parameter, argument)

    def write(self, parameter: int, value: bytes) -> None:
        """Take a parameter."""
        if parameter == Parameter.PERMIT_JOIN:
            self.permit(value[0])
        else:
            self.network.write(parameter, value)
            self.changed()

    # The air.

    def indicate(self, indication: Indication) -> None:
        """Hear a device; lost where no host is there to hear of it."""
        if self._session is not None and self.state is State.CONNECTED:
            self.indications.append(indication)
            self.notify()

    def transmit(self, request: Request) -> None:
        """Send a payload of the host to whom it is for."""
        unicast, nodes = self._targets(request)
        if unicast and not nodes:
            self._confirm(request, Delivery.NO_ACK)
            return
        self._in_flight += unicast
        for node in nodes:
            wait, delivery = node.reaches_after()
            self.timers.later(
                wait, self._arrival(node, request, delivery, unicast=unicast)
            )
        if not unicast:
            self._confirm(request, Delivery.SUCCESS)

    def _arrival(
        self, node: Node, request: Request, delivery: Delivery, *, unicast: bool
    ) -> Callable[[], None]:
        def arrive() -> None:
            if unicast:
                self._in_flight -= 1
                self._confirm(request, delivery)
            if delivery is Delivery.SUCCESS:
                try:
                    node.hear(request, unicast=unicast)
                except ValueError:
                    # No message of these layers: a device drops it, too.
                    return

        return arrive

    def _targets(self, request: Request) -> tuple[bool, list[Node]]:
        to = request.to
        everybody: list[Any] = list(self.nodes.values())
        if to.mode is Mode.GROUP or (to.nwk or 0) >= _BROADCASTS:
            return False, everybody
        return True, [
            node
            for node in everybody
            if node.nwk == to.nwk or node.ieee.serialize() == to.ieee
        ]

    def _confirm(self, request: Request, delivery: Delivery) -> None:
        if self._session is not None:
            self.confirms.append((request, delivery))
            self.notify()
