"""The link to one Nuki, and commands over it: each with its deadline and a named end.

An action is sent once. Where its answer is lost the error is `OutcomeUnknown`; only
what provably never left us is `LockUnreachable`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
import logging
import struct
from typing import Any, Self

from bleak import BleakClient
from bleak.exc import BleakError

from ...models import LockRefused, LockUnreachable, OutcomeUnknown, Refusal
from . import wire
from .messages import Command, KeyturnerStates
from .session import Answered, ConnectionLost, Session, Unsupported, radio

_LOGGER = logging.getLogger(__name__)

DEADLINE = 10.0
"""Seconds until a command has its answer, connecting included."""
MOTOR_DEADLINE = 20.0
"""Seconds a motor may turn after the lock accepted."""
IDLE = 10.0
"""Seconds an unused link is kept, for what often follows at once."""
HANG_UP = 1.0
"""Seconds that a command which failed waits for its link to end; then it goes on ending."""
_BAD_NONCE = 0x22

_REFUSALS = {
    0x10: Refusal.NOT_PAIRING,
    0x13: Refusal.TOO_MANY_PAIRED,
    0x20: Refusal.PAIRING_LOST,
    0x21: Refusal.WRONG_PIN,
    0x25: Refusal.PAIRING_LOST,
    0x27: Refusal.NOT_ALLOWED_NOW,
    0x28: Refusal.PIN_BLOCKED,
    0x29: Refusal.CODES_FULL,
    0x2A: Refusal.CODE_EXISTS,
    0x2B: Refusal.CODE_INVALID,
    0x42: Refusal.JAMMED,
    0x43: Refusal.JAMMED,
    0x44: Refusal.JAMMED,
    0x45: Refusal.BUSY,
    0x46: Refusal.CANCELED,
    0x47: Refusal.NOT_CALIBRATED,
    0x49: Refusal.LOW_BATTERY,
    0x4C: Refusal.LOW_BATTERY,
}
"""Section 6 of the document; what is not here is OTHER with its number."""

type Connect = Callable[[Callable[[Any], None]], Awaitable[BleakClient]]
"""Returns a connected client that calls the given function when the link ends."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What pairing gave us. `key` is a secret."""

    auth_id: int
    app_id: int
    key: bytes = field(repr=False)

    def as_dict(self) -> dict[str, int | str]:
        """Return it for our private file."""
        return {"auth_id": self.auth_id, "app_id": self.app_id, "key": self.key.hex()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Read what `as_dict` wrote."""
        return cls(data["auth_id"], data["app_id"], bytes.fromhex(data["key"]))


class NukiLink:
    """The link to one Nuki: opened when needed, let go when idle."""

    def __init__(
        self,
        connect: Connect,
        credentials: Credentials | None = None,
        *,
        pin: int | None = None,
        on_state: Callable[[KeyturnerStates], None] | None = None,
        deadline: float = DEADLINE,
        motor_deadline: float = MOTOR_DEADLINE,
        idle: float = IDLE,
    ) -> None:
        """`pin` is the security PIN (0 to 65535), needed for codes and the log."""
        self._connect = connect
        self.credentials = credentials
        self.pin = pin
        self._on_state = on_state
        self._deadline = deadline
        self._motor_deadline = motor_deadline
        self._idle = idle
        self._session: Session | None = None
        self._closed = False
        self._idle_timer: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None
        """A link that is being ended; the lock takes the next only after it."""

    async def close(self) -> None:
        """End the link for good: commands after this are `LockUnreachable`."""
        self._closed = True
        await self.release()

    async def release(self) -> None:
        """End the link and every timer; the next command connects again."""
        self._stop_idle()
        await self._drop()

    async def _drop(self, patience: float | None = None) -> None:
        """End the link; wait for that, but no longer than `patience` seconds."""
        self._begin_drop()
        if self._ending:
            await asyncio.wait({self._ending}, timeout=patience)

    def _begin_drop(self) -> None:
        session, self._session = self._session, None
        if session:
            loop = asyncio.get_running_loop()
            self._ending = loop.create_task(self._end(session, self._ending))

    async def _end(self, session: Session, before: asyncio.Task[None] | None) -> None:
        if before:
            await asyncio.wait({before})
        try:
            async with asyncio.timeout(self._deadline):
                await session.close()
        except (BleakError, TimeoutError) as err:
            _LOGGER.debug("Link did not end cleanly: %s", type(err).__name__)

    def _stop_idle(self) -> None:
        if self._idle_timer:
            self._idle_timer.cancel()
            self._idle_timer = None

    def _start_idle(self) -> None:
        if self._closed:
            return

        def end() -> None:
            self._idle_timer = None
            self._begin_drop()

        loop = asyncio.get_running_loop()
        self._idle_timer = loop.call_later(self._idle, end)

    def _check_open(self) -> None:
        if self._closed:
            raise LockUnreachable("closed")

    async def _open(self) -> Session:
        if self._session and self._session.is_connected:
            return self._session
        await self._drop()
        session: Session | None = None

        def lost(_: Any) -> None:
            if session is not None:
                session.link_lost()

        with radio():
            client = await self._connect(lost)
        credentials = self.credentials
        self._session = session = Session(
            client,
            key=(credentials.auth_id, credentials.key) if credentials else None,
            on_unasked=self._unasked,
        )
        # Closed while it connected: nobody would end this link.
        self._check_open()
        await session.open()
        return session

    def _unasked(self, command: int, payload: bytes) -> None:
        if command == Command.KEYTURNER_STATES and self._on_state:
            try:
                self._on_state(KeyturnerStates.parse(payload))
            except wire.WireError:
                _LOGGER.debug("Unreadable state")

    @asynccontextmanager
    async def _command(self) -> AsyncIterator[Attempt]:
        """Give an open session within the deadline; name every failure.

        The deadline is for all of it, the end of an old link included.
        """
        self._check_open()
        self._stop_idle()
        attempt = Attempt()
        settled = False
        try:
            async with asyncio.timeout(self._deadline) as attempt.timer:
                attempt.session = await self._open()
                yield attempt
            self._start_idle()
            settled = True
        except Answered as err:
            code = err.report.code
            if code == _BAD_NONCE and attempt.sent:
                # The nonce was used before: our message may have come in twice.
                raise OutcomeUnknown(f"0x{code:02X}") from None
            reason = _REFUSALS.get(code, Refusal.OTHER)
            if reason is not Refusal.PAIRING_LOST:
                self._start_idle()
                settled = True
            raise LockRefused(reason, f"0x{code:02X}") from None
        except Unsupported as err:
            raise LockRefused(Refusal.NOT_SUPPORTED, err.product or "") from None
        except (BleakError, ConnectionLost, TimeoutError, wire.WireError) as err:
            if attempt.sent:
                raise OutcomeUnknown(type(err).__name__) from err
            raise LockUnreachable(attempt.why(err)) from err
        finally:
            if not settled:
                # A late answer must never be taken for that of the next command.
                await self._drop(HANG_UP)

    def _pin_bytes(self) -> bytes:
        if self.pin is None:
            raise LockRefused(Refusal.NO_PIN)
        return struct.pack("<H", self.pin)


class Attempt:
    """One command under way: what must be known when it fails."""

    session: Session
    timer: asyncio.Timeout

    def __init__(self) -> None:
        """Start with nothing sent."""
        self.sent = False
        """The message with the effect may have reached the lock."""
        self.paired: Credentials | None = None

    def why(self, err: Exception) -> str:
        """Return in words why the lock was not reached."""
        if not isinstance(err, TimeoutError):
            return type(err).__name__
        if hasattr(self, "session"):
            return "no answer in time"
        return "no link in time: out of reach, or another app holds it"

    def extend(self, seconds: float) -> None:
        """Move the deadline to `seconds` from now."""
        self.timer.reschedule(asyncio.get_running_loop().time() + seconds)
