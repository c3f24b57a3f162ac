"""The camera at the door over RTSP: H.264, as most cameras give it.

RTSP 1.0 (RFC 2326), the media inside of its connection (section 10.12); ffmpeg makes the
RTP packets (RFC 6184).
"""

import asyncio
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import suppress
import socket
from typing import Self

import imageio_ffmpeg

from .camera import DoorCamera, Trouble

_PER_SECOND = 10
_SDP = """\
v=0\r
o=- 0 0 IN IP4 127.0.0.1\r
s=Door\r
c=IN IP4 0.0.0.0\r
t=0 0\r
m=video 0 RTP/AVP 96\r
a=rtpmap:96 H264/90000\r
a=fmtp:96 packetization-mode=1\r
a=control:trackID=0\r
"""


class RtspCamera:
    """The same camera, at another address; an async context manager switches it on."""

    def __init__(self, camera: DoorCamera) -> None:
        """Show what that camera sees."""
        self._camera = camera
        self.url = ""

    async def __aenter__(self) -> Self:
        """Switch it on."""
        self._server = await asyncio.start_server(self._session, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"rtsp://127.0.0.1:{port}/live"
        return self

    async def __aexit__(self, *_: object) -> None:
        """Switch it off."""
        self._server.close()
        self._server.close_clients()
        await self._server.wait_closed()

    async def _session(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        playing: asyncio.Task[None] | None = None
        try:
            while request := (await reader.readuntil(b"\r\n\r\n")).decode():
                method, number = request.split()[0], _header(request, "CSeq")
                writer.write(_response(method, number, self.url))
                if method == "PLAY":
                    playing = asyncio.create_task(self._play(writer))
        except ConnectionError, asyncio.IncompleteReadError:
            return
        finally:
            if playing:
                playing.cancel()
                await asyncio.gather(playing, return_exceptions=True)
            writer.close()

    async def _play(self, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as packets:
            packets.setblocking(False)
            packets.bind(("127.0.0.1", 0))
            port = packets.getsockname()[1]
            process = await asyncio.create_subprocess_exec(
                *(imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "quiet"),
                *("-probesize", "32", "-f", "mjpeg", "-framerate", str(_PER_SECOND)),
                *("-i", "pipe:0", "-c:v", "libx264", "-preset", "ultrafast"),
                *(
                    "-tune",
                    "zerolatency",
                    "-g",
                    str(_PER_SECOND),
                    "-pix_fmt",
                    "yuv420p",
                ),
                *("-bsf:v", "dump_extra", "-f", "rtp"),
                f"rtp://127.0.0.1:{port}?pkt_size=1200",
                stdin=PIPE,
                stdout=DEVNULL,
            )
            feeding = asyncio.create_task(self._feed(process))
            try:
                while not writer.is_closing():
                    packet = await loop.sock_recv(packets, 2000)
                    writer.write(b"$\0" + len(packet).to_bytes(2) + packet)
                    await writer.drain()
            except ConnectionError:
                return
            finally:
                feeding.cancel()
                process.kill()
                await process.wait()

    async def _feed(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin
        with suppress(ConnectionError):
            while True:
                if self._camera.trouble is not Trouble.HANGS:
                    process.stdin.write(self._camera.picture())
                    await process.stdin.drain()
                await asyncio.sleep(1 / _PER_SECOND)


def _header(request: str, name: str) -> str:
    for line in request.splitlines():
        key, _, value = line.partition(":")
        if key.lower() == name.lower():
            return value.strip()
    return ""


def _response(method: str, number: str, url: str) -> bytes:
    body, headers = "", [f"CSeq: {number}"]
    match method:
        case "OPTIONS":
            headers.append("Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN")
        case "DESCRIBE":
            body = _SDP
            headers += [f"Content-Base: {url}/", "Content-Type: application/sdp"]
            headers.append(f"Content-Length: {len(body)}")
        case "SETUP":
            headers += ["Session: 1", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"]
        case _:
            headers.append("Session: 1")
    return ("\r\n".join(["RTSP/1.0 200 OK", *headers, "", ""]) + body).encode()
