"""A lock that the real Zigbee2MQTT brought: what it tells, its codes, and each known trap."""

import asyncio
from collections.abc import AsyncGenerator, Callable
import json
import logging
import signal
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.smartlock_le.locks import zigbee2mqtt as driver_module
from custom_components.smartlock_le.locks.driver import Bolt
from custom_components.smartlock_le.locks.entities import Family, brought as all_brought
from custom_components.smartlock_le.models import (
    AccessKind,
    ActorKind,
    Capability,
    DoorCommand,
    LockRefused,
    LockUnreachable,
    Method,
    OutcomeUnknown,
    Refusal,
)
from tests.conftest import until
from tests.support import as_admin
from tests.zigbee2mqtt import BASE, Zigbee2Mqtt, brought, mqtt_home

from .support import window
from .zigbee2mqtt_bench import Zigbee2MqttBench, zigbee2mqtt_bench

UNLOCKED, LOCKED, DENIED = AccessKind.UNLOCKED, AccessKind.LOCKED, AccessKind.DENIED
KEYPAD, MANUAL = Method.KEYPAD, Method.MANUAL


@pytest.fixture
def kind() -> str:
    """Which lock it is; tests override it."""
    return "plain"


@pytest.fixture
async def bench(
    hass: HomeAssistant, z2m: Zigbee2Mqtt, monkeypatch: pytest.MonkeyPatch, kind: str
) -> AsyncGenerator[Zigbee2MqttBench]:
    """Give a started driver that has read its lock."""
    async with zigbee2mqtt_bench(hass, z2m, monkeypatch, kind) as bench:
        await bench.driver.read_state()
        yield bench


async def test_family(hass: HomeAssistant, bench: Zigbee2MqttBench) -> None:
    found = all_brought(hass, set())
    assert {lock_id: lock.family for lock_id, lock in found.items()} == {
        bench.z2m.lock_id(kind): Family.ZIGBEE2MQTT
        for kind in bench.z2m.locks
        if kind != "late"
    }
    assert (bench.driver.manufacturer, bench.driver.model) == ("Yale", "Assure lock SL")


