"""The directory of agencies as a file, for admins."""

from http import HTTPStatus
from typing import Final

from aiohttp import web
from homeassistant.components.http import KEY_HASS_USER, HomeAssistantView
from homeassistant.core import HomeAssistant

from ..const import DOMAIN
from ..home import loaded_home
from ..log import LogUnavailable

URL: Final = f"/api/{DOMAIN}/agencies.csv"
_HEADERS = {
    "Cache-Control": "private, no-store",
    "Content-Disposition": 'attachment; filename="agencies.csv"',
    "X-Content-Type-Options": "nosniff",
}


class AgenciesView(HomeAssistantView):
    """Gives all of them as CSV."""

    url = URL
    name = f"api:{DOMAIN}:agencies"

    def __init__(self, hass: HomeAssistant) -> None:
        """Take Home Assistant: a home may come later."""
        self._hass = hass

    async def get(self, request: web.Request) -> web.Response:
        """Give them."""
        home = loaded_home(self._hass)
        if home is None or not request[KEY_HASS_USER].is_admin:
            return web.Response(status=HTTPStatus.NOT_FOUND)
        try:
            text = await home.agencies.as_csv()
        except LogUnavailable:
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE)
        return web.Response(
            text=text, content_type="text/csv", charset="utf-8", headers=_HEADERS
        )
