"""What tests of links share: an address from outside, a page that asks as the browser does."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.smartlock_le.home import Home
from custom_components.smartlock_le.models import HOME_ACTOR
from custom_components.smartlock_le.responder_keeping import PATH
from custom_components.smartlock_le.responders.sheet import Sheet
from tests.conftest import LOCK
from tests.support import act

OUTSIDE = "https://home.example.org"
LINK: dict[str, Any] = {"agency": "Engine 7", "reason": "smoke", "locks": [LOCK]}
SHEET = Sheet(
    address="12 Elm Street\nSpringfield",
    finding="Second staircase, third floor",
    people="Two adults, Ada is deaf",
    hazards="Oxygen in the bedroom",
    otherwise="The neighbour at 14 has a key",
)


class Page:
    """Asks as the script of the page does."""

    def __init__(self, client: TestClient[Any, Any], answer: dict[str, Any]) -> None:
        """Take what making the link gave."""
        self._client = client
        self.id: str = answer["link"]
        self.code: str = answer.get("code", "")
        self.address: str = answer["address"]
        self.token = self.address.partition("#")[2]
        self.visit = ""

    async def ask(self, do: str, **more: Any) -> ClientResponse:
        """Ask, and give the answer."""
        said = {"token": self.token, "visit": self.visit, "do": do, **more}
        return await self._client.post(PATH, json=said)

    async def look(self) -> dict[str, Any]:
        """Look, which must be well."""
        answer = await self.ask("look")
        assert answer.status == 200, await answer.text()
        told: dict[str, Any] = await answer.json()
        self.visit = told["visit"]
        return told

    async def confirmed(self) -> dict[str, Any]:
        """Look and say the code, which must be well."""
        await self.look()
        answer = await self.ask("confirm", code=self.code)
        assert answer.status == 200, await answer.text()
        told: dict[str, Any] = await answer.json()
        return told

    async def says(self, do: str, **more: Any) -> tuple[int, str]:
        """Ask; return the status, and what the answer says is wrong."""
        answer = await self.ask(do, **more)
        if answer.content_type != "application/json":
            return answer.status, ""
        return answer.status, (await answer.json()).get("error", "")


type MakePage = Callable[..., Awaitable[Page]]


@pytest.fixture
async def outside(hass: HomeAssistant) -> str:
    """Have an address that works from outside."""
    await hass.config.async_update(external_url=OUTSIDE)
    return OUTSIDE


@pytest.fixture
async def page(
    hass: HomeAssistant,
    outside: str,
    home: Home,
    hass_client_no_auth: ClientSessionGenerator,
) -> MakePage:
    """Give what makes a link, and looks at its page."""
    await home.responders.write(SHEET, HOME_ACTOR)
    client = await hass_client_no_auth()

    async def make(**more: Any) -> Page:
        answer = await act(hass, "make_responder_link", {**LINK, **more})
        return Page(client, answer)

    return make
