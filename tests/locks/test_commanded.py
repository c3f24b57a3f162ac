"""Whose is which entry of the lock's log, where several asked for the same."""

from datetime import timedelta

import pytest

from custom_components.smartlock_le.locks.commanded import Commanded, CommandedList
from custom_components.smartlock_le.models import (
    AccessEvent,
    AccessKind,
    Actor,
    ActorKind,
    DoorCommand,
    Method,
    utc_now,
)

NOW = utc_now()


def asked(
    items: CommandedList,
    name: str,
    second: float,
    *,
    command: DoorCommand = DoorCommand.UNLOCK,
    lost: bool = False,
    over: bool = True,
) -> Commanded:
    """Let somebody ask at this second, for ten seconds."""
    item = items.begin(command, Actor(ActorKind.RESIDENT, name), "")
    item.begun = NOW + timedelta(seconds=second)
    assert item.ended is None
    if over:
        item.end()
        item.ended = item.begun + timedelta(seconds=10)
    item.unsure = lost
    return item


def told(
    second: float,
    event: AccessKind = AccessKind.UNLOCKED,
    *,
    ours: bool = True,
    clock: bool = True,
) -> AccessEvent:
    """Let the lock tell of something at this second."""
    time = NOW + timedelta(seconds=second)
    return AccessEvent(
        lock="lock",
        event=event,
        method=Method.APP,
        actor=Actor(ActorKind.CREDENTIAL, "us"),
        time=time,
        ours=ours,
        lock_time=time.isoformat() if clock else "",
    )


def names(items: CommandedList, *events: AccessEvent) -> list[str]:
    """Return whose they are."""
    return [event.actor.ref for event in items.whose(list(events))]


@pytest.mark.parametrize(
    ("alice_lost", "bob_lost", "moments", "whose"),
    [
        (False, False, [5, 25], ["alice", "bob"]),
        (True, False, [5, 25], ["alice", "bob"]),
        (True, False, [25], ["bob"]),
        # A clock that is a little off does not make a certain command a lost one.
        (True, False, [5], ["bob"]),
        (False, True, [25], ["alice"]),
        (True, True, [25], ["bob"]),
        (True, True, [5], ["alice"]),
        (False, False, [25], ["alice"]),
        (True, True, [5, 25, 45], ["alice", "bob", ""]),
    ],
)
def test_fewer_entries_than_commands(
    alice_lost: bool, bob_lost: bool, moments: list[float], whose: list[str]
) -> None:
    """A command that is known to be carried out has its entry; one that is not may."""
    items = CommandedList()
    asked(items, "alice", 0, lost=alice_lost)
    asked(items, "bob", 20, lost=bob_lost)
    assert names(items, *map(told, moments)) == whose
    assert len(items) == max(0, 2 - len(moments))


def test_one_that_runs() -> None:
    """What was lost before is not told of by what is happening now."""
    items = CommandedList()
    asked(items, "alice", 0, lost=True)
    bob = asked(items, "bob", 20, over=False)
    assert names(items, told(21)) == ["bob"]
    assert bob.told
    assert [item.actor.ref for item in items] == ["alice"]


def test_other_kinds() -> None:
    """Another kind is another's; a jam is the oldest's; a stranger is left alone."""
    items = CommandedList()
    alice = asked(items, "alice", 0)
    asked(items, "bob", 20, command=DoorCommand.LOCK)
    events = (
        told(21, ours=False),
        told(21, AccessKind.LOCKED),
        told(1, AccessKind.JAMMED),
        told(22, AccessKind.OPENED),
    )
    assert names(items, *events) == ["us", "bob", "alice", ""]
    assert not alice.told
    items.forget(alice)
    assert len(items) == 0


def test_without_a_time() -> None:
    """A lock that does not tell the time tells of the oldest first."""
    items = CommandedList()
    alice = asked(items, "alice", 0, lost=True)
    asked(items, "bob", 20)
    assert names(items, told(25, clock=False)) == ["alice"]
    items.forget(alice)
    assert len(items) == 1
