"""A camera at the door, as an address on the network: one picture, or a stream of them.

Each picture is drawn anew: its left half is red, its right half blue, and a bar moves.
"""

import asyncio
from contextlib import suppress
from enum import StrEnum
import io
import time
from typing import Self

from aiohttp import web
from PIL import Image, ImageDraw

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT = (200, 30, 30), (30, 30, 200)
_BOUNDARY = "picture"
_PAUSE = 0.1
_SPEED = 32
"""Pixels that the bar moves in a second: all of the width in twenty."""


class Trouble(StrEnum):
    """What is wrong with it."""

    NONE = "none"
    HANGS = "hangs"
    HTML = "html"
    BOMB = "bomb"
    """A few kilobytes that are 200 million pixels."""
    EMPTY = "empty"
    CUT = "cut"
    """Half a picture."""
    BROKEN = "broken"
    """It answers that it cannot."""


class DoorCamera:
    """The camera; an async context manager switches it on and off."""

    def __init__(self, port: int = 0) -> None:
        """Take the port, 0: any that is free."""
        self._port = port
        self.trouble = Trouble.NONE
        self.asked = 0
        self.delay_s = 0.0
        self.url = ""
        """Its address, without a path: `/still.jpg`, `/stream.mjpg`."""
        self._off = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Switch it on."""
        app = web.Application()
        app.router.add_get("/still.jpg", self._still)
        app.router.add_get("/stream.mjpg", self._stream)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self._port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        """Switch it off."""
        self._off.set()
        await self._runner.cleanup()

    def picture(self, when: float | None = None) -> bytes:
        """Return what it sees now, or saw at another time, as JPEG."""
        image = Image.new("RGB", (WIDTH, HEIGHT), LEFT)
        draw = ImageDraw.Draw(image)
        draw.rectangle((WIDTH // 2, 0, WIDTH, HEIGHT), fill=RIGHT)
        x = bar(time.time() if when is None else when)
        draw.rectangle((x, HEIGHT - 20, x + 20, HEIGHT), fill=(240, 240, 240))
        made = io.BytesIO()
        image.save(made, "JPEG", quality=85)
        return made.getvalue()

    def _body(self) -> bytes:
        match self.trouble:
            case Trouble.HTML:
                return b"<html><body>Log in</body></html>"
            case Trouble.BOMB:
                return bomb()
            case Trouble.EMPTY:
                return b""
            case Trouble.CUT:
                whole = self.picture()
                return whole[: len(whole) // 2]
            case _:
                return self.picture()

    async def _still(self, _: web.Request) -> web.Response:
        self.asked += 1
        if self.trouble is Trouble.HANGS:
            await self._off.wait()
        if self.trouble is Trouble.BROKEN:
            raise web.HTTPInternalServerError
        await asyncio.sleep(self.delay_s)
        return web.Response(body=self._body(), content_type="image/jpeg")

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={"Content-Type": f"multipart/x-mixed-replace; boundary={_BOUNDARY}"}
        )
        await response.prepare(request)
        with suppress(ConnectionResetError):
            while not self._off.is_set():
                if self.trouble is Trouble.HANGS:
                    await self._off.wait()
                self.asked += 1
                body = self._body()
                head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\n"
                head += f"Content-Length: {len(body)}\r\n\r\n"
                await response.write(head.encode() + body + b"\r\n")
                await asyncio.sleep(_PAUSE)
        return response


def bar(when: float) -> int:
    """Return where the bar begins, in pixels from the left."""
    return int(when * _SPEED) % WIDTH


def bomb(width: int = 20_000, height: int = 10_000) -> bytes:
    """Return a PNG of so many pixels, all black: a few kilobytes."""
    made = io.BytesIO()
    Image.new("1", (width, height)).save(made, "PNG")
    return made.getvalue()
