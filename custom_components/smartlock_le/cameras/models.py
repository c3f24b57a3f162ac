"""What the room of the cameras knows: a camera of the home, and what it saw."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from .masks import Polygon


class Seen(StrEnum):
    """What is announced on a camera."""

    RING = "ring"
    MOTION = "motion"
    PERSON = "person"
    VEHICLE = "vehicle"
    PACKAGE = "package"


type Announced = Mapping[Seen, tuple[str, ...]]
"""By which entities: ids of Home Assistant's registry, or entity ids."""


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
    announced: Announced = field(default_factory=dict)
    frigate: str = ""
    """Its name in Frigate, which announces things on MQTT."""
    frigate_url: str = ""
    """Where Frigate answers, for clips out of what it records."""
    clip: int = 0
    """Seconds of a clip with each picture, 0: none."""
    pictured: frozenset[Seen] = frozenset()
    """Of what there is an entry and a picture, as of an access."""


class What(StrEnum):
    """What is kept."""

    STILL = "still"
    CLIP = "clip"

    @property
    def suffix(self) -> str:
        """How its files' names end."""
        return ".jpg" if self is What.STILL else ".mp4"

    @property
    def content_type(self) -> str:
        """Its type, as HTTP says it."""
        return "image/jpeg" if self is What.STILL else "video/mp4"


@dataclass(frozen=True, slots=True)
class Taken:
    """A picture or a clip as it is kept: JPEG, MP4."""

    data: bytes
    what: What = What.STILL
    width: int = 0
    """In pixels; 0: not known, of a clip."""
    height: int = 0
    masks: int = 0
    """How many zones of it are black."""


class NotTaken(Exception):
    """There is none that can be kept; `result` is why, as its entry says it."""

    def __init__(self, result: str) -> None:
        """Take the result."""
        super().__init__(result)
        self.result = result


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

    @property
    def what(self) -> What:
        """What it is."""
        return What.CLIP if self.file.endswith(What.CLIP.suffix) else What.STILL
