"""A lock that Home Assistant's ZHA brought: its own word, who did it, and its codes.

ZHA's entity shows what was asked as soon as the lock says that it will. What the bolt did
is a report of the lock, or its answer when it is asked.
"""

import asyncio
from dataclasses import dataclass
import logging
from typing import Any, override

from homeassistant.core import Context, Event, HomeAssistant, State, callback
from homeassistant.exceptions import HomeAssistantError, ServiceNotFound
import voluptuous as vol

from .. import actors
from ..models import (
    UNKNOWN_ACTOR,
    AccessEvent,
    AccessKind,
    Actor,
    Capability,
    DoorCommand,
    LockRef,
    LockRefused,
    LockUnreachable,
    Method,
    OutcomeUnknown,
    Refusal,
    utc_now,
)
from . import zha_words as words
from .any_lock import DEADLINE, RESTING, EntityDriver
from .driver import Bolt, LockState, Turn
from .moves import TOGETHER, Moves
from .numbered import CodeStatus, NumberedCodes, Numbers
from .zha_cluster import Command, DoorCluster, Limits, NoCluster, address, find

_LOGGER = logging.getLogger(__name__)

MOTOR = 10.0
"""Seconds from the lock's yes to the report that it has moved."""
SOON = 2.0
"""Seconds to wait for that where none is due: it stood there, or did not answer."""
HINT = 0.5
"""Seconds from the lock's own word of a move to its report; then it is asked."""
LATE = 30.0
"""Seconds in which what was asked for may still show."""
FRESH = 1.0
"""Seconds in which the end of a command needs no further look."""

_COMMANDS = {DoorCommand.LOCK: Command.LOCK, DoorCommand.UNLOCK: Command.UNLOCK}
_TARGETS = {DoorCommand.LOCK: Bolt.LOCKED, DoorCommand.UNLOCK: Bolt.UNLOCKED}
_GOING = {DoorCommand.LOCK: Bolt.LOCKING, DoorCommand.UNLOCK: Bolt.UNLOCKING}
_EVENT = "zha_event"


@dataclass(frozen=True, slots=True)
class _Asked:
    """Who asked for a move that has not shown yet; actor None: we."""

    kind: AccessKind
    until: float
    actor: Actor | None = None


