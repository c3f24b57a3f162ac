"""A clip of a camera: out of what Frigate recorded, else its stream, else its pictures."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from urllib.parse import quote

from homeassistant.core import HomeAssistant

from ..models import utc_now
from .album import TAKEN
from .camera import Camera
from .clip import Frames, Stream, can_open, record
from .masks import Polygon
from .models import NotTaken, Taken, What
from .still import develop

BEFORE = 5
"""Seconds of a clip from before, where those were recorded."""
LAG = 17.0
"""Seconds until Frigate has in a file what it saw: ten of a file, five until it looks."""
PRIVATE = 60.0
"""Seconds after Privacy in which a stream or a recording may still show what was before."""
TRIES = 4
PAUSE = 5.0
"""Seconds until it is asked again."""
_BETWEEN = 0.5
"""Seconds from one picture to the next, of a camera without a stream."""


async def film(
    hass: HomeAssistant, camera: Camera, masks: tuple[Polygon, ...]
) -> tuple[Taken | None, str]:
    """Return a clip as it may be kept, or None and why: the result of its entry.

    It ends at once when the owner does not want it any more.
    """
    if camera.filming:
        return None, "busy"
    if not camera.wants(masks):
        return None, "withdrawn"
    camera.filming = True
    try:
        async with asyncio.timeout(None) as limit:

            def changed() -> None:
                if not camera.wants(masks):
                    limit.reschedule(0)

            undo = camera.on_change(changed)
            try:
                data = await _film(hass, camera, masks)
            finally:
                undo()
    except TimeoutError:
        return None, "withdrawn"
    except NotTaken as err:
        return None, err.result
    finally:
        camera.filming = False
    return Taken(data, What.CLIP, masks=len(masks)), TAKEN


async def _film(
    hass: HomeAssistant, camera: Camera, masks: tuple[Polygon, ...]
) -> bytes:
    seconds, url = camera.settings.clip, camera.settings.frigate_url
    public = utc_now() - camera.public_since
    if public < timedelta(seconds=PRIVATE) or (masks and camera.turned):
        # Those are of now, and zones are where the owner drew them.
        return await record(hass, _pictures(hass, camera, masks), seconds, ())
    if url and camera.settings.frigate:
        return await _recorded(hass, camera, masks)
    if can_open(url := await camera.stream_url() or ""):
        # What comes over HTTP may be single pictures, which no browser plays; HLS is none.
        pictures = url.lower().startswith("http") and ".m3u8" not in url.lower()
        return await record(hass, Stream(url, encoded=not pictures), seconds, masks)
    return await record(hass, _pictures(hass, camera, masks), seconds, ())


async def _recorded(
    hass: HomeAssistant, camera: Camera, masks: tuple[Polygon, ...]
) -> bytes:
    """Return what Frigate recorded from a little before now."""
    settings, now = camera.settings, utc_now().timestamp()
    start = now - min(BEFORE, settings.clip / 2)
    end = start + settings.clip
    await asyncio.sleep(end - now + LAG)
    of = f"{settings.frigate_url}/api/{quote(settings.frigate, safe='')}"
    stream = Stream(f"{of}/start/{start:.3f}/end/{end:.3f}/clip.mp4", encoded=True)
    left = TRIES
    while True:
        left -= 1
        try:
            return await record(hass, stream, settings.clip, masks)
        except NotTaken as err:
            if err.result != "unreachable" or not left:
                raise
        await asyncio.sleep(PAUSE)


async def _pictures(
    hass: HomeAssistant, camera: Camera, masks: tuple[Polygon, ...]
) -> Frames:
    """Yield one picture after the other, masked; those that are none are left out."""
    while True:
        with suppress(NotTaken):
            if data := await camera.picture():
                taken = await hass.async_add_executor_job(develop, data, masks)
                yield taken.data
        await asyncio.sleep(_BETWEEN)
