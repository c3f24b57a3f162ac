"""The one contract, for each channel; and Home Assistant's own receiver."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from typing import Any

from homeassistant.core import Event, HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.smartlock_le.emergency.channels import asking, noonlight
from custom_components.smartlock_le.emergency.channels.app_push import AppPush
from custom_components.smartlock_le.emergency.channels.channel import (
    ChannelError,
    NotReached,
    NotTaken,
)
from custom_components.smartlock_le.emergency.channels.dc09_frame import Protocol
from custom_components.smartlock_le.emergency.channels.dc09_link import Receiver
from custom_components.smartlock_le.emergency.channels.notify import Notice, Notify
from custom_components.smartlock_le.emergency.channels.webhook import Webhook
from custom_components.smartlock_le.emergency.models import Kind, Signal, Way, What
from harness.ports import HOST, free_port
from tests.conftest import until

from .channel_contract import ChannelContract
from .dispatch import Dispatch, dispatching
from .hook import Server, serving
from .push import PushService
from .receivers import PLAIN, centre, real
from .telephone import Telephone
from .test_noonlight import contract


class CentreBench:
    """SIA DC-09, and the receiver of pysiaalarm."""

    def __init__(self) -> None:
        """Not running yet."""
        self._port = free_port()
        self._stack = AsyncExitStack()
        self._codes: list[str] = []
        self.channel = centre(Receiver(HOST, self._port))

    def message(self, text: str) -> Signal:
        return Signal(kind=Kind.FIRE, what=What.ALARM, incident=text)

    def arrived(self) -> int:
        return len(self._real.codes)

    async def away(self) -> None:
        await self._stack.aclose()

    async def back(self) -> None:
        self._real = await self._stack.enter_async_context(real(port=self._port))


class PersonBench:
    """A notify action, and the telephone at its end."""

    def __init__(self, hass: HomeAssistant, phone: Telephone) -> None:
        """Take both."""
        self._hass, self._phone = hass, phone
        self._name = phone.target.partition(".")[2]
        self._action = hass.services.async_services_for_domain("notify")[self._name]
        self.channel = Notify(hass, phone.target)

    def message(self, text: str) -> Notice:
        return Notice(title="Test", message=text)

    def arrived(self) -> int:
        return len(self._phone.heard)

    async def away(self) -> None:
        self._hass.services.async_remove("notify", self._name)

    async def back(self) -> None:
        self._hass.services.async_register(
            "notify", self._name, self._action.job.target, self._action.schema
        )


class ServerBench:
    """A webhook, and a server that checks its signature."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Not running yet."""
        self._server = Server()
        self._stack = AsyncExitStack()
        self.channel = Webhook(hass, self._server.settings().build("home"))

    def message(self, text: str) -> Signal:
        return Signal(kind=Kind.FIRE, what=What.ALARM, incident=text, way=Way.WEBHOOK)

    def arrived(self) -> int:
        return len(self._server.got)

    async def away(self) -> None:
        await self._stack.aclose()

    async def back(self) -> None:
        await self._stack.enter_async_context(serving(self._server))


