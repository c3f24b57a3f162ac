"""Incidents: from the first word to the close, each step entered, and one a cause."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Executable

from ..models import HOME_ACTOR, Actor, ActorKind, utc_now
from ..whole import Spawn, whole
from .ledger import Ledger
from .models import EmergencyError, Incident, Kind, Reply, Signal, Source, Stage, What
from .outbox import Outbox
from .people import People, by
from .settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What incidents need of the home."""

    settings: Callable[[], Settings]
    spawn: Spawn
    schedule: Callable[[datetime | None], None]
    changed: Callable[[], None]


class Incidents:
    """All that is being handled."""

    def __init__(
        self, ledger: Ledger, people: Callable[[Ledger], People], means: Means
    ) -> None:
        """Take the log's side, what makes the way to the contacts, and the rest."""
        self._ledger = ledger
        self.people = people(ledger)
        self.outbox = Outbox(means.spawn, self._received, self._not_received)
        self._means = means
        self.spawn = means.spawn
        self._open: dict[str, Incident] = {}
        self._unsent: set[str] = set()
        """Incidents of which it was entered that the centre does not hear."""

    async def load(self) -> None:
        """Go on where it ended. Raises LogUnavailable."""
        incidents, signals = await self._ledger.load()
        for incident in incidents:
            self._open.setdefault(incident.id, incident)
        self.outbox.load(signals)
        self._means.changed()
        self._reschedule()

    def open(self) -> list[Incident]:
        """Return those that are not over, the oldest first."""
        return sorted(self._open.values(), key=lambda one: one.raised)

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
        window = timedelta(seconds=self._means.settings().window)
        incident = Incident(kind=kind, sources=(source,), window=window)
        # From here on a second trigger finds it.
        self._open[incident.id] = incident
        await self._begin(incident, actor)
        return incident

    def of_kind(self, kind: Kind) -> Incident | None:
        """Return what is open of a kind, if anything is."""
        return next((one for one in self._open.values() if one.kind is kind), None)

    @whole
    async def _begin(self, incident: Incident, actor: Actor) -> None:
        async with incident.changing:
            incident.call_at = utc_now()
            self._means.changed()
            await self._ledger.enter(incident, "raised", actor)
            if not incident.window and not incident.stage.over:
                await self._confirm(incident, HOME_ACTOR)
        await self._call(incident)

    @whole
    async def _join(self, incident: Incident, source: Source, actor: Actor) -> None:
        # Many tell at once, and each of them again and again.
        if source in incident.sources:
            return
        incident.sources = (*incident.sources, source)
        async with incident.changing:
            if not incident.stage.over:
                await self._ledger.enter(incident, "joined", actor)
        self._means.changed()

    # As time goes

    async def due(self) -> None:
        """Do what has reached its time."""
        await asyncio.gather(*(self._step(incident) for incident in self.open()))
        self._reschedule()

    @whole
    async def _step(self, incident: Incident) -> None:
        async with incident.changing:
            over = incident.confirmed or incident.stage.over
            if not over and incident.until <= utc_now():
                await self._confirm(incident, HOME_ACTOR)
        if incident.call_at is not None and incident.call_at <= utc_now():
            # A way that hangs must not hold up the next step.
            self.spawn(self._call(incident), f"incident {incident.id}")

    async def _call(self, incident: Incident) -> None:
        """Tell whose turn it is."""
        turn = self.people.due(incident)
        self._reschedule()
        reached = await self.people.tell(incident, turn, "raised")
        if incident.stage.over:
            # They were on their way to hear of it while it ended.
            await self.people.tell(incident, reached, incident.stage.value)
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
        await self._enter(incident, "confirmed", actor, What.ALARM)

    # The centre

    async def _enter(
        self,
        incident: Incident,
        event: str,
        actor: Actor,
        what: What | None = None,
        rows: Sequence[Executable] = (),
    ) -> None:
        """Enter a step, and have the centre hear of it, if there is one."""
        signal = None
        if what and self._means.settings().centre:
            signal = Signal(incident=incident.id, kind=incident.kind, what=what)
            rows = [*rows, *self._ledger.keep(signal)]
        await self._ledger.enter(incident, event, actor, rows=rows)
        if signal:
            self.outbox.put(signal)
        self._means.changed()

    def _received(self, signal: Signal, by_whom: str) -> None:
        self.spawn(self._enter_received(signal, by_whom), "signal received")

    async def _enter_received(self, signal: Signal, by_whom: str) -> None:
        self._unsent.discard(signal.id)
        incident = self._open.get(signal.incident)
        if incident is None:
            await self._ledger.signalled(signal, by_whom)
            return
        async with incident.changing:
            if signal.what is What.ALARM:
                incident.signalled = True
                incident.come_to(Stage.SIGNALLED)
            await self._ledger.enter(
                incident,
                "signalled",
                HOME_ACTOR,
                by_whom,
                rows=[self._ledger.drop(signal)],
            )
        self._means.changed()

    def _not_received(self, signal: Signal, reason: str) -> None:
        # Once: it is tried each minute.
        if signal.id not in self._unsent:
            self._unsent.add(signal.id)
            self.spawn(self._enter_unsent(signal, reason), "signal not received")

    async def _enter_unsent(self, signal: Signal, reason: str) -> None:
        if incident := self._open.get(signal.incident):
            await self._ledger.enter(incident, "not_signalled", HOME_ACTOR, reason)

    # What is answered

    async def answer(self, nonce: str) -> None:
        """Take an answer of a contact, once. Raises EmergencyError."""
        for incident in self._open.values():
            if said := incident.nonces.pop(nonce, None):
                await self._answered(incident, *said.split())
                return
        raise EmergencyError("incident_not_found")

    async def _answered(self, incident: Incident, contact_id: str, said: str) -> None:
        reply = Reply(said)
        incident.told[contact_id] = reply.value
        contact = self._means.settings().contact(contact_id)
        actor = by(contact) if contact else Actor(ActorKind.CONTACT, contact_id)
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

    async def acknowledge(self, incident_id: str, actor: Actor) -> Incident:
        """Say that somebody comes. Raises EmergencyError."""
        incident = self.get(incident_id)
        await self._come(incident, Stage.ACKNOWLEDGED, actor)
        return incident

    async def on_scene(self, incident_id: str, actor: Actor) -> Incident:
        """Say that somebody is there. Raises EmergencyError."""
        incident = self.get(incident_id)
        await self._come(incident, Stage.ON_SCENE, actor)
        return incident

    @whole
    async def _come(self, incident: Incident, stage: Stage, actor: Actor) -> None:
        async with incident.changing:
            if incident.reached(stage):
                return
            incident.come_to(stage)
            incident.call_at = None
            await self._enter(incident, stage.value, actor)
        self._reschedule()
        await self._tell_all(incident, stage.value)

    # The end

    async def cancel(self, incident_id: str, actor: Actor, *, pin: bool) -> None:
        """Say that it was none, or is over already; `pin`: with a resident's PIN.

        Raises EmergencyError.
        """
        incident = self.get(incident_id)
        if incident.kind.needs_pin and not pin:
            raise EmergencyError("incident_needs_pin")
        await self._over(incident, Stage.CANCELLED, actor)

    async def close(self, incident_id: str, actor: Actor) -> Incident:
        """Say that it was dealt with. Raises EmergencyError."""
        incident = self.get(incident_id)
        if not incident.confirmed and incident.kind.needs_pin:
            # To close it in the window would be to cancel it.
            raise EmergencyError("incident_needs_pin")
        await self._over(incident, Stage.CLOSED, actor)
        return incident

    @whole
    async def _over(self, incident: Incident, stage: Stage, actor: Actor) -> None:
        async with incident.changing:
            if incident.stage.over:
                return
            incident.stage = stage
            incident.call_at = None
            self._open.pop(incident.id, None)
            self._means.changed()
            unsent, maybe = self.outbox.take_back(incident.id)
            what = None
            if incident.signalled or maybe:
                what = What.CANCEL if stage is Stage.CANCELLED else What.RESTORE
            rows = [self._ledger.drop(one) for one in unsent]
            await self._enter(incident, stage.value, actor, what, rows)
        self._reschedule()
        await self._tell_all(incident, stage.value)

    async def _tell_all(self, incident: Incident, event: str) -> None:
        await self.people.tell(incident, self.people.reached(incident), event)

    def _reschedule(self) -> None:
        steps = [step for one in self._open.values() if (step := one.next_step)]
        self._means.schedule(min(steps, default=None))
