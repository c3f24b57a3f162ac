"""What a lock that Z-Wave JS brought tells, and how its codes fail."""

import asyncio
from collections.abc import AsyncGenerator
import logging
from typing import Any

from homeassistant.const import EVENT_CALL_SERVICE, MATCH_ALL
from homeassistant.core import Event, HomeAssistant
import pytest

from custom_components.smartlock_le.locks import (
    answers,
    any_lock,
    numbered as numbered_module,
    zwave as module,
)
from custom_components.smartlock_le.locks.driver import Bolt
from custom_components.smartlock_le.locks.numbered import CodeStatus
from custom_components.smartlock_le.locks.zwave import zwave_numbers
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
from tests.support import as_admin
from tests.zwave_js import SECURED, UNSECURED, ZwaveRadio

from .support import window
from .zwave_bench import ZwaveBench, zwave_bench

KEYPAD_LOCK, KEYPAD_UNLOCK, AUTO_LOCK = 5, 6, 9
JAMMED, SHUT_OUT, BAD_RF = 0x0B, 0x10, 0x14
ALL_GONE, CODE_GONE, CODE_ADDED = 0x0C, 0x0D, 0x0E
BY_CREDENTIAL = 0x24


@pytest.fixture
def kind() -> str:
    """Which lock it is."""
    return "codes"


