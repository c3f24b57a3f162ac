"""What the integration adds to a lock that only shows its state: 10,000 events."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
import time

from homeassistant.components.lock import LockEntity
from homeassistant.components.recorder import get_instance
from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers.entity_component import DATA_INSTANCES

from custom_components.smartlock_le.models import (
    AccessEvent,
    AccessKind,
    Actor,
    ActorKind,
    Method,
    utc_now,
)

from .figures import Figure
from .rig import Rig, rig

EVENTS = 10_000
PAGE = 50
"""As many as the driver reads from a lock's own log at a time."""
BARS = {"event_ms": 0.5, "state_writes_per_event": 3.0}


class _Bare(LockEntity):
    """A lock that shows its state and who changed it, and no more."""

    _attr_name = "Bare"
    _attr_should_poll = False
    _attr_unique_id = "benchmark_bare"

    def show(self, event: AccessEvent) -> None:
        """Show an event."""
        self._attr_is_locked = event.event is AccessKind.LOCKED
        self._attr_changed_by = event.actor.label
        self.async_write_ha_state()


def _events(lock: str, first: int) -> list[AccessEvent]:
    now = utc_now()
    kinds = (AccessKind.UNLOCKED, AccessKind.LOCKED)
    return [
        AccessEvent(
            lock=lock,
            event=kinds[number % 2],
            method=Method.KEYPAD,
            actor=Actor(ActorKind.CODE, str(number % 50), "Somebody"),
            time=now + timedelta(milliseconds=number),
            lock_index=first + number,
        )
        for number in range(EVENTS)
    ]


async def _pages(
    events: list[AccessEvent], take: Callable[[list[AccessEvent]], Awaitable[None]]
) -> float:
    """Hand events over page by page; return milliseconds an event."""
    start = time.perf_counter()
    for at in range(0, EVENTS, PAGE):
        await take(events[at : at + PAGE])
        await asyncio.sleep(0)
    return (time.perf_counter() - start) * 1000 / EVENTS


async def _quiet(hass: HomeAssistant) -> None:
    """Wait until Home Assistant and its recorder have done all that there is."""
    await hass.async_block_till_done()
    await get_instance(hass).async_block_till_done()


async def _measure(on: Rig, hass: HomeAssistant) -> dict[str, float]:
    bare = _Bare()
    await hass.data[DATA_INSTANCES]["lock"].async_add_entities([bare])
    (managed,) = on.home.roster.locks.values()
    writes = 0

    @callback
    def count(_: Event[EventStateChangedData]) -> None:
        nonlocal writes
        writes += 1

    stop = hass.bus.async_listen(EVENT_STATE_CHANGED, count)
    last = await on.home.log.entries(newest_first=True, limit=1)
    events = _events(managed.ref.id, 1_000_000)

    async def show(page: list[AccessEvent]) -> None:
        for event in page:
            bare.show(event)

    async def enter(page: list[AccessEvent]) -> None:
        await managed.enter(*page)

    its = await _pages(events, show)
    await _quiet(hass)
    bare_writes, writes = writes, 0
    ours = await _pages(events, enter)
    await _quiet(hass)
    our_writes = writes
    # The recorder writes in a thread of its own, while we write: what is its share?
    await hass.services.async_call("recorder", "disable", {}, blocking=True)
    alone = await _pages(_events(managed.ref.id, 1_000_000 + EVENTS), enter)
    await hass.async_block_till_done()
    stop()
    report = await on.home.log.verify()
    assert report.ok, report.bad
    logged, after = 0, last.entries[0].seq
    while True:
        page = await on.home.log.entries(after=after, kinds={"access"}, limit=500)
        logged += sum(
            1_000_000 <= int(entry.fields["lock_index"]) < 1_000_000 + EVENTS
            for entry in page.entries
        )
        if page.next_after is None:
            break
        after = page.next_after
    assert bare_writes >= EVENTS
    return {
        "event_ms": ours,
        "event_bare_ms": its,
        "event_x": ours / its,
        "event_without_recorder_ms": alone,
        "state_writes_per_event": our_writes / EVENTS,
        "entries_logged": logged,
    }


async def run(folder: Path, *, profile: bool) -> list[Figure]:
    """Run the workload."""
    async with rig(folder) as on:
        values = await _measure(on, on.hass)
    units = {"ms": "ms", "x": "x"}
    return [
        Figure(
            name,
            round(value, 3),
            units.get(name.rsplit("_")[-1], ""),
            better="higher" if name == "entries_logged" else "lower",
            bar=BARS.get(name),
        )
        for name, value in values.items()
    ]
