"""One home; each lock and camera a subentry. A lock that is found joins the home, or founds it."""

from types import MappingProxyType
from typing import Any, override

from homeassistant.components.bluetooth import BluetoothServiceInfoBleak
from homeassistant.config_entries import (
    ConfigEntry,
    ConfigEntryState,
    ConfigFlow,
    ConfigFlowContext,
    ConfigFlowResult,
    ConfigSubentry,
    ConfigSubentryData,
    ConfigSubentryFlow,
    OptionsFlow,
)
from homeassistant.const import CONF_ADDRESS
from homeassistant.core import callback
from homeassistant.helpers.selector import BooleanSelector
import voluptuous as vol

from . import actors
from .const import CONF_SHARING, DOMAIN, SUBENTRY_CAMERA, SUBENTRY_LOCK
from .flows.adding import choices
from .flows.camera import CameraFlow
from .flows.lock import LockFlow
from .flows.options import HomeOptions
from .flows.pairing import PairingSteps
from .home import Home
from .locks.nuki.driver import is_nuki
from .locks.nuki.product import advertised
from .log import LogUnavailable


class HomeFlow(
    PairingSteps[ConfigFlowContext, ConfigFlowResult, str], ConfigFlow, domain=DOMAIN
):
    """Make the home, with or without its first lock."""

    VERSION = 1
    address = ""
    _sharing = False

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(
        cls, config_entry: ConfigEntry
    ) -> dict[str, type[ConfigSubentryFlow]]:
        """Return what can be added to a home."""
        return {SUBENTRY_CAMERA: CameraFlow, SUBENTRY_LOCK: LockFlow}

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> OptionsFlow:
        """Return the home's menu."""
        return HomeOptions()

    def _home(self) -> ConfigEntry | None:
        return next(iter(self._async_current_entries(include_ignore=False)), None)

    @override
    async def async_step_bluetooth(
        self, discovery_info: BluetoothServiceInfoBleak
    ) -> ConfigFlowResult:
        """Take up a lock that is in reach."""
        # The flow bears the address while its card is open, so that it can be ignored;
        # the home never does.
        await self.async_set_unique_id(discovery_info.address)
        self._abort_if_unique_id_configured()
        if not is_nuki(discovery_info):
            return self._unsupported(advertised(discovery_info) or discovery_info.name)
        self.address, self.lock_name = discovery_info.address, discovery_info.name
        self.context["title_placeholders"] = {"name": self.lock_name}
        home = self._home()
        if home is None:
            return await self.async_step_user()
        if self.address in {s.unique_id for s in home.subentries.values()}:
            return self.async_abort(reason="already_configured")
        return await self.async_step_pair()

    @override
    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Say what this is, first of all that nothing is shared."""
        if self._home():
            if self.address:
                # Another card made the home meanwhile: this lock joins it.
                return await self.async_step_pair()
            return self.async_abort(reason="one_home")
        if user_input is not None:
            return await self.async_step_sharing()
        return self.async_show_form(step_id="user", data_schema=vol.Schema({}))

    async def async_step_sharing(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Sharing with law enforcement: no, unless the owner says yes."""
        if user_input is not None:
            self._sharing = user_input[CONF_SHARING]
            if self.address:
                return await self.async_step_pair()
            return await self.async_step_lock()
        return self.async_show_form(
            step_id="sharing", data_schema=_sharing_schema(False)
        )

    async def async_step_lock(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose among the locks in reach or in Home Assistant already, or none yet."""
        found = await choices(self.hass, set())
        if not found:
            return await self.async_step_no_lock()
        if user_input is not None:
            if (address := user_input.get(CONF_ADDRESS)) is None:
                return await self.async_step_later()
            if address in found:
                if self._take(address):
                    return await self.async_step_attach()
                return await self.async_step_pair()
        return self.async_show_form(
            step_id="lock",
            data_schema=vol.Schema({vol.Optional(CONF_ADDRESS): vol.In(found)}),
        )

    async def async_step_no_lock(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Look again, or go on without."""
        return self.async_show_menu(step_id="no_lock", menu_options=["lock", "later"])

    async def async_step_later(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Make the home without a lock."""
        return await self._create_home([])

    async def _create_home(
        self, subentries: list[ConfigSubentryData]
    ) -> ConfigFlowResult:
        await self.async_set_unique_id(DOMAIN, raise_on_progress=False)
        self._abort_if_unique_id_configured(error="one_home")
        return self.async_create_entry(
            title=self.hass.config.location_name,
            data={CONF_SHARING: self._sharing},
            subentries=subentries,
        )

    @override
    def _obstacle(self) -> str | None:
        # Looked up each time: another card may have made the home meanwhile.
        if (home := self._home()) is None:
            return None
        if home.state is not ConfigEntryState.LOADED:
            return "home_not_loaded"
        known = {s.unique_id for s in home.subentries.values()}
        return "already_configured" if self.address in known else None

    @override
    async def _complete(self) -> ConfigFlowResult:
        if reason := self._obstacle():
            return self.async_abort(reason=reason)
        home = self._home()
        await self._keep()
        self._drop_card()
        data = self._data
        if home is None:
            lock = ConfigSubentryData(
                data=data,
                subentry_type=SUBENTRY_LOCK,
                title=self.lock_name,
                unique_id=self.address,
            )
            return await self._create_home([lock])
        self.hass.config_entries.async_add_subentry(
            home,
            ConfigSubentry(
                data=MappingProxyType(data),
                subentry_type=SUBENTRY_LOCK,
                title=self.lock_name,
                unique_id=self.address,
            ),
        )
        return self.async_abort(
            reason="lock_added", description_placeholders={"name": self.lock_name}
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Switch sharing later: the owner, in a step that says what it means."""
        entry = self._get_reconfigure_entry()
        if entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="home_not_loaded")
        home: Home = entry.runtime_data
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                await home.set_sharing(user_input[CONF_SHARING], actors.from_request())
            except LogUnavailable:
                errors["base"] = "log_unavailable"
            else:
                return self.async_abort(reason="reconfigure_successful")
        return self.async_show_form(
            step_id="reconfigure",
            data_schema=_sharing_schema(home.sharing),
            errors=errors,
        )


def _sharing_schema(default: bool) -> vol.Schema:
    return vol.Schema({vol.Required(CONF_SHARING, default=default): BooleanSelector()})
