"""A lock's topics on Home Assistant's MQTT: followed wherever they go, and written to."""

import asyncio
from collections.abc import Callable
import json
import logging
from typing import TYPE_CHECKING, Any

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError

from ..models import LockUnreachable
from .companions import nothing
from .hush import hushed
from .zigbee2mqtt_messages import Device, address, device_of

if TYPE_CHECKING:
    from homeassistant.components.mqtt.models import ReceiveMessage

_LOGGER = logging.getLogger(__name__)

REPEATS = 2.0
"""Seconds in which Zigbee2MQTT says again all that it knew, when it or we came."""


class Topics:
    """What is said of one lock, under the name that it has now."""

    def __init__(
        self,
        hass: HomeAssistant,
        lock_id: str,
        described: Callable[[Device], None],
        reported: Callable[[ReceiveMessage], None],
    ) -> None:
        """Call `described` with what it is, `reported` with what it says; not yet."""
        self._hass = hass
        self._lock_id = lock_id
        self._ieee, self._base = address(lock_id) or ("", "")
        self._described, self._reported = described, reported
        self.name = ""
        """What it is called now, which is its topic."""
        self._known_as = ""
        """What it was called last: not each broker keeps what it was told."""
        self.named = asyncio.Event()
        """Its topic is known, and the broker knows that we follow it."""
        self.repeats_until = 0.0
        """Until when a message need not have a reason."""
        self._unlisten: list[Callable[[], None]] = []
        self._unreport: Callable[[], None] = nothing

    def listen(self) -> None:
        """Follow what Zigbee2MQTT has on its network, if it is not followed yet."""
        if self._unlisten or not self._ieee:
            return
        for name, told in (("state", self._bridge), ("devices", self._devices)):
            topic = f"{self._base}/bridge/{name}"
            self._unlisten.append(self._subscribe(topic, told, nothing))
        self._rename(self._known_as)

    def stop(self) -> None:
        """Follow nothing any more."""
        while self._unlisten:
            self._unlisten.pop()()
        self._rename("")

    def _subscribe(
        self,
        topic: str,
        told: Callable[[ReceiveMessage], None],
        begun: Callable[[], None],
    ) -> Callable[[], None]:
        """Follow a topic; `begun` is called once the broker knows. Return its end."""
        # Only here: whoever has no MQTT need not load it.
        from homeassistant.components import mqtt  # noqa: PLC0415

        undo: list[Callable[[], None]] = []

        async def subscribe() -> None:
            hass = self._hass
            try:
                # Without an encoding: Home Assistant would log what it cannot decode.
                undo.append(await mqtt.async_subscribe(hass, topic, told, 0, None))
            except HomeAssistantError as err:
                _LOGGER.debug("Lock %s not followed: %s", self._lock_id, err)
            else:
                undo.append(mqtt.async_on_subscribe_done(hass, topic, 0, begun))

        name = f"subscription of {self._lock_id}"
        task = self._hass.async_create_background_task(subscribe(), name)

        def end() -> None:
            task.cancel()
            while undo:
                undo.pop()()

        return end

    def _rename(self, name: str) -> None:
        """Follow the topic of that name, and no other."""
        if name == self.name:
            return
        self._unreport()
        self._unreport = nothing
        self.name = name
        self.named.clear()
        if name:
            topic = f"{self._base}/{name}"
            self._unreport = self._subscribe(topic, self._reported, self.named.set)

    @callback
    def _bridge(self, message: ReceiveMessage) -> None:
        if not message.retain:
            # Now it says once more what it knew of all its devices.
            self.repeats_until = self._hass.loop.time() + REPEATS

    @callback
    def _devices(self, message: ReceiveMessage) -> None:
        found = device_of(message.payload, self._ieee)
        if isinstance(found, Device):
            self._described(found)
            self._known_as = found.name
            self._rename(found.name)
        elif found is not None:
            self._known_as = ""
            self._rename("")

    async def reach(self, patience: float) -> str:
        """Return the lock's topic once it is known. Raises LockUnreachable."""
        self.listen()
        try:
            async with asyncio.timeout(patience):
                await self.named.wait()
        except TimeoutError:
            raise LockUnreachable("not on its network") from None
        return f"{self._base}/{self.name}"

    async def publish(self, topic: str, data: dict[str, Any]) -> None:
        """Send something. Raises LockUnreachable: it was not sent."""
        from homeassistant.components import mqtt  # noqa: PLC0415

        try:
            # A code may be in it; it is written to the log before this returns.
            with hushed("homeassistant.components.mqtt", "paho"):
                # Not to be kept for later, by nobody: a door must not open then.
                await mqtt.async_publish(
                    self._hass, topic, json.dumps(data), qos=0, retain=False
                )
        except HomeAssistantError as err:
            raise LockUnreachable(type(err).__name__) from None
