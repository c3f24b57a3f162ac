"""Where responders look at their page. A token comes in a body, never in an address.

What is wrong with a token looks the same, whatever it is.
"""

from http import HTTPStatus
import json
from typing import Any, Final

from aiohttp import hdrs, web
from homeassistant.components.http import HomeAssistantView
from homeassistant.core import HomeAssistant
from homeassistant.helpers.network import is_cloud_connection

from ..access.models import GrantError
from ..guesses import Guesses
from ..home import Home, loaded_home
from ..models import LockError, LockRefused, LockUnreachable
from ..responder_keeping import PATH
from ..responders.models import Link, LinkError
from ..responders.page import page
from .body import limited
from .shell import HEADERS, Shell, language_of

MAX_BYTES: Final = 2048
PER_ADDRESS: Final = 10
ALTOGETHER: Final = 300
"""Wrong tokens in a minute."""
_SAME: Final = ("same-origin", "none")


class ResponderView(HomeAssistantView):
    """Gives the page to everybody, and what it shows to who has a link."""

    url = PATH
    name = "api:smartlock_le:responder"
    requires_auth = False

    def __init__(self, hass: HomeAssistant) -> None:
        """Take Home Assistant: a home may come later."""
        self._hass = hass
        self._guesses = Guesses(PER_ADDRESS, 60.0, altogether=ALTOGETHER)
        self._shell = Shell(hass)

    async def get(self, request: web.Request) -> web.Response:
        """Give the page, which knows nothing: programs that look at links learn nothing."""
        accepted = request.headers.get(hdrs.ACCEPT_LANGUAGE, "")
        language = language_of(accepted, self._hass.config.language)
        text = await self._shell.page(language)
        response = web.Response(
            text=text, content_type="text/html", headers=self._shell.headers
        )
        # Somebody may stand where the line is bad.
        response.enable_compression()
        return response

    async def post(self, request: web.Request) -> web.Response:
        """Do what who has a link asks for."""
        if request.content_type != "application/json":
            return _no(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        if request.headers.get("Sec-Fetch-Site", _SAME[0]) not in _SAME:
            return _no(HTTPStatus.FORBIDDEN)
        body = await limited(request, MAX_BYTES)
        if body is None:
            return _no(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        said = _texts(body)
        home = loaded_home(self._hass)
        if home is None:
            # Good or bad, whatever it is: it starts, or is gone.
            return _no(HTTPStatus.SERVICE_UNAVAILABLE)
        link = home.responders.links.find(said.get("token", ""))
        if link is None:
            # Only here: who has a good one is never stopped.
            sender = request.remote or ""
            guesses = self._guesses.too_many(sender)
            self._guesses.note(sender)
            return _no(
                HTTPStatus.TOO_MANY_REQUESTS if guesses else HTTPStatus.NOT_FOUND
            )
        try:
            return await _do(home, link, said, _via(self._hass, request))
        except LinkError as err:
            return _json({"error": err.key}, HTTPStatus.CONFLICT)
        except (LockError, GrantError) as err:
            return _json({"error": _reason(err)}, HTTPStatus.CONFLICT)


async def _do(home: Home, link: Link, said: dict[str, str], via: str) -> web.Response:
    links, visit = home.responders.links, said.get("visit", "")
    match said.get("do"):
        case "look":
            visit = await links.look(link, visit, via)
        case "confirm":
            visit = await links.confirm(link, visit, said.get("code", ""), via)
        case "press":
            await links.press(link, visit, said.get("door", ""), via)
        case "code":
            door = said.get("door", "")
            return _json({"code": await links.keypad_code(link, visit, door, via)})
        case "picture":
            camera = said.get("camera", "")
            picture = await links.picture(link, visit, camera, via)
            return web.Response(
                body=picture, content_type="image/jpeg", headers=HEADERS
            )
        case _:
            return _no(HTTPStatus.BAD_REQUEST)
    keeping = home.responders
    if not link.good:
        # Over, while that was done.
        return _no(HTTPStatus.NOT_FOUND)
    return _json(page(link, keeping.sheet, keeping, visit))


def _reason(err: LockError | GrantError) -> str:
    """Return in a word why a door stayed as it is, as far as that is known."""
    if isinstance(err, LockUnreachable):
        return "unreachable"
    if isinstance(err, LockRefused):
        return "refused"
    if isinstance(err, GrantError):
        return "over" if err.key == "grant_not_open" else "refused"
    return "unknown"


def _texts(body: bytes) -> dict[str, str]:
    """Return what is text in an object of JSON; of all else nothing."""
    try:
        said: Any = json.loads(body)
    except ValueError, RecursionError:
        return {}
    if not isinstance(said, dict):
        return {}
    texts = {key: one for key, one in said.items() if isinstance(one, str)}
    # Half a character is no text.
    return {key: one.encode(errors="replace").decode() for key, one in texts.items()}


def _via(hass: HomeAssistant, request: web.Request) -> str:
    """Return from where, as Home Assistant sees it; nothing is decided by it."""
    way = "direct"
    if is_cloud_connection(hass):
        way = "cloud"
    elif hdrs.X_FORWARDED_FOR in request.headers:
        way = "proxy"
    return f"{way} {request.remote or ''}".strip()


def _json(told: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.json_response(told, status=status, headers=HEADERS)


def _no(status: HTTPStatus) -> web.Response:
    return web.Response(status=status, headers=HEADERS)
