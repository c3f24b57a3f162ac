"""The Door Lock cluster's numbers in our words."""

import sys
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.smartlock_le.locks import zha_words as words
from custom_components.smartlock_le.locks.zha_cluster import (
    Limits,
    address,
    find,
    user_of,
)
from custom_components.smartlock_le.locks.zha_codes import count_numbers
from custom_components.smartlock_le.models import (
    HOME_ACTOR,
    UNKNOWN_ACTOR,
    AccessKind,
    Actor,
    ActorKind,
    Method,
    Refusal,
)


@pytest.mark.parametrize(
    ("source", "code", "user", "kind", "method", "actor", "code_id"),
    [
        (0, 2, 3, "unlocked", "keypad", Actor(ActorKind.CODE, "3", "LE x"), 3),
        (0, 5, None, "denied", "keypad", UNKNOWN_ACTOR, None),
        (1, 1, None, "locked", "unknown", UNKNOWN_ACTOR, None),
        (2, 9, None, "unlocked", "manual", UNKNOWN_ACTOR, None),
        (2, 10, None, "locked", "automatic", Actor(ActorKind.LOCK), None),
        (3, 2, 3, "unlocked", "unknown", Actor(ActorKind.CREDENTIAL, "3"), None),
        (255, 99, None, "unknown", "unknown", UNKNOWN_ACTOR, None),
    ],
)
def test_operations(
    source: int,
    code: int,
    user: int | None,
    kind: str,
    method: str,
    actor: Actor,
    code_id: int | None,
) -> None:
    event = words.operation("zha:1", source, code, user, "LE x" if user else "")
    assert (event.event, event.method) == (AccessKind(kind), Method(method))
    assert (event.actor, event.code_id) == (actor, code_id)
    assert event.code_name == ("LE x" if code_id else "")
    assert event.remote is (source == 1)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1, "unknown"),
        (2, "code_added"),
        (3, "code_removed"),
        (4, "code_added"),
        (5, "unknown"),
    ],
)
def test_programming(code: int, kind: str) -> None:
    event = words.programming("zha:1", 0, code, 7, "")
    assert (event.event.value, event.code_id) == (kind, 7)
    assert (event.method, event.actor) == (Method.KEYPAD, UNKNOWN_ACTOR)


def test_who_of_the_home() -> None:
    """A code that came over the air is who it was; else it is who asked."""
    event = words.operation("zha:1", 1, 2, None, "")
    assert words.by(event, HOME_ACTOR).actor is HOME_ACTOR
    event = words.operation("zha:1", 1, 2, 4, "")
    assert words.by(event, HOME_ACTOR) is event


def said(**args: Any) -> dict[str, Any]:
    """Make an event of ZHA."""
    return {"command": "operation_event_notification", "args": args}


def test_events_of_zha() -> None:
    """Its slots are numbers plus one, and 65536 is nobody; what is no such is none."""
    assert words.named(said(source="Keypad", operation="Unlock", code_slot=4)) == (
        0,
        2,
        3,
    )
    nobody = said(source="RF", operation="Lock", code_slot=65536)
    assert words.named(nobody) == (1, 1, None)
    assert words.named(said(code_slot=None)) == (-1, 0, None)
    assert words.named({"command": "other", "args": {}}) is None
    assert words.named({**nobody, "args": []}) is None
    assert user_of(0xFFFF) is user_of(0x10000) is None


def test_refusals() -> None:
    assert words.code_refusal(1) is words.refusal(1) is Refusal.OTHER
    assert words.code_refusal(2) is words.code_refusal(0x89) is Refusal.CODES_FULL
    assert words.code_refusal(3) is Refusal.CODE_EXISTS
    assert words.code_refusal(0x87) is Refusal.CODE_INVALID
    assert words.code_refusal(0x81) is words.refusal(0x81) is Refusal.NOT_SUPPORTED


@pytest.mark.parametrize(
    ("shortest", "longest", "digits"),
    [
        (4, 8, range(4, 9)),
        (6, 6, range(6, 7)),
        (0, 0, range(4, 9)),
        (9, 4, range(4, 9)),
        (4, 255, range(4, 33)),
    ],
)
def test_lengths(shortest: int, longest: int, digits: range) -> None:
    """What cannot be is not believed."""
    limits = {Limits.min_pin_len: shortest, Limits.max_pin_len: longest}
    assert words.lengths(limits) == digits
    assert words.lengths({}) == range(4, 9)


def test_address() -> None:
    assert address("zha:00:0d:6f:00:0a:bc:00:01-11-257") == (
        "00:0d:6f:00:0a:bc:00:01",
        11,
    )


async def test_no_zha_at_all(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It need not be installed: nothing of it is imported before it runs."""
    name = "homeassistant.components.zha.helpers"
    monkeypatch.delitem(sys.modules, name, raising=False)
    assert find(hass, "zha:00:0d-1-257") is None
    assert await count_numbers(hass, "zha:00:0d-1-257") is None
    assert name not in sys.modules
