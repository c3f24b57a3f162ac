"""What the peers have in common: lock entities that they stand on, entries by hand."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, override

from homeassistant.config_entries import SOURCE_USER, ConfigEntry, ConfigEntryState
from homeassistant.core import Event, callback
from homeassistant.helpers import entity_registry as er

from .sides import FAKE_LOCKS, Side


class Peer(Side):
    """A peer that manages codes of lock entities."""

    event: str
    """What it tells of a lock on Home Assistant's bus."""
    _told = 0

    @callback
    def listen(self) -> None:
        """Count what it tells."""
        self.hass.bus.async_listen(self.event, self._heard)

    @callback
    def _heard(self, event: Event) -> None:
        self._told += 1

    @override
    def told(self) -> int:
        return self._told

    @override
    async def settled(self) -> None:
        await self.hass.async_block_till_done()

    @override
    async def start(self) -> None:
        await super().start()
        for entry in self.entries():
            assert entry.state is ConfigEntryState.LOADED, entry.reason
        self.listen()

    def entries(self) -> list[ConfigEntry]:
        """Return its entries."""
        return self.hass.config_entries.async_entries(self.domain)

    async def add_entry(
        self, domain: str, title: str, data: Mapping[str, Any], version: int = 1
    ) -> ConfigEntry:
        """Make an entry as its flow would leave it, and set it up."""
        entry = ConfigEntry(
            data=data,
            discovery_keys=MappingProxyType({}),
            domain=domain,
            minor_version=1,
            options={},
            source=SOURCE_USER,
            subentries_data=None,
            title=title,
            unique_id=title,
            version=version,
        )
        await self.hass.config_entries.async_add(entry)
        await self.settled()
        assert entry.state is ConfigEntryState.LOADED, entry.reason
        return entry

    async def lock_entities(self) -> list[str]:
        """Let there be the lock entities; return them."""
        domain = FAKE_LOCKS.name
        await self.add_entry(domain, "Fake locks", {"locks": self.size.locks})
        return [
            entry.entity_id
            for entry in er.async_get(self.hass).entities.values()
            if entry.platform == domain
        ]
