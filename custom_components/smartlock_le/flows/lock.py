"""Add a lock to the home, pair it again, or change its PIN."""

from typing import Any, override

from homeassistant.config_entries import (
    ConfigEntryState,
    ConfigSubentry,
    ConfigSubentryFlow,
    SubentryFlowContext,
    SubentryFlowResult,
)
from homeassistant.const import CONF_ADDRESS
from homeassistant.util.file import WriteError
import voluptuous as vol

from ..const import CONF_FAMILY
from ..locks.entities import Family, brought
from ..locks.keybook import KeyBookUnreadable, LockKeys
from .adding import beside, beside_schema, choices, numbers_in, wrong_numbers
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
        """Choose again how to stand beside a lock that another integration brought."""
        entry, subentry = self._get_entry(), self._get_reconfigure_subentry()
        errors: dict[str, str] = {}
        family = self._family(subentry)
        numbers = await self._numbers(family)
        if user_input is not None:
            self._answers = beside(user_input)
            errors = wrong_numbers(self._answers, numbers)
            if not errors:
                if reason := self._obstacle():
                    return self.async_abort(reason=reason)
                keys = numbers_in(self._answers)
                self.keys = LockKeys(self.lock_name, keys, family=family.value)
                try:
                    await self._keep()
                except WriteError:
                    errors["base"] = "not_saved"
                except KeyBookUnreadable:
                    errors["base"] = "keys_unreadable"
            if not errors:
                data = {**subentry.data, CONF_FAMILY: family.value, **self._answers}
                result = self.async_update_and_abort(entry, subentry, data=data)
                # Our lock comes and goes with a start of the home.
                self.hass.config_entries.async_schedule_reload(entry.entry_id)
                return result
        return self.async_show_form(
            step_id="numbered_lock" if numbers else "own_lock",
            data_schema=beside_schema(numbers, {**subentry.data, **self._answers}),
            errors=errors,
            description_placeholders={"name": self.lock_name},
        )

    async_step_numbered_lock = async_step_own_lock

    def _family(self, subentry: ConfigSubentry) -> Family:
        """Return the family of the lock: a better one may be had since it was added."""
        found = brought(self.hass, set()).get(self.address)
        return found.family if found else Family(subentry.data[CONF_FAMILY])

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
