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
        was_open = driver.state.door_open
        looking: asyncio.Task[None] | None = None

        def changed() -> None:
            nonlocal was_open, looking
            before, was_open = was_open, driver.state.door_open
            # A bolt that was thrown with the door open is no force, nor is one not known.
            if before is not False or not was_open:
                return
            idle = looking is None or looking.done()
            if driver.state.bolt is Bolt.LOCKED and idle:
                looking = self._spawn(self._look(driver), "forced door")

        undo = driver.on_change(changed)

        def stop() -> None:
            undo()
            if looking:
                looking.cancel()

        return stop

    async def _look(self, driver: LockDriver) -> None:
        await asyncio.sleep(SETTLES)
        # Closed again meanwhile it was forced all the same.
        if driver.available and driver.state.bolt is Bolt.LOCKED:
            self._forced()
