"""Pictures and clips, for who may see their camera: with a login, or by a path that is signed."""

from http import HTTPStatus
from typing import Final

from aiohttp import web
from homeassistant.auth.models import User
from homeassistant.auth.permissions.const import POLICY_READ
from homeassistant.components.http import KEY_HASS_USER, HomeAssistantView
from homeassistant.core import HomeAssistant

from ..const import DOMAIN
from ..home import Home, loaded_home
from ..log import LogUnavailable

URL: Final = f"/api/{DOMAIN}/media/"
_HEADERS = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "default-src 'none'; media-src 'self'",
    "X-Content-Type-Options": "nosniff",
}


class MediaView(HomeAssistantView):
    """Gives one picture or clip, of a clip also parts."""

    url = URL + "{file}"
    name = f"api:{DOMAIN}:media"

    def __init__(self, hass: HomeAssistant) -> None:
        """Take Home Assistant: a home may come later."""
        self._hass = hass

    async def get(self, request: web.Request, file: str) -> web.StreamResponse:
        """Give it. What is not there and what is not for this user looks the same."""
        home = loaded_home(self._hass)
        if home is None:
            return web.Response(status=HTTPStatus.NOT_FOUND)
        try:
            found = await home.cameras.album.find(file)
        except LogUnavailable:
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE)
        if found is None or not may_see(home, request[KEY_HASS_USER], found.camera):
            return web.Response(status=HTTPStatus.NOT_FOUND)
        headers = {**_HEADERS, "Content-Type": found.what.content_type}
        return web.FileResponse(home.cameras.album.path(found), headers=headers)


def may_see(home: Home, user: User, camera_id: str) -> bool:
    """Tell whether a user may see a camera; of one that is not there, admins alone."""
    camera = home.cameras.find(camera_id)
    entity_id = camera.entity_id if camera else None
    if entity_id is None:
        return user.is_admin
    return user.permissions.check_entity(entity_id, POLICY_READ)
