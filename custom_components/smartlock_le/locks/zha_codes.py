"""The codes of a lock that ZHA brought: what it answers is what counts."""

from abc import abstractmethod
import asyncio
import logging
from typing import Any, override

from homeassistant.core import HomeAssistant

from ..models import (
    AccessKind,
    Capability,
    LockRefused,
    LockUnreachable,
    OutcomeUnknown,
    Refusal,
)
from . import zha_words as words
from .driver import Turn
from .numbered import CodeStatus, NumberedCodes
from .zha_cluster import Command, DoorCluster, Limits, NoCluster, clear_by_action, find

_LOGGER = logging.getLogger(__name__)

_LATE = 30.0
"""Seconds in which the lock still tells of a code that we changed."""

type _Change = tuple[AccessKind, int]


class ZhaCodes(NumberedCodes):
    """Codes through the Door Lock cluster.

    As with the numbers there is no `__init__`: whoever builds the lock calls `keep_own`.
    """

    _hass: HomeAssistant
    _plain = False
    """ZHA is not as we know it."""
    _limits_known = False
    _changing: tuple[_Change, asyncio.Timeout] | None = None
    _own: dict[_Change, float]
    """Codes that we set or took away, and until when the lock may tell of that."""

    def keep_own(self) -> None:
        """Have changed none yet."""
        self._own = {}

    @abstractmethod
    def _bind(self) -> DoorCluster | None:
        """Return the lock's cluster as ZHA has it now."""

    def _need(self) -> DoorCluster:
        """Return the cluster. Raises LockUnreachable, or LockRefused without our ZHA."""
        if (link := self._bind()) is not None:
            return link
        if self._plain:
            raise LockRefused(Refusal.NOT_SUPPORTED, "this ZHA")
        raise LockUnreachable("ZHA does not have it now")

    def was_ours(self, kind: AccessKind, number: int) -> bool:
        """Tell whether the lock tells of a change that we made: it is a yes, too."""
        change = kind, number
        if self._own.get(change, 0.0) < self._hass.loop.time():
            return False
        if self._changing is not None and self._changing[0] == change:
            end(self._changing[1])
        return True

    @override
    async def tend(self) -> None:
        """Learn its limits, once."""
        if self._limits_known or (link := self._bind()) is None:
            return
        self._limits_known = True
        try:
            async with self.queue.turn(Turn.CODES):
                limits = await link.read_limits()
        except LockUnreachable as err:
            _LOGGER.debug("Lock %s does not tell its limits: %s", self.ref.id, err)
            return
        self.lengths = words.lengths(limits)
        if (count := limits.get(Limits.num_of_pin_users_supported)) is not None:
            self._usable = range(self._usable.start, min(self._usable.stop, count))
            if not count:
                self.capabilities &= ~(Capability.CODES | Capability.CODE_STATUS)
                self.changed()

    @override
    async def put_number(self, number: int, digits: str) -> None:
        fields = (number, words.ENABLED, words.UNRESTRICTED, digits)
        await self._change(AccessKind.CODE_ADDED, number, Command.SET_CODE, fields)

    @override
    async def drop_number(self, number: int) -> None:
        self._bind()
        if self._plain:
            await clear_by_action(self._hass, self.ref.id, number)
            return
        kind, command = AccessKind.CODE_REMOVED, Command.CLEAR_CODE
        try:
            await self._change(kind, number, command, (number,))
        except LockRefused:
            # Some refuse to take away what is not there.
            if await self._look(number) is not CodeStatus.EMPTY:
                raise

    async def _change(
        self, kind: AccessKind, number: int, command: Command, fields: tuple[Any, ...]
    ) -> None:
        """Change a code. The lock's answer, or its own word of the change, is a yes."""
        link = self._need()
        tell = link.tell_secret if command is Command.SET_CODE else link.tell
        change, limit = (kind, number), asyncio.timeout(None)
        self._own[change] = self._hass.loop.time() + _LATE
        self._changing = change, limit
        try:
            async with limit:
                status = await tell(command, *fields)
        except TimeoutError:
            if limit.expired():
                return
            raise OutcomeUnknown("no answer") from None
        finally:
            self._changing = None
        if status:
            del self._own[change]
            raise LockRefused(words.code_refusal(status), f"status {status}")

    @override
    async def read_number(self, number: int) -> CodeStatus:
        self._bind()
        if self._plain:
            return CodeStatus.UNKNOWN
        status = await self._need().user_status(number)
        if status is None:
            # It is not asked again: each question costs its battery, and our patience.
            self.capabilities &= ~Capability.CODE_STATUS
            return CodeStatus.UNKNOWN
        return words.STATUSES.get(status, CodeStatus.UNKNOWN)


def end(limit: asyncio.Timeout | None) -> None:
    """Let what waits for an answer wait no more: the lock has said it in another way."""
    if limit is not None and not limit.expired():
        limit.reschedule(asyncio.get_running_loop().time())


async def count_numbers(hass: HomeAssistant, lock_id: str) -> int | None:
    """Return how many codes a lock holds; None: it does not say."""
    try:
        link = find(hass, lock_id)
        limits = await link.read_limits() if link else {}
    except NoCluster, LockUnreachable:
        return None
    return limits.get(Limits.num_of_pin_users_supported)
