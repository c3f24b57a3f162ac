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
_ONE_OBJECT = timedelta(minutes=10)
"""A reader may use its number of an object again after so long without it."""
_AWAY = timedelta(minutes=10)
"""A listed plate that was not read for so long has come anew."""
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
    unique: bool = False
    """The reader never gives this id to another object."""


@dataclass(slots=True)
class Sighting:
    """One vehicle, as long as it is in sight: the best that was read of it."""

    time: datetime
    """When it was read last."""
    listed: bool = False
    score: float = -1.0
    row: int = 0
    """Number of what is kept of it; 0: nothing yet."""
    told: set[PlateList] = field(default_factory=set)
    """Of which lists it was told."""
    private: bool = False
    """It was read while nothing was to be read: nothing of it is taken ever."""

    def better(self, score: float, *, listed: bool) -> bool:
        """Tell whether a read is the best of it so far, and take it as that.

        A plate that is listed counts more than any that is not: it is no accident that one
        was read.
        """
        if (listed, score) <= (self.listed, self.score):
            return False
        self.listed, self.score = listed, score
        return True


class Sightings:
    """Tells one vehicle from the next, and when a listed one has come."""

    def __init__(self) -> None:
        """Remember none."""
        self._seen: OrderedDict[tuple[str, str | bytes], Sighting] = OrderedDict()
        self._there: dict[tuple[str, bytes, PlateList], datetime] = {}
        """When a listed plate was read last."""

    def of(self, read: PlateRead, digest: bytes) -> Sighting:
        """Return the vehicle of which something was read."""
        key = (read.camera, read.object_id or digest)
        seen = self._seen.get(key)
        if seen is None or not _same(seen, read):
            seen = self._seen[key] = Sighting(read.time)
        # It stays one as long as it is read again and again.
        seen.time = read.time
        self._seen.move_to_end(key)
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return seen

    def came(self, read: PlateRead, digest: bytes, which: PlateList) -> bool:
        """Tell whether a listed plate was away before; whatever it is that bears it."""
        key = (read.camera, digest, which)
        before, self._there[key] = self._there.get(key), read.time
        return before is None or not _within(before, read.time, _AWAY)

    def relist(self) -> None:
        """Take what is read from now on by other lists."""
        for seen in self._seen.values():
            seen.listed = False

    def forget(self) -> None:
        """Remember none any more."""
        self._seen.clear()
        self._there.clear()


def _same(seen: Sighting, read: PlateRead) -> bool:
    if read.object_id and read.unique:
        return True
    return _within(seen.time, read.time, _ONE_OBJECT if read.object_id else _ONE_READ)


def _within(before: datetime, now: datetime, time: timedelta) -> bool:
    # A clock that was set back begins anew.
    return timedelta() <= now - before < time
