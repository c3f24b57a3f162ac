"""Who wants to know of something."""

import asyncio
from collections.abc import Callable


class Listeners[*Args]:
    """Who wants to know; each is called soon, on its own: one that fails stops no other."""

    def __init__(self) -> None:
        """Start with nobody."""
        self._listeners: dict[object, Callable[[*Args], None]] = {}

    def add(self, listener: Callable[[*Args], None]) -> Callable[[], None]:
        """Have `listener` called; returns what ends that."""
        token = object()
        self._listeners[token] = listener

        def remove() -> None:
            self._listeners.pop(token, None)

        return remove

    def tell(self, *args: *Args) -> None:
        """Call them."""
        loop = asyncio.get_running_loop()
        for token in self._listeners:
            loop.call_soon(self._call, token, *args)

    def _call(self, token: object, *args: *Args) -> None:
        """Call a listener that still listens."""
        if listener := self._listeners.get(token):
            listener(*args)
