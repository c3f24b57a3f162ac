"""The PIN users of a lock: Zigbee Cluster Library, 7.3.2.17.5 and following."""

from dataclasses import dataclass, field
from enum import IntEnum

from zigpy.zcl.clusters.closures import UserStatus, UserType

from .options import LockOptions


class Outcome(IntEnum):
    """Status of Set PIN Code Response, 7.3.2.18.6."""

    SUCCESS = 0
    FAILURE = 1
    MEMORY_FULL = 2
    DUPLICATE = 3


@dataclass(slots=True)
class User:
    """One user; without a PIN the place is free."""

    status: int = UserStatus.Available
    kind: int = UserType.Unrestricted
    pin: str = field(default="", repr=False)


class Users:
    """The table of users."""

    def __init__(self, options: LockOptions) -> None:
        """Have no codes."""
        self._options = options
        self.table: dict[int, User] = {}
        """The users with a code."""

    def __len__(self) -> int:
        """Count the codes."""
        return len(self.table)

    def exists(self, user: int) -> bool:
        """Tell whether there is such a place."""
        return self._options.first_user <= user < self._options.pin_users

    def get(self, user: int) -> User | None:
        """Return a user with a code."""
        return self.table.get(user)

    def owner(self, pin: str) -> int | None:
        """Return whose code that is, enabled or not."""
        return next((user for user, one in self.table.items() if one.pin == pin), None)

    def admitted(self, pin: str) -> int | None:
        """Return who gets in with a code."""
        user = self.owner(pin)
        enabled = user is not None and self.table[user].status == UserStatus.Enabled
        return user if enabled else None

    def set(self, user: int, status: int, kind: int, pin: str) -> Outcome:
        """Give a user a code, if all of it is valid."""
        limits = self._options
        valid = (
            self.exists(user)
            and status in (UserStatus.Enabled, UserStatus.Disabled)
            and kind in list(UserType)
            and kind != UserType.Not_Supported
            and pin.isascii()
            and pin.isdigit()
            and limits.min_pin <= len(pin) <= limits.max_pin
        )
        if not valid:
            return Outcome.FAILURE
        if self.owner(pin) not in (None, user):
            return Outcome.DUPLICATE
        memory = limits.pin_users if limits.memory is None else limits.memory
        if user not in self.table and len(self.table) >= memory:
            return Outcome.MEMORY_FULL
        if not limits.forgets:
            self.table[user] = User(status, kind, pin)
        return Outcome.SUCCESS

    def clear(self, user: int) -> bool:
        """Take a user's code away; gives whether there was one."""
        return self.table.pop(user, None) is not None

    def clear_all(self) -> None:
        """Take all codes away."""
        self.table.clear()
