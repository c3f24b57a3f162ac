"""Where agencies send signed requests, while the owner has that on."""

import asyncio
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
ANSWER = 0.25
"""Seconds until the answer."""


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
        sender = request.remote or ""
        if home.intake.in_vain.too_many(sender):
            return web.Response(status=HTTPStatus.TOO_MANY_REQUESTS)
        began = asyncio.get_running_loop().time()
        body = await limited(request, MAX_BYTES)
        if body is None:
            home.intake.in_vain.note(sender)
            return web.Response(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        try:
            await home.intake.take(body)
        except RequestError as err:
            home.intake.in_vain.note(sender)
            told = {"error": err.key}
            if isinstance(err, BadField):
                told["field"] = err.field
            return self.json(told, HTTPStatus.BAD_REQUEST)
        except LogUnavailable:
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE)
        # Whatever became of it, the answer takes as long.
        await asyncio.sleep(began + ANSWER - asyncio.get_running_loop().time())
        return web.Response(status=HTTPStatus.ACCEPTED)
