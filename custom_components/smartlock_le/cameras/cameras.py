"""The cameras of the home: which there are, and a picture for each access."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
import logging
from pathlib import Path
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.core import HomeAssistant, callback

from ..const import CONF_DOORS, CONF_MASKS, CONF_PRIVATE, SUBENTRY_CAMERA
from ..log import Log, LogUnavailable
from ..models import AccessEvent, AccessKind, Actor, utc_now
from . import masks
from .album import Album
from .camera import Camera
from .models import Media, Settings

_LOGGER = logging.getLogger(__name__)

_AT_THE_DOOR = {
    AccessKind.UNLOCKED,
    AccessKind.LOCKED,
    AccessKind.OPENED,
    AccessKind.DENIED,
    AccessKind.JAMMED,
}
FRESH = timedelta(seconds=20)
"""A lock may tell of an access hours later: a picture of then cannot be had now."""

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
    )


class Cameras:
    """One Camera a subentry, and the album of all."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        log: Log,
        folder: Path,
        spawn: Spawn,
    ) -> None:
        """Take the log, our private folder, and what starts tasks."""
        self._hass = hass
        self._entry = entry
        self._log = log
        self._spawn = spawn
        self._add: list[AddCamera] = []
        self.album = Album(hass, log, folder)
        self.cameras: dict[str, Camera] = {}
        """By subentry id."""
        self._undo = log.care.on_person_erased(self._person_erased)

    async def start(self) -> None:
        """Take up the cameras and their last pictures."""
        self.sync()
        try:
            await self.album.start()
            for camera in self.cameras.values():
                await self._show_last(camera)
        except LogUnavailable as err:
            _LOGGER.warning("The pictures cannot be read: %s", err)

    def stop(self) -> None:
        """Follow nothing any more."""
        self._undo()

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
            del self.cameras[sid]
        for sid, settings in wanted.items():
            if known := self.cameras.get(sid):
                if known.settings != settings:
                    known.set(settings)
                continue
            camera = self.cameras[sid] = Camera(self._hass, settings)
            for add in self._add:
                add(sid, camera)

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
                self._spawn(self._take(camera, event), f"picture of {event.lock}")

    async def _take(self, camera: Camera, event: AccessEvent) -> None:
        still, result = await camera.photograph()
        kept = await self.album.keep(
            still,
            result,
            camera=camera.settings.id,
            lock=event.lock,
            of=event.entry,
            masks=len(camera.settings.masks),
        )
        if kept:
            camera.show(kept)

    async def _show_last(self, camera: Camera) -> None:
        found = await self.album.of_camera(camera.settings.id, limit=1)
        camera.show(found[0] if found else None)

    async def erase_old(self, days: int) -> None:
        """Erase the pictures older than so many days. Raises LogUnavailable."""
        await self._gone(await self.album.erase_old(days))

    @callback
    def _person_erased(self, entries: list[int]) -> None:
        self._spawn(self._erase_of(entries), "pictures of a person")

    async def _erase_of(self, entries: list[int]) -> None:
        try:
            await self._gone(await self.album.erase_of(entries))
        except LogUnavailable as err:
            _LOGGER.warning("Pictures of an erased person are still there: %s", err)

    async def _gone(self, erased: list[Media]) -> None:
        """Show no picture that is not there."""
        files = {media.file for media in erased}
        for camera in self.cameras.values():
            if camera.last and camera.last.file in files:
                await self._show_last(camera)

    # The switch

    async def set_private(self, camera: Camera, private: bool, actor: Actor) -> None:
        """Take no picture of a camera from now on, or take them again.

        On works at once, whatever the log does; off raises LogUnavailable where it could
        not be entered first.
        """
        fields = {
            "setting": CONF_PRIVATE,
            "value": f"{camera.settings.id} {'on' if private else 'off'}",
            **actor.fields(),
        }
        if private:
            self._save_private(camera, private)
            await self._log.append_or_keep("setting", fields)
        else:
            await self._log.append("setting", fields)
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
