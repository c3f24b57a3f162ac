"""Silent incidents: told to whom the owner chose, and seen by nobody in the house.

Until one of those contacts ends it nothing is entered: each step is held back, in memory and
in a private file, and entered then with the time when it happened.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
import time
from typing import Any

from ..models import HOME_ACTOR, Actor, ActorKind
from ..whole import Spawn, whole
from .channels.channel import Channel, ChannelError
from .channels.notify import Notice
from .ledger import Ledger
from .models import Kind, Signal, Source, Stage, Way, What, too_old
from .outbox import RETRY, RETRY_MAX
from .people import ACTION, by
from .settings import Contact, Settings
from .silent_models import Silent, Step, Telling

AGAIN = 60.0
"""Seconds after which another trigger has everybody told anew."""
REMINDED = 600.0
"""Seconds after which the contacts are told once more; a telephone may have been off."""
LATER = 60.0
"""Seconds after which the log is tried again."""
_KEPT_IN = 0.5
"""Seconds that the disk has before those who are to help are told all the same."""
_MAYBE = {"no_answer", "in_trouble"}
"""What is said of a message that may have arrived."""


class _Gone(Exception):
    """There is no such contact or way any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SilentMeans:
    """What silent incidents need of the home."""

    sender: str
    """What this house is called in CAP."""
    settings: Callable[[], Settings]
    spawn: Spawn
    keep: Callable[[list[dict[str, Any]]], Awaitable[bool]]
    """Keeps those that are not over, or of which somebody is still to hear, if it can."""
    person: Callable[[Contact], Channel[Notice]]
    """The way to a contact that leaves no trace."""
    way: Callable[[Way], Channel[Signal] | None]
    """The same to a centre or a server."""
    where: Callable[[Way], str]
    """Which centre or server that is now."""
    notice: Callable[[Silent, Telling, str], Awaitable[Notice]]
    """Writes what a contact is told, and with what they end it."""
    exercise: bool = False
    """It is a drill, and all that goes out says so."""


