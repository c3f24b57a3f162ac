"""Who is paired (commands 0x0007 to 0x000A) and the security PIN (0x0020)."""

from dataclasses import dataclass, field
from datetime import datetime

from .wire import ErrorCode, IdType, NukiError

MAX_USERS = 100
"""The document has an error for too many users but no number."""


@dataclass(slots=True, kw_only=True)
class Authorization:
    """One paired app, bridge or keypad."""

    auth_id: int
    id_type: IdType
    app_id: int
    name: str
    key: bytes
    created: datetime
    last_active: datetime | None = None
    uses: int = 0
    challenge: bytes | None = None
    """The last nonce that was handed out; taken away by its first use."""


@dataclass(slots=True)
class Users:
    """All authorizations. An id is never given twice until a factory reset."""

    entries: dict[int, Authorization] = field(default_factory=dict)
    next_id: int = 1

    def reserve(self) -> int:
        """Give out the next id: errors 0x13 of section 6."""
        if len(self.entries) >= MAX_USERS:
            raise NukiError(ErrorCode.P_ERROR_MAX_USER)
        self.next_id += 1
        return self.next_id - 1

    def get(self, auth_id: int) -> Authorization:
        """Give an authorization that messages may be sealed for."""
        user = self.entries.get(auth_id)
        if user is None or user.id_type is IdType.KEYPAD:
            raise NukiError(ErrorCode.K_ERROR_NOT_AUTHORIZED)
        return user

    def remove(self, auth_id: int) -> None:
        """Remove one: error 0x24 of section 6."""
        if self.entries.pop(auth_id, None) is None:
            raise NukiError(ErrorCode.K_ERROR_INVALID_AUTH_ID)

    def listed_for(self, user: Authorization) -> list[Authorization]:
        """List all; "the first ... represents the own authorization" (0x000A)."""
        rest = [entry for entry in self.entries.values() if entry is not user]
        return [user, *rest]

    def end_link(self) -> None:
        """Forget the nonces that were handed out over a link."""
        for user in self.entries.values():
            user.challenge = None


@dataclass(slots=True)
class PinGuard:
    """The security PIN and the count of wrong ones.

    The document has an error for "too often" (0x28) but neither a number nor a time:
    five in a row, then a minute, are guesses.
    """

    pin: int
    attempts: int = 5
    block_s: float = 60.0
    _wrong: int = 0
    _blocked_until: float = 0.0

    def check(self, pin: int, now: float) -> None:
        """Compare; `now` is a monotonic time."""
        if now < self._blocked_until:
            raise NukiError(ErrorCode.K_ERROR_TOO_MANY_PIN_ATTEMPTS)
        if pin == self.pin:
            self._wrong = 0
            return
        self._wrong += 1
        if self._wrong >= self.attempts:
            self._wrong = 0
            self._blocked_until = now + self.block_s
        raise NukiError(ErrorCode.K_ERROR_BAD_PIN)
