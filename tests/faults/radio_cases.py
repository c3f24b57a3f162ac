"""What is done over a radio that fails: each case prepares, and then acts."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from custom_components.smartlock_le.access.models import Grant, GrantMethod
from custom_components.smartlock_le.home import Home
from custom_components.smartlock_le.models import DoorCommand
from virtual_home.nuki import NukiLock

from .homes import OWNER, only_lock, request

type Act = Callable[[Home, NukiLock], Awaitable[Any]]


@dataclass(frozen=True)
class Case:
    """What is done, and what must be there before."""

    name: str
    act: Act
    prepare: Act | None = None
    command: DoorCommand | None = None
    """The door command that it is, or has in it."""


def _door(command: DoorCommand) -> Case:
    async def act(home: Home, _nuki: NukiLock) -> None:
        await only_lock(home).command(command, OWNER)

    return Case(command.value, act, command=command)


def _open(method: GrantMethod, *, first_use: bool = False) -> Act:
    async def act(home: Home, _nuki: NukiLock) -> Any:
        return await home.grants.open(request(home, method, first_use=first_use), OWNER)

    return act


def _grant(home: Home) -> Grant:
    return home.grants.open_grants()[0]


async def _extend(home: Home, _nuki: NukiLock) -> Grant:
    return await home.grants.extend(_grant(home).id, 60, OWNER)


async def _revoke(home: Home, _nuki: NukiLock) -> bool:
    return await home.grants.revoke(_grant(home).id, OWNER)


async def _use(home: Home, nuki: NukiLock) -> None:
    (code,) = [c for c in nuki.device.codes if c.name == _grant(home).marker]
    nuki.device.press(code.digits)
    only_lock(home).driver.on_news()


async def _by_hand(home: Home, nuki: NukiLock) -> None:
    nuki.device.turn(lock=not nuki.device.bolt.locked)
    only_lock(home).driver.on_news()


async def _day_off(_home: Home, nuki: NukiLock) -> None:
    """Let the lock's clock be a day off."""
    nuki.device.clock_offset = timedelta(days=1)


CASES = {
    case.name: case
    for case in (
        *(_door(command) for command in DoorCommand),
        Case("grant", _open(GrantMethod.CODE)),
        # Where only the door fails, the code is given all the same.
        Case("both", _open(GrantMethod.BOTH)),
        Case("let in", _open(GrantMethod.UNLOCK), command=DoorCommand.UNLOCK),
        Case("extend", _extend, _open(GrantMethod.CODE)),
        Case("use", _use, _open(GrantMethod.CODE, first_use=True)),
        Case("revoke", _revoke, _open(GrantMethod.CODE)),
        Case("by hand", _by_hand),
        Case("day off", _open(GrantMethod.CODE), _day_off),
    )
}
