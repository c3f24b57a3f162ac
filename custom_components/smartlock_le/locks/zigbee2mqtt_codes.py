"""Codes of a lock through messages that say nothing where it says no."""

from abc import abstractmethod
import asyncio
from collections.abc import Callable
from typing import Any, override

from ..models import (
    AccessKind,
    Capability,
    LockRefused,
    LockUnreachable,
    OutcomeUnknown,
    Refusal,
)
from .moves import LATE
from .numbered import CodeStatus, NumberedCodes
from .zigbee2mqtt_messages import Action, Report

type Wanted = Callable[[Report], bool]


class CodesByMessage(NumberedCodes):
    """Codes by number, where a yes is the lock's own word or what it answers afterwards.

    It has no `__init__`, as what it stands on: whoever builds the lock calls `keep_codes`.
    """

    _last: Report | None
    """What the lock said last."""
    _deaf = False
    """It did not answer when it was asked last, and was not heard since."""

    def keep_codes(self) -> None:
        """Know nothing yet of how the lock goes about its codes."""
        self._own: dict[tuple[AccessKind, int], float] = {}
        """Codes that we set or took away: the lock tells of them, too."""
        self._empty: set[int] = set()
        """Numbers that were seen to be free, and not used since."""
        self._ways = ["user_status", "pin_code"]
        """How it can be asked of a number; the first does not bring anybody's digits."""
        self._mute = False
        """It tells nothing of a code that came or went."""

    # What the lock brings

    @abstractmethod
    async def _ask(
        self, what: str, data: dict[str, Any], wanted: Wanted
    ) -> Report | None:
        """Send something and wait for the message that is wanted; None: it did not come."""

    @abstractmethod
    def _answers(self, report: Report) -> bool:
        """Tell whether a message is there for no other reason than a question."""

    @abstractmethod
    async def _look_at_bolt(self) -> Report:
        """Ask where the bolt is. Raises LockUnreachable."""

    # What becomes of a code

    def changed_by_us(self, action: Action) -> bool:
        """Tell whether a change of a code is one that we made."""
        if action.user is None:
            return False
        self._empty.discard(action.user)
        until = self._own.get((action.kind, action.user), 0.0)
        return until > asyncio.get_running_loop().time()

    async def _program(self, kind: AccessKind, number: int, digits: str | None) -> bool:
        """Change a code; tell whether the lock said that it did."""
        self._own[kind, number] = asyncio.get_running_loop().time() + LATE

        def said(report: Report) -> bool:
            action = report.action
            return action is not None and (action.kind, action.user) == (kind, number)

        code = {
            "user": number,
            "user_type": "unrestricted",
            "user_enabled": True,
            "pin_code": digits,
        }
        return await self._ask("set", {"pin_code": code}, said) is not None

    @override
    async def put_number(self, number: int, digits: str) -> None:
        if self._mute and number not in self._empty:
            # Else it could not be told from the code before it.
            await self.drop_number(number)
        was_free = number in self._empty
        self._empty.discard(number)
        if await self._program(AccessKind.CODE_ADDED, number, digits):
            return
        status = await self._status(number)
        if status is CodeStatus.EMPTY:
            raise LockRefused(Refusal.OTHER, "not taken")
        if status is not CodeStatus.ENABLED or not was_free:
            raise OutcomeUnknown("no word of the code")
        self._mute = True

    @override
    async def drop_number(self, number: int) -> None:
        if await self._program(AccessKind.CODE_REMOVED, number, None):
            return
        status = await self._status(number)
        if status is CodeStatus.UNKNOWN:
            raise OutcomeUnknown("no word of the code")
        if status is not CodeStatus.EMPTY:
            raise LockRefused(Refusal.OTHER, "still there")

    async def _status(self, number: int) -> CodeStatus:
        """Ask what is under a number, where the lock can be asked."""
        if self._deaf:
            raise OutcomeUnknown("no answer")
        if Capability.CODE_STATUS not in self.capabilities:
            return CodeStatus.UNKNOWN
        try:
            return await self.read_number(number)
        except LockUnreachable as err:
            raise OutcomeUnknown(str(err)) from err

    @override
    async def read_number(self, number: int) -> CodeStatus:
        for way in list(self._ways):
            status = await self._status_by(way, number)
            if status is not None:
                self._ways = [way]
                self._empty.discard(number)
                if status is CodeStatus.EMPTY:
                    self._empty.add(number)
                return status
            if self._deaf:
                raise LockUnreachable("no answer")
            # Is it there at all?
            await self._look_at_bolt()
        # It is not asked again: each question costs its battery, and our patience.
        self.capabilities &= ~Capability.CODE_STATUS
        return CodeStatus.UNKNOWN

    async def _status_by(self, way: str, number: int) -> CodeStatus | None:
        """Ask in one way; None: it does not answer that.

        Zigbee2MQTT repeats what it knew with each message: what is new is the answer, and
        what is not may only be an answer where there is no other reason for the message.
        """
        before = self._last.users.get(number) if self._last else None

        def told(report: Report) -> bool:
            status = report.users.get(number)
            return status is not None and (
                status is not before or self._answers(report)
            )

        report = await self._ask("get", {way: {"user": number}}, told)
        return report.users[number] if report else None
