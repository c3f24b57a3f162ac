"""What every channel must do, whatever it goes to."""

from typing import Any, Protocol

import pytest

from custom_components.smartlock_le.emergency.channels.channel import (
    Channel,
    NotReached,
)
from tests.conftest import until


class Bench(Protocol):
    """A channel, and the other side of it."""

    channel: Channel[Any]

    def message(self, text: str) -> Any:
        """Return something to send."""

    def arrived(self) -> int:
        """Count what came to the other side."""

    async def away(self) -> None:
        """Let the other side be gone."""

    async def back(self) -> None:
        """Let it be there again."""


class ChannelContract:
    """Run against each of them."""

    async def test_sent_is_received(self, bench: Bench) -> None:
        assert bench.channel.health is None
        assert await bench.channel.send(bench.message("one"))
        await until(lambda: bench.arrived() == 1)
        assert bench.channel.health and bench.channel.health.ok

    async def test_a_look_tells_nobody(self, bench: Bench) -> None:
        health = await bench.channel.look()
        assert health.ok and health == bench.channel.health
        assert bench.arrived() == 0

    async def test_away_is_said_and_back_is_seen(self, bench: Bench) -> None:
        await bench.away()
        with pytest.raises(NotReached) as caught:
            await bench.channel.send(bench.message("secret"))
        health = bench.channel.health
        assert health and not health.ok and health.reason == caught.value.reason
        assert "secret" not in str((caught.value, health))
        assert not (await bench.channel.look()).ok
        await bench.back()
        assert (await bench.channel.look()).ok
        await bench.channel.send(bench.message("two"))
        await until(lambda: bench.arrived() == 1)
        assert bench.channel.health and bench.channel.health.ok
