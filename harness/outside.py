"""Who is outside the demo's home: two telephones, a monitoring centre, the desk of an agency.

All say what they hear.

One telephone is told by REST; the other, a neighbour's, has Home Assistant's app.
"""

from collections.abc import Callable
from contextlib import AsyncExitStack
from http import HTTPStatus
import re
from typing import Any, Self

from aiohttp import ClientSession, web
from pysiaalarm import SIAAccount
from pysiaalarm.aio import SIAClient, SIAEvent
from pysiaalarm.utils import MessageTypes

from .ports import HOST

ACCOUNT = "AAA1"
APP = "neighbour"
"""What the telephone with the app is called."""
APP_HOOK = "5f" * 32
"""By what Home Assistant knows it; a demo has no secrets."""


def app_data(push_url: str) -> dict[str, Any]:
    """Return what Home Assistant keeps of that telephone, which is told by this address."""
    return {
        "app_id": "io.homeassistant.demo",
        "app_name": "Demo",
        "app_version": "1",
        "app_data": {"push_url": push_url, "push_token": APP},
        "device_id": APP,
        "device_name": APP,
        "manufacturer": "Nobody",
        "model": "Telephone",
        "os_name": "none",
        "os_version": "1",
        "supports_encryption": False,
        "user_id": "0" * 32,
        "webhook_id": APP_HOOK,
    }


class Outside:
    """All of them; an async context manager."""

    def __init__(
        self,
        telephone_port: int,
        centre_port: int,
        say: Callable[[str], None],
        home_url: str,
    ) -> None:
        """Take where they listen, what is called with each line, and where the home is."""
        self._telephone_port = telephone_port
        self._home_url = home_url
        self._centre_port = centre_port
        self._say = say
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Switch them on."""
        app = web.Application()
        app.router.add_post("/", self._rings)
        app.router.add_post("/push", self._is_pushed)
        app.router.add_post("/desk", self._hears)
        app.router.add_get("/press/{action}", self._is_pressed)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, HOST, self._telephone_port).start()
        # It makes itself one of its subclasses.
        centre = SIAClient(  # type: ignore[abstract]
            HOST, self._centre_port, [SIAAccount(ACCOUNT)], self._receives
        )
        await centre.async_start()
        self._stack.push_async_callback(centre.async_stop)
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Switch them off."""
        await self._stack.aclose()

    async def _rings(self, request: web.Request) -> web.Response:
        said = await request.json()
        self._say(f"  telephone: {said.get('title', '')} | {said['message']}")
        return web.Response()

    @property
    def push_url(self) -> str:
        """Where the push service of the app is."""
        return f"{self._here}/push"

    @property
    def _here(self) -> str:
        return f"http://{HOST}:{self._telephone_port}"

    @property
    def desk_url(self) -> str:
        """Where the desk of an agency is told of incidents."""
        return f"{self._here}/desk"

    async def _hears(self, request: web.Request) -> web.Response:
        """Take a message in CAP, whoever signed it: a demo has no secrets."""
        alert = await request.text()
        told = [
            found[1] if (found := re.search(f"<{name}>(.*?)</{name}>", alert)) else "-"
            for name in ("status", "msgType", "event", "headline", "areaDesc")
        ]
        self._say(f"  agency: {' | '.join(told)}")
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _is_pushed(self, request: web.Request) -> web.Response:
        said = await request.json()
        self._say(
            f"  {said['push_token']}: {said.get('title', '')} | {said['message']}"
        )
        for one in said.get("data", {}).get("actions", ()):
            self._say(f"    [{one['title']}]  {self._here}/press/{one['action']}")
        return web.json_response({}, status=HTTPStatus.CREATED)

    async def _is_pressed(self, request: web.Request) -> web.Response:
        """Press a button of a message on the telephone, as the app does."""
        pressed = {"action": request.match_info["action"]}
        event = {
            "event_type": "mobile_app_notification_action",
            "event_data": pressed,
        }
        async with (
            ClientSession() as session,
            session.post(
                f"{self._home_url}/api/webhook/{APP_HOOK}",
                json={"type": "fire_event", "data": event},
            ) as answer,
        ):
            return web.Response(text="Pressed." if answer.ok else "Not pressed.")

    async def _receives(self, event: SIAEvent) -> None:
        if event.message_type is not MessageTypes.NULL and event.sia_code:
            self._say(f"  monitoring centre: {event.code}, {event.sia_code.type}")
