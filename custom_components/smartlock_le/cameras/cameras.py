"""The cameras of the home: which there are, and a picture for each access."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
import logging
from pathlib import Path
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.core import HomeAssistant, callback

from ..const import (
    CONF_CLIP,
    CONF_DOORS,
    CONF_FRIGATE,
    CONF_FRIGATE_URL,
    CONF_MASKS,
    CONF_PICTURED,
    CONF_PRIVATE,
    SUBENTRY_CAMERA,
)
from ..log import MEDIA, Log, LogUnavailable
from ..models import FRESH, AccessEvent, AccessKind, Actor, utc_now
from . import masks
from .album import Album
from .announcers import Announcers
from .camera import Camera
from .filming import film
from .frigate import Frigate
from .models import Media, Seen, Settings, What
from .plate_file import PlatesLocked
from .plate_reads import PlateReads, PlateSettings
from .plates import PlateList, PlateRead

_LOGGER = logging.getLogger(__name__)

_AT_THE_DOOR = {
    AccessKind.UNLOCKED,
    AccessKind.LOCKED,
    AccessKind.OPENED,
    AccessKind.DENIED,
    AccessKind.JAMMED,
}
ACCESS, ALARM = "access", "alarm"
"""What a picture is of, beside what is announced."""

_ENDING = 5.0
"""Seconds that pictures on their way have to end."""
QUIET = timedelta(seconds=10)
"""A sensor that flutters does not fill the disk: so long after an entry is no other."""
EVENTS = {What.STILL: "snapshot", What.CLIP: "clip"}
"""The events of a picture and of a clip that are kept."""
PLATE = "plate"
"""The event of a listed plate."""

type Spawn = Callable[[Coroutine[Any, Any, Any], str], object]
type AddCamera = Callable[[str, Camera], None]
"""Adds the entities of a camera: its subentry id and the camera."""


def settings_of(subentry: ConfigSubentry) -> Settings:
    """Return what a subentry says of its camera."""
    assert subentry.unique_id
    data = subentry.data
    return Settings(
        subentry.unique_id,
        subentry.title,
        frozenset(data[CONF_DOORS]),
        # It was checked before it was saved.
        masks.parse(data[CONF_MASKS]),
        data[CONF_PRIVATE],
        {kind: tuple(data[kind]) for kind in Seen if data.get(kind)},
        data.get(CONF_FRIGATE, ""),
        data.get(CONF_FRIGATE_URL, ""),
        # A number out of the form has a point.
        int(data.get(CONF_CLIP, 0)),
        frozenset(map(Seen, data.get(CONF_PICTURED, ()))),
    )


def _only(doors: frozenset[str]) -> str:
    """Return the one door; of two it cannot be said at which something was."""
    return next(iter(doors)) if len(doors) == 1 else ""


class Cameras:
    """One Camera a subentry, and the album of all."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        log: Log,
        folder: Path,
        spawn: Spawn,
        warn: Callable[[Camera], object],
    ) -> None:
        """Take the log, our private folder, and what starts tasks.

        `warn` is called when a plate that the owner watches for was read on a camera.
        """
        self._warn = warn
        self._topic = ""
        self._hass = hass
        self._entry = entry
        self._log = log
        self._spawn = spawn
        self._add: list[AddCamera] = []
        self.album = Album(hass, log, folder / MEDIA)
        self.cameras: dict[str, Camera] = {}
        """By subentry id."""
        self._announcers: dict[str, Announcers] = {}
        """The same."""
        self._entered: dict[tuple[str, Seen], datetime] = {}
        """When something was entered last of a camera."""
        self._erasures = 0
        """How often a person was erased since the start."""
        self._switched: dict[str, int] = {}
        """How often the privacy of a camera was set since the start."""
        self._following = False
        self._taking = set[asyncio.Task[Any]]()
        self._undo = log.care.on_person_erased(self._person_erased)
        self.plates = PlateReads(hass, log, folder, spawn, self._plate_hit)
        self._frigate = Frigate(
            hass, spawn, self._named_in_frigate, self._frigate_saw, self.read
        )

    async def start(self, plates: PlateSettings, days: int) -> None:
        """Take up the cameras and their last pictures, and the reads of plates.

        `days` is how long pictures are kept.
        """
        self.sync()
        try:
            await self.album.erase_persons()
            await self.album.tidy(days)
            for camera in self.cameras.values():
                await self._show_last(camera)
        except LogUnavailable as err:
            _LOGGER.warning("The pictures cannot be read: %s", err)
        # Only now: what is announced brings new ones.
        self._following = True
        for sid, camera in self.cameras.items():
            self._announcers[sid].follow(camera.settings.announced)
        await self.start_plates(plates)

    async def stop(self) -> None:
        """Follow nothing any more, end what is on its way, and write what waits."""
        self._following = False
        for task in self._taking:
            task.cancel()
        self._undo()
        self._frigate.stop()
        for announcers in self._announcers.values():
            announcers.stop()
        if self._taking:
            await asyncio.wait(self._taking, timeout=_ENDING)
        await self.plates.stop()
        self.plates.end()

    @callback
    def on_new(self, add: AddCamera) -> None:
        """Call `add` with every camera there is and every camera to come."""
        self._add.append(add)
        for subentry_id, camera in self.cameras.items():
            add(subentry_id, camera)

    def find(self, camera_id: str) -> Camera | None:
        """Return the camera of that id, if it is in the home."""
        for camera in self.cameras.values():
            if camera.settings.id == camera_id:
                return camera
        return None

    @callback
    def sync(self) -> None:
        """Follow the subentries: cameras that came, went, or were set up anew."""
        wanted = {
            sid: settings_of(subentry)
            for sid, subentry in self._entry.subentries.items()
            if subentry.subentry_type == SUBENTRY_CAMERA
        }
        for sid in set(self.cameras) - set(wanted):
            gone = self.cameras.pop(sid)
            # For a picture that is on its way.
            gone.set(replace(gone.settings, private=True))
            self._announcers.pop(sid).stop()
        for sid, settings in wanted.items():
            if known := self.cameras.get(sid):
                if known.settings != settings:
                    known.set(settings)
                    if self._following:
                        self._announcers[sid].follow(settings.announced)
                continue
            camera = self.cameras[sid] = Camera(self._hass, settings)
            self._announcers[sid] = Announcers(self._hass, partial(self._seen, camera))
            if self._following:
                self._announcers[sid].follow(settings.announced)
            for add in self._add:
                add(sid, camera)
        self._follow_frigate()

    # Pictures

    @callback
    def accessed(self, event: AccessEvent) -> None:
        """Have every camera at that door take a picture; the door waits for none."""
        if event.event not in _AT_THE_DOOR or self._log.volatile:
            return
        if utc_now() - event.time > FRESH:
            return
        for camera in self.cameras.values():
            if event.lock in camera.settings.doors and not camera.settings.private:
                self._spawn(
                    self.take(camera, event.lock, event.entry, ACCESS),
                    f"picture of {event.lock}",
                )

    async def take(self, camera: Camera, lock: str, of: int, because: str) -> None:
        """Take a picture, and a clip if one is wanted; enter each, or why it is not."""
        wanted = [What.STILL, What.CLIP] if camera.settings.clip else [What.STILL]
        task = asyncio.current_task()
        assert task
        self._taking.add(task)
        try:
            async with asyncio.TaskGroup() as group:
                for what in wanted:
                    group.create_task(self._take(what, camera, lock, of, because))
        finally:
            self._taking.discard(task)

    async def _take(
        self, what: What, camera: Camera, lock: str, of: int, because: str
    ) -> None:
        masks_then, erasures = camera.settings.masks, self._erasures
        began = utc_now()
        if what is What.CLIP:
            taken, result = await film(self._hass, camera, masks_then)
        else:
            taken, result = await camera.photograph(masks_then)
        if not self._following:
            # A camera may swallow that its task was ended.
            return
        kept = await self.album.keep(
            what,
            taken,
            result,
            camera=camera.settings.id,
            lock=lock,
            of=of,
            began=began,
            wanted=lambda: self._following and camera.wants(masks_then),
        )
        if kept and what is What.STILL:
            camera.show(kept)
        if kept:
            camera.tell(EVENTS[what], because)
        if erasures != self._erasures:
            # It may be of somebody who was erased meanwhile.
            await self._erase_persons()

    @callback
    def alarm(self, of: int) -> None:
        """Have every camera take a picture of an alarm, whose entry has this number."""
        for camera in self.cameras.values():
            if not camera.settings.private and not self._log.volatile:
                lock = _only(camera.settings.doors)
                self._spawn(self.take(camera, lock, of, ALARM), "picture of an alarm")

    @callback
    def _seen(self, camera: Camera, kind: Seen) -> None:
        """Hear that something was announced on a camera."""
        if camera.settings.private:
            return
        camera.tell(kind)
        which, now = (camera.settings.id, kind), utc_now()
        last = self._entered.get(which)
        # A clock that was set back must not make it deaf.
        if last and timedelta() <= now - last < QUIET:
            return
        if kind in camera.settings.pictured and not self._log.volatile:
            self._entered[which] = now
            self._spawn(self._enter(camera, kind), f"{kind} at {camera.settings.id}")

    async def _enter(self, camera: Camera, kind: Seen) -> None:
        lock = _only(camera.settings.doors)
        entry = await self._log.append_or_keep(
            "camera_event",
            {"camera": camera.settings.id, "lock": lock, "event": kind.value},
        )
        await self.take(camera, lock, entry.seq if entry else -1, kind)

    async def _show_last(self, camera: Camera) -> None:
        found = await self.album.of_camera(camera.settings.id, limit=1, what=What.STILL)
        camera.show(found[0] if found else None)

    async def erase_old(self, days: int) -> None:
        """Erase the pictures older than so many days, and what was left of others.

        Raises LogUnavailable.
        """
        await self._gone(await self.album.erase_old(days))
        await self._gone(await self.album.erase_persons())
        await self.album.tidy(days)

    @callback
    def _person_erased(self) -> None:
        self._erasures += 1
        self._spawn(self._erase_persons(), "pictures of a person")

    async def _erase_persons(self) -> None:
        try:
            await self._gone(await self.album.erase_persons())
        except LogUnavailable as err:
            _LOGGER.warning("Pictures of an erased person are still there: %s", err)

    async def _gone(self, erased: list[Media]) -> None:
        """Show no picture that is not there."""
        files = {media.file for media in erased}
        for camera in self.cameras.values():
            if camera.last and camera.last.file in files:
                await self._show_last(camera)

    # Plates

    async def start_plates(self, settings: PlateSettings) -> None:
        """Read plates as the owner wants it now; where that cannot be, read none."""
        if not self.plates.change(settings):
            await self.plates.stop()
            try:
                await self.plates.start(settings)
            except PlatesLocked as err:
                _LOGGER.error("Plates cannot be read: %s", err)
        self._topic = settings.topic
        self._follow_frigate()

    def _follow_frigate(self) -> None:
        if not self._following:
            return
        named = any(camera.settings.frigate for camera in self.cameras.values())
        self._frigate.follow(self._topic if named else "")

    def _named_in_frigate(self, name: str) -> str | None:
        for camera in self.cameras.values():
            if name and camera.settings.frigate == name:
                return camera.settings.id
        return None

    def _frigate_saw(self, camera_id: str, kind: Seen) -> None:
        if camera := self.find(camera_id):
            self._seen(camera, kind)

    @callback
    def read(self, read: PlateRead) -> None:
        """Take what somebody read on a camera."""
        camera = self.find(read.camera)
        if camera and camera.settings.private:
            # Frigate says it again of this vehicle, also when the switch is off.
            self.plates.pass_over(read)
        elif camera:
            self.plates.read(read)

    def _plate_hit(self, camera_id: str, which: PlateList) -> None:
        if camera := self.find(camera_id):
            camera.tell(PLATE, which)
            self._spawn(self._enter_plate(camera, which), "listed plate")

    async def _enter_plate(self, camera: Camera, which: PlateList) -> None:
        lock = _only(camera.settings.doors)
        entry = await self._log.append_or_keep(
            "plate", {"camera": camera.settings.id, "lock": lock, "list": which.value}
        )
        if which is PlateList.WATCH:
            self._warn(camera)
        if not self._log.volatile:
            await self.take(camera, lock, entry.seq if entry else -1, PLATE)

    # The switch

    async def set_private(self, camera: Camera, private: bool, actor: Actor) -> None:
        """Take no picture of a camera from now on, or take them again.

        On works at once, whatever the log does; off raises LogUnavailable where it could
        not be entered first.
        """
        camera_id = camera.settings.id
        turn = self._switched[camera_id] = self._switched.get(camera_id, 0) + 1
        fields = {
            "setting": CONF_PRIVATE,
            "value": f"{camera_id} {'on' if private else 'off'}",
            **actor.fields(),
        }
        if private:
            self._save_private(camera, private)
            await self._log.append_or_keep("setting", fields)
        else:
            await self._log.append("setting", fields)
            # Who switched it on meanwhile has the last word.
            if self._switched[camera_id] == turn:
                self._save_private(camera, private)

    @callback
    def _save_private(self, camera: Camera, private: bool) -> None:
        camera.set(replace(camera.settings, private=private))
        for subentry in self._entry.subentries.values():
            if subentry.unique_id == camera.settings.id:
                self._hass.config_entries.async_update_subentry(
                    self._entry,
                    subentry,
                    data={**subentry.data, CONF_PRIVATE: private},
                )