@pytest.fixture
async def bench(
    hass: HomeAssistant,
    zwave: ZwaveRadio,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> AsyncGenerator[ZwaveBench]:
    """Give a started driver."""
    monkeypatch.setattr(numbered_module, "PAUSE", 0.0)
    async with zwave_bench(hass, zwave, monkeypatch, kind) as bench:
        yield bench


def told(events: list[AccessEvent]) -> list[tuple[str, str, str]]:
    """Return what, how and who."""
    return [(str(e.event), str(e.method), str(e.actor.kind)) for e in events]


class TestWhatItTells:
    """Each thing once, with who it was where the lock says so."""

    @pytest.mark.parametrize("whole", [False, True])
    async def test_a_code_is_used(self, bench: ZwaveBench, whole: bool) -> None:
        """Some locks send the number alone, some a whole report with it."""
        number = await bench.driver.set_code(
            bench.driver.new_code(), "LE one", window()
        )
        parameters = [0x63, 0x03, number, 1] if whole else [number]
        bench.do("notify", event=KEYPAD_UNLOCK, parameters=parameters)
        bench.do("report", mode=UNSECURED)
        await until(lambda: bench.driver.state.bolt is Bolt.UNLOCKED)
        await bench.settle()
        [event] = bench.events
        assert told([event]) == [("unlocked", "keypad", "code")]
        assert (event.code_id, event.code_name) == (number, "LE one")
        assert (event.actor.ref, event.source) == (str(number), "lock_event")

    async def test_somebody_elses_code(self, bench: ZwaveBench) -> None:
        bench.do("notify", event=KEYPAD_UNLOCK, parameters=[7])
        await until(lambda: bench.events)
        assert (bench.events[0].code_id, bench.events[0].code_name) == (7, "")

    async def test_nobodys_code(self, bench: ZwaveBench) -> None:
        """A key of the keypad locks for everybody, and names nobody."""
        bench.do("notify", event=KEYPAD_LOCK)
        bench.do("notify", event=KEYPAD_LOCK, parameters=[0])
        await until(lambda: len(bench.events) == 2)
        assert told(bench.events) == [("locked", "keypad", "unknown")] * 2

    async def test_by_itself(self, bench: ZwaveBench) -> None:
        bench.do("report", mode=UNSECURED)
        bench.do("notify", event=AUTO_LOCK)
        bench.do("report", mode=SECURED)
        await until(lambda: len(bench.events) == 2)
        assert told(bench.events)[-1] == ("locked", "automatic", "lock")

    async def test_turned_without_a_word(self, bench: ZwaveBench) -> None:
        """It is told after a while, by nobody."""
        bench.do("report", mode=UNSECURED)
        await until(lambda: bench.events)
        assert told(bench.events) == [("unlocked", "unknown", "unknown")]

    async def test_a_person_at_the_original(
        self, hass: HomeAssistant, bench: ZwaveBench
    ) -> None:
        """The lock confirms it over the air, and Home Assistant knows who it was."""
        context = await as_admin(hass)
        await hass.services.async_call(
            "lock",
            "unlock",
            {"entity_id": bench.driver.entity_id},
            blocking=True,
            context=context,
        )
        await until(lambda: bench.events)
        assert told(bench.events) == [("unlocked", "home_assistant", "owner")]
        await bench.settle()
        assert len(bench.events) == 1

    async def test_a_person_and_a_jam(
        self, hass: HomeAssistant, bench: ZwaveBench
    ) -> None:
        """Z-Wave JS shows it unlocked first: that is not told."""
        bench.jam()
        await hass.services.async_call(
            "lock", "unlock", {"entity_id": bench.driver.entity_id}, blocking=True
        )
        await until(lambda: bench.driver.state.bolt is Bolt.JAMMED)
        await bench.settle()
        assert told(bench.events) == [("jammed", "unknown", "unknown")]
        # It is freed by hand.
        bench.turn(lock=True)
        await until(lambda: bench.driver.state.bolt is Bolt.LOCKED)
        await bench.settle()
        assert told(bench.events)[1:] == [("locked", "manual", "unknown")]

    async def test_shut_out(self, bench: ZwaveBench) -> None:
        """Wrong codes until the keypad is shut, and a wrong one over the air."""
        bench.do("notify", event=SHUT_OUT)
        await until(lambda: bench.events)
        bench.do("notify", event=BAD_RF)
        await until(lambda: len(bench.events) == 2)
        assert told(bench.events) == [
            ("denied", "keypad", "unknown"),
            ("denied", "unknown", "unknown"),
        ]

    async def test_a_code_is_changed_at_the_keypad(self, bench: ZwaveBench) -> None:
        """Ours is not told, in whatever order the lock says so."""
        driver = bench.driver
        number = await driver.set_code(driver.new_code(), "LE one", window())
        bench.do("notify", event=CODE_ADDED, parameters=[number])
        bench.do("notify", event=CODE_ADDED, parameters=[7])
        await driver.clear_code(number, "LE one")
        bench.do("notify", event=CODE_GONE, parameters=[number])
        bench.do("notify", event=CODE_GONE, parameters=[7])
        await until(lambda: len(bench.events) == 2)
        assert told(bench.events) == [
            ("code_added", "unknown", "unknown"),
            ("code_removed", "unknown", "unknown"),
        ]
        assert {event.code_id for event in bench.events} == {7}

    async def test_all_codes_go(self, bench: ZwaveBench) -> None:
        """It is told once, of no number."""
        bench.do("notify", event=ALL_GONE)
        await until(lambda: bench.events)
        assert told(bench.events) == [("code_removed", "unknown", "unknown")]
        assert bench.events[0].code_id is None

    async def test_another_key(self, bench: ZwaveBench) -> None:
        """A fob or a finger is no code, whatever its number."""
        bench.hass.bus.async_fire(
            "zwave_js_notification",
            {
                "device_id": _device(bench),
                "command_class": 0x71,
                "type": 6,
                "event": BY_CREDENTIAL,
                "parameters": {"userId": 1},
            },
        )
        await until(lambda: bench.events)
        assert told(bench.events) == [("unlocked", "unknown", "credential")]
        assert bench.events[0].code_id is None

    @pytest.mark.parametrize(
        "wrong",
        [
            {"device_id": "another"},
            {"command_class": 0x6F},
            {"type": 7},
            {"event": None},
            {"event": 0x40},
        ],
    )
    async def test_what_is_not_of_this_door(
        self, bench: ZwaveBench, wrong: dict[str, Any]
    ) -> None:
        good = {"command_class": 0x71, "type": 6, "event": KEYPAD_UNLOCK}
        said = {"device_id": _device(bench), **good, "parameters": None, **wrong}
        bench.hass.bus.async_fire("zwave_js_notification", said)
        await bench.hass.async_block_till_done()
        assert bench.events == []

    async def test_hostile_numbers(self, bench: ZwaveBench) -> None:
        """What is no number of a user is nobody."""
        good = {"command_class": 0x71, "type": 6, "event": KEYPAD_UNLOCK}
        for user in (-1, 0, 0xFFFF, 2**70, "1", None, [1], {}):
            bench.hass.bus.async_fire(
                "zwave_js_notification",
                {**good, "device_id": _device(bench), "parameters": {"userId": user}},
            )
        await until(lambda: len(bench.events) == 8)
        assert {event.code_id for event in bench.events} == {None}


def _device(bench: ZwaveBench) -> str:
    entry = module.er.async_get(bench.hass).async_get(bench.driver.entity_id or "")
    assert entry and entry.device_id
    return entry.device_id


class TestCommands:
    """The door has moved when the lock says so."""

    async def test_it_says_nothing(self, bench: ZwaveBench) -> None:
        """It is asked."""
        bench.do("set", flaw="silent", value=True)
        await bench.driver.command(DoorCommand.UNLOCK)
        assert bench.bolt is Bolt.UNLOCKED

    async def test_it_says_nothing_and_did_nothing(
        self, bench: ZwaveBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What Z-Wave JS shows of itself proves nothing."""
        monkeypatch.setattr(any_lock, "DEADLINE", 2.0)
        bench.do("set", flaw="stuck", value=True)
        with pytest.raises(OutcomeUnknown):
            await bench.driver.command(DoorCommand.UNLOCK)
        assert bench.driver.state.bolt is Bolt.LOCKED

    async def test_the_door_opens_meanwhile(self, bench: ZwaveBench) -> None:
        """What else its device shows changes nothing of where the bolt is shown."""
        command = asyncio.create_task(bench.driver.command(DoorCommand.UNLOCK))
        await until(lambda: bench.driver._shows is Bolt.UNLOCKED)
        bench.driver._companion_changed()
        await command
        assert bench.driver.state.bolt is Bolt.UNLOCKED

    async def test_it_does_not_answer_when_it_is_asked(self, bench: ZwaveBench) -> None:
        """No answer is none, whatever is shown meanwhile."""
        bench.do("set", flaw="silent", value=True)
        bench.do("set", flaw="mute", value=True)
        with pytest.raises(OutcomeUnknown):
            await bench.driver.command(DoorCommand.UNLOCK)

    async def test_jammed_twice(self, bench: ZwaveBench) -> None:
        """The second jam is not shown again, and is one all the same; then it is free."""
        bench.jam()
        for _ in range(2):
            with pytest.raises(LockRefused) as caught:
                await bench.driver.command(DoorCommand.UNLOCK)
            assert caught.value.reason is Refusal.JAMMED
        bench.do("set", flaw="jammed", value=False)
        await bench.driver.command(DoorCommand.UNLOCK)
        assert bench.driver.state.bolt is bench.bolt is Bolt.UNLOCKED

    async def test_it_goes_when_it_is_asked(self, bench: ZwaveBench) -> None:
        bench.do("set", flaw="silent", value=True)
        command = asyncio.create_task(bench.driver.command(DoorCommand.UNLOCK))
        await until(lambda: bench.driver._shows is Bolt.UNLOCKED)
        # Nobody believes it yet.
        assert bench.driver.state.bolt is Bolt.UNLOCKING
        await bench.hass.config_entries.async_unload(_entry_id(bench))
        with pytest.raises(OutcomeUnknown):
            await command

    async def test_given_up_is_not_gone(self, bench: ZwaveBench) -> None:
        """Z-Wave JS calls a lock dead that would answer: the door is tried."""
        bench.do("given_up")
        await until(lambda: not bench.driver.available)
        await bench.driver.command(DoorCommand.UNLOCK)
        assert bench.bolt is Bolt.UNLOCKED
        await until(lambda: bench.driver.available)


def _entry_id(bench: ZwaveBench) -> str:
    [entry] = bench.hass.config_entries.async_entries("zwave_js")
    return entry.entry_id


class TestCodes:
    """Numbers, and what stands under them."""

    async def test_limits(self, hass: HomeAssistant, bench: ZwaveBench) -> None:
        """They are learned once: no number is used that the lock has not."""
        await bench.driver.stop()
        await bench.follow(range(99))
        await bench.driver.tend()
        assert bench.driver._usable == range(1, 9)
        assert bench.driver.lengths == range(4, 11)
        assert await zwave_numbers(hass, bench.lock_id) == range(1, 9)
        await bench.driver.tend()

    async def test_number_0(self, bench: ZwaveBench) -> None:
        """It would be every code of the lock."""
        for number in (1, 2):
            bench.add_code(number, f"13579{number}")
        for change in (bench.driver.put_number(0, "1357"), bench.driver.drop_number(0)):
            with pytest.raises(LockRefused):
                await change
        assert set(bench.codes) == {1, 2}

    async def test_switched_off(self, bench: ZwaveBench) -> None:
        """It is said to be off, and put back on by who sets it again."""
        driver = bench.driver
        number = await driver.set_code(driver.new_code(), "LE one", window())
        bench.do("disable", slot=number)
        found = await driver.find_code("LE one")
        assert found and not found.enabled
        await driver.set_code(driver.new_code(), "LE one", window())
        found = await driver.find_code("LE one")
        assert found and found.enabled

    async def test_in_silence(
        self, bench: ZwaveBench, caplog: pytest.LogCaptureFixture
    ) -> None:
        """No log line, event or state has the digits, and no action."""
        events: list[str] = []

        def hear(event: Event) -> None:
            events.append(f"{event.event_type} {event.data}")

        bench.hass.bus.async_listen(MATCH_ALL, hear)
        for name in ("zwave_js_server", "homeassistant"):
            caplog.set_level(logging.DEBUG, logger=name)
        digits = bench.driver.new_code()
        await bench.driver.set_code(digits, "LE one", window())
        assert digits in bench.codes.values()
        assert digits not in "".join(events)
        assert not any(line.startswith(EVENT_CALL_SERVICE) for line in events)
        ours = [r for r in caplog.records if "Received message" not in r.getMessage()]
        assert digits not in "".join(r.getMessage() for r in ours)

    async def test_the_server_goes(self, bench: ZwaveBench) -> None:
        """Its client cancels who waits: that ends no task of ours."""
        bench.do("set", flaw="slow", value=True)
        setting = asyncio.create_task(
            bench.driver.put_number(1, bench.driver.new_code())
        )
        await asyncio.sleep(0.2)
        bench.hass.config_entries.async_schedule_reload(_entry_id(bench))
        with pytest.raises(LockError):
            await setting
        assert not setting.cancelled()

    async def test_we_go(self, bench: ZwaveBench) -> None:
        """Who cancels us has us cancelled."""
        bench.do("set", flaw="slow", value=True)
        setting = asyncio.create_task(
            bench.driver.put_number(1, bench.driver.new_code())
        )
        await asyncio.sleep(0.2)
        setting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await setting

    async def test_no_answer(
        self, bench: ZwaveBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It may have it: nobody says that it has not."""
        monkeypatch.setattr(answers, "ANSWER", 0.1)
        bench.do("set", flaw="slow", value=True)
        with pytest.raises(OutcomeUnknown):
            await bench.driver.put_number(1, bench.driver.new_code())
        with pytest.raises(OutcomeUnknown):
            await bench.driver.drop_number(1)

    async def test_zwave_js_is_not_there(self, bench: ZwaveBench) -> None:
        """And after it is back, all goes on."""
        await bench.hass.config_entries.async_unload(_entry_id(bench))
        with pytest.raises(LockUnreachable):
            await bench.driver.read_number(1)
        with pytest.raises(LockUnreachable):
            await bench.driver.put_number(1, bench.driver.new_code())
        await bench.driver.tend()
        assert await zwave_numbers(bench.hass, bench.lock_id) is None
        await bench.hass.config_entries.async_setup(_entry_id(bench))
        await until(lambda: bench.driver.available)
        number = await bench.driver.set_code(
            bench.driver.new_code(), "LE one", window()
        )
        bench.do("notify", event=KEYPAD_UNLOCK, parameters=[number])
        await until(lambda: bench.events)
        assert bench.events[0].code_name == "LE one"


class TestCredentials:
    """A lock that keeps users apart from what they hold."""

    @pytest.fixture
    def kind(self) -> str:
        """Give that lock."""
        return "credentials"

    async def test_a_code_twice(self, bench: ZwaveBench) -> None:
        """It says why, and no user of ours is left without a code."""
        driver = bench.driver
        digits = driver.new_code()
        await driver.set_code(digits, "LE one", window())
        with pytest.raises(LockRefused) as caught:
            await driver.set_code(digits, "LE two", window())
        assert caught.value.reason is Refusal.CODE_EXISTS
        assert await driver.read_number(2) is CodeStatus.EMPTY

    async def test_half_of_it_is_taken(self, bench: ZwaveBench) -> None:
        """Somebody's user without a code, or a code under another number: not ours."""
        driver = bench.driver
        bench.do("user", slot=1, credential=0)
        bench.do("user", slot=3, credential=2)
        assert await driver.read_number(1) is CodeStatus.DISABLED
        assert await driver.read_number(2) is CodeStatus.DISABLED
        assert await driver.set_code(driver.new_code(), "LE one", window()) == 4

    async def test_lengths(self, bench: ZwaveBench) -> None:
        await bench.driver.tend()
        assert bench.driver.lengths == range(4, 9)


class TestKeyless:
    """A lock without a keypad."""

    @pytest.fixture
    def kind(self) -> str:
        """Give that lock."""
        return "keyless"

    async def test_it_takes_none(self, hass: HomeAssistant, bench: ZwaveBench) -> None:
        """It says so once it was read, and still opens."""
        assert await zwave_numbers(hass, bench.lock_id) == range(0)
        await bench.driver.tend()
        assert Capability.CODES not in bench.driver.capabilities
        await bench.driver.command(DoorCommand.UNLOCK)
        assert bench.bolt is Bolt.UNLOCKED
