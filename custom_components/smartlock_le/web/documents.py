"""The documents of requests, for admins: each look at one is an entry before it goes."""

from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web
from aiohttp.helpers import content_disposition_header
from homeassistant.components.http import KEY_HASS_USER, HomeAssistantView
from homeassistant.core import HomeAssistant

from ..actors import from_request
from ..const import DOMAIN
from ..home import loaded_home
from ..log import LogUnavailable
from ..requests.models import RequestError

URL: Final = f"/api/{DOMAIN}/documents/"
_HEADERS = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Content-Type": "application/octet-stream",
    "X-Content-Type-Options": "nosniff",
}


class DocumentView(HomeAssistantView):
    """Gives one document, to be kept as a file: a browser opens none of them."""

    url = URL + "{request_id}/{sha256}"
    name = f"api:{DOMAIN}:document"

    def __init__(self, hass: HomeAssistant) -> None:
        """Take Home Assistant: a home may come later."""
        self._hass = hass

    async def get(
        self, request: web.Request, request_id: str, sha256: str
    ) -> web.StreamResponse:
        """Give it."""
        home = loaded_home(self._hass)
        if home is None or not request[KEY_HASS_USER].is_admin:
            return web.Response(status=HTTPStatus.NOT_FOUND)
        try:
            path, found = await home.inbox.document(request_id, sha256, from_request())
        except RequestError:
            return web.Response(status=HTTPStatus.NOT_FOUND)
        except LogUnavailable:
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE)
        named = content_disposition_header("attachment", filename=found.name)
        headers = {**_HEADERS, hdrs.CONTENT_DISPOSITION: named}
        return web.FileResponse(path, headers=headers)
