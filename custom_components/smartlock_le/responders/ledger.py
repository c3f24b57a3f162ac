"""Links in the log: each step an entry, the link's row in the same transaction."""

import logging

from sqlalchemy import Executable, delete, select

from ..log import Log, put
from ..models import Actor
from .models import Event, Link
from .tables import links as table

_LOGGER = logging.getLogger(__name__)


class Ledger:
    """Writes what becomes of links, and reads what is left of them at the start."""

    def __init__(self, log: Log) -> None:
        """Take the log."""
        self._log = log

    async def enter(
        self,
        link: Link,
        event: Event,
        actor: Actor,
        detail: str = "",
        *,
        lock: str = "",
        camera: str = "",
    ) -> bool:
        """Enter a step; later, if the log does not take it now: life first.

        Tell whether it is durable.
        """
        statements: list[Executable] = [delete(table).where(table.c.id == link.id)]
        if not link.over:
            statements = put(table, **link.as_row())
        entry = await self._log.append_or_keep(
            "link",
            {
                "link": link.id,
                "event": event.value,
                "agency": link.agency,
                "reason": link.reason,
                "incident": link.incident,
                "lock": lock,
                "camera": camera,
                "detail": detail,
                **actor.fields(),
            },
            also=lambda _: statements,
        )
        return entry is not None

    async def load(self) -> list[Link]:
        """Return the links that were not over. Raises LogUnavailable."""
        found = []
        for row in await self._log.read(select(table)):
            try:
                found.append(Link.from_row(dict(row)))
            except (ValueError, TypeError) as err:
                _LOGGER.error("A link cannot be read: %s", type(err).__name__)
        return found
