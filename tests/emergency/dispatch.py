"""A server that takes alarms as Noonlight's published Dispatch API says, and nothing else."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
import json
import secrets
from typing import Any

from aiohttp import web
import voluptuous as vol

from harness.ports import HOST, free_port

TOKEN = "server-token-1"
_TEXT = vol.All(str, vol.Length(min=1))
_SERVICES = ("police", "fire", "medical", "other")
_ALARM = vol.Schema(
    {
        vol.Required("name"): _TEXT,
        vol.Required("phone"): vol.Match(r"^1[2-9]\d{9}$"),
        vol.Required("location"): {
            vol.Required("address"): {
                vol.Required("line1"): _TEXT,
                vol.Optional("line2"): _TEXT,
                vol.Required("city"): _TEXT,
                vol.Required("state"): vol.Match("^[A-Z]{2}$"),
                vol.Required("zip"): vol.Match(r"^\d{5}$"),
            }
        },
        vol.Optional("services"): {vol.In(_SERVICES): bool},
    }
)
_STATUS = vol.Schema({vol.Required("status"): "CANCELED"})


@dataclass
class Dispatch:
    """It; `status` is what it answers instead of its own, if anything."""

    port: int = field(default_factory=free_port)
    alarms: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By id, what was said, and how it stands."""
    asked: list[str] = field(default_factory=list)
    status: int = 0
    slow: float = 0.0
    in_parts: bool = False
    """Its answer comes in two."""
    given: str = ""
    """An id to give, instead of one of its own."""

    @property
    def url(self) -> str:
        """Return its address."""
        return f"http://{HOST}:{self.port}"

    @property
    def stands(self) -> list[str]:
        """Return how each alarm stands, in their order."""
        return [one["status"] for one in self.alarms.values()]

    async def make(self, request: web.Request) -> web.StreamResponse:
        """Make an alarm."""
        said = _ALARM(await self._read(request))
        alarm_id = self.given or secrets.token_hex(12)
        self.alarms[alarm_id] = {**said, "status": "ACTIVE"}
        await asyncio.sleep(self.slow)
        told = {"id": alarm_id, "status": "ACTIVE", "owner_id": "1"}
        if not self.in_parts:
            return web.json_response(told, status=201)
        answer = web.StreamResponse(status=201)
        await answer.prepare(request)
        text = json.dumps(told).encode()
        await answer.write(text[:8])
        await asyncio.sleep(0.1)
        await answer.write(text[8:])
        return answer

    async def change(self, request: web.Request) -> web.Response:
        """Cancel one."""
        said = _STATUS(await self._read(request))
        alarm = self.alarms.get(request.match_info["id"])
        if alarm is None:
            return web.json_response({}, status=404)
        alarm["status"] = said["status"]
        return web.json_response(said, status=201)

    async def tell(self, request: web.Request) -> web.Response:
        """Say how one stands."""
        await self._read(request)
        alarm = self.alarms.get(request.match_info["id"])
        if alarm is None:
            return web.json_response({}, status=404)
        return web.json_response({"status": alarm["status"]})

    async def _read(self, request: web.Request) -> Any:
        self.asked.append(f"{request.method} {request.path}")
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise web.HTTPUnauthorized
        if self.status:
            error = web.HTTPException()
            error.set_status(self.status)
            raise error
        return await request.json() if request.method == "POST" else None


@web.middleware
async def _strict(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        answer: web.StreamResponse = await handler(request)
    except vol.Invalid as err:
        return web.json_response({"message": str(err)}, status=400)
    return answer


@asynccontextmanager
async def dispatching(dispatch: Dispatch) -> AsyncGenerator[Dispatch]:
    """Let it be there."""
    app = web.Application(middlewares=[_strict])
    path = "/dispatch/v1/alarms"
    app.router.add_post(path, dispatch.make)
    app.router.add_post(f"{path}/{{id}}/status", dispatch.change)
    app.router.add_get(f"{path}/{{id}}/status", dispatch.tell)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, HOST, dispatch.port).start()
    try:
        yield dispatch
    finally:
        await runner.cleanup()
