"""The runtime of one home: builds the rooms and connects them, no logic of its own."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
import logging
from typing import Any, override

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.util.file import WriteError

from . import firmware, issues, notices, opening, release_keeping, stand_in
from .access.codes import Codes
from .access.grants import Grants
from .alarm_panel import AlarmPanel
from .cameras.cameras import Cameras
from .code_keeping import CodeKeeping
from .const import CONF_ALARM, DOMAIN
from .decisions import Decisions
from .emergency_keeping import EmergencyKeeping
from .feed_keeping import FEEDS, FeedKeeping
from .forced_doors import ForcedDoors
from .grant_keeping import GrantKeeping
from .locks.keybook import KeyBook
from .locks.managed import ManagedLock
from .locks.roster import Roster
from .log import Log, LogUnavailable
from .models import FRESH, AccessEvent, Actor, LockError, utc_now
from .opening import home_folder
from .request_keeping import RequestKeeping
from .requests.agencies import Agencies
from .requests.contact import LocalContact
from .requests.guide import Guide
from .responder_keeping import ResponderKeeping
from .sharing.releases import Releases
from .sharing_keeping import SharingKeeping
from .stamping import Stamping
from .upkeep import Upkeep
from .writers import Writers

_LOGGER = logging.getLogger(__name__)

type HomeEntry = ConfigEntry[Home]
type AddLock = Callable[[str, ManagedLock], None]
"""Adds the entities of a lock: its subentry id and the lock."""


@callback
def loaded_home(hass: HomeAssistant) -> Home | None:
    """Return the home, if it runs."""
    entry: HomeEntry
    for entry in hass.config_entries.async_entries(DOMAIN):
        if entry.state is ConfigEntryState.LOADED:
            return entry.runtime_data
    return None


class Home(Decisions):
    """All rooms of the entry."""

    log: Log
    upkeep: Upkeep
    stamping: Stamping
    roster: Roster
    granting: GrantKeeping
    grants: Grants
    codes: Codes
    cameras: Cameras
    agencies: Agencies
    requests: RequestKeeping
    releases: Releases
    emergency: EmergencyKeeping
    responders: ResponderKeeping
    following: FeedKeeping
    alarm: AlarmPanel

    def __init__(self, hass: HomeAssistant, entry: HomeEntry) -> None:
        """Build nothing yet."""
        super().__init__(hass, entry)
        self.book = KeyBook(hass, home_folder(hass) / "keys")
        self._add_lock: list[AddLock] = []
        self._undo: dict[str, list[CALLBACK_TYPE]] = {}
        self._listeners: list[CALLBACK_TYPE] = []
        self._changing = asyncio.Lock()
        self._stopping = False
        self._grants_known = True
        """False: a code may be one of a grant that cannot be read; it stays."""

    async def start(self) -> None:
        """Open the log, take up grants and locks; waits for no lock.

        Raises KeyBookUnreadable.
        """
        await self.book.load()
        self.log = await opening.open_log(self.hass, self.entry.entry_id)
        self.log.listen(self._log_changed)
        self._log_changed()
        self.stamping = Stamping(self.hass, self.log, lambda: self.stamps, self.spawn)
        self.upkeep = Upkeep(
            self.hass,
            self.log,
            self._daily,
            self.stamping.run,
            self._reopen,
            self.spawn,
        )
        self._sharing = SharingKeeping(self)
        await self._sharing.load()
        self.agencies = Agencies(self.log)
        self.contact = LocalContact(self.log)
        self.guide = await self.hass.async_add_executor_job(Guide.load)
        folder = home_folder(self.hass) / "requests"
        self.requests = RequestKeeping(self, self.agencies, folder)
        self.inbox, self.intake = self.requests.inbox, self.requests.intake
        self.roster = Roster(
            self.hass,
            self.entry,
            self.log,
            self.book,
            spawn=self.spawn,
            identify=self._identify,
            uncleaned=partial(issues.uncleaned, self.hass),
        )
        self.keeping = CodeKeeping(
            self.hass, self.log, self.roster.find, self.book, self.spawn, self.tell
        )
        self.codes = self.keeping.codes
        self.granting = GrantKeeping(self, self.roster, self.book, self.codes)
        self.grants = self.granting.grants
        try:
            await self.grants.load()
            members = {s.unique_id for s in self.entry.subentries.values()}
            await self.keeping.start({lock for lock in members if lock})
        except LogUnavailable as err:
            _LOGGER.error("The grants and codes cannot be read: %s", err)
            self._grants_known = False
        self._grants_known &= not self.log.volatile
        await self.requests.start()
        self.cameras = Cameras(
            self.hass,
            self.entry,
            self.log,
            home_folder(self.hass),
            self.spawn,
            warn=lambda camera: self.spawn(
                notices.plate_watched(
                    self.hass, camera.settings.id, camera.settings.name
                ),
                "watched plate",
            ),
        )
        await self.cameras.start(self.plate_settings, self.media_days)
        self.releases = release_keeping.keep_releases(
            self,
            self.inbox,
            self.cameras,
            home_folder(self.hass) / "releases",
            sharing=lambda: self.sharing,
            devices=self.devices,
        )
        # The log ends with the home, and so does this.
        self.log.care.on_person_erased(self.releases.person_forgotten)
        await release_keeping.start(self.releases)
        self._sharing.on_off(partial(release_keeping.stop_voluntary, self.releases))
        self.check_guide()
        self.emergency = EmergencyKeeping(
            self,
            home_folder(self.hass) / "keys" / "emergency.json",
            self.cameras.alarm,
            lambda code: any(one.id == code for one in self.codes.all()),
        )
        await self.emergency.start()
        self.responders = ResponderKeeping(
            self,
            home_folder(self.hass) / "keys" / "responders.json",
            self.grants,
            self.roster.find,
            self.emergency,
        )
        await self.responders.start()
        self.listen(self.responders.check)
        self.following = FeedKeeping(
            self,
            home_folder(self.hass) / FEEDS,
            self.agencies,
            self.emergency,
            sharing=lambda: self.sharing,
        )
        await self.following.start()
        self.listen(self.following.feeds.look)
        feeds = self.following.feeds
        self._sharing.on_off(feeds.sharing_off, feeds.cut_off)
        self.alarm = AlarmPanel(self.hass, self.log, self.spawn, self._alarm_triggered)
        await self.alarm.start(self.entry.options.get(CONF_ALARM, ""))
        self.writers = Writers(self.hass, self.roster.locks.values)
        self.writers.start()
        await self.changed()
        for grant in self.grants.open_grants():
            # Of a home that was removed and made again.
            members = {s.unique_id for s in self.entry.subentries.values()}
            if grant.lock not in members:
                await self.grants.lock_removed(grant.lock)

    async def _reopen(self) -> None:
        """Start anew once a log that did not open can be opened.

        Not while a grant, a link or an incident is open: a log in memory is all that knows of it.
        """
        entry_id = self.entry.entry_id
        given = self.grants.open_grants() or self.responders.links.open()
        busy = given or self.emergency.busy
        if not busy and await opening.opens_now(self.hass, entry_id):
            self.hass.config_entries.async_schedule_reload(entry_id)

    async def stop(self) -> None:
        """End everything; safe to call twice."""
        self._stopping = True
        self.granting.alarm.stop()
        self.requests.stop()
        self.emergency.stop()
        self.responders.stop()
        self.following.stop()
        self.releases.stop()
        self.writers.stop()
        self.upkeep.stop()
        self.stamping.stop()
        self.alarm.stop()
        await self.cameras.stop()
        await self.grants.stop()
        await self.keeping.stop()
        # A lock that is coming just now must not start after this.
        async with self._changing:
            await self.roster.stop()
        await self.log.close()

    @override
    def spawn(self, coro: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Start a task that ends with the entry."""
        return self.entry.async_create_background_task(
            self.hass, coro, f"{DOMAIN} {name}"
        )

    # Locks

    @callback
    def on_new_lock(self, add: AddLock) -> None:
        """Call `add` with every lock there is and every lock to come."""
        self._add_lock.append(add)
        for subentry_id, lock in self.roster.locks.items():
            add(subentry_id, lock)

    async def changed(self) -> None:
        """Follow the entry: locks that came, locks that went."""
        if not self._stopping:
            # Zones and privacy wait for no lock.
            self.cameras.sync()
        async with self._changing:
            if self._stopping:
                return
            changes = self.roster.sync()
            for lock in changes.removed:
                for undo in self._undo.pop(lock.ref.id, []):
                    undo()
                await lock.stop()
                if lock.driver.attached:
                    stand_in.set_hidden(self.hass, lock.driver.entity_id, hidden=False)
                await self.grants.lock_removed(lock.ref.id)
                await self.codes.lock_removed(lock.ref.id)
                issues.lock_problem(self.hass, lock.ref, None)
                issues.two_writers(self.hass, lock.ref, "")
                issues.pins_shown(self.hass, lock.ref, shown=False)
            await self.roster.enter_members()
            ids = {lock.ref.id: sid for sid, lock in self.roster.locks.items()}
            for lock in changes.added:
                self._connect(lock)
                await lock.start()
                for add in self._add_lock:
                    add(ids[lock.ref.id], lock)
            self.roster.clean_orphans()
            for ref in self.roster.keyless():
                issues.lock_problem(self.hass, ref, "pairing_lost")
            self.writers.check()
        self.tell()

    def _connect(self, lock: ManagedLock) -> None:
        def driver_changed() -> None:
            problem = "pin_wrong" if lock.driver.pin_wrong else None
            if lock.driver.pairing_lost:
                problem = "pairing_lost"
            issues.lock_problem(self.hass, lock.ref, problem)
            issues.pins_shown(self.hass, lock.ref, shown=lock.driver.pins_shown)
            keys = self.book.get(lock.ref.id)
            if keys and keys.firmware != lock.driver.firmware:
                self.spawn(firmware.keep(self.book, lock), f"firmware {lock.ref.id}")

        self._undo[lock.ref.id] = [
            lock.on_event(self._accessed),
            lock.on_ready(lambda: self._lock_ready(lock)),
            lock.driver.on_change(driver_changed),
            ForcedDoors(self.spawn, self.emergency.door_forced).follow(lock.driver),
            firmware.follow(self.hass, lock),
        ]

    @callback
    def _identify(self, event: AccessEvent) -> AccessEvent:
        if utc_now() - event.time < FRESH:
            event = replace(event, alarm=self.alarm.state)
        event = self.codes.identify(self.grants.identify(event))
        return replace(event, sealed=self.emergency.silent.sealed(event))

    @callback
    def _accessed(self, event: AccessEvent) -> None:
        self.cameras.accessed(event)
        if event.grant:
            self.spawn(self.grants.used(event), "grant used")
        else:
            self.keeping.accessed(event)
        self.emergency.silent.accessed(event)
        self.emergency.drills.accessed(event)

    @callback
    def _alarm_triggered(self, entry: int) -> None:
        self.cameras.alarm(entry)
        self.emergency.alarm_triggered()

    @callback
    def _lock_ready(self, lock: ManagedLock) -> None:
        if self._grants_known:
            self.spawn(self._reconcile(lock.ref.id), f"reconcile {lock.ref.id}")

    async def _reconcile(self, lock_id: str) -> None:
        try:
            await self.grants.reconcile(lock_id)
        except (LockError, WriteError) as err:
            _LOGGER.debug("Lock %s not reconciled: %s", lock_id, err)
        self.codes.lock_ready(lock_id)

    # Sharing

    @property
    def sharing(self) -> bool:
        """Tell whether sharing with law enforcement is on."""
        return self._sharing.on

    async def set_sharing(self, on: bool, actor: Actor) -> None:
        """Switch sharing; off works at once. On raises LogUnavailable."""
        await self._sharing.set(on, actor)

    def devices(self) -> dict[str, str]:
        """Return what locks and cameras are called, by their id."""
        refs = [lock.ref for lock in self.roster.locks.values()]
        cameras = [camera.settings for camera in self.cameras.cameras.values()]
        names = {ref.id: ref.name for ref in refs}
        return names | {camera.id: camera.name for camera in cameras}

    # Log

    async def _daily(self) -> None:
        """Remind of what is due, and erase it: pictures before the entries that name them."""
        await self.check_contact()
        await self.requests.run()
        self.check_guide()
        await self.releases.keep_up()
        await self.cameras.erase_old(self.media_days)
        await self.cameras.plates.enter_erased()
        await self.log.care.retain(self.retention_days)

    @callback
    def _log_changed(self) -> None:
        issues.log_problem(self.hass, self.log.problem, self.log.damage)
        self.tell()

    # Listeners

    @callback
    def listen(self, listener: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Call `listener` when something of the home (no single lock) changed."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @override
    @callback
    def tell(self) -> None:
        """Tell the listeners."""
        for listener in list(self._listeners):
            listener()
