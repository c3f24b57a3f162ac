"""What the room of the cameras knows: a camera of the home, and what it saw."""

from dataclasses import dataclass
from datetime import datetime

from .masks import Polygon


@dataclass(frozen=True, slots=True)
class Settings:
    """A camera as the owner set it up.

    `id` is what the camera is known by wherever it goes: the id of its entry in Home
    Assistant's registry, or its entity id where it has none.
    """

    id: str
    name: str
    doors: frozenset[str] = frozenset()
    """Ids of the locks whose doors it looks at."""
    masks: tuple[Polygon, ...] = ()
    private: bool = False
    """Nothing is taken, whatever happens."""


@dataclass(frozen=True, slots=True)
class Media:
    """A file that a camera brought, and where it belongs."""

    file: str
    camera: str
    lock: str
    time: datetime
    """When it came, UTC."""
    of: int
    """Number of the entry of its access, or -1."""
