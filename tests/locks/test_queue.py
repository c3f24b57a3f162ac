"""Whose turn it is: the door overtakes, and nobody who leaves wedges the rest."""

import asyncio

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.smartlock_le.locks.driver import Queue, Turn


class Line:
    """Tasks that want their turn, and the order in which they had it."""

    def __init__(self) -> None:
        """Start with an empty queue."""
        self.queue = Queue()
        self.had: list[str] = []
        self.holding = 0

    async def _want(self, turn: Turn, name: str, hold: asyncio.Event | None) -> None:
        async with self.queue.turn(turn):
            self.holding += 1
            assert self.holding == 1
            self.had.append(name)
            try:
                await (hold.wait() if hold else asyncio.sleep(0))
            finally:
                self.holding -= 1

    async def want(
        self, turn: Turn, name: str, hold: asyncio.Event | None = None
    ) -> asyncio.Task[None]:
        """Let somebody want a turn; `hold` until the event is set."""
        task = asyncio.create_task(self._want(turn, name, hold))
        await asyncio.sleep(0)
        return task


async def test_the_door_overtakes() -> None:
    """Door, then reading, then codes; each in the order they came."""
    line, held = Line(), asyncio.Event()
    tasks = [await line.want(Turn.CODES, "first", held)]
    for turn, name in (
        (Turn.CODES, "code 1"),
        (Turn.READ, "read"),
        (Turn.CODES, "code 2"),
        (Turn.DOOR, "door 1"),
        (Turn.DOOR, "door 2"),
    ):
        tasks.append(await line.want(turn, name))
    held.set()
    await asyncio.gather(*tasks)
    assert line.had == ["first", "door 1", "door 2", "read", "code 1", "code 2"]


@pytest.mark.parametrize("when", ["waiting", "holding", "called"])
async def test_cancelled(when: str) -> None:
    """Cancelled while waiting, while holding, or in the moment it was called."""
    line, held = Line(), asyncio.Event()
    first = await line.want(Turn.READ, "first", held)
    second = await line.want(Turn.DOOR, "second")
    third = await line.want(Turn.READ, "third")
    if when == "waiting":
        second.cancel()
        held.set()
    elif when == "holding":
        first.cancel()
    else:
        held.set()
        # The turn goes to the second one, who has not run yet.
        while line.queue._waiting and line.queue._waiting[0][0] is Turn.DOOR:
            await asyncio.sleep(0)
        second.cancel()
    await asyncio.gather(first, second, third, return_exceptions=True)
    assert "third" in line.had
    assert ("second" in line.had) is (when == "holding")
    await (await line.want(Turn.CODES, "after"))
    assert line.had[-1] == "after"


@given(
    wishes=st.lists(
        st.tuples(st.sampled_from(Turn), st.integers(0, 6), st.booleans()), max_size=8
    )
)
@settings(deadline=None, max_examples=60)
def test_never_wedged(wishes: list[tuple[Turn, int, bool]]) -> None:
    """Whoever is cancelled whenever: one at a time, and the last one has a turn."""

    async def run() -> None:
        line = Line()
        tasks = [
            (await line.want(turn, str(i)), after, cancelled)
            for i, (turn, after, cancelled) in enumerate(wishes)
        ]
        for step in range(7):
            for task, after, cancelled in tasks:
                if cancelled and after == step:
                    task.cancel()
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await asyncio.gather(
                *(task for task, _, _ in tasks), return_exceptions=True
            )
            await (await line.want(Turn.CODES, "last"))
        assert line.had[-1] == "last"
        stayed = {str(i) for i, wish in enumerate(wishes) if not wish[2]}
        assert stayed <= set(line.had)

    asyncio.run(run())
