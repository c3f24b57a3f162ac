"""Drills: what happens when it matters, rehearsed on the same paths, and all of it marked.

A drill has an `Incidents` of its own: the same code, with an exercise's ledger, words and
signals. It is not kept through a restart, and real distress ends it.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from ..models import HOME_ACTOR, AccessEvent, Actor, lets_in, utc_now
from ..whole import Spawn
from .incidents import Incidents
from .ledger import EXERCISE
from .models import CLOCK, EmergencyError, Incident, Kind, Source
from .settings import Contact, Settings, SilentSettings
from .silent import SilentIncidents

LONGEST = timedelta(hours=1)
"""Then it ends by itself."""


class Scenario(StrEnum):
    """What is rehearsed."""

    NIGHT_FIRE = "night_fire"
    FALL = "fall"
    BREAK_IN = "break_in"
    STRANGER = "stranger"
    GAS = "gas"

    @property
    def kind(self) -> Kind:
        """What is wrong in it."""
        return _KINDS[self]


_KINDS = {
    Scenario.NIGHT_FIRE: Kind.FIRE,
    Scenario.FALL: Kind.MEDICAL,
    Scenario.BREAK_IN: Kind.BURGLARY,
    Scenario.STRANGER: Kind.POLICE,
    Scenario.GAS: Kind.GAS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What somebody wants to rehearse, and with whom."""

    scenario: Scenario
    contacts: tuple[str, ...]
    """Ids of those who take part."""
    centre: bool = False
    """The centre gets test messages in the place of the alarm and of its end."""
    webhook: bool = False
    """The server gets messages with status *Exercise*."""
    code: str = ""
    """Id of a code of a door that means duress as long as it runs; empty: none does."""
    silent: tuple[str, ...] = ()
    """Ids of those of the contacts who can be told in silence."""

    def narrow(self, settings: Settings) -> Settings:
        """Return what was decided, for those alone who take part."""
        return replace(
            settings,
            contacts=tuple(one for one in settings.contacts if one.id in self.contacts),
            centre=settings.centre if self.centre else None,
            webhook=settings.webhook if self.webhook else None,
            noonlight=None,
            silent=SilentSettings(
                contacts=self.silent, centre=self.centre, webhook=self.webhook
            )
            if self.code
            else None,
        )


