"""Grants, as the house and Home Assistant need them: one timer, repairs, notices."""

from homeassistant.core import callback

from . import issues, notices
from .access.codes import Codes
from .access.grants import Grants
from .access.ledger import Ledger
from .access.models import Grant
from .alarm import Alarm
from .decisions import Decisions
from .locks.keybook import KeyBook
from .locks.roster import Roster


class GrantKeeping:
    """Builds the grants, and tells what becomes of them."""

    def __init__(
        self, home: Decisions, roster: Roster, book: KeyBook, codes: Codes
    ) -> None:
        """Take the home, its locks, where our markers are, and the codes beside."""
        self._home = home
        self._roster = roster
        self.alarm = Alarm(home.hass, self._due, home.spawn, "grants due")
        self.grants = Grants(
            Ledger(home.log),
            roster.find,
            book,
            others=codes.markers,
            spawn=home.spawn,
            schedule=self.alarm.set,
            tell=self._changed,
        )

    async def _due(self) -> None:
        await self.grants.due()

    @callback
    def _changed(self, grant: Grant, what: str) -> None:
        hass = self._home.hass
        lock = self._roster.find(grant.lock)
        if what == "code_left" and lock:
            issues.code_left(hass, grant.id, lock.ref)
        elif what == "ended":
            issues.code_left(hass, grant.id, None)
        if grant.notify and lock:
            sending = notices.send(hass, grant, lock.ref.name, what)
            self._home.spawn(sending, "grant notice")
        self._home.tell()
