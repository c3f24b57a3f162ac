"""Frigate beside the camera at the door: what it says on MQTT, and its recordings over HTTP.

Shapes of Frigate's documentation of its MQTT topics and of its HTTP API, version 0.17:
`<prefix>/events`, `<prefix>/tracked_object_update`, `<prefix>/available` and
`GET /api/<camera>/start/<start>/end/<end>/clip.mp4`.
"""

import asyncio
import json
import subprocess
import time
from typing import Any, Self

from aiohttp import web
import imageio_ffmpeg
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from .camera import DoorCamera

NAME = "front_porch"
_PER_SECOND = 10
_LATE = 2.0
"""Seconds until what was recorded can be had."""
_LONGEST = 300.0


def event_message(kind: str, label: str = "car", **after: Any) -> dict[str, Any]:
    """Return a message of `events`: `kind` is new, update or end."""
    now = {
        "id": "1764201600.1-abc",
        "camera": NAME,
        "label": label,
        "sub_label": None,
        "score": 0.8,
        "current_zones": [],
        "start_time": 1764201600.1,
        "end_time": None,
        "recognized_license_plate": None,
        "recognized_license_plate_score": None,
        **after,
    }
    return {"type": kind, "before": now, "after": now}


def lpr_message(plate: Any, score: Any = 0.92, **more: Any) -> dict[str, Any]:
    """Return a message of `tracked_object_update` about a plate."""
    return {
        "type": "lpr",
        "id": "1764201600.1-abc",
        "name": None,
        "plate": plate,
        "score": score,
        "camera": NAME,
        "timestamp": 1764201601.0,
        "plate_box": [1, 2, 3, 4],
        **more,
    }


class Frigate:
    """The program; an async context manager starts and ends it."""

    def __init__(
        self, camera: DoorCamera, *, port: int = 0, broker: int | None = None
    ) -> None:
        """Record a camera; `broker` is the port of one on this machine."""
        self._camera, self._port, self._broker = camera, port, broker
        self.url = ""
        self.asked: list[tuple[float, float]] = []
        """Which recordings were wanted: from when to when."""
        self.broken = False
        """It answers that there is no recording."""
        self._began = time.time()
        self._mqtt = Client(CallbackAPIVersion.VERSION2)

    async def __aenter__(self) -> Self:
        """Start it."""
        app = web.Application()
        app.router.add_get("/api/{camera}/start/{start}/end/{end}/clip.mp4", self._clip)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._began = time.time()
        if self._broker is not None:
            # It tries again by itself where nobody listens yet.
            self._mqtt.connect_async("127.0.0.1", self._broker)
            self._mqtt.will_set("frigate/available", "offline", retain=True)
            self._mqtt.on_connect = self._connected
            self._mqtt.loop_start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End it."""
        if self._broker is not None:
            self._mqtt.disconnect()
            self._mqtt.loop_stop()
        await self._runner.cleanup()

    def _connected(self, *_: object) -> None:
        self._mqtt.publish("frigate/available", "online", retain=True)

    def say(self, topic: str, message: dict[str, Any]) -> None:
        """Say something on MQTT."""
        self._mqtt.publish(f"frigate/{topic}", json.dumps(message))

    def sees(self, label: str, plate: str = "") -> None:
        """See something come and go, and read its plate if there is one."""
        now = time.time()
        about = {"id": f"{now:.6f}-virtual", "start_time": now}
        self.say("events", event_message("new", label, **about))
        if plate:
            lpr = lpr_message(plate, id=about["id"], timestamp=now)
            self.say("tracked_object_update", lpr)
        self.say("events", event_message("end", label, end_time=now, **about))

    async def _clip(self, request: web.Request) -> web.Response:
        about = request.match_info
        try:
            start, end = float(about["start"]), float(about["end"])
        except ValueError:
            raise web.HTTPUnprocessableEntity from None
        self.asked.append((start, end))
        there = self._began <= end <= time.time() - _LATE
        if about["camera"] != NAME or self.broken or not there:
            message = {"success": False, "message": "No recordings found"}
            return web.json_response(message, status=404)
        length = min(end - max(start, self._began), _LONGEST)
        data = await asyncio.to_thread(self._film, end - length, length)
        return web.Response(body=data, content_type="video/mp4")

    def _film(self, start: float, length: float) -> bytes:
        frames = (
            self._camera.picture(start + number / _PER_SECOND)
            for number in range(int(length * _PER_SECOND))
        )
        return film(b"".join(frames))


def film(frames: bytes) -> bytes:
    """Return JPEGs, one after the other, as an MP4 of ten a second."""
    done = subprocess.run(
        [
            *(imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "quiet"),
            *("-f", "mjpeg", "-framerate", str(_PER_SECOND), "-i", "pipe:0"),
            *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"),
            *("-movflags", "frag_keyframe+empty_moov", "-f", "mp4", "pipe:1"),
        ],
        input=frames,
        capture_output=True,
        check=True,
    )
    return done.stdout
