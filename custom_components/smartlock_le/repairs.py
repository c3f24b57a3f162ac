"""Fixes that a person can start from Home Assistant's repairs."""

from typing import Any, cast, override

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.core import HomeAssistant
import voluptuous as vol

from .flows.pairing import PairingSteps
from .home import loaded_home


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


class GiveUp(RepairsFlow):
    """Forget a removed lock that cannot be cleaned."""

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Ask first."""
        return await self.async_step_confirm()

    async def async_step_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Destroy the keys."""
        data = cast("dict[str, str]", self.data)
        if user_input is None:
            return self.async_show_form(
                step_id="confirm",
                data_schema=vol.Schema({}),
                description_placeholders={"lock": data["name"]},
            )
        if (home := loaded_home(self.hass)) is None:
            return self.async_abort(reason="home_not_loaded")
        await home.roster.give_up(data["lock"])
        return self.async_create_entry(data={})


class Read(RepairsFlow):
    """Note that the owner read what changed in the guide."""

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Show it."""
        return await self.async_step_confirm()

    async def async_step_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Note it."""
        if (home := loaded_home(self.hass)) is None:
            return self.async_abort(reason="home_not_loaded")
        if user_input is None:
            return self.async_show_form(
                step_id="confirm",
                data_schema=vol.Schema({}),
                description_placeholders={"what": " ".join(home.guide_news)},
            )
        home.guide_read()
        return self.async_create_entry(data={})


async def async_create_fix_flow(
    hass: HomeAssistant,
    issue_id: str,
    data: dict[str, str | int | float | None] | None,
) -> RepairsFlow:
    """Return the fix of an issue."""
    if issue_id == "guide_news":
        return Read()
    return GiveUp() if issue_id.startswith("uncleaned") else PairAgain()