@dataclass(slots=True, kw_only=True)
class Drill:
    """One that runs, or the last one that ran."""

    plan: Plan
    room: Incidents = field(repr=False)
    quiet: SilentIncidents = field(repr=False)
    """What handles the code that means duress in it."""
    incident: Incident
    contacts: dict[str, str] = field(repr=False)
    """Who takes part: their names, by id."""
    opened: datetime | None = None
    """When somebody opened a door by that code."""
    ended: datetime | None = None
    real: bool = False
    """Real distress ended it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillMeans:
    """What drills need of the home."""

    settings: Callable[[], Settings]
    spawn: Spawn
    real: Callable[[], bool]
    """Tells whether something real is open."""
    quiet: Callable[[], bool]
    """Tells whether that is known, and nobody is still to hear of something real."""
    build: Callable[
        [Callable[[], Settings]], Awaitable[tuple[Incidents, SilentIncidents]]
    ]
    """Makes what handles incidents, loud and silent, for an exercise with these settings."""
    has_code: Callable[[str], bool]
    """Tells whether there is a code of a door of this id."""
    can_tell: Callable[[Contact], Awaitable[bool]]
    """Tells whether there is a way to a contact that leaves no trace."""
    forces: Callable[[AccessEvent], bool]
    """Tells whether an access means duress, and nothing is rehearsed by it."""
    entries: Callable[
        [datetime], Awaitable[Sequence[tuple[datetime, Mapping[str, Any]]]]
    ]
    """Returns what was entered of incidents since then. Raises LogUnavailable."""
    changed: Callable[[], None]


class Drills:
    """The one that runs."""

    def __init__(self, means: DrillMeans) -> None:
        """Take what the home gives."""
        self._means = means
        self.last: Drill | None = None

    @property
    def settings(self) -> Settings:
        """What the owner decided."""
        return self._means.settings()

    @property
    def running(self) -> Drill | None:
        """The one that runs, if any does."""
        return self.last if self.last and self.last.ended is None else None

    async def start(self, plan: Plan, actor: Actor) -> Drill:
        """Begin one. Raises EmergencyError."""
        if self._means.real() or not self._means.quiet():
            raise EmergencyError("drill_not_now")
        if self.running:
            raise EmergencyError("drill_running")
        settings = plan.narrow(self._means.settings())
        if not settings.contacts:
            raise EmergencyError("drill_nobody")
        if plan.code:
            if not self._means.has_code(plan.code):
                raise EmergencyError("drill_code")
            can = [
                one.id for one in settings.contacts if await self._means.can_tell(one)
            ]
            if not can:
                raise EmergencyError("drill_no_silent")
            plan = replace(plan, silent=tuple(can))
        names = {one.id: one.name for one in settings.contacts}
        room, quiet = await self._means.build(
            lambda: plan.narrow(self._means.settings())
        )
        # So that two at once are one: before anybody is told.
        if self.running or self._means.real():
            raise EmergencyError("drill_running")
        incident = room.new(plan.scenario.kind, Source.DRILL)
        self.last = Drill(
            plan=plan, room=room, quiet=quiet, incident=incident, contacts=names
        )
        await room.begin(incident, actor)
        self._means.changed()
        return self.last

    def accessed(self, event: AccessEvent) -> None:
        """Hear of what happened at a lock."""
        if (drill := self.running) is None or not drill.plan.code:
            return
        old = event.time < drill.incident.raised - CLOCK
        if old or event.actor.ref != drill.plan.code:
            return
        if not lets_in(event.event, event.method):
            return
        drill.opened = drill.opened or utc_now()
        # Nobody may take what is real for the drill, nor see here that it is.
        if not self._means.forces(event):
            raising = drill.quiet.raise_(Kind.DURESS, Source.CODE, event.actor)
            self._means.spawn(raising, "drill")

    async def end(self, actor: Actor) -> Drill:
        """End the one that runs. Raises EmergencyError."""
        if (drill := self.running) is None:
            raise EmergencyError("drill_none")
        await self._end(drill, actor)
        return drill

    async def _end(self, drill: Drill, actor: Actor) -> None:
        # A contact may have ended it already.
        with suppress(EmergencyError):
            await drill.room.cancel(drill.incident.id, actor, pin=True)
        await drill.quiet.call_off(actor)
        self.see()

    def see(self) -> None:
        """Note whether it is over: a contact can end one, too."""
        if (drill := self.running) and drill.incident.stage.over:
            drill.ended = utc_now()
            self._means.spawn(drill.quiet.call_off(HOME_ACTOR), "drill")
            self._means.changed()

    def real_distress(self) -> None:
        """Hear that there is real distress: nobody may take it for the drill."""
        if (drill := self.running) and self._means.real():
            drill.real, drill.ended = True, utc_now()
            self._means.spawn(self._end(drill, HOME_ACTOR), "drill")

    def due(self) -> None:
        """End one that runs for too long."""
        drill = self.running
        if drill and utc_now() - drill.incident.raised >= LONGEST:
            self._means.spawn(self._end(drill, HOME_ACTOR), "drill")

    async def answer(self, nonce: str) -> bool:
        """Take an answer of a contact; tell whether it was to the drill."""
        if (drill := self.running) is None:
            return False
        if await drill.quiet.end(nonce):
            return True
        try:
            await drill.room.answer(nonce)
        except EmergencyError:
            return False
        self.see()
        return True

    async def delivered(self, nonce: str) -> None:
        """Take the word of a telephone that it has a message of the drill."""
        if drill := self.running:
            await drill.room.delivered(nonce)

    # The score sheet

    async def sheet(self) -> dict[str, Any]:
        """Return how the last one went. Raises EmergencyError, LogUnavailable."""
        if (drill := self.last) is None:
            raise EmergencyError("drill_none")
        entered = [
            (when, fields)
            for when, fields in await self._means.entries(drill.incident.raised)
            if fields["status"] == EXERCISE
        ]
        mine = [one for one in entered if one[1]["incident"] == drill.incident.id]
        # There is one drill at a time, and no other duress in it.
        quiet = [one for one in entered if one[1]["cause"] == Kind.DURESS]
        return _sheet(drill, mine, [*quiet, *drill.quiet.held])


type Entered = Iterable[tuple[datetime, Mapping[str, Any]]]


def _sheet(drill: Drill, entered: Entered, quiet: Entered) -> dict[str, Any]:
    began, plan = drill.incident.raised, drill.plan
    people: dict[str, dict[str, Any]] = {
        contact: {"name": name, "told": None, "answered": None, "answer": ""}
        for contact, name in drill.contacts.items()
    }
    sheet: dict[str, Any] = dict.fromkeys(("centre", "webhook", "coming", "there"))
    wrong: list[dict[str, str]] = []

    def note(who: str, reason: str) -> None:
        # Each is tried again and again.
        if (one := {"who": who, "reason": reason}) not in wrong:
            wrong.append(one)

    def seconds(when: datetime) -> int:
        return max(0, int((when - began).total_seconds()))

    for when, fields in entered:
        event, person = fields["event"], people.get(fields["contact"])
        detail, after = str(fields["detail"]), seconds(when)
        match event:
            case "told" if person and person["told"] is None and detail == "raised":
                person["told"] = after
            case "answered" if person and person["answered"] is None:
                person["answered"], person["answer"] = after, detail
            case "signalled":
                way = "webhook" if detail.endswith("webhook") else "centre"
                sheet[way] = after if sheet[way] is None else sheet[way]
            case "acknowledged" if sheet["coming"] is None:
                sheet["coming"] = after
            case "on_scene" if sheet["there"] is None:
                sheet["there"] = after
            case "not_told" if person:
                note(str(person["name"]), detail)
            case "not_signalled":
                way, _, reason = detail.rpartition(" ")
                note(way or "centre", reason)
    silent: dict[str, int | None] = dict.fromkeys(("opened", "heard", "safe"))
    if drill.opened:
        silent["opened"] = seconds(drill.opened)
    for when, fields in quiet:
        match fields["event"]:
            case "told" if silent["heard"] is None:
                silent["heard"] = seconds(when)
            case "closed" if fields["contact"]:
                silent["safe"] = seconds(when)
            case "not_told":
                name = drill.contacts.get(str(fields["contact"]), "")
                note(name, str(fields["detail"]))
    for way, chosen in (("centre", plan.centre), ("webhook", plan.webhook)):
        known = any(one["who"] == way for one in wrong)
        if chosen and sheet[way] is None and not known:
            note(way, "unheard")
    if sheet["coming"] is None and sheet["there"] is None:
        note("", "nobody_came")
    return {
        "scenario": plan.scenario.value,
        "centre_asked": plan.centre,
        "webhook_asked": plan.webhook,
        "began": began.isoformat(),
        "ended": drill.ended.isoformat() if drill.ended else None,
        "real_distress": drill.real,
        "people": list(people.values()),
        **sheet,
        "code_asked": bool(plan.code),
        **silent,
        "wrong": wrong,
    }
