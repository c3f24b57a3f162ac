"""Codes of persons and guests: made, changed, used, ended, on every lock in step."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
import time
from unittest.mock import patch

import pytest
from sqlalchemy import select

from custom_components.smartlock_le.access import codes as module, digits, leaving
from custom_components.smartlock_le.access.change import Change
from custom_components.smartlock_le.access.code_models import (
    Code,
    CodeError,
    Opening,
    Placement,
    PlacementState,
    Wanted,
)
from custom_components.smartlock_le.access.tables import codes as table, placements
from custom_components.smartlock_le.access.vault import Vault, VaultLocked
from custom_components.smartlock_le.locks.numbered import CodeStatus
from custom_components.smartlock_le.log import LogUnavailable
from custom_components.smartlock_le.models import CodeWindow, Refusal

from .rig import OWNER, START, Rig, rig

State = PlacementState
HOUR = timedelta(hours=1)


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Rig]:
    """Give a home with two locks that know codes by number, and one with windows."""
    async with rig(tmp_path / "log", 3, windowed=(2,)) as made:
        yield made


async def test_a_guest_of_all_locks(home: Rig) -> None:
    """The same digits on each, an entry before and after, nothing shown."""
    given = await home.codes.add_guest(
        Change(name="Gina", locks=frozenset(home.hardware), new_code=True), OWNER
    )
    await home.rest()
    code = given.code
    assert all(home.on(lock) == {given.digits} for lock in home.hardware)
    assert set(home.states(code).values()) == {State.ACTIVE}
    assert await home.events(code) == ["added"]
    assert await home.events(code, "fake:0") == ["setting", "set"]
    assert given.digits not in repr(code) + repr(given)
    assert "Gina" not in repr(code) + repr(given)
    assert home.problems == {}


async def test_nothing_right_is_written_again(home: Rig) -> None:
    code = await home.guest()
    calls = {name: len(lock.calls) for name, lock in home.hardware.items()}
    await home.codes.due()
    for name in home.hardware:
        await home.reach(name, there=True)
    await home.codes.change(code.id, Change(name="Regina"), OWNER)
    await home.advance(days=200)
    assert {n: len(lock.calls) for n, lock in home.hardware.items()} == calls


async def test_a_window(home: Rig) -> None:
    """On a lock without windows at the start, off at the end; else the lock keeps it."""
    code = await home.guest(start=START + HOUR, end=START + 3 * HOUR)
    assert [home.on(lock) for lock in sorted(home.hardware)] == [set(), set(), set()]
    assert home.states(code) == {
        "fake:0": State.WAITING,
        "fake:1": State.WAITING,
        "fake:2": State.ACTIVE,
    }
    await home.advance(hours=1)
    assert all(len(home.on(lock)) == 1 for lock in home.hardware)
    await home.advance(hours=2)
    assert all(home.on(lock) == set() for lock in home.hardware)
    assert not home.hardware["fake:2"].codes
    assert await home.events(code) == ["added", "ended"]


async def test_a_window_moved_while_it_is_open(home: Rig) -> None:
    """The locks hear of it now."""
    code = await home.guest(end=START + HOUR)
    await home.codes.change(code.id, Change(times={"end": START + 2 * HOUR}), OWNER)
    await home.advance(minutes=90)
    assert all(len(home.on(lock)) == 1 for lock in home.hardware)
    await home.codes.change(code.id, Change(times={"end": home.now + HOUR}), OWNER)
    await home.codes.change(
        code.id, Change(times={"start": home.now + HOUR / 2}), OWNER
    )
    await home.rest()
    assert not home.on("fake:0")
    await home.advance(hours=2)
    assert all(home.on(lock) == set() for lock in home.hardware)


async def test_given_more_time_after_it_ended(home: Rig) -> None:
    """A guest who stays longer has the same code, under the same name on the lock."""
    code = await home.guest(end=START + HOUR)
    names = {lock: place.marker for lock, place in code.places.items()}
    numbers = dict(home.markers.numbers["fake:0"])
    digits = home.on("fake:0")
    await home.advance(hours=5)
    await home.codes.change(code.id, Change(times={"end": home.now + HOUR}), OWNER)
    await home.rest()
    assert home.on("fake:0") == digits
    assert {lock: place.marker for lock, place in code.places.items()} == names
    assert home.markers.numbers["fake:0"] == numbers


async def test_a_guest_is_forgotten_a_week_after_the_end(home: Rig) -> None:
    code = await home.guest(end=START + HOUR)
    await home.advance(days=6)
    assert home.codes.all() == [code]
    await home.advance(days=3)
    assert home.codes.all() == []
    assert not any(home.markers.names.values())
    assert not any(home.markers.numbers.values())
    assert (await home.events(code))[-2:] == ["removing", "removed"]


async def test_a_clock_that_goes_back_brings_nothing_back(home: Rig) -> None:
    code = await home.guest(end=START + HOUR)
    await home.advance(hours=2)
    home.now = START
    await home.codes.due()
    await home.rest()
    assert all(home.on(lock) == set() for lock in home.hardware)
    assert code.ended


async def test_uses(home: Rig) -> None:
    """A code that was used up comes off every lock; so many more can be given."""
    code = await home.guest(uses=2)
    (digits,) = home.on("fake:0")
    assert home.driver("fake:0").press(digits)
    await home.rest()
    assert home.driver("fake:1").press(digits)
    await home.rest()
    assert not home.on("fake:0")
    assert not home.driver("fake:1").press(digits)
    page = await home.log.entries(kinds=["access"], limit=100)
    opened = [e.fields for e in page.entries if e.fields["event"] == "unlocked"]
    assert {(e["actor_kind"], e["actor"], e["actor_name"]) for e in opened} == {
        ("guest", code.id, "Gina Guest")
    }
    await home.codes.change(code.id, Change(times={"uses": 1}), OWNER)
    await home.rest()
    assert home.driver("fake:0").press(digits)
    await home.rest()
    assert not home.on("fake:1")


async def test_uses_that_were_not_counted_before_a_kill(home: Rig) -> None:
    code = await home.guest(uses=1)
    (digits,) = home.on("fake:0")

    async def killed(event: object) -> None:
        return

    home.codes.used = killed  # type: ignore[method-assign]
    home.driver("fake:0").press(digits)
    await home.rest()
    await home.kill()
    await home.start()
    await home.codes.due()
    await home.rest()
    (code,) = home.codes.all()
    assert code.used == 1
    assert not home.on("fake:0")


async def test_a_schedule(home: Rig) -> None:
    """On while it is on; a lock with windows ends the block itself."""
    home.says["schedule.cleaner"] = Opening(on=False)
    code = await home.guest(schedule="schedule.cleaner")
    assert not any(home.on(lock) for lock in home.hardware)
    assert home.codes.schedules == {"schedule.cleaner"}
    home.says["schedule.cleaner"] = Opening(on=True, until=START + HOUR)
    home.codes.schedule_changed("schedule.cleaner")
    await home.rest()
    assert all(home.on(lock) for lock in home.hardware)
    home.now = START + HOUR
    assert not home.on("fake:2")
    home.says["schedule.cleaner"] = Opening(on=False)
    home.codes.schedule_changed("schedule.other")
    await home.rest()
    assert home.on("fake:0")
    home.codes.schedule_changed("schedule.cleaner")
    await home.rest()
    assert not any(home.on(lock) for lock in home.hardware)
    assert set(home.states(code).values()) == {State.WAITING}


async def test_a_schedule_that_says_nothing_changes_nothing(home: Rig) -> None:
    """As at a start, before it is there; the end of the window holds all the same."""
    home.says["schedule.cleaner"] = Opening(on=True, until=START + 9 * HOUR)
    await home.guest(schedule="schedule.cleaner", end=START + 2 * HOUR)
    home.says.clear()
    home.codes.schedule_changed("schedule.cleaner")
    await home.rest()
    assert all(home.on(lock) for lock in home.hardware)
    ((_, window),) = home.kept["fake:2"].values()
    assert window.end == START + 2 * HOUR
    other = await home.guest(schedule="schedule.cleaner")
    assert set(home.states(other).values()) == {State.WAITING}
    assert all(len(home.on(lock)) == 1 for lock in home.hardware)
    await home.advance(hours=2)
    assert not any(home.on(lock) for lock in home.hardware)


async def test_other_digits(home: Rig) -> None:
    """The old ones come off before the new ones go on, under the same number."""
    code = await home.guest(digits="246813")
    number = code.places["fake:0"].number
    given = await home.codes.change(code.id, Change(new_code=True), OWNER)
    await home.rest()
    assert all(home.on(lock) == {given.digits} for lock in home.hardware)
    assert code.places["fake:0"].number == number
    assert await home.events(code, "fake:2") == [
        *("setting", "set", "clearing", "cleared", "setting", "set")
    ]


async def test_other_locks(home: Rig) -> None:
    code = await home.guest("fake:0", digits="246813")
    await home.codes.change(
        code.id, Change(locks=frozenset({"fake:1", "fake:2"})), OWNER
    )
    await home.rest()
    assert [home.on(lock) for lock in sorted(home.hardware)] == [
        set(),
        {"246813"},
        {"246813"},
    ]
    assert home.markers.markers("fake:0") == ()
    assert set(code.places) == {"fake:1", "fake:2"}


async def test_removed(home: Rig) -> None:
    code = await home.guest()
    assert await home.codes.remove(code.id, OWNER) == []
    await home.rest()
    assert not any(lock.codes for lock in home.hardware.values())
    assert home.codes.all() == []
    assert (await home.events(code))[-1] == "removed"
    with pytest.raises(CodeError, match="code_not_found"):
        home.codes.get(code.id)


async def test_removed_while_a_lock_is_away(home: Rig) -> None:
    """It is said, the digits are nobody else's meanwhile, and it ends when it is back."""
    code = await home.guest(digits="246813")
    await home.reach("fake:1", there=False)
    assert await home.codes.remove(code.id, OWNER) == ["fake:1"]
    assert code.secret == code.digest == ""
    with pytest.raises(CodeError, match="code_taken"):
        await home.guest("fake:0", digits="246813")
    await home.advance(minutes=2)
    assert home.problems == {(code.id, "fake:1"): "code_stays"}
    await home.stop()
    await home.start()
    assert home.codes.all() == []
    await home.reach("fake:1", there=True)
    assert not home.on("fake:1")
    await home.guest("fake:0", digits="246813")


