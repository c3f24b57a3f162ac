"""A server that takes webhooks: it checks each as the standard says, and reads its CAP."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook
import xmlschema

from custom_components.smartlock_le.emergency.channels.webhook import new_secret
from custom_components.smartlock_le.emergency.settings import WebhookSettings
from harness.ports import HOST, free_port

CAP = xmlschema.XMLSchema(Path(__file__).parent / "cap" / "CAP-v1.2.xsd")


@dataclass
class Server:
    """One of them; `status` is what it answers."""

    port: int = field(default_factory=free_port)
    secret: str = field(default_factory=new_secret)
    status: int = 204
    slow: float = 0.0
    ids: list[str] = field(default_factory=list)
    """Of all that came, also what was refused."""
    got: list[dict[str, Any]] = field(default_factory=list)
    """What was taken, once each."""
    asked: list[str] = field(default_factory=list)
    before: Callable[[bytes], Awaitable[None]] | None = None
    """Hears of each that comes, before anything is said of it."""
    _taken: set[str] = field(default_factory=set)

    @property
    def url(self) -> str:
        """Return its address."""
        return f"http://{HOST}:{self.port}/hook"

    @property
    def told(self) -> list[str]:
        """Return the kinds of what was taken: *Alert* and the like."""
        return [one["msgType"] for one in self.got if one["status"] == "Actual"]

    def settings(self, **more: Any) -> WebhookSettings:
        """Return what an owner says of it."""
        said = {"url": self.url, "secret": self.secret, "area": "12 Elm Street"}
        return WebhookSettings(**{**said, **more})

    async def take(self, request: web.Request) -> web.Response:
        """Take one, or not."""
        self.asked.append(request.method)
        if request.method == "HEAD":
            return web.Response(status=405)
        body, headers = await request.read(), dict(request.headers)
        await asyncio.sleep(self.slow)
        if self.before:
            await self.before(body)
        Webhook(self.secret).verify(body, headers, json_parse=False)
        message_id = headers["webhook-id"]
        self.ids.append(message_id)
        if self.status < 300 and message_id not in self._taken:
            self._taken.add(message_id)
            assert request.content_type == "application/cap+xml"
            read: Any = CAP.to_dict(body.decode())
            self.got.append(read)
        headers = {"Location": "/elsewhere"} if self.status // 100 == 3 else {}
        return web.Response(status=self.status, headers=headers)


@asynccontextmanager
async def serving(server: Server) -> AsyncGenerator[Server]:
    """Let it be there."""
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", server.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, HOST, server.port).start()
    try:
        yield server
    finally:
        await runner.cleanup()
