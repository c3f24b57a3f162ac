"""A picture for each access: real cameras of Home Assistant, a real door, the real log."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
import hashlib
from http import HTTPStatus
import io
import os
from pathlib import Path
import stat
import time
from typing import Any, Self

from homeassistant.components.media_source import async_resolve_media
from homeassistant.components.media_source.error import Unresolvable
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
import jwt
from PIL import Image
import pytest
from pytest_homeassistant_custom_component.common import MockUser
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    MockHAClientWebSocket,
    WebSocketGenerator,
)

from custom_components.smartlock_le.cameras import (
    album,
    camera as camera_module,
    cameras as cameras_module,
)
from custom_components.smartlock_le.cameras.masks import parse
from custom_components.smartlock_le.log import LogUnavailable, verify
from custom_components.smartlock_le.models import (
    FRESH,
    UNKNOWN_ACTOR,
    AccessEvent,
    AccessKind,
    Method,
    utc_now,
)
from tests.conftest import log_of, until
from tests.log.support import edit
from tests.support import act, as_admin, fail_writes, unwritable
from virtual_home.camera import HEIGHT, WIDTH, Trouble

from .conftest import ENTITY, LAST, PRIVACY, Door, add_camera
from .test_still import LEFT_HALF

SETTING = {"setting": "x", "value": "y"}
MEDIA_URL = "/api/smartlock_le/media/"


async def switch(hass: HomeAssistant, *, on: bool) -> None:
    """Throw the privacy switch."""
    await hass.services.async_call(
        "switch",
        "turn_on" if on else "turn_off",
        {"entity_id": PRIVACY},
        blocking=True,
        context=await as_admin(hass),
    )


def opened(door: Door) -> AccessEvent:
    """Return that somebody opens the door just now."""
    return AccessEvent(
        lock=door.nuki.address,
        event=AccessKind.UNLOCKED,
        method=Method.KEYPAD,
        time=utc_now(),
    )


def endless(path: Path) -> None:
    """Make a file that never ends."""
    path.symlink_to("/dev/zero")


def replace_by(path: Path, make: Callable[[Path], object]) -> None:
    """Put something that is no file in the place of a picture."""
    path.unlink()
    make(path)


async def later(door: Door, days: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let days pass, and what is due each day be done."""
    now = utc_now() + timedelta(days=days)
    monkeypatch.setattr(album, "utc_now", lambda: now)
    await door.home.upkeep.run()


