"""A change that goes on to its end when whoever asked for it is gone."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, Protocol

type Spawn = Callable[[Coroutine[Any, Any, Any], str], asyncio.Task[Any]]
"""Starts a task that ends with the home."""


class Spawning(Protocol):
    """Has what starts its tasks."""

    @property
    def spawn(self) -> Spawn:
        """Start one."""


def whole[S: Spawning, **P, T](
    change: Callable[Concatenate[S, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, T]]:
    """Let a change go on to its end when whoever asked for it is gone."""

    @wraps(change)
    async def run(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        task = self.spawn(change(self, *args, **kwargs), change.__name__)
        done: T = await asyncio.shield(task)
        return done

    return run
