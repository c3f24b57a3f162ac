"""Two calendars: who may open, and when; by when a request is to be answered."""

from collections.abc import Iterator
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

from .access.change import Change
from .access.code_models import FOREVER, Code, CodeError, Holder
from .access.models import Grant
from .entity import HomeEntity
from .errors import translated
from .home import Home, HomeEntry
from .inputs import TEXT
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
    home = entry.runtime_data
    async_add_entities([AccessCalendar(home), RequestCalendar(home)])


class HomeCalendar(HomeEntity, CalendarEntity):
    """A calendar of the home; its state is the event that it shows."""

    @override
    def shown(self) -> object:
        return self.event


class AccessCalendar(HomeCalendar):
    """Each guest and each open grant is an event.

    The name of a guest is in the event, and never in the state; an agency is in neither.
    """

    _attr_supported_features = CalendarEntityFeature.CREATE_EVENT

    def __init__(self, home: Home) -> None:
        """Take the home."""
        super().__init__(home, "access")

    @property
    @override
    def event(self) -> CalendarEvent | None:
        """The event that runs, or the next one: by its pseudonym, as every user reads it."""
        # Asked for at each change of the home: only the one that is shown is made.
        now = dt_util.utcnow()
        first: tuple[datetime, Code | Grant] | None = None
        for one in self._all():
            start, end = _times(one)
            if end > now and (first is None or start < first[0]):
                first = start, one
        return None if first is None else self._of(first[1], named=False)

    @override
    async def async_get_events(
        self, hass: HomeAssistant, start_date: datetime, end_date: datetime
    ) -> list[CalendarEvent]:
        return [
            self._of(one, named=True)
            for one in self._all()
            for start, end in (_times(one),)
            if start < end_date and end > start_date
        ]

    def _all(self) -> Iterator[Code | Grant]:
        codes = self.home.codes.all()
        yield from (code for code in codes if code.holder is Holder.GUEST)
        yield from self.home.grants.open_grants()

    def _of(self, one: Code | Grant, *, named: bool) -> CalendarEvent:
        if isinstance(one, Grant):
            return self._of_grant(one)
        return self._of_guest(one, named=named)

    def _of_guest(self, code: Code, *, named: bool) -> CalendarEvent:
        locks = sorted(self.home.codes.lock_name(lock) for lock in code.locks)
        start, end = _times(code)
        return CalendarEvent(
            start=dt_util.as_local(start),
            end=dt_util.as_local(end),
            summary=code.name if named else code.actor.label,
            location=", ".join(locks),
            uid=code.id,
        )

    def _of_grant(self, grant: Grant) -> CalendarEvent:
        start, end = _times(grant)
        return CalendarEvent(
            start=dt_util.as_local(start),
            end=dt_util.as_local(end),
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


class RequestCalendar(HomeCalendar):
    """Each deadline of a request is an event: by the request's id, as everybody reads it.

    What must be kept from those who live here is not in it.
    """

    def __init__(self, home: Home) -> None:
        """Take the home."""
        super().__init__(home, "requests")

    @property
    @override
    def event(self) -> CalendarEvent | None:
        """The next deadline."""
        summary = self.home.inbox.summary
        if summary.deadline is None:
            return None
        return _of_deadline(summary.next, summary.deadline)

    @override
    async def async_get_events(
        self, hass: HomeAssistant, start_date: datetime, end_date: datetime
    ) -> list[CalendarEvent]:
        with translated():
            found = await self.home.inbox.with_deadline(start_date, end_date)
        return [
            _of_deadline(one.id, one.ask.deadline) for one in found if one.ask.deadline
        ]


def _of_deadline(request: str, deadline: datetime) -> CalendarEvent:
    return CalendarEvent(
        start=dt_util.as_local(deadline),
        end=dt_util.as_local(deadline + _LEAST),
        summary=f"request {request}",
        uid=request,
    )


def _times(one: Code | Grant) -> tuple[datetime, datetime]:
    """Return from when to when a guest or a grant is let in."""
    if isinstance(one, Grant):
        start, end = one.start, one.end
    else:
        start, end = one.when.start or one.made, one.when.end or FOREVER
    return start, max(end, start + _LEAST)


def _moment(value: date) -> datetime:
    """Return the moment at which a day begins, or the moment itself."""
    if not isinstance(value, datetime):
        return dt_util.as_utc(dt_util.start_of_local_day(value))
    return dt_util.as_utc(value)
