"""Pictures and clips in Home Assistant's media browser: by camera, the newest first."""

from datetime import timedelta
from typing import override

from homeassistant.components.http.auth import async_sign_path
from homeassistant.components.media_player import BrowseError, MediaClass, MediaType
from homeassistant.components.media_source import (
    BrowseMediaSource,
    MediaSource,
    MediaSourceItem,
    PlayMedia,
    Unresolvable,
)
from homeassistant.components.websocket_api import current_connection
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util

from .cameras.models import Media, What
from .const import DOMAIN
from .home import Home, loaded_home
from .log import LogUnavailable
from .web.media import URL, may_see

type _Error = Unresolvable | BrowseError

_SIGNED = timedelta(minutes=5)
_MOST = 500
"""Pictures shown of one camera."""


async def async_get_media_source(hass: HomeAssistant) -> MediaSource:
    """Set up the gallery."""
    return Gallery(hass)


class Gallery(MediaSource):
    """What is kept of the accesses."""

    name = "SmartLock LE"

    def __init__(self, hass: HomeAssistant) -> None:
        """Take Home Assistant: a home may come later."""
        super().__init__(DOMAIN)
        self._hass = hass

    def _home(self, error: type[_Error]) -> Home:
        if home := loaded_home(self._hass):
            return home
        raise error(translation_domain=DOMAIN, translation_key="home_not_loaded")

    @override
    async def async_resolve_media(self, item: MediaSourceItem) -> PlayMedia:
        """Say where a picture is, by a path for some minutes."""
        home = self._home(Unresolvable)
        try:
            found = await home.cameras.album.find(item.identifier)
        except LogUnavailable as err:
            raise _unavailable(Unresolvable) from err
        if found is None or not _for_user(home, found.camera):
            raise Unresolvable(
                translation_domain=DOMAIN, translation_key="picture_not_found"
            )
        # Home Assistant itself would sign it for a day.
        path = async_sign_path(self._hass, URL + found.file, _SIGNED)
        return PlayMedia(path, found.what.content_type)

    @override
    async def async_browse_media(self, item: MediaSourceItem) -> BrowseMediaSource:
        """Show the cameras, or the pictures of one."""
        home = self._home(BrowseError)
        try:
            if not item.identifier:
                return await self._cameras(home)
            return await self._pictures(home, item.identifier)
        except LogUnavailable as err:
            raise _unavailable(BrowseError) from err

    async def _cameras(self, home: Home) -> BrowseMediaSource:
        here = {camera.settings.id for camera in home.cameras.cameras.values()}
        # Pictures of a camera that was removed are still there until their time.
        gone = set(await home.cameras.album.cameras())
        children = [
            _folder(one, _name(home, one))
            for one in here | gone
            if _for_user(home, one)
        ]
        root = _folder("", self.name)
        root.children = sorted(children, key=lambda child: child.title)
        return root

    async def _pictures(self, home: Home, camera_id: str) -> BrowseMediaSource:
        folder = _folder(camera_id, _name(home, camera_id))
        if not _for_user(home, camera_id):
            raise BrowseError(
                translation_domain=DOMAIN, translation_key="picture_not_found"
            )
        found = await home.cameras.album.of_camera(camera_id, limit=_MOST)
        folder.children = [_picture(home, one) for one in found]
        return folder


def _for_user(home: Home, camera_id: str) -> bool:
    """Tell whether who is asking may see a camera: times at the door are for them alone."""
    connection = current_connection.get()
    return connection is not None and may_see(home, connection.user, camera_id)


def _name(home: Home, camera_id: str) -> str:
    if camera := home.cameras.find(camera_id):
        return camera.settings.name
    entity_id = er.async_resolve_entity_id(er.async_get(home.hass), camera_id)
    state = home.hass.states.get(entity_id) if entity_id else None
    return state.name if state else camera_id


def _folder(identifier: str, title: str) -> BrowseMediaSource:
    return BrowseMediaSource(
        domain=DOMAIN,
        identifier=identifier or None,
        media_class=MediaClass.DIRECTORY,
        media_content_type=MediaType.IMAGE,
        title=title,
        can_play=False,
        can_expand=True,
        children_media_class=MediaClass.IMAGE if identifier else MediaClass.DIRECTORY,
    )


def _picture(home: Home, found: Media) -> BrowseMediaSource:
    lock = home.roster.find(found.lock)
    is_clip = found.what is What.CLIP
    time = dt_util.as_local(found.time).strftime("%Y-%m-%d %H:%M:%S")
    return BrowseMediaSource(
        domain=DOMAIN,
        identifier=found.file,
        media_class=MediaClass.VIDEO if is_clip else MediaClass.IMAGE,
        media_content_type=found.what.content_type,
        title=f"{time} {lock.ref.name}" if lock else time,
        can_play=True,
        can_expand=False,
        thumbnail=None if is_clip else URL + found.file,
    )


def _unavailable(error: type[_Error]) -> _Error:
    return error(translation_domain=DOMAIN, translation_key="log_unavailable")
