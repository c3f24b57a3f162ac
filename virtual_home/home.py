"""The whole virtual home: air, locks, central, proxy and what is kept of them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from .air import Air, Central
from .nuki import LockOptions, NukiLock, device
from .proxy import Proxy
from .store import Store
from .yale import YaleLock, YaleOptions

if TYPE_CHECKING:
    from .camera import DoorCamera
    from .frigate import Frigate
    from .zigbee.radio import Radio


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeOptions:
    """How the home is made."""

    locks: tuple[LockOptions, ...] = field(default_factory=lambda: (LockOptions(),))
    yales: tuple[YaleOptions, ...] = ()
    zigbee: Radio | None = None
    """A stick with its devices; None: zigpy is not even imported."""
    camera: DoorCamera | None = None
    frigate: Frigate | None = None
    slots: int = 3
    state_file: Path | None = None


def several_locks(count: int, options: LockOptions) -> tuple[LockOptions, ...]:
    """Make options for several locks that differ in id, address and label."""
    return tuple(device.numbered(options, number) for number in range(count))


class VirtualHome:
    """Everything in one process; an async context manager starts and stops it."""

    def __init__(self, options: HomeOptions | None = None) -> None:
        """Build the home, switched off."""
        options = options or HomeOptions()
        self.air = Air()
        self.locks = [NukiLock(self.air, lock) for lock in options.locks]
        self.yales = [YaleLock(self.air, lock) for lock in options.yales]
        self.central = Central(self.air, slots=options.slots)
        self.proxy = Proxy(self.central)
        self.radio = options.zigbee
        self.camera = options.camera
        self.frigate = options.frigate
        self._store = (
            Store(options.state_file, [lock.device for lock in self.locks], self.radio)
            if options.state_file
            else None
        )

    async def start(self) -> None:
        """Switch on locks and central; the proxy listens only when it is started."""
        if self._store is not None:
            self._store.load()
        for lock in (*self.locks, *self.yales):
            await lock.start()
        await self.central.start()

    async def stop(self) -> None:
        """Switch everything off."""
        await self.proxy.stop()
        await self.central.stop()
        for lock in (*self.locks, *self.yales):
            await lock.stop()
        if self._store is not None:
            self._store.save()

    async def __aenter__(self) -> Self:
        """Switch on."""
        await self.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Switch off."""
        await self.stop()