class TestEvents:
    """Each thing that happens is told once, with who did it."""

    async def test_keypad(self, bench: Zigbee2MqttBench) -> None:
        digits = bench.driver.new_code()
        number = await bench.driver.set_code(digits, "LE one", window())
        bench.add_code(9, "135790")
        await until(lambda: bench.events)
        bench.press(digits)
        await until(lambda: bench.bolt is Bolt.UNLOCKED)
        bench.press("135790", lock=True)
        await until(lambda: bench.bolt is Bolt.LOCKED)
        bench.press("0000")
        assert await bench.told(4) == [
            (AccessKind.CODE_ADDED, KEYPAD, 9),
            (UNLOCKED, KEYPAD, number),
            (LOCKED, KEYPAD, 9),
            (DENIED, KEYPAD, None),
        ]
        assert [event.code_name for event in bench.events] == ["", "LE one", "", ""]
        assert bench.events[1].actor.kind is ActorKind.CODE
        bench.z2m.do(lambda: bench.lock.program(9, None))
        assert (await bench.told(5))[-1] == (AccessKind.CODE_REMOVED, KEYPAD, 9)

    async def test_by_hand_by_key_by_itself(self, bench: Zigbee2MqttBench) -> None:
        bench.turn(lock=False)
        await bench.told(1)
        bench.z2m.do(lambda: bench.lock.key(lock=True))
        await bench.told(2)
        bench.z2m.do(lambda: bench.lock.key(lock=False))
        await bench.told(3)
        bench.z2m.do(lambda: bench.lock.relock_in(0))
        assert await bench.told(4) == [
            (UNLOCKED, MANUAL, None),
            (LOCKED, MANUAL, None),
            (UNLOCKED, MANUAL, None),
            (LOCKED, Method.AUTOMATIC, None),
        ]
        assert bench.actor.kind is ActorKind.LOCK

    @pytest.mark.parametrize("kind", ["mute"])
    async def test_a_lock_that_never_says_who(self, bench: Zigbee2MqttBench) -> None:
        bench.turn(lock=False)
        await until(lambda: bench.driver.state.bolt is Bolt.UNLOCKED)
        bench.turn(lock=True)
        assert await bench.told(2) == [
            (UNLOCKED, Method.UNKNOWN, None),
            (LOCKED, Method.UNKNOWN, None),
        ]
        await bench.driver.command(DoorCommand.UNLOCK)
        await bench.told(3)
        assert [event.ours for event in bench.events] == [False, False, True]

    @pytest.mark.parametrize("kind", ["anonymous"])
    async def test_a_lock_that_never_says_whose_code(
        self, bench: Zigbee2MqttBench
    ) -> None:
        bench.add_code(2, "135790")
        bench.press("135790")
        told = await bench.told(2)
        assert told[-1] == (UNLOCKED, KEYPAD, None)

    async def test_a_person_at_the_original(
        self, hass: HomeAssistant, bench: Zigbee2MqttBench
    ) -> None:
        await hass.services.async_call(
            "lock",
            "unlock",
            {"entity_id": bench.driver.entity_id},
            blocking=True,
            context=await as_admin(hass),
        )
        assert await bench.told() == [(UNLOCKED, Method.HOME_ASSISTANT, None)]
        assert (bench.actor.kind, bench.actor.name) == (ActorKind.OWNER, "Admin")

    async def test_somebody_else_over_the_air(self, bench: Zigbee2MqttBench) -> None:
        """Only what we asked for is ours."""
        bench.z2m.publish(f"{BASE}/plain/set", "UNLOCK")
        assert await bench.told() == [(UNLOCKED, Method.UNKNOWN, None)]
        assert bench.events[0].remote
        assert not bench.events[0].ours

    async def test_the_report_is_lost(self, bench: Zigbee2MqttBench) -> None:
        """The lock says who moved it, and not that it moved: then it is asked."""
        reporting = bench.z2m.do(bench.lock.server.reporting.copy)
        bench.z2m.do(bench.lock.server.reporting.clear)
        try:
            news = bench.news
            bench.turn(lock=False)
            assert await bench.told() == [(UNLOCKED, MANUAL, None)]
            assert bench.driver.state.bolt is Bolt.UNLOCKED
            await bench.news_after(news)
            await bench.driver.read_state()
            await bench.settle()
            assert bench.driver.state.bolt is Bolt.UNLOCKED
            assert len(bench.events) == 1
        finally:
            bench.z2m.do(lambda: bench.lock.server.reporting.update(reporting))

    async def test_who_before_that(self, bench: Zigbee2MqttBench) -> None:
        """The two may come in the other order."""
        said = {"action": "unlock", "action_source_name": "keypad", "action_user": 3}
        bench.say({"state": "LOCK", "lock_state": "locked", **said})
        await until(lambda: bench.events)
        bench.say({"state": "UNLOCK", "lock_state": "unlocked"})
        await until(lambda: bench.driver._sure is Bolt.UNLOCKED)
        # The real state, as it is cached: it moves back.
        bench.say({"state": "LOCK", "lock_state": "locked"})
        assert await bench.told(2) == [
            (UNLOCKED, KEYPAD, 3),
            (LOCKED, Method.UNKNOWN, None),
        ]

    async def test_what_is_old_is_no_news(self, bench: Zigbee2MqttBench) -> None:
        bench.turn(lock=False)
        await bench.told()
        cached = bench.z2m.heard(f"{BASE}/plain")
        assert cached
        assert b'"action":' in cached
        # A broker that delivers twice, and one that kept the last message.
        for _ in range(3):
            bench.say(cached)
        plain = {k: v for k, v in json.loads(cached).items() if "action" not in k}
        for battery in (50, 49):
            bench.say({**plain, "battery": battery})
        await until(
            lambda: bench.driver._last and bench.driver._last.rest["battery"] == 49
        )
        assert len(await bench.told()) == 1

    async def test_a_message_that_was_kept(
        self, hass: HomeAssistant, z2m: Zigbee2Mqtt, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What was done long ago is not done again when Home Assistant comes."""
        said = {"action": "unlock", "action_source_name": "keypad", "action_user": 3}
        kept = json.dumps({"state": "UNLOCK", **said})
        z2m.publish(f"{BASE}/plain", kept, retain=True)
        try:
            async with zigbee2mqtt_bench(hass, z2m, monkeypatch) as bench:
                await until(lambda: bench.driver._last)
                assert bench.driver.state.bolt is Bolt.UNLOCKED
                assert bench.events == []
        finally:
            z2m.publish(f"{BASE}/plain", b"", retain=True)

    @pytest.mark.parametrize("user", [None, 65535, 65536, -1, "3", True, 1e99])
    async def test_nobody(self, bench: Zigbee2MqttBench, user: Any) -> None:
        said = {"action": "unlock_failure_invalid_pin_or_id", "action_user": user}
        bench.say({**said, "action_source_name": "keypad"})
        assert await bench.told() == [(DENIED, KEYPAD, None)]

    async def test_a_fob(self, bench: Zigbee2MqttBench) -> None:
        """Its number is no code's."""
        said = {"action": "unlock", "action_source_name": "rfid", "action_user": 3}
        bench.say({"state": "LOCK", **said})
        assert await bench.told() == [(UNLOCKED, Method.UNKNOWN, None)]
        assert (bench.actor.kind, bench.actor.ref) == (ActorKind.CREDENTIAL, "3")


class TestCommands:
    """What a command can end in."""

    async def test_where_it_stands_already(self, bench: Zigbee2MqttBench) -> None:
        await bench.driver.command(DoorCommand.LOCK)
        assert bench.moves == 1

    @pytest.mark.parametrize("kind", ["mute"])
    async def test_where_it_stands_already_without_a_word(
        self, bench: Zigbee2MqttBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is asked."""
        monkeypatch.setattr(driver_module, "SOON", 0.1)
        await bench.driver.command(DoorCommand.LOCK)
        assert bench.events == []

    async def test_on_its_way_is_no_jam(self, bench: Zigbee2MqttBench) -> None:
        """Some locks say that they are neither while their motor runs."""
        bench.lock.motor_s = 0.4
        command = asyncio.create_task(bench.driver.command(DoorCommand.UNLOCK))
        await until(lambda: bench.moves)
        bench.say({"state": "UNLOCK", "lock_state": "not_fully_locked"})
        await command
        assert bench.driver.state.bolt is Bolt.UNLOCKED

    async def test_found_jammed(self, bench: Zigbee2MqttBench) -> None:
        """It did not say so; it was asked."""
        bench.hurry()
        bench.lock.jammed = True
        reporting = bench.z2m.do(bench.lock.server.reporting.copy)
        bench.z2m.do(bench.lock.server.reporting.clear)
        try:
            with pytest.raises(LockRefused) as caught:
                await bench.driver.command(DoorCommand.UNLOCK)
        finally:
            bench.z2m.do(lambda: bench.lock.server.reporting.update(reporting))
        assert caught.value.reason is Refusal.JAMMED

    async def test_it_wants_a_code(self, bench: Zigbee2MqttBench) -> None:
        server = bench.lock.server
        bench.z2m.do(lambda: server.set("require_pin_for_rf_operation", True))
        try:
            with pytest.raises(LockRefused) as caught:
                await bench.driver.command(DoorCommand.UNLOCK)
        finally:
            bench.z2m.do(lambda: server.set("require_pin_for_rf_operation", False))
        assert caught.value.reason is Refusal.NEEDS_CODE

    async def test_it_says_no(self, bench: Zigbee2MqttBench) -> None:
        """Zigbee2MQTT keeps a no to itself: nothing is known."""
        bench.refuse()
        with pytest.raises(OutcomeUnknown):
            await bench.driver.command(DoorCommand.UNLOCK)
        assert bench.driver.state.bolt is Bolt.LOCKED

    async def test_it_is_not_asked_again_soon(
        self, bench: Zigbee2MqttBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bench.hurry()
        monkeypatch.setattr(driver_module, "QUIET", 60.0)
        bench.lock.trouble.online = False
        with pytest.raises(LockUnreachable):
            await bench.driver.read_state()
        assert not bench.driver.available
        with pytest.raises(LockUnreachable, match="a while ago"):
            await bench.driver.read_state()
        # Until it is heard.
        bench.lock.trouble.online = True
        news = bench.news
        bench.turn(lock=False)
        await bench.news_after(news)
        assert bench.driver.available
        await bench.driver.read_state()

    async def test_it_is_too_busy(
        self, bench: Zigbee2MqttBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(driver_module, "DEADLINE", 0.05)
        async with bench.driver.queue.turn(driver_module.Turn.CODES):
            with pytest.raises(LockUnreachable):
                await bench.driver.command(DoorCommand.UNLOCK)
        assert bench.moves == 0
        bench.lock.motor_s = 0.3
        monkeypatch.setattr(driver_module, "DEADLINE", 0.2)
        with pytest.raises(OutcomeUnknown):
            await bench.driver.command(DoorCommand.UNLOCK)


class TestCodes:
    """What locks make of codes."""

    @pytest.mark.parametrize("kind", ["mute"])
    async def test_no_word_of_a_code(self, bench: Zigbee2MqttBench) -> None:
        """What it holds afterwards is proof, if it held nothing before."""
        bench.hurry()
        driver = bench.driver
        one, two = driver.new_code(), driver.new_code()
        number = await driver.set_code(one, "LE one", window())
        assert bench.codes == {number: one}
        assert await driver.set_code(two, "LE one", window()) == number
        assert bench.codes == {number: two}
        await driver.clear_code(number, "LE one")
        assert bench.codes == {}

    @pytest.mark.parametrize("kind", ["mute"])
    async def test_no_word_of_another_code(self, bench: Zigbee2MqttBench) -> None:
        """A code that was there may be the old one."""
        bench.hurry()
        bench.book.kept = {"LE one": 2}
        bench.add_code(2, "135790")
        with pytest.raises(OutcomeUnknown):
            await bench.driver.put_number(2, "246800")

    @pytest.mark.parametrize("kind", ["mute"])
    async def test_it_does_not_take_a_code_away(self, bench: Zigbee2MqttBench) -> None:
        bench.hurry()
        bench.add_code(2, "135790")
        bench.refuse()
        with pytest.raises(LockRefused):
            await bench.driver.drop_number(2)
        assert set(bench.codes) == {2}

    async def test_the_other_way_to_ask(self, bench: Zigbee2MqttBench) -> None:
        """Where it knows nothing of a user's status it is asked for the code."""
        bench.hurry()
        bench._deaf_once |= {"get_user_status"}
        assert await bench.driver.read_number(1) == "empty"
        bench._deaf_once.clear()
        assert await bench.driver.read_number(1) == "empty"
        assert bench.heard.count("get_pin_code") == 2

    async def test_write_only(self, bench: Zigbee2MqttBench) -> None:
        """It is asked once, and never again; its own word is proof enough."""
        bench.hurry()
        bench._deaf_once |= {"get_user_status", "get_pin_code"}
        driver = bench.driver
        digits = driver.new_code()
        number = await driver.set_code(digits, "LE one", window())
        assert bench.codes == {number: digits}
        assert Capability.CODE_STATUS not in driver.capabilities
        [code] = await driver.read_codes()
        assert not code.certain
        bench.lock.trouble.refuse = 1
        with pytest.raises(OutcomeUnknown):
            await driver.clear_code(number, "LE one")
        bench.lock.trouble.refuse = 1
        with pytest.raises(OutcomeUnknown):
            await driver.set_code(digits, "LE two", window())
        await driver.clear_code(number, "LE one")
        assert bench.codes == {}

    async def test_what_was_cached_does_not_count(
        self, bench: Zigbee2MqttBench
    ) -> None:
        """Zigbee2MQTT repeats what it knew of a number; the lock's answer is another."""
        driver = bench.driver
        digits = driver.new_code()
        number = await driver.set_code(digits, "LE one", window())
        users = {str(number): {"status": "enabled"}}
        asked = bench.lock.server.commands["get_user_status"]
        last = json.loads(bench.z2m.heard(f"{BASE}/plain") or b"")

        said: list[int] = []

        def late(call: Any, arguments: Any) -> None:
            # A message for another reason comes before the answer.
            if not said:
                bench.say({**last, "battery": 33, "users": users})
            said.append(1)
            bench.lock.timers.later(0.3, lambda: asked(call, arguments))

        bench._monkeypatch.setitem(bench.lock.server.commands, "get_user_status", late)
        await driver.clear_code(number, "LE one")
        assert bench.codes == {}
        assert await driver.read_codes() == []
        # Of a number that rests nothing is asked.
        assert len(said) == 1

    @pytest.mark.parametrize("kind", ["keyless"])
    async def test_a_lock_without_codes(self, bench: Zigbee2MqttBench) -> None:
        assert Capability.CODES not in bench.driver.capabilities
        assert Capability.CODE_STATUS not in bench.driver.capabilities

    async def test_its_codes_are_shown(
        self, bench: Zigbee2MqttBench, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Zigbee2MQTT can be told to publish them: that is said, and no digit kept."""
        caplog.set_level(logging.INFO)
        driver = bench.driver
        digits = driver.new_code()
        number = await driver.set_code(digits, "LE one", window())
        assert not driver.pins_shown
        shown = {str(number): {"status": "enabled", "pin_code": digits}}
        changes = bench.changes
        bench.say({"state": "LOCK", "users": shown})
        await until(lambda: driver.pins_shown)
        assert bench.changes > changes
        assert digits not in repr(driver._last)
        bench.say({"state": "LOCK", "users": {str(number): {"status": "enabled"}}})
        await until(lambda: not driver.pins_shown)
        assert digits not in caplog.text


class TestComingAndGoing:
    """Broker, Zigbee2MQTT, MQTT integration and lock go and come."""

    @pytest.mark.parametrize("forgets", [False, True])
    async def test_the_broker_restarts(
        self, bench: Zigbee2MqttBench, z2m: Zigbee2Mqtt, forgets: bool
    ) -> None:
        """Not each broker keeps what it was told."""
        kept = z2m.heard(f"{BASE}/bridge/devices")
        assert kept
        if forgets:
            z2m.publish(f"{BASE}/bridge/devices", b"", retain=True)
            await until(lambda: z2m.heard(f"{BASE}/bridge/devices") == b"")
        await asyncio.to_thread(z2m.broker.stop, signal.SIGTERM)
        await until(lambda: not bench.driver.available)
        with pytest.raises(LockUnreachable):
            await bench.driver.command(DoorCommand.UNLOCK)
        with pytest.raises(LockUnreachable):
            await bench.driver.set_code("246800", "LE one", window())
        await asyncio.to_thread(z2m.start_broker)
        await until(lambda: bench.driver.available)
        await bench.driver.command(DoorCommand.UNLOCK)
        assert bench.moves == 1
        if forgets:
            await until(z2m._spy.is_connected)
            z2m.publish(f"{BASE}/bridge/devices", kept, retain=True)

    async def test_zigbee2mqtt_restarts(
        self, bench: Zigbee2MqttBench, z2m: Zigbee2Mqtt
    ) -> None:
        """Its process ends with its radio, and somebody starts it again."""
        bench.hurry()
        z2m.bridge.stop()
        await until(lambda: not bench.driver.available)
        with pytest.raises(LockUnreachable):
            await bench.driver.command(DoorCommand.UNLOCK)
        assert bench.moves == 0
        await asyncio.to_thread(z2m.start_bridge)
        await until(lambda: bench.driver.available)
        await bench.driver.command(DoorCommand.UNLOCK)
        assert [event.event for event in bench.events] in ([], [UNLOCKED])

    async def test_goes_away_on_the_way(
        self, bench: Zigbee2MqttBench, z2m: Zigbee2Mqtt
    ) -> None:
        bench.lock.motor_s = 5
        command = asyncio.create_task(bench.driver.command(DoorCommand.UNLOCK))
        await until(lambda: bench.moves)
        z2m.publish(f"{BASE}/bridge/state", '{"state":"offline"}')
        try:
            with pytest.raises(OutcomeUnknown):
                await command
            assert not bench.driver.available
        finally:
            z2m.publish(f"{BASE}/bridge/state", '{"state":"online"}')
            bench.lock.motor_s = 0.05

    async def test_mqtt_is_reloaded(
        self, hass: HomeAssistant, bench: Zigbee2MqttBench
    ) -> None:
        [entry] = hass.config_entries.async_entries("mqtt")
        await hass.config_entries.async_unload(entry.entry_id)
        assert not bench.driver.available
        with pytest.raises(LockUnreachable):
            await bench.driver.command(DoorCommand.UNLOCK)
        await hass.config_entries.async_setup(entry.entry_id)
        await until(lambda: bench.driver.available)
        await bench.driver.command(DoorCommand.UNLOCK)
        assert await bench.told() == [(UNLOCKED, Method.UNKNOWN, None)]

    @pytest.mark.parametrize("in_home_assistant", [False, True])
    async def test_renamed(
        self, bench: Zigbee2MqttBench, z2m: Zigbee2Mqtt, in_home_assistant: bool
    ) -> None:
        """Its topics move; with its entity, or without."""

        def renamed(to: str) -> Callable[[], bool]:
            return lambda: (
                bench.driver._topics.name == to
                and bench.driver._topics.named.is_set()
                and bench.driver.available
            )

        how = {"homeassistant_rename": in_home_assistant}
        await z2m.asked("device/rename", {"from": "plain", "to": "Front/door", **how})
        try:
            await until(renamed("Front/door"))
            await bench.driver.command(DoorCommand.UNLOCK)
            assert bench.moves == 1
        finally:
            await z2m.asked(
                "device/rename", {"from": "Front/door", "to": "plain", **how}
            )
            await until(renamed("plain"))
            await brought(bench.hass, z2m, "plain")

    async def test_stop(self, hass: HomeAssistant, bench: Zigbee2MqttBench) -> None:
        """Nobody of ours listens any more."""
        client = hass.data["mqtt"].client
        ours = [f"{BASE}/plain", f"{BASE}/bridge/devices", f"{BASE}/bridge/state"]

        def listeners() -> list[int]:
            topics = client._simple_subscriptions
            return [len(topics.get(topic, ())) for topic in ours]

        before = listeners()
        await bench.driver.stop()
        assert listeners() == [count - 1 for count in before]
        bench.turn(lock=False)
        await asyncio.sleep(0.3)
        assert bench.events == []
        with pytest.raises(LockUnreachable):
            await bench.driver.command(DoorCommand.UNLOCK)


async def test_paired_removed_and_paired_anew(
    hass: HomeAssistant, z2m: Zigbee2Mqtt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the same lock each time."""
    lock = z2m.locks["late"]

    async def pair() -> None:
        await z2m.asked("permit_join", {"time": 60})
        z2m.do(lock.join)
        await brought(hass, z2m, "late")
        await until(lambda: lock.server.reporting)

    async def remove() -> None:
        await z2m.asked("device/remove", {"id": z2m.ieee("late")})
        await until(lambda: not lock.joined)

    async with mqtt_home(hass, z2m):
        await pair()
        bench = Zigbee2MqttBench(hass, z2m, "late", monkeypatch)
        await bench.follow()
        await bench.driver.command(DoorCommand.UNLOCK)
        await remove()
        await until(lambda: not bench.driver.available)
        with pytest.raises(LockUnreachable):
            await bench.driver.command(DoorCommand.LOCK)
        await pair()
        await until(lambda: bench.driver.available)
        await bench.driver.command(DoorCommand.LOCK)
        assert bench.moves == 2
        await bench.driver.stop()
        await remove()
        await until(
            lambda: bench.driver.entity_id not in hass.states.async_entity_ids()
        )
