"""ZHA's own objects behind a lock: whatever we touch of them is here.

They are the only way to the status of an answer, and to what the lock tells by itself;
and they are nobody's promise: where they are not as they were, `find` says so. Nothing of
ZHA is imported before it runs, for it need not be installed.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
import inspect
import sys
from typing import Any, Protocol

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceNotFound
import voluptuous as vol

from ..models import LockUnreachable, OutcomeUnknown
from .hush import hushed

ANSWER = 10.0
"""Seconds that a lock has to answer a command; a sleeping one is told within 8."""
ASK = 8.5
"""Seconds that it has to answer a question."""

_NOBODY = (0xFFFF, 0x10000)
"""User ids that are nobody's."""
_HELPERS = "homeassistant.components.zha.helpers"
_DOOR_LOCK, _ALARMS = 0x0101, 0x0009
_LOCK_STATE = "lock_state"
_EVENTS = _OPERATION, _PROGRAMMING = 0x20, 0x21
_ALARM = 0x00
_LIBRARIES = ("zha", "zhaquirks", "zigpy", "zigpy_", "bellows", "serialx")


class Command(IntEnum):
    """What a lock is told."""

    LOCK = 0x00
    UNLOCK = 0x01
    SET_CODE = 0x05
    CLEAR_CODE = 0x07
    USER_STATUS = 0x0A


class Limits(IntEnum):
    """How many codes it holds, and how long they are: attributes that never change."""

    num_of_pin_users_supported = 0x12
    max_pin_len = 0x17
    min_pin_len = 0x18


class NoCluster(Exception):
    """ZHA is not as we know it: its actions and entities are all there is."""


class Ears(Protocol):
    """Who hears what a lock says by itself."""

    def bolt_reported(self, value: int) -> None:
        """Hear where the bolt is: a report, or the answer to a reading."""

    def operated(self, source: int, code: int, user: int | None) -> None:
        """Hear who moved it."""

    def programmed(self, source: int, code: int, user: int | None) -> None:
        """Hear that a code was changed."""

    def alarmed(self, code: int) -> None:
        """Hear an alarm."""

    def replaced(self) -> None:
        """Look again: ZHA may have other objects now."""


def address(lock_id: str) -> tuple[str, int]:
    """Return the device and the endpoint of a lock: `zha:<ieee>-<endpoint>-257`."""
    ieee, endpoint, *_ = lock_id.partition(":")[2].split("-")
    return ieee, int(endpoint)


def find(hass: HomeAssistant, lock_id: str) -> DoorCluster | None:
    """Return the cluster of a lock; None: ZHA does not run, or does not know it now.

    Raises NoCluster.
    """
    helpers = sys.modules.get(_HELPERS)
    if helpers is None:
        return None
    ieee, endpoint = address(lock_id)
    try:
        proxy = helpers.get_zha_gateway_proxy(hass)
        devices = {
            str(known): one.device for known, one in proxy.device_proxies.items()
        }
        clusters = devices[ieee].async_get_clusters()[endpoint]["in"]
        cluster = clusters[_DOOR_LOCK]
        if "retries" not in inspect.signature(cluster.request).parameters:
            # It would be told twice, and the door would move a second time.
            raise NoCluster
        return DoorCluster(cluster, clusters.get(_ALARMS), proxy.gateway)
    except ValueError, KeyError:
        return None
    except (AttributeError, TypeError) as err:
        raise NoCluster from err


