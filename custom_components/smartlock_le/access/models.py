"""A grant, what it needs of a lock, and what can go wrong."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, Self

from ..models import (
    AccessEvent,
    Actor,
    Capability,
    CodeWindow,
    DoorCommand,
    LockCode,
    LockRef,
)

DEFAULT_MINUTES = 30
CLOCK_MARGIN = timedelta(minutes=2)
"""A lock's clock may be behind ours: its code must open at once all the same."""
_NEVER = datetime.max.replace(tzinfo=UTC)


class GrantError(Exception):
    """A grant cannot be had. `key` is a key of `exceptions` in the translations."""

    def __init__(self, key: str) -> None:
        """Keep the key."""
        super().__init__(key)
        self.key = key


class GrantMethod(StrEnum):
    """How a grant lets in."""

    CODE = "code"
    UNLOCK = "unlock"
    BOTH = "both"
    PAGE = "page"
    """By each press on the responders' page; comes with a link, and never alone."""
    PAGE_CODE = "page_code"
    """A code that was shown there; it ends with the link, too."""

    @property
    def unlocks(self) -> bool:
        """Tell whether the door is unlocked as the grant begins."""
        return self in (GrantMethod.UNLOCK, GrantMethod.BOTH)

    @property
    def gives_code(self) -> bool:
        """Tell whether it puts a code on the lock, where that takes any."""
        return self in (GrantMethod.CODE, GrantMethod.BOTH, GrantMethod.PAGE_CODE)


OF_LINKS = (GrantMethod.PAGE, GrantMethod.PAGE_CODE)
ASKED = (GrantMethod.CODE, GrantMethod.UNLOCK, GrantMethod.BOTH)
"""How a grant by itself lets in."""


class GrantState(StrEnum):
    """Where a grant is in its life."""

    OPENING = "opening"
    OPEN = "open"
    ENDING = "ending"
    ENDED = "ended"


class Lock(Protocol):
    """What a grant needs of a lock."""

    ref: LockRef

    @property
    def capabilities(self) -> Capability:
        """What the lock can do."""

    @property
    def available(self) -> bool:
        """Whether it answers."""

    def new_code(self) -> str:
        """Return random digits that the lock takes."""

    def check_code(self, digits: str) -> bool:
        """Tell whether it would take these digits."""

    async def command(
        self, command: DoorCommand, actor: Actor, *, grant: str = "", suffix: str = ""
    ) -> None:
        """Move the door."""

    async def read_codes(self) -> list[LockCode]:
        """Return every code on the lock."""

    async def find_code(self, name: str) -> LockCode | None:
        """Return the code of that name, if it is on the lock."""

    async def set_code(self, digits: str, name: str, window: CodeWindow) -> int:
        """Add a code; return its number."""

    async def change_window(self, code_id: int, name: str, window: CodeWindow) -> None:
        """Give a code another window."""

    async def clear_marked(self, markers: set[str]) -> None:
        """Remove every code that bears one of these names, and no other."""

    def tell(self, event: AccessEvent) -> Awaitable[None]:
        """Enter an event that we caused."""


class Markers(Protocol):
    """Where the names of our codes are kept, apart from the log."""

    def markers(self, lock: str) -> tuple[str, ...]:
        """Return the names that may be on the lock."""

    async def add_marker(self, lock: str, marker: str) -> None:
        """Remember a name."""

    async def drop_marker(self, lock: str, marker: str) -> None:
        """Forget a name."""

    async def take_number(self, lock: str, marker: str, number: int) -> None:
        """Give a number of the lock, which nobody has, to a name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRequest:
    """What the owner asks for."""

    lock: str
    agency: str
    incident: str
    reason: str
    method: GrantMethod = GrantMethod.CODE
    minutes: int = DEFAULT_MINUTES
    first_use: bool = False
    """End at the first use of the code."""
    notify: str = ""
    """Notify action or entity that hears of it, or empty."""


@dataclass(slots=True, kw_only=True)
class Grant:
    """Time-boxed emergency access to one lock."""

    id: str
    lock: str
    agency: str
    incident: str
    reason: str
    method: GrantMethod
    first_use: bool
    notify: str
    start: datetime
    end: datetime
    state: GrantState = GrantState.OPENING
    marker: str = ""
    code_id: int = -1
    uses: int = 0
    checked: bool = field(default=True, compare=False)
    """False after a restart, until the lock was seen to hold what the grant says."""
    why: str = field(default="", compare=False)
    """Why it ends, while it is ending."""
    retry_at: datetime = field(default=_NEVER, compare=False)
    """When to try again to take its code off the lock, while it is ending."""
    retry_after: timedelta = field(default=timedelta(0), compare=False)
    changing: asyncio.Lock = field(
        default_factory=asyncio.Lock, compare=False, repr=False
    )

    @property
    def has_code(self) -> bool:
        """Tell whether it puts a code on the lock."""
        return bool(self.marker)

    @property
    def next_step(self) -> datetime:
        """When something is to be done about it."""
        return self.retry_at if self.state is GrantState.ENDING else self.end

    @property
    def window(self) -> CodeWindow:
        """From when to when its code opens, by the lock's clock."""
        return CodeWindow(start=self.start - CLOCK_MARGIN, end=self.end)

    def as_row(self) -> dict[str, Any]:
        """Return its row of the table."""
        return {
            "id": self.id,
            "lock": self.lock,
            "agency": self.agency,
            "incident": self.incident,
            "reason": self.reason,
            "method": self.method.value,
            "first_use": int(self.first_use),
            "notify": self.notify,
            "start": int(self.start.timestamp()),
            "end": int(self.end.timestamp()),
            "state": self.state.value,
            "marker": self.marker,
            "code_id": self.code_id,
            "uses": self.uses,
        }

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Self:
        """Read what `as_row` wrote."""
        return cls(
            **{
                **row,
                "method": GrantMethod(row["method"]),
                "first_use": bool(row["first_use"]),
                "start": datetime.fromtimestamp(row["start"], UTC),
                "end": datetime.fromtimestamp(row["end"], UTC),
                "state": GrantState(row["state"]),
            },
            checked=False,
        )


@dataclass(frozen=True, slots=True)
class Opened:
    """What opening a grant gave. `code` is shown once and kept nowhere."""

    grant: Grant
    code: str = field(repr=False)
    unlocked: bool
    """The door was unlocked at once."""
