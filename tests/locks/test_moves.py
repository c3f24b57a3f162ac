"""One move is told once, in whichever order a lock tells of it."""

import asyncio

from homeassistant.core import HomeAssistant
import pytest

from custom_components.smartlock_le.locks import moves as module
from custom_components.smartlock_le.locks.moves import Askers, Moves
from custom_components.smartlock_le.models import (
    HOME_ACTOR,
    AccessEvent,
    AccessKind,
    Method,
    utc_now,
)

LOCKED, UNLOCKED = AccessKind.LOCKED, AccessKind.UNLOCKED
JAMMED, DENIED = AccessKind.JAMMED, AccessKind.DENIED
type Told = list[tuple[AccessKind, Method]]


def event(kind: AccessKind, method: Method = Method.UNKNOWN) -> AccessEvent:
    """Make an event."""
    return AccessEvent(lock="zha:1", event=kind, method=method, time=utc_now())


@pytest.fixture
def told() -> Told:
    """Keep what is told."""
    return []


@pytest.fixture
def moves(hass: HomeAssistant, told: Told, monkeypatch: pytest.MonkeyPatch) -> Moves:
    """Give one that waits briefly."""
    monkeypatch.setattr(module, "TOGETHER", 0.05)
    return Moves(lambda event: told.append((event.event, event.method)))


async def test_a_change_without_a_word(moves: Moves, told: Told) -> None:
    moves.shown(event(UNLOCKED))
    assert told == []
    await asyncio.sleep(0.1)
    assert told == [(UNLOCKED, Method.UNKNOWN)]


async def test_several_at_once(moves: Moves, told: Told) -> None:
    """Each change finds its word, and each word its change."""
    for kind in (UNLOCKED, LOCKED, UNLOCKED):
        moves.shown(event(kind))
    for kind in (UNLOCKED, LOCKED, UNLOCKED):
        moves.named(event(kind, Method.MANUAL), shows=False)
    await asyncio.sleep(0.1)
    assert told == [(k, Method.MANUAL) for k in (UNLOCKED, LOCKED, UNLOCKED)]


async def test_a_change_that_comes_late(moves: Moves, told: Told) -> None:
    """Reporting was lost, and a reading finds what was told long before."""
    moves.named(event(UNLOCKED, Method.KEYPAD), shows=True)
    moves.named(event(LOCKED, Method.KEYPAD), shows=True)
    await asyncio.sleep(0.1)
    moves.shown(event(LOCKED))
    await asyncio.sleep(0.1)
    assert told == [(UNLOCKED, Method.KEYPAD), (LOCKED, Method.KEYPAD)]


async def test_a_change_that_never_came(moves: Moves, told: Told) -> None:
    """What was told, and showed otherwise, explains no later change."""
    moves.named(event(UNLOCKED, Method.KEYPAD), shows=True)
    await asyncio.sleep(0.1)
    moves.settle()
    moves.shown(event(UNLOCKED))
    await asyncio.sleep(0.1)
    assert told == [(UNLOCKED, Method.KEYPAD), (UNLOCKED, Method.UNKNOWN)]


async def test_jams(moves: Moves, told: Told) -> None:
    """A jam is told at once; its alarm and its change are one, and the next is another."""
    moves.shown(event(JAMMED))
    moves.alarm(event(JAMMED), shows=False)
    assert len(told) == 1
    await asyncio.sleep(0.1)
    moves.alarm(event(JAMMED), shows=True)
    moves.shown(event(JAMMED))
    assert len(told) == 2


async def test_wrong_codes(moves: Moves, told: Told) -> None:
    """The alarm after the last wrong code is no other try."""
    moves.named(event(DENIED, Method.KEYPAD), shows=True)
    moves.shown(event(DENIED, Method.KEYPAD))
    await asyncio.sleep(0.1)
    assert len(told) == 1
    moves.named(event(DENIED, Method.KEYPAD), shows=True)
    await asyncio.sleep(0.1)
    moves.shown(event(DENIED, Method.KEYPAD))
    await asyncio.sleep(0.1)
    assert len(told) == 3


async def test_the_end(moves: Moves, told: Told) -> None:
    """What waits is told, and no timer is left."""
    moves.shown(event(UNLOCKED), patience=60)
    moves.stop()
    assert told == [(UNLOCKED, Method.UNKNOWN)]


async def test_who_asked(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    """It shows once, and not at any time."""
    askers = Askers()
    askers.add(UNLOCKED, HOME_ACTOR)
    askers.add(LOCKED)
    assert askers.of(DENIED) is None
    found = askers.of(LOCKED)
    assert found and found.actor is None
    assert askers.of(LOCKED) is None
    askers.add(LOCKED)
    askers.forget_us()
    assert askers.of(LOCKED) is None
    found = askers.of(JAMMED)
    assert found and found.actor is HOME_ACTOR
    monkeypatch.setattr(module, "LATE", -1.0)
    askers.add(LOCKED)
    assert askers.of(LOCKED) is None


async def test_a_word_ends_the_wait_for_what_came_before(
    moves: Moves, told: Told
) -> None:
    """A lock tells in order: what showed before has no word, and is told first."""
    moves.shown(event(UNLOCKED))
    moves.named(event(LOCKED, Method.AUTOMATIC), shows=True)
    assert told == [(UNLOCKED, Method.UNKNOWN), (LOCKED, Method.AUTOMATIC)]


async def test_a_denial_ends_no_wait(moves: Moves, told: Told) -> None:
    moves.shown(event(UNLOCKED))
    moves.named(event(DENIED, Method.KEYPAD), shows=False)
    assert told == [(DENIED, Method.KEYPAD)]
    await asyncio.sleep(0.1)
    assert told[1:] == [(UNLOCKED, Method.UNKNOWN)]


async def test_it_came_true(moves: Moves, told: Told) -> None:
    """It is told at once, and once; what does not wait is not told."""
    moves.came_true(UNLOCKED)
    moves.shown(event(UNLOCKED), 5)
    moves.came_true(LOCKED)
    moves.came_true(UNLOCKED)
    moves.came_true(UNLOCKED)
    assert told == [(UNLOCKED, Method.UNKNOWN)]


async def test_it_came_to_nothing(moves: Moves, told: Told) -> None:
    moves.shown(event(UNLOCKED))
    moves.came_to_nothing()
    await asyncio.sleep(0.1)
    assert told == []