async def test_a_lock_that_is_away(home: Rig) -> None:
    """Nothing is pending for ever, and it is made good as soon as it is back."""
    await home.reach("fake:0", there=False)
    code = await home.guest()
    assert home.states(code)["fake:0"] is State.PENDING
    assert home.hardware["fake:0"].calls == []
    await home.advance(minutes=16)
    assert home.states(code)["fake:0"] is State.FAILED
    assert code.places["fake:0"].reason == "unreachable"
    assert home.problems == {(code.id, "fake:0"): "code_failed"}
    await home.reach("fake:0", there=True)
    assert home.states(code)["fake:0"] is State.ACTIVE
    assert home.problems == {}


@pytest.mark.parametrize("lost", ["command", "answer"])
@pytest.mark.parametrize("lock", ["fake:0", "fake:2"])
async def test_an_answer_that_is_lost(home: Rig, lock: str, lost: str) -> None:
    """It is looked for, and set once more where it is not there."""
    home.hardware[lock].loses = lost
    code = await home.guest(lock)
    assert home.states(code)[lock] is State.UNVERIFIED
    await home.advance(minutes=1)
    assert home.states(code)[lock] is State.ACTIVE
    assert len(home.on(lock)) == 1
    found = "found" if lost == "answer" else "missing"
    assert (await home.events(code, lock))[:3] == ["setting", "unknown", found]
    puts = [what for what, _ in home.hardware[lock].calls if what == "put"]
    assert len(puts) == (1 if lost == "answer" else 2)


