"""A door that opens although its lock is locked: somebody forced it."""

import asyncio
from collections.abc import Callable

from homeassistant.core import CALLBACK_TYPE, callback

from .locks.driver import Bolt, LockDriver
from .whole import Spawn

SETTLES = 5.0
"""Seconds in which a lock that was unlocked has told so: door and bolt may tell apart."""


class ForcedDoors:
    """Looks at doors that have a sensor, and at the bolts beside them."""

    def __init__(self, spawn: Spawn, forced: Callable[[], object]) -> None:
        """Take what is called when one was forced."""
        self._spawn = spawn
        self._forced = forced

    @callback
    def follow(self, driver: LockDriver) -> CALLBACK_TYPE:
        """Follow a lock until what is returned is called."""
        watch = _Watch(driver)
        looking: asyncio.Task[None] | None = None

        def changed() -> None:
            nonlocal looking
            opened = watch.opened_by_force()
            if opened and (looking is None or looking.done()):
                looking = self._spawn(self._look(watch), "forced door")

        undo = driver.on_change(changed)

        def stop() -> None:
            undo()
            if looking:
                looking.cancel()

        return stop

    async def _look(self, watch: _Watch) -> None:
        await asyncio.sleep(SETTLES)
        # Closed again meanwhile it was forced all the same.
        if watch.locked_all_the_time:
            self._forced()


class _Watch:
    """What a lock told of its door and its bolt, as long as it is there."""

    def __init__(self, driver: LockDriver) -> None:
        self._driver = driver
        self._barred = False
        """The bolt was seen thrown while the door was closed, and nothing else since."""
        self.locked_all_the_time = False
        """So it was from when the door opened."""

    def opened_by_force(self) -> bool:
        """Take what it tells now; tell whether its door opened with the bolt thrown."""
        is_open = self._driver.state.door_open
        locked = self._driver.state.bolt is Bolt.LOCKED
        if not (self._driver.available and locked) or is_open is None:
            # What happened meanwhile nobody has seen.
            self._barred = self.locked_all_the_time = False
            return False
        if not is_open:
            self._barred = True
            return False
        opened, self._barred = self._barred, False
        self.locked_all_the_time |= opened
        return opened
