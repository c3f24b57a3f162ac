"""A lock's node of Z-Wave JS: whatever we touch of its objects is here.

Its actions do not let us say under which number a code goes, and write the code on Home
Assistant's event bus for everybody to read. Nothing of it is imported before it runs, for
it need not be installed.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
import sys
from typing import Any

from homeassistant.core import HomeAssistant

from ..models import LockRefused, LockUnreachable, OutcomeUnknown, Refusal
from . import entities
from .answers import answered, changing
from .numbered import CodeStatus

_HELPERS = "homeassistant.components.zwave_js.helpers"
_LIBRARY = "zwave_js_server"
_PIN, _GENERAL = 1, 0
"""A credential's type and a user's; Z-Wave Application Specification, User Credential."""
_OK, _UNKNOWN = 0, 255
_REFUSALS = {3: Refusal.CODE_EXISTS, 4: Refusal.CODE_INVALID, 5: Refusal.CODE_EXISTS}
_MOST_DIGITS = 32
_SECURED = 0xFF
"""A Door Lock mode."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many codes a lock holds, and how many digits each has."""

    count: int
    lengths: range


class LockNode:
    """The node of one lock. User, credential and code have one number.

    A lock with the older User Code command class knows no other; where a lock keeps
    users apart from what they hold, ours are made so.
    """

    def __init__(self, node: Any, bolt: str) -> None:
        """Take the node, and the id of the value that says where its bolt is.

        It is `<node>-<command class>-<endpoint>-<property>`.
        """
        self._node = node
        self._bolt = bolt
        self._users = node.access_control

    async def locked(self) -> bool:
        """Return what the lock says of its bolt now. Raises LockUnreachable.

        Its entity shows the same a moment later: the answer comes first.
        """
        const: Any = sys.modules[f"{_LIBRARY}.const"]
        command_class = const.CommandClass(int(self._bolt.split("-")[1]))
        async with _asking():
            said = await self._node.async_invoke_cc_api(
                command_class, "get", wait_for_result=True
            )
        if isinstance(said, Mapping):
            said = said.get("currentMode")
        if said is None:
            # That is no error to Z-Wave JS.
            raise LockUnreachable("no answer")
        # The older Lock command class answers with a yes or a no.
        return said in (_SECURED, True)

    async def limits(self) -> Limits | None:
        """Return the limits; None: it keeps no codes. Raises LockUnreachable."""
        async with _asking():
            if not await self._users.is_supported():
                return None
            users = await self._users.get_user_capabilities_cached()
            kinds = await self._users.get_credential_capabilities_cached()
        pins = kinds.supported_credential_types.get(_PIN)
        if pins is None:
            return None
        return Limits(
            min(users.max_users, pins.number_of_credential_slots),
            range(
                max(1, pins.min_credential_length),
                min(pins.max_credential_length, _MOST_DIGITS) + 1,
            ),
        )

    async def status(self, number: int) -> CodeStatus:
        """Ask what is under a number. Raises LockUnreachable.

        Half of it is none of ours and no free number either: it is said to be off.
        """
        async with _asking():
            # The digits come along where the lock gives them: they are not looked at.
            found = await self._users.get_credential(_PIN, number)
            user = await self._users.get_user_cached(number)
            if user is not None and found is None:
                # What is cached may be what was before: the answer comes first.
                user = await self._users.get_user(number)
        owner = found.user_id if found else 0
        if owner == number:
            on = user is None or user.active
            return CodeStatus.ENABLED if on else CodeStatus.DISABLED
        return CodeStatus.DISABLED if owner or user else CodeStatus.EMPTY

    async def put(self, number: int, digits: str) -> None:
        """Let digits open under a number. Raises LockRefused, OutcomeUnknown."""
        _need_number(number)
        async with changing(), _asking():
            user = await self._users.get_user_cached(number)
            if user is None:
                result = await self._add(number, digits)
            else:
                if not user.active:
                    await self._users.set_user(number, _options(active=True))
                result = await self._users.set_credential(number, _PIN, number, digits)
        if result == _UNKNOWN and await self._empty(number):
            raise LockRefused(Refusal.OTHER, "not taken")
        _check(result)

    async def _add(self, number: int, digits: str) -> int:
        model = sys.modules[f"{_LIBRARY}.model.access_control"]
        code = model.AddUserCredential(_PIN, number, digits)
        made = await self._users.add_user(number, _options(active=True), code)
        if made.user != _OK:
            return _UNKNOWN if made.user == _UNKNOWN else int(made.user)
        if made.credential not in (None, _OK):
            # A user without a code would keep the number from everybody.
            await self._users.delete_user(number)
        return int(made.credential or _OK)

    async def _empty(self, number: int) -> bool:
        try:
            return await self.status(number) is CodeStatus.EMPTY
        except LockUnreachable:
            return False

    async def drop(self, number: int) -> None:
        """Let nothing open under a number. Raises LockRefused, OutcomeUnknown."""
        _need_number(number)
        async with changing(), _asking():
            result = await self._users.delete_user(number)
        _check(result)


def find(hass: HomeAssistant, lock_id: str) -> LockNode | None:
    """Return the node of a lock; None: Z-Wave JS does not run, or has it not now.

    The lock's id ends with that of the value: `zwave_js:<home>.<node>-<class>-...`.
    """
    helpers, entry = sys.modules.get(_HELPERS), entities.find(hass, lock_id)
    if helpers is None or entry is None:
        return None
    try:
        node = helpers.async_get_node_from_entity_id(hass, entry.entity_id)
        return LockNode(node, lock_id.partition(".")[2])
    except ValueError:
        return None


def _options(*, active: bool) -> Any:
    model = sys.modules[f"{_LIBRARY}.model.access_control"]
    return model.SetUserOptions(active=active, user_type=_GENERAL)


def _need_number(number: int) -> None:
    """Refuse 0: Z-Wave JS takes it for all users of the lock."""
    if number < 1:
        raise LockRefused(Refusal.OTHER, "no such number")


def _check(result: int) -> None:
    if result == _UNKNOWN:
        raise OutcomeUnknown("it did not say")
    if result != _OK:
        raise LockRefused(_REFUSALS.get(result, Refusal.OTHER), f"result {result}")


@asynccontextmanager
async def _asking() -> AsyncIterator[None]:
    """Ask Z-Wave JS. Raises LockUnreachable; no text of an error is passed on."""
    exceptions: Any = sys.modules[f"{_LIBRARY}.exceptions"]
    try:
        async with answered(_LIBRARY):
            yield
    except exceptions.FailedZWaveCommand as err:
        raise LockUnreachable(f"Z-Wave error {err.zwave_error_code}") from None
    except exceptions.BaseZwaveJSServerError as err:
        raise LockUnreachable(type(err).__name__) from None
