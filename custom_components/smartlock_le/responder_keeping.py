"""Links for responders, as the house and Home Assistant need them: doors, words, an address."""

import asyncio
from collections.abc import Callable
import logging
import math
from pathlib import Path
from typing import override

from homeassistant.components import persistent_notification
from homeassistant.core import callback
from homeassistant.helpers.network import NoURLAvailableError, get_url
from homeassistant.util import dt as dt_util
from homeassistant.util.file import WriteError

from . import issues, notices
from .access.grants import Grants
from .access.models import OF_LINKS, GrantError, GrantMethod, GrantRequest
from .const import DOMAIN
from .decisions import Decisions
from .emergency_keeping import EmergencyKeeping
from .loading import Loading
from .locks.managed import ManagedLock
from .models import HOME_ACTOR, Actor, Capability, LockError
from .private import PrivateFile
from .responders.ledger import Ledger
from .responders.links import Links
from .responders.models import Door, Event, House, Link, LinkError, LinkRequest, Made
from .responders.sheet import Sheet

_LOGGER = logging.getLogger(__name__)

PATH = f"/api/{DOMAIN}/r"
"""Where the page is; the token comes behind a #, which no browser sends."""
_NO_INCIDENT = "-"
_NAP = 60.0
_MOST_LINES = 20
"""Of a notice: what was seen last is what matters."""
_MOST_OVER = 100


class ResponderKeeping(House):
    """Builds what keeps links, and connects it with grants, cameras and incidents."""

    def __init__(
        self,
        home: Decisions,
        path: Path,
        grants: Grants,
        find_lock: Callable[[str], ManagedLock | None],
        emergency: EmergencyKeeping,
    ) -> None:
        """Take the home, the file of the sheet, and what the rooms give."""
        self._home = home
        self._hass = home.hass
        self._grants = grants
        self._find_lock = find_lock
        self._emergency = emergency
        self._file = PrivateFile(
            home.hass, path, Sheet(), as_json=Sheet.as_json, from_json=Sheet.from_json
        )
        self._ended = PrivateFile[tuple[str, ...]](
            home.hass,
            path.with_name("links_over.json"),
            (),
            as_json=lambda digests: {"digests": digests},
            from_json=lambda said: tuple(said["digests"]),
        )
        """Digests of links whose end the log has not taken."""
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = False
        self._loading = Loading(home.hass, home.spawn, self._load, "The links")
        self._notices: dict[str, list[str]] = {}
        self._before: set[str] = set()
        """Grants of links that were open at the start."""
        self.links = Links(
            Ledger(home.log),
            self,
            spawn=home.spawn,
            schedule=self._wake_in,
            tell=self._told,
        )

    @property
    def sheet(self) -> Sheet:
        """What the owner wrote down."""
        return self._file.now

    async def start(self) -> None:
        """Go on where it ended."""
        readable = await self._file.readable("What responders are shown")
        issues.sheet_unreadable(self._hass, not readable)
        await self._ended.readable("Which links are over")
        # Those that come later are of links that are being made.
        grants = self._grants.open_grants()
        self._before = {one.id for one in grants if one.method in OF_LINKS}
        await self._loading.run()

    async def _load(self) -> None:
        """Take up the links. Raises LogUnavailable."""
        await self.links.load()
        found = self.links.open()
        known = {one for link in found for one in (*link.doors.values(), *link.codes)}
        for grant in self._before - known:
            # Of a link that is over, or of which nobody was told: we stopped in between.
            self._home.spawn(self.end(grant), f"grant {grant}")
        self.check()

    def stop(self) -> None:
        """End the timers."""
        self._stopped = True
        self._wake_in(None)
        self._loading.stop()

    @callback
    def _wake_in(self, left: float | None) -> None:
        """Have what is due looked at; now and then anyway, for clocks are set."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if left is not None and not self._stopped:
            nap = min(max(left, 0.0), _NAP)
            self._timer = self._hass.loop.call_later(nap, self._ring)

    @callback
    def _ring(self) -> None:
        self._timer = None
        self._home.spawn(self.links.due(), "links due")

    @callback
    def check(self) -> None:
        """End what was for an incident, once none is open."""
        if not self._emergency.known or self._emergency.incidents.open():
            return
        if any(link.incident for link in self.links.open()):
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
        return max(1, math.ceil(link.left / 60))

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
        return await self._grant(link, lock, GrantMethod.PAGE_CODE, link.actor)

    @override
    async def end(self, grant: str) -> None:
        try:
            await self._grants.revoke(grant, HOME_ACTOR)
        except GrantError:
            # Over by itself, or by the owner's hand.
            _LOGGER.debug("Grant %s was over already", grant)
        except (LockError, WriteError) as err:
            _LOGGER.error("Grant %s was not ended: %s", grant, type(err).__name__)

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
        found = self._emergency.incidents.open()
        return found[-1].id if found else ""

    @override
    async def over(self, digest: str) -> None:
        try:
            await self._ended.save((*self._ended.now, digest)[-_MOST_OVER:])
        except WriteError as err:
            _LOGGER.error("That a link is over was not kept: %s", err)

    @override
    def is_over(self, digest: str) -> bool:
        return digest in self._ended.now

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
        # Everybody in the house sees this one: it says nothing of who comes.
        lines = self._notices.setdefault(link.id, [])
        lines.append(f"{dt_util.now():%H:%M:%S} {message}")
        del lines[:-_MOST_LINES]
        persistent_notification.async_create(
            self._hass, "\n\n".join(lines), texts["title"], f"{DOMAIN}_link_{link.id}"
        )
        if event.last:
            self._notices.pop(link.id, None)
        if target := self.sheet.target:
            title = texts["title_of"].format(agency=link.agency)
            await notices.notify(self._hass, target, title, message, "a link")
