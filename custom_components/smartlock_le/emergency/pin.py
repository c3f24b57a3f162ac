"""The PINs that end an alarm, or seem to: kept as salted hashes, and not to be guessed."""

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum, auto
import hashlib
import hmac
import secrets
import time

from .models import EmergencyError

TRIES = 5
"""So many wrong ones, and none is looked at for a while; twice as long each time."""
_WAIT, _WAIT_MAX = 60.0, 3600.0
_NOBODYS = f"{bytes(16).hex()}${bytes(64).hex()}"
"""A hash that no PIN has."""


class Pin(Enum):
    """What a PIN means."""

    HOUSE = auto()
    DURESS = auto()
    """It is taken like the other one, and says that somebody was forced."""


def hash_pin(pin: str) -> str:
    """Return a salted hash of a PIN (scrypt). It blocks for a moment."""
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}${_scrypt(pin, salt)}"


def is_pin(pin: str, hashed: str) -> bool:
    """Tell whether a hash is one of this PIN; of none if empty. It blocks for a moment."""
    if not hashed:
        return False
    salt, _, wanted = hashed.partition("$")
    return hmac.compare_digest(_scrypt(pin, bytes.fromhex(salt)), wanted)


def meaning(pin: str, house: str, duress: str) -> Pin | None:
    """Return what a PIN means by the hashes of both; it blocks for a moment.

    Both are looked at, whatever there is: the time that it takes tells nothing.
    """
    known = {
        Pin.HOUSE: is_pin(pin, house or _NOBODYS),
        Pin.DURESS: is_pin(pin, duress or _NOBODYS),
    }
    return next((one for one, right in known.items() if right), None)


def _scrypt(pin: str, salt: bytes) -> str:
    return hashlib.scrypt(pin.encode(), salt=salt, n=2**14, r=8, p=1).hex()


class PinGuard:
    """Looks at one PIN at a time, and at fewer the more were wrong."""

    def __init__(self, meaning: Callable[[str], Awaitable[Pin | None]]) -> None:
        """Take what tells the meaning of a PIN; None: it is not a right one."""
        self._meaning = meaning
        self._looking = asyncio.Lock()
        self.wrong = 0
        """How many were wrong since the last right one."""
        self.closed_until = 0.0
        """Until when none is looked at, by `time.monotonic`."""

    async def look(self, pin: str) -> Pin | None:
        """Return what it means. Raises EmergencyError after too many that were not right."""
        # Together they would all be looked at before the first is counted.
        async with self._looking:
            if time.monotonic() < self.closed_until:
                raise EmergencyError("too_many_pins")
            if found := await self._meaning(pin):
                self.wrong = 0
                return found
            self.wrong += 1
            if self.wrong % TRIES == 0:
                wait = _WAIT * 2 ** (self.wrong // TRIES - 1)
                self.closed_until = time.monotonic() + min(wait, _WAIT_MAX)
            return None
