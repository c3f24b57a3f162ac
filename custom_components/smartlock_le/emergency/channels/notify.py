"""One person, by a notify action or a notify entity of Home Assistant."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, override

from homeassistant.components.notify import DOMAIN as NOTIFY, SERVICE_SEND_MESSAGE
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant

from .channel import (
    Channel,
    ChannelError,
    Health,
    NotReached,
    NotTaken,
    is_emergency_number,
)

TIMEOUT = 10.0
"""Seconds that a message may take to leave."""
_WAITS = 12 * 60 * 60
"""Seconds that a push service keeps one for a telephone that is off."""
APP = "mobile_app_"
"""With what the names of the actions of Home Assistant's own app begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What a person is told."""

    title: str
    message: str = field(repr=False)
    tag: str = ""
    """A later one of the same tag takes its place on the screen."""
    actions: dict[str, str] = field(default_factory=dict, repr=False)
    """What can be answered: the id of each answer, and its words."""
    urgent: bool = True
    """It is to be heard, whatever the telephone is set to."""
    stays: bool = False
    """It waits for a telephone that is off, and is not wiped away where that can be had."""


class Notify(Channel[Notice]):
    """The way to a person."""

    def __init__(self, hass: HomeAssistant, target: str) -> None:
        """Take `notify.` and a name."""
        self._hass = hass
        self._target = target
        self._name = target.partition(".")[2]

    @override
    async def send(self, message: Notice) -> str:
        try:
            async with asyncio.timeout(TIMEOUT):
                await self._send(message)
        except TimeoutError:
            raise self._failed(NotReached("no_answer")) from None
        except ChannelError as err:
            raise self._failed(err) from None
        except Exception:  # noqa: BLE001
            # Whatever that integration raises, and its words may be those of the message.
            raise self._failed(NotReached("not_sent")) from None
        self.health = Health(True, "")
        return "notify"

    @override
    async def look(self) -> Health:
        there = self._is_action or self._is_entity
        self.health = Health(there, "" if there else "target_gone")
        return self.health

    @property
    def _is_action(self) -> bool:
        return self._hass.services.has_service(NOTIFY, self._name)

    @property
    def _is_entity(self) -> bool:
        """Home Assistant passes over one that is unavailable, and says nothing."""
        state = self._hass.states.get(self._target)
        return state is not None and state.state != STATE_UNAVAILABLE

    def _failed(self, err: ChannelError) -> ChannelError:
        self.health = Health(False, err.reason)
        return err

    async def _send(self, notice: Notice) -> None:
        if is_emergency_number(self._target):
            raise NotTaken("emergency_number")
        data: dict[str, Any] = {"title": notice.title, "message": notice.message}
        if self._is_action:
            if self._name.startswith(APP) and (more := of_app(notice)):
                # On Android the app says then that it is there.
                data["data"] = more | ({"confirmation": True} if notice.actions else {})
            await self._call(self._name, data)
        elif self._is_entity:
            await self._call(SERVICE_SEND_MESSAGE, {**data, "entity_id": self._target})
        else:
            raise NotReached("target_gone")

    async def _call(self, action: str, data: dict[str, Any]) -> None:
        await self._hass.services.async_call(NOTIFY, action, data, blocking=True)


def of_app(notice: Notice) -> dict[str, Any]:
    """Return what Home Assistant's own app makes of it, on Android and on iOS."""
    data: dict[str, Any] = {}
    if notice.tag:
        data["tag"] = notice.tag
    if notice.stays:
        data |= {"persistent": True, "sticky": True}
    if notice.actions:
        data["actions"] = [
            {"action": action, "title": title}
            for action, title in notice.actions.items()
        ]
    if notice.urgent:
        data |= {
            # Android: else it may arrive when it is over.
            "ttl": _WAITS if notice.stays else 0,
            "priority": "high",
            "channel": "alarm_stream",
            # iOS: it is heard with the sound off.
            "push": {
                "interruption-level": "critical",
                "sound": {"name": "default", "critical": 1, "volume": 1.0},
            },
        }
    return data
