"""The push service of Home Assistant's app: it takes what the app's registration names."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from harness.ports import HOST, free_port


@dataclass
class PushService:
    """It, and what it was asked to bring to whom; `status` is what it answers."""

    port: int = field(default_factory=free_port)
    status: int = 201
    slow: float = 0.0
    asked: int = 0
    brought: defaultdict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """By the token of a telephone."""

    @property
    def url(self) -> str:
        """Return its address."""
        return f"http://{HOST}:{self.port}/push"

    async def take(self, request: web.Request) -> web.Response:
        """Take one, or not."""
        self.asked += 1
        await asyncio.sleep(self.slow)
        body = await request.json()
        assert {"app_id", "app_version", "webhook_id"} <= body[
            "registration_info"
        ].keys()
        if self.status < 300:
            self.brought[body["push_token"]].append(body)
        limits = {"successful": 1, "errors": 0, "total": 1, "maximum": 500}
        limits |= {"remaining": 499}
        resets = {"resetsAt": "2100-01-01T00:00:00.000Z"}
        return web.json_response({"rateLimits": limits | resets}, status=self.status)


@asynccontextmanager
async def pushing(service: PushService) -> AsyncGenerator[PushService]:
    """Let it be there."""
    app = web.Application()
    app.router.add_post("/push", service.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, HOST, service.port).start()
    try:
        yield service
    finally:
        await runner.cleanup()
