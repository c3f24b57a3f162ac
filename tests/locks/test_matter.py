"""What a lock that Matter brought tells, and how its codes fail."""

import asyncio
from collections.abc import AsyncGenerator
import logging
from typing import Any

from homeassistant.const import MATCH_ALL
from homeassistant.core import Event, HomeAssistant
import pytest

from custom_components.smartlock_le.locks import (
    answers,
    any_lock,
    numbered as numbered_module,
)
from custom_components.smartlock_le.locks.driver import Bolt
from custom_components.smartlock_le.locks.matter import matter_numbers
from custom_components.smartlock_le.models import (
    AccessEvent,
    Capability,
    DoorCommand,
    LockError,
    LockRefused,
    LockUnreachable,
    OutcomeUnknown,
    Refusal,
)
from tests.conftest import until
from tests.matter import LOCK_ID, WITH_CODES, Data, DoorLock, Feature, Operation, Source
from tests.support import as_admin

from .matter_bench import MatterBench, matter_bench
from .support import window

pytestmark = pytest.mark.usefixtures("socket_enabled")


@pytest.fixture
def features() -> int:
    """Give what the lock has."""
    return WITH_CODES


@pytest.fixture
async def bench(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, features: int
) -> AsyncGenerator[MatterBench]:
    """Give a started driver."""
    monkeypatch.setattr(numbered_module, "PAUSE", 0.0)
    async with matter_bench(hass, monkeypatch, features) as bench:
        yield bench


def told(events: list[AccessEvent]) -> list[tuple[str, str, str]]:
    """Return what, how and who."""
    return [(str(e.event), str(e.method), str(e.actor.kind)) for e in events]


