"""What a lock that Yale Access Bluetooth brought tells, and how its codes fail."""

import asyncio
from collections.abc import AsyncGenerator
import logging

from homeassistant.const import MATCH_ALL
from homeassistant.core import Event, HomeAssistant
from homeassistant.setup import async_setup_component
import pytest

from custom_components.smartlock_le.locks import numbered as numbered_module
from custom_components.smartlock_le.locks.driver import Bolt
from custom_components.smartlock_le.locks.entities import Family, brought
from custom_components.smartlock_le.locks.families import numbers
from custom_components.smartlock_le.locks.numbered import CodeStatus
from custom_components.smartlock_le.locks.yale import YaleDriver
from custom_components.smartlock_le.models import (
    AccessEvent,
    Capability,
    DoorCommand,
    LockError,
    LockRef,
    LockRefused,
    LockUnreachable,
    OutcomeUnknown,
    Refusal,
)
from tests.conftest import until, until_entry
from tests.support import act, as_admin
from tests.yale import ENTITY, LOCK_ID
from virtual_home.yale.lock import Opcode, Source

from .support import window
from .test_brought_home import Door, found_home
from .yale_bench import YaleBench, yale_bench


@pytest.fixture
async def bench(
    hass: HomeAssistant,
    enable_custom_integrations: None,
    mock_bluetooth_adapters: None,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncGenerator[YaleBench]:
    """Give a started driver."""
    monkeypatch.setattr(numbered_module, "PAUSE", 0.0)
    async with yale_bench(hass, monkeypatch) as bench:
        yield bench


def told(events: list[AccessEvent]) -> list[tuple[str, str, str]]:
    """Return what, how and who."""
    return [(str(e.event), str(e.method), str(e.actor.kind)) for e in events]


class TestWhatItTells:
    """Each thing once, with who it was."""

    async def test_a_code_is_used(self, bench: YaleBench) -> None:
        driver = bench.driver
        digits = driver.new_code()
        number = await driver.set_code(digits, "LE one", window())
        assert bench.lock.press(digits) == number
        await until(lambda: bench.events)
        [event] = bench.events
        assert told([event]) == [("unlocked", "keypad", "code")]
        assert (event.code_id, event.code_name) == (number, "LE one")
        # By its own clock, with the time zone of this one.
        assert event.lock_time[19:] == event.time.astimezone().isoformat()[-6:]
        await bench.settle()
        assert len(bench.events) == 1

    @pytest.mark.parametrize(
        ("source", "method", "who"),
        [(Source.MANUAL, "manual", "unknown"), (Source.AUTO, "automatic", "lock")],
    )
    async def test_how(
        self, bench: YaleBench, source: Source, method: str, who: str
    ) -> None:
        bench.lock.turn(lock=False, source=source)
        await until(lambda: bench.events)
        await bench.settle()
        assert told(bench.events) == [("unlocked", method, who)]

    async def test_a_person_at_the_original(
        self, hass: HomeAssistant, bench: YaleBench
    ) -> None:
        await hass.services.async_call(
            "lock",
            "unlock",
            {"entity_id": ENTITY},
            blocking=True,
            context=await as_admin(hass),
        )
        await until(lambda: bench.events)
        await bench.settle()
        assert told(bench.events) == [("unlocked", "home_assistant", "owner")]

    async def test_a_person_and_a_jam(
        self, hass: HomeAssistant, bench: YaleBench
    ) -> None:
        """It is shown unlocked first: that is not told."""
        bench.jam()
        await hass.services.async_call(
            "lock", "unlock", {"entity_id": ENTITY}, blocking=True
        )
        await until(lambda: bench.driver.state.bolt is Bolt.JAMMED)
        await bench.settle()
        assert [event[0] for event in told(bench.events)] == ["jammed"]

    async def test_what_was_in_its_log_before(
        self, hass: HomeAssistant, bench: YaleBench
    ) -> None:
        """It is thrown away: nobody knows when that was read by whom."""
        await bench.driver.stop()
        bench.lock.turn(lock=False)
        bench.lock.turn(lock=True)
        await asyncio.sleep(0.5)
        await bench.follow()
        await asyncio.sleep(0.5)
        assert bench.events == []
        bench.lock.turn(lock=False)
        await until(lambda: bench.events)
        assert told(bench.events) == [("unlocked", "manual", "unknown")]


class TestCodes:
    """Its keypad, and how it fails."""

    async def test_no_room(self, bench: YaleBench) -> None:
        for number in range(30, 50):
            bench.add_code(number, f"{number}1357")
        with pytest.raises(LockRefused) as caught:
            await bench.driver.set_code(bench.driver.new_code(), "LE one", window())
        assert caught.value.reason is Refusal.CODES_FULL

    async def test_a_code_twice(self, bench: YaleBench) -> None:
        bench.add_code(9, "135790")
        with pytest.raises(LockRefused) as caught:
            await bench.driver.set_code("135790", "LE one", window())
        assert caught.value.reason is Refusal.CODE_EXISTS

    async def test_no_answer(self, bench: YaleBench) -> None:
        """It may have it."""
        bench.lock.deaf_to = {Opcode.CODE_COMMIT, Opcode.CODE_CLEAR}
        with pytest.raises(OutcomeUnknown):
            await bench.driver.put_number(1, "135790")
        with pytest.raises(OutcomeUnknown):
            await bench.driver.drop_number(1)
        bench.lock.deaf_to = {Opcode.CODE_GET}
        with pytest.raises(LockUnreachable):
            await bench.driver.read_number(1)

    async def test_a_code_that_is_no_code(self, bench: YaleBench) -> None:
        """Neither empty nor taken."""
        bench.add_code(1, "13ab")
        assert await bench.driver.read_number(1) is CodeStatus.UNKNOWN

    async def test_in_silence(
        self, bench: YaleBench, caplog: pytest.LogCaptureFixture
    ) -> None:
        """No log line or event has the digits, in whatever dress."""
        events: list[str] = []

        def hear(event: Event) -> None:
            events.append(f"{event.event_type} {event.data}")

        bench.hass.bus.async_listen(MATCH_ALL, hear)
        for name in ("yalexs_ble", "bleak", "bleak_retry_connector", "homeassistant"):
            caplog.set_level(logging.DEBUG, logger=name)
        await bench.driver.set_code("836194", "LE one", window())
        assert bench.codes == {1: "836194"}
        assert "836194" not in "".join(events) + caplog.text

    async def test_it_is_not_there(self, bench: YaleBench) -> None:
        """And after it is back, all goes on."""
        entries = bench.hass.config_entries
        await entries.async_unload(bench.home.entry.entry_id)
        for work in (
            bench.driver.read_number(1),
            bench.driver.put_number(1, "135790"),
            bench.driver.command(DoorCommand.UNLOCK),
        ):
            with pytest.raises(LockError):
                await work
        await entries.async_setup(bench.home.entry.entry_id)
        await until(lambda: bench.driver.available)
        await until(lambda: bench.home.entry.runtime_data.lock._activity_primed)
        await bench.driver.set_code("135790", "LE one", window())
        bench.lock.press("135790")
        await until(lambda: [e for e in bench.events if e.method == "keypad"])

    async def test_another_key(self, bench: YaleBench) -> None:
        """Its integration asks for the new one; here it is away until then."""
        entries = bench.hass.config_entries
        bench.lock.key = "f" * 32
        bench.lock.cut_link()
        for _ in range(8):
            await entries.async_reload(bench.home.entry.entry_id)
            if list(bench.home.entry.async_get_active_flows(bench.hass, {"reauth"})):
                break
        else:
            raise AssertionError("nobody asks for the new key")
        assert not bench.driver.available
        entries.async_update_entry(
            bench.home.entry, data={**bench.home.entry.data, "key": "f" * 32}
        )
        await entries.async_reload(bench.home.entry.entry_id)
        await until(lambda: bench.driver.available)
        await bench.driver.command(DoorCommand.UNLOCK)


async def test_an_older_library(
    hass: HomeAssistant,
    enable_custom_integrations: None,
    mock_bluetooth_adapters: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without keypad and log it is followed as its entity shows it."""
    # Only here: before Bluetooth is set up it would keep a client of its own.
    from yalexs_ble import PushLock

    for name in (
        *("set_keycode", "get_keycode", "clear_keycode"),
        "register_activity_callback",
    ):
        monkeypatch.delattr(PushLock, name)
    monkeypatch.setattr(YaleBench, "follow", _follow_blindly)
    async with yale_bench(hass, monkeypatch) as bench:
        assert Capability.CODES not in bench.driver.capabilities
        for work in (bench.driver.read_number(1), bench.driver.put_number(1, "1357")):
            with pytest.raises(LockRefused) as caught:
                await work
            assert caught.value.reason is Refusal.NOT_SUPPORTED
        await bench.driver.command(DoorCommand.UNLOCK)
        assert bench.bolt is Bolt.UNLOCKED
        await bench.settle()
        assert [(e.event, e.ours) for e in bench.events] == [("unlocked", True)]


async def _follow_blindly(self: YaleBench) -> None:
    self.start(YaleDriver(self.hass, LockRef(LOCK_ID, "Porch"), self.book, range(5)))
    await self.driver.start()


async def test_families(hass: HomeAssistant, bench: YaleBench) -> None:
    """The second lock entity of the same lock is any lock."""
    assert brought(hass, set())[LOCK_ID].family is Family.YALE
    assert await numbers(hass, LOCK_ID, Family.YALE) == range(1, 65535)


async def test_from_the_dialog_to_the_log(
    hass: HomeAssistant, bench: YaleBench
) -> None:
    """A guest's code is made, typed once, known by her name, and taken off."""
    await bench.driver.stop()
    assert await async_setup_component(hass, "homeassistant", {})
    door = Door(LOCK_ID, "attach_numbered", dict, print, {"first": 2, "last": 9})
    home = await found_home(hass, door)
    guest = {"name": "Ann", "locks": [ENTITY], "uses": 1}
    given = await act(hass, "add_guest", guest)
    await until(lambda: bench.codes == {2: given["pin"]})
    assert bench.lock.press(given["pin"]) == 2
    access = await until_entry(home, "access", event="unlocked", method="keypad")
    assert (access["actor_kind"], access["actor_name"]) == ("guest", "Ann")
    await until(lambda: not bench.codes)
    await hass.config_entries.async_unload(home.entry.entry_id)
