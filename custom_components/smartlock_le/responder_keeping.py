"""Links for responders, as the house and Home Assistant need them: doors, words, an address."""

from collections.abc import Callable
import logging
import math
from pathlib import Path
from typing import override

from homeassistant.components import persistent_notification
from homeassistant.core import callback
from homeassistant.helpers.network import NoURLAvailableError, get_url

from . import issues, notices
from .access.grants import Grants
from .access.models import GrantError, GrantMethod, GrantRequest
from .alarm import Alarm
from .const import DOMAIN
from .decisions import Decisions
from .emergency.models import Incident
from .locks.managed import ManagedLock
from .log import LogUnavailable
from .models import HOME_ACTOR, Actor, Capability, utc_now
from .private import SettingsFile, SettingsUnreadable
from .responders.ledger import Ledger
from .responders.links import Links
from .responders.models import Door, Event, House, Link, LinkError, LinkRequest, Made
from .responders.sheet import Sheet

_LOGGER = logging.getLogger(__name__)

PATH = f"/api/{DOMAIN}/r"
"""Where the page is; the token comes behind a #, which no browser sends."""
_NO_INCIDENT = "-"


class ResponderKeeping(House):
    """Builds what keeps links, and connects it with grants, cameras and incidents."""

    def __init__(
        self,
        home: Decisions,
        path: Path,
        grants: Grants,
        find_lock: Callable[[str], ManagedLock | None],
        incidents: Callable[[], list[Incident]],
    ) -> None:
        """Take the home, the file of the sheet, and what the rooms give."""
        self._home = home
        self._hass = home.hass
        self._grants = grants
        self._find_lock = find_lock
        self._incidents = incidents
        self._file = SettingsFile(
            home.hass, path, Sheet(), as_json=Sheet.as_json, from_json=Sheet.from_json
        )
        self._alarm = Alarm(home.hass, self._due, home.spawn, "links due")
        self.links = Links(
            Ledger(home.log),
            self,
            spawn=home.spawn,
            schedule=self._alarm.set,
            tell=self._told,
        )

    @property
    def sheet(self) -> Sheet:
        """What the owner wrote down."""
        return self._file.now

    async def start(self) -> None:
        """Go on where it ended."""
        readable = True
        try:
            await self._file.load()
        except SettingsUnreadable as err:
            _LOGGER.error("What responders are shown cannot be read: %s", err)
            readable = False
        issues.sheet_unreadable(self._hass, not readable)
        try:
            await self.links.load()
        except LogUnavailable as err:
            _LOGGER.error("The links for responders cannot be read: %s", err)
            return
        known = {grant for link in self.links.open() for grant in link.doors.values()}
        for grant in self._grants.open_grants():
            # Made for a link of which nobody was told: we stopped in between.
            if grant.method is GrantMethod.PAGE and grant.id not in known:
                await self.end(grant.id)
        self.check()

    def stop(self) -> None:
        """End the timer."""
        self._alarm.stop()

    async def _due(self) -> None:
        await self.links.due()

    @callback
    def check(self) -> None:
        """End what was for an incident, once none is open."""
        if not self._incidents() and any(link.incident for link in self.links.open()):
            self._home.spawn(self.links.incidents_over(), "links of incidents")

    # What the owner does

    async def write(self, sheet: Sheet, actor: Actor) -> None:
        """Show something else from now on; that is entered first, and not what.

        Raises LogUnavailable, WriteError: nothing is changed then.
        """
        await self._home.log.append(
            "setting", {"setting": "responders", "value": "changed", **actor.fields()}
        )
        await self._file.save(sheet)
        issues.sheet_unreadable(self._hass, False)

    def address(self) -> str:
        """Return where the page is from outside. Raises LinkError."""
        try:
            base = get_url(self._hass, allow_internal=False, require_ssl=True)
        except NoURLAvailableError:
            raise LinkError("no_outside_address") from None
        return f"{base}{PATH}"

    async def make(self, request: LinkRequest, actor: Actor) -> tuple[Made, str]:
        """Make a link; return it and its address.

        Raises LinkError, or the errors of grants.
        """
        address = self.address()
        made = await self.links.make(request, actor)
        self._home.tell()
        return made, f"{address}#{made.token}"

    # What links need of the house

    @override
    def door(self, lock: str) -> Door | None:
        found = self._find_lock(lock)
        if found is None:
            return None
        state = found.driver.state
        return Door(
            name=found.ref.name,
            bolt=state.bolt.value,
            door_open=state.door_open,
            reachable=found.available,
            takes_codes=Capability.CODES in found.capabilities,
        )

    def _minutes(self, link: Link) -> int:
        left = (link.end - utc_now()).total_seconds()
        return max(1, math.ceil(left / 60))

    async def _grant(
        self, link: Link, lock: str, method: GrantMethod, actor: Actor
    ) -> tuple[str, str]:
        request = GrantRequest(
            lock=lock,
            agency=link.agency,
            incident=link.incident or _NO_INCIDENT,
            reason=link.reason,
            method=method,
            minutes=self._minutes(link),
        )
        opened = await self._grants.open(request, actor)
        return opened.grant.id, opened.code

    @override
    async def let_in(self, link: Link, lock: str) -> str:
        grant, _ = await self._grant(link, lock, GrantMethod.PAGE, HOME_ACTOR)
        return grant

    @override
    async def press(self, grant: str) -> None:
        await self._grants.press(grant)

    @override
    async def keypad_code(self, link: Link, lock: str) -> tuple[str, str]:
        return await self._grant(link, lock, GrantMethod.CODE, link.actor)

    @override
    async def end(self, grant: str) -> None:
        try:
            await self._grants.revoke(grant, HOME_ACTOR)
        except GrantError:
            # Over by itself, or by the owner's hand.
            _LOGGER.debug("Grant %s was over already", grant)

    @override
    async def picture(self, camera: str) -> bytes | None:
        found = self._home.cameras.find(camera)
        if found is None or found.settings.private:
            return None
        masks = found.settings.masks
        taken, _ = await found.photograph(masks)
        return taken.data if taken and found.wants(masks) else None

    @override
    def cameras(self) -> dict[str, str]:
        ticked = (self._home.cameras.find(one) for one in self.sheet.cameras)
        shown = [one.settings for one in ticked if one and not one.settings.private]
        return {one.id: one.name for one in shown}

    @override
    def incident(self) -> str:
        found = self._incidents()
        return found[-1].id if found else ""

    # What the owner hears

    @callback
    def _told(self, link: Link, event: Event, where: str) -> None:
        self._home.spawn(self._tell(link, event, where), f"link {link.id}")
        self._home.tell()

    async def _tell(self, link: Link, event: Event, where: str) -> None:
        texts = await notices.common_texts(self._hass, "link_")
        lock, camera = self._find_lock(where), self._home.cameras.find(where)
        name = lock.ref.name if lock else camera.settings.name if camera else ""
        message = texts[event].format(name=name)
        # Everybody in the house sees that one: it says nothing of who comes.
        persistent_notification.async_create(
            self._hass, message, texts["title"], f"{DOMAIN}_link_{link.id}"
        )
        if target := self.sheet.target:
            title = texts["title_of"].format(agency=link.agency)
            await notices.notify(self._hass, target, title, message, "a link")