class TestWhatItTells:
    """Each thing once, with who it was where the lock says so."""

    @pytest.mark.parametrize(
        ("source", "method", "who"),
        [
            (Source.kManual, "manual", "unknown"),
            (Source.kProprietaryRemote, "app", "unknown"),
            (Source.kAuto, "automatic", "lock"),
            (Source.kButton, "button", "unknown"),
            (Source.kSchedule, "automatic", "lock"),
            (Source.kRemote, "unknown", "unknown"),
            (Source.kRfid, "unknown", "credential"),
            (Source.kBiometric, "unknown", "credential"),
            (Source.kUnspecified, "unknown", "unknown"),
        ],
    )
    async def test_how(
        self, bench: MatterBench, source: Source, method: str, who: str
    ) -> None:
        bench.lock.operated(lock=False, source=source)
        await until(lambda: bench.events)
        await bench.settle()
        assert told(bench.events) == [("unlocked", method, who)]

    async def test_a_code_is_used(self, bench: MatterBench) -> None:
        """It is known by the number of the credential, not by that of its user."""
        driver = bench.driver
        number = await driver.set_code(driver.new_code(), "LE one", window())
        assert bench.lock.users[number] != number
        bench.lock.operated(lock=False, source=Source.kKeypad, code=number)
        await until(lambda: driver.state.bolt is Bolt.UNLOCKED)
        await bench.settle()
        [event] = bench.events
        assert told([event]) == [("unlocked", "keypad", "code")]
        assert (event.code_id, event.code_name) == (number, "LE one")

    async def test_a_person_at_the_original(
        self, hass: HomeAssistant, bench: MatterBench
    ) -> None:
        await hass.services.async_call(
            "lock",
            "unlock",
            {"entity_id": bench.driver.entity_id},
            blocking=True,
            context=await as_admin(hass),
        )
        await until(lambda: bench.events)
        assert told(bench.events) == [("unlocked", "home_assistant", "owner")]

    async def test_denied(self, bench: MatterBench) -> None:
        """A wrong code, one that is switched off, and too many of them."""
        for error in (1, 2):
            bench.lock.event(
                DoorLock.Events.LockOperationError,
                lockOperationType=1,
                operationSource=int(Source.kKeypad),
                operationError=error,
                userIndex=None,
                credentials=None,
            )
        bench.lock.event(DoorLock.Events.DoorLockAlarm, alarmCode=4)
        bench.lock.event(DoorLock.Events.DoorLockAlarm, alarmCode=7)
        await until(lambda: len(bench.events) == 3)
        assert told(bench.events) == [("denied", "keypad", "unknown")] * 3

    async def test_a_jam_ends(self, bench: MatterBench) -> None:
        bench.jam()
        with pytest.raises(LockRefused):
            await bench.driver.command(DoorCommand.UNLOCK)
        bench.lock.jammed = False
        # It is freed by hand, to where it was.
        bench.turn(lock=True)
        await until(lambda: bench.driver.state.bolt is Bolt.LOCKED)
        await bench.driver.command(DoorCommand.UNLOCK)
        await bench.settle()
        assert told(bench.events) == [
            ("jammed", "unknown", "unknown"),
            ("locked", "manual", "unknown"),
            ("unlocked", "unknown", "unknown"),
        ]

    async def test_a_jam_ends_by_a_command(self, bench: MatterBench) -> None:
        bench.jam()
        with pytest.raises(LockRefused):
            await bench.driver.command(DoorCommand.UNLOCK)
        bench.lock.jammed = False
        bench.lock.show(bench.lock.state)
        await asyncio.sleep(0.1)
        await bench.driver.command(DoorCommand.UNLOCK)
        await bench.settle()
        assert [(e.event, e.ours) for e in bench.events] == [
            ("jammed", False),
            ("unlocked", True),
        ]

    async def test_a_code_is_changed_at_the_keypad(self, bench: MatterBench) -> None:
        """Ours is not told."""
        driver = bench.driver
        number = await driver.set_code(driver.new_code(), "LE one", window())
        await driver.clear_code(number, "LE one")
        for how in (Operation.kAdd, Operation.kClear):
            bench.lock.event(
                DoorLock.Events.LockUserChange,
                lockDataType=int(Data.kPin),
                dataOperationType=int(how),
                operationSource=int(Source.kKeypad),
                userIndex=9,
                dataIndex=7,
            )
        await until(lambda: len(bench.events) == 2)
        assert told(bench.events) == [
            ("code_added", "keypad", "unknown"),
            ("code_removed", "keypad", "unknown"),
        ]

    @pytest.mark.parametrize(
        "data",
        [
            {},
            {"lockOperationType": 99},
            {"lockOperationType": "1"},
            {"lockOperationType": [1]},
            {"alarmCode": {}},
            {"lockDataType": 6, "dataOperationType": None},
            {"lockDataType": 6, "dataOperationType": 0, "dataIndex": 2**70},
        ],
    )
    async def test_hostile_events(
        self, bench: MatterBench, data: dict[str, Any]
    ) -> None:
        """What is no event of the cluster tells nothing of a door."""
        for kind in (DoorLock.Events.LockOperation, DoorLock.Events.DoorLockAlarm):
            bench.lock.event(kind, **data)
        bench.lock.event(DoorLock.Events.LockUserChange, **data)
        bench.lock.event(DoorLock.Events.LockOperationError, credentials=[1, {}])
        await until(lambda: bench.events)
        await bench.settle()
        kinds = {event.event for event in bench.events}
        assert kinds <= {"denied", "code_added"}
        assert {event.code_id for event in bench.events} == {None}

    async def test_what_is_not_of_this_door(
        self, hass: HomeAssistant, bench: MatterBench
    ) -> None:
        """Another endpoint, another cluster, and nothing at all."""
        for change in ({"endpoint_id": 2}, {"cluster_id": 6}, {"data": None}):
            event = {"lockOperationType": 1, "operationSource": 1}
            bench.lock.send(
                "node_event",
                {
                    "node_id": 7,
                    "endpoint_id": 1,
                    "cluster_id": 257,
                    "event_id": 2,
                    "event_number": 1,
                    "priority": 1,
                    "timestamp": 0,
                    "timestamp_type": 0,
                    "data": event,
                    **change,
                },
            )
        bench.lock.event(DoorLock.Events.DoorLockAlarm, alarmCode=4)
        await until(lambda: bench.events)
        assert told(bench.events) == [("denied", "keypad", "unknown")]


