"""Where bytes go that are written once, from front to back."""

import hashlib
from typing import Protocol


class Sink(Protocol):
    """Takes bytes."""

    def write(self, data: bytes, /) -> object:
        """Take some."""


class Hashing:
    """Passes bytes on, and knows their hash and how many they were."""

    def __init__(self, sink: Sink) -> None:
        """Take where they go."""
        self._sink = sink
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes, /) -> object:
        """Take some."""
        self._digest.update(data)
        self.size += len(data)
        return self._sink.write(data)

    @property
    def sha256(self) -> str:
        """The hash so far, in hex."""
        return self._digest.hexdigest()
