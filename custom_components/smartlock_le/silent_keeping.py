"""Silent alarms, as Home Assistant needs them: what raises one, and by which ways it goes.

Nothing here changes a state, fires an event, calls an action or writes a line.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util
from homeassistant.util.file import WriteError

from .decisions import Decisions
from .emergency.channels.app_push import AppPush
from .emergency.channels.channel import Channel, ChannelError
from .emergency.channels.dc09 import Dc09
from .emergency.channels.notify import Notice
from .emergency.channels.webhook import Webhook
from .emergency.ledger import Ledger
from .emergency.models import Kind, Signal, Source, Way, What, too_old
from .emergency.settings import Contact, Settings, SilentSettings, WebhookSettings
from .emergency.silent import SilentIncidents, SilentMeans
from .emergency.silent_models import Silent
from .models import AccessEvent, Actor, lets_in
from .notices import common_texts
from .private import PrivateFile


class SilentKeeping:
    """Builds what handles silent alarms, and connects it with Home Assistant."""

    def __init__(
        self,
        home: Decisions,
        path: Path,
        ledger: Ledger,
        settings: Callable[[], Settings],
        hook: Callable[[WebhookSettings], Webhook],
    ) -> None:
        """Take the home, the file of what is open, and what the owner decided."""
        self._home = home
        self._hass: HomeAssistant = home.hass
        self._settings = settings
        self._hook = hook
        self._file: PrivateFile[list[Silent]] = PrivateFile(
            home.hass, path, [], as_json=_as_json, from_json=_from_json
        )
        self._writing = asyncio.Lock()
        self._ways: dict[Way, tuple[object, Channel[Signal]]] = {}
        self.incidents = SilentIncidents(
            ledger,
            SilentMeans(
                sender=home.entry.entry_id,
                settings=settings,
                spawn=home.spawn,
                keep=self._keep,
                person=lambda contact: AppPush(home.hass, contact.target),
                way=self._way,
                notice=self._notice,
            ),
        )

    async def start(self) -> None:
        """Go on where it ended."""
        await self._file.readable("What is told in silence")
        self.incidents.load(self._file.now)

    async def _keep(self, found: list[Silent]) -> None:
        async with self._writing:
            # Of a full disk nobody in the house may hear; it goes on in memory.
            with suppress(WriteError):
                await self._file.save(found)

    # What raises one

    @callback
    def accessed(self, event: AccessEvent) -> None:
        """Hear of what happened at a lock."""
        silent = self._settings().silent
        if (
            silent is not None
            and event.actor.ref in silent.codes
            and lets_in(event.event, event.method)
            and not too_old(event.time)
        ):
            entered = f"access {event.entry}"
            self._raise(Kind.DURESS, Source.CODE, event.actor, entered)

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
        """Return a way of its own: how it is must not be seen at the other one."""
        settings = self._settings()
        decided: object = settings.centre if way is Way.CENTRE else settings.webhook
        known, channel = self._ways.get(way, (None, None))
        if channel is None or known != decided:
            if way is Way.CENTRE and settings.centre:
                channel = Dc09(settings.centre.build())
            elif way is Way.WEBHOOK and settings.webhook:
                channel = self._hook(settings.webhook)
            else:
                return None
            self._ways[way] = (decided, channel)
        return channel

    # What a contact is told

    async def _notice(self, silent: Silent, what: What, ends_it: str) -> Notice:
        """Return what is said of one; `ends_it` is sent by a button."""
        texts, settings = await common_texts(self._hass, "silent_"), self._settings()
        message = [texts["over"]]
        if what is What.ALARM:
            moment = dt_util.as_local(silent.raised)
            message = [texts[silent.source].format(time=f"{moment:%H:%M}"), texts["do"]]
            if settings.silent and settings.silent.centre and settings.centre:
                message.append(texts["centre"])
        return Notice(
            title=texts["title"].format(home=self._home.entry.title),
            message=" ".join(message),
            tag=f"smartlock_le_{silent.id}",
            actions={ends_it: texts["end"]} if what is What.ALARM else {},
            urgent=what is What.ALARM,
        )

    async def can_tell(self, contact: Contact) -> bool:
        """Tell whether there is a way to a contact that leaves no trace."""
        return (await AppPush(self._hass, contact.target).look()).ok

    async def reaches(self, contact: Contact) -> bool:
        """Tell whether a contact can be told as was decided."""
        silent = self._settings().silent
        chosen = silent is not None and contact.id in silent.contacts
        return not chosen or await self.can_tell(contact)

    async def test(self, silent: SilentSettings, number: str) -> None:
        """Send what is to be told to all of them, as a test. Raises ChannelError."""
        texts = await common_texts(self._hass, "silent_")
        notice = Notice(
            title=texts["test_title"],
            message=texts["test"].format(home=self._home.entry.title, number=number),
            urgent=False,
        )
        for contact in self._settings().contacts:
            if contact.id in silent.contacts:
                await AppPush(self._hass, contact.target).send(notice)
        for way, chosen in ((Way.CENTRE, silent.centre), (Way.WEBHOOK, silent.webhook)):
            channel = self._way(way)
            if chosen and channel is None:
                raise ChannelError("not_reached")
            if chosen and channel:
                await channel.send(Signal(what=What.TEST, way=way))


def _as_json(found: list[Silent]) -> Mapping[str, Any]:
    return {"open": [one.as_json() for one in found]}


def _from_json(data: Mapping[str, Any]) -> list[Silent]:
    return [Silent.from_json(one) for one in data["open"]]
