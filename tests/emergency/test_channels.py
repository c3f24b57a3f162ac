"""The one contract, for each channel; and Home Assistant's own receiver."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from typing import Any

from homeassistant.core import Event, HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.smartlock_le.emergency.channels.dc09_frame import Protocol
from custom_components.smartlock_le.emergency.channels.dc09_link import Receiver
from custom_components.smartlock_le.emergency.channels.notify import Notice, Notify
from custom_components.smartlock_le.emergency.channels.webhook import Webhook
from custom_components.smartlock_le.emergency.models import Kind, Signal, Way, What
from harness.ports import HOST, free_port
from tests.conftest import until

from .channel_contract import ChannelContract
from .hook import Server, serving
from .receivers import PLAIN, centre, real
from .telephone import Telephone


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
    wanted = ["PA", "FA", "MA", "GA", "BA"]
    await until(lambda: got == wanted)
    states = [s.state for s in hass.states.async_all("alarm_control_panel")]
    assert "triggered" in states
    assert await hass.config_entries.async_unload(entry.entry_id)
