"""Number plates: how they are compared, which are listed, and one read from the next.

A plate is kept as a keyed hash. That is personal data, too: whoever has the key finds each
plate again by trying all there are.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
import hashlib
import hmac
import unicodedata

SHORTEST, LONGEST = 2, 12
DIGEST = 16
"""Bytes of a keyed hash."""
_ONE_READ = timedelta(seconds=60)
"""A reader that names no object reads one plate for so long."""
_REMEMBERED = 2000
"""Objects that are told apart: what was seen before the last so many is a new one."""


class PlateList(StrEnum):
    """What the owner wants of a plate."""

    KNOWN = "known"
    """Tell that it came."""
    WATCH = "watch"
    """Warn that it came."""
    IGNORE = "ignore"
    """Of those who live here: it is never kept."""


def normal(text: str) -> str | None:
    """Return a plate as it is compared, None: it is none.

    Letters and digits alone, as capitals: readers differ in what they put between.
    """
    if len(text) > 10 * LONGEST:
        return None
    plain = unicodedata.normalize("NFKC", text).upper()
    kept = "".join(letter for letter in plain if letter.isalnum())
    return kept if SHORTEST <= len(kept) <= LONGEST else None


@dataclass(frozen=True, slots=True)
class PlateBook:
    """The key of the hashes, and the plates that the owner listed."""

    key: bytes = field(repr=False)
    lists: Mapping[str, PlateList] = field(default_factory=dict, repr=False)
    """By the plate, as `normal` has it."""

    def digest(self, plate: str) -> bytes:
        """Return the keyed hash of a plate: HMAC-SHA-256, its first 16 bytes."""
        return hmac.new(self.key, plate.encode(), hashlib.sha256).digest()[:DIGEST]

    def listed(self, which: PlateList) -> list[str]:
        """Return the plates of a list."""
        return sorted(plate for plate, one in self.lists.items() if one is which)

    def known_by(self) -> dict[bytes, str]:
        """Return the listed plates by their hash."""
        return {self.digest(plate): plate for plate in self.lists}


@dataclass(frozen=True, slots=True)
class PlateRead:
    """What a reader says it read."""

    camera: str
    """Id of the camera."""
    plate: str = field(repr=False)
    """As `normal` has it."""
    score: float
    """How sure the reader is: 0.0 to 1.0."""
    time: datetime
    object_id: str = ""
    """Of what bears it, as long as it is in sight; empty: the reader does not tell."""


@dataclass(slots=True)
class Sighting:
    """One vehicle, as long as it is in sight: the best that was read of it."""

    digest: bytes = field(repr=False)
    score: float
    time: datetime
    row: int = 0
    """Number of what is kept of it; 0: nothing yet."""
    told: set[PlateList] = field(default_factory=set)
    """Of which lists it was told."""


class Sightings:
    """Tells one vehicle from the next."""

    def __init__(self) -> None:
        """Remember none."""
        self._seen: OrderedDict[tuple[str, str | bytes], Sighting] = OrderedDict()

    def take(self, read: PlateRead, digest: bytes) -> tuple[Sighting, bool]:
        """Return what a read belongs to, and whether it is better than what was read of it."""
        key = (read.camera, read.object_id or digest)
        seen = self._seen.get(key)
        if seen and not read.object_id and not _same(seen.time, read.time):
            seen = None
        if seen is None:
            seen = self._seen[key] = Sighting(digest, read.score, read.time)
            self._seen.move_to_end(key)
            while len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
            return seen, True
        self._seen.move_to_end(key)
        if not read.object_id:
            # It stays one read as long as it is read again and again.
            seen.time = read.time
        if read.score <= seen.score:
            return seen, False
        seen.digest, seen.score = digest, read.score
        return seen, True

    def forget(self) -> None:
        """Remember none any more."""
        self._seen.clear()


def _same(before: datetime, now: datetime) -> bool:
    # A clock that was set back begins anew.
    return timedelta() <= now - before < _ONE_READ