class TestCodes:
    """Credentials, and how they fail."""

    async def test_limits(self, hass: HomeAssistant, bench: MatterBench) -> None:
        """They are learned once."""
        await bench.driver.stop()
        await bench.follow(range(99))
        await bench.driver.tend()
        assert bench.driver._usable == range(1, 9)
        assert bench.driver.lengths == range(4, 9)
        await bench.driver.tend()
        assert await matter_numbers(hass, LOCK_ID) == range(1, 9)
        assert await matter_numbers(hass, "matter:0-1-x-1-MatterLock") is None

    async def test_no_room(self, bench: MatterBench) -> None:
        bench.lock.full = True
        with pytest.raises(LockRefused) as caught:
            await bench.driver.set_code(bench.driver.new_code(), "LE one", window())
        assert caught.value.reason is Refusal.CODES_FULL

    async def test_in_silence(
        self, bench: MatterBench, caplog: pytest.LogCaptureFixture
    ) -> None:
        """No log line, event or state has the digits."""
        events: list[str] = []

        def hear(event: Event) -> None:
            events.append(f"{event.event_type} {event.data}")

        bench.hass.bus.async_listen(MATCH_ALL, hear)
        caplog.set_level(logging.DEBUG)
        digits = bench.driver.new_code()
        await bench.driver.set_code(digits, "LE one", window())
        assert digits in bench.codes.values()
        assert digits not in "".join(events) + caplog.text

    async def test_the_server_goes(self, bench: MatterBench) -> None:
        """It may have it; and after it is back, all goes on."""
        bench.lock.delay_s = 0.3
        driver = bench.driver
        setting = asyncio.create_task(driver.put_number(1, driver.new_code()))
        await asyncio.sleep(0.45)
        await bench.home.drop()
        with pytest.raises(LockError):
            await setting
        bench.lock.delay_s = 0.0
        await until(lambda: not driver.available)
        await until(lambda: driver.available)
        await driver.set_code(driver.new_code(), "LE one", window())
        bench.lock.operated(lock=False, source=Source.kKeypad, code=1)
        await until(lambda: [e for e in bench.events if e.method == "keypad"])
        assert len([e for e in bench.events if e.event == "unlocked"]) == 1

    async def test_no_answer(
        self, bench: MatterBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(answers, "ANSWER", 0.05)
        bench.lock.delay_s = 0.3
        with pytest.raises(LockUnreachable):
            await bench.driver.put_number(1, bench.driver.new_code())
        with pytest.raises(OutcomeUnknown):
            await bench.driver.drop_number(1)
        await bench.driver.tend()

    async def test_another_release(
        self, bench: MatterBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Methods that are gone, or take something else, are not called."""
        entity = bench.driver._methods._entity(bench.driver.entity_id)

        async def other(number: int) -> None:
            raise AssertionError

        monkeypatch.setattr(entity, "async_get_lock_credential_status", other)
        with pytest.raises(LockRefused) as caught:
            await bench.driver.read_number(1)
        assert caught.value.reason is Refusal.NOT_SUPPORTED
        monkeypatch.delattr(type(entity), "async_get_lock_info")
        await bench.driver.tend()
        assert Capability.CODES not in bench.driver.capabilities

    async def test_matter_is_not_there(
        self, bench: MatterBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(any_lock, "DEADLINE", 1.0)
        await bench.hass.config_entries.async_unload(bench.home.entry.entry_id)
        with pytest.raises(LockUnreachable):
            await bench.driver.read_number(1)
        with pytest.raises(LockUnreachable):
            await bench.driver.command(DoorCommand.UNLOCK)
        assert bench.moves == 0


@pytest.mark.parametrize(
    "features", [0, int(Feature.kUser), int(Feature.kPinCredential)]
)
async def test_keyless(hass: HomeAssistant, bench: MatterBench) -> None:
    """A lock without a keypad says so once it was read, and still opens."""
    assert await matter_numbers(hass, LOCK_ID) == range(0)
    await bench.driver.tend()
    assert Capability.CODES not in bench.driver.capabilities
    await bench.driver.command(DoorCommand.UNLOCK)
    assert bench.bolt is Bolt.UNLOCKED


@pytest.mark.parametrize("features", [WITH_CODES | int(Feature.kUnbolt)])
async def test_the_latch(bench: MatterBench) -> None:
    """It is pulled where the lock can, and not by who only unlocks."""
    await bench.driver.command(DoorCommand.OPEN)
    assert bench.bolt is Bolt.OPEN
    bench.turn(lock=True)
    await until(lambda: bench.driver.state.bolt is Bolt.LOCKED)
    await bench.driver.command(DoorCommand.UNLOCK)
    assert bench.bolt is Bolt.UNLOCKED
    await bench.settle()
    assert [(e.event, e.ours) for e in bench.events] == [
        ("opened", True),
        ("locked", False),
        ("unlocked", True),
    ]
