"""What is compared: integrations that keep the same codes on the same locks."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib import import_module
import json
from pathlib import Path
import sys

from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component

from .running import Clock, resident_mb, running

FAKE_LOCKS = Path(__file__).parent / "fake_locks"
"""The integration that brings the lock entities that the peers stand on."""


class Unfit(Exception):
    """What is in the folder of the peers is not what is measured here."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many locks, and how many codes that are on all of them."""

    locks: int
    codes: int

    def __str__(self) -> str:
        """Write it as figures bear it."""
        return f"{self.locks}x{self.codes}"

    @classmethod
    def parse(cls, text: str) -> Size:
        """Read it. Raises ValueError."""
        locks, codes = map(int, text.split("x"))
        if locks < 1 or codes < 1:
            raise ValueError(text)
        return cls(locks, codes)


SIZE = Size(10, 30)
"""The one that the bars are for."""


class Doors:
    """What is at the doors: digits by number, for each lock. It outlives a restart."""

    def __init__(self, folder: Path, size: Size) -> None:
        """Read what is there; at first nothing."""
        self._path = folder / "doors.json"
        self.codes: list[dict[int, str]] = [{} for _ in range(size.locks)]
        if self._path.exists():
            self.codes = [
                {int(number): digits for number, digits in door.items()}
                for door in json.loads(self._path.read_text())
            ]

    def keep(self) -> None:
        """Write it down."""
        self._path.write_text(json.dumps(self.codes))

    @property
    def held(self) -> int:
        """How many codes there are, on all locks together."""
        return sum(len(door) for door in self.codes)


class Side(ABC):
    """One integration in a running Home Assistant."""

    domain: str
    before_mb = imported_mb = 0.0
    """What the process held before its modules were imported, and after."""

    def __init__(
        self, hass: HomeAssistant, clock: Clock, doors: Doors, size: Size
    ) -> None:
        """Take what it stands on."""
        self.hass = hass
        self.clock = clock
        self.doors = doors
        self.size = size

    @abstractmethod
    def patched(self) -> AbstractContextManager[None]:
        """Put the doors in the place of hardware, for the block."""

    @abstractmethod
    async def make(self) -> None:
        """Make all of it for the first time, until every code is on its locks."""

    @abstractmethod
    async def settled(self) -> None:
        """Wait until nothing is under way."""

    @abstractmethod
    async def tell(self, turn: int) -> None:
        """Let each lock tell one event, and wait until all that follows is done."""

    @abstractmethod
    def told(self) -> int:
        """Return how many events it passed on since it was started."""

    async def start(self) -> None:
        """Start it as Home Assistant does at its own start, until all is in step."""
        assert await async_setup_component(self.hass, self.domain, {})
        await self.settled()

    def in_step(self) -> bool:
        """Tell whether every code is on every lock."""
        return self.doors.held == self.size.locks * self.size.codes

    def entities(self) -> list[str]:
        """Return its entities, those that are off included."""
        return [
            entry.entity_id
            for entry in er.async_get(self.hass).entities.values()
            if entry.platform == self.domain
        ]


@dataclass(frozen=True, slots=True)
class Kind:
    """Where a side is found. Nothing of it is imported before it is needed."""

    domain: str
    module: str
    place: str = ""
    """In the folder of the peers."""

    def links(self, peers: Path | None) -> list[Path]:
        """Return what Home Assistant must find of it. Raises Unfit."""
        if not self.place:
            return []
        if peers is None or not (peers / self.place / "manifest.json").is_file():
            raise Unfit(f"{self.place} is missing")
        return [peers / self.place, FAKE_LOCKS]

    def load(self) -> type[Side]:
        """Import it. Raises Unfit."""
        try:
            side: type[Side] = import_module(f"benchmarks.{self.module}").SIDE
        except (ImportError, AttributeError) as err:
            raise Unfit(f"{self.domain} cannot be imported here: {err}") from err
        return side


OURS = "smartlock_le"
KEYMASTER = "keymaster"
LCM = "lock_code_manager"
KINDS = {
    OURS: Kind(OURS, "ours"),
    **{
        name: Kind(name, name, f"{name}/custom_components/{name}")
        for name in (KEYMASTER, LCM)
    },
}


@contextmanager
def _findable(*folders: Path) -> Iterator[None]:
    """Let modules be found in folders, after all else."""
    before = sys.path.copy()
    sys.path += [str(folder) for folder in folders]
    try:
        yield
    finally:
        sys.path[:] = before


@asynccontextmanager
async def side(
    name: str, folder: Path, size: Size, peers: Path | None = None
) -> AsyncIterator[Side]:
    """Give a side in a Home Assistant in a folder; nothing of it is set up yet."""
    kind, config = KINDS[name], folder / "config"
    # What only the peers need is beside them.
    needed = [config] if peers is None else [config, peers / "packages"]
    with _findable(*needed):
        async with running(config, apart=kind.domain, links=kind.links(peers)) as (
            hass,
            clock,
        ):
            before = resident_mb()
            made = kind.load()(hass, clock, Doors(folder, size), size)
            made.before_mb, made.imported_mb = before, resident_mb()
            with made.patched():
                yield made
                await made.settled()
                made.doors.keep()
