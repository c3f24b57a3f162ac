"""Home Assistant is killed at each step of a grant and of its end.

Afterwards no code of ours is on the lock without an open grant, nothing that was
acknowledged is missing in the log, and the codes of others are as they were.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from harness.hass import eventually

from .portal import Portal
from .story import Story
from .world import FOREIGN_CODE, FOREIGN_NAME, Entry, World

# The messages that set and remove a code, and where in the talk each stands.
ADD, REMOVE = "add_keypad_code", "remove_keypad_code"
_LATE = 60.0


type Act = Callable[[], Awaitable[Any]]


class Talk:
    """What goes between Home Assistant and the lock during one action."""

    def __init__(self, messages: list[dict[str, Any]], effect: str) -> None:
        """Take the messages of an action that was not disturbed."""
        sent = [m["name"] for m in messages if m["direction"] == "to_lock"]
        # Counted from 1: the message with the effect, and the answer to it.
        self.effect = sent.index(effect) + 1
        before = messages[: [m["name"] for m in messages].index(effect)]
        self.answer = 1 + sum(m["direction"] == "from_lock" for m in before)


async def talk(world: World, act: Act, effect: str) -> Talk:
    """Run an action undisturbed and listen."""
    await world.quiet()
    await act()
    return Talk((await world.home("messages"))["messages"], effect)


@pytest.fixture(scope="module")
def talks(portal: Portal, world: World, story: Story) -> dict[str, Talk]:
    """Return how a grant and its end go when nothing happens."""

    async def listen() -> dict[str, Talk]:
        granting = await talk(world, world.grant, ADD)
        (grant,) = await world.grants()
        ending = await talk(
            world, lambda: world.ask("revoke_grant", grant=grant), REMOVE
        )
        return {ADD: granting, REMOVE: ending}

    return portal(listen())


async def killed(
    world: World, act: Act, direction: str = "", number: int = 0
) -> list[Entry]:
    """Kill Home Assistant while a message is on its way, or after the action's answer.

    Returns what was in the log before the action.
    """
    await world.quiet()
    before = await world.entries()
    await world.home("messages")
    if not direction:
        await act()
        await world.kill()
        return before
    await world.home("lose", direction=direction, n=number, delay=_LATE)
    acting = asyncio.ensure_future(act())

    async def on_its_way() -> bool:
        messages = (await world.home("messages"))["messages"]
        return any(message["fate"] == "delayed" for message in messages)

    await eventually(on_its_way, "the message is on its way", 30)
    await world.kill()
    await asyncio.gather(acting, return_exceptions=True)
    return before


async def settled(world: World, grants: int) -> None:
    """Wait until the lock holds as many codes of ours as there are open grants."""

    async def look() -> bool:
        return len(await world.our_codes()) == len(await world.grants()) == grants

    await eventually(look, f"{grants} grants, and as many codes", 60)


async def judge(world: World, before: list[Entry], grants: int) -> list[str]:
    """Start again and check what must always hold; return the story of the last grant."""
    await world.restart()
    await settled(world, grants)
    assert (await world.codes()).get(FOREIGN_CODE) == FOREIGN_NAME
    after = await world.entries()
    assert after[: len(before)] == before
    assert (await world.ask("verify_log"))["ok"]
    events = [entry for entry in after if entry["kind"] == "grant"]
    last = events[-1]["grant"]
    return [f"{e['event']} {e['detail']}".strip() for e in events if e["grant"] == last]


@pytest.mark.parametrize(
    ("direction", "number"),
    [("to_lock", lambda _: 1), ("to_lock", lambda t: t.effect)],
    ids=["after the intent", "before the code reaches the lock"],
)
def test_no_code_yet(
    portal: Portal,
    world: World,
    talks: dict[str, Talk],
    direction: str,
    number: Callable[[Talk], int],
) -> None:
    """The intent is on record, the lock holds nothing: the grant is over."""

    async def run() -> None:
        before = await killed(world, world.grant, direction, number(talks[ADD]))
        assert await world.our_codes() == set()
        events = await judge(world, before, 0)
        assert events[0] == "opening"
        assert events[1:] == ["ending interrupted", "ended interrupted"]

    portal(run())


def test_code_on_the_lock_but_shown_to_nobody(
    portal: Portal, world: World, talks: dict[str, Talk]
) -> None:
    """A code that nobody was told comes off the lock."""

    async def run() -> None:
        before = await killed(world, world.grant, "from_lock", talks[ADD].answer)
        (code,) = await world.our_codes()
        events = await judge(world, before, 0)
        assert events == ["opening", "ending interrupted", "ended interrupted"]
        assert not (await world.home("press", code=code))["opened"]

    portal(run())


def test_grant_acknowledged(portal: Portal, world: World) -> None:
    """A code that was shown stays good for its time, and can be ended."""

    async def run() -> None:
        answer: dict[str, Any] = {}

        async def act() -> None:
            answer.update(await world.grant())

        before = await killed(world, act)
        events = await judge(world, before, 1)
        assert events == ["opening", "opened"]
        assert await world.grants() == [answer["grant"]]
        assert await world.our_codes() == {answer["code"]}
        assert (await world.home("press", code=answer["code"]))["opened"]
        await world.logged(kind="grant", grant=answer["grant"], event="used")
        ended = await world.ask("revoke_grant", grant=answer["grant"])
        assert ended == {"code_removed": True}
        await settled(world, 0)

    portal(run())


async def open_grant(world: World) -> Act:
    """Open a grant; return what ends it."""
    grant = (await world.grant())["grant"]
    return lambda: world.ask("revoke_grant", grant=grant)


def test_end_before_the_lock_knows(
    portal: Portal, world: World, talks: dict[str, Talk]
) -> None:
    """An end that was begun is finished."""

    async def run() -> None:
        revoke = await open_grant(world)
        number = talks[REMOVE].effect
        before = await killed(world, revoke, "to_lock", number)
        assert len(await world.our_codes()) == 1
        events = await judge(world, before, 0)
        assert events[:3] == ["opening", "opened", "ending revoked"]
        assert events[3].startswith("ended")

    portal(run())


def test_end_before_the_answer(
    portal: Portal, world: World, talks: dict[str, Talk]
) -> None:
    """A code that is off the lock already is no trouble."""

    async def run() -> None:
        revoke = await open_grant(world)
        number = talks[REMOVE].answer
        before = await killed(world, revoke, "from_lock", number)
        assert await world.our_codes() == set()
        events = await judge(world, before, 0)
        assert events[:3] == ["opening", "opened", "ending revoked"]
        assert events[3].startswith("ended")

    portal(run())


def test_end_acknowledged(portal: Portal, world: World, story: Story) -> None:
    """An end that was acknowledged stays one."""

    async def run() -> None:
        before = await killed(world, await open_grant(world))
        events = await judge(world, before, 0)
        assert events == ["opening", "opened", "ending revoked", "ended revoked"]

    portal(run())
