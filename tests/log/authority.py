"""A real time stamp authority: OpenSSL's, behind a small server on this machine."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
import itertools
from pathlib import Path
import subprocess

from aiohttp import web

_CONFIG = """
[tsa]
default_tsa = ours
[ours]
serial = serial
signer_cert = signer.pem
signer_key = signer.key
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256, sha384
"""

type Answer = Callable[[bytes], Awaitable[bytes]]
type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _openssl(folder: Path, command: str) -> None:
    """Run openssl in a folder."""
    subprocess.run(
        ["openssl", *command.split()], cwd=folder, check=True, capture_output=True
    )


@dataclass
class Authority:
    """Answers with stamps of a signer whose certificate is that of a root of its own."""

    folder: Path
    root: str
    handler: Handler | None = None
    """What answers over HTTP in the place of the authority, if anything."""
    asked: list[bytes] = field(default_factory=list)
    """The questions that came over HTTP."""

    @classmethod
    def make(cls, folder: Path) -> Authority:
        """Make keys and certificates: a root, and one signer for nothing but stamps."""
        folder.mkdir()
        (folder / "purpose").write_text("extendedKeyUsage=critical,timeStamping\n")
        (folder / "config").write_text(_CONFIG)
        (folder / "serial").write_text("01\n")
        new = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
        by = "-CA root.pem -CAkey root.key -set_serial 2 -days 3650"
        for command in (
            f"req -x509 {new} -keyout root.key -out root.pem -days 3650 -subj /CN=Root",
            f"req {new} -keyout signer.key -out signer.csr -subj /CN=Signer",
            f"x509 -req -in signer.csr {by} -extfile purpose -out signer.pem",
        ):
            _openssl(folder, command)
        return cls(folder, (folder / "root.pem").read_text())

    def stamp(self, query: bytes) -> bytes:
        """Return the answer to a question; one that is none is refused in it."""
        (self.folder / "query").write_bytes(query)
        _openssl(self.folder, "ts -reply -config config -queryfile query -out answer")
        return (self.folder / "answer").read_bytes()

    def ask(self, options: str) -> bytes:
        """Return another question, made by openssl: `-digest HEX -sha256`, and so on."""
        _openssl(self.folder, f"ts -query {options} -cert -out other")
        return (self.folder / "other").read_bytes()

    async def answer(self, query: bytes) -> bytes:
        """Return the answer to a question, without HTTP."""
        return await asyncio.to_thread(self.stamp, query)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if self.handler:
            return await self.handler(request)
        assert request.content_type == "application/timestamp-query"
        self.asked.append(await request.read())
        return web.Response(
            body=await self.answer(self.asked[-1]),
            content_type="application/timestamp-reply",
        )

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Serve on this machine; give the URL."""
        self.handler = None
        self.asked.clear()
        app = web.Application()
        app.router.add_post("/", self._handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            port = runner.addresses[0][1]
            yield f"http://127.0.0.1:{port}/"
        finally:
            await runner.cleanup()


def dripping(answer: bytes = b"") -> Handler:
    """Return what answers without end: one byte after the other, slowly, or fast."""

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in itertools.count():
            await response.write(answer or b"0")
            await asyncio.sleep(0 if answer else 0.01)
        return response

    return handle