class NoonlightBench:
    """Noonlight, and a server that takes what its published interface takes."""

    def __init__(self, hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
        """Not running yet."""
        self._dispatch = Dispatch()
        self._stack = AsyncExitStack()
        monkeypatch.setattr(noonlight, "SANDBOX", self._dispatch.url)
        self.channel = noonlight.Noonlight(hass, contract().build())

    def message(self, text: str) -> Signal:
        return Signal(kind=Kind.FIRE, what=What.ALARM, incident=text, way=Way.NOONLIGHT)

    def arrived(self) -> int:
        return len(self._dispatch.alarms)

    async def away(self) -> None:
        await self._stack.aclose()

    async def back(self) -> None:
        await self._stack.enter_async_context(dispatching(self._dispatch))


@pytest.mark.usefixtures("socket_enabled")
class TestNoonlight(ChannelContract):
    """Noonlight."""

    @pytest.fixture
    async def bench(
        self, hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
    ) -> AsyncGenerator[NoonlightBench]:
        """Give it, running."""
        bench = NoonlightBench(hass, monkeypatch)
        await bench.back()
        yield bench
        await bench.away()


class SilentBench:
    """A telephone that is told in silence, and the push service on the way."""

    def __init__(self, hass: HomeAssistant, phone: Telephone) -> None:
        """Take the telephone."""
        self._hass, self._phone = hass, phone
        (self._app,) = hass.config_entries.async_entries("mobile_app")
        self.channel = AppPush(hass, phone.target)

    def message(self, text: str) -> Notice:
        return Notice(title="Test", message=text)

    def arrived(self) -> int:
        return len(self._phone.heard)

    async def away(self) -> None:
        """Let the app say that it takes no push messages any more."""
        self._said = self._app.data
        self._hass.config_entries.async_update_entry(
            self._app, data={**self._said, "app_data": {}}
        )

    async def back(self) -> None:
        self._hass.config_entries.async_update_entry(self._app, data=self._said)


@pytest.mark.usefixtures("socket_enabled")
class TestServer(ChannelContract):
    """A server."""

    @pytest.fixture
    async def bench(self, hass: HomeAssistant) -> AsyncGenerator[ServerBench]:
        """Give it, running."""
        bench = ServerBench(hass)
        await bench.back()
        yield bench
        await bench.away()


@pytest.mark.usefixtures("socket_enabled")
class TestCentre(ChannelContract):
    """A monitoring centre."""

    @pytest.fixture
    async def bench(self) -> AsyncGenerator[CentreBench]:
        """Give it, running."""
        bench = CentreBench()
        await bench.back()
        yield bench
        await bench.away()


class TestPerson(ChannelContract):
    """A person."""

    @pytest.fixture
    def bench(self, hass: HomeAssistant, anna: Telephone) -> PersonBench:
        """Give it."""
        bench = PersonBench(hass, anna)
        arrived = bench.arrived
        assert arrived() == 0
        return bench


class TestSilent(ChannelContract):
    """A person, with no trace."""

    @pytest.fixture
    def bench(self, hass: HomeAssistant, cara: Telephone) -> SilentBench:
        """Give it."""
        return SilentBench(hass, cara)


@pytest.mark.parametrize(
    ("status", "slow", "error", "reason"),
    [
        (429, 0.0, NotTaken, "refused"),
        (500, 0.0, NotTaken, "in_trouble"),
        (201, 0.5, NotReached, "no_answer"),
    ],
)
async def test_a_push_service_that_does_not(
    hass: HomeAssistant,
    service: PushService,
    cara: Telephone,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    slow: float,
    error: type[ChannelError],
    reason: str,
) -> None:
    monkeypatch.setattr(asking, "TIMEOUT", 0.1)
    service.status, service.slow = status, slow
    channel = AppPush(hass, cara.target)
    with pytest.raises(error) as caught:
        await channel.send(Notice(title="Test", message="secret"))
    assert caught.value.reason == reason and channel.health is not None
    assert not channel.health.ok and "secret" not in str(caught.value)
    # Its server goes on, although nobody waits for it.
    await asyncio.sleep(slow)


async def test_by_the_entity_of_the_app(hass: HomeAssistant, cara: Telephone) -> None:
    """A contact may be the entity; it shows no time of a message that it never had."""
    (state,) = hass.states.async_all("notify")
    await AppPush(hass, state.entity_id).send(Notice(title="Test", message="Hello"))
    assert cara.heard[0]["message"] == "Hello"
    await hass.async_block_till_done()
    assert hass.states.get(state.entity_id) == state
    assert not (await AppPush(hass, "notify.nobody").look()).ok


@pytest.mark.parametrize("key", ["", "0123456789ABCDEF"])
@pytest.mark.parametrize("protocol", list(Protocol))
async def test_home_assistants_own_receiver(
    hass: HomeAssistant, socket_enabled: None, key: str, protocol: Protocol
) -> None:
    """Its integration `sia` shows an alarm, and fires what it got."""
    port = free_port()
    account: dict[str, Any] = {
        "account": PLAIN,
        "encryption_key": key or None,
        "ping_interval": 1,
        "zones": 5,
        "ignore_timestamps": False,
    }
    entry = MockConfigEntry(
        domain="sia",
        data={"port": port, "protocol": "TCP", "accounts": [account]},
        options={"accounts": {PLAIN: {"ignore_timestamps": False, "zones": 5}}},
    )
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    got: list[str] = []

    def received(event: Event) -> None:
        got.append(event.data["code"])

    hass.bus.async_listen(f"sia_event_{port}_{PLAIN}", received)
    ours = centre(Receiver(HOST, port), protocol=protocol, key=key.encode())
    for kind in Kind:
        await ours.send(Signal(kind=kind, what=What.ALARM))
    wanted = ["PA", "FA", "MA", "GA", "BA", "HA", "HA"]
    await until(lambda: got == wanted)
    states = [s.state for s in hass.states.async_all("alarm_control_panel")]
    assert "triggered" in states
    assert await hass.config_entries.async_unload(entry.entry_id)
