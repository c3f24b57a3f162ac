"""What is to happen later, all of it owned: nothing outlives the radio."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class Timers:
    """Timers and tasks that end together."""

    def __init__(self) -> None:
        """Own nothing yet."""
        self._handles: set[asyncio.TimerHandle] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def later(self, delay: float, call: Callable[[], object]) -> asyncio.TimerHandle:
        """Call something after some seconds; cancel what is given to call it off."""

        def run() -> None:
            self._handles.discard(handle)
            call()

        loop = asyncio.get_running_loop()
        handle = loop.call_later(delay, run)
        self._handles = {one for one in self._handles if not one.cancelled()}
        self._handles.add(handle)
        return handle

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """End everything."""
        for handle in self._handles:
            handle.cancel()
        self._handles.clear()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
