"""What Frigate says on MQTT: what it sees, and plates that it reads.

Topics `<prefix>/events` and `<prefix>/tracked_object_update`; Frigate's documentation of its
MQTT topics and of license plate recognition, version 0.17.
"""

from collections.abc import Callable, Coroutine
from functools import partial
import logging
import math
from typing import TYPE_CHECKING, Any

from homeassistant.const import EVENT_COMPONENT_LOADED
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import EventComponentLoaded
import orjson

from ..models import utc_now
from .models import Seen
from .plates import PlateRead, normal

if TYPE_CHECKING:
    from homeassistant.components.mqtt.models import ReceiveMessage

_LOGGER = logging.getLogger(__name__)

MAX_BYTES = 256 * 1024
_LONGEST_ID = 100
_LABELS = {
    "person": Seen.PERSON,
    "car": Seen.VEHICLE,
    "truck": Seen.VEHICLE,
    "bus": Seen.VEHICLE,
    "motorcycle": Seen.VEHICLE,
    "package": Seen.PACKAGE,
}

type Spawn = Callable[[Coroutine[Any, Any, Any], str], Any]


class Frigate:
    """Frigate on Home Assistant's MQTT."""

    def __init__(
        self,
        hass: HomeAssistant,
        spawn: Spawn,
        find: Callable[[str], str | None],
        seen: Callable[[str, Seen], None],
        read: Callable[[PlateRead], None],
    ) -> None:
        """`find` gives the id of the camera that has a name in Frigate."""
        self._hass = hass
        self._spawn = spawn
        self._find = find
        self._seen = seen
        self._read = read
        self._topic = ""
        self._task: Any = None
        self._undo: list[Callable[[], None]] = []

    @callback
    def follow(self, topic: str) -> None:
        """Listen under a prefix, or to nothing."""
        if topic == self._topic:
            return
        self.stop()
        self._topic = topic
        if not topic:
            return
        self._undo.append(
            self._hass.bus.async_listen(EVENT_COMPONENT_LOADED, self._loaded)
        )
        if "mqtt" in self._hass.config.components:
            self._subscribe_soon()

    @callback
    def stop(self) -> None:
        """Listen to nothing any more."""
        self._topic = ""
        if self._task:
            self._task.cancel()
            self._task = None
        for undo in self._undo:
            undo()
        self._undo = []

    @callback
    def _loaded(self, event: Event[EventComponentLoaded]) -> None:
        if event.data["component"] == "mqtt" and self._task is None:
            self._subscribe_soon()

    def _subscribe_soon(self) -> None:
        self._task = self._spawn(self._subscribe(self._topic), "Frigate")

    async def _subscribe(self, topic: str) -> None:
        # Only here: whoever has no MQTT need not load it.
        from homeassistant.components import mqtt  # noqa: PLC0415

        if not await mqtt.async_wait_for_mqtt_client(self._hass):
            _LOGGER.debug("There is no MQTT for Frigate")
            return
        for name, take in (
            ("events", self._event),
            ("tracked_object_update", self._update),
        ):
            told = partial(_told, take)
            try:
                # Without an encoding: Home Assistant would log what it cannot decode.
                self._undo.append(
                    await mqtt.async_subscribe(
                        self._hass, f"{topic}/{name}", callback(told), 0, None
                    )
                )
            except HomeAssistantError as err:
                _LOGGER.warning("Frigate is not listened to: %s", err)

    def _event(self, data: dict[str, Any]) -> None:
        """Take a message of `events`; `end` may come before `new`, or alone."""
        after = data.get("after")
        if not isinstance(after, dict) or not (camera := self._camera(after)):
            return
        kind = _LABELS.get(str(after.get("label")))
        if data.get("type") == "new" and kind:
            self._seen(camera, kind)
        self._plate(
            camera,
            after.get("id"),
            after.get("recognized_license_plate"),
            after.get("recognized_license_plate_score"),
        )

    def _update(self, data: dict[str, Any]) -> None:
        """Take a message of `tracked_object_update`, of type `lpr`; there are others."""
        if data.get("type") == "lpr" and (camera := self._camera(data)):
            self._plate(camera, data.get("id"), data.get("plate"), data.get("score"))

    def _camera(self, data: dict[str, Any]) -> str | None:
        name = data.get("camera")
        return self._find(name) if isinstance(name, str) else None

    def _plate(self, camera: str, object_id: Any, plate: Any, score: Any) -> None:
        # There is the time in its ids.
        read = plate_read(camera, plate, score, object_id, unique=True)
        if read is not None:
            self._read(read)


def plate_read(
    camera: str, plate: Any, score: Any, object_id: Any, *, unique: bool = False
) -> PlateRead | None:
    """Return a read from what a reader sent, None: it is none.

    Its time is ours: a reader's clock is not known. `unique`: no other object ever has
    this id.
    """
    if not isinstance(plate, str) or (read := normal(plate)) is None:
        return None
    if isinstance(score, bool) or not isinstance(score, int | float):
        return None
    if not math.isfinite(score) or not 0 <= score <= 1:
        return None
    if not isinstance(object_id, str) or len(object_id) > _LONGEST_ID:
        return None
    return PlateRead(camera, read, float(score), utc_now(), object_id, unique)


@callback
def _told(take: Callable[[dict[str, Any]], None], message: ReceiveMessage) -> None:
    payload = message.payload
    # Retained: it is not news. Nothing of it is logged: there may be a plate in it.
    if message.retain or len(payload) > MAX_BYTES:
        return
    try:
        data = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return
    if isinstance(data, dict):
        take(data)