class TestOfAnAccess:
    """From the bolt to the file."""

    async def test_it_is_taken(self, hass: HomeAssistant, door: Door) -> None:
        """The entry names the access, the file and its hash."""
        entry = await door.access()
        [file] = door.files
        data = file.read_bytes()
        assert entry["result"] == "taken"
        assert (entry["file"], entry["bytes"]) == (file.name, len(data))
        assert entry["sha256"] == hashlib.sha256(data).hexdigest()
        assert (entry["width"], entry["height"]) == (WIDTH, HEIGHT)
        assert entry["camera"] == door.subentry.unique_id
        page = await door.home.log.entries(kinds=["access"])
        assert entry["of"] == page.entries[-1].seq
        assert entry["lock"] == page.entries[-1].fields["lock"] == door.nuki.address
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(door.folder.stat().st_mode) == 0o700
        await until(lambda: hass.states.get(LAST).state != STATE_UNKNOWN)

    async def test_zones(self, door: Door) -> None:
        """They are black in the file, and the entry says that there are some."""
        await reconfigure(door, masks=LEFT_HALF)
        entry = await door.access()
        assert (entry["result"], entry["masks"]) == ("taken", 1)
        image = Image.open(door.files[0]).convert("RGB")
        assert max(image.getpixel((20, 20))) < 8
        assert image.getpixel((WIDTH - 20, 20))[2] > 150

    async def test_two_cameras_on_one_door(
        self, hass: HomeAssistant, door: Door
    ) -> None:
        """Each has a picture of its own; one that is dead takes nothing from the other."""
        hass.states.async_set("camera.gone", "idle")
        await add_camera(hass, door.entry, "camera.gone", doors=[door.nuki.address])
        door.nuki.device.turn(lock=False)
        entries = await door.media(2)
        assert {e["camera"]: e["result"] for e in entries} == {
            "camera.gone": "unreachable",
            door.subentry_of(ENTITY): "taken",
        }
        assert len({e["of"] for e in entries}) == 1

    async def test_a_guest_is_told(self, hass: HomeAssistant, door: Door) -> None:
        """That there is a camera at the door, and for how long pictures are kept."""
        text = (await act(hass, "guest_notice"))["text"]
        assert (
            "90 days" in text and "Pictures and clips are erased after 30 days" in text
        )
        # A bell without a door of ours takes some, too.
        await reconfigure(door, doors=[], pictured=["ring"])
        assert "Pictures" in (await act(hass, "guest_notice"))["text"]
        await reconfigure(door, doors=[])
        assert "Pictures" not in (await act(hass, "guest_notice"))["text"]

    async def test_another_door(self, door: Door) -> None:
        """It looks at none of ours: no picture."""
        await reconfigure(door, doors=[])
        door.nuki.device.turn(lock=False)
        await until_accessed(door)
        assert not door.source.asked

    async def test_what_happened_long_ago(self, door: Door) -> None:
        """A lock tells it late: what is at the door now was not there then."""
        event = opened(door)
        late = replace(event, time=event.time - FRESH - timedelta(seconds=1))
        door.home.cameras.accessed(late)
        door.home.cameras.accessed(replace(event, event=AccessKind.CODE_ADDED))
        await asyncio.sleep(0.1)
        assert not door.source.asked

    async def test_renamed(self, hass: HomeAssistant, door: Door) -> None:
        """The camera is known by what does not change."""
        er.async_get(hass).async_update_entity(ENTITY, new_entity_id="camera.other")
        await until(lambda: hass.states.get("camera.other"))
        assert (await door.access())["result"] == "taken"


async def until_accessed(door: Door, count: int = 1) -> None:
    """Wait for so many accesses in the log, and for what they bring."""
    async with asyncio.timeout(20):
        while len(await log_of(door.home, "access")) < count:
            await asyncio.sleep(0.02)
    await door.hass.async_block_till_done()


async def reconfigure(door: Door, **data: object) -> dict[str, object]:
    """Set the camera up anew."""
    flows = door.hass.config_entries.subentries
    flow = await flows.async_init(
        (door.entry.entry_id, "camera"),
        context={"source": "reconfigure", "subentry_id": door.subentry.subentry_id},
    )
    result = await flows.async_configure(
        flow["flow_id"], {"doors": [door.nuki.address], **data}
    )
    await door.hass.async_block_till_done()
    return dict(result)


