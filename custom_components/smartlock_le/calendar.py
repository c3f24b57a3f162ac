"""Guests and emergency grants as a calendar: who may open, and when."""

from datetime import date, datetime, timedelta
from typing import Any, override

from homeassistant.components.calendar import (
    CalendarEntity,
    CalendarEntityFeature,
    CalendarEvent,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .access.actions import TEXT
from .access.change import Change
from .access.code_models import FOREVER, Code, CodeError, Holder
from .access.models import Grant
from .entity import HomeEntity
from .errors import translated
from .home import Home, HomeEntry
from .models import UNKNOWN_ACTOR, Capability

PARALLEL_UPDATES = 1
_LEAST = timedelta(minutes=1)
"""An event must have some length."""


async def async_setup_entry(
    hass: HomeAssistant,
    entry: HomeEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the calendar of the home."""
    async_add_entities([AccessCalendar(entry.runtime_data)])


class AccessCalendar(HomeEntity, CalendarEntity):
    """Each guest and each open grant is an event.

    The name of a guest is in the event, and never in the state; an agency is in neither.
    """

    _attr_supported_features = CalendarEntityFeature.CREATE_EVENT

    def __init__(self, home: Home) -> None:
        """Take the home."""
        super().__init__(home, "access")

    @override
    def shown(self) -> object:
        return self.event

    @property
    @override
    def event(self) -> CalendarEvent | None:
        """The event that runs, or the next one: by its pseudonym, as every user reads it."""
        now = dt_util.now()
        events = [event for event in self._events(named=False) if event.end > now]
        return min(events, key=lambda event: event.start, default=None)

    @override
    async def async_get_events(
        self, hass: HomeAssistant, start_date: datetime, end_date: datetime
    ) -> list[CalendarEvent]:
        return [
            event
            for event in self._events(named=True)
            if event.start < end_date and event.end > start_date
        ]

    def _events(self, *, named: bool) -> list[CalendarEvent]:
        guests = [
            self._of_guest(code, named=named)
            for code in self.home.codes.all()
            if code.holder is Holder.GUEST
        ]
        grants = [self._of_grant(grant) for grant in self.home.grants.open_grants()]
        return guests + grants

    def _of_guest(self, code: Code, *, named: bool) -> CalendarEvent:
        locks = sorted(self.home.codes.lock_name(lock) for lock in code.locks)
        start = code.when.start or code.made
        return CalendarEvent(
            start=dt_util.as_local(start),
            end=dt_util.as_local(max(code.when.end or FOREVER, start + _LEAST)),
            summary=code.name if named else code.actor.label,
            location=", ".join(locks),
            uid=code.id,
        )

    def _of_grant(self, grant: Grant) -> CalendarEvent:
        return CalendarEvent(
            start=dt_util.as_local(grant.start),
            end=dt_util.as_local(grant.end),
            summary=f"grant {grant.id}",
            location=self.home.codes.lock_name(grant.lock),
            uid=grant.id,
        )

    @override
    async def async_create_event(self, **kwargs: Any) -> None:
        """Make a guest of all locks that take codes; an admin gives the PIN later.

        Who asks is not known: Home Assistant does not say whose calendar page it is.
        """
        locks = frozenset(
            lock.ref.id
            for lock in self.home.roster.locks.values()
            if Capability.CODES in lock.capabilities
        )
        times = {"start": _moment(kwargs["dtstart"]), "end": _moment(kwargs["dtend"])}
        with translated():
            if kwargs.get("rrule"):
                raise CodeError("calendar_repeats")
            try:
                name = TEXT(kwargs["summary"])
            except vol.Invalid:
                raise CodeError("guest_needs_name") from None
            if not locks:
                raise CodeError("no_code_lock")
            change = Change(name=name, locks=locks, times=times)
            await self.home.codes.add_guest(change, UNKNOWN_ACTOR)


def _moment(value: date) -> datetime:
    """Return the moment at which a day begins, or the moment itself."""
    if not isinstance(value, datetime):
        return dt_util.as_utc(dt_util.start_of_local_day(value))
    return dt_util.as_utc(value)
