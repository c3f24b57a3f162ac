"""A lock that Home Assistant's Schlage brought: its entity, and its codes, which have names.

The codes are kept by Schlage's cloud: it sees their digits. We name ours after a number,
so that nobody's name goes there; whose it is, our key book knows.
"""

from collections.abc import Mapping
from dataclasses import replace
import logging
from typing import Any, override

from homeassistant.core import Context, HomeAssistant, State

from ..models import (
    UNKNOWN_ACTOR,
    AccessEvent,
    Actor,
    ActorKind,
    Capability,
    LockError,
    LockRef,
    Method,
    Refusal,
)
from .answers import LockEntityMethods, changing
from .any_lock import EntityDriver
from .driver import Bolt, Turn
from .numbered import CodeStatus, NumberedCodes, Numbers

_LOGGER = logging.getLogger(__name__)

NUMBERS = range(1, 101)
_PREFIX = "SmartLock LE "
_LIBRARY = "pyschlage"
_KEYPAD = "keypad"
_METHODS = {
    _KEYPAD: Method.KEYPAD,
    "thumbturn": Method.MANUAL,
    "1-touch locking": Method.BUTTON,
    "mobile device": Method.APP,
    "apple nfc device": Method.APP,
}
"""How the library says who it was: the way, and a name after a dash where there is one."""
_REFUSALS = {
    "schlage_code_exists": Refusal.CODE_EXISTS,
    "schlage_name_exists": Refusal.OTHER,
}


class SchlageDriver(NumberedCodes, EntityDriver):
    """A lock through what Schlage makes of it."""

    usual_length = 4

    def __init__(
        self,
        hass: HomeAssistant,
        ref: LockRef,
        numbers: Numbers,
        usable: range = NUMBERS,
    ) -> None:
        """Take the lock's id; nothing is followed yet."""
        super().__init__(hass, ref)
        self.capabilities |= Capability.CODES | Capability.CODE_STATUS
        self.keep_numbers(numbers, usable)
        self._methods = LockEntityMethods(hass, _LIBRARY, _REFUSALS)
        self._length_known = False

    # What it tells

    @override
    async def _move(
        self, bolt: Bolt, state: State, context: Context | None
    ) -> AccessEvent:
        event = await super()._move(bolt, state, context)
        said = state.attributes.get("changed_by")
        if event.ours or event.method is not Method.UNKNOWN or said is None:
            return event
        way, _, name = str(said).partition(" - ")
        event = replace(event, method=_METHODS.get(way, Method.UNKNOWN))
        number = _number_of(name)
        if way == _KEYPAD and number is not None:
            ours = self.name_of(number)
            who = Actor(ActorKind.CODE, str(number), ours)
            return replace(event, actor=who, code_id=number, code_name=ours)
        who = Actor(ActorKind.CREDENTIAL, name=name[:100]) if name else UNKNOWN_ACTOR
        return replace(event, actor=who)

    # Its codes

    async def _codes(self) -> Mapping[str, Mapping[str, str]]:
        """Return the codes on it, each with its name; the digits come along.

        Home Assistant asks the cloud every half a minute and then has a new lock that knows
        no codes: who asks in that moment hears that there is none, so we ask twice.
        """
        found: Mapping[str, Any] = await self._ask("get_codes")
        if not found:
            found = await self._ask("get_codes")
        return found

    async def _ask(self, method: str, **fields: Any) -> Any:
        return await self._methods.call(self.entity_id, method, **fields)

    @override
    async def tend(self) -> None:
        """Learn how long its codes are, once: they all have the same length."""
        if self._length_known:
            return
        try:
            async with self.queue.turn(Turn.CODES):
                codes = await self._codes()
        except LockError as err:
            _LOGGER.debug("Lock %s does not tell its codes: %s", self.ref.id, err)
            return
        self._length_known = True
        lengths = {len(code["code"]) for code in codes.values()}
        if len(lengths) == 1:
            [length] = lengths
            self.lengths = range(length, length + 1)

    @override
    async def put_number(self, number: int, digits: str) -> None:
        async with changing():
            # One that is there cannot be changed.
            await self._delete(number)
            await self._ask(
                "add_code", name=_name(number), code=digits, notify_on_use=False
            )

    @override
    async def drop_number(self, number: int) -> None:
        async with changing():
            await self._delete(number)

    async def _delete(self, number: int) -> None:
        """Delete it; where it is in no list of that moment (see `_codes`), once more."""
        await self._ask("delete_code", name=_name(number))
        if await self.read_number(number) is not CodeStatus.EMPTY:
            await self._ask("delete_code", name=_name(number))

    @override
    async def read_number(self, number: int) -> CodeStatus:
        names = {_number_of(code["name"]) for code in (await self._codes()).values()}
        return CodeStatus.ENABLED if number in names else CodeStatus.EMPTY


def _name(number: int) -> str:
    return f"{_PREFIX}{number}"


def _number_of(name: str) -> int | None:
    """Return the number of a code that is named by us; Schlage does not mind the case."""
    prefix, number = name.strip()[: len(_PREFIX)], name.strip()[len(_PREFIX) :]
    ours = prefix.lower() == _PREFIX.lower() and number.isascii() and number.isdigit()
    return int(number) if ours and len(number) < 4 else None
