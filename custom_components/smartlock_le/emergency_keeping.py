"""Distress, as Home Assistant needs it: voice, telephones, timers, repairs, words."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later, async_track_time_interval

from . import actors, issues
from .decisions import Decisions
from .distress_sensors import DistressSensors
from .drill_keeping import DrillKeeping
from .emergency.channels.channel import Channel
from .emergency.channels.webhook import Webhook
from .emergency.incidents import Incidents
from .emergency.ledger import Ledger
from .emergency.models import EmergencyError, Incident, Kind, Signal, Source, Way
from .emergency.people import People
from .emergency.phrases import Said
from .emergency.pin import Pin, PinGuard, hash_pin, meaning as pin_meaning
from .emergency.settings import Contact, Settings, WebhookSettings
from .emergency.signals import Means
from .emergency_words import Words
from .loading import Loading
from .models import HOME_ACTOR, Actor, utc_now
from .notices import common_texts
from .private import PrivateFile
from .silent_keeping import SilentKeeping
from .telephones import Telephones
from .voice_keeping import VoiceKeeping
from .waking import Waking
from .way_keeping import WayKeeping, WaysOut

_FIRST = timedelta(minutes=10)
"""A house that just started has better to do than to test."""
_DAY = timedelta(days=1)
_HEARD_IN = 4.0
"""Seconds that somebody who asked for help waits for the answer at most."""


class EmergencyKeeping:
    """Builds what handles distress, and connects it with Home Assistant."""

    def __init__(
        self,
        home: Decisions,
        path: Path,
        pictures: Callable[[int], None],
        has_code: Callable[[str], bool],
    ) -> None:
        """Take the home, the file of settings, and what takes pictures for an entry.

        `has_code` tells whether there is a code of a door of this id.
        """
        self._home = home
        self._hass: HomeAssistant = home.hass
        self._file = PrivateFile(
            home.hass,
            path,
            Settings(),
            as_json=Settings.as_json,
            from_json=Settings.from_json,
        )
        self._words = Words(home, lambda: self.settings)
        self._sender = home.entry.entry_id
        self._waking = Waking(home.hass, self._ring)
        self._readable = True
        self._sensors = DistressSensors(home.hass, self._sensed)
        self._out = WaysOut(
            home.hass,
            home.entry.entry_id,
            lambda way: WayKeeping(
                way,
                home.hass,
                home.log,
                home.spawn,
                home.tell,
                partial(issues.way_problem, home.hass, way),
            ),
        )
        self.ways = self._out.all
        self.centre = self.ways[Way.CENTRE]
        self.webhook = self.ways[Way.WEBHOOK]
        self.noonlight = self.ways[Way.NOONLIGHT]
        ledger = Ledger(home.log)
        self.silent = SilentKeeping(
            home,
            path.with_name("silent.json"),
            ledger,
            lambda: self.settings,
            self._own_way,
        )
        self.incidents = Incidents(
            ledger,
            lambda ledger: People(
                home.hass,
                ledger,
                lambda: self.settings,
                self._words.notice,
                self._words.replies,
            ),
            Means(
                sender=self._sender,
                settings=lambda: self.settings,
                spawn=home.spawn,
                schedule=self._waking.set,
                changed=self._changed,
                raised=pictures,
                failed=lambda way, reason: self.ways[way].failed(reason),
            ),
        )
        self._loading = Loading(home.hass, home.spawn, self._load, "The open incidents")
        self.drill = DrillKeeping(
            home,
            lambda: self.settings,
            ledger,
            lambda: bool(self.incidents.open()),
            lambda: self.known and not self.incidents.people.busy,
            self._own_way,
            self.silent,
            has_code,
        )
        self.drills = self.drill.drills
        self.telephones = Telephones(
            home.hass, home.spawn, self.incidents, self.silent.incidents, self.drills
        )
        self.voice = VoiceKeeping(
            home.hass,
            home.spawn,
            lambda: self.settings,
            lambda: bool(self.incidents.open()),
            self._heard,
        )
        self._pins = PinGuard(self.meaning)
        self._choosing = PinGuard(self.meaning)
        """The keypad stays open for who only chooses one."""
        self._undo: list[CALLBACK_TYPE] = []
        self._changing = asyncio.Lock()

    @property
    def settings(self) -> Settings:
        """What the owner decided."""
        return self._file.now

    async def start(self) -> None:
        """Go on where it ended."""
        self._readable = await self._file.readable("What was decided about distress")
        issues.emergency_unreadable(self._hass, not self._readable)
        self._undo = [
            async_call_later(self._hass, _FIRST, self._daily),
            async_track_time_interval(self._hass, self._daily, _DAY),
        ]
        self._sensors.follow(self.settings.sensors)
        if self._readable:
            # Else whom it is for is not known, and what is kept of it must stay.
            await self.silent.start()
        self.telephones.start()
        self.voice.start()
        self.drill.start()
        await self._loading.run()
        self._see_whether_old()
        await self.voice.listen()

    def hook(self, settings: WebhookSettings) -> Webhook:
        """Return the way to a server. Raises ValueError."""
        return self._out.hook(settings)

    def _own_way(self, way: Way) -> Channel[Signal] | None:
        """Return a way of its own, as it was decided."""
        return self._out.build(way, self.settings)[0]

    async def _use(self, way: Way) -> None:
        """Go a way as it was decided."""
        await self.incidents.signals.use(way, self._out.use(way, self.settings))

    async def _load(self) -> None:
        """Take up what is open, and go on with it. Raises LogUnavailable."""
        try:
            await self.incidents.load()
        finally:
            if self._readable:
                # Else what is to be told to whom is known again after a restart.
                for way in Way:
                    await self._use(way)
                self.incidents.go_on()

    @property
    def known(self) -> bool:
        """Tell whether what is open is known; until then there may be more than is seen."""
        return self._loading.done

    def stop(self) -> None:
        """End all timers, listeners and sending."""
        self._loading.stop()
        for undo in self._undo:
            undo()
        self._undo = []
        for way in self.ways.values():
            way.stop()
        self._sensors.stop()
        self.voice.stop()
        self.telephones.stop()
        self.drill.stop()
        self._waking.stop()
        self.incidents.signals.stop()

    @callback
    def _ring(self) -> None:
        self._home.spawn(self.incidents.due(), "incidents")

    @callback
    def _changed(self) -> None:
        self.drills.real_distress()
        self._see_whether_old()
        self.voice.listen_soon()
        self._home.tell()

    # What the owner decides

    async def change(
        self, decide: Callable[[Settings], Settings], what: str, actor: Actor
    ) -> None:
        """Decide anew; each is entered first, and never with a secret.

        Raises LogUnavailable, WriteError: nothing is changed then.
        """
        async with self._changing:
            before, settings = self.settings, decide(self.settings)
            await self._home.log.append(
                "setting", {"setting": "emergency", "value": what, **actor.fields()}
            )
            await self._file.save(settings)
        if settings.sensors != before.sensors:
            self._sensors.follow(settings.sensors)
        for way in Way:
            if settings.of(way) != before.of(way):
                await self._use(way)
                await self.drill.changed(way)
        for contact in before.contacts:
            if settings.contact(contact.id) is None:
                issues.contact_gone(self._hass, contact.id, contact.name, False)
        await self.voice.listen()
        self._home.tell()

    async def set_pin(self, pin: str, actor: Actor) -> None:
        """Take another PIN that ends an alarm. Raises as `change` does."""
        hashed = await self._hass.async_add_executor_job(hash_pin, pin)
        await self.change(lambda now: replace(now, pin=hashed), "pin", actor)

    async def disarm(self, pin: str, actor: Actor) -> None:
        """End all that is open, with the PIN of the house. Raises EmergencyError.

        With nothing open none is looked at: it tells nobody whether it is the right one.
        """
        if not (found := self.incidents.open()):
            return
        if (meaning := await self._pins.look(pin)) is None:
            await self.incidents.wrong_pin(actor)
            raise EmergencyError("wrong_pin")
        if meaning is Pin.DURESS:
            self.silent.forced(actor)
            # Before anything is waited for: whoever forces may end another one by voice.
            self.incidents.signals.forced.update(one.id for one in found)
        for incident in found:
            # One may have ended meanwhile.
            with suppress(EmergencyError):
                forced = meaning is Pin.DURESS
                await self.incidents.cancel(incident.id, actor, pin=True, forced=forced)

    @property
    def busy(self) -> bool:
        """Tell whether something would be lost that is in memory alone."""
        return self.incidents.busy or self.silent.incidents.busy

    async def is_taken(self, pin: str) -> bool:
        """Tell whether a PIN means something already, and not what. Raises EmergencyError.

        Else who is forced to open a form could be asked which PIN it was.
        """
        return await self._choosing.look(pin) is not None

    async def meaning(self, pin: str) -> Pin | None:
        """Return what a PIN means."""
        house, silent = self.settings.pin, self.settings.silent
        forced = silent.pin if silent else ""
        return await self._hass.async_add_executor_job(pin_meaning, pin, house, forced)

    # Contacts

    async def test_contact(self, contact: Contact, number: str) -> None:
        """Send a message with a number, which they are to tell. Raises ChannelError."""
        notice = await self._words.test(number)
        await self.incidents.people.way(contact.target).send(notice)

    # Whether all ways are there

    @callback
    def _daily(self, *_: object) -> None:
        self._home.spawn(self.test(), "test of the channels")

    @property
    def contact_problem(self) -> bool | None:
        """Tell whether a contact could not be told; None: there is none, or not known."""
        ways = [self.incidents.people.way(one.target) for one in self.settings.contacts]
        known = [way.health.ok for way in ways if way.health]
        return not all(known) if known else None

    def _see_whether_old(self) -> None:
        now = utc_now()
        old = any(now - one.raised > _DAY for one in self.incidents.open())
        issues.incident_open(self._hass, old)

    async def test(self) -> None:
        """Send a test by each way, and look whether each contact can be told."""
        self._see_whether_old()
        for contact in self.settings.contacts:
            health = await self.incidents.people.way(contact.target).look()
            issues.contact_gone(self._hass, contact.id, contact.name, not health.ok)
        self._home.tell()
        self.silent.incidents.remind()
        await asyncio.gather(*(way.test() for way in self.ways.values()))

    # Raised, over

    @callback
    def _sensed(self, kind: Kind) -> None:
        self._raise_soon(kind, Source.SENSOR)

    @callback
    def alarm_triggered(self) -> None:
        """Hear that the owner's alarm system was triggered."""
        if self.settings.alarm:
            self._raise_soon(Kind.BURGLARY, Source.ALARM_SYSTEM)

    @callback
    def door_forced(self) -> None:
        """Hear that a door opened although its lock is locked."""
        if self.settings.forced:
            self._raise_soon(Kind.BURGLARY, Source.DOOR)

    @callback
    def _raise_soon(self, kind: Kind, source: Source) -> None:
        raising = self.incidents.raise_(kind, source, HOME_ACTOR)
        self._home.spawn(raising, f"distress by {source}")

    async def raise_(self, kind: Kind, source: Source, actor: Actor) -> Incident:
        """Raise distress; returns when the first were told, or after some seconds."""
        raising = self.incidents.raise_(kind, source, actor)
        try:
            async with asyncio.timeout(_HEARD_IN):
                return await raising
        except TimeoutError:
            # It goes on: who asked must have an answer.
            if found := self.incidents.of_kind(kind):
                return found
            raise

    async def _heard(self, said: Said, language: str, context: Context) -> str:
        actor = await actors.from_context(self._hass, context)
        if said is Said.SILENT:
            self.silent.heard(actor)
            return ""
        texts = await common_texts(self._hass, "voice_", language)
        if said is Said.CANCEL:
            return await self._cancel_by_voice(texts, actor)
        incident = await self.raise_(Kind(said.value), Source.VOICE, actor)
        reached = [one.name for one in self.incidents.people.reached(incident)]
        return self._words.answer(incident, reached, texts)

    async def _cancel_by_voice(self, texts: dict[str, str], actor: Actor) -> str:
        found = self.incidents.open()
        for incident in found:
            with suppress(EmergencyError):
                await self.incidents.cancel(incident.id, actor, pin=False)
        if any(one.kind.needs_pin for one in found):
            return texts["needs_pin"]
        return texts["cancelled"] if found else texts["nothing"]
