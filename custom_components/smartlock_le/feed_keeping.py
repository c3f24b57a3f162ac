"""What an agency is told of an incident, as the house and Home Assistant need it."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
import logging
from pathlib import Path
from typing import Any, override
from urllib.parse import urlsplit

from homeassistant.core import callback
from homeassistant.util.file import WriteError

from .decisions import Decisions
from .emergency.channels import cap
from .emergency.channels.channel import ChannelError
from .emergency.channels.webhook import Hook, Webhook, is_safe, read_secret
from .emergency.models import EmergencyError, Incident, Kind, Signal, Stage, Way, What
from .emergency_keeping import EmergencyKeeping
from .loading import Loading
from .models import Actor, new_id
from .private import PrivateFile
from .requests.agencies import Agencies
from .requests.models import Agency, RequestError, Standing
from .sharing.feed_models import Feed, Hearer, House, Step
from .sharing.feeds import Feeds
from .sharing.models import ReleaseError
from .whole import whole

_LOGGER = logging.getLogger(__name__)

FEEDS = "keys/feeds.json"
"""Where the servers are kept, in our folder."""
_STEPS = {
    Stage.RAISED: Step.ALARM,
    Stage.CONFIRMED: Step.ALARM,
    Stage.SIGNALLED: Step.RECEIVED,
    Stage.ACKNOWLEDGED: Step.COMING,
    Stage.ON_SCENE: Step.THERE,
    Stage.CANCELLED: Step.CANCELLED,
    Stage.CLOSED: Step.CLOSED,
}
_WHAT = {Step.CANCELLED: What.CANCEL, Step.CLOSED: What.RESTORE}
HEADLINES = {
    Step.ALARM: "Somebody in the house asks for help, or a device there does",
    Step.RECEIVED: "A monitoring centre has received it",
    Step.COMING: "Somebody whom the house called says that they are on the way",
    Step.THERE: "Somebody whom the house called says that they are there",
    Step.CANCELLED: "The house says that help is not needed",
    Step.CLOSED: "The house says that it is over",
}
"""What a message says, beside what, when and where; in the language of CAP's events."""
_TEST = "A test of the connection; nothing happened"
_NO_ID = "-"
"""Stands where the id of a message will be."""
_MOST_OVER = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyServer:
    """Where an agency is told, as it said itself at the number that was called."""

    url: str = field(repr=False)
    secret: str = field(repr=False)
    facts: str
    """Digest of what was confirmed of the agency then: another one is another agency."""

    def hook(self, sender: cap.Sender) -> Hook:
        """Return how it is spoken to. Raises ValueError for what it cannot be."""
        if not is_safe(self.url):
            raise ValueError("not safe")
        return Hook(url=self.url, secret=read_secret(self.secret), sender=sender)

    @property
    def host(self) -> str:
        """Return what it is called in the network."""
        return urlsplit(self.url).hostname or ""


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is in the file."""

    servers: Mapping[str, AgencyServer] = field(default_factory=dict)
    over: tuple[str, ...] = ()
    """Ids of feeds whose end the log has not taken."""

    def as_json(self) -> dict[str, Any]:
        """Return what is kept."""
        servers = {key: asdict(one) for key, one in self.servers.items()}
        return {"servers": servers, "over": self.over}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> _Kept:
        """Return what was kept. Raises TypeError, ValueError, KeyError."""
        servers = {key: AgencyServer(**one) for key, one in data["servers"].items()}
        for server in servers.values():
            server.hook(cap.Sender(_NO_ID, "", ""))
        return cls(servers, tuple(data["over"]))


class FeedKeeping(House):
    """Builds what keeps feeds, and connects it with agencies, incidents and servers."""

    def __init__(
        self,
        home: Decisions,
        path: Path,
        agencies: Agencies,
        emergency: EmergencyKeeping,
        sharing: Callable[[], bool],
    ) -> None:
        """Take the home, the file of the servers, and what the rooms give."""
        self._home = home
        self._agencies = agencies
        self._emergency = emergency
        self._sharing = sharing
        self.spawn = home.spawn
        self.home = home.entry.entry_id
        self._writing = asyncio.Lock()
        self._file = PrivateFile(
            home.hass, path, _Kept(), as_json=_Kept.as_json, from_json=_Kept.from_json
        )
        self._followed: dict[str, Incident] = {}
        """Those that feeds are of: how one ended is not known otherwise."""
        self.feeds = Feeds(home.log, self)
        self._loading = Loading(home.hass, home.spawn, self.feeds.load, "The feeds")

    async def start(self) -> None:
        """Go on with what was approved."""
        # Where it cannot be read there is no server: each feed ends, and says so.
        await self._file.readable("Where agencies are told")
        await self._loading.run()

    def stop(self) -> None:
        """End it."""
        self._loading.stop()
        self.feeds.stop()

    # Where agencies are told

    @property
    def servers(self) -> Mapping[str, AgencyServer]:
        """The server of each agency that has one."""
        return self._file.now.servers

    @whole
    async def set_server(
        self, agency: Agency, url: str, secret: str, actor: Actor
    ) -> None:
        """Tell an agency there from now on, if a test arrives.

        Raises ReleaseError, ChannelError, ValueError, LogUnavailable, WriteError: nothing is
        changed then.
        """
        if not self._sharing():
            raise ReleaseError("release_sharing_off")
        now = await self._agency(agency.id)
        self._check(now)
        if now.facts.digest != agency.facts.digest:
            raise ReleaseError("feed_changed")
        server = AgencyServer(url=url, secret=secret, facts=agency.facts.digest)
        sender = cap.Sender(new_id(), _TEST, server.host)
        hook = Webhook(self._home.hass, server.hook(sender))
        await self._enter(agency, "test", actor)
        if not self._sharing():
            raise ReleaseError("release_sharing_off")
        try:
            await hook.send(Signal(what=What.TEST, way=Way.WEBHOOK))
        except ChannelError as err:
            await self._enter(agency, err.reason, actor)
            raise
        await self._enter(agency, "on", actor)
        await self._keep(agency.id, server)

    async def remove_server(self, agency: Agency, actor: Actor) -> None:
        """Tell an agency nothing any more, anywhere. Raises LogUnavailable, WriteError."""
        for feed, _ in list(self.feeds.open.values()):
            if feed.agency == agency.id:
                with suppress(ReleaseError):
                    await self.feeds.halt(feed.id, actor)
        await self._enter(agency, "off", actor)
        await self._keep(agency.id, None)

    async def _keep(self, agency_id: str, server: AgencyServer | None) -> None:
        async with self._writing:
            kept = self._file.now
            servers = {k: one for k, one in kept.servers.items() if k != agency_id}
            if server:
                servers[agency_id] = server
            await self._file.save(replace(kept, servers=servers))

    async def _enter(self, agency: Agency, event: str, actor: Actor) -> None:
        said = {"setting": "agency_server", "value": f"{agency.id} {event}"}
        await self._home.log.append("setting", {**said, **actor.fields()})

    async def hearers(self) -> list[Agency]:
        """Return the agencies that may hear of an incident. Raises LogUnavailable."""
        found = []
        for agency_id in self.servers:
            try:
                agency = await self._agency(agency_id)
                self._check(agency)
                self._server(agency)
            except ReleaseError:
                continue
            found.append(agency)
        return found

    async def _agency(self, agency_id: str) -> Agency:
        try:
            return await self._agencies.get(agency_id)
        except RequestError as err:
            raise ReleaseError(err.key) from None

    def _check(self, agency: Agency) -> None:
        """Raise ReleaseError where the owner did not call it back, or does not answer it."""
        if agency.standing is not Standing.VERIFIED:
            raise ReleaseError("feed_not_verified")
        if agency.facts.type in self._home.request_limits.agency_types:
            raise ReleaseError("feed_not_answered")

    def _server(self, agency: Agency) -> AgencyServer:
        server = self.servers.get(agency.id)
        if server is None or server.facts != agency.facts.digest:
            raise ReleaseError("feed_no_server")
        return server

    # What feeds need of the house

    @override
    def sharing(self) -> bool:
        return self._sharing()

    @override
    def second(self) -> bool:
        return self._home.second_approval

    @override
    async def hearer(self, agency: str) -> Hearer:
        found = await self._agency(agency)
        self._check(found)
        server = self._server(found)
        # What is given is written already: by whom it is stands in it.
        hook = Webhook(self._home.hass, server.hook(cap.Sender(_NO_ID, "", "")))

        async def send(message_id: str, body: bytes) -> str:
            try:
                await hook.give(message_id, body)
            except ChannelError as err:
                return err.reason
            return ""

        return Hearer(
            agency=found.id,
            name=found.facts.name,
            type=found.facts.type.value,
            facts=found.facts.digest,
            url=server.url,
            host=server.host,
            send=send,
        )

    @override
    def begun(self, incident: str) -> tuple[str, datetime]:
        try:
            found = self._emergency.incidents.get(incident)
        except EmergencyError as err:
            raise ReleaseError(err.key) from None
        needed = {feed.incident for feed, _ in self.feeds.open.values()}
        kept = {key: one for key, one in self._followed.items() if key in needed}
        self._followed = {**kept, incident: found}
        return found.kind.value, found.raised

    @override
    def step(self, incident: str) -> Step | None:
        if not self._emergency.known:
            return None
        found = self._followed.get(incident)
        if found is None:
            try:
                found = self._emergency.incidents.get(incident)
            except EmergencyError:
                # It ended while nobody looked: how, nobody knows.
                return Step.QUIET
            self._followed[incident] = found
        if incident in self._emergency.incidents.signals.forced:
            return Step.QUIET
        return _STEPS[found.stage]

    @override
    def message(self, feed: Feed, step: Step) -> bytes:
        return cap.message(_signal(feed, step), _sender(feed), HEADLINES[step])

    @override
    def reference(self, feed: Feed) -> str:
        if feed.step is None:
            return ""
        return cap.reference(_signal(feed, feed.step), _sender(feed).id)

    @override
    async def over(self, feed: str) -> bool:
        async with self._writing:
            kept = self._file.now
            over = (*kept.over, feed)[-_MOST_OVER:]
            try:
                await self._file.save(replace(kept, over=over))
            except WriteError as err:
                _LOGGER.error("That a feed is over was not kept: %s", err)
                return False
            return True

    @override
    def is_over(self, feed: str) -> bool:
        return feed in self._file.now.over

    @override
    @callback
    def changed(self) -> None:
        self._home.tell()


def _sender(feed: Feed) -> cap.Sender:
    """Return who sends: of two feeds nobody can tell that they are of one house."""
    return cap.Sender(feed.id, feed.place, feed.to)


def _signal(feed: Feed, step: Step) -> Signal:
    return Signal(
        id=feed.message or _NO_ID,
        incident=feed.incident,
        kind=Kind(feed.cause),
        what=_WHAT.get(step, What.ALARM),
        made=feed.said or feed.raised,
        way=Way.WEBHOOK,
        raised=feed.raised,
        refers=feed.refers,
    )
