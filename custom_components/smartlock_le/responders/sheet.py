"""What the owner wrote down for who comes to help: in a private file, for it names people."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

MAX_TEXT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """All of it; nothing is shown unless it says so."""

    address: str = field(default="", repr=False)
    finding: str = field(default="", repr=False)
    """How to find the door."""
    people: str = field(default="", repr=False)
    """Who is inside, and what they need."""
    hazards: str = field(default="", repr=False)
    otherwise: str = field(default="", repr=False)
    """What to do where the door does not open."""
    doors: tuple[str, ...] = ()
    """Locks that are offered first."""
    cameras: tuple[str, ...] = ()
    """Cameras that may be looked through while an incident is open."""
    asks_code: bool = True
    """People, dangers and doors are shown only to who says a code."""
    target: str = ""
    """A notify action or entity that hears of each look and press."""

    def as_json(self) -> dict[str, Any]:
        """Return what is kept."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return what was kept. Raises TypeError, KeyError."""
        lists = {name: tuple(data[name]) for name in ("doors", "cameras")}
        return cls(**{**data, **lists})
