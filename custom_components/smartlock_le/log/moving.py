"""A log moves into another database: all of it, or it stays where it was."""

from collections.abc import Callable
from contextlib import ExitStack
import logging

from . import place
from .copying import copy
from .engine import Database, damage, named
from .errors import LogRefused, LogUnavailable, LogUnreadable
from .files import make_empty
from .state import load, must_be_signed
from .store import Store

_LOGGER = logging.getLogger(__name__)


def move(store: Store, url: str, stopping: Callable[[], bool]) -> None:
    """Move an open store to the server at `url`, or home into its folder if it is empty.

    Must run in the store's own thread. The old place is emptied: what is erased from now
    on would stay there for ever.

    Raises LogRefused (`database_url`, `database_driver`, `database_not_empty`,
    `database_same`, `database_unreachable`), LogUnavailable; everything is as it was then.
    """
    folder = store.folder
    try:
        if url == place.address(folder):
            raise LogRefused("database_same")
        with ExitStack() as undo:
            target = place.at(folder, url)
            undo.callback(target.engine.dispose)
            if not url:
                # Of a move that was cut short: the server has the log.
                place.tidy(folder)
            _must_be_free(target)
            undo.callback(_drop, target)
            if not url:
                make_empty(folder / "log.db")
            copy(store.database, target, stopping)
            with named(), target.reading.begin() as connection:
                head = load(connection, store.head.first, store.signer).head
                must_be_signed(connection, head)
            if head != store.head:
                raise damage("a copy has another root")
            place.note(folder, url)
            undo.pop_all()
    except OSError as err:
        raise LogUnavailable(f"the log's files failed: {err.strerror}") from err
    before = store.database
    store.use(target)
    before.engine.dispose()
    _drop(before)
    before.engine.dispose()


def _drop(database: Database) -> None:
    """Remove a store that is not in use, if that can be done."""
    try:
        database.drop()
    except (LogUnavailable, OSError) as err:
        _LOGGER.warning("A copy of the log stays in its old database: %s", err)


def _must_be_free(target: Database) -> None:
    """Raise LogRefused unless a store may be made there."""
    try:
        found = target.probe()
    except LogUnavailable as err:
        raise LogRefused("database_unreachable") from err
    except LogUnreadable as err:
        raise LogRefused("database_not_empty") from err
    if found is not None:
        raise LogRefused("database_not_empty")
