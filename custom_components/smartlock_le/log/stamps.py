"""Time stamps of checkpoints by an authority outside the house (RFC 3161).

A stamp says that the log had come so far before a time that somebody else vouches for.
All that the authority gets is a hash of the checkpoint.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import func, select

from .canonical import microseconds, moment
from .errors import StampNotBelievable, StampNotInstalled
from .model import Head
from .reader import Reader
from .store import Store
from .tables import checkpoints, stamps

if TYPE_CHECKING:
    from .rfc3161 import Question

MAX_ANSWER = 65_535
"""Bytes of an answer; real ones have a few thousand."""
OVERDUE = timedelta(days=3)
"""How old the newest stamp may become while there is something to stamp."""
_APART = timedelta(hours=1)
"""How far the authority's clock and ours may be apart: else one of them is wrong."""

type Run = Callable[[Callable[[], Any]], Awaitable[Any]]
type Post = Callable[[bytes], Awaitable[bytes]]
"""Sends a TimeStampReq and gives the answer, of MAX_ANSWER bytes at most.

Raises StampUnreachable, StampRefused, StampNotBelievable.
"""


def root_certificate(text: str) -> str:
    """Return the one certificate of a PEM text, alone. Raises ValueError.

    Slow enough to be kept off the loop.
    """
    try:
        (certificate,) = x509.load_pem_x509_certificates(text.encode())
    except x509.InvalidVersion as err:
        raise ValueError("a certificate of an unknown version") from err
    return certificate.public_bytes(Encoding.PEM).decode()


@dataclass(frozen=True, slots=True)
class Stamp:
    """A checkpoint that was stamped: the number of the entry after it, note, answer."""

    upto: int
    checkpoint: str
    token: bytes


def earliest(reader: Reader, last: int, end: int) -> Stamp | None:
    """Return the first stamp over a tree with entry `last` and none from `end` on.

    Raises LogUnavailable.
    """
    found = reader.read(
        select(stamps.c.upto, checkpoints.c.note, stamps.c.token)
        .join(checkpoints, checkpoints.c.upto == stamps.c.upto)
        .where(stamps.c.upto > last, stamps.c.upto <= end)
        .order_by(stamps.c.upto)
        .limit(1)
    )
    return Stamp(*found[0].values()) if found else None


class Stamps:
    """Has the newest checkpoint stamped, and keeps what was answered."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], datetime],
        head: Callable[[], Head],
        read: Run,
        write: Run,
        tell: Callable[[], None],
    ) -> None:
        """Take the store, what says how far it is, and what runs in its threads.

        `tell` is called when `overdue` changes.
        """
        self._store = store
        self._clock = clock
        self._head = head
        self._read = read
        self._write = write
        self._tell = tell
        self._taking = asyncio.Lock()
        self._overdue = False

    @property
    def overdue(self) -> bool:
        """Tell whether the newest stamp is too old."""
        return self._overdue

    @overdue.setter
    def overdue(self, overdue: bool) -> None:
        if overdue != self._overdue:
            self._overdue = overdue
            self._tell()

    async def take(self, post: Post, root: str) -> bool:
        """Have the newest checkpoint stamped; return False if it was before.

        `root` is the authority's root certificate, as PEM. Raises StampUnreachable,
        StampRefused, StampNotBelievable, StampNotInstalled, LogUnavailable.
        """
        async with self._taking:
            head = self._head()
            if await self._newest(stamps.c.upto) >= head.end:
                return False
            in_thread = partial(asyncio.get_running_loop().run_in_executor, None)
            question = await in_thread(_question, head.checkpoint)
            answer = await post(question.query)
            time = await in_thread(question.check, answer, root)
            if abs(time - self._clock()) > _APART:
                raise StampNotBelievable("its clock and ours are far apart")
            statement = stamps.insert().values(
                upto=head.end, time=microseconds(time), token=answer
            )
            await self._write(partial(self._store.run, statement))
            return True

    async def too_old(self, since: datetime) -> bool:
        """Return whether there is no stamp of the last days, nor was `since` in them.

        Raises LogUnavailable.
        """
        newest = max(moment(await self._newest(stamps.c.time)), since)
        return self._clock() - newest > OVERDUE

    async def _newest(self, column: Any) -> int:
        """Return the greatest value of a column, 0 where there is none."""
        query = select(func.max(column).label("newest"))
        (row,) = await self._read(partial(self._store.reader.read, query))
        return int(row["newest"] or 0)


def _question(note: str) -> Question:
    """Return a question about a note. Raises StampNotInstalled."""
    try:
        # Here, not above: its package is installed only where stamps are on.
        from .rfc3161 import Question  # noqa: PLC0415
    except ImportError as err:
        raise StampNotInstalled("rfc3161-client is not installed") from err
    return Question(note)