class TestBadDays:
    """The door waits for no camera, and each picture that is missing says why."""

    @pytest.mark.parametrize(
        ("trouble", "result"),
        [
            (Trouble.HTML, "not_a_picture"),
            (Trouble.BOMB, "too_large"),
            (Trouble.EMPTY, "unreachable"),
            (Trouble.CUT, "not_a_picture"),
            (Trouble.BROKEN, "not_a_picture"),
        ],
    )
    async def test_what_it_gives(
        self, hass: HomeAssistant, door: Door, trouble: Trouble, result: str
    ) -> None:
        """Nothing of it is kept or shown."""
        door.source.trouble = trouble
        entry = await door.access()
        assert (entry["result"], entry["file"], entry["sha256"]) == (result, "", "")
        assert not door.files
        assert hass.states.get(LAST).state == STATE_UNKNOWN
        door.source.trouble = Trouble.NONE
        assert (await door.access())["result"] == "taken"

    async def test_it_hangs(self, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
        """The access is in the log at once, the picture's entry follows."""
        monkeypatch.setattr(camera_module, "DEADLINE", 1)
        door.source.trouble = Trouble.HANGS
        door.nuki.device.turn(lock=False)
        await until_accessed(door)
        assert not await log_of(door.home, "media")
        assert (await door.media(1))[0]["result"] == "unreachable"

    async def test_it_hangs_and_everybody_comes(
        self, door: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A few may wait for it, the others are told at once that they cannot."""
        monkeypatch.setattr(camera_module, "DEADLINE", 1)
        door.source.trouble = Trouble.HANGS
        for _ in range(10):
            door.home.cameras.accessed(opened(door))
        results = [e["result"] for e in await door.media(10)]
        assert results == ["busy"] * 6 + ["unreachable"] * 4

    async def test_it_is_off(self, hass: HomeAssistant, door: Door) -> None:
        """Also when Home Assistant does not have it any more."""
        for entry in hass.config_entries.async_entries("mjpeg"):
            await hass.config_entries.async_remove(entry.entry_id)
        assert (await door.access())["result"] == "unreachable"

    async def test_its_errors_stay_its_own(
        self,
        hass: HomeAssistant,
        door: Door,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """They may say its password."""
        from homeassistant.components.mjpeg.camera import MjpegCamera

        async def fail(*_: object, **__: object) -> bytes:
            raise RuntimeError("rtsp://user:hunter2@camera")

        monkeypatch.setattr(MjpegCamera, "async_camera_image", fail)
        assert (await door.access())["result"] == "unreachable"
        assert "RuntimeError" in caplog.text
        assert "hunter2" not in caplog.text

    async def test_the_disk_is_full(self, door: Door) -> None:
        """There is no picture, and the entry says so."""
        with unwritable(door.folder):
            entry = await door.access()
        assert (entry["result"], entry["file"]) == ("not_kept", "")
        assert (await door.access())["result"] == "taken"
        assert len(door.files) == 1

    async def test_the_log_cannot_be_written(self, door: Door) -> None:
        """Access and picture are entered later, and belong together no less."""
        await fail_writes(door.home)
        door.nuki.device.turn(lock=False)
        await until(lambda: door.files)
        await until(lambda: door.home.log.backlog >= 2)
        [file] = door.files
        await fail_writes(door.home, fail=False)
        await door.home.log.append("setting", {**SETTING, **UNKNOWN_ACTOR.fields()})
        [entry] = await door.media(1)
        assert entry["file"] == file.name
        assert await door.home.cameras.album.find(file.name)

    async def test_stopped_between_file_and_entry(
        self, hass: HomeAssistant, door: Door
    ) -> None:
        """What no row names is not shown, and goes when a picture of its age would."""
        kept = (await door.access())["file"]
        young, old, part = (f"{digit * 32}.jpg" for digit in "012")
        for name, days in (
            (young, 29),
            (old, 31),
            (f".{part}.1234", 0.1),
            (f".{part}", 0),
        ):
            (door.folder / name).write_bytes(b"half")
            then = time.time() - days * 86_400
            os.utime(door.folder / name, (then, then))
        (door.folder / "lost+found").mkdir()
        (door.folder / f"{'3' * 32}.jpg").symlink_to(door.folder.parent / "log.db")
        await hass.config_entries.async_reload(door.entry.entry_id)
        await hass.async_block_till_done()
        left = {file.name for file in door.files}
        assert left == {kept, young, f".{part}", "lost+found", f"{'3' * 32}.jpg"}
        assert door.camera.last and door.camera.last.file == kept
        assert await door.home.cameras.album.find(young) is None

    async def test_the_log_is_lost(self, hass: HomeAssistant, door: Door) -> None:
        """The pictures stay until it is put back."""
        await door.access()
        await hass.config_entries.async_unload(door.entry.entry_id)
        database = door.folder.parent / "log.db"
        aside = database.with_name("aside")
        database.rename(aside)
        await hass.config_entries.async_setup(door.entry.entry_id)
        assert not door.home.log.volatile
        assert len(door.files) == 1 and door.camera.last is None

    async def test_a_ring_while_it_starts(
        self, hass: HomeAssistant, door: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing is followed before the folder is in order."""
        hass.states.async_set("binary_sensor.person", "off")
        await reconfigure(door, person=["binary_sensor.person"], pictured=["person"])
        tidy = album.Album.tidy

        async def ring(self: album.Album, days: int) -> None:
            hass.states.async_set("binary_sensor.person", "on")
            await tidy(self, days)
            hass.states.async_set("binary_sensor.person", "off")

        monkeypatch.setattr(album.Album, "tidy", ring)
        await hass.config_entries.async_reload(door.entry.entry_id)
        await hass.async_block_till_done()
        assert not await log_of(door.home, "camera_event", "media")
        hass.states.async_set("binary_sensor.person", "on")
        await door.media(1)
        assert (await door.home.log.verify()).ok

    async def test_reloaded_while_it_hangs(
        self, hass: HomeAssistant, door: Door, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Nothing is lost, for nothing was there yet."""
        door.source.trouble = Trouble.HANGS
        door.nuki.device.turn(lock=False)
        await until(lambda: door.source.asked)
        await hass.config_entries.async_reload(door.entry.entry_id)
        await hass.async_block_till_done()
        assert "are lost" not in caplog.text

    async def test_a_log_in_memory(self, hass: HomeAssistant, door: Door) -> None:
        """Nothing would erase the picture again: none is taken, and none is lost."""
        kept = (await door.access())["file"]
        await hass.config_entries.async_unload(door.entry.entry_id)
        database = door.folder.parent / "log.db"
        aside = database.with_name("aside")
        database.rename(aside)
        database.write_bytes(b"no database at all, but long enough to be looked at")
        await hass.config_entries.async_setup(door.entry.entry_id)
        assert door.home.log.volatile
        asked = door.source.asked
        door.home.cameras.accessed(opened(door))
        await asyncio.sleep(0.1)
        assert door.source.asked == asked
        assert [file.name for file in door.files] == [kept]


class TestPrivacy:
    """The switch really stops it."""

    async def test_the_switch(self, hass: HomeAssistant, door: Door) -> None:
        """On: nothing is asked of the camera. Both ways are entries, and it lasts."""
        assert hass.states.get(PRIVACY).state == STATE_OFF
        await switch(hass, on=True)
        await hass.async_block_till_done()
        assert hass.states.get(PRIVACY).state == STATE_ON
        door.nuki.device.turn(lock=False)
        await until_accessed(door)
        await hass.config_entries.async_reload(door.entry.entry_id)
        await hass.async_block_till_done()
        assert hass.states.get(PRIVACY).state == STATE_ON
        assert not door.source.asked and not await log_of(door.home, "media")
        await switch(hass, on=False)
        door._locked = False
        assert (await door.access())["result"] == "taken"
        settings = await log_of(door.home, "setting")
        camera_id = door.subentry.unique_id
        assert [e["value"] for e in settings if e["setting"] == "private"] == [
            f"{camera_id} on",
            f"{camera_id} off",
        ]
        assert settings[-1]["actor_kind"] == "owner"

    async def test_thrown_meanwhile(self, hass: HomeAssistant, door: Door) -> None:
        """A picture on its way is not kept any more."""
        door.source.delay_s = 0.5
        door.nuki.device.turn(lock=False)
        await until(lambda: door.source.asked)
        await switch(hass, on=True)
        [entry] = await door.media(1)
        assert (entry["result"], door.files) == ("withdrawn", [])

    @pytest.mark.parametrize("change", ["private", "zones", "removed"])
    async def test_changed_while_it_is_written(
        self,
        hass: HomeAssistant,
        door: Door,
        monkeypatch: pytest.MonkeyPatch,
        change: str,
    ) -> None:
        """The owner's last word counts until the entry."""
        put = album.Shelf.put
        camera, subentry = door.camera, door.subentry

        async def happens() -> None:
            if change == "private":
                camera.set(replace(camera.settings, private=True))
            elif change == "zones":
                camera.set(replace(camera.settings, masks=parse(LEFT_HALF)))
            else:
                entries = hass.config_entries
                entries.async_remove_subentry(door.entry, subentry.subentry_id)
                door.home.cameras.sync()

        def slow(shelf: album.Shelf, name: str, data: bytes) -> None:
            put(shelf, name, data)
            asyncio.run_coroutine_threadsafe(happens(), hass.loop).result(10)

        monkeypatch.setattr(album.Shelf, "put", slow)
        door.nuki.device.turn(lock=False)
        [entry] = await door.media(1)
        assert (entry["result"], entry["file"], entry["masks"]) == ("withdrawn", "", 0)
        assert not door.files

    async def test_zones_that_change_while_it_is_taken(
        self, hass: HomeAssistant, door: Door
    ) -> None:
        """A picture with the zones of before is none that the owner wants."""
        door.source.delay_s = 0.5
        door.nuki.device.turn(lock=False)
        await until(lambda: door.source.asked)
        await reconfigure(door, masks=LEFT_HALF)
        [entry] = await door.media(1)
        assert (entry["result"], door.files) == ("withdrawn", [])

    async def test_on_while_off_waits(
        self, hass: HomeAssistant, door: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Who switches it on has the last word, however slow the log is."""
        await switch(hass, on=True)
        append, going = door.home.log.append, asyncio.Event()

        async def slow(*args: Any, **more: Any) -> Any:
            await going.wait()
            return await append(*args, **more)

        with monkeypatch.context() as patch:
            patch.setattr(door.home.log, "append", slow)
            off = asyncio.create_task(switch(hass, on=False))
            await asyncio.sleep(0.1)
            await switch(hass, on=True)
            going.set()
            await off
        assert door.camera.settings.private
        assert door.subentry.data["private"]

    async def test_without_a_log(self, hass: HomeAssistant, door: Door) -> None:
        """On works at once; off waits until it can be entered."""
        await fail_writes(door.home)
        await switch(hass, on=True)
        assert door.camera.settings.private
        with pytest.raises(HomeAssistantError) as caught:
            await switch(hass, on=False)
        assert caught.value.translation_key == "log_unavailable"
        assert door.camera.settings.private


class TestErased:
    """They go on time, with an entry that says so."""

    async def test_retention(
        self, hass: HomeAssistant, door: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """File and whereabouts are gone, the log still verifies, nothing is shown."""
        first = await door.access()
        await later(door, 29, monkeypatch)
        assert len(door.files) == 1
        await later(door, 31, monkeypatch)
        assert not door.files
        [erased] = await log_of(door.home, "media_erased")
        assert (erased["reason"], erased["files"], erased["kept"]) == (
            "retention",
            1,
            0,
        )
        assert door.home.log.last_verified and door.home.log.last_verified.ok
        await until(lambda: hass.states.get(LAST).state == STATE_UNKNOWN)
        assert await door.home.cameras.album.find(first["file"]) is None

    async def test_held(
        self, hass: HomeAssistant, door: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A hold keeps it, and the entry counts it."""
        await door.access()
        window = {
            "since": utc_now() - timedelta(hours=1),
            "until": utc_now() + timedelta(seconds=0.5),
        }
        held = await act(hass, "hold_log", {**window, "reason": "case 12"})
        await asyncio.sleep(0.6)
        await door.access()
        await later(door, 31, monkeypatch)
        assert len(door.files) == 1
        [erased] = await log_of(door.home, "media_erased")
        assert (erased["files"], erased["kept"]) == (1, 1)
        await act(hass, "lift_hold", {"hold": held["hold"], "reason": "closed"})
        await later(door, 31, monkeypatch)
        assert not door.files

    async def test_in_a_backup(
        self, door: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is being copied stays; it goes the next time."""
        await door.access()
        await door.home.log.care.begin_backup()
        await later(door, 31, monkeypatch)
        assert len(door.files) == 1
        await door.home.log.care.end_backup()
        await later(door, 31, monkeypatch)
        assert not door.files

    async def test_the_file_cannot_be_removed(
        self, hass: HomeAssistant, door: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is not shown any more, and it is tried again each day and at each start."""
        await door.access()
        await door.access()

        def fail(*_: object, **__: object) -> None:
            raise OSError(30, os.strerror(30))

        unlink = Path.unlink
        with monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", fail)
            await later(door, 31, patch)
        assert len(door.files) == 2 and door.camera.last is None
        # One of them still cannot be removed: that keeps no other.
        stuck = door.files[0]

        def stick(path: Path, **more: bool) -> None:
            if path == stuck:
                fail()
            unlink(path, **more)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", stick)
            await later(door, 31, patch)
        assert door.files == [stuck]
        await hass.config_entries.async_reload(door.entry.entry_id)
        assert not door.files

    async def test_a_person(
        self, hass: HomeAssistant, door: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Who is erased from the log is erased from the pictures of their visits."""
        now = utc_now()
        with monkeypatch.context() as patch:
            # Long before: somebody else.
            before = now - timedelta(minutes=5)
            patch.setattr(cameras_module, "utc_now", lambda: before)
            other = await door.access()
        # The door is shut behind them.
        await door.access()
        await as_owner(hass, door)
        assert len(await door.media(3)) == len(door.files) == 3
        await act(hass, "erase_person", {"name": "Admin"})
        await until(lambda: len(door.files) == 1)
        assert door.files[0].name == other["file"]
        [erased] = await log_of(door.home, "media_erased")
        assert (erased["reason"], erased["files"]) == ("person", 2)
        assert (await door.home.log.verify()).ok

    async def test_a_person_and_a_picture_on_its_way(
        self, hass: HomeAssistant, door: Door
    ) -> None:
        """It goes as soon as it is there."""
        door.source.delay_s = 1.0
        await as_owner(hass, door)
        await until_accessed(door)
        await until(lambda: door.source.asked)
        await act(hass, "erase_person", {"name": "Admin"})
        [entry] = await door.media(1)
        assert entry["result"] == "taken"
        await until(lambda: not door.files)

    @pytest.mark.parametrize("again", ["daily", "start"])
    async def test_a_person_at_a_bad_moment(
        self,
        hass: HomeAssistant,
        door: Door,
        monkeypatch: pytest.MonkeyPatch,
        again: str,
    ) -> None:
        """What could not be erased then is erased later."""
        await as_owner(hass, door)
        await door.media(1)

        tried = asyncio.Event()

        async def unavailable(_: object) -> None:
            tried.set()
            raise LogUnavailable("not now")

        with monkeypatch.context() as patch:
            patch.setattr(album.Album, "erase_persons", unavailable)
            await act(hass, "erase_person", {"name": "Admin"})
            await asyncio.wait_for(tried.wait(), 10)
        assert len(door.files) == 1
        if again == "daily":
            await door.home.upkeep.run()
        else:
            await hass.config_entries.async_reload(door.entry.entry_id)
        assert not door.files


async def as_owner(hass: HomeAssistant, door: Door) -> None:
    """Move the bolt as a person of the house."""
    await hass.services.async_call(
        "lock",
        "unlock",
        {"entity_id": "lock.front_door"},
        blocking=True,
        context=await as_admin(hass),
    )


class TestVerified:
    """The verifier tells of every picture that is not what its entry says."""

    async def check(self, door: Door) -> list[str]:
        """Check as Home Assistant does, and as anybody can; both say the same."""
        report = await door.home.log.verify()
        folder = door.folder.parent

        def alone() -> verify.Report:
            return verify.verify_store(
                str(folder / "log.db"), str(folder / "keys"), media=str(door.folder)
            )

        assert (await door.hass.async_add_executor_job(alone)).bad == report.bad
        return [what.partition(": ")[2] for _, what in report.bad]

    async def test_all_is_well(self, door: Door) -> None:
        await door.access()
        assert await self.check(door) == []

    async def test_changed(self, door: Door) -> None:
        await door.access()
        data = bytearray(door.files[0].read_bytes())
        data[-10] ^= 1
        door.files[0].write_bytes(data)
        assert await self.check(door) == ["its picture was changed"]

    async def test_gone(self, door: Door) -> None:
        await door.access()
        door.files[0].unlink()
        assert await self.check(door) == ["its picture is gone and no entry says why"]

    async def test_another_kind_of_file(self, door: Door) -> None:
        """What never ends is not read, and what is elsewhere neither."""
        for make in (os.mkfifo, endless, os.mkdir):
            file = door.folder / (await door.access())["file"]
            await door.hass.async_add_executor_job(replace_by, file, make)
        assert await self.check(door) == ["its picture was changed"] * 3

    async def test_it_ends_when_it_is_to(
        self, door: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Home Assistant does not wait for many pictures."""
        await door.access()
        opened_files = []
        path_open = Path.open

        def note(path: Path, *args: Any, **more: Any) -> Any:
            if path.parent == door.folder:
                opened_files.append(path)
                door.home.log._stop.set()
            return path_open(path, *args, **more)

        monkeypatch.setattr(Path, "open", note)
        with pytest.raises(LogUnavailable):
            await door.home.log.verify()
        assert len(opened_files) == 1
        door.home.log._stop.clear()

    async def test_said_to_be_erased(self, door: Door) -> None:
        """Not by an entry."""
        await door.access()
        door.files[0].unlink()
        edit(door.folder.parent, "UPDATE media SET erased = 3")
        assert await self.check(door) == ["its picture is gone and no entry says why"]

    async def test_another_list(
        self, door: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An entry says what it erased: no more can be counted to it."""
        await door.access()
        await later(door, 31, monkeypatch)
        second = await door.access()
        door.files[0].unlink()
        edit(
            door.folder.parent,
            "UPDATE media SET erased = (SELECT max(erased) FROM media) WHERE file = ?",
            second["file"],
        )
        assert "the list of what it erased was changed" in await self.check(door)

    def test_a_name_that_leads_away(self, tmp_path: Path) -> None:
        """A hostile log cannot have other files read."""
        media = verify.Media(str(tmp_path / "media"))
        (tmp_path / "secret").write_bytes(b"secret")
        digest = hashlib.sha256(b"secret").hexdigest()
        media.entry(
            1, {"kind": "media", "file": "../secret", "sha256": digest, "bytes": 6}
        )
        report = verify.Report()
        media.end(report, {})
        assert report.bad == [
            (1, "entry 1: its picture has a name that is none of ours")
        ]

    async def test_without_the_pictures(self, door: Door) -> None:
        """A copy of the database alone can be checked, and that is said."""
        await door.access()
        folder = door.folder.parent
        report = await door.hass.async_add_executor_job(
            verify.verify_store, str(folder / "log.db"), str(folder / "keys")
        )
        assert report.ok
        assert (
            "Pictures and clips were NOT checked against their entries." in report.notes
        )


class Gallery:
    """The media browser of somebody who is logged in."""

    def __init__(self, client: MockHAClientWebSocket) -> None:
        """Take the connection."""
        self._client = client

    @classmethod
    async def of(
        cls, hass: HomeAssistant, connect: WebSocketGenerator, *token: str
    ) -> Self:
        """Connect."""
        assert await async_setup_component(hass, "media_source", {})
        return cls(await connect(hass, *token))

    async def _ask(self, what: str, media_id: str) -> Any:
        """Return the answer, or the code of the error."""
        await self._client.send_json_auto_id(
            {"type": f"media_source/{what}", "media_content_id": media_id}
        )
        answer = await self._client.receive_json()
        return answer["result"] if answer["success"] else answer["error"]["code"]

    async def browse(self, media_id: str = "media-source://smartlock_le") -> Any:
        """Look into something."""
        return await self._ask("browse_media", media_id)

    async def resolve(self, media_id: str) -> Any:
        """Ask where something is."""
        return await self._ask("resolve_media", media_id)


async def a_picture(door: Door) -> str:
    """Have one taken; return what the media browser knows it by."""
    return f"media-source://smartlock_le/{(await door.access())['file']}"


class TestShown:
    """In the gallery and on the entity, for who may see the camera."""

    async def test_gallery(
        self,
        hass: HomeAssistant,
        door: Door,
        hass_ws_client: WebSocketGenerator,
        hass_client: ClientSessionGenerator,
        hass_client_no_auth: ClientSessionGenerator,
    ) -> None:
        """Camera, pictures, the newest first; each can be opened, for minutes."""
        first, second = await door.access(), await door.access()
        gallery = await Gallery.of(hass, hass_ws_client)
        [folder] = (await gallery.browse())["children"]
        assert folder["title"] == "Porch"
        shown = (await gallery.browse(folder["media_content_id"]))["children"]
        assert all(child["title"].endswith(" Front door") for child in shown)
        client, nobody = await hass_client(), await hass_client_no_auth()
        for child, entry in zip(shown, (second, first), strict=True):
            media = await gallery.resolve(child["media_content_id"])
            signed = media["url"].partition("authSig=")[2]
            payload = jwt.decode(signed, options={"verify_signature": False})
            assert payload["exp"] - payload["iat"] == 300
            # Whoever has the signed path needs no login; a thumbnail takes one.
            for who, url in ((nobody, media["url"]), (client, child["thumbnail"])):
                response = await who.get(url)
                assert response.status == HTTPStatus.OK
                assert response.content_type == media["mime_type"] == "image/jpeg"
                assert response.headers["X-Content-Type-Options"] == "nosniff"
                data = await response.read()
                assert hashlib.sha256(data).hexdigest() == entry["sha256"]

    async def test_of_a_camera_that_left(
        self,
        hass: HomeAssistant,
        door: Door,
        hass_ws_client: WebSocketGenerator,
    ) -> None:
        """What it took stays until its time, for admins alone."""
        await door.access()
        hass.config_entries.async_remove_subentry(door.entry, door.subentry.subentry_id)
        await hass.async_block_till_done()
        assert not hass.states.get(LAST) and not hass.states.get(PRIVACY)
        gallery = await Gallery.of(hass, hass_ws_client)
        assert [c["title"] for c in (await gallery.browse())["children"]] == ["Porch"]

    async def test_not_there(
        self, hass: HomeAssistant, door: Door, hass_ws_client: WebSocketGenerator
    ) -> None:
        gallery = await Gallery.of(hass, hass_ws_client)
        lost = f"media-source://smartlock_le/{'0' * 32}.jpg"
        assert await gallery.resolve(lost) == "resolve_media_failed"
        # Nobody asks: a speaker, a script.
        with pytest.raises(Unresolvable):
            await async_resolve_media(hass, await a_picture(door), None)
        await hass.config_entries.async_unload(door.entry.entry_id)
        assert await gallery.resolve(lost) == "resolve_media_failed"
        assert await gallery.browse() == "browse_media_failed"

    async def test_not_for_everybody(
        self,
        hass: HomeAssistant,
        door: Door,
        hass_ws_client: WebSocketGenerator,
        hass_read_only_user: MockUser,
        hass_read_only_access_token: str,
    ) -> None:
        """When somebody came and went is for those who may see the camera."""
        picture = await a_picture(door)
        gallery = await Gallery.of(hass, hass_ws_client, hass_read_only_access_token)
        [folder] = (await gallery.browse())["children"]
        assert (await gallery.resolve(picture))["url"]
        hass_read_only_user.mock_policy({"entities": {"entity_ids": {LAST: True}}})
        assert (await gallery.browse())["children"] == []
        refused = await gallery.browse(folder["media_content_id"])
        assert refused == "browse_media_failed"
        assert await gallery.resolve(picture) == "resolve_media_failed"

    async def test_strangers(
        self,
        hass: HomeAssistant,
        door: Door,
        hass_client: ClientSessionGenerator,
        hass_client_no_auth: ClientSessionGenerator,
        hass_read_only_user: MockUser,
        hass_read_only_access_token: str,
    ) -> None:
        """Nobody without a login, nobody who may not see the camera, no other file."""
        url = MEDIA_URL + (await door.access())["file"]
        nobody = await hass_client_no_auth()
        assert (await nobody.get(url)).status == HTTPStatus.UNAUTHORIZED
        client = await hass_client()
        for other in (f"{'0' * 32}.jpg", "..%2flog.db", "..%2f..%2fsecrets.yaml"):
            found = await client.get(MEDIA_URL + other)
            # What leads elsewhere does not even get past Home Assistant.
            assert found.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND)
        guest = await hass_client(hass_read_only_access_token)
        assert (await guest.get(url)).status == HTTPStatus.OK
        hass_read_only_user.mock_policy({"entities": {"entity_ids": {LAST: True}}})
        assert (await guest.get(url)).status == HTTPStatus.NOT_FOUND

    async def test_the_entity(
        self,
        hass: HomeAssistant,
        door: Door,
        hass_client: ClientSessionGenerator,
    ) -> None:
        """It gives the last picture."""
        entry = await door.access()
        client = await hass_client()
        response = await client.get(f"/api/image_proxy/{LAST}")
        assert response.status == HTTPStatus.OK
        data = await response.read()
        assert hashlib.sha256(data).hexdigest() == entry["sha256"]
        assert Image.open(io.BytesIO(data)).size == (WIDTH, HEIGHT)
        door.files[0].unlink()
        response = await client.get(f"/api/image_proxy/{LAST}")
        assert response.status == HTTPStatus.INTERNAL_SERVER_ERROR
