"""Incidents: from the first word to the close, each step entered, and one a cause."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
import time

from ..models import HOME_ACTOR, Actor
from ..whole import whole
from .ledger import Ledger
from .models import EmergencyError, Incident, Kind, Reply, Source, Stage, What, too_old
from .people import People, by, offered
from .signals import Means, Signals

AGAIN = 60.0
"""Seconds after which who asks again has everybody told anew."""
ALARM_AGAIN = 300.0
"""Seconds after which the centre is to hear of somebody who asks again, too."""


class Incidents:
    """All that is being handled."""

    def __init__(
        self, ledger: Ledger, people: Callable[[Ledger], People], means: Means
    ) -> None:
        """Take the log's side, what makes the way to the contacts, and the rest."""
        self._ledger = ledger
        self.people = people(ledger)
        self._open: dict[str, Incident] = {}
        self.signals = Signals(ledger, means, self._open)
        self._means = means
        self.spawn = means.spawn
        self._before: list[Incident] = []
        """Those that were over before this start, and not all know it."""
        self._known: set[str] = set()
        """Ids of all of this run."""

    async def load(self) -> None:
        """Go on where it ended. Raises LogUnavailable."""
        kept, signals = await self._ledger.load()
        await self.signals.load()
        for incident in kept:
            if incident.id in self._known:
                # Of this very run: the log could not be read at its start.
                continue
            self._known.add(incident.id)
            if incident.stage.over:
                self._before.append(incident)
            else:
                self._open[incident.id] = incident
            if too_old(incident.raised):
                # A copy that was restored: it is shown, and nobody is sent for it.
                incident.confirmed, incident.call_by = True, None
        for signal in signals:
            if too_old(signal.made):
                await self._ledger.give_up(signal, "too_old")
            else:
                self.signals.outboxes[signal.way].load(signal)
        self._means.changed()
        self._reschedule()

    def go_on(self) -> None:
        """Tell who has not heard yet that something is over."""
        while self._before:
            self._tell_end(self._before.pop())

    def open(self) -> list[Incident]:
        """Return those that are not over, the oldest first."""
        return sorted(self._open.values(), key=lambda one: one.raised)

    @property
    def busy(self) -> bool:
        """Tell whether something would be lost that is in memory alone."""
        return bool(self._open or self.signals.waiting or self.people.busy)

    def get(self, incident_id: str) -> Incident:
        """Return one that is not over. Raises EmergencyError."""
        if (found := self._open.get(incident_id)) is None:
            raise EmergencyError("incident_not_found")
        return found

    # Raise

    async def raise_(self, kind: Kind, source: Source, actor: Actor) -> Incident:
        """Begin, or join what is open of this kind; returns when the first were told."""
        if incident := self.of_kind(kind):
            await self._join(incident, source, actor)
            return incident
        incident = self.new(kind, source)
        await self.begin(incident, actor)
        return incident

    def new(self, kind: Kind, source: Source) -> Incident:
        """Make one; from here on a second trigger finds it."""
        window = timedelta(seconds=self._means.settings().window)
        incident = Incident(kind=kind, sources=(source,), window=window)
        incident.confirm_by += window.total_seconds()
        self._open[incident.id] = incident
        self._known.add(incident.id)
        return incident

    def of_kind(self, kind: Kind) -> Incident | None:
        """Return what is open of a kind, if anything is that nobody is ending."""
        found = (one for one in self._open.values() if one.kind is kind)
        return next((one for one in found if not one.ending), None)

    @whole
    async def begin(self, incident: Incident, actor: Actor) -> None:
        """Begin with one that was made; returns when the first were told."""
        async with incident.changing:
            incident.called = incident.call_by = time.monotonic()
            self._means.changed()
            entry = await self._ledger.enter(incident, "raised", actor)
            if incident.sources[0] is not Source.ALARM_SYSTEM:
                # That one has an entry of its own, and pictures of it.
                self._means.raised(entry)
            if not incident.window and not incident.stage.over:
                await self._confirm(incident, HOME_ACTOR)
        await self._call(incident)

    @whole
    async def _join(self, incident: Incident, source: Source, actor: Actor) -> None:
        # Many tell at once, and each of them again and again.
        now, new = time.monotonic(), source not in incident.sources
        again = source.by_a_person and now - incident.called > AGAIN
        if not new and not again:
            return
        if new:
            incident.sources = (*incident.sources, source)
        if again:
            incident.called = now
        async with incident.changing:
            if incident.stage.over:
                return
            late = again and incident.confirmed and now - incident.alarmed > ALARM_AGAIN
            await self.signals.enter(
                incident, "joined", actor, What.ALARM if late else None
            )
        if again:
            # Whoever said that they come may have been held up.
            incident.calls.clear()
            incident.call_by = now
            await self._call(incident)

    # As time goes

    async def due(self) -> None:
        """Do what has reached its time."""
        try:
            await asyncio.gather(*(self._step(incident) for incident in self.open()))
        finally:
            self._reschedule()

    @whole
    async def _step(self, incident: Incident) -> None:
        async with incident.changing:
            over = incident.confirmed or incident.stage.over
            if not over and incident.confirm_by <= time.monotonic():
                await self._confirm(incident, HOME_ACTOR)
        if incident.call_by is not None and incident.call_by <= time.monotonic():
            # A way that hangs must not hold up the next step.
            self.spawn(self._call(incident), f"incident {incident.id}")

    async def _call(self, incident: Incident) -> None:
        """Tell whose turn it is, unless somebody is ending it."""
        if incident.ending or incident.stage.over:
            return
        turn = self.people.due(incident)
        self._reschedule()
        await self.people.tell(incident, turn, "raised")
        self._means.changed()

    async def confirm(self, incident_id: str, actor: Actor) -> Incident:
        """Tell the centre now. Raises EmergencyError."""
        incident = self.get(incident_id)
        await self._confirm_now(incident, actor)
        return incident

    @whole
    async def _confirm_now(self, incident: Incident, actor: Actor) -> None:
        async with incident.changing:
            if not incident.stage.over and not incident.confirmed:
                await self._confirm(incident, actor)
        self._reschedule()

    async def _confirm(self, incident: Incident, actor: Actor) -> None:
        incident.confirmed = True
        incident.come_to(Stage.CONFIRMED)
        await self.signals.enter(incident, "confirmed", actor, What.ALARM)

    async def wrong_pin(self, actor: Actor) -> None:
        """Enter that somebody tried to end what is open, and did not know how."""
        for incident in self.open():
            await self._ledger.enter(incident, "wrong_pin", actor)

    # What is answered

    async def answer(self, nonce: str) -> None:
        """Take an answer of a contact, once. Raises EmergencyError."""
        for incident in self._open.values():
            if said := incident.nonces.get(nonce):
                contact_id, reply = said.split()
                # The same of an earlier message says nothing more.
                kept = {n: one for n, one in incident.nonces.items() if one != said}
                incident.nonces = kept
                await self._answered(incident, contact_id, Reply(reply))
                return
        raise EmergencyError("incident_not_found")

    async def delivered(self, nonce: str) -> None:
        """Take the word of a contact's telephone that it has a message, once."""
        for incident in self.open():
            contact_id = incident.nonces.get(nonce, "").partition(" ")[0]
            contact = self._means.settings().contact(contact_id)
            if contact is None or contact_id in incident.arrived:
                continue
            incident.arrived.add(contact_id)
            if incident.told.get(contact_id) in (None, "failed", "unsure"):
                incident.told[contact_id] = "sent"
            await self._ledger.enter(
                incident, "delivered", by(contact), contact=contact_id
            )
            self._means.changed()

    async def _answered(
        self, incident: Incident, contact_id: str, reply: Reply
    ) -> None:
        contact = self._means.settings().contact(contact_id)
        if contact is None or reply not in {*offered(incident), Reply.COMING}:
            # No contact any more, or it is past that.
            raise EmergencyError("incident_not_found")
        incident.told[contact_id] = reply.value
        actor = by(contact)
        incident.call_by = None
        await self._ledger.enter(
            incident, "answered", actor, reply.value, contact=contact_id
        )
        match reply:
            case Reply.COMING:
                await self._come(incident, Stage.ACKNOWLEDGED, actor)
            case Reply.THERE:
                await self._come(incident, Stage.ON_SCENE, actor)
            case Reply.OVER:
                await self._over(incident, Stage.CLOSED, actor)
            case Reply.FALSE:
                await self._over(incident, Stage.CANCELLED, actor)

    async def come(self, incident_id: str, stage: Stage, actor: Actor) -> Incident:
        """Say that somebody comes, or is there. Raises EmergencyError."""
        incident = self.get(incident_id)
        await self._come(incident, stage, actor)
        return incident

    @whole
    async def _come(self, incident: Incident, stage: Stage, actor: Actor) -> None:
        async with incident.changing:
            incident.call_by = None
            if incident.stage.over:
                return
            # Another one who comes is news as well.
            incident.come_to(stage)
            await self.signals.enter(incident, stage.value, actor)
        self._reschedule()
        reached = self.people.reached(incident)
        telling = self.people.tell(incident, reached, stage.value)
        self.spawn(telling, f"news of {incident.id}")

    # The end

    async def cancel(
        self, incident_id: str, actor: Actor, *, pin: bool, forced: bool = False
    ) -> None:
        """Say that it was none, or is over already; `pin`: with the PIN of the house.

        `forced`: who knows that somebody was forced hears of it otherwise, and whoever is
        not told so is not called off. Raises EmergencyError.
        """
        incident = self.get(incident_id)
        if incident.kind.needs_pin and not pin:
            raise EmergencyError("incident_needs_pin")
        there = incident.reached(Stage.ON_SCENE)
        stage = Stage.CLOSED if there else Stage.CANCELLED
        await self._over(incident, stage, actor, forced=forced)

    async def close(self, incident_id: str, actor: Actor) -> Incident:
        """Say that it was dealt with. Raises EmergencyError."""
        incident = self.get(incident_id)
        if incident.kind.needs_pin:
            raise EmergencyError("incident_needs_pin")
        await self._over(incident, Stage.CLOSED, actor)
        return incident

    @whole
    async def _over(
        self, incident: Incident, stage: Stage, actor: Actor, *, forced: bool = False
    ) -> None:
        incident.ending = True
        if forced:
            self.signals.forced.add(incident.id)
        async with incident.changing:
            if incident.stage.over:
                return
            incident.stage = stage
            incident.call_by = None
            incident.news = self.people.perhaps(incident)
            self._open.pop(incident.id, None)
            self._means.changed()
            await self.signals.end(incident, actor)
        self._reschedule()
        # Telephones take their time, and the next one is to be ended, too.
        self._tell_end(incident)

    def _tell_end(self, incident: Incident) -> None:
        self.spawn(self.people.tell_end(incident), f"end of {incident.id}")

    def _reschedule(self) -> None:
        steps = [step for one in self._open.values() if (step := one.next_step)]
        self._means.schedule(min(steps, default=None))