async def test_an_answer_to_taking_off_that_is_lost(home: Rig) -> None:
    code = await home.guest("fake:0")
    home.hardware["fake:0"].loses = "command"
    assert await home.codes.remove(code.id, OWNER) == ["fake:0"]
    await home.advance(minutes=1)
    assert not home.on("fake:0")
    assert home.codes._codes == {}


async def test_killed_between_telling_and_answer(home: Rig) -> None:
    """Whether it arrived is looked up at the next start."""
    home.hardware["fake:0"].latency = 60
    code = await home.codes.add_guest(
        Change(name="Gina", locks=frozenset({"fake:1"}), new_code=True), OWNER
    )
    change = Change(locks=frozenset({"fake:0", "fake:1"}))
    changing = home.spawn(home.codes.change(code.code.id, change, OWNER), "change")
    while not code.code.places.get("fake:0") or not code.code.places["fake:0"].digest:
        await module.asyncio.sleep(0)
    await module.asyncio.sleep(0.1)
    await home.kill()
    assert changing.cancelled()
    home.hardware["fake:0"].latency = 0
    await home.start()
    (again,) = home.codes.all()
    assert home.states(again)["fake:0"] is State.ACTIVE
    assert "missing" in await home.events(again, "fake:0")


async def test_what_a_lock_refuses_is_not_told_again(home: Rig) -> None:
    """Until somebody changes something."""
    home.hardware["fake:0"].full = True
    code = await home.guest("fake:0")
    place = code.places["fake:0"]
    assert (place.state, place.reason) == (State.FAILED, "codes_full")
    assert home.problems == {(code.id, "fake:0"): "code_failed"}
    calls = len(home.hardware["fake:0"].calls)
    await home.advance(days=1)
    await home.reach("fake:0", there=True)
    assert len(home.hardware["fake:0"].calls) == calls
    home.hardware["fake:0"].full = False
    await home.codes.resync("fake:0")
    assert place.state is State.ACTIVE
    assert home.problems == {}


async def test_a_lock_that_is_busy_is_tried_again(home: Rig) -> None:
    home.hardware["fake:0"].refuses = Refusal.BUSY
    code = await home.guest("fake:0")
    assert home.states(code)["fake:0"] is State.PENDING
    await home.advance(minutes=1)
    assert home.states(code)["fake:0"] is State.ACTIVE


async def test_a_lock_that_does_not_let_go(home: Rig) -> None:
    """It is said, tried again, and nobody else waits for it."""
    first = await home.guest("fake:0")
    home.hardware["fake:0"].refuses = Refusal.OTHER
    assert await home.codes.remove(first.id, OWNER) == ["fake:0"]
    assert home.problems == {(first.id, "fake:0"): "code_stays"}
    second = await home.guest("fake:0")
    assert home.states(second)["fake:0"] is State.ACTIVE
    await home.advance(minutes=11)
    assert home.problems == {}
    assert len(home.on("fake:0")) == 1


async def test_a_lock_that_acknowledges_and_forgets(home: Rig) -> None:
    home.hardware["fake:0"].forgets = True
    code = await home.guest("fake:0")
    assert code.places["fake:0"].reason == "code_forgotten"


async def test_what_was_lost_on_a_lock(home: Rig) -> None:
    """After a factory reset: put right where it is asked for; else it is said."""
    code = await home.guest()
    for name in home.hardware:
        home.hardware[name].codes.clear()
        home.kept[name].clear()
    await home.codes.resync("fake:0")
    assert len(home.on("fake:0")) == 1
    await home.stop()
    await home.start()
    assert not home.on("fake:2")
    assert home.problems == {(code.id, "fake:2"): "code_failed"}
    assert not home.on("fake:1"), "it was not asked number by number"
    await home.reach("fake:2", there=False)
    await home.codes.due()
    await home.reach("fake:2", there=True)
    await home.stop()
    await home.start()
    assert not home.on("fake:2")
    await home.codes.resync("fake:2")
    assert len(home.on("fake:2")) == 1
    assert home.problems == {}
    assert "missing" in await home.events(code, "fake:0")


async def test_a_foreign_hand(home: Rig) -> None:
    """Somebody takes a code of ours off at the keypad: it is put on again."""
    code = await home.guest("fake:0")
    place = code.places["fake:0"]
    home.hardware["fake:0"].codes.clear()
    home.codes.lock_event(
        module.AccessEvent(
            lock="fake:0",
            event="code_removed",  # type: ignore[arg-type]
            method=module.Method.KEYPAD,
            time=home.now,
            code_name=place.marker,
        )
    )
    await home.rest()
    assert len(home.on("fake:0")) == 1