class ZhaDriver(NumberedCodes, EntityDriver):
    """A lock through the Door Lock cluster that ZHA keeps for it.

    Where that is not to be had it is any other lock: its entity, and ZHA's events.
    """

    def __init__(
        self, hass: HomeAssistant, ref: LockRef, numbers: Numbers, usable: range
    ) -> None:
        """Take the lock's id, and which numbers are for us; nothing is followed yet."""
        super().__init__(hass, ref)
        self.capabilities |= Capability.CODES | Capability.CODE_STATUS
        self.keep_numbers(numbers, usable)
        self.word = ""
        self._link: DoorCluster | None = None
        self._plain = False
        """ZHA is not as we know it."""
        self._stopped = False
        self._deaf = False
        """It did not answer when it was asked last, and has not been heard since."""
        self._limits_known = False
        self._moves = Moves(lambda event: self.on_events([event]))
        self._sure = Bolt.UNKNOWN
        """Where the bolt is by the lock's own word."""
        self._since = Bolt.UNKNOWN
        """The same, since the command that runs; UNKNOWN: no word yet."""
        self._hinted = False
        self._fresh_until = 0.0
        self._awaited: list[_Asked] = []
        self._sending: asyncio.Timeout | None = None
        self._programming: asyncio.Timeout | None = None
        self._own: dict[tuple[AccessKind, int], float] = {}
        """Codes that we set or took away: the lock tells of them, too."""
        self._look_at: asyncio.TimerHandle | None = None

    # Which objects of ZHA it is

    @callback
    def _bind(self) -> DoorCluster | None:
        """Return the lock's cluster as ZHA has it now; a radio that restarts makes another."""
        found = None
        try:
            if not self._stopped:
                found = find(self._hass, self.ref.id)
            self._plain = False
            if found is None or not found.same(self._link):
                self._unbind()
                if found is not None:
                    found.listen(self)
                    self._link = found
                    self.on_news()
        except NoCluster:
            self._unbind()
            self._plain = True
        self.word = EntityDriver.word if self._plain else ""
        return self._link

    def _unbind(self) -> None:
        if self._link is not None:
            self._link.forget()
            self._link = None

    def _need(self) -> DoorCluster:
        """Return the cluster. Raises LockUnreachable, or LockRefused without our ZHA."""
        if (link := self._bind()) is not None:
            return link
        if self._plain:
            raise LockRefused(Refusal.NOT_SUPPORTED, "this ZHA")
        raise LockUnreachable("ZHA does not have it now")

    @override
    async def start(self) -> None:
        await super().start()
        self._bind()
        self._undo.append(self._hass.bus.async_listen(_EVENT, self._event))

    @override
    async def stop(self) -> None:
        self._stopped = True
        self._unbind()
        self._moves.stop()
        if self._look_at:
            self._look_at.cancel()
        await super().stop()

    @callback
    def replaced(self) -> None:
        """Look whether ZHA has other objects now."""
        self._bind()

    # Whether it is heard

    @override
    def _heard(self, state: State | None) -> bool:
        return super()._heard(state) and not self._deaf

    def _set_deaf(self, deaf: bool) -> None:
        if deaf is not self._deaf:
            self._deaf = deaf
            self._set_available(
                self._hass.states.get(self.entity_id) if self.entity_id else None
            )

    # What it tells

    @callback
    def bolt_reported(self, value: int) -> None:
        """Believe what the lock says of its bolt."""
        self._set_deaf(False)
        self._drop_look()
        bolt = words.BOLTS.get(value, Bolt.UNKNOWN)
        self._sure = self._since = bolt
        self._set_state(bolt)
        self._bolt_moved.set()
        if self._asked and bolt is _TARGETS[self._asked[0]]:
            _end(self._sending)
        if bolt not in RESTING or bolt is self._told:
            self._moves.settle()
            return
        before, self._told = self._told, bolt
        if before is not Bolt.UNKNOWN:
            self._moves.shown(self._nameless(RESTING[bolt]))

    def _nameless(
        self, kind: AccessKind, method: Method = Method.UNKNOWN
    ) -> AccessEvent:
        """Make the event of something that the lock does not say who did."""
        asked = self._who_asked(kind)
        actor = asked.actor if asked else None
        return AccessEvent(
            lock=self.ref.id,
            event=kind,
            method=Method.HOME_ASSISTANT if actor else method,
            actor=actor or UNKNOWN_ACTOR,
            time=utc_now(),
            ours=asked is not None and actor is None,
            source="lock_state",
        )

    @callback
    def operated(self, source: int, code: int, user: int | None) -> None:
        """Tell who moved it."""
        self._set_deaf(False)
        event = words.operation(self.ref.id, source, code, user, self.name_of(user))
        if event.remote and (asked := self._who_asked(event.event)) and asked.actor:
            event = words.by(event, asked.actor)
        bolt = words.SHOWS.get(event.event)
        shows = bolt is not None and bolt is not self._sure
        denied = event.event is AccessKind.DENIED
        self._moves.named(event, shows=shows or denied)
        if self._asked and bolt is _TARGETS[self._asked[0]]:
            self._hinted = True
            self._bolt_moved.set()
        elif shows:
            self._look_later()

    @callback
    def programmed(self, source: int, code: int, user: int | None) -> None:
        """Tell that a code was changed, unless it was we."""
        self._set_deaf(False)
        event = words.programming(self.ref.id, source, code, user, self.name_of(user))
        now = self._hass.loop.time()
        if user is not None and self._own.get((event.event, user), 0.0) > now:
            _end(self._programming)
            return
        self._moves.named(event, shows=False)

    @callback
    def alarmed(self, code: int) -> None:
        """Tell of an alarm; of a jam and of wrong codes it may tell in another way, too."""
        self._set_deaf(False)
        kind = words.ALARMS.get(code, AccessKind.UNKNOWN)
        if kind is AccessKind.UNKNOWN:
            self._moves.named(self._nameless(kind), shows=False)
            return
        how = Method.KEYPAD if kind is AccessKind.DENIED else Method.UNKNOWN
        self._moves.shown(self._nameless(kind, how))
        if kind is AccessKind.JAMMED and self._sure is not Bolt.JAMMED:
            self._hinted = True
            self._bolt_moved.set()
            self._look_later()

    @callback
    def _event(self, event: Event[dict[str, Any]]) -> None:
        """Hear ZHA's own event where there is nothing better."""
        data = event.data
        ieee, endpoint = address(self.ref.id)
        if (
            self._plain
            and data.get("device_ieee") == ieee
            and data.get("endpoint_id") == endpoint
            and (said := words.named(data)) is not None
        ):
            self.operated(*said)

    # Who asked for it elsewhere

    @override
    @callback
    def _shown(self, bolt: Bolt, state: State, context: Context | None) -> None:
        """Take what ZHA's entity shows: what somebody asked of it, or an old report."""
        self._bind()
        if self._plain:
            self._sure = bolt
            super()._shown(bolt, state, context)
        elif bolt in RESTING and bolt is not self._sure:
            self._look_later()
            if context is not None and context.user_id is not None:
                self._hass.async_create_background_task(
                    self._remember(RESTING[bolt], context), f"asked of {self.ref.id}"
                )

    async def _remember(self, kind: AccessKind, context: Context) -> None:
        self._await(kind, await actors.from_context(self._hass, context))

    @override
    async def _tell_move(
        self, bolt: Bolt, state: State, context: Context | None
    ) -> None:
        # It may show before the bolt has moved.
        self._moves.shown(await self._move(bolt, state, context), MOTOR)

    def _await(self, kind: AccessKind, actor: Actor | None) -> None:
        until = self._hass.loop.time() + LATE
        self._awaited = [*self._still(), _Asked(kind, until, actor)]

    def _still(self) -> list[_Asked]:
        now = self._hass.loop.time()
        return [asked for asked in self._awaited if asked.until > now]

    def _who_asked(self, kind: AccessKind) -> _Asked | None:
        """Return who asked for what shows now; it shows once."""
        for asked in self._still():
            if kind in (asked.kind, AccessKind.JAMMED):
                self._awaited.remove(asked)
                return asked
        return None

    def _look_later(self) -> None:
        """Have the lock asked, unless it reports by itself."""
        if self._look_at is None and not self._stopped:
            self._look_at = self._hass.loop.call_later(TOGETHER, self._look_now)

    def _drop_look(self) -> None:
        if self._look_at:
            self._look_at.cancel()
            self._look_at = None

    def _look_now(self) -> None:
        self._look_at = None
        self.on_news()

    # What it is asked

    @override
    async def read_state(self) -> LockState:
        if self._hass.loop.time() < self._fresh_until:
            return self.state
        async with self.queue.turn(Turn.READ):
            self._bind()
            if self._plain:
                return await super().read_state()
            await self._ask(self._need())
        return self.state

    async def _ask(self, link: DoorCluster) -> None:
        """Ask where the bolt is. Raises LockUnreachable."""
        try:
            value = await link.read_bolt()
        except LockUnreachable:
            self._set_deaf(True)
            raise
        self.bolt_reported(value)

    @override
    async def tend(self) -> None:
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

    # What it is told

    @override
    async def command(self, command: DoorCommand, suffix: str = "") -> None:
        self._bind()
        if self._plain:
            await super().command(command, suffix)
            return
        if command not in _COMMANDS:
            raise LockRefused(Refusal.NOT_SUPPORTED, "open")
        begun = False
        try:
            async with asyncio.timeout(DEADLINE), self.queue.turn(Turn.DOOR):
                link = self._need()
                begun = True
                await self._drive(link, command)
        except TimeoutError as err:
            self.on_news()
            if begun:
                raise OutcomeUnknown("no word in time") from err
            raise LockUnreachable("it is busy") from err
        except LockUnreachable, OutcomeUnknown:
            self.on_news()
            raise

    async def _drive(self, link: DoorCluster, command: DoorCommand) -> None:
        """Tell it once, and wait until it has moved by its own word."""
        target, before = _TARGETS[command], self._sure
        self._since, self._hinted = Bolt.UNKNOWN, False
        self._asked = command, ""
        self._await(RESTING[target], None)
        try:
            said = await self._tell(link, command)
            due = said and before is not target
            if due and self._since is not target:
                self._set_state(_GOING[command])
            if not await self._arrives(target, MOTOR if due else SOON):
                await self._check(link)
            if self._since is not target and said and not due:
                # It was not where we thought: its motor may be running.
                await self._arrives(target, MOTOR)
            if self._since is not target:
                raise OutcomeUnknown(f"found {self._since}")
        except LockRefused, LockUnreachable:
            self._awaited = [asked for asked in self._awaited if asked.actor]
            raise
        finally:
            self._asked = None
            if self.state.bolt is _GOING[command]:
                self._set_state(Bolt.UNKNOWN)
        self._fresh_until = self._hass.loop.time() + FRESH

    async def _tell(self, link: DoorCluster, command: DoorCommand) -> bool:
        """Tell it; tell whether it said yes, False: nothing. Raises LockRefused."""
        try:
            async with asyncio.timeout(None) as self._sending:
                status = await link.tell(_COMMANDS[command])
        except TimeoutError, OutcomeUnknown:
            return False
        finally:
            self._sending = None
        if status:
            raise LockRefused(words.refusal(status), f"status {status}")
        return True

    async def _arrives(self, target: Bolt, patience: float) -> bool:
        """Tell whether the lock says in time that it is there. Raises LockRefused."""
        try:
            async with asyncio.timeout(patience) as limit:
                while self._since is not target:
                    if self._since is Bolt.JAMMED:
                        raise LockRefused(Refusal.JAMMED)
                    if self._hinted:
                        self._hinted = False
                        limit.reschedule(self._hass.loop.time() + HINT)
                    self._bolt_moved.clear()
                    await self._bolt_moved.wait()
        except TimeoutError:
            return False
        return True

    async def _check(self, link: DoorCluster) -> None:
        try:
            await self._ask(link)
        except LockUnreachable as err:
            raise OutcomeUnknown(str(err)) from err
        if self._since is Bolt.JAMMED:
            raise LockRefused(Refusal.JAMMED)

    # Its codes

    @override
    async def put_number(self, number: int, digits: str) -> None:
        fields = (Command.SET_CODE, number, words.ENABLED, words.UNRESTRICTED, digits)
        await self._program(AccessKind.CODE_ADDED, number, fields)

    @override
    async def drop_number(self, number: int) -> None:
        self._bind()
        if self._plain:
            await self._drop_plainly(number)
            return
        try:
            fields = (Command.CLEAR_CODE, number)
            await self._program(AccessKind.CODE_REMOVED, number, fields)
        except LockRefused:
            # Some refuse to take away what is not there.
            if await self._look(number) is not CodeStatus.EMPTY:
                raise

    async def _program(
        self, kind: AccessKind, number: int, fields: tuple[Any, ...]
    ) -> None:
        """Change a code. The lock's answer, or its own word of the change, is a yes."""
        link = self._need()
        self._own[kind, number] = self._hass.loop.time() + LATE
        limit = self._programming = asyncio.timeout(None)
        try:
            async with limit:
                status = await link.tell_secret(*fields)
        except TimeoutError:
            if limit.expired():
                return
            raise OutcomeUnknown("no answer") from None
        finally:
            self._programming = None
        if status:
            del self._own[kind, number]
            raise LockRefused(words.code_refusal(status), f"status {status}")

    async def _drop_plainly(self, number: int) -> None:
        """Take a code away by ZHA's own action, which says no where the lock does."""
        ieee, endpoint = address(self.ref.id)
        try:
            await self._hass.services.async_call(
                "zha",
                "issue_zigbee_cluster_command",
                {
                    "ieee": ieee,
                    "endpoint_id": endpoint,
                    "cluster_id": 257,
                    "cluster_type": "in",
                    "command": int(Command.CLEAR_CODE),
                    "command_type": "server",
                    "params": {"user_id": number},
                },
                blocking=True,
            )
        except (ServiceNotFound, ValueError, vol.Invalid) as err:
            raise LockUnreachable(type(err).__name__) from None
        except HomeAssistantError as err:
            raise OutcomeUnknown(type(err).__name__) from None

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


def _end(limit: asyncio.Timeout | None) -> None:
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
