"""Silent alarms, as Home Assistant needs them: what raises one, and by which ways it goes.

Nothing here changes a state, fires an event, calls an action or writes a line.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from homeassistant.core import HomeAssistant, callback
from homeassistant.util.file import WriteError

from .decisions import Decisions
from .emergency.channels.app_push import AppPush
from .emergency.channels.channel import Channel, ChannelError
from .emergency.channels.notify import Notice
from .emergency.ledger import Ledger
from .emergency.models import CLOCK, TOO_OLD, Kind, Signal, Source, Way, What, too_old
from .emergency.settings import Contact, Settings, SilentSettings
from .emergency.silent import SilentIncidents, SilentMeans
from .emergency.silent_models import Silent
from .emergency_words import Words
from .log import LogUnavailable, sealed
from .models import AccessEvent, Actor, ActorKind, lets_in, utc_now
from .notices import common_texts
from .private import FileUnreadable, PrivateFile

_MEANT = "duress"
"""What the sealed field of an access says."""
_PAGE = 500
_EARLY = 20


class SilentKeeping:
    """Builds what handles silent alarms, and connects it with Home Assistant."""

    def __init__(
        self,
        home: Decisions,
        path: Path,
        ledger: Ledger,
        settings: Callable[[], Settings],
        build: Callable[[Way], Channel[Signal] | None],
    ) -> None:
        """Take the home, the file of what is open, what the owner decided, and its ways.

        `build` makes one of its own: how that is must not be seen at the other one.
        """
        self._home = home
        self._hass: HomeAssistant = home.hass
        self._settings = settings
        self._build = build
        self._file: PrivateFile[dict[str, Any]] = PrivateFile(
            home.hass, path, {}, as_json=dict, from_json=_checked
        )
        self._writing = asyncio.Lock()
        self._seen = -1
        """The last access of these that was taken up."""
        self._early: deque[str] = deque(maxlen=_EARLY)
        """Those that were taken up before they were entered: who, and when."""
        self._ways: dict[Way, tuple[object, Channel[Signal] | None]] = {}
        self.incidents = SilentIncidents(
            ledger,
            SilentMeans(
                sender=home.entry.entry_id,
                settings=settings,
                spawn=home.spawn,
                keep=self._keep,
                person=self.person,
                way=self._way,
                where=self._where,
                notice=Words(home, settings).silent,
            ),
        )

    async def start(self) -> None:
        """Go on where it ended."""
        # What cannot be read is put aside by what is kept next, without a line.
        with suppress(FileUnreadable):
            await self._file.load()
        kept = self._file.now
        self._seen = kept.get("seen", -1)
        self._early.extend(kept.get("early", ()))
        self.incidents.load(_readable(kept.get("open", ())))
        self._home.spawn(self._look_back(), "silent")

    async def _keep(self, found: list[dict[str, Any]]) -> bool:
        # Of the same moment as what was found: else an access was seen, and not raised.
        kept = {"seen": self._seen, "early": list(self._early), "open": found}
        async with self._writing:
            try:
                await self._file.save(kept)
            except WriteError:
                # Of a full disk nobody in the house may hear; it goes on in memory.
                return False
            return True

    async def _look_back(self) -> None:
        """Take up what was entered before the last end, and no more."""
        if (silent := self._settings().silent) is None or not silent.codes:
            return
        since = max(utc_now() - TOO_OLD, silent.begin)
        after: int | None = self._seen
        while after is not None:
            try:
                page = await self._home.log.entries(
                    after=after, limit=_PAGE, kinds={"access"}, since=since
                )
            except LogUnavailable:
                return
            for entry in page.entries:
                self._entered(entry.seq, entry.time, entry.fields)
            after = page.next_after

    def _entered(self, number: int, when: datetime, fields: Mapping[str, Any]) -> None:
        who = Actor(
            ActorKind(fields["actor_kind"]), fields["actor"], fields["actor_name"]
        )
        forces = self._forces(who, fields["event"], fields["method"], when)
        if forces and _key(who, when) not in self._early:
            self._opened(who, number)

    # What raises one

    @callback
    def accessed(self, event: AccessEvent) -> None:
        """Hear of what happened at a lock."""
        who = event.actor
        if not too_old(event.time) and self.means_duress(event):
            if event.entry < 0:
                self._early.append(_key(who, event.time))
            self._opened(who, event.entry)

    @callback
    def means_duress(self, event: AccessEvent) -> bool:
        """Tell whether an access means duress."""
        return self._forces(event.actor, event.event, event.method, event.time)

    def _forces(self, who: Actor, event: str, method: str, when: datetime) -> bool:
        """Tell whether an access means duress: by a code that meant it then."""
        silent = self._settings().silent
        if silent is None or who.ref not in silent.codes:
            return False
        return when >= silent.begin - CLOCK and lets_in(event, method)

    @callback
    def sealed(self, event: AccessEvent) -> str:
        """Return the sealed field of an access: only the contacts see what it meant."""
        silent = self._settings().silent
        if silent and silent.key and self.means_duress(event):
            return sealed.seal(_MEANT, silent.key)
        return sealed.blank()

    def _opened(self, who: Actor, number: int) -> None:
        if number < 0 or number > self._seen:
            self._seen = max(self._seen, number)
            self._raise(Kind.DURESS, Source.CODE, who, f"access {number}")

    @callback
    def forced(self, actor: Actor) -> None:
        """Hear that somebody entered the PIN that means duress."""
        self._raise(Kind.DURESS, Source.PANEL, actor)

    @callback
    def heard(self, actor: Actor) -> None:
        """Hear that somebody asked for help and for quiet."""
        self._raise(Kind.SILENT, Source.VOICE, actor)

    def _raise(
        self, kind: Kind, source: Source, actor: Actor, detail: str = ""
    ) -> None:
        raising = self.incidents.raise_(kind, source, actor, detail)
        self._home.spawn(raising, "silent")

    # The ways

    def _way(self, way: Way) -> Channel[Signal] | None:
        """Return a way as it is decided now; the same as long as nothing else is."""
        decided = self._settings().of(way)
        if way not in self._ways or self._ways[way][0] != decided:
            self._ways[way] = decided, self._build(way)
        return self._ways[way][1]

    def _where(self, way: Way) -> str:
        settings = self._settings()
        if way is Way.CENTRE:
            centre = settings.centre
            return f"{centre.host}:{centre.port} {centre.account}" if centre else ""
        return urlsplit(settings.webhook.url).netloc if settings.webhook else ""

    # What a contact is told

    def person(self, contact: Contact) -> AppPush:
        """Return the way to a contact that leaves no trace."""
        return AppPush(self._hass, contact.target)

    async def can_tell(self, contact: Contact) -> bool:
        """Tell whether there is a way to a contact that leaves no trace."""
        return (await self.person(contact).look()).ok

    async def test(self, silent: SilentSettings, numbers: Mapping[str, str]) -> None:
        """Send all of them a test, each contact with a number. Raises ChannelError."""
        texts, home = await common_texts(self._hass, "silent_"), self._home.entry.title
        for contact_id, number in numbers.items():
            if (contact := self._settings().contact(contact_id)) is None:
                raise ChannelError("target_gone")
            message = texts["test"].format(home=home, number=number)
            await self.person(contact).send(
                Notice(title=texts["test_title"], message=message, urgent=False)
            )
        for way, chosen in ((Way.CENTRE, silent.centre), (Way.WEBHOOK, silent.webhook)):
            channel = self._way(way)
            if chosen and channel is None:
                raise ChannelError("not_reached")
            if chosen and channel:
                await channel.send(Signal(what=What.TEST, way=way))


def _key(who: Actor, when: datetime) -> str:
    return f"{who.ref} {int(when.timestamp())}"


def _checked(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was kept. Raises TypeError, ValueError, KeyError."""
    early, found = data["early"], data["open"]
    if not (isinstance(early, list) and isinstance(found, list)):
        raise TypeError("no list")
    return {"seen": int(data["seen"]), "early": [*map(str, early)], "open": found}


def _readable(kept: Iterable[Mapping[str, Any]]) -> list[Silent]:
    """Return what can be read: one that another version wrote does not stop the others."""
    found = []
    for one in kept:
        with suppress(KeyError, TypeError, ValueError, AttributeError, OverflowError):
            found.append(Silent.from_json(one))
    return found
