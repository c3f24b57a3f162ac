"""What goes to a monitoring centre and a server: each step entered, each way with its outbox."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
import time

from sqlalchemy import Executable

from ..models import HOME_ACTOR, Actor, new_id, utc_now
from ..whole import Spawn, whole
from .channels import cap
from .channels.channel import Channel
from .ledger import Ledger
from .models import Incident, Signal, Stage, Way, What, too_old
from .outbox import Outbox
from .settings import Settings

REFERRING = (Way.WEBHOOK, Way.NOONLIGHT)
"""The ways where what comes later must say what it is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What incidents need of the home."""

    sender: str
    """What this house is called in CAP."""
    settings: Callable[[], Settings]
    spawn: Spawn
    schedule: Callable[[float | None], None]
    """Asks to be woken by `due` at that time of `time.monotonic`, and no other."""
    changed: Callable[[], None]
    raised: Callable[[int], None]
    """Hears of the number of the entry with which an incident begins, or -1."""
    failed: Callable[[Way, str], None]
    """Hears why a way did not take something; empty: it took it."""
    exercise: bool = False
    """It is a drill, and all that goes out says so."""


class Signals:
    """Has those hear of incidents who are to, until they say that they did."""

    def __init__(
        self, ledger: Ledger, means: Means, incidents: Mapping[str, Incident]
    ) -> None:
        """Take the log's side, what the home gives, and what is open, by its id."""
        self._ledger = ledger
        self._means = means
        self._open = incidents
        self.spawn = means.spawn
        self.outboxes = {
            way: Outbox(
                means.spawn,
                self._received,
                self._not_received,
                self._never_received,
                once=way is Way.NOONLIGHT,
            )
            for way in Way
        }
        self.told: dict[Way, dict[str, str]] = {way: {} for way in REFERRING}
        """By way and incident, what was told, as a later signal refers to it."""
        self.forced: set[str] = set()
        """Incidents that somebody was forced to end: whoever does not know it is not told."""
        self._unsent: set[str] = set()
        """Signals of which it was entered that they are not heard."""

    async def load(self) -> None:
        """Read what was told before this start. Raises LogUnavailable."""
        for way, known in self.told.items():
            self.told[way] = {**await self._ledger.told(way), **known}

    @property
    def waiting(self) -> list[Signal]:
        """Return what was not acknowledged, by whichever way."""
        return [one for outbox in self.outboxes.values() for one in outbox.waiting]

    def stop(self) -> None:
        """Send nothing any more; what waits is taken up at the next start."""
        for outbox in self.outboxes.values():
            outbox.stop()

    async def enter(
        self, incident: Incident, event: str, actor: Actor, what: What | None = None
    ) -> None:
        """Enter a step, and have those hear of it who are to."""
        await self._enter(incident, event, actor, what)

    async def end(self, incident: Incident, actor: Actor) -> None:
        """Enter that it is over, and send its alarm no more.

        Of the end hears who heard of the begin, or may have; where it is forced, Noonlight
        does not, for nobody else there would be told that help is needed more than ever.
        """
        forced = incident.id in self.forced
        rows: list[Executable] = self._ledger.drop_told(incident.id)
        cancelled = incident.stage is Stage.CANCELLED
        ways: list[Way] = []
        arrived: list[Signal] = []
        for way, outbox in self.outboxes.items():
            unsent, tried = outbox.take_back(incident.id)
            rows += [self._ledger.drop(one) for one in unsent]
            match way:
                case Way.CENTRE:
                    hears = incident.signalled or bool(tried)
                case Way.WEBHOOK:
                    arrived = tried
                    hears = incident.id in self.told[way] or bool(tried)
                case Way.NOONLIGHT:
                    hears = not forced and self._can_call_off(incident.id)
                    with_them = bool(tried) or incident.id in self.told[way]
                    if with_them and not hears and not forced:
                        self._not_called_off(incident)
            if hears:
                ways.append(way)
        await self._enter(
            incident,
            incident.stage.value,
            actor,
            What.CANCEL if cancelled else What.RESTORE,
            ways=ways,
            rows=rows,
            arrived=arrived,
        )
        for known in self.told.values():
            known.pop(incident.id, None)

    async def _enter(
        self,
        incident: Incident,
        event: str,
        actor: Actor,
        what: What | None,
        *,
        ways: Sequence[Way] = tuple(Way),
        rows: Sequence[Executable] = (),
        arrived: Sequence[Signal] = (),
    ) -> None:
        """Enter a step; `arrived` may have, although nobody said so."""
        signals = []
        if what:
            refers = {
                Way.WEBHOOK: self._refers(incident.id, arrived),
                Way.NOONLIGHT: self.told[Way.NOONLIGHT].get(incident.id)
                or self._contract,
            }
            signals = [
                Signal(
                    incident=incident.id,
                    kind=incident.kind,
                    what=what,
                    number=self._ledger.number(),
                    way=way,
                    raised=incident.raised,
                    refers=refers.get(way, ""),
                    exercise=self._means.exercise,
                )
                for way in self._means.settings().ways(incident.id)
                if way in ways and not self._twice(way, incident, what)
            ]
            kept = [row for one in signals for row in self._ledger.keep(one)]
            rows = [*rows, *kept]
        if what is What.ALARM:
            incident.alarmed = time.monotonic()
        await self._ledger.enter(incident, event, actor, rows=rows)
        for signal in signals:
            self.outboxes[signal.way].put(signal)
        self._means.changed()

    @property
    def _contract(self) -> str:
        """By what it is known which contract with Noonlight something belongs to."""
        settings = self._means.settings().noonlight
        return settings.contract if settings else ""

    def _can_call_off(self, incident: str) -> bool:
        """Tell whether an alarm is with them that has an id, by the contract of now."""
        contract, _, given = self.told[Way.NOONLIGHT].get(incident, "").partition(" ")
        return bool(given) and contract == self._contract

    def _not_called_off(self, incident: Incident) -> None:
        """Say that one may be with them, and nobody knows by what to call it off."""
        self._means.failed(Way.NOONLIGHT, "not_called_off")
        detail = "noonlight not_called_off"
        entering = self._ledger.enter(incident, "not_signalled", HOME_ACTOR, detail)
        self.spawn(entering, "not called off")

    def _twice(self, way: Way, incident: Incident, what: What) -> bool:
        """Tell whether it would send somebody a second time: Noonlight has no word for again."""
        if way is not Way.NOONLIGHT or what is not What.ALARM:
            return False
        waiting = self.outboxes[way].waiting
        told = incident.id in self.told[way]
        return told or any(one.incident == incident.id for one in waiting)

    def _refers(self, incident: str, arrived: Sequence[Signal]) -> str:
        """Return what the server was told of an incident, or is about to be."""
        outbox = self.outboxes[Way.WEBHOOK]
        waiting = [one for one in outbox.waiting if one.incident == incident]
        own = [cap.reference(one, self._means.sender) for one in (*arrived, *waiting)]
        return " ".join(filter(None, (self.told[Way.WEBHOOK].get(incident, ""), *own)))

    async def use(self, way: Way, channel: Channel[Signal] | None) -> None:
        """Go another way from now on, or not this way."""
        outbox = self.outboxes[way]
        ways = self._means.settings().ways
        # What another server was to hear is none of this one's business.
        others = [
            one
            for one in outbox.waiting
            if way not in ways(one.incident)
            or (way is Way.NOONLIGHT and one.refers.partition(" ")[0] != self._contract)
        ]
        outbox.drop(others)
        for signal in (*others, *outbox.use(channel)):
            await self._ledger.give_up(signal, "removed")
        for incident in sorted(self._open.values(), key=lambda one: one.raised):
            if channel and way is Way.CENTRE:
                # There may have been none that could have heard.
                await self._late(incident)

    @whole
    async def _late(self, incident: Incident) -> None:
        async with incident.changing:
            unheard = incident.confirmed and not incident.signalled
            waiting = self.outboxes[Way.CENTRE].waiting
            waits = any(one.incident == incident.id for one in waiting)
            old = too_old(incident.raised) or incident.stage.over
            if unheard and not waits and not old:
                only = (Way.CENTRE,)
                await self._enter(
                    incident, "confirmed", HOME_ACTOR, What.ALARM, ways=only
                )

    def _received(self, signal: Signal, by_whom: str) -> None:
        incident = self._open.get(signal.incident)
        if incident and signal.what is What.ALARM and signal.way is Way.CENTRE:
            # At once: who ends it now must tell the centre so.
            incident.signalled = True
        if incident and signal.what is What.ALARM and signal.way is Way.WEBHOOK:
            told = self.told[Way.WEBHOOK]
            own = cap.reference(signal, self._means.sender)
            told[incident.id] = f"{told.get(incident.id, '')} {own}".strip()
        if signal.what is What.ALARM and signal.way is Way.NOONLIGHT:
            alarm = f"{signal.refers} {by_whom.partition(' ')[2]}".strip()
            if incident:
                self.told[Way.NOONLIGHT][incident.id] = alarm
            elif signal.incident not in self.forced:
                # It is over by now, and nobody else knows by what it is called off.
                self._means.failed(signal.way, "")
                self.spawn(self._call_off(signal, alarm, by_whom), "call off")
                return
        self._unsent.discard(signal.id)
        self._means.failed(signal.way, "")
        self.spawn(self._enter_received(signal, by_whom), "signal received")

    async def _enter_received(self, signal: Signal, by_whom: str) -> None:
        incident = self._open.get(signal.incident)
        if incident is None or signal.way is not Way.CENTRE:
            rows: list[Executable] = []
            told = self.told.get(signal.way, {}).get(signal.incident)
            if incident and told:
                rows = self._ledger.keep_told(signal.way, incident.id, told)
            await self._ledger.signalled(signal, by_whom, rows)
            return
        async with incident.changing:
            incident.come_to(Stage.SIGNALLED)
            rows = [self._ledger.drop(signal)]
            await self._ledger.enter(
                incident, "signalled", HOME_ACTOR, by_whom, rows=rows
            )
        self._means.changed()

    async def _call_off(self, signal: Signal, told: str, by_whom: str) -> None:
        off = replace(
            signal,
            id=new_id(),
            what=What.CANCEL,
            number=self._ledger.number(),
            made=utc_now().replace(microsecond=0),
            refers=told,
        )
        if " " in told and told.partition(" ")[0] == self._contract:
            # Before anything else: somebody may be on the way.
            self.outboxes[signal.way].put(off)
            await self._ledger.signalled(signal, by_whom, self._ledger.keep(off))
        else:
            self._means.failed(signal.way, "not_called_off")
            await self._ledger.signalled(signal, by_whom)
            await self._ledger.give_up(off, "not_called_off")

    def _never_received(self, signal: Signal, reason: str) -> None:
        self.spawn(self._ledger.give_up(signal, reason), "never received")

    def _not_received(self, signal: Signal, reason: str) -> None:
        self._means.failed(signal.way, reason)
        # Once: it is tried each minute.
        if signal.id not in self._unsent:
            self._unsent.add(signal.id)
            self.spawn(self._enter_unsent(signal, reason), "signal not received")

    async def _enter_unsent(self, signal: Signal, reason: str) -> None:
        if incident := self._open.get(signal.incident):
            await self._ledger.enter(
                incident, "not_signalled", HOME_ACTOR, signal.by_its_way(reason)
            )
