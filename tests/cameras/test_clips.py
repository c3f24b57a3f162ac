"""A clip of an access: real ffmpeg on what Home Assistant's cameras show."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from errno import ENOSPC
import hashlib
from http import HTTPStatus
import io
from pathlib import Path
import subprocess
import threading
import time
from typing import Any

from aiohttp import web
from homeassistant.components.camera import Camera as CameraEntity, CameraEntityFeature
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
import imageio_ffmpeg
from PIL import Image, ImageChops, ImageFilter
import psutil
import pytest
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    WebSocketGenerator,
)

from custom_components.smartlock_le.cameras import album, clip as clip_module, filming
from custom_components.smartlock_le.cameras.masks import paint, parse
from custom_components.smartlock_le.models import UNKNOWN_ACTOR, utc_now
from tests.conftest import log_of, until
from tests.support import act
from virtual_home.camera import HEIGHT, WIDTH, Trouble, bar
from virtual_home.frigate import NAME, Frigate, film
from virtual_home.rtsp import RtspCamera

from .conftest import ENTITY, LAST, Door, add_camera
from .test_events import heard
from .test_pictures import (
    MEDIA_URL,
    Gallery,
    as_owner,
    later,
    opened,
    reconfigure,
    switch,
)
from .test_still import LEFT_HALF

assert heard
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
SECONDS = 2
STREAM = "camera.stream"
_RED, _BLUE = (200, 30, 30), (30, 30, 200)


def frames(data: bytes) -> list[Image.Image]:
    """Return the pictures of an MP4, five a second."""
    done = subprocess.run(
        [
            *(FFMPEG, "-loglevel", "error", "-i", "pipe:0"),
            *("-vf", "fps=5", "-f", "image2pipe", "-c:v", "bmp", "pipe:1"),
        ],
        input=data,
        capture_output=True,
        check=True,
    )
    found, at = [], 0
    while at < len(done.stdout):
        size = int.from_bytes(done.stdout[at + 2 : at + 6], "little")
        picture = Image.open(io.BytesIO(done.stdout[at : at + size]))
        found.append(picture.convert("RGB"))
        at += size
    return found


def near(image: Image.Image, spot: tuple[int, int], colour: tuple[int, ...]) -> bool:
    """Tell whether a spot has about that colour."""
    seen = image.getpixel(spot)
    assert isinstance(seen, tuple)
    return all(abs(one - other) < 40 for one, other in zip(seen, colour, strict=True))


def max_of(image: Image.Image) -> Image.Image:
    """Return of each spot its brightest colour."""
    red, green, blue = image.split()
    return ImageChops.lighter(ImageChops.lighter(red, green), blue)


def running() -> list[str]:
    """Return what runs of ffmpeg, of ours."""
    return [
        " ".join(child.cmdline())
        for child in psutil.Process().children(recursive=True)
        if child.status() != psutil.STATUS_ZOMBIE
        and any("frag_keyframe" in part for part in child.cmdline())
    ]


async def filmed(door: Door, **fields: object) -> dict[str, Any]:
    """Turn the bolt; return the entry of the clip."""
    door.nuki.device.turn(lock=False)
    return await clip_entry(door, **fields)


async def clip_entry(door: Door, **fields: object) -> dict[str, Any]:
    """Wait for the entry of a clip."""
    async with asyncio.timeout(40):
        while True:
            for entry in await log_of(door.home, "media"):
                if entry["what"] == "clip" and fields.items() <= entry.items():
                    return entry
            await asyncio.sleep(0.05)


def clips(door: Door) -> list[Path]:
    """Return the clips on the disk."""
    return [file for file in door.files if file.suffix == ".mp4"]


@pytest.fixture(autouse=True)
async def _ffmpeg(hass: HomeAssistant) -> None:
    """Let Home Assistant know where ffmpeg is, as an owner does."""
    assert await async_setup_component(
        hass, "ffmpeg", {"ffmpeg": {"ffmpeg_bin": FFMPEG}}
    )


@pytest.fixture
async def filming_door(hass: HomeAssistant, door: Door) -> AsyncGenerator[Door]:
    """Give a door whose camera makes clips; nothing of ffmpeg is left of it."""
    assert (await reconfigure(door, clip=SECONDS))["reason"]
    yield door
    await hass.config_entries.async_unload(door.entry.entry_id)
    assert not running()


class Slow(CameraEntity):
    """A camera of Home Assistant without a stream, which takes its time."""

    _attr_name = "Stream"

    def __init__(self, still: Any, seconds: float) -> None:
        """Take how long."""
        super().__init__()
        self._still, self._seconds = still, seconds

    async def async_camera_image(
        self, width: int | None = None, height: int | None = None
    ) -> bytes:
        """Return a picture."""
        await asyncio.sleep(self._seconds)
        return bytes(self._still) if isinstance(self._still, bytes) else self._still


class Streaming(CameraEntity):
    """A camera of Home Assistant that says where its stream is."""

    _attr_name = "Stream"
    _attr_supported_features = CameraEntityFeature.STREAM

    def __init__(self, url: str, still: bytes) -> None:
        """Take the address."""
        super().__init__()
        self._url, self._still = url, still

    async def stream_source(self) -> str:
        """Return it."""
        return self._url

    async def async_camera_image(
        self, width: int | None = None, height: int | None = None
    ) -> bytes:
        """Return a picture."""
        return self._still


async def add_stream(hass: HomeAssistant, door: Door, url: str, **data: Any) -> None:
    """Let another camera look at the door, by its stream."""
    await add_other(hass, door, Streaming(url, door.source.picture()), **data)


async def add_other(
    hass: HomeAssistant, door: Door, camera: CameraEntity, **data: Any
) -> None:
    """Let another camera look at the door."""
    await hass.data["entity_components"]["camera"].async_add_entities([camera])
    await hass.async_block_till_done()
    door.hass.config_entries.async_remove_subentry(
        door.entry, door.subentry.subentry_id
    )
    await hass.async_block_till_done()
    data = {"doors": [door.nuki.address], "clip": SECONDS, **data}
    result = await add_camera(hass, door.entry, STREAM, **data)
    assert result["type"] == "create_entry", result
    await hass.async_block_till_done()


@asynccontextmanager
async def server(answer: Any) -> AsyncGenerator[str]:
    """Serve something else on the network."""
    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class TestOfAnAccess:
    """From the bolt to the file, of each kind of camera."""

    async def test_of_pictures(self, filming_door: Door, heard: list[str]) -> None:
        """A camera without a stream is asked for one picture after the other."""
        entry = await filmed(filming_door)
        assert entry["result"] == "taken"
        [file] = clips(filming_door)
        data = file.read_bytes()
        assert (entry["file"], entry["bytes"]) == (file.name, len(data))
        assert entry["sha256"] == hashlib.sha256(data).hexdigest()
        page = await filming_door.home.log.entries(kinds=["access"])
        assert entry["of"] == page.entries[-1].seq
        seen = await asyncio.to_thread(frames, data)
        assert SECONDS * 5 - 3 <= len(seen) <= SECONDS * 5 + 1
        assert seen[0].size == (WIDTH, HEIGHT)
        assert near(seen[0], (20, 20), _RED) and near(seen[0], (WIDTH - 20, 20), _BLUE)
        assert seen[0].tobytes() != seen[-1].tobytes(), "it does not move"
        await until(lambda: sorted(heard) == ["clip", "snapshot"])
        # The picture of the camera stays one that can be shown.
        assert filming_door.camera.last and filming_door.camera.last.file != file.name

    @pytest.mark.parametrize("masks", ["", LEFT_HALF])
    async def test_of_a_stream(
        self, hass: HomeAssistant, door: Door, masks: str
    ) -> None:
        """Home Assistant says where it is."""
        url = f"{door.source.url}/stream.mjpg"
        await add_stream(hass, door, url, masks=masks)
        entry = await filmed(door)
        assert (entry["result"], entry["masks"]) == ("taken", int(bool(masks)))
        data = clips(door)[0].read_bytes()
        seen = await asyncio.to_thread(frames, data)
        assert len(seen) >= SECONDS * 5 - 2
        left = (0, 0, 0) if masks else _RED
        for image in seen:
            assert near(image, (20, 20), left)
            assert near(image, (WIDTH // 2 - 4, HEIGHT // 2), left)
            assert near(image, (WIDTH - 20, 20), _BLUE)

    @pytest.mark.parametrize("masks", ["", LEFT_HALF])
    async def test_of_rtsp(self, hass: HomeAssistant, door: Door, masks: str) -> None:
        """What most cameras speak; without zones it stays as the camera made it."""
        async with RtspCamera(door.source) as camera:
            await add_stream(hass, door, camera.url, masks=masks)
            entry = await filmed(door)
        assert (entry["result"], entry["masks"]) == ("taken", int(bool(masks)))
        seen = await asyncio.to_thread(frames, clips(door)[0].read_bytes())
        assert SECONDS * 5 - 3 <= len(seen) <= SECONDS * 5 + 2
        assert seen[0].size == (WIDTH, HEIGHT)
        for image in seen:
            assert near(image, (20, 20), (0, 0, 0) if masks else _RED)
            assert near(image, (WIDTH - 20, 20), _BLUE)
        if not masks:
            assert seen[0].tobytes() != seen[-1].tobytes(), "it does not move"

    async def test_zones_of_any_shape(self, hass: HomeAssistant, door: Door) -> None:
        """What is black in a picture is black in a clip, and little more."""
        zones = "0.1,0.2,0.7,0.1,0.9,0.8\n0,1,0.3,0.5,0.4,1,0.2,0.8"
        await add_stream(hass, door, f"{door.source.url}/stream.mjpg", masks=zones)
        assert (await filmed(door))["result"] == "taken"
        painted = Image.new("L", (WIDTH, HEIGHT), 255)
        paint(painted, parse(zones))
        # Compression spreads what is beside it.
        inside = painted.filter(ImageFilter.MaxFilter(5))
        outside = painted.filter(ImageFilter.MinFilter(17))
        for image in await asyncio.to_thread(frames, clips(door)[0].read_bytes()):
            dark = max_of(image).point(lambda level: 255 if level < 60 else 0)
            light = ImageChops.invert(dark)
            left_out = ImageChops.multiply(light, ImageChops.invert(inside))
            assert left_out.getbbox() is None
            assert ImageChops.multiply(dark, outside).getbbox() is None

    async def test_of_hls(
        self, hass: HomeAssistant, door: Door, tmp_path: Path
    ) -> None:
        """It comes in pieces of some seconds, and is shown as long as it took."""
        made = film(b"".join(door.source.picture(n / 10) for n in range(60)))
        await asyncio.to_thread(
            subprocess.run,
            [
                *(FFMPEG, "-i", "pipe:0", "-c", "copy", "-f", "hls"),
                *("-hls_time", "2", "-hls_list_size", "0", tmp_path / "live.m3u8"),
            ],
            input=made,
            check=True,
            capture_output=True,
        )

        async def answer(request: web.Request) -> web.FileResponse:
            return web.FileResponse(tmp_path / request.match_info["path"])

        async with server(answer) as url:
            await add_stream(hass, door, f"{url}/live.m3u8?token=1")
            assert (await filmed(door))["result"] == "taken"
        seen = await asyncio.to_thread(frames, clips(door)[0].read_bytes())
        assert len(seen) == pytest.approx(SECONDS * 5, abs=2)
        bars = [
            image.getpixel((bar(n / 5) + 10, HEIGHT - 10))
            for n, image in enumerate(seen)
        ]
        assert all(min(colour) > 180 for colour in bars)

    @pytest.mark.parametrize("sizes", [(640, 1280), (1280, 640)])
    async def test_zones_of_a_stream_that_changes(
        self, hass: HomeAssistant, door: Door, sizes: tuple[int, int]
    ) -> None:
        """A camera may change the size of what it shows; the zones stay where they are."""
        pictures = []
        for width in sizes:
            made = io.BytesIO()
            Image.new("RGB", (width, width * 9 // 16), _RED).save(made, "JPEG")
            pictures.append(made.getvalue())

        async def answer(request: web.Request) -> web.StreamResponse:
            kind = "multipart/x-mixed-replace; boundary=picture"
            response = web.StreamResponse(headers={"Content-Type": kind})
            await response.prepare(request)
            with suppress(ConnectionResetError):
                for number in range(60):
                    data = pictures[number >= 15]
                    head = f"Content-Type: image/jpeg\r\nContent-Length: {len(data)}"
                    part = f"--picture\r\n{head}\r\n\r\n".encode() + data + b"\r\n"
                    await response.write(part)
                    await asyncio.sleep(0.1)
            return response

        async with server(answer) as url:
            await add_stream(hass, door, f"{url}/live", masks=LEFT_HALF, clip=4)
            assert (await filmed(door))["result"] == "taken"
        seen = await asyncio.to_thread(frames, clips(door)[0].read_bytes())
        assert len(seen) >= 15
        for image in seen:
            width, height = image.size
            assert near(image, (20, 20), (0, 0, 0))
            assert near(image, (width // 2 - 4, height - 4), (0, 0, 0))
            assert near(image, (width - 20, 20), _RED)

    async def test_zones_of_pictures(self, door: Door) -> None:
        """They are black before ffmpeg has them."""
        await reconfigure(door, clip=SECONDS, masks=LEFT_HALF)
        entry = await filmed(door)
        assert (entry["result"], entry["masks"]) == ("taken", 1)
        for image in await asyncio.to_thread(frames, clips(door)[0].read_bytes()):
            assert near(image, (20, 20), (0, 0, 0))
            assert near(image, (WIDTH - 20, 20), _BLUE)

    async def test_zones_of_pictures_that_are_turned(
        self, hass: HomeAssistant, door: Door
    ) -> None:
        """The owner drew on what Home Assistant turns; a stream is as it was."""
        camera = Streaming(f"{door.source.url}/stream.mjpg", door.source.picture())
        camera._attr_unique_id = "stream"
        await add_other(hass, door, camera, masks=LEFT_HALF)
        er.async_get(hass).async_update_entity_options(
            STREAM, "camera", {"orientation": 3}
        )
        door.nuki.device.turn(lock=False)
        (line,) = await until(running)
        assert "pipe:0" in line and "drawbox" not in line
        await clip_entry(door, result="taken")

    async def test_its_time(self, filming_door: Door) -> None:
        """It is from when it begins: that is what a person who is erased was near."""
        entry = await filmed(filming_door)
        (kept,) = [
            media
            for media in await filming_door.home.cameras.album.of_camera(
                filming_door.camera.settings.id, limit=9
            )
            if media.file == entry["file"]
        ]
        entered = datetime.fromisoformat(entry["time"])
        assert (entered - kept.time).total_seconds() > SECONDS - 0.5

    async def test_none_unless_it_is_wanted(self, door: Door) -> None:
        await door.access()
        assert [e["what"] for e in await log_of(door.home, "media")] == ["still"]
        assert not running()

    async def test_one_at_a_time(self, filming_door: Door) -> None:
        """Who comes while one is on its way is in that one."""
        filming_door.nuki.device.turn(lock=False)
        await until(running)
        filming_door.nuki.device.turn(lock=True)
        await clip_entry(filming_door, result="busy")
        await clip_entry(filming_door, result="taken")


class TestFrigate:
    """What Frigate recorded begins before the access."""

    @pytest.fixture(autouse=True)
    def _soon(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(filming, "LAG", 0.5)
        monkeypatch.setattr(filming, "PAUSE", 1.0)

    @pytest.fixture
    async def frigate(self, door: Door) -> AsyncGenerator[Frigate]:
        async with Frigate(door.source) as frigate:
            # It must have something from before.
            frigate._began -= 60
            yield frigate

    @pytest.mark.parametrize("masks", ["", LEFT_HALF])
    async def test_it_begins_before(
        self, door: Door, frigate: Frigate, masks: str
    ) -> None:
        await reconfigure(
            door, clip=4, masks=masks, frigate=NAME, frigate_url=frigate.url + "/"
        )
        before = time.time()
        entry = await filmed(door, result="taken")
        start, end = frigate.asked[-1]
        assert end - start == pytest.approx(4)
        assert before - 2.1 <= start <= before + 2
        seen = await asyncio.to_thread(frames, clips(door)[0].read_bytes())
        assert entry["masks"] == int(bool(masks))
        assert len(seen) == pytest.approx(20, abs=2)
        # What moves shows when it was.
        x, y = bar(start) + 10, HEIGHT - 10
        if not masks and x < WIDTH:
            assert near(seen[0], (x, y), (240, 240, 240))
        assert near(seen[0], (20, 20), (0, 0, 0) if masks else _RED)

    async def test_it_is_asked_again(self, door: Door, frigate: Frigate) -> None:
        """It takes its time until what it saw is in a file."""
        await reconfigure(door, clip=1, frigate=NAME, frigate_url=frigate.url)
        await filmed(door, result="taken")
        assert len(frigate.asked) > 1

    async def test_it_has_none(self, door: Door, frigate: Frigate) -> None:
        frigate.broken = True
        await reconfigure(door, clip=1, frigate=NAME, frigate_url=frigate.url)
        entry = await filmed(door)
        assert (entry["result"], entry["file"]) == ("unreachable", "")
        assert len(frigate.asked) == filming.TRIES

    async def test_what_was_private_stays_so(
        self,
        hass: HomeAssistant,
        door: Door,
        frigate: Frigate,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """It records by its own settings, and cuts where it can: not there is the rest."""
        await reconfigure(door, clip=1, frigate=NAME, frigate_url=frigate.url)
        await switch(hass, on=True)
        await switch(hass, on=False)
        await filmed(door, result="taken")
        assert not frigate.asked
        monkeypatch.setattr(filming, "PRIVATE", 0.1)
        door.nuki.device.turn(lock=True)
        door.nuki.device.turn(lock=False)
        await until(lambda: frigate.asked)


class TestWithdrawn:
    """The owner's last word counts, also for a clip on its way."""

    @pytest.mark.parametrize("change", ["private", "zones", "removed"])
    async def test_at_once(
        self, hass: HomeAssistant, filming_door: Door, change: str
    ) -> None:
        """Ffmpeg is ended, and nothing of it was ever on the disk."""
        door = filming_door
        await reconfigure(door, clip=30)
        door.nuki.device.turn(lock=False)
        await until(running)
        await asyncio.sleep(1)
        assert not clips(door) and not list(door.folder.glob(".*"))
        began = time.monotonic()
        if change == "private":
            await switch(hass, on=True)
        elif change == "zones":
            await reconfigure(door, clip=30, masks=LEFT_HALF)
        else:
            entries = hass.config_entries
            entries.async_remove_subentry(door.entry, door.subentry.subentry_id)
        entry = await clip_entry(door)
        assert time.monotonic() - began < 10
        assert (entry["result"], entry["file"], entry["bytes"]) == ("withdrawn", "", 0)
        assert not running() and not clips(door)

    @pytest.mark.parametrize("seconds", [0.6, 5])
    async def test_while_a_picture_is_on_its_way(
        self, hass: HomeAssistant, door: Door, seconds: float
    ) -> None:
        """Home Assistant swallows that its asking was ended: it is all the same."""
        camera = Slow(door.source.picture(), seconds)
        await add_other(hass, door, camera, clip=30)
        door.nuki.device.turn(lock=False)
        await until(running)
        await asyncio.sleep(1)
        began = time.monotonic()
        (seen,) = door.home.cameras.cameras.values()
        await door.home.cameras.set_private(seen, True, UNKNOWN_ACTOR)
        await until(lambda: not running())
        assert time.monotonic() - began < 1
        assert (await clip_entry(door))["result"] == "withdrawn"
        # Nothing waits for the camera either.
        assert time.monotonic() - began < 3

    async def test_stopped_while_it_is_written(
        self,
        hass: HomeAssistant,
        filming_door: Door,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Nothing is left on the disk of which no entry says that it is there."""
        put, writing = album.Shelf.put, threading.Event()
        written = threading.Event()

        def slowly(shelf: album.Shelf, name: str, data: bytes) -> None:
            if name.endswith(".mp4"):
                writing.set()
                time.sleep(0.5)
            put(shelf, name, data)
            if name.endswith(".mp4"):
                written.set()

        monkeypatch.setattr(album.Shelf, "put", slowly)
        filming_door.nuki.device.turn(lock=False)
        await until(writing.is_set)
        await hass.config_entries.async_unload(filming_door.entry.entry_id)
        # The thread goes on, whatever becomes of who waits for it.
        await until(written.is_set)
        await until(lambda: not clips(filming_door))

    async def test_stopped(self, hass: HomeAssistant, filming_door: Door) -> None:
        """Home Assistant ends, and ffmpeg with it."""
        await reconfigure(filming_door, clip=30)
        filming_door.nuki.device.turn(lock=False)
        await until(running)
        await hass.config_entries.async_unload(filming_door.entry.entry_id)
        assert not running() and not clips(filming_door)
        await hass.config_entries.async_setup(filming_door.entry.entry_id)
        assert [e["what"] for e in await log_of(filming_door.home, "media")] in (
            [],
            ["still"],
        )

    async def test_of_a_person_who_is_erased(
        self, hass: HomeAssistant, filming_door: Door
    ) -> None:
        """It goes as soon as it is there."""
        await as_owner(hass, filming_door)
        await until(running)
        await act(hass, "erase_person", {"name": "Admin"})
        await clip_entry(filming_door, result="taken")
        await until(lambda: not filming_door.files)


class TestBadDays:
    """Each clip that is missing says why, and the door waits for none."""

    async def test_no_ffmpeg(
        self, filming_door: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(clip_module, "binary", lambda _: "/nowhere/ffmpeg")
        entry = await filmed(filming_door)
        assert entry["result"] == "no_ffmpeg"
        await filming_door.media(2)
        assert len(filming_door.files) == 1

    async def test_it_says_nothing(
        self, filming_door: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The entry of the door is there long before."""
        monkeypatch.setattr(clip_module, "DEADLINE", 1)
        filming_door.source.trouble = Trouble.HANGS
        began = time.monotonic()
        filming_door.nuki.device.turn(lock=False)
        while not await log_of(filming_door.home, "access"):
            await asyncio.sleep(0.02)
        assert time.monotonic() - began < 2
        entry = await clip_entry(filming_door)
        assert (entry["result"], entry["bytes"]) == ("unreachable", 0)

    async def test_it_gives_no_picture(
        self, hass: HomeAssistant, door: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A camera without a stream that hangs: the next clip is not kept waiting."""
        monkeypatch.setattr(clip_module, "DEADLINE", 1)
        monkeypatch.setattr(clip_module, "_GRACE", 0.5)
        await add_other(hass, door, Slow(door.source.picture(), 1000))
        entry = await filmed(door)
        assert entry["result"] == "unreachable"
        (seen,) = door.home.cameras.cameras.values()
        assert not running() and not seen.filming

    @pytest.mark.parametrize("still", ["text", None, 7])
    async def test_what_is_no_picture(
        self, hass: HomeAssistant, door: Door, still: Any
    ) -> None:
        """A camera is anybody's code; both entries are made."""
        await add_other(hass, door, Slow(still, 0), clip=1)
        door.nuki.device.turn(lock=False)
        assert {e["result"] for e in await door.media(2)} == {"unreachable"}

    async def test_a_bomb(self, hass: HomeAssistant, door: Door) -> None:
        """A picture of a megabyte that would be one of many."""
        made = io.BytesIO()
        Image.new("L", (8000, 8000)).save(made, "JPEG")
        part = b"--x\r\nContent-Type: image/jpeg\r\n\r\n" + made.getvalue() + b"\r\n"

        async def answer(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            response.content_type = "multipart/x-mixed-replace"
            response.headers["Content-Type"] += "; boundary=x"
            await response.prepare(request)
            for _ in range(3):
                await response.write(part)
            return response

        async with server(answer) as url:
            await add_stream(hass, door, f"{url}/stream.mjpg")
            entry = await filmed(door)
        assert (entry["result"], entry["bytes"]) == ("unreachable", 0)

    async def test_it_breaks_off(
        self, hass: HomeAssistant, door: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Somebody cuts the cable: what was seen until then is kept."""
        monkeypatch.setattr(clip_module, "DEADLINE", 1)
        await add_stream(hass, door, f"{door.source.url}/stream.mjpg", clip=6)
        door.nuki.device.turn(lock=False)
        await until(running)
        await asyncio.sleep(4)
        door.source.trouble = Trouble.HANGS
        entry = await clip_entry(door)
        assert entry["result"] == "taken"
        seen = await asyncio.to_thread(frames, clips(door)[0].read_bytes())
        assert 5 <= len(seen) < 28

    async def test_pictures_that_are_none(self, filming_door: Door) -> None:
        """They are left out; those after them are not."""
        filming_door.source.trouble = Trouble.HTML
        filming_door.nuki.device.turn(lock=False)
        await until(running)
        await asyncio.sleep(0.7)
        filming_door.source.trouble = Trouble.NONE
        await clip_entry(filming_door, result="taken")

    async def test_too_large(
        self, filming_door: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(clip_module, "MAX_BYTES", 500)
        assert (await filmed(filming_door))["result"] == "too_large"

    async def test_disk_full(
        self, filming_door: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put = album.Shelf.put

        def full(shelf: album.Shelf, name: str, data: bytes) -> None:
            if name.endswith(".mp4"):
                raise OSError(ENOSPC, "No space left on device")
            put(shelf, name, data)

        monkeypatch.setattr(album.Shelf, "put", full)
        entry = await filmed(filming_door)
        assert (entry["result"], entry["file"]) == ("not_kept", "")

    @pytest.mark.parametrize("kind", ["playlist", "concat"])
    async def test_a_stream_that_leads_to_a_file(
        self, hass: HomeAssistant, door: Door, tmp_path: Path, kind: str
    ) -> None:
        """A camera that was taken over must not have us show files of this machine."""
        secret = tmp_path / "secret.ts"
        await asyncio.to_thread(
            subprocess.run,
            [FFMPEG, "-f", "lavfi", "-i", "testsrc=d=4:r=5", "-f", "mpegts", secret],
            check=True,
            capture_output=True,
        )
        text = {
            "playlist": "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n"
            f"file://{secret}\n#EXT-X-ENDLIST\n",
            "concat": f"ffconcat version 1.0\nfile file:{secret}\n",
        }[kind]
        path = {"playlist": "live.m3u8", "concat": "live.ffconcat"}[kind]

        async def answer(_: web.Request) -> web.Response:
            return web.Response(text=text, content_type="application/x-mpegURL")

        async with server(answer) as url:
            await add_stream(hass, door, f"{url}/{path}")
            entry = await filmed(door)
        assert (entry["result"], entry["bytes"]) == ("unreachable", 0)

    async def test_an_address_that_no_program_takes(
        self, hass: HomeAssistant, door: Door
    ) -> None:
        """It is entered like any other that cannot be reached."""
        await add_stream(hass, door, "rtsp://camera.example/\0")
        assert (await filmed(door))["result"] == "unreachable"

    @pytest.mark.parametrize("url", ["/etc/passwd", "file:///etc/passwd", "concat:a"])
    async def test_an_address_that_is_none(
        self, hass: HomeAssistant, door: Door, url: str
    ) -> None:
        """Then its pictures are taken."""
        await add_stream(hass, door, url)
        assert (await filmed(door))["result"] == "taken"


class TestSetUp:
    """The form says what is wrong."""

    @pytest.mark.parametrize(
        "address",
        [
            "192.168.1.2",
            "ftp://a",
            "http://",
            "http://a:b@c",
            "http://a/?x=1",
            "http://[",
        ],
    )
    async def test_address(self, door: Door, address: str) -> None:
        result = await reconfigure(door, frigate_url=address)
        assert result["errors"] == {"frigate_url": "frigate_url_invalid"}

    async def test_no_ffmpeg(
        self, hass: HomeAssistant, door: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hass.data.pop("ffmpeg")
        monkeypatch.setenv("PATH", "/nowhere")
        result = await reconfigure(door, clip=5)
        assert result["errors"] == {"clip": "ffmpeg_missing"}
        assert (await reconfigure(door, clip=0))["reason"] == "reconfigure_successful"


class TestKept:
    """It is shown, checked and erased like a picture."""

    async def test_shown(
        self,
        hass: HomeAssistant,
        filming_door: Door,
        hass_ws_client: WebSocketGenerator,
        hass_client: ClientSessionGenerator,
    ) -> None:
        entry = await filmed(filming_door)
        gallery = await Gallery.of(hass, hass_ws_client)
        [camera] = (await gallery.browse())["children"]
        children = (await gallery.browse(camera["media_content_id"]))["children"]
        [child] = [c for c in children if c["media_class"] == "video"]
        assert (child["media_content_type"], child["thumbnail"]) == ("video/mp4", None)
        media = await gallery.resolve(child["media_content_id"])
        assert media["mime_type"] == "video/mp4"
        client = await hass_client()
        response = await client.get(media["url"])
        assert response.content_type == "video/mp4"
        data = await response.read()
        assert hashlib.sha256(data).hexdigest() == entry["sha256"]
        # A browser asks for parts.
        response = await client.get(media["url"], headers={"Range": "bytes=4-7"})
        assert response.status == HTTPStatus.PARTIAL_CONTENT
        assert await response.read() == data[4:8]
        assert response.headers["Cache-Control"] == "private, no-store"
        assert (await client.get(MEDIA_URL + "x.mp4")).status == HTTPStatus.NOT_FOUND
        assert hass.states.get(LAST) and hass.states.get(ENTITY)

    async def test_checked(self, filming_door: Door) -> None:
        await filmed(filming_door)
        await filming_door.media(2)
        assert not (await filming_door.home.log.verify()).bad
        [file] = clips(filming_door)
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
        assert len((await filming_door.home.log.verify()).bad) == 1

    async def test_erased(
        self, filming_door: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await filmed(filming_door)
        await filming_door.media(2)
        await later(filming_door, 31, monkeypatch)
        assert not filming_door.files
        [erased] = await log_of(filming_door.home, "media_erased")
        assert erased["files"] == 2
        assert not (await filming_door.home.log.verify()).bad

    async def test_old_ones_are_erased_while_one_is_on_its_way(
        self, filming_door: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is not of that time."""
        filming_door.nuki.device.turn(lock=False)
        await until(running)
        await later(filming_door, 31, monkeypatch)
        entry = await clip_entry(filming_door, result="taken")
        assert [file.name for file in clips(filming_door)] == [entry["file"]]


def test_whole() -> None:
    """What broke off ends with its last whole part."""

    def box(kind: bytes, size: int) -> bytes:
        return (size + 8).to_bytes(4) + kind + bytes(size)

    head = box(b"ftyp", 8) + box(b"moov", 100)
    part = box(b"moof", 20) + box(b"mdat", 50)
    assert clip_module.whole(head + part + part) == head + part + part
    for cut in (1, 57, 58, 59, len(part) - 1):
        assert clip_module.whole(head + part + part[:-cut]) == head + part
    for none in (b"", head, head + part[:-1], head + box(b"mdat", 50), b"\0" * 99):
        assert clip_module.whole(none) == b""


async def test_an_old_access(filming_door: Door) -> None:
    """Of what was long ago there is nothing to be seen."""
    event = opened(filming_door)
    object.__setattr__(event, "time", utc_now() - timedelta(hours=1))
    filming_door.home.cameras.accessed(event)
    await asyncio.sleep(0.2)
    assert not running()
