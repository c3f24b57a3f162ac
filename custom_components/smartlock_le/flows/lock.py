"""Add a lock to the home, pair it again, or change its PIN."""

from typing import Any, override

from homeassistant.config_entries import (
    ConfigEntryState,
    ConfigSubentryFlow,
    SubentryFlowContext,
    SubentryFlowResult,
)
from homeassistant.const import CONF_ADDRESS
import voluptuous as vol

from .pairing import PairingSteps, found_locks


class LockFlow(
    PairingSteps[SubentryFlowContext, SubentryFlowResult, tuple[str, str]],
    ConfigSubentryFlow,
):
    """A lock of the home."""

    _again = False

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Choose among the locks in reach."""
        known = {s.unique_id for s in self._get_entry().subentries.values()}
        found = found_locks(self.hass, known)
        if not found:
            return self.async_abort(reason="no_lock_found")
        if user_input is not None and user_input[CONF_ADDRESS] in found:
            self.address = user_input[CONF_ADDRESS]
            self.lock_name = found[self.address]
            return await self.async_step_pair()
        return self.async_show_form(
            step_id="user",
            data_schema=vol.Schema({vol.Required(CONF_ADDRESS): vol.In(found)}),
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Pair again, or change the PIN."""
        subentry = self._get_reconfigure_subentry()
        self._again = True
        assert subentry.unique_id
        self.address, self.lock_name = subentry.unique_id, subentry.title
        return self.async_show_menu(
            step_id="reconfigure",
            menu_options=["pair", "change_pin"],
            description_placeholders={"name": self.lock_name},
        )

    async def async_step_change_pin(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Take a PIN under the pairing that we have."""
        return await self._change_pin()

    @override
    def _obstacle(self) -> str | None:
        entry = self._get_entry()
        if entry.state is not ConfigEntryState.LOADED:
            # A home that is starting has read its keys and may write over ours.
            return "home_not_loaded"
        known = {s.unique_id for s in entry.subentries.values()}
        if not self._again and self.address in known:
            return "already_configured"
        return None

    @override
    async def _paired(self) -> SubentryFlowResult:
        if reason := self._obstacle():
            return self.async_abort(reason=reason)
        await self._keep()
        if self._again:
            entry = self._get_entry()
            self.hass.config_entries.async_schedule_reload(entry.entry_id)
            return self.async_abort(reason="reconfigure_successful")
        self._drop_card()
        return self.async_create_entry(
            title=self.lock_name,
            data={CONF_ADDRESS: self.address},
            unique_id=self.address,
        )
