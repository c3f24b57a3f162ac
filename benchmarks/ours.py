"""SmartLock LE as one side of a comparison."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
import time
from types import MappingProxyType
from typing import Any, override
from unittest.mock import patch

from homeassistant.auth.const import GROUP_ID_ADMIN
from homeassistant.components.person import async_create_person
from homeassistant.config_entries import SOURCE_USER, ConfigSubentry
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import entity_registry as er

from custom_components.smartlock_le.access.code_models import PlacementState
from custom_components.smartlock_le.const import CONF_FAMILY, DOMAIN, SUBENTRY_LOCK
from custom_components.smartlock_le.home import Home, HomeEntry, loaded_home
from custom_components.smartlock_le.locks.driver import LockDriver
from custom_components.smartlock_le.locks.entities import Family
from custom_components.smartlock_le.locks.keybook import KeyBook, LockKeys, LockNumbers
from custom_components.smartlock_le.locks.numbered import PAUSE
from custom_components.smartlock_le.models import (
    AccessEvent,
    AccessKind,
    LockRef,
    utc_now,
)
from harness.fake_lock import FakeDriver, Hardware

from .running import Clock
from .sides import Doors, Side, Size

PERSONS = 3
"""Every so many-th code is a person's, the others are guests'."""
STAY = timedelta(days=30)
NUMBERS = range(1, 500)
"""As many codes as a lock takes."""


class Door(FakeDriver):
    """A lock that remembers whether it was read."""

    def __init__(self, ref: LockRef, hardware: Hardware, numbers: LockNumbers) -> None:
        """Take the hardware."""
        super().__init__(ref, hardware, numbers, NUMBERS)
        self.was_read = asyncio.Event()

    @override
    async def tend(self) -> None:
        self.was_read.set()


class Ours(Side):
    """Our home: its locks are built on doors, all else is as always."""

    domain = DOMAIN

    def __init__(
        self, hass: HomeAssistant, clock: Clock, doors: Doors, size: Size
    ) -> None:
        """Know no door yet."""
        super().__init__(hass, clock, doors, size)
        self.built: dict[str, Door] = {}
        self.hardware = {
            f"door:{number}": Hardware(codes=codes)
            for number, codes in enumerate(doors.codes)
        }
        self._told = 0

    @override
    @contextmanager
    def patched(self) -> Iterator[None]:
        with patch(
            "custom_components.smartlock_le.locks.roster.build_driver", self._build
        ):
            yield

    def _build(
        self, hass: HomeAssistant, lock_id: str, keys: LockKeys, book: KeyBook
    ) -> LockDriver:
        self.built[lock_id] = Door(
            LockRef(lock_id, keys.name),
            self.hardware[lock_id],
            LockNumbers(book, lock_id),
        )
        return self.built[lock_id]

    @property
    def home(self) -> Home:
        """The home, which runs."""
        home = loaded_home(self.hass)
        assert home is not None
        return home

    async def _owner(self) -> Context:
        """Return the context of what the owner does."""
        for user in await self.hass.auth.async_get_users():
            if user.name == "Owner":
                return Context(user_id=user.id)
        auth = self.hass.auth
        user = await auth.async_create_user("Owner", group_ids=[GROUP_ID_ADMIN])
        return Context(user_id=user.id)

    # Make

    async def make_home(self) -> None:
        """Make the home through its flow, and add the locks to it."""
        flow = self.hass.config_entries.flow
        step = await flow.async_init(DOMAIN, context={"source": SOURCE_USER})
        answers: tuple[dict[str, Any], ...] = ({}, {"sharing": False})
        for answer in answers:
            step = await flow.async_configure(step["flow_id"], answer)
        step = await flow.async_configure(step["flow_id"], {"next_step_id": "later"})
        entry: HomeEntry = step["result"]
        for number, lock_id in enumerate(self.hardware):
            self.hass.config_entries.async_add_subentry(
                entry,
                ConfigSubentry(
                    data=MappingProxyType({CONF_FAMILY: Family.ANY.value}),
                    subentry_type=SUBENTRY_LOCK,
                    title=f"Door {number}",
                    unique_id=lock_id,
                ),
            )
        while len(self.built) < self.size.locks:
            await asyncio.sleep(0.01)
        await self.settled()

    async def make_persons(self) -> None:
        """Let there be the persons of Home Assistant whose codes are kept."""
        for number in range(PERSONS - 1, self.size.codes, PERSONS):
            await async_create_person(self.hass, f"Person {number}")
        await self.hass.async_block_till_done()

    @override
    async def make(self) -> None:
        await self.make_persons()
        await self.make_home()
        for number in range(self.size.codes):
            await self.add(number)

    def _lock_entities(self) -> list[str]:
        registry = er.async_get(self.hass)
        ids = [
            registry.async_get_entity_id("lock", DOMAIN, f"{lock_id}_lock")
            for lock_id in self.built
        ]
        return [entity_id for entity_id in ids if entity_id]

    async def add(self, number: int, *, door: int | None = None) -> list[float]:
        """Give a person or a guest a code, on all locks or on one.

        Returns how many milliseconds after the call each lock was told.
        """
        # A lock rests after a code; that is no part of the next one.
        await self.clock.forward(PAUSE)
        taken: list[float] = []
        locks = self._lock_entities()
        for hardware in self.hardware.values():
            hardware.on_call = lambda what, _: (
                taken.append((time.perf_counter() - began) * 1000)
                if what == "put"
                else None
            )
        data: dict[str, Any] = {"locks": locks if door is None else [locks[door]]}
        if number < self.size.codes and number % PERSONS == PERSONS - 1:
            action, data["person"] = "set_code", f"person.person_{number}"
        else:
            action, data["name"] = "add_guest", f"Guest {number}"
            data["end"] = utc_now() + STAY
        before, owner = self.doors.held, await self._owner()
        began = time.perf_counter()
        await self.hass.services.async_call(
            DOMAIN,
            action,
            data,
            blocking=True,
            context=owner,
            return_response=True,
        )
        assert self.doors.held == before + len(data["locks"])
        await self.settled()
        return taken

    # Run

    @override
    async def start(self) -> None:
        await super().start()
        for lock in self.home.roster.locks.values():
            lock.on_event(self._passed_on)

    @override
    def in_step(self) -> bool:
        codes = self.home.codes
        places = [place for lock in self.built for _, place in codes.on_lock(lock)]
        return (
            super().in_step()
            and len(places) == self.doors.held
            and all(place.state is PlacementState.ACTIVE for place in places)
        )

    def _passed_on(self, event: AccessEvent) -> None:
        self._told += 1

    @override
    async def settled(self) -> None:
        for door in self.built.values():
            await door.was_read.wait()
        while True:
            # Readings call their listeners.
            await asyncio.sleep(0)
            await self.hass.async_block_till_done()
            # The followers of the locks never end.
            busy = [
                task
                for task in asyncio.all_tasks()
                if task.get_name().startswith(f"{DOMAIN} ")
                and not task.get_name().startswith(f"{DOMAIN} follow ")
            ]
            if not busy:
                return
            await asyncio.wait(busy)

    @override
    async def tell(self, turn: int) -> None:
        number = 1 + turn // 2 % self.size.codes
        for door in self.built.values():
            if turn % 2:
                door.tell(AccessKind.LOCKED, None)
            else:
                door.tell(AccessKind.UNLOCKED, number)
        await self.settled()

    @override
    def told(self) -> int:
        return self._told


SIDE = Ours