async def test_other_digits_at_the_keypad(home: Rig) -> None:
    """Somebody gives our number another PIN there: ours is put back."""
    code = await home.guest("fake:0", digits="246813")
    place = code.places["fake:0"]
    home.hardware["fake:0"].codes[place.number] = "975310"
    home.codes.lock_event(
        module.AccessEvent(
            lock="fake:0",
            event=module.AccessKind.CODE_ADDED,
            method=module.Method.KEYPAD,
            time=home.now,
            code_name=place.marker,
        )
    )
    await home.rest()
    assert home.on("fake:0") == {"246813"}
    # Once more: it is said, and not fought over.
    home.hardware["fake:0"].codes[place.number] = "975310"
    home.codes.lock_event(
        module.AccessEvent(
            lock="fake:0",
            event=module.AccessKind.CODE_ADDED,
            method=module.Method.KEYPAD,
            time=home.now,
            code_name=place.marker,
        )
    )
    await home.rest()
    assert home.on("fake:0") == {"975310"}
    assert home.problems == {(code.id, "fake:0"): "code_failed"}
    await home.advance(minutes=11)
    assert home.on("fake:0") == {"246813"}
    assert home.problems == {}


async def test_the_log_could_not_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without knowing the others no code is given."""
    async with rig(tmp_path / "log") as home:
        home.codes._loaded = False
        with pytest.raises(LogUnavailable):
            await home.guest("fake:0", digits="246813")
        home.codes.lock_ready("fake:0")
        assert home.on("fake:0") == set()


async def test_the_log_is_full(home: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """No intent, no code; what must come off comes off all the same."""
    code = await home.guest("fake:0")

    async def full(*args: object, **kwargs: object) -> None:
        raise LogUnavailable("full")

    with monkeypatch.context() as patched:
        patched.setattr(home.log, "append", full)
        with pytest.raises(LogUnavailable):
            await home.guest("fake:0")
        assert home.codes.all() == [code]
        await home.codes.remove(code.id, OWNER)
        assert not home.on("fake:0")
    other = await home.guest("fake:0")
    with monkeypatch.context() as patched:
        patched.setattr(home.log, "append", full)
        home.hardware["fake:0"].codes.clear()
        await home.codes.resync("fake:0")
        assert not home.on("fake:0")
        assert home.states(other)["fake:0"] is State.PENDING
    await home.advance(minutes=1)
    assert len(home.on("fake:0")) == 1


async def test_the_key_book_cannot_be_written(home: Rig) -> None:
    """A code whose name is not kept is not set; one that is off waits to be forgotten."""
    code = await home.guest("fake:0")
    home.markers.broken = True
    other = await home.guest("fake:0")
    assert home.states(other)["fake:0"] is State.PENDING
    await home.codes.remove(code.id, OWNER)
    assert not home.on("fake:0")
    home.markers.broken = False
    await home.advance(minutes=11)
    assert home.states(other)["fake:0"] is State.ACTIVE
    assert code.id not in home.codes._codes


async def test_the_key_of_the_digits_is_lost(home: Rig) -> None:
    """What is on the locks stays; no lock can be taught; a new code mends it."""
    await home.guest("fake:0", end=START + HOUR)
    waiting = await home.guest("fake:0", start=START + HOUR / 2)
    await home.stop()
    key = home.folder / "codes.key"
    key.write_text("rubbish!")
    await home.start()
    assert len(home.on("fake:0")) == 1
    await home.advance(minutes=30)
    waiting = home.codes.get(waiting.id)
    assert waiting.places["fake:0"].reason == "digits_lost"
    with pytest.raises(CodeError, match="vault_locked"):
        await home.codes.change(waiting.id, Change(new_code=True), OWNER)
    key.unlink()
    with pytest.raises(CodeError, match="vault_locked"):
        await home.codes.change(waiting.id, Change(locks=frozenset({"fake:1"})), OWNER)
    await home.codes.change(waiting.id, Change(new_code=True), OWNER)
    assert waiting.places["fake:0"].state is State.ACTIVE
    await home.advance(hours=1)
    assert len(home.on("fake:0")) == 1


async def test_a_lock_leaves(home: Rig) -> None:
    code = await home.guest()
    lock = home.locks.pop("fake:0")
    await home.codes.lock_removed("fake:0")
    await lock.stop()
    assert set(code.places) == {"fake:1", "fake:2"}
    assert (await home.events(code, "fake:0"))[-1] == "lock_removed"
    with pytest.raises(CodeError, match="lock_not_found"):
        await home.codes.change(code.id, Change(locks=frozenset({"fake:0"})), OWNER)


async def test_words_of_a_code_that_has_gone(home: Rig) -> None:
    """Who used it just before is still known."""
    code = await home.guest("fake:0", uses=1)
    name, number = code.places["fake:0"].marker, code.places["fake:0"].number
    await home.codes.remove(code.id, OWNER)
    event = module.AccessEvent(
        lock="fake:0",
        event="unlocked",  # type: ignore[arg-type]
        method=module.Method.KEYPAD,
        time=home.now,
        code_id=number,
        code_name=name,
    )
    assert home.codes.identify(event).actor.name == "Gina Guest"
    assert home.codes.identify(replace(event, code_name="LE x")).actor.name == ""
    await home.codes.used(event)


async def test_a_person(home: Rig) -> None:
    """One code for life; whoever asks again changes it."""
    change = Change(name="Anna", locks=frozenset({"fake:0"}), new_code=True)
    one = await home.codes.set_person("p1", change, OWNER)
    two = await home.codes.set_person("p1", Change(new_code=True), OWNER)
    assert one.code is two.code
    assert one.digits != two.digits
    assert home.codes.of_person("p1") is one.code
    assert home.codes.of_person("p2") is None
    await home.rest()
    assert home.on("fake:0") == {two.digits}
    assert one.code.actor.kind == "resident"


async def test_a_guest_without_a_code(home: Rig) -> None:
    """Waits until somebody gives one."""
    change = Change(name="Gina", locks=frozenset({"fake:0"}))
    given = await home.codes.add_guest(change, OWNER)
    assert (given.digits, given.code.digest) == ("", "")
    assert not home.on("fake:0")
    given = await home.codes.change(given.code.id, Change(new_code=True), OWNER)
    assert home.on("fake:0") == {given.digits}


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("111111", "code_weak"),
        ("123456", "code_weak"),
        ("98765", "code_weak"),
        ("121212", "code_weak"),
        ("123123", "code_weak"),
        ("12", "code_not_for_lock"),
        ("12x456", "code_not_for_lock"),
        ("246813", "code_taken"),
    ],
)
async def test_digits_that_are_refused(home: Rig, typed: str, error: str) -> None:
    """With the reason, and without a word of whose they are."""
    await home.guest(digits="246813")
    with pytest.raises(CodeError) as caught:
        await home.guest(digits=typed)
    assert caught.value.key == error
    assert typed not in str(caught.value)
    assert "Gina" not in str(caught.value)
    assert len(home.codes.all()) == 1


async def test_digits_are_not_tried_out(
    home: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After five in a minute nobody hears any more whether they are somebody's."""
    now = 0.0
    monkeypatch.setattr(digits.time, "monotonic", lambda: now)
    await home.guest(digits="246813")
    for number in range(4):
        with pytest.raises(CodeError, match="code_weak"):
            await home.guest(digits=f"{number}" * 6)
    with pytest.raises(CodeError, match="code_too_many_tries"):
        await home.guest(digits="246813")
    now = 61.0
    with pytest.raises(CodeError, match="code_taken"):
        await home.guest(digits="246813")


