"""What a door waits for a camera, and a picture for its entry."""

import asyncio
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from datetime import datetime, timedelta
import hashlib
import os
from pathlib import Path
import time
from unittest.mock import patch

from homeassistant.components.camera import async_get_image
from homeassistant.helpers import entity_registry as er

from custom_components.smartlock_le.cameras import album
from custom_components.smartlock_le.cameras.camera import Camera
from custom_components.smartlock_le.cameras.models import Taken, What
from custom_components.smartlock_le.cameras.plate_reads import PlateSettings
from custom_components.smartlock_le.cameras.plate_store import PlateStore, Row
from custom_components.smartlock_le.cameras.plates import PlateRead
from custom_components.smartlock_le.locks.nuki.messages import Action
from custom_components.smartlock_le.models import HOME_ACTOR, utc_now
from harness.hass import eventually

from .figures import Figure, p50, p99
from .rig import Rig, rig
from .running import resident_mb

PAIRS = 300
WARM_UP = 10
PICTURES = 300
DAYS = 30
READS = 100_000
_AT_ONCE = 1000
BARS = {
    "door_delay_ms": 5.0,
    "overdue_media": 0.0,
    "plate_read_ms": 0.5,
    "plate_memory_growth_mb": 8.0,
}
_ENTITY = "camera.porch"


async def _camera(on: Rig) -> Camera:
    """Let the camera look at the door."""
    flows = on.hass.config_entries.subentries
    entry = on.home.entry

    async def there() -> bool:
        return on.hass.states.get(_ENTITY) is not None

    await eventually(there, "the camera is there", 20)
    flow = await flows.async_init(
        (entry.entry_id, "camera"), context={"source": "user"}
    )
    await flows.async_configure(flow["flow_id"], {"camera": _ENTITY})
    await flows.async_configure(flow["flow_id"], {"doors": [on.driver.ref.id]})
    await on.hass.async_block_till_done()
    (camera,) = on.home.cameras.cameras.values()
    assert er.async_get(on.hass).async_get(_ENTITY)
    return camera


async def _delay(on: Rig, camera: Camera) -> tuple[list[float], list[float]]:
    """Unlock with the camera looking, and without, in turn; return milliseconds."""
    await on.virtual("camera", trouble="hangs")
    times: dict[bool, list[float]] = {True: [], False: []}
    for number in range(WARM_UP + PAIRS):
        for private in (number % 2 == 0, number % 2 == 1):
            camera.set(replace(camera.settings, private=private))
            taken = await on.timed(lambda: on.door("unlock"))
            await on.settle()
            await on.client.act(Action.LOCK)
            await on.settle()
            if number >= WARM_UP:
                times[private].append(taken)
    await on.virtual("camera", trouble="none")
    camera.set(replace(camera.settings, private=False))

    async def idle() -> bool:
        return not camera._running  # noqa: SLF001

    await eventually(idle, "the camera gives up", 30)
    return times[True], times[False]


async def _pictures(on: Rig, camera: Camera) -> tuple[list[float], list[float]]:
    """Get a picture, and take one for the log, in turn; return milliseconds."""
    bare, ours = [], []
    for number in range(WARM_UP + PICTURES):
        began = time.perf_counter()
        await async_get_image(on.hass, _ENTITY)
        between = time.perf_counter()
        await on.home.cameras.take(camera, on.driver.ref.id, -1, "access")
        ended = time.perf_counter()
        if number >= WARM_UP:
            bare.append((between - began) * 1000)
            ours.append((ended - between) * 1000)
    return bare, ours


def _at(moment: datetime) -> AbstractContextManager[object]:
    return patch.object(album, "utc_now", lambda: moment)


async def _overdue(on: Rig) -> int:
    """Keep pictures of the last weeks, do what is due daily, and count what is late."""
    kept, now = on.home.cameras.album, utc_now()
    late = set[str]()
    for number in range(PICTURES):
        age = timedelta(days=2 * DAYS * number / PICTURES)
        media = await kept.keep(
            What.STILL,
            Taken(f"picture {number}".encode()),
            "taken",
            camera="camera",
            lock=on.driver.ref.id,
            of=-1,
            began=now - age,
            wanted=lambda: True,
        )
        if media and age > timedelta(days=DAYS):
            late.add(media.file)
    with _at(now):
        await on.home.upkeep.run()
    assert on.home.log.last_verified
    assert on.home.log.last_verified.ok
    folder = on.hass.config.path("smartlock_le", "media")
    there = set(await on.hass.async_add_executor_job(os.listdir, folder))
    found = {media.file for media in await kept.of_camera("camera", limit=2 * PICTURES)}
    assert len(found) == PICTURES - len(late)
    return len(late & (there | found))


def _rows() -> list[Row]:
    digest = hashlib.sha256
    return [
        Row(n, digest(str(n).encode()).digest()[:16], "camera", n, 0.9, "")
        for n in range(1, READS + 1)
    ]


def _bare(path: Path) -> float:
    """Put as many rows into a file; return milliseconds for one."""
    rows = _rows()
    began = time.perf_counter()
    with closing(PlateStore.open(path)) as store:
        for at in range(0, READS, _AT_ONCE):
            store.put(rows[at : at + _AT_ONCE])
    return (time.perf_counter() - began) * 1000 / READS


async def _plates(on: Rig, camera: Camera) -> tuple[float, float]:
    """Read plates of as many vehicles; return milliseconds for one, and megabytes."""
    await on.home.set_plates(PlateSettings(on=True), {}, HOME_ACTOR)
    plates = on.home.cameras.plates
    now = utc_now()

    async def read(first: int, count: int) -> None:
        for number in range(first, first + count):
            plate = f"AB{number}"
            read = PlateRead(camera.settings.id, plate, 0.9, now, plate)
            on.home.cameras.read(read)
            if number % _AT_ONCE == 0:
                # As fast as the disk takes them.
                await plates.flush()
        await plates.flush()

    # What is remembered of vehicles is full before it is measured.
    await read(READS, 5000)
    before = resident_mb()
    began = time.perf_counter()
    await read(2 * READS, READS)
    taken = (time.perf_counter() - began) * 1000 / READS
    return taken, resident_mb() - before


async def run(folder: Path, *, profile: bool) -> list[Figure]:
    """Measure all of it."""
    async with rig(folder, camera=True) as on:
        camera = await _camera(on)
        without, hanging = await _delay(on, camera)
        bare, ours = await _pictures(on, camera)
        overdue = await _overdue(on)
        plate_ms, plate_mb = await _plates(on, camera)
    bare_ms = await asyncio.to_thread(_bare, folder / "bare.db")
    added = [one - other for one, other in zip(hanging, without, strict=True)]
    figures = {
        "door_delay_ms": p50(added),
        "door_delay_p99_ms": p99(added),
        "door_p50_ms": p50(without),
        "snapshot_entry_p50_ms": p50(ours),
        "snapshot_entry_p99_ms": p99(ours),
        "snapshot_bare_p50_ms": p50(bare),
        "snapshot_x": p50(ours) / p50(bare),
        "overdue_media": float(overdue),
        "plate_read_ms": plate_ms,
        "plate_x": plate_ms / bare_ms,
        "plate_memory_growth_mb": plate_mb,
    }
    units = {
        "snapshot_x": "x",
        "overdue_media": "",
        "plate_x": "x",
        "plate_memory_growth_mb": "MB",
    }
    return [
        Figure(name, value, units.get(name, "ms"), bar=BARS.get(name))
        for name, value in figures.items()
    ]
