"""Silent incidents: told to whom the owner chose, and seen by nobody in the house.

Until one of those contacts ends it nothing is entered: each step is held back, in memory and
in a private file, and entered then with the time when it happened.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
import time

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
_KEPT_IN = 0.5
"""Seconds that the disk has before those who are to help are told all the same."""


class _Gone(Exception):
    """There is no such contact or way any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SilentMeans:
    """What silent incidents need of the home."""

    sender: str
    """What this house is called in CAP."""
    settings: Callable[[], Settings]
    spawn: Spawn
    keep: Callable[[list[Silent]], Awaitable[None]]
    """Keeps those that are not over, or of which somebody is still to hear, if it can."""
    person: Callable[[Contact], Channel[Notice]]
    """The way to a contact that leaves no trace."""
    way: Callable[[Way], Channel[Signal] | None]
    """The same to a centre or a server."""
    notice: Callable[[Silent, What, str], Awaitable[Notice]]
    """Writes what a contact is told, and with what they end it."""


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

    def load(self, kept: Iterable[Silent]) -> None:
        """Go on where it ended."""
        self._all += kept
        for silent in self._all:
            if silent.over:
                self.spawn(self._enter_held(silent), "silent")
            self._go(silent)

    @property
    def open(self) -> list[Silent]:
        """Those that nobody has ended."""
        return [one for one in self._all if not one.over]

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
        silent.asked = time.monotonic()
        silent.steps.append(Step(event, Stage.RAISED, actor, detail=detail))
        for contact in settings.contacts:
            silent.nonce(contact)
        ways = {Way.CENTRE: settings.centre, Way.WEBHOOK: settings.webhook}
        chosen = [way.value for way, on in ways.items() if on]
        for target in (*settings.contacts, *chosen):
            self._queue(silent, target, What.ALARM)
        keeping = self.spawn(self._keep(), "silent")
        await asyncio.wait({keeping}, timeout=_KEPT_IN)
        self._go(silent)

    def remind(self) -> None:
        """Tell the contacts again of what nobody has ended."""
        settings = self._means.settings().silent
        contacts = settings.contacts if settings else ()
        for silent in self.open:
            for contact in contacts:
                if not silent.waiting.get(contact):
                    silent.nonce(contact)
                    self._queue(silent, contact, What.ALARM)
            self._go(silent)

    def _queue(self, silent: Silent, target: str, what: What) -> None:
        telling = Telling(what=what, number=self._ledger.number())
        silent.waiting.setdefault(target, []).append(telling)

    # Tell

    def _go(self, silent: Silent) -> None:
        for target in silent.waiting:
            if (silent.id, target) not in self._working:
                self._working.add((silent.id, target))
                self.spawn(self._tell(silent, target), "silent")

    async def _tell(self, silent: Silent, target: str) -> None:
        """Tell one of them what they are to hear, as long as it takes."""
        pause, failed = RETRY, ""
        try:
            while waiting := silent.waiting.get(target):
                telling = waiting[0]
                if too_old(telling.made):
                    await self._told(silent, target, telling, "", "too_old")
                    continue
                telling.tried = True
                try:
                    by_whom = await self._send(silent, target, telling)
                except _Gone:
                    await self._told(silent, target, telling, "", "removed")
                except ChannelError as err:
                    if err.reason != failed:
                        failed = err.reason
                        await self._hold(silent, _not_told(silent, target, failed))
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, RETRY_MAX)
                else:
                    pause, failed = RETRY, ""
                    await self._told(silent, target, telling, by_whom, "")
        finally:
            self._working.discard((silent.id, target))
        silent.waiting.pop(target, None)
        await self._keep()

    async def _send(self, silent: Silent, target: str, telling: Telling) -> str:
        """Return who received it. Raises ChannelError, and _Gone."""
        if target in set(Way):
            way = Way(target)
            if (channel := self._means.way(way)) is None:
                raise _Gone
            sender = self._means.sender
            return await channel.send(telling.signal(silent, way, sender))
        if (contact := self._means.settings().contact(target)) is None:
            raise _Gone
        ends_it = f"{ACTION}{silent.nonces[target]}"
        notice = await self._means.notice(silent, telling.what, ends_it)
        return await self._means.person(contact).send(notice)

    async def _told(
        self, silent: Silent, target: str, telling: Telling, by_whom: str, why: str
    ) -> None:
        """Note that somebody heard of it, or why they never will."""
        if telling in (waiting := silent.waiting.get(target, [])):
            waiting.remove(telling)
        if why:
            await self._hold(silent, _not_told(silent, target, why))
            return
        if telling not in (heard := silent.heard.setdefault(target, [])):
            heard.append(telling)
        centre = target in set(Way)
        actor = HOME_ACTOR if centre else self._actor(target)
        step = Step(
            "signalled" if centre else "told",
            silent.stage,
            actor,
            detail=f"{telling.what} {by_whom}" if centre else telling.what.value,
            contact="" if centre else target,
        )
        await self._hold(silent, step)

    # The end

    async def end(self, nonce: str) -> bool:
        """Take the word of a contact that it is over; tell whether it was theirs."""
        for silent in self.open:
            for contact, known in silent.nonces.items():
                if known == nonce:
                    await self._end(silent, contact)
                    return True
        return False

    @whole
    async def _end(self, silent: Silent, contact: str) -> None:
        if silent.over:
            return
        silent.over = True
        silent.steps.append(
            Step("closed", Stage.CLOSED, self._actor(contact), contact=contact)
        )
        for target, waiting in list(silent.waiting.items()):
            # Who never heard of the begin does not hear of the end either.
            waiting[:] = [one for one in waiting if one.tried]
            silent.heard.setdefault(target, []).extend(waiting)
            waiting.clear()
        for target in [one for one, heard in silent.heard.items() if heard]:
            self._queue(silent, target, What.RESTORE)
        await self._keep()
        self._go(silent)
        await self._enter_held(silent)

    def _actor(self, contact_id: str) -> Actor:
        contact = self._means.settings().contact(contact_id)
        return by(contact) if contact else Actor(ActorKind.CONTACT, contact_id)

    # Entered late

    async def _hold(self, silent: Silent, step: Step) -> None:
        silent.steps.append(step)
        if silent.over:
            await self._enter_held(silent)
        else:
            await self._keep()

    async def _enter_held(self, silent: Silent) -> None:
        """Enter all that was held back, each once, in its order."""
        async with silent.entering:
            while silent.steps:
                step = silent.steps[0]
                await self._ledger.enter_held(
                    silent.fields(step), step.actor, step.when
                )
                silent.steps.pop(0)
                await self._keep()

    async def _keep(self) -> None:
        done = [one for one in self._all if one.done]
        for silent in done:
            self._all.remove(silent)
        await self._means.keep(list(self._all))


def _not_told(silent: Silent, target: str, reason: str) -> Step:
    if target in set(Way):
        return Step("not_signalled", silent.stage, HOME_ACTOR, detail=reason)
    return Step("not_told", silent.stage, HOME_ACTOR, detail=reason, contact=target)
