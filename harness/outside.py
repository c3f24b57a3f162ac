"""Who is outside the demo's home: a telephone and a monitoring centre. Both say what they hear."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Self

from aiohttp import web
from pysiaalarm import SIAAccount
from pysiaalarm.aio import SIAClient, SIAEvent
from pysiaalarm.utils import MessageTypes

from .ports import HOST

ACCOUNT = "AAA1"


class Outside:
    """Both of them; an async context manager."""

    def __init__(
        self, telephone_port: int, centre_port: int, say: Callable[[str], None]
    ) -> None:
        """Take where they listen, and what is called with each line."""
        self._telephone_port = telephone_port
        self._centre_port = centre_port
        self._say = say
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Switch them on."""
        app = web.Application()
        app.router.add_post("/", self._rings)
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

    async def _receives(self, event: SIAEvent) -> None:
        if event.message_type is not MessageTypes.NULL and event.sia_code:
            self._say(f"  monitoring centre: {event.code}, {event.sia_code.type}")
