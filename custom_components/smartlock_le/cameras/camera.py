"""One camera of the home, and how a picture is got from it."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
import logging
import sys
from typing import Any

from aiohttp import ClientError
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er

from ..listeners import Listeners
from ..models import utc_now
from .album import TAKEN
from .masks import Polygon
from .models import Media, NotTaken, Settings, Taken
from .still import develop

_LOGGER = logging.getLogger(__name__)

DEADLINE = 10
"""Seconds that a camera has for a picture, or to say where its stream is."""
AT_ONCE = 4
"""How many pictures of one camera may be on their way: more would show the same."""


class Camera:
    """A camera and its last picture."""

    def __init__(self, hass: HomeAssistant, settings: Settings) -> None:
        """Take what the owner says of it."""
        self._hass = hass
        self.settings = settings
        self.last: Media | None = None
        self._on_change = Listeners[()]()
        self._on_event = Listeners[str, str]()
        self._running = 0
        self.filming = False
        """A clip is on its way."""
        self.public_since = datetime.min.replace(tzinfo=UTC)
        """When privacy was switched off last, if it was."""

    @property
    def entity_id(self) -> str | None:
        """The camera's entity, if Home Assistant has it now."""
        return er.async_resolve_entity_id(er.async_get(self._hass), self.settings.id)

    @property
    def device_id(self) -> str | None:
        """The device that the camera is of."""
        entry = er.async_get(self._hass).async_get(self.entity_id or "")
        return entry.device_id if entry else None

    @property
    def turned(self) -> bool:
        """Tell whether Home Assistant turns or mirrors its pictures, but not its stream."""
        entry = er.async_get(self._hass).async_get(self.entity_id or "")
        options: Mapping[str, Any] = entry.options.get("camera", {}) if entry else {}
        # As in the Exif tag of that name; 1: as it is.
        return bool(options.get("orientation", 1) != 1)

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Have `listener` called when there is another picture, or a setting changed."""
        return self._on_change.add(listener)

    def on_event(self, listener: Callable[[str, str], None]) -> Callable[[], None]:
        """Have `listener` called with what happened, and with what it was because of."""
        return self._on_event.add(listener)

    def tell(self, event: str, because: str = "") -> None:
        """Tell what happened."""
        self._on_event.tell(event, because)

    def set(self, settings: Settings) -> None:
        """Take what the owner says now; it counts for a picture on its way, too."""
        if self.settings.private and not settings.private:
            self.public_since = utc_now()
        self.settings = settings
        self._on_change.tell()

    def show(self, last: Media | None) -> None:
        """Take another last picture."""
        self.last = last
        self._on_change.tell()

    def wants(self, masks: tuple[Polygon, ...]) -> bool:
        """Tell whether a picture with these zones may be kept now."""
        return not self.settings.private and self.settings.masks == masks

    async def photograph(self, masks: tuple[Polygon, ...]) -> tuple[Taken | None, str]:
        """Return a picture as it may be kept, or None and why: the result of its entry."""
        if self._running >= AT_ONCE:
            return None, "busy"
        self._running += 1
        try:
            data = await self.picture()
            if data is None:
                return None, "unreachable"
            still = await self._hass.async_add_executor_job(develop, data, masks)
        except NotTaken as err:
            return None, err.result
        finally:
            self._running -= 1
        return still, TAKEN

    async def picture(self) -> bytes | None:
        """Return what it gives as a picture now, whatever that is; None: nothing."""
        image = await self._ask("async_get_image")
        content = getattr(image, "content", None)
        return bytes(content) if isinstance(content, bytes | bytearray) else None

    async def stream_url(self) -> str | None:
        """Return where its stream is, as far as it has one."""
        url = await self._ask("async_get_stream_source")
        return url if isinstance(url, str) else None

    async def _ask(self, function: str) -> Any:
        # Where a camera is, this is loaded; where none is, it need not be.
        component: Any = sys.modules.get("homeassistant.components.camera")
        if component is None or (entity_id := self.entity_id) is None:
            return None
        task, answer = asyncio.current_task(), None
        assert task
        ended = task.cancelling()
        try:
            async with asyncio.timeout(DEADLINE):
                answer = await getattr(component, function)(self._hass, entity_id)
        except (HomeAssistantError, ClientError, OSError) as err:
            _LOGGER.debug("No picture of %s: %s", entity_id, type(err).__name__)
        except Exception as err:  # noqa: BLE001
            # A camera is anybody's code, and its errors may say its password; that it
            # brought no picture must be entered.
            _LOGGER.error("Camera %s failed: %s", entity_id, type(err).__name__)
        if task.cancelling() > ended:
            # Home Assistant swallows it while it waits for a picture.
            raise asyncio.CancelledError
        return answer
