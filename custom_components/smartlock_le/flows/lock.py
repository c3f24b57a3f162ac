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

from ..const import CONF_FAMILY, CONF_OWN_LOCK
from .adding import choices, own_lock_schema
from .pairing import PairingSteps


class LockFlow(
    PairingSteps[SubentryFlowContext, SubentryFlowResult, tuple[str, str]],
    ConfigSubentryFlow,
):
    """A lock of the home."""

    _again = False

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Choose among the locks in reach, and those that Home Assistant has already."""
        known = {s.unique_id for s in self._get_entry().subentries.values()}
        found = await choices(self.hass, known)
        if not found:
            return self.async_abort(reason="no_lock_found")
        if user_input is not None and user_input[CONF_ADDRESS] in found:
            if self._take(user_input[CONF_ADDRESS]):
                return await self.async_step_attach()
            return await self.async_step_pair()
        return self.async_show_form(
            step_id="user",
            data_schema=vol.Schema({vol.Required(CONF_ADDRESS): vol.In(found)}),
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Pair again, or change the PIN; or choose again how to stand beside a lock."""
        subentry = self._get_reconfigure_subentry()
        self._again = True
        assert subentry.unique_id
        self.address, self.lock_name = subentry.unique_id, subentry.title
        if CONF_FAMILY in subentry.data:
            return await self.async_step_own_lock()
        return self.async_show_menu(
            step_id="reconfigure",
            menu_options=["pair", "change_pin"],
            description_placeholders={"name": self.lock_name},
        )

    async def async_step_own_lock(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Let a lock of ours stand in the place of the other, or no more."""
        entry, subentry = self._get_entry(), self._get_reconfigure_subentry()
        if user_input is not None:
            result = self.async_update_and_abort(
                entry, subentry, data={**subentry.data, **user_input}
            )
            # Our lock comes and goes with a start of the home.
            self.hass.config_entries.async_schedule_reload(entry.entry_id)
            return result
        return self.async_show_form(
            step_id="own_lock",
            data_schema=own_lock_schema(subentry.data.get(CONF_OWN_LOCK, False)),
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
    async def _complete(self) -> SubentryFlowResult:
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
            data=self._data,
            unique_id=self.address,
        )
