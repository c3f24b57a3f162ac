"""Fixes that a person can start from Home Assistant's repairs."""

from abc import abstractmethod
from typing import Any, cast, override

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.core import HomeAssistant
import voluptuous as vol

from .flows.pairing import PairingSteps
from .home import Home, loaded_home


class PairAgain(PairingSteps[Any, RepairsFlowResult, str], RepairsFlow):
    """The steps of the lock's reconfigure, for a lock that no longer lets us in."""

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Begin with the pairing, or with the PIN where only that is wrong."""
        data = cast("dict[str, str]", self.data)
        self.address, self.lock_name = data["lock"], data["name"]
        if self.issue_id.startswith("pin_wrong"):
            return await self._change_pin()
        return await self.async_step_pair()

    @override
    async def _complete(self) -> RepairsFlowResult:
        await self._keep()
        if home := loaded_home(self.hass):
            self.hass.config_entries.async_schedule_reload(home.entry.entry_id)
        return self.async_create_entry(data={})


class Confirmed(RepairsFlow):
    """Shows what an issue carries, and does something once it is confirmed."""

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Ask first."""
        return await self.async_step_confirm()

    async def async_step_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Do it."""
        data = cast("dict[str, str]", self.data)
        if user_input is None:
            return self.async_show_form(
                step_id="confirm",
                data_schema=vol.Schema({}),
                description_placeholders=data,
            )
        if (home := loaded_home(self.hass)) is None:
            return self.async_abort(reason="home_not_loaded")
        await self._do(home)
        return self.async_create_entry(data={})

    @abstractmethod
    async def _do(self, home: Home) -> None:
        """Do what was confirmed."""


class GiveUp(Confirmed):
    """Forget a removed lock that cannot be cleaned: destroy its keys."""

    @override
    async def _do(self, home: Home) -> None:
        await home.roster.give_up(cast("dict[str, str]", self.data)["lock"])


class Read(Confirmed):
    """Note that the owner read what changed in the guide."""

    @override
    async def _do(self, home: Home) -> None:
        home.guide_read()


async def async_create_fix_flow(
    hass: HomeAssistant,
    issue_id: str,
    data: dict[str, str | int | float | None] | None,
) -> RepairsFlow:
    """Return the fix of an issue."""
    if issue_id == "guide_news":
        return Read()
    return GiveUp() if issue_id.startswith("uncleaned") else PairAgain()
