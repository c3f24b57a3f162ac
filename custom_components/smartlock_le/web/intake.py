"""Where agencies send signed requests, while the owner has that on."""

from http import HTTPStatus
from typing import Final

from aiohttp import web
from homeassistant.components.http import HomeAssistantView
from homeassistant.core import HomeAssistant

from ..const import DOMAIN
from ..home import loaded_home
from ..log import LogUnavailable
from ..requests.intake import MAX_BYTES, SCHEMA
from ..requests.models import BadField, RequestError
from .body import limited

URL: Final = f"/api/{DOMAIN}/intake/"
_STATUS = {
    "request_reference_used": HTTPStatus.CONFLICT,
    "request_too_many": HTTPStatus.TOO_MANY_REQUESTS,
}


class IntakeView(HomeAssistantView):
    """Takes what is signed. That it was taken is all that anybody ever hears."""

    url = URL + "{token}"
    name = f"api:{DOMAIN}:intake"
    requires_auth = False

    def __init__(self, hass: HomeAssistant) -> None:
        """Take Home Assistant: a home may come later."""
        self._hass = hass

    async def get(self, request: web.Request, token: str) -> web.StreamResponse:
        """Give the schema of what may be sent."""
        home = loaded_home(self._hass)
        if home is None or not home.intake.is_here(token):
            return web.Response(status=HTTPStatus.NOT_FOUND)
        return web.FileResponse(
            SCHEMA, headers={"Content-Type": "application/schema+json"}
        )

    async def post(self, request: web.Request, token: str) -> web.Response:
        """Take one."""
        home = loaded_home(self._hass)
        if home is None or not home.intake.is_here(token):
            return web.Response(status=HTTPStatus.NOT_FOUND)
        if home.intake.busy():
            return web.Response(status=HTTPStatus.TOO_MANY_REQUESTS)
        body = await limited(request, MAX_BYTES)
        if body is None:
            return web.Response(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        try:
            await home.intake.take(body)
        except BadField as err:
            return self.json({"error": err.key, "field": err.field}, 400)
        except RequestError as err:
            status = _STATUS.get(err.key, HTTPStatus.BAD_REQUEST)
            return self.json({"error": err.key}, status)
        except LogUnavailable:
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE)
        return web.Response(status=HTTPStatus.ACCEPTED)
