"""A clip: what ffmpeg makes of what a camera shows, masked before it is anywhere.

ffmpeg gives it to us, and no file is written before it is whole: what is withdrawn
meanwhile was never on the disk. It has no sound: other people's talk is not ours to keep.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
import logging
import sys
from typing import Any

from homeassistant.core import HomeAssistant

from .masks import Polygon, rectangles
from .models import NotTaken

_LOGGER = logging.getLogger(__name__)

LONGEST = 60
"""Seconds a clip may have."""
MAX_BYTES = 64 * 1024 * 1024
DEADLINE = 15
"""Seconds that a source has beyond the length of its clip."""
_GRACE = 3
"""Seconds that ffmpeg has to finish what it has."""
_CHUNK = 64 * 1024
_NETWORK = "rtsp,rtsps,rtp,rtmp,rtmps,srtp,udp,tcp,tls,http,https,crypto"
"""What a stream may lead to: no file of this machine, whatever a camera answers."""
_SCHEMES = ("rtsp", "rtsps", "rtmp", "rtmps", "http", "https")

# An MP4 in parts (ISO/IEC 14496-12, 8.8): what is there of one that broke off can be seen.
_PARTS = ("-movflags", "frag_keyframe+empty_moov+default_base_moof")
_MP4 = (*_PARTS, "-frag_duration", "1000000", "-f", "mp4", "pipe:1")
_ENCODE = (
    *("-c:v", "libx264", "-preset", "veryfast", "-crf", "26"),
    *("-pix_fmt", "yuv420p"),
)
# Small enough for a small machine, and even, which the encoder needs.
_FIT = "scale=w='trunc(min(1280,iw)/2)*2':h=-2"
# Single pictures say of no time: each is shown from when it came.
_AS_THEY_COME = ("-use_wallclock_as_timestamps", "1")
# A picture of a few megabytes may be one of gigabytes.
_NO_BOMB = ("-max_pixels", "50000000")
_OFTEN = f"fps=10,{_FIT}"


@dataclass(frozen=True, slots=True)
class Stream:
    """An address that ffmpeg opens."""

    url: str
    encoded: bool
    """It is what browsers play, and may stay as it is: a camera's H.264."""


type Frames = AsyncIterator[bytes]
"""JPEGs, masked already, as they come."""


def binary(hass: HomeAssistant) -> str:
    """Return the ffmpeg that Home Assistant is set to, or the one on its path."""
    component: Any = sys.modules.get("homeassistant.components.ffmpeg")
    if component is not None:
        with suppress(ValueError):
            return str(component.get_ffmpeg_manager(hass).binary)
    return "ffmpeg"


def can_open(url: str | None) -> bool:
    """Tell whether an address is on the network, as a stream is."""
    return bool(url) and str(url).partition("://")[0].lower() in _SCHEMES


def _of_stream(
    stream: Stream, seconds: int, zones: Sequence[tuple[float, ...]]
) -> list[str]:
    arguments = [*_NO_BOMB, "-protocol_whitelist", _NETWORK]
    if stream.url.lower().startswith("rtsp"):
        # Over UDP, parts get lost.
        arguments += ["-rtsp_transport", "tcp"]
    if not stream.encoded:
        arguments += _AS_THEY_COME
    arguments += ["-i", stream.url]
    fit = _FIT if stream.encoded else _OFTEN
    if stream.encoded and not zones:
        made = ["-c:v", "copy"]
    else:
        made = ["-vf", ",".join([fit, *map(_black, zones)]), *_ENCODE]
    return [*arguments, "-map", "0:v:0", *made, "-t", str(seconds)]


def _black(zone: tuple[float, ...]) -> str:
    # In parts of what each picture has: a stream may change its size. A pixel more on
    # each side makes good for what is cut off of a number.
    x, y, width, height = zone
    place = f"x=iw*{x:.5f}-1:y=ih*{y:.5f}-1:w=iw*{width:.5f}+3:h=ih*{height:.5f}+3"
    return f"drawbox={place}:color=black:t=fill"


