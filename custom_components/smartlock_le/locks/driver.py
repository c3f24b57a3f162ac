"""The contract that every lock family keeps: what it can do, what it answers, how it fails."""

from abc import ABC, abstractmethod
import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
import heapq
from itertools import count

from ..listeners import Listeners
from ..models import (
    AccessEvent,
    Capability,
    CodeWindow,
    DoorCommand,
    LockCode,
    LockRef,
    LockRefused,
    Method,
    Refusal,
    Schedule,
)


class Bolt(StrEnum):
    """Where the bolt is."""

    LOCKED = "locked"
    LOCKING = "locking"
    UNLOCKED = "unlocked"
    UNLOCKING = "unlocking"
    OPEN = "open"
    OPENING = "opening"
    JAMMED = "jammed"
    UNKNOWN = "unknown"


class DoorSensor(StrEnum):
    """What the sensor says of the door, or why it does not."""

    NONE = "none"
    OFF = "off"
    CLOSED = "closed"
    OPEN = "open"
    UNKNOWN = "unknown"
    CALIBRATING = "calibrating"
    UNCALIBRATED = "uncalibrated"
    TAMPERED = "tampered"


@dataclass(frozen=True, slots=True, kw_only=True)
class LockState:
    """A snapshot of a lock as it last told of itself."""

    bolt: Bolt = Bolt.UNKNOWN
    moved_by: Method = Method.UNKNOWN
    """How the bolt came to where it is."""
    door: DoorSensor = DoorSensor.NONE
    battery: int | None = None
    """Percent."""
    battery_critical: bool = False
    clock: datetime | None = None
    """The lock's own clock, UTC."""

    @property
    def door_open(self) -> bool | None:
        """Tell whether the door is open; None: no door sensor, or it does not know."""
        known = {DoorSensor.CLOSED: False, DoorSensor.OPEN: True}
        return known.get(self.door)

    @property
    def has_door_sensor(self) -> bool:
        """Tell whether there is a sensor in use, in whatever condition."""
        return self.door not in (DoorSensor.NONE, DoorSensor.OFF)


class ClockChange(StrEnum):
    """What is known of a change of the lock's clock."""

    SET = "set"
    UNKNOWN = "unknown"
    """The lock's answer was lost."""
    FOUND = "found"
    """What it showed after that."""


class Turn(IntEnum):
    """Who goes first to the radio: the door before everything else."""

    DOOR = 0
    READ = 1
    CODES = 2


