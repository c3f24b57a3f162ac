"""Sharing, as the home has it: the switch, and what ends at once when it is off."""

import asyncio
from collections.abc import Awaitable, Callable

from homeassistant.core import callback

from .const import CONF_SHARING
from .decisions import Decisions
from .models import Actor
from .sharing.switch import SharingSwitch
from .whole import whole

type End = Callable[[Actor], Awaitable[None]]
"""Ends something for good, and enters it."""


class SharingKeeping:
    """The switch of one home."""

    def __init__(self, home: Decisions) -> None:
        """Take the home; call `load` before anything else."""
        self._home = home
        self.spawn = home.spawn
        self._cuts: list[Callable[[], None]] = []
        self._ends: list[End] = []
        self._switch = SharingSwitch(
            home.log,
            home.entry.entry_id,
            read=lambda: bool(home.entry.data.get(CONF_SHARING, False)),
            save=self._save,
        )

    async def load(self) -> None:
        """Compare the setting with what was last entered."""
        await self._switch.load()

    @callback
    def on_off(self, end: End, cut: Callable[[], None] | None = None) -> None:
        """Have something end when it is off; `cut` stops it before anything is waited for."""
        self._ends.append(end)
        if cut:
            self._cuts.append(cut)

    @property
    def on(self) -> bool:
        """Tell whether sharing with law enforcement is on."""
        return self._switch.on

    @whole
    async def set(self, on: bool, actor: Actor) -> None:
        """Switch. Off works at once, whatever the log does.

        On raises LogUnavailable where it could not be entered first.
        """
        if not on:
            for cut in self._cuts:
                cut()
        try:
            await self._switch.set(on, actor)
        finally:
            self._home.tell()
            if not on:
                # Together: one that fails keeps no other from its end.
                await asyncio.gather(*(end(actor) for end in self._ends))

    @callback
    def _save(self, on: bool) -> None:
        entry = self._home.entry
        self._home.hass.config_entries.async_update_entry(
            entry, data={**entry.data, CONF_SHARING: on}
        )
