"""Where a plate reader of the house tells what it read: with a token of Home Assistant."""

from http import HTTPStatus
from typing import Final

from aiohttp import web
from homeassistant.auth.permissions.const import POLICY_CONTROL
from homeassistant.components.http import KEY_HASS_USER, HomeAssistantView
from homeassistant.core import HomeAssistant
import orjson

from ..cameras.frigate import plate_read
from ..const import DOMAIN
from ..home import loaded_home
from .body import limited

URL: Final = f"/api/{DOMAIN}/plates"
MAX_BYTES = 4096


class PlatesView(HomeAssistantView):
    """Takes one read: `{"camera": "camera.drive", "plate": "AB 123", "score": 0.93}`.

    `id`, if it is there, names what bears the plate as long as it is in sight. The answer
    says nothing of lists.
    """

    url = URL
    name = f"api:{DOMAIN}:plates"

    def __init__(self, hass: HomeAssistant) -> None:
        """Take Home Assistant: a home may come later."""
        self._hass = hass

    async def post(self, request: web.Request) -> web.Response:
        """Take it."""
        body = await limited(request, MAX_BYTES)
        if body is None:
            return web.Response(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        try:
            data = orjson.loads(body)
        except orjson.JSONDecodeError:
            return web.Response(status=HTTPStatus.BAD_REQUEST)
        if not isinstance(data, dict):
            return web.Response(status=HTTPStatus.BAD_REQUEST)
        home, entity_id = loaded_home(self._hass), data.get("camera")
        if home is None or not home.cameras.plates.settings.on:
            return web.Response(status=HTTPStatus.NOT_FOUND)
        camera = next(
            (
                one
                for one in home.cameras.cameras.values()
                if isinstance(entity_id, str) and one.entity_id == entity_id
            ),
            None,
        )
        user = request[KEY_HASS_USER]
        if camera is None or not user.permissions.check_entity(
            str(entity_id), POLICY_CONTROL
        ):
            return web.Response(status=HTTPStatus.NOT_FOUND)
        read = plate_read(
            camera.settings.id, data.get("plate"), data.get("score"), data.get("id", "")
        )
        if read is None:
            return web.Response(status=HTTPStatus.BAD_REQUEST)
        home.cameras.read(read)
        return web.Response(status=HTTPStatus.NO_CONTENT)