def _of_frames(seconds: int) -> list[str]:
    # It need not look ahead to know what they are.
    known = ["-probesize", "32", "-analyzeduration", "0", "-f", "mjpeg"]
    source = [*_NO_BOMB, *_AS_THEY_COME, *known, "-i", "pipe:0"]
    return [*source, "-vf", _OFTEN, *_ENCODE, "-t", str(seconds)]


async def record(
    hass: HomeAssistant,
    source: Stream | Frames,
    seconds: int,
    masks: tuple[Polygon, ...],
) -> bytes:
    """Return so many seconds of a source as MP4, or what there was of them.

    Raises NotTaken. If it is cancelled, ffmpeg is ended at once.
    """
    if isinstance(source, Stream):
        zones = await hass.async_add_executor_job(rectangles, masks)
        arguments, feed = _of_stream(source, seconds, zones), None
    else:
        arguments, feed = _of_frames(seconds), source
    try:
        process = await asyncio.create_subprocess_exec(
            binary(hass),
            *("-nostdin", "-hide_banner", "-loglevel", "quiet"),
            *(*arguments, "-an", "-sn", "-dn", "-map_metadata", "-1", *_MP4),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # It would tell the address, and the password in it.
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError as err:
        _LOGGER.warning("ffmpeg cannot be run: %s", err.strerror)
        raise NotTaken("no_ffmpeg") from None
    except ValueError:
        # No program can be told an address with such a letter.
        raise NotTaken("unreachable") from None
    try:
        made = await _run(process, feed, seconds)
    finally:
        await process.wait()
    if not (clip := whole(made)):
        raise NotTaken("unreachable")
    return clip


async def _run(
    process: asyncio.subprocess.Process, feed: Frames | None, seconds: int
) -> bytearray:
    made = bytearray()
    reading = asyncio.create_task(_read(process, made))
    feeding = asyncio.create_task(_feed(process, feed))
    try:
        done, _ = await asyncio.wait([reading], timeout=seconds + DEADLINE)
        if not done:
            # The camera said nothing any more: what it said before is worth keeping.
            process.terminate()
            await asyncio.wait([reading], timeout=_GRACE)
        if reading.done():
            reading.result()
        if feeding.done():
            feeding.result()
        return made
    finally:
        # First of all, whatever the others wait for.
        if process.returncode is None:
            process.kill()
        for task in (reading, feeding):
            task.cancel()
        await asyncio.gather(reading, feeding, return_exceptions=True)


async def _read(process: asyncio.subprocess.Process, made: bytearray) -> None:
    assert process.stdout
    while chunk := await process.stdout.read(_CHUNK):
        made += chunk
        if len(made) > MAX_BYTES:
            raise NotTaken("too_large")


async def _feed(process: asyncio.subprocess.Process, feed: Frames | None) -> None:
    assert process.stdin
    # It ends when it has enough, and need not tell.
    with suppress(BrokenPipeError, ConnectionResetError):
        if feed is not None:
            async for data in feed:
                process.stdin.write(data)
                await process.stdin.drain()
        # Not waited for: ended meanwhile, asyncio would stumble over who waited.
        process.stdin.close()


def whole(made: bytes | bytearray) -> bytes:
    """Return an MP4 in parts up to its last whole part; empty: no picture is in it."""
    end, last = 0, b""
    for kind, start, size in _boxes(made):
        if kind == b"mdat" and last == b"moof":
            end = start + size
        last = kind
    return bytes(made[:end])


def _boxes(made: bytes | bytearray) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and size of each whole box; ISO/IEC 14496-12, 4.2."""
    start = 0
    while start + 8 <= len(made):
        size = int.from_bytes(made[start : start + 4])
        if size < 8 or start + size > len(made):
            return
        yield bytes(made[start + 4 : start + 8]), start, size
        start += size