async def test_what_cannot_be(home: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with its reason, and nothing is changed."""
    code = await home.guest("fake:0", digits="246813")
    for times in ({"end": START}, {"start": START + HOUR, "end": START + HOUR}):
        with pytest.raises(CodeError, match="code_window_empty"):
            await home.codes.change(code.id, Change(times=times), OWNER)
    with pytest.raises(CodeError, match="code_not_found"):
        await home.codes.change("nobody", Change(), OWNER)
    with pytest.raises(CodeError, match="code_none_fits"):
        await home.codes.add_guest(Change(name="Gina", new_code=True), OWNER)
    monkeypatch.setattr(home.driver("fake:1"), "lengths", range(4, 5))
    with pytest.raises(CodeError, match="code_not_for_lock"):
        await home.codes.change(code.id, Change(locks=frozenset({"fake:1"})), OWNER)
    home.driver("fake:1").capabilities &= ~module.Capability.CODES
    with pytest.raises(CodeError, match="lock_takes_no_codes"):
        await home.codes.change(code.id, Change(locks=frozenset({"fake:1"})), OWNER)
    assert set(code.places) == {"fake:0"}


# A lock that keeps windows itself is given another one


async def to_end(home: Rig, code: Code, end: datetime) -> None:
    """Give a guest another end."""
    await home.codes.change(code.id, Change(times={"end": end}), OWNER)
    await home.rest()


@pytest.fixture
async def staying(home: Rig) -> Code:
    """Give a guest of two hours on a lock that keeps windows itself."""
    return await home.guest("fake:2", end=START + 2 * HOUR)


def window_end(home: Rig) -> datetime:
    """Return the end that the lock itself keeps to."""
    ((_, window),) = home.kept["fake:2"].values()
    end: datetime = window.end
    return end


@pytest.mark.parametrize("lost", ["command", "answer"])
async def test_moving_with_an_answer_lost(home: Rig, staying: Code, lost: str) -> None:
    home.hardware["fake:2"].loses = lost
    await to_end(home, staying, START + HOUR)
    assert home.states(staying)["fake:2"] is State.UNVERIFIED
    await home.advance(seconds=31)
    assert window_end(home) == START + HOUR
    assert home.states(staying)["fake:2"] is State.ACTIVE


async def test_moving_a_busy_lock(home: Rig, staying: Code) -> None:
    home.hardware["fake:2"].refuses = Refusal.BUSY
    await to_end(home, staying, START + HOUR)
    assert window_end(home) == START + 2 * HOUR
    await home.advance(seconds=31)
    assert window_end(home) == START + HOUR


async def test_moving_a_lock_that_refuses(home: Rig, staying: Code) -> None:
    """It may not open longer: that is said. It may not open so long: it comes off first."""
    home.hardware["fake:2"].refuses = Refusal.OTHER
    await to_end(home, staying, START + 3 * HOUR)
    assert window_end(home) == START + 2 * HOUR
    assert home.problems == {(staying.id, "fake:2"): "code_failed"}
    calls = len(home.hardware["fake:2"].calls)
    await home.codes.due()
    await home.rest()
    assert len(home.hardware["fake:2"].calls) == calls
    home.hardware["fake:2"].refuses = Refusal.OTHER
    await to_end(home, staying, START + HOUR)
    assert window_end(home) == START + HOUR
    assert [what for what, _ in home.hardware["fake:2"].calls][-3:] == [
        *("read", "drop", "put")
    ]
    assert home.problems == {}


async def test_moving_a_code_that_is_gone(home: Rig, staying: Code) -> None:
    home.kept["fake:2"].clear()
    home.hardware["fake:2"].codes.clear()
    await to_end(home, staying, START + HOUR)
    assert window_end(home) == START + HOUR


async def test_moving_a_lock_that_just_went(home: Rig, staying: Code) -> None:
    """Tried again, less and less often; after a minute it is said that it opens too long."""
    hardware = home.hardware["fake:2"]
    hardware.there = False
    await to_end(home, staying, START + HOUR)
    assert home.problems == {}
    await home.advance(minutes=30)
    assert home.problems == {(staying.id, "fake:2"): "code_stays"}
    tried = (await home.events(staying, "fake:2")).count("unreachable")
    assert 2 <= tried <= 8
    hardware.there = True
    await home.advance(minutes=11)
    assert window_end(home) == START + HOUR
    assert home.problems == {}


async def test_a_lock_that_went_before_a_code_was_set(home: Rig) -> None:
    """Nothing was told: it is set as soon as the lock answers."""
    home.hardware["fake:0"].there = False
    code = await home.guest("fake:0")
    assert home.states(code)["fake:0"] is State.PENDING
    assert await home.events(code, "fake:0") == ["setting", "unreachable"]
    home.hardware["fake:0"].there = True
    await home.advance(seconds=31)
    assert home.states(code)["fake:0"] is State.ACTIVE


async def test_a_code_that_somebody_switched_off(home: Rig) -> None:
    """A number of ours that is disabled is put right."""
    code = await home.guest("fake:0", digits="246813")
    driver = home.driver("fake:0")
    asked = driver.read_number

    async def disabled(number: int) -> CodeStatus:
        driver.read_number = asked  # type: ignore[method-assign]
        return CodeStatus.DISABLED

    driver.read_number = disabled  # type: ignore[method-assign]
    await home.codes.resync("fake:0")
    assert home.states(code)["fake:0"] is State.ACTIVE
    assert home.on("fake:0") == {"246813"}
    assert "missing" in await home.events(code, "fake:0")


async def test_asked_for_again_during_a_look(home: Rig) -> None:
    """Who asks then gets a look of their own: the first may be past what they mean."""
    for pin in ("246813", "583649", "719264"):
        await home.guest("fake:0", digits=pin)
    hardware = home.hardware["fake:0"]
    first, second, _ = sorted(hardware.codes)
    again = []

    def meanwhile(what: str, number: int) -> None:
        if not again and (what, number) == ("read", second):
            hardware.codes.pop(first)
            again.append(home.spawn(home.codes.resync("fake:0"), "resync"))

    hardware.on_call, hardware.latency = meanwhile, 0.01
    await home.codes.resync("fake:0")
    await again[0]
    assert home.on("fake:0") == {"246813", "583649", "719264"}


async def test_a_lock_that_cannot_be_asked(home: Rig) -> None:
    """Its word is taken; after a lost answer the code is told once more."""
    driver = home.driver("fake:0")
    driver.capabilities &= ~module.Capability.CODE_STATUS
    home.hardware["fake:0"].loses = "answer"
    code = await home.guest("fake:0", digits="246813")
    assert home.states(code)["fake:0"] is State.UNVERIFIED
    await home.advance(seconds=31)
    assert home.states(code)["fake:0"] is State.ACTIVE
    assert home.on("fake:0") == {"246813"}
    calls = len(home.hardware["fake:0"].calls)
    await home.codes.resync("fake:0")
    assert len(home.hardware["fake:0"].calls) == calls
    assert "read" not in {what for what, _ in home.hardware["fake:0"].calls}


async def test_added_again_while_it_comes_off(home: Rig) -> None:
    """A lock that is taken from a guest and given back meanwhile gets a new name."""
    code = await home.guest("fake:0", "fake:1", digits="246813")
    name = code.places["fake:0"].marker
    home.hardware["fake:0"].latency = 0.2
    only = Change(locks=frozenset({"fake:1"}))
    both = Change(locks=frozenset({"fake:0", "fake:1"}))
    leaving = home.spawn(home.codes.change(code.id, only, OWNER), "leave")
    while code.places["fake:0"].state is not State.REMOVING:
        await module.asyncio.sleep(0)
    await home.codes.change(code.id, both, OWNER)
    await leaving
    await home.rest()
    assert home.on("fake:0") == {"246813"}
    assert home.states(code)["fake:0"] is State.ACTIVE
    assert home.markers.markers("fake:0") == (code.places["fake:0"].marker,)
    assert name


async def test_a_removed_guest_without_a_lock(home: Rig) -> None:
    code = await home.codes.add_guest(Change(name="Gina"), OWNER)
    assert await home.codes.remove(code.code.id, OWNER) == []
    assert home.codes._codes == {}


@pytest.mark.parametrize("text", ["", "AAAA", "not base64!", "QUJD\nQ"])
def test_a_key_that_is_none(tmp_path: Path, text: str) -> None:
    """It is not replaced: what it opens would be lost for good."""
    path = tmp_path / "codes.key"
    path.write_text(text)
    with pytest.raises(VaultLocked) as caught:
        Vault.open(path)
    assert text.strip() == "" or text not in str(caught.value)
    assert path.read_text() == text


def test_a_key_that_cannot_be_kept(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a file")
    with pytest.raises(VaultLocked):
        Vault.open(tmp_path / "keys" / "codes.key")


def test_the_vault(tmp_path: Path) -> None:
    """Private, bound to the code, and never the same text twice."""
    path = tmp_path / "keys" / "codes.key"
    vault = Vault.open(path)
    assert path.stat().st_mode & 0o777 == 0o600
    one, two = vault.close("246813", "a"), vault.close("246813", "a")
    assert one != two
    assert vault.reveal(one, "a") == Vault.open(path).reveal(two, "a") == "246813"
    assert vault.digest("246813") == Vault.open(path).digest("246813")
    for secret, code in ((one, "b"), ("", "a"), ("!", "a"), (one[:-4], "a")):
        with pytest.raises(VaultLocked):
            vault.reveal(secret, code)


# What a reader who wished us ill came upon


async def test_a_clock_that_leaps_forgets_nobody(home: Rig) -> None:
    """A guest is forgotten after a day of which the clock knows, too."""
    code = await home.guest(end=START + HOUR)
    with patch.object(leaving, "monotonic", lambda: 0.0):
        await home.advance(days=30)
    assert home.codes.all() == [code]
    assert code.secret


async def test_a_code_made_by_a_clock_that_was_ahead(home: Rig) -> None:
    """It opens at once all the same."""
    home.now = START + 20 * HOUR
    code = await home.guest("fake:0", "fake:2")
    home.now = START
    await home.codes.due()
    await home.rest()
    assert home.states(code)["fake:0"] is State.ACTIVE
    assert len(home.on("fake:0")) == 1


async def test_uses_before_there_was_a_limit(home: Rig) -> None:
    """They do not count for it, after a restart neither."""
    code = await home.guest("fake:0", digits="246813")
    for _ in range(3):
        home.driver("fake:0").press("246813")
    await home.rest()
    home.driver("fake:0").tell(module.AccessKind.LOCKED, code.places["fake:0"].number)
    await home.codes.change(code.id, Change(times={"uses": 2}), OWNER)
    await home.stop()
    await home.start()
    (code,) = home.codes.all()
    assert (code.used, code.when.uses, code.ended) == (3, 5, False)
    home.driver("fake:0").press("246813")
    await home.rest()
    assert home.on("fake:0")


async def test_only_what_is_typed_is_a_use(home: Rig) -> None:
    """A door that our lock opened for another reason is none."""
    code = await home.guest("fake:0", uses=1)
    event = module.AccessEvent(
        lock="fake:0",
        event=module.AccessKind.UNLOCKED,
        method=module.Method.APP,
        time=home.now,
        code_id=1,
        code_name=code.places["fake:0"].marker,
    )
    await home.codes.used(event)
    assert code.used == 0


async def test_a_use_while_a_change_is_written(home: Rig) -> None:
    """The newer row is the later one: after a kill the change stands."""
    code = await home.guest("fake:0", digits="246813", uses=9)
    shorter = Change(times={"end": START + HOUR}, digits="975312")
    changing = home.spawn(home.codes.change(code.id, shorter, OWNER), "change")
    await module.asyncio.sleep(0)
    home.driver("fake:0").press("246813")
    await changing
    await home.rest()
    await home.kill()
    await home.start()
    (code,) = home.codes.all()
    assert code.when.end == START + HOUR
    assert home.codes.digits(code) == "975312"
    assert code.used == 1


async def test_a_lock_leaves_while_a_change_is_written(home: Rig) -> None:
    """It is not put back."""
    code = await home.guest("fake:0", "fake:1")
    later = Change(times={"end": START + 9 * HOUR})
    changing = home.spawn(home.codes.change(code.id, later, OWNER), "change")
    await module.asyncio.sleep(0)
    lock = home.locks.pop("fake:0")
    await home.codes.lock_removed("fake:0")
    await changing
    await lock.stop()
    assert set(code.places) == set(code.locks) == {"fake:1"}
    assert await home.codes.remove(code.id, OWNER) == []


async def test_killed_before_a_code_was_forgotten(home: Rig) -> None:
    """Its row, and the guest's name, go at the next start."""
    code = await home.guest("fake:0")

    async def never(code: Code) -> None:
        await module.asyncio.sleep(3600)

    home.codes._ledger.gone = never  # type: ignore[method-assign]
    await home.codes.remove(code.id, OWNER)
    await home.kill()
    await home.start()
    await home.rest()
    assert list(await home.log.read(select(table))) == []
    assert list(await home.log.read(select(placements))) == []


async def test_a_repair_goes_with_the_guest(home: Rig) -> None:
    """Whatever it said."""
    home.hardware["fake:0"].full = True
    full = await home.guest("fake:0")
    assert home.problems
    await home.codes.remove(full.id, OWNER)
    assert home.problems == {}
    home.hardware["fake:0"].full = False
    await home.reach("fake:0", there=False)
    away = await home.guest("fake:0")
    await home.advance(minutes=16)
    assert home.problems
    await home.codes.remove(away.id, OWNER)
    await home.reach("fake:0", there=True)
    assert home.problems == {}


async def test_room_that_was_made(home: Rig) -> None:
    """A code that found none is tried again when another comes off."""
    first = await home.guest("fake:0")
    home.hardware["fake:0"].full = True
    second = await home.guest("fake:0")
    assert second.places["fake:0"].reason == "codes_full"
    home.hardware["fake:0"].full = False
    await home.codes.remove(first.id, OWNER)
    await home.rest()
    assert home.states(second)["fake:0"] is State.ACTIVE


async def test_what_was_refused_is_tried_once_when_the_lock_is_back(home: Rig) -> None:
    home.hardware["fake:0"].refuses = Refusal.OTHER
    code = await home.guest("fake:0")
    assert home.states(code)["fake:0"] is State.FAILED
    await home.reach("fake:0", there=False)
    await home.codes.due()
    await home.rest()
    await home.reach("fake:0", there=True)
    assert home.states(code)["fake:0"] is State.ACTIVE


async def test_a_lock_that_refuses_and_then_goes(home: Rig) -> None:
    """It is not asked without a pause, and nobody is woken all the time."""
    code = await home.guest("fake:0")
    home.hardware["fake:0"].refuses = Refusal.OTHER
    await home.codes.remove(code.id, OWNER)
    await home.reach("fake:0", there=False)
    changes = home.changes
    await home.advance(hours=3)
    assert home.changes - changes < 40
    await home.reach("fake:0", there=True)
    await home.advance(minutes=11)
    assert not home.on("fake:0")


async def test_a_refusal_and_then_a_lost_answer(home: Rig) -> None:
    code = await home.guest("fake:0")
    hardware = home.hardware["fake:0"]
    hardware.refuses = Refusal.OTHER
    await home.codes.remove(code.id, OWNER)

    def lose(what: str, number: int) -> None:
        hardware.loses = "command"

    hardware.on_call = lose
    calls = len(hardware.calls)
    await home.advance(hours=2)
    assert len(hardware.calls) - calls < 40


async def test_the_key_book_is_lost(home: Rig) -> None:
    """What our log says is on a lock comes off by its number."""
    code = await home.guest("fake:0")
    home.markers.names.clear()
    home.markers.numbers.clear()
    assert await home.codes.remove(code.id, OWNER) == []
    assert home.hardware["fake:0"].codes == {}


async def test_a_start_that_may_not_be_any_more(home: Rig) -> None:
    """A lock that does not take a later start does not keep the code."""
    code = await home.guest("fake:2", end=START + 9 * HOUR)
    home.hardware["fake:2"].refuses = Refusal.OTHER
    later = Change(times={"start": START + 4 * HOUR})
    await home.codes.change(code.id, later, OWNER)
    await home.rest()
    assert home.on("fake:2") == set()
    await home.advance(hours=4)
    assert len(home.on("fake:2")) == 1


async def test_a_mistake_of_ours(home: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """It is said loudly, and the lock is not left alone for good."""
    code = await home.guest("fake:0")
    driver = home.driver("fake:0")
    clear, failed = driver.clear_marked, []

    async def fail(markers: set[str]) -> None:
        failed.append(markers)
        driver.clear_marked = clear  # type: ignore[method-assign]
        raise ZeroDivisionError

    driver.clear_marked = fail  # type: ignore[method-assign]
    assert await home.codes.remove(code.id, OWNER) == ["fake:0"]
    assert "could not be told" in caplog.text
    await home.advance(minutes=1)
    assert failed
    assert not home.on("fake:0")


async def test_stopping_waits_for_one_thing_only(home: Rig) -> None:
    """What the lock is being told; the rest is for the next start."""
    for _ in range(6):
        await home.guest("fake:0")
    home.hardware["fake:0"].latency = 0.2
    home.hardware["fake:0"].codes.clear()
    home.spawn(home.codes.resync("fake:0"), "resync")
    await module.asyncio.sleep(0.05)
    began = time.monotonic()
    await home.codes.stop()
    assert time.monotonic() - began < 3.5


def test_no_hash_is_shown() -> None:
    """A keyed hash of six digits is a secret, too."""
    place = Placement(lock="l", marker="LE x", digest="c0ffee")
    window = CodeWindow(start=START, end=START)
    assert "c0ffee" not in repr((place, Wanted("c0ffee", window)))


async def test_stopping_lets_the_lock_answer(home: Rig) -> None:
    """What it was being told has its outcome in the log."""
    code = await home.guest("fake:0")
    home.hardware["fake:0"].latency = 0.2
    removing = home.spawn(home.codes.remove(code.id, OWNER), "remove")
    while code.places["fake:0"].state is not State.REMOVING:
        await module.asyncio.sleep(0)
    await home.codes.stop()
    assert not home.on("fake:0")
    assert code.places == {}
    await removing


async def test_ten_locks_and_thirty_codes(tmp_path: Path) -> None:
    """After a start with half the locks away nothing right is written again.

    What was asked meanwhile is said of each that is away, and done when it is back.
    """
    async with rig(tmp_path, count=10) as home:
        codes = [await home.guest() for _ in range(30)]
        opens = {name: home.on(name) for name in home.hardware}
        assert {len(digits) for digits in opens.values()} == {30}
        await home.stop()
        away = [f"fake:{number}" for number in range(0, 10, 2)]
        for name, lock in home.hardware.items():
            lock.there = name not in away
            lock.calls.clear()
        await home.start()
        await home.rest()
        told = {what for lock in home.hardware.values() for what, _ in lock.calls}
        assert told <= {"read"}
        assert home.problems == {}
        # One goes, one comes.
        await home.codes.remove(codes[0].id, OWNER)
        newcomer = await home.guest()
        await home.advance(minutes=16)
        assert home.problems == {
            **{(codes[0].id, name): "code_stays" for name in away},
            **{(newcomer.id, name): "code_failed" for name in away},
        }
        for name in away:
            await home.reach(name, there=True)
        assert home.problems == {}
        [now] = {frozenset(home.on(name)) for name in home.hardware}
        assert len(now) == 30
        assert len(now & opens["fake:0"]) == 29
        for name, lock in home.hardware.items():
            changes = [what for what, _ in lock.calls if what != "read"]
            assert sorted(changes) == ["drop", "put"], name
        assert len({place.number for place in newcomer.places.values()}) == 1
