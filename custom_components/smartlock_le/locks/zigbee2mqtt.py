"""A lock that Zigbee2MQTT brought: its own messages, through Home Assistant's MQTT."""

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, override

from homeassistant.core import Context, HomeAssistant, State, callback

from .. import actors
from ..models import (
    UNKNOWN_ACTOR,
    AccessEvent,
    AccessKind,
    Actor,
    ActorKind,
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
from . import zigbee2mqtt_messages as messages
from .any_lock import RESTING, EntityDriver
from .driver import Bolt, LockState, Turn
from .moves import LATE, TOGETHER, Moves
from .numbered import Numbers
from .zigbee2mqtt_codes import CodesByMessage, Wanted
from .zigbee2mqtt_messages import Action, Device, Report
from .zigbee2mqtt_topics import Topics

if TYPE_CHECKING:
    from homeassistant.components.mqtt.models import ReceiveMessage

DEADLINE = 40.0
"""Seconds that a door command may take, all together."""
MOTOR = 12.0
"""Seconds until a bolt that was told to move is asked whether it did."""
SOON = 2.0
"""The same, where it stood there already; and until a jam is one, not a bolt on its way."""
ANSWER = 5.0
"""Seconds that an answer may take; Zigbee2MQTT says nothing of those that never come."""
QUIET = 30.0
"""Seconds until a lock that did not answer is asked again; doubles, up to an hour."""
_QUIET_MOST = 3600.0
_ECHO = 0.5
"""Seconds in which the same message again is a broker that delivers it twice."""

_WORDS = {DoorCommand.LOCK: "LOCK", DoorCommand.UNLOCK: "UNLOCK"}
_TARGETS = {DoorCommand.LOCK: Bolt.LOCKED, DoorCommand.UNLOCK: Bolt.UNLOCKED}
_GOING = {DoorCommand.LOCK: Bolt.LOCKING, DoorCommand.UNLOCK: Bolt.UNLOCKING}
_SHOWS = {AccessKind.LOCKED: Bolt.LOCKED, AccessKind.UNLOCKED: Bolt.UNLOCKED}
_CODES = Capability.CODES | Capability.CODE_STATUS


class Zigbee2MqttDriver(CodesByMessage, EntityDriver):
    """A lock of Zigbee2MQTT, which shows what the lock said and does not guess.

    It is listened to while its entity is available: then Home Assistant has its broker
    and Zigbee2MQTT its radio.
    """

    pins_shown = False
    word = ""

    def __init__(
        self, hass: HomeAssistant, ref: LockRef, numbers: Numbers, usable: range
    ) -> None:
        """Take the lock's id, and which numbers are for us; nothing is followed yet."""
        super().__init__(hass, ref)
        self.keep_numbers(numbers, usable)
        self.keep_codes()
        # Until Zigbee2MQTT says what it is.
        self.capabilities |= _CODES
        self._topics = Topics(hass, ref.id, self._take_device, self._reported)
        self._stopped = False
        self._moves = Moves(self._tell)
        self._sure = Bolt.UNKNOWN
        """Where the bolt is by the last message."""
        self._since = Bolt.UNKNOWN
        """The same, since the command that runs; UNKNOWN: no word yet."""
        self._denied = False
        self._last: Report | None = None
        self._echo: tuple[object, float] = None, 0.0
        self._waiting: list[tuple[Wanted, asyncio.Future[Report | None]]] = []
        self._in_vain = 0
        self._quiet_until = 0.0
        self._look_at: asyncio.TimerHandle | None = None
        self._commanded: dict[AccessKind, float] = {}
        """What we asked for and was not told of yet; until when it may be."""
        self._theirs: dict[AccessKind, tuple[Actor, float]] = {}
        """The same, of who asked Home Assistant's own entity."""

    # Which topics it has

    @override
    async def stop(self) -> None:
        self._stopped = True
        self._deafen()
        self._moves.stop()
        if self._look_at:
            self._look_at.cancel()
        await super().stop()

    @override
    def _heard(self, state: State | None) -> bool:
        return super()._heard(state) and not self._deaf

    @override
    def _set_available(self, state: State | None) -> bool:
        if super()._heard(state) and not self._stopped:
            self._topics.listen()
        else:
            self._deafen()
        return super()._set_available(state)

    def _deafen(self) -> None:
        """Follow nothing any more; who waits for an answer gets none."""
        self._topics.stop()
        for _, answer in self._waiting:
            if not answer.done():
                answer.set_result(None)
        self._bolt_moved.set()

    def _take_device(self, device: Device) -> None:
        before = self.capabilities
        if not device.takes_codes:
            self.capabilities &= ~_CODES
        elif Capability.CODES not in before:
            self.capabilities |= _CODES
        if device.most_codes is not None:
            stop = min(self._usable.stop, device.most_codes)
            self._usable = range(min(self._usable.start, stop), stop)
        if self.capabilities != before:
            self.changed()

    async def _reach(self) -> str:
        """Return the lock's topic. Raises LockUnreachable: nothing was sent."""
        state = self._hass.states.get(self.entity_id) if self.entity_id else None
        if self._stopped or not super()._heard(state):
            raise LockUnreachable("entity not available")
        # Who cleans a lock that was removed has not started it.
        return await self._topics.reach(ANSWER)

    async def _publish(self, what: str, data: dict[str, Any]) -> None:
        """Send something to the lock. Raises LockUnreachable: it was not sent."""
        await self._topics.publish(f"{await self._reach()}/{what}", data)

    # What it tells

    @callback
    def _reported(self, message: ReceiveMessage) -> None:
        report = messages.report_of(message.payload)
        if report is None:
            return
        if message.retain:
            # What was done long ago is not done again.
            report = replace(report, action=None)
        elif report.action and self._is_echo(message.payload):
            return
        if report.tells_users and report.shows_pins is not self.pins_shown:
            self.pins_shown = report.shows_pins
            self.changed()
        if not message.retain:
            self._in_vain, self._quiet_until = 0, 0.0
            self._set_deaf(False)
        wanted = [answer for want, answer in self._waiting if want(report)]
        self._take_bolt(report.bolt)
        if report.action:
            self._done(report.action)
        self._last = report
        for answer in wanted:
            if not answer.done():
                answer.set_result(report)

    def _is_echo(self, payload: object) -> bool:
        now = self._hass.loop.time()
        before, at = self._echo
        self._echo = payload, now
        return payload == before and now - at < _ECHO

    def _set_deaf(self, deaf: bool) -> None:
        if deaf is not self._deaf:
            self._deaf = deaf
            self._set_available(
                self._hass.states.get(self.entity_id) if self.entity_id else None
            )

    def _take_bolt(self, bolt: Bolt | None) -> None:
        """Believe that the bolt moved where it is another than before; else it is old."""
        if bolt is None or bolt is self._sure:
            return
        if self._look_at:
            self._look_at.cancel()
            self._look_at = None
        self._sure = self._since = bolt
        self._set_state(bolt)
        self._bolt_moved.set()
        if bolt is self._told:
            return
        before, self._told = self._told, bolt
        if before is not Bolt.UNKNOWN:
            self._moves.shown(self._event(RESTING[bolt], source="lock_state"))

    def _done(self, action: Action) -> None:
        """Tell of what the lock says was done."""
        user = action.user
        if action.programming:
            if not self.changed_by_us(action):
                event = self._event(action.kind, action.method, user)
                self._moves.named(event, shows=False)
            return
        who = UNKNOWN_ACTOR
        if action.method is Method.AUTOMATIC:
            who = Actor(ActorKind.LOCK)
        elif action.token:
            # The number is that of a fob or a finger: no code was typed.
            who, user = Actor(ActorKind.CREDENTIAL, str(user or "")), None
        elif user is not None:
            who = Actor(ActorKind.CODE, str(user), self.name_of(user))
        bolt = _SHOWS.get(action.kind)
        shows = bolt is not None and bolt is not self._sure
        event = self._event(action.kind, action.method, user)
        self._moves.named(replace(event, actor=who, remote=action.remote), shows=shows)
        if bolt is not None:
            self._since = bolt
            self._told = bolt
            self._set_state(bolt)
        elif action.remote:
            self._denied = True
        self._bolt_moved.set()
        if shows and self._look_at is None:
            # The lock may have lost what it is to report.
            self._look_at = self._hass.loop.call_later(TOGETHER, self._look_now)

    def _look_now(self) -> None:
        self._look_at = None
        self.on_news()

    def _event(
        self,
        kind: AccessKind,
        method: Method = Method.UNKNOWN,
        user: int | None = None,
        source: str = "lock_event",
    ) -> AccessEvent:
        return AccessEvent(
            lock=self.ref.id,
            event=kind,
            method=method,
            time=utc_now(),
            code_id=user,
            code_name=self.name_of(user),
            source=source,
        )

    def _tell(self, event: AccessEvent) -> None:
        """Tell of something once, by whom as far as Home Assistant knows."""
        nameless = event.remote or event.source == "lock_state"
        if nameless and event.actor is UNKNOWN_ACTOR:
            now, kind = self._hass.loop.time(), event.event
            actor, until = self._theirs.pop(kind, (UNKNOWN_ACTOR, 0.0))
            if until > now:
                event = replace(event, actor=actor, method=Method.HOME_ASSISTANT)
            elif (kind is AccessKind.JAMMED and self._asked) or self._commanded.pop(
                kind, 0.0
            ) > now:
                event = replace(event, ours=True)
        self.on_events([event])

    @override
    @callback
    def _shown(self, bolt: Bolt, state: State, context: Context | None) -> None:
        """Take from the entity only who asked for what it shows."""
        if bolt in RESTING and context is not None and context.user_id is not None:
            self._hass.async_create_background_task(
                self._remember(RESTING[bolt], context), f"asked of {self.ref.id}"
            )

    async def _remember(self, kind: AccessKind, context: Context) -> None:
        actor = await actors.from_context(self._hass, context)
        self._theirs[kind] = actor, self._hass.loop.time() + TOGETHER + 1

    # What it is asked

    async def _ask(
        self, what: str, data: dict[str, Any], wanted: Wanted
    ) -> Report | None:
        """Send something and wait for the message that is wanted; None: it did not come."""
        await asyncio.sleep(self._topics.repeats_until - self._hass.loop.time())
        answer: asyncio.Future[Report | None] = self._hass.loop.create_future()
        waiting = wanted, answer
        self._waiting.append(waiting)
        try:
            await self._publish(what, data)
            async with asyncio.timeout(ANSWER):
                return await answer
        except TimeoutError:
            return None
        finally:
            self._waiting.remove(waiting)

    def _answers(self, report: Report) -> bool:
        """Tell whether a message is there for no other reason than a question."""
        if report.action or self._hass.loop.time() < self._topics.repeats_until:
            return False
        return self._last is None or self._last.rest == report.rest

    async def _look_at_bolt(self) -> Report:
        """Ask where the bolt is. Raises LockUnreachable."""
        report = await self._ask("get", {"state": ""}, self._answers)
        if report is None:
            wait = min(QUIET * 2**self._in_vain, _QUIET_MOST)
            self._quiet_until = self._hass.loop.time() + wait
            self._in_vain += 1
            self._set_deaf(True)
            raise LockUnreachable("no answer")
        self._since = report.bolt or Bolt.UNKNOWN
        self._set_state(self._since)
        return report

    @override
    async def read_state(self) -> LockState:
        async with self.queue.turn(Turn.READ):
            if self._hass.loop.time() < self._quiet_until:
                raise LockUnreachable("it did not answer a while ago")
            await self._look_at_bolt()
        return self.state

    # What it is told

    @override
    async def command(self, command: DoorCommand, suffix: str = "") -> None:
        if command not in _TARGETS:
            raise LockRefused(Refusal.NOT_SUPPORTED, "open")
        begun = False
        try:
            async with asyncio.timeout(DEADLINE), self.queue.turn(Turn.DOOR):
                await self._reach()
                begun = True
                await self._drive(command)
        except TimeoutError as err:
            self.on_news()
            if begun:
                raise OutcomeUnknown("no word in time") from err
            raise LockUnreachable("it is busy") from err
        except OutcomeUnknown:
            self.on_news()
            raise

    async def _drive(self, command: DoorCommand) -> None:
        """Tell it once, and wait until it has moved by its own word."""
        target, before = _TARGETS[command], self._sure
        self._since, self._denied = Bolt.UNKNOWN, False
        self._asked = command, ""
        self._commanded[RESTING[target]] = self._hass.loop.time() + LATE
        try:
            try:
                await self._publish("set", {"state": _WORDS[command]})
            except LockUnreachable:
                self._commanded.pop(RESTING[target], None)
                raise
            if before is not target and self._since is not target:
                self._set_state(_GOING[command])
            if not await self._arrives(target, SOON if before is target else MOTOR):
                await self._check(target)
        finally:
            self._asked = None
            if self.state.bolt is _GOING[command]:
                self._set_state(Bolt.UNKNOWN)

    async def _arrives(self, target: Bolt, patience: float) -> bool:
        """Tell whether the lock says in time that it is there. Raises the lock's error."""
        try:
            async with asyncio.timeout(patience) as limit:
                jammed = False
                while self._since is not target:
                    if not self._topics.name:
                        raise OutcomeUnknown("went away")
                    if self._denied:
                        raise LockRefused(Refusal.NEEDS_CODE)
                    if self._since is Bolt.JAMMED and not jammed:
                        # Some say so while they are on their way.
                        jammed = True
                        limit.reschedule(self._hass.loop.time() + SOON)
                    self._bolt_moved.clear()
                    await self._bolt_moved.wait()
        except TimeoutError:
            if self._since is Bolt.JAMMED:
                raise LockRefused(Refusal.JAMMED) from None
            return False
        return True

    async def _check(self, target: Bolt) -> None:
        """Ask once what was not said. Raises the lock's error, unless it is there."""
        try:
            await self._look_at_bolt()
        except LockUnreachable as err:
            raise OutcomeUnknown(str(err)) from err
        if self._since is Bolt.JAMMED:
            raise LockRefused(Refusal.JAMMED)
        if self._since is not target:
            raise OutcomeUnknown(f"found {self._since}")
