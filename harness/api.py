"""A small client of Home Assistant's HTTP and websocket interfaces."""

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any, Self

import aiohttp

from . import HarnessError

type Json = dict[str, Any]


class ApiError(HarnessError):
    """Home Assistant answered with an error. `code` is its status or its own word."""

    def __init__(self, code: int | str, text: str) -> None:
        """Keep both."""
        super().__init__(f"{code}: {text}")
        self.code = code


class Api:
    """Somebody who is logged in, or will be."""

    def __init__(self, base: str) -> None:
        """Talk to the Home Assistant at this address."""
        self.base = base
        self.client_id = f"{base}/"
        self.tokens: Json = {}
        # It is this machine: no name is ever looked up.
        connector = aiohttp.TCPConnector(resolver=aiohttp.ThreadedResolver())
        self._session = aiohttp.ClientSession(connector=connector)

    async def close(self) -> None:
        """End all connections."""
        await self._session.close()

    async def request(self, method: str, path: str, **options: Any) -> Any:
        """Send a request; return the answer. Raises ApiError, aiohttp.ClientError."""
        headers = {}
        if "access_token" in self.tokens:
            headers["Authorization"] = f"Bearer {self.tokens['access_token']}"
        async with self._session.request(
            method, self.base + path, headers=headers, **options
        ) as answer:
            if answer.status >= 400:
                raise ApiError(answer.status, await answer.text())
            if answer.content_type == "application/json":
                return await answer.json()
            return await answer.text()

    async def fetch(self, signed: str) -> bytes:
        """Return what is at a signed path, as somebody who has nothing but that."""
        async with self._session.get(self.base + signed) as answer:
            if answer.status >= 400:
                raise ApiError(answer.status, await answer.text())
            return await answer.read()

    async def get(self, path: str) -> Any:
        """Get something."""
        return await self.request("GET", path)

    async def post(self, path: str, data: Any = None) -> Any:
        """Post JSON."""
        return await self.request("POST", path, json=data or {})

    async def onboard(self, name: str, user: str, password: str) -> None:
        """Make the first user, an owner, and log in."""
        data = {"name": name, "username": user, "password": password, "language": "en"}
        made = await self.post(
            "/api/onboarding/users", {**data, "client_id": self.client_id}
        )
        await self._exchange(made["auth_code"])

    async def log_in(self, user: str, password: str) -> None:
        """Log in with a password."""
        flow = await self.post(
            "/auth/login_flow",
            {
                "client_id": self.client_id,
                "handler": ["homeassistant", None],
                "redirect_uri": self.client_id,
            },
        )
        done = await self.post(
            f"/auth/login_flow/{flow['flow_id']}",
            {"client_id": self.client_id, "username": user, "password": password},
        )
        if done["type"] != "create_entry":
            raise ApiError("login", str(done.get("errors")))
        await self._exchange(done["result"])

    async def _exchange(self, code: str) -> None:
        self.tokens = await self._token(grant_type="authorization_code", code=code)

    async def refresh(self) -> None:
        """Get a new access token, as after a restart."""
        refresh_token = self.tokens.pop("refresh_token")
        del self.tokens["access_token"]
        got = await self._token(grant_type="refresh_token", refresh_token=refresh_token)
        self.tokens = {"refresh_token": refresh_token, **got}

    async def _token(self, **data: str) -> Json:
        answer: Json = await self.request(
            "POST", "/auth/token", data={"client_id": self.client_id, **data}
        )
        return answer

    async def log_out(self) -> None:
        """Make the tokens worthless."""
        if token := self.tokens.pop("refresh_token", None):
            await self.request("POST", "/auth/revoke", data={"token": token})
        self.tokens = {}

    async def websocket(self) -> Websocket:
        """Open a websocket."""
        socket = await self._session.ws_connect(
            f"{self.base}/api/websocket", max_msg_size=0
        )
        await socket.receive_json()
        await socket.send_json(
            {"type": "auth", "access_token": self.tokens["access_token"]}
        )
        answer = await socket.receive_json()
        if answer["type"] != "auth_ok":
            raise ApiError("auth", answer["type"])
        return Websocket(socket)


class Websocket:
    """An open websocket; an async context manager closes it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Take a socket that is logged in."""
        self._socket = socket
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._listeners: dict[int, Callable[[Json], None]] = {}
        self._reader = asyncio.create_task(self._read())

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Close."""
        await self.close()

    async def close(self) -> None:
        """Close the socket."""
        await self._socket.close()
        await self._reader

    async def _read(self) -> None:
        async for message in self._socket:
            answer = message.json()
            number = answer["id"]
            if answer["type"] == "event":
                if listener := self._listeners.get(number):
                    listener(answer["event"])
                continue
            future = self._waiting.pop(number)
            if future.done():
                continue
            if answer.get("success", True):
                future.set_result(answer.get("result"))
            else:
                error = answer["error"]
                future.set_exception(ApiError(error["code"], error["message"]))
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(ApiError("closed", "the websocket was closed"))
        self._waiting.clear()

    async def __call__(self, kind: str, **data: Any) -> Any:
        """Send a command; return its result. Raises ApiError."""
        return await self._send(next(self._numbers), kind, data)

    async def _send(self, number: int, kind: str, data: Json) -> Any:
        future = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            await self._socket.send_json({"id": number, "type": kind, **data})
        except aiohttp.ClientConnectionError as err:
            self._waiting.pop(number, None)
            raise ApiError("closed", "the websocket was closed") from err
        return await future

    async def listen(
        self, listener: Callable[[Json], None], kind: str, **data: Any
    ) -> None:
        """Subscribe: `listener` gets every event."""
        number = next(self._numbers)
        self._listeners[number] = listener
        await self._send(number, kind, data)

    async def act(self, action: str, **data: Any) -> Any:
        """Run an action, as `lock.unlock`. Raises ApiError."""
        domain, _, service = action.partition(".")
        await self("call_service", domain=domain, service=service, service_data=data)

    async def ask(self, action: str, **data: Any) -> Any:
        """Run an action that answers; return what it answers. Raises ApiError."""
        domain, _, service = action.partition(".")
        result = await self(
            "call_service",
            domain=domain,
            service=service,
            service_data=data,
            return_response=True,
        )
        return result["response"]
