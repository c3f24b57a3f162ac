"""Who writes: a queue in front of the store, group commit, and a backlog.

All of this belongs to the event loop; the store belongs to one thread. While a commit
runs, further entries queue up and go together in the next one.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
import logging
from typing import cast

from .errors import LogUnavailable
from .model import Draft, Entry
from .store import Store

_LOGGER = logging.getLogger(__name__)

MAX_BACKLOG = 1000
"""Entries kept in memory while the store is unavailable."""

PATIENCE_SECONDS = 2.0
"""How long life waits for the store ..."""
PATIENCE_WHEN_UNAVAILABLE_SECONDS = 0.25
"""... and how long when it is known to be unavailable."""


@dataclass(slots=True, eq=False)
class _Request:
    """An entry on its way, who waits for it, and whether it outlives a failing store."""

    draft: Draft
    future: asyncio.Future[Entry | None]
    keep: bool

    def resolve(self, entry: Entry | None) -> None:
        """Tell who waits, if somebody still does."""
        if not self.future.done():
            self.future.set_result(entry)

    def refuse(self, err: BaseException) -> None:
        """Raise to who waits, if somebody still does."""
        if not self.future.done():
            self.future.set_exception(err)


class Writer:
    """Brings entries to the store in the order in which they were given."""

    def __init__(
        self,
        store: Store,
        thread: ThreadPoolExecutor,
        retry_interval: float,
        changed: Callable[[], None],
    ) -> None:
        """Write to `store` in `thread`; retry a backlog every so many seconds.

        `changed` is called after each commit and each change of problem or backlog.
        """
        self._store = store
        self._thread = thread
        self._retry_interval = retry_interval
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._queue: deque[_Request] = deque()
        # Of a batch that failed by the fault of one entry: each goes on its own.
        self._alone: deque[_Request] = deque()
        # In order; a request stays in it until it is durable.
        self._backlog: dict[_Request, None] = {}
        self._busy = False
        self._retry: asyncio.TimerHandle | None = None
        self.head = store.head
        self.unavailable = False
        self.damage = ""
        self.lost = 0
        self.closed = False
        self._told = self._state()

    @property
    def backlog(self) -> int:
        """How many entries are kept in memory because they could not be written."""
        return len(self._backlog)

    async def write(self, draft: Draft) -> Entry:
        """Return the entry when it is durable. Raises LogUnavailable."""
        if self.closed:
            raise LogUnavailable("the log is closed")
        # Only what is kept resolves to nothing.
        return cast("Entry", await self._put(draft, keep=False).future)

    async def write_or_keep(self, draft: Draft) -> Entry | None:
        """Return the entry, or None if it is not durable yet and is kept in memory."""
        if self.closed or len(self._backlog) + len(self._queue) >= MAX_BACKLOG:
            self._lose(1)
            return None
        request = self._put(draft, keep=True)
        try:
            await asyncio.wait(
                (request.future,),
                timeout=PATIENCE_WHEN_UNAVAILABLE_SECONDS
                if self.unavailable
                else PATIENCE_SECONDS,
            )
        finally:
            # From here on nobody waits; a hanging disk may still take it, or give it back.
            request.resolve(None)
        return request.future.result()

    async def close(self, last: Draft) -> None:
        """Write what is left and then `last`; take no more."""
        self.closed = True
        try:
            await self._put(last, keep=False).future
        except LogUnavailable as err:
            _LOGGER.warning("The log could not be closed in order: %s", err)
        finally:
            if self._retry:
                self._retry.cancel()
            if self._backlog:
                self._lose(len(self._backlog))
                self._backlog.clear()

    def _state(self) -> tuple[object, ...]:
        """Return what `changed` is about."""
        return (
            self.head.end,
            self._store.clock_back,
            self.unavailable,
            self.damage,
            len(self._backlog),
        )

    def _put(self, draft: Draft, *, keep: bool) -> _Request:
        """Queue an entry, and begin a commit unless one runs."""
        request = _Request(draft, self._loop.create_future(), keep)
        self._queue.append(request)
        if not self._busy:
            # Soon, not now: what others bring in the same moment goes along.
            self._busy = True
            self._loop.call_soon(self._next)
        return request

    def _next(self) -> None:
        """Begin a commit of all that waits, the backlog first."""
        if self._alone:
            self._commit([self._alone.popleft()])
        elif self._queue:
            batch = [*self._backlog, *self._queue]
            self._queue.clear()
            self._commit(batch)
        else:
            self._busy = False

    def _commit(self, batch: Sequence[_Request]) -> None:
        """Begin the commit of a batch."""
        self._loop.run_in_executor(
            self._thread, self._store.commit, [request.draft for request in batch]
        ).add_done_callback(partial(self._done, batch))

    def _done(
        self, batch: Sequence[_Request], commit: asyncio.Future[list[Entry]]
    ) -> None:
        """Tell everybody how a commit went, and begin the next."""
        if (err := commit.exception()) is None:
            self.head = self._store.head
            self.unavailable = False
            for request, entry in zip(batch, commit.result(), strict=True):
                self._backlog.pop(request, None)
                request.resolve(entry)
        elif isinstance(err, LogUnavailable):
            self.unavailable = True
            if err.damaged:
                self.damage = str(err)
            self._keep([*batch, *self._alone], err)
            self._alone.clear()
        elif len(batch) > 1:
            # One of them is wrong; the others must not be lost with it.
            self._alone.extend(batch)
        else:
            self._reject(batch[0], err)
        if self._told != (told := self._state()):
            self._told = told
            self._changed()
        self._next()

    def _keep(self, batch: Sequence[_Request], err: LogUnavailable) -> None:
        """Keep what must outlive a failing store, and refuse the rest."""
        for request in batch:
            if not request.keep:
                request.refuse(err)
            elif request in self._backlog or len(self._backlog) < MAX_BACKLOG:
                self._backlog[request] = None
                request.resolve(None)
            else:
                self._lose(1)
                request.resolve(None)
        if self._backlog and not self._retry and not self.closed:
            _LOGGER.warning(
                "The log keeps %d entries in memory: %s", len(self._backlog), err
            )
            self._retry = self._loop.call_later(self._retry_interval, self._try_again)

    def _try_again(self) -> None:
        """Try to write the backlog."""
        self._retry = None
        if self._backlog and not self._busy:
            self._busy = True
            self._commit([*self._backlog])

    def _reject(self, request: _Request, err: BaseException) -> None:
        """Handle an entry whose own statements failed."""
        if not (request.keep and request.future.done()):
            request.refuse(err)
            return
        # Nobody waits for it any more, and what happened must be on record all the same.
        _LOGGER.error("An entry is written without its state: %s", type(err).__name__)
        request.draft = replace(request.draft, also=None)
        self._alone.appendleft(request)

    def _lose(self, count: int) -> None:
        """Count entries that could be neither written nor kept."""
        self.lost += count
        _LOGGER.error("%d entries of the log are lost, %d in all", count, self.lost)