class DoorCluster:
    """The Door Lock cluster of one lock, for as long as ZHA keeps these objects."""

    def __init__(self, cluster: Any, alarms: Any | None, gateway: Any) -> None:
        """Take ZHA's objects."""
        self.cluster = cluster
        self._alarms = alarms
        self._gateway = gateway
        self._undo: list[Callable[[], None]] = []
        self._ears: Ears | None = None
        self._answer: tuple[Command, asyncio.Future[Any]] | None = None
        """The answer that is waited for."""

    def same(self, other: DoorCluster | None) -> bool:
        """Tell whether these are the same objects of ZHA."""
        return other is not None and other.cluster is self.cluster

    # What it says by itself

    def listen(self, ears: Ears) -> None:
        """Hear what the lock says, until `forget`. Raises NoCluster."""
        self._ears = ears
        try:
            for event in _events():
                self._undo.append(
                    self.cluster.on_event(event, lambda said: _reported(said, ears))
                )
            self._undo.append(self._gateway.on_all_events(lambda _: ears.replaced()))
            self._hear(self.cluster, self)
            if self._alarms is not None:
                self._hear(self._alarms, _Alarm(ears))
        except (AttributeError, ImportError) as err:
            self.forget()
            raise NoCluster from err

    def _hear(self, cluster: Any, listener: object) -> None:
        cluster.add_listener(listener)
        self._undo.append(lambda: cluster.remove_listener(listener))

    def forget(self) -> None:
        """Hear nothing any more."""
        while self._undo:
            self._undo.pop()()

    def cluster_command(self, tsn: int, command: int, fields: Any) -> None:
        """Hear what the lock sends of its own accord; zigpy calls it by this name."""
        if self._answer is not None and self._answer[0] == command:
            _, answer = self._answer
            if not answer.done():
                answer.set_result(fields)
        if command not in _EVENTS or self._ears is None:
            return
        source, code, user = int(fields[0]), int(fields[1]), user_of(int(fields[2]))
        if command == _OPERATION:
            self._ears.operated(source, code, user)
        else:
            self._ears.programmed(source, code, user)

    # What it is told

    async def tell(self, command: Command, *fields: Any) -> int:
        """Tell the lock once, and return the status that it answers.

        Raises LockUnreachable where nothing was sent, OutcomeUnknown, TimeoutError.
        """
        answer = await self._send(command, *fields, within=ANSWER)
        return int(answer.status)

    async def tell_secret(self, command: Command, *fields: Any) -> int:
        """Tell it what no line of a log may hold."""
        with hushed(*_LIBRARIES):
            return await self.tell(command, *fields)

    async def user_status(self, user: int) -> int | None:
        """Return the status of a user; None: it does not say.

        Raises LockUnreachable where it could not be asked.
        """
        try:
            answer = await self._send(Command.USER_STATUS, user, within=ASK)
        except TimeoutError:
            return None
        except OutcomeUnknown as err:
            raise LockUnreachable(str(err)) from err
        # A lock that does not know the question answers in general.
        status = getattr(answer, "user_status", None)
        return None if status is None else int(status)

    async def _send(self, command: Command, *fields: Any, within: float) -> Any:
        answer = asyncio.get_running_loop().create_future()
        self._answer = command, answer
        try:
            with _in_our_words():
                async with asyncio.timeout(within):
                    said = await self.cluster.command(command, *fields, retries=0)
                    return said if not self._mistook(said) else await answer
        finally:
            self._answer = None

    def _mistook(self, said: Any) -> bool:
        """Tell whether zigpy took an event for the answer, and hear it then.

        It knows an answer by a number of one byte, which the lock counts for itself. The
        answer then comes as if nobody had asked.
        """
        for event in _EVENTS:
            if isinstance(said, self.cluster.client_commands[event].schema):
                self.cluster_command(0, event, said)
                return True
        return False

    # What it is asked

    async def read_bolt(self) -> int:
        """Return where the bolt is, as the lock says now. Raises LockUnreachable."""
        # What zigpy takes for the answer may be something else that the lock says.
        for _ in range(2):
            found = await self._read([_LOCK_STATE], cached=False)
            if _LOCK_STATE in found:
                return int(found[_LOCK_STATE])
        raise LockUnreachable("state not told")

    async def read_limits(self) -> dict[Limits, int]:
        """Return what the lock says of its limits. Raises LockUnreachable."""
        found = await self._read([limit.name for limit in Limits], cached=True)
        return {
            limit: int(found[limit.name]) for limit in Limits if limit.name in found
        }

    async def _read(self, names: list[str], *, cached: bool) -> dict[str, Any]:
        try:
            with _in_our_words():
                async with asyncio.timeout(ASK):
                    found, _ = await self.cluster.read_attributes(
                        names, allow_cache=cached
                    )
        except (OutcomeUnknown, TimeoutError) as err:
            raise LockUnreachable(str(err) or "no answer") from err
        return {name: value for name, value in found.items() if value is not None}


async def clear_by_action(hass: HomeAssistant, lock_id: str, user: int) -> None:
    """Take a code away where there is no cluster: ZHA's own action says no, too.

    None is set that way: the action's call would show it. Raises LockUnreachable,
    OutcomeUnknown.
    """
    ieee, endpoint = address(lock_id)
    data = {
        "ieee": ieee,
        "endpoint_id": endpoint,
        "cluster_id": _DOOR_LOCK,
        "cluster_type": "in",
        "command": int(Command.CLEAR_CODE),
        "command_type": "server",
        "params": {"user_id": user},
    }
    call = hass.services.async_call(
        "zha", "issue_zigbee_cluster_command", data, blocking=True
    )
    no: type[Exception] = getattr(
        sys.modules.get("zha.exceptions"), "ZHAException", HomeAssistantError
    )
    try:
        with _in_our_words():
            async with asyncio.timeout(ANSWER):
                await call
    except (ServiceNotFound, ValueError, vol.Invalid) as err:
        raise LockUnreachable(type(err).__name__) from None
    except (HomeAssistantError, TimeoutError, no) as err:
        raise OutcomeUnknown(type(err).__name__) from None


@contextmanager
def _in_our_words() -> Iterator[None]:
    """Say what went wrong in the words of the house; their text may hold anything."""
    from zigpy.exceptions import RadioException, SendError, ZigbeeException  # noqa: PLC0415

    try:
        yield
    except TimeoutError:
        raise
    except SendError:
        raise LockUnreachable("not sent") from None
    except (ZigbeeException, RadioException, OSError) as err:
        raise OutcomeUnknown(type(err).__name__) from None


def _events() -> tuple[str, str]:
    """Return what zigpy calls a report, and the answer to a reading."""
    from zigpy.zcl import AttributeReadEvent, AttributeReportedEvent  # noqa: PLC0415

    return AttributeReportedEvent.event_type, AttributeReadEvent.event_type


def _reported(said: Any, ears: Ears) -> None:
    if said.attribute_name == _LOCK_STATE and said.value is not None:
        ears.bolt_reported(int(said.value))


def user_of(number: int) -> int | None:
    """Return a user by his number; None: it is nobody's."""
    return None if number in _NOBODY else number


class _Alarm:
    """Hears its alarms."""

    def __init__(self, ears: Ears) -> None:
        """Take who hears them."""
        self._ears = ears

    def cluster_command(self, tsn: int, command: int, fields: Any) -> None:
        """Hear a command; zigpy calls it by this name."""
        if command == _ALARM and int(fields[1]) == _DOOR_LOCK:
            self._ears.alarmed(int(fields[0]))
