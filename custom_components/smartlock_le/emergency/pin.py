"""The PIN that ends an alarm: kept as a salted hash, and not to be guessed."""

import asyncio
from collections.abc import Awaitable, Callable
import hashlib
import hmac
import secrets
import time

from .models import EmergencyError

TRIES = 5
"""So many wrong ones, and none is looked at for a while; twice as long each time."""
_WAIT, _WAIT_MAX = 60.0, 3600.0


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


def _scrypt(pin: str, salt: bytes) -> str:
    return hashlib.scrypt(pin.encode(), salt=salt, n=2**14, r=8, p=1).hex()


class PinGuard:
    """Looks at one PIN at a time, and at fewer the more were wrong."""

    def __init__(self, right: Callable[[str], Awaitable[bool]]) -> None:
        """Take what tells whether a PIN is the right one."""
        self._right = right
        self._looking = asyncio.Lock()
        self.wrong = 0
        """How many were wrong since the last right one."""
        self.closed_until = 0.0
        """Until when none is looked at, by `time.monotonic`."""

    async def knows(self, pin: str) -> bool:
        """Tell whether it is right. Raises EmergencyError after too many that were not."""
        # Together they would all be looked at before the first is counted.
        async with self._looking:
            if time.monotonic() < self.closed_until:
                raise EmergencyError("too_many_pins")
            if await self._right(pin):
                self.wrong = 0
                return True
            self.wrong += 1
            if self.wrong % TRIES == 0:
                wait = _WAIT * 2 ** (self.wrong // TRIES - 1)
                self.closed_until = time.monotonic() + min(wait, _WAIT_MAX)
            return False