class Queue:
    """One command at a time to one lock; a door command overtakes whatever waits."""

    def __init__(self) -> None:
        """Start with nobody waiting."""
        self._busy = False
        self._order = count()
        self._waiting: list[tuple[Turn, int, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def turn(self, turn: Turn) -> AsyncIterator[None]:
        """Wait for the turn, hold it for the block."""
        if self._busy:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (turn, next(self._order), future))
            try:
                await future
            except asyncio.CancelledError:
                if future.done() and not future.cancelled():
                    self._next()
                raise
        self._busy = True
        try:
            yield
        finally:
            self._next()

    def _next(self) -> None:
        while self._waiting:
            _, _, future = heapq.heappop(self._waiting)
            if not future.done():
                # Stays busy: the turn passes straight to the next in line.
                future.set_result(None)
                return
        self._busy = False


class LockDriver(ABC):
    """One lock. Every call has a deadline of ours and raises only `LockError`s."""

    ref: LockRef
    manufacturer: str = ""
    model: str
    firmware: str = ""
    attached = False
    """Another integration brought it, with a device and a lock entity of its own."""
    paired = True
    """There is a pairing of ours on the lock, to be ended when it leaves the home."""
    word = ""
    """On whose word it says that the door has moved, where that is not the bolt's."""
    entity_id: str | None = None
    """Home Assistant's own lock entity of it, where another integration brought it."""
    battery_entity: str | None = None
    """The sensor of its charge, where another integration brought the lock."""
    capabilities: Capability = Capability.NONE
    state: LockState = LockState()
    available: bool = False
    """The lock is heard and lets us in."""
    pairing_lost: bool = False
    """The lock no longer knows us."""
    pins_shown: bool = False
    """What stands between us and the lock shows codes to everybody beside it."""
    pin_wrong: bool = False
    """The lock's PIN is not ours: it is not tried again, for a lock counts."""

    def __init__(self) -> None:
        """Start with no listener."""
        self.queue = Queue()
        self.on_news: Callable[[], None] = lambda: None
        """Called when the lock has something to tell: read it."""
        self.on_events: Callable[[list[AccessEvent]], None] = lambda events: None
        """Called with what happened, by a lock that tells it as it happens (EVENTS)."""
        self.on_clock_set: Callable[[datetime | None, datetime, ClockChange], None] = (
            lambda before, after, change: None
        )
        """Called when the lock's clock was set: what it showed, what it shows.

        FOUND follows an UNKNOWN: what it was told then, and what it shows.
        """
        self._on_change = Listeners[()]()

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` when state, availability or pairing changed."""
        return self._on_change.add(listener)

    def changed(self) -> None:
        """Tell the listeners."""
        self._on_change.tell()

    @abstractmethod
    def lent(self) -> AbstractAsyncContextManager[None]:
        """Let go of the lock's only link for the block: a flow speaks to it now.

        Door commands go ahead all the same; everything else waits for its end.
        """

    @abstractmethod
    async def start(self) -> None:
        """Begin to follow the lock; does not wait for it."""

    @abstractmethod
    async def stop(self) -> None:
        """End every task, timer, listener and connection of this lock."""

    @abstractmethod
    async def command(self, command: DoorCommand, suffix: str = "") -> None:
        """Move the door and wait until it has moved.

        `suffix` is added to our name in the lock's own log where it has one.
        """

    @abstractmethod
    async def read_state(self) -> LockState:
        """Ask the lock how it stands."""

    async def tend(self) -> None:
        """Put right what a reading showed to be off; called when all was read.

        Raises nothing of the lock's: it is tried again after a later reading.
        """

    @abstractmethod
    def read_log(self, after: int) -> AsyncIterator[list[AccessEvent]]:
        """Give what the lock's own log holds after index `after`, oldest first.

        In pages, each a command of its own: what was given before an error stands, and
        a door command goes ahead between two of them. Only with LOCK_LOG.
        """

    @abstractmethod
    async def last_log_index(self) -> int:
        """Return the index of the newest entry of the lock's own log, 0 if empty.

        Only with LOCK_LOG.
        """

    @abstractmethod
    async def read_codes(self) -> list[LockCode]:
        """Return every code on the lock, whoever made it.

        A lock whose codes have only numbers is asked for those of ours alone.
        """

    async def find_code(self, name: str) -> LockCode | None:
        """Return the code of that name, if it is on the lock."""
        for code in await self.read_codes():
            if code.name == name:
                return code
        return None

    @abstractmethod
    async def set_code(
        self,
        digits: str,
        name: str,
        window: CodeWindow,
        schedule: Schedule | None = None,
    ) -> int:
        """Add a code that opens within the window; return the lock's number of it.

        With a schedule, only then. The lock itself keeps to both; one that cannot keep
        to a schedule refuses (NOT_SUPPORTED) and sets nothing. Without CODE_WINDOWS the
        code opens at once and until it is cleared: the window is whoever asks to keep.
        """

    @abstractmethod
    async def change_window(
        self,
        code_id: int,
        name: str,
        window: CodeWindow,
        schedule: Schedule | None = None,
    ) -> None:
        """Give the code another window; refused where number and name do not match.

        Without a schedule it keeps the one it has; `Schedule()` takes it away.
        """

    @abstractmethod
    async def clear_code(self, code_id: int, name: str) -> None:
        """Remove the code; refused where number and name do not match."""

    async def clear_marked(self, markers: set[str]) -> None:
        """Remove every code that bears one of our names; touch no other.

        Raises the lock's error where one cannot be known to be gone.
        """
        for code in await self.read_codes():
            if code.name in markers:
                try:
                    await self.clear_code(code.id, code.name)
                except LockRefused as err:
                    if err.reason is not Refusal.CODE_GONE:
                        raise

    @abstractmethod
    async def forget_us(self) -> None:
        """Make the lock forget our pairing."""

    @abstractmethod
    def check_code(self, digits: str) -> bool:
        """Tell whether the lock would take these digits as a code."""

    @abstractmethod
    def new_code(self) -> str:
        """Return random digits that the lock takes as a code."""
