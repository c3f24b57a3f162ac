"""Every message of every command lost, cut off, or doubled, in both directions.

The rule: what has an effect and may have reached the lock is never `LockUnreachable`,
it is never sent again, no link stays up, and the next command works.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from custom_components.smartlock_le.locks.nuki.client import NukiClient
from custom_components.smartlock_le.locks.nuki.messages import Action, KeypadCode
from custom_components.smartlock_le.models import (
    LockError,
    LockUnreachable,
    OutcomeUnknown,
    utc_now,
)
from tests.conftest import until
from tests.locks.support import PIN, Dialer, new_client, window
from virtual_home.faults import Direction, Seen
from virtual_home.home import VirtualHome
from virtual_home.nuki import Command, Device, LockState, NukiLock

CODE = 345678
OTHER_CODE = 456789


@dataclass(frozen=True)
class Case:
    """A command, the message that has its effect, and how the effect shows."""

    name: str
    run: Callable[[NukiClient], Awaitable[Any]]
    message: Command | None = None
    happened: Callable[[Device, NukiClient], bool] = lambda device, client: False


async def _add(client: NukiClient) -> None:
    limits = window()
    await client.add_code(str(OTHER_CODE), "LE two", limits.start, limits.end)


async def _update(client: NukiClient) -> None:
    limits = window(3)
    code = KeypadCode(1, CODE, "LE one", True, None, None)
    await client.update_code(code, limits.start, limits.end)


def _known(device: Device, client: NukiClient) -> bool:
    return len(device.users.entries) > 1


CASES = [
    Case("state", lambda client: client.read_state()),
    Case("config", lambda client: client.read_config()),
    Case("pin", lambda client: client.verify_pin(PIN)),
    Case("log", lambda client: client.read_log(0, 10)),
    Case("codes", lambda client: client.read_codes()),
    Case("authorizations", lambda client: client.read_authorizations()),
    Case("battery", lambda client: client.read_battery_report()),
    Case(
        "unlock",
        lambda client: client.act(Action.UNLOCK),
        Command.LOCK_ACTION,
        lambda device, _: device.received["unlock"] > 0,
    ),
    Case(
        "unlatch",
        lambda client: client.act(Action.UNLATCH),
        Command.LOCK_ACTION,
        lambda device, _: device.received["unlatch"] > 0,
    ),
    Case(
        "add code",
        _add,
        Command.ADD_KEYPAD_CODE,
        lambda device, _: device.codes.find(OTHER_CODE) is not None,
    ),
    Case(
        "update code",
        _update,
        Command.UPDATE_KEYPAD_CODE,
        lambda device, _: device.codes.get(1).window is not None,
    ),
    Case(
        "remove code",
        lambda client: client.remove_code(1),
        Command.REMOVE_KEYPAD_CODE,
        lambda device, _: len(device.codes) == 0,
    ),
    Case(
        "set clock",
        lambda client: client.set_clock(utc_now()),
        Command.UPDATE_TIME,
        lambda device, _: abs(device.clock_offset.total_seconds()) < 10,
    ),
    Case(
        "forget us",
        lambda client: client.remove_authorization(),
        Command.REMOVE_AUTHORIZATION,
        lambda device, client: not _known(device, client),
    ),
]


class Bench:
    """A lock that is set up anew for each fault."""

    def __init__(self, home: VirtualHome, lock: NukiLock, paired: NukiClient) -> None:
        """Take a client that is paired."""
        self.home = home
        self.lock = lock
        self.paired = paired
        assert paired.credentials
        self.fired = False
        self._user = lock.device.users.get(paired.credentials.auth_id)

    async def client(self) -> NukiClient:
        """Give a client with little patience and a link that is up."""
        device = self.lock.device
        await until(lambda: not device.bolt.busy)
        device.users.entries[self._user.auth_id] = self._user
        device.codes.codes.clear()
        device.codes.next_id = 1
        device.codes.add(CODE, "LE one", None, device.now)
        device.clock_offset = timedelta(hours=1)
        device.bolt.state = LockState.LOCKED
        device.received.clear()
        if not device.log.entries:
            device.turn(lock=True)
            device.turn(lock=True)
        dialer = Dialer(self.home, self.lock.address)
        await dialer.dial()
        self.lock.faults.messages()
        self.lock.faults.clear()
        return NukiClient(
            dialer, self.paired.credentials, pin=PIN, deadline=0.15, motor_deadline=0.3
        )

    async def counts(self, case: Case) -> dict[Direction, int]:
        """Run a command without a fault; count its messages."""
        client = await self.client()
        client._deadline = 5
        await case.run(client)
        await client.close()
        seen = [seen.direction for seen in self.lock.faults.messages()]
        return {direction: seen.count(direction) for direction in Direction}

    async def check(
        self, case: Case, client: NukiClient, where: str
    ) -> LockError | None:
        """Run a command with a fault; give its error, if any."""
        device = self.lock.device
        error: LockError | None = None
        try:
            await case.run(client)
        except LockError as err:
            error = err
        # On a busy machine patience may have ended before the fault came.
        self.fired = not self.lock.faults.pending()
        if "cut" in where and self.fired:
            # What was cut off may not have been waited for.
            await until(lambda: not self.home.central.links)
        self.lock.faults.clear()
        happened = case.happened(device, self.paired)
        seen = self.lock.faults.messages()
        if "doubled" not in where and not (case.name == "forget us" and happened):
            # The client goes on, over the same link where it is still up.
            client._deadline = 5
            await client.read_state()
        await client.close()
        assert self.home.central.free == self.home.central.slots, where
        await until(lambda: self.lock.connection is None)
        sent = [
            message
            for message in seen
            if (message.direction, message.command) == (Direction.TO_LOCK, case.message)
        ]
        if case.message is not None:
            assert len(sent) <= 1, f"{where}: sent again"
        assert device.received.total() <= 1, where
        if isinstance(error, LockUnreachable):
            assert not happened, f"{where}: it happened all the same"
            assert not sent, f"{where}: it may have happened"
        if error is None and case.message is not None:
            assert happened, f"{where}: it did not happen"
        return error


@pytest.fixture
async def bench(bare: VirtualHome, bare_lock: NukiLock) -> Bench:
    """Give a bench with a paired client."""
    client = new_client(bare, bare_lock)
    await client.pair("Tester")
    return Bench(bare, bare_lock, client)


@pytest.mark.parametrize("fault", ["lost", "cut", "doubled"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_fault(case: Case, fault: str, bench: Bench) -> None:
    """Each message of the command in turn, in both directions."""
    for direction, count in (await bench.counts(case)).items():
        assert count
        for number in range(1, count + 1):
            client = await bench.client()
            faults = bench.lock.faults
            if fault == "doubled":
                faults.double(direction, number)
            else:
                faults.lose(direction, number, drop_link=fault == "cut")
            where = f"{case.name}: message {number} {direction} {fault}"
            error = await bench.check(case, client, where)
            if fault != "doubled" and number == 1 and bench.fired:
                assert isinstance(error, LockUnreachable), where
            last = direction is Direction.TO_LOCK and number == count
            if fault == "lost" and last and bench.fired:
                wanted = OutcomeUnknown if case.message else LockUnreachable
                assert isinstance(error, wanted), where


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_out_of_range(case: Case, bench: Bench) -> None:
    """The lock leaves when it has heard a message: what was asked last is unknown."""
    count = (await bench.counts(case))[Direction.TO_LOCK]
    for number in range(1, count + 1):
        client = await bench.client()
        client._deadline = 5
        bench.lock.faults.lose(Direction.FROM_LOCK, number)
        running = asyncio.ensure_future(case.run(client))
        heard: list[Seen] = []
        while sum(seen.direction is Direction.TO_LOCK for seen in heard) < number:
            assert not running.done()
            await asyncio.sleep(0.001)
            heard += bench.lock.faults.messages()
        await bench.lock.set_in_range(False)
        where = f"{case.name}: after message {number}"
        wanted = OutcomeUnknown if case.message and number == count else LockUnreachable
        with pytest.raises(wanted):
            await running
        await client.close()
        assert bench.home.central.free == bench.home.central.slots, where
        await bench.lock.set_in_range(True)


PAIRING = Case("pair", lambda client: client.pair("Again"))


@pytest.mark.parametrize("fault", ["lost", "cut", "doubled"])
async def test_fault_while_pairing(fault: str, bench: Bench) -> None:
    """A lock that may know us is never `LockUnreachable`; a success is a pairing."""
    users = bench.lock.device.users.entries
    counts = await bench.counts(PAIRING)
    assert counts == {Direction.TO_LOCK: 5, Direction.FROM_LOCK: 5}
    for direction, count in counts.items():
        for number in range(1, count + 1):
            before = set(users)
            client = await bench.client()
            faults = bench.lock.faults
            if fault == "doubled":
                faults.double(direction, number)
            else:
                faults.lose(direction, number, drop_link=fault == "cut")
            where = f"pair: message {number} {direction} {fault}"
            error: LockError | None = None
            try:
                await client.pair("Again")
            except LockError as err:
                error = err
            await until(lambda: bench.lock.connection is None)
            assert bench.home.central.free == bench.home.central.slots, where
            new = set(users) - before
            if isinstance(error, LockUnreachable):
                assert not new, where
                assert number < 4 or faults.pending(), where
            if error is None:
                assert client.credentials, where
                assert new == {client.credentials.auth_id}, where
                faults.clear()
                again = new_client(
                    bench.home, bench.lock, credentials=client.credentials
                )
                await again.read_state()
                await again.close()
            else:
                assert client.credentials is None, where
