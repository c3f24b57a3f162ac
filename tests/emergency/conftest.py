"""What tests of distress share: telephones, a monitoring centre, a home that uses both."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    WebSocketGenerator,
)

from custom_components.smartlock_le.emergency.pin import hash_pin
from custom_components.smartlock_le.emergency.settings import (
    CentreSettings,
    Contact,
    Settings,
)
from custom_components.smartlock_le.home import Home
from custom_components.smartlock_le.models import HOME_ACTOR
from harness.ports import HOST

from .hook import Server, serving
from .push import PushService, pushing
from .receivers import PLAIN, Real, real
from .telephone import Telephone

PIN = "4711"
HASHED = hash_pin(PIN)
TESTED = datetime(2026, 1, 1, tzinfo=UTC).isoformat()


@pytest.fixture
async def telephones(
    hass: HomeAssistant,
    socket_enabled: None,
    hass_client: ClientSessionGenerator,
    hass_ws_client: WebSocketGenerator,
) -> AsyncGenerator[Callable[[str], Awaitable[Telephone]]]:
    """Give what connects the telephone of somebody."""
    phones: list[Telephone] = []

    async def connect(name: str) -> Telephone:
        phone = await Telephone.start(hass, hass_client, hass_ws_client, name)
        phones.append(phone)
        return phone

    yield connect
    for phone in phones:
        await phone.stop()


@pytest.fixture
async def anna(telephones: Callable[[str], Awaitable[Telephone]]) -> Telephone:
    """Give the telephone of the first contact."""
    return await telephones("anna")


@pytest.fixture
async def bert(telephones: Callable[[str], Awaitable[Telephone]]) -> Telephone:
    """Give the telephone of the second contact."""
    return await telephones("bert")


@pytest.fixture
async def service(socket_enabled: None) -> AsyncGenerator[PushService]:
    """Run a push service."""
    async with pushing(PushService()) as service:
        yield service


@pytest.fixture
async def cara(
    hass: HomeAssistant,
    service: PushService,
    hass_client: ClientSessionGenerator,
    hass_ws_client: WebSocketGenerator,
) -> Telephone:
    """Give the telephone of somebody who can be told in silence."""
    return await Telephone.start(hass, hass_client, hass_ws_client, "cara", service)


@pytest.fixture
async def receiver(socket_enabled: None) -> AsyncGenerator[Real]:
    """Run a monitoring centre."""
    async with real() as receiver:
        yield receiver


@pytest.fixture
async def desk(socket_enabled: None) -> AsyncGenerator[Server]:
    """Run a server that takes webhooks: that of an agency, or of the owner."""
    async with serving(Server()) as server:
        yield server


@pytest.fixture
async def assist(hass: HomeAssistant) -> None:
    """Have Assist, before the home starts."""
    assert await async_setup_component(hass, "homeassistant", {})
    assert await async_setup_component(hass, "conversation", {})


def contact(phone: Telephone) -> Contact:
    """Return a contact who passed the test."""
    return Contact(
        id=phone.name, name=phone.name.title(), target=phone.target, tested=TESTED
    )


def centre_at(port: int) -> CentreSettings:
    """Return the contract with a centre."""
    return CentreSettings(account=PLAIN, host=HOST, port=port)


async def decide(home: Home, **decided: Any) -> None:
    """Change what was decided."""
    await home.emergency.change(lambda now: replace(now, **decided), "test", HOME_ACTOR)


@pytest.fixture
async def ready(home: Home, anna: Telephone, receiver: Real) -> Home:
    """Give a home with one contact and a centre, and a second to take it back."""
    decided = Settings(
        contacts=(contact(anna),),
        window=1,
        pause=0,
        languages=("en", "de"),
        pin=HASHED,
        centre=centre_at(receiver.port),
    )
    await home.emergency.change(lambda _: decided, "test", HOME_ACTOR)
    return home
