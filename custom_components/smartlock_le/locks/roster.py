"""The locks of the home: who is here, who came, who must still be cleaned."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
import logging

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.core import HomeAssistant, callback
from homeassistant.util.file import WriteError
from sqlalchemy import delete, insert, select

from ..const import CONF_FAMILY, SUBENTRY_LOCK
from ..log import Log, LogUnavailable
from ..models import (
    Actor,
    ActorKind,
    Capability,
    LockError,
    LockRef,
    LockRefused,
    Refusal,
)
from .driver import LockDriver
from .entities import Family
from .families import build_driver, rediscover
from .keybook import KeyBook, LockKeys
from .managed import Identify, ManagedLock, Spawn
from .tables import intents, members, reading

_LOGGER = logging.getLogger(__name__)

CLEAN_RETRY = 30.0
"""Seconds between two tries to clean a removed lock."""
REMOVE_DEADLINE = 20.0
"""Seconds that removing the whole home waits for its locks, all together."""
# Only an admin can add or remove a subentry; Home Assistant does not say which.
_OWNER = Actor(ActorKind.OWNER)


async def clean(driver: LockDriver, markers: set[str]) -> None:
    """Take our codes and our pairing off a lock. Raises the lock's error.

    `markers` is empty once the codes are off.
    """
    if markers:
        if Capability.CODES not in driver.capabilities:
            raise LockRefused(Refusal.NO_PIN)
        await driver.clear_marked(markers)
        markers.clear()
    if driver.paired and Capability.LOCK_LOG in driver.capabilities:
        # Without the security PIN a lock does not let us end our own pairing.
        await driver.forget_us()


@dataclass(frozen=True, slots=True)
class Changes:
    """What `sync` found different."""

    added: list[ManagedLock]
    removed: list[ManagedLock]


class Roster:
    """One ManagedLock a subentry; removed locks are cleaned in the background."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        log: Log,
        book: KeyBook,
        *,
        spawn: Spawn,
        identify: Identify,
        uncleaned: Callable[[str, str | None], None],
    ) -> None:
        """`uncleaned(lock, name)` says a removed lock resists; name None: no more."""
        self._hass = hass
        self._entry = entry
        self._log = log
        log.care.need(select(intents.c.seq))
        self._book = book
        self._spawn = spawn
        self._identify = identify
        self._uncleaned = uncleaned
        self._cleaning: dict[str, asyncio.Task[None]] = {}
        self._called_off: list[asyncio.Task[None]] = []
        self.locks: dict[str, ManagedLock] = {}
        """By subentry id."""

    def find(self, lock_id: str) -> ManagedLock | None:
        """Return the lock of that id, if it is in the home."""
        for lock in self.locks.values():
            if lock.ref.id == lock_id:
                return lock
        return None

    def _members(self) -> dict[str, ConfigSubentry]:
        """Return the subentries of the locks, by the lock's id."""
        return {
            subentry.unique_id: subentry
            for subentry in self._entry.subentries.values()
            if subentry.subentry_type == SUBENTRY_LOCK and subentry.unique_id
        }

    def keyless(self) -> list[LockRef]:
        """Return the locks of the home whose keys were lost: to be paired again."""
        return [
            LockRef(lock_id, subentry.title)
            for lock_id, subentry in self._members().items()
            if self._keys_of(subentry) is None
        ]

    def _keys_of(self, subentry: ConfigSubentry) -> LockKeys | None:
        """Return what we hold of a lock of the home, None: its keys were lost."""
        assert subentry.unique_id
        if keys := self._book.get(subentry.unique_id):
            return keys
        family = subentry.data.get(CONF_FAMILY, Family.NUKI)
        # A lock that another integration brought needs no key of ours.
        return None if family == Family.NUKI else LockKeys.brought(subentry)

    @callback
    def sync(self) -> Changes:
        """Build and drop locks until they are those of the subentries.

        Home Assistant tells only that the entry changed, not what.
        """
        wanted = {
            subentry.subentry_id: (lock_id, keys)
            for lock_id, subentry in self._members().items()
            if (keys := self._keys_of(subentry))
        }
        removed = [self.locks.pop(sid) for sid in set(self.locks) - set(wanted)]
        added = []
        for sid, (lock_id, keys) in wanted.items():
            if sid in self.locks:
                continue
            if cleaning := self._cleaning.get(lock_id):
                # It was removed, and came back before it was clean.
                cleaning.cancel()
                self._called_off.append(cleaning)
                self._uncleaned(lock_id, None)
            lock = ManagedLock(
                build_driver(self._hass, lock_id, keys, self._book),
                self._log,
                spawn=self._spawn,
                identify=self._identify,
            )
            self.locks[sid] = lock
            added.append(lock)
        return Changes(added, removed)

    async def enter_members(self) -> None:
        """Enter who came and who went since the last time, restarts included.

        Returns when no cleaning that `sync` called off holds its lock any more.
        """
        await asyncio.gather(*self._called_off, return_exceptions=True)
        self._called_off.clear()
        try:
            rows = await self._log.read(select(members))
        except LogUnavailable:
            # The locks must work all the same: it is said the next time.
            return
        known = {row["lock"] for row in rows}
        await self._keep_brought()
        for lock in self.locks.values():
            if (lock_id := lock.ref.id) in known:
                continue
            row = insert(members).values(lock=lock_id, name=lock.ref.name)
            await self._log.append_or_keep(
                "lock_added",
                {
                    "lock": lock_id,
                    "name": lock.ref.name,
                    "model": lock.driver.model,
                    "firmware": lock.driver.firmware,
                    **_OWNER.fields(),
                },
                also=lambda _, row=row: [row],  # type: ignore[misc]
            )
        for lock_id in known - set(self._members()):
            gone = [
                delete(members).where(members.c.lock == lock_id),
                # What happens while it is not in the home is not ours to tell.
                delete(reading).where(reading.c.lock == lock_id),
            ]
            await self._log.append_or_keep(
                "lock_removed",
                {"lock": lock_id, **_OWNER.fields()},
                also=lambda _, gone=gone: gone,  # type: ignore[misc]
            )

    async def _keep_brought(self) -> None:
        """Give a lock that another integration brought its place in a book that was lost."""
        for lock_id, subentry in self._members().items():
            keys = self._keys_of(subentry)
            if keys and lock_id not in self._book:
                try:
                    await self._book.put(lock_id, keys)
                except WriteError:
                    _LOGGER.debug("Lock %s has no place in the key book yet", lock_id)

    # Clean-up of what was removed

    @callback
    def clean_orphans(self) -> None:
        """Start to clean every lock that we hold keys of and that is not here."""
        for lock_id in self._book.ids() - set(self._members()) - set(self._cleaning):
            task = self._spawn(self._clean(lock_id), f"clean {lock_id}")
            self._cleaning[lock_id] = task
            task.add_done_callback(
                lambda _, lock_id=lock_id: self._cleaning.pop(lock_id, None)  # type: ignore[misc]
            )

    async def _clean(self, lock_id: str) -> None:
        """Take ours off the lock, then (and only then) destroy its keys."""
        keys = self._book[lock_id]
        markers = set(keys.markers)
        driver = build_driver(self._hass, lock_id, keys, self._book)
        try:
            while True:
                try:
                    await clean(driver, markers)
                    break
                except LockError as err:
                    _LOGGER.debug("Removed lock %s not cleaned: %s", lock_id, err)
                    if driver.pairing_lost:
                        break
                except Exception:
                    # A mistake of ours is said loudly, and must not leave the door alone for good.
                    _LOGGER.exception("Removed lock %s could not be cleaned", lock_id)
                self._uncleaned(lock_id, keys.name)
                await asyncio.sleep(CLEAN_RETRY)
        finally:
            await driver.stop()
        if driver.pairing_lost and markers:
            # Trying again is no use, and our codes may be on it: the owner must know.
            self._uncleaned(lock_id, keys.name)
            return
        result = "clean"
        if driver.pairing_lost:
            result = "pairing_lost"
        elif driver.paired and Capability.LOCK_LOG not in driver.capabilities:
            result = "pairing_left"
        await self._forget(lock_id, keys, result, len(markers))

    async def _forget(
        self, lock_id: str, keys: LockKeys, result: str, codes_left: int
    ) -> None:
        await self._log.append_or_keep(
            "lock_cleaned",
            {"lock": lock_id, "result": result, "codes_left": codes_left},
        )
        try:
            await self._book.destroy(lock_id, only=keys)
        except WriteError:
            # The key is an orphan still: taken up again at the next start.
            return
        self._uncleaned(lock_id, None)
        rediscover(self._hass, lock_id, keys)

    async def give_up(self, lock_id: str) -> None:
        """Destroy the keys of a removed lock without cleaning it: the owner said so."""
        if task := self._cleaning.get(lock_id):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        keys = self._book.get(lock_id)
        if keys and self.find(lock_id) is None:
            await self._forget(lock_id, keys, "given_up", len(keys.markers))

    async def stop(self) -> None:
        """Stop every lock."""
        for task in list(self._cleaning.values()):
            task.cancel()
        await asyncio.gather(*self._cleaning.values(), return_exceptions=True)
        await asyncio.gather(*(lock.stop() for lock in self.locks.values()))


async def clean_home(hass: HomeAssistant, book: KeyBook) -> list[str]:
    """Clean every lock of a home that is removed; return the names of those left."""

    async def one(lock_id: str) -> str | None:
        keys = book[lock_id]
        driver = build_driver(hass, lock_id, keys, book)
        try:
            async with asyncio.timeout(REMOVE_DEADLINE):
                await clean(driver, set(keys.markers))
            await book.destroy(lock_id, only=keys)
        except LockError, TimeoutError, WriteError:
            return keys.name
        finally:
            await driver.stop()
        return None

    left = await asyncio.gather(*(one(lock_id) for lock_id in book.ids()))
    return [name for name in left if name]