class SilentIncidents:
    """All that is being handled in silence."""

    def __init__(self, ledger: Ledger, means: SilentMeans) -> None:
        """Take the log's side, and what the home gives."""
        self._ledger = ledger
        self._means = means
        self.spawn = means.spawn
        self._all: list[Silent] = []
        self._working: set[tuple[str, str]] = set()
        """Incidents, and whom somebody is telling of them."""
        self._kept = True

    def load(self, kept: Iterable[Silent]) -> None:
        """Go on where it ended."""
        self._all += kept
        for silent in self._all:
            for target in silent.drop(lambda one: too_old(one.made)):
                # A copy that was restored: nobody is sent for it.
                silent.steps.append(_not_told(silent, target, "too_old"))
            if silent.over:
                self._enter_soon(silent)
            self._go(silent)
        if self._all:
            self.spawn(self._keep(), "silent")

    @property
    def open(self) -> list[Silent]:
        """Those that nobody has ended."""
        return [one for one in self._all if not one.over]

    @property
    def held(self) -> list[tuple[datetime, dict[str, str | int]]]:
        """What is not entered yet: when it happened, and what its entry will say."""
        return [
            (step.when, silent.fields(step))
            for silent in self._all
            for step in silent.steps
        ]

    @property
    def busy(self) -> bool:
        """Tell whether something would be lost that is in memory alone."""
        return bool(self._all) and not self._kept

    # Raise

    @whole
    async def raise_(
        self, kind: Kind, source: Source, actor: Actor, detail: str = ""
    ) -> None:
        """Begin, or tell again of what is open of this kind; without settings nothing."""
        settings = self._means.settings().silent
        if settings is None:
            return
        silent = next((one for one in self.open if one.kind is kind), None)
        if silent and time.monotonic() - silent.asked < AGAIN:
            return
        event = "joined" if silent else "raised"
        if silent is None:
            silent = Silent(kind=kind, source=source)
            self._all.append(silent)
            self.spawn(self._remind_soon(silent), "silent")
        silent.asked = time.monotonic()
        silent.steps.append(Step(event, Stage.RAISED, actor, detail=detail))
        self._tell_contacts(silent, source)
        ways = {Way.CENTRE: settings.centre, Way.WEBHOOK: settings.webhook}
        for way in [way for way, on in ways.items() if on]:
            self._queue(silent, way, What.ALARM, to=self._means.where(way))
        keeping = self.spawn(self._keep(), "silent")
        await asyncio.wait({keeping}, timeout=_KEPT_IN)
        self._go(silent)

    def _tell_contacts(self, silent: Silent, source: Source | None) -> None:
        settings = self._means.settings().silent
        for contact in settings.contacts if settings else ():
            if source is not None or not silent.waiting.get(contact):
                silent.let_end(contact)
                self._queue(silent, contact, What.ALARM, source=source)

    def _queue(
        self,
        silent: Silent,
        target: str,
        what: What,
        *,
        source: Source | None = None,
        to: str = "",
    ) -> None:
        number = self._ledger.number()
        telling = Telling(what=what, number=number, source=source, to=to)
        silent.waiting.setdefault(target, []).append(telling)

    async def _remind_soon(self, silent: Silent) -> None:
        await asyncio.sleep(REMINDED)
        self._remind(silent)

    def remind(self) -> None:
        """Tell the contacts that nobody has ended what is open."""
        for silent in self.open:
            self._remind(silent)

    def _remind(self, silent: Silent) -> None:
        if not silent.over:
            self._tell_contacts(silent, None)
            self._go(silent)

    # Tell

    def _go(self, silent: Silent) -> None:
        # One that has nothing to do ends at once, and takes itself out of what waits.
        for target in [one for one, waiting in silent.waiting.items() if waiting]:
            if (silent.id, target) not in self._working:
                self._working.add((silent.id, target))
                self.spawn(self._tell(silent, target), "silent")

    async def _tell(self, silent: Silent, target: str) -> None:
        """Tell one of them what they are to hear, as long as it takes."""
        pause, failed = RETRY, ""
        try:
            while waiting := silent.waiting.get(target):
                telling = waiting[0]
                before, telling.tried = telling.tried, True
                try:
                    by_whom = await self._send(silent, target, telling)
                except _Gone:
                    telling.tried = before
                    await self._not_told(silent, target, telling, "removed")
                    continue
                except ChannelError as err:
                    reason = err.reason
                except Exception:  # noqa: BLE001
                    # Whatever it is: the next try may be well, and no line may tell of it.
                    reason = "not_sent"
                else:
                    pause, failed = RETRY, ""
                    await self._told(silent, target, telling, by_whom)
                    continue
                telling.tried = before or reason in _MAYBE
                if reason != failed:
                    failed = reason
                    await self._hold(silent, _not_told(silent, target, reason))
                await asyncio.sleep(pause)
                pause = min(2 * pause, RETRY_MAX)
        finally:
            self._working.discard((silent.id, target))
        silent.waiting.pop(target, None)
        await self._keep()

    async def _send(self, silent: Silent, target: str, telling: Telling) -> str:
        """Return who received it. Raises ChannelError, and _Gone."""
        if target in set(Way):
            way = Way(target)
            channel = self._means.way(way)
            if channel is None or telling.to != self._means.where(way):
                raise _Gone
            signal = telling.signal(
                silent, way, self._means.sender, exercise=self._means.exercise
            )
            return await channel.send(signal)
        if (contact := self._means.settings().contact(target)) is None:
            raise _Gone
        ends_it = f"{ACTION}{silent.nonces[target]}"
        notice = await self._means.notice(silent, telling, ends_it)
        return await self._means.person(contact).send(notice)

    async def _not_told(
        self, silent: Silent, target: str, telling: Telling, why: str
    ) -> None:
        """Note that somebody will never hear of it."""
        if telling in (waiting := silent.waiting.get(target, [])):
            waiting.remove(telling)
        await self._hold(silent, _not_told(silent, target, why))

    async def _told(
        self, silent: Silent, target: str, telling: Telling, by_whom: str
    ) -> None:
        """Note that somebody heard of it."""
        if telling in (waiting := silent.waiting.get(target, [])):
            waiting.remove(telling)
        if telling not in (heard := silent.heard.setdefault(target, [])):
            heard.append(telling)
        if target in set(Way):
            detail = f"{telling.what} {by_whom}"
            step = Step("signalled", silent.stage, HOME_ACTOR, detail=detail)
        else:
            step = Step(
                "told",
                silent.stage,
                self._actor(target),
                detail=telling.what.value,
                contact=target,
            )
        await self._hold(silent, step)

    # The end

    async def end(self, nonce: str) -> bool:
        """Take the word of a contact that it is over; tell whether it was theirs."""
        for silent in self.open:
            if contact := silent.whose(nonce):
                await self._end(silent, self._actor(contact), contact)
                return True
        return False

    async def call_off(self, actor: Actor) -> None:
        """End all that is open: it was a drill."""
        for silent in self.open:
            await self._end(silent, actor, "")

    def forget(self) -> None:
        """Tell nobody anything more: the drill was long ago."""
        for silent in self._all:
            silent.waiting.clear()

    @whole
    async def _end(self, silent: Silent, actor: Actor, contact: str) -> None:
        if silent.over:
            return
        silent.over = True
        silent.steps.append(Step("closed", Stage.CLOSED, actor, contact=contact))
        for target, waiting in list(silent.waiting.items()):
            # Who never heard of the begin does not hear of the end either.
            maybe = [one for one in waiting if one.tried]
            silent.heard.setdefault(target, []).extend(maybe)
            waiting.clear()
        for target, heard in silent.heard.items():
            if heard:
                self._queue(silent, target, What.RESTORE, to=heard[-1].to)
        await self._keep()
        self._go(silent)
        self._enter_soon(silent)

    def wiped(self, nonce: str) -> None:
        """Take back what ends it: the message was wiped away, and all can see what it said."""
        for silent in self.open:
            if contact := silent.whose(nonce):
                del silent.nonces[contact]
                silent.let_end(contact)
                self.spawn(self._tell_again(silent, contact), "silent")

    async def _tell_again(self, silent: Silent, contact: str) -> None:
        """Tell a contact again, and not more often than that: some telephones wipe all away."""
        now = time.monotonic()
        if now - silent.wiped.get(contact, -AGAIN) >= AGAIN:
            silent.wiped[contact] = now
            self._queue(silent, contact, What.ALARM)
        await self._keep()
        self._go(silent)

    def _actor(self, contact_id: str) -> Actor:
        contact = self._means.settings().contact(contact_id)
        return by(contact) if contact else Actor(ActorKind.CONTACT, contact_id)

    # Entered late

    async def _hold(self, silent: Silent, step: Step) -> None:
        silent.steps.append(step)
        await self._keep()
        if silent.over:
            self._enter_soon(silent)

    def _enter_soon(self, silent: Silent) -> None:
        if silent.steps and not silent.entering:
            silent.entering = True
            self.spawn(self._enter_held(silent), "silent")

    async def _enter_held(self, silent: Silent) -> None:
        """Enter all that was held back, each once, in its order."""
        try:
            while silent.steps:
                step, said = silent.steps[0], silent.fields(silent.steps[0])
                if await self._ledger.enter_held(said, step.actor, step.when):
                    silent.steps.pop(0)
                    await self._keep()
                else:
                    await asyncio.sleep(LATER)
        finally:
            silent.entering = False

    async def _keep(self) -> None:
        for silent in [one for one in self._all if one.done]:
            self._all.remove(silent)
        self._kept = await self._means.keep([one.as_json() for one in self._all])


def _not_told(silent: Silent, target: str, reason: str) -> Step:
    if target in set(Way):
        return Step("not_signalled", silent.stage, HOME_ACTOR, detail=reason)
    return Step("not_told", silent.stage, HOME_ACTOR, detail=reason, contact=target)
