"""What somebody sends, as far as it may go."""

import asyncio
from typing import Final

from aiohttp import web

_PATIENCE: Final = 20.0


async def limited(request: web.Request, most: int) -> bytes | None:
    """Return the body of a request; None: it is longer, or does not come in time."""
    body, content = b"", request.content
    try:
        async with asyncio.timeout(_PATIENCE):
            # A read gives what has come so far, which need not be all.
            while chunk := await content.read(most + 1 - len(body)):
                body += chunk
    except TimeoutError, web.RequestPayloadError:
        # Too slow, or not packed as it says.
        return None
    return body if len(body) <= most else None
