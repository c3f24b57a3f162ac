"""What is released: to look at for admins, to fetch once for who has its address."""

import asyncio
from html import escape
from http import HTTPStatus
from typing import IO, Final

from aiohttp import hdrs, web
from homeassistant.components.http import KEY_HASS_USER, HomeAssistantView
from homeassistant.core import HomeAssistant

from ..actors import from_request
from ..const import DOMAIN
from ..home import Home, loaded_home
from ..log import LogUnavailable
from ..notices import common_texts
from ..requests.models import RequestError
from ..sharing.models import ReleaseError
from ..sharing.records import Sending

PREVIEW_URL: Final = f"/api/{DOMAIN}/preview/"
CARRY_URL: Final = f"/api/{DOMAIN}/carry/"
URL: Final = f"/api/{DOMAIN}/release/"
REPORT: Final = "report.html"
BUNDLE: Final = "preview.zip"
_PIECE: Final = 64 * 1024
_HEADERS: Final = {
    "Cache-Control": "private, no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
_NOTHING: Final = "default-src 'none'; sandbox"
_READ: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
_ASK: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_STYLE: Final = (
    "body{font:18px/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;"
    "padding:0 1rem}button{font:inherit;padding:.6rem 1.2rem}"
)


class _View(HomeAssistantView):
    def __init__(self, hass: HomeAssistant) -> None:
        """Take Home Assistant: a home may come later."""
        self._hass = hass

    def _home_for(self, request: web.Request) -> Home | None:
        """Return the home, for an admin."""
        admin = request[KEY_HASS_USER].is_admin
        return loaded_home(self._hass) if admin else None


class PreviewView(_View):
    """Gives the owner what would go: the report, or all of it."""

    url = PREVIEW_URL + "{release_id}/{name}"
    name = f"api:{DOMAIN}:preview"

    async def get(
        self, request: web.Request, release_id: str, name: str
    ) -> web.StreamResponse:
        """Give it."""
        home = self._home_for(request)
        if home is None or name not in (REPORT, BUNDLE):
            return web.Response(status=HTTPStatus.NOT_FOUND)
        try:
            path = await home.releases.looked_at(release_id, packed=name == BUNDLE)
        except ReleaseError, RequestError:
            return web.Response(status=HTTPStatus.NOT_FOUND)
        except LogUnavailable:
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE)
        if name == REPORT:
            page = {**_HEADERS, "Content-Type": "text/html; charset=utf-8"}
            page["Content-Security-Policy"] = _READ
            return web.FileResponse(path, headers=page)
        return web.FileResponse(path, headers=_as_file(name))


class CarryView(_View):
    """Gives the owner the file that they take to the agency themselves."""

    url = CARRY_URL + "{release_id}"
    name = f"api:{DOMAIN}:carry"

    async def get(self, request: web.Request, release_id: str) -> web.StreamResponse:
        """Give it, once it is entered."""
        home = self._home_for(request)
        if home is None:
            return web.Response(status=HTTPStatus.NOT_FOUND)
        try:
            sending = await home.releases.carry(release_id, from_request())
        except ReleaseError, RequestError:
            return web.Response(status=HTTPStatus.NOT_FOUND)
        except LogUnavailable:
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE)
        try:
            return await _sent(request, sending)
        finally:
            home.releases.sent(sending)


class ReleaseView(_View):
    """Gives a file to who has its address, once.

    A mail program that looks at addresses asks by GET, and is shown a button; the same one
    at each address, so that nobody finds out which are good.
    """

    url = URL + "{secret}"
    name = f"api:{DOMAIN}:release"
    requires_auth = False

    async def get(self, request: web.Request, secret: str) -> web.Response:
        """Show the button."""
        words = await common_texts(self._hass, "fetch_")
        title, text, button = (
            escape(words[name]) for name in ("title", "text", "button")
        )
        page = (
            f'<!doctype html>\n<html lang="{escape(self._hass.config.language)}"><head>'
            '<meta charset="utf-8"><meta name="viewport" '
            f'content="width=device-width,initial-scale=1"><title>{title}</title>'
            f"<style>{_STYLE}</style></head><body><h1>{title}</h1><p>{text}</p>"
            f'<form method="post"><button>{button}</button></form></body></html>\n'
        )
        headers = {**_HEADERS, "Content-Security-Policy": _ASK}
        return web.Response(text=page, content_type="text/html", headers=headers)

    async def post(self, request: web.Request, secret: str) -> web.StreamResponse:
        """Give it. Whatever is wrong looks the same."""
        home = loaded_home(self._hass)
        if home is None:
            return web.Response(status=HTTPStatus.NOT_FOUND)
        try:
            sending = await home.releases.begin(secret)
        except ReleaseError, RequestError, LogUnavailable:
            return web.Response(status=HTTPStatus.NOT_FOUND)
        try:
            return await _sent(request, sending)
        finally:
            # Also where whoever has all of it does not wait for the end.
            await home.releases.end(sending)


async def _sent(request: web.Request, sending: Sending) -> web.StreamResponse:
    """Send a file piece by piece, as long as it may go."""
    if request.transport:
        sending.abort = request.transport.abort
    try:
        file = await asyncio.to_thread(sending.path.open, "rb")
    except OSError:
        return web.Response(status=HTTPStatus.NOT_FOUND)
    headers = _as_file(sending.release.file_name)
    headers[hdrs.CONTENT_LENGTH] = str(sending.release.size)
    response = web.StreamResponse(headers=headers)
    try:
        if sending.may_go():
            await response.prepare(request)
            await _pieces(response, file, sending)
    finally:
        await asyncio.to_thread(file.close)
    if sending.done:
        await response.write_eof()
    elif request.transport:
        # Half of it must not look like all of it.
        request.transport.abort()
    return response


async def _pieces(
    response: web.StreamResponse, file: IO[bytes], sending: Sending
) -> None:
    while not sending.done:
        piece = await asyncio.to_thread(file.read, _PIECE)
        # Asked last of all: between this and the bytes nothing else runs.
        if not piece or not sending.may_go():
            return
        sending.sent += len(piece)
        await response.write(piece)


def _as_file(name: str) -> dict[str, str]:
    return {
        **_HEADERS,
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Security-Policy": _NOTHING,
    }
