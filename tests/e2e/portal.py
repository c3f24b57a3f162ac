"""An event loop in a thread: it lives as long as the session, whatever a test does."""

import asyncio
from collections.abc import Coroutine
import threading
from typing import Any

import pytest_socket


class Portal:
    """Runs coroutines for tests that are not asynchronous themselves."""

    def __init__(self) -> None:
        """Start the loop."""
        pytest_socket.enable_socket()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def __call__[T](self, work: Coroutine[Any, Any, T], timeout: float = 180.0) -> T:
        """Run to the end; return what it gives."""
        # The harness of the other tests forbids sockets anew before each test;
        # connections to other hosts than this one stay forbidden.
        pytest_socket.enable_socket()
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)

    def close(self) -> None:
        """End the loop."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
