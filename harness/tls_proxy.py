"""A reverse proxy that ends TLS, as stands before many a Home Assistant."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
import ssl
import tempfile
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .ports import HOST

NAME = "localhost"
_PIECE = 64 * 1024


class TlsProxy:
    """Takes what comes by TLS and hands it on; an async context manager.

    Its certificate is made up: a browser has to be told to believe it.
    """

    def __init__(self, port: int, to: int) -> None:
        """Take where it listens, and where Home Assistant does."""
        self._port, self._to = port, to
        self._server: asyncio.Server | None = None
        self.url = f"https://{NAME}:{port}"

    async def __aenter__(self) -> Self:
        """Open it."""
        context = await asyncio.to_thread(_context)
        self._server = await asyncio.start_server(
            self._serve, HOST, self._port, ssl=context
        )
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Close it."""
        if self._server:
            self._server.close()
            self._server.close_clients()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError):
            inner = await asyncio.open_connection(HOST, self._to)
            await asyncio.gather(_pass_on(reader, inner[1]), _pass_on(inner[0], writer))
        writer.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
    except OSError:
        # Either side may hang up.
        pass
    finally:
        writer.close()


def _context() -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    names = [x509.DNSName(NAME), x509.IPAddress(ip_address(HOST))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "both.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context.load_cert_chain(path)
    return context
